"""Sources of samples and random batches of them."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

import torch
from torch import Tensor
from torch.utils.data import Dataset

from .processes import ALONE, Processes, Share

__all__ = [
    "DrawBatches",
    "RandomBatches",
    "SampleSource",
    "Samples",
    "TensorSource",
    "each_sample_once",
]

# from the numbers of samples and batches, and a generator, to the indices of each batch
DrawBatches = Callable[[int, int, torch.Generator], Sequence[Tensor]]


class SampleSource(Protocol):
    """Samples in an array, on a device, on disk or in files; also a torch Dataset, for skorch."""

    def __len__(self) -> int:
        """Number of samples."""

    def batches(self, indices: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
        """Yield, on the device, the samples of each tensor of indices, which is on the CPU."""


class Samples(SampleSource, Protocol):
    """Samples of an embedder, with what a training asks of them besides batches.

    Attributes
    ----------
    shape : tuple of int
        Shape of a sample in the batches.
    noun, plural : str
        What the samples are, and what they are read from, for messages.
    skips : bool
        Whether batches hold zeros for samples that cannot be read, instead of an error.
    unreadable : dict of int to str
        Problems of the samples that were skipped, by their positions in X.
    targets : Tensor of shape (n_samples, ...) or None
        Targets of the samples, on the CPU, for objectives that use them.
    """

    shape: tuple[int, ...]
    noun: str
    plural: str
    skips: bool
    unreadable: dict[int, str]
    targets: Tensor | None

    def check(self) -> None:
        """Raise an error for samples that cannot be read."""

    def digest(self) -> str:
        """Hash of all samples, in hexadecimal digits."""

    def resident(self, device: torch.device | str) -> "SampleSource":
        """The same samples on a device, if they fit."""


class TensorSource(Dataset):
    """Samples in a tensor, indexed on the device of the tensor.

    Parameters
    ----------
    tensor : Tensor of shape (n_samples, ...)
        All samples.
    """

    noun, targets = "samples", None

    def __init__(self, tensor: Tensor):
        self._tensor = tensor

    def __len__(self) -> int:
        return len(self._tensor)

    def batches(self, indices: Iterable[Tensor], device: torch.device) -> Iterator[Tensor]:
        """Yield the samples of each tensor of indices."""
        for index in indices:
            yield self._tensor[index.to(self._tensor.device)].to(device)


def each_sample_once(
    n_samples: int, n_batches: int, generator: torch.Generator
) -> Sequence[Tensor]:
    """Indices of random batches, each sample once; their sizes differ by at most one sample."""
    return torch.tensor_split(torch.randperm(n_samples, generator=generator), n_batches)


class RandomBatches:
    """Batches of samples in random order.

    Parameters
    ----------
    source : SampleSource
        All samples.
    batch_size : int
        Largest number of samples in a batch. The batches of an epoch differ by at most one sample,
        so that no batch has too few samples.
    generator : torch.Generator
        Draws the order, on the CPU.
    device : torch.device, default=the CPU
        Device of the batches.
    processes : Processes, default=this one alone
        The order is that of one process; only the samples of this one are read.
    draw : callable, default=each_sample_once
        Draws the indices of the batches of an epoch.
    """

    def __init__(
        self,
        source: SampleSource,
        batch_size: int,
        generator: torch.Generator,
        device: torch.device = torch.device("cpu"),  # noqa: B008, it is a constant
        processes: Processes = ALONE,
        draw: DrawBatches = each_sample_once,
    ):
        self._source = source
        self._n_batches = math.ceil(len(source) / batch_size)
        self._generator = generator
        self._device = device
        self._processes = processes
        self._draw = draw

    def __len__(self) -> int:
        return self._n_batches

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield the indices of the samples of a batch, on the CPU, and those of this process."""
        indices = self._draw(len(self._source), self._n_batches, self._generator)
        own = (Share(self._processes, len(index)).part_of(index) for index in indices)
        batches = self._source.batches(own, self._device)
        # batches first: sources learn that a batch has been used when the next one is asked for
        for batch, index in zip(batches, indices, strict=True):
            yield index, batch
