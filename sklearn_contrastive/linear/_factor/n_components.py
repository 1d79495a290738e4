"""Number of components: the upward count of eigenvalues above the noise edge."""

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..._noise_edge import degrees_of_freedom, noise_edge, tail_weights
from .._covariance.base import Covariance
from .._solvers.chebyshev import LeadingBlock, WhitenedPairs
from .closed_form import closed_form
from .map_newton import PRIOR_SAMPLES, SMALLEST_EXCESS, refine
from .options import FitOptions

__all__ = [
    "ComponentCount",
    "count_above",
    "count_common",
    "count_components",
    "count_upward",
    "counting_weights",
    "estimate_n_components",
    "largest_number",
    "resolve_n_components",
]

# steps of refinement between two counts
_STEPS = 4
# eigenpairs that a search for the number of components begins with
_FIRST_PAIRS = 8
# residual of the first eigenvalue that is not counted, as a share of the edge; steps to get there
_COUNTING_TOL, _COUNTING_STEPS = 1e-2, 30

State = TypeVar("State")


def count_upward(
    count: Callable[[int, State | None], int],
    refine: Callable[[int, State | None], State],
    largest: int,
) -> tuple[int, State | None]:
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
    state : object or None
        The state refined with that number of factors; None for 0.
    """
    n_factors, state = 0, None
    while n_factors < largest:
        found = count(n_factors, state)
        if found <= n_factors:
            break
        n_factors = found
        state = refine(n_factors, state)
    return n_factors, state


def count_above(
    block: LeadingBlock, uniqueness: NDArray[np.float64], edge: float, largest: int
) -> int:
    """Number of eigenvalues of C w = lambda diag(uniqueness) w above an edge.

    Parameters
    ----------
    block : LeadingBlock
        Of the correlation matrix C; it is widened until it has an eigenvalue below the edge.
    uniqueness : ndarray of shape (n_features,)
        Noise as shares of the variances.
    edge : float
        The edge.
    largest : int
        No count exceeds it.

    Returns
    -------
    count : int
        From 0 to `largest`.
    """
    n_pairs, earlier = min(_FIRST_PAIRS, largest), -1
    for _ in range(_COUNTING_STEPS):
        block.follow(max(n_pairs, 1))
        pairs = block.improve(uniqueness)
        count = int(np.sum(pairs.values > edge))
        if count >= n_pairs and n_pairs < largest:
            n_pairs = min(max(2 * n_pairs, count + 1), largest)
            continue
        below = pairs.norms[count : count + 1] <= _COUNTING_TOL * edge
        if pairs.exact or (count == earlier and np.all(below)):
            break
        earlier = count
    return min(count, largest)


def estimate_n_components(
    block: LeadingBlock,
    n_samples: float,
    effective_samples: Callable[[NDArray], float],
    weights: NDArray[np.float64],
    largest: int,
) -> tuple[int, NDArray[np.float64] | None]:
    """Number of factors with independent noise, counted upward.

    Parameters
    ----------
    block : LeadingBlock
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
    uniqueness : ndarray of shape (n_features,) or None
        Noise of the correlations, nearly that of a model with so many factors; None for 0.
    """
    ones, live = np.ones(block.n_features), weights > 0
    inverse = np.divide(1.0, weights, out=np.ones_like(weights), where=live)
    prior = PRIOR_SAMPLES / effective_samples(ones)
    options = FitOptions(max_iter=_STEPS, tol=1e-3)

    def count(n_factors, uniqueness):
        uniqueness = ones if uniqueness is None else uniqueness
        left = degrees_of_freedom(n_samples, n_factors) / n_samples
        edge = noise_edge(left * effective_samples(uniqueness), int(live.sum()))
        return count_above(block, uniqueness * inverse, edge, largest)

    def refined(n_factors, uniqueness):
        uniqueness = ones if uniqueness is None else uniqueness
        return refine(block, n_factors, uniqueness, options, prior=prior).uniqueness

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


def count_common(
    pairs: WhitenedPairs,
    uniqueness: NDArray[np.float64],
    scale: NDArray[np.float64],
    share: float | None,
    largest: int,
) -> int:
    """Number of directions with more variance than noise, or of those that hold a share of it.

    Parameters
    ----------
    pairs : WhitenedPairs
        All eigenpairs of the correlation matrix in units of the noise.
    uniqueness : ndarray of shape (n_features,)
        Noise of the refined model, as shares of the variances.
    scale : ndarray of shape (n_features,)
        Standard deviation of each feature, 0 for a constant one.
    share : float or None
        Share of the variance beyond the noise, in units of the features; None for all of it.
    largest : int
        No count exceeds it.

    Returns
    -------
    count : int
        From 0 to `largest`.
    """
    if largest <= 0:
        return 0
    excess = pairs.values[:largest] - 1.0
    n_positive = int(np.sum(excess > SMALLEST_EXCESS))
    if share is None or n_positive == 0:
        return n_positive
    squares = np.sum(
        (scale[:, None] * pairs.vectors[:, :n_positive]) ** 2 * uniqueness[:, None], axis=0
    )
    common = np.cumsum(squares * excess[:n_positive])
    return min(int(np.searchsorted(common, share * common[-1], side="right")) + 1, n_positive)


def largest_number(covariance: Covariance, scale: NDArray[np.float64]) -> int:
    """Largest possible number of components: fewer than samples, as many as features that vary."""
    return min(int(np.ceil(covariance.n_samples)) - 1, int(np.sum(scale > 0)))


@dataclass(frozen=True)
class ComponentCount:
    """Number of components that are requested, and how many of them are possible.

    Parameters
    ----------
    n_requested : int
        The number.
    n_sought : int
        At most one less than the samples and as many as features that vary.
    block : LeadingBlock or None
        Block of the correlation matrix, if the count needed one.
    uniqueness : ndarray of shape (n_features,) or None
        Noise as shares of the variances where the count ended, if they were counted upward.
    """

    n_requested: int
    n_sought: int
    block: LeadingBlock | None
    uniqueness: NDArray[np.float64] | None


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
        With the block, unless `n_components` is an integer.
    """
    n_live = int(np.sum(scale > 0))
    largest = largest_number(covariance, scale)
    block = uniqueness = None
    if not isinstance(n_components, Integral):
        n_pairs = _FIRST_PAIRS if n_components == "auto" else largest
        block = covariance.correlation_block(scale, n_pairs, rng)

    def estimate():
        nonlocal uniqueness
        n_factors, uniqueness = estimate_n_components(
            block,
            covariance.n_samples,
            covariance.effective_samples,
            counting_weights(covariance, scale),
            min(largest, n_live // 2),
        )
        return n_factors

    n_requested = resolve_n_components(
        n_components,
        largest,
        estimate=estimate,
        # the contrastive matrix has as many positive eigenvalues as the correlation matrix has
        # above 1: without the identity the two are congruent (Sylvester)
        count_positive=lambda: count_above(
            block, np.ones(covariance.n_features), 1.0 + 1e-10, largest
        ),
        eigenvalues=lambda n_pairs: closed_form(covariance, n_pairs, rng).values,
    )
    return ComponentCount(n_requested, min(n_requested, largest), block, uniqueness)
