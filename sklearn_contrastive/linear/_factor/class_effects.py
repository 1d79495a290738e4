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
from .._covariance.scale import feature_scale, reciprocal
from .._solvers.anderson import FixedPoint, damped_anderson, slowest_contraction
from .class_shares import ClassSums, most_probable_shares
from .closed_form import contrastive_eigenvalues
from .map_newton import PRIOR_SAMPLES, SMALLEST_EXCESS, most_probable_uniqueness
from .model import FactorFit, FactorModel
from .noise import DiagonalNoise
from .noise_edge import noise_edge
from .options import FitOptions

__all__ = ["ClassEffects", "refine_with_labels"]

# share of the factors' variance between classes with which the steps begin
_FIRST_SHARE = 0.2
# relative change of the posterior that is rounding
_ROUNDING = 1e-15
# moves from which the slowest contraction is estimated
_MOVES = 8
# numbers in the means of classes up to which directions are sought that only labels show
_MEANS_ENTRIES = 2**24


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
        Of the fit: at most `max_iter` steps. They end when those to come would change no uniqueness
        by more than the share `tol` of itself, and no loading by more than that share of the root
        of twice its uniqueness.
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
    moments = _Moments.of(covariance, scale)
    inverse = reciprocal(scale)
    uniqueness = np.where(scale > 0, start.model.noise.variances * inverse**2, 1.0)
    uniqueness = np.clip(uniqueness, start.floor, 1.0)
    loadings = inverse[:, None] * start.model.loadings
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
    solutions = [em.solved(each, uniqueness) for each in starts]
    point, converged = max(solutions, key=lambda solution: solution[0].posterior)
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
class _Moments:
    """Moments of the three kinds of samples, in units of the features' deviations."""

    covariance: LabelledCovariance
    inverse: NDArray[np.float64]
    paired: NDArray[np.bool_]
    counts: NDArray[np.float64]
    n_samples: float
    growth: float

    @classmethod
    def of(cls, covariance, scale):
        """Variances are 1 with n - 1 in the denominator, as in the model without labels."""
        paired, n_samples = covariance.counts > 1, covariance.n_samples
        growth = n_samples / (n_samples - 1.0)
        return cls(
            covariance,
            reciprocal(scale),
            paired,
            covariance.counts[paired],
            n_samples,
            growth,
        )

    @property
    def n_within(self):
        """Degrees of freedom within classes."""
        return float(np.sum(self.counts - 1.0))

    @property
    def n_free(self):
        """Number of samples without a partner of their class."""
        return self.n_samples - float(self.counts.sum())

    def times(self, directions):
        """Scatter of all samples and within classes, times directions; rooted means of classes."""
        inner = self.inverse[:, None] * directions
        total = self.n_samples * self.inverse[:, None] * self.covariance.times(inner)
        within = self.growth * self.inverse[:, None] * self.covariance.within_times(inner)
        root = np.sqrt(self.growth * self.counts)[:, None]
        return total, within, root * self.covariance.class_scores(inner)[self.paired]

    def combined(self, weights):
        """Rooted means of the classes with weights (n_paired, n_sums), summed."""
        every = np.zeros((len(self.paired), weights.shape[1]))
        every[self.paired] = np.sqrt(self.growth * self.counts)[:, None] * weights
        return self.inverse[:, None] * self.covariance.combined_means(every)

    def class_axes(self, loadings, uniqueness):
        """Rotation of the factors to where their means by class differ most, in descending order.

        From the covariance of the means by class less what varies within classes.
        """
        weighted = loadings / uniqueness[:, None]
        _, within, means = self.times(weighted)
        to_factors = np.linalg.inv(np.eye(loadings.shape[1]) + weighted.T @ loadings)
        noise = to_factors @ (weighted.T @ within) @ to_factors / self.n_within
        means = means @ to_factors
        return np.linalg.eigh(means.T @ means - len(means) * noise)[1][:, ::-1]

    def class_directions(self, loadings, uniqueness):
        """Loadings of class differences outside the factors that exceed those of random labels."""
        n_features, n_classes = len(uniqueness), len(self.counts)
        n_free = int(np.sum(self.inverse > 0)) - loadings.shape[1]
        if n_classes < 2 or n_free < 1 or n_classes * n_features > _MEANS_ENTRIES:
            return np.zeros((n_features, 0))
        root = np.sqrt(uniqueness)[:, None]
        white = self.combined(np.eye(n_classes)) / root
        basis = np.linalg.qr(loadings / root)[0]
        white -= basis @ (basis.T @ white)
        left, singular, _ = np.linalg.svd(white, full_matrices=False)
        squares = singular**2 / (n_classes - 1.0)
        chosen = squares > noise_edge(n_classes - 1.0, n_free)
        return root * left[:, chosen] * np.sqrt((squares[chosen] - 1.0) / self.counts.mean())


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


