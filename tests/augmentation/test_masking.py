"""MaskedAugmenter: views, the fitted mask, estimator interface."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers.callbacks import recording_callback
from helpers.checks import assert_first_class
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from scipy import sparse
from scipy.stats import binom
from sklearn.base import clone
from sklearn.ensemble import BaggingClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_contrastive.augmentation import MaskedAugmenter
from sklearn_contrastive.augmentation._masking import complementary_views

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 8))
RATES = st.sampled_from([0.0, 0.1, 0.5, 0.8, 1.0])
DTYPES = st.sampled_from([np.float64, np.float32])
FORMATS = st.sampled_from(["csr_array", "csc_array", "csr_matrix", "csc_matrix"])


def normal(shape, seed, dtype=np.float64):
    return np.random.default_rng(seed).normal(loc=3.0, size=shape).astype(dtype)


def sparse_normal(shape, seed, format, density=0.5):
    """Sparse samples about 0; the format is the name of a class of scipy.sparse."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=shape) * (rng.uniform(size=shape) < density)
    return getattr(sparse, format)(X)


# --- views ----------------------------------------------------------------------------------------


@given(shape=SHAPES, rate=RATES, seed=SEEDS, dtype=DTYPES)
def test_each_entry_is_shown_in_one_view_and_hidden_in_the_other(shape, rate, seed, dtype):
    X = normal(shape, seed, dtype)
    augmenter = MaskedAugmenter(rate).fit(X)
    view_1, view_2 = augmenter.sample_views(X, random_state=seed)
    mean = np.broadcast_to(augmenter.mean_, shape)
    shown = np.random.RandomState(seed).uniform(size=shape) >= rate
    assert_array_equal(view_1, np.where(shown, X, mean))
    assert_array_equal(view_2, np.where(shown, mean, X))


@given(shape=SHAPES, seed=SEEDS, dtype=DTYPES)
def test_views_sum_to_the_sample_plus_the_mean_exactly(shape, seed, dtype):
    X = normal(shape, seed, dtype)
    augmenter = MaskedAugmenter().fit(X)
    view_1, view_2 = augmenter.sample_views(X, random_state=seed)
    assert_array_equal(view_1 + view_2, X + augmenter.mean_)


@given(shape=SHAPES, seed=SEEDS, shared=st.booleans())
def test_views_of_given_masks_are_sums_over_masked_diagonals(shape, seed, shared):
    X = normal(shape, seed)
    rng = np.random.default_rng(seed)
    mask = rng.uniform(size=shape[1] if shared else shape) < 0.5
    fill = rng.normal(size=shape[1])
    view_1, view_2 = complementary_views(X, mask, fill)
    for x, hidden, row_1, row_2 in zip(
        X, np.broadcast_to(mask, shape), view_1, view_2, strict=True
    ):
        shown = np.diag(1.0 - hidden)
        rest = np.eye(len(x)) - shown
        assert_array_equal(row_1, shown @ x + rest @ fill)
        assert_array_equal(row_2, rest @ x + shown @ fill)


@given(shape=SHAPES, rate=RATES, seed=SEEDS, format=FORMATS, dtype=DTYPES)
def test_sparse_views_split_the_stored_entries(shape, rate, seed, format, dtype):
    X = sparse_normal(shape, seed, format).astype(dtype)
    views = MaskedAugmenter(rate).fit(X).sample_views(X, random_state=seed)
    for view in views:
        assert type(view) is type(X)
        assert view.dtype == dtype
    assert views[0].nnz + views[1].nnz == X.nnz
    assert abs(views[0].multiply(views[1])).sum() == 0
    assert_array_equal((views[0] + views[1]).toarray(), X.toarray())


@given(shape=SHAPES, seed=SEEDS, rate=RATES)
def test_dense_and_sparse_views_agree_where_the_means_are_zero(shape, seed, rate):
    half = np.random.default_rng(seed).integers(1, 100, size=shape).astype(float)
    X = np.vstack([half, -half])  # no entry is 0, so all are stored and have the same draws
    augmenter = MaskedAugmenter(rate).fit(X)
    assert_array_equal(augmenter.mean_, 0)
    dense = augmenter.sample_views(X, random_state=seed)
    for dense_view, sparse_view in zip(
        dense, augmenter.sample_views(sparse.csr_array(X), random_state=seed), strict=True
    ):
        assert_array_equal(dense_view, sparse_view.toarray())


