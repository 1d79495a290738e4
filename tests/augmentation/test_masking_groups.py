"""MaskedAugmenter with feature_groups: features of one group are hidden together."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers.checks import assert_first_class
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive.augmentation import MaskedAugmenter, _masked_augmenter

ROWS = st.integers(1, 12)
RATES = st.sampled_from([0.0, 0.1, 0.5, 0.8, 1.0])
DTYPES = st.sampled_from([np.float64, np.float32])
FORMATS = st.sampled_from(["csr_array", "csc_array", "csr_matrix", "csc_matrix"])
GROUPS = st.sampled_from(["dbca", [10, 9, -1, 2], [0.5, -0.5]]).flatmap(
    lambda labels: st.lists(st.sampled_from(labels), min_size=1, max_size=8)
)


def samples(n_rows, groups, seed, dtype=np.float64, missing=0.2):
    """Samples with one feature per label, some entries NaN; the first row is complete."""
    rng = np.random.default_rng(seed)
    X = rng.normal(loc=3.0, size=(n_rows, len(groups)))
    X[1:][rng.uniform(size=X[1:].shape) < missing] = np.nan
    return X.astype(dtype)


def sparse_samples(n_rows, groups, seed, format="csr_array"):
    """Sparse samples with one feature per label; the format is the name of a class."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, len(groups))) * (rng.uniform(size=(n_rows, len(groups))) < 0.5)
    return getattr(sparse, format)(X)


def position(label, groups):
    """Position of a label among the sorted labels."""
    return sorted(set(groups)).index(label)


# --- masks ----------------------------------------------------------------------------------------


@given(groups=GROUPS, rate=RATES, seed=SEEDS)
def test_fit_draws_one_mask_value_per_group_in_the_order_of_the_labels(groups, rate, seed):
    X = samples(3, groups, seed)
    mask = MaskedAugmenter(rate, feature_groups=groups, random_state=seed).fit(X).mask_
    draws = np.random.RandomState(seed).uniform(size=len(set(groups)))
    assert_array_equal(mask, [draws[position(label, groups)] < rate for label in groups])


@given(n_rows=ROWS, groups=GROUPS, rate=RATES, seed=SEEDS, dtype=DTYPES)
def test_a_view_hides_or_shows_whole_groups_of_a_sample(n_rows, groups, rate, seed, dtype):
    X = samples(n_rows, groups, seed, dtype)
    augmenter = MaskedAugmenter(rate, feature_groups=groups).fit(X)
    views = augmenter.sample_views(X, random_state=seed)
    random_state = np.random.RandomState(seed)
    for i in range(n_rows):
        hidden = {label: random_state.uniform() < rate for label in sorted(set(groups))}
        for j, label in enumerate(groups):
            mean = augmenter.mean_[j]
            shown = mean if np.isnan(X[i, j]) else X[i, j]
            expected = [mean, shown] if hidden[label] else [shown, mean]
            assert_array_equal([view[i, j] for view in views], expected)
    assert [view.dtype for view in views] == [dtype, dtype]


@given(n_rows=ROWS, groups=GROUPS, rate=RATES, seed=SEEDS, format=FORMATS, dtype=DTYPES)
def test_sparse_views_draw_for_the_groups_that_a_sample_stores(
    n_rows, groups, rate, seed, format, dtype
):
    X = sparse_samples(n_rows, groups, seed, format).astype(dtype)
    augmenter = MaskedAugmenter(rate, feature_groups=groups).fit(X)
    views = augmenter.sample_views(X, random_state=seed)
    random_state = np.random.RandomState(seed)
    expected = np.zeros((2, *X.shape), dtype)
    for i, row in enumerate(X.toarray()):
        stored = {label for label, entry in zip(groups, row, strict=True) if entry}
        hidden = {label: random_state.uniform() < rate for label in sorted(stored)}
        for j in np.flatnonzero(row):
            expected[int(hidden[groups[j]]), i, j] = row[j]
    for view, values in zip(views, expected, strict=True):
        assert type(view) is type(X)
        assert view.dtype == dtype
        assert_array_equal(view.toarray(), values)
    assert views[0].nnz + views[1].nnz == X.nnz


