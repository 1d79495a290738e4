"""Mean and scatter matrix of samples: the covariance of at least as many samples as features."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis

from .base import Covariance
from .blocks import BLOCK_ROWS, OnStep, no_step, sampled_rows, working_dtype
from .fourth_moments import PowerSums, StandardizedMoments, moments_of_sparse, power_sums

__all__ = ["LOST_FACTOR", "ScatterCovariance", "row_blocks", "scatter_covariance"]

# entries of a block, which bound its memory; of a dense copy of sparse rows
_BLOCK_ENTRIES, _COPIED_ENTRIES = 2**24, 2**21
# share of stored entries from which the product of dense copies is faster than that of sparse rows
_DENSE_SHARE = 0.1

# entries of the scatter that are changed at once: they stay in the cache
_CHANGED_ENTRIES = 2**17

# mean^2 / variance up to which products are formed about the origin: it multiplies the rounding
# error of the scatter, by two of float64's sixteen digits, by none of float32's seven
LOST_FACTOR = {np.float64: 100.0, np.float32: 1.0}


@dataclass(frozen=True)
class ScatterCovariance(Covariance):
    """Number, mean and centred scatter of complete samples.

    The sum of two is that of both samples together (Chan, Golub and LeVeque, 1979), so that
    chunks, files, or machines can be read in any order.

    Parameters
    ----------
    n_samples : float
        Number of samples; with frequency weights, their sum.
    mean : ndarray of shape (n_features,)
        Mean of the samples.
    scatter : ndarray of shape (n_features, n_features)
        Sum over samples of (x - mean)(x - mean)', in float64.
    moments : StandardizedMoments, default=None
        Third and fourth moments of the features, if they were read.
    """

    n_samples: float
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]
    moments: StandardizedMoments | None = None

    mergeable = True

    @classmethod
    def empty(cls, n_features: int) -> Self:
        """No sample at all, the zero of the addition."""
        scatter = np.zeros((n_features, n_features))
        return cls(0.0, np.zeros(n_features), scatter, StandardizedMoments.empty(n_features))

    @classmethod
    def joined(cls, parts: Sequence[Self]) -> Self:
        """All samples of several sets: their sum, at once."""
        counts = np.array([part.n_samples for part in parts])
        means = np.array([part.mean for part in parts])
        n_samples, origin = float(counts.sum()), means[np.argmax(counts)]
        shares, offsets = counts / (n_samples or 1.0), means - origin
        offset = shares @ offsets
        shifts = np.where(counts[:, None] > 0, offsets - offset, 0.0)
        between = np.sqrt(counts)[:, None] * shifts
        scatter = between.T @ between
        for part in parts:
            scatter += part.scatter
        moments = None
        if all(part.moments is not None for part in parts):
            squares = np.array([part.squares for part in parts])
            moments = StandardizedMoments.joined(
                [part.moments for part in parts], counts, squares, shifts
            )
        return cls(n_samples, origin + offset, scatter, moments)

    def __add__(self, other: Covariance) -> Covariance:
        if not other.semidefinite:
            return other + self  # the pairwise kind keeps a count for each pair of features
        n_samples = self.n_samples + other.n_samples
        if n_samples == 0:
            return self
        shift = other.mean - self.mean
        between = np.sqrt(self.n_samples * (other.n_samples / n_samples)) * shift
        scatter = other.added_to(self.scatter, between)
        mean = self.mean + shift * (other.n_samples / n_samples)
        return ScatterCovariance(n_samples, mean, scatter, self._moments_with(other, shift))

    def _moments_with(self, other, shift):
        if self.moments is None or other.moments is None:
            return None
        counts = self.n_samples, other.n_samples
        squares = self.squares, other.squares
        return self.moments.merged(other.moments, counts, squares, shift)

    @property
    def squares(self) -> NDArray[np.float64]:
        """Diagonal of the scatter."""
        return np.diag(self.scatter)

    def added_to(self, scatter: NDArray, shift: NDArray) -> NDArray[np.float64]:
        """Another scatter plus this one plus shift shift'."""
        total = np.empty_like(scatter)
        for part in row_blocks(len(scatter)):
            np.outer(shift[part], shift, out=total[part])
            total[part] += scatter[part]
            total[part] += self.scatter[part]
        return total

    def kurtosis(self) -> NDArray[np.float64] | None:
        """Fourth moment of each feature over its squared variance, if it was read."""
        return None if self.moments is None else self.n_samples * self.moments.fourth

    def scaled(self, factor: float) -> Self:
        """Covariance of the samples times a positive factor."""
        # not factor^2, which may overflow where the scatter does not
        scatter = self.scatter * factor * factor
        return ScatterCovariance(self.n_samples, self.mean * factor, scatter, self.moments)

    @property
    def variances(self) -> NDArray[np.float64]:
        """Variance of each feature, with n - 1 in the denominator; shape (n_features,)."""
        return self.squares / (self.n_samples - 1)

    def times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of the covariance with directions of shape (n_features, n_directions)."""
        return self.scatter @ (directions / (self.n_samples - 1))

    def to_matrix(self) -> NDArray[np.float64]:
        """The covariance matrix, of shape (n_features, n_features)."""
        return self.scatter / (self.n_samples - 1)


def row_blocks(size: int) -> Iterator[slice]:
    """Blocks of rows of a square matrix, which stay in the cache while they are changed."""
    n_rows = max(1, _CHANGED_ENTRIES // size)
    return (slice(start, start + n_rows) for start in range(0, size, n_rows))


def scatter_covariance(
    X: NDArray | sparse.csr_array | sparse.csc_array,
    sample_weight: NDArray[np.float64] | None = None,
    on_block: OnStep = no_step,
    block_rows: int = BLOCK_ROWS,
    *,
    fourth: bool = False,
) -> ScatterCovariance:
    """Mean and scatter of all rows of X.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        Samples. A memory map is read block by block; so are sparse rows with many entries, as dense
        copies.
    sample_weight : ndarray of shape (n_samples,), default=None
        Frequency weights: a weight of 2 is the row written twice.
    on_block : callable, default=do nothing
        Called with a name after every block.
    block_rows : int, default=16384
        Largest number of rows of a block.
    fourth : bool, default=False
        Whether third and fourth moments are read as well.

    Returns
    -------
    ScatterCovariance
        In float64; float32 samples are multiplied in float32 and summed in float64.
    """
    n_features, entries = X.shape[1], _BLOCK_ENTRIES
    if sparse.issparse(X):
        if X.nnz < _DENSE_SHARE * X.shape[0] * n_features:
            return _sparse_scatter_covariance(X, sample_weight, fourth)
        X, entries = sparse.csr_array(X).astype(np.float64, copy=False), _COPIED_ENTRIES
    n_rows = max(1, min(block_rows, X.shape[0], max(1024, entries // n_features)))
    buffer = np.empty((n_rows, n_features), working_dtype(X))
    scatter, counts, means, offsets = None, [], [], []
    tails = _TailsOfBlocks(n_features) if fourth else None
    for start in range(0, X.shape[0], n_rows):
        block = X[start : start + n_rows]
        weight = None if sample_weight is None else sample_weight[start : start + n_rows]
        if weight is None or weight.any():
            block = block.toarray() if sparse.issparse(block) else block
            read = _scatter_about_a_point(block, weight, buffer[: len(block)], fourth)
            if tails is not None:
                tails.add(read)
            if scatter is None:
                scatter = read.product.astype(np.float64, copy=False)
            else:
                scatter += read.product
            counts.append(read.count)
            means.append(read.point + read.offset)
            offsets.append(read.offset)
        on_block("block of rows")
    if scatter is None:
        return ScatterCovariance.empty(n_features)
    n_samples, weight = float(np.sum(counts)), np.array(counts)[:, None]
    # differences from one block's mean, so that a large common mean cancels nothing
    means, origin = np.array(means) - means[0], means[0]
    mean = (weight * means).sum(axis=0) / n_samples
    between, offsets = means - mean, np.array(offsets)
    # within blocks about points near their means, less those points' offsets, plus between blocks
    parts, weighted = (
        np.vstack([between, offsets]),
        np.vstack([weight * between, -weight * offsets]),
    )
    for rows in row_blocks(n_features):
        scatter[rows] += parts[:, rows].T @ weighted
    moments = None if tails is None else tails.moments
    return ScatterCovariance(n_samples, origin + mean, scatter, moments)


@dataclass(frozen=True, eq=False)
class _Block:
    """Count, a point near the mean, the mean's offset from it, and sums about the point."""

    count: float
    point: NDArray[np.float64]
    offset: NDArray[np.float64]
    product: NDArray
    powers: PowerSums | None


