"""Number of components: the upward count of eigenvalues above the noise edge."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .._covariance.base import Covariance
from .._solvers.davidson import SearchSpace, relative_residuals
from .._solvers.davidson_rows import RowSearchSpace
from .closed_form import closed_form
from .map_newton import PRIOR_SAMPLES, refine
from .noise_edge import degrees_of_freedom, noise_edge, tail_weights
from .options import FitOptions

__all__ = [
    "ComponentCount",
    "count_above",
    "count_components",
    "count_upward",
    "counting_weights",
    "estimate_n_components",
    "resolve_n_components",
]

# steps of refinement between two counts
_STEPS = 4
# eigenpairs that a search for the number of components begins with
_FIRST_PAIRS = 8

State = TypeVar("State")


def count_upward(
    count: Callable[[int, State | None], int],
    refine: Callable[[int, State | None], State],
    largest: int,
) -> int:
    """Number of factors, counted upward.

    Without a factor all variance of a feature is noise, and eigenvalues in units of the noise are
    counted. With that many factors the noise is estimated again and the eigenvalues are counted
    again, until the count stays. Counting downward from many factors would overfit the noise first
    and find too many.

    Parameters
    ----------
    count : callable
        Number of eigenvalues above the noise edge, from the number of factors that are taken out
        and the refined state, 0 and None at first.
    refine : callable
        The state refined with a number of factors, from the earlier state.
    largest : int
        No count exceeds it.

    Returns
    -------
    n_factors : int
        From 0 to `largest`.
    """
    n_factors, state = 0, None
    while n_factors < largest:
        found = count(n_factors, state)
        if found <= n_factors:
            break
        n_factors = found
        state = refine(n_factors, state)
    return n_factors


def count_above(space: SearchSpace | RowSearchSpace, uniqueness, edge: float, largest: int) -> int:
    """Number of eigenvalues of C w = lambda diag(uniqueness) w above an edge, at most `largest`."""
    n_pairs = min(8, largest)
    while True:
        values = space.leading(n_pairs, uniqueness, tol=1e-2, error=relative_residuals).values
        count = int(np.sum(values > edge))
        if count < n_pairs or n_pairs == largest:
            return count
        n_pairs = min(2 * n_pairs, largest)


def estimate_n_components(
    space: SearchSpace | RowSearchSpace,
    n_samples: float,
    effective_samples: Callable[[NDArray], float],
    weights: NDArray[np.float64],
    largest: int,
) -> int:
    """Number of factors with independent noise, counted upward.

    Parameters
    ----------
    space : SearchSpace or RowSearchSpace
        Of the correlation matrix.
    n_samples : float
        Number of samples.
    effective_samples : callable
        Number of complete samples whose covariance is as noisy, from the uniquenesses.
    weights : ndarray of shape (n_features,)
        Weights of the features, in units of variance: 0 for a constant one, 1 for most.
    largest : int
        No count exceeds it.

    Returns
    -------
    n_factors : int
        From 0 to `largest`.
    """
    ones, live = np.ones(space.n_features), weights > 0
    inverse = np.divide(1.0, weights, out=np.ones_like(weights), where=live)
    prior = PRIOR_SAMPLES / effective_samples(ones)
    options = FitOptions(max_iter=_STEPS, tol=1e-3)

    def count(n_factors, uniqueness):
        uniqueness = ones if uniqueness is None else uniqueness
        left = degrees_of_freedom(n_samples, n_factors) / n_samples
        edge = noise_edge(left * effective_samples(uniqueness), int(live.sum()))
        return count_above(space, uniqueness * inverse, edge, largest)

    def refined(n_factors, uniqueness):
        uniqueness = ones if uniqueness is None else uniqueness
        return refine(space, n_factors, uniqueness, options, prior=prior).uniqueness

    return count_upward(count, refined, largest)


def counting_weights(covariance: Covariance, scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the features in the count; see `tail_weights`.

    Parameters
    ----------
    covariance : Covariance
        Of the samples.
    scale : ndarray of shape (n_features,)
        Standard deviation of each feature, 0 for a constant one.

    Returns
    -------
    weights : ndarray of shape (n_features,)
        0 for constant features; 1 for all others if fourth moments were not read.
    """
    live, kurtosis = scale > 0, covariance.kurtosis()
    weights = live.astype(float)
    if kurtosis is not None and live.any():
        share = degrees_of_freedom(covariance.n_samples, 0) / covariance.n_samples
        n_samples = share * covariance.effective_samples(np.ones_like(scale))
        weights[live] = tail_weights(kurtosis[live], n_samples)
    return weights


