"""Rows with missing entries, in memory or in chunks, and the sums over them that EM needs."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .._covariance.blocks import BLOCK_ROWS
from .._covariance.samples import Samples
from .._covariance.scatter import ScatterCovariance, scatter_covariance
from .expected_sums import (
    ExpectedSums,
    FactorState,
    IncompleteSamples,
    are_many,
    expected_sums,
    n_observed_of,
    sums_of_complete,
)

__all__ = ["RowsInChunks", "RowsInMemory", "RowsWithGaps", "rows_with_gaps"]


class RowsWithGaps(ABC):
    """Rows that every step of EM reads.

    Attributes
    ----------
    n_samples : float
        Number of rows; with frequency weights, their sum.
    n_observed : ndarray of shape (n_features,)
        Rows that have each feature, counted by their weights.
    """

    n_samples: float
    n_observed: NDArray[np.float64]

    @abstractmethod
    def sums_in_units(
        self, mean: NDArray[np.float64], scale: NDArray[np.float64]
    ) -> Callable[[FactorState], ExpectedSums]:
        """Expected sums as a function of the model, in an origin and a unit of each feature."""


def rows_with_gaps(samples: Samples) -> RowsWithGaps:
    """Rows of samples, wherever they are."""
    if samples.chunks is not None:
        return RowsInChunks(samples.chunks)
    return RowsInMemory(samples.values, samples.weight)


@dataclass(frozen=True)
class RowsInMemory(RowsWithGaps):
    """Rows of one array. Many complete rows are read only once.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing. Read block by block.
    weight : ndarray of shape (n_rows,) or None
        Frequency weights.
    block_rows : int, default=None
        Rows of a block; None for as many as stay in the cache.
    """

    X: NDArray
    weight: NDArray[np.float64] | None
    block_rows: int | None = None

    @property
    def n_samples(self) -> float:
        """Number of rows, or the sum of their weights."""
        return float(len(self.X) if self.weight is None else self.weight.sum())

    @property
    def n_observed(self) -> NDArray[np.float64]:
        """Rows that have each feature."""
        return n_observed_of(self.X, self.weight)

    def sums_in_units(self, mean, scale):
        """Expected sums as a function of the model."""
        samples = IncompleteSamples.split(self.X, self.weight, mean, scale, self.block_rows)
        return partial(expected_sums, samples=samples)


@dataclass(frozen=True, eq=False)
class RowsInChunks(RowsWithGaps):
    """Rows in chunks, all of which are read by every pass; sums travel, rows do not.

    Parameters
    ----------
    chunks : RowChunks
        Samples of each chunk.
    """

    chunks: Any

    @cached_property
    def _counted(self):
        return self.chunks.map(_Counted.of).sum()

    @property
    def n_samples(self) -> float:
        """Number of rows, or the sum of their weights."""
        return self._counted.n_samples

    @property
    def n_observed(self) -> NDArray[np.float64]:
        """Rows that have each feature."""
        return self._counted.n_observed

    def sums_in_units(self, mean, scale):
        """Expected sums as a function of the model."""
        counted = self._counted
        skips = are_many(counted.n_complete, (counted.n_rows, len(mean)))

        def sums(state):
            found = self.chunks.map(_sums_of_chunk, state, mean, scale, skips).sum()
            if not skips:
                return found
            return found + sums_of_complete(state, counted.complete, mean, scale)

        return sums


@dataclass(frozen=True)
class _Counted:
    """Numbers of rows, and the scatter of the complete ones; that of two chunks can be added."""

    n_rows: int
    n_complete: int
    n_samples: float
    n_observed: NDArray[np.float64]
    complete: ScatterCovariance

    @classmethod
    def of(cls, samples: Samples) -> Self:
        X, weight, complete = (
            samples.values,
            samples.weight,
            ScatterCovariance.empty(samples.n_features),
        )
        n_complete = 0
        for start in range(0, len(X), BLOCK_ROWS):
            rows = slice(start, start + BLOCK_ROWS)
            chosen = ~np.isnan(X[rows]).any(axis=1)
            n_complete += int(chosen.sum())
            complete += scatter_covariance(
                X[rows][chosen], None if weight is None else weight[rows][chosen]
            )
        n_observed = n_observed_of(X, weight)
        return cls(len(X), n_complete, float(samples.total), n_observed, complete)

    def __add__(self, other: Self) -> Self:
        return _Counted(*(getattr(self, name) + value for name, value in vars(other).items()))


def _sums_of_chunk(samples, state, mean, scale, skips_complete):
    """Expected sums over the rows of a chunk, perhaps without those that have no gap."""
    X, weight = samples.values, samples.weight
    if skips_complete:
        rows = np.isnan(X).any(axis=1)
        X, weight = X[rows], None if weight is None else weight[rows]
    return expected_sums(state, IncompleteSamples(X, weight, None, mean, scale))
