"""Embeddings of a large batch in the memory of a small one: gradient caching."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint

from ...augmentation._images.rows_generator import with_rows

__all__ = ["Views", "chunks_of", "embedded_views"]

Views = Callable[[Tensor, torch.Generator], tuple[Tensor, Tensor]]

# values of the two views of a batch that are kept for the second pass, 128 MB of float32
_KEPT_VALUES = 2**25


def embedded_views(
    module: nn.Module,
    views: Views,
    batch: Tensor,
    generator: torch.Generator,
    chunk_size: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Embeddings of two random views of each sample, with gradients, chunk by chunk.

    The first pass over a chunk keeps its embeddings, and its views if those of the whole batch are
    at most 128 MB. The backward pass, which brings the gradient by the embeddings of the whole
    batch, draws views that were not kept again, embeds the chunk again and differentiates it, then
    the next chunk. Gradients are those of the loss of the whole batch, in the memory of one chunk
    and four thirds of the time [1]_. The second pass starts from the random state and the buffers
    of the first one, so that dropout is the same and running statistics are updated once. The last
    chunk, which is differentiated first, is embedded only once.

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
    chunks = chunks_of(batch, chunk_size)
    # PyTorch embeds again only what depends on an input with a gradient
    trained = next((each for each in module.parameters() if each.requires_grad), None)
    keep = 2 * batch.numel() <= _KEPT_VALUES  # a view has as many values as its sample

    def both_views(chunk):
        return torch.cat(views(chunk, generator))

    pairs = []
    for position, chunk in enumerate(with_rows(chunks, generator), start=1):
        if position == len(chunks) or trained is None:
            both = module(both_views(chunk))
        else:
            draw, source = (_as_they_are, both_views(chunk)) if keep else (both_views, chunk)
            repeatable = _Repeatable(module, draw, generator)
            both = checkpoint(repeatable, source, trained, use_reentrant=True)
        pairs.append(both.chunk(2))  # batch statistics are those of both views
    embeddings_1, embeddings_2 = map(torch.cat, zip(*pairs, strict=True))
    return embeddings_1, embeddings_2


def chunks_of(batch: Tensor, chunk_size: int | None) -> tuple[Tensor, ...]:
    """Chunks of a batch, in order; their sizes differ by at most one sample."""
    if chunk_size is None:
        return (batch,)
    return torch.tensor_split(batch, math.ceil(len(batch) / chunk_size))


def _as_they_are(views):
    return views


class _Repeatable:
    """Draws and embeds views, and the second time from the state in which it was made.

    `checkpoint` repeats the draws of PyTorch's global generators, but no others, and lets a second
    pass change the buffers again.
    """

    def __init__(
        self, module: nn.Module, draw: Callable[[Tensor], Tensor], generator: torch.Generator
    ):
        self._module, self._draw, self._generator = module, draw, generator
        self._state = generator.get_state()
        self._buffers = {name: buffer.clone() for name, buffer in module.named_buffers()}

    def __call__(self, source: Tensor, trained: Tensor) -> Tensor:
        """Embeddings of the first views and of the second ones; `trained` has a gradient."""
        if not torch.is_grad_enabled():  # the first pass
            return self._module(self._draw(source))
        now = self._generator.get_state()
        self._generator.set_state(self._state)
        views = self._draw(source)
        self._generator.set_state(now)
        # these buffers instead of the module's own
        embeddings = functional_call(self._module, self._buffers, views)
        # of a network whose trained parameters are all those of the loss
        return embeddings if embeddings.requires_grad else embeddings.requires_grad_()
