"""Covariance of partly labelled samples, with the matrix of the supervised contrastive loss.

A pair of samples of one class is positive, a pair of different classes negative. With m_k samples
of class k, of mean c_k and unbiased covariance C_k, all about the mean of all samples, and
m = sum_k m_k, the supervised contrastive loss leads to the label matrix

    M_sup = (1/m) sum_k [ m_k c_k c_k' - C_k - sym m_k c_k (s - m_k c_k)' / (m - m_k) ],

where s = sum_l m_l c_l and sym is the symmetric part. The positive pairs of class k contribute
(s_k s_k' - X_k X_k') / (m_k - 1) with s_k = m_k c_k, which is m_k c_k c_k' - C_k: the pairs of a
sample with itself would add exactly C_k. A class of one sample has no positive pair: neither term.
"""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from .supervised import SupervisedCovariance

__all__ = ["LabelledCovariance", "negative_weights", "positive_weights"]


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
    # no product of two counts: weights may be as large as floats are
    pairs = np.outer(counts, counts / (counts.sum() - counts))
    weights = (pairs + pairs.T) / 2
    np.fill_diagonal(weights, 0.0)
    return weights


class LabelledCovariance(SupervisedCovariance):
    """Covariance of all samples, labelled or not, and the label matrix M_sup.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    counts : ndarray of shape (n_classes,)
        Number m_k of samples of each class, or the sum of their weights.
    """

    classes: NDArray
    counts: NDArray[np.float64]

    @property
    def largest_rank(self) -> int:
        """One less than the number of classes."""
        return max(len(self.classes) - 1, 0)

    @abstractmethod
    def label_matrix_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of M_sup with directions of shape (n_features, n_directions)."""

    @abstractmethod
    def within_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Scatter within classes of more than one sample, summed, times directions."""

    @abstractmethod
    def class_scores(self, directions: NDArray) -> NDArray[np.float64]:
        """Projected means c_k of the classes, shape (n_classes, n_directions)."""

    def centred_means(self) -> NDArray[np.float64]:
        """Means c_k of the classes, shape (n_classes, n_features)."""
        return self.combined_means(np.eye(len(self.counts))).T

    @abstractmethod
    def combined_means(self, weights: NDArray) -> NDArray[np.float64]:
        """Sums of the means c_k with weights (n_classes, n_sums), shape (n_features, n_sums)."""
