"""Covariance: the interface between samples and solvers, however the samples are stored."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .._solvers.chebyshev import FeatureBlock, LeadingBlock
from .scale import reciprocal

__all__ = ["Covariance"]


class Covariance(ABC):
    """Mean and covariance of samples.

    Each kind of storage is a subclass in a file of its own. `read.py` chooses the kind; no other
    code asks which kind it has.

    Attributes
    ----------
    n_samples : float
        Number of samples; with frequency weights, their sum.
    mean : ndarray of shape (n_features,)
        Mean of each feature.
    variances : ndarray of shape (n_features,)
        Variance of each feature, with n - 1 in the denominator.
    rounding : float
        Relative rounding error of `times`.
    mergeable : bool
        Whether ``+`` adds the covariance of other samples, as `partial_fit` needs.
    semidefinite : bool
        False for pairwise covariances of incomplete samples, which may be indefinite.
    """

    n_samples: float
    mean: NDArray[np.float64]
    variances: NDArray[np.float64]
    rounding: float = float(np.finfo(np.float64).eps)
    mergeable: ClassVar[bool] = False
    semidefinite: ClassVar[bool] = True

    def __add__(self, other: "Covariance") -> "Covariance":
        """Covariance of both samples together, if both kinds are mergeable."""
        return NotImplemented

    def scaled(self, factor: float) -> "Covariance":
        """Covariance of the samples times a positive factor, if the kind is mergeable."""
        return NotImplemented

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(self.mean)

    @abstractmethod
    def times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of the covariance with directions of shape (n_features, n_directions)."""

    def along(self, directions: NDArray) -> NDArray[np.float64]:
        """Covariance of the samples projected on directions; (n_directions, n_directions)."""
        return directions.T @ self.times(directions)

    def to_matrix(self) -> NDArray[np.float64]:
        """The covariance matrix, of shape (n_features, n_features)."""
        return self.times(np.eye(self.n_features))

    def effective_samples(self, uniqueness: NDArray[np.float64]) -> float:
        """Number of complete samples whose covariance is as noisy, given the uniquenesses."""
        return self.n_samples

    def kurtosis(self) -> NDArray[np.float64] | None:
        """Fourth moment of each feature over its squared variance; None where it was not read."""
        return None

    def unobserved_pairs(self) -> NDArray[np.intp]:
        """Pairs of features that no sample has together; (n_pairs, 2), equal for one feature."""
        return np.zeros((0, 2), np.intp)

    def contrastive_start(self, n_pairs: int) -> NDArray[np.float64] | None:
        """Directions near the leading eigenvectors of the contrastive matrix, where they are cheap.

        Parameters
        ----------
        n_pairs : int
            How many eigenvectors are needed.

        Returns
        -------
        start : ndarray of shape (n_features, m) or None
            Not orthonormal; None where random directions serve as well.
        """
        return None

    def correlation_block(
        self,
        scale: NDArray[np.float64],
        n_pairs: int,
        rng: np.random.RandomState,
        start: NDArray | None = None,
    ) -> LeadingBlock:
        """Block of directions that follows leading eigenpairs of the correlation matrix.

        Parameters
        ----------
        scale : ndarray of shape (n_features,)
            Standard deviation of each feature, 0 for a constant one.
        n_pairs : int
            How many eigenpairs are needed, at first.
        rng : numpy.random.RandomState
            Draws the first directions.
        start : ndarray of shape (n_features, m), default=None
            Loadings to begin with.

        Returns
        -------
        LeadingBlock
            Constant features are in the null space.
        """
        inverse = reciprocal(scale)[:, None]

        def correlation_times(directions):
            return inverse * self.times(inverse * directions)

        def correlation():
            return inverse * self.to_matrix() * inverse.T

        start = None if start is None else inverse * start
        return FeatureBlock(
            correlation_times, len(scale), n_pairs, rng, start, self.rounding, correlation
        )
