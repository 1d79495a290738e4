"""Bounds on excess risks: against exact risks of any features, and sharp where they say so."""

import dataclasses

import numpy as np
import pytest
from helpers.populations import haar_model, spiked_models
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st

from sklearn_contrastive.metrics import sin_theta_distance
from sklearn_contrastive.theory import SpikedCovarianceModel
from sklearn_contrastive.theory.bounds import contrastive_bias_bound, pca_lower_bound
from sklearn_contrastive.theory.risk import (
    excess_classification_bound,
    excess_classification_risk,
    excess_regression_bound,
    excess_regression_risk,
    pca_excess_classification_bound,
    pca_excess_regression_bound,
    regression_risk,
)

EPS = np.finfo(np.float64).eps
# excess risk, its upper bound, and the lower bound of PCA
TASKS = {
    "regression": (excess_regression_risk, excess_regression_bound, pca_excess_regression_bound),
    "classification": (
        excess_classification_risk,
        excess_classification_bound,
        pca_excess_classification_bound,
    ),
}
REFERENCES = st.sampled_from(["optimal", "signal"])
UNEVEN = haar_model(0, np.r_[np.full(3, 3.0), np.full(47, 0.5)], 3)


def unit_weights(k, seed):
    weights = np.random.default_rng(seed).normal(size=k)
    return weights / np.linalg.norm(weights)


def near(model, size, seed):
    """Orthonormal rows near the signal subspace, or anywhere."""
    noise = np.random.default_rng(seed).normal(size=model.components.shape)
    return np.linalg.qr((model.components + size * noise).T).Q.T


@given(
    model=spiked_models(max_features=15),
    size=st.sampled_from([1e-3, 0.03, 0.3, 100.0]),
    reference=REFERENCES,
    worst=st.booleans(),
    seed=SEEDS,
)
def test_no_features_exceed_the_bound_of_their_distance(model, size, reference, worst, seed):
    rows = near(model, size, seed)
    weights = None if worst else unit_weights(model.n_components, seed)
    distance = sin_theta_distance(rows, model.components)
    for excess, bound, _ in TASKS.values():
        found = excess(model, rows, weights, reference=reference)
        assert found <= bound(model, distance, weights, reference=reference) + 1e-7


@given(model=spiked_models(max_features=25), reference=REFERENCES)
def test_contrastive_features_do_not_exceed_the_bound_of_their_bias(model, reference):
    rows, distance = model.contrastive_components(), contrastive_bias_bound(model)
    for excess, bound, _ in TASKS.values():
        found = excess(model, rows, reference=reference)
        assert found <= bound(model, distance, reference=reference) + 1e-7


@given(model=spiked_models(max_features=12), seed=SEEDS, reference=REFERENCES)
def test_bounds_start_at_the_risk_of_the_signal_grow_and_end_at_that_of_no_features(
    model, seed, reference
):
    weights = unit_weights(model.n_components, seed)
    for excess, bound, _ in TASKS.values():
        values = [bound(model, s, weights, reference=reference) for s in (0, 0.1, 0.3, 0.8, 1, 9)]
        at_signal = excess(model, model.components, weights, reference=reference)
        without = excess(model, np.zeros((1, model.n_features)), weights, reference=reference)
        assert values[0] == pytest.approx(at_signal, abs=1e-12)
        assert np.all(np.diff(values) >= -1e-12)
        assert values[-1] == values[-2] <= without + 1e-12


@pytest.mark.parametrize("task", TASKS)
def test_under_equal_noise_the_bound_is_sharp_for_small_distances(task):
    excess, bound, _ = TASKS[task]
    model = SpikedCovarianceModel(np.eye(4)[:2], 2.0, 0.7)
    sine = 0.01
    rows = np.array([[1.0, 0, 0, 0], [0, np.sqrt(1 - sine**2), sine, 0]])
    found = excess(model, rows, [0.0, 1.0])
    assert found > 0
    assert found == pytest.approx(bound(model, sine, [0.0, 1.0]), rel=1e-3)


def test_under_unequal_noise_the_bound_is_of_first_order():
    bounds = [excess_regression_bound(UNEVEN, sine, reference="signal") for sine in (1e-6, 2e-6)]
    assert bounds[1] == pytest.approx(2 * bounds[0], rel=1e-4)


@given(
    model=spiked_models(max_features=25),
    excess=st.sampled_from([1.001, 1.5, 10.0, 1e4]),
    reference=REFERENCES,
    seed=SEEDS,
)
def test_pca_has_at_least_the_excess_risk_of_its_lower_bound(model, excess, reference, seed):
    k, d = model.n_components, model.n_features
    strongest = model.signal.max() ** 2
    rng = np.random.RandomState(seed)
    noise = strongest * rng.uniform(0.01, 1, size=d)
    noise[rng.permutation(d)[:k]] += strongest * (1 + excess)
    model = dataclasses.replace(model, noise_variance=noise)
    for risk, _, lower in TASKS.values():
        if k < d:
            found = risk(model, model.pca_components(), reference=reference)
            assert found >= lower(model, reference=reference) - 1e-9
        else:
            with pytest.raises(ValueError, match="every method finds the whole space"):
                lower(model)


@pytest.mark.parametrize("task", TASKS)
def test_bounds_separate_pca_from_the_contrastive_components(task):
    excess, upper, lower = TASKS[task]
    model = haar_model(0, np.r_[np.full(5, 2.0), np.full(95, 0.5)])
    contrastive = excess(model, model.contrastive_components())
    pca = excess(model, model.pca_components())
    assert contrastive <= upper(model, contrastive_bias_bound(model)) < lower(model) <= pca
    assert lower(model) > 0.7 * pca


def test_the_risk_of_pca_is_that_of_the_largest_possible_error():
    # orthogonal to the noisy features: PCA explains nothing
    model = SpikedCovarianceModel(np.eye(5)[:1], 1.0, [0.5, 0.5, 0.5, 0.5, 9.0])
    assert pca_lower_bound(model) == 1
    expected = 1 - regression_risk(model, model.components)
    assert pca_excess_regression_bound(model, reference="signal") == pytest.approx(expected)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda f: f(UNEVEN, -0.1), "distance=-0.1 is not allowed"),
        (lambda f: f(UNEVEN, np.nan), "distance=nan is not allowed"),
        (lambda f: f(UNEVEN, 0.1, [1.0]), "weights has shape"),
        (lambda f: f(UNEVEN, 0.1, [1.0, 1.0, 1.0]), "divide by it"),
        (lambda f: f(UNEVEN, 0.1, reference="best"), "reference='best' is not known"),
    ],
)
@pytest.mark.parametrize("bound", [excess_regression_bound, excess_classification_bound])
def test_bad_distances_and_tasks_are_refused(bound, call, message):
    with pytest.raises(ValueError, match=message):
        call(bound)


@pytest.mark.parametrize("bound", [pca_excess_regression_bound, pca_excess_classification_bound])
def test_without_noisy_features_there_is_no_lower_bound(bound):
    with pytest.raises(ValueError, match="there is no lower bound on the error of PCA"):
        bound(haar_model(0, np.ones(10), 2))
    with pytest.raises(ValueError, match="is not known"):
        bound(UNEVEN, reference="best")
