"""HeteroPCA, compared with the published algorithms, and its use within scikit-learn."""

import pickle
from dataclasses import dataclass
from functools import cached_property
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from helpers.assertions import (
    assert_generalised_least_squares,
    assert_identical,
    assert_same_subspace,
)
from helpers.strategies import SEEDS, separate_factors
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning

from sklearn_contrastive import HeteroPCA, LinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.exceptions import ComponentsWarning
from sklearn_contrastive.linear._covariance.scatter import scatter_covariance
from sklearn_contrastive.linear._factor import imputed_diagonal
from sklearn_contrastive.linear._factor.imputed_diagonal import (
    _Completed,
    deflation_ranks,
    impute_diagonal,
)
from sklearn_contrastive.linear._factor.options import FitOptions
from sklearn_contrastive.metrics import sin_theta_distance

TOL, TIGHT = 1e-6, 1e-11
few_steps_allowed = pytest.mark.filterwarnings("ignore:No convergence in")
hopeless_allowed = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)
# warnings that divergence causes as well
heywood_allowed = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
)
each_form = pytest.mark.parametrize("deflated", [True, False], ids=["deflated", "plain"])


@dataclass(frozen=True)
class EasyProblem:
    """Samples on which the iteration converges: each component on six features or more."""

    n_samples: int
    n_features: int
    n_components: int
    ratio: float
    seed: int

    @cached_property
    def drawn(self):
        signal = 3.0 * self.ratio ** np.linspace(1, 0, self.n_components)
        sizes = self.n_samples, self.n_features, self.n_components
        return separate_factors(*sizes, signal, (0.5, 1.0), 2.0, self.seed)

    @property
    def X(self):
        return self.drawn[0]

    def model(self, **options):
        return HeteroPCA(self.n_components, random_state=0, **options)

    def fitted(self, **options):
        return self.model(**options).fit(self.X)


