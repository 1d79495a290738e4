"""The smallest uniqueness that refinement may reach."""

import numpy as np

from .map_newton import REFINEMENT_FLOOR

__all__ = ["uniqueness_floor"]


def uniqueness_floor(n_samples: float, rounding: float) -> float:
    """Smallest share of a feature's variance that is noise: 1 / n^2, at most `REFINEMENT_FLOOR`.

    Many samples can show that a feature is almost free of noise; scores that are weighted by a
    larger noise would waste it (`benchmarks/linear/scores.py`). The rounding of the covariance
    hides noise below its root.

    Parameters
    ----------
    n_samples : float
        Number of complete samples.
    rounding : float
        Relative rounding error of products with the covariance.

    Returns
    -------
    floor : float
        In (0, `REFINEMENT_FLOOR`].
    """
    return float(min(REFINEMENT_FLOOR, max(n_samples**-2.0, np.sqrt(rounding))))
