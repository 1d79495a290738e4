"""MaskedAugmenter with missing entries: NaN in dense samples, refused in sparse samples."""

import math
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline

from sklearn_contrastive.augmentation import MaskedAugmenter

SHAPES = st.tuples(st.integers(1, 12), st.integers(1, 8))
SHARES = st.sampled_from([0.0, 0.2, 0.8])
RATES = st.sampled_from([0.0, 0.1, 0.5, 0.8, 1.0])
DTYPES = st.sampled_from([np.float64, np.float32])


def with_missing(shape, share, seed, dtype=np.float64):
    """Samples with a share of NaN; at least one entry of each feature is observed."""
    rng = np.random.default_rng(seed)
    missing = rng.uniform(size=shape) < share
    missing[rng.integers(shape[0], size=shape[1]), np.arange(shape[1])] = False
    return np.where(missing, np.nan, rng.normal(loc=3.0, size=shape)).astype(dtype)


# --- fit ------------------------------------------------------------------------------------------


@given(shape=SHAPES, share=SHARES, seed=SEEDS, dtype=DTYPES)
def test_means_are_those_of_the_observed_entries(shape, share, seed, dtype):
    X = with_missing(shape, share, seed, dtype)
    augmenter = MaskedAugmenter().fit(X)
    assert augmenter.mean_.dtype == dtype
    for mean, column in zip(augmenter.mean_, X.T, strict=True):
        observed = [float(entry) for entry in column if not math.isnan(entry)]
        # entries are near 3: the error is one of rounding the sum and, for float32, the mean
        error = 2 * np.finfo(dtype).eps * max(map(abs, observed))
        assert_allclose(mean, math.fsum(observed) / len(observed), rtol=0, atol=error)


def test_mean_of_observed_float32_entries_far_from_zero_is_accurate():
    X = (1e4 + np.random.default_rng(0).normal(size=(100_000, 2))).astype(np.float32)
    X[::3, 0] = np.nan
    exact = np.nanmean(X.astype(np.float64), axis=0)
    assert_array_equal(MaskedAugmenter().fit(X).mean_, exact.astype(np.float32))


@given(shape=SHAPES, share=SHARES, seed=SEEDS)
def test_missing_entries_do_not_change_the_mask(shape, share, seed):
    X = with_missing(shape, share, seed)
    complete = MaskedAugmenter(random_state=seed).fit(np.zeros(shape))
    assert_array_equal(MaskedAugmenter(random_state=seed).fit(X).mask_, complete.mask_)


NEVER = np.full(2, np.nan)


@pytest.mark.parametrize(
    ("X", "message"),
    [
        (pd.DataFrame({"height": [1.0, 2.0], "weight": NEVER}), "of feature weight is missing"),
        (pl.DataFrame({"a": NEVER, "b": [1.0, 2.0], "c": NEVER}), "of features a, c is missing"),
        (np.column_stack([NEVER, [1.0, np.nan], NEVER]), "of features 0, 2 is missing"),
        (np.full((2, 5), np.nan), "of features 0, 1, 2, 3, 4 is missing"),
        (np.full((2, 7), np.nan), "of features 0, 1, 2, 3, 4 and 2 more is missing"),
    ],
    ids=["one name", "names", "indices", "five", "seven"],
)
@pytest.mark.parametrize("rate", [0, 0.5])
def test_a_feature_without_observed_entries_is_named_and_the_earlier_fit_stays(X, message, rate):
    augmenter = MaskedAugmenter(rate, random_state=0).fit(
        pd.DataFrame(with_missing((6, 3), 0.2, seed=0), columns=["x", "y", "z"])
    )
    before = pickle.dumps(augmenter)
    for refused in (augmenter.fit, augmenter.fit_transform, clone(augmenter).fit):
        with pytest.raises(ValueError, match=message):
            refused(X)
    assert pickle.dumps(augmenter) == before


def test_a_feature_may_be_missing_in_all_samples_after_fit():
    augmenter = MaskedAugmenter().fit([[1.0, 2.0], [3.0, 4.0]])
    augmenter.mask_ = np.array([True, False])
    assert_array_equal(augmenter.transform([[np.nan, np.nan]]), [[2.0, np.nan]])
    for view in augmenter.sample_views([[np.nan, np.nan]]):
        assert_array_equal(view, [[2.0, 3.0]])


# --- transform and views --------------------------------------------------------------------------


