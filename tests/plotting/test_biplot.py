"""BiplotDisplay: arrows against regressions, classes, labels."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers.plots import LOST, STUCK, fitted_sensors, sensors
from numpy.testing import assert_allclose
from scipy import sparse
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.plotting import BiplotDisplay


@pytest.mark.parametrize("reducer", [LinearContrastive(2, whiten=True), PCA(3)], ids=str)
def test_arrows_are_regressions_of_the_scores_on_the_feature(reducer):
    X = sensors().drop(columns=STUCK)
    scores = reducer.fit(X).transform(X)[:, [1, 0]]
    display = BiplotDisplay.from_estimator(reducer, X, components=(1, 0))
    for j, name in enumerate(X.columns):
        feature = X[[name]].to_numpy()
        slope = LinearRegression().fit(feature, scores).coef_[:, 0]
        assert_allclose(display.arrows[j], slope * feature.std(), atol=1e-9 * np.abs(scores).max())
        share = LinearRegression().fit(scores, feature).score(scores, feature)
        assert_allclose(display.explained[j], share, atol=1e-9)


def test_an_arrow_points_to_rows_in_which_its_feature_is_large():
    X = sensors()
    display = BiplotDisplay.from_estimator(fitted_sensors(), X)
    for j in range(3):
        high = X.iloc[:, j] > X.iloc[:, j].quantile(0.9)
        assert display.scores[high.to_numpy()].mean(axis=0) @ display.arrows[j] > 0


def test_only_the_best_explained_features_are_drawn_with_their_names():
    display = BiplotDisplay.from_estimator(fitted_sensors(), sensors(), n_arrows=4)
    names = [text.get_text() for text in display.texts_]
    best = np.argsort(-display.explained)[:4]
    assert names == [sensors().columns[i] for i in best]
    assert len(display.arrows_) == 4
    every = BiplotDisplay.from_estimator(fitted_sensors(), sensors(), n_arrows=100)
    names = [text.get_text() for text in every.texts_]
    assert names[-1] == LOST
    assert STUCK not in names
    ends = np.array([arrow.xy for arrow in every.arrows_])
    assert np.all(ends > np.c_[every.ax_.get_xlim(), every.ax_.get_ylim()][0])
    assert np.all(ends < np.c_[every.ax_.get_xlim(), every.ax_.get_ylim()][1])


def test_classes_have_marks_and_a_legend_with_the_name_of_the_series():
    y = pd.Series(np.arange(400) % 3, name="batch").map({0: "red", 1: "green", 2: "blue"})
    display = BiplotDisplay.from_estimator(fitted_sensors(), sensors(), y)
    legend = display.ax_.get_legend()
    assert legend.get_title().get_text() == "batch"
    assert [text.get_text() for text in legend.get_texts()] == ["blue", "green", "red"]
    assert [len(scatter.get_offsets()) for scatter in display.scatters_] == [133, 133, 134]
    markers = {scatter.get_paths()[0].vertices.tobytes() for scatter in display.scatters_}
    assert len(markers) == 3
    without = BiplotDisplay.from_estimator(fitted_sensors(), sensors())
    assert without.ax_.get_legend() is None
    assert len(without.scatters_[0].get_offsets()) == 400


@pytest.mark.parametrize(
    "unknown", [None, np.nan, pd.NA, pd.NaT], ids=["None", "NaN", "pandas.NA", "pandas.NaT"]
)
def test_rows_without_a_class_are_drawn_and_named(unknown):
    y = pd.Series(["red", "blue", unknown, "red"] * 100, dtype=object)
    display = BiplotDisplay.from_estimator(fitted_sensors(), sensors(), y)
    written = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert written == ["blue", "red", "no class"]
    assert [len(scatter.get_offsets()) for scatter in display.scatters_] == [100, 200, 100]


@pytest.mark.parametrize("dtype", ["string", "category"])
def test_columns_of_pandas_and_polars_are_classes(dtype):
    colours = ["red", "blue", None, "red"] * 100
    y = pd.Series(colours, dtype=dtype)
    of_pandas = BiplotDisplay.from_estimator(fitted_sensors(), sensors(), y)
    of_polars = BiplotDisplay.from_estimator(fitted_sensors(), sensors(), pl.Series(colours))
    for one, other in zip(of_pandas.scatters_, of_polars.scatters_, strict=True):
        assert one.get_label() == other.get_label()
        assert_allclose(one.get_offsets(), other.get_offsets())


def test_sparse_and_incomplete_samples_are_drawn():
    X = sensors().to_numpy()
    display = BiplotDisplay.from_estimator(LinearContrastive(2, random_state=0).fit(X), X)
    model = LinearContrastive(2, random_state=0).fit(sparse.csr_array(X))
    of_sparse = BiplotDisplay.from_estimator(model, sparse.csr_array(X))
    assert_allclose(of_sparse.arrows, display.arrows, atol=1e-3)
    missing = np.where(np.random.default_rng(0).uniform(size=X.shape) < 0.05, np.nan, X)
    missing[0] = np.nan
    model = LinearContrastive(2, random_state=0).fit(missing)
    with pytest.warns(match="rows have too few observed features"):
        incomplete = BiplotDisplay.from_estimator(model, missing)
    # the components may be rotated
    assert_allclose(incomplete.explained, display.explained, atol=0.1)


def test_wrong_components_and_classes_are_refused_with_advice():
    with pytest.raises(ValueError, match="has 2 components, numbered from 0"):
        BiplotDisplay.from_estimator(fitted_sensors(), sensors(), components=(0, 2))
    one = LinearContrastive(1, random_state=0).fit(sensors())
    with pytest.raises(ValueError, match=r"1 component, numbered.*n_components=2 or more"):
        BiplotDisplay.from_estimator(one, sensors())
    with pytest.raises(ValueError, match="y has 3 labels, but X has 400 rows"):
        BiplotDisplay.from_estimator(fitted_sensors(), sensors(), [0, 1, 2])
    with pytest.raises(ValueError, match=r"400 different values.*pandas\.cut"):
        BiplotDisplay.from_estimator(fitted_sensors(), sensors(), np.linspace(0, 1, 400))
