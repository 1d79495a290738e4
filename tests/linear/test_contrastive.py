"""LinearContrastive: formulas, symmetries, and use within scikit-learn."""

import pickle
from dataclasses import dataclass
from functools import cached_property

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers.assertions import (
    assert_generalised_least_squares,
    assert_identical,
    assert_same_factor_model,
    assert_same_subspace,
)
from helpers.callbacks import recording_callback
from helpers.memory import memory_map, peak_memory
from helpers.strategies import SEEDS, separate_factors, spiked_problems
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.linear import (
    expected_loss_matrix,
    minimize_linear_contrastive_loss,
)
from sklearn_contrastive.linear._covariance.scatter import ScatterCovariance, scatter_covariance
from sklearn_contrastive.linear._factor.closed_form import closed_form
from sklearn_contrastive.metrics import sin_theta_distance

EPS = np.finfo(np.float64).eps
EPS32 = np.finfo(np.float32).eps
# Refinement stops where a Newton step changes no noise variance by more than tol = 1e-6 of itself.
# Newton's error after such a step is far smaller, but two ways to the same solution may stop one
# step apart.
SAME = 1e-6
SOLVERS = st.sampled_from(["gram", "operator"])
DTYPES = st.sampled_from([np.float64, np.float32])
# warnings that small or random samples cause on purpose
IGNORED = (
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)
hopeless_allowed = pytest.mark.filterwarnings(*IGNORED)


@dataclass(frozen=True)
class ClearProblem:
    """Samples of clear components, each on six features or more."""

    n_samples: int
    n_features: int
    n_components: int
    offset: float
    seed: int

    @cached_property
    def X(self):
        signal = 4.0 + np.arange(self.n_components)
        sizes = self.n_samples, self.n_features, self.n_components
        return separate_factors(*sizes, signal, (0.7, 1.4), self.offset, self.seed)[0]

    def model(self, **options):
        # tight, so that fits of the same samples agree to more digits than these determine
        return LinearContrastive(self.n_components, random_state=0, **{"tol": 1e-6} | options)

    def fitted(self, **options):
        return self.model(**options).fit(self.X)


