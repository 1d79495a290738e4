"""Learning rate schedules: cosine decay, with linear warm-up."""

import math
from dataclasses import dataclass

__all__ = ["WarmupCosine", "cosine"]


def cosine(progress: float) -> float:
    """Factor of the learning rate that falls from 1 to 0 while progress rises from 0 to 1."""
    return 0.5 * (1 + math.cos(math.pi * progress))


@dataclass(frozen=True)
class WarmupCosine:
    """Linear warm-up to 1, then half a cosine to 0 (Loshchilov and Hutter, 2017; Goyal, 2017).

    Parameters
    ----------
    warmup : float
        Share of all steps, in [0, 1), in which the factor rises.
    """

    warmup: float = 0.0

    def __call__(self, progress: float) -> float:
        """Factor at this share of all steps; the first step of a warm-up has the factor 0."""
        if progress < self.warmup:
            return progress / self.warmup
        return cosine((progress - self.warmup) / (1 - self.warmup))
