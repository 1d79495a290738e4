"""make_spiked_covariance: its population and samples."""

import dataclasses

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest

from sklearn_contrastive.datasets import SpikedCovariance, make_spiked_covariance
from sklearn_contrastive.metrics import incoherence

EPS = np.finfo(np.float64).eps
NOISES = st.sampled_from(["linear", "lognormal", 0.0, 2.0])


@given(
    n_features=st.integers(1, 30),
    subspace=st.sampled_from(["haar", "sparse"]),
    noise=NOISES,
    mean=st.sampled_from([0.0, -50.0]),
    seed=SEEDS,
    data=st.data(),
)
def test_truth_is_a_spiked_covariance(n_features, subspace, noise, mean, seed, data):
    k = data.draw(st.integers(1, n_features))
    X, truth = make_spiked_covariance(
        7,
        n_features,
        k,
        subspace=subspace,
        support_size=n_features // k,
        signal=np.arange(k, 0, -1.0),
        noise=noise,
        mean=mean,
        random_state=seed,
    )
    assert X.shape == (7, n_features)
    assert truth.components.shape == (k, n_features)
    assert truth.scores.shape == (7, k)
    assert_allclose(truth.components @ truth.components.T, np.eye(k), rtol=0, atol=100 * EPS)
    assert_array_equal(truth.signal, np.arange(k, 0, -1))
    assert_array_equal(truth.mean, np.full(n_features, mean))
    assert truth.noise_variance.shape == (n_features,)
    common = sum(s**2 * np.outer(u, u) for s, u in zip(truth.signal, truth.components, strict=True))
    expected = common + np.diag(truth.noise_variance)
    assert_allclose(truth.covariance, expected, rtol=0, atol=100 * EPS * np.abs(expected).max())


def test_samples_have_the_population_covariance():
    n, d = 200_000, 6
    noise = np.array([0.1, 3.0, 1.0, 0.5, 2.0, 1.0])
    X, truth = make_spiked_covariance(
        n, d, 2, signal=[3.0, 1.0], noise=noise, mean=np.arange(d), random_state=0
    )
    variances = np.diag(truth.covariance)
    error = np.abs(np.cov(X.T) - truth.covariance)
    standard_error = np.sqrt((np.outer(variances, variances) + truth.covariance**2) / n)
    assert np.all(error <= 5 * standard_error)
    assert np.all(np.abs(X.mean(axis=0) - truth.mean) <= 5 * np.sqrt(variances / n))


def test_scores_and_noise_are_normal_and_independent():
    n = 50_000
    X, truth = make_spiked_covariance(n, 8, 2, signal=[2.0, 0.5], noise=1.5, random_state=0)
    noise = (X - truth.scores @ truth.components) / 1.5
    scores = truth.scores / truth.signal
    for column in np.hstack([scores, noise]).T:
        assert kstest(column, "norm").pvalue > 1e-4
    assert np.abs(np.corrcoef(np.hstack([scores, noise]).T) - np.eye(10)).max() < 5 / np.sqrt(n)


def test_without_noise_samples_lie_in_the_subspace():
    X, truth = make_spiked_covariance(20, 10, 3, noise=0.0, mean=5.0, random_state=0)
    assert_allclose((X - 5.0) @ truth.components.T, truth.scores, rtol=0, atol=1e-13)
    assert_allclose(truth.scores @ truth.components, X - 5.0, rtol=0, atol=1e-13)


def test_haar_subspaces_have_no_preferred_feature():
    rows = np.array(
        [make_spiked_covariance(1, 5, 2, random_state=seed)[1].components for seed in range(2000)]
    )
    leverages = np.sum(rows**2, axis=1)
    # of mean 2/5, and of variance 2 * 3 / (25 * 3.5), as a beta variable
    assert np.all(np.abs(leverages.mean(axis=0) - 0.4) < 5 * np.sqrt(0.0686 / 2000))
    assert np.all(np.abs(rows.mean(axis=0)) < 5 * np.sqrt(0.2 / 2000))


@given(k=st.integers(1, 5), support_size=st.integers(1, 6), seed=SEEDS)
def test_sparse_components_share_no_feature(k, support_size, seed):
    _, truth = make_spiked_covariance(
        1, 30, k, subspace="sparse", support_size=support_size, random_state=seed
    )
    used = truth.components != 0
    assert_array_equal(used.sum(axis=1), support_size)
    assert used.sum(axis=0).max() == 1
    assert incoherence(truth.components) == pytest.approx(1 / support_size, rel=1e-12)


