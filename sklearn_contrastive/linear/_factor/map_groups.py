"""Maximum a posteriori factor model with noise that is shared inside groups of features."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from ..._noise_edge import degrees_of_freedom, noise_edge
from .._covariance.base import Covariance
from .._covariance.scale import feature_scale
from .._solvers.anderson import FixedPoint, damped_anderson, slowest_contraction
from .._solvers.chebyshev import FeatureBlock
from .._solvers.davidson import OVERSAMPLING, SMALL, SearchSpace, padded_start
from .group_noise import GroupNoise, most_probable_noise
from .group_units import GroupUnits
from .map_newton import PRIOR_SAMPLES, REFINEMENT_FLOOR, SMALLEST_EXCESS
from .model import FactorFit, FactorModel
from .n_components import count_above, count_upward, counting_weights, resolve_n_components
from .options import FitOptions

__all__ = ["fit_block_noise"]

# eigenvalues below this share of the total variance are 0 but for rounding
_SMALLEST_SHARE = 1e-12
# residuals of eigenvectors, as shares of the eigenvalues: of those that are reported; of the first
# and of the later ones in refinement, the latter as a share of the last step
_TOL, _FIRST_TOL, _TOL_OF_STEP = 1e-8, 1e-2, 0.1
# steps of refinement between two counts of eigenvalues
_COUNTING_STEPS = 8
# moves from which the slowest contraction is estimated
_MOVES = 8


def fit_block_noise(
    covariance: Covariance,
    groups: tuple[NDArray[np.intp], ...],
    n_components: int | float | str | None,
    options: FitOptions,
) -> FactorFit:
    """Maximum a posteriori loadings and noise blocks, from the covariance alone.

    `refine` for groups instead of single features: in coordinates in which the covariance of every
    group is the identity, the noise of a group is a matrix H with eigenvalues in (0, 1]. Given H,
    loadings follow from the leading eigenpairs of the noise-whitened covariance; given loadings B,
    H is `most_probable_noise`, the identity in all but n_factors directions. So the steps go from
    loadings to loadings. They are extrapolated, and shortened where the posterior falls.

    Parameters
    ----------
    covariance : Covariance
        Of complete samples.
    groups : tuple of ndarray of int
        Features of each group.
    n_components : int, float, "auto" or None
        Number of factors; share of the common variance; estimated; every positive direction.
    options : FitOptions
        Of the fit: at most `max_iter` eigenproblems, 0 for the closed form alone; refinement ends
        when the steps to come would change no log H by more than `tol`, or, unless `tol` is below
        its default, by more than a small share of a standard error.

    Returns
    -------
    FactorFit
        With `BlockNoise`.

    References
    ----------
    Tucker (1958), An inter-battery method of factor analysis.
    Browne (1980), Factor analysis of multiple batteries by maximum likelihood.
    """
    matrix, rng = covariance.to_matrix(), options.rng
    units = GroupUnits(matrix, feature_scale(covariance), groups)
    n_factors = _count_components(covariance, n_components, units, matrix, options)
    n_sought = min(n_factors, units.correlation.shape[0], int(np.ceil(covariance.n_samples)) - 1)
    if options.max_iter == 0 or n_sought == 0:
        eigenvalues, vectors = _contrastive_pairs(matrix, groups, n_sought, rng)
        positive = eigenvalues > _SMALLEST_SHARE * np.trace(matrix)
        loadings = vectors[:, positive] * np.sqrt(eigenvalues[positive])
        further = vectors[:, ~positive]
        noise = most_probable_noise(units.whitened(loadings), units.stacks, prior=0.0)
        n_iter, converged = min(n_sought, 1), True
        if n_sought:
            options.on_step("eigenproblem")
    else:
        point, n_iter, converged = _refine(units, n_sought, covariance.n_samples, options)
        live = point.following.any(axis=0)
        noise = most_probable_noise(
            point.following, units.stacks, PRIOR_SAMPLES / covariance.n_samples
        )
        loadings = units.coloured(point.following @ point.rotation)[:, live]
        further = np.zeros((len(matrix), 0))
        if loadings.shape[1] < n_sought:
            vectors = _contrastive_pairs(matrix, groups, n_sought, rng, loadings)[1]
            further = vectors[:, loadings.shape[1] :]
        basis = np.linalg.qr(np.hstack([loadings, further]))[0]
        projected = basis.T @ _without_blocks(matrix, groups) @ basis
        eigenvalues = np.linalg.eigvalsh(projected)[::-1]
    return FactorFit(
        FactorModel(covariance.mean, loadings, units.noise(noise.blocks(units.slices))),
        further,
        eigenvalues,
        n_factors,
        _floored(noise.blocks(units.slices), units),
        REFINEMENT_FLOOR,
        n_iter,
        converged,
    )


def _contrastive_pairs(covariance, groups, n_pairs, rng, start=None):
    """Leading eigenvalues and vectors of the covariance without its diagonal blocks."""
    if n_pairs == 0:
        return np.zeros(0), np.zeros((len(covariance), 0))
    deleted = _without_blocks(covariance, groups)
    unit = max(np.trace(covariance) / len(covariance), np.finfo(float).tiny)
    if start is not None and len(covariance) > SMALL:
        start = padded_start(start, n_pairs, rng)
    space = SearchSpace(deleted.__matmul__, len(covariance), n_pairs, rng, start)
    pairs = space.leading(n_pairs, tol=_TOL, unit=unit)
    return pairs.values, pairs.vectors


def _without_blocks(covariance, groups):
    """A copy of the covariance matrix without its diagonal blocks."""
    deleted = covariance.copy()
    for features in groups:
        deleted[np.ix_(features, features)] = 0.0
    return deleted


def _count_components(covariance, n_components, units, matrix, options):
    """The integer that n_components stands for."""
    rank = units.correlation.shape[0]
    largest = max(0, min(int(np.ceil(covariance.n_samples)) - 1, rank))

    @cache
    def positive_eigenvalues():
        values = _contrastive_pairs(matrix, units.groups, largest, options.rng)[0]
        return values[values > _SMALLEST_SHARE * np.trace(matrix)]

    return resolve_n_components(
        n_components,
        largest,
        estimate=lambda: _estimate_n_components(
            covariance, units, min(largest, rank // 2), options.rng
        ),
        count_positive=lambda: len(positive_eigenvalues()),
        eigenvalues=lambda n_pairs: positive_eigenvalues(),
    )


def _estimate_n_components(covariance, units, largest, rng):
    """Number of factors with block noise, counted upward."""
    options = FitOptions(rng, max_iter=_COUNTING_STEPS, tol=1e-3)
    n_samples, size = covariance.n_samples, len(units.correlation)
    inverse_weights = 1.0 / _unit_weights(covariance, units)

    def count(n_factors, point):
        if largest == 0:
            return 0
        edge = noise_edge(degrees_of_freedom(n_samples, n_factors), max(1, size))
        noise = _no_factors(units) if point is None else point.noise
        start = None if point is None else point.basis
        times = _whitened_times(units, noise)
        block = FeatureBlock(times, size, min(8, largest), rng, start)
        return count_above(block, inverse_weights, edge, largest)

    def refined(n_factors, point):
        return _refine(units, n_factors, n_samples, options)[0]

    return count_upward(count, refined, largest)[0]


def _no_factors(units):
    """All variance is noise."""
    return most_probable_noise(np.zeros((len(units.correlation), 1)), units.stacks, prior=0.0)


def _unit_weights(covariance, units):
    """Weight of each coordinate in the count: the smallest of its group's features."""
    weights = counting_weights(covariance, feature_scale(covariance))
    smallest = [
        np.min(weights[each], where=weights[each] > 0, initial=1.0) for each in units.groups
    ]
    return np.repeat(smallest, [s.stop - s.start for s in units.slices])


