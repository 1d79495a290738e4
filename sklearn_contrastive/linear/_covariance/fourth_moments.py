"""Third and fourth moments of the features, in units that merge without overflow."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = ["PowerSums", "StandardizedMoments", "moments_of_sparse", "power_sums"]

# entries of the blocks whose powers are formed at once: they stay in the cache
_CACHED_ENTRIES = 2**16
# deviations beyond which, or below whose inverse, fourth powers of values leave the float type
_LARGEST_DEVIATION = {np.float64: 1e60, np.float32: 1e5}


@dataclass(frozen=True)
class StandardizedMoments:
    """Moments of each feature after division by the root of its sum of squares.

    With y = (x - mean) / (sum of (x - mean)^2)^(1/2) the fourth moment is kurtosis / n. Its inverse
    is the number of samples that carry the variance of a feature: n / 3 of a normal one, 1 if a
    single value exceeds all others by far.

    Parameters
    ----------
    third, fourth : ndarray of shape (n_features,)
        Sums of y^3 and y^4; 0 for a constant feature.
    """

    third: NDArray[np.float64]
    fourth: NDArray[np.float64]

    @classmethod
    def empty(cls, n_features: int) -> Self:
        """Of no sample."""
        return cls(np.zeros(n_features), np.zeros(n_features))

    @classmethod
    def joined(
        cls,
        parts: Sequence[Self],
        counts: NDArray[np.float64],
        squares: NDArray[np.float64],
        shifts: NDArray[np.float64],
    ) -> Self:
        """Moments of several sets of samples together.

        Parameters
        ----------
        parts : sequence of StandardizedMoments of length n_sets
            Of each set.
        counts : ndarray of shape (n_sets,)
            Number of samples of each set.
        squares : ndarray of shape (n_sets, n_features)
            Sum of squares of each set about its own mean.
        shifts : ndarray of shape (n_sets, n_features)
            Mean of each set minus that of all.
        """
        root = np.sqrt(np.sum(squares + counts[:, None] * shifts**2, axis=0))
        inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
        share, step = squares * inverse**2, shifts * inverse
        between = counts[:, None] * step**2
        thirds = np.array([part.third for part in parts]) * share**1.5
        fourths = np.array([part.fourth for part in parts]) * share**2
        third = np.sum(thirds + step * (3.0 * share + between), axis=0)
        about_mean = 4.0 * thirds + step * (6.0 * share + between)
        return cls(third, np.sum(fourths + step * about_mean, axis=0))

    def merged(
        self,
        other: Self,
        counts: tuple[NDArray | float, NDArray | float],
        squares: tuple[NDArray, NDArray],
        shift: NDArray,
    ) -> Self:
        """Moments of two sets of samples together.

        Parameters
        ----------
        other : StandardizedMoments
            Of the second set.
        counts : tuple of two floats or ndarrays of shape (n_features,)
            Number of samples of each set.
        squares : tuple of two ndarrays of shape (n_features,)
            Sum of squares of each set about its own mean.
        shift : ndarray of shape (n_features,)
            Mean of the second set minus that of the first.

        Returns
        -------
        StandardizedMoments
            Exact to rounding.

        References
        ----------
        Pebay (2008), Formulas for robust, one-pass parallel computation of covariances and
        arbitrary-order statistical moments.
        """
        n = np.maximum(counts[0] + counts[1], np.finfo(np.float64).tiny)
        p, q = counts[0] / n, counts[1] / n
        total = squares[0] + squares[1] + counts[0] * q * shift**2
        root = np.sqrt(total)
        a, b, step = (
            np.divide(part, root, out=np.zeros_like(root), where=root > 0)
            for part in (np.sqrt(squares[0]), np.sqrt(squares[1]), shift)
        )
        thirds = self.third * a**3, other.third * b**3
        between = counts[0] * q * step**2
        third = thirds[0] + thirds[1] + between * step * (p - q)
        third += 3.0 * step * (p * b**2 - q * a**2)
        fourth = self.fourth * a**4 + other.fourth * b**4
        fourth += between * step**2 * (p**2 - p * q + q**2)
        fourth += 6.0 * step**2 * (p**2 * b**2 + q**2 * a**2)
        fourth += 4.0 * step * (p * thirds[1] - q * thirds[0])
        return StandardizedMoments(third, fourth)


@dataclass(frozen=True)
class PowerSums:
    """Sums of third and fourth powers of rows about any points.

    Parameters
    ----------
    third, fourth : ndarray of shape (n_features,)
        Sums of (x / unit)^3 and (x / unit)^4.
    unit : float or ndarray of shape (n_features,)
        Unit of each feature in which powers do not leave the float type.
    """

    third: NDArray[np.float64]
    fourth: NDArray[np.float64]
    unit: NDArray[np.float64] | float

    def standardized(
        self, count: NDArray | float, offset: NDArray[np.float64], squares: NDArray[np.float64]
    ) -> StandardizedMoments:
        """Moments about the mean.

        Parameters
        ----------
        count : float or ndarray of shape (n_features,)
            Number of samples.
        offset : ndarray of shape (n_features,)
            Mean minus the point about which the sums are.
        squares : ndarray of shape (n_features,)
            Sum of squares about the mean.

        Returns
        -------
        StandardizedMoments
            In float64.
        """
        offset, root = offset / self.unit, np.sqrt(np.maximum(squares, 0.0)) / self.unit
        third = self.third - offset * (3.0 * root**2 + count * offset**2)
        about_mean = 4.0 * third + offset * (6.0 * root**2 + count * offset**2)
        fourth = self.fourth - offset * about_mean
        inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
        # not the powers of the root: weights may be as large as floats are
        third = third * inverse * inverse * inverse
        return StandardizedMoments(third, fourth * inverse * inverse * inverse * inverse)


def power_sums(
    rows: NDArray, weight: NDArray | None, deviation: NDArray[np.float64] | None = None
) -> PowerSums:
    """Sums of third and fourth powers over rows.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Rows minus a point near their mean, floating-point; 0 where an entry is missing.
    weight : ndarray of shape (n_rows,) or None
        Frequency weights.
    deviation : ndarray of shape (n_features,), default=None
        Standard deviations, about, of rows that may have any unit.

    Returns
    -------
    PowerSums
        Powers are formed in the float type of the rows, and summed in float64 over blocks that
        stay in the cache. A sum that leaves the float type nevertheless is infinite.
    """
    largest = _LARGEST_DEVIATION[rows.dtype.type]
    unit = None
    if deviation is not None and np.any(
        (deviation > 0) & ((deviation > largest) | (deviation < 1.0 / largest))
    ):
        unit = np.where(deviation > 0, deviation, 1.0).astype(rows.dtype)
    third, fourth = np.zeros((2, rows.shape[1]))
    n_rows = max(1, _CACHED_ENTRIES // rows.shape[1])
    with np.errstate(over="ignore", under="ignore", invalid="ignore"):
        for start in range(0, len(rows), n_rows):
            block = rows[start : start + n_rows]
            if unit is not None:
                block = block / unit
            squared = counted = block * block
            if weight is not None:
                counted = weight[start : start + n_rows, None].astype(block.dtype) * squared
            third += np.einsum("ij,ij->j", counted, block)
            fourth += np.einsum("ij,ij->j", counted, squared)
    return PowerSums(third, fourth, 1.0 if unit is None else unit.astype(np.float64))


def moments_of_sparse(
    X: sparse.csr_array, weight: NDArray, mean: NDArray, squares: NDArray
) -> StandardizedMoments:
    """Moments of sparse rows, from the stored entries alone.

    Parameters
    ----------
    X : sparse matrix of shape (n_rows, n_features)
        The rows, in CSR.
    weight : ndarray of shape (n_rows,)
        Frequency weights.
    mean, squares : ndarray of shape (n_features,)
        Mean, and sum of squares about it.

    Returns
    -------
    StandardizedMoments
        In float64.
    """
    if not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    root = np.sqrt(np.maximum(squares, 0.0))
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
    of_entries = np.repeat(weight, np.diff(X.indptr))
    values, zero = (X.data - mean[X.indices]) * inverse[X.indices], -mean * inverse

    def summed(terms):
        return np.bincount(X.indices, terms, minlength=X.shape[1])

    zeros = weight.sum() - summed(of_entries)
    cubes = of_entries * values**3
    return StandardizedMoments(
        summed(cubes) + zeros * zero**3, summed(cubes * values) + zeros * zero**4
    )
