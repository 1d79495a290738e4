"""Noise shared within feature groups, compared with blocks deleted entry by entry."""

import pickle
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np
import pandas as pd
import pytest
import scipy.linalg
from helpers.assertions import assert_identical, assert_same_subspace
from helpers.callbacks import recording_callback
from helpers.strategies import SEEDS
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.optimize import brentq
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import HeteroPCA, LinearContrastive
from sklearn_contrastive.exceptions import ComponentsWarning
from sklearn_contrastive.linear._covariance.scatter import ScatterCovariance, scatter_covariance
from sklearn_contrastive.linear._factor.fit import fit_diagonal_noise
from sklearn_contrastive.linear._factor.map_groups import fit_block_noise
from sklearn_contrastive.linear._factor.map_newton import PRIOR_SAMPLES, REFINEMENT_FLOOR
from sklearn_contrastive.linear._factor.options import FitOptions
from sklearn_contrastive.metrics import sin_theta_distance

EPS = np.finfo(np.float64).eps
# the last step of refinement is below TOL, and the remaining distance may be ten times as large
TOL, SAME = 1e-8, 1e-6
few_steps_allowed = pytest.mark.filterwarnings("ignore:No convergence in 5 eigenproblems")
hopeless_allowed = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)


@dataclass(frozen=True)
class GroupedProblem:
    """Samples whose noise is shared within groups, with the features of groups in random order.

    The noise of a group has one common direction and independent parts; every feature loads on
    every factor.
    """

    n_samples: int
    sizes: tuple[int, ...]
    n_components: int
    seed: int

    @cached_property
    def groups(self):
        labels = np.repeat(np.arange(len(self.sizes)), self.sizes)
        return np.random.default_rng(self.seed).permutation(labels)

    @property
    def n_features(self):
        return sum(self.sizes)

    @property
    def members(self):
        return {g: np.flatnonzero(self.groups == g) for g in range(len(self.sizes))}

    @cached_property
    def X(self):
        rng = np.random.default_rng([self.seed, 1])
        # of similar size; half of the signs of a second factor equal those of the first
        loadings = rng.uniform(0.7, 1.3, size=(self.n_features, self.n_components))
        loadings[::2, 1:] *= -1.2
        loadings *= rng.choice([-1.0, 1.0], size=(self.n_features, 1))
        X = 2.0 + rng.normal(size=(self.n_samples, self.n_components)) @ loadings.T
        X += rng.normal(size=X.shape) * rng.uniform(0.7, 1.0, size=self.n_features)
        for features in self.members.values():
            shared = rng.normal(size=(self.n_samples, 1))
            X[:, features] += shared * rng.uniform(-1, 1, size=len(features))
        return X

    def model(self, **options):
        options = {"feature_groups": self.groups, "tol": TOL, "max_iter": 1000} | options
        return LinearContrastive(self.n_components, random_state=0, **options)

    def fitted(self, **options):
        return self.model(**options).fit(self.X)


@cache
def fitted(problem):
    """Fit of a problem, shared by tests that do not change it."""
    return problem.fitted()


@st.composite
def grouped_problems(draw):
    """Four to six groups of at most three features, one of at least two."""
    sizes = (2, *draw(st.lists(st.integers(1, 3), min_size=3, max_size=5)))
    return GroupedProblem(
        n_samples=draw(st.integers(300, 500)),
        sizes=tuple(draw(st.permutations(sizes))),
        n_components=draw(st.integers(1, 2 if len(sizes) == 6 else 1)),
        seed=draw(SEEDS),
    )


def numbered_problem(seed):
    """A problem of the same kind, determined by a number: tests that draw it share its fit."""
    rng = np.random.default_rng(seed)
    sizes = (2, *rng.integers(1, 4, size=rng.integers(3, 6)).tolist())
    return GroupedProblem(
        n_samples=int(rng.integers(300, 501)),
        sizes=tuple(rng.permutation(sizes).tolist()),
        n_components=int(rng.integers(1, 3)) if len(sizes) == 6 else 1,
        seed=seed,
    )


# as many problems as a test has examples
SHARED_PROBLEMS = st.integers(0, settings.default.max_examples - 1).map(numbered_problem)
CLEAR = GroupedProblem(n_samples=400, sizes=(3, 1, 2, 3, 2, 1, 3), n_components=2, seed=0)


# --- slow and obvious ----------------------------------------------------------------------------


def without_blocks(covariance, groups):
    """The covariance with 0 for every pair of features of one group."""
    deleted = covariance.copy()
    for i, group in enumerate(groups):
        for j, other in enumerate(groups):
            if group == other:
                deleted[i, j] = 0.0
    return deleted


def leading(matrix, rank):
    values, vectors = np.linalg.eigh(matrix)
    return values[::-1][:rank], vectors[:, ::-1][:, :rank]


def dense(blocks, members):
    """Block diagonal matrix in the order of the features."""
    n_features = sum(map(len, members.values()))
    matrix = np.zeros((n_features, n_features))
    for block, features in zip(blocks, members.values(), strict=True):
        matrix[np.ix_(features, features)] = block
    return matrix


def shares(blocks, covariance, members):
    """Noise of each group as eigenvalues and vectors in units of the group's covariance.

    ``block = S V diag(u) V' S`` with the group's covariance S and V'SV = I.
    """
    pairs = []
    for block, features in zip(blocks, members.values(), strict=True):
        total = covariance[np.ix_(features, features)]
        values, vectors = scipy.linalg.eigh(block, total)
        pairs.append((values, total @ vectors))
    return pairs


