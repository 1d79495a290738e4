"""loadings_ belong to the components and to the columns of transform."""

import numpy as np
import pytest
from helpers.strategies import spiked_problems
from hypothesis import given
from numpy.testing import assert_allclose
from sklearn.datasets import load_wine

from sklearn_contrastive import HeteroPCA, LinearContrastive, SupervisedLinearContrastive

pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
    "ignore::sklearn_contrastive.exceptions.LabelsWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)


@given(problem=spiked_problems(max_features=15))
@pytest.mark.parametrize("reducer", [LinearContrastive, HeteroPCA, SupervisedLinearContrastive])
def test_loadings_are_scaled_components(reducer, problem):
    k = min(problem.n_components, problem.n_samples)
    model = reducer(k, random_state=0).fit(problem.X)
    expected = model.components_.T * np.sqrt(model.common_variance_)
    assert_allclose(model.loadings_, expected, rtol=0, atol=1e-12 * np.abs(expected).max(initial=0))
    assert_allclose(
        model.loadings_ @ model.loadings_.T + np.diag(model.noise_variance_),
        model.get_covariance(),
        rtol=1e-9,
        atol=1e-9 * np.abs(model.get_covariance()).max(),
    )


def test_features_correlate_with_scores_in_the_direction_of_their_loadings():
    X = load_wine().data
    model = LinearContrastive(3, random_state=0).fit(X)
    scores, scaled = model.transform(X), (X - X.mean(axis=0)) / X.std(axis=0)
    for j in range(3):
        feature = np.argmax(np.abs(model.loadings_[:, j]) / X.std(axis=0))
        correlation = np.mean(scaled[:, feature] * scores[:, j])
        assert np.sign(correlation) == np.sign(model.loadings_[feature, j])
