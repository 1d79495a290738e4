"""Covariance of rows that are kept: fewer samples than features, sparse rows, memory maps."""

from abc import abstractmethod
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.linalg.blas import dger
from sklearn.utils.sparsefuncs import mean_variance_axis

from .._solvers.chebyshev import RowBlock
from .._solvers.davidson import OVERSAMPLING
from .._solvers.few_rows import FewRowsBlock, few_rows
from .base import Covariance
from .blocks import centred_blocks, sampled_rows, working_dtype
from .fourth_moments import moments_of_sparse, power_sums
from .scale import reciprocal

__all__ = ["DenseRows", "RowCovariance", "SparseRows", "row_covariance"]

# bytes of the centred block in which a memory map is read
_BLOCK_BYTES = 2**25
# scores that a product with directions holds at once
_SCORES = 2**21
# entries of the blocks over which squares are summed in float64: they stay in the cache
_SUMMED_ENTRIES = 2**18


class RowCovariance(Covariance):
    """Covariance as an operator on kept rows; subclasses define the products with the rows.

    Parameters
    ----------
    mean, variances : ndarray of shape (n_features,)
        Mean of the rows and variance of each feature, with n - 1 in the denominator.
    sample_weight : ndarray of shape (n_rows,) or None
        Frequency weights of the rows.
    n_rows : int
        Number of rows.
    dtype : numpy float type
        Type in which products are formed.
    """

    # whether centred rows are in memory, so that blocks of features of them are
    holds_rows = False

    def __init__(self, mean, variances, sample_weight, n_rows, dtype):
        self.mean = mean
        self.variances = variances
        self.weight = np.ones(n_rows) if sample_weight is None else sample_weight
        self.n_samples = float(self.weight.sum())
        self.rounding = float(np.finfo(dtype).eps)

    @property
    def n_rows(self) -> int:
        """Number of rows, whatever their weights."""
        return len(self.weight)

    def times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of the covariance with directions of shape (n_features, n_directions)."""
        scores = self.project(directions)
        return self.combine(scores * self.weight[:, None]) / (self.n_samples - 1)

    def along(self, directions: NDArray) -> NDArray[np.float64]:
        """Covariance of the samples projected on directions; (n_directions, n_directions)."""
        scores = self.project(directions)
        return scores.T @ (scores * self.weight[:, None]) / (self.n_samples - 1)

    def correlation_block(self, scale, n_pairs, rng, start=None):
        """Block of the correlation matrix, of directions of the rows where they are fewer."""
        if self.n_rows >= self.n_features:
            return super().correlation_block(scale, n_pairs, rng, start)
        inverse = reciprocal(scale)[:, None]
        root = np.sqrt(self.weight / (self.n_samples - 1))[:, None]

        def project(directions):
            return root * self.project(inverse * directions)

        def combine(rows):
            return inverse * self.combine(root * rows)

        size = (self.n_rows, self.n_features)
        if not self._gram_is_cheaper(n_pairs):
            return RowBlock(project, combine, *size, n_pairs, rng, self.rounding)

        def gram(diagonal):
            return self.row_gram(diagonal * inverse[:, 0] ** 2)

        return FewRowsBlock(gram, project, combine, *size, n_pairs, rng, self.rounding)

    def contrastive_start(self, n_pairs):
        """Leading eigenvectors of the contrastive matrix A - D, approximately, from few rows.

        With (A - D) v = value v and A = Z'Z, v is (value + D)^-1 Z'w for an eigenvector w of
        Z (value + D)^-1 Z'. The matrix is formed for one value, that of pure noise; D is small
        against it.
        """
        if not self._gram_is_cheaper(n_pairs):
            return None
        variances = np.maximum(self.variances, 0.0)
        unit = variances.mean()
        of_noise = unit * (self.n_features / self.n_samples)
        if of_noise == 0:
            return None
        ratios, rows = np.linalg.eigh(self.row_gram(1.0 / (of_noise + variances)))
        leading = slice(None, -n_pairs - OVERSAMPLING - 1, -1)
        values = np.maximum(ratios[leading] * (of_noise + unit) - unit, of_noise)
        combined = self.combine(np.sqrt(self.weight)[:, None] * rows[:, leading])
        return combined / (values + variances[:, None])

    def _gram_is_cheaper(self, n_pairs):
        return self.holds_rows and few_rows(self.n_rows, self.n_features, n_pairs)

    def row_gram(self, diagonal: NDArray[np.float64]) -> NDArray[np.float32]:
        """Matrix Z diag(diagonal) Z' of the centred rows over sqrt((n - 1) / weight), if held."""
        raise NotImplementedError

    @property
    def _squares(self):
        """Sum of squares of each feature about its mean."""
        return np.maximum(self.variances, 0.0) * (self.n_samples - 1)

    def kurtosis(self):
        """Fourth moment of each feature over its squared variance."""
        return self._kurtosis

    @property
    @abstractmethod
    def _kurtosis(self):
        """Kurtosis, from one pass over the rows; cached."""

    @abstractmethod
    def project(self, directions):
        """Scores of all centred rows, (n_rows, n_directions)."""

    @abstractmethod
    def combine(self, scores):
        """Sum over rows of centred row times scores, (n_features, n_directions)."""