def best_loadings(noise, covariance, n_factors):
    """Loadings of largest likelihood for given noise, by the textbook."""
    root = np.linalg.cholesky(noise)
    white = scipy.linalg.solve_triangular(root, covariance, lower=True)
    white = scipy.linalg.solve_triangular(root, white.T, lower=True)
    values, vectors = leading(white, n_factors)
    return root @ vectors * np.sqrt(np.maximum(values - 1.0, 0.0))


def slow_posterior(blocks, covariance, members, n_factors, prior):
    """Twice the negative log-posterior per sample of noise, with the best loadings for it."""
    noise = dense(blocks, members)
    loadings = best_loadings(noise, covariance, n_factors)
    model = loadings @ loadings.T + noise
    value = np.linalg.slogdet(model)[1] + np.trace(np.linalg.solve(model, covariance))
    logarithms = [np.log(values) for values, _ in shares(blocks, covariance, members)]
    return value + 0.5 * prior * np.sum(np.concatenate(logarithms) ** 2)


def plain_map(blocks, covariance, members, n_factors, prior):
    """Most probable noise given the loadings that are best for some noise."""

    def mode(rest):
        def derivative(u):
            return 1.0 - rest / u + prior * np.log(u)

        if derivative(REFINEMENT_FLOOR) >= 0:
            return REFINEMENT_FLOOR
        return brentq(derivative, REFINEMENT_FLOOR, 1.0, xtol=1e-15) if derivative(1) > 0 else 1.0

    loadings = best_loadings(dense(blocks, members), covariance, n_factors)
    mapped = []
    for features in members.values():
        total = covariance[np.ix_(features, features)]
        common = loadings[features] @ loadings[features].T
        for_rest, vectors = scipy.linalg.eigh(total - common, total)
        modes = np.array([mode(rest) for rest in for_rest])
        mapped.append((total @ vectors * modes) @ (total @ vectors).T)
    return mapped


def assert_same_model(model, other, X, tol=SAME):
    """Assert that two fits on samples like X agree up to rounding and tol."""
    assert model.n_components_ == other.n_components_
    assert model.n_samples_ == other.n_samples_
    size = X.std(axis=0).max()
    assert_allclose(model.mean_, other.mean_, rtol=0, atol=10 * tol * size)
    assert len(model.noise_covariance_) == len(other.noise_covariance_)
    for block, expected in zip(model.noise_covariance_, other.noise_covariance_, strict=True):
        assert_allclose(block, expected, rtol=0, atol=10 * tol * size**2)
    assert_allclose(model.get_covariance(), other.get_covariance(), rtol=0, atol=10 * tol * size**2)
    for name in ("eigenvalues_", "common_variance_", "explained_variance_"):
        assert_allclose(getattr(model, name), getattr(other, name), rtol=100 * tol)
    points, expected = (m.inverse_transform(m.transform(X)) for m in (model, other))
    assert_allclose(points, expected, rtol=0, atol=100 * tol * size)


# --- the closed form -----------------------------------------------------------------------------


@hopeless_allowed
@given(problem=grouped_problems())
def test_the_closed_form_is_the_leading_eigenspace_of_the_covariance_without_blocks(problem):
    model, k = problem.fitted(max_iter=0), problem.n_components
    covariance = np.cov(problem.X.T)
    deleted = without_blocks(covariance, problem.groups)
    values, vectors = leading(deleted, k + 1)
    assert_allclose(model.eigenvalues_, values[:k], rtol=1e-10)
    assert_allclose(model.common_variance_, values[:k], rtol=1e-10)
    gap, scale = values[k - 1] - values[k], np.trace(covariance)
    assert_same_subspace(model.components_, vectors[:, :k].T, gap, scale)
    assert model.n_iter_ == 1


@hopeless_allowed
@given(problem=grouped_problems())
def test_noise_of_the_closed_form_is_the_clipped_residual_covariance(problem):
    model, covariance = problem.fitted(max_iter=0), np.cov(problem.X.T)
    rest = covariance - model.loadings_ @ model.loadings_.T
    for block, features in zip(model.noise_covariance_, problem.members.values(), strict=True):
        total = covariance[np.ix_(features, features)]
        values, vectors = scipy.linalg.eigh(rest[np.ix_(features, features)], total)
        clipped = np.clip(values, REFINEMENT_FLOOR, 1.0)
        expected = (total @ vectors * clipped) @ (total @ vectors).T
        assert_allclose(block, expected, rtol=0, atol=1e-10 * np.trace(total))


@given(problem=grouped_problems(), factor=st.sampled_from([0.0, 1.0, 1e3, 1e6]), seed=SEEDS)
def test_the_closed_form_does_not_depend_on_the_blocks(problem, factor, seed):
    covariance, rng = scatter_covariance(problem.X), np.random.default_rng(seed)
    scatter = covariance.scatter.copy()
    for features in problem.members.values():
        # any symmetric matrix that leaves the group a covariance
        block = scatter[np.ix_(features, features)]
        smallest = np.linalg.eigvalsh(block)[0]
        rotation = np.linalg.qr(rng.normal(size=block.shape))[0]
        added = rng.uniform(-0.5 * smallest, factor * np.trace(block), size=len(block))
        scatter[np.ix_(features, features)] += (rotation * added) @ rotation.T
    groups, options = tuple(problem.members.values()), FitOptions(np.random.RandomState(0), 0, TOL)
    models = [
        fit_block_noise(each, groups, problem.n_components, options)
        for each in (
            covariance,
            ScatterCovariance(covariance.n_samples, covariance.mean, scatter),
        )
    ]
    common, expected = (fit.model.loadings @ fit.model.loadings.T for fit in models)
    scale = np.trace(scatter) / (covariance.n_samples - 1)
    assert_allclose(common, expected, rtol=0, atol=1000 * EPS * scale)
    assert_allclose(models[0].eigenvalues, models[1].eigenvalues, rtol=0, atol=1000 * EPS * scale)


