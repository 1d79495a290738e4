"""Embeddings of a large batch in the memory of a small one: gradient caching."""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ...augmentation._images.rows_generator import with_rows

__all__ = ["Views", "chunks_of", "embedded_views"]

Views = Callable[[Tensor, torch.Generator], tuple[Tensor, Tensor]]


def embedded_views(
    module: nn.Module,
    views: Views,
    batch: Tensor,
    generator: torch.Generator,
    chunk_size: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Embeddings of two random views of each sample, with gradients, chunk by chunk.

    The first pass over a chunk keeps its embeddings only. The backward pass, which brings the
    gradient by the embeddings of the whole batch, draws the views of a chunk again, embeds them
    again and differentiates them, then those of the next chunk. Gradients are those of the loss
    of the whole batch, in the memory of one chunk and four thirds of the time [1]_. The second
    pass starts from the random state and the buffers of the first one, so that dropout is the same
    and running statistics are updated once.

    Parameters
    ----------
    module : nn.Module
        The network; BatchNorm has the statistics of the two views of one chunk.
    views : callable
        Takes samples and a torch.Generator, returns two views of the samples. It may draw from
        this generator and from PyTorch's global ones.
    batch : Tensor of shape (n_samples, ...)
        The samples.
    generator : torch.Generator
        Draws the views; a `RowsGenerator` gives each sample the views that it has without chunks.
    chunk_size : int or None, default=None
        Largest number of samples in a chunk; None: one chunk, which is not embedded again.

    Returns
    -------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of the two views.

    References
    ----------
    .. [1] Gao, Zhang, Han and Callan (2021), "Scaling Deep Contrastive Learning Batch Size under
       Memory Limited Setup", RepL4NLP, arXiv:2101.06983.
    """

    def embed(samples: Tensor) -> Tensor:
        # one pass for both views: batch statistics must be those of both
        return module(torch.cat(views(samples, generator)))

    def contexts() -> tuple[AbstractContextManager, AbstractContextManager]:
        return nullcontext(), _Rewound(module, generator)

    chunks = chunks_of(batch, chunk_size)
    if len(chunks) == 1:
        return embed(batch).chunk(2)
    pairs = [
        checkpoint(embed, chunk, use_reentrant=False, context_fn=contexts).chunk(2)
        for chunk in with_rows(chunks, generator)
    ]
    embeddings_1, embeddings_2 = map(torch.cat, zip(*pairs, strict=True))
    return embeddings_1, embeddings_2


def chunks_of(batch: Tensor, chunk_size: int | None) -> tuple[Tensor, ...]:
    """Chunks of a batch, in order; their sizes differ by at most one sample."""
    if chunk_size is None:
        return (batch,)
    return torch.tensor_split(batch, math.ceil(len(batch) / chunk_size))


class _Rewound:
    """Context with the state of a generator and the buffers of a network at its creation.

    `checkpoint` repeats the draws of PyTorch's global generators, but no others, and lets a second
    pass change the buffers again.
    """

    def __init__(self, module: nn.Module, generator: torch.Generator):
        self._module, self._generator = module, generator
        self._then = self._state()

    def __enter__(self) -> None:
        self._now = self._state()
        self._set(*self._then)

    def __exit__(self, *error: object) -> None:
        self._set(*self._now)

    def _state(self):
        buffers = {name: buffer.clone() for name, buffer in self._module.named_buffers()}
        return self._generator.get_state(), buffers

    @torch.no_grad()
    def _set(self, state, buffers):
        self._generator.set_state(state)
        for name, buffer in self._module.named_buffers():
            buffer.copy_(buffers[name])