class DenseRows(RowCovariance):
    """Rows of a dense array, centred once; of a memory map, block by block at every product.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        The rows.
    sample_weight : ndarray of shape (n_rows,), default=None
        Frequency weights.
    block_bytes : int, default=2**25
        Size of the blocks in which a memory map is read.
    """

    def __init__(
        self,
        X: NDArray,
        sample_weight: NDArray[np.float64] | None = None,
        block_bytes: int = _BLOCK_BYTES,
    ):
        dtype = working_dtype(X)
        mapped = isinstance(X, np.memmap)
        self._block_rows = (
            max(1, block_bytes // (X.shape[1] * np.dtype(dtype).itemsize)) if mapped else len(X)
        )
        mean, variances = _mean_and_variances(X, sample_weight)
        super().__init__(mean, variances, sample_weight, len(X), dtype)
        self._X = X
        self._centred = None
        if not mapped:
            self._centred = next(self._blocks())[1]
            self.holds_rows = True

    def _blocks(self):
        if self._centred is not None:
            return iter([(slice(None), self._centred)])
        return centred_blocks(self._X, self.mean, self._block_rows)

    @cached_property
    def _kurtosis(self):
        total, deviation = 0.0, np.sqrt(self._squares / self.n_samples)
        for rows, block in self._blocks():
            powers = power_sums(block, self.weight[rows], deviation)
            total = total + powers.fourth
        squares = self._squares / powers.unit**2
        shares = np.divide(total, squares**2, out=np.zeros_like(squares), where=squares > 0)
        return self.n_samples * shares

    def times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of the covariance with directions, in one pass over the rows."""
        dtype = working_dtype(self._X)
        directions = directions.astype(dtype, copy=False)
        total = np.zeros(directions.shape)
        at_once = max(1, _SCORES // max(1, directions.shape[1]))
        for rows, block in self._blocks():
            weight = self.weight[rows, None]
            for start in range(0, len(block), at_once):
                part = slice(start, start + at_once)
                scores = (block[part] @ directions) * weight[part]
                total += block[part].T @ scores.astype(dtype, copy=False)
        return total / (self.n_samples - 1)

    def row_gram(self, diagonal):
        total, root = 0.0, np.sqrt(diagonal).astype(self._centred.dtype)
        at_once = max(1, _SUMMED_ENTRIES // self.n_rows)
        for start in range(0, self.n_features, at_once):
            part = slice(start, start + at_once)
            block = (self._centred[:, part] * root[part]).astype(np.float32)
            total = total + block @ block.T
        root = np.sqrt(self.weight / (self.n_samples - 1)).astype(np.float32)
        return root[:, None] * total * root

    def project(self, directions):
        directions = directions.astype(working_dtype(self._X), copy=False)
        scores = [block @ directions for _, block in self._blocks()]
        return np.concatenate(scores).astype(np.float64, copy=False)

    def combine(self, scores):
        scores = scores.astype(working_dtype(self._X), copy=False)
        parts = (block.T @ scores[rows] for rows, block in self._blocks())
        total = next(parts).astype(np.float64, copy=False)
        for part in parts:
            total += part
        return total


class SparseRows(RowCovariance):
    """Rows of a sparse matrix, centred in the algebra and never in memory.

    Parameters
    ----------
    X : sparse matrix of shape (n_rows, n_features)
        The rows.
    sample_weight : ndarray of shape (n_rows,), default=None
        Frequency weights.
    """

    def __init__(self, X, sample_weight: NDArray[np.float64] | None = None):
        self._X = sparse.csr_array(X).astype(np.float64, copy=False)
        mean, biased = mean_variance_axis(self._X, axis=0, weights=sample_weight)
        n_samples = X.shape[0] if sample_weight is None else sample_weight.sum()
        variances = biased * (n_samples / (n_samples - 1))
        super().__init__(mean, variances, sample_weight, X.shape[0], np.float64)

    @cached_property
    def _kurtosis(self):
        moments = moments_of_sparse(self._X, self.weight, self.mean, self._squares)
        return self.n_samples * moments.fourth

    def project(self, directions):
        return self._X @ directions - self.mean @ directions

    def combine(self, scores):
        total = self._X.T @ scores
        # the mean's part is subtracted in place: a matrix of it takes as long as the product
        dger(-1.0, scores.sum(axis=0), self.mean, a=total.T, overwrite_a=True)
        return total


def row_covariance(X, sample_weight: NDArray[np.float64] | None = None) -> RowCovariance:
    """Covariance that keeps the rows of X, dense or sparse, instead of a d x d matrix."""
    return SparseRows(X, sample_weight) if sparse.issparse(X) else DenseRows(X, sample_weight)


def _mean_and_variances(X, sample_weight):
    """Mean and variance of each feature in one pass over blocks centred near the mean."""
    weight = np.ones(len(X)) if sample_weight is None else sample_weight
    near_mean = sampled_rows(X, sample_weight).mean(axis=0)
    offset, squares = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for rows, block in centred_blocks(X, near_mean, max(1, _SUMMED_ENTRIES // X.shape[1])):
        block = block.astype(np.float64, copy=False)
        offset += weight[rows] @ block
        squares += np.einsum("ij,ij,i->j", block, block, weight[rows], optimize=False)
    n_samples = weight.sum()
    offset /= n_samples
    return near_mean + offset, (squares - n_samples * offset**2) / (n_samples - 1)
