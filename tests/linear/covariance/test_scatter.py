"""Scatter covariance and row covariance, compared with loops in extended precision."""

import numpy as np
import pytest
from helpers.memory import memory_map, peak_memory
from helpers.strategies import SEEDS, WEIGHTS, partitions, weights_of
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sklearn_contrastive.linear._covariance.blocks import centred_blocks
from sklearn_contrastive.linear._covariance.rows import DenseRows, SparseRows, row_covariance
from sklearn_contrastive.linear._covariance.scatter import (
    BLOCK_ROWS,
    ScatterCovariance,
    scatter_covariance,
    working_dtype,
)

EPS = np.finfo(np.float64).eps
OFFSETS = st.sampled_from([0.0, 1.0, -30.0, 1e4, 1e8])
# a trend over the rows, in standard deviations from the first row to the last
DRIFTS = st.sampled_from([0.0, 1.0, 100.0])
UNITS = st.sampled_from([1e-6, 1.0, 1e6])
FORMATS = st.sampled_from(["csr_array", "csc_array", "csr_matrix", "csc_matrix"])


@st.composite
def samples(draw, min_samples=1, offsets=OFFSETS, drifts=DRIFTS):
    """Dense samples about an offset, with a drift, every feature in a unit of its own."""
    shape = draw(st.integers(min_samples, 40)), draw(st.integers(1, 6))
    offset, drift, unit, seed = draw(offsets), draw(drifts), draw(UNITS), draw(SEEDS)
    rng = np.random.default_rng(seed)
    X = rng.normal(loc=offset, size=shape) + drift * np.linspace(0, 1, shape[0])[:, None]
    return X * unit * rng.uniform(0.1, 10, size=shape[1])


@st.composite
def sparse_samples(draw, min_samples=1):
    """Half of the entries are 0: the samples in a sparse format, and their dense copy."""
    shape = draw(st.integers(min_samples, 40)), draw(st.integers(1, 6))
    offset, dtype = (
        draw(st.sampled_from([0.0, 3.0])),
        draw(st.sampled_from([np.float64, np.float32])),
    )
    rng = np.random.default_rng(draw(SEEDS))
    X = rng.normal(loc=offset, size=shape) * (rng.uniform(size=shape) < 0.5)
    X = X.astype(dtype)
    return getattr(sparse, draw(FORMATS))(X), X


# --- slow and obvious ----------------------------------------------------------------------------


def slow_scatter_covariance(X, weight=None):
    """Sum of weights, mean and scatter, row by row in the longest float there is."""
    X = np.asarray(X, dtype=np.longdouble)
    weight = np.ones(len(X)) if weight is None else weight
    n = sum(np.longdouble(w) for w in weight)
    mean = sum(w * x for w, x in zip(weight, X, strict=True)) / n
    scatter = sum(w * np.outer(x - mean, x - mean) for w, x in zip(weight, X, strict=True))
    return ScatterCovariance(float(n), mean.astype(float), scatter.astype(float))


def sizes_of(X):
    """Largest deviation from the mean and largest value of each feature, rows of weight 0 too."""
    X = np.asarray(X, float)
    return np.abs(X - X.mean(axis=0)).max(axis=0), np.abs(X).max(axis=0)


def allowed_rounding(X, eps, squares=1.0):
    """Rounding error allowed per row in the scatter of each pair of features.

    Products lose eps x deviation^2, and up to `squares` times that about the origin. The mean is
    rounded to eps64 x mean; merging blocks multiplies that with deviations.
    """
    deviation, largest = sizes_of(X)
    mixed = np.outer(deviation + EPS * largest, EPS * largest)
    return 50 * (eps * squares * np.outer(deviation, deviation) + mixed + mixed.T)


def assert_same_scatter(actual, expected, X, eps=EPS, squares=100.0):
    """Assert that two scatter covariances agree to rounding."""
    n_samples = expected.n_samples
    deviation, largest = sizes_of(X)
    assert actual.n_samples == pytest.approx(n_samples, rel=50 * EPS)
    allowed = n_samples * allowed_rounding(X, eps, squares)
    assert np.all(np.abs(actual.scatter - expected.scatter) <= allowed)
    assert np.all(np.abs(actual.mean - expected.mean) <= 50 * (eps * deviation + EPS * largest))


