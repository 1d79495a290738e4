"""From moments to a factor model: the closed form, the number of components, refinement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .._covariance.incomplete_rows import IncompleteRows
from .._covariance.missing import PairwiseMoments
from .._covariance.rows import RowMoments
from .._covariance.scatter import SecondMoments
from .._solvers.davidson import Eigenpairs, SearchSpace
from .closed_form import closed_form, contrastive_eigenvalues
from .correlation import correlation_space, feature_scale
from .map_newton import PRIOR_SAMPLES, REFINEMENT_FLOOR, Refinement, refine
from .model import SCORING_FLOOR, FactorModel
from .n_components import count_above, estimate_rank
from .noise import DiagonalNoise

__all__ = [
    "Moments",
    "WarmStart",
    "components_asked",
    "diagonal_model",
    "estimate_factor_model",
    "number_of_factors",
    "warm_start",
]

# Mean and covariance of samples, whatever the samples look like.
Moments: TypeAlias = SecondMoments | RowMoments | PairwiseMoments | IncompleteRows

# residuals of the closed form's eigenvalues where each product reads all rows again
_ROWS_EIGENVALUE_TOL = 0.1
# eigenpairs that a search for the number of components begins with
_FIRST_PAIRS = 8


@dataclass(frozen=True)
class WarmStart:
    """Where to begin: the solution for nearly the same moments.

    Parameters
    ----------
    loadings : ndarray of shape (n_features, n_factors)
        Its loadings.
    uniqueness : ndarray of shape (n_features,)
        Its noise variances as shares of the variances.
    """

    loadings: NDArray[np.float64]
    uniqueness: NDArray[np.float64]


def warm_start(moments, loadings, noise_variance) -> WarmStart:
    """Start from loadings and noise variances that were estimated before."""
    scale = feature_scale(moments)
    share = np.divide(noise_variance, scale**2, out=np.ones_like(scale), where=scale > 0)
    return WarmStart(
        loadings.astype(np.float64), np.clip(share, REFINEMENT_FLOOR, 1.0).astype(np.float64)
    )


def estimate_factor_model(
    moments: Moments,
    n_components: int | float | str | None,
    *,
    max_iter: int,
    tol: float,
    rng: np.random.RandomState,
    warm_start: WarmStart | None = None,
    on_step: Callable[[str], None] = lambda name: None,
) -> FactorModel:
    """Loadings and noise variances of the samples that the moments describe.

    Parameters
    ----------
    moments : SecondMoments or one of its kind
        Of the samples.
    n_components : int, float, "auto" or None
        Number of factors; share of the common variance; estimated; every positive direction.
    max_iter : int
        Eigenproblems of refinement; 0 is the closed form alone.
    tol : float
        Relative change of the noise variances at which refinement stops.
    rng : numpy.random.RandomState
        Draws the first directions of the eigensolver.
    warm_start : WarmStart, default=None
        Solution for nearly the same moments.
    on_step : callable, default=do nothing
        Called with a name after every eigenproblem.

    Returns
    -------
    FactorModel
        Its factors may be fewer than asked for: those without variance are left out.
    """
    scale = feature_scale(moments)
    n_live = int(np.sum(scale > 0))
    largest = min(int(np.ceil(moments.n_samples)) - 1, n_live)
    space = None
    if not isinstance(n_components, Integral):
        n_pairs = _FIRST_PAIRS if n_components == "auto" else largest
        space = correlation_space(moments, scale, n_pairs, rng)
    n_factors = number_of_factors(moments, n_components, space, n_live, largest, rng)
    n_sought = min(n_factors, largest)
    if n_sought == 0:
        return _no_factors(moments, scale, n_factors)
    start = None if warm_start is None else warm_start.loadings
    if max_iter == 0:
        spectrum = closed_form(moments, n_sought, rng, start)
        on_step("eigenproblem")
        return diagonal_model(moments, scale, spectrum, n_factors)
    if space is None:
        space = correlation_space(moments, scale, n_sought, rng, start)
    uniqueness = np.ones_like(scale) if warm_start is None else warm_start.uniqueness
    refined = refine(
        space,
        n_sought,
        uniqueness,
        max_iter=max_iter,
        tol=tol,
        prior=PRIOR_SAMPLES / moments.effective_samples(np.ones_like(scale)),
        on_step=on_step,
    )
    if isinstance(space, SearchSpace):
        contrastive_values = contrastive_eigenvalues(space, scale, n_sought)
    else:
        start = scale[:, None] * refined.loadings
        contrastive_values = closed_form(moments, n_sought, rng, start, _ROWS_EIGENVALUE_TOL).values
    on_step("eigenproblem")
    return _refined_model(moments, scale, refined, contrastive_values, n_factors)


def number_of_factors(moments, n_components, space, n_live, largest, rng):
    """The integer that n_components stands for."""
    if isinstance(n_components, Integral):
        return int(n_components)
    if largest <= 0:
        return 0
    if n_components == "auto":
        return estimate_rank(space, moments.effective_samples, n_live, min(largest, n_live // 2))
    # the contrastive matrix has as many positive eigenvalues as the correlation matrix has above
    # 1: the two are congruent once the identity is taken away (Sylvester)
    positive = count_above(space, np.ones(moments.n_features), 1.0 + 1e-10, largest)
    if n_components is None or positive == 0:
        return positive
    common = np.cumsum(np.maximum(closed_form(moments, positive, rng).values, 0.0))
    return int(np.searchsorted(common, n_components * common[-1], side="right")) + 1


def components_asked(
    moments: Moments, n_components: int | str, scale: NDArray[np.float64], rng
) -> tuple[int, int]:
    """Number of components that are asked for, and how many of them there can be.

    Parameters
    ----------
    moments : SecondMoments or one of its kind
        Of the samples.
    n_components : int or "auto"
        The number, or that it shall be estimated.
    scale : ndarray of shape (n_features,)
        Standard deviation of each feature, 0 for a constant one.
    rng : numpy.random.RandomState
        Draws the first directions of the eigensolver.

    Returns
    -------
    n_asked : int
        The number.
    n_sought : int
        At most one less than the samples and as many as features that vary.
    """
    n_live = int(np.sum(scale > 0))
    largest = min(int(np.ceil(moments.n_samples)) - 1, n_live)
    space = None
    if n_components == "auto":
        space = correlation_space(moments, scale, _FIRST_PAIRS, rng)
    n_asked = number_of_factors(moments, n_components, space, n_live, largest, rng)
    return n_asked, min(n_asked, largest)


def _refined_model(moments, scale, refined: Refinement, contrastive_values, n_asked):
    """The refined correlations, scaled back to the features' units."""
    return _model(
        moments,
        scale,
        scale[:, None] * refined.loadings,
        refined.uniqueness,
        contrastive_values[: refined.loadings.shape[1]],
        n_asked,
        refined.n_iter + 1,
        refined.converged,
    )