@given(n_rows=ROWS, groups=st.none() | GROUPS, seed=SEEDS)
def test_the_sparse_format_does_not_change_the_views(n_rows, groups, seed):
    X = sparse_samples(n_rows, groups or range(5), seed)
    augmenter = MaskedAugmenter(feature_groups=groups).fit(X)
    for by_rows, by_columns in zip(
        augmenter.sample_views(X, random_state=seed),
        augmenter.sample_views(sparse.csc_array(X), random_state=seed),
        strict=True,
    ):
        assert_array_equal(by_rows.toarray(), by_columns.toarray())


@given(n_rows=ROWS, groups=GROUPS, seed=SEEDS)
def test_dense_and_sparse_group_views_agree_where_the_means_are_zero(n_rows, groups, seed):
    half = np.random.default_rng(seed).integers(1, 100, size=(n_rows, len(groups))).astype(float)
    X = np.vstack([half, -half])  # no entry is 0, so each group of each sample has a draw
    augmenter = MaskedAugmenter(feature_groups=groups).fit(X)
    for dense_view, sparse_view in zip(
        augmenter.sample_views(X, random_state=seed),
        augmenter.sample_views(sparse.csr_array(X), random_state=seed),
        strict=True,
    ):
        assert_array_equal(dense_view, sparse_view.toarray())


@pytest.mark.parametrize("format", ["csr_array", "csc_array"])
def test_many_samples_and_groups_do_not_overflow_32_bit_indices(format):
    n = 2**17
    rng = np.random.default_rng(0)
    # one entry per sample and group: 32-bit indices would overflow and change the order of samples
    rows = np.arange(n, dtype=np.int32)
    columns = rng.permutation(n).astype(np.int32)
    X = getattr(sparse, format)(sparse.coo_array((np.ones(n), (rows, columns)), shape=(n, n)))
    assert X.indices.dtype == np.int32
    view_1, _ = MaskedAugmenter(feature_groups=np.arange(n)).fit(X).sample_views(X, random_state=0)
    shown = np.random.RandomState(0).uniform(size=n) >= 0.5
    assert_array_equal(view_1.sum(axis=1), shown)


@given(n_rows=ROWS, n_features=st.integers(1, 8), seed=SEEDS, format=st.none() | FORMATS)
def test_groups_of_one_with_increasing_labels_are_no_groups(n_rows, n_features, seed, format):
    labels = np.sort(np.random.default_rng(seed).choice(100, size=n_features, replace=False))
    X = samples(n_rows, labels, seed)
    X = X if format is None else sparse_samples(n_rows, labels, seed, format)
    grouped = MaskedAugmenter(feature_groups=labels, random_state=seed).fit(X)
    single = MaskedAugmenter(random_state=seed).fit(X)
    assert_array_equal(grouped.mask_, single.mask_)
    for one, other in zip(
        grouped.sample_views(X, random_state=seed),
        single.sample_views(X, random_state=seed),
        strict=True,
    ):
        assert abs(one - other).max() == 0


@given(n_rows=ROWS, groups=GROUPS, seed=SEEDS, format=st.none() | FORMATS)
def test_permuting_features_with_their_labels_permutes_everything(n_rows, groups, seed, format):
    X = samples(n_rows, groups, seed)
    X = X if format is None else sparse_samples(n_rows, groups, seed, format)
    order = np.random.default_rng(seed).permutation(len(groups))
    given_order = MaskedAugmenter(feature_groups=groups, random_state=seed).fit(X)
    permuted = MaskedAugmenter(feature_groups=np.asarray(groups)[order], random_state=seed)
    permuted.fit(X[:, order])
    assert_array_equal(permuted.mask_, given_order.mask_[order])
    for one, other in zip(
        permuted.sample_views(X[:, order], random_state=seed),
        given_order.sample_views(X, random_state=seed),
        strict=True,
    ):
        # rounding of a mean depends on the position in memory; masks differ by far more
        assert abs(one - other[:, order]).max() <= 1e-13


