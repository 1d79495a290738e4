"""LinearContrastive with degenerate samples and invalid samples, weights or parameters."""

import functools
import pickle
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, NotFittedError

from sklearn_contrastive import LinearContrastive, linear
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.exceptions import ComponentsWarning, HeywoodWarning

heywood_allowed = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning"
)
each_solver = pytest.mark.parametrize("solver", ["gram", "operator"])


def clear_samples(n_samples=300, seed=0, offset=0.0):
    """Samples with two components, each on six of twelve features."""
    return make_spiked_covariance(
        n_samples,
        12,
        2,
        subspace="sparse",
        support_size=6,
        signal=[4.0, 5.0],
        noise=1.0,
        mean=offset,
        random_state=seed,
    )[0]


def frame_of(X):
    return pd.DataFrame(X, columns=[f"sensor {i}" for i in range(X.shape[1])])


def assert_same_fit(model, other, rtol=1e-6):
    """Assert that noise, subspace and covariance agree to the stopping rule of refinement."""
    assert model.n_components_ == other.n_components_
    assert_allclose(model.noise_variance_, other.noise_variance_, rtol=rtol)
    projectors = [m.components_.T @ m.components_ for m in (model, other)]
    assert_allclose(*projectors, rtol=0, atol=10 * rtol)
    assert_allclose(model.get_covariance(), other.get_covariance(), rtol=0, atol=100 * rtol)


# --- degenerate samples --------------------------------------------------------------------------


@each_solver
def test_one_sample_is_refused(solver):
    with pytest.raises(ValueError, match=r"1 sample\(s\) while a minimum of 2 is required"):
        LinearContrastive(solver=solver).fit(clear_samples()[:1])


@heywood_allowed
@each_solver
def test_two_samples_have_one_component(solver):
    X = clear_samples()[:2]
    model = LinearContrastive(1, solver=solver, random_state=0).fit(X)
    assert model.n_components_ == 1
    scores = model.transform(X)
    assert scores[0] == pytest.approx(-scores[1])
    with pytest.warns(ComponentsWarning, match="No component was found"):
        assert LinearContrastive(solver=solver).fit(X).n_components_ == 0


@each_solver
@pytest.mark.parametrize("n_components", ["auto", 1, 0.5, None])
@pytest.mark.parametrize("max_iter", [0, 100])
def test_a_single_feature_shares_no_variance(solver, n_components, max_iter):
    x = np.random.default_rng(0).normal(size=(50, 1))
    with pytest.warns(ComponentsWarning):
        model = LinearContrastive(n_components, max_iter=max_iter, solver=solver).fit(x)
    n_columns = 1 if n_components == 1 else 0  # an integer is the number of columns
    assert model.n_components_ == n_columns
    assert_allclose(model.common_variance_, np.zeros(n_columns), atol=1e-12)
    assert_allclose(model.noise_variance_, x.var(ddof=1))
    assert model.transform(x).shape == (50, n_columns)
    assert model.get_feature_names_out().shape == (n_columns,)


@each_solver
@pytest.mark.parametrize("constant", [0.0, 0.1, -7.0, 100 / 3, 1e8 / 3])
@pytest.mark.parametrize("n_components", ["auto", 2])
@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def test_constant_columns_have_no_effect(solver, constant, n_components, kind):
    X = clear_samples()
    with_constants = np.insert(X, [0, 5], constant, axis=1)
    model = LinearContrastive(n_components, solver=solver).fit(kind(with_constants))
    others = np.ones(14, bool)
    others[[0, 6]] = False
    plain = LinearContrastive(n_components, solver=solver).fit(X)
    assert_allclose(model.components_[:, ~others], 0, atol=1e-12)
    assert_allclose(model.noise_variance_[others], plain.noise_variance_, rtol=1e-6)
    assert_allclose(model.noise_variance_[~others], plain.noise_variance_.min(), rtol=1e-6)
    assert_allclose(
        model.components_[:, others].T @ model.components_[:, others],
        plain.components_.T @ plain.components_,
        atol=1e-5,
    )


