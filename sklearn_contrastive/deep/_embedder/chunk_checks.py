"""Checks of `chunk_size`: against the batch, BatchNorm, and randomness that cannot be repeated."""

import copy
import math

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .._training.batches import Samples
from .._training.trainer import Trainer

__all__ = ["check_chunk_size", "check_repeatable"]

_N_SAMPLES = 8
# of the largest value: other draws change views by much more, the order of a sum by much less
_ROUNDING = 1e-3


def check_chunk_size(chunk_size: int | None, batch_size: int) -> None:
    """Raise ValueError if chunks are larger than batches."""
    if chunk_size is not None and chunk_size > batch_size:
        raise ValueError(
            f"chunk_size={chunk_size} is more than batch_size={batch_size}. A batch is cut into "
            "chunks: raise batch_size, or give chunk_size=None for whole batches."
        )


def check_repeatable(trainer: Trainer, samples: Samples, n_processes: int = 1) -> None:
    """Raise ValueError unless the chunks of a training can be embedded twice, with the same result.

    Parameters
    ----------
    trainer : Trainer
        Initialised, with the `chunk_size` of its objective set.
    samples : Samples
        Training samples.
    n_processes : int, default=1
        Number of processes, each of which cuts its part of a batch.
    """
    chunk_size = trainer.criterion.chunk_size
    n_batches = math.ceil(len(samples) / trainer.batch_size)
    sizes = {len(samples) // n_batches, math.ceil(len(samples) / n_batches)}
    if chunk_size is None or max(sizes) <= chunk_size:  # no batch is cut
        return
    parts = [part for size in sizes for part in {size // n_processes, -(-size // n_processes)}]
    smallest = min(part // math.ceil(part / chunk_size) for part in parts if part > 0)
    if smallest == 1 and any(isinstance(each, _BatchNorm) for each in trainer.module_.modules()):
        raise ValueError(
            f"chunk_size={chunk_size} cuts batches into chunks of one sample, and the network has "
            "BatchNorm, which would compare only the two views of that sample. Give a chunk_size "
            "of at least 3, better 32 or more."
        )
    indices = torch.arange(min(len(samples), _N_SAMPLES, chunk_size))
    (batch,) = samples.batches([indices], trainer.device)
    first, second = (_views_and_projections(trainer, batch) for _ in range(2))
    for what, before, after in zip(("augmentations", "network"), first, second, strict=True):
        if _differ(before, after):
            raise ValueError(
                f"chunk_size={chunk_size} needs the {what} to draw from PyTorch's random state "
                "only, because every chunk is computed twice, with the same draws. Two "
                "computations from one state differed. Replace draws of NumPy or Python, or give "
                "chunk_size=None."
            )


def _views_and_projections(trainer: Trainer, batch: Tensor) -> tuple[Tensor, Tensor]:
    """Views and projections from the state at the beginning of the training."""
    network: nn.Module = copy.deepcopy(trainer.module_).train()
    with trainer.own_random_state(torch.Generator().manual_seed(trainer.seed)) as seed:
        draws = torch.Generator(trainer.device).manual_seed(seed)
        with torch.no_grad():
            views = torch.cat(trainer.criterion.views(batch, draws))
            return views, network(views)


def _differ(before: Tensor, after: Tensor) -> bool:
    """Whether the results differ by more than rounding; False for NaN, which has its own error."""
    if before.shape != after.shape:
        return True
    return bool((before - after).abs().max() > _ROUNDING * before.abs().max())
