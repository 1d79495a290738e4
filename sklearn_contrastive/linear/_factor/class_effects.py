"""Maximum a posteriori factor model with class effects: labels as evidence about the factors.

Of two samples of one class the factors are correlated: z = u + v, with u the same for all samples
of a class, and v independent. In suitable axes Var(u) is diagonal, with shares b_j of the factors'
unit variance: intraclass correlations. All are 0 where labels say nothing about the factors; the
model is then the one without labels. With m samples of a class, the factors of their mean times
the root of m have variance 1 + (m - 1) b_j, and those of deviations from the mean 1 - b_j.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .._covariance.labelled import LabelledCovariance
from .._covariance.scale import feature_scale
from .._solvers.anderson import damped_anderson
from .accelerated_em import AcceleratedEM
from .class_moments import ClassMoments
from .class_shares import ClassSums, factor_transform, most_probable_shares
from .closed_form import contrastive_eigenvalues
from .map_newton import PRIOR_SAMPLES, SMALLEST_EXCESS, most_probable_uniqueness
from .model import FactorFit, FactorModel
from .noise import DiagonalNoise
from .options import FitOptions

__all__ = ["ClassEffects", "refine_with_labels"]

# share of the factors' variance between classes with which the steps begin
_FIRST_SHARE = 0.2
# steps that each start takes before the most probable one goes on
_TRIAL_STEPS = 5


@dataclass(frozen=True)
class ClassEffects:
    """A factor model that labels have helped to find.

    Parameters
    ----------
    fit : FactorFit
        The model of all samples, labels aside.
    between : ndarray of shape (n_factors, n_factors)
        Covariance of the class effects on the factors, whose own variance is 1.
    """

    fit: FactorFit
    between: NDArray[np.float64]


def refine_with_labels(
    start: FactorFit,
    covariance: LabelledCovariance,
    options: FitOptions,
    *,
    adds_directions: bool = False,
) -> ClassEffects:
    """Maximum a posteriori factor model with class effects, by accelerated EM.

    The E-step has the expected factors of three kinds of samples, which differ in the variance of
    the factors: unlabelled ones, deviations from the mean of a class, and those means. The M-step
    regresses the features on the factors. The shares b_j are the most probable ones for each
    loadings and noise. A class of one sample counts as unlabelled.

    Parameters
    ----------
    start : FactorFit
        The most probable model without labels.
    covariance : LabelledCovariance
        Of all samples.
    options : FitOptions
        Of the fit: at most `max_iter` steps. They end when those to come are predicted to raise the
        posterior less than errors that are the share `tol` of each uniqueness, and of the root of
        half of it for each loading, would lower it.
    adds_directions : bool, default=False
        Whether directions in which classes differ by more than random labels would, outside the
        factors, are added to them. Otherwise they may replace the weakest factors, if that is more
        probable.

    Returns
    -------
    ClassEffects
        The start where labels name fewer than two classes, or no two samples of one.

    References
    ----------
    Rubin and Thayer (1982), EM algorithms for ML factor analysis.
    Searle, Casella and McCulloch (1992), Variance Components, chapter 8.
    """
    n_factors = start.model.loadings.shape[1]
    nothing = ClassEffects(start, np.zeros((n_factors, n_factors)))
    if len(covariance.counts) < 2 or not (covariance.counts > 1).any():
        return nothing
    scale = feature_scale(covariance)
    moments = ClassMoments.of(covariance, scale)
    uniqueness = np.where(scale > 0, start.model.noise.variances * moments.inverse**2, 1.0)
    uniqueness = np.clip(uniqueness, start.floor, 1.0)
    loadings = moments.inverse[:, None] * start.model.loadings
    em = _ExpectationMaximisation(moments, start.floor, options)
    further = moments.class_directions(loadings, uniqueness)
    n_further = further.shape[1]
    starts = [loadings] if n_factors else []
    if n_further and adds_directions:
        starts = [np.hstack([loadings, further])]
        start = replace(start, n_requested=start.n_requested + n_further)
    elif n_further and n_factors:
        kept = loadings[:, : max(0, n_factors - n_further)]
        starts.append(np.hstack([kept, further])[:, :n_factors])
    if not starts:
        return nothing
    point, converged = em.solved_from(starts, uniqueness)
    fit = replace(start, n_iter=start.n_iter + em.n_steps, converged=start.converged and converged)
    return _as_effects(point, fit, covariance, scale)


@dataclass(frozen=True)
class _State:
    """A model in units of the features' deviations, its factors along the axes of the classes."""

    loadings: NDArray[np.float64]
    uniqueness: NDArray[np.float64]

    def as_vector(self):
        """Loadings and log uniquenesses in one vector."""
        return np.concatenate([self.loadings.ravel(), np.log(self.uniqueness)])


@dataclass(frozen=True)
class _Point:
    """A state, its shares, the state that EM makes of it, and its log-posterior."""

    state: _State
    shares: NDArray[np.float64]
    following: _State
    posterior: float

    @property
    def step(self):
        """From the state to the following one."""
        return self.following.as_vector() - self.state.as_vector()


