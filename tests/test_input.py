"""Input that could be misread: sparse storage, masked arrays, objects, dates, tensors, weights."""

import datetime
import decimal
import fractions
import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context
from sklearn.decomposition import PCA

from sklearn_contrastive import (
    HeteroPCA,
    LinearContrastive,
    MaskedAugmenter,
    PairedContrastive,
    SupervisedLinearContrastive,
)
from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
    "ignore::sklearn_contrastive.exceptions.MissingValuesWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)


def samples(n_samples=300, n_features=12, n_factors=3, seed=0):
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((n_samples, n_factors)) @ rng.standard_normal(
        (n_factors, n_features)
    )
    return signal + 0.5 * rng.standard_normal((n_samples, n_features))


def fitted(estimator, X, y=None):
    """Public fitted arrays of an estimator."""
    estimator.fit(X, y)
    return {
        name: value
        for name, value in vars(estimator).items()
        if name.endswith("_") and isinstance(value, np.ndarray | int | float)
    }


def assert_same(found, expected, tol=1e-7):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if name != "classes_":
            size = np.abs(value).max(initial=0)
            assert_allclose(found[name], value, rtol=0, atol=tol * size, err_msg=name)


# --- sparse storage ------------------------------------------------------------------------------


def stored_otherwise(canonical, kind, rng):
    """The same matrix with duplicate, unsorted or explicit zero entries."""
    if kind == "duplicates":
        parts = np.repeat(canonical.data / 2, 2), np.repeat(canonical.indices, 2)
        return type(canonical)((*parts, 2 * canonical.indptr), shape=canonical.shape)
    if kind == "zeros":
        stored = canonical.copy()
        stored.data[rng.integers(len(stored.data), size=20)] = 0.0
        return stored
    stored = canonical.copy()
    for start, stop in zip(stored.indptr[:-1], stored.indptr[1:], strict=True):
        order = rng.permutation(stop - start) + start
        stored.indices[start:stop] = stored.indices[order]
        stored.data[start:stop] = stored.data[order]
    stored.has_sorted_indices = stored.has_canonical_format = False
    return stored


@pytest.mark.parametrize("kind", ["duplicates", "unsorted", "zeros"])
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array, sparse.csr_matrix])
@pytest.mark.parametrize("solver", ["gram", "operator"])
@pytest.mark.parametrize("reducer", [LinearContrastive, HeteroPCA, SupervisedLinearContrastive])
def test_sparse_storage_does_not_change_the_fit(reducer, solver, form, kind):
    rng = np.random.default_rng(0)
    X = samples()
    X[X < 0.5] = 0.0
    stored = stored_otherwise(form(X), kind, rng)
    kept = stored.copy()
    y = np.arange(len(X)) % 2
    model = reducer(3, solver=solver, random_state=0)
    found = fitted(model, stored, y)
    assert_array_equal(stored.data, kept.data)  # the matrix of the user stays as it is
    assert_array_equal(stored.indices, kept.indices)
    dense = stored.toarray()
    assert_same(found, fitted(reducer(3, solver=solver, random_state=0), dense, y))
    assert_allclose(model.transform(stored), model.transform(dense), atol=1e-9)


@pytest.mark.parametrize("kind", ["duplicates", "unsorted", "zeros"])
def test_sparse_storage_does_not_change_views(kind):
    X = samples()
    X[X < 0.5] = 0.0
    canonical = sparse.csr_array(X)
    stored = stored_otherwise(canonical, kind, np.random.default_rng(0))
    masked = MaskedAugmenter().fit(stored)
    views = masked.sample_views(stored, random_state=0)
    assert_allclose((views[0] + views[1]).toarray(), stored.toarray())


# --- masked arrays -------------------------------------------------------------------------------


@given(share=st.sampled_from([0.05, 0.2]), seed=SEEDS)
def test_masked_entries_are_missing_entries(share, seed):
    X = samples()
    mask = np.random.default_rng(seed).uniform(size=X.shape) < share
    masked = np.ma.array(np.where(mask, -999.0, X), mask=mask)
    missing = np.where(mask, np.nan, X)
    model, expected = (LinearContrastive(3, random_state=0).fit(Z) for Z in (masked, missing))
    assert_array_equal(model.noise_variance_, expected.noise_variance_)
    assert_array_equal(model.transform(masked), expected.transform(missing))


def test_masked_entries_are_refused_where_nan_is():
    masked = np.ma.array(samples(), mask=np.eye(300, 12, dtype=bool))
    with pytest.raises(ValueError, match="contains NaN"):
        LinearAutoencoder(2).fit(masked)
    with pytest.raises(ValueError, match="means of classes need complete samples"):
        SupervisedLinearContrastive(2).fit(masked, np.arange(300) % 2)