def _no_factors(moments, scale, n_asked):
    """Noise alone."""
    loadings = np.zeros((moments.n_features, 0))
    return _model(moments, scale, loadings, np.ones_like(scale), np.zeros(0), n_asked, 0, True)


def diagonal_model(
    moments: Moments,
    scale: NDArray[np.float64],
    spectrum: Eigenpairs,
    n_asked: int,
    n_iter: int = 1,
) -> FactorModel:
    """Loadings U Lambda^(1/2) of the positive eigenvalues, noise from what they leave.

    Parameters
    ----------
    moments : SecondMoments or one of its kind
        Of the samples.
    scale : ndarray of shape (n_features,)
        Standard deviation of each feature, 0 for a constant one.
    spectrum : Eigenpairs
        Of the covariance with another diagonal; vectors are orthonormal.
    n_asked : int
        Number of factors asked for.
    n_iter : int, default=1
        Steps taken.

    Returns
    -------
    FactorModel
        Only with the factors whose eigenvalue is positive.
    """
    variances = scale**2
    positive = spectrum.values > 1e-12 * variances.sum()
    values = spectrum.values[positive]
    loadings = spectrum.vectors[:, positive] * np.sqrt(values)
    common = np.sum(loadings**2, axis=1)
    share = np.divide(common, variances, out=np.zeros_like(scale), where=scale > 0)
    uniqueness = np.maximum(1.0 - share, REFINEMENT_FLOOR)
    return _model(moments, scale, loadings, uniqueness, values, n_asked, n_iter, spectrum.converged)


def _model(moments, scale, loadings, uniqueness, eigenvalues, n_asked, n_iter, converged):
    noise_variance = uniqueness * scale**2
    live = noise_variance > 0
    # a constant feature shows no noise: it gets the smallest of the others', so that a value that
    # differs later is as unlikely as it would be there, and the precision stays finite
    noise_variance[~live] = noise_variance[live].min() if live.any() else 1.0
    return FactorModel(
        moments.mean,
        loadings,
        DiagonalNoise(noise_variance),
        DiagonalNoise(np.maximum(noise_variance, SCORING_FLOOR * scale**2)),
        eigenvalues,
        n_asked,
        np.flatnonzero((uniqueness <= REFINEMENT_FLOOR) & (scale > 0)),
        n_iter,
        converged,
    )
