"""Newton refinement, compared with slow expectation-maximisation, L-BFGS and FactorAnalysis."""

from dataclasses import dataclass

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import approx_fprime, minimize
from sklearn.decomposition import FactorAnalysis

from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.linear._covariance.blocks import no_step
from sklearn_contrastive.linear._factor.map_newton import (
    REFINEMENT_FLOOR,
    _objective,
    refine,
)
from sklearn_contrastive.linear._factor.model import log_likelihood, model_covariance
from sklearn_contrastive.linear._factor.newton_step import _gradient, _hessian
from sklearn_contrastive.linear._factor.noise import DiagonalNoise
from sklearn_contrastive.linear._factor.options import FitOptions
from sklearn_contrastive.linear._solvers.chebyshev import FeatureBlock

EPS = np.finfo(np.float64).eps


PRIORS = st.sampled_from([0.0, 0.002, 0.05])


@dataclass(frozen=True)
class Correlations:
    """Correlation matrix of samples from a factor model."""

    matrix: np.ndarray
    n_factors: int
    seed: int

    def block(self):
        rng = np.random.RandomState(self.seed % 2**31)
        return FeatureBlock(self.matrix.__matmul__, len(self.matrix), self.n_factors, rng)

    def refine(
        self,
        max_iter=100,
        tol=1e-7,
        start=None,
        prior=0.0,
        floor=REFINEMENT_FLOOR,
        on_step=no_step,
    ):
        start = np.ones(len(self.matrix)) if start is None else start
        options = FitOptions(np.random.RandomState(0), max_iter, tol, on_step=on_step)
        return refine(self.block(), self.n_factors, start, options, prior=prior, floor=floor)


