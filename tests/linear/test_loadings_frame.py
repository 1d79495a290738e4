"""loadings_frame: names, columns, and a missing pandas."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_wine
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import (
    HeteroPCA,
    LinearContrastive,
    PairedContrastive,
    SupervisedLinearContrastive,
)
from sklearn_contrastive.linear import _loadings_frame

WINE = StandardScaler().set_output(transform="pandas").fit_transform(load_wine(as_frame=True).data)
REDUCERS = [
    LinearContrastive(2, random_state=0),
    HeteroPCA(2, random_state=0),
    SupervisedLinearContrastive(2, random_state=0),
]


@pytest.mark.parametrize("reducer", REDUCERS, ids=lambda reducer: type(reducer).__name__)
def test_the_frame_has_the_loadings_under_the_names_of_features_and_scores(reducer):
    model = reducer.set_output(transform="pandas").fit(WINE, load_wine().target)
    frame = model.loadings_frame()
    scores = model.transform(WINE).columns
    assert list(frame.index) == list(WINE.columns)
    assert list(frame.columns) == [*scores, "communality", "noise_variance"]
    assert_array_equal(frame[scores], model.loadings_)
    assert_array_equal(frame["communality"], model.communalities_)
    assert_array_equal(frame["noise_variance"], model.noise_variance_)


def test_pairs_have_no_noise_and_no_such_column():
    model = PairedContrastive(2).fit(WINE, groups=np.arange(len(WINE)) // 2)
    frame = model.loadings_frame()
    assert list(frame.columns) == ["pairedcontrastive0", "pairedcontrastive1"]
    assert_array_equal(frame, model.loadings_)


def test_features_without_names_are_numbered_and_those_of_polars_are_named():
    model = LinearContrastive(2, random_state=0)
    assert list(model.fit(WINE.to_numpy()).loadings_frame().index) == [f"x{i}" for i in range(13)]
    frame = model.fit(pl.from_pandas(WINE)).loadings_frame()
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.index) == list(WINE.columns)


def test_a_frame_is_a_copy():
    model = LinearContrastive(2, random_state=0).fit(WINE)
    before = model.loadings_.copy()
    frame = model.loadings_frame()
    frame.iloc[:] = 0.0
    assert_array_equal(model.loadings_, before)


def test_no_component_leaves_the_columns_about_noise():
    model = LinearContrastive(0).fit(WINE)
    assert list(model.loadings_frame().columns) == ["communality", "noise_variance"]


def test_an_estimator_that_is_not_fitted_and_a_missing_pandas_are_named(monkeypatch):
    with pytest.raises(NotFittedError):
        LinearContrastive().loadings_frame()
    monkeypatch.setattr(_loadings_frame, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="loadings_frame needs pandas, which is not installed"):
        LinearContrastive(2).fit(WINE).loadings_frame()