def test_duplicates_of_a_sparse_entry_get_the_same_mask():
    columns = np.repeat(np.arange(20), 2)
    X = sparse.csr_array((np.ones(40), columns, [0, 40]), shape=(1, 20))
    assert not X.has_canonical_format
    stored = X.nnz
    views = MaskedAugmenter().fit(X).sample_views(X, random_state=0)
    for view in views:
        assert set(view.data) == {2.0}
    assert X.nnz == stored


@given(shape=SHAPES, seed=SEEDS, format=st.none() | FORMATS)
def test_the_seed_determines_the_views(shape, seed, format):
    X = normal(shape, seed) if format is None else sparse_normal(shape, seed, format)
    augmenter = MaskedAugmenter().fit(X)
    first = augmenter.sample_views(X, random_state=seed)
    again = augmenter.sample_views(X, random_state=np.random.RandomState(seed))
    for one, other in zip(first, again, strict=True):
        assert abs(one - other).max() == 0


def test_without_a_seed_every_call_draws_new_masks_from_numpys_global_state():
    X = normal((50, 10), seed=0)
    augmenter = MaskedAugmenter(random_state=0).fit(X)
    state = np.random.get_state()  # noqa: NPY002
    try:
        np.random.seed(1)  # noqa: NPY002 (the global state is what is tested)
        first, second = augmenter.sample_views(X)[0], augmenter.sample_views(X)[0]
        np.random.seed(1)  # noqa: NPY002
        assert_array_equal(augmenter.sample_views(X)[0], first)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    assert np.any(first != second)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_share_of_hidden_entries_is_binomial(rate, make):
    X = normal((200, 50), seed=0)
    view_1, _ = MaskedAugmenter(rate).fit(make(X)).sample_views(make(X), random_state=0)
    hidden = np.sum((view_1.toarray() if sparse.issparse(view_1) else view_1) != X)
    low, high = binom.interval(1 - 1e-6, X.size, rate)
    assert low <= hidden <= high


def test_masks_of_samples_and_of_features_differ():
    X = normal((40, 40), seed=0)
    hidden = MaskedAugmenter().fit(X).sample_views(X, random_state=0)[0] != X
    assert len(np.unique(hidden, axis=0)) == 40
    assert len(np.unique(hidden, axis=1).T) == 40


# --- transform ------------------------------------------------------------------------------------


@given(shape=SHAPES, rate=RATES, seed=SEEDS, dtype=DTYPES)
def test_transform_puts_the_mean_in_the_masked_features_only(shape, rate, seed, dtype):
    X = normal(shape, seed, dtype)
    augmenter = MaskedAugmenter(rate, random_state=seed).fit(X)
    masked = augmenter.transform(X)
    assert masked.dtype == dtype
    assert_array_equal(masked[:, ~augmenter.mask_], X[:, ~augmenter.mask_])
    assert np.all(masked[:, augmenter.mask_] == augmenter.mean_[augmenter.mask_])


@given(shape=SHAPES, rate=RATES, seed=SEEDS, format=FORMATS, dtype=DTYPES)
def test_transform_keeps_sparse_samples_sparse(shape, rate, seed, format, dtype):
    X = sparse_normal(shape, seed, format).astype(dtype)
    augmenter = MaskedAugmenter(rate, random_state=seed).fit(X)
    masked = augmenter.transform(X)
    assert type(masked) is type(X)
    assert masked.dtype == dtype
    assert_array_equal(masked.toarray(), np.where(augmenter.mask_, 0, X.toarray()))
    assert np.all(masked.data != 0)


def test_mask_rates_0_and_1_show_everything_and_nothing():
    X = normal((5, 4), seed=0)
    assert_array_equal(MaskedAugmenter(0).fit_transform(X), X)
    assert_array_equal(MaskedAugmenter(1).fit_transform(X), np.tile(X.mean(axis=0), (5, 1)))


