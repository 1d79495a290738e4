"""Noise that is shared inside groups of features: the covariance without its diagonal blocks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from numbers import Integral

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ._extrapolation import StepMemory
from ._factor_model import SCORING_FLOOR, FactorModel
from ._moments import SecondMoments
from ._noise import BlockNoise
from ._rank import noise_edge
from ._refinement import (
    PRIOR_SAMPLES,
    REFINEMENT_FLOOR,
    SMALLEST_EXCESS,
    most_probable_uniqueness,
)
from ._spectrum import SearchSpace, relative_residuals

__all__ = ["check_groups", "estimate_grouped_model"]

# a direction of a group with a smaller share of its largest variance is constant
_SMALLEST_SHARE = 1e-12
# residuals of eigenvectors, as shares of the eigenvalues
_TOL = 1e-8
# steps of refinement between two counts of eigenvalues
_COUNTING_STEPS = 4


def check_groups(
    members: Mapping[object, NDArray[np.intp]], n_features: int, n_samples: float
) -> None:
    """Refuse groups whose noise cannot be told from the signal.

    Parameters
    ----------
    members : mapping
        Features of each group, by label.
    n_features : int
        Number of features.
    n_samples : float
        Number of samples; infinite where more may come.

    Raises
    ------
    ValueError
        If there are fewer than three groups, or one holds more than half of the features or as
        many as there are samples.
    """
    if len(members) < 3:
        raise ValueError(
            f"feature_groups has {len(members)} group(s), but at least three are needed. With two, "
            "only the covariances between them are left, and those tell which directions they "
            "share (inter-battery factor analysis) but not how much of each group is noise. Divide "
            "the features into more groups, or leave feature_groups out."
        )
    label = max(members, key=lambda name: len(members[name]))
    if 2 * len(members[label]) > n_features:
        raise ValueError(
            f"Group {label!r} of feature_groups holds {len(members[label])} of {n_features} "
            "features, but none may hold more than half: what a group shares is told from the "
            "signal only by what the features outside it show. Divide the group."
        )
    if len(members[label]) >= n_samples:
        raise ValueError(
            f"Group {label!r} of feature_groups holds {len(members[label])} features, but there "
            f"are only {n_samples:g} samples: with no more samples than features, any group "
            "explains any other perfectly. Divide the group, or leave feature_groups out."
        )


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
    units = _Units.of(covariance, groups)
    n_factors = _number_of_factors(moments, n_components, units, covariance, rng)
    n_sought = min(n_factors, units.correlation.shape[0], int(np.ceil(moments.n_samples)) - 1)
    eigenvalues, vectors = _contrastive_pairs(covariance, groups, n_sought, rng)
    on_step("eigenproblem")
    if max_iter == 0 or n_sought == 0:
        positive = eigenvalues > SMALLEST_EXCESS * np.trace(covariance)
        loadings = vectors[:, positive] * np.sqrt(eigenvalues[positive])
        unit_loadings = units.whiten @ loadings
        noise = _most_probable(unit_loadings, units, prior=0.0)
        n_iter, converged = min(n_sought, 1), True
    else:
        unit_loadings, noise, n_iter, converged = _refine(
            units, n_sought, max_iter, tol, PRIOR_SAMPLES / moments.n_samples, rng, on_step
        )
        loadings = units.colour @ unit_loadings
        n_iter += 1
    scored = [_spectral(block, lambda u: np.maximum(u, SCORING_FLOOR)) for block in noise]
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


class _Units:
    """Coordinates in which every group has the identity as its covariance.

    Parameters
    ----------
    roots : list of ndarray of shape (group_size, group_rank)
        Roots R of the groups' covariances RR', constant directions left out.
    inverses : list of ndarray of shape (group_rank, group_size)
        Their pseudo-inverses.
    groups : tuple of ndarray of int
        Features of each group.
    covariance : ndarray of shape (n_features, n_features)
        Of all features.
    """

    def __init__(self, roots, inverses, groups, covariance):
        self.roots, self.groups = roots, groups
        order = np.concatenate(groups)
        #: (n_features, rank) from the coordinates to features, sparse
        self.colour = _rows_at(order, sparse.block_diag(roots, format="csr"))
        #: (rank, n_features) from features to the coordinates, sparse
        self.whiten = _rows_at(order, sparse.block_diag([i.T for i in inverses], format="csr")).T
        self.whiten = self.whiten.tocsr()
        #: covariance in the coordinates, with identities as diagonal blocks
        self.correlation = self.whiten @ (self.whiten @ covariance).T
        ends = np.cumsum([root.shape[1] for root in roots])
        #: slices of the coordinates of each group
        self.slices = [slice(e - r.shape[1], e) for e, r in zip(ends, roots, strict=True)]

    @classmethod
    def of(cls, covariance, groups):
        roots, inverses = [], []
        for features in groups:
            values, vectors = np.linalg.eigh(covariance[np.ix_(features, features)])
            live = values > _SMALLEST_SHARE * max(values[-1], 0.0)
            values, vectors = values[live], vectors[:, live]
            roots.append(vectors * np.sqrt(values))
            inverses.append((vectors / np.sqrt(values)).T)
        return cls(roots, inverses, groups, covariance)

    def noise(self, blocks) -> BlockNoise:
        """Noise in the features' units, positive definite: constant directions get a little."""
        coloured = [root @ block @ root.T for root, block in zip(self.roots, blocks, strict=True)]
        diagonals = np.concatenate([np.diag(block) for block in coloured])
        smallest = diagonals[diagonals > 0].min(initial=np.inf)
        smallest = smallest if np.isfinite(smallest) else 1.0
        for i, (root, block) in enumerate(zip(self.roots, coloured, strict=True)):
            if root.shape[0] > root.shape[1]:
                left, _, _ = np.linalg.svd(root)
                constant = left[:, root.shape[1] :]
                coloured[i] = block + smallest * constant @ constant.T
        return BlockNoise(tuple(coloured), self.groups)