# --- samples read in blocks ----------------------------------------------------------------------


@given(X=samples(), kind=WEIGHTS, seed=SEEDS, n_rows=st.integers(1, 50))
def test_scatter_covariance_agrees_with_a_loop_over_rows(X, kind, seed, n_rows):
    weight = weights_of(kind, len(X), seed)
    actual = scatter_covariance(X, weight, block_rows=n_rows)
    assert_same_scatter(actual, slow_scatter_covariance(X, weight), X)


@given(X=samples(min_samples=2), counts=st.booleans(), seed=SEEDS)
def test_covariance_equals_numpys(X, counts, seed):
    weight = weights_of("counts", len(X), seed) if counts else None
    covariance = scatter_covariance(X, weight)
    frequencies = None if weight is None else weight.astype(int)
    expected = np.atleast_2d(np.cov(X.T, fweights=frequencies))
    scatter = expected * (covariance.n_samples - 1)
    assert_same_scatter(
        covariance,
        ScatterCovariance(covariance.n_samples, np.average(X, axis=0, weights=weight), scatter),
        X,
    )
    assert_allclose(covariance.variances * (covariance.n_samples - 1), np.diag(covariance.scatter))
    identity = np.eye(X.shape[1])
    assert_allclose(covariance.times(identity) * (covariance.n_samples - 1), covariance.scatter)


@pytest.mark.parametrize("offset", [0.0, 1e4, 1e8])
@pytest.mark.parametrize("drift", [0.0, 1e4])
def test_samples_of_several_blocks_have_the_scatter_of_all_rows(offset, drift):
    n = 2 * BLOCK_ROWS + 17
    rng = np.random.default_rng(0)
    X = rng.normal(loc=offset, size=(n, 3)) + drift * np.linspace(0, 1, n)[:, None]
    covariance = scatter_covariance(X)
    centred = X - X.astype(np.longdouble).mean(axis=0).astype(float)
    assert_same_scatter(
        covariance,
        ScatterCovariance(
            n, X.astype(np.longdouble).mean(axis=0).astype(float), centred.T @ centred
        ),
        X,
    )


@given(
    X=samples(offsets=st.sampled_from([0.0, 1.0, -30.0, 1e4])),
    kind=WEIGHTS,
    seed=SEEDS,
    n_rows=st.integers(1, 50),
)
def test_float32_error_is_at_most_that_of_float32_products(X, kind, seed, n_rows):
    X = X.astype(np.float32)
    weight = weights_of(kind, len(X), seed)
    actual = scatter_covariance(X, weight, block_rows=n_rows)
    eps = np.finfo(np.float32).eps
    assert actual.scatter.dtype == actual.mean.dtype == np.float64
    # the variance within a block, not that of all samples, decides where products are formed
    assert_same_scatter(actual, slow_scatter_covariance(X, weight), X, eps=eps, squares=10.0)


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8, np.bool_, np.float16])
def test_numbers_of_any_type_are_read_as_float64(dtype):
    X = np.random.default_rng(0).integers(0, 2 if dtype is np.bool_ else 100, size=(30, 4))
    expected = scatter_covariance(X.astype(np.float64))
    actual = scatter_covariance(X.astype(dtype))
    assert working_dtype(X.astype(dtype)) == np.float64
    assert_array_equal(actual.scatter, expected.scatter)
    assert_array_equal(actual.mean, expected.mean)


@given(drawn=sparse_samples(), kind=WEIGHTS, seed=SEEDS)
def test_sparse_samples_have_the_scatter_of_their_dense_copy(drawn, kind, seed):
    stored, X = drawn
    weight = weights_of(kind, len(X), seed)
    actual = scatter_covariance(stored, weight)
    # X'WX less n mean mean': what is lost is relative to the squares, not to the variance
    expected, squares = (
        slow_scatter_covariance(X, weight),
        slow_scatter_covariance(np.vstack([X, -X])).scatter,
    )
    size = np.sqrt(np.diag(squares)) * 2  # weights are below 4
    assert actual.n_samples == pytest.approx(expected.n_samples)
    assert np.all(np.abs(actual.scatter - expected.scatter) <= 100 * EPS * np.outer(size, size))
    assert_allclose(actual.mean, expected.mean, rtol=0, atol=50 * EPS * np.abs(X).max())