class _TailsOfBlocks:
    """Third and fourth moments of blocks, merged as they come."""

    def __init__(self, n_features):
        self.moments = StandardizedMoments.empty(n_features)
        self._count, self._mean, self._squares = 0.0, np.zeros(n_features), np.zeros(n_features)

    def add(self, block):
        """Add a block."""
        squares = np.diag(block.product) - block.count * block.offset**2
        squares = np.maximum(squares, 0.0)
        moments = block.powers.standardized(block.count, block.offset, squares)
        if self._count == 0:
            self.moments, self._squares = moments, squares
            self._mean, self._count = block.point + block.offset, block.count
            return
        shift = block.point + block.offset - self._mean
        counts, both = (self._count, block.count), (self._squares, squares)
        self.moments = self.moments.merged(moments, counts, both, shift)
        n_samples = self._count + block.count
        between = shift * (block.count / n_samples)
        self._squares = self._squares + squares + self._count * between * shift
        self._mean, self._count = self._mean + between, n_samples


def _scatter_about_a_point(block, weight, buffer, fourth):
    """Sums over a block of rows, as a _Block.

    The scatter about the point exceeds that about the mean by count * offset offset', a small
    correction that is left to the caller. Where the mean is small itself the point is the origin,
    which saves a pass over the block.
    """
    sampled = sampled_rows(block, weight)
    point, variance = sampled.mean(axis=0), sampled.var(axis=0)
    if np.all(point**2 <= LOST_FACTOR[buffer.dtype.type] * variance):
        point = np.zeros_like(point)
        centred = np.asarray(block, dtype=buffer.dtype)
    else:
        point = point.astype(buffer.dtype)
        centred = np.subtract(block, point, out=buffer)
    powers = power_sums(centred, weight, np.sqrt(variance)) if fourth else None
    if weight is None:
        count, total = float(len(block)), np.ones(len(block), buffer.dtype) @ centred
    else:
        count, total = float(weight.sum()), weight.astype(buffer.dtype) @ centred
        centred = np.multiply(centred, np.sqrt(weight)[:, None].astype(buffer.dtype), out=buffer)
    offset = total.astype(np.float64) / count
    return _Block(count, point.astype(np.float64), offset, centred.T @ centred, powers)


def _sparse_scatter_covariance(X, sample_weight, fourth):
    """Covariance of sparse rows: X'WX minus n mean mean', without a dense copy of rows."""
    weight = np.ones(X.shape[0]) if sample_weight is None else sample_weight
    n_samples = float(weight.sum())
    if n_samples == 0:
        return ScatterCovariance.empty(X.shape[1])
    X = weighted = sparse.csr_array(X).astype(np.float64, copy=False)
    if sample_weight is not None:
        weighted = sparse.csr_array(sparse.diags_array(weight) @ X)
    mean, variances = mean_variance_axis(X, axis=0, weights=weight)
    scatter = (X.T @ weighted).toarray()
    scatter -= np.outer(mean * n_samples, mean)
    # on the diagonal the difference would leave rounding errors of a constant column
    np.fill_diagonal(scatter, variances * n_samples)
    moments = None
    if fourth:
        moments = moments_of_sparse(X, weight, mean, variances * n_samples)
    return ScatterCovariance(n_samples, mean, scatter, moments)
