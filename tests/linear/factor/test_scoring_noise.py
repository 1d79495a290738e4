"""The noise by which scores are weighted, against a slow version, and what it is for."""

from itertools import product

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.linear._factor.floor import uniqueness_floor
from sklearn_contrastive.linear._factor.map_newton import REFINEMENT_FLOOR
from sklearn_contrastive.linear._factor.model import FactorModel
from sklearn_contrastive.linear._factor.noise import BlockNoise, DiagonalNoise
from sklearn_contrastive.linear._factor.scoring_noise import (
    explained_by_masked_scores,
    scoring_noise,
)


def draw(deviations, seed, n_samples=2000, n_factors=3):
    """Samples of a factor model, and its factors."""
    rng = np.random.default_rng(seed)
    factors = rng.normal(size=(n_samples, n_factors))
    common = factors @ rng.normal(size=(n_factors, len(deviations)))
    return common + deviations * rng.normal(size=common.shape), factors


def unexplained(factors, scores):
    """Share of the variance of the factors that regression on the scores leaves."""
    centred = factors - factors.mean(axis=0)
    scores = scores - scores.mean(axis=0)
    rest = centred - scores @ np.linalg.lstsq(scores, centred, rcond=None)[0]
    return np.sum(rest**2) / np.sum(centred**2)


def without_weights_beyond_the_model(model, X):
    """Bartlett's scores by the noise variances themselves."""
    weighted = model.loadings_ / model.noise_variance_[:, None]
    return (X - model.mean_) @ weighted


def with_copies(n_samples=1000, seed=0):
    """Twenty noisy features of one factor, and a feature of half its own variance, twice."""
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(n_samples, 1))
    features = factor + 2 * rng.normal(size=(n_samples, 20))
    twice = factor + rng.normal(size=(n_samples, 1)) + 0.02 * rng.normal(size=(n_samples, 2))
    return np.hstack([features, twice]), factor


@given(seed=SEEDS)
def test_explained_variance_is_that_of_regressions_of_hidden_features(seed):
    rng = np.random.default_rng(seed)
    X, _ = draw(rng.uniform(0.2, 2, 7), seed, 40, 2)
    X -= X.mean(axis=0)
    model = FactorModel(np.zeros(7), rng.normal(size=(7, 2)), DiagonalNoise(rng.uniform(0.1, 1, 7)))
    noises = [model.noise, model.noise.plus_common(0.1, model.loadings)]
    masks = rng.permuted(np.tile(np.arange(7) < 4, (3, 1)), axis=1)
    expected = np.zeros(2)
    for visible, (i, noise) in product(masks, enumerate(noises)):
        weighted = model.loadings[visible] / noise.variances[visible, None]
        scores, hidden = X[:, visible] @ weighted, X[:, ~visible]
        fitted = scores @ np.linalg.lstsq(scores, hidden, rcond=None)[0]
        expected[i] += np.sum(np.sum(fitted**2, axis=0) / 39 / model.variances[~visible])
    found = explained_by_masked_scores(model, noises, lambda v: np.cov(X.T) @ v, masks)
    assert_allclose(found, expected, rtol=1e-8)


@pytest.mark.parametrize(
    "deviations",
    [
        [0.1] * 10 + [1.0] * 40,
        [0.1] * 8 + [1.0] * 40,
        [0.02] * 2 + [1.0] * 100,
        [0.001] * 3 + [1.0] * 50,
        [1.0] * 50,
    ],
    ids=["10 at .1", "8 at .1", "2 at .02", "3 at .001", "equal"],
)
def test_where_the_model_holds_scores_have_its_noise(deviations):
    X, factors = draw(deviations, seed=0)
    model = LinearContrastive(3, random_state=0).fit(X)
    scores = model.transform(X)
    own = unexplained(factors, without_weights_beyond_the_model(model, X))
    assert unexplained(factors, scores) <= 1.01 * own
    assert unexplained(factors, scores) <= 1.05 * unexplained(factors, PCA(3).fit_transform(X))


def test_clean_features_leave_little_unexplained():
    # Scaler+FactorAnalysis leaves 4e-5, PCA .02
    X, factors = draw([0.001] * 3 + [1.0] * 50, seed=0)
    model = LinearContrastive(3, random_state=0).fit(X)
    assert unexplained(factors, model.transform(X)) < 2e-4


def test_near_copies_do_not_dominate_the_scores():
    # one factor fits the copies best: it is their sum, of which half is shared with the others
    X, factor = with_copies()
    model = LinearContrastive(1, random_state=0).fit(X)
    own = unexplained(factor, without_weights_beyond_the_model(model, X))
    assert own > 0.4
    assert unexplained(factor, model.transform(X)) < 0.5 * own


@pytest.mark.parametrize("data", ["model", "copies"])
def test_the_choice_does_not_depend_on_units_or_precision(data):
    X, _ = with_copies() if data == "copies" else draw([0.1] * 5 + [1.0] * 20, 1, 500)
    units = 10.0 ** np.random.default_rng(0).uniform(-3, 3, X.shape[1])
    n_components = 1 if data == "copies" else 3
    model = LinearContrastive(n_components, random_state=0).fit(X)
    share = model._weights.noise.variances / X.var(axis=0)
    scaled = LinearContrastive(n_components, random_state=0).fit(X * units)
    assert_allclose(scaled._weights.noise.variances / (X * units).var(axis=0), share, rtol=1e-4)
    single = LinearContrastive(n_components, random_state=0).fit(X.astype(np.float32))
    assert_allclose(single._weights.noise.variances / X.var(axis=0), share, rtol=0.01)


def test_groups_get_a_share_of_their_common_covariance():
    X, _ = with_copies()
    groups = np.repeat(np.arange(11), 2)
    model = LinearContrastive(1, feature_groups=groups, random_state=0).fit(X)
    noise = model._weights.noise
    assert isinstance(noise, BlockNoise)
    for block, own, features in zip(
        noise.blocks, model.noise_covariance_, noise.members, strict=True
    ):
        common = model.loadings_[features] @ model.loadings_[features].T
        more = np.linalg.eigvalsh(block - own)
        assert np.all(more >= -1e-9 * np.trace(common))
        assert np.all(np.linalg.eigvalsh(own + common - block) >= -1e-9 * np.trace(common))


@pytest.mark.parametrize("n_features", [2, 3])
def test_too_few_features_for_masks_keep_the_noise_of_the_model(n_features):
    noise = DiagonalNoise(np.ones(n_features))
    model = FactorModel(np.zeros(n_features), np.ones((n_features, 1)), noise)
    assert scoring_noise(model, lambda v: v) is noise


def test_the_floor_of_refinement_falls_with_the_samples():
    eps = np.finfo(np.float64).eps
    floors = [uniqueness_floor(n, eps) for n in (2, 20, 100, 2000, 1e9)]
    assert floors[:2] == [REFINEMENT_FLOOR] * 2
    assert_allclose(floors[2:], [1e-4, 2.5e-7, np.sqrt(eps)])
    assert uniqueness_floor(2000, np.finfo(np.float32).eps) > 100 * floors[3]


def test_features_of_far_apart_sizes_do_not_make_a_singular_matrix():
    loadings = np.array([[1.0, 1.0], [1e60, 1e60], [1.0, 1.0], [1e60, 1e60]])
    model = FactorModel(np.zeros(4), loadings, DiagonalNoise(np.ones(4)))
    noise = scoring_noise(model, lambda block: loadings @ (loadings.T @ block) + block)
    assert np.isfinite(noise.variances).all()
