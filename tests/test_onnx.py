"""Export to ONNX: the graph in onnxruntime against transform."""

import copy
import sys

import numpy as np
import onnxruntime
import pytest
import torch
from helpers.strategies import spiked_problems
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from skl2onnx import to_onnx
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import (
    HeteroPCA,
    LinearContrastive,
    PairedContrastive,
    SupervisedLinearContrastive,
)
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN
from sklearn_contrastive.onnx import register_converters

FLOATS = [np.float32, np.float64]
INTEGERS = [np.int64, np.int32, np.uint8]
MODELS = {
    "default": LinearContrastive(2),
    "whitened": LinearContrastive(2, whiten=True),
    "unweighted": LinearContrastive(2, noise_weighted=False),
    "unweighted and whitened": LinearContrastive(2, noise_weighted=False, whiten=True),
    "in groups": LinearContrastive(2, feature_groups=np.repeat(range(6), 2)),
    "of the operator": LinearContrastive(2, solver="operator"),
    "HeteroPCA": HeteroPCA(2),
    "with labels": SupervisedLinearContrastive(2),
    "autoencoder": LinearAutoencoder(2, keep_probability=0.5),
    "GAN": LinearGAN(2),
}

each_model = pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)


@pytest.fixture(autouse=True, scope="module")
def registered():
    register_converters()


def samples(dtype, mean=0.0, unit=1.0):
    """Two clear components in twelve features, whose noise has about the size of the unit."""
    noise = np.linspace(0.5, 1.5, 12)
    X, _ = make_spiked_covariance(400, 12, 2, signal=3.0, noise=noise, random_state=0)
    return (mean + unit * X).astype(dtype)


def run_graph(model, X, **options):
    """Outputs of onnxruntime for samples, by name."""
    graph = to_onnx(model, X[:1], options=options or None)
    session = onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    outputs = session.run(None, {session.get_inputs()[0].name: X})
    return dict(zip([output.name for output in session.get_outputs()], outputs, strict=True))


def scores_of(model, X):
    (scores,) = run_graph(model, X).values()
    return scores


def test_pairs_are_exported_as_well():
    X = samples(np.float64)
    model = PairedContrastive(2, normalization="whitened").fit(X, groups=np.arange(400) // 2)
    assert_same_scores(scores_of(model, X), model.transform(X))


def assert_same_scores(scores, expected):
    """Assert that scores agree to the precision of the graph's, relative to their scale."""
    assert scores.shape == expected.shape
    tolerance = 1e-5 if scores.dtype == np.float32 else 1e-12
    assert_allclose(scores, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@each_model
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("mean", [0.0, 1e4])
def test_the_graph_computes_the_scores_of_transform(model, dtype, mean):
    X = samples(dtype, mean)
    model = clone(model).fit(X)
    scores = scores_of(model, X)
    assert scores.dtype == dtype
    assert_same_scores(scores, model.transform(X))


@pytest.mark.parametrize("dtype", INTEGERS)
def test_integers_give_float_scores(dtype):
    X = samples(dtype, mean=128.0, unit=10.0)
    model = LinearContrastive(2).fit(X)
    scores = scores_of(model, X)
    assert scores.dtype == np.float32
    assert_same_scores(scores, model.transform(X))


def test_a_mean_beyond_the_digits_of_float32_loses_nothing():
    X = samples(np.float32, mean=1e4)
    model = LinearContrastive(2).fit(X)
    assert_same_scores(scores_of(model, X), model.transform(X.astype(np.float64)))
    X = samples(np.int64, mean=1e9, unit=100.0)
    model = LinearContrastive(2).fit(X)
    assert_same_scores(scores_of(model, X), model.transform(X))


@pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)
@given(problem=spiked_problems(), noise_weighted=st.booleans(), dtype=st.sampled_from(FLOATS))
def test_any_problem_keeps_its_scores(problem, noise_weighted, dtype):
    X = problem.X.astype(dtype)
    n_components = min(problem.n_components, problem.n_samples)
    model = LinearContrastive(n_components, noise_weighted=noise_weighted).fit(X)
    # a score is rounded by the size of its summands
    size = np.abs(X - model.mean_) @ np.abs(model.scoring_matrix_.T)
    allowed = 100 * np.finfo(dtype).eps * size.max()
    assert_allclose(scores_of(model, X), model.transform(X), rtol=0, atol=allowed)


@each_model
@pytest.mark.parametrize("dtype", [*FLOATS, np.int64])
def test_a_pipeline_predicts_the_same(model, dtype):
    X = samples(dtype, mean=1e4, unit=10.0)
    y = X[:, 0] > X[:, 1]
    steps = StandardScaler(), clone(model), LogisticRegression()
    pipeline = make_pipeline(*steps).fit(X, y)
    label, probabilities = run_graph(pipeline, X, zipmap=False).values()
    assert_array_equal(label, pipeline.predict(X))
    # integers are scaled in float32: a mean of 1e3 deviations is rounded, and the rest is as exact
    size = 1e3 if np.issubdtype(dtype, np.integer) else 1e2
    allowed = size * np.finfo(np.float32).eps
    assert_allclose(probabilities, pipeline.predict_proba(X), rtol=0, atol=allowed)


def test_rows_with_missing_values_get_no_scores():
    X = samples(np.float64)
    X[:50, 3] = np.nan
    model = LinearContrastive(2).fit(X)
    scores = scores_of(model, X)
    assert np.isnan(scores[:50]).all()
    assert_same_scores(scores[50:], model.transform(X)[50:])


class DeviceArray:
    """Stands in for a tensor on a device, which NumPy cannot read before it is on the host."""

    def __init__(self, array):
        self.array = array

    def cpu(self):
        return self.array


@pytest.mark.parametrize("tensor", [torch.asarray, DeviceArray])
def test_attributes_may_be_tensors(tensor):
    X = samples(np.float64)
    model = LinearContrastive(2).fit(X)
    moved = copy.copy(model)
    moved.mean_, moved.scoring_matrix_ = tensor(model.mean_), tensor(model.scoring_matrix_)
    assert_array_equal(scores_of(moved, X), scores_of(model, X))


def test_registering_again_changes_nothing():
    X = samples(np.float64)
    model = LinearContrastive(2).fit(X)
    before = to_onnx(model, X[:1]).SerializeToString()
    register_converters()
    assert to_onnx(model, X[:1]).SerializeToString() == before


def test_no_component_is_refused():
    X = samples(np.float64)
    with pytest.raises(ValueError, match=r"found no component.*n_components >= 1"):
        to_onnx(LinearContrastive(0).fit(X), X[:1])


def test_a_missing_skl2onnx_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"python -m pip install skl2onnx onnxruntime$"):
        register_converters()
