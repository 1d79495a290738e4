"""Saving and loading by pickle, joblib and skops."""

import numpy as np
import pandas as pd
import pytest
import skops.io
from helpers.persistence import by_joblib, by_pickle, by_skops
from numpy.testing import assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import (
    HeteroPCA,
    LinearContrastive,
    MaskedAugmenter,
    PairedContrastive,
    SupervisedLinearContrastive,
)
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN
from sklearn_contrastive.linear import Moments

X, _ = make_spiked_covariance(
    300, 12, 2, signal=3.0, noise=np.linspace(0.5, 1.5, 12), random_state=0
)
INCOMPLETE = np.where(np.random.RandomState(1).uniform(size=X.shape) < 0.1, np.nan, X)
NAMED = pd.DataFrame(X, columns=[f"sensor {i}" for i in range(12)])
LABELS = np.repeat(np.arange(100), 3) % 4
TARGET = X[:, 0] + np.random.RandomState(2).normal(size=300)
GROUPS = np.repeat(["a", "b", "c", "d", "e", "f"], 2)


def generator():
    return np.random.RandomState(7)


# how each estimator is fitted; a copy of its own for each test
FITTED = {
    "default": lambda: LinearContrastive().fit(X),
    "whitened": lambda: LinearContrastive(2, whiten=True).fit(X),
    "in float32": lambda: LinearContrastive(2).fit(X.astype(np.float32)),
    "from a DataFrame": lambda: LinearContrastive(2).fit(NAMED),
    "in groups": lambda: LinearContrastive(2, feature_groups=GROUPS).fit(X),
    "of few samples": lambda: LinearContrastive(2).fit(X[:10]),
    "of incomplete samples": lambda: LinearContrastive(2).fit(INCOMPLETE),
    "in parts": lambda: LinearContrastive(2).partial_fit(X[:100]).partial_fit(X[100:]),
    "in incomplete parts": lambda: LinearContrastive(2).partial_fit(INCOMPLETE),
    "with a generator": lambda: LinearContrastive(2, random_state=generator()).fit(X),
    "masked": lambda: MaskedAugmenter(random_state=generator()).fit(X),
    "masked in groups": lambda: MaskedAugmenter(feature_groups=GROUPS, random_state=0).fit(X),
    "of the operator": lambda: LinearContrastive(2, solver="operator").fit(X),
    "without weighting": lambda: LinearContrastive(2, noise_weighted=False).fit(X),
    "robust to rows": lambda: LinearContrastive(2, robust="rows").fit(X),
    "robust to cells": lambda: LinearContrastive(2, robust="cells").fit(X),
    "robust": lambda: LinearContrastive(2, robust=True).fit(INCOMPLETE),
    "small chunk": lambda: LinearContrastive(2).partial_fit(X[:8]),
    "HeteroPCA": lambda: HeteroPCA(2).fit(X),
    "HeteroPCA of incomplete samples": lambda: HeteroPCA(2).fit(INCOMPLETE),
    "with labels": lambda: SupervisedLinearContrastive(2).fit(X, LABELS),
    "with labels and a weight": lambda: SupervisedLinearContrastive(2, alpha=0.5).fit(X, LABELS),
    "with labels, of few samples": lambda: SupervisedLinearContrastive(2).fit(X[:9], LABELS[:9]),
    "with a target": lambda: SupervisedLinearContrastive(2).fit(X, TARGET),
    "with targets": lambda: SupervisedLinearContrastive(2).fit(X, np.c_[TARGET, -(TARGET**2)]),
    "with a target, of few samples": lambda: SupervisedLinearContrastive(2).fit(X[:9], TARGET[:9]),
    "with a target, in parts": lambda: SupervisedLinearContrastive(2).partial_fit(X, TARGET),
    "of moments": lambda: LinearContrastive(2).fit_moments(Moments.from_array(X)),
    "of a covariance": lambda: LinearContrastive(2).fit_moments(
        Moments.from_covariance(np.cov(X.T), X.mean(axis=0), 300)
    ),
    "with labels, in parts": lambda: SupervisedLinearContrastive(2).partial_fit(X, LABELS),
    "paired": lambda: PairedContrastive(2).fit(X, groups=LABELS),
    "autoencoder": lambda: LinearAutoencoder(2, keep_probability=0.5).fit(X),
    "GAN": lambda: LinearGAN(2).fit(X),
    "pipeline": lambda: make_pipeline(StandardScaler(), LinearContrastive(2)).fit(X),
}


