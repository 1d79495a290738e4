"""Bound from a sample alone: its parts hold, it covers, and it needs no unit and no model."""

import numpy as np
import pytest
from helpers.populations import haar_model, spiked_models
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.metrics import sin_theta_distance
from sklearn_contrastive.theory import SpikedCovarianceModel
from sklearn_contrastive.theory._half_sample import (
    _chi_squared_deviation,
    _deleted_variances,
    _noise,
    _varying_scores,
    half_sample_bound,
)
from sklearn_contrastive.theory.bounds import finite_sample_bound

MODELS = {
    "equal noise": haar_model(0, np.full(30, 0.5), 2),
    "uneven noise": haar_model(1, np.linspace(1, 0.2, 40), 3),
    "five noisy features": haar_model(2, np.r_[np.full(5, 2.0), np.full(45, 0.5)], 2),
    "unequal signals": haar_model(3, np.linspace(0.2, 1, 30), 2, signal=[3.0, 1.0]),
    "few features": haar_model(4, np.full(6, 0.3), 1),
}


def covariance_of(model, n_samples, seed):
    return np.cov(model.sample(n_samples, random_state=seed)[0].T)


def without_diagonal(matrix):
    return matrix - np.diag(np.diag(matrix))


def closed_form(covariance, k):
    return np.linalg.eigh(without_diagonal(covariance))[1][:, -k:].T


# --- coverage ------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
@pytest.mark.parametrize("n_samples", [300, 3000])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_the_bound_is_violated_in_no_more_draws_than_stated(model, n_samples, confidence):
    violations = 0
    for seed in range(12):
        X, _ = model.sample(n_samples, random_state=seed)
        rows = closed_form(np.cov(X.T), model.n_components)
        bound = finite_sample_bound(X, rows, confidence=confidence, random_state=seed)
        violations += sin_theta_distance(rows, model.components) > bound
    # the bound is conservative, so that none is expected even at the lower level
    assert violations == 0


@pytest.mark.parametrize("n_samples", [5000, 50_000])
def test_the_bound_is_within_ten_times_the_error_in_large_samples(n_samples):
    model = haar_model(0, np.linspace(0.2, 0.8, 100), 2)
    X, _ = model.sample(n_samples, random_state=0)
    rows = closed_form(np.cov(X.T), 2)
    error = sin_theta_distance(rows, model.components)
    assert error <= finite_sample_bound(X, rows, random_state=0) < 10 * error


def test_the_bound_covers_estimators_and_exposes_wrong_components():
    model = haar_model(0, np.r_[np.full(3, 3.0), np.full(97, 0.3)], 2)
    X, _ = model.sample(20_000, random_state=0)
    refined = LinearContrastive(2, random_state=0).fit(X).components_
    bound = finite_sample_bound(X, refined, random_state=0)
    assert sin_theta_distance(refined, model.components) <= bound < 1.2
    wrong = model.pca_components()
    assert finite_sample_bound(X, wrong, random_state=0) >= sin_theta_distance(
        wrong, model.components
    )


# --- parts ---------------------------------------------------------------------------------------


@given(model=spiked_models(max_features=12, noise_ratios=(1.0, 1e2)), seed=SEEDS)
def test_the_error_of_a_power_step_has_four_terms(model, seed):
    rng = np.random.default_rng(seed)
    k, d = model.n_components, model.n_features
    outside = np.linalg.qr(np.hstack([model.components.T, np.eye(d)])).Q[:, k:]
    B = rng.normal(size=(d, k)) / model.signal.max() ** 2
    S = covariance_of(model, 4 * d, seed)
    Q, R = np.linalg.qr(without_diagonal(S) @ B)
    scores, population = B.T @ S @ B, B.T @ model.covariance @ B
    regression = np.linalg.solve(population, B.T @ model.covariance).T
    noise = S @ B - regression @ scores
    psi, own = model.noise_variance[:, None], np.diag(model.covariance)[:, None]
    varying = psi * B @ (np.linalg.solve(population, scores) - np.eye(k))
    deleted = np.diag(model.signal_covariance)[:, None] * B
    fluctuating = (own - np.diag(S)[:, None]) * B
    total = outside.T @ (noise + varying - deleted + fluctuating)
    scale = np.linalg.norm(S) * np.linalg.norm(B) * np.linalg.cond(population)
    assert np.abs(outside.T @ Q @ R - total).max(initial=0) <= 1e-12 * scale


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_each_term_is_below_its_bound(model):
    m, k, p = 2000, model.n_components, 0.01
    V = closed_form(covariance_of(model, m, 1000), k).T
    B = V / model.signal**2
    population = B.T @ model.covariance @ B
    regression = np.linalg.solve(population, B.T @ model.covariance).T
    psi = model.noise_variance[:, None]
    for seed in range(20):
        S = covariance_of(model, m + 1, seed)
        variances = 1.2 * np.diag(S)
        scores = B.T @ S @ B
        assert np.linalg.norm(S @ B - regression @ scores) <= _noise(S, B, m, p)
        varying = psi * B @ (np.linalg.solve(population, scores) - np.eye(k))
        assert np.linalg.norm(varying) <= _varying_scores(S, B, variances, 0.15, m, p)
        deleted = _deleted_variances(S, V, variances, m, p)
        assert deleted is None or np.all(deleted >= np.diag(model.signal_covariance))


