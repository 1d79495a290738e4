"""Rows with missing entries under a factor model: scores, likelihood, and what they teach it.

Every function works on what a row shows, by k x k matrices of its own: for k factors, n rows and
d features the cost is n d k^2 operations, all but n k^3 of them in matrix products.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ._extrapolation import StepMemory
from ._factor_model import SCORING_FLOOR, FactorModel, NoiseWeights
from ._noise import DiagonalNoise
from ._pairwise_moments import fill_and_mask
from ._refinement import (
    PRIOR_SAMPLES,
    REFINEMENT_FLOOR,
    SMALLEST_EXCESS,
    most_probable_uniqueness,
)

__all__ = [
    "START_STEPS",
    "START_TOL",
    "log_likelihood_of_observed",
    "refine_on_rows",
    "scores_of_incomplete",
]

# smallest share of what a complete row tells about a direction that leaves a row with scores: below
# it they would be ten times as noisy, and what they fill in worse than the mean
_SMALLEST_INFORMATION = 0.01
# a model of pairs that is only a start need not be refined further than this
START_STEPS, START_TOL = 20, 1e-3
# smallest uniqueness to begin with: covariances of pairs let noise vanish too easily, and steps
# come away from there slowly, while they fall quickly
_FIRST_FLOOR = 0.2
# steps end when no noise is further from the end than this share of its standard error
_STATISTICAL_TOL = 0.2
# bounds of the rate at which steps are taken to shrink: two of them may be alike, or not, by chance
_FASTEST, _SLOWEST = 0.2, 0.95


def scores_of_incomplete(X: NDArray, mean: NDArray, weights: NoiseWeights) -> NDArray[np.float64]:
    """Generalised least-squares scores of rows from the features that they show.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing.
    mean : ndarray of shape (n_features,)
        Subtracted.
    weights : NoiseWeights
        Basis Q, turn T and deviations Psi^(1/2) of the scores of complete rows,
        x' Psi^(-1/2) Q T.

    Returns
    -------
    scores : ndarray of shape (n_rows, n_components)
        (Q_o' Q_o)^-1 Q_o' Psi_o^(-1/2) x_o, turned by T, with o what a row shows. NaN in rows
        that show too little for all components.
    """
    n_components = weights.basis.shape[1]
    scores = np.empty((len(X), n_components))
    for rows, observed, white in _blocks(X, mean, 1.0 / weights.deviations):
        information = _unpacked(observed @ _packed_squares(weights.basis, weights.basis))
        values, vectors = np.linalg.eigh(information)
        # Q_o' Q_o of a complete row is the identity
        enough = values[:, 0] >= _SMALLEST_INFORMATION
        along = np.einsum("nji,nj->ni", vectors, white @ weights.basis)
        along /= np.where(enough[:, None], values, np.nan)
        coordinates = np.einsum("nij,nj->ni", vectors, along)
        scores[rows] = coordinates @ weights.turn
    return scores


def log_likelihood_of_observed(
    X: NDArray, mean: NDArray, loadings: NDArray, noise_variances: NDArray
) -> NDArray[np.float64]:
    """Gaussian log-likelihood of what each row shows; 0 for a row that shows nothing.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing.
    mean : ndarray of shape (n_features,)
        Subtracted.
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise_variances : ndarray of shape (n_features,)
        Diagonal of Psi.

    Returns
    -------
    log_likelihood : ndarray of shape (n_rows,)
        Natural logarithm of the density of each row's observed part.
    """
    likelihood = np.empty(len(X))
    for rows, observed, centred in _blocks(X, mean, np.ones(len(mean))):
        found = _posterior(observed, centred, centred**2, loadings, noise_variances)
        likelihood[rows] = found.log_likelihood
    return likelihood


def refine_on_rows(
    model: FactorModel,
    X: NDArray,
    sample_weight: NDArray[np.float64] | None,
    scale: NDArray[np.float64],
    *,
    max_iter: int,
    tol: float,
    on_step: Callable[[str], None] = lambda name: None,
) -> FactorModel:
    """Most probable factor model of what the rows show, by expectation-maximisation.

    Each step regresses every feature, on the rows that show it, on the factors as the model
    expects them to be there, and takes the factors' own mean and covariance out (parameter
    expansion). Steps are extrapolated. The prior on the noise is that of `refine`.

    Parameters
    ----------
    model : FactorModel
        Where to start: the model of the pairwise moments.
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing. Read block by block in every step.
    sample_weight : ndarray of shape (n_rows,) or None
        Frequency weights.
    scale : ndarray of shape (n_features,)
        Standard deviation of each feature, 0 for a constant one.
    max_iter : int
        Largest number of steps.
    tol : float
        Steps end when those to come would change no uniqueness by more than this share of itself,
        or than a small share of its standard error.
    on_step : callable, default=do nothing
        Called with a name after every step.

    Returns
    -------
    FactorModel
        With a mean of its own. If `max_iter` ended the steps, its posterior is not below that of
        the start.

    References
    ----------
    Rubin and Thayer (1982), EM algorithms for ML factor analysis.
    Liu, Rubin and Wu (1998), Parameter expansion to accelerate EM: the PX-EM algorithm.
    """

    def evaluate(state):
        expected = _expectations(state, X, sample_weight, model.mean, scale)
        log_prior = -0.25 * PRIOR_SAMPLES * np.sum(np.log(state.uniqueness) ** 2)
        return expected, expected.log_likelihood + log_prior

    uniqueness = np.clip(_in_units_of(scale**2, model.noise.variances), REFINEMENT_FLOOR, 1.0)
    start = _State(np.zeros_like(scale), _in_units_of(scale, model.loadings), uniqueness)
    state = replace(start, uniqueness=np.maximum(uniqueness, _FIRST_FLOOR))
    n_samples = float(len(X)) if sample_weight is None else float(np.sum(sample_weight))
    tol = max(tol, _STATISTICAL_TOL * np.sqrt(2.0 / n_samples))
    memory, safe, best, converged = StepMemory(), state, -np.inf, False
    n_iter, size = 0, np.finfo(np.float64).tiny
    while n_iter < max_iter and not converged:
        n_iter += 1
        expected, posterior = evaluate(state)
        on_step("pass over the rows")
        if posterior < best - 1e-9 * abs(best) and state is not safe:
            # the extrapolation went wrong: back to the plain step, which cannot
            state, memory = safe, StepMemory()
            continue
        best = max(best, posterior)
        safe = _maximised(expected, state)
        step = safe.as_vector() - state.as_vector()
        last, size = size, np.abs(step[len(scale) :]).max(initial=0.0)
        rate = np.clip(size / last, _FASTEST, _SLOWEST)
        # what steps that go on shrinking so would still add up to
        converged = bool(size * rate / (1.0 - rate) <= tol)
        state = state.moved(memory.extrapolate(state.as_vector(), step))
    if not converged and evaluate(start)[1] > best:
        safe = start  # too few steps to make up for where they began
    return _as_model(safe, model, scale, n_iter, converged)


@dataclass(frozen=True)
class _State:
    """A factor model in units of the features' deviations from the starting mean."""

    mean: NDArray[np.float64]
    loadings: NDArray[np.float64]
    uniqueness: NDArray[np.float64]

    def as_vector(self):
        return np.concatenate([self.mean, self.loadings.ravel(), np.log(self.uniqueness)])

    def moved(self, step):
        mean, loadings, logarithm = np.split(
            self.as_vector() + step, [len(self.mean), len(self.mean) + self.loadings.size]
        )
        uniqueness = np.clip(np.exp(logarithm), REFINEMENT_FLOOR, 1.0)
        return _State(mean, loadings.reshape(self.loadings.shape), uniqueness)


