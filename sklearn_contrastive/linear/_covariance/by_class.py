"""Moments of samples of which some have class labels: all samples, and pairs of labelled ones.

A pair of samples of one class is positive, a pair of different classes negative. With m_k samples
of class k, of mean c_k and unbiased covariance C_k, all about the mean of all samples, and
m = sum_k m_k, the supervised contrastive loss leads to

    M_sup = (1/m) sum_k [ m_k c_k c_k' - C_k - sym m_k c_k (s - m_k c_k)' / (m - m_k) ],

where s = sum_l m_l c_l and sym is the symmetric part. What positive pairs of class k give,
(s_k s_k' - X_k X_k') / (m_k - 1) with s_k = m_k c_k, is m_k c_k c_k' less exactly C_k, which the
pairs of a sample with itself would add. A class of one sample has no positive pair: neither term.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .labels import UNLABELLED, Labels
from .rows import RowMoments
from .scatter import SecondMoments

__all__ = [
    "ClassMoments",
    "LabelledRows",
    "LabelledScatter",
    "negative_weights",
    "positive_weights",
]


def positive_weights(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight m_k of each c_k c_k' that positive pairs give; 0 where a class has no pair.

    Parameters
    ----------
    counts : ndarray of shape (n_classes,)
        Number m_k of samples of each class.

    Returns
    -------
    weights : ndarray of shape (n_classes,)
        m_k, or 0.
    """
    return np.where(counts > 1, counts, 0.0)


def negative_weights(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weight of each c_k c_l' that negative pairs subtract.

    Parameters
    ----------
    counts : ndarray of shape (n_classes,)
        Number m_k of samples of each class; at least two classes.

    Returns
    -------
    weights : ndarray of shape (n_classes, n_classes)
        m_k m_l (1 / (m - m_k) + 1 / (m - m_l)) / 2, and 0 on the diagonal.
    """
    per_anchor = 1.0 / (counts.sum() - counts)
    weights = np.outer(counts, counts) * (per_anchor[:, None] + per_anchor) / 2
    np.fill_diagonal(weights, 0.0)
    return weights


class _OfAllSamples:
    """The interface of `SecondMoments`, for all samples, labelled or not."""

    total: SecondMoments | RowMoments
    classes: NDArray

    @property
    def n_samples(self) -> float:
        """Number of samples; with frequency weights, their sum."""
        return self.total.n_samples

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.total.n_features

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

    def effective_samples(self, uniqueness: NDArray[np.float64]) -> float:
        """Number of samples that the noise of the covariance speaks of."""
        return self.total.effective_samples(uniqueness)

    def covariance_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of the covariance with directions of shape (n_features, n_directions)."""
        return self.total.covariance_times(directions)

    def covariance_along(self, directions: NDArray) -> NDArray[np.float64]:
        """Covariance of the samples projected on directions."""
        return self.total.covariance_along(directions)


@dataclass(frozen=True, eq=False)
class LabelledScatter(_OfAllSamples):
    """Scatter of all samples, means of the classes, and the covariances within classes, summed.

    Parameters
    ----------
    total : SecondMoments
        Of all samples.
    classes : ndarray of shape (n_classes,)
        Their labels.
    counts : ndarray of shape (n_classes,)
        Number m_k of samples of each class, or the sum of their weights.
    means : ndarray of shape (n_classes, n_features)
        Mean of each class.
    within : ndarray of shape (n_features, n_features)
        Sum over classes of more than one sample of their unbiased covariances C_k.
    """

    total: SecondMoments
    classes: NDArray
    counts: NDArray[np.float64]
    means: NDArray[np.float64]
    within: NDArray[np.float64]

    @cached_property
    def positive_matrix(self) -> NDArray[np.float64]:
        """What positive pairs give, (1/m) sum_k (m_k c_k c_k' - C_k); shape (d, d)."""
        offsets = self.means - self.total.mean
        matrix = offsets.T @ (positive_weights(self.counts)[:, None] * offsets)
        matrix -= self.within
        matrix /= self.counts.sum() or 1.0
        return matrix

    @cached_property
    def supervised_matrix(self) -> NDArray[np.float64]:
        """M_sup, of shape (n_features, n_features); 0 for fewer than two classes."""
        if len(self.counts) < 2:
            return np.zeros_like(self.within)
        offsets = self.means - self.total.mean
        negative = offsets.T @ (negative_weights(self.counts) @ offsets)
        return self.positive_matrix - negative / self.counts.sum()

    def supervised_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of M_sup with directions of shape (n_features, n_directions)."""
        return self.supervised_matrix @ directions


class ClassMoments(_OfAllSamples):
    """Moments of every class by itself, and of the unlabelled: they can be merged.

    Parameters
    ----------
    parts : dict
        SecondMoments of the samples of each label, and under None of those without.
    """

    def __init__(self, parts: dict):
        self._parts = parts

    def __add__(self, other: ClassMoments) -> ClassMoments:
        parts = dict(self._parts)
        for label, moments in other._parts.items():
            parts[label] = parts[label] + moments if label in parts else moments
        return ClassMoments(parts)

    @cached_property
    def total(self) -> SecondMoments:
        """Of all samples."""
        first, *others = self._parts.values()
        return sum(others, start=first)

    @cached_property
    def labelled(self) -> LabelledScatter:
        """What the classes say together."""
        labels = sorted(label for label in self._parts if label is not None)
        moments = [self._parts[label] for label in labels]
        counts = np.array([part.n_samples for part in moments])
        means = np.array([part.mean for part in moments]).reshape(len(labels), self.n_features)
        within = np.zeros((self.n_features, self.n_features))
        for part in moments:
            if part.n_samples > 1:
                within += part.scatter / (part.n_samples - 1)
        return LabelledScatter(self.total, np.array(labels), counts, means, within)

    @property
    def classes(self) -> NDArray:
        """The labels, sorted."""
        return self.labelled.classes

    def supervised_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of M_sup with directions of shape (n_features, n_directions)."""
        return self.labelled.supervised_times(directions)


class LabelledRows(_OfAllSamples):
    """The same without any d x d matrix: rows that are kept, and their labels.

    Parameters
    ----------
    rows : RowMoments
        All samples.
    labels : Labels
        Their labels.
    """

    def __init__(self, rows: RowMoments, labels: Labels):
        self.total = rows
        self.classes = labels.classes
        labelled = np.flatnonzero(labels.codes != UNLABELLED)
        shape = (len(labels.classes), rows.n_rows)
        codes = labels.codes[labelled]
        # sums over the rows of a class, with their weights
        self._sums = sparse.csr_array((rows.weight[labelled], (codes, labelled)), shape=shape)
        self._members = sparse.csr_array(
            (np.ones(len(codes)), (labelled, codes)), shape=shape[::-1]
        )
        self.counts = np.asarray(self._sums.sum(axis=1))

    def supervised_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of M_sup with directions of shape (n_features, n_directions)."""
        if len(self.counts) < 2:
            return np.zeros(directions.shape)
        scores = self.total.project(directions)
        means = self._sums @ scores / self.counts[:, None]
        weights = np.diag(positive_weights(self.counts)) - negative_weights(self.counts)
        # C_k is (1 / (m_k - 1)) sum_i x_i (x_i - c_k)', of classes that have a pair
        paired = np.where(self.counts > 1, self.counts - 1.0, np.inf)[:, None]
        of_class = weights @ means / self.counts[:, None] + means / paired
        by_row = self._members @ of_class - (self._members @ (1.0 / paired)) * scores
        return self.total.combine(by_row * self.total.weight[:, None]) / self.counts.sum()
