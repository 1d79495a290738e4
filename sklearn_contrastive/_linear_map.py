"""Base class of transformers that multiply centred samples by one matrix."""

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, check_array, gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data

from ._base import ContrastiveEstimator
from ._input import readable
from ._rival_parameters import RivalParametersMixin
from ._typing import ArrayLike, FloatArray

__all__ = ["LinearMapTransformer"]

# rows that are centred at once, in float64 for float32 samples too
_BLOCK_ROWS = 4096


class LinearMapTransformer(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    RivalParametersMixin,
    ContrastiveEstimator,
):
    """Base class of transformers of dense samples that multiply centred samples by one matrix.

    A subclass has the parameter `n_components` and sets `mean_` and `n_components_`.
    """

    @property
    @abstractmethod
    def scoring_matrix_(self) -> FloatArray:
        """Matrix of `transform`: scores are ``(X - mean_) @ scoring_matrix_.T``."""

    def transform(self, X: ArrayLike) -> FloatArray:
        """Scores of samples.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components_)
            Scores; float32 for float32 samples, else float64.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        scores = np.empty((len(X), self.n_components_), X.dtype)
        for rows in gen_batches(len(X), _BLOCK_ROWS):
            scores[rows] = (X[rows] - self.mean_) @ self.scoring_matrix_.T
        return scores

    def _validated(self, X, *, reset):
        """Validated samples in float64 or float32; at least two of them in a fit."""
        return validate_data(
            self,
            readable(self, X),
            reset=reset,
            dtype=(np.float64, np.float32),
            ensure_min_samples=2 if reset else 1,
        )

    def _check_n_components(self, X):
        """Refuse n_components above min(n_samples, n_features)."""
        largest = min(X.shape)
        if self.n_components > largest:
            raise ValueError(
                f"n_components={self.n_components} must be between 1 and "
                f"min(n_samples, n_features)={largest}."
            )

    def _points_of(self, scores: ArrayLike, decoder: NDArray) -> FloatArray:
        """Mean plus scores times the transposed decoder of shape (n_features, n_components_)."""
        check_is_fitted(self)
        scores = check_array(scores, dtype=(np.float64, np.float32), ensure_min_features=0)
        if scores.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {scores.shape[1]} columns, but {type(self).__name__} has "
                f"{self.n_components_} components: pass what transform returns."
            )
        return (scores @ decoder.T + self.mean_).astype(scores.dtype, copy=False)

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_tags__(self) -> Tags:
        """Tags of scikit-learn: float32 stays float32."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
