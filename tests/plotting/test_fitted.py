"""Reducers, samples and names that the plots read."""

import numpy as np
import polars as pl
import pytest
from helpers.plots import STUCK, fitted_sensors, sensors
from numpy.testing import assert_allclose
from sklearn.decomposition import NMF, PCA, FactorAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from sklearn_contrastive import HeteroPCA, LinearContrastive, PairedContrastive
from sklearn_contrastive.plotting._fitted import (
    fitted,
    loadings_of,
    model_variance,
    noise_variance_of,
    row_names,
)


def test_of_a_pipeline_the_last_step_is_read_with_the_names_of_the_first():
    X = sensors()
    pipeline = make_pipeline(StandardScaler(), LinearContrastive(2, random_state=0)).fit(X)
    found = fitted(pipeline, X)
    assert found.reducer is pipeline[-1]
    assert found.names == list(X.columns)
    assert_allclose(found.X, StandardScaler().fit_transform(X))
    assert fitted(pipeline).X is None


@pytest.mark.parametrize("first", [FunctionTransformer(), None])
def test_features_without_names_are_numbered(first):
    X = sensors().to_numpy()
    model = LinearContrastive(2, random_state=0)
    estimator = (make_pipeline(model) if first is None else make_pipeline(first, model)).fit(X)
    assert fitted(estimator, X).names == [f"x{i}" for i in range(12)]


def test_names_of_polars_are_read():
    X = pl.from_pandas(sensors())
    assert fitted(LinearContrastive(2).fit(X)).names == list(sensors().columns)


def test_a_pipeline_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        fitted(make_pipeline(StandardScaler(), LinearContrastive()))


def test_rows_have_the_labels_of_the_index():
    X = sensors()[:3].set_index(np.array(["a", "b", "c"]))
    assert row_names(X) == ["a", "b", "c"]
    assert row_names(X.to_numpy()) == row_names(X.to_numpy().tolist()) == ["0", "1", "2"]
    assert row_names(pl.from_pandas(X)) == ["0", "1", "2"]


@pytest.mark.parametrize(
    "reducer", [LinearContrastive(2), HeteroPCA(2), PCA(2), FactorAnalysis(2)], ids=str
)
def test_loadings_and_noise_are_those_of_the_models_covariance(reducer):
    model = reducer.fit(sensors().drop(columns=STUCK))
    loadings, noise = loadings_of(model, "plot"), noise_variance_of(model, "plot")
    covariance = model.get_covariance()
    assert_allclose(loadings @ loadings.T + np.diag(noise), covariance, atol=1e-8)
    assert_allclose(model_variance(model, "plot"), np.diag(covariance))


def test_loadings_of_pairs_are_those_of_unit_scores():
    X, groups = sensors().to_numpy(), np.arange(400) // 2
    model = PairedContrastive(2).fit(X, groups=groups)
    scores = model.transform(X)
    scores = (scores - scores.mean(axis=0)) / scores.std(axis=0, ddof=1)
    expected = np.linalg.lstsq(scores, X - X.mean(axis=0), rcond=None)[0].T
    assert_allclose(loadings_of(model, "plot"), expected, atol=1e-8)


def test_other_estimators_are_refused_by_name():
    X = np.abs(sensors().to_numpy())
    with pytest.raises(TypeError, match="needs loadings, but NMF has none"):
        loadings_of(NMF(2, init="nndsvda", tol=1e-2).fit(X), "LoadingsDisplay")
    with pytest.raises(TypeError, match=r"StandardScaler has none.*pipeline\[:-1\]"):
        loadings_of(StandardScaler().fit(X), "LoadingsDisplay")
    with pytest.raises(
        TypeError, match=r"NoiseDisplay needs the noise variance.*PairedContrastive"
    ):
        noise_variance_of(PairedContrastive(2).fit(X, groups=np.arange(400) // 2), "NoiseDisplay")


def test_reducers_are_read_and_not_copied():
    assert fitted(fitted_sensors()).reducer is fitted_sensors()
