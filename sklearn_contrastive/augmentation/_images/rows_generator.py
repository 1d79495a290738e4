"""Random numbers for rows of a batch, equal to those that they have in the whole batch."""

import math
from collections.abc import Iterable, Iterator
from typing import Self

import torch
from torch import Generator, Tensor

__all__ = ["RowsGenerator", "pieces_of", "with_rows"]


class RowsGenerator(Generator):
    """Generator for rows of a batch, of which the rest is in other processes or chunks.

    `uniform` draws for the whole batch from `whole`, which is in the same state for all parts, and
    keeps these rows, so every image is augmented as in a whole batch. The generator's own stream is
    for augmentations of the user, which draw for the rows that they get: it must differ between the
    processes.

    Parameters
    ----------
    whole : torch.Generator
        Draws for the whole batch.
    own_seed : int
        Seed of the generator's own stream.

    Attributes
    ----------
    n_rows : int
        Number of rows of the whole batch; to be set before each batch.
    rows : range
        The rows, contiguous; to be set before each batch.
    """

    def __new__(cls, whole: Generator, own_seed: int) -> Self:
        return super().__new__(cls, device=whole.device)

    def __init__(self, whole: Generator, own_seed: int):
        self.manual_seed(own_seed)
        self.whole = whole
        self.n_rows, self.rows = 0, range(0)

    def get_state(self) -> tuple[Tensor, Tensor, int, range]:
        """States of both streams, number of rows, and rows."""
        return super().get_state(), self.whole.get_state(), self.n_rows, self.rows

    def set_state(self, state: tuple[Tensor, Tensor, int, range]) -> None:
        """Return to a state of `get_state`."""
        own, whole, self.n_rows, self.rows = state
        super().set_state(own)
        self.whole.set_state(whole)

    def uniform(self, shape: tuple[int, ...], axis: int) -> Tensor:
        """Uniform draws in [0, 1) of this shape, whose `axis` has the rows."""
        whole_shape = (*shape[:axis], self.n_rows, *shape[axis + 1 :])
        draws = torch.rand(
            whole_shape, generator=self.whole, device=self.device, dtype=torch.float32
        )
        return draws.narrow(axis, self.rows.start, len(self.rows))


def with_rows(chunks: Iterable[Tensor], generator: Generator) -> Iterator[Tensor]:
    """Yield the chunks of a batch, with the rows of a `RowsGenerator` set to those of each.

    Each chunk draws from the same state, so every image has the numbers that it has without
    chunks. Other generators draw for one chunk after the other.
    """
    if not isinstance(generator, RowsGenerator):
        yield from chunks
        return
    rows, whole = generator.rows, generator.whole.get_state()
    start = rows.start
    for chunk in chunks:
        generator.whole.set_state(whole)
        generator.rows = range(start, start + len(chunk))
        start += len(chunk)
        yield chunk
    generator.rows = rows


def pieces_of(
    batch: Tensor, generator: Generator, max_size: int
) -> Iterator[tuple[Tensor, Generator]]:
    """Pieces of a batch, in order, each with the generator that draws for it.

    Parameters
    ----------
    batch : Tensor of shape (n_images, ...)
        Images.
    generator : torch.Generator
        A `RowsGenerator` draws for the pieces of the whole batch one after the other, so pieces
        without rows of `batch` are empty.
    max_size : int
        Largest number of values in a piece, if this is more than that of an image.

    Yields
    ------
    piece : Tensor of shape (n, ...)
        Images of the batch.
    generator : torch.Generator
        Draws for this piece; valid until the next one.
    """
    if not isinstance(generator, RowsGenerator):
        for piece in batch.chunk(max(1, math.ceil(batch.numel() / max_size))):
            yield piece, generator
        return
    n_rows, rows = generator.n_rows, generator.rows
    n_pieces = max(1, math.ceil(n_rows * math.prod(batch.shape[1:]) / max_size))
    size = math.ceil(n_rows / n_pieces)  # as of Tensor.chunk
    try:
        for first in range(0, n_rows, size):
            last = min(first + size, n_rows)
            start = min(max(rows.start, first), last)
            stop = max(min(rows.stop, last), start)
            generator.n_rows = last - first
            generator.rows = range(start - first, stop - first)
            yield batch[start - rows.start : stop - rows.start], generator
    finally:
        generator.n_rows, generator.rows = n_rows, rows
