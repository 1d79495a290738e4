"""Decoding of codes by a trained network: a function, and the methods of an estimator."""

import os
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted
from torch import Tensor, nn
from torch.utils.data import Dataset

from ..._typing import ArrayLike, FloatArray, MatrixLike
from .._training.torch_state import default_torch_state
from .network import ReconstructionNetwork

__all__ = ["DecoderMixin", "decoded"]


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
            # a copy: codes of a data frame cannot be written, which PyTorch warns of
            batch = torch.tensor(codes[first : first + batch_size])
            samples = network.decoder(batch.to(device)).float()
            if samples.ndim == 4:
                samples = samples.clamp(0, 1).permute(0, 2, 3, 1)
            rows.append(samples.flatten(1).cpu().numpy())
    return np.concatenate(rows)


class DecoderMixin:
    """`inverse_transform` and `reconstruct` of embedders that train a decoder."""

    @property
    def decoder_(self) -> nn.Module:
        """The trained decoder."""
        try:
            return self.net_.module_.decoder
        except AttributeError as error:
            raise AttributeError(f"This {type(self).__name__} has no decoder_ yet.") from error

    def inverse_transform(self, X: ArrayLike) -> FloatArray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, width)
            Codes, as :meth:`transform` returns them.

        Returns
        -------
        samples : ndarray of float32 of shape (n_samples, n_features_in_)
            Rows in the units of the training data, or images in [0, 1], pixel by pixel:
            ``samples.reshape(-1, *embedder.image_shape_)`` has shape (n, h, w, c).

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If X is not a finite matrix of as many columns as a code has.
        """
        check_is_fitted(self)
        with np.errstate(over="ignore"):  # infinite values are refused
            codes = check_array(X, dtype=np.float32, input_name="X", estimator=self)
        network = self.net_.module_
        if codes.shape[1] != network.width:
            raise ValueError(
                f"X has {codes.shape[1]} columns, and a code of this {type(self).__name__} has "
                f"{network.width}. Give codes as transform returns them."
            )
        with default_torch_state():
            return decoded(network, codes, int(self.batch_size))

    def reconstruct(
        self, X: MatrixLike | Tensor | Dataset | Sequence[os.PathLike[str]]
    ) -> FloatArray:
        """Encode and decode samples.

        Parameters
        ----------
        X : array-like, Tensor, list of paths, or Dataset
            Samples of the shape seen during fit.

        Returns
        -------
        samples : ndarray of float32 of shape (n_samples, n_features_in_)
            Their reconstructions, as :meth:`inverse_transform` returns them; rows of NaN for images
            that cannot be read, with ``on_unreadable="skip"``.
        """
        codes = self._embedded(X)
        with default_torch_state():
            return decoded(self.net_.module_, codes, int(self.batch_size))