@each_solver
@pytest.mark.parametrize("n_components", ["auto", 1, 0.5, None])
@pytest.mark.parametrize("max_iter", [0, 100])
def test_constant_samples_have_no_component(solver, n_components, max_iter):
    X = np.full((10, 4), 3.1)
    with pytest.warns(ComponentsWarning):
        model = LinearContrastive(n_components, max_iter=max_iter, solver=solver).fit(X)
    assert model.transform(X).shape == (10, 0)
    assert np.all(model.noise_variance_ > 0)
    assert np.isfinite(model.score(X))
    assert_array_equal(model.explained_variance_ratio_, np.zeros(0))


@each_solver
def test_independent_features_have_no_component(solver):
    X = np.random.default_rng(0).normal(size=(200, 8))
    with pytest.warns(ComponentsWarning, match="No component was found"):
        model = LinearContrastive(solver=solver).fit(X)
    assert model.n_components_ == 0
    assert model.transform(X).shape == (200, 0)
    assert model.inverse_transform(model.transform(X)).shape == X.shape
    assert_allclose(model.get_covariance(), np.diag(X.var(axis=0, ddof=1)))


@each_solver
def test_fewer_samples_than_features_find_the_subspace(solver):
    X, truth = make_spiked_covariance(80, 200, 2, signal=12.0, random_state=0)
    model = LinearContrastive(solver=solver, random_state=0).fit(X)
    assert model.n_components_ == 2
    assert np.linalg.svd(model.components_ @ truth.components.T)[1].min() > 0.95


@each_solver
def test_the_closed_form_has_loadings_of_positive_eigenvalues_only(solver):
    X = clear_samples()
    model = LinearContrastive(12, max_iter=0, solver=solver)
    with pytest.warns(ComponentsWarning, match="the others are the next directions"):
        model.fit(X)
    covariance = np.cov(X.T)
    values = np.linalg.eigvalsh(covariance - np.diag(np.diag(covariance)))
    assert model.n_components_ == 12  # columns as asked
    assert_allclose(model.eigenvalues_, values[::-1], rtol=0, atol=1e-8 * values[-1])
    assert_array_equal(model.common_variance_ > 0, model.eigenvalues_ > 0)


@heywood_allowed
# as many components as features: where they vanish the likelihood has kinks
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@each_solver
def test_directions_that_shrink_to_zero_keep_a_column_without_loadings(solver):
    with pytest.warns(ComponentsWarning, match="the others are the next directions"):
        model = LinearContrastive(12, solver=solver).fit(clear_samples())
    assert model.n_components_ == 12
    assert 2 <= np.sum(model.common_variance_ > 0) < 12
    assert_allclose(
        model.components_ @ model.components_.T, np.eye(model.n_components_), atol=1e-12
    )


@each_solver
def test_two_equal_columns_warn_of_vanishing_noise(solver):
    X = clear_samples()
    X = np.column_stack([X, X[:, 0]])
    with pytest.warns(HeywoodWarning, match="completely.*: features 0, 12. Their noise was set"):
        model = LinearContrastive(2, solver=solver).fit(X)
    assert np.all(model.noise_variance_[[0, 12]] <= 1.1 * X[:, 0].var(ddof=1) / len(X) ** 2)
    assert_allclose(model.components_[:, 0], model.components_[:, 12], atol=1e-3)
    # the closed form has no floor here
    LinearContrastive(2, max_iter=0, solver=solver).fit(X)


@each_solver
@pytest.mark.parametrize("n_components", ["auto", 2])
@pytest.mark.parametrize(
    "units",
    [
        np.r_[1e12, np.ones(11)],
        np.r_[np.ones(11), 1e-12],
        np.logspace(-6, 6, 12),
        np.full(12, 1e12),
    ],
    ids=["one large", "one small", "all different", "all large"],
)
def test_feature_scales_may_differ_by_1e12(solver, n_components, units):
    X = clear_samples()
    plain = LinearContrastive(n_components, solver=solver).fit(X)
    model = LinearContrastive(n_components, solver=solver).fit(X * units)
    assert model.n_components_ == 2
    assert_allclose(model.noise_variance_, units**2 * plain.noise_variance_, rtol=1e-6)
    common = model.loadings_ @ model.loadings_.T / np.outer(units, units)
    assert_allclose(common, plain.loadings_ @ plain.loadings_.T, rtol=0, atol=1e-4)
    assert_allclose(
        model.score(X * units), plain.score(X) - np.log(units).sum(), rtol=1e-6, atol=1e-6
    )


