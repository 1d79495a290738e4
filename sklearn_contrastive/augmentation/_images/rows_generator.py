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
        Images, on the CPU.
    generator : torch.Generator
        Seeds the generators of several pieces; a `RowsGenerator` seeds those of the pieces of the
        whole batch.
    max_size : int
        Largest number of values in a piece, if this is more than that of an image.

    Yields
    ------
    piece : Tensor of shape (n, ...)
        Images of the batch; empty only if the batch is.
    generator : torch.Generator
        Draws for this piece.
    """
    shared = isinstance(generator, RowsGenerator)
    n_rows, rows = (generator.n_rows, generator.rows) if shared else (len(batch), range(len(batch)))
    n_pieces = math.ceil(n_rows * math.prod(batch.shape[1:]) / max_size)
    if n_pieces <= 1:
        yield batch, generator
        return
    size = math.ceil(n_rows / n_pieces)
    firsts = range(0, n_rows, size)
    # a generator for each, so that pieces without rows of this batch need no draws
    source = generator.whole if shared else generator
    seeds = torch.randint(2**62, (len(firsts),), generator=source).tolist()
    for first, seed in zip(firsts, seeds, strict=True):
        last = min(first + size, n_rows)
        own = range(min(max(rows.start, first), last), max(min(rows.stop, last), first))
        if not own and (rows or first):
            continue
        draws = torch.Generator().manual_seed(seed)
        if shared:
            draws = RowsGenerator(draws, seed)
            draws.n_rows, draws.rows = last - first, range(own.start - first, own.stop - first)
        yield batch[own.start - rows.start : own.stop - rows.start], draws