def test_integers_without_masked_entries_are_read_as_they_are():
    X = np.ma.array(np.round(10 * samples()).astype(int))
    expected = LinearContrastive(3, random_state=0).fit(np.asarray(X, dtype=float))
    assert_allclose(
        LinearContrastive(3, random_state=0).fit(X).noise_variance_, expected.noise_variance_
    )


# --- objects and dates ---------------------------------------------------------------------------


def as_objects(X, kind):
    """The same numbers in a form that NumPy reads as objects."""
    if kind == "decimals":
        return [[decimal.Decimal(repr(float(value))) for value in row] for row in X]
    if kind == "fractions":
        return [[fractions.Fraction(float(value)) for value in row] for row in X]
    if kind == "large integers":
        return [[int(value) for value in row] for row in X]
    if kind == "categories":
        return pd.DataFrame(X).astype("category")
    if kind == "nullable":
        return pd.DataFrame(X).astype("Float64")
    return np.array(X.tolist(), dtype=object)


@pytest.mark.parametrize(
    "kind",
    ["decimals", "fractions", "large integers", "categories", "nullable", "array of objects"],
)
@pytest.mark.parametrize("reducer", [LinearContrastive, HeteroPCA, SupervisedLinearContrastive])
def test_numbers_stored_as_objects_are_read_as_numbers(reducer, kind):
    X = np.round(samples(60), 1) * (1e25 if kind == "large integers" else 1)
    stored, expected = as_objects(X, kind), reducer(2, random_state=0).fit(X)
    model = reducer(2, random_state=0).fit(stored)
    assert_allclose(model.noise_variance_, expected.noise_variance_)
    assert_allclose(model.transform(stored), expected.transform(X))
    assert_allclose(model.score_samples(stored), expected.score_samples(X))
    streamed = reducer(2, random_state=0).partial_fit(stored)
    assert_allclose(streamed.noise_variance_, expected.noise_variance_, rtol=1e-5)


@pytest.mark.parametrize("form", [list, np.array])
def test_none_is_a_missing_entry(form):
    X = samples(60)
    X[3, 2] = X[7, 5] = np.nan
    rows = [[None if np.isnan(value) else float(value) for value in row] for row in X]
    stored = rows if form is list else np.array(rows, dtype=object)
    model, expected = (LinearContrastive(2, random_state=0).fit(Z) for Z in (stored, X))
    assert_array_equal(model.noise_variance_, expected.noise_variance_)
    assert_array_equal(model.transform(stored), expected.transform(X))
    with pytest.raises(ValueError, match="means of classes need complete samples"):
        SupervisedLinearContrastive(2).fit(stored, np.arange(60) % 2)
    with pytest.raises(ValueError, match="contains NaN"):
        LinearAutoencoder(2).fit(stored)


@pytest.mark.parametrize("word", ["much", object()])
def test_objects_that_are_no_numbers_get_the_error_of_scikit_learn(word):
    rows = samples(60).tolist()
    rows[0][0] = word
    with pytest.raises((TypeError, ValueError)) as expected:
        PCA(2).fit(np.array(rows, dtype=object))
    with pytest.raises(expected.type, match=re.escape(str(expected.value)[:20])):
        LinearContrastive(2).fit(np.array(rows, dtype=object))


def dated(kind):
    """Samples of which a column has dates or durations."""
    days = np.datetime64("2020-01-01") + np.arange(60)
    if kind == "durations":
        return np.repeat((days - days[0])[:, None], 3, axis=1)
    if kind == "array":
        return np.repeat(days[:, None], 3, axis=1)
    columns = {"a": np.arange(60.0), "b": days, "c": days}
    return pl.DataFrame(columns) if kind == "polars" else pd.DataFrame(columns)


@pytest.mark.parametrize("kind", ["array", "durations", "pandas", "polars"])
@pytest.mark.parametrize(
    "estimator", [LinearContrastive(2), PairedContrastive(2), LinearAutoencoder(2)]
)
def test_dates_are_refused(estimator, kind):
    with pytest.raises(TypeError, match="needs numbers, but X has dates or durations"):
        estimator.fit(dated(kind), np.repeat(np.arange(30), 2))


def test_dates_inside_lists_are_refused():
    with pytest.raises(TypeError, match=r"not 'datetime\.date'"):
        LinearContrastive(2).fit([[datetime.date(2020, 1, day), 1.0, 2.0] for day in range(1, 30)])


# --- tensors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator", [PairedContrastive(2), LinearAutoencoder(2), LinearGAN(2), MaskedAugmenter()]
)
def test_tensors_are_refused_by_estimators_without_array_api_support(estimator, torch):
    tensor, groups = torch.asarray(samples()), np.repeat(np.arange(150), 2)
    message = f"{type(estimator).__name__} does not support arrays of torch"
    with config_context(array_api_dispatch=True), pytest.raises(TypeError, match=message):
        estimator.fit(tensor, groups)
    estimator.fit(samples(), groups)


