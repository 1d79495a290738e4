"""Centring and scaling of samples to a root mean square of 1, before training."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.utils import check_array
from torch import Tensor

from ..._typing import FloatArray, MatrixLike

__all__ = ["ScaledSamples", "scaled_samples"]


@dataclass(frozen=True, eq=False)
class ScaledSamples:
    """Centred samples in units of their root mean square.

    Parameters
    ----------
    tensor : Tensor of shape (n_samples, n_features)
        The samples, in float32.
    mean : ndarray of shape (n_features,)
        Mean that was subtracted.
    scale : float
        Root mean square by which they were then divided.
    """

    tensor: Tensor
    mean: FloatArray
    scale: float


def scaled_samples(X: MatrixLike) -> ScaledSamples:
    """Centre samples and divide them by their root mean square."""
    X = check_array(X, dtype=(np.float64, np.float32), ensure_min_samples=2, input_name="X")
    mean = X.mean(axis=0, dtype=np.float64)
    centred = X - mean
    scale = float(np.sqrt(np.mean(centred**2))) or 1.0
    centred /= scale
    return ScaledSamples(torch.from_numpy(centred.astype(np.float32)), mean, scale)
