"""Random batches with equally many samples of each class."""

import math
from collections.abc import Iterator
from itertools import islice

import torch
from torch import Tensor

__all__ = ["SMALLEST_SHARE", "balanced_batches"]

# of the places of a batch, for samples with a class
SMALLEST_SHARE = 1 / 2


def balanced_batches(classes: Tensor, n_batches: int, generator: torch.Generator) -> list[Tensor]:
    """Indices of the batches of an epoch, in which classes are equally frequent.

    Batches have the sizes that they would have otherwise. Samples without a class have their share
    of the places, but at most half, equally many in each batch up to one. The other places go to
    the classes in turn, one each; two each if a batch has fewer than two places for every class, so
    that samples meet others of their class. The turn continues in the next batch.

    Each class, and the samples without, fill their places in random order, and begin a new order
    when all have been used. So samples of a rare class are repeated, also within a batch, and some
    of a frequent class are left out of the epoch.

    Parameters
    ----------
    classes : int64 Tensor of shape (n_samples,)
        Class of each sample, -1 for samples without.
    n_batches : int
        Number of batches, at most n_samples.
    generator : torch.Generator
        Draws all orders.

    Returns
    -------
    batches : list of int64 Tensor
        Indices of each batch, in random order; n_samples in all.
    """
    n_samples, unlabelled = len(classes), torch.nonzero(classes == -1)[:, 0]
    # a random class is the first in turn, because the last ones may get fewer places
    present = _shuffled(classes[classes != -1].unique(), generator)
    streams = [_endless(torch.nonzero(classes == each)[:, 0], generator) for each in present]
    n_labelled = n_samples - len(unlabelled)
    if len(present) > 0:
        n_labelled = max(n_labelled, math.ceil(SMALLEST_SHARE * n_samples))
    run = 1 if n_labelled >= 2 * len(present) * n_batches else 2
    # one iterator over all batches, so that the classes stay in turn
    labelled = (next(streams[place // run % len(streams)]) for place in range(n_labelled))
    others = _endless(unlabelled, generator)
    batches = []
    sizes, sizes_of_others = (_sizes(n, n_batches) for n in (n_samples, n_samples - n_labelled))
    for size, n_others in zip(sizes, sizes_of_others, strict=True):
        drawn = [*islice(labelled, size - n_others), *islice(others, n_others)]
        batches.append(_shuffled(torch.tensor(drawn), generator))
    return batches


def _sizes(n: int, n_parts: int) -> list[int]:
    """Sizes of the parts of n samples, as those of torch.tensor_split."""
    return [n // n_parts + (part < n % n_parts) for part in range(n_parts)]


def _endless(indices: Tensor, generator: torch.Generator) -> Iterator[int]:
    """Indices in random order, and again in another one."""
    while True:
        yield from _shuffled(indices, generator).tolist()


def _shuffled(values: Tensor, generator: torch.Generator) -> Tensor:
    return values[torch.randperm(len(values), generator=generator)]
