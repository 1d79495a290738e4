"""Covariance and label matrix of rows that are kept: fewer samples than features, or sparse."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..._labels import UNLABELLED, Labels
from .labelled import LabelledCovariance, negative_weights, positive_weights
from .rows import RowCovariance

__all__ = ["LabelledRows"]


class LabelledRows(LabelledCovariance):
    """Covariance as an operator on kept rows, and their labels: no d x d matrix.

    Parameters
    ----------
    rows : RowCovariance
        All samples.
    labels : Labels
        Their labels.
    """

    def __init__(self, rows: RowCovariance, labels: Labels):
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

    def label_matrix_times(self, directions: NDArray) -> NDArray[np.float64]:
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

    def within_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Scatter within classes of more than one sample, summed, times directions."""
        scores = self.total.project(directions)
        paired = (self.counts > 1).astype(np.float64)
        means = self._sums @ scores / self.counts[:, None]
        offsets = (self._members @ paired)[:, None] * scores - self._members @ (
            paired[:, None] * means
        )
        return self.total.combine(offsets * self.total.weight[:, None])

    def class_scores(self, directions: NDArray) -> NDArray[np.float64]:
        """Projected means c_k of the classes, shape (n_classes, n_directions)."""
        return self._sums @ self.total.project(directions) / self.counts[:, None]

    def combined_means(self, weights: NDArray) -> NDArray[np.float64]:
        """Sums of the means c_k with weights (n_classes, n_sums), shape (n_features, n_sums)."""
        return self.total.combine(self._sums.T @ (weights / self.counts[:, None]))
