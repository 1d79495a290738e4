"""Maximum a posteriori factor model of incomplete rows, by the EM gradient algorithm."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._solvers.anderson import FixedPoint, damped_anderson, slowest_contraction
from .expected_sums import ExpectedSums, FactorState
from .map_newton import PRIOR_SAMPLES, REFINEMENT_FLOOR, SMALLEST_EXCESS
from .model import FactorFit, FactorModel
from .noise import DiagonalNoise
from .options import FitOptions
from .rows_with_gaps import RowsWithGaps
from .scoring_step import scoring_step

__all__ = ["START_STEPS", "START_TOL", "refine_on_rows"]

# a model of pairs that is only a start need not be refined further than this
START_STEPS, START_TOL = 20, 1e-3
# smallest uniqueness to begin with: covariances of pairs let noise vanish too easily, from where
# more steps are needed
_FIRST_FLOOR = 0.05
# moves from which the slowest contraction is estimated
_MOVES = 8


def refine_on_rows(
    start: FactorFit,
    rows: RowsWithGaps,
    scale: NDArray[np.float64],
    options: FitOptions,
    *,
    first_floor: float = _FIRST_FLOOR,
) -> FactorFit:
    """Maximum a posteriori factor model of incomplete rows, by the EM gradient algorithm.

    The E-step sums the expected factors over the rows. The M-step is one step of Fisher scoring
    (`scoring_step`), so that without missing entries the steps are Newton's: only missing
    information slows them down. Steps are extrapolated. Many complete rows are read only once.

    The prior on the noise is that of `refine`, and features have unit variance with n - 1 in the
    denominator as there: without missing entries the solution is the same.

    Parameters
    ----------
    start : FactorFit
        Where to start: the fit to the pairwise covariance.
    rows : RowsWithGaps
        The rows, which are read in every step.
    scale : ndarray of shape (n_features,)
        Standard deviation of each feature, 0 for a constant one.
    options : FitOptions
        Of the fit: at most `max_iter` passes over the rows, at least one. Passes end when those to
        come would change no uniqueness by more than the share `tol` of itself; of a feature with
        gaps, by more than so much larger a share as its standard error is larger.
    first_floor : float, default=0.05
        Smallest uniqueness to begin with.

    Returns
    -------
    FactorFit
        With a mean of its own. If `max_iter` ended the steps, its posterior is not below that of
        the start.

    References
    ----------
    Rubin and Thayer (1982), EM algorithms for ML factor analysis.
    Lange (1995), A gradient algorithm locally equivalent to the EM algorithm.
    """
    n_observed = np.maximum(rows.n_observed, 1.0)
    unit = scale * np.sqrt(1.0 - 1.0 / np.maximum(n_observed, 2.0))  # n, not n - 1
    expected = rows.sums_in_units(start.model.mean, unit)
    uniqueness = _in_units_of(scale**2, start.model.noise.variances)
    uniqueness = np.clip(uniqueness, REFINEMENT_FLOOR, 1.0)
    given = FactorState(np.zeros_like(scale), _in_units_of(scale, start.model.loadings), uniqueness)
    allowed = options.tol * np.sqrt(rows.n_samples / n_observed)
    em = _ExpectationMaximisation(expected, allowed, options)
    first = em.evaluated(replace(given, uniqueness=np.maximum(uniqueness, first_floor)))
    point, n_iter, converged = damped_anderson(em, first, options.max_iter)
    # the step from the last point costs no further pass; far from the end it might overshoot
    state = point.following if converged else point.state
    if not converged and _posterior(expected(given), given) > point.posterior:
        state = given  # too few steps to make up for the raised first uniquenesses
    return _as_fit(state, start, scale, unit, n_iter, converged)


@dataclass(frozen=True)
class _Point:
    """A state, its expected sums, its log-posterior, and the step to the following state."""

    state: FactorState
    sums: ExpectedSums
    following: FactorState
    posterior: float
    step: NDArray[np.float64]


class _ExpectationMaximisation(FixedPoint):
    """Steps of the EM gradient algorithm."""

    def __init__(self, expected, allowed, options):
        self._expected, self._allowed, self._options = expected, allowed, options
        self._by_feature, self._moves = True, []

    def evaluated(self, state) -> _Point:
        sums = self._expected(state)
        self._options.on_step("pass over the rows")
        following = scoring_step(state, sums, by_feature=self._by_feature)
        step = following.as_vector() - state.as_vector()
        return _Point(state, sums, following, _posterior(sums, state), step)

    def position(self, point):
        return point.state.as_vector()

    def step(self, point):
        return point.step

    def moved(self, point, step, n_refused):
        if n_refused:
            self._by_feature = False
            safe = scoring_step(point.state, point.sums, by_feature=False)
            step = safe.as_vector() - point.state.as_vector()
            step *= self.shrink ** (n_refused - 1)
        n_features = len(point.state.mean)
        position = point.state.as_vector() + step
        mean, loadings, logarithm = np.split(position, [n_features, -n_features])
        uniqueness = np.clip(np.exp(logarithm), REFINEMENT_FLOOR, 1.0)
        return self.evaluated(
            FactorState(mean, loadings.reshape(point.state.loadings.shape), uniqueness)
        )

    def accepts(self, point, candidate, n_refused):
        return candidate.posterior >= point.posterior - 1e-11 * abs(point.posterior)

    def has_converged(self, point, candidate, step, accepted):
        """Whether the way to come is short: at most the step over the slowest contraction."""
        if not accepted:
            return False
        moved = candidate.state.as_vector() - point.state.as_vector()
        if not moved.any():
            return True
        self._moves = [*self._moves, (moved, candidate.step - point.step)][-_MOVES:]
        rate = min(1.0, slowest_contraction(*np.stack(self._moves, axis=2)))
        return bool(np.all(self._changes(candidate) <= rate * self._allowed))

    def _changes(self, point):
        """Change of each log uniqueness or mean by the step, the larger one."""
        n_features = len(point.state.mean)
        return np.maximum(np.abs(point.step[:n_features]), np.abs(point.step[-n_features:]))


def _posterior(sums, state):
    """Log-likelihood plus log-prior of a state."""
    log_prior = -0.25 * PRIOR_SAMPLES * np.sum(np.log(state.uniqueness) ** 2)
    return sums.log_likelihood + log_prior


def _as_fit(state, start, scale, unit, n_iter, converged) -> FactorFit:
    """Factors orthogonal in units of the noise, strongest first; constant features as before."""
    root = np.sqrt(state.uniqueness)[:, None]
    vectors, singular, _ = np.linalg.svd(state.loadings / root, full_matrices=False)
    live = singular**2 > SMALLEST_EXCESS
    directions = scale[:, None] * root * vectors
    further = np.hstack([directions[:, ~live], start.further])
    noise = np.where(scale > 0, scale**2 * state.uniqueness, start.model.noise.variances)
    mean = start.model.mean + unit * state.mean
    return replace(
        start,
        model=FactorModel(mean, directions[:, live] * singular[live], DiagonalNoise(noise)),
        further=further,
        floored=np.flatnonzero((state.uniqueness <= REFINEMENT_FLOOR) & (scale > 0)),
        floor=REFINEMENT_FLOOR,
        n_iter=start.n_iter + n_iter,
        converged=converged,
    )


def _in_units_of(unit, values):
    """Values divided by a unit of each feature, 0 for constant ones."""
    unit = unit.reshape(-1, *[1] * (values.ndim - 1))
    return np.divide(values, unit, out=np.zeros_like(values), where=unit > 0)
