"""Input that could be misread: sparse storage, masked arrays, tensors, weights, groups by name."""

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context

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


# --- tensors -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "estimator", [PairedContrastive(2), LinearAutoencoder(2), LinearGAN(2), MaskedAugmenter()]
)
def test_tensors_are_refused_by_estimators_without_array_api_support(estimator):
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
    model = LinearContrastive(3, random_state=0).partial_fit(X)
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