@dataclass(frozen=True)
class _Posterior:
    """Factors of rows given what the rows show: (n_rows, k), (n_rows, k, k), (n_rows,)."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_likelihood: NDArray[np.float64]


@dataclass(frozen=True)
class _Expectations:
    """Sums over the rows that show a feature, for each feature, and the factors' moments."""

    log_likelihood: float
    squares: NDArray[np.float64]  # of (1, z)(1, z)', (n_features, k + 1, k + 1)
    products: NDArray[np.float64]  # of (1, z) x, (n_features, k + 1)
    variances: NDArray[np.float64]  # of x^2, (n_features,)
    factor_mean: NDArray[np.float64]
    factor_covariance: NDArray[np.float64]


def _posterior(observed, centred, squared, loadings, variances) -> _Posterior:
    weighted = loadings / variances[:, None]
    precision = _unpacked(observed @ _packed_squares(weighted, loadings))
    diagonal = np.arange(loadings.shape[1])
    precision[:, diagonal, diagonal] += 1.0
    covariance, log_determinant = _inverses(precision)
    along = centred @ weighted
    mean = np.einsum("nij,nj->ni", covariance, along)
    squares = squared @ (1.0 / variances) - np.sum(along * mean, axis=1)
    constants = observed @ np.log(2 * np.pi * variances)
    return _Posterior(mean, covariance, -0.5 * (constants + log_determinant + squares))


def _inverses(matrices):
    """Inverses and log-determinants of positive definite matrices of shape (n, k, k)."""
    # Gauss and Jordan's sweeps over all rows at once: LAPACK, one small matrix after another, is
    # several times slower
    swept = np.ascontiguousarray(np.moveaxis(matrices, 0, -1))
    log_determinant = np.zeros(swept.shape[-1])
    for pivot in range(len(swept)):
        scale = swept[pivot, pivot].copy()
        log_determinant += np.log(scale)
        row = swept[pivot] / scale
        column = swept[:, pivot].copy()
        swept -= column[:, None] * row
        swept[pivot], swept[:, pivot] = row, -column / scale
        swept[pivot, pivot] = 1.0 / scale
    return np.moveaxis(swept, -1, 0), log_determinant