@pytest.mark.parametrize("density", [0.02, 0.5], ids=["few entries", "many entries"])
@pytest.mark.parametrize("layout", [sparse.csr_array, sparse.csc_array])
@pytest.mark.parametrize("kind", ["none", "counts"])
def test_sparse_samples_have_the_moments_of_their_dense_copy(density, layout, kind):
    X = sparse.random_array((500, 8), density=density, rng=np.random.default_rng(0))
    weight = weights_of(kind, 500, 0)
    actual = scatter_covariance(layout(X), weight, block_rows=100, fourth=True)
    expected = scatter_covariance(X.toarray(), weight, fourth=True)
    assert_allclose(actual.scatter, expected.scatter, atol=1e-12 * np.abs(expected.scatter).max())
    assert_allclose(actual.mean, expected.mean, rtol=1e-12)
    assert_allclose(actual.kurtosis(), expected.kurtosis(), rtol=1e-10)


@given(X=samples(), seed=SEEDS, n_rows=st.integers(1, 10))
def test_integer_weights_equal_repeated_samples(X, seed, n_rows):
    weight = weights_of("counts", len(X), seed)
    repeated = np.repeat(X, weight.astype(int), axis=0)
    assert_same_scatter(
        scatter_covariance(X, weight, block_rows=n_rows), slow_scatter_covariance(repeated), X
    )
    assert_same_scatter(
        scatter_covariance(repeated, block_rows=n_rows), slow_scatter_covariance(repeated), X
    )


@given(X=samples(), n_rows=st.integers(1, 5))
def test_rows_of_weight_0_have_no_effect(X, n_rows):
    weight = np.zeros(len(X))
    nothing = scatter_covariance(X, weight, block_rows=n_rows)
    weight[-1] = 3.0
    last = scatter_covariance(X, weight, block_rows=n_rows)
    assert nothing.n_samples == 0
    assert not nothing.scatter.any()
    assert_same_scatter(last, slow_scatter_covariance(X[-1:], weight[-1:]), X)


@given(X=samples(), n_rows=st.integers(1, 50))
def test_samples_are_not_modified(X, n_rows):
    X.flags.writeable = False
    kept, weight = X.copy(), np.ones(len(X))
    weight.flags.writeable = False
    scatter_covariance(X, block_rows=n_rows)
    scatter_covariance(X, weight, block_rows=n_rows)
    assert_array_equal(X, kept)


def test_on_block_is_called_for_every_block():
    calls = []
    scatter_covariance(np.ones((10, 2)), on_block=calls.append, block_rows=4)
    assert len(calls) == 3


# --- merging -------------------------------------------------------------------------------------


@given(data=st.data(), X=samples(min_samples=2), kind=WEIGHTS, seed=SEEDS)
def test_sum_over_any_partition_equals_the_whole(data, X, kind, seed):
    weight = weights_of(kind, len(X), seed)
    total = ScatterCovariance.empty(X.shape[1])
    for rows in data.draw(partitions(len(X))):
        total = total + scatter_covariance(X[rows], None if weight is None else weight[rows])
    assert_same_scatter(total, slow_scatter_covariance(X, weight), X)


@given(X=samples(min_samples=3), Y=samples(), Z=samples(), data=st.data())
def test_addition_is_commutative_and_associative(X, Y, Z, data):
    cuts = np.sort(data.draw(st.tuples(st.integers(0, len(X)), st.integers(0, len(X)))))
    a, b, c = (
        scatter_covariance(part) if len(part) else ScatterCovariance.empty(X.shape[1])
        for part in np.split(X, cuts)
    )
    whole = slow_scatter_covariance(X)
    for total in ((a + b) + c, a + (b + c), (c + b) + a, b + (a + c)):
        assert_same_scatter(total, whole, X)


@given(X=samples())
def test_the_empty_covariance_is_neutral_in_addition(X):
    covariance, zero = scatter_covariance(X), ScatterCovariance.empty(X.shape[1])
    for total in (covariance + zero, zero + covariance):
        assert total.n_samples == covariance.n_samples
        assert_array_equal(total.scatter, covariance.scatter)
        assert_array_equal(total.mean, covariance.mean)
    nothing = zero + zero
    assert nothing.n_samples == 0
    assert not nothing.mean.any()
    assert not nothing.scatter.any()