@each_solver
@pytest.mark.parametrize("n_components", ["auto", 2])
def test_an_offset_of_1e8_costs_only_the_rounding_of_the_samples(solver, n_components):
    X = clear_samples()
    far = X + 1e8
    exact = LinearContrastive(n_components, solver=solver).fit(far - 1e8)
    model = LinearContrastive(n_components, solver=solver).fit(far)
    assert_same_fit(model, exact)
    scores = model.transform(far) @ model.components_
    assert_allclose(scores, exact.transform(far - 1e8) @ exact.components_, atol=1e-5)
    assert_allclose(model.score(far), exact.score(far - 1e8), rtol=1e-6)


@each_solver
def test_sparse_samples_far_from_zero_lose_only_the_digits_of_implicit_centring(solver):
    # mean^2 / variance = 1e8 of 1e16
    X = clear_samples() + 3e4
    model = LinearContrastive(2, solver=solver).fit(sparse.csr_array(X))
    assert_same_fit(model, LinearContrastive(2, solver=solver).fit(X), rtol=1e-5)


@heywood_allowed
@pytest.mark.parametrize(("seed", "feature"), [(2, 8), (9, 7)])
def test_a_component_on_a_single_feature_gives_a_warning(seed, feature):
    # two factors on six features each, a third on feature 0 alone, which no covariance contains;
    # the third component found instead rests on one feature as well
    components = np.zeros((3, 20))
    components[0, 0] = 1.0
    components[1, 1:7] = components[2, 10:16] = 6**-0.5
    X, _ = make_spiked_covariance(
        2000, 20, 3, subspace=components, signal=3.0, noise=1.0, random_state=seed
    )
    with pytest.warns(
        ComponentsWarning, match=rf"rests on one feature alone \(feature {feature}\)"
    ):
        LinearContrastive(3, random_state=0).fit(X)
    with pytest.warns(ComponentsWarning, match=rf"\(feature sensor {feature}\)"):
        LinearContrastive(3, random_state=0).fit(frame_of(X))
    assert LinearContrastive(random_state=0).fit(X).n_components_ == 2


def test_noise_at_the_floor_gives_a_heywood_warning():
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(1000, 1))
    X = np.hstack([factor, factor, factor + rng.normal(size=(1000, 5))])
    with pytest.warns(HeywoodWarning, match="completely.*: features sensor 0, sensor 1. Their"):
        model = LinearContrastive(1).fit(frame_of(X))
    assert_allclose(model.noise_variance_[:2], 1000**-2 * X[:, :2].var(axis=0, ddof=1))


def test_the_prior_keeps_a_feature_without_noise_above_the_floor():
    rng = np.random.default_rng(0)
    factor = rng.normal(size=(1000, 1))
    X = np.hstack([factor, factor + rng.normal(size=(1000, 5))])
    share = LinearContrastive(1).fit(X).noise_variance_ / X.var(axis=0)
    assert 1e-3 < share[0] < 0.02
    assert np.all(share[1:] > 0.4)


@pytest.mark.parametrize("max_iter", [1, 2])
def test_too_few_iterations_give_a_convergence_warning(max_iter):
    with pytest.warns(ConvergenceWarning, match="increase max_iter or tol"):
        model = LinearContrastive(2, max_iter=max_iter).fit(clear_samples())
    assert model.n_components_ == 2
    assert model.n_iter_ == max_iter


def test_a_looser_tolerance_takes_fewer_iterations():
    X = clear_samples()
    counts = [LinearContrastive(2, tol=tol).fit(X).n_iter_ for tol in (0.1, 1e-3, 1e-9)]
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


# --- samples that cannot be used -----------------------------------------------------------------

