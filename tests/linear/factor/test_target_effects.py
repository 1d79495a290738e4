"""Factor model with targets: EM against loops, and the weights that evidence gets."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import stats

from sklearn_contrastive._targets import Targets
from sklearn_contrastive.linear._covariance.read import target_covariance_of
from sklearn_contrastive.linear._covariance.samples import Samples
from sklearn_contrastive.linear._covariance.scale import feature_scale
from sklearn_contrastive.linear._factor.map_newton import PRIOR_SAMPLES
from sklearn_contrastive.linear._factor.options import FitOptions
from sklearn_contrastive.linear._factor.target_em import (
    TargetExpectationMaximisation,
    TargetState,
    UnitMoments,
)
from sklearn_contrastive.linear._factor.target_evidence import (
    evidence_weights,
    independent_weights,
    regress_targets,
)

FLOOR = 1e-4


class Problem:
    """Samples, targets with gaps, weights of the targets, and a state to step from."""

    def __init__(self, seed, n_samples=60, n_features=5, n_factors=2, n_targets=2):
        rng = np.random.default_rng(seed)
        factors = rng.normal(size=(n_samples, n_factors))
        X = factors @ rng.normal(size=(n_factors, n_features))
        X += rng.normal(size=X.shape)
        self.X = (X - X.mean(axis=0)) / X.std(axis=0, ddof=1)
        Y = factors @ rng.normal(size=(n_factors, n_targets)) + rng.normal(
            size=(n_samples, n_targets)
        )
        Y[rng.uniform(size=Y.shape) < 0.3] = np.nan
        self.Y = (Y - np.nanmean(Y, axis=0)) / np.nanstd(Y, axis=0)
        self.weights = rng.uniform(0.1, 1.0, n_targets) / n_targets
        self.state = TargetState(
            0.5 * rng.normal(size=(n_features, n_factors)),
            rng.uniform(0.2, 0.9, n_features),
            0.5 * rng.normal(size=(n_targets, n_factors)),
            rng.uniform(0.2, 0.9, n_targets),
        )

    def em(self, solver="gram"):
        samples = Samples(
            self.X, None, False, False, None, None, False, np.float64, targets=Targets(self.Y)
        )
        covariance = target_covariance_of(samples, solver, lambda _: None)
        moments = UnitMoments.of(covariance, feature_scale(covariance))
        return TargetExpectationMaximisation(moments, self.weights, FLOOR, FitOptions())

    def slow_posterior(self, state):
        """Weighted Gaussian log-likelihood of rows in units of n, and the prior; no constants."""
        n_samples, n_features = self.X.shape
        X = self.X * np.sqrt(n_samples / (n_samples - 1))
        covariance = state.loadings @ state.loadings.T + np.diag(state.uniqueness)
        density = stats.multivariate_normal(np.zeros(n_features), covariance)
        total = density.logpdf(X).sum()
        for t, weight in enumerate(self.weights):
            cross = state.loadings @ state.slopes[t]
            slope = np.linalg.solve(covariance, cross)
            variance = state.slopes[t] @ state.slopes[t] + state.residual[t] - cross @ slope
            known = ~np.isnan(self.Y[:, t])
            residual = self.Y[known, t] - X[known] @ slope
            residual -= residual.mean()  # the most probable intercept
            total += weight * stats.norm(0, np.sqrt(variance)).logpdf(residual).sum()
            total -= 0.25 * PRIOR_SAMPLES * weight * np.log(state.residual[t]) ** 2
        return total - 0.25 * PRIOR_SAMPLES * np.sum(np.log(state.uniqueness) ** 2)


@given(seed=st.integers(0, 2**16))
def test_differences_of_the_posterior_agree_with_gaussian_densities_of_rows(seed):
    problem, other = Problem(seed), Problem(seed + 1)
    em = problem.em()
    found = em.evaluated(problem.state).posterior - em.evaluated(other.state).posterior
    expected = problem.slow_posterior(problem.state) - problem.slow_posterior(other.state)
    assert found == pytest.approx(expected, rel=1e-8, abs=1e-7)


@given(seed=st.integers(0, 2**16))
def test_steps_from_scatters_and_from_rows_agree(seed):
    problem = Problem(seed)
    steps = [problem.em(solver).evaluated(problem.state).step for solver in ("gram", "operator")]
    assert_allclose(*steps, rtol=1e-8, atol=1e-10)


@given(seed=st.integers(0, 2**16))
def test_steps_increase_the_posterior(seed):
    problem = Problem(seed)
    em = problem.em()
    point = em.evaluated(problem.state)
    for _ in range(5):
        following = em.evaluated(point.following)
        assert following.posterior >= point.posterior - 1e-9 * abs(point.posterior)
        point = following


def test_where_steps_end_the_gradient_is_zero():
    problem = Problem(3)
    em = problem.em()
    point = em.evaluated(problem.state)
    for _ in range(3000):
        point = em.evaluated(point.following)
    state, size = point.state, 1e-5
    assert np.all((state.uniqueness > 2 * FLOOR) & (state.uniqueness < 1))
    free = len(state.as_vector()) - len(state.residual)
    for i in range(free):
        step = np.zeros(len(state.as_vector()))
        step[i] = size
        ends = [em.evaluated(state.moved(s, FLOOR)).posterior for s in (step, -step)]
        assert abs(ends[0] - ends[1]) / (2 * size) <= 1e-3


# --- evidence ------------------------------------------------------------------------------------


def regression_of(scores, Y):
    scores = scores - scores.mean(axis=0)
    Y = (Y - Y.mean(axis=0)) / Y.std(axis=0)
    along = np.repeat((scores.T @ scores)[None], Y.shape[1], axis=0)
    return regress_targets(along, scores.T @ Y, np.full(Y.shape[1], float(len(Y))))


def test_one_target_in_twenty_without_information_has_weight_whatever_its_distribution():
    rng = np.random.default_rng(0)
    for draw in (
        rng.standard_normal,
        rng.standard_cauchy,
        lambda size: rng.uniform(size=size) < 0.1,
    ):
        Y = draw(size=(40, 4000)).astype(float)
        Y[0] += 1e-3  # no column is constant
        weights = evidence_weights(regression_of(rng.normal(size=(40, 3)), Y))
        assert 0.03 <= np.mean(weights > 0) <= 0.07


def test_weights_rise_to_one_with_the_evidence():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(200, 3))
    noise = rng.normal(size=200)
    Y = np.stack([size * scores[:, 0] + noise for size in (0, 0.3, 1, 10, 1000)], axis=1)
    weights = evidence_weights(regression_of(scores, Y))
    assert np.all(np.diff(weights) > 0)
    assert weights[-1] > 0.999


def test_a_target_that_scores_explain_whatever_it_is_has_no_weight():
    rng = np.random.default_rng(0)
    for n_samples in (2, 3, 4):
        regression = regression_of(rng.normal(size=(n_samples, 3)), rng.normal(size=(n_samples, 2)))
        assert_allclose(evidence_weights(regression), 0)
        assert_allclose(regression.adjusted, 0)


def test_copies_of_a_target_share_its_weight():
    n_free = np.full((5, 5), 80.0)
    correlations = np.eye(5)
    correlations[:4, :4] = 1.0
    assert_allclose(independent_weights(correlations, n_free), [0.25] * 4 + [1.0])
    # copies that are known for other samples say something new
    n_free[0, 1:4] = n_free[1:4, 0] = 0
    assert_allclose(independent_weights(correlations, n_free), [1, *[1 / 3] * 3, 1])
