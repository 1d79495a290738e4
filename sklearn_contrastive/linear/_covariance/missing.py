"""Pairwise covariance of incomplete samples, from the rows that have both features."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .base import Covariance
from .blocks import BLOCK_ROWS, OnStep, no_step, sampled_rows, working_dtype
from .fourth_moments import PowerSums, StandardizedMoments, power_sums
from .scatter import ScatterCovariance

__all__ = [
    "PairwiseCovariance",
    "effective_samples_of_pairs",
    "fill_and_mask",
    "near_mean",
    "pairwise_covariance",
    "unbiased_counts",
]

# entries of a block of rows that stays in the cache with its mask
_CACHED_ENTRIES = 2**19


@dataclass(frozen=True)
class PairwiseCovariance(Covariance):
    """Mean of each feature and covariance of each pair of features, from the rows that have them.

    The matrix may be indefinite. The sum of two is that of all samples together.

    Parameters
    ----------
    n_samples : float
        Number of samples; with frequency weights, their sum.
    mean : ndarray of shape (n_features,)
        Mean of the observed entries of each feature, 0 where there is none.
    counts : ndarray of shape (n_features, n_features)
        Number of samples that have both features of a pair; on the diagonal, one feature.
    sums : ndarray of shape (n_features, n_features)
        Sum of x_i - mean_i over the samples that have both i and j.
    products : ndarray of shape (n_features, n_features)
        Sum of (x_i - mean_i)(x_j - mean_j) over the same samples.
    moments : StandardizedMoments, default=None
        Third and fourth moments of the features where they are observed, if they were read.
    """

    n_samples: float
    mean: NDArray[np.float64]
    counts: NDArray[np.float64]
    sums: NDArray[np.float64]
    products: NDArray[np.float64]
    moments: StandardizedMoments | None = None

    mergeable = True
    semidefinite = False

    @classmethod
    def complete(cls, covariance: ScatterCovariance) -> Self:
        """Covariance of samples without missing entries, in this form."""
        return cls(
            covariance.n_samples,
            covariance.mean,
            np.full_like(covariance.scatter, covariance.n_samples),
            np.zeros_like(covariance.scatter),
            covariance.scatter,
            covariance.moments,
        )

    def __add__(self, other: Covariance) -> Self:
        if other.semidefinite:
            other = PairwiseCovariance.complete(other)
        own, new = np.diag(self.counts), np.diag(other.counts)
        share = np.divide(new, own + new, out=np.zeros_like(own), where=own + new > 0)
        # between means, not about the origin: a large common mean cancels nothing
        mean = np.where(own > 0, self.mean + share * (other.mean - self.mean), other.mean)
        parts = [self._about(mean), other._about(mean)]
        return PairwiseCovariance(
            self.n_samples + other.n_samples,
            mean,
            self.counts + other.counts,
            parts[0][0] + parts[1][0],
            parts[0][1] + parts[1][1],
            self._moments_with(other),
        )

    def _moments_with(self, other):
        if self.moments is None or other.moments is None:
            return None
        counts, squares = (
            tuple(np.diag(matrix) for matrix in pair)
            for pair in ((self.counts, other.counts), (self.products, other.products))
        )
        shift = np.where((counts[0] > 0) & (counts[1] > 0), other.mean - self.mean, 0.0)
        return self.moments.merged(other.moments, counts, squares, shift)

    def kurtosis(self) -> NDArray[np.float64] | None:
        """Fourth moment of each feature over its squared variance, if it was read."""
        return None if self.moments is None else np.diag(self.counts) * self.moments.fourth

    def _about(self, mean):
        """Sums and products about another point."""
        shift = self.mean - mean
        moved = shift[:, None] * self.counts
        mixed = shift * self.sums
        return self.sums + moved, self.products + (mixed + mixed.T) + shift * moved

    def scaled(self, factor: float) -> Self:
        """Covariance of the samples times a positive factor."""
        products = self.products * factor * factor
        return replace(self, mean=self.mean * factor, sums=self.sums * factor, products=products)

    @cached_property
    def matrix(self) -> NDArray[np.float64]:
        """Unbiased where entries are missing at random; symmetric, perhaps indefinite."""
        divisor = unbiased_counts(self.counts, np.diag(self.counts))
        return np.divide(self.products, divisor, out=np.zeros_like(divisor), where=divisor > 0)

    @property
    def variances(self) -> NDArray[np.float64]:
        """Variance of each feature where it is observed; shape (n_features,)."""
        return np.diag(self.matrix)

    def times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of the covariance with directions of shape (n_features, n_directions)."""
        return self.matrix @ directions

    def to_matrix(self) -> NDArray[np.float64]:
        """The covariance matrix, of shape (n_features, n_features)."""
        return self.matrix

    def effective_samples(self, uniqueness: NDArray[np.float64]) -> float:
        """Number of complete samples whose covariance is as noisy; see `IncompleteRows`."""
        inverse = np.divide(1.0, self.counts, out=np.zeros_like(self.counts), where=self.counts > 0)
        np.fill_diagonal(inverse, 0.0)
        return effective_samples_of_pairs(
            np.diag(self.counts).max(), inverse.__matmul__, uniqueness, np.diag(self.counts) > 1
        )

    def unobserved_pairs(self) -> NDArray[np.intp]:
        """Pairs of features that no sample has together; (n_pairs, 2), equal for one feature."""
        return np.argwhere(np.triu(self.counts == 0))


