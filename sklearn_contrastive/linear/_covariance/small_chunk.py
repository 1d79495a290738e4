"""Scatter of a few rows, kept as rows: a chunk of a stream costs one pass over the d x d matrix."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .base import Covariance
from .fourth_moments import StandardizedMoments
from .scatter import ScatterCovariance, row_blocks

__all__ = ["LARGEST_CHUNK", "SmallChunk", "small_chunk"]

# Up to so many rows their product, a block at a time, takes less time than a second d x d matrix.
LARGEST_CHUNK = 64


@dataclass(frozen=True)
class SmallChunk(Covariance):
    """Number, mean and centred rows of a few samples.

    Parameters
    ----------
    n_samples : float
        Number of samples; with frequency weights, their sum.
    mean : ndarray of shape (n_features,)
        Mean of the samples.
    rows : ndarray of shape (n_rows, n_features)
        Samples less the mean, times the roots of their weights, in float64.
    moments : StandardizedMoments
        Third and fourth moments of the features.
    """

    n_samples: float
    mean: NDArray[np.float64]
    rows: NDArray[np.float64]
    moments: StandardizedMoments

    mergeable = True

    def __add__(self, other: Covariance) -> Covariance:
        return ScatterCovariance(self.n_samples, self.mean, self.scatter, self.moments) + other

    def scaled(self, factor: float) -> Self:
        """Covariance of the samples times a positive factor."""
        return SmallChunk(self.n_samples, self.mean * factor, self.rows * factor, self.moments)

    @property
    def scatter(self) -> NDArray[np.float64]:
        """Sum over samples of (x - mean)(x - mean)', shape (n_features, n_features)."""
        return self.rows.T @ self.rows

    @property
    def squares(self) -> NDArray[np.float64]:
        """Diagonal of the scatter."""
        return np.einsum("ij,ij->j", self.rows, self.rows)

    def added_to(self, scatter: NDArray, shift: NDArray) -> NDArray[np.float64]:
        """Another scatter plus this one plus shift shift'."""
        factors, total = np.vstack([self.rows, shift]), np.empty_like(scatter)
        for part in row_blocks(len(scatter)):
            np.matmul(factors[:, part].T, factors, out=total[part])
            total[part] += scatter[part]
        return total

    def kurtosis(self) -> NDArray[np.float64]:
        """Fourth moment of each feature over its squared variance."""
        return self.n_samples * self.moments.fourth

    @property
    def variances(self) -> NDArray[np.float64]:
        """Variance of each feature, with n - 1 in the denominator; shape (n_features,)."""
        return self.squares / (self.n_samples - 1)

    def times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of the covariance with directions of shape (n_features, n_directions)."""
        return self.rows.T @ (self.rows @ directions / (self.n_samples - 1))

    def to_matrix(self) -> NDArray[np.float64]:
        """The covariance matrix, of shape (n_features, n_features)."""
        return self.scatter / (self.n_samples - 1)


def small_chunk(X: NDArray, sample_weight: NDArray[np.float64] | None = None) -> Covariance:
    """Mean, centred rows and fourth moments of a few samples.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Complete samples of any real type.
    sample_weight : ndarray of shape (n_samples,), default=None
        Frequency weights: a weight of 2 is the row written twice.

    Returns
    -------
    SmallChunk
        In float64; of no sample if the weights are 0.
    """
    X = X.astype(np.float64)
    weight = np.ones(len(X)) if sample_weight is None else sample_weight
    n_samples = float(weight.sum())
    share = weight / (n_samples or 1.0)
    # differences from one row, so that a large common mean cancels nothing
    origin = X[np.argmax(weight > 0)]
    centred = X - origin
    offset = share @ centred
    centred -= offset
    squares = weight @ centred**2
    root = np.sqrt(squares)
    standard = np.divide(centred, root, out=np.zeros_like(centred), where=root > 0)
    cubes = weight[:, None] * standard**3
    moments = StandardizedMoments(cubes.sum(axis=0), np.einsum("ij,ij->j", cubes, standard))
    mean = origin + offset if n_samples else np.zeros(X.shape[1])
    return SmallChunk(n_samples, mean, centred * np.sqrt(weight)[:, None], moments)
