"""Samples of an embedder with the targets of a classifier."""

import hashlib
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor
from torch.utils.data import Dataset

from .._training.batches import Samples, SampleSource

__all__ = ["LabelledSamples"]


class LabelledSamples(Dataset):
    """Some of the samples of a source, with a class each, or with weights of all classes.

    Parameters
    ----------
    source : Samples
        All samples, labelled or not.
    rows : Tensor of int64 of shape (n_labelled,)
        Positions of those that are trained on in the source.
    targets : Tensor of int64 of shape (n_labelled,), or of shape (n_labelled, n_classes)
        Number of the class of each, or weights of the classes.
    """

    def __init__(self, source: Samples, rows: Tensor, targets: Tensor):
        self._source = source
        self._rows = rows
        self.targets = targets
        self.shape, self.noun, self.plural = source.shape, source.noun, source.plural
        self.skips, self.unreadable = source.skips, source.unreadable

    def __len__(self) -> int:
        return len(self._rows)

    def batches(self, indices: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
        """Yield the labelled samples of each tensor of indices."""
        return self._source.batches((self._rows[index] for index in indices), device)

    def check(self) -> None:
        """Raise an error for samples that cannot be read."""
        self._source.check()

    def digest(self) -> str:
        """Hash of the source and of the rows."""
        digest = hashlib.sha256(self._source.digest().encode())
        digest.update(self._rows.numpy().tobytes())
        return digest.hexdigest()

    def resident(self, device: torch.device | str) -> SampleSource:
        """The same samples on a device, if the whole source fits."""
        return LabelledSamples(self._source.resident(device), self._rows, self.targets)
