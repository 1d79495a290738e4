"""Outlying cells given a model."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import norm
from sklearn.datasets import load_breast_cancer

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.linear._factor import outlying_cells
from sklearn_contrastive.linear._factor.model import FactorModel
from sklearn_contrastive.linear._factor.noise import DiagonalNoise
from sklearn_contrastive.linear._factor.outlying_cells import (
    CellModel,
    cell_threshold,
    find_cells,
)


def cell_model(seed, d=12, k=2, threshold=4.5):
    rng = np.random.default_rng(seed)
    model = FactorModel(
        rng.standard_normal(d),
        rng.standard_normal((d, k)),
        DiagonalNoise(rng.uniform(0.2, 2, d)),
    )
    return model, CellModel.of(model, threshold, np.zeros(d))


def rows_of(model, n, seed):
    rng = np.random.default_rng(seed)
    d, k = model.loadings.shape
    noise = np.sqrt(model.noise.variances) * rng.standard_normal((n, d))
    return model.mean + rng.standard_normal((n, k)) @ model.loadings.T + noise


@given(seed=st.integers(0, 100))
def test_residuals_are_those_of_the_fit_to_the_other_cells(seed):
    model, cells = cell_model(seed)
    X = rows_of(model, 5, seed)
    X[0, 3] += 100
    found = find_cells(cells.white(X), cells)
    covariance = model.loadings @ model.loadings.T + np.diag(model.noise.variances)
    for number, row in enumerate(found.searched):
        visible = ~found.hidden[row]
        for j in range(12):
            others = visible.copy()
            others[j] = False
            weights = np.linalg.solve(covariance[np.ix_(others, others)], covariance[others, j])
            expected = model.mean[j] + weights @ (X[row] - model.mean)[others]
            variance = covariance[j, j] - weights @ covariance[others, j]
            residual = (X[row, j] - expected) / np.sqrt(variance)
            assert_allclose(found.residuals[number, j], residual, rtol=2e-2, atol=2e-2)
    assert found.hidden[0, 3]


def test_normal_cells_exceed_the_threshold_about_once():
    assert 2 * 1e7 * norm.sf(cell_threshold(1e7)) == pytest.approx(1.0)
    assert cell_threshold(10) == 4.0


@given(seed=st.integers(0, 100), size=st.floats(30, 1e12))
def test_one_gross_cell_does_not_make_others_outlying(seed, size):
    model, cells = cell_model(seed)
    X = rows_of(model, 20, seed)
    clean = find_cells(cells.white(X), cells).hidden
    X[3, 5] += size
    found = find_cells(cells.white(X), cells).hidden
    assert found[3, 5]
    assert_array_equal(np.delete(found, 3, axis=0), np.delete(clean, 3, axis=0))
    assert found[3].sum() <= 2


def test_a_noisy_row_has_no_outlying_cells_by_itself():
    model, cells = cell_model(0)
    X = rows_of(model, 50, 1)
    noise = np.full(50, 6.0)
    X = model.mean + 6.0 * (X - model.mean)
    assert find_cells(cells.white(X), cells).hidden.any()
    assert find_cells(cells.white(X), cells, noise).hidden.mean() < 0.01


def test_missing_entries_are_hidden_and_have_no_residual():
    model, cells = cell_model(0)
    X = rows_of(model, 4, 1)
    X[1, 2] = np.nan
    X[2] = np.nan
    found = find_cells(cells.white(X), cells)
    assert_array_equal(found.hidden[1:3], np.isnan(X[1:3]))
    assert_allclose(found.factors[2], 0.0, atol=1e-12)
    assert np.isnan(found.residuals[0, 2])


def test_no_row_changes_between_two_sets_of_cells_until_the_last_round(monkeypatch):
    X = load_breast_cancer(return_X_y=True)[0]
    fitted = LinearContrastive(3, random_state=0, robust="cells").fit(X)
    model = FactorModel(fitted.mean_, fitted.loadings_, DiagonalNoise(fitted.noise_variance_))
    cells = CellModel.of(model, 4.5, np.zeros(30))
    found = find_cells(cells.white(X), cells)
    # a row that goes back and forth ends in its other state
    monkeypatch.setattr(outlying_cells, "_ROUNDS", 24)
    assert_array_equal(find_cells(cells.white(X), cells).hidden, found.hidden)


@given(seed=st.integers(0, 100))
def test_a_mask_of_hidden_cells_may_be_sparse_or_dense(seed):
    model, cells = cell_model(seed)
    X = rows_of(model, 20, seed)
    X[::3, seed % 12] += 50
    X[1, 2] = np.nan
    white = cells.white(X)
    dense = find_cells(white, cells)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outlying_cells, "_DENSE_CELLS", 0)
        other = find_cells(white, cells)
    assert_array_equal(dense.hidden, other.hidden)
    assert_allclose(dense.factors, other.factors, rtol=1e-9, atol=1e-9)
