"""Options of a fit that the estimation functions pass on."""

from dataclasses import dataclass

import numpy as np

from .._covariance.blocks import OnStep, no_step
from .model import FactorModel

__all__ = ["FitOptions"]


@dataclass(frozen=True)
class FitOptions:
    """Options of a fit.

    Parameters
    ----------
    rng : numpy.random.RandomState, default=None
        Draws the first directions of the eigensolver; None where a search space is given.
    max_iter : int, default=100
        Largest number of eigenproblems, or of passes over incomplete rows; 0 is the closed form.
    tol : float, default=1e-6
        Refinement stops when the steps still to come change no noise variance by more than this
        share of itself.
    start : FactorModel, default=None
        Solution for nearly the same samples, to begin with.
    on_step : callable, default=do nothing
        Called with a name after every eigenproblem or pass over the rows.
    """

    rng: np.random.RandomState | None = None
    max_iter: int = 100
    tol: float = 1e-6
    start: FactorModel | None = None
    on_step: OnStep = no_step