class _ExpectationMaximisation(FixedPoint):
    """Steps of EM; the shares are the most probable ones at every point."""

    def __init__(self, moments, floor, options):
        self._moments, self._floor, self._options = moments, floor, options
        self._live = moments.inverse > 0
        self._sizes, self._size_of = np.unique(moments.counts, return_inverse=True)
        self._moves, self.n_steps = [], 0

    def solved(self, loadings, uniqueness):
        """Point where EM ends, from loadings in any rotation, and whether it converged."""
        loadings = loadings @ self._moments.class_axes(loadings, uniqueness)
        shares = np.full(loadings.shape[1], _FIRST_SHARE)
        self._moves = []
        first = self._evaluated(_State(loadings, uniqueness), shares)
        point, _, converged = damped_anderson(self, first, self._options.max_iter)
        return point, converged

    def _evaluated(self, state, shares):
        moments, weighted = self._moments, state.loadings / state.uniqueness[:, None]
        total, within, means = moments.times(weighted)
        sums = self._class_sums(weighted.T @ state.loadings, weighted.T @ within, means)
        shares = most_probable_shares(sums, shares)
        self._options.on_step("step of EM")
        self.n_steps += 1

        variances = sums.variances(shares)
        posteriors = sums.posteriors(variances)
        free = total - within - moments.combined(means)
        of_free = np.linalg.inv(sums.information + np.eye(len(shares)))
        along = weighted.T @ free
        factors = np.einsum("nk,nkl->nl", means, posteriors[1:][self._size_of])
        products = free @ of_free + within @ posteriors[0] + moments.combined(factors)
        squares = moments.n_free * of_free + of_free @ along @ of_free
        squares += sums.squares(posteriors).sum(axis=0)

        misfit = sums.misfit(variances, posteriors) - np.sum(of_free * along)
        misfit -= moments.n_free * np.linalg.slogdet(of_free)[1]
        logarithm = np.log(state.uniqueness[self._live])
        misfit += moments.n_samples * np.sum(logarithm + np.exp(-logarithm))
        misfit += 0.5 * PRIOR_SAMPLES * np.sum(logarithm**2)
        following = self._maximised(products, squares)
        return _Point(state, shares, following, float(-0.5 * misfit))

    def _class_sums(self, information, within, means):
        """Of the deviations from the means of the classes, then of the means by their size."""
        of_size = [means[self._size_of == size] for size in range(len(self._sizes))]
        return ClassSums(
            information,
            np.array([self._moments.n_within, *map(len, of_size)], float),
            np.r_[-1.0, self._sizes - 1.0],
            np.stack([0.5 * (within + within.T), *(part.T @ part for part in of_size)]),
        )

    def _maximised(self, products, squares):
        """Regression of the features on the factors."""
        n_samples = self._moments.n_samples
        loadings = np.linalg.solve(squares, products.T).T
        rest = self._live - np.sum(loadings * products, axis=1) / n_samples
        noise = most_probable_uniqueness(rest, PRIOR_SAMPLES / n_samples, self._floor)
        return _State(loadings, np.where(self._live, noise, 1.0))

    def position(self, point):
        return point.state.as_vector()

    def step(self, point):
        return point.step

    def moved(self, point, step, n_refused):
        loadings, logarithm = np.split(point.state.as_vector() + step, [point.state.loadings.size])
        uniqueness = np.clip(np.exp(logarithm), self._floor, 1.0)
        state = _State(loadings.reshape(point.state.loadings.shape), uniqueness)
        return self._evaluated(state, point.shares)

    def accepts(self, point, candidate, n_refused):
        return candidate.posterior >= point.posterior - 1e-11 * abs(point.posterior)

    def has_converged(self, point, candidate, step, accepted):
        """Whether the way to come is short: at most the step over the slowest contraction."""
        if not accepted:
            return False
        moved = candidate.state.as_vector() - point.state.as_vector()
        if not moved.any() or abs(candidate.posterior - point.posterior) <= _ROUNDING * abs(
            point.posterior
        ):
            return True
        self._moves = [*self._moves, (moved, candidate.step - point.step)][-_MOVES:]
        measured = [
            [_of_subspace(candidate.state, vector) for vector in move] for move in self._moves
        ]
        rate = min(1.0, slowest_contraction(*np.stack(measured, axis=2)))
        left = _of_subspace(candidate.state, candidate.step)
        return bool(np.abs(left).max() <= rate * self._options.tol)


def _of_subspace(state, change):
    """What a change moves the subspace, in units of the noise, and the log uniquenesses.

    Rotations of the factors among themselves are left out: they change neither.
    """
    n_entries = state.loadings.size
    root = np.sqrt(state.uniqueness)[:, None]
    basis = np.linalg.qr(state.loadings / root)[0]
    outside = change[:n_entries].reshape(state.loadings.shape) / root
    outside -= basis @ (basis.T @ outside)
    return np.concatenate([np.sqrt(2.0) * outside.ravel(), change[n_entries:]])


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
