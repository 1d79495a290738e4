"""What a fitted factor model does with samples: scores, reconstruction, likelihood."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import Self

import numpy as np
from scipy import sparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags, assert_all_finite
from sklearn.utils.validation import check_array, check_is_fitted, validate_data

from .._arrays import dtype_name, place_of
from .._base import ContrastiveEstimator
from .._signs import fix_signs
from .._sklearn_compat import ARRAY_API, check_same_namespace, widest_float
from .._typing import FloatArray, MatrixLike, VectorLike
from ..exceptions import MissingValuesWarning
from ._covariance.scatter import centred_blocks, working_dtype
from ._factor.model import (
    NoiseWeights,
    log_likelihood,
    model_covariance,
    model_precision,
    noise_weights,
)
from ._factor.observed import log_likelihood_of_observed, scores_of_incomplete

__all__ = ["FactorTransformer"]


class FactorTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ContrastiveEstimator):
    """Base of the estimators that end in a low-rank plus noise model of the covariance."""

    def transform(self, X: MatrixLike) -> FloatArray:
        """Project samples on the components.

        Where entries are missing, the scores of a row are the generalised least-squares estimate
        from the features that it shows.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN where an entry is missing.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components_)
            Scores; float32 for float32 samples, else float64. NaN in rows that show too little to
            tell the components apart, less than 1 % of what a complete row tells about some
            direction, with a `MissingValuesWarning`.
        """
        check_is_fitted(self)
        self._check_place(X, "transform")
        X, missing = self._validated(X, reset=False)
        place = place_of(X)
        if not place.is_numpy:
            scores = self._scores_on_device(X, place.xp)
        elif sparse.issparse(X):
            dtype = working_dtype(X)
            scores = X @ self._scoring.astype(dtype, copy=False) - self.mean_ @ self._scoring
            scores = scores.astype(dtype, copy=False)
        else:
            scores = self._scores(X)
        if missing and self.n_components_:
            return place.put(self._with_scores_of_incomplete(place.take(scores), place.take(X)))
        return scores

    def _scores(self, X):
        dtype = working_dtype(X)
        scoring = self._scoring.astype(dtype, copy=False)
        # centring after the projection saves a pass over X, but costs the digits by which the
        # mean exceeds the scores
        at_risk = np.abs(self.mean_) @ np.abs(self._scoring)
        if X.dtype == dtype and np.all(at_risk <= 10 * np.sqrt(self._score_variance)):
            scores = X @ scoring
            scores -= self.mean_ @ self._scoring
            return scores
        scores = np.empty((X.shape[0], scoring.shape[1]), dtype)
        for rows, block in centred_blocks(X, self.mean_):
            np.matmul(block, scoring, out=scores[rows])
        return scores

    def _scores_on_device(self, X, xp):
        """Centred in two steps as `centred_blocks` does."""
        mean = xp.astype(self.mean_, X.dtype)
        remainder = xp.astype(self.mean_ - xp.astype(mean, self.mean_.dtype), X.dtype)
        return ((X - mean) - remainder) @ xp.astype(self._scoring, X.dtype)

    def _with_scores_of_incomplete(self, scores, X):
        """Scores of all rows from those that took NaN for a number."""
        incomplete = np.flatnonzero(np.isnan(scores).any(axis=1))
        for start in range(0, len(incomplete), _INCOMPLETE_ROWS):
            rows = incomplete[start : start + _INCOMPLETE_ROWS]
            scores[rows] = scores_of_incomplete(X[rows], self._model.mean, self._weights)
        if lost := int(np.isnan(scores).any(axis=1).sum()):
            warnings.warn(
                f"{lost} of {len(X)} rows show too few features to tell {self.n_components_} "
                "components apart; their scores are NaN. Drop those rows, or ask for fewer "
                "components.",
                MissingValuesWarning,
                stacklevel=4,
            )
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
        self._check_place(X, "inverse_transform")
        place = place_of(X)
        xp = place.xp
        X = check_array(
            X,
            dtype=(widest_float(xp, place.device), xp.float32),
            ensure_min_features=0,
            ensure_all_finite="allow-nan",
        )
        if X.shape[1] != self.n_components_:
            raise ValueError(
                f"X has {X.shape[1]} columns, but {type(self).__name__} found "
                f"{self.n_components_} components: pass what transform returns."
            )
        if not place_of(X).is_numpy:
            scores = X @ xp.astype(self._unwhitening, X.dtype)
            mean = xp.astype(self.mean_, X.dtype)
            return scores @ xp.astype(self.components_, X.dtype) + mean
        restored = X @ self._unwhitening @ self.components_ + self.mean_
        return restored.astype(X.dtype, copy=False)

    def get_covariance(self) -> FloatArray:
        """Covariance of the model: low rank plus the noise.

        Returns
        -------
        covariance : ndarray of shape (n_features, n_features)
            ``loadings_ @ loadings_.T`` plus the noise, a diagonal unless it has groups.
        """
        check_is_fitted(self)
        return self._like_components(model_covariance(self._model.loadings, self._model.noise))

    def get_precision(self) -> FloatArray:
        """Inverse of the model's covariance, by Woodbury's identity.

        Returns
        -------
        precision : ndarray of shape (n_features, n_features)
            The matrix whose product with ``get_covariance()`` is the identity.
        """
        check_is_fitted(self)
        return self._like_components(model_precision(self._model.loadings, self._model.noise))

    def score_samples(self, X: MatrixLike) -> FloatArray:
        """Log-likelihood of each sample under the Gaussian model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN where an entry is missing.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            Natural logarithm of the density at each sample; of the features that it shows, where
            some are missing, so that only rows that show the same features can be compared.
        """
        likelihood = self._log_likelihood(X, "score_samples")
        return place_of(self.components_).put(likelihood)

    def _log_likelihood(self, X, method):
        """Log-likelihood of each sample, as a NumPy array."""
        check_is_fitted(self)
        self._check_place(X, method)
        X, missing = self._validated(X, reset=False)
        place, model = place_of(X), self._model
        likelihood = np.empty(X.shape[0])
        for start in range(0, X.shape[0], _DENSE_ROWS):
            rows = slice(start, min(start + _DENSE_ROWS, X.shape[0]))
            block = X[rows].toarray() if sparse.issparse(X) else place.take(X[rows, :])
            block = block.astype(np.float64)
            if missing and np.isnan(block).any():
                likelihood[rows] = log_likelihood_of_observed(
                    block, model.mean, model.loadings, model.noise.variances
                )
            else:
                centred = block - model.mean
                likelihood[rows] = log_likelihood(centred, model.loadings, model.noise)
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
        return float(np.mean(self._log_likelihood(X, "score")))

    def _check_place(self, X, method):
        """Refuse samples that live elsewhere than the fitted attributes."""
        check_same_namespace(X, self, attribute="components_", method=method)
        if place_of(self.components_).is_numpy and not isinstance(self.components_, np.ndarray):
            raise ValueError(
                f"{type(self).__name__} was fitted on {type(self.components_).__module__} arrays "
                f"under array API dispatch, but {method} was called without it. Call it under "
                "sklearn.config_context(array_api_dispatch=True)."
            )

    def _validated(self, X, *, reset):
        """Samples as an array of any real type, or CSR or CSC; and whether entries are missing."""
        place = place_of(X)
        if sparse.issparse(X):
            dtype = (np.float64, np.float32)
        elif place.is_numpy:
            # integers are converted a block at a time, not as a whole; a memory map stays one
            dtype = "numeric"
        else:
            dtype = (widest_float(place.xp, place.device), place.xp.float32)
        X = validate_data(
            self,
            X,
            reset=reset,
            accept_sparse=("csr", "csc") if self.__sklearn_tags__().input_tags.sparse else False,
            dtype=dtype,
            ensure_all_finite=False,
        )
        return X, self._has_missing(X)

    def _has_missing(self, X):
        """Whether there is a NaN, from the one pass that a check of finiteness takes."""
        xp = place_of(X).xp
        with np.errstate(over="ignore", invalid="ignore"):
            total = X.data.sum() if sparse.issparse(X) else xp.sum(X)
        if np.isfinite(float(total)):
            return False
        allow_nan = self.__sklearn_tags__().input_tags.allow_nan and not sparse.issparse(X)
        if not allow_nan and np.isnan(float(total)):
            self._explain_missing(X)
        assert_all_finite(
            X, allow_nan=allow_nan, estimator_name=type(self).__name__, input_name="X"
        )
        # an overflow may look the same; the first gap ends the search
        blocks = (
            X[i : min(i + _DENSE_ROWS, X.shape[0]), :] for i in range(0, X.shape[0], _DENSE_ROWS)
        )
        return bool(np.isnan(float(total))) and any(bool(xp.any(xp.isnan(b))) for b in blocks)

    def _explain_missing(self, X):
        """Refuse NaN where it is not understood, saying why; a subclass may know more."""
        if sparse.issparse(X) and np.isnan(X.data).any():
            raise ValueError(
                "Sparse X contains NaN, but missing values are understood in dense X only: what a "
                "sparse matrix does not store is 0, not missing. Pass X.toarray()."
            )

    def _like_components(self, array):
        """An array of the precision of the components, where they are."""
        place = place_of(self.components_)
        return place.put(array.astype(dtype_name(self.components_)))

    def _set_factor_model(self, model, moments, n_samples, dtype, place) -> Self:
        """Set the attributes that follow from a model.

        Parameters
        ----------
        model : FactorModel
            The solution.
        moments : SecondMoments or one of its kind, or FactorModel
            What describes the samples; where entries are missing, the model does.
        n_samples : float
            Number of samples.
        dtype : numpy float type
            Of the attributes.
        place : ArrayPlace
            Where they shall live.
        """
        left, strengths, _ = np.linalg.svd(model.loadings, full_matrices=False)
        components = left.T * fix_signs(left.T)[:, None]
        weights, scoring = self._scoring_of(model, components)
        n_components = len(components)
        along = moments.covariance_along(np.hstack([scoring, components.T]))
        covariance, kept = along[:n_components, :n_components], along[n_components:, n_components:]
        whitening, unwhitening = self._whitening(covariance)
        total = float(np.sum(moments.variances))
        variance = np.diag(covariance)

        attributes = {
            "loadings_": model.loadings.astype(dtype),
            "components_": components.astype(dtype),
            "common_variance_": (strengths**2).astype(dtype),
            "eigenvalues_": model.eigenvalues.astype(dtype),
            "noise_variance_": model.noise.variances.astype(dtype),
            "explained_variance_": variance.astype(dtype),
            "explained_variance_ratio_": (np.diag(kept) / (total or 1.0)).astype(dtype),
            "singular_values_": np.sqrt((n_samples - 1) * variance).astype(dtype),
            "mean_": model.mean,
            "_scoring": scoring @ whitening,
            "_unwhitening": unwhitening,
            "_score_variance": np.diag(whitening @ covariance @ whitening),
        }
        for name, array in attributes.items():
            setattr(self, name, place.put(array))
        self.n_components_ = n_components
        self.n_samples_ = _as_count(n_samples)
        self.n_iter_ = model.n_iter
        self._model = model
        self._weights = replace(weights, turn=weights.turn @ whitening)
        return self

    def _scoring_of(self, model, components):
        """Factors of the scoring matrix, and the matrix, without whitening."""
        n_components, n_features = components.shape
        if not self.noise_weighted or not n_components:
            plain = NoiseWeights(components.T, np.eye(n_components), np.ones(n_features))
            return plain, components.T
        weights = noise_weights(components, model.loadings, model.scoring_noise)
        return weights, model.scoring_noise.weighted(weights.basis @ weights.turn)

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
        """Tags of scikit-learn: sparse, missing and device arrays are accepted, float32 stays."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.array_api_support = ARRAY_API
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


# rows of a sparse matrix that are made dense at once for their likelihood
_DENSE_ROWS = 1024
# incomplete rows that are copied at once for their scores
_INCOMPLETE_ROWS = 4096


def _as_count(n_samples):
    """Number of samples as an int where it is one: fractional frequency weights stay floats."""
    return int(n_samples) if float(n_samples).is_integer() else float(n_samples)
