"""Base of fitted factor models as transformers: transform, inverse_transform and impute."""

from dataclasses import replace
from functools import partial
from numbers import Integral

import numpy as np
from scipy import sparse
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_array

from .._arrays import place_of
from .._rival_parameters import RivalParametersMixin
from .._sklearn_compat import ARRAY_API, widest_float
from .._typing import FloatArray, MatrixLike
from .._warnings import warn
from ..exceptions import MissingValuesWarning
from ._covariance.blocks import centred_blocks, working_dtype
from ._covariance.samples import like_samples, rounded, validated
from ._dask import dask_transform, is_dask
from ._factor.model import (
    bartlett_weights,
    oriented,
    orthogonal_weights,
    scoring_matrix,
)
from ._factor.observed import imputed_rows, scores_of_incomplete
from ._factor.scores import spread_of_scores, whitening_of
from ._factor.scoring_noise import scoring_noise
from ._factor_density import FactorDensity
from ._html_summary import HTMLSummaryMixin
from ._loadings_frame import LoadingsFrameMixin
from ._plain_state import PlainStateMixin

__all__ = ["FactorTransformer"]

# incomplete rows that are copied at once for their scores
_INCOMPLETE_ROWS = 4096


class FactorTransformer(
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    RivalParametersMixin,
    LoadingsFrameMixin,
    HTMLSummaryMixin,
    PlainStateMixin,
    FactorDensity,
):
    """Base of the estimators that end in a low-rank plus noise model of the covariance."""

    def transform(self, X: MatrixLike) -> FloatArray:
        """Project samples on the components.

        Where entries are missing, the scores of a row are the generalised least-squares estimate
        from its observed features.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN where an entry is missing.

        Returns
        -------
        X_new : ndarray of shape (n_samples, n_components_)
            Scores; float32 for float32 samples, else float64. NaN in rows with
            too few observed features, less than 1 % of a complete row's information about some
            direction, with a `MissingValuesWarning`. Of an array or data frame of dask an array
            of dask, not computed yet.
        """
        self._check_fitted("transform")
        if is_dask(X):
            return dask_transform(self, X)
        self._check_place(X, "transform")
        X, missing = validated(self, X, reset=False)
        X = self._repaired(X)[0]
        place = place_of(X)
        if not place.is_numpy:
            scores = self._scores_on_device(X, place.xp)
        elif sparse.issparse(X):
            dtype = working_dtype(X)
            scoring = rounded(self.scoring_matrix_, dtype).T
            scores = (X @ scoring - self.scoring_matrix_ @ self.mean_).astype(dtype, copy=False)
        else:
            scores = self._scores(X)
        if missing and self.n_components_:
            scores = self._with_scores_of_incomplete(place.take(scores), place.take(X))
            return place.put(self._given_row_noise(scores, X))
        return self._given_row_noise(scores, X)

    def _given_row_noise(self, scores, X):
        """Scores that are shrunk in noisy rows, if the estimator looks for any."""
        return scores

    def _scores(self, X):
        dtype = working_dtype(X)
        scoring = rounded(self.scoring_matrix_, dtype).T
        # centring after the projection saves a pass over X, but costs the digits by which the
        # mean exceeds the scores
        at_risk = np.abs(self.scoring_matrix_) @ np.abs(self.mean_)
        if X.dtype == scoring.dtype and np.all(at_risk <= 10 * self._score_deviation):
            scores = X @ scoring
            scores -= self.scoring_matrix_ @ self.mean_
            return scores
        scores = np.empty((X.shape[0], scoring.shape[1]), dtype)
        for rows, block in centred_blocks(X, self.mean_):
            np.matmul(block, scoring, out=scores[rows])
        return scores

    def _scores_on_device(self, X, xp):
        """Centred in two steps as `centred_blocks` does."""
        mean = xp.astype(self.mean_, X.dtype)
        remainder = xp.astype(self.mean_ - xp.astype(mean, self.mean_.dtype), X.dtype)
        return ((X - mean) - remainder) @ xp.astype(self.scoring_matrix_, X.dtype).T

    def _with_scores_of_incomplete(self, scores, X):
        """Replace the NaN scores of incomplete rows by scores of their observed features."""
        incomplete = np.flatnonzero(np.isnan(scores).any(axis=1))
        for start in range(0, len(incomplete), _INCOMPLETE_ROWS):
            rows = incomplete[start : start + _INCOMPLETE_ROWS]
            found = scores_of_incomplete(X[rows] / self._unit, self._model.mean, self._weights)
            scores[rows] = found * self._unit_of_scores
        if lost := int(np.isnan(scores).any(axis=1).sum()):
            warn(
                f"{lost} of {len(X)} rows have too few observed features for "
                f"{self.n_components_} components; their scores are NaN. Drop those rows, or set a "
                "smaller n_components.",
                MissingValuesWarning,
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
        self._check_fitted("inverse_transform")
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

    def impute(self, X: MatrixLike) -> FloatArray:
        """Fill each missing entry with its expectation given the observed entries of its row.

        The expectation is that of the fitted model: the mean plus loadings times the expected
        factors. It shrinks to the mean where a row says little. Filled entries have no noise of
        their own, so that variances and correlations of a filled table are not those of the data.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Samples; NaN where an entry is missing. They need not be the samples of `fit`.

        Returns
        -------
        X_filled : ndarray of shape (n_samples, n_features)
            A copy of X without NaN; float32 for float32 samples, else float64. Observed entries
            are unchanged. A row without any observed entry gets the mean.

        See Also
        --------
        sklearn.impute.KNNImputer : Fills with the mean of similar rows.
        sklearn.impute.IterativeImputer : Regresses each feature on all others.

        Examples
        --------
        >>> import numpy as np
        >>> from sklearn_contrastive import LinearContrastive
        >>> rng = np.random.default_rng(0)
        >>> factor = rng.standard_normal((200, 1))
        >>> X = factor @ np.ones((1, 6)) + 0.1 * rng.standard_normal((200, 6))
        >>> model = LinearContrastive(1, random_state=0).fit(X)
        >>> model.impute([[2.0, np.nan, 2.0, 2.0, np.nan, 2.0]]).round(1)
        array([[2., 2., 2., 2., 2., 2.]])
        """
        self._check_fitted("impute")
        self._check_place(X, "impute")
        X, missing = validated(self, X, reset=False)
        if sparse.issparse(X):
            return X.copy()  # has no missing entries
        place, model = place_of(X), self._model
        rows = place.take(self._repaired(X)[0])
        filled = rows.astype(working_dtype(rows))
        if missing:
            incomplete = np.flatnonzero(np.isnan(filled).any(axis=1))
            for start in range(0, len(incomplete), _INCOMPLETE_ROWS):
                chosen = incomplete[start : start + _INCOMPLETE_ROWS]
                rows = filled[chosen] / self._unit  # a power of two: observed entries stay exact
                imputed = imputed_rows(rows, model.mean, model.loadings, model.noise.variances)
                filled[chosen] = self._unit * imputed
        return place.put(filled)

    def _set_model(self, fit, covariance, samples):
        """Set the fitted attributes: nothing after this may fail but the warnings.

        Parameters
        ----------
        fit : FactorFit
            The solution.
        covariance : Covariance
            Of all samples so far.
        samples : Samples
            Of this call; the attributes get their precision and place.
        """
        model = fit.model
        # an integer is the number of columns; "auto" and shares keep the factors alone
        further = fit.further[:, : isinstance(self.n_components, Integral) * fit.further.shape[1]]
        components, loadings = oriented(model.loadings, further)
        if self.noise_weighted and len(components):
            noise = scoring_noise(model, covariance.times)
            spanning = np.hstack([model.loadings, further])
            weights = bartlett_weights(components, spanning, noise)
        else:
            weights = orthogonal_weights(components)
        scoring = scoring_matrix(weights)
        # a pairwise covariance may be indefinite, that of the model is not
        described = covariance if covariance.semidefinite and fit.describes_covariance else model
        spread = spread_of_scores(described, scoring, components)
        whitening, unwhitening = np.eye(len(components)), np.eye(len(components))
        if self.whiten and len(components):
            whitening, unwhitening = whitening_of(spread.covariance)

        unit, squared = samples.unit, partial(self._in_squared_units, unit=samples.unit)
        # whitened scores have no unit
        whitened, unwhitened = (unit, 1.0) if self.whiten else (1.0, unit)
        variance = np.maximum(spread.variance, 0.0)
        put = partial(like_samples, samples)
        keep = partial(like_samples, samples, in_their_precision=False)
        self.loadings_ = put(unit * loadings)
        self.components_ = put(components)
        self.common_variance_ = put(squared(np.sum(loadings**2, axis=0)))
        self.eigenvalues_ = put(squared(fit.eigenvalues[: len(components)]))
        self.noise_variance_ = put(squared(model.noise.variances))
        self.communalities_ = put(model.communalities)
        if model.noise.blocks is not None:
            self.noise_covariance_ = [put(squared(block)) for block in model.noise.blocks]
        elif hasattr(self, "noise_covariance_"):
            del self.noise_covariance_
        self.explained_variance_ = put(squared(variance))
        self.explained_variance_ratio_ = put(spread.kept_share)
        self.singular_values_ = put(unit * np.sqrt(covariance.n_samples - 1) * np.sqrt(variance))
        self.mean_ = keep(unit * model.mean)
        self.n_components_ = len(components)
        self.n_samples_ = self.n_samples_seen_ = _as_count(covariance.n_samples)
        self.n_iter_ = fit.n_iter
        self.scoring_matrix_ = keep(np.ascontiguousarray((scoring @ whitening).T) / whitened)
        self._unwhitening = keep(whitened * unwhitening)
        deviation = np.sqrt(np.maximum(np.diag(whitening @ spread.covariance @ whitening), 0.0))
        self._score_deviation = keep(unwhitened * deviation)
        self._unit_of_scores = unwhitened
        self._model = model
        self._weights = replace(weights, to_scores=weights.to_scores @ whitening)

    @property
    def _why_complete(self):
        """Reason why NaN is refused, and what to do; None where NaN is allowed."""
        if getattr(self, "feature_groups", None) is None:
            return None
        return (
            "feature_groups needs complete samples. Fit without feature_groups, or impute the "
            "missing entries first, for instance with sklearn.impute.KNNImputer."
        )

    @property
    def _n_features_out(self):
        return self.n_components_

    def __sklearn_is_fitted__(self) -> bool:
        """Whether two samples have been seen; partial_fit may have seen only one."""
        return hasattr(self, "components_")

    def __sklearn_tags__(self) -> Tags:
        """Tags of scikit-learn: sparse, missing and device arrays are accepted, float32 stays.

        Feature groups need complete dense samples.
        """
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = getattr(self, "feature_groups", None) is None
        tags.input_tags.allow_nan = self._why_complete is None
        tags.array_api_support = ARRAY_API
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags


def _as_count(n_samples):
    """Number of samples as an int where it is one: fractional frequency weights stay floats."""
    return int(n_samples) if float(n_samples).is_integer() else float(n_samples)