# --- groups of one -------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"max_iter": 0}, {"whiten": True}, {"n_components": 3}])
def test_groups_of_one_feature_give_the_fit_without_groups(options):
    X, options = CLEAR.X, {"n_components": 2, "random_state": 0} | options
    singles = LinearContrastive(feature_groups=np.arange(X.shape[1]), **options).fit(X)
    plain = LinearContrastive(**options).fit(X)
    assert not hasattr(singles, "noise_covariance_")
    assert_identical(singles, plain)
    assert_array_equal(singles.transform(X), plain.transform(X))


def test_two_groups_of_one_feature_are_accepted():
    X = np.random.default_rng(0).normal(size=(100, 1)) + np.random.default_rng(1).normal(
        size=(100, 2)
    )
    options = {"max_iter": 0, "random_state": 0}
    singles = LinearContrastive(1, feature_groups=["b", "a"], **options).fit(X)
    assert_identical(singles, LinearContrastive(1, **options).fit(X))


@given(n_features=st.integers(8, 10), n_components=st.integers(1, 2), seed=SEEDS)
def test_groups_of_one_feature_have_the_optimum_of_diagonal_noise(n_features, n_components, seed):
    problem = GroupedProblem(500, (1,) * n_features, n_components, seed)
    covariance = scatter_covariance(problem.X)
    single = fit_diagonal_noise(
        covariance, n_components, FitOptions(np.random.RandomState(0), 1000, TOL)
    )
    grouped = fit_block_noise(
        covariance,
        tuple(problem.members.values()),
        n_components,
        FitOptions(np.random.RandomState(0), 1000, TOL),
    )
    assert grouped.converged
    # both stop where a step is below tol
    assert_allclose(grouped.model.noise.variances, single.model.noise.variances, rtol=1e-5)
    common, expected = (f.model.loadings @ f.model.loadings.T for f in (grouped, single))
    assert_allclose(common, expected, rtol=0, atol=1e-5 * expected.max())
    # eigenvalues of the closed form, which one computes more accurately than the other
    assert_allclose(grouped.eigenvalues, single.eigenvalues, rtol=1e-5)


# --- refinement ----------------------------------------------------------------------------------


@hopeless_allowed
@given(problem=grouped_problems(), n_components=st.integers(1, 5), max_iter=st.integers(1, 30))
def test_refinement_never_lowers_the_posterior_of_the_start(problem, n_components, max_iter):
    model = problem.model(max_iter=max_iter).set_params(n_components=n_components).fit(problem.X)
    covariance, prior = np.cov(problem.X.T), PRIOR_SAMPLES / problem.n_samples
    start = [covariance[np.ix_(f, f)] for f in problem.members.values()]
    values = [
        slow_posterior(blocks, covariance, problem.members, n_components, prior)
        for blocks in (model.noise_covariance_, start)
    ]
    assert values[0] <= values[1] + 1e-9 * abs(values[1])
    assert model.n_iter_ <= max_iter + 1


@given(problem=SHARED_PROBLEMS)
def test_the_solution_is_a_fixed_point(problem):
    model, covariance = fitted(problem), np.cov(problem.X.T)
    prior, k = PRIOR_SAMPLES / problem.n_samples, problem.n_components
    noise = dense(model.noise_covariance_, problem.members)
    expected = best_loadings(noise, covariance, k)
    assert_allclose(
        model.loadings_ @ model.loadings_.T, expected @ expected.T,
        rtol=0, atol=SAME * np.trace(covariance),
    )  # fmt: skip
    mapped = plain_map(model.noise_covariance_, covariance, problem.members, k, prior)
    for block, image in zip(model.noise_covariance_, mapped, strict=True):
        # no log of the noise moves by more, in any direction
        ratios = scipy.linalg.eigvalsh(image, block)
        assert_allclose(np.log(ratios), 0, atol=SAME)


@given(problem=SHARED_PROBLEMS, seed=SEEDS)
def test_no_noise_nearby_is_more_probable(problem, seed):
    model, covariance = fitted(problem), np.cov(problem.X.T)
    arguments = problem.members, problem.n_components, PRIOR_SAMPLES / problem.n_samples
    best = slow_posterior(model.noise_covariance_, covariance, *arguments)
    rng = np.random.default_rng(seed)
    for size in (1e-3, 1e-2):
        nearby = []
        for block in model.noise_covariance_:
            near = np.eye(len(block)) + size * rng.normal(size=block.shape)
            nearby.append(near @ block @ near.T)
        assert slow_posterior(nearby, covariance, *arguments) >= best - 1e-9 * abs(best)


@given(size=st.integers(2, 4), seed=SEEDS)
def test_the_solution_with_one_group_of_half_of_the_features_is_a_fixed_point(size, seed):
    # the largest group that is allowed
    problem = GroupedProblem(1000, (size, *[1] * size), n_components=1, seed=seed)
    model, covariance = problem.fitted(), np.cov(problem.X.T)
    prior = PRIOR_SAMPLES / problem.n_samples
    mapped = plain_map(model.noise_covariance_, covariance, problem.members, 1, prior)
    for block, image in zip(model.noise_covariance_, mapped, strict=True):
        assert_allclose(np.log(scipy.linalg.eigvalsh(image, block)), 0, atol=SAME)
    assert [len(block) for block in model.noise_covariance_] == list(problem.sizes)


# --- symmetries ----------------------------------------------------------------------------------


