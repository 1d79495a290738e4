"""From moments to a factor model: the closed form, the number of components, refinement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from numbers import Integral
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ._factor_model import SCORING_FLOOR, FactorModel
from ._moments import SecondMoments
from ._noise import DiagonalNoise
from ._pairwise_moments import IncompleteRows, PairwiseMoments
from ._rank import count_above, estimate_rank
from ._refinement import PRIOR_SAMPLES, REFINEMENT_FLOOR, Refinement, refine
from ._row_moments import RowMoments
from ._row_spectrum import RowSearchSpace
from ._spectrum import OVERSAMPLING, Eigenpairs, SearchSpace, relative_residuals

__all__ = [
    "Moments",
    "WarmStart",
    "closed_form",
    "components_asked",
    "correlation_space",
    "diagonal_model",
    "estimate_factor_model",
    "feature_scale",
    "leading_eigenpairs",
    "number_of_factors",
    "warm_start",
]

# Mean and covariance of samples, whatever the samples look like.
Moments: TypeAlias = SecondMoments | RowMoments | PairwiseMoments | IncompleteRows

# the closed form's residuals as shares of the eigenvalues or of the mean variance: for its vectors;
# for its eigenvalues alone, whose error is the square of that
_CLOSED_FORM_TOL, _EIGENVALUE_TOL = 1e-7, 1e-3
# and where each product reads all rows again
_ROWS_EIGENVALUE_TOL = 0.1
# eigenpairs that a search for the number of components begins with
_FIRST_PAIRS = 8
# a feature whose variance is a smaller share of the largest does not show in the eigenvalues
_SMALLEST_SHARE = 1e-10


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
        contrastive_values = _contrastive_values(space, scale, n_sought)
    else:
        start = scale[:, None] * refined.loadings
        contrastive_values = closed_form(moments, n_sought, rng, start, _ROWS_EIGENVALUE_TOL).values
    on_step("eigenproblem")
    return _refined_model(moments, scale, refined, contrastive_values, n_factors)


def feature_scale(moments: Moments) -> NDArray[np.float64]:
    """Standard deviation of each feature, 0 where nothing but rounding of the mean is left."""
    variances = np.maximum(moments.variances, 0.0)
    rounding = (10 * np.finfo(np.float64).eps * np.abs(moments.mean)) ** 2
    return np.sqrt(np.where(variances > rounding, variances, 0.0))


def correlation_space(moments, scale, n_pairs, rng, start=None) -> SearchSpace | RowSearchSpace:
    """Search space of the correlation matrix; constant features are its null space."""
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)[:, None]
    if isinstance(moments, RowMoments) and moments.n_rows < moments.n_features:
        root = np.sqrt(moments.weight / (moments.n_samples - 1))[:, None]
        return RowSearchSpace(
            lambda directions: root * moments.project(inverse * directions),
            lambda rows: inverse * moments.combine(root * rows),
            moments.n_rows,
            moments.n_features,
            n_pairs,
            rng,
            moments.rounding,
        )

    def correlation_times(directions):
        return inverse * moments.covariance_times(inverse * directions)

    if start is not None:
        start = _padded(start * inverse, n_pairs, rng)
    return SearchSpace(correlation_times, len(scale), n_pairs, rng, start, moments.rounding)


def closed_form(
    moments: Moments,
    n_pairs: int,
    rng: np.random.RandomState,
    start: NDArray | None = None,
    tol: float = _CLOSED_FORM_TOL,
) -> Eigenpairs:
    """Leading eigenpairs of the contrastive matrix, the covariance without its diagonal.

    Parameters
    ----------
    moments : SecondMoments or one of its kind
        Of the samples.
    n_pairs : int
        How many eigenpairs.
    rng : numpy.random.RandomState
        Draws the first directions of the eigensolver.
    start : ndarray of shape (n_features, m), default=None
        Directions to begin with.
    tol : float, default=1e-7
        Bound on the residuals as shares of the eigenvalues.

    Returns
    -------
    Eigenpairs
        Signed eigenvalues, largest first, and orthonormal vectors.

    References
    ----------
    Ji, Deng, Nakada, Zou and Zhang (2023), The power of contrast for feature learning.
    """
    variances = np.maximum(moments.variances, 0.0)
    return leading_eigenpairs(
        moments.covariance_times, variances, variances, n_pairs, rng, moments.rounding, start, tol
    )


def leading_eigenpairs(
    multiply: Callable[[NDArray], NDArray],
    deleted: NDArray[np.float64],
    variances: NDArray[np.float64],
    n_pairs: int,
    rng: np.random.RandomState,
    rounding: float,
    start: NDArray | None = None,
    tol: float = _CLOSED_FORM_TOL,
) -> Eigenpairs:
    """Leading eigenpairs of a symmetric matrix less a diagonal.

    Parameters
    ----------
    multiply : callable
        The matrix as a function: takes (n_features, m), returns (n_features, m).
    deleted : ndarray of shape (n_features,)
        The diagonal that is subtracted.
    variances : ndarray of shape (n_features,)
        Of the features; their mean is the unit of the eigenvalues.
    n_pairs : int
        How many eigenpairs.
    rng : numpy.random.RandomState
        Draws the first directions of the eigensolver.
    rounding : float
        Relative rounding error of `multiply`.
    start : ndarray of shape (n_features, m), default=None
        Directions to begin with.
    tol : float, default=1e-7
        Bound on the residuals as shares of the eigenvalues or of the mean variance.

    Returns
    -------
    Eigenpairs
        Signed eigenvalues, largest first, and orthonormal vectors.
    """
    unit = variances.mean() or 1.0
    if start is not None:
        start = _padded(start, n_pairs, rng)
    space = SearchSpace(multiply, len(variances), n_pairs, rng, start, rounding)
    pairs = space.leading(
        n_pairs, np.full_like(variances, unit), shift=deleted, tol=tol, error=relative_residuals
    )
    return replace(pairs, values=pairs.values * unit, vectors=pairs.vectors * np.sqrt(unit))


def _contrastive_values(space, scale, n_pairs):
    """Leading eigenvalues of the contrastive matrix from the search space of the correlations.

    With y = D^(1/2) v, the eigenproblem of D^(1/2) (C - I) D^(1/2) is that of the pencil
    (C - I, D^-1), to which refinement's products with C are of use already.
    """
    variances = np.maximum(scale**2, _SMALLEST_SHARE * np.max(scale**2))
    unit = variances.mean()
    pairs = space.leading(
        n_pairs, unit / variances, shift=1.0, tol=_EIGENVALUE_TOL, error=relative_residuals
    )
    return pairs.values * unit


def _padded(start, n_pairs, rng):
    """Start directions of length about 1, made up to a block with random ones."""
    start = start / np.maximum(np.linalg.norm(start, axis=0), np.finfo(np.float64).tiny)
    missing = max(0, min(n_pairs + OVERSAMPLING, len(start)) - start.shape[1])
    random = rng.standard_normal((len(start), missing)) / np.sqrt(len(start))
    return np.hstack([start, random])


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