@st.composite
def easy_problems(draw, max_features=24, ratio=1.5):
    n_features = draw(st.integers(8, max_features))
    return EasyProblem(
        n_samples=draw(st.integers(150, 400)),
        n_features=n_features,
        n_components=draw(st.integers(1, n_features // 8)),
        ratio=draw(st.sampled_from([1.0, ratio])),
        seed=draw(SEEDS),
    )


EASY = EasyProblem(n_samples=300, n_features=24, n_components=3, ratio=1.5, seed=0)


def mixture(n_features, seed):
    """Samples in which every feature depends on every other."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(50, n_features)) @ rng.normal(size=(n_features, n_features))


# --- slow and obvious ----------------------------------------------------------------------------


def leading_by_size(matrix, rank):
    """Eigenvalues of largest absolute value, signed, and their vectors."""
    values, vectors = np.linalg.eigh(matrix)
    order = np.argsort(-np.abs(values))[:rank]
    return values[order], vectors[:, order]


def with_diagonal(matrix, diagonal):
    return matrix - np.diag(np.diag(matrix)) + np.diag(diagonal)


def algorithm_1(covariance, rank, diagonal, max_iter, tol=TOL):
    """HeteroPCA from a diagonal: eigenpairs, the next diagonal, steps, and whether it converged."""
    n_iter, converged = 0, False
    while n_iter < max_iter and not converged:
        values, vectors = leading_by_size(with_diagonal(covariance, diagonal), rank)
        last, diagonal = diagonal, np.diag(vectors @ np.diag(values) @ vectors.T)
        converged = np.all(np.abs(diagonal - last) <= tol * np.diag(covariance))
        n_iter += 1
    return values, vectors, diagonal, n_iter, converged


def algorithm_2(covariance, rank, max_iter=500, tol=TOL):
    """Deflated HeteroPCA: algorithm 1 for more and more components; also the ranks."""
    diagonal, ranks, n_iter = np.zeros(len(covariance)), [0], 0
    while ranks[-1] < rank:
        sizes = np.abs(leading_by_size(with_diagonal(covariance, diagonal), len(covariance))[0])
        sizes = np.append(sizes, 0.0)
        candidates = [
            r
            for r in range(ranks[-1] + 1, rank + 1)
            if sizes[ranks[-1]] / sizes[r - 1] <= 4
            and sizes[r - 1] - sizes[r] >= sizes[r - 1] / rank
        ]
        ranks.append(max(candidates) if candidates else rank)
        values, vectors, diagonal, n_steps, converged = algorithm_1(
            covariance, ranks[-1], diagonal, max_iter, tol
        )
        assert converged
        n_iter += n_steps
    return values, vectors, diagonal, n_iter, ranks[1:]


def assert_pairs(model, values, vectors, matrix, tol):
    """Assert that a fit has these eigenpairs of the matrix, to a relative tolerance."""
    assert_allclose(model.eigenvalues_, values, rtol=tol)
    sizes = np.sort(np.abs(np.linalg.eigvalsh(matrix)))[::-1]
    gap, eps = sizes[len(values) - 1] - sizes[len(values)], tol / np.sqrt(len(matrix))
    assert_same_subspace(model.components_, vectors.T, gap, sizes[0], eps=eps)


# --- the algorithms ------------------------------------------------------------------------------


@given(problem=easy_problems())
def test_plain_is_algorithm_1(problem):
    covariance, k = np.cov(problem.X.T), problem.n_components
    start = np.zeros(len(covariance))
    values, vectors, diagonal, n_iter, converged = algorithm_1(covariance, k, start, 500, TIGHT)
    model = problem.fitted(deflated=False, tol=TIGHT)
    assert converged
    # extrapolated steps, to the same end
    assert model.n_iter_ <= n_iter + 1
    matrix = with_diagonal(covariance, diagonal)
    assert_pairs(model, values, vectors, matrix, tol=1e-8)
    assert_allclose(model.noise_variance_, np.diag(covariance) - diagonal, rtol=1e-7)


@few_steps_allowed
@given(problem=easy_problems(), max_iter=st.integers(1, 2))
def test_the_first_two_steps_are_those_of_algorithm_1(problem, max_iter):
    covariance, k = np.cov(problem.X.T), problem.n_components
    start = np.zeros(len(covariance))
    values, vectors, diagonal, n_iter, _ = algorithm_1(covariance, k, start, max_iter)
    model = problem.fitted(deflated=False, max_iter=max_iter)
    assert model.n_iter_ == n_iter
    assert_allclose(model.eigenvalues_, values, rtol=1e-9)
    assert_allclose(np.sum(model.loadings_**2, axis=1), diagonal, rtol=1e-8, atol=1e-10)
    projector = vectors @ vectors.T
    assert_allclose(model.components_.T @ model.components_, projector, rtol=0, atol=1e-8)


@given(problem=easy_problems(ratio=4.0))
def test_deflated_is_algorithm_2(problem):
    covariance, k = np.cov(problem.X.T), problem.n_components
    values, vectors, diagonal, *_ = algorithm_2(covariance, k, tol=TIGHT)
    model = problem.fitted(tol=TIGHT)
    assert_pairs(model, values, vectors, with_diagonal(covariance, diagonal), tol=1e-8)
    assert_allclose(model.noise_variance_, np.diag(covariance) - diagonal, rtol=1e-6)


@pytest.mark.parametrize("signal", [[10.0, 1.0, 1.0], [16.0, 4.0, 1.0], [3.0, 2.5, 0.5]])
def test_deflated_is_algorithm_2_over_several_stages(signal):
    X, _ = make_spiked_covariance(2000, 40, 3, signal=signal, noise=0.3, random_state=0)
    covariance = np.cov(X.T)
    values, vectors, diagonal, n_iter, ranks = algorithm_2(covariance, 3, tol=TIGHT)
    assert len(ranks) > 1
    model = HeteroPCA(3, tol=TIGHT, random_state=0).fit(X)
    # stages before the last one end early
    assert model.n_iter_ < n_iter
    assert_pairs(model, values, vectors, with_diagonal(covariance, diagonal), tol=1e-8)


@each_form
def test_a_slow_iteration_needs_few_eigenproblems(deflated):
    # of 64 pixels a few have almost no variance of their own
    covariance = np.cov(load_digits().data.T)
    slow = algorithm_1(covariance, 5, np.zeros(64), 500, 1e-9)
    model = HeteroPCA(5, deflated=deflated, tol=1e-9).fit(load_digits().data)
    assert slow[3] > 1.5 * model.n_iter_
    assert_allclose(np.sum(model.loadings_**2, axis=1), slow[2], rtol=0, atol=1e-6)


def test_algorithm_2_holds_for_many_features():
    # above 256 features the eigenvectors are sought in a growing space
    X, _ = make_spiked_covariance(600, 260, 3, signal=[9.0, 8.0, 1.5], random_state=0)
    covariance = np.cov(X.T)
    values, vectors, diagonal, n_iter, ranks = algorithm_2(covariance, 3)
    assert len(ranks) == 2
    model = HeteroPCA(3, random_state=0).fit(X)
    assert model.n_iter_ < n_iter
    assert_pairs(model, values, vectors, with_diagonal(covariance, diagonal), tol=1e-5)


@hopeless_allowed
@given(
    n_features=st.integers(2, 12),
    n_pairs=st.integers(1, 12),
    factor=st.sampled_from([0.0, 0.5, 1.0, 2.0]),
    largest_whole=st.sampled_from([0, 256]),
    seed=SEEDS,
)
def test_eigenpairs_are_the_largest_of_either_sign(
    n_features, n_pairs, factor, largest_whole, seed
):
    X, rng = mixture(n_features, seed), np.random.default_rng(seed)
    covariance, n_pairs = np.cov(X.T), min(n_pairs, n_features)
    diagonal = factor * rng.uniform(size=n_features) * np.diag(covariance)
    matrix = with_diagonal(covariance, diagonal)
    with mock.patch.object(imputed_diagonal, "_WHOLE", largest_whole):
        completed = _Completed(scatter_covariance(X), n_pairs, np.random.RandomState(0))
    pairs = completed.leading(n_pairs, diagonal)
    expected, _ = leading_by_size(matrix, n_pairs)
    size = np.abs(expected[0]) + np.trace(covariance)
    assert_allclose(np.abs(pairs.values), np.abs(expected), rtol=0, atol=1e-10 * size)
    assert_allclose(pairs.vectors.T @ pairs.vectors, np.eye(n_pairs), rtol=0, atol=1e-9)
    residuals = matrix @ pairs.vectors - pairs.vectors * pairs.values
    assert_allclose(residuals, 0, atol=1e-9 * size)


@given(problem=easy_problems(), deflated=st.booleans())
def test_the_diagonal_is_that_of_its_own_low_rank_approximation(problem, deflated):
    model = problem.fitted(deflated=deflated, tol=1e-10)
    covariance = np.cov(problem.X.T)
    imputed = np.sum(model.loadings_**2, axis=1)
    values, vectors = leading_by_size(with_diagonal(covariance, imputed), problem.n_components)
    approximation = (vectors * values) @ vectors.T
    variances = np.diag(covariance)
    assert_allclose(np.diag(approximation) / variances, imputed / variances, rtol=0, atol=1e-9)
    assert_allclose(model.loadings_ @ model.loadings_.T, approximation, rtol=0, atol=1e-7)
    assert_allclose(model.noise_variance_, variances - imputed, rtol=1e-9)
    assert_allclose(np.diag(model.get_covariance()), variances, rtol=1e-9)


@given(problem=easy_problems())
def test_deflation_does_not_change_the_result_for_equal_spikes(problem):
    plain, deflated = (problem.fitted(deflated=d, tol=1e-9) for d in (False, True))
    assert_allclose(deflated.eigenvalues_, plain.eigenvalues_, rtol=1e-6)
    assert_allclose(deflated.noise_variance_, plain.noise_variance_, rtol=1e-6)
    assert sin_theta_distance(deflated.components_, plain.components_) < 1e-6


@heywood_allowed
@pytest.mark.parametrize("seed", range(2))
def test_deflation_finds_weak_components_beside_a_strong_one(seed):
    # standard deviations 10:1:1
    X, truth = make_spiked_covariance(3000, 30, 3, signal=[40.0, 4.0, 4.0], random_state=seed)
    deflated = HeteroPCA(3, random_state=0).fit(X)
    assert sin_theta_distance(deflated.components_, truth.components) < 0.05
    with pytest.warns(ConvergenceWarning, match="diverged: 2 of the 3 largest"):
        plain = HeteroPCA(3, deflated=False, random_state=0).fit(X)
    assert sin_theta_distance(plain.components_, truth.components) > 0.9


@heywood_allowed
@each_form
def test_too_many_components_diverge_with_a_warning(deflated):
    X, _ = make_spiked_covariance(2000, 20, 10, signal=1.0, random_state=0)
    with pytest.warns(ConvergenceWarning, match="diverged: [1-9] of the 10 largest") as warned:
        model = HeteroPCA(10, deflated=deflated, random_state=0).fit(X)
    # one warning, without advice to raise max_iter
    assert sum(issubclass(warning.category, ConvergenceWarning) for warning in warned) == 1
    # columns as asked; those of negative eigenvalues have loadings 0
    assert model.n_components_ == 10
    assert np.sum(model.eigenvalues_ > 0) == np.sum(model.common_variance_ > 0) < 10
    assert model.transform(X).shape == (2000, 10)
    assert np.all(np.isfinite(model.score_samples(X)))
    assert np.all(model.noise_variance_ > 0)


@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.HeywoodWarning")
@pytest.mark.filterwarnings("ignore:A component converged on one feature")
@pytest.mark.filterwarnings("ignore:HeteroPCA diverged")
def test_components_of_negative_eigenvalues_have_loadings_0_and_a_warning():
    X, _ = make_spiked_covariance(2000, 20, 10, signal=1.0, random_state=0)
    with pytest.warns(ComponentsWarning, match=r"Only (\d) of 10 components") as warned:
        model = HeteroPCA(10, max_iter=50, random_state=0).fit(X)
    n_positive = np.sum(model.common_variance_ > 0)
    assert any(f"Only {n_positive} of 10" in str(w.message) for w in warned)


@each_form
@pytest.mark.parametrize("seed", range(2))
def test_uneven_noise_misleads_pca_but_not_this_estimator(deflated, seed):
    noise = np.full(60, 0.5)
    noise[:5] = 3.0
    X, truth = make_spiked_covariance(5000, 60, 5, noise=noise, random_state=seed)
    model = HeteroPCA(5, deflated=deflated, random_state=0).fit(X)
    assert sin_theta_distance(PCA(5).fit(X).components_, truth.components) > 2.0
    assert sin_theta_distance(model.components_, truth.components) < 0.7


# --- stages --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "rank", "n_components", "expected"),
    [
        # 10 and 9 are alike and far from the rest
        ([10.0, 9.0, 1.0, 1.0, 0.5], 0, 4, 2),
        # 1 and 1 are not separated from each other, but are from 0.5
        ([10.0, 9.0, 1.0, 1.0, 0.5], 2, 4, 4),
        # the first is far from the second, and more than 4 times as large
        ([10.0, 1.0, 1.0, 0.1], 0, 3, 1),
        ([10.0, 1.0, 1.0, 0.1], 1, 3, 3),
        # the sign has no effect
        ([-10.0, 9.0, 1.0, -1.0, 0.5], 0, 4, 2),
        # missing eigenvalues count as 0
        ([4.0, 3.9, 3.8], 0, 3, 3),
        ([1.0], 0, 1, 1),
        # nothing is separated: all at once
        ([8.0, 7.0, 6.9], 0, 2, 2),
        ([9.0, 8.0, 7.0, 6.0, 5.9], 1, 4, 4),
        # exactly 4 times, exactly half of itself: still allowed
        ([4.0, 1.0, 0.5], 0, 2, 2),
        ([4.0, 0.99, 0.0], 0, 2, 1),
        ([4.0, 1.0, 0.51], 0, 2, 1),
    ],
)
def test_a_stage_holds_components_of_similar_eigenvalues(values, rank, n_components, expected):
    assert deflation_ranks(np.array(values), rank, n_components) == expected


@given(
    values=st.lists(st.integers(-20, 20).filter(bool), min_size=2, max_size=8),
    seed=SEEDS,
)
def test_stages_grow_until_they_hold_all_components(values, seed):
    values = np.array(sorted(values, key=abs, reverse=True), dtype=float)
    n_components = len(values) - 1
    ranks = [0]
    while ranks[-1] < n_components:
        ranks.append(deflation_ranks(values, ranks[-1], n_components))
        assert ranks[-2] < ranks[-1] <= n_components


# --- the closed form, and the number of components -----------------------------------------------


@each_form
@given(problem=easy_problems())
def test_without_iterations_it_is_the_closed_form(deflated, problem):
    model = problem.fitted(deflated=deflated, max_iter=0)
    closed = LinearContrastive(problem.n_components, max_iter=0, random_state=0).fit(problem.X)
    values = np.linalg.eigvalsh(with_diagonal(np.cov(problem.X.T), 0 * problem.X[0]))[::-1]
    k = problem.n_components
    assert_allclose(model.eigenvalues_, closed.eigenvalues_, rtol=1e-9)
    assert_same_subspace(
        model.components_, closed.components_, values[k - 1] - values[k], values[0]
    )
    assert model.n_iter_ <= 1


@each_form
@pytest.mark.parametrize("max_iter", [0, 500])
def test_zero_components_leave_only_noise(deflated, max_iter):
    model = HeteroPCA(0, deflated=deflated, max_iter=max_iter).fit(EASY.X)
    assert model.components_.shape == (0, 24)
    assert model.transform(EASY.X).shape == (300, 0)
    assert_allclose(model.noise_variance_, EASY.X.var(axis=0, ddof=1))
    assert np.isfinite(model.score(EASY.X))


@each_form
def test_auto_finds_no_component_in_noise(deflated):
    X = np.random.default_rng(0).normal(size=(500, 20))
    with pytest.warns(ComponentsWarning, match="No component was found"):
        model = HeteroPCA(deflated=deflated, random_state=0).fit(X)
    assert model.n_components_ == 0
    assert_allclose(model.get_covariance(), np.diag(X.var(axis=0, ddof=1)))


@hopeless_allowed  # sometimes one component too many is counted
@given(problem=easy_problems(), deflated=st.booleans())
def test_auto_counts_like_linear_contrastive(problem, deflated):
    model = HeteroPCA(deflated=deflated, random_state=0).fit(problem.X)
    counted = LinearContrastive(random_state=0).fit(problem.X).n_components_
    same = HeteroPCA(counted, deflated=deflated, random_state=0).fit(problem.X)
    assert model.n_components_ == same.n_components_
    assert_allclose(model.eigenvalues_, same.eigenvalues_, rtol=1e-9)


def test_auto_finds_the_number_of_components():
    model = HeteroPCA(random_state=0).fit(EASY.X)
    assert_identical(model, EASY.fitted())


@hopeless_allowed
@given(n_components=st.integers(1, 6), max_iter=st.integers(1, 2), seed=SEEDS)
def test_algorithm_1_holds_up_to_as_many_components_as_features(n_components, max_iter, seed):
    X = mixture(6, seed)
    values, vectors, _, n_iter, _ = algorithm_1(np.cov(X.T), n_components, np.zeros(6), max_iter)
    model = HeteroPCA(n_components, deflated=False, max_iter=max_iter, random_state=0).fit(X)
    assert model.n_iter_ == n_iter
    n_positive = np.sum(values > 0)
    assert_allclose(model.eigenvalues_[:n_positive], values[values > 0], rtol=1e-6)
    positive = vectors[:, values > 0] * np.sqrt(values[values > 0])
    size = np.abs(values).max()
    common = model.loadings_ @ model.loadings_.T
    assert_allclose(common, positive @ positive.T, rtol=0, atol=1e-6 * size)


@given(n_components=st.integers(1, 6), max_iter=st.integers(0, 20), seed=SEEDS)
def test_no_eigenpair_is_found_twice(n_components, max_iter, seed):
    options = FitOptions(np.random.RandomState(0), max_iter, TOL)
    covariance = scatter_covariance(mixture(6, seed))
    imputed = impute_diagonal(covariance, n_components, options, deflated=True)
    overlap = imputed.pairs.vectors.T @ imputed.pairs.vectors
    assert_allclose(overlap, np.eye(n_components), rtol=0, atol=1e-9)


def test_more_components_than_samples_or_features_are_refused():
    with pytest.raises(ValueError, match=r"n_components=25 must be between 0 and .*=24"):
        HeteroPCA(25).fit(EASY.X)
    with pytest.raises(ValueError, match=r"n_components=6 must be between 0 and .*=5"):
        HeteroPCA(6).fit(EASY.X[:5])


def test_mle_is_refused_and_auto_recommended():
    with pytest.raises(ValueError, match='assumes equal noise in every feature; use "auto"'):
        HeteroPCA("mle").fit(EASY.X)


@pytest.mark.parametrize("n_components", [0.5, None, -1, "all"])
def test_other_numbers_of_components_are_refused(n_components):
    with pytest.raises(ValueError, match="'n_components' parameter of HeteroPCA"):
        HeteroPCA(n_components).fit(EASY.X)


@few_steps_allowed
def test_reaching_max_iter_is_reported():
    with pytest.warns(ConvergenceWarning, match="No convergence in 2 eigenproblems"):
        model = EASY.fitted(max_iter=2)
    assert model.n_iter_ == 2
    assert model.n_components_ == 3


# --- attributes ----------------------------------------------------------------------------------

CONFIGURATIONS = [
    {},
    {"deflated": False},
    {"noise_weighted": False},
    {"whiten": True},
    {"whiten": True, "noise_weighted": False},
    {"solver": "operator"},
]
each_configuration = pytest.mark.parametrize(
    "options", CONFIGURATIONS, ids=lambda options: ", ".join(options) or "default"
)


def assert_same_model(model, other, X, tol=1e-7):
    """Assert that two fits on samples like X agree up to rounding."""
    assert model.n_components_ == other.n_components_
    assert model.n_samples_ == other.n_samples_
    size = X.std(axis=0).max()
    assert_allclose(model.mean_, other.mean_, rtol=0, atol=tol * size)
    assert_allclose(model.noise_variance_, other.noise_variance_, rtol=tol)
    assert_allclose(model.get_covariance(), other.get_covariance(), rtol=0, atol=tol * size**2)
    for name in ("eigenvalues_", "common_variance_", "explained_variance_"):
        assert_allclose(getattr(model, name), getattr(other, name), rtol=10 * tol)
    points, expected = (m.inverse_transform(m.transform(X)) for m in (model, other))
    assert_allclose(points, expected, rtol=0, atol=100 * tol * size)


@each_configuration
def test_attributes_agree_with_their_definitions(options):
    X, model = EASY.X, EASY.fitted(**options)
    shapes = {
        "components_": (3, 24),
        "loadings_": (24, 3),
        "common_variance_": (3,),
        "eigenvalues_": (3,),
        "explained_variance_": (3,),
        "explained_variance_ratio_": (3,),
        "singular_values_": (3,),
        "noise_variance_": (24,),
        "mean_": (24,),
    }
    assert {name: getattr(model, name).shape for name in shapes} == shapes
    assert model.n_components_ == 3
    assert model.n_samples_ == 300
    assert_allclose(model.mean_, X.mean(axis=0))
    assert_allclose(model.components_ @ model.components_.T, np.eye(3), rtol=0, atol=1e-12)
    assert_allclose(
        model.loadings_ @ model.loadings_.T,
        (model.components_.T * model.common_variance_) @ model.components_,
        rtol=0, atol=1e-12,
    )  # fmt: skip
    assert_allclose(model.eigenvalues_, model.common_variance_, rtol=1e-10)
    assert np.all(np.diff(model.eigenvalues_) <= 0)
    assert np.all(model.noise_variance_ > 0)


@given(problem=easy_problems(), options=st.sampled_from(CONFIGURATIONS))
def test_score_is_the_gaussian_likelihood_of_the_model(problem, options):
    X, model = problem.X, problem.fitted(**options)
    expected = model.loadings_ @ model.loadings_.T + np.diag(model.noise_variance_)
    assert_allclose(model.get_covariance(), expected, rtol=0, atol=1e-13 * expected.max())
    samples = model.score_samples(X)
    assert np.all(np.isfinite(samples))
    assert_allclose(samples, multivariate_normal(X.mean(axis=0), expected).logpdf(X), rtol=1e-9)
    assert model.score(X) == pytest.approx(np.mean(samples), rel=1e-14)


@given(problem=easy_problems())
def test_weighted_scores_are_generalised_least_squares(problem):
    model = problem.fitted()
    assert_generalised_least_squares(model, problem.X)


@given(problem=easy_problems())
def test_without_weighting_scores_are_orthogonal_projections(problem):
    model = problem.fitted(noise_weighted=False)
    expected = (problem.X - problem.X.mean(axis=0)) @ model.components_.T
    assert_allclose(model.transform(problem.X), expected, rtol=0, atol=1e-11)


@given(problem=easy_problems(), noise_weighted=st.booleans())
def test_whitened_scores_have_identity_covariance(problem, noise_weighted):
    model = problem.model(whiten=True, noise_weighted=noise_weighted)
    covariance = np.atleast_2d(np.cov(model.fit_transform(problem.X).T))
    assert_allclose(covariance, np.eye(problem.n_components), rtol=0, atol=1e-9)


# --- containers, chunks, symmetries --------------------------------------------------------------


@pytest.mark.parametrize("solver", ["auto", "gram", "operator"])
@pytest.mark.parametrize(
    "container",
    [np.asfortranarray, sparse.csr_array, sparse.csc_array, pd.DataFrame, lambda X: X.tolist()],
    ids=["F order", "csr", "csc", "pandas", "list"],
)
def test_every_container_and_solver_gives_the_same_fit(container, solver):
    X = container(EASY.X)
    model = EASY.model(solver=solver).fit(X)
    assert_same_model(model, EASY.fitted(), EASY.X)
    assert_allclose(model.transform(X), model.transform(container(EASY.X)))


@given(problem=easy_problems(), deflated=st.booleans(), n_cuts=st.integers(0, 4), seed=SEEDS)
def test_partial_fit_on_any_chunks_equals_one_fit(problem, deflated, n_cuts, seed):
    # the first chunk has enough samples to converge
    rng, model = np.random.default_rng(seed), problem.model(deflated=deflated)
    cuts = np.sort(rng.choice(np.arange(100, problem.n_samples), n_cuts, replace=False))
    for chunk in np.split(rng.permutation(problem.X), cuts):
        model.partial_fit(chunk)
    assert_same_model(model, problem.fitted(deflated=deflated), problem.X)


@given(problem=easy_problems(), seed=SEEDS)
def test_integer_weights_equal_repeated_samples(problem, seed):
    weight = np.random.default_rng(seed).integers(0, 4, size=problem.n_samples)
    weighted = problem.model().fit(problem.X, sample_weight=weight)
    repeated = problem.model().fit(np.repeat(problem.X, weight, axis=0))
    assert weighted.n_samples_ == weight.sum()
    assert_same_model(weighted, repeated, problem.X)


@each_form
@pytest.mark.parametrize("solver", ["auto", "gram"])
def test_fewer_samples_than_features_are_enough(deflated, solver):
    X, truth = make_spiked_covariance(60, 100, 2, signal=[8.0, 7.0], random_state=0)
    model = HeteroPCA(2, deflated=deflated, solver=solver, random_state=0).fit(X)
    covariance = np.cov(X.T)
    if deflated:
        values, vectors, diagonal, _, _ = algorithm_2(covariance, 2)
    else:
        values, vectors, diagonal, _, _ = algorithm_1(covariance, 2, np.zeros(100), 500)
    assert_pairs(model, values, vectors, with_diagonal(covariance, diagonal), tol=1e-5)
    assert sin_theta_distance(model.components_, truth.components) < 1.0
    assert np.isfinite(model.score(X))


@given(problem=easy_problems(), seed=SEEDS)
def test_order_and_signs_of_features_carry_over_to_the_model(problem, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(problem.n_features)
    signs = rng.choice([-1.0, 1.0], size=problem.n_features)
    model, other = problem.fitted(), problem.model().fit((problem.X * signs)[:, order])
    assert_allclose(other.noise_variance_, model.noise_variance_[order], rtol=1e-8)
    expected = (model.get_covariance() * np.outer(signs, signs))[np.ix_(order, order)]
    assert_allclose(other.get_covariance(), expected, atol=1e-8 * np.abs(expected).max())


@given(problem=easy_problems(), exponent=st.integers(-100, 100))
def test_a_global_scale_rescales_the_model(problem, exponent):
    scale = 2.0**exponent  # no rounding
    model, scaled = problem.fitted(), problem.model().fit(scale * problem.X)
    assert scaled.n_iter_ == model.n_iter_
    assert_allclose(scaled.components_, model.components_, rtol=0, atol=1e-8)
    assert_allclose(scaled.noise_variance_, scale**2 * model.noise_variance_, rtol=1e-8)


def test_a_constant_feature_has_no_effect():
    X = EASY.X.copy()
    X[:, 5] = 0.1
    model = EASY.model().fit(X)
    others = np.delete(np.arange(24), 5)
    without = EASY.model().fit(X[:, others])
    assert_allclose(model.loadings_[5], 0, atol=1e-12)
    assert_allclose(model.noise_variance_[others], without.noise_variance_, rtol=1e-8)
    assert model.noise_variance_[5] == model.noise_variance_[others].min()


@each_configuration
def test_float32_samples_give_float32_results_close_to_those_of_float64(options):
    X = EASY.X.astype(np.float32)
    model, exact = EASY.model(**options).fit(X), EASY.model(**options).fit(X.astype(float))
    scores = model.transform(X)
    assert scores.dtype == model.inverse_transform(scores).dtype == np.float32
    for name in ("components_", "loadings_", "noise_variance_", "eigenvalues_"):
        assert getattr(model, name).dtype == np.float32
        assert_allclose(getattr(model, name), getattr(exact, name), rtol=1e-4, atol=1e-4)
    assert_allclose(scores, exact.transform(X.astype(float)), atol=1e-3)


@few_steps_allowed
def test_a_few_missing_entries_change_little():
    X = EASY.X.copy()
    X[np.random.default_rng(0).uniform(size=X.shape) < 0.02] = np.nan
    model = EASY.model().fit(X)
    assert sin_theta_distance(model.components_, EASY.fitted().components_) < 0.1
    scores = model.transform(X)
    assert np.all(np.isfinite(scores))
    assert_allclose(scores, model.transform(EASY.X), atol=2.0)


# --- copies and refits ---------------------------------------------------------------------------


def test_clone_keeps_the_parameters_but_not_the_fit():
    model = HeteroPCA(
        3, deflated=False, noise_weighted=False, max_iter=300, tol=1e-3, whiten=True, solver="gram"
    ).fit(EASY.X)
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model), "components_")


def test_pickle_keeps_the_fit_and_partial_fit_can_continue_it():
    model = EASY.model().fit(EASY.X[:200])
    restored = pickle.loads(pickle.dumps(model))
    assert_identical(restored, model)
    assert_array_equal(restored.transform(EASY.X), model.transform(EASY.X))
    assert_same_model(restored.partial_fit(EASY.X[200:]), EASY.fitted(), EASY.X)


def test_a_refit_replaces_the_earlier_fit():
    other = EasyProblem(n_samples=200, n_features=16, n_components=2, ratio=1.0, seed=1)
    model = EASY.fitted().set_params(n_components=2).fit(other.X)
    assert_identical(model, other.fitted())


def test_a_failed_refit_keeps_the_earlier_fit():
    model = EASY.fitted()
    before = dict(vars(model))
    with pytest.raises(ValueError, match="infinity"):
        model.fit(np.full((20, 5), np.inf))
    with pytest.raises(ValueError, match="n_components=3 must be"):
        model.fit(EASY.X[:, :2])
    assert vars(model) == before
    assert_identical(model, EASY.fitted())