def test_fitted_mask_is_binomial():
    X = np.zeros((1, 20000))
    low, high = binom.interval(1 - 1e-6, X.size, 0.3)
    assert low <= MaskedAugmenter(0.3, random_state=0).fit(X).mask_.sum() <= high


def test_mean_of_float32_samples_far_from_zero_is_accurate():
    X = (1e4 + np.random.default_rng(0).normal(size=(100_000, 2))).astype(np.float32)
    exact = X.astype(np.float64).mean(axis=0)
    for samples in (X, sparse.csr_array(X)):
        mean = MaskedAugmenter().fit(samples).mean_
        assert mean.dtype == np.float32
        assert_array_equal(mean, exact.astype(np.float32))


def test_float32_samples_stay_float32_after_a_fit_in_float64():
    X = normal((6, 3), seed=0)
    augmenter = MaskedAugmenter(random_state=1).fit(X)
    assert augmenter.transform(X.astype(np.float32)).dtype == np.float32
    assert [view.dtype for view in augmenter.sample_views(X.astype(np.float32))] == [np.float32] * 2


@given(shape=SHAPES, seed=SEEDS, format=st.none() | FORMATS)
def test_samples_are_not_changed(shape, seed, format):
    X = normal(shape, seed) if format is None else sparse_normal(shape, seed, format)
    kept = X.copy()
    parts = [X] if format is None else [X.data, X.indices, X.indptr]
    for part in parts:
        part.flags.writeable = False
    augmenter = MaskedAugmenter().fit(X)
    augmenter.transform(X)
    for view in augmenter.sample_views(X):
        assert not any(np.shares_memory(part, getattr(view, "data", view)) for part in parts)
    assert abs(X - kept).max() == 0


def test_results_do_not_share_memory_with_the_samples():
    X = normal((4, 3), seed=0)
    for masked in (MaskedAugmenter(0).fit_transform(X), *MaskedAugmenter(0).fit(X).sample_views(X)):
        assert not np.shares_memory(masked, X)


# --- estimator interface --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "augmenter",
    [MaskedAugmenter(), MaskedAugmenter(mask_rate=0.2, random_state=0)],
    ids=["default", "changed"],
)
def test_every_check_of_scikit_learn_passes(augmenter):
    assert_first_class(augmenter, n_checks=57)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")  # most X have none
@pytest.mark.parametrize(
    ("X", "message"),
    [
        ([[1.0, np.inf], [2.0, 3.0]], "contains infinity"),
        ([["a", "b"], ["c", "d"]], "could not convert string to float"),
        (np.array([[1.0, {}], [2.0, 3.0]], dtype=object), "float"),
        (np.full((2, 2), 1.0 + 2.0j), "Complex data not supported"),
        (np.empty((0, 3)), "0 sample"),
        (np.empty((3, 0)), r"0 feature"),
        ([1.0, 2.0, 3.0], "Expected 2D array, got 1D array"),
        (np.zeros((2, 2, 2)), "dim 3"),
        (sparse.csr_array([[np.inf, 1.0]]), "contains infinity"),
        (None, "Expected 2D array, got scalar"),
    ],
    ids=["inf", "str", "object", "complex", "0 rows", "0 columns", "1d", "3d", "sp", "None"],
)
def test_invalid_samples_are_refused_and_the_earlier_fit_stays(X, message):
    good = pd.DataFrame(normal((6, 3), seed=0), columns=["a", "b", "c"])
    augmenter = MaskedAugmenter(random_state=0).fit(good)
    before = pickle.dumps(augmenter)
    for refused in (
        augmenter.fit,
        clone(augmenter).fit,
        augmenter.transform,
        augmenter.sample_views,
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            refused(X)
    assert pickle.dumps(augmenter) == before
    assert_array_equal(augmenter.transform(good), pickle.loads(before).transform(good))


@pytest.mark.parametrize("rate", [-0.1, 1.1, np.nan, "half", None])
def test_mask_rates_outside_0_to_1_are_refused(rate):
    with pytest.raises(ValueError, match="'mask_rate' parameter of MaskedAugmenter"):
        MaskedAugmenter(mask_rate=rate).fit([[1.0]])


def test_invalid_random_states_are_refused():
    augmenter = MaskedAugmenter(random_state="seed")
    with pytest.raises(ValueError, match="'random_state' parameter"):
        augmenter.fit([[1.0]])
    augmenter = MaskedAugmenter().fit([[1.0]])
    with pytest.raises(ValueError, match="cannot be used to seed"):
        augmenter.sample_views([[1.0]], random_state="seed")


@pytest.mark.parametrize("method", ["transform", "sample_views"])
def test_other_features_than_fitted_are_refused(method):
    X = pd.DataFrame(normal((6, 3), seed=0), columns=["a", "b", "c"])
    method = getattr(MaskedAugmenter().fit(X), method)
    with pytest.raises(ValueError, match="feature names should match"):
        method(X.rename(columns={"c": "other"}))
    with pytest.raises(ValueError, match="feature names should match"):
        method(X[["a", "b"]])


@pytest.mark.parametrize("method", ["transform", "sample_views"])
def test_other_numbers_of_features_than_fitted_are_refused(method):
    method = getattr(MaskedAugmenter().fit(np.ones((3, 3))), method)
    with pytest.raises(ValueError, match="X has 2 features"):
        method(np.ones((2, 2)))


@pytest.mark.parametrize("method", ["transform", "sample_views", "get_feature_names_out"])
def test_methods_before_fit_raise_not_fitted_error(method):
    with pytest.raises(NotFittedError):
        getattr(MaskedAugmenter(), method)([[1.0]])


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1)])
def test_one_sample_and_one_feature_are_enough(shape):
    X = normal(shape, seed=0)
    augmenter = MaskedAugmenter(random_state=0).fit(X)
    assert augmenter.transform(X).shape == shape
    assert [view.shape for view in augmenter.sample_views(X)] == [shape, shape]


