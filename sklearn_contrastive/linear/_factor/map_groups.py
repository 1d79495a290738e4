"""Noise that is shared inside groups of features: the covariance without its diagonal blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._covariance.scatter import SecondMoments
from .._solvers.anderson import StepMemory
from .._solvers.davidson import SearchSpace, relative_residuals
from .correlation import feature_scale
from .group_units import GroupUnits, spectral
from .map_newton import (
    PRIOR_SAMPLES,
    REFINEMENT_FLOOR,
    SMALLEST_EXCESS,
    most_probable_uniqueness,
)
from .model import SCORING_FLOOR, FactorModel
from .n_components import noise_edge

__all__ = ["estimate_grouped_model"]

# eigenvalues below this share of the total variance are 0 but for rounding
_SMALLEST_SHARE = 1e-12
# residuals of eigenvectors, as shares of the eigenvalues
_TOL = 1e-8
# steps of refinement between two counts of eigenvalues
_COUNTING_STEPS = 20


def estimate_grouped_model(
    moments: SecondMoments,
    members: Mapping[object, NDArray[np.intp]],
    n_components: int | float | str | None,
    *,
    max_iter: int,
    tol: float,
    rng: np.random.RandomState,
    on_step: Callable[[str], None] = lambda name: None,
) -> FactorModel:
    """Loadings and noise blocks of the samples that the moments describe.

    What `refine` does for one feature is done here for one group: in coordinates in which the
    covariance of every group is the identity, the noise of a group is a matrix H with eigenvalues
    in (0, 1]. Given H, loadings follow from the leading eigenpairs of the noise-whitened
    covariance; given loadings B, the most probable H has the eigenvectors of I - BB' in the group,
    and the eigenvalues of `most_probable_uniqueness`. Steps in log H are extrapolated, and
    shortened where the posterior falls.

    Parameters
    ----------
    moments : SecondMoments
        Of complete samples.
    members : mapping
        Features of each group, by label.
    n_components : int, float, "auto" or None
        Number of factors; share of the common variance; estimated; every positive direction.
    max_iter : int
        Largest number of eigenproblems; 0 is the closed form alone.
    tol : float
        Refinement ends when no log H changes by more.
    rng : numpy.random.RandomState
        Draws the first directions of the eigensolver.
    on_step : callable, default=do nothing
        Called with a name after every eigenproblem.

    Returns
    -------
    FactorModel
        With `BlockNoise`.

    References
    ----------
    Tucker (1958), An inter-battery method of factor analysis.
    Browne (1980), Factor analysis of multiple batteries by maximum likelihood.
    """
    groups = tuple(members.values())
    covariance = moments.scatter / (moments.n_samples - 1)
    units = GroupUnits(covariance, feature_scale(moments), groups)
    n_factors = _number_of_factors(moments, n_components, units, covariance, rng)
    n_sought = min(n_factors, units.correlation.shape[0], int(np.ceil(moments.n_samples)) - 1)
    eigenvalues, vectors = _contrastive_pairs(covariance, groups, n_sought, rng)
    if n_sought:
        on_step("eigenproblem")
    if max_iter == 0 or n_sought == 0:
        positive = eigenvalues > _SMALLEST_SHARE * np.trace(covariance)
        loadings = vectors[:, positive] * np.sqrt(eigenvalues[positive])
        noise = _most_probable(units.whiten @ loadings, units, prior=0.0)
        n_iter, converged = min(n_sought, 1), True
    else:
        prior = PRIOR_SAMPLES / moments.n_samples
        refined, n_iter, converged = _refine(units, n_sought, max_iter, tol, prior, rng, on_step)
        loadings = units.colour @ refined.loadings
        noise = _most_probable(refined.loadings, units, prior)
        n_iter += 1
    scored = [spectral(block, lambda u: np.maximum(u, SCORING_FLOOR)) for block in noise]
    return FactorModel(
        moments.mean,
        loadings,
        units.noise(noise),
        units.noise(scored),
        eigenvalues[: loadings.shape[1]],
        n_factors,
        _floored(noise, units),
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


def _number_of_factors(moments, n_components, units, covariance, rng):
    """The integer that n_components stands for."""
    if isinstance(n_components, Integral):
        return int(n_components)
    rank = units.correlation.shape[0]
    largest = max(0, min(int(np.ceil(moments.n_samples)) - 1, rank))
    if n_components == "auto":
        return _estimate_rank(moments, units, min(largest, rank // 2), rng)
    values = _contrastive_pairs(covariance, units.groups, largest, rng)[0]
    values = values[values > _SMALLEST_SHARE * np.trace(covariance)]
    if n_components is None or not len(values):
        return len(values)
    common = np.cumsum(values)
    return int(np.searchsorted(common, n_components * common[-1], side="right")) + 1


def _estimate_rank(moments, units, largest, rng):
    """Counted upward, as `estimate_rank` does for single features."""
    edge = noise_edge(moments.n_samples, max(1, len(units.correlation)))
    blocks = [np.eye(s.stop - s.start) for s in units.slices]
    rank = 0
    while rank < largest:
        values = np.linalg.eigvalsh(_whitened(units, blocks))
        count = min(int(np.sum(values > edge)), largest)
        if count <= rank:
            break
        rank = count
        prior = PRIOR_SAMPLES / moments.n_samples
        refined, *_ = _refine(units, rank, _COUNTING_STEPS, 1e-3, prior, rng, lambda name: None)
        blocks = refined.blocks
    return rank


def _refine(units, n_factors, max_iter, tol, prior, rng, on_step):
    """Most probable noise blocks; the solution, number of eigenproblems, convergence."""
    best = _solve(units, [np.eye(s.stop - s.start) for s in units.slices], n_factors, prior, rng)
    on_step("eigenproblem")
    memory, n_refused, n_iter, converged = StepMemory(), 0, 1, False
    while n_iter < max_iter and not converged:
        if n_refused == 0:
            position = _flat(spectral(block, np.log) for block in best.blocks)
            following = _most_probable(best.loadings, units, prior)
            plain = _flat(spectral(block, np.log) for block in following) - position
            step = memory.extrapolate(position, plain)
        else:  # the plain step, then shorter ones
            step = plain * 0.5 ** (n_refused - 1)
        blocks = [spectral(log, _uniqueness) for log in _unflat(position + step, best.blocks)]
        candidate = _solve(units, blocks, n_factors, prior, rng, best.basis)
        n_iter += 1
        on_step("eigenproblem")
        if candidate.value <= best.value + 1e-10 * abs(best.value):
            best, n_refused = candidate, 0
        else:
            n_refused, memory = n_refused + 1, StepMemory()
        converged = bool(np.abs(step).max(initial=0.0) <= tol)
    return best, n_iter, converged


@dataclass(frozen=True)
class _Solution:
    """Noise blocks, the best loadings for them, twice the negative log-posterior, directions."""

    blocks: list[NDArray[np.float64]]
    loadings: NDArray[np.float64]
    value: float
    basis: NDArray[np.float64]


def _solve(units, blocks, n_factors, prior, rng, start=None) -> _Solution:
    """Best loadings for the noise blocks, in the coordinates of the groups."""
    root = sparse.block_diag([spectral(block, np.sqrt) for block in blocks], format="csr")
    inverse = sparse.block_diag([spectral(b, lambda u: u**-0.5) for b in blocks], format="csr")
    size = len(units.correlation)
    space = SearchSpace(
        lambda v: inverse @ (units.correlation @ (inverse @ v)), size, n_factors, rng, start
    )
    pairs = space.leading(n_factors, np.ones(size), tol=_TOL, error=relative_residuals)
    live = pairs.values > 1.0 + SMALLEST_EXCESS
    values = pairs.values[live]
    loadings = root @ pairs.vectors[:, live] * np.sqrt(values - 1.0)
    logarithm = np.log(np.concatenate([np.linalg.eigvalsh(block) for block in blocks]))
    value = np.sum(logarithm + np.exp(-logarithm) + 0.5 * prior * logarithm**2)
    value += np.sum(np.log(values) + 1.0 - values)
    return _Solution(blocks, loadings, float(value), space.basis)


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
