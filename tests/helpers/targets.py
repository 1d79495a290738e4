"""Samples with factors and targets, and comparisons of fits to them."""

import numpy as np
from numpy.testing import assert_allclose

from sklearn_contrastive import LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive.metrics import sin_theta_distance

N_SAMPLES, N_FEATURES, RANK = 300, 15, 3


def draw(seed, n_samples=N_SAMPLES, n_features=N_FEATURES, rank=RANK):
    """Samples with unequal noise, their factors, and the components."""
    rng = np.random.default_rng(seed)
    components = np.linalg.qr(rng.normal(size=(n_features, rank)))[0]
    factors = rng.normal(size=(n_samples, rank))
    noise = rng.permutation(np.linspace(1.2, 0.3, n_features))
    X = factors @ components.T + noise * rng.normal(size=(n_samples, n_features))
    return X, factors, components.T, rng


def known_for(Y, n_known):
    Y = np.array(Y, dtype=float)
    Y[n_known:] = np.nan
    return Y


def with_targets(n_components=RANK, **options):
    options = {"target_type": "continuous", "random_state": 0} | options
    return SupervisedLinearContrastive(n_components, **options)


def without(n_components=RANK, **options):
    return LinearContrastive(n_components, random_state=0, **options)


def problem_with_gaps(seed):
    X, factors, _, rng = draw(seed)
    Y = factors @ rng.normal(size=(RANK, 2)) + 0.5 * rng.normal(size=(N_SAMPLES, 2))
    Y[rng.uniform(size=Y.shape) < 0.3] = np.nan
    return X, Y, rng


def assert_same_fit(model, other, tol=1e-6):
    assert sin_theta_distance(model.components_, other.components_) <= tol
    assert_allclose(model.common_variance_, other.common_variance_, rtol=10 * tol)
    assert_allclose(model.noise_variance_, other.noise_variance_, rtol=10 * tol)
    assert_allclose(model.explained_variance_, other.explained_variance_, rtol=10 * tol)


def assert_same_shares(model, other, tol=1e-6):
    assert_allclose(model.target_shares_, other.target_shares_, atol=tol)