@given(problem=SHARED_PROBLEMS, seed=SEEDS)
def test_features_in_another_order_give_the_same_model(problem, seed):
    order = np.random.default_rng(seed).permutation(problem.n_features)
    model, X = fitted(problem), problem.X[:, order]
    other = problem.model(feature_groups=problem.groups[order]).fit(X)
    scale = np.trace(model.get_covariance())
    expected = model.get_covariance()[np.ix_(order, order)]
    assert_allclose(other.get_covariance(), expected, rtol=0, atol=SAME * scale)
    projector, reference = (m.components_.T @ m.components_ for m in (other, model))
    assert_allclose(projector, reference[np.ix_(order, order)], rtol=0, atol=10 * SAME)
    # features of a group stand in the order in which they are in X
    new_place = np.argsort(order)
    for block, features, image in zip(
        model.noise_covariance_, problem.members.values(), other.noise_covariance_, strict=True
    ):
        inside = np.argsort(new_place[features])
        assert_allclose(image, block[np.ix_(inside, inside)], rtol=0, atol=SAME * scale)


@pytest.mark.parametrize("seed", range(3))
def test_labels_only_determine_the_order_of_the_blocks(seed):
    order = np.random.default_rng(seed).permutation(len(CLEAR.sizes))
    model, renamed = fitted(CLEAR), CLEAR.fitted(feature_groups=order[CLEAR.groups])
    scale = np.trace(model.get_covariance())
    assert_allclose(renamed.get_covariance(), model.get_covariance(), rtol=0, atol=SAME * scale)
    for group, name in enumerate(order):
        assert_allclose(
            renamed.noise_covariance_[name], model.noise_covariance_[group],
            rtol=0, atol=SAME * scale,
        )  # fmt: skip


@pytest.mark.parametrize(
    "named",
    [
        lambda groups: groups.tolist(),
        lambda groups: pd.Series(groups, index=np.arange(len(groups)) + 5),
        lambda groups: groups - 10.5,
        lambda groups: [f"sensor {g}" for g in groups],
        lambda groups: np.array([f"sensor {g}" for g in groups]),
        lambda groups: np.array([f"sensor {g}" for g in groups], dtype=object),
        lambda groups: pd.Series([f"sensor {g}" for g in groups], dtype="category"),
    ],
    ids=["list", "Series", "floats", "strings", "NumPy strings", "objects", "categories"],
)
def test_labels_of_any_type_in_the_same_order_give_the_same_fit(named):
    assert_identical(CLEAR.fitted(feature_groups=named(CLEAR.groups)), fitted(CLEAR))


@given(problem=SHARED_PROBLEMS, spread=st.sampled_from([1.0, 6.0]), seed=SEEDS)
def test_units_of_the_features_only_rescale_loadings_and_noise(problem, spread, seed):
    units = 10.0 ** np.random.default_rng(seed).uniform(-spread, spread, size=problem.n_features)
    model, scaled = fitted(problem), problem.model().fit(problem.X * units)
    assert_allclose(scaled.noise_variance_, units**2 * model.noise_variance_, rtol=10 * SAME)
    scaled_back = scaled.get_covariance() / np.outer(units, units)
    expected = model.get_covariance()
    assert_allclose(scaled_back, expected, rtol=0, atol=10 * SAME * np.trace(expected))


@pytest.mark.parametrize("exponent", [-100, -1, 100])
def test_a_global_scale_rescales_the_model(exponent):
    scale = 2.0**exponent  # no rounding
    model, scaled = fitted(CLEAR), CLEAR.model().fit(scale * CLEAR.X)
    assert_allclose(scaled.components_, model.components_, rtol=0, atol=10 * SAME)
    assert_allclose(scaled.noise_variance_, scale**2 * model.noise_variance_, rtol=10 * SAME)


@given(problem=SHARED_PROBLEMS, seed=SEEDS)
def test_the_fit_is_equivariant_under_linear_maps_within_groups(problem, seed):
    # noise may be shared in any way within a group
    rng, mixing = np.random.default_rng(seed), np.eye(problem.n_features)
    for features in problem.members.values():
        size = len(features)
        rotation, other = (np.linalg.qr(rng.normal(size=(size, size)))[0] for _ in range(2))
        mixing[np.ix_(features, features)] = (rotation * rng.uniform(0.5, 2, size=size)) @ other
    model, mixed = fitted(problem), problem.model().fit(problem.X @ mixing.T)
    expected = mixing @ model.get_covariance() @ mixing.T
    assert_allclose(mixed.get_covariance(), expected, rtol=0, atol=SAME * np.trace(expected))


# --- attributes ----------------------------------------------------------------------------------

CONFIGURATIONS = [
    {},
    {"noise_weighted": False},
    {"max_iter": 0},
    {"whiten": True},
    {"whiten": True, "noise_weighted": False},
]


@hopeless_allowed  # in the closed form, some noise may vanish
@given(problem=grouped_problems(), options=st.sampled_from(CONFIGURATIONS))
def test_attributes_agree_with_their_definitions(options, problem):
    X, model = problem.X, problem.fitted(**options)
    k, d, members = problem.n_components, problem.n_features, problem.members
    assert model.n_components_ == k
    assert model.components_.shape == (k, d)
    assert model.loadings_.shape == (d, k)
    assert model.n_samples_ == problem.n_samples
    assert_allclose(model.components_ @ model.components_.T, np.eye(k), rtol=0, atol=1e-12)
    # a list in sorted order of the labels, positive definite, its diagonal the variances
    assert type(model.noise_covariance_) is list
    assert [len(block) for block in model.noise_covariance_] == list(problem.sizes)
    for block, features in zip(model.noise_covariance_, members.values(), strict=True):
        assert_allclose(block, block.T, rtol=0, atol=1e-13 * np.trace(block))
        assert np.linalg.eigvalsh(block)[0] > 0
        assert_array_equal(np.diag(block), model.noise_variance_[features])
    # covariance, precision, likelihood
    covariance = model.loadings_ @ model.loadings_.T + dense(model.noise_covariance_, members)
    scale = covariance.max()
    assert_allclose(model.get_covariance(), covariance, rtol=0, atol=1e-13 * scale)
    conditioning = np.linalg.cond(covariance)
    assert_allclose(
        model.get_precision() @ covariance, np.eye(d), rtol=0, atol=1e-13 * conditioning
    )
    samples = model.score_samples(X)
    expected = multivariate_normal(X.mean(axis=0), covariance).logpdf(X)
    assert_allclose(samples, expected, rtol=1e-12 * conditioning)
    assert model.score(X) == pytest.approx(samples.mean(), rel=1e-13)