def _whitened_times(units, noise):
    """The covariance in units of the noise, as a function of directions."""
    return lambda v: noise.times(units.correlation @ noise.times(v, -0.5), -0.5)


def _refine(units, n_factors, n_samples, options):
    """Most probable loadings and noise; the solution, number of eigenproblems, convergence."""
    problem = _BlockSteps(units, n_factors, n_samples, options)
    start = problem.solve(np.zeros((len(units.correlation), n_factors)), _FIRST_TOL)
    return damped_anderson(problem, start, options.max_iter)


@dataclass(frozen=True)
class _Point:
    """Loadings and their most probable noise, and what follows from that noise.

    `following` are the best loadings for the noise, `rotation` makes them orthogonal in units of
    it, `value` is twice the negative log-posterior, and `basis` has the directions.
    """

    loadings: NDArray[np.float64]
    noise: GroupNoise
    following: NDArray[np.float64]
    rotation: NDArray[np.float64]
    value: float
    basis: NDArray[np.float64]


class _BlockSteps(FixedPoint):
    """Steps from loadings to their noise to the best loadings for it."""

    def __init__(self, units, n_factors, n_samples, options):
        self._units, self._n_factors, self._options = units, n_factors, options
        self._prior = PRIOR_SAMPLES / n_samples
        self._tol, self._moves = max(options.tol, _TOL), []

    def solve(self, loadings, tol, start=None) -> _Point:
        """Most probable noise for the loadings, and the best loadings for that noise."""
        noise = most_probable_noise(loadings, self._units.stacks, self._prior)
        times, rng = _whitened_times(self._units, noise), self._options.rng
        space = SearchSpace(times, len(loadings), self._n_factors, rng, start)
        pairs = space.leading(self._n_factors, tol=tol)
        live = pairs.values > 1.0 + SMALLEST_EXCESS
        values = np.where(live, pairs.values, 1.0)
        best = noise.times(pairs.vectors, 0.5) * np.sqrt(values - 1.0)
        left, _, right = np.linalg.svd(best.T @ loadings)
        rotation = left @ right  # to be close to the loadings, for extrapolation
        logarithm = np.log(noise.eigenvalues)
        value = np.sum(logarithm + np.expm1(-logarithm) + 0.5 * self._prior * logarithm**2)
        value += len(loadings) + np.sum(np.log(values) + 1.0 - values)
        self._options.on_step("eigenproblem")
        basis = space.basis[:, : 2 * self._n_factors + OVERSAMPLING]
        return _Point(loadings, noise, best @ rotation, rotation.T, float(value), basis)

    def position(self, point):
        return point.loadings.ravel()

    def step(self, point):
        return (point.following - point.loadings).ravel()

    def moved(self, point, step, n_refused):
        size = np.abs(step).max(initial=0.0)
        tol = np.clip(_TOL_OF_STEP * size, _TOL, _FIRST_TOL)
        return self.solve(point.loadings + step.reshape(point.loadings.shape), tol, point.basis)

    def accepts(self, point, candidate, n_refused):
        return candidate.value <= point.value + 1e-10 * abs(point.value)

    def has_converged(self, point, candidate, step, accepted):
        """Whether the way to come is short: at most the step over the slowest contraction."""
        if not accepted:
            return False
        moved = self.position(candidate) - self.position(point)
        if not moved.any():
            return True
        self._moves = [*self._moves, (moved, self.step(candidate) - self.step(point))][-_MOVES:]
        rate = min(1.0, slowest_contraction(*np.stack(self._moves, axis=2)))
        if np.abs(self.step(candidate)).max() > rate * self._tol:
            return False  # the logarithms differ by more
        following = most_probable_noise(candidate.following, self._units.stacks, self._prior)
        logarithms = zip(
            candidate.noise.functions(np.log), following.functions(np.log), strict=True
        )
        change = max(np.abs(new - old).max(initial=0.0) for old, new in logarithms)
        return bool(change <= rate * self._tol)


def _floored(blocks, units):
    """In each direction whose noise was raised to the floor, the feature that weighs most."""
    found = []
    for block, root, features in zip(blocks, units.roots, units.groups, strict=True):
        values, vectors = np.linalg.eigh(block)
        directions = root @ vectors[:, values <= REFINEMENT_FLOOR * (1 + 1e-9)]
        found.extend(features[np.abs(directions).argmax(axis=0)] if directions.size else [])
    return np.unique(np.array(found, dtype=np.intp))
