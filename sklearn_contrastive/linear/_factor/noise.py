"""Covariance of the noise: a variance for each feature, or a block for each group of features."""

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import solve_triangular

__all__ = ["BlockNoise", "DiagonalNoise", "Noise"]


@dataclass(frozen=True)
class DiagonalNoise:
    """Noise that is independent between features.

    Parameters
    ----------
    variances : ndarray of shape (n_features,)
        Variance psi_i > 0 of the noise of each feature.
    """

    variances: NDArray[np.float64]

    #: no group of features shares noise
    blocks = None

    @property
    def groups(self) -> NDArray[np.intp]:
        """Group of each feature, shape (n_features,): each has its own."""
        return np.arange(len(self.variances))

    def whitened(self, columns: NDArray) -> NDArray:
        """W times columns of shape (n_features, m), where W Psi W' is the identity."""
        return columns / np.sqrt(self.variances)[:, None]

    def weighted(self, columns: NDArray) -> NDArray:
        """W' times columns of shape (n_features, m), so that W'W is the inverse of Psi."""
        return self.whitened(columns)

    def times(self, columns: NDArray) -> NDArray:
        """Psi times columns of shape (n_features, m)."""
        return self.variances[:, None] * columns

    def plus_common(self, share: float, loadings: NDArray) -> "DiagonalNoise":
        """This noise plus a share of the common variance of each feature, from loadings B."""
        return DiagonalNoise(self.variances + share * np.sum(loadings**2, axis=1))

    @property
    def log_determinant(self) -> float:
        """Logarithm of the determinant of Psi."""
        return float(np.sum(np.log(self.variances)))

    def to_matrix(self) -> NDArray[np.float64]:
        """Psi, of shape (n_features, n_features)."""
        return np.diag(self.variances)


@dataclass(frozen=True)
class BlockNoise:
    """Noise that is shared inside groups of features, and independent between groups.

    Parameters
    ----------
    blocks : tuple of ndarray of shape (group_size, group_size)
        Covariance of the noise in each group, positive definite.
    members : tuple of ndarray of int of shape (group_size,)
        Features of each group; together, every feature once.
    """

    blocks: tuple[NDArray[np.float64], ...]
    members: tuple[NDArray[np.intp], ...]

    @property
    def groups(self) -> NDArray[np.intp]:
        """Group of each feature, shape (n_features,)."""
        groups = np.empty(sum(map(len, self.members)), np.intp)
        for group, features in enumerate(self.members):
            groups[features] = group
        return groups

    @property
    def variances(self) -> NDArray[np.float64]:
        """Diagonal of Psi, of shape (n_features,)."""
        variances = np.empty(sum(map(len, self.members)))
        for block, features in zip(self.blocks, self.members, strict=True):
            variances[features] = np.diag(block)
        return variances

    def whitened(self, columns: NDArray) -> NDArray:
        """W times columns of shape (n_features, m), where W Psi W' is the identity."""
        white = np.empty_like(columns)
        for features, deviations, triangle in self._factors():
            scaled = columns[features] / deviations
            white[features] = solve_triangular(triangle, scaled, lower=True)
        return white

    def weighted(self, columns: NDArray) -> NDArray:
        """W' times columns of shape (n_features, m), so that W'W is the inverse of Psi."""
        weighted = np.empty_like(columns)
        for features, deviations, triangle in self._factors():
            rotated = solve_triangular(triangle, columns[features], lower=True, trans=1)
            weighted[features] = rotated / deviations
        return weighted

    def _factors(self):
        """Features, deviations as a column, and Cholesky's factor of the correlations, by group."""
        for block, features in zip(self.blocks, self.members, strict=True):
            # features of very different units would spoil the factor of the block itself
            deviations = np.sqrt(np.diag(block))[:, None]
            yield features, deviations, np.linalg.cholesky(block / deviations / deviations.T)

    def times(self, columns: NDArray) -> NDArray:
        """Psi times columns of shape (n_features, m)."""
        product = np.empty_like(columns)
        for block, features in zip(self.blocks, self.members, strict=True):
            product[features] = block @ columns[features]
        return product

    def plus_common(self, share: float, loadings: NDArray) -> "BlockNoise":
        """This noise plus a share of the common covariance in each group, from loadings B."""
        common = (loadings[features] @ loadings[features].T for features in self.members)
        blocks = (block + share * bb for block, bb in zip(self.blocks, common, strict=True))
        return BlockNoise(tuple(blocks), self.members)

    @property
    def log_determinant(self) -> float:
        """Logarithm of the determinant of Psi."""
        factors = ((deviations, np.diag(triangle)) for _, deviations, triangle in self._factors())
        return float(sum(2 * np.sum(np.log(d)) + 2 * np.sum(np.log(t)) for d, t in factors))

    def to_matrix(self) -> NDArray[np.float64]:
        """Psi, of shape (n_features, n_features)."""
        n_features = sum(map(len, self.members))
        matrix = np.zeros((n_features, n_features))
        for block, features in zip(self.blocks, self.members, strict=True):
            matrix[np.ix_(features, features)] = block
        return matrix


Noise: TypeAlias = DiagonalNoise | BlockNoise
