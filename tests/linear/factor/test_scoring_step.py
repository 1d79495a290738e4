"""One step of Fisher scoring, compared with least squares on the tangent space."""

import numpy as np
import pytest
from helpers.strategies import separate_factors, with_gaps
from numpy.testing import assert_allclose

from sklearn_contrastive.linear._covariance.scatter import scatter_covariance
from sklearn_contrastive.linear._factor.expected_sums import (
    FactorState,
    IncompleteSamples,
    expected_sums,
)
from sklearn_contrastive.linear._factor.map_newton import PRIOR_SAMPLES
from sklearn_contrastive.linear._factor.scoring_step import scoring_step

D, K = 6, 1


def near_the_end(seed, n_samples=400, share=0.0):
    """Standardised samples and a model a little away from the most probable one."""
    X, _ = separate_factors(n_samples, D, K, np.array([1.5]), (0.7, 1.4), 0.0, seed)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    samples = IncompleteSamples(with_gaps(X, share, seed), None, None, np.zeros(D), np.ones(D))
    values, vectors = np.linalg.eigh(np.corrcoef(X.T))
    loadings = vectors[:, -K:] * np.sqrt(values[-K:])
    state = FactorState(np.zeros(D), loadings, np.full(D, 0.5))
    for _ in range(15):
        state = scoring_step(state, expected_sums(state, samples))
    rng = np.random.default_rng(seed)
    moved = FactorState(
        state.mean + 1e-4 * rng.normal(size=D),
        state.loadings + 1e-4 * rng.normal(size=(D, K)),
        state.uniqueness * np.exp(1e-4 * rng.normal(size=D)),
    )
    return X, samples, state, moved


@pytest.mark.parametrize("seed", [0, 1])
def test_without_gaps_a_step_is_the_projection_on_the_tangent_space(seed):
    X, samples, _, state = near_the_end(seed)
    following = scoring_step(state, expected_sums(state, samples))
    scatter = scatter_covariance(X).scatter / len(X)
    model = state.loadings @ state.loadings.T + np.diag(state.uniqueness)
    values, vectors = np.linalg.eigh(model)
    root = (vectors / np.sqrt(values)) @ vectors.T
    tangents = []
    for i in range(D):
        tangents.append(np.diag(np.eye(D)[i] * state.uniqueness))
    for i in range(D):
        outer = np.outer(np.eye(D)[i], state.loadings[:, 0])
        tangents.append(outer + outer.T)
    design = np.array([(root @ t @ root).ravel() for t in tangents]).T
    # the prior draws each log uniqueness to 0
    ridge = np.sqrt(PRIOR_SAMPLES / len(X)) * np.eye(2 * D)[:D]
    target = np.concatenate([(root @ (scatter - model) @ root).ravel(), np.zeros(D)])
    target[-D:] = -np.sqrt(PRIOR_SAMPLES / len(X)) * np.log(state.uniqueness)
    solution = np.linalg.lstsq(np.vstack([design, ridge]), target, rcond=None)[0]
    assert_allclose(np.log(following.uniqueness / state.uniqueness), solution[:D], atol=3e-6)
    change = following.loadings @ following.loadings.T - state.loadings @ state.loadings.T
    expected = np.outer(solution[D:], state.loadings[:, 0])
    assert_allclose(change, expected + expected.T, atol=3e-6)
    assert_allclose(following.mean, X.mean(axis=0), atol=1e-9)


@pytest.mark.parametrize("seed", [0, 1])
def test_both_steps_have_the_same_fixed_points(seed):
    _, samples, end, _ = near_the_end(seed, share=0.2)
    sums = expected_sums(end, samples)
    for by_feature in (True, False):
        step = scoring_step(end, sums, by_feature=by_feature).as_vector() - end.as_vector()
        assert_allclose(step, 0.0, atol=1e-6)