def effective_samples_of_pairs(n_samples, inverse_times, uniqueness, observed):
    """1 / (1/n + mean over pairs of (1/N_ij - 1/n) / (u_i u_j)); the product with 1/N is given."""
    total = np.where(observed, 1.0 / uniqueness, 0.0)
    n_pairs = max(1, observed.sum() * (observed.sum() - 1))
    all_pairs = total.sum() ** 2 - np.sum(total**2)
    excess = (total @ inverse_times(total) - all_pairs / n_samples) / n_pairs
    return float(1.0 / (1.0 / n_samples + max(excess, 0.0)))


def unbiased_counts(counts: NDArray, n_observed: NDArray) -> NDArray[np.float64]:
    """Divisors that make sums of products about the features' own means unbiased.

    With means from n_i and n_j rows, of which N_ij are common, each of the N_ij products has the
    expectation c (1 - 1/n_i - 1/n_j + N_ij / (n_i n_j)). For complete samples this is n - 1.

    Parameters
    ----------
    counts : ndarray of shape (n_features, n_features)
        Rows N_ij that have both features.
    n_observed : ndarray of shape (n_features,)
        Rows n_i that have a feature.

    Returns
    -------
    divisors : ndarray of shape (n_features, n_features)
        Not negative.
    """
    inverse = np.divide(1.0, n_observed, out=np.zeros_like(n_observed), where=n_observed > 0)
    shares = 1.0 - inverse[:, None] - inverse + counts * inverse[:, None] * inverse
    return counts * np.maximum(shares, 0.0)


