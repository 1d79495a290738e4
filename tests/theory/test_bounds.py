"""Bounds and rates: they hold under their conditions and are refused without them."""

import dataclasses
from math import log, sqrt

import numpy as np
import pytest
from helpers.populations import haar_model, spiked_models
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sklearn_contrastive.linear import expected_loss_matrix
from sklearn_contrastive.metrics import sin_theta_distance
from sklearn_contrastive.theory import SpikedCovarianceModel
from sklearn_contrastive.theory.bounds import (
    contrastive_bias_bound,
    contrastive_certificate,
    contrastive_rate,
    diagonal_deletion_bound,
    generative_rate,
    in_domain_rate,
    incoherence_bias_bound,
    pca_lower_bound,
    transfer_rate,
)

EPS = np.finfo(np.float64).eps


def error_of(components, model):
    return sin_theta_distance(components, model.components)


def leading(matrix, k):
    return np.linalg.eigh(matrix)[1][:, -k:].T


# --- bias of the contrastive components ----------------------------------------------------------


@given(model=spiked_models(max_features=40))
def test_contrastive_bias_stays_below_both_bounds(model):
    sharp, simple = contrastive_bias_bound(model), incoherence_bias_bound(model)
    rounding = 1e3 * EPS * (model.signal.max() / model.signal.min()) ** 2
    assert error_of(model.contrastive_components(), model) <= sharp + rounding
    assert sharp <= simple * (1 + 100 * EPS)


@given(model=spiked_models(signal_ratios=(1.0,)))
def test_bias_bounds_of_equal_strengths_are_the_published_ones(model):
    leverages = np.sum(model.components**2, axis=0)
    r = model.n_components
    assert contrastive_bias_bound(model) == pytest.approx(sqrt(np.sum(leverages**3)), rel=1e-12)
    assert incoherence_bias_bound(model) == pytest.approx(sqrt(r) * leverages.max(), rel=1e-12)


@given(model=spiked_models(), factor=st.sampled_from([1e-150, 1e-3, 1e150]), noise=SEEDS)
def test_bias_bounds_do_not_depend_on_unit_or_noise(model, factor, noise):
    noise = np.random.default_rng(noise).uniform(size=model.n_features)
    other = SpikedCovarianceModel(model.components, factor * model.signal, noise)
    assert contrastive_bias_bound(other) == pytest.approx(contrastive_bias_bound(model), rel=1e-12)
    assert incoherence_bias_bound(other) == pytest.approx(incoherence_bias_bound(model), rel=1e-12)


@pytest.mark.parametrize(
    ("d", "r", "error", "sharp", "simple"),
    [(20, 5, 0.2423, 0.7475, 1.1397), (100, 10, 0.1272, 0.3944, 0.7126)],
)
def test_bounds_of_random_subspaces_keep_their_values(d, r, error, sharp, simple):
    models = [haar_model(seed, np.ones(d), r) for seed in range(40)]
    for measure, expected in (
        (lambda m: error_of(m.contrastive_components(), m), error),
        (contrastive_bias_bound, sharp),
        (incoherence_bias_bound, simple),
    ):
        values = [measure(model) for model in models]
        # means of 40 and of 20 draws
        margin = 4 * np.std(values, ddof=1) * sqrt(1 / 40 + 1 / 20)
        assert abs(np.mean(values) - expected) <= margin


def test_the_bound_for_equal_strengths_does_not_hold_for_unequal_ones():
    for seed in range(5):
        model = haar_model(seed, np.ones(100), 3, signal=[10.0, 1.0, 1.0])
        error = error_of(model.contrastive_components(), model)
        as_if_equal = contrastive_bias_bound(dataclasses.replace(model, signal=1.0))
        assert as_if_equal < 0.2 < error <= contrastive_bias_bound(model)


# --- certificate of a matrix ---------------------------------------------------------------------


@given(
    model=spiked_models(noise_ratios=(1.0, 1e2)),
    n_samples=st.sampled_from([20, 300, 5000]),
    rate=st.sampled_from([0.2, 0.5]),
    strength=st.sampled_from([1.0, 10.0]),
    seed=SEEDS,
)
def test_certificate_of_a_sample_bounds_its_error(model, n_samples, rate, strength, seed):
    model = dataclasses.replace(model, signal=strength * model.signal)
    X, _ = model.sample(n_samples, random_state=seed)
    matrix = expected_loss_matrix(X - X.mean(axis=0), rate) / (2 * rate * (1 - rate) * n_samples)
    assert_certified(matrix, model)


@given(model=spiked_models(), size=st.sampled_from([1e-8, 0.1, 1.0, 10.0]), seed=SEEDS)
def test_certificate_of_any_symmetric_matrix_bounds_its_error(model, size, seed):
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(model.n_features, model.n_features))
    matrix = model.signal_covariance + size * model.signal[-1] ** 2 * (noise + noise.T)
    assert_certified((matrix + matrix.T) / 2, model)


