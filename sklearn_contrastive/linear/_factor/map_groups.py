"""Maximum a posteriori factor model with noise that is shared inside groups of features."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._covariance.base import Covariance
from .._covariance.scale import feature_scale
from .._solvers.anderson import FixedPoint, damped_anderson
from .._solvers.davidson import SearchSpace, relative_residuals
from .group_units import GroupUnits, spectral
from .map_newton import (
    PRIOR_SAMPLES,
    REFINEMENT_FLOOR,
    SMALLEST_EXCESS,
    most_probable_uniqueness,
)
from .model import FactorFit, FactorModel
from .n_components import count_upward, counting_weights, resolve_n_components
from .noise_edge import degrees_of_freedom, noise_edge
from .options import FitOptions

__all__ = ["fit_block_noise"]

# eigenvalues below this share of the total variance are 0 but for rounding
_SMALLEST_SHARE = 1e-12
# residuals of eigenvectors, as shares of the eigenvalues
_TOL = 1e-8
# steps of refinement between two counts of eigenvalues
_COUNTING_STEPS = 20


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
    the most probable H has the eigenvectors of I - BB' in the group, and the eigenvalues of
    `most_probable_uniqueness`. Steps in log H are extrapolated, and shortened where the posterior
    falls.

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
        when no log H changes by more than `tol`.

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
    eigenvalues, vectors = _contrastive_pairs(matrix, groups, n_sought, rng)
    if n_sought:
        options.on_step("eigenproblem")
    if options.max_iter == 0 or n_sought == 0:
        positive = eigenvalues > _SMALLEST_SHARE * np.trace(matrix)
        loadings = vectors[:, positive] * np.sqrt(eigenvalues[positive])
        noise = _most_probable(units.whiten @ loadings, units, prior=0.0)
        n_iter, converged = min(n_sought, 1), True
    else:
        prior = PRIOR_SAMPLES / covariance.n_samples
        point, n_iter, converged = _refine(units, n_sought, prior, options)
        loadings = units.colour @ point.loadings
        noise = _most_probable(point.loadings, units, prior)
        n_iter += 1
    return FactorFit(
        FactorModel(covariance.mean, loadings, units.noise(noise)),
        np.zeros((len(loadings), 0)),
        eigenvalues[: loadings.shape[1]],
        n_factors,
        _floored(noise, units),
        REFINEMENT_FLOOR,
        n_iter,
        converged,
    )


def _contrastive_pairs(covariance, groups, n_pairs, rng):
    """Leading eigenvalues and vectors of the covariance without its diagonal blocks."""
    if n_pairs == 0:
        return np.zeros(0), np.zeros((len(covariance), 0))
    deleted = covariance.copy()
    for features in groups:
        deleted[np.ix_(features, features)] = 0.0
    unit = max(np.trace(covariance) / len(covariance), np.finfo(float).tiny)
    space = SearchSpace(lambda v: deleted @ v / unit, len(covariance), n_pairs, rng)
    pairs = space.leading(n_pairs, np.ones(len(covariance)), tol=_TOL, error=relative_residuals)
    return pairs.values * unit, pairs.vectors


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
    n_samples, root = covariance.n_samples, np.sqrt(_unit_weights(covariance, units))

    def count(n_factors, point):
        edge = noise_edge(degrees_of_freedom(n_samples, n_factors), max(1, len(units.correlation)))
        blocks = _identities(units) if point is None else point.blocks
        values = np.linalg.eigvalsh(root[:, None] * _whitened(units, blocks) * root)
        return min(int(np.sum(values > edge)), largest)

    def refined(n_factors, point):
        return _refine(units, n_factors, PRIOR_SAMPLES / n_samples, options)[0]

    return count_upward(count, refined, largest)


def _unit_weights(covariance, units):
    """Weight of each coordinate in the count: the smallest of its group's features."""
    weights = counting_weights(covariance, feature_scale(covariance))
    smallest = [
        np.min(weights[each], where=weights[each] > 0, initial=1.0) for each in units.groups
    ]
    return np.repeat(smallest, [s.stop - s.start for s in units.slices])


def _identities(units):
    return [np.eye(s.stop - s.start) for s in units.slices]


