"""Noise edge of features with rare or extreme values: no components in independent columns."""

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.stats import poisson

from sklearn_contrastive import HeteroPCA, LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive._noise_edge import poisson_quantile, tail_weights
from sklearn_contrastive.exceptions import ComponentsWarning

# counts and heavy tails have rows and entries that look wrong
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.OutlierWarning")
quiet = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.LabelsWarning",
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
)

COLUMNS = {
    "binary": lambda rng, shape: (rng.uniform(size=shape) < 0.01).astype(float),
    "Poisson": lambda rng, shape: rng.poisson(0.02, size=shape).astype(float),
    "zeros": lambda rng, shape: (rng.uniform(size=shape) < 0.05) * rng.normal(size=shape),
    "Cauchy": lambda rng, shape: rng.standard_cauchy(size=shape),
    "t": lambda rng, shape: rng.standard_t(3, size=shape),
    "log-normal": lambda rng, shape: np.exp(rng.normal(size=shape)),
}


def columns(kind, shape, seed):
    return COLUMNS[kind](np.random.default_rng(seed), shape)


def found(X, reducer=LinearContrastive, **options):
    return reducer(random_state=0, **options).fit(X).n_components_


@quiet
@pytest.mark.parametrize("shape", [(200, 50), (500, 100), (60, 200)], ids=str)
@pytest.mark.parametrize("kind", COLUMNS)
def test_independent_columns_have_a_component_in_at_most_a_tenth_of_the_draws(kind, shape):
    counts = [found(columns(kind, shape, seed), max_iter=0) for seed in range(20)]
    # at a rate of .03 three of twenty have probability .02
    assert np.sum(np.array(counts) > 0) <= 2


@quiet
@pytest.mark.parametrize("reducer", [LinearContrastive, HeteroPCA, SupervisedLinearContrastive])
def test_every_reducer_weighs_the_features(reducer):
    X = columns("Cauchy", (500, 40), 0)
    assert found(X, reducer) == 0
    assert found(X.astype(np.float32), reducer) == 0


@quiet
def test_every_kind_of_storage_weighs_the_features(tmp_path):
    X = columns("Cauchy", (400, 60), 3)
    assert found(sparse.csr_array(X)) == 0
    assert found(X, solver="operator") == 0
    file = np.memmap(tmp_path / "X", float, "w+", shape=X.shape)
    file[:] = X
    assert found(file) == 0
    gaps = np.where(np.random.default_rng(0).uniform(size=X.shape) < 0.03, np.nan, X)
    assert found(gaps) == 0
    assert found(X, feature_groups=np.arange(60) // 3) == 0
    stream = LinearContrastive(random_state=0)
    for chunk in np.array_split(X, 4):
        stream.partial_fit(chunk)
    assert stream.n_components_ == 0


@quiet
def test_weights_of_samples_are_repetitions():
    X, weight = columns("binary", (300, 40), 0), np.random.default_rng(1).integers(1, 4, size=300)
    repeated = np.repeat(X, weight, axis=0)
    weighted = LinearContrastive(random_state=0).fit(X, sample_weight=weight)
    assert weighted.n_components_ == found(repeated)


@quiet
@pytest.mark.parametrize("kind", ["t", "log-normal", "zeros"])
def test_factors_with_heavy_tailed_noise_are_counted(kind):
    rng = np.random.default_rng(0)
    noise = columns(kind, (1000, 40), 1)
    X = 2.0 * noise.std() * rng.normal(size=(1000, 3)) @ rng.normal(size=(3, 40)) / np.sqrt(3)
    assert found(X + noise) == 3


@quiet
def test_a_rare_group_of_samples_is_counted():
    # 15 of 600 samples differ in 20 of 60 features
    X = np.random.default_rng(0).normal(size=(600, 60))
    X[:15, :20] += 5.0
    assert found(X) == 1


# --- weights -------------------------------------------------------------------------------------


@given(n_samples=st.integers(4, 10**5), n_features=st.integers(2, 300), largest=st.floats(1.0, 4.0))
def test_features_with_short_tails_have_weight_one(n_samples, n_features, largest):
    n_samples = max(n_samples, 30)
    weights = tail_weights(np.linspace(1.0, largest, n_features), n_samples)
    assert_allclose(weights, 1.0, atol=0.02)


@given(n_samples=st.integers(3, 10**6), seed=SEEDS, n_features=st.integers(1, 200))
def test_weights_are_shares(n_samples, seed, n_features):
    kurtosis = np.exp(np.random.default_rng(seed).uniform(0, np.log(n_samples), size=n_features))
    weights = tail_weights(kurtosis, n_samples)
    assert weights.shape == (n_features,)
    assert np.all((weights > 0) & (weights <= 1))
    unknown = tail_weights(np.full(n_features, np.nan), n_samples)
    assert np.all(np.isfinite(unknown))


@pytest.mark.parametrize("mean", [1e-6, 0.3, 5.0, 400.0])
@pytest.mark.parametrize("exceeded", [0.5, 0.05, 1e-9])
def test_poisson_quantile_is_scipys(mean, exceeded):
    assert poisson_quantile(np.array(exceeded), np.array(mean)) == poisson.isf(exceeded, mean)


# --- warnings ------------------------------------------------------------------------------------


def test_rare_or_extreme_values_cause_a_warning():
    with pytest.warns(ComponentsWarning) as caught:
        LinearContrastive(random_state=0).fit(columns("Cauchy", (300, 20), 0))
    assert any("rare or extreme values" in str(each.message) for each in caught)


@quiet
def test_a_count_that_reaches_half_the_features_causes_a_warning():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(2000, 8)) @ rng.normal(size=(8, 10)) + 0.05 * rng.normal(size=(2000, 10))
    with pytest.warns(ComponentsWarning, match="stopped at its limit"):
        model = LinearContrastive(random_state=0).fit(X)
    assert model.n_components_ <= 5


@quiet
def test_unknown_fourth_moments_cause_a_warning():
    X = np.random.default_rng(0).normal(size=(100, 5))
    model = LinearContrastive(2, random_state=0).fit(X).set_params(n_components="auto")
    with pytest.warns(ComponentsWarning, match="rare or extreme values"):
        model.partial_fit(X)
