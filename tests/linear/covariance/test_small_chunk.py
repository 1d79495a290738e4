"""A few rows as the covariance of a chunk: equal to the scatter matrix that is not formed."""

import numpy as np
import pytest
from helpers.memory import peak_memory
from helpers.strategies import SEEDS, WEIGHTS, weights_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_contrastive.linear._covariance.scatter import ScatterCovariance, scatter_covariance
from sklearn_contrastive.linear._covariance.small_chunk import small_chunk


def assert_same_moments(actual, expected):
    assert actual.n_samples == pytest.approx(expected.n_samples)
    assert_allclose(actual.mean, expected.mean, rtol=1e-12)
    size = np.sqrt(np.diag(expected.scatter)) + 1e-300
    assert np.all(np.abs(actual.scatter - expected.scatter) <= 1e-12 * np.outer(size, size))
    assert_allclose(actual.kurtosis(), expected.kurtosis(), rtol=1e-9)


@given(n=st.integers(1, 8), n_earlier=st.integers(0, 12), kind=WEIGHTS, seed=SEEDS)
def test_a_chunk_of_few_rows_adds_what_its_scatter_adds(n, n_earlier, kind, seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(rng.normal(size=5) * 100, rng.uniform(0.1, 10, 5), (n + n_earlier, 5))
    earlier, chunk = X[:n_earlier], X[n_earlier:]
    weight = weights_of(kind, n, seed)
    start = ScatterCovariance.empty(5)
    if n_earlier:
        start = scatter_covariance(earlier, fourth=True)
    few, formed = small_chunk(chunk, weight), scatter_covariance(chunk, weight, fourth=True)
    assert_same_moments(few, formed)
    assert_same_moments(start + few, start + formed)
    assert_same_moments(few + start, formed + start)
    assert_same_moments(few.scaled(2.0) + start, formed.scaled(2.0) + start)


def test_rows_of_weight_0_are_no_sample():
    few = small_chunk(np.ones((2, 3)), np.zeros(2))
    start = scatter_covariance(np.random.default_rng(0).normal(size=(9, 3)), fourth=True)
    assert few.n_samples == 0
    assert_same_moments(start + few, start)


def test_a_chunk_of_few_rows_makes_one_more_matrix():
    rng, d = np.random.default_rng(0), 1000
    start = scatter_covariance(rng.normal(size=(20, d)), fourth=True)
    chunk = rng.normal(size=(2, d))
    assert peak_memory(lambda: start + small_chunk(chunk))[1] < 1.5 * 8 * d**2
