"""Maximum a posteriori factor model of incomplete rows, by expectation-maximisation (PX-EM)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._solvers.anderson import StepMemory
from .map_newton import (
    PRIOR_SAMPLES,
    REFINEMENT_FLOOR,
    SMALLEST_EXCESS,
    most_probable_uniqueness,
)
from .model import SCORING_FLOOR, FactorModel
from .noise import DiagonalNoise
from .observed import observed_blocks, posterior_of_observed, unpacked

__all__ = [
    "START_STEPS",
    "START_TOL",
    "refine_on_rows",
]

# a model of pairs that is only a start need not be refined further than this
START_STEPS, START_TOL = 20, 1e-3
# smallest uniqueness to begin with: covariances of pairs let noise vanish too easily, and steps
# come away from there slowly, while they fall quickly
_FIRST_FLOOR = 0.2
# steps end when no noise is further from the end than this share of its standard error
_STATISTICAL_TOL = 0.2
# bounds of the rate at which steps are taken to shrink: two of them may be alike, or not, by chance
_FASTEST, _SLOWEST = 0.2, 0.95


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
class _Expectations:
    """Sums over the rows that show a feature, for each feature, and the factors' moments."""

    log_likelihood: float
    squares: NDArray[np.float64]  # of (1, z)(1, z)', (n_features, k + 1, k + 1)
    products: NDArray[np.float64]  # of (1, z) x, (n_features, k + 1)
    variances: NDArray[np.float64]  # of x^2, (n_features,)
    factor_mean: NDArray[np.float64]
    factor_covariance: NDArray[np.float64]


def _expectations(state, X, sample_weight, mean, scale) -> _Expectations:
    n_features, n_factors = state.loadings.shape
    packed = n_factors * (n_factors + 1) // 2
    sums = np.zeros((n_features, packed + n_factors))
    products, variances = np.zeros((n_features, n_factors + 1)), np.zeros(n_features)
    seen, factors = np.zeros(n_features), np.zeros(packed + n_factors)
    log_likelihood = total = 0.0
    upper = np.triu_indices(n_factors)
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
    for rows, observed, centred in observed_blocks(X, mean + scale * state.mean, inverse):
        weight = np.ones(len(observed)) if sample_weight is None else sample_weight[rows]
        squared = centred**2
        found = posterior_of_observed(observed, centred, squared, state.loadings, state.uniqueness)
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
    augmented[:, :-1, :-1] = unpacked(sums[:, :packed])
    augmented[:, -1, :-1] = augmented[:, :-1, -1] = sums[:, packed:]
    augmented[:, -1, -1] = seen
    factor_mean = factors[packed:] / total
    moment = unpacked(factors[None, :packed] / total)[0]
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
