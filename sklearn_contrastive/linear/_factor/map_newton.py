"""Maximum a posteriori factor model of correlations, by Newton's method on the log noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._solvers.anderson import AndersonMemory
from .._solvers.chebyshev import LeadingBlock, WhitenedPairs
from .newton_step import newton_step, row_products
from .options import FitOptions

__all__ = [
    "PRIOR_SAMPLES",
    "REFINEMENT_FLOOR",
    "SMALLEST_EXCESS",
    "Refinement",
    "most_probable_uniqueness",
    "refine",
    "refinement_of",
]

# The smallest uniqueness of refinement: a share of the feature's variance. Larger floors cost
# accuracy where spikes are unequal, smaller ones only iterations (benchmarks/linear/subspace.py).
REFINEMENT_FLOOR = 1e-3
# The prior of refinement counts as much as this many samples. Without it a factor too many makes
# the noise of a single feature vanish; its effect vanishes with more samples.
PRIOR_SAMPLES = 1.0
# Variance along a factor beyond the noise's, in its units, below which the factor does not exist.
SMALLEST_EXCESS = 1e-6
# Steps that change no log uniqueness by more than this are extrapolated: longer ones contract
# faster by themselves.
_LARGEST_EXTRAPOLATED = 0.1
# A refused step is shortened by this factor.
_SHRINK = 0.5
# The contraction by which the remaining distance is estimated is at least and at most this.
_CONTRACTION = (0.1, 0.9)


@dataclass(frozen=True)
class Refinement:
    """A refined factor model of correlations.

    Parameters
    ----------
    uniqueness : ndarray of shape (n_features,)
        Share of each feature's variance that is noise, in [floor, 1].
    loadings : ndarray of shape (n_features, n_factors)
        Correlations of features with factors; orthogonal in the metric 1 / uniqueness, strongest
        factor first. Factors that vanished are left out.
    further : ndarray of shape (n_features, n_further)
        Next directions, where fewer factors than requested have variance beyond the noise's.
    eigenvalues : ndarray of shape (n_factors,)
        Variance along each factor in units of the noise; the noise's own is 1.
    log_posterior : float
        Log-likelihood of the correlations per sample, plus log-prior, without constant terms.
    n_iter : int
        Eigenproblems solved.
    converged : bool
        Whether the stopping rule was met.
    """

    uniqueness: NDArray[np.float64]
    loadings: NDArray[np.float64]
    further: NDArray[np.float64]
    eigenvalues: NDArray[np.float64]
    log_posterior: float
    n_iter: int
    converged: bool


@dataclass(frozen=True)
class _Point:
    """Uniquenesses, leading eigenpairs in units of them, the number of factors with variance beyond
    the noise's, and twice the negative log-posterior."""

    uniqueness: NDArray[np.float64]
    pairs: WhitenedPairs
    n_live: int
    value: float


def refine(
    block: LeadingBlock,
    n_factors: int,
    uniqueness: NDArray[np.float64],
    options: FitOptions,
    *,
    prior: float,
    floor: float = REFINEMENT_FLOOR,
) -> Refinement:
    """Maximum a posteriori uniquenesses of a correlation matrix C, by Newton's method.

    Given uniquenesses u, the best loadings are known: with the leading eigenpairs of diag(u)^(-1/2)
    C diag(u)^(-1/2), B = diag(u)^(1/2) V (Lambda - 1)^(1/2). The objective is then a function of u
    alone, whose gradient in log u is g = 1 - (1 - diag(BB')) / u. Its Hessian is exact for the
    eigenpairs in the block; the eigenvalues outside count as equal to their mean. While gradients
    are large, and after a refused step, the expected Hessian is used, P * P elementwise with P = I
    - VV', which is positive everywhere; with P = I the step would be that of the EM algorithm. A
    normal prior on log u around 0 adds prior * log u to the gradient: it keeps the noise of a
    feature from vanishing where there are few samples.

    The eigenpairs are improved once for each step, not solved: their errors and the steps vanish
    together. Where the Hessian is not exact the last steps shrink slowly; they are extrapolated
    (Anderson acceleration). The iteration stops when the steps that are still to come, as far as
    their contraction predicts, change no log u by more than `tol`, or when the next one would raise
    the log-posterior by no more than a change of one independent log u by `tol` does.

    Parameters
    ----------
    block : LeadingBlock
        Of the correlation matrix.
    n_factors : int
        Number of factors.
    uniqueness : ndarray of shape (n_features,)
        Where to start; ones are the closed form on the correlation scale.
    options : FitOptions
        Its `max_iter`, `tol` and `on_step` are used; at least one eigenproblem is solved.
    prior : float
        Weight of the prior against the samples; 0 is maximum likelihood.
    floor : float, default=1e-3
        Smallest uniqueness.

    Returns
    -------
    Refinement
        Its posterior is never below that of the start.

    References
    ----------
    Joreskog (1967), Some contributions to maximum likelihood factor analysis.
    Clarke (1970), A rapidly convergent method for maximum-likelihood factor analysis.
    """
    block.follow(n_factors)
    tol = max(options.tol, 100 * block.rounding)  # products in float32 allow no more
    point = _evaluated(block, uniqueness, n_factors, prior)
    options.on_step("eigenproblem")
    n_iter, converged, exact, length, last_size = 1, False, True, 1.0, np.inf
    memory = AndersonMemory()
    while n_iter < options.max_iter and not converged:
        step, gain = newton_step(
            point.uniqueness, point.pairs, point.n_live, prior, floor, exact=exact
        )
        if gain <= 0.5 * tol**2:
            converged = True
            break
        # of the whole plain step: a shortened one says nothing about the way to go
        logarithm = np.log(point.uniqueness)
        size = np.abs(np.clip(logarithm + step, np.log(floor), 0.0) - logarithm).max(initial=0.0)
        if exact and size <= _LARGEST_EXTRAPOLATED:
            step = memory.extrapolate(logarithm, step)
        proposal = np.clip(point.uniqueness * np.exp(length * step), floor, 1.0)
        candidate = _evaluated(block, proposal, n_factors, prior)
        options.on_step("eigenproblem")
        n_iter += 1
        rounding = _rounding(block, point, candidate)
        accepted = candidate.value <= point.value + rounding
        flat = abs(candidate.value - point.value) <= rounding and size >= last_size
        converged = flat or (accepted and _remaining(size, last_size) <= tol)
        if accepted:
            point, exact, length, last_size = candidate, True, 1.0, size
        else:
            # a step of the other kind, or shorter; the block has better eigenpairs of the point now
            if not point.pairs.exact:
                point = _evaluated(block, point.uniqueness, n_factors, prior)
            exact, length = False, length if exact else _SHRINK * length
            memory = AndersonMemory()
    return _as_refinement(point, n_factors, prior, floor, n_iter, bool(converged))


