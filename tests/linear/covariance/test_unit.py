"""Units of samples whose squares leave their float type, and equivariance to any power of two."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn import config_context

from sklearn_contrastive import (
    HeteroPCA,
    LinearContrastive,
    PairedContrastive,
    SupervisedLinearContrastive,
)
from sklearn_contrastive.linear._covariance.samples import fits, rounded
from sklearn_contrastive.linear._covariance.unit import unit_of

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
    "ignore:The variances of X leave the range of float64:RuntimeWarning",
)

REDUCERS = {
    "refined": LinearContrastive(2, random_state=0),
    "whitened": LinearContrastive(2, whiten=True, random_state=0),
    "rows": LinearContrastive(2, solver="operator", random_state=0),
    "automatic": LinearContrastive(random_state=0),
    "closed form": LinearContrastive(2, max_iter=0, random_state=0),
    "groups": LinearContrastive(2, feature_groups=np.repeat(np.arange(6), 2), random_state=0),
    "HeteroPCA": HeteroPCA(2, random_state=0),
    "labels": SupervisedLinearContrastive(2, random_state=0),
    "labels alone": SupervisedLinearContrastive(2, alpha=np.inf, random_state=0),
}
# powers of two over the range of each type; the smallest leave float32 half of its digits
EXPONENTS = {
    "float32": st.integers(-126, 120),
    "float64": st.integers(-1000, 1000),
}


def samples(seed=0, n_samples=240):
    rng = np.random.default_rng(seed)
    signal = rng.standard_normal((n_samples, 2)) * [3, 1.5] @ rng.standard_normal((2, 12))
    # rounded, so that no digit is lost near the smallest numbers
    return np.round(signal + rng.standard_normal((n_samples, 12)), 2).astype(np.float32)


def labels(n_samples=240):
    return np.arange(n_samples) // 2 % 40


def assert_scaled(model, expected, X, scaled, unit, rtol):
    """Assert that a fit to unit * X is that of X in other units."""
    assert model.n_components_ == expected.n_components_
    assert_allclose(model.components_, expected.components_, atol=rtol)
    assert_allclose(model.mean_ / unit, expected.mean_, atol=rtol)
    assert_allclose(model.loadings_ / unit, expected.loadings_, atol=10 * rtol)
    assert_allclose(model.communalities_, expected.communalities_, atol=rtol)
    with np.errstate(over="ignore"):
        variances = expected.noise_variance_.astype(float) * unit * unit
    held = np.isfinite(variances) & (variances > 1e-300)
    assert_allclose(model.noise_variance_[held], variances[held], rtol=10 * rtol)
    of_scores = 1.0 if model.whiten else unit
    scores, wanted = model.transform(scaled) / of_scores, expected.transform(X)
    assert_allclose(scores, wanted, atol=10 * rtol * np.abs(wanted).max())
    likelihood = expected.score_samples(X) - X.shape[1] * np.log(unit)
    assert_allclose(model.score_samples(scaled), likelihood, rtol=10 * rtol, atol=100 * rtol)


@given(data=st.data(), name=st.sampled_from(list(REDUCERS)), dtype=st.sampled_from(list(EXPONENTS)))
def test_scaling_by_any_power_of_two_only_changes_the_units(data, name, dtype):
    unit = 2.0 ** data.draw(EXPONENTS[dtype])
    X = samples().astype(dtype)
    y = labels() if "labels" in name else None
    scaled = (X.astype(np.float64) * unit).astype(dtype)
    expected = REDUCERS[name].fit(X, y)
    model = type(expected)(**expected.get_params()).fit(scaled, y)
    assert_scaled(model, expected, X, scaled, unit, 1e-4 if dtype == "float32" else 1e-5)


@pytest.mark.parametrize(
    ("dtype", "size"),
    [
        *(("float32", size) for size in (1e18, 1e-22, 1e-25)),
        *(("float64", size) for size in (1e155, 1e153, 1e-165, 1e-300)),
    ],
)
@pytest.mark.parametrize("name", REDUCERS)
def test_samples_whose_squares_leave_the_type_give_the_result_of_unscaled_ones(name, dtype, size):
    X = samples().astype(np.float64)
    y = labels() if "labels" in name else None
    expected = REDUCERS[name].fit(X, y)
    model = type(expected)(**expected.get_params()).fit((X * size).astype(dtype), y)
    assert_scaled(model, expected, X, (X * size).astype(dtype), size, 1e-4)


@pytest.mark.parametrize("size", [1e-25, 1e18])
def test_variances_that_float32_does_not_hold_stay_in_float64(size):
    X = (samples() * size).astype(np.float32)
    model = LinearContrastive(2, random_state=0).fit(X)
    assert model.components_.dtype == model.loadings_.dtype == np.float32
    assert model.transform(X).dtype == np.float32
    held = fits(model.noise_variance_.astype(float), np.float32)
    assert model.noise_variance_.dtype == (np.float32 if held else np.float64)
    assert np.all(model.noise_variance_ > 0)
    precision = model.get_precision().astype(float) @ model.get_covariance()
    assert_allclose(precision, np.eye(12), atol=1e-3)


def test_one_feature_may_be_much_smaller_than_the_others_in_float32():
    X, scale = samples(), np.ones(12)
    scale[[3, 7]] = 2.0**-90, 2.0**50
    expected = LinearContrastive(2, random_state=0).fit(X)
    model = LinearContrastive(2, random_state=0).fit((X * scale).astype(np.float32))
    assert_allclose(model.communalities_, expected.communalities_, rtol=1e-3)
    assert_allclose(model.noise_variance_ / scale**2, expected.noise_variance_, rtol=1e-3)


@pytest.mark.parametrize("exponent", [-600, -80, 80, 600])
def test_chunks_of_other_units_give_the_result_of_one_fit(exponent):
    X, y = samples().astype(np.float64), labels()
    scaled = np.ldexp(X, exponent)
    for model, target in (
        (LinearContrastive(2, random_state=0), None),
        (SupervisedLinearContrastive(2, random_state=0), y),
    ):
        expected = type(model)(**model.get_params()).fit(X, target)
        for rows in (slice(0, 1), slice(1, 40), slice(40, 240)):
            model.partial_fit(scaled[rows], None if target is None else target[rows])
        assert_allclose(model.components_, expected.components_, atol=1e-4)
        assert_allclose(np.ldexp(model.mean_, -exponent), expected.mean_, atol=1e-12)
        assert model.n_samples_ == 240


@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.OutlierWarning")
@pytest.mark.parametrize("first", [1.0, 2.0**500])
def test_a_stream_may_leave_the_range_later(first):
    X = samples().astype(np.float64)
    sizes = np.repeat([first, 2.0**500], 120)[:, None]
    chunks = np.split(X * sizes, 2)
    model = LinearContrastive(2, random_state=0)
    for chunk in chunks:
        model.partial_fit(chunk)
    expected = LinearContrastive(2, random_state=0).fit(np.vstack(chunks) / 2.0**500)
    assert_allclose(model.components_, expected.components_, atol=1e-4)
    model = LinearContrastive(2, random_state=0)
    for chunk in chunks[::-1]:
        model.partial_fit(chunk)
    assert_allclose(model.components_, expected.components_, atol=1e-4)


@pytest.mark.parametrize("exponent", [-80, 60, 600])
@pytest.mark.parametrize("n_samples", [240, 8])
def test_incomplete_samples_are_scaled_too(exponent, n_samples):
    dtype = np.float64 if exponent == 600 else np.float32
    X = samples(n_samples=n_samples).astype(dtype)
    X[np.random.default_rng(1).uniform(size=X.shape) < 0.05] = np.nan
    scaled, unit = np.ldexp(X, exponent), 2.0**exponent
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected, model = (LinearContrastive(1, random_state=0).fit(Z) for Z in (X, scaled))
        streamed, again = (LinearContrastive(1, random_state=0).partial_fit(Z) for Z in (X, scaled))
    tol = 1e-5 if dtype == np.float64 else 1e-3
    assert_allclose(model.components_, expected.components_, atol=tol)
    assert_allclose(again.components_, streamed.components_, atol=tol)
    size = np.nanmax(np.abs(expected.transform(X)))
    assert_allclose(model.transform(scaled) / unit, expected.transform(X), atol=10 * tol * size)
    assert_allclose(model.impute(scaled) / unit, expected.impute(X), atol=10 * tol * size)
    assert_allclose(model.impute(scaled)[~np.isnan(X)], scaled[~np.isnan(X)], rtol=0)
    observed = np.sum(~np.isnan(X), axis=1)
    likelihood = expected.score_samples(X) - observed * np.log(unit)
    assert_allclose(model.score_samples(scaled), likelihood, rtol=100 * tol)


@pytest.mark.parametrize("exponent", [-600, 600])
@pytest.mark.parametrize("solver", ["gram", "operator"])
def test_sparse_samples_are_scaled_too(exponent, solver):
    X = samples().astype(np.float64)
    X[X < 1] = 0.0
    stored = sparse.csr_array(np.ldexp(X, exponent))
    expected = LinearContrastive(2, solver=solver, random_state=0).fit(sparse.csr_array(X))
    model = LinearContrastive(2, solver=solver, random_state=0).fit(stored)
    assert_allclose(model.components_, expected.components_, atol=1e-5)
    assert_allclose(np.ldexp(model.transform(stored), -exponent), expected.transform(X), atol=1e-4)


@given(
    normalization=st.sampled_from(["none", "whitened"]),
    dtype=st.sampled_from(list(EXPONENTS)),
    data=st.data(),
)
def test_pairs_of_any_unit_give_the_same_directions(normalization, dtype, data):
    unit = 2.0 ** data.draw(EXPONENTS[dtype])
    X, groups = samples().astype(dtype), labels()
    scaled = (X.astype(np.float64) * unit).astype(dtype)
    expected = PairedContrastive(2, normalization=normalization).fit(X, groups=groups)
    model = PairedContrastive(2, normalization=normalization).fit(scaled, groups=groups)
    of_scores, of_inverse = (unit, 1.0) if normalization == "none" else (1.0, unit)
    tol = 1e-4 if dtype == "float32" else 1e-7
    components = model.components_.astype(float) * of_inverse
    assert_allclose(components, expected.components_, atol=tol)
    assert_allclose(model.pair_correlation_, expected.pair_correlation_, atol=tol)
    assert_allclose(
        model.transform(scaled).astype(float) / of_scores, expected.transform(X), atol=100 * tol
    )
    restored = model.inverse_transform(model.transform(scaled)).astype(float) / unit
    assert_allclose(restored, expected.inverse_transform(expected.transform(X)), atol=100 * tol)


# --- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("weight", [1e40, 1e300])
@pytest.mark.parametrize("name", REDUCERS)
def test_weights_may_be_as_large_as_floats_are(name, weight, dtype):
    X, y = samples().astype(dtype), labels() if "labels" in name else None
    model = REDUCERS[name].fit(X, y, sample_weight=np.full(240, weight))
    # so many samples that the prior, which counts as one, has no effect either
    expected = type(model)(**model.get_params()).fit(X, y, sample_weight=np.full(240, 1e12))
    # noise that vanishes, and the components with it, are known to the rounding of the steps only:
    # to a share of the variances, which are near 1
    atol = 3e-4
    assert_allclose(model.components_, expected.components_, atol=atol)
    assert_allclose(model.noise_variance_, expected.noise_variance_, rtol=1e-4, atol=atol)
    assert np.isfinite(model.singular_values_).all()
    assert model.n_samples_ == pytest.approx(240 * weight)
    streamed = type(model)(**model.get_params())
    for rows in (slice(0, 100), slice(100, 240)):
        target = None if y is None else y[rows]
        streamed.partial_fit(X[rows], target, sample_weight=np.full(len(X[rows]), weight))
    assert_allclose(streamed.components_, expected.components_, atol=atol)


def test_one_weight_may_outweigh_all_others():
    weight = np.ones(240)
    weight[3] = 1e20
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = HeteroPCA(2, random_state=0).fit(samples().astype(float), sample_weight=weight)
    assert np.isfinite(model.singular_values_).all()


# --- functions -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "X", [np.array([[3, -5]]), np.array([[np.nan, 4.5]]), sparse.csr_array([[0.0, -7.0]])]
)
def test_the_unit_is_a_power_of_two_above_the_largest_entry(X):
    assert unit_of(X) == 8.0


def test_the_unit_has_an_inverse():
    assert unit_of(np.zeros((2, 2))) == 1.0
    for size in (5e-324, 1.7e308):
        assert np.isfinite(1.0 / unit_of(np.array([[size]])))


def test_arrays_are_rounded_where_the_type_holds_them():
    assert rounded(np.array([1.0, 1e-60]) - 1e-70, np.float32).dtype == np.float64
    assert_array_equal(rounded(np.array([1.0, -1e-60]), np.float32), [1, 0])
    assert rounded(np.array([1e39, 1.0]), np.float32).dtype == np.float64
    assert rounded(np.zeros(2), np.float32).dtype == np.float32
    assert rounded(np.zeros(0), np.float32).dtype == np.float32


def test_a_warning_says_that_variances_leave_float64():
    with pytest.warns(RuntimeWarning, match=r"noise_variance_ and other .* are inf or 0"):
        LinearContrastive(2).fit(samples().astype(float) * 1e160)


@pytest.mark.parametrize(
    ("dtype", "size"), [("float32", 1e18), ("float32", 1e-25), ("float64", 1e155)]
)
@pytest.mark.parametrize("solver", ["gram", "operator"])
def test_samples_on_a_device_are_scaled_too(solver, dtype, size):
    X = samples().astype(np.float64)
    expected = LinearContrastive(2, solver=solver, random_state=0).fit(X)
    with config_context(array_api_dispatch=True):
        tensor = torch.asarray((X * size).astype(dtype))
        model = LinearContrastive(2, solver=solver, random_state=0).fit(tensor)
        scores = model.transform(tensor)
    assert scores.dtype == tensor.dtype
    assert_allclose(model.components_.numpy(), expected.components_, atol=1e-5)
    assert_allclose(scores.numpy().astype(float) / size, expected.transform(X), atol=1e-4)
