"""Array API: samples of torch and array_api_strict give NumPy's results on their own device.

array_api_strict stands in for absent devices: it has devices that NumPy cannot read, and one that
has no float64, as Apple's devices.
"""

import copy
import functools
import os
import pickle
import subprocess
import sys
from dataclasses import dataclass
from unittest import mock

import array_api_strict
import numpy as np
import pandas as pd
import pytest
import torch
from helpers.assertions import assert_same_subspace, fitted_attributes
from helpers.strategies import SEEDS, spiked_problems, with_gaps
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context, get_config
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import HeteroPCA, LinearContrastive
from sklearn_contrastive._arrays import ArrayPlace, dtype_name, place_of
from sklearn_contrastive._sklearn_compat import ARRAY_API
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.exceptions import ComponentsWarning, MissingValuesWarning
from sklearn_contrastive.linear._covariance import read
from sklearn_contrastive.linear._covariance.device import DeviceRows, device_scatter_covariance
from sklearn_contrastive.linear._covariance.rows import DenseRows

pytestmark = [
    pytest.mark.skipif(not ARRAY_API, reason="scikit-learn < 1.9 accepts only NumPy arrays"),
    pytest.mark.usefixtures("dispatch"),
]


@pytest.fixture
def dispatch():
    with config_context(array_api_dispatch=True):
        yield


@dataclass(frozen=True)
class Kind:
    """Arrays of one library, on one device, of one precision."""

    library: str
    device: str
    dtype: str = "float64"

    @property
    def widest(self):
        """The widest float type of the device."""
        return "float32" if self.device == "no_float64" else "float64"

    def array(self, X, dtype=None):
        """An array of this kind."""
        X = np.array(X, dtype=dtype or self.dtype)
        if self.library == "torch":
            return torch.asarray(X, device=self.device)
        return array_api_strict.asarray(X, device=array_api_strict.Device(self.device))

    def assert_one(self, array, dtype):
        """Assert that an array is of this kind, of the dtype or the widest there is."""
        example = self.array(0, dtype if self.widest == "float64" else "float32")
        assert type(array) is type(example)
        assert array.device == example.device
        assert array.dtype == example.dtype


def as_numpy(array):
    """The numbers of an array of any kind."""
    if isinstance(array, torch.Tensor):
        return array.detach().cpu().numpy()
    if isinstance(array, np.ndarray):
        return array
    return np.asarray(array.to_device(array_api_strict.Device("CPU_DEVICE")))


HAS_CUDA = torch.cuda.is_available()
TORCH = Kind("torch", "cpu")
KINDS = [
    TORCH,
    Kind("torch", "cpu", "float32"),
    Kind("array_api_strict", "CPU_DEVICE"),
    Kind("array_api_strict", "device1", "float32"),
    Kind("array_api_strict", "no_float64", "float32"),
    *(Kind("torch", "cuda", dtype) for dtype in ("float64", "float32") if HAS_CUDA),
]
each_kind = pytest.mark.parametrize(
    "kind", KINDS, ids=lambda kind: f"{kind.library} {kind.device} {kind.dtype}"
)

GROUPS = np.repeat(["a", "b", "c", "d"], 3)
CONFIGURATIONS = {
    "default": LinearContrastive(),
    "two components": LinearContrastive(2),
    "share": LinearContrastive(0.7),
    "all positive": LinearContrastive(None),
    "closed form": LinearContrastive(2, max_iter=0),
    "orthogonal scores": LinearContrastive(2, noise_weighted=False),
    "whitened": LinearContrastive(2, whiten=True),
    "groups": LinearContrastive(2, feature_groups=GROUPS),
    "groups, closed form": LinearContrastive(2, feature_groups=GROUPS, max_iter=0),
    "operator": LinearContrastive(2, solver="operator"),
    "HeteroPCA": HeteroPCA(2),
    "HeteroPCA, auto, whitened": HeteroPCA(whiten=True),
    "HeteroPCA, plain": HeteroPCA(2, deflated=False, noise_weighted=False),
    "HeteroPCA, operator": HeteroPCA(2, solver="operator"),
}
each_configuration = pytest.mark.parametrize("name", CONFIGURATIONS)
each_solver = pytest.mark.parametrize("solver", ["gram", "operator"])


def configured(name):
    return clone(CONFIGURATIONS[name]).set_params(random_state=0)


@functools.cache
def samples(n_samples=300, n_features=12, mean=0.0, dtype="float64"):
    """Samples of two components of different variance, each on half of the features."""
    X = make_spiked_covariance(
        n_samples,
        n_features,
        2,
        subspace="sparse",
        support_size=n_features // 2,
        signal=[np.sqrt(2.0 * n_features), np.sqrt(n_features)],
        noise=np.linspace(0.7, 2.0, n_features),
        mean=mean,
        random_state=0,
    )[0].astype(dtype)
    X.flags.writeable = False
    return X


def fitted_on_numpy(model, X, **fit_params):
    with config_context(array_api_dispatch=False):
        return clone(model).fit(X, **fit_params)