# --- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("total", [0.5, 1.0])
def test_normalised_weights_get_a_message_about_weights(total):
    weight = np.full(300, total / 300)
    with pytest.raises(ValueError, match=r"The sum of sample_weight is .*Multiply normalised"):
        LinearContrastive(3).fit(samples(), sample_weight=weight)


def test_a_chunk_of_weight_zero_does_not_change_the_fit():
    X = samples()
    model = LinearContrastive(3, random_state=0, tol=1e-6).partial_fit(X)
    before = model.noise_variance_.copy()
    model.partial_fit(1e6 * X[:5], sample_weight=np.zeros(5))
    assert_allclose(model.noise_variance_, before, rtol=1e-6)
    assert model.n_samples_ == 300


@pytest.mark.parametrize("chunk", ["missing", "sparse", "labelled"])
def test_a_chunk_of_weight_zero_is_allowed_in_every_form(chunk):
    X, y = samples(), np.arange(300) % 3
    more, weight = X[:5].copy(), np.zeros(5)
    if chunk == "labelled":
        model = SupervisedLinearContrastive(3, random_state=0).partial_fit(X, y)
        model.partial_fit(more, y[:5], sample_weight=weight)
    else:
        model = LinearContrastive(3, random_state=0).partial_fit(X)
        more[0, 0] = np.nan if chunk == "missing" else 0.0
        model.partial_fit(
            sparse.csr_array(more) if chunk == "sparse" else more, sample_weight=weight
        )
    assert model.n_samples_ == 300


# --- groups and labels ---------------------------------------------------------------------------


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_series_of_feature_groups_is_aligned_by_name(seed):
    frame = pd.DataFrame(samples(), columns=[f"c{i}" for i in range(12)])
    groups = pd.Series(list("aabbccddeeff"), index=frame.columns)
    shuffled = groups.sample(frac=1, random_state=seed)
    model, expected = (
        LinearContrastive(3, feature_groups=g, random_state=0).fit(frame)
        for g in (shuffled, list(groups))
    )
    assert_array_equal(model.noise_variance_, expected.noise_variance_)
    views, others = (
        MaskedAugmenter(feature_groups=g).fit(frame).sample_views(frame, random_state=0)[0]
        for g in (shuffled, list(groups))
    )
    assert_array_equal(views, others)


def test_a_series_of_feature_groups_needs_all_names_or_none():
    frame = pd.DataFrame(samples(), columns=[f"c{i}" for i in range(12)])
    groups = pd.Series(list("aabbccddeeff"), index=frame.columns)
    with pytest.raises(ValueError, match="no entry for feature c3 in its index"):
        LinearContrastive(3, feature_groups=groups.rename({"c3": "x"})).fit(frame)
    numbered = LinearContrastive(3, feature_groups=groups.reset_index(drop=True)).fit(frame)
    assert numbered.n_components_ == 3
    assert LinearContrastive(3, feature_groups=groups).fit(frame.to_numpy()).n_components_ == 3


@pytest.mark.parametrize("missing", [np.nan, None])
def test_samples_without_a_group_have_no_partner(missing):
    X = np.vstack([samples(200), 2 * np.random.default_rng(1).standard_normal((400, 12))])
    X[:200] = np.repeat(X[:200:2], 2, axis=0) + 0.1 * samples(200, seed=2)
    groups = np.r_[np.repeat(np.arange(100), 2).astype(object), np.full(400, missing, object)]
    model = PairedContrastive(3).fit(X, groups=groups)
    expected = PairedContrastive(3).fit(X[:200], groups=np.repeat(np.arange(100), 2))
    assert model.n_samples_ == 200
    assert_allclose(model.pair_correlation_, expected.pair_correlation_)


def test_none_marks_a_missing_label_as_nan_does():
    X = samples()
    y = np.where(np.arange(300) < 100, None, (X[:, 0] > 0).astype(int))
    coded = np.where(np.arange(300) < 100, -1, (X[:, 0] > 0).astype(int))
    model = SupervisedLinearContrastive(2, unlabelled=np.nan, random_state=0).fit(X, y)
    expected = SupervisedLinearContrastive(2, random_state=0).fit(X, coded)
    assert_array_equal(model.components_, expected.components_)


def test_a_series_is_refused_as_by_scikit_learn():
    with pytest.raises(ValueError, match=r"Expected (2D array|a 2-dimensional)"):
        LinearContrastive().fit(pd.Series([1.0, 2.0, 3.0]))


def test_parameters_are_validated_in_every_partial_fit():
    X = np.random.default_rng(0).normal(size=(30, 4))
    model = LinearContrastive(2).partial_fit(X).set_params(tol="x")
    with pytest.raises(ValueError, match="The 'tol' parameter"):
        model.partial_fit(X)
    assert model.n_samples_ == 30
