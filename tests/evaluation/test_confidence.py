"""Confidence intervals: their coverage, what they do not depend on, and refusals."""

import numpy as np
import pandas as pd
import pytest
from helpers.populations import haar_model
from numpy.testing import assert_allclose
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError

from sklearn_contrastive import HeteroPCA, LinearContrastive
from sklearn_contrastive.evaluation import confidence_intervals
from sklearn_contrastive.metrics import sin_theta_distance

MODEL = haar_model(0, np.linspace(0.4, 1, 10), 2, signal=[2.0, 1.2])
X = MODEL.sample(500, random_state=0)[0]
# as many steps as it takes: the start depends on the order of the features
PRECISE = {"tol": 1e-6, "random_state": 0}


def fitted(X=X, n_components=2, **options):
    return LinearContrastive(n_components, **PRECISE, **options).fit(X)


def test_intervals_cover_as_often_as_they_state():
    noise, components, subspace = [], [], []
    for seed in range(120):
        model = fitted(MODEL.sample(500, random_state=seed)[0])
        found = confidence_intervals(model, confidence=0.9)
        truth = MODEL.components
        truth = truth * np.sign(np.sum(truth * model.components_, axis=1))[:, None]
        for covered, true, ends in (
            (noise, MODEL.noise_variance, found.noise_variance),
            (components, truth, found.components),
        ):
            covered.append((ends[0] <= true) & (true <= ends[1]))
        subspace.append(sin_theta_distance(model.components_, truth) <= found.subspace_error)
    # intervals of one draw depend on each other: a margin of two standard errors of one of them
    for covered in (noise, components, subspace):
        assert abs(np.mean(covered) - 0.9) < 0.055


def test_estimates_are_inside_and_higher_confidence_is_wider():
    model = fitted()
    narrow, wide = (confidence_intervals(model, confidence=c) for c in (0.5, 0.99))
    for estimate, inner, outer in (
        (model.noise_variance_, narrow.noise_variance, wide.noise_variance),
        (model.components_, narrow.components, wide.components),
    ):
        assert np.all(outer[0] < inner[0])
        assert np.all(inner[0] < estimate)
        assert np.all(estimate < inner[1])
        assert np.all(inner[1] < outer[1])
    assert wide.noise_variance.min() > 0
    assert np.abs(wide.components).max() <= 1
    assert 0 < narrow.subspace_error < wide.subspace_error <= 2**0.5


def test_four_times_the_samples_halve_the_intervals():
    few, many = (confidence_intervals(fitted(np.tile(X, (m, 1)))) for m in (4, 16))
    assert_allclose(
        np.diff(np.log(many.noise_variance), axis=0),
        np.diff(np.log(few.noise_variance), axis=0) / 2,
        rtol=0.01,
    )
    assert_allclose(
        np.diff(many.components, axis=0), np.diff(few.components, axis=0) / 2, rtol=0.02
    )
    assert many.subspace_error == pytest.approx(few.subspace_error / 2, rel=0.01)


def test_order_unit_mean_and_container_of_the_samples_do_not_matter():
    found = confidence_intervals(fitted())
    order = np.random.default_rng(0).permutation(10)
    other = confidence_intervals(fitted(pd.DataFrame(100 * X[:, order] + 5)))
    assert_allclose(other.noise_variance / 1e4, found.noise_variance[:, order], rtol=1e-3)
    # the largest entry of a component is positive in any order
    assert_allclose(other.components, found.components[..., order], atol=1e-3)
    assert other.subspace_error == pytest.approx(found.subspace_error, rel=1e-3)


def test_float32_weights_and_streams_are_read():
    found = confidence_intervals(fitted())
    single = confidence_intervals(fitted(X.astype(np.float32)))
    assert_allclose(single.noise_variance, found.noise_variance, rtol=1e-3)
    weighted = LinearContrastive(2, **PRECISE).fit(X, sample_weight=np.full(500, 2.0))
    assert_allclose(
        confidence_intervals(weighted).noise_variance,
        confidence_intervals(fitted(np.tile(X, (2, 1)))).noise_variance,
        rtol=1e-3,
    )
    stream = LinearContrastive(2, **PRECISE).partial_fit(X[:200]).partial_fit(X[200:])
    assert_allclose(confidence_intervals(stream).components, found.components, atol=1e-4)


@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.ComponentsWarning")
@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (lambda: LinearContrastive(2), NotFittedError, "not fitted"),
        (lambda: PCA(2).fit(X), TypeError, "estimator is a PCA; give a fitted LinearContrastive"),
        (lambda: HeteroPCA(2).fit(X), TypeError, "estimator is a HeteroPCA"),
        (lambda: fitted(max_iter=0), ValueError, "max_iter=0 is the closed form"),
        (lambda: fitted(robust="rows"), ValueError, "fit with robust=False"),
        (
            lambda: fitted(feature_groups=[0, 0, 1, 1, 2, 2, 3, 3, 4, 4]),
            ValueError,
            "fit with feature_groups=None",
        ),
        (lambda: fitted(np.where(X > 2, np.nan, X)), ValueError, "missing entries"),
        (
            lambda: LinearContrastive(2).partial_fit(np.where(X > 2, np.nan, X)),
            ValueError,
            "missing entries",
        ),
        (lambda: fitted(n_components=0), ValueError, "no component"),
        (lambda: fitted(n_components=9), ValueError, "no common variance|not identified"),
        (lambda: fitted(X[:, :4]), ValueError, "not identified with 2 components"),
    ],
)
def test_models_without_intervals_are_refused(model, error, message):
    with pytest.raises(error, match=message):
        confidence_intervals(model())


@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.HeywoodWarning")
def test_the_noise_of_two_equal_features_has_a_very_wide_interval():
    model = fitted(np.hstack([X, X[:, :1]]), 3)
    lower, upper = confidence_intervals(model).noise_variance[:, [0, 10]]
    assert np.all(upper > 10 * X[:, 0].var())
    assert np.all(lower < 1e-3 * X[:, 0].var())


@pytest.mark.parametrize("confidence", [0, 1, np.nan, 95])
def test_a_confidence_outside_0_and_1_is_refused(confidence):
    with pytest.raises(ValueError, match=r"give a number in \(0, 1\)"):
        confidence_intervals(fitted(), confidence=confidence)