INVALID = {
    "inf": ([[1.0, np.inf], [2.0, 3.0]], "contains infinity|X has 2 features"),
    "strings": ([["a", "b"], ["c", "d"]], "not compatible with arrays of bytes/strings"),
    "objects": (np.array([[1.0, {}], [2.0, 3.0]], dtype=object), "float"),
    "complex": (np.full((2, 2), 1.0 + 2.0j), "Complex data not supported"),
    "no rows": (np.empty((0, 3)), r"0 sample\(s\)"),
    "no columns": (np.empty((3, 0)), r"0 feature\(s\)"),
    "1-D": ([1.0, 2.0, 3.0], "Expected 2D array, got 1D array"),
    "3-D": (np.zeros((2, 2, 2)), "dim 3"),
    "sparse nan": (
        sparse.csr_array([[np.nan, 1.0], [0.0, 1.0]]),
        "Sparse X contains NaN|X has 2 features",
    ),
    "sparse complex": (sparse.csr_array([[1j, 1.0], [0.0, 1.0]]), "Complex data not supported"),
    "nothing": (None, "Expected 2D array, got scalar"),
}


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")  # X is mostly no frame
@pytest.mark.parametrize("name", INVALID)
def test_invalid_samples_are_refused_and_the_earlier_fit_stays(name):
    X, message = INVALID[name]
    good = frame_of(clear_samples())
    model = LinearContrastive(2, random_state=0).fit(good)
    before = pickle.dumps(model)
    methods = (model.fit, model.fit_transform, model.partial_fit, model.transform, model.score)
    for refused in (*methods, LinearContrastive().fit, LinearContrastive().partial_fit):
        with pytest.raises((ValueError, TypeError), match=message):
            refused(X)
    assert pickle.dumps(model) == before
    assert_array_equal(model.transform(good), pickle.loads(before).transform(good))
    assert model.n_features_in_ == 12
    assert list(model.feature_names_in_) == list(good.columns)


@pytest.mark.parametrize("name", INVALID)
def test_a_failed_first_fit_sets_no_attributes(name):
    X, message = INVALID[name]
    model = LinearContrastive()
    for method in (model.fit, model.partial_fit):
        with pytest.raises((ValueError, TypeError), match=message):
            method(X)
        assert [attribute for attribute in vars(model) if attribute.endswith("_")] == []
        with pytest.raises(NotFittedError):
            model.transform(clear_samples())


@pytest.mark.parametrize("method", ["transform", "score", "score_samples", "partial_fit"])
def test_other_features_than_in_fit_are_refused(method):
    X = frame_of(clear_samples())
    model = LinearContrastive(2).fit(X)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match="feature names should match"):
        getattr(model, method)(X.rename(columns={"sensor 3": "other"}))
    with pytest.raises(ValueError, match="feature names should match"):
        getattr(model, method)(X.iloc[:, ::-1])
    model_of_arrays = LinearContrastive(2).fit(X.to_numpy())
    with pytest.raises(
        ValueError, match="X has 11 features, but LinearContrastive is expecting 12"
    ):
        getattr(model_of_arrays, method)(X.to_numpy()[:, 1:])
    assert pickle.dumps(model) == before


def test_inverse_transform_refuses_a_wrong_number_of_scores():
    model = LinearContrastive(2).fit(clear_samples())
    with pytest.raises(ValueError, match="X has 3 columns, but LinearContrastive found 2"):
        model.inverse_transform(np.zeros((4, 3)))


@pytest.mark.parametrize(
    "method",
    ["transform", "inverse_transform", "score", "score_samples"],
)
def test_methods_before_fit_raise_not_fitted_error(method):
    with pytest.raises(NotFittedError):
        getattr(LinearContrastive(), method)(clear_samples())
    for method in ("get_covariance", "get_precision", "get_feature_names_out"):
        with pytest.raises(NotFittedError):
            getattr(LinearContrastive(), method)()


# --- parameters ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_components", -1),
        ("n_components", 0.0),
        ("n_components", 1.0),
        ("n_components", 1.5),
        ("n_components", np.nan),
        ("n_components", "all"),
        ("n_components", [2]),
        ("noise_weighted", "yes"),
        ("max_iter", -1),
        ("max_iter", 2.5),
        ("tol", 0.0),
        ("tol", -1.0),
        ("whiten", "arbitrary"),
        ("solver", "full"),
        ("random_state", "seed"),
    ],
)
def test_invalid_parameters_are_refused_by_name(parameter, value):
    X = clear_samples()
    model = LinearContrastive(2).fit(X)
    before = model.transform(X)
    model.set_params(**{parameter: value})
    for method in (model.fit, LinearContrastive(**{parameter: value}).partial_fit):
        with pytest.raises(ValueError, match=f"'{parameter}' parameter of LinearContrastive"):
            method(X)
    assert_array_equal(model.transform(X), before)


