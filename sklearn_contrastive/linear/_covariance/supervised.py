"""Covariance of samples that may have labels or targets: what both kinds share."""

from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from .base import Covariance

__all__ = ["SupervisedCovariance"]


class SupervisedCovariance(Covariance):
    """Covariance of all samples, and the matrix of the supervised loss.

    Attributes
    ----------
    total : Covariance
        Of all samples.
    holds_targets : bool
        Whether numerical targets were read, not class labels.
    largest_rank : int
        Largest rank of that matrix; 0 where labels or targets say nothing.
    """

    total: Covariance
    holds_targets: ClassVar[bool] = False
    largest_rank: int

    @property
    def n_samples(self) -> float:
        """Number of samples; with frequency weights, their sum."""
        return self.total.n_samples

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean of each feature."""
        return self.total.mean

    @property
    def variances(self) -> NDArray[np.float64]:
        """Variance of each feature."""
        return self.total.variances

    @property
    def rounding(self) -> float:
        """Relative rounding error of products."""
        return self.total.rounding

    def times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of the covariance with directions of shape (n_features, n_directions)."""
        return self.total.times(directions)

    def along(self, directions: NDArray) -> NDArray[np.float64]:
        """Covariance of the samples projected on directions."""
        return self.total.along(directions)

    def kurtosis(self) -> NDArray[np.float64] | None:
        """Fourth moment of each feature over its squared variance, if it was read."""
        return self.total.kurtosis()

    def correlation_block(self, scale, n_pairs, rng, start=None):
        """Block of the correlation matrix."""
        return self.total.correlation_block(scale, n_pairs, rng, start)

    @abstractmethod
    def label_matrix_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of the matrix of the supervised loss with directions."""

    def blended_times(self, share: float) -> Callable[[NDArray], NDArray]:
        """(1 - share) times the covariance plus share times that matrix, as a function."""
        if share == 0.0:
            return self.times
        if share == 1.0:
            return self.label_matrix_times
        return lambda directions: (
            (1.0 - share) * self.times(directions) + share * self.label_matrix_times(directions)
        )