def refinement_of(
    pairs: WhitenedPairs,
    n_factors: int,
    uniqueness: NDArray[np.float64],
    n_iter: int,
    converged: bool,
    *,
    prior: float,
    floor: float,
) -> Refinement:
    """Model with the noise of a refinement and another number of factors.

    Parameters
    ----------
    pairs : WhitenedPairs
        Eigenpairs in units of that noise, at least `n_factors`.
    n_factors : int
        Number of factors.
    uniqueness : ndarray of shape (n_features,)
        The noise, as shares of the variances.
    n_iter : int
        Eigenproblems solved.
    converged : bool
        Whether the noise has converged.
    prior, floor : float
        As of `refine`.

    Returns
    -------
    Refinement
        Its uniquenesses are the most probable ones given the factors.
    """
    point = _point(pairs, uniqueness, n_factors, prior)
    return _as_refinement(point, n_factors, prior, floor, n_iter, converged)


def _evaluated(block, uniqueness, n_factors, prior):
    """Eigenpairs improved for the uniquenesses, and the objective there."""
    return _point(block.improve(uniqueness), uniqueness, n_factors, prior)


def _point(pairs, uniqueness, n_factors, prior):
    n_live = int(np.sum(pairs.values[:n_factors] > 1.0))
    return _Point(uniqueness, pairs, n_live, _objective(pairs.values[:n_live], uniqueness, prior))


def _remaining(size, last_size):
    """Distance still to go, if steps go on to shrink as the last one did."""
    smallest, largest = _CONTRACTION
    contraction = min(max(size / last_size, smallest), largest)
    return size * contraction / (1.0 - contraction)


def _rounding(block, point, candidate):
    """Change of the objective that rounding errors explain."""
    of_pairs = block.rounding * np.sum(np.abs(candidate.pairs.values))
    of_sum = np.finfo(np.float64).eps * (abs(point.value) + len(point.uniqueness))
    return 10 * (of_pairs + of_sum)


def _objective(values, uniqueness, prior) -> float:
    """Twice the negative log-posterior per sample, with the best loadings for the uniquenesses."""
    logarithm = np.log(uniqueness)
    of_features = np.sum(logarithm + 1.0 / uniqueness + 0.5 * prior * logarithm**2)
    return float(of_features + np.sum(np.log(values) + 1.0 - values))


def _as_refinement(point, n_factors, prior, floor, n_iter, converged):
    """Loadings for the uniquenesses, then the most probable uniquenesses for the loadings."""
    values = point.pairs.values[:n_factors]
    directions = np.sqrt(point.uniqueness)[:, None] * point.pairs.vectors[:, :n_factors]
    live = values > 1.0 + SMALLEST_EXCESS
    loadings, values = directions[:, live] * np.sqrt(values[live] - 1.0), values[live]
    rest = 1.0 - row_products(loadings, loadings)
    completed = most_probable_uniqueness(rest, prior, floor)
    return Refinement(
        completed,
        loadings,
        directions[:, ~live],
        values,
        -0.5 * point.value,
        n_iter,
        converged,
    )


def most_probable_uniqueness(rest: NDArray, prior: NDArray | float, floor: float) -> NDArray:
    """Root u of 1 - rest / u + prior log u = 0: the mode, given the residual variance.

    Parameters
    ----------
    rest : ndarray of any shape
        Residual variance, as a share of the feature's variance.
    prior : float or ndarray of the same shape
        Weight of the prior on log u against the samples.
    floor : float
        Smallest uniqueness.

    Returns
    -------
    uniqueness : ndarray of the same shape
        In [floor, 1].
    """
    positive = np.maximum(rest, floor)
    uniqueness = np.minimum(positive, 1.0)
    for _ in range(10):  # Newton's method in log u, in which the left side increases
        residual = 1.0 - rest / uniqueness + prior * np.log(uniqueness)
        step = residual / (positive / uniqueness + prior)
        uniqueness, earlier = np.clip(uniqueness * np.exp(-step), floor, 1.0), uniqueness
        if np.array_equal(uniqueness, earlier):
            break
    return uniqueness
