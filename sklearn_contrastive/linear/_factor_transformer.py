"""What a fitted factor model does with samples: scores, reconstruction, likelihood."""

from __future__ import annotations

from typing import Self

import numpy as np
from scipy import sparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from .._base import ContrastiveEstimator
from .._typing import FloatArray, MatrixLike, VectorLike
from ._factor_model import (
    SCORING_FLOOR,
    log_likelihood,
    model_covariance,
    model_precision,
    noise_weighted_scoring,
)
from ._moments import centred_blocks, working_dtype
from ._spectrum import fix_signs

__all__ = ["FactorTransformer"]


class FactorTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ContrastiveEstimator):
    """Base of the estimators that end in a low-rank plus diagonal model of the covariance."""

    def transform(self, X: MatrixLike) -> FloatArray:
        """Project samples on the components.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components_)
            Scores; float32 for float32 samples, else float64.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        dtype = working_dtype(X)
        scoring = self._scoring.astype(dtype, copy=False)
        projected_mean = self.mean_ @ self._scoring
        if sparse.issparse(X):
            return (X @ scoring - projected_mean).astype(dtype, copy=False)
        # centring after the projection saves a pass over X, but costs the digits by which the
        # mean exceeds the scores
        at_risk = np.abs(self.mean_) @ np.abs(self._scoring)
        if X.dtype == dtype and np.all(at_risk <= 10 * np.sqrt(self._score_variance)):
            scores = X @ scoring
            scores -= projected_mean
            return scores
        scores = np.empty((X.shape[0], scoring.shape[1]), dtype)
        for rows, block in centred_blocks(X, self.mean_):
            np.matmul(block, scoring, out=scores[rows])
        return scores

    def inverse_transform(self, X: MatrixLike) -> FloatArray:
        """Points of the signal subspace that have the given scores.

        Exact on the subspace: ``transform(inverse_transform(scores))`` returns the scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Scores.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            The mean plus scores times components.
        """
        check_is_fitted(self)
        X = check_array(X, dtype=(np.float64, np.float32), ensure_min_features=0)
        if X.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {X.shape[1]} columns, but {type(self).__name__} found "
                f"{self.n_components_} components: pass what transform returns."
            )
        restored = X @ self._unwhitening @ self.components_ + self.mean_
        return restored.astype(X.dtype, copy=False)

    def get_covariance(self) -> FloatArray:
        """Covariance of the model: low rank plus the noise of each feature.

        Returns
        -------
        covariance : ndarray of shape (n_features, n_features)
            ``loadings_ @ loadings_.T + diag(noise_variance_)``.
        """
        check_is_fitted(self)
        return model_covariance(self.loadings_, self.noise_variance_)

    def get_precision(self) -> FloatArray:
        """Inverse of the model's covariance, by Woodbury's identity.

        Returns
        -------
        precision : ndarray of shape (n_features, n_features)
            The matrix whose product with ``get_covariance()`` is the identity.
        """
        check_is_fitted(self)
        return model_precision(self.loadings_, self.noise_variance_)

    def score_samples(self, X: MatrixLike) -> FloatArray:
        """Log-likelihood of each sample under the Gaussian model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            Natural logarithm of the density at each sample.
        """
        check_is_fitted(self)
        X = self._validated(X, reset=False)
        loadings = self.loadings_.astype(np.float64, copy=False)
        noise_variance = self.noise_variance_.astype(np.float64, copy=False)
        likelihood = np.empty(X.shape[0])
        for start in range(0, X.shape[0], _DENSE_ROWS):
            rows = slice(start, start + _DENSE_ROWS)
            block = X[rows].toarray() if sparse.issparse(X) else np.asarray(X[rows])
            centred = block.astype(np.float64) - self.mean_
            likelihood[rows] = log_likelihood(centred, loadings, noise_variance)
        return likelihood

    def score(self, X: MatrixLike, y: VectorLike | None = None) -> float:
        """Mean log-likelihood of samples, by which a grid search can choose without labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        y : None
            Ignored.

        Returns
        -------
        log_likelihood : float
            Mean of ``score_samples(X)``.
        """
        return float(np.mean(self.score_samples(X)))

    def _validated(self, X, *, reset, min_samples=1):
        """Samples as an array of any real type, or CSR or CSC; a memory map stays one."""
        if sparse.issparse(X):
            dtype = (np.float64, np.float32)
        else:
            # integers are converted a block at a time, not as a whole
            dtype = "numeric"
        return validate_data(
            self,
            X,
            reset=reset,
            accept_sparse=("csr", "csc"),
            dtype=dtype,
            ensure_min_samples=min_samples,
        )

    def _set_factor_model(self, model, moments, dtype) -> Self:
        """Set the attributes that follow from a model and the moments it was estimated from."""
        left, strengths, _ = np.linalg.svd(model.loadings, full_matrices=False)
        components = left.T * fix_signs(left.T)[:, None]
        scoring = self._scoring_matrix(model, components, moments.variances)
        n_components = len(components)
        along = moments.covariance_along(np.hstack([scoring, components.T]))
        covariance, kept = along[:n_components, :n_components], along[n_components:, n_components:]
        whitening, unwhitening = self._whitening(covariance)
        total = float(np.sum(moments.variances))

        self.loadings_ = model.loadings.astype(dtype)
        self.components_ = components.astype(dtype)
        self.common_variance_ = (strengths**2).astype(dtype)
        self.eigenvalues_ = model.eigenvalues.astype(dtype)
        self.noise_variance_ = model.noise_variance.astype(dtype)
        self.explained_variance_ = np.diag(covariance)[:n_components].astype(dtype)
        self.explained_variance_ratio_ = (np.diag(kept) / (total or 1.0)).astype(dtype)
        self.singular_values_ = np.sqrt((moments.n_samples - 1) * self.explained_variance_)
        self.mean_ = moments.mean
        self.n_components_ = n_components
        self.n_samples_ = _as_count(moments.n_samples)
        self.n_iter_ = model.n_iter
        self._scoring = scoring @ whitening
        self._unwhitening = unwhitening
        self._score_variance = np.diag(whitening @ covariance @ whitening)
        return self

    def _scoring_matrix(self, model, components, variances):
        if not self.noise_weighted or not len(components):
            return components.T
        noise = np.maximum(model.noise_variance, SCORING_FLOOR * variances)
        return noise_weighted_scoring(components, model.loadings, noise)

    def _whitening(self, covariance):
        """Symmetric inverse square root of the scores' covariance, and its inverse."""
        identity = np.eye(len(covariance))
        if not self.whiten or not len(covariance):
            return identity, identity
        values, vectors = np.linalg.eigh(covariance)
        smallest = len(values) * np.finfo(np.float64).eps * values[-1]
        if values[0] <= smallest:
            raise ValueError(
                f"whiten=True needs as many independent scores as components, but only "
                f"{np.sum(values > smallest)} of the {len(values)} scores are independent; set "
                "n_components to that number, or whiten=False."
            )
        root = np.sqrt(values)
        return (vectors / root) @ vectors.T, (vectors * root) @ vectors.T

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_is_fitted__(self) -> bool:
        """Whether two samples have been seen; partial_fit may have seen only one."""
        return hasattr(self, "components_")

    def __sklearn_tags__(self) -> Tags:
        """Tags of scikit-learn: sparse input is accepted, float32 stays float32."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


# rows of a sparse matrix that are made dense at once for their likelihood
_DENSE_ROWS = 1024


def _as_count(n_samples):
    """Number of samples as an int where it is one: fractional frequency weights stay floats."""
    return int(n_samples) if float(n_samples).is_integer() else float(n_samples)