@given(X=samples(), times=st.integers(2, 6))
def test_adding_a_covariance_to_itself_multiplies_the_weights(X, times):
    covariance = scatter_covariance(X)
    total = sum([covariance] * (times - 1), start=covariance)
    assert_same_scatter(total, slow_scatter_covariance(X, np.full(len(X), float(times))), X)


def test_addition_does_not_modify_its_terms():
    rng = np.random.default_rng(0)
    a, b = (scatter_covariance(rng.normal(size=(5, 3))) for _ in range(2))
    kept = [part.copy() for part in (a.mean, a.scatter, b.mean, b.scatter)]
    for part in (a.mean, a.scatter, b.mean, b.scatter):
        part.flags.writeable = False
    total = a + b
    for part, copy in zip((a.mean, a.scatter, b.mean, b.scatter), kept, strict=True):
        assert_array_equal(part, copy)
        assert not np.shares_memory(part, total.scatter)


def test_sum_of_1000_single_rows_far_from_zero_is_accurate():
    X = 1e8 + np.random.default_rng(0).normal(size=(1000, 3))
    total = ScatterCovariance.empty(3)
    for row in X:
        total = total + scatter_covariance(row[None])
    # each addition rounds the mean, by 1.5e-8; the thousand roundings are independent
    expected = slow_scatter_covariance(X)
    assert_allclose(total.scatter / 1000, expected.scatter / 1000, atol=1e-6)


def test_no_rows_have_the_empty_covariance():
    for weight in (None, np.ones(0)):
        found = scatter_covariance(np.ones((0, 3)), weight, fourth=True)
        assert found.n_samples == 0
        assert_array_equal(found.scatter, np.zeros((3, 3)))


# --- centred blocks ------------------------------------------------------------------------------


@given(X=samples(), n_rows=st.integers(1, 50))
def test_centred_blocks_are_the_centred_rows_in_order(X, n_rows):
    mean = X.mean(axis=0)
    seen = [(rows, block.copy()) for rows, block in centred_blocks(X, mean, n_rows)]
    assert_array_equal(np.concatenate([np.arange(len(X))[rows] for rows, _ in seen]), range(len(X)))
    assert max(len(block) for _, block in seen) <= n_rows
    assert_array_equal(np.vstack([block for _, block in seen]), X - mean)


@given(X=samples(offsets=st.sampled_from([0.0, 1e4, 1e6])), n_rows=st.integers(1, 50))
def test_centred_float32_blocks_have_only_float32_rounding(X, n_rows):
    X = X.astype(np.float32)
    mean = X.mean(axis=0, dtype=np.float64)
    centred = np.vstack([block.copy() for _, block in centred_blocks(X, mean, n_rows)])
    exact = X.astype(np.float64) - mean
    eps = np.finfo(np.float32).eps
    rounded_away = np.abs(mean - mean.astype(np.float32))  # and subtracted in a second step
    assert centred.dtype == np.float32
    assert np.all(np.abs(centred - exact) <= 2 * eps * (np.abs(exact) + 2 * rounded_away))


# --- memory maps ---------------------------------------------------------------------------------


@pytest.fixture
def mapped(tmp_path):
    """A file of 48 MB, mapped, and its samples."""
    X = np.random.default_rng(0).normal(loc=2.0, size=(60_000, 100))
    return memory_map(X, tmp_path), X


@pytest.mark.parametrize("weighted", [False, True])
def test_a_memory_map_is_read_block_by_block(mapped, weighted):
    file, X = mapped
    weight = np.full(len(X), 2.0) if weighted else None
    covariance, peak = peak_memory(lambda: scatter_covariance(file, weight))
    assert peak < 3 * BLOCK_ROWS * 100 * 8 < X.nbytes
    assert_array_equal(covariance.scatter, scatter_covariance(X, weight).scatter)


