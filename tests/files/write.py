"""Write the stored files of a release: python tests/files/write.py, once for each format.

Files that exist are never written again: every version must load those of all earlier versions.
"""

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import skops.io
import torch
from skl2onnx import to_onnx
from sklearn.base import clone
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from sklearn_contrastive import (
    HeteroPCA,
    LinearContrastive,
    MaskedAugmenter,
    PairedContrastive,
    SimCLREmbedder,
    SupervisedLinearContrastive,
)
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.deep import (
    AutoencoderEmbedder,
    ContrastiveClassifier,
    LinearContrastiveEncoder,
    SupConEmbedder,
    TabularContrastiveEmbedder,
)
from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN
from sklearn_contrastive.linear import Moments
from sklearn_contrastive.onnx import register_converters

PACKED = {"compression": zipfile.ZIP_DEFLATED, "compresslevel": 9}
FOLDER = Path(__file__).parent / "0.1"
X = make_spiked_covariance(60, 6, 2, signal=3.0, random_state=0)[0]
IMAGES = np.random.default_rng(0).integers(0, 256, (16, 8, 8, 3), dtype=np.uint8)


def own_encoder():
    """Return a network of a few hundred weights."""
    layers = [nn.Conv2d(3, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten())


def table():
    """Return a table of numbers and categories, some missing."""
    numbers = np.where(np.arange(16) == 3, np.nan, X[:16, 0])
    categories = np.array(["a", "b", None], dtype=object)[np.arange(16) % 3]
    return pd.DataFrame({"number": numbers, "category": categories})


def main():
    """Fit small estimators, and write them with a few of their inputs and scores."""
    FOLDER.mkdir(exist_ok=True)
    scores = {}
    labels = np.arange(60) % 3
    linear = {
        "linear": LinearContrastive(2, random_state=0).fit(X),
        "supervised": SupervisedLinearContrastive(2, random_state=0).fit(X, labels),
        "pipeline": make_pipeline(StandardScaler(), LinearContrastive(2)).fit(X),
        "hetero_pca": HeteroPCA(1, random_state=0).fit(X),
        "paired": PairedContrastive(1).fit(X, np.arange(60) // 2),
        "robust": LinearContrastive(1, robust=True, random_state=0).fit(X),
        "augmenter": MaskedAugmenter(random_state=0).fit(X),
        "autoencoder": LinearAutoencoder(2, random_state=0).fit(X),
        "gan": LinearGAN(2, random_state=0).fit(X),
    }
    for name, model in linear.items():
        write(f"{name}.skops", lambda path, model=model: skops.io.dump(model, path, **PACKED))
        scores[name] = model.transform(X[:5])
    write_moments()
    register_converters()
    graph = to_onnx(linear["pipeline"], X[:1].astype(np.float32))
    write("pipeline.onnx", lambda path: path.write_bytes(graph.SerializeToString()))

    trained = LinearContrastiveEncoder(2, max_epochs=2, random_state=0).fit(X)
    write("encoder.safetensors", trained.save)
    scores["encoder"] = trained.transform(X[:5])
    settings = {"max_epochs": 1, "batch_size": 8, "random_state": 0, "device": "cpu"}
    embedder = SimCLREmbedder(own_encoder, projection_head="linear", projection_dim=3, **settings)
    embedder.set_params(output="projection").fit(IMAGES)
    write("embedder.safetensors", embedder.save)
    scores["embedder"] = embedder.transform(IMAGES[:5])
    write("embedder.onnx", embedder.to_onnx)
    of_images = {"projection_head": "linear", "projection_dim": 3, "output": "projection"}
    labelled = SupConEmbedder(own_encoder, **of_images, **settings).fit(IMAGES, np.arange(16) % 3)
    write("supcon.safetensors", labelled.save)
    scores["supcon"] = labelled.transform(IMAGES[:5])
    decoding = AutoencoderEmbedder(own_encoder, n_components=2, decoder="linear", **settings)
    write("decoding.safetensors", decoding.fit(IMAGES).save)
    scores["decoding"] = decoding.transform(IMAGES[:5])
    tabular = TabularContrastiveEmbedder(width=3, projection_dim=3, **settings).fit(table())
    write("tabular.safetensors", tabular.save)
    scores["tabular"] = tabular.transform(table()[:5])
    colours = np.array(["red", "green", "blue", -1], dtype=object)
    colours = colours[np.where(np.arange(16) < 12, np.arange(16) % 3, 3)]
    tuned = ContrastiveClassifier(clone(embedder), max_epochs=1, batch_size=6, random_state=0)
    tuned.set_params(class_weight={"red": 2.0}).fit(IMAGES, colours)
    write("classifier.safetensors", tuned.save)
    scores["classifier"] = tuned.decision_function(IMAGES[:5])
    write("scores.npz", lambda path: np.savez(path, X=X[:5], images=IMAGES[:5], **scores))
    # estimators that came after scores.npz, and after the next one
    for name in ("scores_later", "scores_of_classifier"):
        found = [np.load(path).keys() for path in FOLDER.glob("scores*.npz")]
        later = {key: scores[key] for key in sorted(scores.keys() - set().union(*found))}
        write(f"{name}.npz", lambda path, later=later: np.savez_compressed(path, **later))


def write_moments():
    """Write moments of complete and of incomplete samples, and scores of fits to them."""
    scores = {}
    missing = np.where(np.arange(6) == np.arange(60)[:, None] % 12, np.nan, X)
    for name, samples in {"complete": X, "pairwise": missing}.items():
        moments = Moments.from_array(pd.DataFrame(samples, columns=list("abcdef")))
        write(f"{name}.npz", moments.save)
        model = LinearContrastive(2, random_state=0).fit_moments(moments)
        scores[name] = model.transform(pd.DataFrame(X[:5], columns=list("abcdef")))
    write("scores_of_moments.npz", lambda path: np.savez(path, X=X[:5], **scores))


def write(name, writer):
    """Write one file, unless it exists."""
    path = FOLDER / name
    if not path.exists():
        writer(path)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
