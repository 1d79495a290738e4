"""Covariance of samples with missing entries, compared with loops over pairs of features."""

import functools
import warnings

import numpy as np
import pytest
from helpers.memory import memory_map, peak_memory
from helpers.strategies import SEEDS, WEIGHTS, partitions, weights_of, with_gaps
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import hypergeom

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.linear._covariance.incomplete_rows import IncompleteRows, unobserved_pairs
from sklearn_contrastive.linear._covariance.missing import (
    PairwiseCovariance,
    pairwise_covariance,
    unbiased_counts,
)
from sklearn_contrastive.linear._covariance.scale import feature_scale
from sklearn_contrastive.linear._covariance.scatter import ScatterCovariance, scatter_covariance
from sklearn_contrastive.metrics import sin_theta_distance

EPS = np.finfo(np.float64).eps
EPS32 = np.finfo(np.float32).eps
OFFSETS = st.sampled_from([0.0, 1.0, -30.0, 1e4, 1e8])
SHARES = st.sampled_from([0.0, 0.1, 0.4, 0.8])
DTYPES = st.sampled_from([np.float64, np.float32])


@st.composite
def incomplete_samples(draw, min_samples=1, shares=SHARES, offsets=OFFSETS, max_features=6):
    """Samples about an offset, each feature in a unit of its own; some may be never observed."""
    shape = draw(st.integers(min_samples, 40)), draw(st.integers(1, max_features))
    offset, share, unit = draw(offsets), draw(shares), draw(st.sampled_from([1e-6, 1.0, 1e6]))
    seed = draw(SEEDS)
    rng = np.random.default_rng(seed)
    X = rng.normal(loc=offset, size=shape) * unit * rng.uniform(0.1, 10, size=shape[1])
    return with_gaps(X, share, seed + 1)


@st.composite
def few_incomplete_rows(draw, offsets=OFFSETS):
    """Fewer rows than features; every feature is observed twice or more."""
    n_rows, n_features = draw(st.integers(2, 12)), draw(st.integers(13, 20))
    offset, share, seed = draw(offsets), draw(st.sampled_from([0.0, 0.2, 0.5])), draw(SEEDS)
    rng = np.random.default_rng(seed)
    X = rng.normal(loc=offset, size=(n_rows, n_features)) * rng.uniform(0.1, 10, size=n_features)
    gaps = np.isnan(with_gaps(X, share, seed + 1))
    gaps[:2] = False
    return np.where(rng.permutation(gaps), np.nan, X)


# --- slow and obvious ----------------------------------------------------------------------------


def slow_pairwise_covariance(X, weight=None):
    """Pair by pair in the longest float there is."""
    n_rows, d = X.shape
    X = X.astype(np.longdouble)
    weight = np.ones(n_rows) if weight is None else weight
    seen = ~np.isnan(X)
    mean = np.zeros(d, np.longdouble)
    for i in range(d):
        if weight[seen[:, i]].sum() > 0:
            mean[i] = np.sum(weight[seen[:, i]] * X[seen[:, i], i]) / weight[seen[:, i]].sum()
    counts, sums, products = (np.zeros((d, d)) for _ in range(3))
    for i in range(d):
        for j in range(d):
            both = seen[:, i] & seen[:, j]
            counts[i, j] = weight[both].sum()
            sums[i, j] = np.sum(weight[both] * (X[both, i] - mean[i]))
            products[i, j] = np.sum(weight[both] * (X[both, i] - mean[i]) * (X[both, j] - mean[j]))
    return PairwiseCovariance(float(weight.sum()), mean.astype(float), counts, sums, products)