@given(problem=SHARED_PROBLEMS)
def test_the_model_has_the_variances_of_the_samples(problem):
    # up to the prior, which counts as one sample
    model = fitted(problem)
    variances = problem.X.var(axis=0, ddof=1)
    assert_allclose(np.diag(model.get_covariance()), variances, rtol=10 / problem.n_samples)


@hopeless_allowed
@given(problem=SHARED_PROBLEMS, refined=st.booleans())
def test_weighted_scores_are_generalised_least_squares(problem, refined):
    model = fitted(problem) if refined else problem.fitted(max_iter=0)
    inverse = np.linalg.inv(model._weights.noise.to_matrix())
    scoring = np.linalg.solve(
        model.components_ @ inverse @ model.components_.T, model.components_ @ inverse
    )
    assert_allclose(model.components_ @ scoring.T, np.eye(problem.n_components), atol=1e-9)
    centred = problem.X - problem.X.mean(axis=0)
    assert_allclose(model.transform(problem.X), centred @ scoring.T, rtol=0, atol=1e-9)
    # hence they are exact on the subspace
    scores = np.random.default_rng(0).normal(size=(5, problem.n_components))
    assert_allclose(model.transform(model.inverse_transform(scores)), scores, rtol=0, atol=1e-10)


def test_without_weighting_scores_are_orthogonal_projections():
    model = CLEAR.fitted(noise_weighted=False)
    expected = (CLEAR.X - CLEAR.X.mean(axis=0)) @ model.components_.T
    assert_allclose(model.transform(CLEAR.X), expected, rtol=0, atol=1e-11)


@pytest.mark.parametrize("noise_weighted", [True, False])
def test_whitened_scores_have_identity_covariance(noise_weighted):
    model = CLEAR.model(whiten=True, noise_weighted=noise_weighted)
    scores = model.fit_transform(CLEAR.X)
    assert_allclose(np.cov(scores.T), np.eye(2), rtol=0, atol=1e-10)


@pytest.mark.parametrize("options", CONFIGURATIONS, ids=str)
def test_float32_samples_give_float32_results_close_to_those_of_float64(options):
    X = CLEAR.X.astype(np.float32)
    model, exact = CLEAR.model(**options).fit(X), CLEAR.model(**options).fit(X.astype(float))
    assert model.transform(X).dtype == model.get_covariance().dtype == np.float32
    for block, expected in zip(model.noise_covariance_, exact.noise_covariance_, strict=True):
        assert block.dtype == np.float32
        assert_allclose(block, expected, atol=2e-3)
    assert_allclose(model.transform(X), exact.transform(X.astype(float)), atol=5e-3)


# --- chunks and weights --------------------------------------------------------------------------


@few_steps_allowed
@given(problem=grouped_problems(), n_cuts=st.integers(0, 2), seed=SEEDS)
def test_partial_fit_on_any_chunks_equals_one_fit(problem, n_cuts, seed):
    # every step depends on the merged scatter alone: five are enough
    rng, model = np.random.default_rng(seed), problem.model(max_iter=5)
    cuts = np.sort(rng.choice(np.arange(150, problem.n_samples), n_cuts, replace=False))
    for chunk in np.split(rng.permutation(problem.X), cuts):
        model.partial_fit(chunk)
    assert_same_model(model, problem.fitted(max_iter=5), problem.X)


@hopeless_allowed  # there are warnings soon after the number of rows exceeds that of features
def test_partial_fit_on_single_rows_equals_one_fit():
    X, model = CLEAR.X[:60], CLEAR.model(max_iter=0)
    for row in X:
        model.partial_fit(row[None])
    assert_same_model(model, CLEAR.model(max_iter=0).fit(X), X)


@few_steps_allowed
@given(problem=grouped_problems(), seed=SEEDS)
def test_integer_weights_equal_repeated_samples(problem, seed):
    weight = np.random.default_rng(seed).integers(0, 4, size=problem.n_samples)
    # the scatter is the same, and with it every step of refinement: five are enough
    weighted = problem.model(max_iter=5).fit(problem.X, sample_weight=weight)
    repeated = problem.model(max_iter=5).fit(np.repeat(problem.X, weight, axis=0))
    assert weighted.n_samples_ == weight.sum()
    assert_same_model(weighted, repeated, problem.X)


# --- the number of components --------------------------------------------------------------------


def test_auto_finds_the_number_of_components():
    auto = CLEAR.model().set_params(n_components="auto").fit(CLEAR.X)
    assert auto.n_components_ == 2
    assert_same_model(auto, fitted(CLEAR), CLEAR.X)


@hopeless_allowed
@given(problem=grouped_problems())
def test_none_keeps_every_positive_direction(problem):
    model = problem.model(max_iter=0).set_params(n_components=None).fit(problem.X)
    covariance = np.cov(problem.X.T)
    values = np.linalg.eigvalsh(without_blocks(covariance, problem.groups))
    scale = np.trace(covariance)
    assert np.sum(values > 1e-5 * scale) <= model.n_components_ <= np.sum(values > 0)
    assert np.all(model.eigenvalues_ > 0)


