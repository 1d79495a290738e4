"""Number of components with far fewer samples than features: pure noise gives none."""

import numpy as np
import pytest
from scipy import sparse

from sklearn_contrastive import HeteroPCA, LinearContrastive, SupervisedLinearContrastive

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.LabelsWarning",
)

SHAPES = [(5, 200), (5, 5000), (10, 1000), (20, 5000), (50, 300), (60, 3000), (200, 400), (200, 30)]


def noise(n_samples, n_features, n_factors=0, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n_samples, n_features))
    if n_factors:
        X += rng.standard_normal((n_samples, n_factors)) @ rng.standard_normal(
            (n_factors, n_features)
        )
    return X


@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("reducer", [LinearContrastive, HeteroPCA, SupervisedLinearContrastive])
def test_pure_noise_has_no_component(reducer, shape):
    for seed in range(3):
        assert reducer(random_state=0).fit(noise(*shape, seed=seed)).n_components_ == 0


@pytest.mark.parametrize("form", [np.float32, sparse.csr_array], ids=["float32", "sparse"])
@pytest.mark.parametrize("shape", [(10, 1000), (30, 600), (100, 40)], ids=str)
def test_pure_noise_in_other_forms_has_no_component(form, shape):
    X = noise(*shape)
    X = X.astype(form) if form is np.float32 else form(X)
    assert LinearContrastive(random_state=0).fit(X).n_components_ == 0


def test_pure_noise_with_gaps_has_no_component():
    X = noise(80, 200)
    X[np.random.default_rng(1).uniform(size=X.shape) < 0.05] = np.nan
    assert LinearContrastive(random_state=0).fit(X).n_components_ == 0


def test_pure_noise_in_groups_has_no_component():
    X = noise(40, 60)
    model = LinearContrastive(feature_groups=np.arange(60) // 3, random_state=0)
    assert model.fit(X).n_components_ == 0


@pytest.mark.parametrize(
    ("n_samples", "n_features", "n_factors"),
    [(20, 5000, 2), (50, 5000, 2), (100, 5000, 5), (60, 400, 3), (200, 100, 5)],
)
def test_factors_among_many_features_are_counted(n_samples, n_features, n_factors):
    for seed in range(3):
        X = noise(n_samples, n_features, n_factors, seed)
        assert LinearContrastive(random_state=0).fit(X).n_components_ == n_factors
