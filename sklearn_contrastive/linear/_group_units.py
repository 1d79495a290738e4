"""Groups of features: which are allowed, and coordinates in which each has unit covariance."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ._noise import BlockNoise

__all__ = ["GroupUnits", "check_groups", "spectral"]

# a direction of a group with a smaller share of its largest variance is constant
_SMALLEST_SHARE = 1e-12


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


class GroupUnits:
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


def spectral(matrix: NDArray, function: Callable[[NDArray], NDArray]) -> NDArray[np.float64]:
    """A function of a symmetric matrix: of its eigenvalues, in its eigenvectors."""
    values, vectors = np.linalg.eigh(matrix)
    return (vectors * function(values)) @ vectors.T
