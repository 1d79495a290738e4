"""LabelEfficiencyDisplay: the curves are those of label_efficiency_curve."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits

from sklearn_contrastive.evaluation import LabelEfficiency, label_efficiency_curve
from sklearn_contrastive.plotting import LabelEfficiencyDisplay

X, Y = load_digits(n_class=3, return_X_y=True)
H = {"raw pixels": (X[:300], X[300:]), "few pixels": (X[:300, 18:24], X[300:, 18:24])}
SIZES = (6, 30)


def drawn(n_draws=3, **options):
    return LabelEfficiencyDisplay.from_representations(
        H, Y[:300], Y[300:], n_labels=SIZES, n_draws=n_draws, random_state=0, **options
    )


def ends_of_the_bars(errorbar):
    """Return the lower and upper end of each error bar."""
    return np.array([bar[:, 1] for bar in errorbar.lines[2][0].get_segments()])


def test_all_representations_have_the_same_draws():
    display = drawn()
    seed = np.random.RandomState(0).randint(2**31 - 1)
    for name, (train, test) in H.items():
        expected = label_efficiency_curve(
            train, Y[:300], test, Y[300:], n_labels=SIZES, n_draws=3, random_state=seed
        )
        assert_array_equal(display.curves[name].accuracy, expected.accuracy)


def test_the_spread_is_drawn_as_error_bars():
    display = drawn()
    assert len(display.errorbars_) == 2
    for errorbar, curve in zip(display.errorbars_, display.curves.values(), strict=True):
        assert_allclose(errorbar.lines[0].get_ydata(), curve.mean)
        expected = np.stack([curve.mean - curve.std, curve.mean + curve.std], axis=1)
        assert_allclose(ends_of_the_bars(errorbar), expected)
        assert_allclose(errorbar.lines[0].get_xdata(), SIZES, rtol=0.05)
    assert "mean and sd of 3 draws" in display.ax_.get_ylabel()


def test_one_draw_has_no_error_bars():
    display = drawn(n_draws=1)
    assert not any(errorbar.has_yerr for errorbar in display.errorbars_)
    assert display.ax_.get_ylabel() == "accuracy of a linear probe"


def test_curves_differ_without_colour_and_have_names():
    display = drawn()
    markers = {errorbar.lines[0].get_marker() for errorbar in display.errorbars_}
    assert len(markers) == 2
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == list(H)


def test_the_sizes_of_all_curves_are_ticks():
    curves = {
        "a": LabelEfficiency(np.array([10, 1000]), np.full((2, 2), 0.5)),
        "b": LabelEfficiency(np.array([100]), np.full((1, 2), 0.5)),
    }
    display = LabelEfficiencyDisplay(curves).plot()
    assert_array_equal(display.ax_.get_xticks(), [10, 100, 1000])
    labels = [label.get_text() for label in display.ax_.get_xticklabels()]
    assert labels == ["10", "100", "1,000"]


def test_it_draws_in_the_axes_of_the_caller():
    figure, (ax, _) = plt.subplots(1, 2)
    display = drawn(ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert display.plot().figure_ is not figure


def test_no_curve_is_refused():
    with pytest.raises(ValueError, match="give at least one representation"):
        LabelEfficiencyDisplay({}).plot()