def test_given_components_and_noise_are_kept_and_copied():
    rows = np.eye(4)[:2]
    noise = np.array([0.0, 1.0, 2.0, 3.0])
    _, truth = make_spiked_covariance(3, 4, 2, subspace=rows, noise=noise, random_state=0)
    assert_array_equal(truth.components, rows)
    assert_array_equal(truth.noise_variance, noise**2)
    assert not np.shares_memory(truth.components, rows)


def test_linear_noise_falls_from_one_to_a_half():
    _, truth = make_spiked_covariance(1, 5, 1, noise="linear", random_state=0)
    assert_allclose(np.sqrt(truth.noise_variance), [1, 0.875, 0.75, 0.625, 0.5], rtol=1e-15)


def test_lognormal_noise_has_normal_logarithms():
    _, truth = make_spiked_covariance(1, 5000, 1, noise="lognormal", random_state=0)
    assert kstest(np.log(truth.noise_variance) / 2, "norm").pvalue > 1e-4


@given(seed=SEEDS, noise=NOISES)
def test_same_seed_same_samples(seed, noise):
    first, one = make_spiked_covariance(5, 6, 2, noise=noise, random_state=seed)
    again, other = make_spiked_covariance(
        5, 6, 2, noise=noise, random_state=np.random.RandomState(seed)
    )
    assert_array_equal(first, again)
    for field in dataclasses.fields(SpikedCovariance):
        assert_array_equal(getattr(one, field.name), getattr(other, field.name))


@given(seed=SEEDS, noise=NOISES, n_samples=st.integers(1, 50))
def test_same_seed_same_population_for_any_number_of_samples(seed, noise, n_samples):
    _, one = make_spiked_covariance(n_samples, 6, 2, noise=noise, random_state=seed)
    _, other = make_spiked_covariance(1000, 6, 2, noise=noise, random_state=seed)
    assert_array_equal(one.covariance, other.covariance)


def test_other_seeds_other_samples():
    assert np.any(
        make_spiked_covariance(5, 6, 2, random_state=0)[0]
        != make_spiked_covariance(5, 6, 2, random_state=1)[0]
    )


def test_truth_cannot_be_changed():
    _, truth = make_spiked_covariance(5, 6, 2, random_state=0)
    with pytest.raises(dataclasses.FrozenInstanceError):
        truth.signal = np.ones(2)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_samples": 0}, "n_samples=0 is not allowed; give an integer of at least 1"),
        ({"n_samples": 2.0}, "n_samples=2.0 is not allowed"),
        ({"n_features": -1}, "n_features=-1 is not allowed"),
        ({"n_components": 0}, "n_components=0 is not allowed"),
        ({"n_components": 7}, "at least 1 and at most 6"),
        ({"subspace": "sphere"}, "subspace='sphere' is not known"),
        ({"subspace": np.eye(3)}, r"subspace has shape \(3, 3\), but n_components=2 and"),
        ({"subspace": np.ones((2, 6))}, "rows of subspace are not orthonormal"),
        ({"subspace": np.full((2, 6), np.nan)}, "subspace contains NaN"),
        ({"subspace": "sparse", "support_size": 4}, "need 8 features, but n_features=6"),
        ({"subspace": "sparse", "support_size": 0}, "support_size=0 is not allowed"),
        ({"signal": 0.0}, "all must be positive"),
        ({"signal": [1.0, -1.0]}, "all must be positive"),
        ({"signal": [1.0, 1.0, 1.0]}, r"signal has shape \(3,\); give one number, or"),
        ({"noise": "pink"}, "noise='pink' is not known"),
        ({"noise": -1.0}, "none can be negative"),
        ({"noise": np.ones(5)}, r"noise has shape \(5,\); .* of shape \(6,\)"),
        ({"noise": np.inf}, "noise contains NaN or infinity"),
        ({"mean": np.nan}, "mean contains NaN or infinity"),
        ({"mean": [[1.0]]}, r"mean has shape \(1, 1\)"),
        ({"random_state": "seed"}, "cannot be used to seed"),
    ],
)
def test_invalid_populations_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_spiked_covariance(**({"n_samples": 5, "n_features": 6, "n_components": 2} | arguments))
