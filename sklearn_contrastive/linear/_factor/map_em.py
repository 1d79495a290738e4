"""Maximum a posteriori factor model of incomplete rows, by expectation-maximisation (PX-EM)."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._covariance.scale import reciprocal
from .._solvers.anderson import FixedPoint, damped_anderson
from .map_newton import (
    PRIOR_SAMPLES,
    REFINEMENT_FLOOR,
    SMALLEST_EXCESS,
    most_probable_uniqueness,
)
from .model import FactorFit, FactorModel
from .noise import DiagonalNoise
from .observed import observed_blocks, posterior_of_observed, unpacked
from .options import FitOptions

__all__ = [
    "START_STEPS",
    "START_TOL",
    "refine_on_rows",
]

# a model of pairs that is only a start need not be refined further than this
START_STEPS, START_TOL = 20, 1e-3
# smallest uniqueness to begin with: covariances of pairs let noise vanish too easily, and EM
# raises small uniquenesses slowly and lowers large ones fast
_FIRST_FLOOR = 0.2
# steps end when no noise is further from the end than this share of its standard error
_STATISTICAL_TOL = 0.2
# bounds of the rate at which steps are taken to shrink: two of them may be alike, or not, by chance
_FASTEST, _SLOWEST = 0.2, 0.95


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


def refine_on_rows(
    start: FactorFit,
    X: NDArray,
    sample_weight: NDArray[np.float64] | None,
    scale: NDArray[np.float64],
    options: FitOptions,
    *,
    first_floor: float = _FIRST_FLOOR,
    statistical_tol: float = _STATISTICAL_TOL,
    block_rows: int | None = None,
) -> FactorFit:
    """Maximum a posteriori factor model of incomplete rows, by expectation-maximisation.

    Each step regresses every feature, on the rows that have it, on the expected factors, and
    takes the mean and the covariance of the factors out (parameter expansion). Steps are
    extrapolated. The prior on the noise is that of `refine`.

    Parameters
    ----------
    start : FactorFit
        Where to start: the fit to the pairwise covariance.
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing. Read block by block in every step.
    sample_weight : ndarray of shape (n_rows,) or None
        Frequency weights.
    scale : ndarray of shape (n_features,)
        Standard deviation of each feature, 0 for a constant one.
    options : FitOptions
        Of the fit: at most `max_iter` passes over the rows, at least one. Steps end when the
        steps to come would change no uniqueness by more than the share `tol` of itself, or by
        more than a small share of its standard error.
    first_floor : float, default=0.2
        Smallest uniqueness to begin with.
    statistical_tol : float, default=0.2
        That share of a standard error.
    block_rows : int, default=None
        Rows of a block; None for as many as stay in the cache.

    Returns
    -------
    FactorFit
        With a mean of its own. If `max_iter` ended the steps, its posterior is not below that of
        the start.

    References
    ----------
    Rubin and Thayer (1982), EM algorithms for ML factor analysis.
    Liu, Rubin and Wu (1998), Parameter expansion to accelerate EM: the PX-EM algorithm.
    """
    rows = _Rows(X, sample_weight, start.model.mean, scale, block_rows)
    uniqueness = _in_units_of(scale**2, start.model.noise.variances)
    uniqueness = np.clip(uniqueness, REFINEMENT_FLOOR, 1.0)
    given = _State(np.zeros_like(scale), _in_units_of(scale, start.model.loadings), uniqueness)
    n_samples = float(len(X)) if sample_weight is None else float(np.sum(sample_weight))
    tol = max(options.tol, statistical_tol * np.sqrt(2.0 / n_samples))
    em = _ExpectationMaximisation(rows, tol, options)
    first = em.evaluated(replace(given, uniqueness=np.maximum(uniqueness, first_floor)))
    point, n_iter, converged = damped_anderson(
        em, first, options.max_iter, em.steps_have_ended(None, first)
    )
    state = point.maximised
    if not converged and _posterior(_expectations(given, rows), given) > point.best:
        state = given  # too few steps to make up for the raised first uniquenesses
    return _as_fit(state, start, scale, n_iter, converged)


@dataclass(frozen=True)
class _Rows:
    """Incomplete rows, and the units in which they are data."""

    X: NDArray
    sample_weight: NDArray[np.float64] | None
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    block_rows: int | None


@dataclass(frozen=True)
class _Point:
    """A state, where its plain step leads, and the best log-posterior so far."""

    state: _State
    maximised: _State
    posterior: float
    best: float
    step: NDArray[np.float64]

    @property
    def size(self):
        """Largest change of a log uniqueness."""
        return np.abs(self.step[len(self.state.mean) :]).max(initial=0.0)


class _ExpectationMaximisation(FixedPoint):
    """Steps of expectation-maximisation; a plain step never lowers the posterior."""

    def __init__(self, rows, tol, options):
        self._rows, self._tol, self._options = rows, tol, options

    def evaluated(self, state, best=-np.inf) -> _Point:
        expected = _expectations(state, self._rows)
        posterior = _posterior(expected, state)
        self._options.on_step("pass over the rows")
        maximised = _maximised(expected, state)
        step = maximised.as_vector() - state.as_vector()
        return _Point(state, maximised, posterior, max(best, posterior), step)

    def position(self, point):
        return point.state.as_vector()

    def step(self, point):
        return point.step

    def moved(self, point, step, n_refused):
        state = point.maximised if n_refused else point.state.moved(step)
        return self.evaluated(state, point.best)

    def accepts(self, point, candidate, n_refused):
        return n_refused > 0 or candidate.posterior >= point.best - 1e-9 * abs(point.best)

    def has_converged(self, point, candidate, step, accepted):
        return accepted and self.steps_have_ended(point, candidate)

    def steps_have_ended(self, last, point) -> bool:
        """Whether steps that continue to shrink as the last two did add up to less than tol."""
        size, last_size = point.size, np.finfo(np.float64).tiny if last is None else last.size
        rate = np.clip(size / last_size, _FASTEST, _SLOWEST)
        return bool(size * rate / (1.0 - rate) <= self._tol)


def _posterior(expected, state):
    """Log-likelihood plus log-prior of a state."""
    log_prior = -0.25 * PRIOR_SAMPLES * np.sum(np.log(state.uniqueness) ** 2)
    return expected.log_likelihood + log_prior


@dataclass(frozen=True)
class _Expectations:
    """Sums over the rows that have a feature, for each feature, and moments of the factors."""

    log_likelihood: float
    squares: NDArray[np.float64]  # of (1, z)(1, z)', (n_features, k + 1, k + 1)
    products: NDArray[np.float64]  # of (1, z) x, (n_features, k + 1)
    variances: NDArray[np.float64]  # of x^2, (n_features,)
    factor_mean: NDArray[np.float64]
    factor_covariance: NDArray[np.float64]


def _expectations(state, data) -> _Expectations:
    n_features, n_factors = state.loadings.shape
    packed = n_factors * (n_factors + 1) // 2
    sums = np.zeros((n_features, packed + n_factors))
    products, variances = np.zeros((n_features, n_factors + 1)), np.zeros(n_features)
    n_observed, factors = np.zeros(n_features), np.zeros(packed + n_factors)
    log_likelihood = total = 0.0
    upper = np.triu_indices(n_factors)
    mean, inverse = data.mean + data.scale * state.mean, reciprocal(data.scale)
    for rows, observed, centred in observed_blocks(data.X, mean, inverse, data.block_rows):
        weight = np.ones(len(observed)) if data.sample_weight is None else data.sample_weight[rows]
        squared = centred**2
        found = posterior_of_observed(observed, centred, squared, state.loadings, state.uniqueness)
        squares = found.covariance + found.mean[:, :, None] * found.mean[:, None, :]
        both = np.hstack([squares[:, upper[0], upper[1]], found.mean]) * weight[:, None]
        sums += observed.T @ both
        factors += both.sum(axis=0)
        products[:, :-1] += centred.T @ both[:, packed:]
        products[:, -1] += weight @ centred
        variances += weight @ squared
        n_observed += weight @ observed
        log_likelihood += weight @ found.log_likelihood
        total += weight.sum()
    augmented = np.empty((n_features, n_factors + 1, n_factors + 1))
    augmented[:, :-1, :-1] = unpacked(sums[:, :packed])
    augmented[:, -1, :-1] = augmented[:, :-1, -1] = sums[:, packed:]
    augmented[:, -1, -1] = n_observed
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
    """Regression of each feature on the factors where it is n_observed, factors standardised."""
    n_observed = expected.squares[:, -1, -1]
    unused = n_observed == 0  # constant features
    squares = np.where(unused[:, None, None], np.eye(expected.squares.shape[1]), expected.squares)
    n_observed = np.where(unused, 1.0, n_observed)
    solution = np.linalg.solve(squares, expected.products[:, :, None])[:, :, 0]
    explained = np.sum(solution * expected.products, axis=1)
    loadings, intercept = solution[:, :-1], solution[:, -1]
    values, vectors = np.linalg.eigh(expected.factor_covariance)
    root = (vectors * np.sqrt(values)) @ vectors.T
    return _State(
        state.mean + intercept + loadings @ expected.factor_mean,
        loadings @ root,
        most_probable_uniqueness(
            (expected.variances - explained) / n_observed,
            PRIOR_SAMPLES / n_observed,
            REFINEMENT_FLOOR,
        ),
    )


def _as_fit(state, start, scale, n_iter, converged) -> FactorFit:
    """Factors orthogonal in units of the noise, strongest first; constant features as before."""
    root = np.sqrt(state.uniqueness)[:, None]
    vectors, singular, _ = np.linalg.svd(state.loadings / root, full_matrices=False)
    live = singular**2 > SMALLEST_EXCESS
    loadings = scale[:, None] * root * vectors[:, live] * singular[live]
    noise = np.where(scale > 0, scale**2 * state.uniqueness, start.model.noise.variances)
    mean = start.model.mean + scale * state.mean
    return replace(
        start,
        model=FactorModel(mean, loadings, DiagonalNoise(noise)),
        eigenvalues=start.eigenvalues[: np.sum(live)],
        floored=np.flatnonzero((state.uniqueness <= REFINEMENT_FLOOR) & (scale > 0)),
        floor=REFINEMENT_FLOOR,
        n_iter=start.n_iter + n_iter,
        converged=converged,
    )


def _in_units_of(unit, values):
    """Values divided by a unit of each feature, 0 for constant ones."""
    unit = unit.reshape(-1, *[1] * (values.ndim - 1))
    return np.divide(values, unit, out=np.zeros_like(values), where=unit > 0)
