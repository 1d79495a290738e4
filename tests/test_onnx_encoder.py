"""Export of trained encoders to ONNX: the graph in onnxruntime against transform."""

import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from torch import nn

from sklearn_contrastive import LinearContrastive, SimCLREmbedder, onnx
from sklearn_contrastive.onnx import encoder_to_onnx

RNG = np.random.default_rng(0)
# a mean and a deviation that the graph has to remove
GREY = (0.7 + 0.2 * RNG.random((24, 8, 8))).astype(np.float32)
COLOUR = RNG.integers(100, 256, (24, 9, 8, 3), dtype=np.uint8)


def fitted(images, encoder="resnet_narrow", **parameters):
    settings = {"max_epochs": 1, "batch_size": 12, "random_state": 0, "device": "cpu"}
    return SimCLREmbedder(encoder, **settings, **parameters).fit(images)


def run(model, images):
    """Output of the graph for images, channels first in [0, 1]."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (rows,) = session.run(None, {"images": images})
    return rows


def test_the_graph_gives_the_representations_of_grey_images_in_batches_of_any_size(capfd):
    embedder = fitted(GREY)
    h = embedder.transform(GREY)
    model = encoder_to_onnx(embedder)
    assert capfd.readouterr() == ("", "")
    for n in (1, 2, 24):
        rows = run(model, GREY[:n, None])
        assert rows.dtype == np.float32
        assert_allclose(rows, h[:n], atol=1e-5)
    assert [each.name for each in (*model.graph.input, *model.graph.output)] == ["images", "h"]
    assert_allclose(embedder.transform(GREY), h, rtol=0, atol=0)
    # what it would give without the normalisation is something else
    unscaled = embedder.encoder_[1](torch.from_numpy(GREY[:, None])).detach().numpy()
    assert np.abs(unscaled - h).max() > 0.1


def test_the_graph_holds_no_path_of_this_machine():
    content = encoder_to_onnx(fitted(GREY)).SerializeToString()
    assert b".py" not in content
    assert str(Path.cwd()).encode() not in content


def test_the_graph_has_the_chosen_output_of_colour_images():
    embedder = fitted(COLOUR, output="projection", projection_dim=7)
    images = (COLOUR / np.float32(255)).transpose(0, 3, 1, 2)
    rows = run(encoder_to_onnx(embedder), np.ascontiguousarray(images))
    assert_allclose(rows, embedder.transform(COLOUR), atol=1e-5)


def branching():
    """A network whose graph depends on the values of the images."""

    class Branching(nn.Module):
        def forward(self, images):
            rows = images.flatten(1)
            return rows[:, :4] if rows.sum() > 0 else rows[:, 4:8]

    return Branching()


def test_a_network_that_pytorch_cannot_export_is_named():
    with pytest.raises(ValueError, match=r"cannot export this network to ONNX: .*or run encoder_"):
        encoder_to_onnx(fitted(GREY, branching))


def test_other_estimators_and_unfitted_ones_are_refused():
    with pytest.raises(TypeError, match=r"not a LinearContrastive.*register_converters\(\)"):
        encoder_to_onnx(LinearContrastive())
    with pytest.raises(NotFittedError):
        encoder_to_onnx(SimCLREmbedder())


@pytest.mark.parametrize("package", ["onnx", "onnxscript"])
def test_a_missing_package_is_named(package, monkeypatch):
    monkeypatch.setattr(onnx, "find_spec", lambda name: None if name == package else sys)
    with pytest.raises(ImportError, match=rf"needs {package}, which.*pip install .*onnxscript$"):
        encoder_to_onnx(None)
