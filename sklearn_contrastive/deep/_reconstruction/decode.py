"""Decoding of codes by a trained network, in batches."""

import numpy as np
import torch
from numpy.typing import NDArray

from ..._typing import FloatArray
from .network import ReconstructionNetwork

__all__ = ["decoded"]


def decoded(network: ReconstructionNetwork, codes: NDArray, batch_size: int) -> FloatArray:
    """Samples of codes, in the units of X.

    Parameters
    ----------
    network : ReconstructionNetwork
        Trained, on any device; it is left in evaluation mode.
    codes : ndarray of shape (n_samples, width)
        Codes of float32.
    batch_size : int
        Number of codes in a batch.

    Returns
    -------
    samples : ndarray of float32 of shape (n_samples, n_features)
        Rows as they are; images clipped to [0, 1], pixel by pixel, (h, w, c).
    """
    device = next(network.parameters()).device
    rows = []
    network.eval()
    with torch.inference_mode():
        for first in range(0, len(codes), batch_size):
            batch = torch.from_numpy(codes[first : first + batch_size])
            samples = network.decoder(batch.to(device)).float()
            if samples.ndim == 4:
                samples = samples.clamp(0, 1).permute(0, 2, 3, 1)
            rows.append(samples.flatten(1).cpu().numpy())
    return np.concatenate(rows)