@each_solver
def test_more_components_than_samples_or_features_are_refused(solver):
    X = clear_samples()
    with pytest.raises(ValueError, match=r"n_components=13 must be between 0 and .*=12"):
        LinearContrastive(13, solver=solver).fit(X)
    with pytest.raises(ValueError, match=r"n_components=6 must be between 0 and .*=5"):
        LinearContrastive(6, solver=solver).fit(X[:5])
    with pytest.raises(ValueError, match=r"n_components=13 must be between 0 and .*=12"):
        LinearContrastive(13).partial_fit(X)


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_mle_is_refused_and_auto_recommended(method):
    with pytest.raises(ValueError, match=r"'mle' assumes equal noise .* use \"auto\""):
        getattr(LinearContrastive("mle"), method)(clear_samples())


# --- weights -------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("weight", "message"),
    [
        (np.r_[-1.0, np.ones(299)], "Negative values"),
        (np.r_[np.nan, np.ones(299)], "contains NaN"),
        (np.r_[np.inf, np.ones(299)], "contains infinity|X has 2 features"),
        (np.ones(299), r"sample_weight.shape == \(299,\), expected \(300,\)"),
        (np.ones((300, 2)), "Sample weights must be 1D"),
        # scikit-learn's message since 1.9, and ours
        (np.zeros(300), "at least one non-zero|sum of sample_weight is 0"),
        (np.full(300, "a"), "could not convert string"),
    ],
    ids=["negative", "nan", "inf", "short", "2-D", "zero", "strings"],
)
def test_invalid_weights_are_refused_and_the_earlier_fit_stays(method, weight, message):
    X = clear_samples()
    model = LinearContrastive(2, random_state=0).fit(X)
    before = pickle.dumps(model)
    if method == "partial_fit" and message.startswith("at least one"):
        # a chunk of weight 0 is allowed
        assert model.partial_fit(X, sample_weight=weight).n_samples_ == len(X)
        return
    with pytest.raises(ValueError, match=message):
        getattr(model, method)(X, sample_weight=weight)
    assert pickle.dumps(model) == before


@each_solver
def test_weights_must_sum_to_more_than_1(solver):
    X = clear_samples()
    with pytest.raises(ValueError, match="sum of sample_weight is 1, but it must exceed 1"):
        LinearContrastive(2, solver=solver).fit(X, sample_weight=np.r_[1.0, np.zeros(299)])
    with pytest.raises(ValueError, match=r"sum of sample_weight is 0\.9, but it must exceed 1"):
        LinearContrastive(2, solver=solver).fit(X, sample_weight=np.full(300, 0.003))


@each_solver
def test_one_row_of_weight_5_equals_five_equal_samples(solver):
    x = clear_samples()[:1]
    with pytest.warns(ComponentsWarning, match="No component was found"):
        model = LinearContrastive(solver=solver).fit(x, sample_weight=[5.0])
    assert model.n_samples_ == 5
    assert_allclose(model.mean_, x[0])
    assert model.transform(x).shape == (1, 0)
    # fewer samples than features: provisional, and no warning yet
    chunked = LinearContrastive().partial_fit(x, sample_weight=[5.0])
    assert chunked.n_samples_ == 5
    assert chunked.n_components_ == 0


@each_solver
@pytest.mark.parametrize("constant", [0.0, 0.1, 7.0])
def test_a_column_constant_where_weights_are_positive_has_no_effect(solver, constant):
    X = clear_samples(400)
    X[:300, 4] = constant
    weight = np.r_[np.ones(300), np.zeros(100)]
    weighted = LinearContrastive(2, solver=solver).fit(X, sample_weight=weight)
    assert_same_fit(weighted, LinearContrastive(2, solver=solver).fit(X[:300]))


# --- the earlier fit survives --------------------------------------------------------------------


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize(
    "place",
    [
        "_moment_estimator.covariance_of",
        "_contrastive.fit_factor_model",
        "_contrastive.LinearContrastive._set_model",
    ],
)
@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_an_interrupted_fit_keeps_the_earlier_one(error, place, method):
    X = frame_of(clear_samples())
    model = LinearContrastive(2, random_state=0).fit(X)
    before = pickle.dumps(model)
    samples = X if method == "partial_fit" else X.iloc[:, :7].rename(columns=str.upper)
    *owners, name = place.split(".")
    owner = functools.reduce(getattr, owners, linear)
    with mock.patch.object(owner, name, side_effect=error), pytest.raises(error):
        getattr(model, method)(samples)
    assert pickle.dumps(model) == before
    assert model.n_features_in_ == 12
    assert_array_equal(model.transform(X), pickle.loads(before).transform(X))


