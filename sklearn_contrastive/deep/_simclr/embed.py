"""Embedding of images by a trained network, in batches."""

import numpy as np
import torch

from ..._images.source import ImageSource
from ..._typing import FloatArray
from .network import SimCLRNetwork

__all__ = ["embed"]


def embed(
    network: SimCLRNetwork,
    images: ImageSource,
    output: str,
    batch_size: int,
    n_images: int | None = None,
) -> FloatArray:
    """Output of a network for images, computed in batches.

    Parameters
    ----------
    network : SimCLRNetwork
        The network, on any device; it is left in evaluation mode.
    images : ImageSource
        The images.
    output : {"representation", "projection", "middle"}
        Layer of the network.
    batch_size : int
        Number of images in a batch.
    n_images : int, default=None
        Number of images, the first ones; all by default.

    Returns
    -------
    rows : ndarray of float32 of shape (n_images, width)
        Image by image.
    """
    device = next(network.parameters()).device
    n_images = len(images) if n_images is None else min(n_images, len(images))
    indices = torch.arange(n_images).split(int(batch_size))  # split refuses NumPy integers
    rows, done = None, 0
    network.eval()  # a training step sets training mode again
    with torch.inference_mode():
        for batch in images.batches(indices, device):
            batch = batch.contiguous(memory_format=torch.channels_last)
            embedded = network.output(batch, output).float().cpu().numpy()
            if rows is None:
                rows = np.empty((n_images, embedded.shape[1]), np.float32)
            rows[done : done + len(embedded)] = embedded
            done += len(embedded)
    return rows
