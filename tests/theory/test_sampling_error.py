"""First-order error of the contrastive components, against samples and a slow variance."""

from math import sqrt

import numpy as np
import pytest
from helpers.populations import haar_model, spiked_models
from hypothesis import assume, given
from hypothesis import strategies as st

from sklearn_contrastive.metrics import sin_theta_distance
from sklearn_contrastive.theory import SpikedCovarianceModel
from sklearn_contrastive.theory._sampling_error import _variances
from sklearn_contrastive.theory.bounds import first_order_sampling_error

EPS = np.finfo(np.float64).eps
FIVE_NOISY = np.r_[np.full(5, 1.5), np.full(95, 0.5)]


def measured(model, n_samples, n_draws):
    """Root mean squares of the distances to the population's components and to the truth."""
    k, squares = model.n_components, []
    population = model.contrastive_components()
    for seed in range(n_draws):
        X, _ = model.sample(n_samples, random_state=seed)
        matrix = np.cov(X.T)
        np.fill_diagonal(matrix, 0)
        rows = np.linalg.eigh(matrix)[1][:, -k:].T
        squares.append(
            [sin_theta_distance(rows, each) ** 2 for each in (population, model.components)]
        )
    return np.sqrt(np.mean(squares, axis=0))


@pytest.mark.parametrize(
    ("model", "n_samples"),
    [
        (haar_model(0, FIVE_NOISY), 5000),
        (haar_model(1, np.linspace(1, 0.5, 40), 8), 10_000),
        (haar_model(2, np.random.default_rng(0).uniform(0, 1.5, 60), 3), 5000),
        (haar_model(3, np.ones(50), 2, signal=[2.0, 1.0]), 10_000),
    ],
    ids=["five noisy features", "many components", "uniform noise", "unequal signals"],
)
def test_unequal_noise_adds_the_predicted_error(model, n_samples):
    added, total = measured(model, n_samples, n_draws=10)
    predicted = first_order_sampling_error(model, n_samples)
    # ten squares of over a hundred terms: a standard error below 3 %; higher orders add some
    assert abs(predicted / added - 1) < 0.1
    bias = sin_theta_distance(model.contrastive_components(), model.components)
    assert abs(np.hypot(predicted, bias) / total - 1) < 0.1


def slow_variance(covariance, w, v):
    """2 tr(H C H C), with H the symmetric matrix without its diagonal."""
    H = (np.outer(w, v) + np.outer(v, w)) / 2
    H -= np.diag(np.diag(H))
    return 2 * np.trace(H @ covariance @ H @ covariance)


@given(model=spiked_models(max_features=12, noise_ratios=(1.0, 1e2)))
def test_variances_of_the_entries_are_their_formula(model):
    d, k = model.n_features, model.n_components
    covariance = model.covariance / model.signal.min() ** 2
    basis = np.linalg.qr(np.hstack([model.components.T, np.eye(d)])).Q
    outside, inside = basis[:, k:], basis[:, :k]
    expected = [[slow_variance(covariance, w, v) for v in inside.T] for w in outside.T]
    scale = np.linalg.norm(covariance, ord=2) ** 2
    found = _variances(covariance, outside, inside)
    assert np.allclose(found, np.reshape(expected, (d - k, k)), rtol=0, atol=1e3 * EPS * scale)


@pytest.mark.parametrize("n_samples", [100, 10_000])
def test_equal_noise_and_spread_components_have_the_error_of_pca(n_samples):
    d, r, s2, v2 = 600, 3, 0.5, 4.0
    model = SpikedCovarianceModel(np.kron(np.eye(r), np.full(d // r, (d // r) ** -0.5)), 2.0, s2)
    pca = sqrt(s2 * (v2 + s2)) / v2 * sqrt((d - r) * r / n_samples)
    # components on 200 features: deletion changes the error by about one part in 200
    assert first_order_sampling_error(model, n_samples) == pytest.approx(pca, rel=0.02)


@given(
    model=spiked_models(),
    n=st.integers(1, 10**6),
    unit=st.sampled_from([2.0**-300, 2.0**10, 2.0**300]),
)
def test_the_error_is_possible_depends_on_no_unit_and_falls_with_samples(model, n, unit):
    k, d = model.n_components, model.n_features
    deleted = model.signal_covariance - np.diag(np.diag(model.signal_covariance))
    eigenvalues = np.linalg.eigvalsh(deleted)[::-1]
    # others are refused, or nearly so
    assume(k == d or eigenvalues[k - 1] - eigenvalues[k] > 1e-9 * eigenvalues[0])
    error = first_order_sampling_error(model, n)
    assert 0 <= error <= sqrt(min(k, d - k))
    assert first_order_sampling_error(model, 4 * n) <= error
    scaled = SpikedCovarianceModel(
        model.components, unit * model.signal, unit * (unit * model.noise_variance)
    )
    assert first_order_sampling_error(scaled, n) == error


def test_too_few_samples_give_the_largest_possible_error():
    assert first_order_sampling_error(haar_model(0, np.full(20, 9.0), 3), 5) == sqrt(3)
    assert first_order_sampling_error(haar_model(0, np.ones(4), 4), 5) == 0


def test_components_on_one_feature_and_no_samples_are_refused():
    with pytest.raises(ValueError, match=r"Eigenvalues 2 and 3 .* are not determined"):
        first_order_sampling_error(SpikedCovarianceModel(np.eye(50)[:2]), 1000)
    with pytest.raises(ValueError, match="n_samples=0 is not allowed"):
        first_order_sampling_error(haar_model(0, np.ones(10)), 0)
