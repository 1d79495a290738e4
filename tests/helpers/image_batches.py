"""Random image batches and seeded generators."""

import torch

__all__ = ["images", "seeded"]


def seeded(seed=0):
    """Return a generator with this seed."""
    return torch.Generator().manual_seed(seed)


def images(*shape, seed=0, dtype=torch.float32):
    """Return random images of this shape, (n, c, h, w)."""
    return torch.rand(shape, generator=seeded(seed), dtype=dtype)