@pytest.mark.parametrize("m", [10, 1000])
@pytest.mark.parametrize("p", [0.3, 0.01])
def test_weighted_squares_of_chi_squared_deviations_are_below_their_bound(m, p):
    rng = np.random.default_rng(0)
    deviations = rng.chisquare(m, size=(20_000, 3)) / m - 1
    for weights in ([1, 0, 0], [0.2, 0.3, 0.5]):
        found = np.sqrt(deviations**2 @ np.array(weights))
        assert np.mean(found > _chi_squared_deviation(m, p)) <= p


def test_the_bound_of_one_deviation_is_near_its_quantile():
    quantile = 2.576 * np.sqrt(2 / 1000)  # two-sided 1 % of a nearly normal deviation
    assert quantile < _chi_squared_deviation(1000, 0.01) < 1.3 * quantile


# --- invariance ----------------------------------------------------------------------------------


@given(seed=SEEDS, unit=st.sampled_from([2.0**-40, 2.0**40]))
def test_the_bound_ignores_units_signs_order_and_means(seed, unit):
    rng = np.random.default_rng(seed)
    model = MODELS["equal noise"]
    X, _ = model.sample(2000, random_state=seed)
    rows = closed_form(np.cov(X.T), 2)
    bound = finite_sample_bound(X, rows, random_state=0)
    signs, order = rng.choice([-1.0, 1.0], 30), rng.permutation(30)
    changed, changed_rows = (X * signs)[:, order], (rows * signs)[:, order]
    assert finite_sample_bound(unit * changed, changed_rows, random_state=0) == pytest.approx(
        bound, rel=1e-8
    )
    assert finite_sample_bound(X + 3.0, rows, random_state=0) == pytest.approx(bound, rel=1e-8)


def test_higher_confidence_and_fewer_samples_give_larger_bounds():
    X, _ = MODELS["equal noise"].sample(20_000, random_state=0)
    rows = MODELS["equal noise"].components
    by_confidence = [
        finite_sample_bound(X, rows, confidence=c, random_state=0) for c in (0.5, 0.95)
    ]
    assert by_confidence[0] < by_confidence[1]
    few = finite_sample_bound(X[:4000], rows, random_state=0)
    assert by_confidence[1] < few


# --- vacuous and refused -------------------------------------------------------------------------


def test_too_few_samples_and_no_signal_give_the_largest_distance():
    rng = np.random.default_rng(0)
    assert finite_sample_bound(rng.normal(size=(4, 9)), np.eye(9)[:2], random_state=0) == 2**0.5
    assert finite_sample_bound(rng.normal(size=(500, 9)), np.eye(9)[:6], random_state=0) == 3**0.5
    assert finite_sample_bound(rng.normal(size=(500, 3)), np.eye(3), random_state=0) == 0
    assert finite_sample_bound(np.zeros((50, 3)), np.eye(3)[:1], random_state=0) == 1
    assert finite_sample_bound(rng.normal(size=(50, 1)), [[1.0]], random_state=0) == 0


def test_a_condition_that_fails_gives_no_bound_of_a_half():
    S = covariance_of(MODELS["equal noise"], 3000, 0)
    assert half_sample_bound(S, S, 2999, 2, 0.05) is not None
    assert half_sample_bound(S, S, 20, 2, 0.05) is None
    assert half_sample_bound(np.eye(30), S, 2999, 2, 0.05) is None


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda X: finite_sample_bound(X, np.eye(4)[:1]), "has 4 columns, but X has 5 features"),
        (lambda X: finite_sample_bound(X, np.ones((1, 5))), "are not orthonormal"),
        (lambda X: finite_sample_bound(X, np.eye(5)[:1], confidence=1), "confidence=1 is not"),
        (lambda X: finite_sample_bound(X[:3], np.eye(5)[:1]), "minimum of 4 is required"),
        (lambda X: finite_sample_bound(X * np.nan, np.eye(5)[:1]), "X contains NaN"),
    ],
)
def test_bad_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0).normal(size=(50, 5)))


def test_models_that_hold_means_are_covered_too():
    model = SpikedCovarianceModel(MODELS["equal noise"].components, 2.0, 0.25, mean=100.0)
    X, _ = model.sample(3000, random_state=0)
    assert finite_sample_bound(X, model.components, random_state=0) < 1
