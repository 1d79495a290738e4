"""OutlierDisplay: limits, kinds of rows, labels."""

import numpy as np
import pytest
from helpers.plots import fitted_sensors, sensors
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.plotting import OutlierDisplay


def with_bad_rows():
    """Return sensors whose rows have names: one is extreme, two have a wrong entry, one both."""
    X = sensors().set_index(np.array([f"row {i}" for i in range(400)]))
    X.iloc[5, [0, 1, 2, 3, 5]] += 20
    X.iloc[[50, 51], 1] -= 15
    X.iloc[300, [0, 1, 2, 3, 5]] += 20
    X.iloc[300, 8] += 25
    return X


def test_rows_beyond_a_limit_are_found_and_labelled_by_the_index():
    display = OutlierDisplay.from_estimator(fitted_sensors(), with_bad_rows(), share=1e-5)
    assert set(display.outliers_) == {5, 50, 51, 300}
    assert {text.get_text() for text in display.texts_} == {"row 5", "row 50", "row 51", "row 300"}
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == [
        "ordinary: 396",
        "extreme along the components: 1",
        "away from the components: 2",
        "both: 1",
    ]
    assert [len(scatter.get_offsets()) for scatter in display.scatters_] == [396, 1, 2, 1]


def test_limits_separate_the_rows_by_their_shares():
    model = fitted_sensors()
    for share in (1e-4, 0.01, 0.3):
        display = OutlierDisplay.from_estimator(model, with_bad_rows(), share=share)
        found = display.outlier_scores
        beyond = (found.score_distance > display.limits[0]) | (
            found.orthogonal_distance > display.limits[1]
        )
        assert set(np.flatnonzero(beyond)) == set(display.outliers_)
        assert set(np.flatnonzero(found.share < share)) == set(display.outliers_)
        assert display.limit_lines_[0].get_xdata()[0] == display.limits[0]
        assert display.limit_lines_[1].get_ydata()[0] == display.limits[1]


def test_the_worst_rows_are_labelled_and_no_ordinary_one():
    display = OutlierDisplay.from_estimator(fitted_sensors(), with_bad_rows(), n_labels=2)
    assert len(display.texts_) == 2
    assert {text.get_text() for text in display.texts_} <= {"row 5", "row 50", "row 51", "row 300"}
    clean = OutlierDisplay.from_estimator(fitted_sensors(), sensors()[:50], share=1e-9)
    assert clean.texts_ == []


def test_the_default_share_is_one_row_and_at_most_a_hundredth():
    assert OutlierDisplay.from_estimator(fitted_sensors(), sensors()).share == 1 / 400
    assert OutlierDisplay.from_estimator(fitted_sensors(), sensors()[:20]).share == 0.01


def test_distances_far_beyond_a_limit_make_the_axis_logarithmic():
    X = sensors().copy()
    X.iloc[0, 3] += 500
    display = OutlierDisplay.from_estimator(fitted_sensors(), X)
    assert display.ax_.get_yscale() == "log"
    ordinary = OutlierDisplay.from_estimator(fitted_sensors(), sensors())
    assert ordinary.ax_.get_yscale() == ordinary.ax_.get_xscale() == "linear"


def test_incomplete_rows_and_streams_are_drawn():
    X = with_bad_rows()
    X.iloc[::7, 2] = np.nan
    assert 50 in OutlierDisplay.from_estimator(fitted_sensors(), X).outliers_
    model = LinearContrastive(2, random_state=0).partial_fit(sensors())
    limits = OutlierDisplay.from_estimator(model, sensors()).limits
    assert_allclose(limits, model.outlier_limits(1 / 400))


def test_rows_without_a_value_are_named_and_are_no_outliers():
    X = with_bad_rows()
    X.iloc[[7, 8]] = np.nan
    display = OutlierDisplay.from_estimator(fitted_sensors(), X, share=1e-5)
    written = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert written[0] == "ordinary: 394"
    assert written[-1] == "no observed value: 2"
    assert set(display.outliers_) == {5, 50, 51, 300}


def test_other_estimators_and_shares_are_refused_with_advice():
    with pytest.raises(
        TypeError, match=r"outlier_scores, but PCA has none\. Use LinearContrastive"
    ):
        OutlierDisplay.from_estimator(PCA(2).fit(sensors()), sensors())
    with pytest.raises(ValueError, match=r"share=1\.0 must be between 0 and 1"):
        OutlierDisplay.from_estimator(fitted_sensors(), sensors(), share=1.0)