def test_a_warning_raised_as_an_error_keeps_the_earlier_fit():
    X = clear_samples()
    model = LinearContrastive(2, random_state=0).fit(X)
    before = pickle.dumps(model)
    with pytest.raises(ComponentsWarning):
        model.set_params(n_components="auto").fit(np.random.default_rng(0).normal(size=(200, 8)))
    assert pickle.dumps(model.set_params(n_components=2)) == before


def test_a_refit_replaces_the_earlier_fit():
    X = clear_samples()
    model = LinearContrastive(2, random_state=0).fit(frame_of(X))
    model.fit(X[:, :11] + 3.0)
    fresh = LinearContrastive(2, random_state=0).fit(X[:, :11] + 3.0)
    assert model.n_features_in_ == 11
    assert not hasattr(model, "feature_names_in_")
    assert_array_equal(model.components_, fresh.components_)
    assert model.n_samples_ == 300


# --- partial_fit ---------------------------------------------------------------------------------


@heywood_allowed
@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.ComponentsWarning")
def test_partial_fit_of_one_sample_is_not_fitted():
    X = clear_samples()
    model = LinearContrastive(1)
    for weight in (None, [0.0]):
        if weight is None:
            model.partial_fit(X[:1])
        with pytest.raises(NotFittedError):
            model.transform(X)
        with pytest.raises(NotFittedError):
            model.score(X)
    assert model.partial_fit(X[1:2]).transform(X).shape == (300, 1)
    assert model.n_samples_ == 2


def test_a_refused_chunk_has_no_effect():
    X = clear_samples()
    model = LinearContrastive(2).partial_fit(X[:150])
    bad = X[150:].copy()
    bad[3, 4] = np.inf
    for chunk, weight in ((bad, None), (X[:, :5], None), (X[150:], np.full(150, -1.0))):
        with pytest.raises(ValueError, match=r"infinity|5 features|Negative"):
            model.partial_fit(chunk, sample_weight=weight)
    assert model.n_samples_ == 150
    model.partial_fit(X[150:])
    assert_same_fit(model, LinearContrastive(2).fit(X))


def test_a_refused_first_row_has_no_effect():
    X = clear_samples()
    model = LinearContrastive(2)
    with pytest.raises(ValueError, match="infinity"):
        model.partial_fit(np.full((1, 3), np.inf))
    model.partial_fit(X)  # twelve features, not three
    assert model.n_samples_ == 300


def test_partial_fit_continues_a_fit_that_formed_the_scatter():
    X = clear_samples()
    model = LinearContrastive(2).fit(X[:100])
    assert_same_fit(model.partial_fit(X[100:]), LinearContrastive(2).fit(X))
    with_few = LinearContrastive(2, solver="gram")
    with_few.fit(X[:8])
    assert_same_fit(with_few.partial_fit(X[8:]), LinearContrastive(2).fit(X))


@heywood_allowed
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "model",
    [
        LinearContrastive(2).fit,
        LinearContrastive(2, solver="operator").fit,
    ],
    ids=["fewer samples than features", "operator"],
)
def test_partial_fit_without_the_scatter_is_refused_with_advice(model):
    X = clear_samples()
    fitted = model(X[:8])
    before = pickle.dumps(fitted)
    with pytest.raises(ValueError, match=r"partial_fit cannot continue .* solver=\"gram\""):
        fitted.partial_fit(X)
    assert pickle.dumps(fitted) == before


def test_chunks_in_different_containers_equal_one_fit():
    X = clear_samples()
    model = LinearContrastive(2, tol=1e-6)
    for chunk in (
        X[:100].tolist(),
        sparse.csr_array(X[100:150]),
        sparse.csc_array(X[150:200]),
        X[200:250],
        np.asfortranarray(X[250:]),
    ):
        model.partial_fit(chunk)
    assert_same_fit(model, LinearContrastive(2, tol=1e-6).fit(X))
