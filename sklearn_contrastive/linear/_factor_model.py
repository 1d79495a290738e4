"""Low rank plus diagonal: refinement by maximum likelihood, scores, covariance, likelihood.

The model is x = mean + B z + noise, with loadings B (n_features, n_factors), factors z of unit
variance, and noise of variance psi_i in feature i.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.linalg import LinearOperator, cg

from ._spectrum import Eigenpairs, SearchSpace

__all__ = [
    "Refinement",
    "log_likelihood",
    "model_covariance",
    "model_precision",
    "noise_weighted_scoring",
    "refine",
]

# The smallest uniqueness of refinement: a share of the feature's variance. Larger floors cost
# accuracy where spikes are unequal, smaller ones only iterations (benchmarks/subspace.py).
REFINEMENT_FLOOR = 1e-3
# The smallest share of noise that the scores believe in: a feature that the factors explain almost
# wholly would otherwise rule all scores (benchmarks/downstream.py).
SCORING_FLOOR = 0.15
# Keeps the Newton system solvable where the model has more parameters than the data determine.
_RIDGE = 1e-8
# Up to this many features the Newton system is solved by LAPACK, above by conjugate gradients.
_DENSE_SOLVE = 300
# No uniqueness changes by a larger factor than exp(2) in one step.
_LARGEST_STEP = 2.0


@dataclass(frozen=True)
class Refinement:
    """A factor model of correlations, as far as refinement came.

    Parameters
    ----------
    uniqueness : ndarray of shape (n_features,)
        Share of each feature's variance that is noise, in [floor, 1].
    loadings : ndarray of shape (n_features, n_factors)
        Correlations of features with factors; orthogonal in the metric 1 / uniqueness, strongest
        factor first. Factors that vanished are left out.
    eigenvalues : ndarray of shape (n_factors,)
        Variance along each factor in units of the noise; the noise's own is 1.
    log_likelihood : float
        Per sample, of the correlations, without the constant term.
    n_iter : int
        Eigenproblems solved.
    converged : bool
        Whether the stopping rule was met.
    """

    uniqueness: NDArray[np.float64]
    loadings: NDArray[np.float64]
    eigenvalues: NDArray[np.float64]
    log_likelihood: float
    n_iter: int
    converged: bool


def refine(
    space: SearchSpace,
    n_factors: int,
    uniqueness: NDArray[np.float64],
    *,
    max_iter: int,
    tol: float,
    floor: float = REFINEMENT_FLOOR,
    on_step: Callable[[str], None] = lambda name: None,
) -> Refinement:
    """Maximum-likelihood uniquenesses of a correlation matrix C, by Newton's method.

    Given uniquenesses u, the best loadings are known: with the leading eigenpairs of
    C w = lambda diag(u) w, B = diag(u) W (Lambda - 1)^(1/2). What is left is a function of u
    alone, whose gradient in log u is g = 1 - (1 - diag(BB')) / u and whose expected second
    derivative is P * P elementwise, P = I - VV', V = diag(u)^(1/2) W. The step -(P*P)^-1 g is
    damped until the likelihood grows; undamped with P = I it would be the step of the
    expectation-maximisation algorithm.

    Parameters
    ----------
    space : SearchSpace
        Of the correlation matrix.
    n_factors : int
        Number of factors.
    uniqueness : ndarray of shape (n_features,)
        Where to start; ones are the closed form on the correlation scale.
    max_iter : int
        Largest number of eigenproblems, at least 1.
    tol : float
        Refinement ends when no uniqueness changes by more than this share of itself.
    floor : float, default=1e-3
        Smallest uniqueness.
    on_step : callable, default=do nothing
        Called with a name after every eigenproblem.

    Returns
    -------
    Refinement
        Its likelihood is never below that of the start.

    References
    ----------
    Joreskog (1967), Some contributions to maximum likelihood factor analysis, equations 20 to 25.
    """
    n_iter, damping, step_size = 1, 0.0, np.inf
    pairs = space.leading(n_factors, uniqueness, tol=1e-2)
    value = _negative_log_likelihood(pairs, uniqueness)
    on_step("eigenproblem")
    while n_iter < max_iter and step_size > tol:
        gradient, whitened = _gradient(pairs, uniqueness)
        while n_iter < max_iter:
            proposal = _newton_step(uniqueness, gradient, whitened, damping, floor)
            step_size = np.abs(np.log(proposal / uniqueness)).max(initial=0.0)
            # eigenvectors are needed only as accurately as the next step can use
            candidate = space.leading(n_factors, proposal, tol=min(1e-2, 0.1 * step_size))
            candidate_value = _negative_log_likelihood(candidate, proposal)
            n_iter += 1
            on_step("eigenproblem")
            better = candidate_value <= value + 1e-12 * abs(value)
            if better or step_size <= tol:
                break
            damping = max(4 * damping, 0.05)
        if better:
            pairs, uniqueness, value = candidate, proposal, candidate_value
        damping = damping / 4 if damping > 0.01 else 0.0
    return _as_refinement(pairs, uniqueness, value, floor, n_iter, step_size <= tol)


def _negative_log_likelihood(pairs: Eigenpairs, uniqueness) -> float:
    """Twice the negative log-likelihood per sample, with the best loadings for the uniquenesses."""
    excess = np.maximum(pairs.values, 1.0)
    factors = np.sum(np.log(excess) + 1.0 - excess)
    return float(np.log(uniqueness).sum() + (1.0 / uniqueness).sum() + factors)


def _gradient(pairs, uniqueness):
    """Gradient in the logarithm of the uniquenesses, and whitened vectors of the live factors."""
    live = pairs.values > 1.0
    vectors = pairs.vectors[:, live]
    communality = (uniqueness[:, None] * vectors) ** 2 @ (pairs.values[live] - 1.0)
    return 1.0 - (1.0 - communality) / uniqueness, np.sqrt(uniqueness)[:, None] * vectors


def _newton_step(uniqueness, gradient, whitened, damping, floor):
    """Uniquenesses after one damped, projected Newton step."""
    free = (uniqueness > floor * (1 + 1e-9)) | (gradient < 0)
    step = np.zeros_like(gradient)
    step[free] = _solve_expected_hessian(whitened[free], damping, -gradient[free])
    step = np.clip(step, -_LARGEST_STEP, _LARGEST_STEP)
    # exp(step) and 1 + step stay between the old value and the one that expectation-maximisation
    # would jump to, when the step is its gradient
    grown = uniqueness * np.where(step > 0, 1.0 + step, np.exp(np.minimum(step, 0.0)))
    return np.clip(grown, floor, 1.0)


def _solve_expected_hessian(whitened, damping, right):
    """Solution x of (P*P + damping I) x = right, elementwise square of P = I - VV'."""
    size = len(whitened)
    leverage = np.sum(whitened**2, axis=1)
    damping = damping + _RIDGE
    diagonal = (1.0 - leverage) ** 2 + damping
    if size <= _DENSE_SOLVE:
        hessian = (whitened @ whitened.T) ** 2
        hessian.flat[:: size + 1] = diagonal
        return np.linalg.solve(hessian, right)

    def hessian_times(x):
        # P*P = 1 - 2h + (VV')*(VV'): n_features * n_factors^2 operations
        coupled = np.sum((whitened @ ((whitened.T * x) @ whitened)) * whitened, axis=1)
        return (1.0 + damping - 2.0 * leverage) * x + coupled

    as_operator = partial(LinearOperator, (size, size), dtype=np.float64)
    preconditioner = as_operator(matvec=lambda x: x / diagonal)
    return cg(as_operator(matvec=hessian_times), right, rtol=1e-3, maxiter=100, M=preconditioner)[0]


def _as_refinement(pairs, uniqueness, value, floor, n_iter, converged):
    """Loadings for the uniquenesses, then the uniquenesses that complete the unit diagonal."""
    live = pairs.values > 1.0 + 1e-9
    values = pairs.values[live]
    loadings = uniqueness[:, None] * pairs.vectors[:, live] * np.sqrt(values - 1.0)
    completed = np.maximum(1.0 - np.sum(loadings**2, axis=1), floor)
    return Refinement(completed, loadings, values, -0.5 * value, n_iter, converged)


def noise_weighted_scoring(
    components: NDArray, loadings: NDArray, noise_variance: NDArray
) -> NDArray[np.float64]:
    """Matrix that turns centred samples into generalised least-squares scores.

    Parameters
    ----------
    components : ndarray of shape (n_components, n_features)
        Orthonormal rows U' that span the same subspace as the loadings.
    loadings : ndarray of shape (n_features, n_components)
        Loadings B.
    noise_variance : ndarray of shape (n_features,)
        Variance psi_i > 0 of the noise of each feature, in squared units of the feature.

    Returns
    -------
    scoring : ndarray of shape (n_features, n_components)
        Psi^-1 U (U' Psi^-1 U)^-1, so that components @ scoring is the identity.

    References
    ----------
    Bartlett (1937), The statistical conception of mental factors.
    """
    noise = np.sqrt(noise_variance)[:, None]
    # least squares in units of the noise for the factors, then from factors to the basis U:
    # features of very different scales would spoil U' Psi^-1 U itself
    orthonormal, triangle = np.linalg.qr(loadings / noise)
    return np.linalg.solve(triangle, orthonormal.T / noise.T).T @ (components @ loadings).T


def model_covariance(loadings: NDArray, noise_variance: NDArray) -> NDArray[np.float64]:
    """Covariance BB' + Psi of the model, shape (n_features, n_features).

    Parameters
    ----------
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise_variance : ndarray of shape (n_features,)
        Diagonal of Psi.

    Returns
    -------
    covariance : ndarray of shape (n_features, n_features)
        Symmetric and positive definite.
    """
    covariance = loadings @ loadings.T
    covariance.flat[:: len(covariance) + 1] += noise_variance
    return covariance


def model_precision(loadings: NDArray, noise_variance: NDArray) -> NDArray[np.float64]:
    """Inverse of BB' + Psi by Woodbury's identity, O(n_features^2 n_factors).

    Parameters
    ----------
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise_variance : ndarray of shape (n_features,)
        Diagonal of Psi, positive.

    Returns
    -------
    precision : ndarray of shape (n_features, n_features)
        Symmetric and positive definite.
    """
    whitened, strengths = _whitened_factors(loadings, noise_variance)
    weighted = whitened / np.sqrt(noise_variance)[:, None]
    precision = -(weighted * (strengths / (1.0 + strengths))) @ weighted.T
    precision.flat[:: len(precision) + 1] += 1.0 / noise_variance
    return precision


def log_likelihood(
    centred: NDArray, loadings: NDArray, noise_variance: NDArray
) -> NDArray[np.float64]:
    """Gaussian log-likelihood of centred samples, O(n_samples n_features n_factors).

    Parameters
    ----------
    centred : ndarray of shape (n_samples, n_features)
        Samples minus the mean.
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise_variance : ndarray of shape (n_features,)
        Diagonal of Psi, positive.

    Returns
    -------
    log_likelihood : ndarray of shape (n_samples,)
        Natural logarithm of the density of each sample.
    """
    vectors, strengths = _whitened_factors(loadings, noise_variance)
    white = centred / np.sqrt(noise_variance)
    along = white @ vectors
    squares = np.sum(white**2, axis=1) - along**2 @ (strengths / (1.0 + strengths))
    log_determinant = np.log(noise_variance).sum() + np.log1p(strengths).sum()
    return -0.5 * (len(noise_variance) * np.log(2 * np.pi) + log_determinant + squares)


def _whitened_factors(loadings, noise_variance):
    """Left singular vectors and squared singular values of Psi^(-1/2) B."""
    vectors, singular, _ = np.linalg.svd(
        loadings / np.sqrt(noise_variance)[:, None], full_matrices=False
    )
    return vectors, singular**2