def assert_certified(matrix, model):
    """Assert that the error is below the certificate, or that none is given for a reason."""
    k = model.n_components
    weakest = model.signal.min() ** 2
    outside = np.append(np.linalg.eigvalsh(matrix)[::-1], -np.inf)[k]
    if outside < weakest:
        rounding = 1e3 * EPS * np.linalg.norm(matrix, ord=2) / min(weakest - outside, weakest)
        bound = contrastive_certificate(model, matrix)
        assert error_of(leading(matrix, k), model) <= bound + rounding
    else:
        with pytest.raises(ValueError, match="there is no bound"):
            contrastive_certificate(model, matrix)


@given(model=spiked_models(signal_ratios=(1.0, 3.0)))
def test_certificate_of_the_signal_itself_is_zero_and_of_its_deletion_at_most_the_bias(model):
    signal = model.signal_covariance
    assert contrastive_certificate(model, signal) <= 1e3 * EPS
    deleted = signal - np.diag(np.diag(signal))
    # its eigenvalue r+1 is negative, which the bound on the bias leaves unused
    assert contrastive_certificate(model, deleted) <= contrastive_bias_bound(model) * (1 + 1e-12)


# --- PCA -----------------------------------------------------------------------------------------


@given(
    model=spiked_models(),
    excess=st.sampled_from([1.001, 1.5, 10.0, 1e4]),
    seed=SEEDS,
)
def test_pca_errs_by_at_least_its_lower_bound(model, excess, seed):
    k, d = model.n_components, model.n_features
    strongest = model.signal.max() ** 2
    rng = np.random.RandomState(seed)
    noise = strongest * rng.uniform(size=d)
    noise[rng.permutation(d)[:k]] += strongest * (1 + excess)
    model = dataclasses.replace(model, noise_variance=noise)
    if k < d:
        bound = pca_lower_bound(model)
        assert error_of(model.pca_components(), model) >= bound - 1e-12
        assert bound <= sqrt(k)
    else:
        with pytest.raises(ValueError, match="every method finds the whole space"):
            pca_lower_bound(model)


@given(model=spiked_models(noise_ratios=(1.0,)))
def test_equal_noise_gives_pca_no_lower_bound(model):
    message = "there is no lower bound on the error of PCA|every method finds"
    with pytest.raises(ValueError, match=message):
        pca_lower_bound(model)


@pytest.mark.parametrize(
    ("strength", "error", "bound"),
    [
        (0.1, 2.1877, 2.1867),
        (0.3, 2.1857, 2.1766),
        (0.5, 2.1813, 2.1550),
        (1.0, 2.1523, 2.0201),
        (1.5, 2.0381, 1.4957),
        (1.8, 1.7935, -0.7439),
    ],
)
def test_lower_bounds_keep_their_values(strength, error, bound):
    noise_sd = np.r_[np.full(5, 2.0), np.full(95, 0.5)]
    models = [haar_model(seed, noise_sd, signal=strength) for seed in range(30)]
    errors = np.array([error_of(model.pca_components(), model) for model in models])
    bounds = np.array([pca_lower_bound(model) for model in models])
    # seen in one draw, which is within three deviations of the mean of thirty
    assert abs(errors.mean() - error) <= 3 * errors.std(ddof=1)
    assert abs(bounds.mean() - bound) <= 3 * bounds.std(ddof=1)
    assert errors.std() < 0.1
    assert np.all(bounds <= errors)


def test_signal_of_two_noise_deviations_ends_the_lower_bound():
    noise_sd = np.r_[np.full(5, 2.0), np.full(95, 0.5)]
    with pytest.raises(ValueError, match=r"stand out from the others by 3\.75 in noise"):
        pca_lower_bound(haar_model(0, noise_sd, signal=2.0))


# --- deletion ------------------------------------------------------------------------------------


@given(
    matrix=st.integers(1, 8).flatmap(
        lambda d: hnp.arrays(float, (d, d), elements=st.integers(-3, 3).map(float))
    ),
    unit=st.sampled_from([1e-6, 1.0, 1e6]),
)
def test_deleting_a_diagonal_at_most_doubles_a_norm(matrix, unit):
    matrix = unit * matrix
    norm = np.linalg.norm(matrix - np.diag(np.diag(matrix)), ord=2)
    assert norm <= diagonal_deletion_bound(matrix) * (1 + 100 * EPS)


@given(d=st.integers(1, 40))
def test_the_bound_on_deletion_is_reached_by_the_reflection_of_ones(d):
    matrix = np.eye(d) - 2 / d
    norm = np.linalg.norm(matrix - np.diag(np.diag(matrix)), ord=2)
    assert norm == pytest.approx(diagonal_deletion_bound(matrix), abs=1e-12)
    assert norm == pytest.approx(2 - 2 / d, abs=1e-12)


