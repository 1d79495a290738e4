"""Scores, covariance and likelihood of a factor model compared with textbook formulas."""

import numpy as np
import scipy.linalg
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal

from sklearn_contrastive.linear._factor.model import (
    bartlett_weights,
    log_likelihood,
    model_covariance,
    model_precision,
    scoring_matrix,
)
from sklearn_contrastive.linear._factor.noise import DiagonalNoise

EPS = np.finfo(np.float64).eps


@st.composite
def factor_models(draw):
    """Components, loadings and noise variances over several orders of magnitude."""
    n_features = draw(st.integers(1, 12))
    n_factors = draw(st.integers(1, n_features))
    spread, unit = draw(st.sampled_from([0.0, 1.0, 3.0])), draw(st.sampled_from([1e-6, 1.0, 1e6]))
    rng = np.random.default_rng(draw(SEEDS))
    loadings = unit * rng.normal(size=(n_features, n_factors)) * rng.uniform(0.5, 2, n_factors)
    noise_variance = unit**2 * 10.0 ** rng.uniform(-spread, spread, size=n_features)
    components = np.linalg.svd(loadings, full_matrices=False)[0].T
    return components, loadings, noise_variance


# --- scores --------------------------------------------------------------------------------------


@given(model=factor_models())
def test_components_times_scoring_is_the_identity(model):
    scoring = scoring_matrix(bartlett_weights(*model[:2], DiagonalNoise(model[2])))
    components, _, noise_variance = model
    # rounding is relative to the terms of the sums
    size = np.abs(components) @ np.abs(scoring)
    conditioning = np.sqrt(noise_variance.max() / noise_variance.min())
    conditioning *= np.linalg.cond(model[1] / np.sqrt(noise_variance)[:, None])
    assert np.all(
        np.abs(components @ scoring - np.eye(len(components)))
        <= 1000 * EPS * conditioning * np.maximum(size, 1.0)
    )


@given(model=factor_models())
def test_scoring_is_generalised_least_squares(model):
    components, loadings, noise_variance = model
    basis, psi = components.T, np.diag(noise_variance)
    # in units of the noise, by lstsq: the normal equations would lose half of the digits
    white = np.diag(1 / np.sqrt(noise_variance))
    expected = np.linalg.lstsq(white @ basis, white, rcond=None)[0].T
    conditioning = np.linalg.cond(white @ basis) * np.linalg.cond(white @ loadings)
    error = psi @ (scoring_matrix(bartlett_weights(*model[:2], DiagonalNoise(model[2]))) - expected)
    size = np.abs(psi @ expected).max()
    assert np.abs(error).max() <= 1000 * EPS * conditioning * size * np.sqrt(np.linalg.cond(psi))
    textbook = np.linalg.solve(basis.T @ np.linalg.solve(psi, basis), basis.T @ np.linalg.inv(psi))
    if np.linalg.cond(psi) < 1e3:
        assert_allclose(
            scoring_matrix(bartlett_weights(*model[:2], DiagonalNoise(model[2]))),
            textbook.T,
            rtol=1e-6,
            atol=1e-6,
        )


@given(model=factor_models(), seed=SEEDS)
def test_no_other_unbiased_scores_have_less_noise(model, seed):
    components, _, noise_variance = model
    scoring = scoring_matrix(bartlett_weights(*model[:2], DiagonalNoise(model[2])))
    # a change that keeps components @ scoring the identity
    free = np.random.default_rng(seed).normal(size=scoring.shape)
    other = scoring + free - components.T @ (components @ free)
    best = scoring.T @ (noise_variance[:, None] * scoring)
    noise = other.T @ (noise_variance[:, None] * other)
    values = scipy.linalg.eigvalsh(noise - best)
    assert values[0] >= -1e-8 * np.abs(noise).max()


def test_equal_noise_makes_scores_projections():
    rng = np.random.default_rng(0)
    loadings = rng.normal(size=(8, 3))
    components = np.linalg.svd(loadings, full_matrices=False)[0].T
    scoring = scoring_matrix(bartlett_weights(components, loadings, DiagonalNoise(np.full(8, 0.3))))
    assert_allclose(scoring, components.T, atol=1e-14)


# --- covariance, precision, likelihood -----------------------------------------------------------


@given(model=factor_models())
def test_precision_is_the_inverse_of_the_covariance(model):
    _, loadings, noise_variance = model
    covariance = model_covariance(loadings, DiagonalNoise(noise_variance))
    precision = model_precision(loadings, DiagonalNoise(noise_variance))
    # in units of the noise, where the smallest eigenvalue of the covariance is 1
    root = np.sqrt(noise_variance)
    white, inverse = covariance / np.outer(root, root), precision * np.outer(root, root)
    allowed = 1000 * EPS * np.linalg.norm(white, 2)
    assert_allclose(white @ inverse, np.eye(len(root)), rtol=0, atol=allowed)
    assert_allclose(inverse, inverse.T, rtol=0, atol=allowed)


@given(model=factor_models())
def test_covariance_is_low_rank_plus_noise(model):
    _, loadings, noise_variance = model
    expected = sum(np.outer(b, b) for b in loadings.T) + np.diag(noise_variance)
    covariance = model_covariance(loadings, DiagonalNoise(noise_variance))
    assert_allclose(covariance, expected, rtol=0, atol=100 * EPS * np.abs(expected).max())


@given(model=factor_models(), n_samples=st.integers(1, 10), seed=SEEDS)
def test_likelihood_equals_scipys(model, n_samples, seed):
    _, loadings, noise_variance = model
    rng = np.random.default_rng(seed)
    covariance = model_covariance(loadings, DiagonalNoise(noise_variance))
    X = rng.multivariate_normal(np.zeros(len(covariance)), covariance, n_samples, method="cholesky")
    # both in units of the noise: scipy refuses small variances as singular
    root = np.sqrt(noise_variance)
    white = covariance / np.outer(root, root)
    expected = multivariate_normal(cov=white, allow_singular=True).logpdf(X / root)
    actual = log_likelihood(X, loadings, DiagonalNoise(noise_variance))
    assert actual.shape == (n_samples,)
    size = np.sum((X / root) ** 2, axis=1) + np.linalg.norm(white, 2)
    error = np.abs(actual - (np.atleast_1d(expected) - np.log(root).sum()))
    assert np.all(error <= 1e4 * EPS * (size + np.abs(np.log(root)).sum() + 1))


def test_without_factors_features_are_independent():
    noise_variance = np.array([1.0, 4.0])
    X = np.array([[0.0, 0.0], [1.0, 2.0]])
    nothing = np.zeros((2, 0))
    expected = multivariate_normal(cov=np.diag(noise_variance)).logpdf(X)
    assert_allclose(log_likelihood(X, nothing, DiagonalNoise(noise_variance)), expected)
    assert_allclose(
        model_precision(nothing, DiagonalNoise(noise_variance)), np.diag(1 / noise_variance)
    )
