"""Maximum a posteriori factor model of correlations, by Newton's method on the log noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._solvers.chebyshev import LeadingBlock, WhitenedPairs
from .._solvers.conjugate_gradients import truncated_conjugate_gradients
from .options import FitOptions

__all__ = [
    "PRIOR_SAMPLES",
    "REFINEMENT_FLOOR",
    "SMALLEST_EXCESS",
    "Refinement",
    "fisher_scoring_step",
    "most_probable_uniqueness",
    "refine",
]

# The smallest uniqueness of refinement: a share of the feature's variance. Larger floors cost
# accuracy where spikes are unequal, smaller ones only iterations (benchmarks/linear/subspace.py).
REFINEMENT_FLOOR = 1e-3
# The prior of refinement counts as much as this many samples. Without it a factor too many makes
# the noise of a single feature vanish; its effect vanishes with more samples.
PRIOR_SAMPLES = 1.0
# Keeps the Newton system solvable where the model has more parameters than the data determine.
_RIDGE = 1e-8
# Variance along a factor beyond the noise's, in its units, below which the factor does not exist.
SMALLEST_EXCESS = 1e-6
# No relative change of a uniqueness is larger than this in one step.
_LARGEST_STEP = 1.0
# Where an entry of the gradient is larger, the expected Hessian is used: it is positive everywhere.
_LARGEST_GRADIENT = 0.2
# Relative gap of eigenvalues below which their difference is not trusted.
_SMALLEST_GAP = 1e-2
# Accuracy of the Newton system, and products with the Hessian for it.
_LINEAR_TOL, _LINEAR_STEPS = 0.1, 50
# Up to so many features for each direction of the block the Hessian is formed.
_FEATURES_PER_DIRECTION = 3
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
    together. The iteration stops when the steps that are still to come, as far as their
    contraction predicts, change no log u by more than `tol`, or when the next one would raise the
    log-posterior by no more than a change of one independent log u by `tol` does.

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
    while n_iter < options.max_iter and not converged:
        step, gain = _newton_step(point, prior, floor, exact)
        if gain <= 0.5 * tol**2:
            converged = True
            break
        step = length * step
        proposal = np.clip(point.uniqueness * np.exp(step), floor, 1.0)
        # of the whole step: a shortened one says nothing about the way to go
        size = np.abs(np.log(proposal / point.uniqueness)).max(initial=0.0) / length
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
            # the eigenpairs of the point are better by now: a step of the other kind, or shorter
            point = _evaluated(block, point.uniqueness, n_factors, prior)
            exact, length = False, length if exact else _SHRINK * length
    return _as_refinement(point, n_factors, prior, floor, n_iter, bool(converged))


def _evaluated(block, uniqueness, n_factors, prior):
    """Eigenpairs improved for the uniquenesses, and the objective there."""
    pairs = block.improve(uniqueness)
    n_live = int(np.sum(pairs.values[:n_factors] > 1.0))
    return _Point(uniqueness, pairs, n_live, _objective(pairs.values[:n_live], uniqueness, prior))


def _remaining(size, last_size):
    """Distance still to go, if steps go on to shrink as the last one did."""
    smallest, largest = _CONTRACTION
    contraction = np.clip(size / last_size, smallest, largest)
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


def _gradient(values, vectors, uniqueness, prior):
    """Gradient of the objective in log u, from the eigenpairs of the factors."""
    of_likelihood = 1.0 - 1.0 / uniqueness + vectors**2 @ (values - 1.0)
    return of_likelihood + prior * np.log(uniqueness)


def _newton_step(point, prior, floor, exact):
    """One projected Newton step in log u, and by how much it should lower the objective, twice."""
    uniqueness, n_live = point.uniqueness, point.n_live
    values, vectors = point.pairs.values, point.pairs.vectors
    factors = vectors[:, :n_live]
    gradient = _gradient(values[:n_live], factors, uniqueness, prior)
    free = _free(uniqueness, gradient, floor)
    if exact and np.abs(gradient[free]).max(initial=0.0) <= _LARGEST_GRADIENT:
        hessian = _hessian(values, vectors, n_live, uniqueness, prior)
        step = _projected_step(gradient, hessian, factors, prior, free)
        if (gain := -float(gradient @ step)) >= 0.0:
            return step, gain
        # clipping to the box has turned the step uphill
    step = fisher_scoring_step(uniqueness, gradient, factors, prior, floor)
    return step, -float(gradient @ step)


def fisher_scoring_step(
    uniqueness: NDArray[np.float64],
    gradient: NDArray[np.float64],
    vectors: NDArray[np.float64],
    prior: NDArray | float,
    floor: float,
    rtol: float = _LINEAR_TOL,
) -> NDArray[np.float64]:
    """Step of Fisher scoring in log u: Newton's, with the expected Hessian P*P.

    Parameters
    ----------
    uniqueness : ndarray of shape (n_features,)
        Where the step begins.
    gradient : ndarray of shape (n_features,)
        Of twice the negative log-posterior per sample, in log u.
    vectors : ndarray of shape (n_features, n_factors)
        Orthonormal directions V of the factors in units of the noise, P = I - VV'.
    prior : float or ndarray of shape (n_features,)
        Weight of the prior.
    floor : float
        Features at the floor stay there, unless the gradient lifts them.
    rtol : float, default=0.1
        Accuracy of the solution.

    Returns
    -------
    step : ndarray of shape (n_features,)
        Change of log u.
    """
    free = _free(uniqueness, gradient, floor)
    hessian = _expected_hessian(vectors, prior)
    step = _projected_step(gradient, hessian, vectors, prior, free, rtol)
    # 1 + step is exact where P = I (the step of expectation-maximisation then); it is replaced by
    # a line below -1/2, so that the factor stays positive
    return np.where(step > -0.5, np.log1p(np.maximum(step, -0.5)), np.log(0.5) + 2 * step + 1)


def _free(uniqueness, gradient, floor):
    """Features that may move: all but those that the gradient holds at the floor."""
    return (uniqueness > floor * (1 + 1e-9)) | (gradient < 0)


def _projected_step(gradient, hessian, vectors, prior, free, rtol=_LINEAR_TOL):
    """Newton step of the free features, inside a box."""
    diagonal = (1.0 - np.sum(vectors**2, axis=1)) ** 2 + prior + _RIDGE
    step = np.zeros_like(gradient)
    step[free] = truncated_conjugate_gradients(
        lambda x: hessian(_extended(x, free))[free],
        -gradient[free],
        diagonal[free],
        radius=_LARGEST_STEP,
        rtol=rtol,
        max_iter=_LINEAR_STEPS,
    )
    return step


def _extended(x, free):
    """A vector of the free features as one of all features."""
    extended = np.zeros(len(free))
    extended[free] = x
    return extended


def _expected_hessian(vectors, prior):
    """Product of P*P + prior with a vector, P = I - VV'."""
    diagonal = 1.0 - 2.0 * np.sum(vectors**2, axis=1) + prior + _RIDGE
    if _formed_is_cheaper(vectors):
        squared = (vectors @ vectors.T) ** 2
        return lambda x: diagonal * x + squared @ x
    return lambda x: diagonal * x + _along_pairs(vectors, vectors, x, 1.0)


