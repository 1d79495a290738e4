"""Chebyshev-filtered subspace iteration, compared with LAPACK on the whole matrix."""

import numpy as np
import pytest
import scipy.linalg
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive.linear._solvers.chebyshev import FeatureBlock, RowBlock
from sklearn_contrastive.linear._solvers.few_rows import FewRowsBlock

EPS = np.finfo(np.float64).eps
# at most 64 directions are decomposed whole, more are filtered
SIZES = st.integers(2, 40) | st.integers(80, 110)


def correlation(rng, n_features, n_pairs, strongest):
    """Positive matrix with clear leading eigenvalues up to `strongest`, and a bulk below 1."""
    values = rng.uniform(0.1, 1.0, n_features)
    values[:n_pairs] = np.geomspace(5.0, strongest, n_pairs)
    vectors = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0]
    return (vectors * values) @ vectors.T


def whole(matrix, scale):
    """All eigenpairs of the pencil, decreasing, their vectors whitened."""
    values, vectors = scipy.linalg.eigh(matrix, np.diag(scale))
    return values[::-1], (np.sqrt(scale)[:, None] * vectors)[:, ::-1]


def single_gram(rows):
    """The Gram matrix of the rows as a function of a diagonal, in single precision."""
    return lambda diagonal: ((rows * diagonal) @ rows.T).astype(np.float32)


@st.composite
def blocks(draw, of_rows=None):
    """A block of the features or of the rows, its matrix, and the number of pairs."""
    of_rows = draw(st.booleans()) if of_rows is None else of_rows
    size, n_pairs, seed = draw(SIZES), draw(st.integers(1, 4)), draw(SEEDS)
    strongest = draw(st.sampled_from([10.0, 1e4]))
    rng = np.random.default_rng(seed)
    n_pairs, state = min(n_pairs, size), np.random.RandomState(seed % 2**31)
    matrix = correlation(rng, size, n_pairs, strongest)
    if not of_rows:
        return FeatureBlock(matrix.__matmul__, size, n_pairs, state), matrix, n_pairs, rng
    n_features = size + draw(st.integers(1, 60))
    right = np.linalg.qr(rng.normal(size=(n_features, size)))[0]
    rows = scipy.linalg.sqrtm(matrix).real @ right.T
    shape = (rows.__matmul__, rows.T.__matmul__, size, n_features, n_pairs, state, EPS)
    if draw(st.booleans()):
        return FewRowsBlock(single_gram(rows), *shape), rows.T @ rows, n_pairs, rng
    return RowBlock(*shape), rows.T @ rows, n_pairs, rng


@given(problem=blocks(), spread=st.sampled_from([1.0, 3.0]))
def test_leading_pairs_agree_with_lapack_after_a_few_improvements(problem, spread):
    block, matrix, n_pairs, rng = problem
    for _ in range(2):  # one block serves one scale after another
        scale = spread ** rng.uniform(-1, 0, size=len(matrix))
        for _ in range(40):
            pairs = block.improve(scale)
        values, _ = whole(matrix, scale)
        assert_allclose(pairs.values[:n_pairs], values[:n_pairs], rtol=1e-7)
        vectors = pairs.vectors[:, :n_pairs]
        assert_allclose(vectors.T @ vectors, np.eye(n_pairs), rtol=0, atol=1e-9)
        root = np.sqrt(scale)[:, None]
        residuals = matrix @ (vectors / root) / root - vectors * pairs.values[:n_pairs]
        assert np.all(np.linalg.norm(residuals, axis=0) <= 1e-4 * pairs.values[:n_pairs])


@given(problem=blocks())
def test_ritz_values_never_exceed_the_eigenvalues(problem):
    block, matrix, _, rng = problem
    scale = rng.uniform(0.3, 1.0, size=len(matrix))
    values, _ = whole(matrix, scale)
    for _ in range(3):
        pairs = block.improve(scale)
        n_values = len(pairs.values)
        assert np.all(pairs.values <= values[:n_values] + 1e-10 * values[0])


@given(problem=blocks(of_rows=False))
def test_norms_are_those_of_the_residuals(problem):
    block, matrix, _, rng = problem
    scale = rng.uniform(0.3, 1.0, size=len(matrix))
    pairs = block.improve(scale)
    whitened = matrix / np.sqrt(np.outer(scale, scale))
    residuals = whitened @ pairs.vectors - pairs.vectors * pairs.values
    size = np.abs(pairs.values).max()
    assert_allclose(np.linalg.norm(residuals, axis=0), pairs.norms, rtol=0, atol=1e-10 * size)


@pytest.mark.parametrize("size", [20, 200])
def test_a_block_follows_more_and_fewer_pairs(size):
    rng = np.random.default_rng(0)
    matrix, scale = correlation(rng, size, 6, 50.0), np.full(size, 0.9)
    block = FeatureBlock(matrix.__matmul__, size, 2, np.random.RandomState(0))
    values, _ = whole(matrix, scale)
    for n_pairs in (2, 6, 3):
        block.follow(n_pairs)
        for _ in range(8):
            pairs = block.improve(scale)
        assert_allclose(pairs.values[:n_pairs], values[:n_pairs], rtol=1e-6)


def test_a_start_saves_improvements():
    rng = np.random.default_rng(0)
    matrix, scale = correlation(rng, 300, 4, 20.0), np.ones(300)
    _, vectors = whole(matrix, scale)
    cold = FeatureBlock(matrix.__matmul__, 300, 4, np.random.RandomState(0))
    warm = FeatureBlock(
        matrix.__matmul__, 300, 4, np.random.RandomState(0), start=vectors[:, :4] * 3.0
    )
    assert warm.improve(scale).norms[:4].max() < 1e-10 < cold.improve(scale).norms[:4].max()


def test_a_matrix_of_low_rank_stays_finite():
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(200, 3))
    matrix = loadings @ loadings.T
    block = FeatureBlock(matrix.__matmul__, 200, 5, np.random.RandomState(0))
    for scale in (np.ones(200), np.full(200, 1e-3)):
        pairs = block.improve(scale)
        values, _ = whole(matrix, scale)
        assert_allclose(pairs.values[:3], values[:3], rtol=1e-9)
        assert np.all(np.abs(pairs.values[3:]) <= 1e-9 * values[0])


def test_the_same_random_state_gives_identical_pairs():
    matrix = correlation(np.random.default_rng(0), 120, 3, 10.0)
    first, again = (
        FeatureBlock(matrix.__matmul__, 120, 3, np.random.RandomState(1)).improve(np.ones(120))
        for _ in range(2)
    )
    assert_array_equal(first.vectors, again.vectors)


@given(problem=blocks())
def test_all_pairs_are_those_of_lapack(problem):
    block, matrix, _, rng = problem
    scale = rng.uniform(0.3, 1.0, size=len(matrix))
    pairs = block.all_pairs(scale)
    values, _ = whole(matrix, scale)
    assert pairs.exact
    assert_allclose(pairs.values, values[: len(pairs.values)], rtol=0, atol=1e-10 * values[0])
