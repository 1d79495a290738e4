"""Files of earlier releases in tests/files: every version must load them, with the same scores."""

from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import skops.io
from numpy.testing import assert_allclose
from torch import nn

from sklearn_contrastive import LinearContrastive, SimCLREmbedder
from sklearn_contrastive.deep import (
    AutoencoderEmbedder,
    ContrastiveClassifier,
    LinearContrastiveEncoder,
    SupConEmbedder,
    TabularContrastiveEmbedder,
)
from sklearn_contrastive.linear import Moments

FILES = Path(__file__).parent / "files"
RELEASES = ["0.1"]

each_release = pytest.mark.parametrize("release", RELEASES)


def stored_scores(release):
    scores = {}
    for path in sorted((FILES / release).glob("scores*.npz")):
        if path.stem != "scores_of_moments":
            with np.load(path) as file:
                scores |= file
    return scores


def test_every_release_is_loaded():
    assert sorted(path.name for path in FILES.iterdir() if path.is_dir()) == RELEASES


@each_release
@pytest.mark.parametrize(
    "name",
    [
        "linear",
        "supervised",
        "pipeline",
        "hetero_pca",
        "paired",
        "robust",
        "augmenter",
        "autoencoder",
        "gan",
    ],
)
def test_linear_estimators_load_by_skops(name, release, recwarn):
    path = FILES / release / f"{name}.skops"
    asked = skops.io.get_untrusted_types(file=path)
    assert all(name.startswith("sklearn_contrastive.") for name in asked)
    # another version of scikit-learn warns, and is not the subject
    model = skops.io.load(path, trusted=asked)
    recwarn.clear()
    scores = stored_scores(release)
    assert_allclose(model.transform(scores["X"]), scores[name], rtol=1e-12)


@each_release
def test_a_linear_encoder_loads(release):
    model = LinearContrastiveEncoder.load(FILES / release / "encoder.safetensors")
    scores = stored_scores(release)
    assert_allclose(model.transform(scores["X"]), scores["encoder"], rtol=1e-12)


def own_encoder():
    layers = [nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten())


@each_release
def test_an_embedder_loads(release):
    path = FILES / release / "embedder.safetensors"
    model = SimCLREmbedder.load(path, encoder=own_encoder)
    scores = stored_scores(release)
    assert_allclose(model.transform(scores["images"]), scores["embedder"], rtol=1e-5, atol=1e-6)


@each_release
def test_embedders_with_labels_and_decoders_load(release):
    scores = stored_scores(release)
    for name, kind in {"supcon": SupConEmbedder, "decoding": AutoencoderEmbedder}.items():
        model = kind.load(FILES / release / f"{name}.safetensors", encoder=own_encoder)
        assert_allclose(model.transform(scores["images"]), scores[name], rtol=1e-5, atol=1e-6)


@each_release
def test_an_embedder_of_tables_loads(release):
    model = TabularContrastiveEmbedder.load(FILES / release / "tabular.safetensors")
    numbers = np.where(np.arange(5) == 3, np.nan, stored_scores(release)["X"][:, 0])
    X = pd.DataFrame({"number": numbers, "category": ["a", "b", None, "a", "b"]})
    assert_allclose(model.transform(X), stored_scores(release)["tabular"], rtol=1e-5, atol=1e-6)


@each_release
def test_a_classifier_loads(release):
    path = FILES / release / "classifier.safetensors"
    model = ContrastiveClassifier.load(path, embedder__encoder=own_encoder)
    scores = stored_scores(release)
    expected = scores["classifier"]
    found = model.decision_function(scores["images"])
    assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
    assert model.predict(scores["images"]).tolist() == list(
        np.array(["blue", "green", "red"])[expected.argmax(axis=1)]
    )
    assert model.embedder_.transform(scores["images"]).shape == (5, 3)


@each_release
@pytest.mark.parametrize("name", ["complete", "pairwise"])
def test_moments_load(name, release):
    moments = Moments.load(FILES / release / f"{name}.npz")
    assert moments.n_samples == 60
    assert moments.feature_names.tolist() == list("abcdef")
    model = LinearContrastive(2, random_state=0).fit_moments(moments)
    with np.load(FILES / release / "scores_of_moments.npz") as scores:
        samples = pd.DataFrame(scores["X"], columns=moments.feature_names)
        # a later version may refine further; two solutions agree to a small part of their noise
        assert_allclose(model.transform(samples), scores[name], atol=0.05)


@each_release
def test_graphs_run(release):
    scores = stored_scores(release)
    pixels = np.ascontiguousarray(scores["images"].transpose(0, 3, 1, 2) / np.float32(255))
    for name, inputs, expected in [
        ("pipeline", {"X": scores["X"].astype(np.float32)}, scores["pipeline"]),
        ("embedder", {"images": pixels}, scores["embedder"]),
    ]:
        session = onnxruntime.InferenceSession(
            FILES / release / f"{name}.onnx", providers=["CPUExecutionProvider"]
        )
        assert_allclose(session.run(None, inputs)[0], expected, rtol=1e-4, atol=1e-5)