def outputs(model, X):
    """Results of the methods, by name."""
    scores = model.transform(X)
    return {
        "transform": scores,
        "inverse_transform": model.inverse_transform(scores),
        "score_samples": model.score_samples(X),
        "score": model.score(X),
        "get_covariance": model.get_covariance(),
        "get_precision": model.get_precision(),
    }


def assert_kept(found, expected, kind):
    """Assert that arrays of a fit on NumPy are of the kind here, and other types are equal."""
    assert found.keys() == expected.keys()
    for name, reference in expected.items():
        value = found[name]
        if isinstance(reference, np.ndarray):
            kind.assert_one(value, reference.dtype.name)
            assert tuple(value.shape) == reference.shape, name
        elif isinstance(reference, list):
            assert len(value) == len(reference)
            assert_kept(dict(enumerate(value)), dict(enumerate(reference)), kind)
        else:
            assert type(value) is type(reference), name


def assert_agrees(found, expected, rounding):
    """Assert that numbers agree with a fit on NumPy, up to a share of the largest."""
    for name, reference in expected.items():
        values = found[name]
        if isinstance(reference, list):
            assert_agrees(dict(enumerate(values)), dict(enumerate(reference)), rounding)
        elif isinstance(reference, np.ndarray | float):
            values = as_numpy(values) if isinstance(reference, np.ndarray) else values
            size = np.nanmax(np.abs(reference), initial=0.0)
            assert_allclose(values, reference, rtol=0, atol=rounding * size, err_msg=name)


def rounding_of(reference, dtype, n_samples=300):
    """Share by which numbers may differ from those of a fit on NumPy.

    Sums of n products are off by eps sqrt(n) of the variances, of which a noise variance is a
    small part; Newton's steps that end at 1e-6 leave the square of that.
    """
    conditioning = np.max(np.diag(reference.get_covariance()) / reference.noise_variance_)
    return 4 * np.finfo(dtype).eps * np.sqrt(n_samples) * conditioning + 1e-12


def assert_same_fit(model, reference, X, dtype, n_samples=300):
    """Assert that a fit on a device has the subspace and the numbers of one on NumPy."""
    rounding = rounding_of(reference, dtype, n_samples)
    assert model.n_components_ == reference.n_components_ > 0
    assert_same_subspace(
        as_numpy(model.components_),
        reference.components_,
        gap=reference.common_variance_[-1],
        scale=np.trace(reference.get_covariance()),
        eps=np.finfo(dtype).eps,
    )
    # the largest entry of a component decides its sign and is far from 0: nothing may flip
    assert_agrees(fitted_attributes(model), fitted_attributes(reference), rounding)
    place = place_of(model.components_)
    with config_context(array_api_dispatch=False):
        expected = outputs(reference, X)
    assert_agrees(outputs(model, place.put(np.array(X))), expected, rounding)


# --- results and their devices -------------------------------------------------------------------


@each_kind
@each_configuration
def test_fitted_attributes_are_on_the_device_and_equal_those_of_numpy(name, kind):
    X = samples(dtype=kind.dtype)
    reference = fitted_on_numpy(configured(name), X)
    model = configured(name).fit(kind.array(X))
    expected = fitted_attributes(reference)
    assert {"components_", "loadings_", "noise_variance_", "mean_"} <= expected.keys()
    assert ("noise_covariance_" in expected) == ("groups" in name)
    assert_kept(fitted_attributes(model), expected, kind)
    for attribute, value in expected.items():
        if isinstance(value, np.ndarray):
            dtype = "float64" if attribute in ("mean_", "scoring_matrix_") else kind.dtype
            kind.assert_one(getattr(model, attribute), dtype)
    for block in expected.get("noise_covariance_", []):
        assert block.dtype == kind.dtype
    assert type(model.n_components_) is int
    assert_same_fit(model, reference, X, kind.dtype)


@each_kind
@each_configuration
def test_methods_return_arrays_on_the_device_of_their_arguments(name, kind):
    X = samples(dtype=kind.dtype)
    on_device = kind.array(X)
    found = outputs(configured(name).fit(on_device), on_device)
    with config_context(array_api_dispatch=False):
        expected = outputs(configured(name).fit(X), X)
    assert_kept(found, expected, kind)
    for method in ("transform", "inverse_transform", "get_covariance", "get_precision"):
        kind.assert_one(found[method], kind.dtype)
    kind.assert_one(found["score_samples"], "float64")
    assert type(found["score"]) is float
    kind.assert_one(configured(name).fit_transform(on_device), kind.dtype)


@each_kind
@pytest.mark.parametrize(
    ("name", "n_samples"),
    [("default", 40), ("default", 119), ("operator", 40), ("operator", 119), ("HeteroPCA", 119)],
)
def test_fewer_samples_than_features_agree_with_numpy(name, n_samples, kind):
    X = samples(n_samples, 120, dtype=kind.dtype)
    reference = fitted_on_numpy(configured(name), X)
    model = configured(name).fit(kind.array(X))
    assert_kept(fitted_attributes(model), fitted_attributes(reference), kind)
    assert_same_fit(model, reference, X, kind.dtype)


