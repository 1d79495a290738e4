"""PCA and factor analysis behind the usual remedies for outliers."""

import numpy as np
from scipy.stats import chi2
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.covariance import MinCovDet
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer, RobustScaler, StandardScaler

#: standard deviations of a normal distribution in one median absolute deviation
NORMAL_SD = 1.4826


class CappedColumns(TransformerMixin, BaseEstimator):
    """Values further than 4 robust standard deviations from the median moved to that distance.

    Columns of which more than half of the values are equal stay as they are.
    """

    def fit(self, X, y=None):
        """Median and median absolute deviation of each column."""
        median = np.median(X, axis=0)
        spread = NORMAL_SD * np.median(np.abs(X - median), axis=0)
        limit = np.where(spread > 0, 4 * spread, np.inf)
        self.low_, self.high_ = median - limit, median + limit
        return self

    def transform(self, X):
        """Each value inside the limits of its column."""
        return np.clip(X, self.low_, self.high_)


class PCAWithoutOutlyingRows(TransformerMixin, BaseEstimator):
    """StandardScaler and PCA fitted to the rows that a detector of outliers keeps.

    The detector sees columns scaled by median and quartiles.
    """

    def __init__(self, n_components, detector):
        self.n_components, self.detector = n_components, detector

    def fit(self, X, y=None):
        """Find outlying rows, then fit to the others."""
        kept = self.detector(RobustScaler().fit_transform(X))
        self.scaler_ = StandardScaler().fit(X[kept])
        self.pca_ = PCA(self.n_components, random_state=0).fit(self.scaler_.transform(X[kept]))
        return self

    def transform(self, X):
        """Scores of all rows, outlying or not."""
        return self.pca_.transform(self.scaler_.transform(X))


def kept_by_forest(Z):
    """Rows that an IsolationForest of 30 trees keeps; 100 take three times as long."""
    return IsolationForest(n_estimators=30, random_state=0).fit_predict(Z) > 0


def kept_by_covariance(Z):
    """Rows whose robust distance is below the .975 quantile of a chi-squared variable."""
    distances = MinCovDet(random_state=0).fit(Z).dist_
    return distances <= chi2.ppf(0.975, Z.shape[1])


def rivals(k, n_samples):
    """Name -> reducer to k components."""
    # uniform ranks were better than normal scores on the tuning tables
    quantiles = QuantileTransformer(n_quantiles=min(1000, n_samples), random_state=0)
    pca = PCA(k, random_state=0)
    return {
        "PCA": clone(pca),
        "Scaler+PCA": make_pipeline(StandardScaler(), clone(pca)),
        "RobustScaler+PCA": make_pipeline(RobustScaler(), clone(pca)),
        "capped+PCA": make_pipeline(CappedColumns(), StandardScaler(), clone(pca)),
        "quantiles+PCA": make_pipeline(quantiles, clone(pca)),
        "Scaler+FA": make_pipeline(StandardScaler(), FactorAnalysis(k, random_state=0)),
        "IsolationForest+PCA": PCAWithoutOutlyingRows(k, kept_by_forest),
    }


def directions(reducer, X):
    """Rows that span the subspace of a fitted rival, in the units of X."""
    if isinstance(reducer, PCAWithoutOutlyingRows):
        return reducer.pca_.components_ * reducer.scaler_.scale_
    if not hasattr(reducer, "steps"):
        return reducer.components_
    *before, (_, model) = reducer.steps
    _, scaler = before[-1]
    scale = getattr(scaler, "scale_", None)
    if scale is None:  # ranks: their unit is a share of the sd of the middle of the column
        low, high = np.quantile(X, [0.25, 0.75], axis=0)
        scale = (high - low) / 1.349
    return model.components_ * scale