@st.composite
def correlations(draw, min_features=4, max_features=40):
    """Of 20 to 500 samples, so that the fit is anything from loose to tight."""
    n_features = draw(st.integers(min_features, max_features))
    n_factors = draw(st.integers(1, n_features // 4))
    n_samples = draw(st.sampled_from([20, 100, 500])) + n_features
    signal, seed = draw(st.sampled_from([1.0, 3.0])), draw(SEEDS)
    rng = np.random.RandomState(seed)
    noise = 10.0 ** rng.uniform(-0.5, 0.5, size=n_features)
    X, _ = make_spiked_covariance(
        n_samples, n_features, n_factors, signal=signal, noise=noise, random_state=rng
    )
    return Correlations(np.corrcoef(X.T), n_factors, seed)


@st.composite
def clear_correlations(draw, max_features=40):
    """Of 2000 samples, each factor on four features or more: one maximum, far from the floor."""
    n_features = draw(st.integers(4, max_features))
    n_factors = draw(st.integers(1, n_features // 4))
    seed = draw(SEEDS)
    rng = np.random.RandomState(seed)
    X, _ = make_spiked_covariance(
        2000,
        n_features,
        n_factors,
        subspace="sparse",
        support_size=n_features // n_factors,
        signal=3.0,
        noise=rng.uniform(0.5, 1.0, size=n_features),
        random_state=rng,
    )
    return Correlations(np.corrcoef(X.T), n_factors, seed)


# --- slow and obvious ----------------------------------------------------------------------------


def slow_likelihood(correlation, loadings, uniqueness):
    """Log-likelihood per sample without the constant, from the covariance of the model."""
    covariance = loadings @ loadings.T + np.diag(uniqueness)
    fit = np.trace(np.linalg.solve(covariance, correlation))
    return -0.5 * (np.linalg.slogdet(covariance)[1] + fit)


def best_loadings(correlation, uniqueness, n_factors):
    """Loadings of largest likelihood for given uniquenesses."""
    root = np.sqrt(uniqueness)
    values, vectors = np.linalg.eigh(correlation / np.outer(root, root))
    excess = np.maximum(values[::-1][:n_factors] - 1.0, 0.0)
    return root[:, None] * vectors[:, ::-1][:, :n_factors] * np.sqrt(excess)


def profile_likelihood(correlation, uniqueness, n_factors):
    """Likelihood of uniquenesses with the best loadings."""
    loadings = best_loadings(correlation, uniqueness, n_factors)
    return slow_likelihood(correlation, loadings, uniqueness)


def slow_expectation_maximisation(correlation, n_factors, n_steps=3000):
    """Uniquenesses by thousands of plain steps from the best loadings of each."""
    uniqueness = np.ones(len(correlation))
    for _ in range(n_steps):
        loadings = best_loadings(correlation, uniqueness, n_factors)
        uniqueness = np.clip(1.0 - np.sum(loadings**2, axis=1), REFINEMENT_FLOOR, 1.0)
    return uniqueness


# --- refinement ----------------------------------------------------------------------------------


@given(problem=correlations(), n_steps=st.integers(2, 8), prior=PRIORS)
def test_likelihood_never_decreases_with_refinement(problem, n_steps, prior):
    # the posterior, which without a prior is the likelihood
    steps = range(1, n_steps + 1)
    values = [problem.refine(max_iter=m, prior=prior).log_posterior for m in steps]
    # eigenvectors are refined in step with the uniquenesses; the rest is rounding
    assert np.all(np.diff(values) >= -1e-9 * np.abs(values).max())


@given(problem=correlations(max_features=20))
def test_log_posterior_after_one_step_is_that_of_the_start(problem):
    refined = problem.refine(max_iter=1)
    ones = np.ones(len(problem.matrix))
    loadings = best_loadings(problem.matrix, ones, problem.n_factors)
    expected = slow_likelihood(problem.matrix, loadings, ones)
    assert refined.log_posterior == pytest.approx(expected, rel=1e-10)
    assert_allclose(
        refined.loadings @ refined.loadings.T, loadings @ loadings.T, atol=1e-10 * len(ones)
    )
    assert refined.n_iter == 1


@given(problem=clear_correlations())
def test_log_posterior_after_convergence_is_that_of_the_model(problem):
    refined = problem.refine()
    assert refined.converged
    expected = slow_likelihood(problem.matrix, refined.loadings, refined.uniqueness)
    assert refined.log_posterior == pytest.approx(expected, rel=1e-9)


@given(problem=correlations(), prior=PRIORS)
def test_with_a_prior_the_result_is_at_least_as_likely_as_the_start(problem, prior):
    end = problem.refine(prior=prior).uniqueness
    value = profile_likelihood(problem.matrix, end, problem.n_factors)
    start = profile_likelihood(problem.matrix, np.ones_like(end), problem.n_factors)
    assert value >= start - 1e-9 * abs(start)


@given(problem=correlations(max_features=20), seed=SEEDS, prior=PRIORS)
def test_gradient_and_hessian_agree_with_finite_differences(problem, seed, prior):
    logarithm = np.random.default_rng(seed).uniform(-1, 0, size=len(problem.matrix))
    block = problem.block()  # of few features: every eigenpair is exact

    def at(logarithm):
        pairs = block.improve(np.exp(logarithm))
        n_live = int(np.sum(pairs.values[: problem.n_factors] > 1.0))
        return pairs.values, pairs.vectors, n_live

    def value(logarithm):
        values, _, n_live = at(logarithm)
        return _objective(values[:n_live], np.exp(logarithm), prior)

    def gradient(logarithm):
        values, vectors, n_live = at(logarithm)
        return _gradient(values[:n_live], vectors[:, :n_live], np.exp(logarithm), prior)

    step, first = 1e-6, gradient(logarithm)
    forward = approx_fprime(logarithm, value, step)
    backward = approx_fprime(logarithm, value, -step)
    size = np.abs(first).max() + np.abs(value(logarithm))
    assert_allclose(first, (forward + backward) / 2, rtol=0, atol=1e-6 * size)

    values, vectors, n_live = at(logarithm)
    gaps = values[:n_live, None] - values[n_live:]
    assume(gaps.min(initial=1.0) > 0.03 * values[0] and np.all(np.abs(values - 1) > 1e-3))
    direction = np.random.default_rng(seed + 1).normal(size=len(logarithm))
    direction /= np.linalg.norm(direction)
    change = gradient(logarithm + step * direction) - gradient(logarithm - step * direction)
    hessian = _hessian(values, vectors, n_live, np.exp(logarithm), prior)
    size = np.abs(values).max() ** 2 / gaps.min(initial=1.0)
    assert_allclose(hessian(direction), change / (2 * step), rtol=0, atol=1e-5 * size)


@given(problem=clear_correlations(max_features=15), seed=SEEDS)
def test_no_uniquenesses_nearby_are_more_likely(problem, seed):
    refined = problem.refine()
    assert refined.converged
    best = profile_likelihood(problem.matrix, refined.uniqueness, problem.n_factors)
    rng = np.random.default_rng(seed)
    for size in (1e-3, 1e-2):
        nearby = refined.uniqueness * np.exp(size * rng.normal(size=len(refined.uniqueness)))
        nearby = np.clip(nearby, REFINEMENT_FLOOR, 1.0)
        value = profile_likelihood(problem.matrix, nearby, problem.n_factors)
        assert value <= best + 1e-9 * abs(best)


@pytest.mark.parametrize(
    ("n_samples", "n_features", "n_factors"), [(300, 10, 1), (400, 20, 3), (2000, 90, 5)]
)
@pytest.mark.parametrize("seed", range(3))
def test_refinement_is_as_likely_as_scikit_learns_factor_analysis(
    n_samples, n_features, n_factors, seed
):
    noise = 10.0 ** np.random.default_rng(seed).uniform(-0.4, 0.2, size=n_features)
    X, _ = make_spiked_covariance(
        n_samples, n_features, n_factors, signal=4.0, noise=noise, random_state=seed
    )
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    peer = FactorAnalysis(n_factors, tol=1e-8, max_iter=5000, svd_method="lapack").fit(X)
    ours = Correlations(np.corrcoef(X.T), n_factors, seed).refine()
    assert ours.converged
    value = log_likelihood(X, ours.loadings, DiagonalNoise(ours.uniqueness)).mean()
    assert value == pytest.approx(peer.score(X), rel=1e-6)
    assert value >= peer.score(X) - 1e-9 * abs(value)
    model = model_covariance(ours.loadings, DiagonalNoise(ours.uniqueness))
    assert_allclose(model, peer.get_covariance(), atol=1e-3)


@given(problem=clear_correlations(max_features=16))
def test_refinement_agrees_with_slow_expectation_maximisation(problem):
    slow = slow_expectation_maximisation(problem.matrix, problem.n_factors, n_steps=1000)
    refined = problem.refine()
    assert refined.converged
    assert_allclose(refined.uniqueness, slow, rtol=1e-5)
    expected = best_loadings(problem.matrix, slow, problem.n_factors)
    assert_allclose(refined.loadings @ refined.loadings.T, expected @ expected.T, atol=1e-5)
    value = profile_likelihood(problem.matrix, slow, problem.n_factors)
    assert refined.log_posterior >= value - 1e-9 * abs(value)


@given(problem=clear_correlations())
def test_a_clear_problem_takes_few_eigenproblems(problem):
    refined = problem.refine(tol=1e-6)
    assert refined.converged
    assert refined.n_iter <= 20


def test_slow_last_steps_are_extrapolated():
    # twenty factors too many, as many samples as features: 124 eigenproblems without extrapolation
    X, _ = make_spiked_covariance(300, 300, 20, random_state=1)
    refined = Correlations(np.corrcoef(X.T), 40, seed=0).refine(prior=1 / 300)
    assert refined.converged
    assert refined.n_iter <= 60
    assert refined.log_posterior >= -118.0848


@pytest.mark.parametrize(
    ("n_samples", "n_features", "n_factors", "seed"),
    [(105, 5, 1, 3), (25, 5, 1, 18), (112, 12, 3, 0), (520, 20, 5, 27)],
)
def test_the_solution_with_vanishing_noise_agrees_with_bounded_search(
    n_samples, n_features, n_factors, seed
):
    rng = np.random.RandomState(seed)
    noise = 10.0 ** rng.uniform(-0.5, 0.5, size=n_features)
    X, _ = make_spiked_covariance(n_samples, n_features, n_factors, noise=noise, random_state=rng)
    problem, prior = Correlations(np.corrcoef(X.T), n_factors, seed), 1.0 / n_samples

    def value(logarithm):
        likelihood = profile_likelihood(problem.matrix, np.exp(logarithm), n_factors)
        return -2.0 * likelihood + 0.5 * prior * np.sum(logarithm**2)

    refined = problem.refine(max_iter=100, tol=1e-8, prior=prior)
    assert refined.converged
    start = np.log(refined.uniqueness)
    bounds = [(np.log(REFINEMENT_FLOOR), 0.0)] * n_features
    found = minimize(value, start, method="L-BFGS-B", bounds=bounds)
    assert value(start) - found.fun <= 1e-8 * abs(found.fun)


@given(problem=correlations(max_features=20), seed=SEEDS)
def test_any_start_is_improved(problem, seed):
    start = np.random.default_rng(seed).uniform(0.1, 1, size=len(problem.matrix))
    refined = problem.refine(start=start)
    value = profile_likelihood(problem.matrix, refined.uniqueness, problem.n_factors)
    assert value >= profile_likelihood(problem.matrix, start, problem.n_factors)


@given(problem=clear_correlations())
def test_a_start_at_the_solution_stays_there(problem):
    refined = problem.refine()
    again = problem.refine(start=refined.uniqueness, tol=1e-4)
    assert again.converged
    assert again.n_iter <= 2
    assert_allclose(again.uniqueness, refined.uniqueness, rtol=1e-4)


@given(problem=correlations(), floor=st.sampled_from([1e-3, 0.05, 0.3]))
def test_no_uniqueness_falls_below_the_floor_or_exceeds_1(problem, floor):
    refined = problem.refine(floor=floor)
    assert np.all(refined.uniqueness >= floor)
    assert np.all(refined.uniqueness <= 1.0)


def test_a_feature_without_residual_variance_is_at_the_floor():
    rng = np.random.default_rng(0)
    factor = rng.normal(size=1000)
    X = np.column_stack([factor, factor[:, None] + rng.normal(size=(1000, 5))])
    refined = Correlations(np.corrcoef(X.T), 1, 0).refine()
    assert refined.converged
    assert refined.uniqueness[0] == REFINEMENT_FLOOR
    assert np.all(refined.uniqueness[1:] > 0.3)


@given(problem=clear_correlations())
def test_loadings_are_orthogonal_in_units_of_the_noise_and_sorted(problem):
    refined = problem.refine()
    gram = refined.loadings.T @ (refined.loadings / refined.uniqueness[:, None])
    size = np.abs(gram).max(initial=1.0)
    assert_allclose(gram, np.diag(refined.eigenvalues - 1.0), rtol=0, atol=1e-4 * size)
    assert np.all(np.diff(refined.eigenvalues) <= 0)
    assert np.all(refined.eigenvalues > 1)


@given(problem=correlations(), n_steps=st.integers(1, 20))
def test_model_and_sample_agree_in_every_variance(problem, n_steps):
    refined = problem.refine(max_iter=n_steps)
    variances = np.diag(model_covariance(refined.loadings, DiagonalNoise(refined.uniqueness)))
    above = refined.uniqueness > 2 * REFINEMENT_FLOOR
    assert_allclose(variances[above], 1.0, atol=1e-10)


def test_independent_features_have_no_factor():
    refined = Correlations(np.eye(20), 3, 0).refine()
    assert refined.loadings.shape == (20, 0)
    assert_allclose(refined.uniqueness, 1.0)


def test_reaching_max_iter_is_reported():
    X, _ = make_spiked_covariance(500, 20, 8, signal=2.0, random_state=0)
    problem = Correlations(np.corrcoef(X.T), 8, 0)
    calls = []
    refined = problem.refine(max_iter=3, on_step=calls.append)
    assert not refined.converged
    assert refined.n_iter == len(calls) == 3


@pytest.mark.parametrize("n_features", [290, 310])
def test_many_features_are_refined_like_few(n_features):
    X, _ = make_spiked_covariance(1000, n_features, 4, signal=4.0, random_state=0)
    correlation = np.corrcoef(X.T)
    refined = Correlations(correlation, 4, 0).refine(tol=1e-6)
    assert refined.converged
    slow = slow_expectation_maximisation(correlation, 4, n_steps=30)
    assert_allclose(refined.uniqueness, slow, rtol=1e-4)