# --- rates ---------------------------------------------------------------------------------------


@given(d=st.integers(1, 10**5), n=st.integers(1, 10**7), m=st.integers(1, 10**7), data=st.data())
def test_rates_are_their_formulas(d, n, m, data):
    r, k = data.draw(st.integers(1, d)), data.draw(st.integers(2, 50))
    alpha = data.draw(st.sampled_from([0.0, 0.1, 1.0, 100.0]))
    contrastive = r**1.5 * log(d) / d + sqrt(d * r / n)
    assert contrastive_rate(d, r, n) == pytest.approx(contrastive, rel=1e-12)
    labelled = contrastive / (1 + alpha) + alpha / (1 + alpha) * sqrt(d * r / m)
    assert in_domain_rate(d, r, n, m, alpha) == pytest.approx(labelled, rel=1e-12)
    assert in_domain_rate(d, r, n, m, np.inf) == pytest.approx(sqrt(d * r / m), rel=1e-12)
    assert generative_rate(r) == pytest.approx(sqrt(r), rel=1e-12)
    lost = sqrt(max(r - k + 1, 0))
    transferred = labelled + lost * min(1, alpha * d / m)
    assert transfer_rate(d, r, n, m, k, alpha) == pytest.approx(transferred, rel=1e-12)
    only = sqrt(d * r / m) + lost
    assert transfer_rate(d, r, n, m, k, np.inf) == pytest.approx(only, rel=1e-12)


@pytest.mark.parametrize(
    "name",
    [
        "contrastive_rate",
        "generative_rate",
        "in_domain_rate",
        "transfer_rate",
    ],
)
def test_rates_state_that_their_constants_are_unspecified(name):
    assert "up to an unspecified constant" in " ".join(globals()[name].__doc__.split())


@pytest.mark.parametrize(
    ("signal", "sizes", "slope"), [(1.0, (1000, 4000), -0.5), (0.25, (250, 1000), -0.03)]
)
def test_sampling_error_falls_with_the_root_of_n_only_once_it_is_small(signal, sizes, slope):
    # errors of .4 and .2, and of 2.0 and 1.9, where the largest possible one is 2.24
    model = haar_model(0, np.linspace(1.0, 0.5, 40), signal=signal)
    bias = error_of(model.contrastive_components(), model)
    sampling = []
    for n in sizes:
        squares = []
        for seed in range(10):
            S = np.cov(model.sample(n, random_state=seed)[0].T)
            rows = leading(S - np.diag(np.diag(S)), 5)
            squares.append(error_of(rows, model) ** 2 - bias**2)
        sampling.append(sqrt(np.mean(squares)))
    assert np.polyfit(np.log(sizes), np.log(sampling), 1)[0] == pytest.approx(slope, abs=0.1)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("contrastive_rate", "is recalled from"),
        ("in_domain_rate", "is recalled from"),
        ("transfer_rate", "derived here"),
    ],
)
def test_rates_that_were_not_read_say_where_they_are_from(name, source):
    assert source in " ".join(globals()[name].__doc__.split())


# --- refusals ------------------------------------------------------------------------------------

MODEL = haar_model(0, np.ones(6), 2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: contrastive_certificate(MODEL, np.eye(5)), r"shape \(5, 5\); it must be \(6, 6\)"),
        (lambda: contrastive_certificate(MODEL, np.triu(np.ones((6, 6)))), "differ by 1; it must"),
        (lambda: contrastive_certificate(MODEL, 3 * np.eye(6)), "Eigenvalue 3 of the matrix is 3"),
        (lambda: contrastive_certificate(MODEL, np.eye(6)), "there is no bound"),
        (lambda: diagonal_deletion_bound(np.ones((2, 3))), r"shape \(2, 3\); it must be \(2, 2\)"),
        (lambda: diagonal_deletion_bound([[np.inf]]), "matrix contains infinity"),
        (lambda: contrastive_rate(5, 6, 10), "n_components=6 .* at most 5"),
        (lambda: contrastive_rate(5, 2, 0), "n_samples=0 is not allowed"),
        (lambda: contrastive_rate(5.0, 2, 9), "n_features=5.0 is not allowed"),
        (lambda: generative_rate(0), "n_components=0 is not allowed"),
        (lambda: in_domain_rate(5, 2, 9, 0, 1.0), "n_labelled=0 is not allowed"),
        (lambda: in_domain_rate(5, 2, 9, 9, -1.0), "alpha=-1.0 is not allowed"),
        (lambda: transfer_rate(5, 2, 9, 9, 1, 1.0), "n_classes=1 is not allowed; .* at least 2"),
        (lambda: transfer_rate(5, 2, 9, 9, 2, np.nan), "alpha=nan is not allowed"),
    ],
)
def test_where_a_condition_fails_the_error_names_it(call, message):
    with pytest.raises(ValueError, match=message):
        call()