def slow_matrix(pairwise):
    """Each sum of products divided by its expectation for a covariance of 1."""
    matrix = np.zeros_like(pairwise.counts)
    for i in range(pairwise.n_features):
        for j in range(pairwise.n_features):
            n_i, n_j, n_both = pairwise.counts[i, i], pairwise.counts[j, j], pairwise.counts[i, j]
            if n_both > 0:
                divisor = n_both * (1 - 1 / n_i - 1 / n_j + n_both / (n_i * n_j))
                # where a feature is observed once, 1 - 1 leaves only rounding
                if divisor > 100 * EPS * n_both:
                    matrix[i, j] = pairwise.products[i, j] / divisor
    return matrix


@functools.cache
def independent_divisor(n_i, n_j, n):
    """Expected sum of products for a covariance of 1 if entries are missing independently.

    Of n rows, n_i have the one feature and n_j the other; the number that have both is random.
    """
    both = np.arange(min(n_i, n_j) + 1)
    chance = hypergeom(n, n_i, n_j).pmf(both)
    return np.sum(chance * both * (1 - 1 / n_i - 1 / n_j + both / (n_i * n_j)))


def slow_effective_samples(n, counts, uniqueness):
    """1 / (1 / n + mean over pairs of (1 / N_ij - 1 / n) / (u_i u_j)), pair by pair."""
    excess = [
        (1 / counts[i, j] - 1 / n) / (uniqueness[i] * uniqueness[j])
        for i in range(len(counts))
        for j in range(len(counts))
        if i != j
    ]
    return 1 / (1 / n + max(np.mean(excess), 0.0)) if excess else n


def slow_unobserved_pairs(X):
    seen, d = ~np.isnan(X), X.shape[1]
    pairs = [(i, j) for i in range(d) for j in range(i, d) if not np.any(seen[:, i] & seen[:, j])]
    return np.array(pairs, dtype=int).reshape(-1, 2)


