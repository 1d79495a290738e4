"""Batches of samples in random order."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Protocol

import torch
from torch import Tensor

__all__ = ["IndexBatches", "Samples", "TensorSamples"]


class Samples(Protocol):
    """Where batches come from: an array in memory, on a device, on disk, or files."""

    def __len__(self) -> int:
        """Number of samples."""

    def batches(self, indices: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
        """The samples of each tensor of indices, which lies on the CPU, on the device."""


class TensorSamples:
    """Samples that lie in a tensor, indexed where it lies.

    Parameters
    ----------
    tensor : Tensor of shape (n_samples, ...)
        All samples.
    """

    def __init__(self, tensor: Tensor):
        self._tensor = tensor

    def __len__(self) -> int:
        return len(self._tensor)

    def batches(self, indices: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
        """The samples of each tensor of indices."""
        for index in indices:
            yield self._tensor[index.to(self._tensor.device)].to(device)


class IndexBatches:
    """Batches of samples in random order, each sample once.

    Parameters
    ----------
    samples : Samples
        All samples.
    batch_size : int
        Largest number of samples in a batch; all batches of an epoch differ by one sample at most,
        so that none is left with too few.
    generator : torch.Generator
        Draws the order, on the CPU.
    device : torch.device, default=the CPU
        Where the batches shall be.
    """

    def __init__(
        self,
        samples: Samples,
        batch_size: int,
        generator: torch.Generator,
        device: torch.device = torch.device("cpu"),  # noqa: B008, it is a constant
    ):
        self._samples = samples
        self._n_batches = math.ceil(len(samples) / batch_size)
        self._generator = generator
        self._device = device

    def __len__(self) -> int:
        return self._n_batches

    def __iter__(self) -> Iterator[Tensor]:
        order = torch.randperm(len(self._samples), generator=self._generator)
        yield from self._samples.batches(torch.tensor_split(order, self._n_batches), self._device)
