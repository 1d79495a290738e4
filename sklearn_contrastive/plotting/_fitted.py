"""What the plots read from a fitted estimator: ours, PCA's and FactorAnalysis', or a pipeline's."""

from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import check_is_fitted

from .._sklearn_compat import feature_names_of

__all__ = [
    "Fitted",
    "fitted",
    "loadings_of",
    "model_variance",
    "noise_variance_of",
    "row_names",
    "shares_noise",
]


@dataclass(frozen=True)
class Fitted:
    """A fitted reducer, samples as it takes them, and the names of its features.

    Parameters
    ----------
    reducer : estimator instance
        The estimator, or the last step of a pipeline.
    X : array-like of shape (n_samples, n_features) or None
        Output of the earlier steps of a pipeline; X as it was given otherwise.
    names : list of str
        Names of the features of `reducer`; x0, x1, ... where it was fitted without names.
    """

    reducer: BaseEstimator
    X: object
    names: list[str]


def fitted(estimator: BaseEstimator, X: object = None) -> Fitted:
    """Reducer, samples and names of an estimator or a pipeline.

    Parameters
    ----------
    estimator : estimator instance
        Fitted; of a pipeline the last step is plotted.
    X : array-like of shape (n_samples, n_features) or None
        Samples in the form that `estimator` takes.

    Returns
    -------
    Fitted

    Raises
    ------
    sklearn.exceptions.NotFittedError
        If `estimator` has not been fitted.
    """
    check_is_fitted(estimator)
    if not isinstance(estimator, Pipeline):
        return Fitted(estimator, X, _names(estimator))
    before, reducer = estimator[:-1], estimator[-1]
    check_is_fitted(reducer)
    if not len(before):
        return Fitted(reducer, X, _names(reducer))
    return Fitted(reducer, None if X is None else before.transform(X), _names(reducer, before))


def _names(reducer, before=None):
    """Names that the reducer saw, or that the steps before it give."""
    names = feature_names_of(reducer)
    if not hasattr(reducer, "feature_names_in_") and hasattr(before, "get_feature_names_out"):
        # a step without names, such as FunctionTransformer
        with suppress(AttributeError, ValueError):
            names = before.get_feature_names_out()
    return [str(name) for name in names]


def row_names(X: object) -> list[str]:
    """Labels of rows: the index of a pandas data frame, else their numbers.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Samples.

    Returns
    -------
    names : list of str
    """
    n_rows = X.shape[0] if hasattr(X, "shape") else len(X)
    index = getattr(X, "index", None)
    rows = range(n_rows) if index is None or callable(index) else index
    return [str(name) for name in rows]


def shares_noise(reducer: BaseEstimator) -> bool:
    """Whether noise is correlated inside groups of features."""
    return getattr(reducer, "noise_covariance_", None) is not None


def noise_variance_of(reducer: BaseEstimator, plot: str) -> NDArray[np.float64]:
    """Noise variance of each feature, shape (n_features,); PCA's one value for all.

    Parameters
    ----------
    reducer : estimator instance
        Fitted.
    plot : str
        Name of the plot, for the error message.

    Returns
    -------
    noise_variance : ndarray of shape (n_features,)

    Raises
    ------
    TypeError
        If the reducer estimates no noise.
    """
    noise = getattr(reducer, "noise_variance_", None)
    if noise is None:
        raise TypeError(
            f"{plot} needs the noise variance of each feature, but {type(reducer).__name__} has no "
            "noise_variance_. Use LinearContrastive, SupervisedLinearContrastive, HeteroPCA or "
            "FactorAnalysis."
        )
    noise = np.asarray(noise, dtype=np.float64)
    return np.broadcast_to(noise, (reducer.n_features_in_,))


def loadings_of(reducer: BaseEstimator, plot: str) -> NDArray[np.float64]:
    """Covariances of the features with factors of unit variance.

    Parameters
    ----------
    reducer : estimator instance
        Fitted.
    plot : str
        Name of the plot, for the error message.

    Returns
    -------
    loadings : ndarray of shape (n_features, n_components)
        Those of probabilistic PCA for ``PCA``.

    Raises
    ------
    TypeError
        If the reducer is not linear, or does not say how strong its components are.
    """
    variances = getattr(reducer, "explained_variance_", None)
    if hasattr(reducer, "loadings_"):
        loadings = np.asarray(reducer.loadings_, dtype=np.float64)
        if hasattr(reducer, "noise_variance_"):
            return loadings
        return loadings * np.sqrt(variances)  # of PairedContrastive: per unit of the scores
    components = getattr(reducer, "components_", None)
    noise = getattr(reducer, "noise_variance_", None)
    if components is not None and variances is not None:
        common = np.maximum(np.asarray(variances) - (0.0 if noise is None else noise), 0.0)
        return np.asarray(components).T * np.sqrt(common)
    if components is not None and np.ndim(noise) == 1:
        return np.asarray(components).T  # of FactorAnalysis
    raise TypeError(
        f"{plot} needs loadings, but {type(reducer).__name__} has none. Use LinearContrastive, "
        "SupervisedLinearContrastive, PairedContrastive, HeteroPCA, PCA or FactorAnalysis; of a "
        "pipeline the last step is plotted, pipeline[:-1] is one without that step."
    )


def model_variance(reducer: BaseEstimator, plot: str) -> NDArray[np.float64]:
    """Variance of each feature under the model: what features share plus the noise."""
    return np.sum(loadings_of(reducer, plot) ** 2, axis=1) + noise_variance_of(reducer, plot)
