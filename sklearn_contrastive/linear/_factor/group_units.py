"""Groups of features: their check, and coordinates in which each has unit covariance."""

import numpy as np
from numpy.typing import NDArray

from ..._features import group_members
from ..._typing import ArrayLike
from .._covariance.samples import Samples
from .group_noise import stacks_of
from .map_newton import REFINEMENT_FLOOR
from .noise import BlockNoise

__all__ = ["GroupUnits", "read_groups"]

# a direction of a group with a smaller share of its largest variance is constant
_SMALLEST_SHARE = 1e-12


def read_groups(
    feature_groups: ArrayLike | None, samples: Samples
) -> tuple[NDArray[np.intp], ...] | None:
    """Features of each group, refused where the noise of a group cannot be identified.

    Parameters
    ----------
    feature_groups : array-like of shape (n_features,) or None
        One label per feature.
    samples : Samples
        Validated samples; more may come if they are streaming.

    Returns
    -------
    groups : tuple of ndarray of int, or None
        In the order of the sorted labels; None where no group has two features.

    Raises
    ------
    ValueError
        If there are fewer than three groups, or one holds more than half of the features or as
        many as there are samples.
    """
    if feature_groups is None:
        return None
    n_features = samples.n_features
    n_samples = np.inf if samples.streaming else samples.total
    members = group_members(feature_groups, n_features, samples.feature_names)
    if len(members) == n_features:
        return None
    if len(members) < 3:
        raise ValueError(
            f"feature_groups has {len(members)} group(s), but at least three are needed. With two, "
            "only the covariances between them are left. Those identify the directions that they "
            "share (inter-battery factor analysis) but not how much of each group is noise. Divide "
            "the features into more groups, or leave feature_groups out."
        )
    label = max(members, key=lambda name: len(members[name]))
    if 2 * len(members[label]) > n_features:
        raise ValueError(
            f"Group {label!r} of feature_groups holds {len(members[label])} of {n_features} "
            "features, but none may hold more than half: noise inside a group is distinguished "
            "from the signal only by the features outside it. Divide the group."
        )
    if len(members[label]) >= n_samples:
        raise ValueError(
            f"Group {label!r} of feature_groups holds {len(members[label])} features, but there "
            f"are only {n_samples:g} samples: with no more samples than features, any group "
            "explains any other perfectly. Divide the group, or leave feature_groups out."
        )
    return tuple(members.values())


class GroupUnits:
    """Coordinates in which every group has the identity as its covariance.

    Parameters
    ----------
    covariance : ndarray of shape (n_features, n_features)
        Of all features.
    scale : ndarray of shape (n_features,)
        Standard deviation of each feature, 0 for a constant one.
    groups : tuple of ndarray of int
        Features of each group.
    """

    def __init__(self, covariance, scale, groups):
        self.groups = groups
        #: roots R of the groups' covariances RR', (group_size, group_rank), and orthonormal
        #: directions of the correlations that are left out
        self.roots, self._constant, inverses = [], [], []
        for features in groups:
            # correlations: features of very different units would hide behind one another
            unit = scale[features][:, None]
            inverse = np.divide(1.0, unit, out=np.zeros_like(unit), where=unit > 0)
            correlation = covariance[np.ix_(features, features)] * inverse * inverse.T
            values, vectors = np.linalg.eigh(correlation)
            live = values > _SMALLEST_SHARE * max(values[-1], 0.0)
            root = vectors[:, live] * np.sqrt(values[live])
            self.roots.append(unit * root)
            self._constant.append(unit * vectors[:, ~live])
            inverses.append(inverse * (vectors[:, live] / np.sqrt(values[live])))
        ends = np.cumsum([root.shape[1] for root in self.roots])
        #: slices of the coordinates of each group, and those of equal size together
        self.slices = [slice(e - r.shape[1], e) for e, r in zip(ends, self.roots, strict=True)]
        self.stacks = stacks_of(self.slices)
        self._inverses = inverses
        #: covariance in the coordinates, with identities as diagonal blocks
        self.correlation = self.whitened(self.whitened(covariance).T.copy())

    def whitened(self, columns: NDArray) -> NDArray[np.float64]:
        """Columns of shape (n_features, m) in the coordinates, (rank, m)."""
        white = np.empty((self.slices[-1].stop, columns.shape[1]))
        for rows, inverse, features in zip(self.slices, self._inverses, self.groups, strict=True):
            white[rows] = inverse.T @ columns[features]
        return white

    def coloured(self, columns: NDArray) -> NDArray[np.float64]:
        """Columns of shape (rank, m) in the units of the features, (n_features, m)."""
        coloured = np.empty((sum(map(len, self.groups)), columns.shape[1]))
        for rows, root, features in zip(self.slices, self.roots, self.groups, strict=True):
            coloured[features] = root @ columns[rows]
        return coloured

    def noise(self, blocks) -> BlockNoise:
        """Noise in the features' units, positive definite.

        A direction in which a group does not vary gets the smallest share of noise, a constant
        feature the smallest noise of the others.
        """
        coloured = [
            root @ block @ root.T + REFINEMENT_FLOOR * constant @ constant.T
            for root, block, constant in zip(self.roots, blocks, self._constant, strict=True)
        ]
        diagonals = np.concatenate([np.diag(block) for block in coloured])
        live = diagonals > 0
        smallest = diagonals[live].min() if live.any() else 1.0
        for block in coloured:
            block.flat[:: len(block) + 1] += np.where(np.diag(block) > 0, 0.0, smallest)
        return BlockNoise(tuple(coloured), self.groups)
