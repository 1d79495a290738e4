"""Two views of a batch of images."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ...augmentation._images import Augmentation, two_views

__all__ = ["ImageViews"]


@dataclass(frozen=True)
class ImageViews:
    """Draws two views of each image.

    Parameters
    ----------
    augmentation : callable
        Takes ``(batch, generator)``.
    channels_last : bool
        How the views lie in memory.
    """

    augmentation: Augmentation
    channels_last: bool

    def __call__(self, batch: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Views of shape (n, c, h, w) each."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        # in float32: interpolation in bfloat16 would leave two digits of the pixels
        with torch.autocast(batch.device.type, enabled=False):
            views = two_views(self.augmentation, batch, generator)
        for view in views:
            if not isinstance(view, Tensor) or len(view) != len(batch):
                made = len(view) if isinstance(view, Tensor) else type(view).__name__
                raise ValueError(
                    f"augmentations={self.augmentation!r} made {made} of a batch of {len(batch)} "
                    "images; it must return a Tensor of as many."
                )
        view_1, view_2 = views
        return view_1.contiguous(memory_format=layout), view_2.contiguous(memory_format=layout)