def sizes_of(X):
    """Largest deviation from the mean and largest value of each feature; 0 if never observed."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Mean of empty slice")
        warnings.filterwarnings("ignore", "All-NaN slice")
        X = X.astype(float)
        deviation = np.nanmax(np.abs(X - np.nanmean(X, axis=0)), axis=0)
        return np.nan_to_num(deviation), np.nan_to_num(np.nanmax(np.abs(X), axis=0))


def allowed_rounding(X, eps):
    """Rounding error allowed per row, of sums and of products.

    Products lose eps x deviation^2; the mean is rounded to eps64 x mean, which enters the sums
    directly and the products times a deviation.
    """
    deviation, largest = sizes_of(X)
    of_sums = 50 * (eps * deviation + EPS * largest)
    mixed = np.outer(deviation + EPS * largest, EPS * largest)
    return of_sums, 50 * (eps * np.outer(deviation, deviation) + mixed + mixed.T)


def assert_same_covariance(actual, expected, X, eps=EPS):
    """Assert that two pairwise covariances agree to rounding."""
    of_sums, of_products = allowed_rounding(X, eps)
    n = expected.n_samples
    assert actual.n_samples == pytest.approx(n, rel=50 * EPS)
    assert_allclose(actual.counts, expected.counts, rtol=50 * eps)
    assert np.all(np.abs(actual.mean - expected.mean) <= of_sums)
    assert np.all(np.abs(actual.sums - expected.sums) <= n * of_sums[:, None])
    assert np.all(np.abs(actual.products - expected.products) <= n * of_products)
    assert_allclose(actual.products, actual.products.T, rtol=0, atol=n * of_products.max())


# --- samples read in blocks ----------------------------------------------------------------------


@given(X=incomplete_samples(), kind=WEIGHTS, seed=SEEDS, n_rows=st.integers(1, 50))
def test_pairwise_covariance_agrees_with_a_loop_over_pairs(X, kind, seed, n_rows):
    weight = weights_of(kind, len(X), seed, least=1)
    actual = pairwise_covariance(X, weight, block_rows=n_rows)
    assert_same_covariance(actual, slow_pairwise_covariance(X, weight), X)
    assert actual.n_features == X.shape[1]


@given(
    X=incomplete_samples(offsets=st.sampled_from([0.0, 1.0, -30.0, 1e4])),
    kind=WEIGHTS,
    seed=SEEDS,
    n_rows=st.integers(1, 50),
)
def test_float32_error_is_at_most_that_of_float32_products(X, kind, seed, n_rows):
    X, weight = X.astype(np.float32), weights_of(kind, len(X), seed, least=1)
    actual = pairwise_covariance(X, weight, block_rows=n_rows)
    for part in (actual.mean, actual.counts, actual.sums, actual.products):
        assert part.dtype == np.float64
    assert_same_covariance(actual, slow_pairwise_covariance(X, weight), X, eps=EPS32)


@given(X=incomplete_samples(), kind=WEIGHTS, seed=SEEDS)
def test_products_are_divided_by_their_expectation_for_a_covariance_of_1(X, kind, seed):
    covariance = pairwise_covariance(X, weights_of(kind, len(X), seed, least=1))
    expected = slow_matrix(covariance)
    assert_allclose(covariance.matrix, expected, rtol=1e-10, atol=np.finfo(float).tiny)
    assert_allclose(covariance.variances, np.diag(expected), rtol=1e-10, atol=np.finfo(float).tiny)
    directions = np.random.default_rng(seed).normal(size=(X.shape[1], 3))
    assert_allclose(
        covariance.times(directions),
        expected @ directions,
        rtol=0,
        atol=100 * EPS * np.abs(expected).sum() * np.abs(directions).max(),
    )


@given(X=incomplete_samples(min_samples=2, shares=st.just(0.0)), kind=WEIGHTS, seed=SEEDS)
def test_complete_samples_have_their_scatter_covariance(X, kind, seed):
    weight = weights_of(kind, len(X), seed, least=1)
    pairwise, scatter = pairwise_covariance(X, weight), scatter_covariance(X, weight)
    assert_same_covariance(pairwise, PairwiseCovariance.complete(scatter), X)
    n, (_, of_products) = scatter.n_samples, allowed_rounding(X, EPS)
    for each in (pairwise, PairwiseCovariance.complete(scatter)):
        difference = each.matrix - scatter.scatter / (n - 1)
        assert np.all(np.abs(difference) <= 2 * n / (n - 1) * of_products)
        uniqueness = np.random.default_rng(seed).uniform(0.05, 1, size=X.shape[1])
        assert each.effective_samples(uniqueness) == pytest.approx(n, rel=1e-9)
        assert len(each.unobserved_pairs()) == 0


@given(X=incomplete_samples(), seed=SEEDS, n_rows=st.integers(1, 10))
def test_integer_weights_equal_repeated_samples(X, seed, n_rows):
    weight = np.random.default_rng(seed).integers(1, 4, size=len(X)).astype(float)
    repeated = np.repeat(X, weight.astype(int), axis=0)
    assert_same_covariance(
        pairwise_covariance(X, weight, block_rows=n_rows), slow_pairwise_covariance(repeated), X
    )


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble])
def test_floats_of_any_type_are_read_as_float64(dtype):
    X = np.random.default_rng(0).integers(0, 100, size=(30, 4)).astype(dtype)
    X = with_gaps(X, 0.3, 0)
    actual, expected = pairwise_covariance(X), pairwise_covariance(X.astype(float))
    assert_array_equal(actual.products, expected.products)
    assert_array_equal(actual.mean, expected.mean)


@given(X=incomplete_samples(), n_rows=st.integers(1, 50))
def test_samples_are_not_modified(X, n_rows):
    X.flags.writeable = False
    kept, weight = X.copy(), np.ones(len(X))
    weight.flags.writeable = False
    pairwise_covariance(X, block_rows=n_rows)
    pairwise_covariance(X, weight, block_rows=n_rows)
    IncompleteRows(X, weight + 1.0)
    unobserved_pairs(X)
    assert_array_equal(X, kept)


def test_on_block_is_called_for_every_block():
    calls = []
    pairwise_covariance(np.ones((10, 2)), on_block=calls.append, block_rows=4)
    assert len(calls) == 3


@pytest.mark.parametrize("weighted", [False, True])
def test_a_memory_map_is_read_block_by_block(weighted, tmp_path):
    X = with_gaps(np.random.default_rng(0).normal(loc=2.0, size=(10_000, 20)), 0.3, 0)
    file = memory_map(X, tmp_path)
    weight = np.full(len(X), 2.0) if weighted else None
    covariance, peak = peak_memory(lambda: pairwise_covariance(file, weight, block_rows=500))
    expected = pairwise_covariance(X, weight, block_rows=500)
    assert peak < X.nbytes / 2
    assert_array_equal(covariance.products, expected.products)
    assert_array_equal(covariance.counts, expected.counts)


@pytest.mark.parametrize("constant", [0.0, 0.1, -7.0, 100 / 3, 1e8 / 3])
@pytest.mark.parametrize("n_samples", [50, 3000])
@pytest.mark.parametrize("kind", [pairwise_covariance, IncompleteRows])
def test_a_constant_feature_has_scale_0_at_any_offset(kind, n_samples, constant):
    X = np.random.default_rng(0).normal(size=(n_samples, 5))
    X[:, 2] = constant
    for dtype in (np.float64, np.float32):
        scale = feature_scale(kind(with_gaps(X.astype(dtype), 0.3, 1)))
        assert scale[2] == 0
        assert np.all(scale[[0, 1, 3, 4]] > 0.5)


# --- merging -------------------------------------------------------------------------------------


@given(data=st.data(), X=incomplete_samples(min_samples=2), kind=WEIGHTS, seed=SEEDS)
def test_sum_over_any_partition_equals_the_whole(data, X, kind, seed):
    weight = weights_of(kind, len(X), seed, least=1)
    parts = [
        pairwise_covariance(X[rows], None if weight is None else weight[rows])
        for rows in data.draw(partitions(len(X)))
    ]
    assert_same_covariance(sum(parts[1:], start=parts[0]), slow_pairwise_covariance(X, weight), X)


@given(
    data=st.data(),
    n_features=st.integers(2, 6),
    offset=st.sampled_from([0.0, 1e4, 1e8]),
    share=st.sampled_from([0.0, 0.3]),
    seed=SEEDS,
)
def test_sum_of_chunks_that_lack_whole_features_equals_the_whole(
    data, n_features, offset, share, seed
):
    rng = np.random.default_rng(seed)
    X = with_gaps(rng.normal(loc=offset, size=(30, n_features)), share, seed)
    chunks = data.draw(partitions(len(X)))
    for rows in chunks:
        X[np.ix_(rows, rng.uniform(size=n_features) < 0.5)] = np.nan
    parts = [pairwise_covariance(X[rows]) for rows in chunks]
    assert_same_covariance(sum(parts[1:], start=parts[0]), slow_pairwise_covariance(X), X)


@given(X=incomplete_samples(min_samples=3), data=st.data())
def test_addition_is_commutative_and_associative(X, data):
    cuts = np.sort(data.draw(st.tuples(st.integers(1, len(X) - 2), st.integers(1, len(X) - 2))))
    cuts[1] = max(cuts[1], cuts[0] + 1)
    a, b, c = map(pairwise_covariance, np.split(X, cuts))
    whole = slow_pairwise_covariance(X)
    for total in ((a + b) + c, a + (b + c), (c + b) + a, b + (a + c)):
        assert_same_covariance(total, whole, X)


@given(X=incomplete_samples(min_samples=2), n_complete=st.integers(1, 20), seed=SEEDS)
def test_complete_and_incomplete_samples_are_added_in_either_order(X, n_complete, seed):
    near, spread = np.nan_to_num(slow_pairwise_covariance(X).mean), sizes_of(X)[0]
    complete = near + spread * np.random.default_rng(seed).normal(size=(n_complete, X.shape[1]))
    both, scatter, pairwise = (
        np.vstack([X, complete]),
        scatter_covariance(complete),
        pairwise_covariance(X),
    )
    for total in (scatter + pairwise, pairwise + scatter):
        assert isinstance(total, PairwiseCovariance)
        assert_same_covariance(total, slow_pairwise_covariance(both), both)


@given(X=incomplete_samples())
def test_the_empty_covariance_is_neutral_in_addition(X):
    covariance, zero = pairwise_covariance(X), ScatterCovariance.empty(X.shape[1])
    for total in (covariance + zero, zero + covariance):
        assert total.n_samples == covariance.n_samples
        for name in ("mean", "counts", "sums", "products"):
            assert_array_equal(getattr(total, name), getattr(covariance, name))


def test_addition_does_not_modify_its_terms():
    X = with_gaps(np.random.default_rng(0).normal(size=(10, 3)), 0.3, 0)
    terms = [
        pairwise_covariance(X[:5]),
        pairwise_covariance(X[5:]),
        scatter_covariance(np.ones((4, 3))),
    ]
    parts = [value for term in terms for value in vars(term).values() if np.ndim(value)]
    kept = [part.copy() for part in parts]
    for part in parts:
        part.flags.writeable = False
    _ = terms[0] + terms[1] + terms[2]
    for part, copy in zip(parts, kept, strict=True):
        assert_array_equal(part, copy)


def test_sum_of_500_single_rows_far_from_zero_is_accurate():
    X = with_gaps(1e8 + np.random.default_rng(0).normal(size=(500, 3)), 0.3, 0)
    parts = [pairwise_covariance(row[None]) for row in X]
    total, expected = sum(parts[1:], start=parts[0]), slow_pairwise_covariance(X)
    # each addition rounds the means, by 1.5e-8
    assert_allclose(total.matrix, expected.matrix, rtol=0, atol=1e-6)


# --- bias of covariances under random gaps -------------------------------------------------------


@pytest.mark.parametrize("kind", [pairwise_covariance, IncompleteRows])
def test_covariances_are_unbiased_where_entries_are_missing_at_random(kind):
    rng = np.random.default_rng(0)
    mixing = rng.normal(size=(4, 4))
    truth, estimates = mixing @ mixing.T, []
    for _ in range(4000):
        missing = rng.uniform(size=(12, 4)) < 0.4
        missing[:2] = False  # every feature is observed
        missing = rng.permuted(missing, axis=0)
        X = np.where(missing, np.nan, 5.0 + rng.normal(size=(12, 4)) @ mixing.T)
        estimates.append(kind(X).times(np.eye(4)))
    error = np.mean(estimates, axis=0) - truth
    # ten different entries: the largest of as many normal errors is below four in 99.9 %
    assert np.all(np.abs(error) <= 4 * np.std(estimates, axis=0) / np.sqrt(len(estimates)))


def test_unbiased_divisor_is_the_mean_of_simulated_products():
    rng = np.random.default_rng(0)
    first, scatter = np.arange(12) < 7, np.arange(12) >= 4  # 3 rows have both
    both = first & scatter
    products = []
    for _ in range(20_000):
        x, y = rng.normal(size=12), rng.normal(size=12)
        y += x  # a covariance of 1
        products.append(np.sum((x - x[first].mean())[both] * (y - y[scatter].mean())[both]))
    counts = np.array([[7.0, 3.0], [3.0, 8.0]])
    divisor = unbiased_counts(counts, np.diag(counts))[0, 1]
    assert abs(np.mean(products) - divisor) <= 4 * np.std(products) / np.sqrt(len(products))
    assert_allclose(unbiased_counts(np.full((2, 2), 9.0), np.full(2, 9.0)), 8.0)


def test_an_indefinite_pairwise_covariance_can_be_fitted():
    X, truth = make_spiked_covariance(120, 60, 2, signal=5.0, noise=1.0, random_state=0)
    X = with_gaps(X, 0.3, 0)
    covariance = pairwise_covariance(X).matrix
    assert np.linalg.eigvalsh(covariance)[0] < -0.1
    for n_components in (2, "auto"):
        model = LinearContrastive(n_components, random_state=0).fit(X)
        assert sin_theta_distance(model.components_, truth.components) < 0.5
        assert np.linalg.eigvalsh(model.get_covariance())[0] > 0
        assert np.all(model.explained_variance_ > 0)
    # partial_fit uses only this matrix
    chunked = LinearContrastive(2, random_state=0).partial_fit(X)
    assert sin_theta_distance(chunked.components_, truth.components) < 0.6
    assert np.linalg.eigvalsh(chunked.get_covariance())[0] > 0


# --- effective samples ---------------------------------------------------------------------------


@given(X=few_incomplete_rows(offsets=st.just(0.0)), seed=SEEDS)
def test_effective_samples_of_pairs_agree_with_a_loop(X, seed):
    uniqueness = np.random.default_rng(seed).uniform(0.05, 1, size=X.shape[1])
    covariance = pairwise_covariance(X)
    n = np.diag(covariance.counts).max()
    expected = slow_effective_samples(n, covariance.counts, uniqueness)
    assert covariance.effective_samples(uniqueness) == pytest.approx(expected, rel=1e-9)
    assert covariance.effective_samples(uniqueness) <= covariance.n_samples * (1 + 1e-9)


@given(X=few_incomplete_rows(offsets=st.just(0.0)), kind=WEIGHTS, seed=SEEDS)
def test_effective_samples_of_rows_agree_with_a_loop(X, kind, seed):
    uniqueness = np.random.default_rng(seed).uniform(0.05, 1, size=X.shape[1])
    weight = weights_of(kind, len(X), seed, least=1)
    rows = IncompleteRows(X, weight)
    seen = (np.ones(len(X)) if weight is None else weight) @ ~np.isnan(X)
    counts = np.outer(seen, seen) / rows.n_samples  # if features are missing independently
    expected = slow_effective_samples(seen.max(), counts, uniqueness)
    assert rows.effective_samples(uniqueness) == pytest.approx(expected, rel=1e-9)
    assert rows.effective_samples(uniqueness) <= rows.n_samples * (1 + 1e-9)


@given(X=few_incomplete_rows(offsets=st.just(0.0)), kind=WEIGHTS, seed=SEEDS)
def test_effective_samples_of_complete_rows_are_their_number(X, kind, seed):
    X, weight = np.nan_to_num(X), weights_of(kind, len(X), seed, least=1)
    uniqueness = np.random.default_rng(seed).uniform(0.05, 1, size=X.shape[1])
    n = len(X) if weight is None else weight.sum()
    for covariance in (pairwise_covariance(X, weight), IncompleteRows(X, weight)):
        assert covariance.n_samples == pytest.approx(n)
        assert covariance.effective_samples(uniqueness) == pytest.approx(n, rel=1e-9)


def test_more_missing_entries_give_fewer_effective_samples():
    X, uniqueness = np.random.default_rng(0).normal(size=(200, 10)), np.full(10, 0.5)
    effective = [
        kind(with_gaps(X, share, 0)).effective_samples(uniqueness)
        for share in (0.0, 0.2, 0.5)
        for kind in (pairwise_covariance, IncompleteRows)
    ]
    assert effective[0] == pytest.approx(200) == effective[1]
    assert max(effective[2:4]) < 200
    assert max(effective[4:]) < min(effective[2:4])
    # the two estimates agree where entries are missing independently
    assert_allclose(effective[2::2], effective[3::2], rtol=0.1)


# --- fewer rows than features --------------------------------------------------------------------


@given(X=few_incomplete_rows(), seed=SEEDS, dtype=DTYPES, kind=st.sampled_from(["none", "counts"]))
def test_covariance_of_rows_agrees_with_a_slow_dense_version(X, seed, dtype, kind):
    if np.nanmax(np.abs(X)) > 1e6:
        dtype = np.float64  # one float32 cannot hold the offset and the deviation
    X, weight = X.astype(dtype), weights_of(kind, len(X), seed, least=1)
    rows, expected = IncompleteRows(X, weight), slow_pairwise_covariance(X, weight)
    assert rows.n_samples == expected.n_samples
    assert rows.n_features == X.shape[1]
    assert rows.rounding == np.finfo(dtype).eps
    n, seen = int(expected.n_samples), np.diag(expected.counts).astype(int)
    divisor = np.array([[independent_divisor(a, b, n) for b in seen] for a in seen])
    np.fill_diagonal(divisor, seen - 1)
    of_sums, of_products = allowed_rounding(X, np.finfo(dtype).eps)
    covariance, actual = expected.products / divisor, rows.times(np.eye(len(seen)))
    assert np.all(np.abs(rows.mean - expected.mean) <= of_sums)
    allowed = n * of_products / divisor
    assert np.all(np.abs(rows.variances - np.diag(covariance)) <= np.diag(allowed))
    assert np.all(np.abs(actual - covariance) <= allowed)
    directions = np.random.default_rng(seed).normal(size=(len(seen), 3))
    difference = rows.times(directions) - covariance @ directions
    assert np.all(np.abs(difference) <= allowed @ np.abs(directions))


@given(X=few_incomplete_rows(), kind=WEIGHTS, seed=SEEDS)
def test_complete_rows_have_their_scatter_covariance(X, kind, seed):
    offset = np.nanmean(X, axis=0)
    X, weight = np.where(np.isnan(X), offset, X), weights_of(kind, len(X), seed, least=1)
    rows, scatter = IncompleteRows(X, weight), scatter_covariance(X, weight)
    n, (of_sums, of_products) = scatter.n_samples, allowed_rounding(X, EPS)
    allowed = 2 * n / (n - 1) * of_products
    assert np.all(np.abs(rows.mean - scatter.mean) <= of_sums)
    assert np.all(np.abs(rows.variances - scatter.variances) <= np.diag(allowed))
    difference = rows.times(np.eye(X.shape[1])) - scatter.scatter / (n - 1)
    assert np.all(np.abs(difference) <= allowed)


def test_rows_and_pairs_agree_where_entries_are_missing_independently():
    X, _ = make_spiked_covariance(4000, 8, 2, signal=2.0, random_state=0)
    X = with_gaps(X, 0.3, 0)
    covariance = pairwise_covariance(X).matrix
    assert_allclose(IncompleteRows(X).times(np.eye(8)), covariance, atol=0.02)


# --- pairs that are never observed together ------------------------------------------------------


@given(
    n_rows=st.integers(1, 12),
    n_features=st.integers(1, 10),
    share=st.sampled_from([0.0, 0.3, 0.6, 0.9]),
    block=st.sampled_from([1, 20, 2**22]),
    seed=SEEDS,
)
def test_unobserved_pairs_agree_with_brute_force(n_rows, n_features, share, block, seed):
    X = with_gaps(np.zeros((n_rows, n_features)), share, seed)
    expected = slow_unobserved_pairs(X)
    found = unobserved_pairs(X, block_entries=block)
    assert found.shape == expected.shape
    assert_array_equal(found, expected)
    assert_array_equal(pairwise_covariance(X).unobserved_pairs(), expected)


def test_few_unobserved_pairs_among_many_features_are_found():
    X = with_gaps(np.random.default_rng(0).normal(size=(100, 500)), 0.1, 0)
    X[::2, 7] = X[1::2, 300] = np.nan
    X[:, 450] = np.nan
    expected = [(7, 300), *((i, 450) for i in range(451)), *((450, i) for i in range(451, 500))]
    assert_array_equal(unobserved_pairs(X), sorted(expected))
