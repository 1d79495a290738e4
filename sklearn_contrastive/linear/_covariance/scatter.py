"""Mean and scatter of samples that are read once, in blocks, and can be merged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.sparsefuncs import mean_variance_axis

__all__ = ["BLOCK_ROWS", "SecondMoments", "centred_blocks", "moments_of", "working_dtype"]

# so many rows make a product of two blocks as fast, per row, as the product of two whole matrices
BLOCK_ROWS = 16384
# and so many entries of a block bound its memory
_BLOCK_ENTRIES = 2**24

# rows of the scatter that are corrected at once: a second matrix of its size is never made
_CORRECTED_ROWS = 256

# mean^2 / variance up to which products are formed about the origin: it multiplies the rounding
# error of the scatter, by two of float64's sixteen digits, by none of float32's seven
_LOST_FACTOR = {np.float64: 100.0, np.float32: 1.0}


@dataclass(frozen=True)
class SecondMoments:
    """Number, mean and centred scatter of samples: all that the linear wing needs of n >= d rows.

    Adding two of them gives the moments of both samples together (Chan, Golub and LeVeque, 1979),
    so that chunks, files, or machines can be read in any order.

    Parameters
    ----------
    n_samples : float
        Number of samples; with frequency weights, their sum.
    mean : ndarray of shape (n_features,)
        Mean of the samples.
    scatter : ndarray of shape (n_features, n_features)
        Sum over samples of (x - mean)(x - mean)', in float64.
    """

    n_samples: float
    mean: NDArray[np.float64]
    scatter: NDArray[np.float64]

    #: relative rounding error of `covariance_times`
    rounding = float(np.finfo(np.float64).eps)

    @classmethod
    def empty(cls, n_features: int) -> SecondMoments:
        """Moments of no sample at all, the zero of the addition."""
        return cls(0.0, np.zeros(n_features), np.zeros((n_features, n_features)))

    def __add__(self, other: SecondMoments) -> SecondMoments:
        if not isinstance(other, SecondMoments):
            return NotImplemented  # moments of incomplete samples know how to add these
        n_samples = self.n_samples + other.n_samples
        if n_samples == 0:
            return self
        shift = other.mean - self.mean
        scatter = self.scatter + other.scatter
        if self.n_samples and other.n_samples:
            between = shift * (self.n_samples * other.n_samples / n_samples)
            scatter += np.outer(between, shift)
        return SecondMoments(n_samples, self.mean + shift * (other.n_samples / n_samples), scatter)

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.mean)

    @property
    def variances(self) -> NDArray[np.float64]:
        """Variance of each feature, with n - 1 in the denominator; shape (n_features,)."""
        return np.diag(self.scatter) / (self.n_samples - 1)

    def effective_samples(self, uniqueness: NDArray[np.float64]) -> float:
        """Number of samples that the noise of the covariance speaks of: all of them."""
        return self.n_samples

    def covariance_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of the covariance with directions of shape (n_features, n_directions)."""
        return self.scatter @ (directions / (self.n_samples - 1))

    def covariance_along(self, directions: NDArray) -> NDArray[np.float64]:
        """Covariance of the samples projected on directions; (n_directions, n_directions)."""
        return directions.T @ self.covariance_times(directions)


def working_dtype(X) -> type[np.floating]:
    """Float type in which samples are read: float32 stays, everything else becomes float64."""
    return np.float32 if X.dtype == np.float32 else np.float64


def centred_blocks(
    X: NDArray, mean: NDArray[np.float64], n_rows: int = 4096
) -> Iterator[tuple[slice, NDArray]]:
    """Rows of X minus the mean, a block at a time, in X's float type.

    In float32 a mean of 1e4 is itself rounded by 5e-4. What the rounding leaves is subtracted in
    a second step, where it matters.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples of any real type.
    mean : ndarray of shape (n_features,)
        Their mean, in float64.
    n_rows : int, default=4096
        Rows of a block.

    Yields
    ------
    rows : slice
        Which rows.
    block : ndarray of shape (<= n_rows, n_features)
        The centred rows. The array is used again for the next block.
    """
    dtype = working_dtype(X)
    rounded = mean.astype(dtype)
    remainder = (mean - rounded).astype(dtype)
    buffer = np.empty((min(n_rows, X.shape[0]), X.shape[1]), dtype)
    for start in range(0, X.shape[0], n_rows):
        rows = slice(start, min(start + n_rows, X.shape[0]))
        block = np.subtract(X[rows], rounded, out=buffer[: rows.stop - start])
        if remainder.any():
            block -= remainder
        yield rows, block


