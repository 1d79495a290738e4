"""NoiseDisplay: shares, stuck and failing features."""

import numpy as np
import pytest
from helpers.plots import LOST, STUCK, fitted_sensors, sensors
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import HeteroPCA, LinearContrastive
from sklearn_contrastive.plotting import NoiseDisplay


def test_shares_are_what_the_components_leave():
    model = fitted_sensors()
    display = NoiseDisplay.from_estimator(model)
    stuck = sensors().columns == STUCK
    assert np.isnan(display.shares[stuck]).all()
    assert_allclose(display.shares[~stuck], 1 - model.communalities_[~stuck])


@pytest.mark.parametrize(
    "estimator",
    [
        LinearContrastive(2, random_state=0),
        HeteroPCA(2, random_state=0),
        make_pipeline(StandardScaler(), FactorAnalysis(2)),
        make_pipeline(StandardScaler(), LinearContrastive(2, random_state=0)),
    ],
    ids=str,
)
def test_stuck_and_failing_sensors_are_named(estimator):
    display = NoiseDisplay.from_estimator(estimator.fit(sensors()))
    assert display.failing_ == [LOST]
    assert display.stuck_ == [STUCK]


def test_pca_calls_the_lost_sensor_good():
    display = NoiseDisplay.from_estimator(PCA(1).fit(sensors()))
    assert LOST not in display.failing_


def test_a_sensor_that_varies_by_rounding_is_stuck():
    X = sensors().copy()
    X[STUCK] += 1e-6 * np.random.default_rng(0).standard_normal(len(X))
    model = LinearContrastive(2, random_state=0).fit(X)
    assert NoiseDisplay.from_estimator(model).stuck_ == [STUCK]


def test_bars_are_sorted_and_marked():
    display = NoiseDisplay.from_estimator(fitted_sensors())
    names = [label.get_text() for label in display.ax_.get_yticklabels()]
    assert names[:2] == [STUCK, LOST]
    widths = [bar.get_width() for bar in display.bars_]
    assert widths[0] == 0
    assert widths[1:] == sorted(widths[1:], reverse=True)
    assert [bar.get_hatch() for bar in display.bars_] == [None, "//"] + 10 * [None]
    low, high = display.ax_.get_ylim()
    assert low > high  # the first name is at the top
    assert [text.get_text() for text in display.ax_.texts] == ["stuck: does not vary"]
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["failing: at least 95% noise"]


def test_the_limit_of_failing_sensors_can_be_set():
    display = NoiseDisplay.from_estimator(fitted_sensors(), failing=0.01)
    assert len(display.failing_) == 11


def test_of_many_features_the_noisiest_are_shown():
    display = NoiseDisplay.from_estimator(fitted_sensors(), n_features=3)
    assert len(display.bars_) == 3
    assert display.ax_.get_title() == "the 3 noisiest of 12 features"
    assert display.failing_ == [LOST]
