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
            self._check(view, batch)
        if views[0].shape != views[1].shape:
            raise ValueError(
                f"augmentations={self.augmentation!r} returned images of shape "
                f"{tuple(views[0].shape[1:])} and {tuple(views[1].shape[1:])} in two calls; all "
                "views must have one shape."
            )
        view_1, view_2 = (view.float().contiguous(memory_format=layout) for view in views)
        return view_1, view_2

    def _check(self, view, batch):
        """Raise ValueError unless these are as many images, of as many channels, of floats."""
        n_images, n_channels = batch.shape[:2]
        is_batch = isinstance(view, Tensor) and view.ndim > 0
        if not is_batch or len(view) != n_images:
            returned = len(view) if is_batch else type(view).__name__
            raise ValueError(
                f"augmentations={self.augmentation!r} returned {returned} for a batch of "
                f"{n_images} images; it must return a Tensor of as many images."
            )
        if view.ndim != 4 or view.shape[1] != n_channels or not view.is_floating_point():
            raise ValueError(
                f"augmentations={self.augmentation!r} returned shape {tuple(view.shape)} of "
                f"{view.dtype}; it must return floats of shape ({n_images}, {n_channels}, height, "
                "width)."
            )
