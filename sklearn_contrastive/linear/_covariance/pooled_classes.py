"""Scatter within classes as one sum, to which that of other samples is added."""

from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .labelled import LabelledCovariance
from .scatter import ScatterCovariance
from .within_class import LabelledScatter

__all__ = ["PooledClasses"]


class PooledClasses(LabelledCovariance):
    """Scatter of all samples, means of the classes, and the sum of the scatters within classes.

    Chan's update merges each class, and the differences of its means go into the sum. The
    unbiased covariances of the classes, which the matrix M_sup has, are not known. Every class
    counts in the sum, also one whose weights are at most 1 together.

    Parameters
    ----------
    total : ScatterCovariance
        Of all samples.
    counts : dict of float
        Number of samples of each label, or the sum of their weights.
    means : dict of ndarray of shape (n_features,)
        Their means.
    within : ndarray of shape (n_features, n_features)
        Sum of the scatters of the classes.
    """

    mergeable = True
    parts = None  # no class has a scatter of its own

    def __init__(self, total: ScatterCovariance, counts: dict, means: dict, within: NDArray):
        self.total, self._counts, self._means, self._within = total, counts, means, within

    @classmethod
    def of(cls, labelled: LabelledScatter) -> Self:
        """From the scatter of labelled samples."""
        labels = labelled.classes.tolist()
        counts = dict(zip(labels, labelled.counts.tolist(), strict=True))
        means = dict(zip(labels, labelled.means, strict=True))
        return cls(labelled.total, counts, means, labelled.within)

    def pooled(self) -> Self:
        """The covariance itself."""
        return self

    def __add__(self, other: LabelledCovariance) -> Self:
        other = other.pooled()
        counts, means = self._counts | other._counts, self._means | other._means
        within, common = self._within + other._within, self._counts.keys() & other._counts.keys()
        shifts, weights = [], []
        for label in common:
            own, new = self._counts[label], other._counts[label]
            counts[label], share = own + new, new / ((own + new) or 1.0)
            shifts.append(other._means[label] - self._means[label])
            means[label] = self._means[label] + share * shifts[-1]
            weights.append(own * share)
        if common:
            shifts = np.array(shifts)
            within += shifts.T @ (np.array(weights)[:, None] * shifts)
        return PooledClasses(self.total + other.total, counts, means, within)

    def __radd__(self, other: LabelledCovariance) -> Self:
        return self + other

    def scaled(self, factor: float) -> Self:
        """Covariance of the samples times a positive factor."""
        means = {label: mean * factor for label, mean in self._means.items()}
        within = self._within * factor * factor
        return PooledClasses(self.total.scaled(factor), self._counts, means, within)

    @property
    def labels(self) -> list:
        """The labels, in any order."""
        return list(self._counts)

    @cached_property
    def classes(self) -> NDArray:
        """The labels, sorted."""
        return np.array(sorted(label for label, count in self._counts.items() if count > 0))

    @cached_property
    def counts(self) -> NDArray[np.float64]:
        """Number of samples of each class, or the sum of their weights."""
        return np.array([self._counts[label] for label in self.classes.tolist()])

    @cached_property
    def _offsets(self):
        means = [self._means[label] for label in self.classes.tolist()]
        return np.array(means).reshape(len(means), self.n_features) - self.total.mean

    def within_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Scatter within classes, summed, times directions."""
        return self._within @ directions

    def class_scores(self, directions: NDArray) -> NDArray[np.float64]:
        """Projected means c_k of the classes, shape (n_classes, n_directions)."""
        return self._offsets @ directions

    def centred_means(self) -> NDArray[np.float64]:
        """Means c_k of the classes, shape (n_classes, n_features)."""
        return self._offsets

    def combined_means(self, weights: NDArray) -> NDArray[np.float64]:
        """Sums of the means c_k with weights (n_classes, n_sums), shape (n_features, n_sums)."""
        return self._offsets.T @ weights

    def label_matrix_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Refused: M_sup needs the covariance of each class."""
        raise TypeError("The matrix of the supervised loss needs the scatter of each class.")