@st.composite
def clear_problems(draw, max_features=24, offsets=(0.0, 2.0)):
    n_features = draw(st.integers(6, max_features))
    return ClearProblem(
        n_samples=draw(st.integers(150, 400)),
        n_features=n_features,
        n_components=draw(st.integers(1, n_features // 6)),
        offset=draw(st.sampled_from(list(offsets))),
        seed=draw(SEEDS),
    )


CLEAR = ClearProblem(n_samples=300, n_features=18, n_components=3, offset=2.0, seed=0)


def off_diagonal(matrix):
    return matrix - np.diag(np.diag(matrix))


def points_of(model, X):
    """Projections of samples in feature space, free of sign and rotation."""
    return model.inverse_transform(model.transform(X))


def assert_same_model(model, other, X, tol=SAME):
    """Assert that two fits on samples like X agree up to rounding."""
    size = X.std(axis=0).max()
    assert_same_factor_model(model, other, size, tol)
    assert model.n_samples_ == other.n_samples_
    assert_allclose(model.eigenvalues_, other.eigenvalues_, rtol=100 * tol)
    assert_allclose(points_of(model, X), points_of(other, X), rtol=0, atol=100 * tol * size)


def chunks_of(X, n_cuts, seed):
    """Rows shuffled and cut into n_cuts + 1 chunks, none of them empty."""
    rng = np.random.default_rng(seed)
    cuts = rng.choice(np.arange(1, len(X)), min(n_cuts, len(X) - 1), replace=False)
    return np.split(rng.permutation(X), np.sort(cuts))


# --- the closed form -----------------------------------------------------------------------------


@hopeless_allowed
@given(problem=spiked_problems())
def test_the_closed_form_is_the_leading_eigenspace_of_the_covariance_without_its_diagonal(problem):
    k = min(problem.n_components, problem.n_samples)
    X = problem.X
    model = LinearContrastive(k, max_iter=0, noise_weighted=False, random_state=0).fit(X)
    covariance = np.cov(X.T)
    values, vectors = np.linalg.eigh(off_diagonal(covariance))
    values, vectors = values[::-1], vectors[:, ::-1]
    # rounding of the samples' mean included
    scale = np.trace(covariance) + EPS * np.abs(X).max() ** 2
    positive = int(np.sum(values[: model.n_components_] > 0))
    assert positive == model.n_components_
    assert np.all(values[positive : min(k, problem.n_samples - 1)] <= 1e-9 * scale)
    assert_allclose(model.eigenvalues_, values[:positive], rtol=0, atol=1e-10 * scale)
    if positive:
        gap = values[positive - 1] - values[positive]
        assert_same_subspace(model.components_, vectors[:, :positive].T, gap, scale, eps=1e-12)
        assert_allclose(model.common_variance_, model.eigenvalues_, rtol=1e-7)
    assert model.n_iter_ <= 1


@pytest.mark.parametrize("shape", [(500, 120), (60, 150)])
def test_the_closed_form_of_many_features_is_accurate(shape):
    X, _ = make_spiked_covariance(*shape, 4, signal=8.0, random_state=0)
    values, vectors = np.linalg.eigh(off_diagonal(np.cov(X.T)))
    scale, gap = np.abs(values).max(), values[-4] - values[-5]
    for tol in (1e-6, 0.05):
        options = {"max_iter": 0, "noise_weighted": False, "tol": tol, "random_state": 0}
        model = LinearContrastive(4, **options).fit(X)
        # the eigensolver stops at residuals of this share of the eigenvalues
        residual = tol * np.sqrt(2 / len(X))
        assert_allclose(model.eigenvalues_, values[:-5:-1], rtol=residual)
        expected = vectors[:, :-5:-1].T
        assert_same_subspace(model.components_, expected, gap, scale, eps=residual)


@given(
    problem=spiked_problems(),
    size=st.sampled_from([0.0, 1.0, 1e3, 1e6]),
    seed=SEEDS,
)
def test_the_closed_form_ignores_any_diagonal(problem, size, seed):
    covariance, k = scatter_covariance(problem.X), problem.n_components
    added = np.random.default_rng(seed).uniform(0, size, size=problem.n_features)
    added *= np.trace(covariance.scatter) / problem.n_features
    n, scatter = covariance.n_samples, covariance.scatter
    shifted = ScatterCovariance(n, covariance.mean, scatter + np.diag(added))
    pairs, others = (
        closed_form(each, k, np.random.RandomState(0), None) for each in (covariance, shifted)
    )
    values = np.linalg.eigvalsh(off_diagonal(scatter) / (n - 1))[::-1]
    scale = np.diag(shifted.scatter).max() / (n - 1)
    assert_allclose(pairs.values, others.values, rtol=0, atol=100 * EPS * scale * len(values))
    assert_same_subspace(pairs.vectors.T, others.vectors.T, values[k - 1] - values[k], scale)


def test_the_closed_form_ignores_any_diagonal_of_many_features():
    X, _ = make_spiked_covariance(400, 150, 3, signal=8.0, random_state=0)
    covariance = scatter_covariance(X)
    diagonal = np.diag(np.random.default_rng(0).uniform(0, 1000, size=150) * 400)
    shifted = ScatterCovariance(400.0, covariance.mean, covariance.scatter + diagonal)
    pairs, others = (
        closed_form(each, 3, np.random.RandomState(0), None) for each in (covariance, shifted)
    )
    assert_allclose(pairs.values, others.values, rtol=1e-5)
    assert_same_subspace(pairs.vectors.T, others.vectors.T, 1.0, 1.0, eps=1e-7)


def test_the_minimiser_of_the_loss_tends_to_the_closed_form():
    distances = []
    for n_samples in (100, 1000, 10_000):
        X, _ = make_spiked_covariance(n_samples, 20, 2, signal=3.0, random_state=0)
        X = X - X.mean(axis=0)
        encoder = minimize_linear_contrastive_loss(expected_loss_matrix(X), n_samples, 2)
        minimiser = np.linalg.svd(encoder, full_matrices=False)[2]
        model = LinearContrastive(2, max_iter=0, noise_weighted=False, random_state=0).fit(X)
        distances.append(sin_theta_distance(model.components_, minimiser))
    # the loss contains 1 / n of the diagonal
    assert distances[0] < 0.01
    assert distances[1] < distances[0] / 5
    assert distances[2] < distances[1] / 5


# --- chunks, order, repetition -------------------------------------------------------------------


@hopeless_allowed  # a first chunk may be small
@given(problem=clear_problems(), n_cuts=st.integers(0, 8), seed=SEEDS)
def test_partial_fit_on_any_chunks_equals_one_fit(problem, n_cuts, seed):
    model = problem.model()
    for chunk in chunks_of(problem.X, n_cuts, seed):
        model.partial_fit(chunk)
    assert_same_model(model, problem.fitted(), problem.X)
    assert_allclose(model.score(problem.X), problem.fitted().score(problem.X), rtol=SAME)


@hopeless_allowed
@pytest.mark.parametrize("n_components", [2, "auto"])
def test_partial_fit_on_single_rows_equals_one_fit(n_components):
    # the first few rows give warnings
    X = ClearProblem(100, 12, 2, 2.0, seed=1).X
    model = LinearContrastive(n_components, random_state=0, tol=1e-6)
    for row in X:
        model.partial_fit(row[None])
    assert model.n_components_ == 2
    assert_same_model(model, LinearContrastive(n_components, random_state=0, tol=1e-6).fit(X), X)


@given(problem=clear_problems(), n_cuts=st.integers(0, 4), seed=SEEDS)
def test_auto_counts_the_same_in_chunks_as_in_one_fit(problem, n_cuts, seed):
    whole = LinearContrastive(random_state=0, tol=1e-6).fit(problem.X)
    model = LinearContrastive(random_state=0, tol=1e-6)
    rng = np.random.default_rng(seed)
    first, rest = problem.X[:100], problem.X[100:]  # enough for a first fit
    for chunk in [first, *chunks_of(rng.permutation(rest), n_cuts, seed)]:
        model.partial_fit(chunk)
    assert model.n_components_ == whole.n_components_ == problem.n_components
    assert_same_model(model, whole, problem.X)


@hopeless_allowed  # a first chunk may be small
@given(problem=clear_problems(), seed=SEEDS)
def test_the_closed_form_of_chunks_equals_that_of_all_samples(problem, seed):
    options = {"max_iter": 0, "noise_weighted": False}
    model = problem.model(**options)
    for chunk in chunks_of(problem.X, 5, seed):
        model.partial_fit(chunk)
    # no stopping rule: rounding is all that differs
    assert_same_model(model, problem.fitted(**options), problem.X, tol=1e-10)


@given(problem=clear_problems())
def test_partial_fit_continues_a_fit(problem):
    first, second = problem.X[:100], problem.X[100:]
    model = problem.model().fit(first).partial_fit(second)
    assert_same_model(model, problem.fitted(), problem.X)


@given(problem=clear_problems(), seed=SEEDS)
def test_the_order_of_rows_does_not_change_the_fit(problem, seed):
    X = np.random.default_rng(seed).permutation(problem.X)
    assert_same_model(problem.model().fit(X), problem.fitted(), problem.X)


@given(problem=clear_problems(), seed=SEEDS, solver=SOLVERS)
def test_integer_weights_equal_repeated_samples(problem, seed, solver):
    weight = np.random.default_rng(seed).integers(0, 4, size=problem.n_samples)
    repeated = np.repeat(problem.X, weight, axis=0)
    weighted = problem.model(solver=solver).fit(problem.X, sample_weight=weight)
    assert weighted.n_samples_ == weight.sum()
    assert_same_model(weighted, problem.model(solver=solver).fit(repeated), problem.X)
    chunked = problem.model()
    for rows in np.array_split(np.arange(problem.n_samples), 3):
        chunked.partial_fit(problem.X[rows], sample_weight=weight[rows])
    assert_same_model(chunked, weighted, problem.X)


@hopeless_allowed  # repeated rows are not independent: too many are counted
@given(problem=clear_problems(), seed=SEEDS)
def test_auto_counts_weights_as_samples(problem, seed):
    weight = np.random.default_rng(seed).integers(1, 4, size=problem.n_samples)
    weighted = LinearContrastive(random_state=0).fit(problem.X, sample_weight=weight)
    repeated = LinearContrastive(random_state=0).fit(np.repeat(problem.X, weight, axis=0))
    assert weighted.n_samples_ == repeated.n_samples_ == weight.sum()
    assert weighted.n_components_ == repeated.n_components_


@given(problem=clear_problems(), factor=st.sampled_from([0.5, 0.1, 7.0]))
def test_equal_fractional_weights_change_only_the_sample_count(problem, factor):
    weight = np.full(problem.n_samples, factor)
    # the closed form: refinement's prior counts as one sample, of however many there are
    plain = problem.model().set_params(max_iter=0).fit(problem.X)
    model = problem.model().set_params(max_iter=0).fit(problem.X, sample_weight=weight)
    n = weight.sum()
    # the denominator n - 1 is the only effect of the weights
    ratio = (n / (n - 1)) / (problem.n_samples / (problem.n_samples - 1))
    assert model.n_samples_ == pytest.approx(n)
    assert_allclose(model.noise_variance_, ratio * plain.noise_variance_, rtol=SAME)


# --- symmetries ----------------------------------------------------------------------------------


@given(problem=clear_problems(offsets=(0.0,)), solver=SOLVERS, seed=SEEDS)
@pytest.mark.parametrize("size", [1.0, 1e4, 1e8])
def test_translation_changes_only_the_mean(size, problem, solver, seed):
    shift = size * np.random.default_rng(seed).uniform(-1, 1, size=problem.n_features)
    model, moved = problem.fitted(), problem.model(solver=solver).fit(problem.X + shift)
    tol = SAME + 100 * EPS * size  # the samples themselves are rounded
    assert_allclose(moved.mean_ - shift, model.mean_, rtol=0, atol=100 * EPS * (size + 10))
    assert_allclose(moved.noise_variance_, model.noise_variance_, rtol=10 * tol)
    assert_allclose(
        moved.components_.T @ moved.components_, model.components_.T @ model.components_,
        rtol=0, atol=10 * tol,
    )  # fmt: skip
    scores = moved.transform(problem.X + shift) @ moved.components_
    assert_allclose(scores, model.transform(problem.X) @ model.components_, atol=100 * tol)


@pytest.mark.parametrize("solver", ["gram", "operator"])
def test_float32_samples_far_from_zero_are_accurate_to_three_digits(solver):
    X = (CLEAR.X + 1e4).astype(np.float32)
    model = CLEAR.model(solver=solver).fit(X)
    exact = CLEAR.model(solver=solver).fit(X.astype(np.float64))
    for name in ("eigenvalues_", "noise_variance_", "explained_variance_", "common_variance_"):
        assert_allclose(getattr(model, name), getattr(exact, name), rtol=1e-3)
    assert_allclose(model.transform(X), exact.transform(X.astype(np.float64)), atol=1e-3)
    assert model.transform(X).dtype == np.float32


def test_unit_variances_about_a_large_mean_have_no_large_eigenvalue():
    # scikit-learn's covariance solver returns 722, 59, 37 here
    X = (1e4 + np.random.default_rng(0).normal(size=(2000, 50))).astype(np.float32)
    model = LinearContrastive(3, max_iter=0, noise_weighted=False, random_state=0).fit(X)
    exact = np.linalg.eigvalsh(off_diagonal(np.cov(X.T.astype(np.float64))))[::-1]
    assert_allclose(model.eigenvalues_, exact[:3], atol=1e-3)


@given(problem=clear_problems(), exponent=st.integers(-120, 120))
def test_a_global_scale_rescales_the_model_exactly(problem, exponent):
    scale = 2.0**exponent  # no rounding
    model, scaled = problem.fitted(), problem.model().fit(scale * problem.X)
    assert_allclose(scaled.components_, model.components_, rtol=0, atol=1e-10)
    assert_allclose(scaled.loadings_, scale * model.loadings_, rtol=0, atol=1e-9 * scale)
    assert_allclose(scaled.noise_variance_, scale**2 * model.noise_variance_, rtol=1e-9)
    assert_allclose(scaled.eigenvalues_, scale**2 * model.eigenvalues_, rtol=1e-6)
    assert_allclose(scaled.explained_variance_ratio_, model.explained_variance_ratio_, rtol=1e-9)


@given(problem=clear_problems(), spread=st.sampled_from([1.0, 6.0]), seed=SEEDS)
def test_units_of_the_features_only_rescale_the_loadings(problem, spread, seed):
    units = 10.0 ** np.random.default_rng(seed).uniform(-spread, spread, size=problem.n_features)
    model, scaled = problem.fitted(), problem.model().fit(problem.X * units)
    assert_allclose(scaled.noise_variance_, units**2 * model.noise_variance_, rtol=SAME)
    common = model.loadings_ @ model.loadings_.T
    assert_allclose(
        scaled.loadings_ @ scaled.loadings_.T / np.outer(units, units),
        common,
        rtol=0,
        atol=10 * SAME * np.abs(common).max(),
    )


@given(problem=clear_problems(), seed=SEEDS)
def test_order_and_signs_of_features_carry_over_to_the_model(problem, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(problem.n_features)
    signs = rng.choice([-1.0, 1.0], size=problem.n_features)
    model, other = problem.fitted(), problem.model().fit((problem.X * signs)[:, order])
    assert_allclose(other.noise_variance_, model.noise_variance_[order], rtol=SAME)
    expected = (model.get_covariance() * np.outer(signs, signs))[np.ix_(order, order)]
    assert_allclose(other.get_covariance(), expected, atol=10 * SAME * np.abs(expected).max())
    mapped = points_of(other, (problem.X * signs)[:, order])
    expected = (points_of(model, problem.X) * signs)[:, order]
    assert_allclose(mapped, expected, atol=100 * SAME * np.abs(expected).max())


# --- containers and solvers ----------------------------------------------------------------------


def columns_of(X):
    return [f"x{i}" for i in range(X.shape[1])]


CONTAINERS = {
    "F order": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "list": lambda X: X.tolist(),
    "csr_array": sparse.csr_array,
    "csc_array": sparse.csc_array,
    "csr_matrix": sparse.csr_matrix,
    "csc_matrix": sparse.csc_matrix,
    "pandas": lambda X: pd.DataFrame(X, columns=columns_of(X)),
    "polars": lambda X: pl.DataFrame(X, schema=columns_of(X)),
    "integers": lambda X: np.round(100 * X).astype(np.int64),
}


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")  # one of two is a frame
@pytest.mark.parametrize("solver", ["gram", "operator", "auto"])
@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_of_the_same_samples_gives_the_same_fit(container, solver):
    samples = np.round(100 * CLEAR.X)
    X = CONTAINERS[container](samples / 100 if container == "integers" else samples)
    model, reference = CLEAR.model(solver=solver).fit(X), CLEAR.model().fit(samples)
    assert_same_model(model, reference, samples)
    scores = model.transform(X) @ model.components_
    assert_allclose(scores, reference.transform(samples) @ reference.components_, atol=1e-2 * SAME)
    assert_allclose(model.score(X), reference.score(samples), rtol=SAME)


@pytest.mark.parametrize("solver", ["gram", "operator"])
def test_a_memory_map_is_fitted_without_reading_it_at_once(solver, tmp_path):
    X = np.tile(CLEAR.X, (1000, 2))[:, :20] + np.random.default_rng(0).normal(size=(300_000, 20))
    file = memory_map(X, tmp_path)
    model = LinearContrastive(3, solver=solver, random_state=0)
    _, peak = peak_memory(lambda: model.fit(file))
    # the operator stores scores, n_samples x directions, but no rows
    allowed = X.nbytes / 8 if solver == "gram" else 4 * X.nbytes
    assert peak < allowed
    assert_same_model(model, LinearContrastive(3, random_state=0).fit(X), X[:1000])


@given(problem=clear_problems(), noise_weighted=st.booleans(), max_iter=st.sampled_from([0, 100]))
def test_solvers_agree(problem, noise_weighted, max_iter):
    options = {"noise_weighted": noise_weighted, "max_iter": max_iter}
    gram = problem.fitted(solver="gram", **options)
    assert_same_model(problem.fitted(solver="operator", **options), gram, problem.X)
    of_sparse = problem.model(solver="operator", **options).fit(sparse.csr_array(problem.X))
    assert_same_model(of_sparse, gram, problem.X)


@pytest.mark.parametrize("max_iter", [0, 100])
def test_solvers_agree_on_fewer_samples_than_features(max_iter):
    X, _ = make_spiked_covariance(100, 150, 3, signal=8.0, random_state=0)
    models = [
        LinearContrastive(3, solver=solver, max_iter=max_iter, tol=1e-6, random_state=0).fit(
            samples
        )
        for solver in ("gram", "operator", "auto")
        for samples in (X, sparse.csr_array(X))
    ]
    for model in models[1:]:
        # the closed form is solved to residuals of 1e-7
        assert_same_model(model, models[0], X, tol=10 * SAME)


# --- attributes ----------------------------------------------------------------------------------

CONFIGURATIONS = [
    {},
    {"noise_weighted": False},
    {"max_iter": 0},
    {"max_iter": 0, "noise_weighted": False},
    {"whiten": True},
    {"whiten": True, "noise_weighted": False},
    {"solver": "operator"},
]
each_configuration = pytest.mark.parametrize(
    "options", CONFIGURATIONS, ids=lambda options: ", ".join(options) or "default"
)


@each_configuration
@given(problem=clear_problems())
def test_attributes_agree_with_their_definitions(options, problem):
    X, model = problem.X, problem.fitted(**options)
    k, d = problem.n_components, problem.n_features
    assert model.n_components_ == k
    assert model.n_samples_ == problem.n_samples
    assert model.n_features_in_ == d
    shapes = {
        "components_": (k, d),
        "loadings_": (d, k),
        "common_variance_": (k,),
        "eigenvalues_": (k,),
        "explained_variance_": (k,),
        "explained_variance_ratio_": (k,),
        "singular_values_": (k,),
        "noise_variance_": (d,),
        "mean_": (d,),
    }
    assert {name: getattr(model, name).shape for name in shapes} == shapes
    assert_allclose(model.mean_, X.mean(axis=0), rtol=0, atol=1e-13)
    assert np.all(model.noise_variance_ > 0)
    assert_allclose(model.components_ @ model.components_.T, np.eye(k), rtol=0, atol=1e-13)
    largest = np.abs(model.components_).argmax(axis=1)
    assert np.all(model.components_[np.arange(k), largest] > 0)
    singular = np.linalg.svd(model.loadings_, compute_uv=False)
    assert_allclose(model.common_variance_, singular**2)
    assert np.all(np.diff(model.common_variance_) <= 0)
    outside = model.loadings_ - model.components_.T @ (model.components_ @ model.loadings_)
    assert_allclose(outside, 0, atol=1e-12 * singular[0])


@each_configuration
@given(problem=clear_problems())
def test_explained_variance_is_the_variance_of_the_scores(options, problem):
    X, model = problem.X, problem.fitted(**options)
    unwhitened = problem.fitted(**(options | {"whiten": False}))
    variance = unwhitened.transform(X).var(axis=0, ddof=1)
    assert_allclose(model.explained_variance_, variance, rtol=1e-9)
    norms = np.linalg.norm(unwhitened.transform(X), axis=0)
    assert_allclose(model.singular_values_, norms, rtol=1e-9)
    projections = (X - X.mean(axis=0)) @ model.components_.T
    ratio = projections.var(axis=0) / X.var(axis=0).sum()
    assert_allclose(model.explained_variance_ratio_, ratio, rtol=1e-9)
    assert model.explained_variance_ratio_.sum() <= 1


@each_configuration
@given(problem=clear_problems())
def test_score_is_the_gaussian_likelihood_of_the_model(options, problem):
    X, model = problem.X, problem.fitted(**options)
    expected = model.loadings_ @ model.loadings_.T + np.diag(model.noise_variance_)
    assert_allclose(model.get_covariance(), expected, rtol=0, atol=1e-13 * expected.max())
    precision = model.get_precision()
    assert_allclose(precision @ expected, np.eye(len(expected)), rtol=0, atol=1e-10)
    samples = model.score_samples(X)
    assert_allclose(samples, multivariate_normal(X.mean(axis=0), expected).logpdf(X), rtol=1e-9)
    assert type(model.score(X)) is float
    assert model.score(X) == pytest.approx(np.mean(samples), rel=1e-14)
    assert_allclose(model.score_samples(sparse.csr_array(X)), samples, rtol=1e-9)


@given(problem=clear_problems())
def test_refinement_raises_the_score(problem):
    scores = [problem.fitted(max_iter=m).score(problem.X) for m in (0, 100)]
    assert scores[1] >= scores[0] - 1e-9 * abs(scores[0])


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@given(problem=clear_problems())
def test_the_score_never_falls_with_more_refinement_steps(problem):
    scores = [problem.fitted(max_iter=m).score(problem.X) for m in (*range(1, 6), 50)]
    # the likelihood is that of a covariance with n in the denominator, the model has n - 1, and
    # a step that stops short is completed to the variances
    assert np.all(np.diff(scores) >= -1e-4 * np.abs(scores).max())


# --- transform and inverse_transform -------------------------------------------------------------


@each_configuration
@given(problem=clear_problems(), seed=SEEDS)
def test_transform_is_affine_and_maps_the_mean_to_0(options, problem, seed):
    model = problem.fitted(**options)
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(2, 1, problem.n_features))
    assert_allclose(model.transform(model.mean_[None]), 0, atol=1e-12)
    between = model.transform(0.3 * x + 0.7 * y)
    assert_allclose(between, 0.3 * model.transform(x) + 0.7 * model.transform(y), atol=1e-11)


@each_configuration
@given(problem=clear_problems(), seed=SEEDS)
def test_inverse_transform_is_exact_on_the_subspace(options, problem, seed):
    model = problem.fitted(**options)
    scores = np.random.default_rng(seed).normal(size=(5, problem.n_components))
    points = model.inverse_transform(scores)
    assert_allclose(model.transform(points), scores, rtol=0, atol=1e-10)
    assert_allclose(points_of(model, points), points, rtol=0, atol=1e-10)
    inside = (points - model.mean_) @ model.components_.T @ model.components_
    assert_allclose(points - model.mean_, inside, atol=1e-10)


@each_configuration
@given(problem=clear_problems())
def test_fit_transform_is_fit_then_transform(options, problem):
    model = problem.model(**options)
    scores = model.fit_transform(problem.X)
    assert_array_equal(scores, model.transform(problem.X))
    assert_array_equal(scores, problem.fitted(**options).transform(problem.X))


@pytest.mark.parametrize("noise_weighted", [True, False])
@given(problem=clear_problems())
def test_whitened_scores_have_identity_covariance(noise_weighted, problem):
    scores = problem.model(whiten=True, noise_weighted=noise_weighted).fit_transform(problem.X)
    covariance = np.atleast_2d(np.cov(scores.T))
    assert_allclose(covariance, np.eye(problem.n_components), rtol=0, atol=1e-9)


@given(problem=clear_problems())
def test_without_weighting_scores_are_orthogonal_projections(problem):
    model = problem.fitted(noise_weighted=False)
    expected = (problem.X - problem.X.mean(axis=0)) @ model.components_.T
    assert_allclose(model.transform(problem.X), expected, rtol=0, atol=1e-11)


@given(problem=clear_problems())
def test_weighted_scores_are_generalised_least_squares(problem):
    model = problem.fitted()
    assert_generalised_least_squares(model, problem.X)


@each_configuration
def test_float32_samples_give_float32_results_close_to_those_of_float64(options):
    X = CLEAR.X.astype(np.float32)
    model, exact = CLEAR.model(**options).fit(X), CLEAR.model(**options).fit(X.astype(float))
    scores = model.transform(X)
    assert scores.dtype == model.inverse_transform(scores).dtype == np.float32
    for name in ("components_", "loadings_", "noise_variance_", "explained_variance_"):
        assert getattr(model, name).dtype == np.float32
        assert_allclose(getattr(model, name), getattr(exact, name), atol=2e-3)
    assert_allclose(scores, exact.transform(X.astype(float)), atol=5e-3)
    assert model.transform(X.astype(float)).dtype == np.float64


def test_samples_are_not_modified():
    X = CLEAR.X.copy()
    X.flags.writeable = False
    kept = X.copy()
    for solver in ("gram", "operator"):
        model = CLEAR.model(solver=solver).fit(X)
        model.transform(X)
        model.score(X)
    CLEAR.model().partial_fit(X).partial_fit(X)
    assert_array_equal(X, kept)


# --- the number of components --------------------------------------------------------------------


@hopeless_allowed
@given(problem=spiked_problems(max_features=15))
def test_none_keeps_every_positive_direction(problem):
    model = LinearContrastive(None, max_iter=0, random_state=0).fit(problem.X)
    covariance = np.cov(problem.X.T)
    values = np.linalg.eigvalsh(off_diagonal(covariance))
    scale = np.trace(covariance)
    assert np.sum(values > 1e-6 * scale) <= model.n_components_ <= np.sum(values > -1e-9 * scale)
    assert np.all(model.eigenvalues_ > 0)


@hopeless_allowed
@given(problem=spiked_problems(max_features=15), share=st.floats(0.01, 0.99))
def test_a_share_keeps_the_fewest_directions_that_reach_it(problem, share):
    model = LinearContrastive(share, max_iter=0, random_state=0).fit(problem.X)
    values = np.linalg.eigvalsh(off_diagonal(np.cov(problem.X.T)))[::-1]
    common = np.cumsum(np.maximum(values, 0.0))
    common /= common[-1]
    k = model.n_components_
    assert common[k - 1] >= share - 1e-6
    assert k == 1 or common[k - 2] <= share + 1e-6


@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.ComponentsWarning")
def test_a_larger_share_never_keeps_fewer():
    kept = [
        LinearContrastive(share, max_iter=0, random_state=0).fit(CLEAR.X).n_components_
        for share in (0.01, 0.4, 0.7, 0.9, 0.99)
    ]
    assert kept == sorted(kept)
    assert kept[0] == 1 < kept[-1]


def test_zero_components_leave_only_noise():
    model = LinearContrastive(0).fit(CLEAR.X)
    assert model.components_.shape == (0, 18)
    assert model.transform(CLEAR.X).shape == (300, 0)
    assert_allclose(model.get_covariance(), np.diag(CLEAR.X.var(axis=0, ddof=1)))
    back = model.inverse_transform(model.transform(CLEAR.X))
    assert_allclose(back, np.broadcast_to(CLEAR.X.mean(axis=0), back.shape))


# --- comparison with PCA -------------------------------------------------------------------------


def test_with_equal_noise_the_subspace_agrees_with_pca():
    X, truth = make_spiked_covariance(2000, 300, 5, signal=3.0, noise=1.0, random_state=0)
    model, pca = LinearContrastive(5, random_state=0).fit(X), PCA(5, random_state=0).fit(X)
    # both are about .28 from the truth, and ten times closer to each other
    assert sin_theta_distance(pca.components_, truth.components) > 0.2
    assert sin_theta_distance(model.components_, pca.components_) < 0.05


@pytest.mark.parametrize(
    "options", [{}, {"max_iter": 0, "noise_weighted": False}], ids=["default", "closed form"]
)
@pytest.mark.parametrize("seed", range(3))
def test_uneven_noise_misleads_pca_but_not_this_estimator(options, seed):
    noise = np.full(100, 0.5)
    noise[:5] = 3.0
    X, truth = make_spiked_covariance(5000, 100, 5, noise=noise, random_state=seed)
    model = LinearContrastive(5, random_state=0, **options).fit(X)
    assert sin_theta_distance(PCA(5).fit(X).components_, truth.components) > 2.0
    assert sin_theta_distance(model.components_, truth.components) < 0.6


def test_weighted_scores_are_closer_to_the_signal_than_projections():
    noise = np.full(50, 0.5)
    noise[:10] = 3.0
    X, truth = make_spiked_covariance(5000, 50, 3, signal=3.0, noise=noise, random_state=0)
    signal = truth.scores @ truth.components + truth.mean
    errors = [
        np.linalg.norm(
            points_of(LinearContrastive(3, noise_weighted=weighted, random_state=0).fit(X), X)
            - signal
        )
        for weighted in (True, False)
    ]
    assert errors[0] < 0.6 * errors[1]


def test_noise_variances_are_recovered():
    X, truth = make_spiked_covariance(20_000, 40, 3, signal=4.0, noise="lognormal", random_state=0)
    model = LinearContrastive(random_state=0).fit(X)
    assert_allclose(model.noise_variance_, truth.noise_variance, rtol=0.2)
    assert_allclose(model.noise_variance_.sum(), truth.noise_variance.sum(), rtol=0.03)


# --- reproducibility, copies, pipelines ----------------------------------------------------------


@pytest.mark.parametrize("shape", [(300, 18), (200, 100), (60, 150)])
def test_random_state_makes_a_fit_repeatable_to_the_bit(shape):
    X, _ = make_spiked_covariance(*shape, 2, signal=10.0, random_state=0)
    one, other = (LinearContrastive(2, random_state=3, tol=1e-6).fit(X) for _ in range(2))
    assert_identical(one, other)
    assert_same_model(one, LinearContrastive(2, random_state=4, tol=1e-6).fit(X), X)
    generator = np.random.RandomState(3)
    assert_identical(LinearContrastive(2, random_state=generator, tol=1e-6).fit(X), one)


def test_y_is_ignored():
    y = np.arange(len(CLEAR.X))
    assert_identical(CLEAR.model().fit(CLEAR.X, y), CLEAR.fitted())
    assert_identical(CLEAR.model().partial_fit(CLEAR.X, y), CLEAR.model().partial_fit(CLEAR.X))


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_names_the_columns(container):
    frame = CONTAINERS[container](CLEAR.X)
    model = CLEAR.model().set_output(transform=container).fit(frame)
    scores = model.transform(frame)
    names = ["linearcontrastive0", "linearcontrastive1", "linearcontrastive2"]
    assert isinstance(scores, type(frame))
    assert list(scores.columns) == list(model.get_feature_names_out()) == names
    assert list(model.feature_names_in_) == columns_of(CLEAR.X)
    assert_allclose(np.asarray(scores), CLEAR.fitted().transform(CLEAR.X), atol=1e-2 * SAME)


def test_clone_keeps_the_parameters_but_not_the_fit():
    model = LinearContrastive(
        3, noise_weighted=False, max_iter=7, tol=1e-3, whiten=True, solver="gram", random_state=1
    ).fit(CLEAR.X)
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "components_")


def test_pickle_and_joblib_keep_the_fit_and_partial_fit_can_continue_it(tmp_path):
    model = CLEAR.model().fit(CLEAR.X[:200])
    joblib.dump(model, tmp_path / "model")
    for restored in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model")):
        assert_identical(restored, model)
        assert_array_equal(restored.transform(CLEAR.X), model.transform(CLEAR.X))
        restored.partial_fit(CLEAR.X[200:])
        assert_same_model(restored, CLEAR.fitted(), CLEAR.X)


def test_grid_search_chooses_the_number_of_components_without_y():
    search = GridSearchCV(
        LinearContrastive(random_state=0), {"n_components": [1, 2, 3]}, cv=3, n_jobs=2
    ).fit(CLEAR.X)
    assert search.best_params_ == {"n_components": 3}
    assert search.transform(CLEAR.X).shape == (300, 3)


def test_it_can_replace_pca_in_a_pipeline():
    X, truth = make_spiked_covariance(500, 30, 3, signal=4.0, random_state=0)
    y = truth.scores @ [1.0, 2.0, -1.0]
    pipeline = make_pipeline(LinearContrastive(random_state=0), LinearRegression()).fit(X, y)
    assert pipeline.score(X, y) > 0.9


@each_configuration
def test_a_fit_does_not_change_the_parameters(options):
    model = CLEAR.model(**options)
    before = model.get_params()
    assert model.fit(CLEAR.X) is model
    assert model.partial_fit(CLEAR.X) is model if options.get("solver") != "operator" else True
    assert model.get_params() == before


# --- callbacks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize("solver", ["gram", "operator"])
def test_callbacks_are_called_for_every_block_and_eigenproblem(method, solver):
    if (method, solver) == ("partial_fit", "operator"):
        solver = "auto"
    callback, calls = recording_callback()
    model = CLEAR.model(solver=solver).set_callbacks(callback)
    getattr(model, method)(np.tile(CLEAR.X, (150, 1)))  # three blocks of rows
    ends = [task for event, _, task in calls if event == "end"]
    assert calls[0][0] == "setup"
    assert calls[-1][0] == "teardown"
    assert len(ends) == sum(event == "begin" for event, _, _ in calls)
    assert ends.count("eigenproblem") == model.n_iter_
    assert ends.count("block of rows") == (0 if solver == "operator" else 3)
    assert ends[-1] not in ("eigenproblem", "block of rows")  # the fit itself


def test_callbacks_are_torn_down_when_a_fit_fails():
    callback, calls = recording_callback()
    with pytest.raises(ValueError, match="infinity"):
        CLEAR.model().set_callbacks(callback).fit([[np.inf, 1.0], [2.0, 3.0]])
    assert calls[-1][0] == "teardown"
    # and the next fit works
    model = CLEAR.model().set_callbacks(callback)
    with pytest.raises(ValueError, match="infinity"):
        model.fit([[np.inf, 1.0], [2.0, 3.0]])
    assert_identical(model.fit(CLEAR.X), CLEAR.fitted())


def test_a_progress_bar_names_the_estimator_alone_and_inside_others(capsys):
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn < 1.9 has no callbacks")
    pytest.importorskip("rich")
    CLEAR.model().set_callbacks(callback.ProgressBar()).fit(CLEAR.X)
    assert "LinearContrastive" in capsys.readouterr().out
    pipeline = make_pipeline(StandardScaler(), CLEAR.model())
    pipeline.set_callbacks(callback.ProgressBar()).fit(CLEAR.X)
    assert "LinearContrastive" in capsys.readouterr().out
    search = GridSearchCV(CLEAR.model(), {"n_components": [1, 2]}, cv=2)
    search.set_callbacks(callback.ProgressBar()).fit(CLEAR.X)
    assert "LinearContrastive" in capsys.readouterr().out
    assert search.best_params_ == {"n_components": 2}


def test_callbacks_do_not_change_the_fit():
    callback, _ = recording_callback()
    assert_identical(CLEAR.model().set_callbacks(callback).fit(CLEAR.X), CLEAR.fitted())


@pytest.mark.parametrize(("n_samples", "n_features"), [(260, 200), (150, 400)])
def test_none_keeps_the_directions_of_the_whole_spectrum(n_samples, n_features):
    # more directions than "auto" follows, so that none of them may be a guess of a small block
    X, _ = make_spiked_covariance(n_samples, n_features, 3, signal=6.0, random_state=0)
    auto = LinearContrastive(random_state=0, tol=1e-6).fit(X)
    every = LinearContrastive(None, random_state=0, tol=1e-6).fit(X)
    noise = np.sqrt(auto.noise_variance_)
    white = (X - X.mean(axis=0)) / noise / np.sqrt(n_samples - 1)
    values = np.linalg.svd(white, compute_uv=False) ** 2
    assert every.n_components_ == np.sum(values > 1 + 1e-6)
    found = np.linalg.svd(every.loadings_ / noise[:, None], compute_uv=False) ** 2
    assert_allclose(found, values[: len(found)] - 1, rtol=1e-3, atol=1e-3)
