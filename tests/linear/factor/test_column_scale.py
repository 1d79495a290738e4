"""Median and robust scale of features."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive.linear._factor.column_scale import column_scale, weighted_median


def test_normal_values_have_their_mean_and_deviation():
    X = 5 + 3 * np.random.default_rng(0).standard_normal((2000, 4))
    scale = column_scale(X, None)
    assert_allclose(scale.centre, 5, atol=0.3)
    assert_allclose(scale.deviation, 3, rtol=0.1)
    assert_array_equal(scale.least_noise, 0)


def test_rare_values_give_the_scale_where_most_are_equal():
    X = np.zeros((1000, 3))
    X[:100, 0] = 4.0
    X[:, 2] = 7.0
    scale = column_scale(X, None)
    assert_allclose(scale.deviation, [4 * 1.4826, 0, 0])
    assert_allclose(scale.least_noise, [4 * 1.4826, 0, 0])
    assert_array_equal(scale.centre, [0, 0, 7])


@given(seed=st.integers(0, 200))
def test_weights_of_the_median_are_repetition(seed):
    rng = np.random.default_rng(seed)
    X, weight = rng.integers(0, 9, (30, 3)).astype(float), rng.integers(0, 3, 30)
    X[rng.random(X.shape) < 0.2] = np.nan
    weight[0] = 1
    repeated = weighted_median(np.repeat(X, weight, axis=0), None)
    assert_array_equal(weighted_median(X, weight.astype(float)), repeated)


def test_features_that_vary_outside_the_rows_read_are_read_whole():
    X = np.zeros((100, 1))
    X[1::10] = 2.0
    assert column_scale(X, None, n_rows=10).deviation[0] > 0