def test_one_group_shows_each_sample_whole_in_one_of_the_views():
    X = samples(40, range(3), seed=0, missing=0)
    augmenter = MaskedAugmenter(feature_groups=["all"] * 3).fit(X)
    shown = [np.all(view == X, axis=1) for view in augmenter.sample_views(X, random_state=0)]
    assert_array_equal(shown[0], ~shown[1])
    assert 0 < shown[0].sum() < 40


def test_groups_are_those_of_the_fit():
    X = samples(20, range(4), seed=0)
    augmenter = MaskedAugmenter(feature_groups=["a", "a", "b", "b"], random_state=0).fit(X)
    views, masked = augmenter.sample_views(X, random_state=0), augmenter.transform(X)
    augmenter.set_params(feature_groups=None)
    assert_array_equal(augmenter.sample_views(X, random_state=0), views)
    assert_array_equal(augmenter.transform(X), masked)
    other = augmenter.fit(X).sample_views(X, random_state=0)
    assert np.any(np.asarray(other) != views)


# --- expectation of the views ---------------------------------------------------------------------


@pytest.mark.parametrize("rate", [0.2, 0.5])
@pytest.mark.parametrize(
    ("make", "missing"),
    [(np.asarray, 0.0), (np.asarray, 0.3), (sparse.csr_array, 0.0)],
    ids=["dense", "missing", "sparse"],
)
def test_expected_cross_moment_loses_the_diagonal_blocks(rate, make, missing):
    groups = np.array(["b", "a", "c", "b", "c", "c"])
    X = samples(20, groups, seed=0, missing=missing)
    X += 3 * np.random.default_rng(1).normal(size=(20, 1))  # makes all moments large
    X -= np.nanmean(X, axis=0)
    augmenter = MaskedAugmenter(rate, feature_groups=groups).fit(make(X))
    random_state = np.random.RandomState(0)
    # the masks of samples are independent: 4000 copies of X in one call are 4000 draws
    views = augmenter.sample_views(make(np.tile(X, (4000, 1))), random_state=random_state)
    view_1, view_2 = (
        (view.toarray() if sparse.issparse(view) else view).reshape(4000, *X.shape)
        for view in views
    )
    draws = view_1.transpose(0, 2, 1) @ view_2
    filled = np.nan_to_num(X)
    same_group = groups[:, None] == groups
    expected = np.where(same_group, 0.0, rate * (1 - rate) * filled.T @ filled)
    allowed = 5 * np.std(draws, axis=0) / np.sqrt(len(draws))
    # the blocks are the same in every draw: 0, up to the rounding of the means
    assert np.all(allowed <= np.where(same_group, 1e-10, expected / 5))
    assert np.all(np.abs(np.mean(draws, axis=0) - expected) <= allowed + 1e-10)


def test_noise_shared_within_a_group_does_not_enter_the_loss():
    rng = np.random.default_rng(0)
    sensors = np.repeat(["one", "two", "three", "four"], 3)
    signal = np.full(12, 1 / np.sqrt(12))
    X = 2 * rng.normal(size=(20_000, 1)) * signal + rng.normal(size=(20_000, 12))
    X[:, sensors == "one"] += 3 * rng.normal(size=(20_000, 1))  # its channels drift together

    def cosine_of_leading_direction(groups):
        augmenter = MaskedAugmenter(feature_groups=groups).fit(X)
        view_1, view_2 = augmenter.sample_views(X, random_state=0) - augmenter.mean_
        moment = view_1.T @ view_2
        return abs(np.linalg.eigh(moment + moment.T)[1][:, -1] @ signal)

    assert cosine_of_leading_direction(None) < 0.7
    assert cosine_of_leading_direction(sensors) > 0.99


# --- estimator interface --------------------------------------------------------------------------


def test_every_check_of_scikit_learn_passes_with_groups(monkeypatch):
    # the checks use several numbers of features: group pairs of features instead of labels
    monkeypatch.setattr(
        _masked_augmenter, "number_groups", lambda groups, n, names: np.arange(n) // 2
    )
    assert_first_class(MaskedAugmenter(random_state=0), n_checks=57)


