"""Attributes from which other programs compute: the scoring matrix, communalities, saved arrays."""

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.decomposition import IncrementalPCA
from sklearn.exceptions import NotFittedError

from sklearn_contrastive import (
    HeteroPCA,
    LinearContrastive,
    PairedContrastive,
    SupervisedLinearContrastive,
)
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)

REDUCERS = [HeteroPCA, LinearContrastive, SupervisedLinearContrastive]
MAPS = [
    *(reducer(3, whiten=whiten) for reducer in REDUCERS for whiten in (False, True)),
    PairedContrastive(3),
    PairedContrastive(3, normalization="whitened"),
    LinearAutoencoder(3, keep_probability=0.5),
    LinearGAN(3),
]


def samples(seed=0, n_samples=300, n_features=12):
    noise = np.geomspace(0.5, 2, n_features)
    return make_spiked_covariance(
        n_samples, n_features, 3, noise=noise, signal=4.0, random_state=seed
    )[0]


@given(model=st.sampled_from(MAPS), seed=SEEDS, mean=st.sampled_from([0.0, 100.0]))
def test_transform_multiplies_centred_samples_by_the_scoring_matrix(model, seed, mean):
    X = samples(seed) + mean
    model.fit(X, np.repeat(np.arange(150), 2) % 40)
    assert model.scoring_matrix_.shape == model.components_.shape
    assert_allclose(model.transform(X), (X - model.mean_) @ model.scoring_matrix_.T, atol=1e-9)


def test_the_scoring_matrix_of_projections_has_the_components_for_rows():
    model = LinearContrastive(3, noise_weighted=False).fit(samples())
    assert_allclose(model.scoring_matrix_, model.components_, atol=1e-12)


@given(seed=SEEDS, reducer=st.sampled_from(REDUCERS))
def test_communalities_are_shares_of_the_variance_of_the_model(seed, reducer):
    model = reducer(3, random_state=0).fit(samples(seed))
    common = np.sum(model.loadings_**2, axis=1)
    assert_allclose(model.communalities_, common / np.diag(model.get_covariance()), rtol=1e-9)
    assert np.all((model.communalities_ >= 0) & (model.communalities_ < 1))


def test_communalities_do_not_depend_on_units_and_are_0_for_constant_features():
    X = samples()
    expected = LinearContrastive(3, random_state=0).fit(X).communalities_
    scaled = np.c_[X * np.geomspace(1e-3, 1e3, 12), np.full(300, 7.0)]
    found = LinearContrastive(3, random_state=0).fit(scaled).communalities_
    assert_allclose(found[:-1], expected, rtol=1e-4)
    assert found[-1] == 0


def test_communalities_of_groups_count_the_noise_of_each_feature():
    groups = np.repeat(np.arange(4), 3)
    model = LinearContrastive(2, feature_groups=groups, random_state=0).fit(samples())
    common = np.sum(model.loadings_**2, axis=1)
    assert_allclose(model.communalities_, common / (common + model.noise_variance_), rtol=1e-9)


def test_samples_seen_are_counted_by_the_name_of_incremental_pca():
    X = samples()
    model, rival = LinearContrastive(3, random_state=0), IncrementalPCA(3)
    for chunk in np.array_split(X, 3):
        model.partial_fit(chunk)
        rival.partial_fit(chunk)
        assert model.n_samples_seen_ == rival.n_samples_seen_ == model.n_samples_


# --- attributes that were set by hand ------------------------------------------------------------


@pytest.mark.parametrize("reducer", REDUCERS)
@pytest.mark.parametrize(
    "method",
    [
        *("transform", "inverse_transform", "impute", "get_covariance", "get_precision"),
        *("score_samples", "score"),
    ],
)
def test_an_estimator_whose_attributes_were_set_by_hand_says_so(reducer, method):
    X = samples()
    model, restored = reducer(3).fit(X), reducer(3)
    for name in ("mean_", "components_", "explained_variance_"):
        setattr(restored, name, getattr(model, name))
    arguments = () if method.startswith("get") else (X[:, :3] if "inverse" in method else X,)
    with pytest.raises(NotFittedError, match=rf"{method} needs .* set by hand.*scoring_matrix_\.T"):
        getattr(restored, method)(*arguments)


def test_partial_fit_does_not_continue_from_attributes_that_were_set_by_hand():
    X = samples()
    model, restored = LinearContrastive(3).fit(X), LinearContrastive(3)
    for name in ("mean_", "components_", "n_features_in_"):
        setattr(restored, name, getattr(model, name))
    with pytest.raises(NotFittedError, match="set by hand"):
        restored.partial_fit(X)
    assert_array_equal(restored.fit(X).mean_, model.mean_)