@pytest.mark.parametrize(("fitted", "given"), [("float32", "float64"), ("float64", "float32")])
def test_scores_have_the_dtype_of_the_transformed_samples(fitted, given):
    X = torch.asarray(samples().copy())
    model = configured("default").fit(X.to(getattr(torch, fitted)))
    scores = model.transform(X.to(getattr(torch, given)))
    assert scores.dtype == getattr(torch, given)
    assert model.inverse_transform(scores).dtype == getattr(torch, given)
    assert_allclose(scores, model.transform(X), rtol=0, atol=1e-5 * float(scores.abs().max()))


@each_kind
@pytest.mark.parametrize("model", [LinearContrastive(random_state=0), HeteroPCA(random_state=0)])
def test_a_fit_without_components_returns_empty_arrays_on_the_device(model, kind):
    X = np.random.default_rng(0).normal(size=(200, 10)).astype(kind.dtype)
    on_device = kind.array(X)
    for shape in [(200, 10), (5, 10)]:
        rows = on_device[: shape[0], :]
        with pytest.warns(ComponentsWarning):
            fitted = clone(model).fit(rows)
        assert fitted.n_components_ == 0
        scores = fitted.transform(rows)
        kind.assert_one(scores, kind.dtype)
        assert tuple(scores.shape) == (shape[0], 0)
        assert_kept(
            fitted_attributes(fitted),
            fitted_attributes(silently_fitted(model, X[: shape[0]])),
            kind,
        )
        restored = as_numpy(fitted.inverse_transform(scores))
        assert_allclose(restored, np.tile(as_numpy(fitted.mean_), (shape[0], 1)), rtol=1e-6)


def silently_fitted(model, X):
    with pytest.warns(ComponentsWarning):
        return fitted_on_numpy(model, X)


@pytest.mark.parametrize("n_features", [12, 400])
def test_tensors_need_not_be_contiguous(n_features):
    X = samples(300, n_features)
    padded = torch.zeros(2 * n_features, 400, dtype=torch.float64)
    padded[::2, 50:350] = torch.asarray(X.T.copy())
    view = padded[::2, 50:350].T
    assert not view.is_contiguous()
    assert_same_fit(
        configured("two components").fit(view),
        fitted_on_numpy(configured("two components"), X),
        X,
        "float64",
    )


@each_solver
def test_samples_are_neither_modified_nor_kept(solver):
    X = torch.asarray(samples().copy())
    model = configured("default").set_params(solver=solver).fit(X)
    before = outputs(model, X)
    assert_array_equal(X, samples())
    kept = X.clone()
    X.zero_()
    after = outputs(model, kept)
    for name, value in before.items():
        assert_array_equal(after[name], value)


# --- precision -----------------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize(
    ("name", "n_features"),
    [(name, 12) for name in ("default", "operator", "groups", "HeteroPCA")]
    + [(name, 400) for name in ("two components", "HeteroPCA")],
)
def test_a_large_mean_does_not_cost_precision(name, kind, n_features):
    X = samples(300, n_features, mean=1e4, dtype=kind.dtype)
    # the same rounded samples in float64
    exact = fitted_on_numpy(configured(name), X.astype(np.float64))
    model = configured(name).fit(kind.array(X))
    rounding = rounding_of(exact, kind.dtype)
    for attribute in ("noise_variance_", "components_", "explained_variance_", "common_variance_"):
        expected = getattr(exact, attribute)
        atol = rounding * np.abs(expected).max()
        assert_allclose(as_numpy(getattr(model, attribute)), expected, rtol=0, atol=atol)
    with config_context(array_api_dispatch=False):
        scores = exact.transform(X.astype(np.float64))
    # without float64 the mean itself is rounded
    shift = 2e4 * np.finfo(np.float32).eps * np.sqrt(n_features) * (kind.widest == "float32")
    atol = rounding * np.abs(scores).max() + shift
    assert_allclose(as_numpy(model.transform(kind.array(X))), scores, rtol=0, atol=atol)


@pytest.mark.parametrize("name", ["default", "orthogonal scores", "HeteroPCA"])
def test_scores_far_from_zero_are_centred_with_more_than_float32_precision(name):
    X = torch.asarray(samples(mean=1e4, dtype="float32").copy())
    model = configured(name).fit(X)
    exact = model.transform(X.to(torch.float64))
    # as X itself does, the mean has three digits after the point in float32
    atol = 20 * np.finfo(np.float32).eps * float(exact.abs().max())
    assert_allclose(model.transform(X), exact, rtol=0, atol=atol)


def mean_and_scatter(X, weight):
    """Mean and scatter by their definition."""
    mean = weight @ X / weight.sum()
    return mean, (X - mean).T @ ((X - mean) * weight[:, None])


