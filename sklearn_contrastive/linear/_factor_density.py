"""Base of fitted factor models: covariance, precision and likelihood."""

import numpy as np
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from .._arrays import dtype_name, place_of
from .._base import ContrastiveEstimator
from .._sklearn_compat import check_same_namespace
from .._typing import FloatArray, MatrixLike, VectorLike
from ._covariance.samples import rounded, validated
from ._factor.model import log_likelihood, model_covariance, model_precision
from ._factor.observed import log_likelihood_of_observed

__all__ = ["FactorDensity"]

# rows of a sparse matrix that are made dense at once for their likelihood
_DENSE_ROWS = 1024


class FactorDensity(ContrastiveEstimator):
    """Base of the estimators that are a Gaussian density, low rank plus noise, once fitted."""

    def get_covariance(self) -> FloatArray:
        """Covariance of the model: low rank plus the noise.

        Returns
        -------
        covariance : ndarray of shape (n_features, n_features)
            ``loadings_ @ loadings_.T`` plus the noise, a diagonal unless it has groups.
        """
        self._check_fitted("get_covariance")
        covariance = model_covariance(self._model.loadings, self._model.noise)
        return self._like_components(self._in_squared_units(covariance, self._unit))

    def get_precision(self) -> FloatArray:
        """Inverse of the model's covariance, by Woodbury's identity.

        Returns
        -------
        precision : ndarray of shape (n_features, n_features)
            The matrix whose product with ``get_covariance()`` is the identity.
        """
        self._check_fitted("get_precision")
        precision = model_precision(self._model.loadings, self._model.noise)
        return self._like_components(self._in_squared_units(precision, 1.0 / self._unit))

    def score_samples(self, X: MatrixLike) -> FloatArray:
        """Log-likelihood of each sample under the Gaussian model.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN where an entry is missing.

        Returns
        -------
        log_likelihood : ndarray of shape (n_samples,)
            Natural logarithm of the density at each sample. With missing entries it is the density
            of the observed features, so that only rows with the same features are comparable.
            -inf for a row so far away that float64 does not hold its squared distance.
        """
        likelihood = self._log_likelihood(X, "score_samples")
        return place_of(self.components_).put(likelihood)

    def _log_likelihood(self, X, method):
        """Log-likelihood of each sample, as a NumPy array."""
        self._check_fitted(method)
        self._check_place(X, method)
        X, missing = validated(self, X, reset=False)
        X, penalty = self._repaired(X)
        likelihood = np.empty(X.shape[0])
        with np.errstate(over="ignore", invalid="ignore"):
            self._fill_likelihood(likelihood, X, missing)
        # the squared distance is a difference, of infinities where float64 does not hold it
        return np.where(np.isnan(likelihood), -np.inf, likelihood) - penalty

    def _fill_likelihood(self, likelihood, X, missing):
        """Set the log-likelihood of each sample, block by block."""
        place, model = place_of(X), self._model
        for start in range(0, X.shape[0], _DENSE_ROWS):
            rows = slice(start, min(start + _DENSE_ROWS, X.shape[0]))
            block = X[rows].toarray() if sparse.issparse(X) else place.take(X[rows, :])
            block = block.astype(np.float64) / self._unit
            if missing and np.isnan(block).any():
                likelihood[rows] = log_likelihood_of_observed(
                    block, model.mean, model.loadings, model.noise.variances
                )
            else:
                centred = block - model.mean
                likelihood[rows] = log_likelihood(centred, model.loadings, model.noise)
            # the density in units of the input
            n_observed = np.sum(~np.isnan(block), axis=1) if missing else X.shape[1]
            likelihood[rows] -= n_observed * np.log(self._unit)

    def _repaired(self, X):
        """Samples without outlying cells, if the estimator looks for any, and their penalty."""
        return X, 0.0

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

    def _check_fitted(self, method):
        """Refuse an estimator without a fit, or with attributes that no fit has set."""
        check_is_fitted(self)
        if not hasattr(self, "_model"):
            raise NotFittedError(
                f"{method} needs the model of a fit, but the attributes of this "
                f"{type(self).__name__} were set by hand. Save and load the whole estimator, for "
                "instance with joblib. To score complete samples from saved arrays, save mean_ and "
                "scoring_matrix_ and compute (X - mean_) @ scoring_matrix_.T."
            )

    def _check_place(self, X, method):
        """Refuse samples on another device, or of another library, than the fitted attributes."""
        check_same_namespace(X, self, attribute="components_", method=method)
        if place_of(self.components_).is_numpy and not isinstance(self.components_, np.ndarray):
            raise ValueError(
                f"{type(self).__name__} was fitted on {type(self.components_).__module__} arrays "
                f"under array API dispatch, but {method} was called without it. Call it under "
                "sklearn.config_context(array_api_dispatch=True)."
            )

    def _like_components(self, array):
        """An array of the precision of the components, where they are."""
        place = place_of(self.components_)
        return place.put(rounded(array, np.dtype(dtype_name(self.components_)).type))

    @staticmethod
    def _in_squared_units(array, unit):
        """An array in squared units of the input; inf or 0 where float64 does not hold them."""
        with np.errstate(over="ignore"):
            return array * unit * unit