class _ExpectationMaximisation(AcceleratedEM):
    """Steps of EM; the shares are the most probable ones at every point."""

    def __init__(self, moments, floor, options):
        super().__init__(options.tol)
        self._moments, self._floor, self._options = moments, floor, options
        self._live = moments.inverse > 0
        self._sizes, self._size_of, numbers = np.unique(
            moments.counts, return_inverse=True, return_counts=True
        )
        # classes in the order of their sizes, and where a size ends
        self._by_size, self._ends = np.argsort(self._size_of, kind="stable"), np.cumsum(numbers)
        self.n_steps = 0

    def solved_from(self, starts, uniqueness):
        """Point where EM ends, and whether it converged.

        The starts are loadings in any rotation. All take a few steps, the most probable goes on.
        """
        points = [self._first(loadings, uniqueness) for loadings in starts]
        if len(points) > 1:
            points = [damped_anderson(self, point, _TRIAL_STEPS)[0] for point in points]
        point = max(points, key=lambda point: point.posterior)
        self._moves = []
        point, _, converged = damped_anderson(self, point, self._options.max_iter)
        return point, converged

    def _first(self, loadings, uniqueness):
        loadings = loadings @ self._moments.class_axes(loadings, uniqueness)
        self._moves = []
        return self._evaluated(
            _State(loadings, uniqueness), np.full(loadings.shape[1], _FIRST_SHARE)
        )

    def _evaluated(self, state, shares):
        moments, weighted = self._moments, state.loadings / state.uniqueness[:, None]
        total, within, means = moments.times(weighted)
        free = total - within - moments.combined(means)
        sums = self._class_sums(weighted, state.loadings, free, within, means)
        shares, misfit = most_probable_shares(sums, shares)
        self._options.on_step("step of EM")
        self.n_steps += 1

        logarithm = np.log(state.uniqueness[self._live])
        misfit += moments.n_samples * np.sum(logarithm + np.exp(-logarithm))
        misfit += 0.5 * PRIOR_SAMPLES * np.sum(logarithm**2)

        variances = sums.variances(shares)
        of_free, of_within, *of_size = posteriors = sums.posteriors(variances)
        factors = np.einsum("nk,nkl->nl", means, np.stack(of_size)[self._size_of])
        products = free @ of_free + within @ of_within + moments.combined(factors)
        squares = sums.squares(posteriors)
        following = self._maximised(
            products, squares.sum(axis=0), factor_transform(sums.number, variances, squares)
        )
        return _Point(state, shares, following, float(-0.5 * misfit))

    def _class_sums(self, weighted, loadings, free, within, means):
        """Of the unpaired samples, of deviations from the means of classes, of means by size."""
        moments = self._moments
        of_size = np.split(means[self._by_size], self._ends[:-1])
        along = np.stack([weighted.T @ free, weighted.T @ within, *(m.T @ m for m in of_size)])
        return ClassSums(
            information=weighted.T @ loadings,
            number=np.array([moments.n_free, moments.n_within, *map(len, of_size)], float),
            slope=np.r_[0.0, -1.0, self._sizes - 1.0],
            along=0.5 * (along + along.transpose(0, 2, 1)),
        )

    def _maximised(self, products, squares, transform):
        """Regression of the features on the factors, and the factors transformed."""
        n_samples = self._moments.n_samples
        loadings = np.linalg.solve(squares, products.T).T
        rest = self._live - np.sum(loadings * products, axis=1) / n_samples
        noise = most_probable_uniqueness(rest, PRIOR_SAMPLES / n_samples, self._floor)
        return _State(loadings @ transform, np.where(self._live, noise, 1.0))

    def moved(self, point, step, n_refused):
        loadings, logarithm = np.split(point.state.as_vector() + step, [point.state.loadings.size])
        uniqueness = np.clip(np.exp(logarithm), self._floor, 1.0)
        state = _State(loadings.reshape(point.state.loadings.shape), uniqueness)
        return self._evaluated(state, point.shares)


def _as_effects(point, start, covariance, scale):
    """Factors orthogonal in units of the noise, strongest first."""
    state = point.following
    root = np.sqrt(state.uniqueness)[:, None]
    vectors, singular, right = np.linalg.svd(state.loadings / root, full_matrices=False)
    live = singular**2 > SMALLEST_EXCESS
    directions = scale[:, None] * root * vectors
    loadings = directions[:, live] * singular[live]
    further = np.hstack([directions[:, ~live], start.further])
    noise = np.where(scale > 0, scale**2 * state.uniqueness, start.model.noise.variances)
    fit = replace(
        start,
        model=FactorModel(start.model.mean, loadings, DiagonalNoise(noise)),
        further=further,
        eigenvalues=contrastive_eigenvalues(covariance, np.hstack([loadings, further])),
        floored=np.flatnonzero((state.uniqueness <= start.floor) & (scale > 0)),
    )
    return ClassEffects(fit, (right[live] * point.shares) @ right[live].T)
