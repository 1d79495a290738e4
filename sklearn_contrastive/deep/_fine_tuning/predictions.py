"""Predictions of a classifier from the logits of its network."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, softmax
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_consistent_length, check_is_fitted
from torch import Tensor
from torch.utils.data import Dataset

from ..._images.decoded_source import listed
from ..._typing import ArrayLike, FloatArray, MatrixLike, VectorLike

__all__ = ["NetworkClassifierMixin"]


class NetworkClassifierMixin(ClassifierMixin):
    """Methods of a classifier with an `embedder_`, which reads samples, a `net_` and `classes_`."""

    def decision_function(self, X: MatrixLike | Tensor | Dataset | Sequence) -> FloatArray:
        """Compute the logits of the classes.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Samples of the shape seen during fit.

        Returns
        -------
        logits : ndarray of float32 of shape (n_samples, n_classes)
            Logits; for two classes, of shape (n_samples,), the difference of both. They are NaN for
            images that cannot be read, where the embedder has ``on_unreadable="skip"``.
        """
        logits = self._logits(X)
        return logits[:, 1] - logits[:, 0] if len(self.classes_) == 2 else logits

    def predict(self, X: MatrixLike | Tensor | Dataset | Sequence) -> NDArray[Any]:
        """Predict the class of each sample.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Samples of the shape seen during fit.

        Returns
        -------
        classes : ndarray of shape (n_samples,)
            The most probable classes.

        Raises
        ------
        ValueError
            If X has another shape than in fit, or has images that cannot be read.
        """
        logits = self._logits(X)
        unread = np.flatnonzero(np.isnan(logits).any(axis=1))
        if len(unread):
            problems = {int(row): f"sample {row}" for row in unread}
            raise ValueError(
                f"{len(unread)} samples cannot be read and have no class; predict_proba has NaN "
                f"for them. Leave them out:{listed(problems)}"
            )
        return self.classes_[logits.argmax(axis=1)]

    def predict_proba(self, X: MatrixLike | Tensor | Dataset | Sequence) -> FloatArray:
        """Compute the probabilities of the classes, which are not calibrated.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Samples of the shape seen during fit.

        Returns
        -------
        probabilities : ndarray of float32 of shape (n_samples, n_classes)
            In the order of `classes_`; NaN where the logits are.
        """
        return softmax(self._logits(X), axis=1)

    def predict_log_proba(self, X: MatrixLike | Tensor | Dataset | Sequence) -> FloatArray:
        """Compute the logarithms of the probabilities, also where they are too small for float32.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Samples of the shape seen during fit.

        Returns
        -------
        log_probabilities : ndarray of float32 of shape (n_samples, n_classes)
            In the order of `classes_`; NaN where the logits are.
        """
        return log_softmax(self._logits(X), axis=1)

    def score(
        self,
        X: MatrixLike | Tensor | Dataset | Sequence,
        y: ArrayLike,
        sample_weight: VectorLike | None = None,
    ) -> float:
        """Compute the accuracy on the labelled samples.

        Samples with the label -1 are left out, so that a search by cross-validation can split
        samples of which only some have labels.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Samples of the shape seen during fit.

        y : array-like of shape (n_samples,)
            Their classes, or -1.

        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the samples.

        Returns
        -------
        accuracy : float
            Share of the labelled samples that are classified correctly.

        Raises
        ------
        ValueError
            If no sample has a label.
        """
        # as objects: strings and the integer -1 may be mixed
        labels, predicted = np.asarray(y, dtype=object), self.predict(X)
        check_consistent_length(predicted, labels)
        rows = np.arange(len(labels))
        if -1 not in self.classes_.tolist():
            rows = np.flatnonzero(labels != -1)
        if len(rows) == 0:
            raise ValueError("No sample has a label: all of y is -1, which marks those without.")
        weights = None if sample_weight is None else np.asarray(sample_weight)[rows]
        labels = labels[rows].tolist()
        return float(accuracy_score(labels, predicted[rows], sample_weight=weights))

    def _logits(self, X):
        check_is_fitted(self)
        return self.embedder_._embedded(X, network=self.net_.module_)
