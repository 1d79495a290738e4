"""Moments of rows with imputed cells."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive.linear._factor.imputed_moments import MomentSums, imputed
from sklearn_contrastive.linear._factor.outlying_cells import find_cells

from .test_outlying_cells import cell_model, rows_of


def conditional(model, row):
    """Expectation of a row given its observed cells, and the covariance of the hidden ones."""
    covariance = model.loadings @ model.loadings.T + np.diag(model.noise.variances)
    seen = ~np.isnan(row)
    weights = np.linalg.solve(covariance[np.ix_(seen, seen)], covariance[seen]).T
    expected = model.mean + weights @ (row - model.mean)[seen]
    return np.where(seen, row, expected), covariance - weights @ covariance[seen]


def test_moments_are_the_conditional_expectations():
    model, cells = cell_model(0)
    X = rows_of(model, 300, 1)
    # the same cells in each row: the mean covariance of the factors is that of each row
    X[:40, [2, 5]] = np.nan
    found = find_cells(cells.white(X), cells)
    assert_array_equal(found.hidden, np.isnan(X))
    sums = MomentSums(cells, 300.0, 1.0, keeps_rows=False, fourth=False)
    sums.add(X[:100], find_cells(cells.white(X[:100]), cells), None, None)
    sums.add(X[100:], find_cells(cells.white(X[100:]), cells), None, None)
    moments = sums.moments(None)
    rows, covariances = zip(*(conditional(model, row) for row in X), strict=True)
    expected = np.cov(np.array(rows).T, ddof=0) * 300 + np.sum(covariances, axis=0)
    assert_allclose(moments.covariance.scatter, expected, rtol=1e-4, atol=1e-3)
    assert_allclose(imputed(X, found, cells), rows, rtol=1e-4, atol=1e-4)
    assert moments.hidden == pytest.approx(80 / X.size)


@pytest.mark.parametrize("keeps_rows", [False, True])
def test_weighted_rows_have_equal_noise_and_the_same_signal(keeps_rows):
    model, cells = cell_model(0)
    rng = np.random.default_rng(0)
    variances = rng.uniform(0.5, 4, 20000)
    signal = rng.standard_normal((20000, 2)) @ model.loadings.T
    noise = np.sqrt(model.noise.variances) * rng.standard_normal((20000, 12))
    X = model.mean + signal + np.sqrt(variances)[:, None] * noise
    weights = 1 / variances
    sums = MomentSums(cells, 20000.0, weights.mean(), keeps_rows=keeps_rows, fourth=False)
    found = find_cells(cells.white(model.mean + 0 * X), cells)
    sums.add(X, found, None, (weights, variances))
    moments = sums.moments(None)
    common = model.loadings @ model.loadings.T
    expected = common + np.diag(model.noise.variances / moments.noise_factor)
    assert_allclose(moments.covariance.to_matrix(), expected, atol=0.15)
