"""Calibration error and page of the benchmark of fine-tuning."""

import numpy as np
import pytest

from benchmarks.images.fine_tuning import N_BINS, calibration_error


def test_the_calibration_error_is_that_of_a_loop_over_bins():
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(4), 300)
    p[:5] = [1, 0, 0, 0]  # the last bin includes 1
    correct = rng.random(300) < 0.4
    confidence, expected = p.max(axis=1), 0.0
    for i in range(N_BINS):
        low, high = i / N_BINS, (i + 1) / N_BINS
        inside = (low <= confidence) & ((confidence < high) | (i == N_BINS - 1))
        if inside.any():
            gap = correct[inside].mean() - confidence[inside].mean()
            expected += inside.mean() * abs(gap)
    assert calibration_error(p, correct) == pytest.approx(expected, rel=1e-12)


def test_sure_and_right_probabilities_have_no_error():
    assert calibration_error(np.eye(3), np.ones(3, bool)) == 0