def _hessian(values, vectors, n_live, uniqueness, prior):
    """Product of the Hessian in log u with a vector.

    With eigenpairs (l_n, v_n), of which the first r are factors, and sums over all pairs of
    features i, j

        H_ij = delta_ij / u_i - sum_{n,m <= r} (l_n + l_m) / 2 w_inm w_jnm
               - sum_{n <= r < m} (l_n - 1) (l_n + l_m) / (l_n - l_m) w_inm w_jnm

    where w_inm = v_in v_im. The eigenvectors outside the block are known together only, as the
    complement of those inside; their eigenvalues are replaced by the mean.
    """
    n_outside = len(uniqueness) - len(values)
    factors, others = values[:n_live], values[n_live:]
    inner, outer = vectors[:, :n_live], vectors[:, n_live:]
    squares, smallest = vectors**2, min(values[-1], 1.0)
    # variance of each feature along the directions outside, in units of its noise, and their share
    rest = np.maximum(1.0 / uniqueness - squares @ values, 0.0)
    share = np.maximum(1.0 - squares.sum(axis=1), 0.0)
    mean = np.clip(rest.sum() / n_outside, 0.0, smallest) if n_outside > 0 else 0.0
    own = np.clip(rest / np.maximum(share, _RIDGE), 0.0, smallest)
    outside = (factors - 1.0) * (factors + mean) / (factors - mean)
    gap = np.maximum(factors[:, None] - others, _SMALLEST_GAP * factors[:, None])
    inside = (factors[:, None] - 1.0) * (factors[:, None] + others) / gap
    # on the diagonal each feature has its own mean
    of_feature = (factors - 1.0) * (factors + own[:, None]) / (factors - own[:, None]) - outside
    diagonal = 1.0 / uniqueness - squares[:, :n_live] @ outside + prior + _RIDGE
    diagonal -= share * np.sum(squares[:, :n_live] * of_feature, axis=1)
    if _formed_is_cheaper(vectors):
        among = inner @ inner.T
        formed = (inner * (outside - factors)) @ inner.T * among
        formed += (inner * outside) @ inner.T * (outer @ outer.T)
        return lambda x: diagonal * x + formed @ x - _along_pairs(inner, outer, x, inside)
    of_factors = 0.5 * ((outside - factors)[:, None] + outside - factors)
    of_others = outside[:, None] - inside
    return lambda x: (
        diagonal * x
        + _along_pairs(inner, inner, x, of_factors)
        + _along_pairs(inner, outer, x, of_others)
    )


def _formed_is_cheaper(vectors):
    """Whether a matrix of all pairs of features costs less than products with the vectors."""
    return len(vectors) <= _FEATURES_PER_DIRECTION * vectors.shape[1]


def _along_pairs(first, second, x, coefficients):
    """Sum over n, m of coefficients_nm w_nm (w_nm' x), with w_nm the product of two columns."""
    return np.sum((first @ (coefficients * (first.T @ (x[:, None] * second)))) * second, axis=1)


def _as_refinement(point, n_factors, prior, floor, n_iter, converged):
    """Loadings for the uniquenesses, then the most probable uniquenesses for the loadings."""
    values = point.pairs.values[:n_factors]
    directions = np.sqrt(point.uniqueness)[:, None] * point.pairs.vectors[:, :n_factors]
    live = values > 1.0 + SMALLEST_EXCESS
    loadings, values = directions[:, live] * np.sqrt(values[live] - 1.0), values[live]
    rest = 1.0 - np.sum(loadings**2, axis=1)
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
        uniqueness = np.clip(uniqueness * np.exp(-step), floor, 1.0)
    return uniqueness