@given(shape=SHAPES, share=SHARES, rate=RATES, seed=SEEDS, dtype=DTYPES)
def test_transform_keeps_nan_in_shown_features(shape, share, rate, seed, dtype):
    X = with_missing(shape, share, seed, dtype)
    augmenter = MaskedAugmenter(rate, random_state=seed).fit(X)
    masked = augmenter.transform(X)
    assert masked.dtype == dtype
    for i, j in np.ndindex(shape):
        assert_array_equal(masked[i, j], augmenter.mean_[j] if augmenter.mask_[j] else X[i, j])


@given(shape=SHAPES, share=SHARES, rate=RATES, seed=SEEDS, dtype=DTYPES)
def test_missing_entries_are_hidden_in_both_views(shape, share, rate, seed, dtype):
    X = with_missing(shape, share, seed, dtype)
    augmenter = MaskedAugmenter(rate).fit(X)
    views = augmenter.sample_views(X, random_state=seed)
    draws = np.random.RandomState(seed).uniform(size=shape)
    for i, j in np.ndindex(shape):
        mean = augmenter.mean_[j]
        if math.isnan(X[i, j]):
            entries = [mean, mean]
        elif draws[i, j] < rate:
            entries = [mean, X[i, j]]
        else:
            entries = [X[i, j], mean]
        assert_array_equal([view[i, j] for view in views], entries)
    assert [view.dtype for view in views] == [dtype, dtype]


@given(shape=SHAPES, share=SHARES, seed=SEEDS, dtype=DTYPES)
def test_views_sum_to_the_filled_sample_plus_the_mean_exactly(shape, share, seed, dtype):
    X = with_missing(shape, share, seed, dtype)
    augmenter = MaskedAugmenter().fit(X)
    view_1, view_2 = augmenter.sample_views(X, random_state=seed)
    assert_array_equal(view_1 + view_2, np.where(np.isnan(X), augmenter.mean_, X) + augmenter.mean_)


@given(shape=SHAPES, share=SHARES, seed=SEEDS)
def test_a_view_that_hides_nothing_is_the_mean_imputed_sample(shape, share, seed):
    X = with_missing(shape, share, seed)
    view_1, view_2 = MaskedAugmenter(0).fit(X).sample_views(X)
    error = 4 * np.finfo(float).eps * np.nanmax(np.abs(X))
    assert_allclose(view_1, SimpleImputer().fit_transform(X), rtol=0, atol=error)
    assert np.all(view_2 == view_2[0])


def test_float32_samples_with_missing_entries_stay_float32_after_a_fit_in_float64():
    X = with_missing((6, 3), 0.3, seed=0)
    augmenter = MaskedAugmenter(random_state=1).fit(X)
    assert augmenter.transform(X.astype(np.float32)).dtype == np.float32
    assert [view.dtype for view in augmenter.sample_views(X.astype(np.float32))] == [np.float32] * 2


@given(shape=SHAPES, share=SHARES, seed=SEEDS)
def test_samples_with_missing_entries_are_not_changed(shape, share, seed):
    X = with_missing(shape, share, seed)
    kept = X.copy()
    X.flags.writeable = False
    augmenter = MaskedAugmenter().fit(X)
    for result in (augmenter.transform(X), *augmenter.sample_views(X)):
        assert not np.shares_memory(result, X)
    assert_array_equal(X, kept)


# --- estimator interface --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"a": pd.array([1, 2, None], "Int64"), "b": pd.array([None, 4, 8], "Int64")}),
        pd.DataFrame({"a": [1.0, 2.0, None], "b": [None, 4.0, 8.0]}, dtype="Float64"),
        pd.DataFrame({"a": [1, 2, pd.NA], "b": [pd.NA, 4, 8]}, dtype="float64[pyarrow]"),
        pd.DataFrame({"a": pd.array([1, 2, None], "Int8"), "b": [np.nan, 4.0, 8.0]}),
        pd.DataFrame({"a": [1, 2, None], "b": [None, 4, 8]}, dtype=object),
        pl.DataFrame({"a": [1, 2, None], "b": [None, 4, 8]}),
        pl.DataFrame({"a": [1.0, 2.0, None], "b": [None, 4.0, 8.0]}),
        pl.DataFrame({"a": [1.0, 2.0, math.nan], "b": [None, 4.0, 8.0]}),
    ],
    ids=["Int64", "Float64", "pyarrow", "mixed", "None", "pl.Int64", "pl.Float64", "pl.NaN"],
)
def test_missing_values_of_data_frames_are_missing_entries(frame):
    X = np.array([[1.0, np.nan], [2.0, 4.0], [np.nan, 8.0]])
    augmenter = MaskedAugmenter(random_state=3).fit(frame)
    same = MaskedAugmenter(random_state=3).fit(X)
    assert_array_equal(augmenter.mean_, [1.5, 6.0])
    assert_array_equal(augmenter.transform(frame), same.transform(X))
    assert_array_equal(
        augmenter.sample_views(frame, random_state=0), same.sample_views(X, random_state=0)
    )