def test_rows_of_a_memory_map_are_not_loaded_at_once(mapped):
    file, X = mapped
    directions = np.random.default_rng(1).normal(size=(100, 2))
    rows, peak_of_start = peak_memory(lambda: DenseRows(file, block_bytes=2**20))
    product, peak_of_product = peak_memory(lambda: rows.times(directions))
    along, peak_of_along = peak_memory(lambda: rows.along(directions))
    assert max(peak_of_start, peak_of_product, peak_of_along) < X.nbytes / 4
    expected = np.cov(X.T) @ directions
    assert_allclose(product, expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    assert_allclose(along, directions.T @ expected, rtol=0, atol=1e-10)


# --- covariance of rows --------------------------------------------------------------------------


def assert_same_covariance(rows, covariance, seed, allowed):
    """Assert that rows and a scatter covariance agree, within allowed per pair of features."""
    directions = np.random.default_rng(seed).normal(size=(covariance.n_features, 3))
    assert rows.n_features == covariance.n_features
    assert rows.n_samples == pytest.approx(covariance.n_samples)
    assert np.all(np.abs(rows.variances - covariance.variances) <= np.diag(allowed))
    difference = rows.times(directions) - covariance.times(directions)
    assert np.all(np.abs(difference) <= allowed @ np.abs(directions))
    difference = rows.along(directions) - covariance.along(directions)
    assert np.all(np.abs(difference) <= np.abs(directions).T @ allowed @ np.abs(directions))


@given(
    X=samples(min_samples=2),
    kind=WEIGHTS,
    seed=SEEDS,
    dtype=st.sampled_from([np.float64, np.float32]),
)
def test_dense_rows_agree_with_the_loop_over_rows(X, kind, seed, dtype):
    if np.abs(X).max() > 1e5 * X.std(axis=0).min():
        dtype = np.float64  # one float32 cannot hold the offset and the deviation
    X = X.astype(dtype)
    weight = weights_of(kind, len(X), seed)
    rows, expected = row_covariance(X, weight), slow_scatter_covariance(X, weight)
    assert isinstance(rows, DenseRows)
    eps = np.finfo(dtype).eps
    assert rows.rounding == eps
    n, (deviation, largest) = expected.n_samples, sizes_of(X)
    allowed = 2 * n / (n - 1) * allowed_rounding(X, eps)
    if dtype is np.float32:  # the mean itself is kept in two float32s, and no better
        allowed += 50 * eps**2 * np.outer(largest + deviation, largest + deviation)
    assert_same_covariance(rows, expected, seed, allowed)
    assert np.all(np.abs(rows.mean - expected.mean) <= 50 * (eps * deviation + EPS * largest))


@given(X=samples(min_samples=2), seed=SEEDS, n_rows=st.integers(1, 50))
def test_rows_of_a_memory_map_agree_with_those_of_the_array(X, seed, n_rows, tmp_path_factory):
    file = memory_map(X, tmp_path_factory.mktemp("rows"))
    mapped = DenseRows(file, block_bytes=n_rows * X.shape[1] * 8)
    allowed = 4 * allowed_rounding(X, EPS)
    assert_same_covariance(mapped, row_covariance(X), seed, allowed)


@given(drawn=sparse_samples(min_samples=2), kind=WEIGHTS, seed=SEEDS)
def test_sparse_rows_agree_with_their_dense_copy(drawn, kind, seed):
    stored, X = drawn
    weight = weights_of(kind, len(X), seed)
    rows, expected = row_covariance(stored, weight), slow_scatter_covariance(X, weight)
    assert isinstance(rows, SparseRows)
    size = 2 * np.linalg.norm(X.astype(float), axis=0)  # weights are below 4
    allowed = 100 * EPS * np.outer(size, size) / (expected.n_samples - 1)
    assert_same_covariance(rows, expected, seed, allowed)
    assert_allclose(rows.mean, expected.mean, rtol=0, atol=50 * EPS * np.abs(X).max())


def test_a_constant_feature_has_variance_0_at_any_offset():
    for constant in (0.0, 0.1, 1e8 / 3):
        X = np.random.default_rng(0).normal(size=(50, 3))
        X[:, 1] = constant
        for covariance in (scatter_covariance(X), row_covariance(X)):
            assert abs(covariance.variances[1]) <= (10 * EPS * constant) ** 2
