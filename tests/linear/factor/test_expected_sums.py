"""E-step on incomplete rows, compared with loops over rows."""

import numpy as np
import pytest
from helpers.strategies import with_gaps
from numpy.testing import assert_allclose

from sklearn_contrastive.linear._factor import expected_sums as expected_sums_module
from sklearn_contrastive.linear._factor.expected_sums import (
    FactorState,
    IncompleteSamples,
    expected_sums,
    n_observed_of,
)

RNG = np.random.default_rng(0)
N, D, K = 60, 7, 2
STATE = FactorState(
    0.1 * RNG.normal(size=D), RNG.normal(size=(D, K)), RNG.uniform(0.2, 1.0, size=D)
)
MEAN, SCALE = RNG.normal(size=D), RNG.uniform(0.5, 2.0, size=D)
COMPLETE = MEAN + SCALE * RNG.normal(size=(N, D))


def some_gaps(n_incomplete):
    X = COMPLETE.copy()
    X[:n_incomplete] = with_gaps(X[:n_incomplete], 0.3, 1)
    X[0, 0] = np.nan
    return X


def slow_sums(X, weight):
    """The sums of z z', z, x z', x and x^2, row by row."""
    squares, factors = np.zeros((D, K, K)), np.zeros((D, K))
    products, values, variances = np.zeros((D, K)), np.zeros(D), np.zeros(D)
    for row, w in zip((X - MEAN) / SCALE - STATE.mean, weight, strict=True):
        seen = ~np.isnan(row)
        loadings, noise = STATE.loadings[seen], STATE.uniqueness[seen]
        covariance = np.linalg.inv(np.eye(K) + (loadings.T / noise) @ loadings)
        mean = covariance @ (loadings.T / noise) @ row[seen]
        squares[seen] += w * (covariance + np.outer(mean, mean))
        factors[seen] += w * mean
        products[seen] += w * np.outer(row[seen], mean)
        values[seen] += w * row[seen]
        variances[seen] += w * row[seen] ** 2
    return squares, factors, products, values, variances


@pytest.mark.parametrize("n_incomplete", [1, 20, N])
@pytest.mark.parametrize("weighted", [False, True])
def test_sums_are_those_of_a_loop_over_rows(n_incomplete, weighted):
    X = some_gaps(n_incomplete)
    weight = np.random.default_rng(2).integers(1, 4, size=N).astype(float) if weighted else None
    samples = IncompleteSamples.split(X, weight, MEAN, SCALE)
    assert (samples.complete is None) == (n_incomplete == N)
    sums = expected_sums(STATE, samples)
    found = sums.squares, sums.factors, sums.products, sums.values, sums.variances
    for one, other in zip(
        found, slow_sums(X, np.ones(N) if weight is None else weight), strict=True
    ):
        assert_allclose(one, other, rtol=1e-10, atol=1e-10)
    assert_allclose(sums.n_observed, n_observed_of(X, weight))


def test_the_scatter_of_complete_rows_replaces_these_rows():
    X = some_gaps(20)
    split = expected_sums(STATE, IncompleteSamples.split(X, None, MEAN, SCALE))
    whole = expected_sums(STATE, IncompleteSamples(X, None, None, MEAN, SCALE))
    for name in vars(split):
        assert_allclose(getattr(split, name), getattr(whole, name), rtol=1e-10, atol=1e-10)


def test_a_block_without_complete_rows_is_read(monkeypatch):
    monkeypatch.setattr(expected_sums_module, "BLOCK_ROWS", 10)
    X = some_gaps(10)
    X[:10, 0] = np.nan
    blocks = IncompleteSamples.split(X, None, MEAN, SCALE)
    assert blocks.complete.n_samples == N - 10
