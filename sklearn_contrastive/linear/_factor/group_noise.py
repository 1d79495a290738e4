"""Noise of groups of features as the identity plus low rank, all groups of one size at once."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .map_newton import REFINEMENT_FLOOR, most_probable_uniqueness

__all__ = ["GroupNoise", "most_probable_noise", "stacks_of"]

# squared singular values of loadings in a group below which their directions are only rounding
_SMALLEST_SQUARE = 1e-14


@dataclass(frozen=True)
class GroupNoise:
    """Symmetric blocks I + V (diag(h) - I) V', one for each group.

    Parameters
    ----------
    stacks : tuple of ndarray of int of shape (n_groups, group_size)
        Coordinates of the groups, those of equal size in one array.
    vectors : tuple of ndarray of shape (n_groups, group_size, rank)
        Orthonormal columns V, for each stack.
    values : tuple of ndarray of shape (n_groups, rank)
        Eigenvalues h in [floor, 1]; all others are 1.
    """

    stacks: tuple[NDArray[np.intp], ...]
    vectors: tuple[NDArray[np.float64], ...]
    values: tuple[NDArray[np.float64], ...]

    @property
    def eigenvalues(self) -> NDArray[np.float64]:
        """Eigenvalues of all blocks that may differ from 1."""
        return np.concatenate([np.zeros(0), *(values.ravel() for values in self.values)])

    def times(self, columns: NDArray, power: float) -> NDArray[np.float64]:
        """A power of the block diagonal matrix, times columns of shape (n_coordinates, m)."""
        product = columns.copy()
        for rows, vectors, values in self._parts():
            along = np.swapaxes(vectors, 1, 2) @ columns[rows]
            product[rows] += vectors @ ((values**power - 1.0)[:, :, None] * along)
        return product

    def functions(self, function: Callable[[NDArray], NDArray]) -> list[NDArray[np.float64]]:
        """A function with f(1) = 0, of the blocks: (n_groups, group_size, group_size) a stack."""
        return [
            (vectors * function(values)[:, None, :]) @ np.swapaxes(vectors, 1, 2)
            for _, vectors, values in self._parts()
        ]

    def blocks(self, slices: list[slice], floor: float = 0.0) -> list[NDArray[np.float64]]:
        """The block of each group, eigenvalues raised to a floor; some groups may be empty."""
        stacked = self.functions(lambda values: np.maximum(values, floor) - 1.0)
        found = {}
        for rows, stack in zip(self.stacks, stacked, strict=True):
            stack[:, np.arange(rows.shape[1]), np.arange(rows.shape[1])] += 1.0
            found |= dict(zip(rows[:, 0].tolist(), stack, strict=True))
        return [found[s.start] if s.stop > s.start else np.zeros((0, 0)) for s in slices]

    def _parts(self):
        return zip(self.stacks, self.vectors, self.values, strict=True)


def stacks_of(slices: list[slice]) -> tuple[NDArray[np.intp], ...]:
    """Coordinates of groups of equal size, (n_groups, group_size) for each size but 0.

    Parameters
    ----------
    slices : list of slice
        Coordinates of each group.

    Returns
    -------
    stacks : tuple of ndarray of int
        Groups in their order, smallest size first.
    """
    sizes = np.array([s.stop - s.start for s in slices])
    starts = np.array([s.start for s in slices])
    return tuple(
        starts[sizes == size, None] + np.arange(size) for size in np.unique(sizes[sizes > 0])
    )


def most_probable_noise(
    loadings: NDArray, stacks: tuple[NDArray[np.intp], ...], prior: float
) -> GroupNoise:
    """Most probable noise blocks given the loadings, where each group has unit covariance.

    The blocks have the eigenvectors of I - BB' in the group, and the eigenvalues of
    `most_probable_uniqueness`: 1 in all but n_factors directions.

    Parameters
    ----------
    loadings : ndarray of shape (n_coordinates, n_factors)
        Loadings B.
    stacks : tuple of ndarray of int of shape (n_groups, group_size)
        Coordinates of the groups.
    prior : float
        Weight of the prior.

    Returns
    -------
    GroupNoise
        O(n_coordinates n_factors^2) operations.
    """
    all_vectors, all_values = [], []
    for rows in stacks:
        inside = loadings[rows]
        across = np.swapaxes(inside, 1, 2)
        if rows.shape[1] <= loadings.shape[1]:
            squares, vectors = np.linalg.eigh(inside @ across)
        else:
            squares, rotations = np.linalg.eigh(across @ inside)
            lengths = np.sqrt(np.maximum(squares, _SMALLEST_SQUARE))
            vectors = inside @ rotations / lengths[:, None, :]
        squares = np.where(squares > _SMALLEST_SQUARE, squares, 0.0)
        all_vectors.append(vectors)
        all_values.append(most_probable_uniqueness(1.0 - squares, prior, REFINEMENT_FLOOR))
    return GroupNoise(stacks, tuple(all_vectors), tuple(all_values))