@pytest.mark.parametrize(
    ("groups", "message"),
    [
        (["a", "b"], r"feature_groups has shape \(2,\), but X has 3 features"),
        ([["a", "b", "c"]], r"feature_groups has shape \(1, 3\)"),
        ([], r"feature_groups has shape \(0,\)"),
        (["a", None, "b"], "feature_groups contains None"),
        ([1.0, np.nan, 2.0], "feature_groups contains NaN"),
        (["a", np.nan, "b"], "feature_groups contains NaN"),
        (pd.Series(["a", pd.NA, "b"], dtype="string"), "feature_groups contains NaN"),
        (np.array(["a", 1, 2], dtype=object), "feature_groups mixes labels"),
        ("abc", "'feature_groups' parameter of MaskedAugmenter must be an array-like or None"),
        (3, "'feature_groups' parameter of MaskedAugmenter must be an array-like or None"),
    ],
    ids=["short", "2d", "empty", "None", "NaN", "str NaN", "NA", "mixed", "string", "number"],
)
def test_invalid_groups_are_refused_and_the_earlier_fit_stays(groups, message):
    X = samples(6, range(3), seed=0)
    augmenter = MaskedAugmenter(feature_groups=["a", "a", "b"], random_state=0).fit(X)
    views, masked = augmenter.sample_views(X, random_state=0), augmenter.transform(X)
    augmenter.set_params(feature_groups=groups)
    with pytest.raises(ValueError, match=message):
        augmenter.fit(2 * X)
    assert_array_equal(augmenter.sample_views(X, random_state=0), views)
    assert_array_equal(augmenter.transform(X), masked)


@pytest.mark.parametrize(
    "groups",
    [
        ("b", "a", "b"),
        np.array(["b", "a", "b"]),
        np.array(["b", "a", "b"], dtype=object),
        pd.Series(["b", "a", "b"], index=[7, 8, 9]),
        pd.Index(["b", "a", "b"]),
        pd.Categorical(["b", "a", "b"], categories=["b", "a"]),
        pl.Series(["b", "a", "b"]),
        [2, 1, 2],
        [True, False, True],
    ],
    ids=lambda groups: type(groups).__name__,
)
def test_group_labels_may_be_in_any_container(groups):
    X = samples(6, range(3), seed=0)
    expected = MaskedAugmenter(feature_groups=["b", "a", "b"]).fit(X)
    augmenter = MaskedAugmenter(feature_groups=groups).fit(X)
    assert_array_equal(
        augmenter.sample_views(X, random_state=0), expected.sample_views(X, random_state=0)
    )


def test_only_the_mask_rate_is_positional():
    with pytest.raises(TypeError, match="positional"):
        MaskedAugmenter(0.5, ["a", "b"])


def test_clone_and_pickle_keep_the_groups():
    X = samples(10, range(4), seed=0)
    groups = np.array(["a", "b", "a", "b"])
    augmenter = MaskedAugmenter(feature_groups=groups, random_state=5).fit(X)
    assert_array_equal(clone(augmenter).feature_groups, groups)
    for other in (clone(augmenter).fit(X), pickle.loads(pickle.dumps(augmenter))):
        assert_array_equal(other.transform(X), augmenter.transform(X))
        assert_array_equal(
            other.sample_views(X, random_state=1), augmenter.sample_views(X, random_state=1)
        )


def test_data_frames_with_groups_keep_their_names():
    X = pd.DataFrame(samples(6, range(3), seed=0), columns=["x", "y", "z"])
    augmenter = MaskedAugmenter(0.5, feature_groups=["s", "t", "s"], random_state=0)
    masked = augmenter.set_output(transform="pandas").fit_transform(X)
    assert list(masked.columns) == ["x", "y", "z"]
    assert augmenter.mask_[0] == augmenter.mask_[2]


def test_groups_can_be_searched_over_in_a_pipeline():
    X = samples(20, range(4), seed=0, missing=0)
    pipeline = make_pipeline(StandardScaler(), MaskedAugmenter(random_state=0))
    grid = {"maskedaugmenter__feature_groups": [None, ["a", "a", "b", "b"]]}
    search = GridSearchCV(pipeline, grid, scoring=lambda *_: 0.0, cv=2).fit(X)
    assert len(search.cv_results_["params"]) == 2
