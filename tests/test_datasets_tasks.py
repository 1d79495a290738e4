"""make_spiked_regression, make_spiked_classification: targets and classes."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from scipy.stats import kstest

from sklearn_contrastive.datasets import (
    SpikedClassification,
    SpikedRegression,
    make_spiked_classification,
    make_spiked_covariance,
    make_spiked_regression,
)
from sklearn_contrastive.metrics import sin_theta_distance

EPS = np.finfo(np.float64).eps


@st.composite
def labelled_kinds(draw, max_components=5):
    """Draw sizes, labels, and a number of classes that goes with them."""
    k = draw(st.integers(1, max_components))
    labels = draw(st.sampled_from(["logistic", "quantile", "mixture"]))
    most = {"logistic": 2, "quantile": 7, "mixture": k + 1}[labels]
    within = draw(st.sampled_from([0.0, 0.5, 1.0])) if labels == "mixture" else 0.0
    options = {"labels": labels, "n_classes": draw(st.integers(2, most)), "within_sd": within}
    return k, options


def assert_mean(values, expected):
    """Assert that columns have the expected means, within four standard errors."""
    error = values.std(axis=0) / np.sqrt(len(values))
    assert np.all(np.abs(values.mean(axis=0) - expected) <= 4 * error + 1e-12)


# --- regression ----------------------------------------------------------------------------------


@given(k=st.integers(1, 6), seed=SEEDS, mean=st.sampled_from([0.0, 30.0]))
def test_targets_without_noise_are_weighted_standardised_scores(k, seed, mean):
    X, y, truth = make_spiked_regression(
        9, 8, k, signal=np.arange(k, 0, -1.0), mean=mean, target_noise=0.0, random_state=seed
    )
    assert np.linalg.norm(truth.weights) == pytest.approx(1, rel=1e-14)
    assert_allclose(y, truth.scores / truth.signal @ truth.weights, rtol=0, atol=100 * EPS)
    residual = X - truth.mean - truth.scores @ truth.components
    assert np.all(np.abs(residual) <= 10 * np.sqrt(truth.noise_variance))


def test_target_noise_is_normal_and_independent_of_the_samples():
    n = 50_000
    X, y, truth = make_spiked_regression(n, 6, 2, target_noise=0.7, random_state=0)
    noise = (y - truth.scores / truth.signal @ truth.weights) / 0.7
    assert truth.target_noise == 0.7
    assert kstest(noise, "norm").pvalue > 1e-4
    assert np.abs(np.corrcoef(X.T, noise)[-1, :-1]).max() < 5 / np.sqrt(n)


@given(seed=SEEDS)
def test_given_weights_leave_the_samples_of_the_plain_generator(seed):
    weights = np.array([0.6, -0.8])
    X, truth = make_spiked_covariance(7, 6, 2, noise="lognormal", random_state=seed)
    options = {"noise": "lognormal", "weights": weights, "random_state": seed}
    with_targets, _, regression = make_spiked_regression(7, 6, 2, **options)
    with_classes, _, classification = make_spiked_classification(7, 6, 2, **options)
    for other, task in ((with_targets, regression), (with_classes, classification)):
        assert_array_equal(other, X)
        assert_array_equal(task.scores, truth.scores)
        assert_array_equal(task.covariance, truth.covariance)
        assert_array_equal(task.weights, weights)
        assert not np.shares_memory(task.weights, weights)


def test_drawn_weights_have_no_preferred_direction():
    weights = [
        make_spiked_regression(1, 3, 2, random_state=seed)[2].weights for seed in range(2000)
    ]
    angles = np.arctan2(*np.transpose(weights)) / (2 * np.pi) + 0.5
    assert kstest(angles, "uniform").pvalue > 1e-4


# --- classification ------------------------------------------------------------------------------


@given(kind=labelled_kinds(), seed=SEEDS)
def test_truth_describes_classes_that_are_centred(kind, seed):
    k, options = kind
    X, y, truth = make_spiked_classification(
        11, 9, k, mean=4.0, signal=2.0, **options, random_state=seed
    )
    assert X.shape == (11, 9)
    assert truth.n_classes == options["n_classes"]
    assert np.issubdtype(y.dtype, np.integer)
    assert set(y) <= set(range(truth.n_classes))
    assert truth.class_scores.shape == (truth.n_classes, k)
    assert truth.scores.shape == (11, k)
    assert_allclose(truth.class_scores.mean(axis=0), 0, atol=1e-13)
    assert_allclose(truth.class_means.mean(axis=0), truth.mean, rtol=1e-12)
    expected = truth.class_means - truth.mean
    assert_allclose(expected @ truth.components.T, truth.class_scores, rtol=0, atol=1e-13)
    assert (truth.weights is None) == (options["labels"] == "mixture")


@pytest.mark.parametrize(
    "options",
    [
        {"labels": "logistic"},
        {"labels": "quantile", "n_classes": 2},
        {"labels": "quantile", "n_classes": 5},
        {"labels": "mixture", "n_classes": 2},
        {"labels": "mixture", "n_classes": 3, "within_sd": 0.6},
        {"labels": "mixture", "n_classes": 4},
    ],
    ids=str,
)
def test_large_samples_have_the_moments_of_the_truth(options):
    n = 100_000
    X, y, truth = make_spiked_classification(
        n, 6, 3, signal=[3.0, 2.0, 1.0], noise="linear", mean=1.0, **options, random_state=0
    )
    centred = X - truth.mean
    products = np.einsum("ni,nj->nij", centred, centred)
    assert_mean(products, truth.covariance)
    for label in range(truth.n_classes):
        assert_mean(X[y == label], truth.class_means[label])
        assert_mean(truth.scores[y == label], truth.class_scores[label])
    counts = np.bincount(y, minlength=truth.n_classes)
    share = 1 / truth.n_classes
    assert np.all(np.abs(counts / n - share) <= 4 * np.sqrt(share * (1 - share) / n))


def test_logistic_labels_follow_the_logistic_function():
    n = 100_000
    _, y, truth = make_spiked_classification(n, 6, 3, signal=[3.0, 2.0, 1.0], random_state=0)
    projection = truth.scores / truth.signal @ truth.weights
    edges = np.linspace(-2.5, 2.5, 11)
    for low, high in pairwise(edges):
        inside = (low <= projection) & (projection < high)
        assert_mean(y[inside] - expit(projection[inside]), 0)


@given(n_classes=st.integers(2, 9), seed=SEEDS)
def test_quantile_labels_are_ordered_by_the_projection(n_classes, seed):
    _, y, truth = make_spiked_classification(
        200, 8, 3, n_classes=n_classes, labels="quantile", signal=[3.0, 2.0, 1.0], random_state=seed
    )
    projection = truth.scores / truth.signal @ truth.weights
    assert np.all(np.diff(y[np.argsort(projection)]) >= 0)
    # the means lie on one line, so that labels show one direction
    assert np.linalg.matrix_rank(truth.class_scores) == 1


@given(k=st.integers(1, 6), within=st.sampled_from([0.0, 0.3, 0.9]), data=st.data(), seed=SEEDS)
def test_means_of_a_mixture_are_a_regular_simplex(k, within, data, seed):
    n_classes = data.draw(st.integers(2, k + 1))
    _, y, truth = make_spiked_classification(
        30, 8, k, n_classes=n_classes, labels="mixture", within_sd=within, random_state=seed
    )
    expected = np.zeros(k)
    expected[: n_classes - 1] = 1 - within**2
    between = truth.class_scores.T @ truth.class_scores / n_classes
    assert_allclose(between, np.diag(expected), rtol=0, atol=1e-13)
    distances = np.linalg.norm(truth.class_scores[:, None] - truth.class_scores, axis=2)
    apart = distances[~np.eye(n_classes, dtype=bool)]
    assert_allclose(apart, apart[0], rtol=1e-12)
    if within == 0:
        informed = slice(0, n_classes - 1)
        assert_array_equal(truth.scores[:, informed], truth.class_scores[y][:, informed])


@given(kind=labelled_kinds(), seed=SEEDS)
def test_labels_alone_find_one_direction_less_than_classes(kind, seed):
    k, options = kind
    _, _, truth = make_spiked_classification(2, 9, k, **options, random_state=seed)
    if options["within_sd"] == 1:  # classes that do not differ
        assert_array_equal(truth.class_scores, np.zeros_like(truth.class_scores))
        return
    found = truth.supervised_components(truth.class_scores, np.inf)
    assert len(found) == (truth.n_classes - 1 if options["labels"] == "mixture" else 1)
    if len(found) == k:
        assert sin_theta_distance(found, truth.components) < 1e-12


@given(kind=labelled_kinds(), seed=SEEDS, n_samples=st.integers(1, 40))
def test_same_seed_same_task_for_any_number_of_samples(kind, seed, n_samples):
    k, options = kind
    draws = [
        make_spiked_classification(n, 7, k, **options, random_state=s)
        for n, s in ((n_samples, seed), (n_samples, np.random.RandomState(seed)), (50, seed))
    ]
    (X, y, truth), (again, labels, _), (_, _, other) = draws
    assert_array_equal(X, again)
    assert_array_equal(y, labels)
    for field in dataclasses.fields(SpikedClassification):
        if field.name != "scores":
            assert_array_equal(getattr(truth, field.name), getattr(other, field.name))


@given(seed=SEEDS)
def test_same_seed_same_targets(seed):
    (X, y, one), (again, targets, other) = (
        make_spiked_regression(6, 7, 2, random_state=s) for s in (seed, np.random.RandomState(seed))
    )
    assert_array_equal(X, again)
    assert_array_equal(y, targets)
    for field in dataclasses.fields(SpikedRegression):
        assert_array_equal(getattr(one, field.name), getattr(other, field.name))


# --- refusals ------------------------------------------------------------------------------------

COMMON = [
    ({"n_samples": 0}, "n_samples=0 is not allowed"),
    ({"n_features": 1}, "n_components=2 is not allowed"),
    ({"signal": 0.0}, "all must be positive"),
    ({"noise": -1.0}, "none can be negative"),
    ({"weights": [1.0]}, r"weights has shape \(1,\); give one for each component, \(2,\)"),
    ({"weights": [1.0, 1.0]}, "weights has length 1.41421; divide by it"),
]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *COMMON,
        ({"target_noise": -0.1}, "target_noise=-0.1 is not allowed"),
        ({"target_noise": np.nan}, "target_noise=nan is not allowed"),
    ],
)
def test_invalid_regression_tasks_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_spiked_regression(**({"n_samples": 5, "n_features": 6, "n_components": 2} | arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        *COMMON,
        ({"labels": "kmeans"}, "labels='kmeans' is not known"),
        ({"n_classes": 1}, "n_classes=1 is not allowed"),
        ({"n_classes": 3}, "n_classes=3 is not allowed; .* at least 2 and at most 2"),
        ({"labels": "mixture", "n_classes": 4}, "at least 2 and at most 3"),
        ({"labels": "quantile", "n_classes": 2.5}, "n_classes=2.5 is not allowed"),
        ({"labels": "mixture", "within_sd": 1.5}, r"give a number in \[0, 1\]"),
        ({"within_sd": 0.5}, 'within_sd is for labels="mixture"; leave it out for .logistic'),
        ({"labels": "mixture", "weights": [1.0, 0.0]}, 'labels="mixture" has no weights'),
    ],
)
def test_invalid_classification_tasks_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_spiked_classification(
            **({"n_samples": 5, "n_features": 6, "n_components": 2} | arguments)
        )
