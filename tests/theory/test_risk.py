"""Exact risks against samples, against slow integrals, and against each other."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from helpers.populations import haar_model, spiked_models
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.special import erf, expit

from sklearn_contrastive.datasets import make_spiked_classification, make_spiked_regression
from sklearn_contrastive.theory import SpikedCovarianceModel
from sklearn_contrastive.theory._logistic import mean_logistic_slope, misclassification
from sklearn_contrastive.theory.risk import (
    classification_risk,
    excess_classification_risk,
    excess_regression_risk,
    explained_scores,
    regression_risk,
)

EPS = np.finfo(np.float64).eps
ORACLE = 0.3251431747330242
FEATURES = ["signal", "pca", "random", "few", "many"]
ONE = SpikedCovarianceModel(np.eye(3)[:1])


def features_of(model, kind, seed):
    """Rows to project on: good ones, wrong ones, one row, or every feature and more."""
    rng = np.random.default_rng(seed)
    d, k = model.n_features, model.n_components
    return {
        "signal": lambda: model.components,
        "pca": lambda: model.pca_components(),
        "random": lambda: rng.normal(size=(k, d)),
        "few": lambda: rng.normal(size=(1, d)),
        "many": lambda: np.vstack([np.eye(d), rng.normal(size=(2, d))]),
    }[kind]()


def unit_weights(k, seed):
    weights = np.random.default_rng(seed).normal(size=k)
    return weights / np.linalg.norm(weights)


# --- slow and obvious ----------------------------------------------------------------------------


def slow_explained(model, components):
    """L' V' (V S V')^-1 V L, as it is written."""
    loadings = model.components.T * model.signal
    cross = components @ loadings
    return cross.T @ np.linalg.solve(components @ model.covariance @ components.T, cross)


def slow_misclassification(correlation):
    """The expectation over u, with the step at 0 given to the quadrature."""
    steepness = correlation / np.sqrt(1 - correlation**2)

    def gained(u):
        density = np.exp(-(u**2) / 2) / np.sqrt(2 * np.pi)
        return (expit(u) - 0.5) * erf(steepness * u / np.sqrt(2)) * density

    cuts = np.unique(np.minimum(np.array([0, 0.1, 1, 3, 7]) / max(steepness, 0.1), 40.0))
    cuts = np.append(cuts, 40.0)
    pieces = [quad(gained, a, b, epsabs=1e-13)[0] for a, b in pairwise(cuts)]
    return 0.5 - 2 * sum(pieces)


# --- the share of the scores that features explain ------------------------------------------------


@given(
    model=spiked_models(max_features=15, noise_ratios=(1.0, 1e2), signal_ratios=(1.0, 10.0)),
    kind=st.sampled_from(["signal", "pca", "random", "few"]),
    seed=SEEDS,
)
def test_explained_scores_are_their_formula(model, kind, seed):
    components = features_of(model, kind, seed)
    covariance = components @ model.covariance @ components.T
    tolerance = 100 * EPS * np.linalg.cond(covariance) + 100 * EPS
    assert_allclose(
        explained_scores(model, components),
        slow_explained(model, components),
        rtol=0,
        atol=tolerance,
    )


@given(model=spiked_models(), kind=st.sampled_from(FEATURES), seed=SEEDS)
def test_explained_shares_are_between_0_and_1(model, kind, seed):
    explained = explained_scores(model, features_of(model, kind, seed))
    eigenvalues = np.linalg.eigvalsh(explained)
    assert eigenvalues.min() >= -100 * EPS
    assert eigenvalues.max() <= 1 + 100 * EPS
    assert_allclose(explained, explained.T, rtol=0, atol=0)


@given(
    model=spiked_models(max_features=15, noise_ratios=(1.0, 1e2)),
    kind=st.sampled_from(["signal", "pca", "random", "few"]),
    spread=st.sampled_from([1.0, 1e3, 1e6]),
    seed=SEEDS,
)
def test_risks_depend_only_on_the_span_of_the_rows(model, kind, spread, seed):
    rng = np.random.default_rng(seed)
    rows = features_of(model, kind, seed)
    k = len(rows)
    turn = np.linalg.qr(rng.normal(size=(k, k))).Q
    changed = np.linspace(1, spread, k)[:, None] * (turn @ rows)
    changed = np.vstack([changed, np.zeros(model.n_features), rng.permutation(changed)])
    weights = unit_weights(model.n_components, seed)
    condition = np.linalg.cond(rows @ model.covariance @ rows.T)
    for risk in (regression_risk, classification_risk):
        for w in (weights, None):
            expected = risk(model, rows, w)
            assert risk(model, changed, w) == pytest.approx(expected, abs=1e3 * EPS * condition)


def test_rows_of_zeros_explain_nothing():
    rows = np.zeros((2, 3))
    assert explained_scores(ONE, rows) == [[0.0]]
    assert regression_risk(ONE, rows) == 1
    assert classification_risk(ONE, rows) == 0.5


def test_without_noise_the_subspace_explains_all_scores():
    model = SpikedCovarianceModel(np.eye(5)[:2], [1e3, 1e-3], 0.0)
    assert regression_risk(model, model.components, target_noise=0.5) == pytest.approx(0.25)
    assert classification_risk(model, model.components) == pytest.approx(ORACLE, abs=1e-14)


# --- the best features ---------------------------------------------------------------------------


@given(model=spiked_models(), kind=st.sampled_from(FEATURES), seed=SEEDS)
def test_no_features_do_better_than_the_optimal_ones(model, kind, seed):
    rows = features_of(model, kind, seed)
    weights = unit_weights(model.n_components, seed)
    for excess in (excess_regression_risk, excess_classification_risk):
        for w in (weights, None):
            assert excess(model, rows, w) >= -1e3 * EPS
            assert excess(model, rows, w) <= 1
    for excess in (excess_regression_risk, excess_classification_risk):
        assert excess(model, model.optimal_components(), weights) == 0


@given(model=spiked_models())
def test_optimal_features_explain_as_much_as_all_features(model):
    every = explained_scores(model, np.eye(model.n_features))
    assert_allclose(
        explained_scores(model, model.optimal_components()), every, rtol=0, atol=1e4 * EPS
    )


@given(model=spiked_models(max_features=12, noise_ratios=(1.0, 1e2)))
def test_optimal_components_are_ordered_by_explained_share(model):
    optimal = model.optimal_components()
    all_shares = np.linalg.eigvalsh(explained_scores(model, optimal))[::-1]
    for j in range(1, len(optimal) + 1):
        shares = np.linalg.eigvalsh(explained_scores(model, optimal[:j]))[::-1]
        assert_allclose(shares[:j], all_shares[:j], rtol=0, atol=1e-8)


def test_features_can_outperform_the_signal_subspace_under_unequal_noise():
    model = haar_model(0, np.r_[np.full(5, 2.0), np.full(95, 0.5)])
    weights = unit_weights(5, 0)
    best = model.optimal_components()
    for excess in (excess_regression_risk, excess_classification_risk):
        assert excess(model, best, weights, reference="signal") < -1e-3
        assert excess(model, model.components, weights) == pytest.approx(
            -excess(model, best, weights, reference="signal"), abs=1e-14
        )
        assert excess(model, model.components, weights, reference="signal") == 0


@given(model=spiked_models(noise_ratios=(1.0,)), seed=SEEDS)
def test_under_equal_noise_no_features_outperform_the_signal_subspace(model, seed):
    weights = unit_weights(model.n_components, seed)
    for excess in (excess_regression_risk, excess_classification_risk):
        assert abs(excess(model, model.components, weights)) <= 1e4 * EPS


@given(
    model=spiked_models(),
    kind=st.sampled_from(FEATURES),
    noise=st.sampled_from([0.0, 0.3]),
    seed=SEEDS,
)
def test_no_task_is_worse_than_the_worst(model, kind, noise, seed):
    rows = features_of(model, kind, seed)
    weights = unit_weights(model.n_components, seed)
    explained = explained_scores(model, rows)
    least = np.linalg.eigh(explained)[1][:, 0]
    for risk, options in ((regression_risk, {"target_noise": noise}), (classification_risk, {})):
        worst = risk(model, rows, **options)
        assert risk(model, rows, weights, **options) <= worst + 100 * EPS
        # an eigenvector of shares that nearly tie: half the digits of the least correlation
        assert risk(model, rows, least, **options) == pytest.approx(worst, abs=1e-7)


# --- the integral --------------------------------------------------------------------------------


def test_a_classifier_that_is_given_the_scores_has_the_risk_of_the_oracle():
    assert misclassification(1.0) == pytest.approx(ORACLE, abs=1e-14)
    assert misclassification(0.0) == 0.5


@given(power=st.floats(0, 12))
def test_misclassification_is_the_integral_over_u(power):
    for correlation in (1 - 10**-power, 10**-power):
        if correlation < 1:
            expected = slow_misclassification(correlation)
            assert misclassification(correlation) == pytest.approx(expected, abs=1e-12)


def test_misclassification_falls_as_the_correlation_grows():
    risks = [misclassification(k) for k in np.linspace(0, 1, 200)]
    assert np.all(np.diff(risks) < 0)


@pytest.mark.parametrize("scale", [0.0, 0.3, 1.0])
def test_mean_slope_is_its_integral(scale):
    def slope(v):
        return expit(scale * v) * expit(-scale * v) * np.exp(-(v**2) / 2) / np.sqrt(2 * np.pi)

    expected = quad(slope, -40, 40, epsabs=1e-13, points=[0.0])[0]
    assert mean_logistic_slope(scale) == pytest.approx(expected, abs=1e-12)


# --- samples -------------------------------------------------------------------------------------

SETTINGS = {
    "even": {"noise": 1.0, "signal": 1.0},
    "uneven": {"noise": np.r_[3.0, 3.0, np.full(6, 0.5)], "signal": 1.0},
    "strong and weak": {"noise": np.geomspace(2.0, 0.1, 8), "signal": [3.0, 0.7]},
}


@pytest.mark.parametrize("features", ["signal", "pca", "random"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_regression_risk_is_the_error_in_a_large_sample(setting, features):
    n = 100_000
    X, y, truth = make_spiked_regression(
        n, 8, 2, **SETTINGS[setting], mean=5.0, target_noise=0.3, random_state=0
    )
    rows = features_of(truth, features, 1)
    seen = (X - X.mean(axis=0)) @ rows.T
    squares = (y - y.mean() - seen @ np.linalg.lstsq(seen, y - y.mean(), rcond=None)[0]) ** 2
    expected = regression_risk(truth, rows, truth.weights, target_noise=0.3)
    # the fit takes 2 + 1 of n degrees of freedom, far less than a standard error
    assert abs(squares.mean() - expected) <= 4 * squares.std() / np.sqrt(n)


@pytest.mark.parametrize("features", ["signal", "pca", "random"])
@pytest.mark.parametrize("setting", SETTINGS)
def test_classification_risk_is_the_share_of_errors_in_a_large_sample(setting, features):
    n = 200_000
    X, y, truth = make_spiked_classification(n, 8, 2, **SETTINGS[setting], random_state=0)
    rows = features_of(truth, features, 1)
    target = rows @ (truth.components.T * truth.signal) @ truth.weights
    best = np.linalg.solve(rows @ truth.covariance @ rows.T, target)
    wrong = (X @ rows.T @ best > 0) != y
    expected = classification_risk(truth, rows, truth.weights)
    assert abs(wrong.mean() - expected) <= 4 * np.sqrt(expected * (1 - expected) / n)


@pytest.mark.parametrize(
    ("noise_sd", "r", "measure", "seen"),
    [
        (np.linspace(1.0, 0.5, 40), 10, "regression", (0.3576, 0.0045, 0.0295, 0.0017)),
        (np.linspace(1.0, 0.5, 40), 10, "classification", (0.3631, 0.0005, 0.0034, 0.0002)),
        (np.linspace(1.0, 0.5, 40), 10, "worst", (0.4348, 0.0021, 0.0225, 0.0018)),
        (
            np.r_[np.full(5, 2.0), np.full(95, 0.5)],
            5,
            "regression",
            (0.2745, 0.0135, 0.068, 0.0122),
        ),
        (np.r_[np.full(5, 2.0), np.full(95, 0.5)], 5, "worst", (0.4349, 0.0161, 0.2108, 0.0136)),
        (np.full(100, 0.5), 5, "classification", (0.3457, 0.00005, 0.0, 0.00005)),
    ],
)
def test_risks_keep_their_values(noise_sd, r, measure, seen):
    risk, excess = {
        "regression": (regression_risk, excess_regression_risk),
        "classification": (classification_risk, excess_classification_risk),
        "worst": (regression_risk, excess_regression_risk),
    }[measure]
    values = []
    for seed in range(20):
        model = haar_model(seed, noise_sd, r)
        weights = None if measure == "worst" else unit_weights(r, seed)
        values.append([f(model, model.components, weights) for f in (risk, excess)])
    risks, excesses = np.transpose(values)
    for found, mean, error in ((risks, *seen[:2]), (excesses, *seen[2:])):
        # means of twenty draws and of ten, whose standard error is given
        assert abs(found.mean() - mean) <= 4 * np.hypot(error, found.std(ddof=1) / np.sqrt(20))


# --- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.eye(4),), "components has 4 columns, but the model has 3 features"),
        ((np.eye(3)[0],), "Expected 2D array"),
        ((np.full((1, 3), np.nan),), "components contains NaN"),
        ((np.eye(3), [1.0, 0.0]), r"weights has shape \(2,\); give one for each component, \(1,\)"),
        ((np.eye(3), [2.0]), "weights has length 2; divide by it"),
        ((np.eye(3), [np.nan]), "weights has length nan"),
    ],
)
def test_tasks_that_do_not_fit_the_model_are_refused(arguments, message):
    for risk in (
        regression_risk,
        classification_risk,
        excess_regression_risk,
        excess_classification_risk,
    ):
        with pytest.raises(ValueError, match=message):
            risk(ONE, *arguments)


def test_other_references_and_noise_below_zero_are_refused():
    for excess in (excess_regression_risk, excess_classification_risk):
        with pytest.raises(ValueError, match="reference='oracle' is not known"):
            excess(ONE, np.eye(3), reference="oracle")
        noiseless = dataclasses.replace(ONE, noise_variance=[1.0, 0.0, 1.0])
        with pytest.raises(ValueError, match="Feature 1 has no noise"):
            excess(noiseless, np.eye(3))
    with pytest.raises(ValueError, match="target_noise=-1 is not allowed"):
        regression_risk(ONE, np.eye(3), target_noise=-1)