@hopeless_allowed
@given(problem=grouped_problems(), share=st.floats(0.01, 0.99))
def test_a_share_keeps_the_fewest_directions_that_reach_it(problem, share):
    model = problem.model(max_iter=0).set_params(n_components=share).fit(problem.X)
    deleted = without_blocks(np.cov(problem.X.T), problem.groups)
    common = np.cumsum(np.maximum(np.linalg.eigvalsh(deleted)[::-1], 0.0))
    common /= common[-1]
    k = model.n_components_
    assert common[k - 1] >= share - 1e-4
    assert k == 1 or common[k - 2] <= share + 1e-4


@pytest.mark.parametrize("max_iter", [0, 100])
def test_zero_components_leave_only_noise(max_iter):
    model = CLEAR.model(max_iter=max_iter).set_params(n_components=0).fit(CLEAR.X)
    assert model.components_.shape == (0, CLEAR.n_features)
    assert model.transform(CLEAR.X).shape == (CLEAR.n_samples, 0)
    covariance = np.cov(CLEAR.X.T)
    for block, features in zip(model.noise_covariance_, CLEAR.members.values(), strict=True):
        assert_allclose(block, covariance[np.ix_(features, features)], rtol=1e-10, atol=1e-10)
    assert np.isfinite(model.score(CLEAR.X))


def test_auto_finds_no_component_in_noise():
    X = np.random.default_rng(0).normal(size=CLEAR.X.shape)
    with pytest.warns(ComponentsWarning, match="No component was found"):
        model = CLEAR.model().set_params(n_components="auto").fit(X)
    assert model.n_components_ == 0


@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.HeywoodWarning")
@pytest.mark.filterwarnings("ignore:A component rests on one")
@pytest.mark.filterwarnings("ignore:No convergence")
@pytest.mark.parametrize("max_iter", [0, 100])
def test_components_beyond_the_shared_variance_have_loadings_0_and_a_warning(max_iter):
    model = CLEAR.model(max_iter=max_iter).set_params(n_components=CLEAR.n_features)
    with pytest.warns(ComponentsWarning, match=r"Only \d+ of 15 components"):
        model.fit(CLEAR.X)
    assert model.n_components_ == 15  # columns as asked
    assert 2 <= np.sum(model.common_variance_ > 0) < 15
    assert np.isfinite(model.score(CLEAR.X))


def test_more_components_than_features_are_refused():
    with pytest.raises(ValueError, match=r"n_components=16 must be between 0 and .*=15"):
        CLEAR.model().set_params(n_components=16).fit(CLEAR.X)


@hopeless_allowed  # without the groups, some noise vanishes
def test_grid_search_by_score_chooses_the_number_of_components():
    search = GridSearchCV(CLEAR.model(tol=1e-4), {"n_components": [0, 1, 2]}, cv=3).fit(CLEAR.X)
    assert search.best_params_ == {"n_components": 2}
    # and whether there are groups
    search = GridSearchCV(CLEAR.model(tol=1e-4), {"feature_groups": [None, CLEAR.groups]}, cv=3)
    assert search.fit(CLEAR.X).best_params_["feature_groups"] is CLEAR.groups


# --- few samples and degenerate features ---------------------------------------------------------


@pytest.mark.parametrize("n_samples", [2, 3])
def test_a_group_with_as_many_features_as_samples_is_refused(n_samples):
    explained = f"Group 0 of feature_groups holds 3 features, but there are only {n_samples}"
    with pytest.raises(ValueError, match=explained):
        CLEAR.model().fit(CLEAR.X[:n_samples])


@hopeless_allowed
@pytest.mark.parametrize("n_components", [1, 2, "auto", None])
@pytest.mark.parametrize("n_samples", [4, 8, 14, 15])
def test_fewer_samples_than_features_give_a_usable_model(n_samples, n_components):
    X = CLEAR.X[:n_samples]
    model = CLEAR.model().set_params(n_components=n_components).fit(X)
    for block in model.noise_covariance_:
        assert np.linalg.eigvalsh(block)[0] > 0
    assert np.all(np.isfinite(model.transform(X)))
    assert np.all(np.isfinite(model.score_samples(X)))


def assert_usable(model, X):
    """Assert that a model can be used: its noise is not degenerate, its scores are finite."""
    for block in model.noise_covariance_:
        assert np.linalg.eigvalsh(block)[0] > 1e-6 * np.trace(block)
    assert np.all(np.isfinite(model.transform(X)))
    assert np.all(np.isfinite(model.score_samples(X)))


@pytest.mark.parametrize("max_iter", [0, 100])
@pytest.mark.parametrize("constant", [0.0, 0.1, 1e4 + 0.1])
@pytest.mark.parametrize("n_constant", [1, 2, 3], ids=["a feature", "two features", "a group"])
def test_constant_features_have_no_effect(n_constant, constant, max_iter):
    X, constant_features = CLEAR.X.copy(), CLEAR.members[0][:n_constant]
    X[:, constant_features] = constant
    others = np.setdiff1d(np.arange(CLEAR.n_features), constant_features)
    model = CLEAR.model(max_iter=max_iter).fit(X)
    without = CLEAR.model(max_iter=max_iter, feature_groups=CLEAR.groups[others]).fit(X[:, others])
    assert_usable(model, X)
    assert_allclose(model.loadings_[constant_features], 0, atol=1e-10)
    common, expected = model.loadings_[others], without.loadings_
    assert_allclose(common @ common.T, expected @ expected.T, rtol=0, atol=1e-5)
    assert_allclose(model.noise_variance_[others], without.noise_variance_, rtol=1e-5)
    # the noise of a constant feature is the smallest of the other features
    smallest = without.noise_variance_.min()
    assert_allclose(model.noise_variance_[constant_features], smallest, rtol=1e-6)