def _refine(units, n_factors, prior, options):
    """Most probable noise blocks; the solution, number of eigenproblems, convergence."""
    problem = _BlockSteps(units, n_factors, prior, options)
    start = problem.solve(_identities(units))
    return damped_anderson(problem, start, options.max_iter)


@dataclass(frozen=True)
class _Point:
    """Noise blocks, the best loadings for them, twice the negative log-posterior, directions."""

    blocks: list[NDArray[np.float64]]
    loadings: NDArray[np.float64]
    value: float
    basis: NDArray[np.float64]


class _BlockSteps(FixedPoint):
    """Steps of expectation-maximisation in the logarithms of the noise blocks."""

    def __init__(self, units, n_factors, prior, options):
        self._units, self._n_factors = units, n_factors
        self._prior, self._options = prior, options

    def solve(self, blocks, start=None) -> _Point:
        """Best loadings for the noise blocks, in the coordinates of the groups."""
        root = sparse.block_diag([spectral(block, np.sqrt) for block in blocks], format="csr")
        inverse = sparse.block_diag([spectral(b, lambda u: u**-0.5) for b in blocks], format="csr")
        correlation, size = self._units.correlation, len(self._units.correlation)
        space = SearchSpace(
            lambda v: inverse @ (correlation @ (inverse @ v)),
            size,
            self._n_factors,
            self._options.rng,
            start,
        )
        pairs = space.leading(self._n_factors, np.ones(size), tol=_TOL, error=relative_residuals)
        live = pairs.values > 1.0 + SMALLEST_EXCESS
        values = pairs.values[live]
        loadings = root @ pairs.vectors[:, live] * np.sqrt(values - 1.0)
        logarithm = np.log(np.concatenate([np.linalg.eigvalsh(block) for block in blocks]))
        value = np.sum(logarithm + np.exp(-logarithm) + 0.5 * self._prior * logarithm**2)
        value += np.sum(np.log(values) + 1.0 - values)
        self._options.on_step("eigenproblem")
        return _Point(blocks, loadings, float(value), space.basis)

    def position(self, point):
        return _flat(spectral(block, np.log) for block in point.blocks)

    def step(self, point):
        following = _most_probable(point.loadings, self._units, self._prior)
        return _flat(spectral(block, np.log) for block in following) - self.position(point)

    def moved(self, point, step, n_refused):
        logarithms = _unflat(self.position(point) + step, point.blocks)
        return self.solve([spectral(log, _uniqueness) for log in logarithms], point.basis)

    def accepts(self, point, candidate, n_refused):
        return candidate.value <= point.value + 1e-10 * abs(point.value)

    def has_converged(self, point, candidate, step, accepted):
        return bool(np.abs(step).max(initial=0.0) <= self._options.tol)


def _uniqueness(logarithm):
    return np.exp(np.clip(logarithm, np.log(REFINEMENT_FLOOR), 0.0))


def _most_probable(loadings, units, prior):
    """Noise blocks given the loadings, in the coordinates of the groups."""
    blocks = []
    for rows in units.slices:
        rest = np.eye(rows.stop - rows.start) - loadings[rows] @ loadings[rows].T
        blocks.append(
            spectral(rest, lambda u: most_probable_uniqueness(u, prior, REFINEMENT_FLOOR))
        )
    return blocks


def _whitened(units, blocks):
    """Covariance in units of the noise."""
    inverse = sparse.block_diag([spectral(b, lambda u: u**-0.5) for b in blocks], format="csr")
    return inverse @ (inverse @ units.correlation).T


def _floored(blocks, units):
    """In each direction whose noise was raised to the floor, the feature that weighs most."""
    found = []
    for block, root, features in zip(blocks, units.roots, units.groups, strict=True):
        values, vectors = np.linalg.eigh(block)
        directions = root @ vectors[:, values <= REFINEMENT_FLOOR * (1 + 1e-9)]
        found.extend(features[np.abs(directions).argmax(axis=0)] if directions.size else [])
    return np.unique(np.array(found, dtype=np.intp))


def _flat(matrices):
    return np.concatenate([matrix.ravel() for matrix in matrices])


def _unflat(vector, like):
    ends = np.cumsum([matrix.size for matrix in like])
    parts = np.split(vector, ends[:-1])
    return [part.reshape(matrix.shape) for part, matrix in zip(parts, like, strict=True)]