@given(
    problem=spiked_problems(),
    seed=SEEDS,
    block_rows=st.integers(1, 40),
    weighted=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_blocks_on_a_device_have_the_scatter_of_all_rows(
    problem, seed, block_rows, weighted, dtype
):
    X = problem.X.astype(dtype)
    weight = None
    if weighted:
        weight = np.random.default_rng(seed).choice([0.0, 0.5, 1.0, 7.0], size=len(X))
        weight[0] = 2.0
    mean, scatter = mean_and_scatter(
        X.astype(np.float64), np.ones(len(X)) if weight is None else weight
    )
    tensor, steps = torch.asarray(X), []
    covariance = device_scatter_covariance(
        tensor, weight, place_of(tensor), steps.append, block_rows=block_rows
    )
    assert steps == ["block of rows"] * -(-len(X) // block_rows)
    assert covariance.n_samples == (len(X) if weight is None else weight.sum())
    assert covariance.mean.dtype == covariance.scatter.dtype == np.float64
    rounding = 20 * np.finfo(dtype).eps
    # blocks are merged by their means, in float64
    floor = 20 * np.finfo(np.float64).eps * np.abs(X).max()
    spread = X.astype(np.float64).std(axis=0) + floor
    of_mean = rounding * spread + floor
    assert np.all(np.abs(covariance.mean - mean) <= of_mean)
    allowed = covariance.n_samples * (np.outer(spread, of_mean) + np.outer(of_mean, spread))
    assert np.all(np.abs(covariance.scatter - scatter) <= allowed)


@pytest.mark.parametrize("fourth", [False, True])
def test_one_matrix_leaves_the_device_however_many_blocks(fourth, monkeypatch):
    X, taken = TORCH.array(samples()), []
    take = ArrayPlace.take

    def recorded(place, array):
        taken.append(tuple(array.shape))
        return take(place, array)

    monkeypatch.setattr(ArrayPlace, "take", recorded)
    n_features = X.shape[1]
    device_scatter_covariance(X, None, place_of(X), block_rows=5, fourth=fourth)
    n_blocks = -(-len(X) // 5)
    vectors = [(n_blocks, n_features)] * 2
    assert taken == [*vectors, (n_features, n_features), *[(n_features,)] * (2 * fourth)]


@given(
    problem=spiked_problems(),
    seed=SEEDS,
    weighted=st.booleans(),
    dtype=st.sampled_from(["float32", "float64"]),
)
def test_products_with_rows_on_a_device_agree_with_numpy(problem, seed, weighted, dtype):
    X, rng = problem.X.astype(dtype), np.random.default_rng(seed)
    weight = None
    if weighted:
        weight = rng.choice([0.0, 0.5, 1.0, 7.0], size=len(X))
        weight[:2] = 2.0
    tensor = torch.asarray(X)
    found = DeviceRows(tensor, weight, place_of(tensor))
    # in float64 of the same rounded rows
    expected = DenseRows(X.astype(np.float64), weight)
    assert (found.n_samples, found.n_rows) == (expected.n_samples, expected.n_rows)
    assert found.rounding == np.finfo(dtype).eps
    spread = np.sqrt(expected.variances)
    rounding = 20 * np.finfo(dtype).eps
    floor = 20 * np.finfo(np.float64).eps * np.abs(X).max()
    # the rows are centred in their own precision, in which the mean was found
    assert np.all(np.abs(found.mean - expected.mean) <= rounding * spread + floor)
    size = spread.max() + floor
    assert_allclose(found.variances, expected.variances, rtol=0, atol=rounding * size**2 * 5)
    directions = rng.standard_normal((X.shape[1], 3)) / np.sqrt(X.shape[1])
    for product in ("times", "along"):
        assert_allclose(
            getattr(found, product)(directions),
            getattr(expected, product)(directions),
            rtol=0,
            atol=20 * rounding * X.shape[1] * size**2,
        )


def in_blocks_of(n_rows):
    """Patch fits to read tensors in blocks of so many rows."""
    read_blocks = functools.partial(device_scatter_covariance, block_rows=n_rows)
    return mock.patch.object(read, "device_scatter_covariance", read_blocks)


@pytest.mark.parametrize("name", ["default", "groups", "HeteroPCA", "operator"])
@pytest.mark.parametrize("block_rows", [1, 7, 299, 300])
def test_the_block_size_does_not_change_the_fit(name, block_rows):
    reference = fitted_on_numpy(configured(name), samples())
    with in_blocks_of(block_rows):
        model = configured(name).fit(TORCH.array(samples()))
    assert_same_fit(model, reference, samples(), "float64")


# --- sample weights ------------------------------------------------------------------------------

WEIGHTS = {
    "torch": torch.asarray,
    "torch float32": lambda w: torch.asarray(w, dtype=torch.float32),
    "torch integers": lambda w: torch.asarray(w, dtype=torch.int64),
    "strict": array_api_strict.asarray,
    "numpy": np.array,
    "list": list,
    "series": pd.Series,
}


@pytest.mark.parametrize("container", WEIGHTS)
@pytest.mark.parametrize("name", ["default", "operator", "groups", "HeteroPCA"])
def test_integer_weights_in_any_array_equal_repeated_samples(name, container):
    X = samples()
    weight = np.random.default_rng(0).integers(0, 4, len(X)).astype(float)
    repeated = fitted_on_numpy(configured(name), np.repeat(X, weight.astype(int), axis=0))
    model = configured(name).fit(TORCH.array(X), sample_weight=WEIGHTS[container](weight))
    assert model.n_samples_ == weight.sum()
    assert isinstance(model.n_samples_, int)
    assert_same_fit(model, repeated, X, "float64")


@each_kind
@pytest.mark.parametrize("n_features", [12, 400])
def test_fractional_weights_agree_with_numpy(kind, n_features):
    X = samples(300, n_features, dtype=kind.dtype)
    weight = np.random.default_rng(0).uniform(0.1, 2.0, len(X))
    reference = fitted_on_numpy(configured("two components"), X, sample_weight=weight)
    model = configured("two components").fit(kind.array(X), sample_weight=kind.array(weight))
    assert isinstance(model.n_samples_, float)
    assert_same_fit(model, reference, X, kind.dtype)


@each_solver
@pytest.mark.parametrize("kind", KINDS[:2], ids=["float64", "float32"])
@pytest.mark.parametrize("block_rows", [50, 16384])
def test_a_large_row_of_weight_0_has_no_effect(solver, kind, block_rows):
    X = np.array(samples(dtype=kind.dtype))
    reference = fitted_on_numpy(configured("default"), np.delete(X, 7, axis=0))
    X[7] = 1.0 / np.finfo(kind.dtype).eps
    weight = np.ones(len(X))
    weight[7] = 0.0
    model = configured("default").set_params(solver=solver)
    with in_blocks_of(block_rows):
        model.fit(kind.array(X), sample_weight=weight)
    assert_same_fit(model, reference, samples(dtype=kind.dtype), kind.dtype)


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (torch.full((300,), -1.0), "[Nn]egative"),
        (torch.zeros(300), "non-zero"),
        (torch.ones(299), "sample_weight"),
        (torch.full((300,), torch.nan), "NaN"),
    ],
)
def test_invalid_weights_are_refused(weight, message):
    model = configured("default")
    with pytest.raises(ValueError, match=message):
        model.fit(TORCH.array(samples()), sample_weight=weight)
    assert not hasattr(model, "n_features_in_")


# --- chunks --------------------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("name", ["default", "whitened", "groups", "HeteroPCA", "operator"])
def test_partial_fit_on_a_device_agrees_with_numpy(name, kind):
    X = samples(dtype=kind.dtype)
    weight = np.random.default_rng(0).integers(0, 3, len(X)).astype(float)
    model, reference = configured(name), configured(name)
    for start, end in [(0, 100), (100, 101), (101, 300)]:
        model.partial_fit(kind.array(X[start:end]), sample_weight=kind.array(weight[start:end]))
        with config_context(array_api_dispatch=False):
            reference.partial_fit(X[start:end], sample_weight=weight[start:end])
        assert_kept(fitted_attributes(model), fitted_attributes(reference), kind)
        assert_same_fit(model, reference, X, kind.dtype)


def test_one_row_on_a_device_is_not_fitted_before_the_second():
    X = TORCH.array(samples())
    model = configured("two components").partial_fit(X[:1])
    with pytest.raises(NotFittedError):
        model.transform(X)
    assert_same_fit(
        model.partial_fit(X[1:]),
        fitted_on_numpy(configured("two components"), samples()),
        samples(),
        "float64",
    )


def test_partial_fit_continues_only_a_fit_that_formed_the_scatter():
    X = TORCH.array(samples())
    model = configured("two components").fit(X[:200]).partial_fit(X[200:])
    whole = configured("two components").fit(X)
    assert model.n_samples_ == 300
    assert_allclose(model.noise_variance_, whole.noise_variance_, rtol=10 * model.tol)
    rows = configured("operator").fit(X)
    with pytest.raises(ValueError, match="did not form"):
        rows.partial_fit(X)
    assert rows.n_samples_ == 300


# --- missing values ------------------------------------------------------------------------------


@each_kind
@pytest.mark.parametrize("name", ["default", "closed form", "whitened", "operator", "HeteroPCA"])
def test_missing_entries_agree_with_numpy(name, kind):
    X = with_gaps(samples(dtype=kind.dtype), 0.1, seed=0)
    X.flags.writeable = False
    on_device = kind.array(X)
    reference = fitted_on_numpy(configured(name), X)
    model = configured(name).fit(on_device)
    assert_kept(fitted_attributes(model), fitted_attributes(reference), kind)
    found = outputs(model, on_device)
    with config_context(array_api_dispatch=False):
        expected = outputs(reference, X)
    assert_kept(found, expected, kind)
    assert not np.isnan(as_numpy(found["transform"])).any()
    assert_same_fit(model, reference, X, kind.dtype)
    assert_array_equal(as_numpy(on_device), X)
    # and complete rows of the same model
    assert_same_fit(model, reference, samples(dtype=kind.dtype), kind.dtype)


def test_weights_and_chunks_can_be_combined_with_missing_entries():
    X = with_gaps(samples(), 0.1, seed=0)
    weight = np.random.default_rng(1).integers(0, 3, len(X)).astype(float)
    reference = fitted_on_numpy(configured("default"), X, sample_weight=weight)
    on_device, weights = TORCH.array(X), TORCH.array(weight)
    model = configured("default").fit(on_device, sample_weight=weights)
    assert_same_fit(model, reference, X, "float64")
    model, reference = configured("default"), configured("default")
    for rows in (slice(0, 150), slice(150, 300)):
        model.partial_fit(on_device[rows], sample_weight=weights[rows])
        reference.partial_fit(X[rows], sample_weight=weight[rows])
    assert_same_fit(model, reference, X, "float64")


def test_an_incomplete_chunk_may_follow_a_complete_one():
    X = samples().copy()
    X[200:] = with_gaps(X[200:], 0.1, seed=0)
    model, reference = configured("default"), configured("default")
    for rows in (slice(0, 200), slice(200, 300)):
        model.partial_fit(TORCH.array(X[rows]))
        reference.partial_fit(X[rows])
    assert_same_fit(model, reference, X, "float64")


@each_kind
def test_rows_with_too_few_entries_have_nan_scores_on_the_device(kind):
    X = samples(dtype=kind.dtype).copy()
    model = configured("two components").fit(kind.array(X))
    X[3, 1:] = np.nan
    X[5] = np.nan
    with pytest.warns(MissingValuesWarning, match="2 of 300 rows"):
        scores = model.transform(kind.array(X))
    kind.assert_one(scores, kind.dtype)
    lost = np.isnan(as_numpy(scores)).any(axis=1)
    assert_array_equal(np.flatnonzero(lost), [3, 5])
    restored = model.inverse_transform(scores)
    kind.assert_one(restored, kind.dtype)
    assert_array_equal(np.isnan(as_numpy(restored)).all(axis=1), lost)


def test_groups_refuse_missing_entries_on_a_device():
    X = TORCH.array(with_gaps(samples(), 0.1, seed=0))
    with pytest.raises(ValueError, match="feature_groups needs complete samples"):
        configured("groups").fit(X)


@each_kind
def test_infinite_entries_are_refused_and_the_earlier_fit_stays(kind):
    X = samples(dtype=kind.dtype).copy()
    model = configured("default").fit(kind.array(X))
    before = fitted_attributes(model)
    for bad in (np.inf, -np.inf):
        X[4, 2] = bad
        for call in (model.fit, model.partial_fit, model.transform, model.score_samples):
            with pytest.raises(ValueError, match="infinity"):
                call(kind.array(X))
    assert all(getattr(model, name) is value for name, value in before.items())


# --- types that are not float --------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint8", "int8", "int16", "int32", "int64", "float16"])
@pytest.mark.parametrize("n_features", [12, 400])
def test_integers_and_half_precision_become_double(dtype, n_features):
    X = np.abs(np.round(5 * samples(300, n_features))).clip(0, 100)
    X = torch.asarray(X).to(getattr(torch, dtype))
    reference = fitted_on_numpy(configured("two components"), X.numpy().astype(np.float64))
    model = configured("two components").fit(X)
    TORCH.assert_one(model.components_, "float64")
    TORCH.assert_one(model.transform(X), "float64")
    assert_same_fit(model, reference, X.numpy().astype(np.float64), "float64")


def test_dtypes_that_only_torch_has_become_double():
    X = torch.asarray(samples().copy())
    for rows in (X.to(torch.bfloat16), X > 0):
        model = configured("two components").fit(rows)
        reference = fitted_on_numpy(configured("two components"), rows.to(torch.float64).numpy())
        assert_same_fit(model, reference, rows.to(torch.float64).numpy(), "float64")


@pytest.mark.parametrize("dtype", ["int8", "int32"])
def test_integers_become_the_widest_floats_that_the_device_has(dtype):
    X = np.round(5 * samples()).astype(dtype)
    reference = fitted_on_numpy(configured("two components"), X.astype(np.float32))
    for device, widest in [("CPU_DEVICE", "float64"), ("no_float64", "float32")]:
        kind = Kind("array_api_strict", device, dtype)
        model = configured("two components").fit(kind.array(X))
        kind.assert_one(model.components_, widest)
        kind.assert_one(model.transform(kind.array(X)), widest)
        kind.assert_one(model.inverse_transform(kind.array(X[:, :2])), widest)
        rounding = rounding_of(reference, "float32")
        assert_agrees(fitted_attributes(model), fitted_attributes(reference), rounding)


# --- mixed namespaces and devices ----------------------------------------------------------------


@pytest.mark.parametrize("name", ["two components", "HeteroPCA"])
@pytest.mark.parametrize("method", ["transform", "inverse_transform", "score_samples", "score"])
@pytest.mark.parametrize(
    ("fitted", "given"),
    [
        (np.array, torch.asarray),
        (torch.asarray, np.array),
        (torch.asarray, array_api_strict.asarray),
        (array_api_strict.asarray, torch.asarray),
        (torch.asarray, np.ndarray.tolist),
    ],
    ids=["numpy torch", "torch numpy", "torch strict", "strict torch", "torch list"],
)
def test_arrays_of_another_library_than_in_fit_are_refused(name, method, fitted, given):
    X = samples().copy()
    model = configured(name).fit(fitted(X))
    argument = X[:, :2].copy() if method == "inverse_transform" else X
    with pytest.raises(ValueError, match=rf"{method}\(\) must use the same namespace"):
        getattr(model, method)(given(argument))
    getattr(model, method)(fitted(argument))


def test_another_device_than_in_fit_is_refused():
    first, second = (Kind("array_api_strict", device) for device in ("CPU_DEVICE", "device1"))
    model = configured("default").fit(first.array(samples()))
    with pytest.raises(ValueError, match="must use the same namespace and the same device"):
        model.transform(second.array(samples()))


@pytest.mark.skipif(not HAS_CUDA, reason="torch finds no CUDA")
def test_a_fit_on_cuda_accepts_only_tensors_on_cuda():
    on_cuda, on_cpu = (torch.asarray(samples().copy(), device=d) for d in ("cuda", "cpu"))
    model = configured("default").fit(on_cuda)
    assert model.components_.device == model.transform(on_cuda).device == on_cuda.device
    with pytest.raises(ValueError, match="must use the same namespace and the same device"):
        model.transform(on_cpu)
    assert_same_fit(model, fitted_on_numpy(model, samples()), samples(), "float64")


def test_lists_frames_and_sparse_matrices_are_fitted_as_numpy_under_dispatch():
    X = samples()
    reference = fitted_on_numpy(configured("default"), X)
    for container in (np.ndarray.tolist, pd.DataFrame, sparse.csr_array, sparse.csc_array):
        model = configured("default").fit(container(X))
        assert isinstance(model.components_, np.ndarray)
        assert_same_fit(model, reference, X, "float64")
        scores = model.transform(container(X))
        assert isinstance(scores, np.ndarray)


def test_a_refit_on_numpy_replaces_all_arrays_on_the_device():
    for name in CONFIGURATIONS:
        model = configured(name).fit(TORCH.array(samples())).fit(samples())
        fresh = configured(name).fit(samples())
        assert vars(model).keys() == vars(fresh).keys()
        for attribute, value in fitted_attributes(fresh).items():
            assert_array_equal(getattr(model, attribute), value)
        assert isinstance(model.transform(samples()), np.ndarray)


# --- without dispatch ----------------------------------------------------------------------------


@each_configuration
@pytest.mark.parametrize("kind", KINDS[:2], ids=["float64", "float32"])
def test_without_dispatch_tensors_are_read_as_numpy(name, kind):
    X = samples(dtype=kind.dtype)
    tensor = kind.array(X)
    with config_context(array_api_dispatch=False):
        model, reference = configured(name).fit(tensor), configured(name).fit(X)
        found, expected = outputs(model, tensor), outputs(reference, X)
    found.update(fitted_attributes(model))
    expected.update(fitted_attributes(reference))
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert type(found[key]) is type(value)
        assert_array_equal(found[key], value)


@pytest.mark.parametrize("method", ["transform", "inverse_transform", "score_samples", "score"])
@pytest.mark.parametrize("container", [np.array, torch.asarray], ids=["numpy", "torch"])
def test_a_fit_under_dispatch_requires_dispatch_in_later_calls(method, container):
    X = samples().copy()
    model = configured("two components").fit(torch.asarray(X))
    argument = container(X[:, :2].copy() if method == "inverse_transform" else X)
    with config_context(array_api_dispatch=False):
        with pytest.raises(ValueError, match=rf"{method} was called without it.*dispatch=True"):
            getattr(model, method)(argument)
        # a new fit may be on any array
        assert isinstance(model.partial_fit(container(X)).components_, np.ndarray)
        getattr(model, method)(argument)


WITHOUT_THE_VARIABLE = """
import numpy as np, torch, sklearn
from sklearn_contrastive import HeteroPCA, LinearContrastive
X = np.random.default_rng(0).normal(size=(50, 1)) + np.random.default_rng(1).normal(size=(50, 6))
for estimator in (LinearContrastive(1), HeteroPCA(1)):
    for samples in (X, torch.asarray(X)):
        assert type(estimator.fit(samples).components_) is np.ndarray
        assert type(estimator.fit_transform(samples)) is np.ndarray
try:
    sklearn.set_config(array_api_dispatch=True)
except RuntimeError as error:
    assert "SCIPY_ARRAY_API=1" in str(error)
else:
    raise AssertionError("the variable is set")
"""


# SciPy reads the variable once, so that a new process is needed, which imports PyTorch: six seconds
def test_without_dispatch_scipys_variable_is_not_needed():
    environment = {k: v for k, v in os.environ.items() if k != "SCIPY_ARRAY_API"}
    command = [sys.executable, "-W", "error", "-c", WITHOUT_THE_VARIABLE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# --- copies, clones, global state ----------------------------------------------------------------


@each_configuration
def test_copies_and_pickles_of_a_fit_on_torch_are_the_same(name):
    X = TORCH.array(samples())
    model = configured(name).fit(X)
    expected = fitted_attributes(model) | outputs(model, X)
    for again in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
        assert vars(again).keys() == vars(model).keys()
        found = fitted_attributes(again) | outputs(again, X)
        for key, value in expected.items():
            if isinstance(value, torch.Tensor):
                assert torch.equal(found[key], value), key
            else:
                assert_array_equal(found[key], value)
        assert again.components_ is not model.components_


@pytest.mark.parametrize("name", ["default", "groups", "HeteroPCA"])
def test_a_clone_of_a_fit_on_torch_is_not_fitted(name):
    X = TORCH.array(samples())
    model = configured(name).fit(X)
    copied = clone(model)
    with pytest.raises(NotFittedError):
        copied.transform(X)
    assert fitted_attributes(copied) == {}
    assert torch.equal(copied.fit(X).components_, model.components_)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_makes_frames_of_torch_scores(container):
    X = TORCH.array(samples())
    scores = configured("two components").fit_transform(X)
    model = configured("two components").set_output(transform=container)
    for frame in (model.fit_transform(X), model.transform(X)):
        assert type(frame).__module__.startswith(container)
        assert list(frame.columns) == list(model.get_feature_names_out())
        assert_array_equal(frame.to_numpy(), scores.numpy())


def test_a_fit_does_not_change_global_state():
    def state():
        return {
            "dtype": torch.get_default_dtype(),
            "device": torch.get_default_device(),
            "gradients": torch.is_grad_enabled(),
            "threads": torch.get_num_threads(),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
            "precision": torch.get_float32_matmul_precision(),
            "random": torch.random.get_rng_state().tolist(),
            "numpy random": np.random.get_state()[1].tolist(),  # noqa: NPY002
            "numpy errors": np.geterr(),
            "sklearn": get_config(),
        }

    before = state()
    for name in CONFIGURATIONS:
        for X in (TORCH.array(samples()), KINDS[1].array(samples())):
            outputs(clone(CONFIGURATIONS[name]).fit(X), X)
    assert state() == before


# --- pipelines and grid search -------------------------------------------------------------------


@pytest.mark.parametrize("name", ["two components", "whitened", "HeteroPCA"])
@pytest.mark.parametrize("kind", KINDS[:2], ids=["float64", "float32"])
def test_it_can_replace_pca_in_a_pipeline_on_torch(name, kind):
    X = samples(mean=10.0, dtype=kind.dtype)
    y = X[:, 0] + X[:, 3]
    on_device, target = kind.array(X), kind.array(y)

    def pipeline(reducer):
        return make_pipeline(StandardScaler(), reducer, Ridge(solver="svd"))

    replaced = pipeline(PCA(2)).fit(on_device, target)
    model = pipeline(configured(name)).fit(on_device, target)
    assert type(model.score(on_device, target)) is type(replaced.score(on_device, target))
    for step in (model, replaced):
        kind.assert_one(step[:-1].transform(on_device), kind.dtype)
        kind.assert_one(step[:-1].inverse_transform(step[:-1].transform(on_device)), kind.dtype)
        kind.assert_one(step.predict(on_device), kind.dtype)
        kind.assert_one(step[1].components_, kind.dtype)
    with config_context(array_api_dispatch=False):
        expected = pipeline(configured(name)).fit(X, y).predict(X)
    atol = rounding_of(fitted_on_numpy(configured(name), X), kind.dtype) * np.abs(expected).max()
    assert_allclose(model.predict(on_device), expected, rtol=0, atol=atol)


def test_grid_search_scores_by_likelihood_on_torch():
    grid = {"n_components": [1, 2, 3]}
    search = GridSearchCV(LinearContrastive(random_state=0), grid, cv=3, error_score="raise")
    search.fit(TORCH.array(samples()))
    with config_context(array_api_dispatch=False):
        reference = clone(search).fit(samples())
    assert search.best_params_ == reference.best_params_ == {"n_components": 2}
    assert_allclose(
        search.cv_results_["mean_test_score"], reference.cv_results_["mean_test_score"], rtol=1e-9
    )
    TORCH.assert_one(search.best_estimator_.components_, "float64")


# --- conversion of arrays ------------------------------------------------------------------------


@each_kind
def test_an_array_is_converted_to_numpy_and_back(kind):
    X = samples(dtype=kind.dtype)
    array = kind.array(X)
    place = place_of(array)
    assert not place.is_numpy
    assert dtype_name(array) == kind.dtype
    assert_array_equal(place.take(array), X)
    kind.assert_one(place.put(np.array(X)), kind.dtype)
    kind.assert_one(place.put(np.zeros((3, 0))), "float64")


@pytest.mark.parametrize(
    "value", [[[1.0]], np.ones((2, 2)), sparse.csr_array((2, 2)), pd.DataFrame([[1.0]])]
)
def test_other_containers_count_as_numpy(value):
    place = place_of(value)
    assert place.is_numpy
    assert place.take(value) is value
    assert place.put(value) is value


def test_without_dispatch_a_tensor_counts_as_numpy():
    with config_context(array_api_dispatch=False):
        assert place_of(torch.ones(2)).is_numpy
