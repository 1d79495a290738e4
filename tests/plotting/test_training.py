"""TrainingDisplay: the curves are those of the history."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError

from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive.deep import AutoencoderEmbedder
from sklearn_contrastive.plotting import TrainingDisplay

X, Y = load_digits(return_X_y=True)
X = X[:64] / 16
PLAIN = ["loss", "alignment", "uniformity", "learning rate"]


def embedder(n_epochs, **validation):
    model = SimCLREmbedder("resnet_narrow", batch_size=32, max_epochs=n_epochs, random_state=0)
    return model.fit(X, **validation)


@pytest.mark.parametrize("n_epochs", [1, 3])
def test_curves_are_those_of_the_history(n_epochs):
    model = embedder(n_epochs)
    display = TrainingDisplay.from_estimator(model)
    assert [ax.get_ylabel() for ax in display.axes_] == PLAIN
    assert display.knn_accuracy is None
    for line, label in zip(display.lines_, PLAIN, strict=True):
        expected = [record[label.replace(" ", "_")] for record in model.history_]
        assert_array_equal(line.get_xdata(), np.arange(1, n_epochs + 1))
        assert_array_equal(line.get_ydata(), expected)
    display.figure_.canvas.draw()
    low, high = display.ax_.get_xlim()
    ticks = [tick for tick in display.ax_.get_xticks() if low <= tick <= high]
    assert ticks == list(range(1, n_epochs + 1))
    assert display.ax_.get_xlabel() == "epoch"


def test_good_directions_are_named():
    display = TrainingDisplay.from_estimator(embedder(1, X_val=X, y_val=Y[:64]))
    named = [ax.get_title(loc="right") for ax in display.axes_]
    assert named == [*["lower is better ↓"] * 3, "", "higher is better ↑"]


def test_knn_accuracy_is_shown_where_it_was_measured():
    model = embedder(2).partial_fit(X, X_val=X, y_val=Y[:64])
    display = TrainingDisplay.from_estimator(model)
    assert np.isnan(display.knn_accuracy).tolist() == [True, True, False, False]
    assert display.axes_[-1].get_ylabel() == "k-NN accuracy"
    assert_array_equal(display.epoch, [1, 2, 3, 4])


def test_curves_take_the_place_of_the_axes_of_the_caller():
    display = TrainingDisplay(*np.ones((5, 50)))
    figure, (left, right) = plt.subplots(1, 2)
    display.plot(ax=right)
    assert display.figure_ is figure
    for ax in display.axes_:
        assert ax.get_position().x0 >= left.get_position().x1
    assert len(display.plot().figure_.axes) == 4


def test_axes_outside_a_grid_are_refused():
    ax = plt.figure().add_axes((0.1, 0.1, 0.8, 0.8))
    with pytest.raises(ValueError, match="must be part of a grid"):
        TrainingDisplay(*np.ones((5, 2))).plot(ax=ax)


def test_an_estimator_that_is_not_fitted_is_refused():
    with pytest.raises(NotFittedError):
        TrainingDisplay.from_estimator(SimCLREmbedder())


def test_an_autoencoder_has_no_curves_of_views():
    X = np.random.default_rng(0).normal(size=(30, 4))
    model = AutoencoderEmbedder(max_epochs=2, batch_size=10, device="cpu", random_state=0).fit(X)
    display = TrainingDisplay.from_estimator(model)
    assert [axes.get_ylabel() for axes in display.axes_] == ["loss", "learning rate"]
    assert_array_equal(display.lines_[0].get_ydata(), [r["loss"] for r in model.history_])