def fill_and_mask(
    X: NDArray, mean: NDArray, n_rows: int | None = None
) -> Iterator[tuple[slice, NDArray, NDArray]]:
    """Mask of the observed entries and the centred entries, missing ones 0, block by block.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing.
    mean : ndarray of shape (n_features,)
        Subtracted, in float64.
    n_rows : int, default=None
        Rows of a block; None for as many as stay in the cache.

    Yields
    ------
    rows : slice
        Which rows.
    observed, centred : ndarray of shape (<= n_rows, n_features)
        In X's float type. The arrays are used again for the next block.
    """
    if n_rows is None:
        n_rows = max(1, _CACHED_ENTRIES // X.shape[1])
    shape = (min(n_rows, len(X)), X.shape[1])
    dtype = working_dtype(X)
    missing, observed, centred = (
        np.empty(shape, bool),
        np.empty(shape, dtype),
        np.empty(shape, dtype),
    )
    for start in range(0, len(X), n_rows):
        rows = slice(start, min(start + n_rows, len(X)))
        gaps, present, filled = (
            buffer[: rows.stop - start] for buffer in (missing, observed, centred)
        )
        np.isnan(X[rows], out=gaps)
        np.subtract(X[rows], mean, out=filled, casting="same_kind")
        np.copyto(present, np.logical_not(gaps, out=gaps))
        # NaN to a number, then to 0: twice as fast as a test of each entry
        np.fmax(filled, np.finfo(dtype).min, out=filled)
        np.multiply(filled, present, out=filled)
        yield rows, present, filled


def pairwise_covariance(
    X: NDArray,
    sample_weight: NDArray[np.float64] | None = None,
    on_block: OnStep = no_step,
    block_rows: int = BLOCK_ROWS,
    *,
    fourth: bool = False,
) -> PairwiseCovariance:
    """Pairwise covariance of all rows of X, some of whose entries are NaN.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples. A memory map is read block by block.
    sample_weight : ndarray of shape (n_samples,), default=None
        Frequency weights: a weight of 2 is the row written twice.
    on_block : callable, default=do nothing
        Called with a name after every block.
    block_rows : int, default=16384
        Rows of a block.
    fourth : bool, default=False
        Whether third and fourth moments are read as well.

    Returns
    -------
    PairwiseCovariance
        In float64; float32 samples are multiplied in float32 and summed in float64.
    """
    covariance = None
    for start in range(0, max(len(X), 1), block_rows):  # no row at all is a block as well
        rows = slice(start, start + block_rows)
        weight = None if sample_weight is None else sample_weight[rows]
        block = _block_covariance(X[rows], weight, fourth)
        covariance = block if covariance is None else covariance + block
        on_block("block of rows")
    return covariance


def _block_covariance(X, weight, fourth):
    n_features = X.shape[1]
    near, total = near_mean(X), np.zeros(n_features)
    cubes, fourths, unit = np.zeros(n_features), np.zeros(n_features), 1.0
    spread = _spread(X, near) if fourth else None
    counts, sums, products = np.zeros((3, n_features, n_features))
    # products of fewer rows than these would be slow
    n_rows = max(1024, _CACHED_ENTRIES // n_features)
    for rows, observed, centred in fill_and_mask(X, near, n_rows):
        if weight is None:
            counted, weighted = observed, centred
            half = observed.astype(np.float32, copy=False)  # in which such counts are exact
            counts += half.T @ half
        else:
            column = weight[rows, None].astype(observed.dtype)
            counted, weighted = observed * column, centred * column
            counts += observed.T @ counted
        total += np.ones(len(observed), observed.dtype) @ weighted
        if fourth:
            powers = power_sums(centred, None if weight is None else weight[rows], spread)
            cubes, fourths, unit = cubes + powers.third, fourths + powers.fourth, powers.unit
        sums += centred.T @ counted
        products += centred.T @ weighted
    n_observed = np.diag(counts)
    mean = near + np.divide(total, n_observed, out=np.zeros(n_features), where=n_observed > 0)
    n_samples = float(len(X)) if weight is None else float(weight.sum())
    about_near = PairwiseCovariance(n_samples, near, counts, sums, products)
    sums, products = about_near._about(mean)
    moments = None
    if fourth:
        powers = PowerSums(cubes, fourths, unit)
        moments = powers.standardized(n_observed, mean - near, np.diag(products))
    return PairwiseCovariance(n_samples, mean, counts, sums, products, moments)


def _spread(X, point):
    """Root mean square distance of a few observed values from a point, 0 where there is none."""
    squares = (sampled_rows(X) - point) ** 2
    return np.sqrt(np.nansum(squares, axis=0) / np.maximum(np.sum(~np.isnan(squares), axis=0), 1))


def near_mean(X):
    """A point near the observed mean of each feature; 0 for features that are never observed."""
    sampled = sampled_rows(X)
    counts = np.sum(~np.isnan(sampled), axis=0)
    near = np.nansum(sampled, axis=0) / np.maximum(counts, 1)
    for feature in np.flatnonzero(counts == 0):
        column = X[:, feature]
        near[feature] = next(iter(column[~np.isnan(column)]), 0.0)
    return near