@pytest.mark.parametrize("kind", ["a multiple", "a sum"])
def test_linearly_dependent_features_in_a_group_have_no_effect(kind):
    X, features = CLEAR.X.copy(), CLEAR.members[0]
    if kind == "a multiple":
        X[:, features[2]] = -2.0 * X[:, features[0]]
    else:
        X[:, features[2]] = X[:, features[0]] + X[:, features[1]]
    others = np.setdiff1d(np.arange(CLEAR.n_features), features[2])
    model, without = (
        CLEAR.model(feature_groups=CLEAR.groups[kept]).fit(X[:, kept])
        for kept in (np.arange(CLEAR.n_features), others)
    )
    assert_usable(model, X)
    common, expected = model.loadings_[others], without.loadings_
    assert_allclose(common @ common.T, expected @ expected.T, rtol=0, atol=1e-5)
    for block, other in zip(
        model.noise_covariance_[1:], without.noise_covariance_[1:], strict=True
    ):
        assert_allclose(block, other, rtol=0, atol=1e-5)
    assert_usable(CLEAR.model(max_iter=0).fit(X), X)


@pytest.mark.parametrize("max_iter", [0, 100])
@pytest.mark.parametrize("n_components", [2, "auto", None, 0.5, 0])
@pytest.mark.parametrize("constant", [0.0, 0.1])
def test_constant_samples_have_no_component(constant, n_components, max_iter):
    X = np.full((50, CLEAR.n_features), constant)
    model = CLEAR.model(max_iter=max_iter).set_params(n_components=n_components)
    if n_components == 0:
        model.fit(X)
    else:
        with pytest.warns(ComponentsWarning):
            model.fit(X)
    assert model.transform(X).shape == (50, 0)
    assert np.isfinite(model.score(X))


# --- invalid input -------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
@pytest.mark.parametrize(
    ("groups", "explained"),
    [
        ([0] * 15, r"has 1 group\(s\), but at least three are needed.*more groups"),
        ([0] * 7 + [1] * 8, r"has 2 group\(s\), but at least three are needed.*more groups"),
        (
            [0] * 8 + [1] * 4 + [2] * 3,
            "Group 0 of feature_groups holds 8 of 15 .* more than half: .* Divide the group",
        ),
        (["loud"] * 8 + ["b"] * 4 + ["c"] * 3, "Group 'loud' of feature_groups holds 8 of 15"),
        ([0] * 7 + [1] * 7, "one label per feature"),
        ([[0] * 7 + [1] * 8], "one label per feature"),
        ([0] * 7 + [1] * 7 + [np.nan], "contains NaN; give every feature a label"),
        ([0] * 7 + [1] * 7 + [None], "contains None; give every feature a label"),
        (["a"] * 7 + ["b"] * 7 + [None], "contains None; give every feature a label"),
        ("a", "'feature_groups' parameter of LinearContrastive"),
    ],
)
def test_invalid_groups_are_refused(groups, explained, method):
    with pytest.raises(ValueError, match=explained):
        getattr(CLEAR.model(feature_groups=groups), method)(CLEAR.X)


def test_half_of_the_features_may_be_one_group():
    groups = [0] * 7 + [1] * 4 + [2] * 3
    model = CLEAR.model(feature_groups=groups, tol=1e-3).set_params(n_components=1)
    assert len(model.fit(CLEAR.X[:, :14]).noise_covariance_) == 3


@pytest.mark.parametrize("method", ["fit", "partial_fit"])
def test_sparse_samples_are_refused(method):
    with pytest.raises(TypeError, match="Sparse data was passed"):
        getattr(CLEAR.model(), method)(sparse.csr_array(CLEAR.X))


@pytest.mark.parametrize("method", ["fit", "partial_fit", "transform", "score_samples"])
def test_missing_entries_are_refused_with_advice(method):
    X = CLEAR.X.copy()
    X[3, 4] = np.nan
    model = CLEAR.model() if "fit" in method else fitted(CLEAR)
    with pytest.raises(ValueError, match=r"NaN, but feature_groups needs complete samples\. Fit"):
        getattr(model, method)(X)


def test_infinity_is_refused():
    X = CLEAR.X.copy()
    X[3, 4] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        CLEAR.model().fit(X)


# --- copies, callbacks, refits -------------------------------------------------------------------


def test_a_failed_refit_keeps_the_earlier_fit():
    model = CLEAR.fitted()
    before, scores = dict(vars(model)), model.transform(CLEAR.X)
    with pytest.raises(ValueError, match="one label per feature"):
        model.fit(CLEAR.X[:, :5])
    with pytest.raises(ValueError, match="complete samples"):
        model.fit(np.full((20, 5), np.nan))
    with pytest.raises(ValueError, match="expecting 15 features"):
        model.partial_fit(CLEAR.X[:, :5])
    assert vars(model).keys() == before.keys()
    assert all(vars(model)[name] is before[name] for name in before)
    assert_array_equal(model.transform(CLEAR.X), scores)


def test_a_refit_without_groups_removes_their_attributes():
    model = CLEAR.fitted().set_params(feature_groups=None, tol=1e-3)
    assert hasattr(model, "noise_covariance_")
    model.fit(CLEAR.X)
    assert not hasattr(model, "noise_covariance_")
    assert_identical(model, CLEAR.fitted(feature_groups=None, tol=1e-3))
    # and back
    assert_identical(
        model.set_params(feature_groups=CLEAR.groups, tol=TOL).fit(CLEAR.X), fitted(CLEAR)
    )


