"""Corrections by an earlier Gram matrix of few rows, compared with LAPACK on the whole matrix."""

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_contrastive.linear._covariance.rows import row_covariance
from sklearn_contrastive.linear._covariance.scale import feature_scale
from sklearn_contrastive.linear._solvers.chebyshev import RowBlock
from sklearn_contrastive.linear._solvers.few_rows import FewRowsBlock, few_rows

EPS = np.finfo(np.float64).eps


def rows_with_factors(n_rows, n_features, n_factors, seed):
    """Rows with a few factors of equal strength and noise of unequal variance."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=(n_rows, n_factors)) @ rng.normal(size=(n_factors, n_features))
    return common + rng.uniform(0.5, 1.5, n_features) * rng.normal(size=(n_rows, n_features))


def block_of(rows, n_pairs):
    return FewRowsBlock(
        lambda diagonal: ((rows * diagonal) @ rows.T).astype(np.float32),
        rows.__matmul__,
        rows.T.__matmul__,
        *rows.shape,
        n_pairs,
        np.random.RandomState(0),
        EPS,
    )


def eigenvalues(rows, scale):
    return np.linalg.svd(rows / np.sqrt(scale), compute_uv=False) ** 2


@pytest.mark.parametrize("change", [1e-1, 1e-2, 1e-3])
def test_one_correction_is_accurate_to_first_order_in_the_change_of_scale(change):
    rows = rows_with_factors(100, 2000, 3, seed=0)
    scale = np.random.default_rng(1).uniform(0.3, 1.0, 2000)
    block = block_of(rows, 3)
    block.improve(scale)
    scale = scale * np.exp(change * np.random.default_rng(2).normal(size=2000))
    values = eigenvalues(rows, scale)[:3]
    # errors of vectors are of second order, and those of values are their squares
    assert_allclose(block.improve(scale).values[:3], values, rtol=change**4 + 1e-12)


@given(seed=SEEDS, n_pairs=st.lists(st.integers(1, 30), min_size=2, max_size=4))
def test_a_block_follows_more_and_fewer_pairs(seed, n_pairs):
    rows, rng = rows_with_factors(100, 450, 4, seed), np.random.default_rng(seed)
    block = block_of(rows, n_pairs[0])
    for n in n_pairs:
        block.follow(n)
        scale = rng.uniform(0.5, 1.0, 450)
        for _ in range(30):
            pairs = block.improve(scale)
        assert_allclose(pairs.values[:n], eigenvalues(rows, scale)[:n], rtol=1e-6)
        gram = pairs.vectors[:, :n].T @ pairs.vectors[:, :n]
        assert_allclose(gram, np.eye(n), rtol=0, atol=1e-9)


def test_a_scale_far_from_the_first_one_converges_as_well():
    rows = rows_with_factors(100, 450, 4, seed=0)
    block, scale = block_of(rows, 4), np.ones(450)
    block.improve(scale)
    scale[:20] = 1e-3  # twenty features without noise
    for _ in range(20):
        pairs = block.improve(scale)
    assert_allclose(pairs.values[:4], eigenvalues(rows, scale)[:4], rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_few_rows_that_are_held_are_followed_by_their_gram_matrix(dtype):
    X = rows_with_factors(100, 2000, 3, seed=0).astype(dtype)
    weight = np.random.default_rng(0).integers(1, 4, 100).astype(float)
    covariance = row_covariance(X, weight)
    scale = feature_scale(covariance)
    block = covariance.correlation_block(scale, 3, np.random.RandomState(0))
    assert isinstance(block, FewRowsBlock)
    expected = np.linalg.eigvalsh(covariance.to_matrix() / np.outer(scale, scale))[::-1]
    assert_allclose(block.improve(np.ones(2000)).values[:3], expected[:3], rtol=1e-5)


def test_many_rows_or_features_of_few_rows_are_followed_by_products():
    assert few_rows(500, 30_000, 20)
    assert not few_rows(500, 1_000, 20)
    assert not few_rows(5_000, 30_000, 20)
    covariance = row_covariance(rows_with_factors(100, 300, 3, seed=0))
    block = covariance.correlation_block(feature_scale(covariance), 3, np.random.RandomState(0))
    assert isinstance(block, RowBlock)
    assert not isinstance(block, FewRowsBlock)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_first_directions_of_the_closed_form_are_near_its_eigenvectors(dtype):
    X = rows_with_factors(100, 2000, 3, seed=0).astype(dtype)
    weight = np.random.default_rng(0).integers(1, 4, 100).astype(float)
    covariance = row_covariance(X, weight)
    start = np.linalg.qr(covariance.contrastive_start(3))[0]
    contrastive = covariance.to_matrix()
    np.fill_diagonal(contrastive, 0.0)
    vectors = np.linalg.eigh(contrastive)[1][:, -3:]
    outside = vectors - start @ (start.T @ vectors)
    assert np.linalg.norm(outside, axis=0).max() < 0.02


def test_rows_without_variance_have_no_first_directions():
    assert row_covariance(np.ones((5, 200))).contrastive_start(1) is None
