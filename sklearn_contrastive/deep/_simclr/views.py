"""Random views of a batch of images."""

from dataclasses import dataclass

import torch
from torch import Tensor

from ...augmentation._images.batch import Augmentation
from ...augmentation._images.views import two_views

__all__ = ["ImageViews"]


@dataclass(frozen=True)
class ImageViews:
    """Draws two views of each image.

    Parameters
    ----------
    augmentation : callable
        Takes ``(batch, generator)``.
    channels_last : bool
        Whether the views are stored channels last.
    """

    augmentation: Augmentation
    channels_last: bool

    def __call__(self, batch: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Views of shape (n, c, h, w) each."""
        layout = torch.channels_last if self.channels_last else torch.contiguous_format
        # in float32: interpolation in bfloat16 keeps only two digits of the pixels
        with torch.autocast(batch.device.type, enabled=False):
            views = two_views(self.augmentation, batch, generator)
        for view in views:
            if not isinstance(view, Tensor) or len(view) != len(batch):
                returned = len(view) if isinstance(view, Tensor) else type(view).__name__
                raise ValueError(
                    f"augmentations={self.augmentation!r} returned {returned} for a batch of "
                    f"{len(batch)} images; it must return a Tensor of as many images."
                )
        view_1, view_2 = views
        return view_1.contiguous(memory_format=layout), view_2.contiguous(memory_format=layout)
