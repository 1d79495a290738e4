"""Training table as samples of an embedder."""

import hashlib

import numpy as np
import torch
from numpy.typing import NDArray

from .._training.batches import SampleSource, TensorSource
from .encoding import TableEncoding

__all__ = ["TableSource"]


class TableSource(TensorSource):
    """Rows of an encoded table.

    Parameters
    ----------
    table : ndarray of float32 of shape (n_samples, n_features)
        The table that `encoding` made.
    encoding : TableEncoding
        The encoding.

    Attributes
    ----------
    targets : Tensor of shape (n_samples, n_features)
        The table itself: views draw other values of a feature from all rows, not from one batch.
    """

    noun = plural = "rows"
    skips = False

    def __init__(self, table: NDArray[np.float32], encoding: TableEncoding):
        super().__init__(torch.from_numpy(table))
        self.encoding = encoding
        self.shape = table.shape[1:]
        self.unreadable: dict[int, str] = {}
        self.targets = self._tensor

    def check(self) -> None:
        """Nothing to do: tables are checked when they are read."""

    def digest(self) -> str:
        """Hash of all encoded values, in hexadecimal digits."""
        values = self._tensor.contiguous().numpy()
        return hashlib.sha256(f"{values.shape}".encode() + values.tobytes()).hexdigest()

    def resident(self, device: torch.device | str) -> SampleSource:
        """The same rows on a GPU, if they need at most half of its free memory."""
        device = torch.device(device)
        if device.type != "cuda":
            return self
        free, _ = torch.cuda.mem_get_info(device)
        size = self._tensor.numel() * self._tensor.element_size()
        return TensorSource(self._tensor.to(device)) if 2 * size <= free else self