def test_lists_with_none_and_object_arrays_are_read():
    rows = [[1, None], [3, 5.0]]
    for X in (rows, np.array(rows, dtype=object)):
        augmenter = MaskedAugmenter(0).fit(X)
        assert_array_equal(augmenter.mean_, [2.0, 5.0])
        assert_array_equal(augmenter.transform(X), [[1.0, np.nan], [3.0, 5.0]])


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_keeps_missing_values(container):
    X = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[container](
        {"height": [1.0, np.nan], "weight": [np.nan, 5.0]}
    )
    masked = MaskedAugmenter(0).set_output(transform=container).fit_transform(X)
    assert list(masked.columns) == ["height", "weight"]
    assert_array_equal(masked.to_numpy(), [[1.0, np.nan], [np.nan, 5.0]])


@pytest.mark.parametrize("infinity", [np.inf, -np.inf])
def test_infinity_is_refused_with_missing_values(infinity):
    good = with_missing((4, 2), 0.3, seed=0)
    augmenter = MaskedAugmenter().fit(good)
    bad = np.array([[1.0, np.nan], [infinity, 2.0]])
    for refused in (augmenter.fit, augmenter.transform, augmenter.sample_views):
        with pytest.raises(ValueError, match="contains infinity"):
            refused(bad)
    assert augmenter.transform(good).shape == (4, 2)


@pytest.mark.parametrize("format", ["csr_array", "csc_array", "csr_matrix", "csc_matrix"])
def test_nan_in_sparse_samples_is_refused_and_the_earlier_fit_stays(format):
    X = getattr(sparse, format)(np.array([[1.0, 0.0], [0.0, np.nan]]))
    augmenter = MaskedAugmenter(random_state=0).fit([[1.0, 2.0], [3.0, np.nan]])
    before = pickle.dumps(augmenter)
    for refused in (
        augmenter.fit,
        clone(augmenter).fit,
        augmenter.transform,
        augmenter.sample_views,
    ):
        with pytest.raises(ValueError, match=r"Sparse X contains NaN.*Pass X.toarray\(\)"):
            refused(X)
    assert pickle.dumps(augmenter) == before


def test_both_advices_for_sparse_nan_work():
    X = sparse.csr_array(np.array([[1.0, 0.0], [0.0, np.nan], [5.0, 2.0]]))
    assert_array_equal(MaskedAugmenter().fit(X.toarray()).mean_, [2.0, 1.0])
    imputed = make_pipeline(SimpleImputer(), MaskedAugmenter(0)).fit_transform(X)
    assert_array_equal(imputed.toarray(), [[1.0, 0.0], [0.0, 1.0], [5.0, 2.0]])


def test_the_tags_allow_nan():
    tags = MaskedAugmenter().__sklearn_tags__()
    assert tags.input_tags.allow_nan
    assert tags.input_tags.sparse


def test_clone_and_pickle_with_missing_entries():
    X = with_missing((10, 4), 0.3, seed=0)
    augmenter = MaskedAugmenter(random_state=5).fit(X)
    again = clone(augmenter).fit(X)
    for other in (again, pickle.loads(pickle.dumps(augmenter))):
        assert_array_equal(other.transform(X), augmenter.transform(X))
        assert_array_equal(
            other.sample_views(X, random_state=1), augmenter.sample_views(X, random_state=1)
        )


def test_a_classifier_that_accepts_nan_may_follow():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, size=100)
    X = 3 * y[:, None] + rng.normal(size=(100, 4))
    X[rng.uniform(size=X.shape) < 0.2] = np.nan
    classifier = HistGradientBoostingClassifier(max_iter=5)
    assert make_pipeline(MaskedAugmenter(0), classifier).fit(X, y).score(X, y) > 0.9
