"""Factor model with class effects: its posterior, and moments of classes, by loops."""

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import multivariate_normal

from sklearn_contrastive._labels import read_labels
from sklearn_contrastive.linear._covariance.scale import feature_scale
from sklearn_contrastive.linear._factor.class_effects import refine_with_labels
from sklearn_contrastive.linear._factor.class_moments import ClassMoments
from sklearn_contrastive.linear._factor.fit import fit_diagonal_noise
from sklearn_contrastive.linear._factor.options import FitOptions

from .test_closed_form import READERS

N_FACTORS, N_FEATURES = 2, 7


def drawn(seed, n_samples=40, n_classes=4):
    """Two factors, the first nearly the class; a third of the samples without a label."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_samples)
    z = rng.normal(size=(n_samples, N_FACTORS))
    z[:, 0] = 0.5 * z[:, 0] + np.linspace(-1.3, 1.3, n_classes)[y]
    rows = rng.choice([-1, 1], (N_FACTORS, N_FEATURES)) * rng.uniform(0.5, 2, N_FEATURES)
    X = z @ rows + rng.normal(size=(n_samples, N_FEATURES)) * rng.uniform(0.5, 1.5, N_FEATURES)
    y[rng.uniform(size=n_samples) < 1 / 3] = -1
    return X + 3.0, y


def log_posterior(X, y, loadings, noise, between):
    """Of all samples, with the joint covariance of every class written out.

    Scaled by n / (n - 1), so that variances are unbiased, as without labels.
    """
    scale = X.std(axis=0, ddof=1)
    X = (X - X.mean(axis=0)) / scale * np.sqrt(len(X) / (len(X) - 1))
    loadings, noise = loadings / scale[:, None], noise / scale**2
    one = loadings @ loadings.T + np.diag(noise)
    common = loadings @ between @ loadings.T
    total = 0.0
    counts = dict(zip(*np.unique(y[y != -1], return_counts=True), strict=True))
    for label in [None, *(label for label, count in counts.items() if count > 1)]:
        if label is None:
            rows = X[[counts.get(each, 1) == 1 for each in y]]
            total += multivariate_normal(np.zeros(len(one)), one).logpdf(rows).sum()
            continue
        rows = X[y == label]
        covariance = np.kron(np.ones((len(rows), len(rows))), common)
        covariance += np.kron(np.eye(len(rows)), one - common)
        total += multivariate_normal(np.zeros(len(covariance)), covariance).logpdf(rows.ravel())
    within = 1 - np.linalg.eigvalsh(between)
    prior = 0.5 * np.sum(np.log(within) + 1 / within) + 0.25 * np.sum(np.log(noise) ** 2)
    return total - prior


def fitted(X, y, reader, tol=1e-5):
    options = FitOptions(np.random.RandomState(0), 1000, tol)
    covariance = READERS[reader](X, read_labels(y, len(X), -1, ()))
    start = fit_diagonal_noise(covariance, N_FACTORS, options)
    return start.model, refine_with_labels(start, covariance, options)


@settings(max_examples=8)
@given(seed=SEEDS, reader=st.sampled_from(list(READERS)))
def test_no_model_nearby_is_more_probable(seed, reader):
    X, y = drawn(seed)
    _, found = fitted(X, y, reader)
    model = found.fit.model
    best = log_posterior(X, y, model.loadings, model.noise.variances, found.between)
    rng = np.random.default_rng(seed)
    for _ in range(10):
        loadings = model.loadings * (1 + 0.01 * rng.normal(size=model.loadings.shape))
        noise = model.noise.variances * np.exp(0.03 * rng.normal(size=N_FEATURES))
        values, axes = np.linalg.eigh(found.between)
        values = np.clip(values + 0.02 * rng.normal(size=len(values)), 0, 0.999)
        between = (axes * values) @ axes.T
        assert log_posterior(X, y, loadings, noise, between) <= best + 1e-3


@settings(max_examples=8)
@given(seed=SEEDS, reader=st.sampled_from(list(READERS)))
def test_labels_only_make_the_model_more_probable(seed, reader):
    X, y = drawn(seed)
    start, found = fitted(X, y, reader, tol=0.05)
    model, nothing = found.fit.model, np.zeros((N_FACTORS, N_FACTORS))
    with_labels = log_posterior(X, y, model.loadings, model.noise.variances, found.between)
    without = log_posterior(X, y, start.loadings, start.noise.variances, nothing)
    assert with_labels >= without - 1e-6


@pytest.mark.parametrize("y", [np.full(40, -1), np.zeros(40, int), np.arange(40)])
def test_labels_without_two_classes_or_pairs_change_nothing(y):
    X, _ = drawn(0)
    start, found = fitted(X, y, "one pass")
    assert found.fit.model is start
    assert_allclose(found.between, 0.0)


@given(seed=SEEDS, reader=st.sampled_from(list(READERS)))
def test_moments_are_those_of_loops_over_classes(seed, reader):
    X, y = drawn(seed)
    X, y = X[:20], y[:20]
    covariance = READERS[reader](X, read_labels(y, len(X), -1, ()))
    scale = feature_scale(covariance)
    moments = ClassMoments.of(covariance, scale)
    U = (X - X.mean(axis=0)) / X.std(axis=0, ddof=1) * np.sqrt(len(X) / (len(X) - 1))
    groups = [U[y == label] for label in np.unique(y[y != -1])]
    groups = [rows for rows in groups if len(rows) > 1]
    directions = np.random.default_rng(seed).normal(size=(N_FEATURES, 2))
    deviations = np.vstack([rows - rows.mean(axis=0) for rows in groups])
    means = np.array([np.sqrt(len(rows)) * rows.mean(axis=0) for rows in groups])
    total, within, along = moments.times(directions)
    assert_allclose(total, U.T @ U @ directions, atol=1e-10)
    assert_allclose(within, deviations.T @ deviations @ directions, atol=1e-10)
    assert_allclose(along, means @ directions, atol=1e-10)
    assert_allclose(moments.combined(along), means.T @ means @ directions, atol=1e-10)
    assert moments.n_within == len(deviations) - len(groups)
    assert moments.n_free == len(U) - len(deviations)
