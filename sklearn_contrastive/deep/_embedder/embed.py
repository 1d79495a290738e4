"""Embedding of samples by a trained network, in batches."""

import numpy as np
import torch
from torch import nn

from ..._typing import FloatArray
from .._training.batches import SampleSource

__all__ = ["embed"]


def embed(
    network: nn.Module,
    samples: SampleSource,
    output: str,
    batch_size: int,
    n_samples: int | None = None,
) -> FloatArray:
    """Output of a network for samples, computed in batches.

    Parameters
    ----------
    network : nn.Module
        The network, on any device; it is left in evaluation mode. Its method `output` computes the
        rows of a layer.
    samples : SampleSource
        The samples.
    output : {"representation", "projection", "middle"}
        Layer of the network.
    batch_size : int
        Number of samples in a batch.
    n_samples : int, default=None
        Number of samples, the first ones; all by default.

    Returns
    -------
    rows : ndarray of float32 of shape (n_samples, width)
        Sample by sample.
    """
    device = next(network.parameters()).device
    n_samples = len(samples) if n_samples is None else min(n_samples, len(samples))
    # split refuses NumPy integers, and those beyond 64 bits
    indices = torch.arange(n_samples).split(min(int(batch_size), n_samples))
    rows, done = None, 0
    network.eval()  # a training step sets training mode again
    with torch.inference_mode():
        for batch in samples.batches(indices, device):
            if batch.ndim == 4:  # images
                batch = batch.contiguous(memory_format=torch.channels_last)
            embedded = network.output(batch, output).float().cpu().numpy()
            if rows is None:
                rows = np.empty((n_samples, embedded.shape[1]), np.float32)
            rows[done : done + len(embedded)] = embedded
            done += len(embedded)
    return rows