def _expectations(state, X, sample_weight, mean, scale) -> _Expectations:
    n_features, n_factors = state.loadings.shape
    packed = n_factors * (n_factors + 1) // 2
    sums = np.zeros((n_features, packed + n_factors))
    products, variances = np.zeros((n_features, n_factors + 1)), np.zeros(n_features)
    seen, factors = np.zeros(n_features), np.zeros(packed + n_factors)
    log_likelihood = total = 0.0
    upper = np.triu_indices(n_factors)
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    for rows, observed, centred in _blocks(X, mean + scale * state.mean, inverse):
        weight = np.ones(len(observed)) if sample_weight is None else sample_weight[rows]
        squared = centred**2
        found = _posterior(observed, centred, squared, state.loadings, state.uniqueness)
        squares = found.covariance + found.mean[:, :, None] * found.mean[:, None, :]
        both = np.hstack([squares[:, upper[0], upper[1]], found.mean]) * weight[:, None]
        sums += observed.T @ both
        factors += both.sum(axis=0)
        products[:, :-1] += centred.T @ both[:, packed:]
        products[:, -1] += weight @ centred
        variances += weight @ squared
        seen += weight @ observed
        log_likelihood += weight @ found.log_likelihood
        total += weight.sum()
    augmented = np.empty((n_features, n_factors + 1, n_factors + 1))
    augmented[:, :-1, :-1] = _unpacked(sums[:, :packed])
    augmented[:, -1, :-1] = augmented[:, :-1, -1] = sums[:, packed:]
    augmented[:, -1, -1] = seen
    factor_mean = factors[packed:] / total
    moment = _unpacked(factors[None, :packed] / total)[0]
    return _Expectations(
        log_likelihood,
        augmented,
        products,
        variances,
        factor_mean,
        moment - np.outer(factor_mean, factor_mean),
    )


def _maximised(expected, state) -> _State:
    """Regression of each feature on the factors where it is seen, factors standardised."""
    seen = expected.squares[:, -1, -1]
    unused = seen == 0  # constant features
    squares = np.where(unused[:, None, None], np.eye(expected.squares.shape[1]), expected.squares)
    seen = np.where(unused, 1.0, seen)
    solution = np.linalg.solve(squares, expected.products[:, :, None])[:, :, 0]
    explained = np.sum(solution * expected.products, axis=1)
    loadings, intercept = solution[:, :-1], solution[:, -1]
    values, vectors = np.linalg.eigh(expected.factor_covariance)
    root = (vectors * np.sqrt(values)) @ vectors.T
    return _State(
        state.mean + intercept + loadings @ expected.factor_mean,
        loadings @ root,
        most_probable_uniqueness(
            (expected.variances - explained) / seen, PRIOR_SAMPLES / seen, REFINEMENT_FLOOR
        ),
    )


def _as_model(state, model, scale, n_iter, converged) -> FactorModel:
    """Factors orthogonal in units of the noise, strongest first; constant features as before."""
    root = np.sqrt(state.uniqueness)[:, None]
    vectors, singular, _ = np.linalg.svd(state.loadings / root, full_matrices=False)
    live = singular**2 > SMALLEST_EXCESS
    loadings = scale[:, None] * root * vectors[:, live] * singular[live]
    noise = np.where(scale > 0, scale**2 * state.uniqueness, model.noise.variances)
    variances = np.where(scale > 0, np.sum(loadings**2, axis=1) + noise, 0.0)
    return replace(
        model,
        mean=model.mean + scale * state.mean,
        loadings=loadings,
        noise=DiagonalNoise(noise),
        scoring_noise=DiagonalNoise(np.maximum(noise, SCORING_FLOOR * variances)),
        eigenvalues=model.eigenvalues[: np.sum(live)],
        floored=np.flatnonzero((state.uniqueness <= REFINEMENT_FLOOR) & (scale > 0)),
        n_iter=model.n_iter + n_iter,
        converged=converged,
    )


def _in_units_of(unit, values):
    """Values divided by a unit of each feature, 0 for constant ones."""
    unit = unit.reshape(-1, *[1] * (values.ndim - 1))
    return np.divide(values, unit, out=np.zeros_like(values), where=unit > 0)


def _blocks(X, mean, inverse_scale) -> Iterator[tuple[slice, NDArray, NDArray]]:
    """Rows of X, a block at a time: which, what they show, and that in units of a scale."""
    live = inverse_scale > 0
    for rows, observed, centred in fill_and_mask(X, mean):
        observed = observed.astype(np.float64, copy=False)
        centred = np.multiply(
            centred, inverse_scale, out=None if centred.dtype == np.float32 else centred
        )
        if not live.all():
            observed = observed * live
        yield rows, observed, centred


def _packed_squares(left, right):
    """Upper triangles of the outer products of rows, (n, k (k + 1) / 2)."""
    upper = np.triu_indices(left.shape[1])
    return left[:, upper[0]] * right[:, upper[1]]


def _unpacked(packed):
    """Symmetric matrices (n, k, k) from their upper triangles."""
    n_factors = int(np.sqrt(2 * packed.shape[1]))
    upper = np.triu_indices(n_factors)
    full = np.empty((len(packed), n_factors, n_factors))
    full[:, upper[0], upper[1]] = full[:, upper[1], upper[0]] = packed
    return full
