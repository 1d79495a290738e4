"""Maximum a posteriori factor model of correlations, by Newton's method on the log noise."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, cg

from .._solvers.anderson import FixedPoint, damped_anderson
from .._solvers.davidson import Eigenpairs, SearchSpace
from .._solvers.davidson_rows import RowSearchSpace
from .options import FitOptions

__all__ = [
    "PRIOR_SAMPLES",
    "REFINEMENT_FLOOR",
    "SMALLEST_EXCESS",
    "Refinement",
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
# Up to this many features the Newton system is solved by LAPACK, above by conjugate gradients.
_DENSE_SOLVE = 300
# Residual of the first eigenvectors, in units of the noise; later ones follow the steps.
_FIRST_TOL = 0.1
# Variance along a factor beyond the noise's, in its units, below which the factor does not exist.
SMALLEST_EXCESS = 1e-6
# No relative change of a uniqueness is larger than this in one step.
_LARGEST_STEP = 2.0


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
    eigenvalues: NDArray[np.float64]
    log_posterior: float
    n_iter: int
    converged: bool


def refine(
    space: SearchSpace | RowSearchSpace,
    n_factors: int,
    uniqueness: NDArray[np.float64],
    options: FitOptions,
    *,
    prior: float,
    floor: float = REFINEMENT_FLOOR,
) -> Refinement:
    """Maximum a posteriori uniquenesses of a correlation matrix C, by Newton's method.

    Given uniquenesses u, the best loadings are known: with the leading eigenpairs of
    C w = lambda diag(u) w, B = diag(u) W (Lambda - 1)^(1/2). The objective is then a function of u
    alone, whose gradient in log u is g = 1 - (1 - diag(BB')) / u and whose expected Hessian is
    P * P elementwise, P = I - VV', V = diag(u)^(1/2) W. The step -(P*P)^-1 g is shortened until
    the likelihood grows; with P = I it would be the step of the EM algorithm. A normal prior on
    log u around 0 adds prior * log u to the gradient: it keeps the noise of a feature from
    vanishing where there are few samples.

    Parameters
    ----------
    space : SearchSpace or RowSearchSpace
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
    Anderson (1965), Iterative procedures for nonlinear integral equations.
    """
    newton = _Newton(space, n_factors, options, prior, floor)
    # the first step from ones is long, from an earlier solution it is short
    accuracy = _FIRST_TOL if np.all(uniqueness == 1.0) else 0.01 * _FIRST_TOL
    start = newton.solve(uniqueness, accuracy)
    options.on_step("eigenproblem")
    point, n_iter, converged = damped_anderson(newton, start, options.max_iter)
    return _as_refinement(point, prior, floor, n_iter, converged)


@dataclass(frozen=True)
class _Point:
    """Uniquenesses, eigenpairs of C w = lambda diag(u) w, twice the negative log-posterior."""

    uniqueness: NDArray[np.float64]
    pairs: Eigenpairs
    value: float


class _Newton(FixedPoint):
    """Newton steps in log u, with eigenvectors as accurate as the next step can use."""

    shrink = 0.25
    clears_memory_when_refused = False

    def __init__(self, space, n_factors, options, prior, floor):
        self._space, self._n_factors, self._options = space, n_factors, options
        self._prior, self._floor = prior, floor
        self._tol = max(options.tol, 100 * space.rounding)  # products in float32 allow no more
        self._size = self._last_size = np.inf

    def solve(self, uniqueness, accuracy) -> _Point:
        pairs = self._space.leading(
            self._n_factors, uniqueness, tol=accuracy, error=_gradient_errors
        )
        return _Point(uniqueness, pairs, _objective(pairs, uniqueness, self._prior))

    def position(self, point):
        return np.log(point.uniqueness)

    def step(self, point):
        gradient, whitened = _gradient(point.pairs, point.uniqueness, self._prior)
        return _newton_step(point.uniqueness, gradient, whitened, self._prior, self._floor)

    def moved(self, point, step, n_refused):
        proposal = np.clip(point.uniqueness * np.exp(step), self._floor, 1.0)
        size = np.abs(np.log(proposal / point.uniqueness)).max(initial=0.0)
        self._last_size, self._size = self._size, size
        accuracy = min(_FIRST_TOL, 0.1 * size)
        candidate = self.solve(proposal, accuracy)
        if 0 < candidate.value - point.value < _value_error(candidate.pairs):
            # the increase may come from inaccurate eigenvectors
            candidate = self.solve(proposal, accuracy / 100)
        self._options.on_step("eigenproblem")
        return candidate

    def accepts(self, point, candidate, n_refused):
        return candidate.value <= point.value + self._rounding(point, candidate)

    def has_converged(self, point, candidate, step, accepted):
        change = abs(candidate.value - point.value)
        flat = change <= self._rounding(point, candidate) and self._size >= self._last_size
        return bool(self._size <= self._tol or flat)

    def _rounding(self, point, candidate):
        """Change of the objective that rounding errors explain."""
        of_pairs = self._space.rounding * np.sum(np.abs(candidate.pairs.values))
        of_sum = np.finfo(np.float64).eps * (abs(point.value) + len(point.uniqueness))
        return 10 * (of_pairs + of_sum)


def _gradient_errors(values, vectors, residuals, norms):
    """Error that each eigenvector's residual makes in the gradient, to first order.

    It grows where the eigenvalue is close to those that are left out.
    """
    n_pairs = vectors.shape[1]
    left_out = values[n_pairs] if len(values) > n_pairs else 0.0
    gap = _relative_gap(values[:n_pairs], left_out)
    return 2.0 * np.abs(vectors * residuals).max(axis=0, initial=0.0) / gap


def _relative_gap(values, left_out):
    """Distance of eigenvalues from those that are left out, as a share of themselves."""
    return np.maximum(1.0 - left_out / np.maximum(values, 1.0), 0.1)


def _value_error(pairs):
    """Bound on the error of the negative log-likelihood that the residuals cause."""
    gap = _relative_gap(pairs.values, pairs.left_out) * np.maximum(pairs.values, 1.0)
    return float(np.sum(pairs.norms**2 / gap))


def _objective(pairs: Eigenpairs, uniqueness, prior) -> float:
    """Twice the negative log-posterior per sample, with the best loadings for the uniquenesses."""
    excess = np.maximum(pairs.values, 1.0)
    factors = np.sum(np.log(excess) + 1.0 - excess)
    logarithm = np.log(uniqueness)
    return float(np.sum(logarithm + 1.0 / uniqueness + 0.5 * prior * logarithm**2) + factors)


def _gradient(pairs, uniqueness, prior):
    """Gradient in the logarithm of the uniquenesses, and whitened vectors of the live factors."""
    live = pairs.values > 1.0
    vectors = pairs.vectors[:, live]
    communality = (uniqueness[:, None] * vectors) ** 2 @ (pairs.values[live] - 1.0)
    gradient = 1.0 - (1.0 - communality) / uniqueness + prior * np.log(uniqueness)
    return gradient, np.sqrt(uniqueness)[:, None] * vectors


def _newton_step(uniqueness, gradient, whitened, prior, floor):
    """One projected Newton step, in the logarithm of the uniquenesses."""
    free = (uniqueness > floor * (1 + 1e-9)) | (gradient < 0)
    step = np.zeros_like(gradient)
    step[free] = _solve_expected_hessian(whitened[free], prior, -gradient[free])
    step = np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
    # 1 + step is exact where P = I (the step of expectation-maximisation then); it is replaced by
    # a line below -1/2, so that the factor stays positive
    return np.where(step > -0.5, np.log1p(np.maximum(step, -0.5)), np.log(0.5) + 2 * step + 1)


def _solve_expected_hessian(whitened, prior, right):
    """Solution x of (P*P + prior I) x = right, elementwise square of P = I - VV'."""
    size = len(whitened)
    leverage = np.sum(whitened**2, axis=1)
    ridge = prior + _RIDGE
    diagonal = (1.0 - leverage) ** 2 + ridge
    if size <= _DENSE_SOLVE:
        hessian = (whitened @ whitened.T) ** 2
        hessian.flat[:: size + 1] = diagonal
        return np.linalg.solve(hessian, right)

    def hessian_times(x):
        # P*P = 1 - 2h + (VV')*(VV'): n_features * n_factors^2 operations
        coupled = np.sum((whitened @ ((whitened.T * x) @ whitened)) * whitened, axis=1)
        return (1.0 + ridge - 2.0 * leverage) * x + coupled

    as_operator = partial(LinearOperator, (size, size), dtype=np.float64)
    preconditioner = as_operator(matvec=lambda x: x / diagonal)
    return cg(as_operator(matvec=hessian_times), right, rtol=1e-3, maxiter=100, M=preconditioner)[0]


def _as_refinement(point, prior, floor, n_iter, converged):
    """Loadings for the uniquenesses, then the most probable uniquenesses for the loadings."""
    live = point.pairs.values > 1.0 + SMALLEST_EXCESS
    values = point.pairs.values[live]
    loadings = point.uniqueness[:, None] * point.pairs.vectors[:, live] * np.sqrt(values - 1.0)
    rest = 1.0 - np.sum(loadings**2, axis=1)
    completed = most_probable_uniqueness(rest, prior, floor)
    return Refinement(completed, loadings, values, -0.5 * point.value, n_iter, converged)


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