def _rows_at(order, matrix):
    """Sparse matrix whose row order[i] is row i of another."""
    return matrix[np.argsort(order)]


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
    values = values[values > SMALLEST_EXCESS * np.trace(covariance)]
    if n_components is None or not len(values):
        return len(values)
    common = np.cumsum(values)
    return int(np.searchsorted(common, n_components * common[-1], side="right")) + 1


def _estimate_rank(moments, units, largest, rng):
    """Counted upward, as `estimate_rank` does for single features."""
    edge = noise_edge(moments.n_samples, units.correlation.shape[0])
    blocks = [np.eye(s.stop - s.start) for s in units.slices]
    rank = 0
    while rank < largest:
        values = np.linalg.eigvalsh(_whitened(units, blocks))
        count = min(int(np.sum(values > edge)), largest)
        if count <= rank:
            break
        rank = count
        prior = PRIOR_SAMPLES / moments.n_samples
        _, blocks, _, _ = _refine(units, rank, _COUNTING_STEPS, 1e-3, prior, rng, lambda name: None)
    return rank


def _refine(units, n_factors, max_iter, tol, prior, rng, on_step):
    """Most probable noise blocks; loadings, blocks, number of eigenproblems, convergence."""
    logs = [np.zeros((s.stop - s.start,) * 2) for s in units.slices]
    lowest, start = np.log(REFINEMENT_FLOOR), None
    memory, n_refused, value, n_iter, converged = StepMemory(), 0, np.inf, 0, False
    proposal = logs
    best = None
    while n_iter < max_iter and not converged:
        blocks = [_spectral(log, lambda v: np.exp(np.clip(v, lowest, 0.0))) for log in proposal]
        loadings, candidate, start = _loadings(units, blocks, n_factors, prior, rng, start)
        n_iter += 1
        on_step("eigenproblem")
        if candidate <= value + 1e-10 * (abs(value) if np.isfinite(value) else 1.0):
            logs, value, n_refused = [_spectral(b, np.log) for b in blocks], candidate, 0
            best = loadings, blocks
            following = [_spectral(b, np.log) for b in _most_probable(loadings, units, prior)]
            position = _flat(logs)
            plain = _flat(following) - position
            step = memory.extrapolate(position, plain)
            converged = bool(np.abs(plain).max(initial=0.0) <= tol)
        else:
            n_refused += 1
            memory = StepMemory()
            step = plain * 0.5 ** (n_refused - 1)
            # a step of no size that still goes uphill: nothing but rounding is left
            converged = n_refused > 30
        proposal = _unflat(position + step, logs)
    loadings, blocks = best
    if converged:
        blocks = _most_probable(loadings, units, prior)
    return loadings, blocks, n_iter, converged


def _loadings(units, blocks, n_factors, prior, rng, start):
    """Best loadings for the noise blocks, twice the negative log-posterior, eigenvectors."""
    root = sparse.block_diag([_spectral(block, np.sqrt) for block in blocks], format="csr")
    inverse = sparse.block_diag([_spectral(b, lambda u: u**-0.5) for b in blocks], format="csr")
    space = SearchSpace(
        lambda v: inverse @ (units.correlation @ (inverse @ v)),
        units.correlation.shape[0],
        n_factors,
        rng,
        start,
    )
    ones = np.ones(units.correlation.shape[0])
    pairs = space.leading(n_factors, ones, tol=_TOL, error=relative_residuals)
    live = pairs.values > 1.0 + SMALLEST_EXCESS
    values = pairs.values[live]
    logarithm = np.log(np.concatenate([np.linalg.eigvalsh(block) for block in blocks]))
    value = np.sum(logarithm + np.exp(-logarithm) + 0.5 * prior * logarithm**2)
    value += np.sum(np.log(values) + 1.0 - values)
    return root @ pairs.vectors[:, live] * np.sqrt(values - 1.0), float(value), space.basis


def _most_probable(loadings, units, prior):
    """Noise blocks given the loadings, in the coordinates of the groups."""
    blocks = []
    for rows in units.slices:
        rest = np.eye(rows.stop - rows.start) - loadings[rows] @ loadings[rows].T
        blocks.append(
            _spectral(rest, lambda u: most_probable_uniqueness(u, prior, REFINEMENT_FLOOR))
        )
    return blocks


def _whitened(units, blocks):
    """Covariance in units of the noise."""
    inverse = sparse.block_diag([_spectral(b, lambda u: u**-0.5) for b in blocks], format="csr")
    return inverse @ (inverse @ units.correlation).T


def _floored(blocks, units):
    """In each direction whose noise was raised to the floor, the feature that weighs most."""
    found = []
    for block, root, features in zip(blocks, units.roots, units.groups, strict=True):
        values, vectors = np.linalg.eigh(block)
        directions = root @ vectors[:, values <= REFINEMENT_FLOOR * (1 + 1e-9)]
        found.extend(features[np.abs(directions).argmax(axis=0)] if directions.size else [])
    return np.unique(np.array(found, dtype=np.intp))


def _spectral(matrix, function):
    """A function of a symmetric matrix: of its eigenvalues, in its eigenvectors."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * function(values)) @ vectors.T


def _flat(matrices):
    return np.concatenate([matrix.ravel() for matrix in matrices])


def _unflat(vector, like):
    ends = np.cumsum([matrix.size for matrix in like])
    parts = np.split(vector, ends[:-1])
    return [part.reshape(matrix.shape) for part, matrix in zip(parts, like, strict=True)]
