"""LoadingsDisplay: correlations, order, signs."""

import numpy as np
import pytest
from helpers.plots import LOST, STUCK, fitted_sensors, sensors
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from sklearn_contrastive import LinearContrastive, PairedContrastive
from sklearn_contrastive.exceptions import ComponentsWarning
from sklearn_contrastive.plotting import LoadingsDisplay


def test_loadings_are_correlations_of_features_and_factors():
    model = fitted_sensors()
    display = LoadingsDisplay.from_estimator(model)
    assert_allclose(np.sum(display.loadings**2, axis=1), model.communalities_)
    # scores of a factor, with the noise that they have
    for scaled in (model, PCA(2).fit(sensors())):
        assert np.abs(LoadingsDisplay.from_estimator(scaled).loadings).max() <= 1


def test_features_of_one_component_stand_together_the_largest_first():
    display = LoadingsDisplay.from_estimator(fitted_sensors())
    shown = np.asarray(display.image_.get_array())
    block = np.abs(shown).argmax(axis=1)
    assert np.all(np.diff(block) >= 0)
    own = shown[np.arange(len(shown)), block]
    assert all(np.all(np.diff(own[block == component]) <= 0) for component in range(2))
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names == [sensors().columns[i] for i in display.order_]
    assert [label.get_text() for label in display.ax_.get_xticklabels()] == ["0", "1"]


def test_values_are_printed_where_they_are_few():
    display = LoadingsDisplay.from_estimator(fitted_sensors())
    printed = [text.get_text().replace("\N{MINUS SIGN}", "-") for text in display.texts_]
    assert_allclose(np.array(printed, float), display.image_.get_array().ravel(), atol=0.0051)
    assert "-0.00" not in printed


def test_many_negative_values_have_a_minus_sign():
    rng = np.random.default_rng(0)
    loadings = rng.uniform(-1, 1, (30, 10))
    names = [str(i) for i in range(30)]
    display = LoadingsDisplay(loadings, feature_names=names).plot()
    assert {text.get_text() for text in display.texts_} == {"\N{MINUS SIGN}"}
    marked = {(text.get_position()[1], text.get_position()[0]) for text in display.texts_}
    shown = loadings[display.order_]
    assert marked == set(zip(*np.nonzero(shown < -0.1 * np.abs(shown).max()), strict=True))


def test_the_strongest_features_are_shown_where_there_are_many():
    display = LoadingsDisplay.from_estimator(fitted_sensors(), n_features=5)
    assert len(display.order_) == 5
    names = {sensors().columns[i] for i in display.order_}
    assert names.isdisjoint({LOST, STUCK})
    assert display.ax_.get_title() == "5 of 12 features"


def test_loadings_of_pairs_are_in_the_units_of_the_features():
    model = PairedContrastive(2).fit(sensors(), groups=np.arange(400) // 2)
    display = LoadingsDisplay.from_estimator(model)
    assert display.quantity == "loading (units of the feature)"


def test_no_component_is_refused_with_advice():
    X = np.random.default_rng(0).standard_normal((300, 6))
    with pytest.warns(ComponentsWarning):
        model = LinearContrastive().fit(X)
    with pytest.raises(ValueError, match="found no component"):
        LoadingsDisplay.from_estimator(model)
