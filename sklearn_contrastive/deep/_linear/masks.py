"""Random masks of the entries of a batch."""

import torch
from torch import Tensor

__all__ = ["keep_mask"]


def keep_mask(shape: torch.Size, probability: float, generator: torch.Generator) -> Tensor:
    """Random matrix of independent entries, True with this probability."""
    return torch.rand(shape, generator=generator, device=generator.device) < probability