def test_clone_and_pickle():
    model = CLEAR.model().fit(CLEAR.X[:200])
    copied = clone(model)
    assert_array_equal(copied.feature_groups, CLEAR.groups)
    assert not hasattr(copied, "components_")
    assert_identical(copied.fit(CLEAR.X[:200]), model)
    restored = pickle.loads(pickle.dumps(model))
    assert_identical(restored, model)
    assert_array_equal(restored.transform(CLEAR.X), model.transform(CLEAR.X))
    assert_same_model(restored.partial_fit(CLEAR.X[200:]), fitted(CLEAR), CLEAR.X)


def test_tags_declare_support_of_sparse_and_missing_values():
    tags = CLEAR.model().__sklearn_tags__().input_tags
    assert not tags.sparse
    assert not tags.allow_nan
    tags = CLEAR.model(feature_groups=None).__sklearn_tags__().input_tags
    assert tags.sparse
    assert tags.allow_nan


@pytest.mark.parametrize("max_iter", [0, 1, 100])
@pytest.mark.filterwarnings("ignore:No convergence in 1")
def test_callbacks_are_called_for_every_eigenproblem(max_iter):
    callback, calls = recording_callback()
    model = CLEAR.model(max_iter=max_iter).set_callbacks(callback).fit(CLEAR.X)
    ends = [task for event, _, task in calls if event == "end"]
    assert ends.count("eigenproblem") == model.n_iter_ <= max(1, max_iter)


def test_samples_and_groups_are_not_modified():
    X, groups = CLEAR.X.copy(), CLEAR.groups.copy()
    X.flags.writeable = groups.flags.writeable = False
    model = CLEAR.model(feature_groups=groups).fit(X)
    model.partial_fit(X).transform(X)
    assert_array_equal(X, CLEAR.X)
    assert model.feature_groups is groups


# --- comparison with other methods ---------------------------------------------------------------


def shared_noise(seed):
    """Three weak components of 60 features in groups of five that share most of their noise."""
    rng = np.random.default_rng(seed)
    components = np.linalg.qr(rng.normal(size=(60, 3)))[0].T
    groups = np.repeat(np.arange(12), 5)
    X = 2.0 * rng.normal(size=(4000, 3)) @ components + 0.5 * rng.normal(size=(4000, 60))
    X += (rng.normal(size=(4000, 12)) @ np.eye(12)[groups].T) * rng.choice([-1, 1], 60)
    return X, components, groups


@hopeless_allowed  # without feature_groups, groups resemble components
@pytest.mark.parametrize("seed", range(2))
def test_noise_shared_in_groups_misleads_methods_without_groups(seed):
    X, components, groups = shared_noise(seed)
    model = LinearContrastive(3, feature_groups=groups, random_state=0).fit(X)
    assert sin_theta_distance(model.components_, components) < 0.4
    scaler = StandardScaler().fit(X)
    analysis = FactorAnalysis(3, random_state=0).fit(scaler.transform(X))
    others = [
        LinearContrastive(3, random_state=0).fit(X).components_,
        PCA(3).fit(X).components_,
        analysis.components_ * scaler.scale_,
        HeteroPCA(3, random_state=0).fit(X).components_,
    ]
    assert all(sin_theta_distance(other, components) > 1.0 for other in others)


def test_auto_does_not_count_groups_as_components():
    found = []
    for seed in range(10):
        X, _, groups = shared_noise(seed)
        model = LinearContrastive(feature_groups=groups, tol=1e-2, random_state=0)
        found.append(model.fit(X[:2000]).n_components_)
    assert found.count(3) >= 9


def many_samples(seed):
    """Two strong components of 20 features, noise shared in groups of four, 20 000 samples."""
    rng, groups = np.random.default_rng(seed), np.repeat(np.arange(5), 4)
    loadings = rng.normal(size=(20, 2))
    roots = [np.eye(4) + 0.3 * rng.normal(size=(4, 4)) for _ in range(5)]
    X = rng.normal(size=(20_000, 2)) @ loadings.T
    for group, root in enumerate(roots):
        X[:, groups == group] += rng.normal(size=(20_000, 4)) @ root.T
    return X, groups, [root @ root.T for root in roots]


@hopeless_allowed  # in the closed form, some noise may vanish
def test_auto_does_not_overcount_with_many_samples():
    # the noise edge is close to 1 then: what a rough estimate of the noise leaves lies above it
    found = []
    for seed in range(10):
        X, groups, _ = many_samples(seed)
        model = LinearContrastive(feature_groups=groups, max_iter=0, random_state=0)
        found.append(model.fit(X).n_components_)
    assert found.count(2) >= 9


def test_noise_covariances_are_recovered():
    X, groups, noise = many_samples(0)
    model = LinearContrastive(2, feature_groups=groups, random_state=0).fit(X)
    for block, expected in zip(model.noise_covariance_, noise, strict=True):
        assert_allclose(block, expected, rtol=0, atol=0.03 * np.trace(expected))


def test_the_default_ends_within_half_a_standard_error_and_a_tighter_tol_goes_on():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) @ rng.normal(size=(3, 60)) + rng.normal(size=(400, 60))
    groups = np.arange(60) // 20
    default, tight = (
        LinearContrastive(3, feature_groups=groups, tol=tol, max_iter=1000, random_state=0).fit(X)
        for tol in (1e-6, 1e-9)
    )
    assert default.n_iter_ < tight.n_iter_
    for block, end in zip(default.noise_covariance_, tight.noise_covariance_, strict=True):
        ratios = scipy.linalg.eigvalsh(block, end)
        assert np.abs(np.log(ratios)).max() <= 0.5 * np.sqrt(2 / 400)