def resolve_n_components(
    n_components: int | float | str | None,
    largest: int,
    *,
    estimate: Callable[[], int],
    count_positive: Callable[[], int],
    eigenvalues: Callable[[int], NDArray[np.float64]],
) -> int:
    """The integer that the parameter `n_components` stands for.

    Parameters
    ----------
    n_components : int, float, "auto" or None
        A number; a share of the common variance; estimated; every positive direction.
    largest : int
        Largest possible number.
    estimate : callable
        Estimated number of components.
    count_positive : callable
        Number of positive eigenvalues of the contrastive matrix.
    eigenvalues : callable
        That many leading eigenvalues of the contrastive matrix.

    Returns
    -------
    n_components : int
        An integer is returned as it is.
    """
    if isinstance(n_components, Integral):
        return int(n_components)
    if largest <= 0:
        return 0
    if n_components == "auto":
        return estimate()
    n_positive = count_positive()
    if n_components is None or n_positive == 0:
        return n_positive
    common = np.cumsum(np.maximum(eigenvalues(n_positive), 0.0))
    return int(np.searchsorted(common, n_components * common[-1], side="right")) + 1


@dataclass(frozen=True)
class ComponentCount:
    """Number of components that are requested, and how many of them are possible.

    Parameters
    ----------
    n_requested : int
        The number.
    n_sought : int
        At most one less than the samples and as many as features that vary.
    space : SearchSpace, RowSearchSpace or None
        Search space of the correlation matrix, if the count needed one.
    """

    n_requested: int
    n_sought: int
    space: SearchSpace | RowSearchSpace | None


def count_components(
    covariance: Covariance,
    n_components: int | float | str | None,
    scale: NDArray[np.float64],
    rng: np.random.RandomState,
) -> ComponentCount:
    """Number of components of samples with independent noise.

    Parameters
    ----------
    covariance : Covariance
        Of the samples.
    n_components : int, float, "auto" or None
        The parameter of that name.
    scale : ndarray of shape (n_features,)
        Standard deviation of each feature, 0 for a constant one.
    rng : numpy.random.RandomState
        Draws the first directions of the eigensolver.

    Returns
    -------
    ComponentCount
        With the search space, unless `n_components` is an integer.
    """
    n_live = int(np.sum(scale > 0))
    largest = min(int(np.ceil(covariance.n_samples)) - 1, n_live)
    space = None
    if not isinstance(n_components, Integral):
        n_pairs = _FIRST_PAIRS if n_components == "auto" else largest
        space = covariance.correlation_space(scale, n_pairs, rng)
    n_requested = resolve_n_components(
        n_components,
        largest,
        estimate=lambda: estimate_n_components(
            space,
            covariance.n_samples,
            covariance.effective_samples,
            counting_weights(covariance, scale),
            min(largest, n_live // 2),
        ),
        # the contrastive matrix has as many positive eigenvalues as the correlation matrix has
        # above 1: without the identity the two are congruent (Sylvester)
        count_positive=lambda: count_above(
            space, np.ones(covariance.n_features), 1.0 + 1e-10, largest
        ),
        eigenvalues=lambda n_pairs: closed_form(covariance, n_pairs, rng).values,
    )
    return ComponentCount(n_requested, min(n_requested, largest), space)
