"""Moments: sums of chunks, fits to them, and reducers that keep or drop them."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers.assertions import assert_identical, assert_same_factor_model
from helpers.strategies import SEEDS, WEIGHTS, partitions, weights_of, with_gaps
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from sklearn_contrastive import HeteroPCA, LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.exceptions import ComponentsWarning
from sklearn_contrastive.linear import Moments

TOL = 1e-9
ESTIMATORS = [
    LinearContrastive(3, tol=TOL, random_state=0),
    LinearContrastive(tol=TOL, random_state=0),
    LinearContrastive(0.9, tol=TOL, random_state=0),
    LinearContrastive(3, max_iter=0, tol=TOL, random_state=0),
    LinearContrastive(3, feature_groups=[0, 0, *range(1, 19)], tol=TOL, random_state=0),
    LinearContrastive(3, whiten=True, tol=TOL, random_state=0),
    HeteroPCA(3, random_state=0, tol=1e-9),
]
each_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)


def samples(n_samples=600, offset=5.0, dtype=np.float64):
    noise = [3.0, 2.0] + [1.0] * 18
    drawn = make_spiked_covariance(n_samples, 20, 3, signal=3.0, noise=noise, random_state=0)
    return (drawn[0] + offset).astype(dtype)


def moments_in_chunks(X, n_chunks=7):
    return sum(Moments.from_array(chunk) for chunk in np.array_split(X, n_chunks))


@given(
    data=st.data(),
    n_samples=st.integers(2, 40),
    kind=WEIGHTS,
    storage=st.sampled_from(["dense", "csr", "gaps", "float32", "integers"]),
    seed=SEEDS,
)
def test_the_sum_over_any_partition_has_the_moments_of_all_samples(
    data, n_samples, kind, storage, seed
):
    X = np.random.default_rng(seed).normal(3.0, 2.0, size=(n_samples, 4)).round(1)
    weight = weights_of(kind, n_samples, seed, least=1)
    if storage == "gaps":
        X = with_gaps(X, 0.2, seed)
    stored = {"float32": np.float32, "integers": np.int64}.get(storage)
    X = X if stored is None else X.astype(stored)

    def moments_of(rows):
        chunk = sparse.csr_array(X[rows]) if storage == "csr" else X[rows]
        return Moments.from_array(chunk, None if weight is None else weight[rows])

    total = sum(moments_of(rows) for rows in data.draw(partitions(n_samples)))
    counts = np.ones(n_samples) if weight is None else weight
    assert total.n_samples == pytest.approx(counts.sum())
    rounding = 1e-4 if storage == "float32" else 1e-10
    observed = ~np.isnan(X)
    mean = np.nansum(counts[:, None] * X, axis=0) / np.maximum(counts @ observed, 1e-300)
    assert_allclose(total.mean, mean, rtol=rounding)
    if storage != "gaps":
        centred = X - mean
        expected = (counts[:, None] * centred).T @ centred / (counts.sum() - 1)
        assert_allclose(total.covariance, expected, rtol=0, atol=100 * rounding)
    else:
        whole = moments_of(np.arange(n_samples))
        assert_allclose(total.covariance, whole.covariance, rtol=0, atol=100 * rounding)


@each_estimator
@pytest.mark.filterwarnings("ignore:n_components=0.9 is a share")
def test_a_fit_to_moments_is_the_fit_to_the_samples(estimator):
    X = samples()
    whole = clone(estimator).fit(X)
    fitted = clone(estimator).fit_moments(moments_in_chunks(X))
    assert_same_factor_model(fitted, whole, size=X.std(), tol=1e-6)
    assert_allclose(fitted.transform(X), whole.transform(X), atol=1e-6)
    assert fitted.n_samples_ == 600
    assert fitted.n_features_in_ == 20


def test_fits_to_moments_of_sparse_and_weighted_samples_are_those_to_the_samples():
    X = samples(offset=0.0) * (np.random.default_rng(1).uniform(size=(600, 20)) < 0.5)
    weight = np.random.default_rng(2).integers(1, 4, size=600)
    stored = sparse.csr_array(X)
    moments = Moments.from_array(stored[:100], weight[:100])
    moments += Moments.from_array(stored[100:], weight[100:])
    estimator = LinearContrastive(3, tol=TOL, random_state=0)
    whole, fitted = clone(estimator).fit(stored, sample_weight=weight), estimator
    fitted.fit_moments(moments)
    assert_same_factor_model(fitted, whole, size=1.0, tol=1e-6)
    assert fitted.n_samples_ == weight.sum()


def test_incomplete_samples_are_fitted_as_by_partial_fit():
    X = with_gaps(samples(), 0.1, 0)
    fitted = LinearContrastive(3, random_state=0).fit_moments(moments_in_chunks(X, 2))
    streamed = LinearContrastive(3, random_state=0).partial_fit(X)
    assert_allclose(fitted.noise_variance_, streamed.noise_variance_, rtol=1e-6)


def test_a_fit_to_moments_of_classes_is_the_fit_to_labelled_samples():
    X = samples()
    y = np.random.default_rng(0).integers(-1, 3, size=600)
    X[y == 2, :3] += 2.0
    estimator = SupervisedLinearContrastive(3, tol=TOL, random_state=0)
    whole = clone(estimator).fit(X, y)
    by_class = {label: Moments.from_array(X[y == label]) for label in (2, 0, -1, 1)}
    fitted = clone(estimator).fit_moments(by_class)
    assert_same_factor_model(fitted, whole, size=X.std(), tol=1e-6)
    assert_array_equal(fitted.classes_, [0, 1, 2])
    assert set(fitted.moments_) == {None, 0, 1, 2}
    again = clone(estimator).fit_moments(fitted.moments_)
    assert_allclose(again.components_, fitted.components_, atol=1e-8)
    with pytest.raises(TypeError, match="needs a dict with the Moments of each label"):
        estimator.fit_moments(moments_in_chunks(X))


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_chunks_in_any_unit_can_be_added(scale):
    X = samples()
    moments = sum(Moments.from_array(scale * part) for part in (X[:50], X[50:]))
    assert_allclose(moments.mean / scale, X.mean(axis=0))
    fitted = LinearContrastive(3, random_state=0)
    with pytest.warns(RuntimeWarning, match="leave the range of float64"):
        fitted.fit_moments(moments)
    whole = LinearContrastive(3, random_state=0).fit(X)
    assert_allclose(fitted.components_, whole.components_, atol=1e-6)
    both = Moments.from_array(scale * X) + Moments.from_array(X)
    expected = Moments.from_array(np.vstack([scale * X, X]))
    size = max(1.0, scale)
    assert_allclose(both.mean / size, expected.mean / size)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_attributes_have_the_float_type_of_the_samples(dtype):
    moments = moments_in_chunks(samples(dtype=dtype)) + Moments.from_array(np.zeros((0, 20)))
    fitted = LinearContrastive(3, random_state=0).fit_moments(moments)
    assert fitted.components_.dtype == dtype
    assert fitted.moments_.dtype == dtype


def test_names_of_features_are_kept_and_compared():
    frame = pd.DataFrame(samples(), columns=[f"x{i}" for i in range(20)])
    empty = frame.iloc[:0]
    moments = Moments.from_array(empty) + Moments.from_array(frame[:9]) + Moments.from_array(frame)
    fitted = LinearContrastive(3, random_state=0).fit_moments(moments)
    assert_array_equal(fitted.feature_names_in_, frame.columns)
    assert_array_equal(fitted.moments_.feature_names, frame.columns)
    turned = Moments.from_array(frame[frame.columns[::-1]])
    with pytest.raises(ValueError, match=r"Column 0 is 'x0' in one chunk and 'x19' in another"):
        moments + turned
    fitted.fit_moments(Moments.from_array(frame.to_numpy()))
    assert not hasattr(fitted, "feature_names_in_")


def test_partial_fit_continues_from_moments():
    X = samples()
    streamed = LinearContrastive(3, tol=TOL, random_state=0)
    streamed.fit_moments(Moments.from_array(X[:400])).partial_fit(X[400:])
    whole = LinearContrastive(3, tol=TOL, random_state=0).fit(X)
    assert_same_factor_model(streamed, whole, size=X.std(), tol=1e-6)


def test_moments_of_two_fits_together_are_those_of_all_samples():
    X = samples()
    parts = [LinearContrastive(3).fit(part).moments_ for part in (X[:100], X[100:])]
    assert_allclose((parts[0] + parts[1]).covariance, np.cov(X.T), atol=1e-12)


def test_a_reducer_without_its_moments_is_small_and_transforms_as_before():
    X = samples()
    fitted = LinearContrastive(3, random_state=0).fit(X)
    large, scores = len(pickle.dumps(fitted)), fitted.transform(X)
    assert fitted.drop_moments() is fitted
    assert len(pickle.dumps(fitted)) < large - 8 * 20 * 20
    assert_array_equal(fitted.transform(X), scores)
    assert not hasattr(fitted, "moments_")
    with pytest.raises(ValueError, match=r"partial_fit cannot continue: drop_moments\(\) removed"):
        fitted.partial_fit(X)
    fitted.fit(X[:300]).partial_fit(X[300:])
    assert fitted.moments_.n_samples == 600


def test_fits_that_form_no_scatter_have_no_moments():
    few = LinearContrastive(2, random_state=0).fit(samples(15))
    with pytest.raises(AttributeError, match="did not form the scatter"):
        few.moments_  # noqa: B018
    with pytest.raises(NotFittedError):
        LinearContrastive().drop_moments()


def test_a_fit_that_fails_leaves_the_earlier_one():
    X = samples()
    fitted = LinearContrastive(3, random_state=0).fit(X)
    expected = clone(fitted).fit(X)
    with pytest.raises(ValueError, match="n_components=3 must be between 0 and"):
        fitted.fit_moments(Moments.from_array(X[:, :2]))
    assert_identical(fitted, expected)
    assert fitted.n_features_in_ == 20


def test_a_fit_to_moments_has_nothing_of_the_rows_of_a_robust_fit():
    X = samples(200)
    fitted = LinearContrastive(3, robust="rows", random_state=0).fit(X)
    assert hasattr(fitted, "sample_noise_")
    fitted.set_params(robust=False).fit_moments(Moments.from_array(X))
    assert not hasattr(fitted, "sample_noise_")
    plain = LinearContrastive(3, random_state=0).fit(X)
    assert_allclose(fitted.transform(X), plain.transform(X), atol=1e-8)


@pytest.mark.parametrize(
    ("moments", "error", "message"),
    [
        (samples(5), TypeError, "needs Moments, but got ndarray"),
        (Moments.from_array(samples(1)), ValueError, "of 1 sample"),
        (Moments.from_array(np.zeros((0, 20))), ValueError, "of 0 sample"),
        (
            Moments.from_array([[1.0, np.nan], [np.nan, 1.0]]),
            ValueError,
            r"no sample has both features of the pairs \(0, 1\)",
        ),
    ],
)
def test_moments_that_determine_no_fit_are_refused(moments, error, message):
    with pytest.raises(error, match=message):
        LinearContrastive().fit_moments(moments)


def test_options_that_read_rows_twice_or_need_complete_rows_are_refused():
    incomplete = Moments.from_array(with_gaps(samples(), 0.1, 0))
    with pytest.raises(AttributeError) as refused:
        LinearContrastive(robust=True).fit_moments(incomplete)
    assert "fit_moments cannot be used with robust=True" in str(refused.value.__cause__)
    with pytest.raises(ValueError, match="NaN, or of an indefinite covariance, but feature_groups"):
        LinearContrastive(feature_groups=[0, 0, *range(1, 19)]).fit_moments(incomplete)


def test_moments_of_other_features_cannot_be_added():
    with pytest.raises(ValueError, match="Moments of 20 features cannot be added to moments of 3"):
        Moments.from_array(samples()) + Moments.from_array(np.eye(3))
    with pytest.raises(TypeError):
        Moments.from_array(samples()) + 1
    with pytest.raises(ValueError, match="infinity"):
        Moments.from_array([[np.inf, 1.0]])


def test_moments_do_not_change_and_can_be_pickled():
    X = samples()
    moments = Moments.from_array(X)
    before = moments.covariance
    LinearContrastive(3).fit_moments(moments).partial_fit(X)
    loaded = pickle.loads(pickle.dumps(moments)) + moments
    assert_array_equal(moments.covariance, before)
    assert (moments.n_samples, loaded.n_samples) == (600, 1200)
    with pytest.raises(AttributeError):
        moments.unit = 2.0
    assert np.isnan(Moments.from_array(X[:1]).covariance).all()


# --- from a covariance matrix --------------------------------------------------------------------


@pytest.mark.parametrize("scale", [1.0, 1e-120, 1e120])
def test_a_covariance_matrix_is_fitted_as_its_samples(scale):
    X = samples()
    moments = Moments.from_covariance(np.cov(X.T) * scale**2, X.mean(axis=0) * scale, 600)
    assert_allclose(moments.covariance / scale**2, np.cov(X.T), atol=1e-12)
    fitted = LinearContrastive(3, tol=TOL, random_state=0).fit_moments(moments)
    whole = LinearContrastive(3, tol=TOL, random_state=0).fit(X)
    assert_allclose(fitted.components_, whole.components_, atol=1e-7)
    assert_allclose(fitted.transform(X * scale) / scale, whole.transform(X), atol=1e-6)
    with pytest.warns(ComponentsWarning, match="only a covariance matrix was given"):
        counted = LinearContrastive(random_state=0).fit_moments(moments)
    assert counted.n_components_ == 3


def test_rounded_correlations_of_a_frame_can_be_fitted():
    frame = pd.DataFrame(samples(30), columns=[f"x{i}" for i in range(20)])
    frame["x1"] = frame["x0"] + frame["x2"] * 0.1
    correlations = frame.corr().round(1)
    assert np.linalg.eigvalsh(correlations)[0] < 0
    moments = Moments.from_covariance(correlations, None, 30)
    fitted = LinearContrastive(2, random_state=0).fit_moments(moments)
    assert_array_equal(fitted.feature_names_in_, frame.columns)
    assert_array_equal(fitted.mean_, np.zeros(20))
    assert np.all(fitted.explained_variance_ > 0)


@pytest.mark.parametrize(
    ("covariance", "mean", "n_samples", "message"),
    [
        (np.ones((3, 2)), None, 10, "must be square"),
        (np.eye(3), [0.0], 10, r"mean has shape \(1,\)"),
        (np.eye(3), [0.0, np.nan, 0.0], 10, "mean contains NaN"),
        (np.eye(3), None, 1, "n_samples=1 must be a finite number greater than 1"),
        (np.diag([1.0, -1.0]), None, 10, r"covariance\[1, 1\]=-1 is a variance"),
        ([[1.0, 0.5], [0.0, 1.0]], None, 10, "not symmetric"),
        ([[1.0, np.nan], [np.nan, 1.0]], None, 10, "NaN"),
    ],
)
def test_what_is_no_covariance_is_refused(covariance, mean, n_samples, message):
    with pytest.raises(ValueError, match=message):
        Moments.from_covariance(covariance, mean, n_samples)


def test_a_sum_out_of_range_is_refused():
    rng = np.random.default_rng(0)
    with np.errstate(over="ignore"):
        moments = Moments.from_array(1e308 * rng.uniform(size=(7, 1)), np.full(7, 1e300))
    with pytest.raises(ValueError, match=r"out of the range of float64\. Divide the weights"):
        moments + Moments.from_array(rng.uniform(size=(7, 1)))