def test_integers_booleans_and_lists_become_float64():
    for X in (np.arange(6).reshape(3, 2), np.eye(3, dtype=bool), [[1, 2], [3, 4]]):
        assert MaskedAugmenter().fit_transform(X).dtype == np.float64


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_names_the_columns_and_views_are_arrays(container):
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[container]
    X = frame({"height": [1.0, 2.0], "weight": [3.0, 5.0]})
    augmenter = MaskedAugmenter().set_output(transform=container).fit(X)
    masked = augmenter.transform(X)
    assert isinstance(masked, frame)
    assert list(masked.columns) == ["height", "weight"] == list(augmenter.get_feature_names_out())
    assert all(isinstance(view, np.ndarray) for view in augmenter.sample_views(X))


def test_the_mask_depends_only_on_random_state():
    X = normal((3, 40), seed=0)
    mask = MaskedAugmenter(random_state=7).fit(X).mask_
    assert_array_equal(MaskedAugmenter(random_state=7).fit(-X[:1]).mask_, mask)
    assert np.any(MaskedAugmenter(random_state=8).fit(X).mask_ != mask)


def test_clone_and_pickle():
    X = normal((10, 4), seed=0)
    augmenter = MaskedAugmenter(0.3, random_state=5).fit(X)
    assert not hasattr(clone(augmenter), "mask_")
    params = {"mask_rate": 0.3, "feature_groups": None, "random_state": 5}
    assert clone(augmenter).get_params() == params
    restored = pickle.loads(pickle.dumps(augmenter))
    assert_array_equal(restored.transform(X), augmenter.transform(X))
    for one, other in zip(
        restored.sample_views(X, random_state=1),
        augmenter.sample_views(X, random_state=1),
        strict=True,
    ):
        assert_array_equal(one, other)


def test_random_subspaces_are_a_bag_of_pipelines():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=60)
    X = y[:, None] + rng.normal(size=(60, 6))
    member = make_pipeline(MaskedAugmenter(), LogisticRegression())
    bag = BaggingClassifier(member, n_estimators=5, random_state=0).fit(X, y)
    masks = np.array([pipeline[0].mask_ for pipeline in bag.estimators_])
    assert len(np.unique(masks, axis=0)) > 1


def test_callbacks_are_called_by_fit():
    callback, calls = recording_callback()
    MaskedAugmenter().set_callbacks(callback).fit([[1.0, 2.0]])
    assert [event for event, _, _ in calls] == ["setup", "begin", "end", "teardown"]
