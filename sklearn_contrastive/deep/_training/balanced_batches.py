"""Random batches with equally many samples of each class."""

from collections.abc import Iterator

import torch
from torch import Tensor

__all__ = ["balanced_batches"]


def balanced_batches(classes: Tensor, n_batches: int, generator: torch.Generator) -> list[Tensor]:
    """Indices of the batches of an epoch, in which classes are equally frequent.

    Batches have the sizes that they would have otherwise. Each sample without a class is in one
    batch, and their numbers in two batches differ by at most one. The other places of a batch are
    divided among the classes, whose numbers differ by at most one: the places that remain go to the
    classes in turn, over the batches. Each class fills its places with its samples in random order,
    and begins a new order when all have been used. So samples of a rare class are repeated, also
    within a batch that has more places for it than it has samples, and some of a frequent class are
    left out of the epoch.

    Parameters
    ----------
    classes : int64 Tensor of shape (n_samples,)
        Class of each sample, -1 for samples without; at least one has a class.
    n_batches : int
        Number of batches, at most n_samples.
    generator : torch.Generator
        Draws all orders.

    Returns
    -------
    batches : list of int64 Tensor
        Indices of each batch, in random order; n_samples in all.
    """
    sizes = [len(part) for part in torch.tensor_split(classes, n_batches)]
    unlabelled = _shuffled(torch.nonzero(classes == -1)[:, 0], generator)
    # a random class is the first in turn, because the last ones may get fewer places
    present = _shuffled(classes[classes != -1].unique(), generator)
    streams = [_endless(torch.nonzero(classes == each)[:, 0], generator) for each in present]
    batches, n_drawn = [], 0
    for size, apart in zip(sizes, torch.tensor_split(unlabelled, n_batches), strict=True):
        n_labelled = size - len(apart)
        # one place after the other, so that the classes stay in turn from batch to batch
        places = range(n_drawn, n_drawn + n_labelled)
        drawn = [next(streams[place % len(streams)]) for place in places]
        n_drawn += n_labelled
        batch = torch.cat([torch.tensor(drawn, dtype=torch.int64), apart])
        batches.append(_shuffled(batch, generator))
    return batches


def _endless(indices: Tensor, generator: torch.Generator) -> Iterator[int]:
    """Indices in random order, and again in another one."""
    while True:
        yield from _shuffled(indices, generator).tolist()


def _shuffled(values: Tensor, generator: torch.Generator) -> Tensor:
    return values[torch.randperm(len(values), generator=generator)]
