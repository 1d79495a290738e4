"""SubspaceErrorDisplay: distances, medians and quartiles."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_contrastive.metrics import sin_theta_distance
from sklearn_contrastive.plotting import SubspaceErrorDisplay


def drawn(n_values=3, n_repeats=5, seed=0):
    """Return true subspaces in spaces of growing dimension, and estimates of two methods."""
    rng = np.random.default_rng(seed)
    truths = [rng.standard_normal((2, 6 + i)) for i in range(n_values)]
    estimates = {
        name: [
            [truth + scale * rng.standard_normal(truth.shape) for _ in range(n_repeats)]
            for truth in truths
        ]
        for name, scale in {"near": 0.1, "far": 1.0}.items()
    }
    return truths, estimates


def test_errors_are_distances_from_the_truth_of_the_same_value():
    truths, estimates = drawn()
    display = SubspaceErrorDisplay.from_predictions(truths, estimates, parameter=[6, 7, 8])
    for name, repeats in estimates.items():
        assert display.errors[name].shape == (3, 5)
        expected = sin_theta_distance(repeats[1][3], truths[1])
        assert display.errors[name][1, 3] == expected


def test_curves_are_medians_and_bars_reach_to_the_quartiles():
    truths, estimates = drawn()
    display = SubspaceErrorDisplay.from_predictions(
        truths, estimates, parameter=[6, 7, 8], parameter_name="features"
    )
    assert list(display.containers_) == ["near", "far"]
    for name, container in display.containers_.items():
        line, _, (bars,) = container.lines
        low, middle, high = np.quantile(display.errors[name], [0.25, 0.5, 0.75], axis=1)
        assert_allclose(line.get_ydata(), middle)
        ends = np.array([segment[:, 1] for segment in bars.get_segments()])
        assert_allclose(ends, np.c_[low, high])
    legend = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert legend == ["near", "far"]
    assert display.ax_.get_xlabel() == "features"
    assert display.ax_.get_ylim()[0] == 0
    markers = {container.lines[0].get_marker() for container in display.containers_.values()}
    assert len(markers) == 2


def test_errors_without_repetitions_have_no_bars():
    display = SubspaceErrorDisplay([1, 2], {"population": [0.5, 0.25]}).plot()
    line, caps, bars = display.containers_["population"].lines
    assert_allclose(line.get_ydata(), [0.5, 0.25])
    assert caps == bars == ()


def test_missing_values_and_repetitions_are_named():
    truths, estimates = drawn()
    with pytest.raises(ValueError, match=r"true_components has 2 entries.*3 values"):
        SubspaceErrorDisplay.from_predictions(truths[:2], estimates, parameter=[6, 7, 8])
    with pytest.raises(ValueError, match="far has 2 entries"):
        SubspaceErrorDisplay.from_predictions(
            truths, estimates | {"far": estimates["far"][:2]}, parameter=[6, 7, 8]
        )
    estimates["near"][1] = estimates["near"][1][:1]
    with pytest.raises(ValueError, match="near has different numbers of repetitions"):
        SubspaceErrorDisplay.from_predictions(truths, estimates, parameter=[6, 7, 8])