def moments_of(
    X: NDArray | sparse.csr_array | sparse.csc_array,
    sample_weight: NDArray[np.float64] | None = None,
    on_block: Callable[[str], None] = lambda name: None,
) -> SecondMoments:
    """Mean and scatter of all rows of X.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        Samples. A memory map is read block by block.
    sample_weight : ndarray of shape (n_samples,), default=None
        Frequency weights: a weight of 2 is the row written twice.
    on_block : callable, default=do nothing
        Called with a name after every block.

    Returns
    -------
    SecondMoments
        In float64; float32 samples are multiplied in float32 and summed in float64.
    """
    if sparse.issparse(X):
        return _moments_of_sparse(X, sample_weight)
    n_features = X.shape[1]
    n_rows = min(BLOCK_ROWS, X.shape[0], max(1024, _BLOCK_ENTRIES // n_features))
    buffer = np.empty((n_rows, n_features), working_dtype(X))
    scatter, counts, means, offsets = None, [], [], []
    for start in range(0, X.shape[0], n_rows):
        block = X[start : start + n_rows]
        weight = None if sample_weight is None else sample_weight[start : start + n_rows]
        if weight is None or weight.any():
            count, point, offset, product = _block_moments(block, weight, buffer[: len(block)])
            if scatter is None:
                scatter = product.astype(np.float64, copy=False)
            else:
                scatter += product
            counts.append(count)
            means.append(point + offset)
            offsets.append(offset)
        on_block("block of rows")
    if scatter is None:
        return SecondMoments.empty(n_features)
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
    for start in range(0, n_features, _CORRECTED_ROWS):
        rows = slice(start, start + _CORRECTED_ROWS)
        scatter[rows] += parts[:, rows].T @ weighted
    return SecondMoments(n_samples, origin + mean, scatter)


def _block_moments(block, weight, buffer):
    """Count, a point near the mean, the mean's offset from it, and the scatter about the point.

    The scatter about the point exceeds that about the mean by count * offset offset', a small
    correction that is left to the caller. Where the mean is small itself the point is the origin,
    which saves a pass over the block.
    """
    sampled = sampled_rows(block, weight)
    point, variance = sampled.mean(axis=0), sampled.var(axis=0)
    if np.all(point**2 <= _LOST_FACTOR[buffer.dtype.type] * variance):
        point = np.zeros_like(point)
        centred = np.asarray(block, dtype=buffer.dtype)
    else:
        point = point.astype(buffer.dtype)
        centred = np.subtract(block, point, out=buffer)
    if weight is None:
        count, total = float(len(block)), np.ones(len(block), buffer.dtype) @ centred
    else:
        count, total = float(weight.sum()), weight.astype(buffer.dtype) @ centred
        centred = np.multiply(centred, np.sqrt(weight)[:, None].astype(buffer.dtype), out=buffer)
    offset = total.astype(np.float64) / count
    return count, point.astype(np.float64), offset, centred.T @ centred


def sampled_rows(X, weight=None):
    """A few rows of X that count, spread over all of them, in float64."""
    counted = np.arange(len(X)) if weight is None else np.flatnonzero(weight)
    return np.asarray(X[counted[:: max(1, len(counted) // 64)]], dtype=np.float64)


def _moments_of_sparse(X, sample_weight):
    """Moments of sparse rows: X'WX minus n mean mean', never a dense copy of X."""
    weight = np.ones(X.shape[0]) if sample_weight is None else sample_weight
    n_samples = float(weight.sum())
    if n_samples == 0:
        return SecondMoments.empty(X.shape[1])
    X = sparse.csr_array(X).astype(np.float64, copy=False)
    weighted = sparse.csr_array(sparse.diags_array(weight) @ X)
    mean, variances = mean_variance_axis(X, axis=0, weights=weight)
    scatter = (X.T @ weighted).toarray()
    scatter -= np.outer(mean * n_samples, mean)
    # on the diagonal the difference would leave rounding errors of a constant column
    np.fill_diagonal(scatter, variances * n_samples)
    return SecondMoments(n_samples, mean, scatter)
