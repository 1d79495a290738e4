"""Number of components: exact where detectable, zero in noise."""

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive._noise_edge import noise_edge
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.exceptions import ComponentsWarning
from sklearn_contrastive.linear._factor.n_components import (
    count_above,
    estimate_n_components,
)
from sklearn_contrastive.linear._solvers.chebyshev import FeatureBlock

SIZES = [(200, 40, 3), (200, 100, 5), (200, 300, 5), (500, 100, 10), (2000, 40, 10)]
NOISES = ["equal", "linear", "lognormal"]


def noise_of(kind, n_features, rng):
    """Standard deviations of the noise: all 1, evenly from 1 to .1, or exp(standard normal)."""
    if kind == "equal":
        return np.ones(n_features)
    if kind == "linear":
        return np.linspace(1.0, 0.1, n_features)
    return np.exp(rng.normal(size=n_features))


def clearly_detectable(n_samples, n_features, n_components, noise, seed, times=8.0):
    """Samples whose weakest signal is that many times the square root of d / n.

    In units of the noise, nu^2 lambda_min(U' Psi^-1 U); below once the root no method can find it.
    """
    rng = np.random.RandomState(seed)
    noise = noise_of(noise, n_features, rng)
    basis = np.linalg.qr(rng.normal(size=(n_features, n_components)))[0]
    weakest = np.linalg.eigvalsh(basis.T @ (basis / noise[:, None] ** 2))[0]
    signal = np.sqrt(times * np.sqrt(n_features / n_samples) / weakest)
    return make_spiked_covariance(
        n_samples,
        n_features,
        n_components,
        subspace=basis.T,
        signal=signal,
        noise=noise,
        random_state=rng,
    )[0]


def block_of(matrix, seed=0):
    return FeatureBlock(matrix.__matmul__, len(matrix), 8, np.random.RandomState(seed))


def rank_of(X):
    n_samples, n_features = X.shape
    block = block_of(np.corrcoef(X.T))
    return estimate_n_components(
        block,
        n_samples,
        lambda uniqueness: n_samples,
        np.ones(n_features),
        min(n_samples - 1, n_features // 2),
    )[0]


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(("n_samples", "n_features", "n_components"), SIZES)
def test_every_clearly_detectable_component_is_counted(n_samples, n_features, n_components, noise):
    found = [
        rank_of(clearly_detectable(n_samples, n_features, n_components, noise, seed))
        for seed in range(3)
    ]
    assert found == [n_components] * 3


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(("n_samples", "n_features", "n_components"), SIZES)
def test_auto_finds_the_number_of_components(n_samples, n_features, n_components, noise):
    X = clearly_detectable(n_samples, n_features, n_components, noise, seed=10, times=12.0)
    model = LinearContrastive(random_state=0).fit(X)
    assert model.n_components_ == n_components
    assert type(model.n_components_) is int
    assert model.transform(X).shape == (n_samples, n_components)


@pytest.mark.parametrize("noise", NOISES)
@pytest.mark.parametrize(
    ("n_samples", "n_features"), [(200, 40), (500, 100), (100, 200), (2000, 20), (30, 10)]
)
def test_noise_has_no_components(n_samples, n_features, noise):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_samples, n_features)) * noise_of(noise, n_features, rng)
    assert rank_of(X) == 0
    with pytest.warns(ComponentsWarning, match="No component was found"):
        model = LinearContrastive(random_state=0).fit(X)
    assert model.n_components_ == 0


@pytest.mark.parametrize("noise", NOISES)
def test_units_of_the_features_do_not_change_the_count(noise):
    X = clearly_detectable(500, 40, 5, noise, seed=0)
    units = 10.0 ** np.random.default_rng(0).uniform(-6, 6, size=40)
    assert rank_of(X * units) == rank_of(X) == 5


def test_the_count_never_exceeds_the_allowed_maximum():
    X = clearly_detectable(500, 40, 10, "equal", seed=0)
    for largest in (4, 0):
        block = block_of(np.corrcoef(X.T))
        found, _ = estimate_n_components(block, 500, lambda uniqueness: 500, np.ones(40), largest)
        assert found == largest


@pytest.mark.parametrize("n_components", [20, 40, 60])
def test_many_components_are_counted(n_components):
    X = clearly_detectable(3000, 200, n_components, "equal", seed=0, times=50.0)
    assert LinearContrastive(random_state=0).fit(X).n_components_ == n_components


# --- the edge of the noise -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_samples", "n_features"), [(100, 10), (100, 100), (50, 200), (1000, 30)]
)
def test_pure_noise_rarely_exceeds_the_edge(n_samples, n_features):
    rng = np.random.default_rng(0)
    largest = np.array(
        [
            np.linalg.norm(rng.normal(size=(n_samples, n_features)), 2) ** 2 / n_samples
            for _ in range(200)
        ]
    )
    edge = noise_edge(n_samples, n_features)
    # Tracy and Widom's law exceeds 2 with probability .01; five of 200 would be rare
    assert np.sum(largest > edge) <= 6
    # and the edge is not larger than necessary
    assert edge <= largest.mean() + 5 * largest.std()


@given(n_samples=st.integers(2, 10**6), n_features=st.integers(1, 10**5))
def test_the_edge_lies_above_marchenko_and_pasturs_and_falls_with_samples(n_samples, n_features):
    edge = noise_edge(n_samples, n_features)
    assert edge > (1 + np.sqrt(n_features / n_samples)) ** 2
    assert noise_edge(2 * n_samples, n_features) < edge < noise_edge(n_samples, 2 * n_features)


# --- counting ------------------------------------------------------------------------------------


@given(
    n_features=st.integers(1, 40) | st.sampled_from([90, 120]),
    n_above=st.integers(0, 40),
    largest=st.integers(1, 120),
    seed=SEEDS,
)
def test_eigenvalues_above_an_edge_are_counted(n_features, n_above, largest, seed):
    rng = np.random.default_rng(seed)
    n_above, largest = min(n_above, n_features // 2), min(largest, n_features)
    values = rng.uniform(0.0, 1.0, size=n_features)
    values[:n_above] = rng.uniform(2.0, 10.0, size=n_above)
    vectors = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0]
    scale = rng.uniform(0.5, 2.0, size=n_features)
    matrix = (vectors * values) @ vectors.T * np.sqrt(np.outer(scale, scale))
    block = block_of(matrix, seed % 2**31)
    assert count_above(block, scale, 1.5, largest) == min(n_above, largest)