each_way = pytest.mark.parametrize("returned", [by_pickle, by_joblib, by_skops])


@each_way
@pytest.mark.parametrize("fit", FITTED.values(), ids=FITTED)
def test_scores_are_the_same_bit_by_bit(returned, fit):
    estimator = fit()
    samples = NAMED if hasattr(estimator, "feature_names_in_") else X
    expected = estimator.transform(samples)
    scores = returned(estimator).transform(samples)
    assert scores.dtype == expected.dtype
    assert_array_equal(scores, expected)


@each_way
def test_a_pipeline_predicts_the_same(returned):
    steps = StandardScaler(), LinearContrastive(2), LogisticRegression()
    pipeline = make_pipeline(*steps).fit(X, X[:, 0] > X[:, 1])
    assert_array_equal(returned(pipeline).predict_proba(X), pipeline.predict_proba(X))


@each_way
def test_partial_fit_continues_after_loading(returned):
    model = LinearContrastive(2, random_state=generator()).partial_fit(X[:100])
    loaded = returned(model)
    for estimator in (model, loaded):
        estimator.partial_fit(X[100:])
    assert loaded.n_samples_ == 300
    # the generator came along, so that even the eigensolver starts from the same directions
    assert_array_equal(loaded.transform(X), model.transform(X))


@each_way
def test_partial_fit_on_incomplete_rows_continues_after_loading(returned):
    model = LinearContrastive(2, random_state=generator()).partial_fit(INCOMPLETE[:100])
    loaded = returned(model)
    for estimator in (model, loaded):
        estimator.partial_fit(INCOMPLETE[100:])
    assert_array_equal(loaded.components_, model.components_)


@each_way
def test_views_of_the_same_seed_are_the_same(returned):
    augmenter = MaskedAugmenter(feature_groups=GROUPS).fit(X)
    views = returned(augmenter).sample_views(X, random_state=3)
    assert_array_equal(views, augmenter.sample_views(X, random_state=3))


@pytest.mark.parametrize("fit", FITTED.values(), ids=FITTED)
def test_skops_needs_trust_in_the_class_of_the_estimator_only(fit):
    estimator = fit()
    ours = estimator[-1] if isinstance(estimator, Pipeline) else estimator
    asked = skops.io.get_untrusted_types(data=skops.io.dumps(estimator))
    assert asked == [f"{type(ours).__module__}.{type(ours).__name__}"]


@each_way
def test_outlying_cells_come_back(returned):
    model = LinearContrastive(2, robust="cells").fit(np.where(X > 7, 40.0, X))
    assert model.outlying_cells_.nnz
    loaded = returned(model).outlying_cells_
    assert type(loaded) is type(model.outlying_cells_)
    assert_array_equal(loaded.toarray(), model.outlying_cells_.toarray())


def test_a_part_of_a_newer_version_is_named():
    state = LinearContrastive(2).fit(X).__getstate__()
    state["_model"]["sklearn_contrastive kind"] = "NewModel"
    with pytest.raises(ValueError, match="part of kind 'NewModel', which this version"):
        LinearContrastive().__setstate__(state)


@each_way
def test_everything_works_after_loading(returned):
    for estimator in (LinearContrastive(2), LinearContrastive(2, robust=True)):
        model = estimator.fit(X)
        loaded = returned(model)
        assert_array_equal(loaded.score_samples(X), model.score_samples(X))
        assert_array_equal(loaded.impute(INCOMPLETE), model.impute(INCOMPLETE))
        assert_array_equal(loaded.get_precision(), model.get_precision())
        assert_array_equal(loaded.outlier_scores(X).share, model.outlier_scores(X).share)
        assert_array_equal(returned(loaded).transform(INCOMPLETE), model.transform(INCOMPLETE))


def test_the_stored_state_holds_no_private_object():
    def modules(value):
        if isinstance(value, dict):
            return set().union(*map(modules, value.values()))
        if isinstance(value, list | tuple):
            return set().union(*map(modules, value))
        return {type(value).__module__.split(".")[0]}

    for fit in FITTED.values():
        estimator = fit()
        state = (estimator[-1] if isinstance(estimator, Pipeline) else estimator).__getstate__()
        assert modules(state) <= {"builtins", "numpy"}
