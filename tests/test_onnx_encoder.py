"""Export of trained encoders to ONNX: the graph in onnxruntime against transform."""

import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from torch import nn

from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive.deep._embedder import onnx_file

RNG = np.random.default_rng(0)
# a mean and a deviation that the graph has to remove
GREY = (0.7 + 0.2 * RNG.random((24, 8, 8))).astype(np.float32)
COLOUR = RNG.integers(100, 256, (24, 9, 8, 3), dtype=np.uint8)


def fitted(images, encoder="resnet_narrow", **parameters):
    settings = {"max_epochs": 1, "batch_size": 12, "random_state": 0, "device": "cpu"}
    return SimCLREmbedder(encoder, **settings, **parameters).fit(images)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "encoder.onnx"


def run(path, images):
    """Output of the graph for images, channels first in [0, 1]."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (rows,) = session.run(None, {"images": images})
    return rows


def test_the_graph_gives_the_representations_of_grey_images_in_batches_of_any_size(path, capfd):
    embedder = fitted(GREY)
    h = embedder.transform(GREY)
    embedder.to_onnx(path)
    assert capfd.readouterr() == ("", "")
    for n in (1, 2, 24):
        rows = run(path, GREY[:n, None])
        assert rows.dtype == np.float32
        assert_allclose(rows, h[:n], atol=1e-5)
    graph = onnx.load(path).graph
    assert [each.name for each in (*graph.input, *graph.output)] == ["images", "h"]
    assert_allclose(embedder.transform(GREY), h, rtol=0, atol=0)
    # what it would give without the normalisation is something else
    unscaled = embedder.encoder_[1](torch.from_numpy(GREY[:, None])).detach().numpy()
    assert np.abs(unscaled - h).max() > 0.1


def test_the_graph_holds_no_path_of_this_machine(path):
    fitted(GREY).to_onnx(path)
    content = path.read_bytes()
    assert b".py" not in content
    assert str(Path.cwd()).encode() not in content


def test_the_graph_has_the_chosen_output_of_colour_images(path):
    embedder = fitted(COLOUR, output="projection", projection_dim=7)
    images = (COLOUR / np.float32(255)).transpose(0, 3, 1, 2)
    embedder.to_onnx(path)
    rows = run(path, np.ascontiguousarray(images))
    assert_allclose(rows, embedder.transform(COLOUR), atol=1e-5)


def branching():
    """A network whose graph depends on the values of the images."""

    class Branching(nn.Module):
        def forward(self, images):
            rows = images.flatten(1)
            return rows[:, :4] if rows.sum() > 0 else rows[:, 4:8]

    return Branching()


def test_a_network_that_pytorch_cannot_export_is_named(path):
    with pytest.raises(ValueError, match=r"cannot export this network to ONNX: .*or run encoder_"):
        fitted(GREY, branching).to_onnx(path)
    assert not path.exists()


def test_an_estimator_that_is_not_fitted_is_refused(path):
    with pytest.raises(NotFittedError):
        SimCLREmbedder().to_onnx(path)


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_package_is_named(package, path, monkeypatch):
    embedder = fitted(GREY)
    monkeypatch.setattr(onnx_file, "find_spec", lambda name: None if name == package else sys)
    with pytest.raises(ImportError, match=rf"needs {package}, which.*pip install .*onnxscript$"):
        embedder.to_onnx(path)
