"""Export of a trained network to an ONNX graph, by PyTorch's exporter."""

import copy
import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from onnx import ModelProto
from torch import Tensor, nn

from .network import SimCLRNetwork

__all__ = ["exported"]


class _Output(nn.Module):
    """A network whose forward pass is that of one of its layers."""

    def __init__(self, network: SimCLRNetwork, output: str):
        super().__init__()
        self._network, self._output = network, output

    def forward(self, images: Tensor) -> Tensor:
        """Rows of the layer, in float32."""
        return self._network.output(images, self._output).float()


def exported(network: SimCLRNetwork, image_shape: tuple[int, int, int], output: str) -> ModelProto:
    """ONNX graph of a network.

    Parameters
    ----------
    network : SimCLRNetwork
        Trained, on any device; it is copied.
    image_shape : tuple of (h, w, c)
        Shape of an image.
    output : {"representation", "projection", "middle"}
        Layer of the network.

    Returns
    -------
    model : onnx.ModelProto
        From "images", float32 (n, c, h, w), to "h", float32 (n, width).
    """
    height, width, channels = image_shape
    layer = _Output(copy.deepcopy(network).cpu(), output).eval()
    # two images: PyTorch would take a batch of one as a constant
    images = torch.zeros(2, channels, height, width)
    with _silenced():
        try:
            program = torch.onnx.export(
                layer,
                (images,),
                dynamo=True,
                verbose=False,
                input_names=["images"],
                output_names=["h"],
                dynamic_shapes=({0: torch.export.Dim("n")},),
            )
        except torch.onnx.OnnxExporterError as error:
            raise ValueError(
                f"PyTorch cannot export this network to ONNX: {_reason(error)} Change the layer of "
                "the encoder that it names, or run encoder_ in PyTorch."
            ) from error
    return _without_traces(program.model_proto)


def _without_traces(model):
    """The model without PyTorch's notes on each node, which hold paths of files of this machine."""
    graph = model.graph
    described = [graph, *graph.node, *graph.initializer, *graph.value_info]
    for each in (*described, *graph.input, *graph.output):
        each.ClearField("metadata_props")
        each.ClearField("doc_string")
    return model


def _reason(error):
    """First line of the error that the exporter met."""
    while error.__cause__ is not None:
        error = error.__cause__
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return line if line.endswith(".") else f"{line}."


@contextmanager
def _silenced() -> Iterator[None]:
    """No warnings and log entries of PyTorch about its own parts."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
