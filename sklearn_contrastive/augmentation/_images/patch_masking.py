"""Random masking of square patches, as complementary views."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from .batch import check_batch, check_share, prepared, restored, uniform

__all__ = ["PatchMasking", "complementary_patches", "hidden_patches"]


def complementary_patches(
    images: Tensor, hidden: Tensor, fill: Tensor | float
) -> tuple[Tensor, Tensor]:
    """Split images into two complementary views: each shows the patches that the other hides.

    Parameters
    ----------
    images : Tensor of shape (n_images, n_channels, height, width)
        Images.
    hidden : Tensor of bool of shape (n_images, 1, height, width)
        True where the first view hides and the second shows.
    fill : float or Tensor that broadcasts to the images
        Value of hidden pixels.

    Returns
    -------
    view_1, view_2 : Tensor of the same shape
        ``view_1 + view_2 = images + fill``.
    """
    return torch.where(hidden, fill, images), torch.where(hidden, images, fill)


def hidden_patches(
    images: Tensor, mask_rate: float, patch_size: int, generator: Generator
) -> Tensor:
    """Draw which patches of each image are hidden.

    Parameters
    ----------
    images : Tensor of shape (n_images, n_channels, height, width)
        Images; only their shape is used.
    mask_rate : float
        Probability that a patch is hidden, each independently of the others.
    patch_size : int
        Side of a patch in pixels. The grid starts at the first pixel.
    generator : torch.Generator
        Draws the masks.

    Returns
    -------
    hidden : Tensor of bool of shape (n_images, 1, height, width)
        True where a pixel is hidden.
    """
    n_images, _, height, width = images.shape
    patches = (n_images, 1, -(-height // patch_size), -(-width // patch_size))
    hidden = uniform(patches, generator) < mask_rate
    hidden = hidden.repeat_interleave(patch_size, dim=2)
    hidden = hidden.repeat_interleave(patch_size, dim=3)
    return hidden[:, :, :height, :width]


@dataclass(frozen=True)
class PatchMasking:
    """Hide random square patches of each image, as random masking of the theory hides features.

    The patches form a grid that starts at the first pixel; patches at the other borders may be
    smaller. A patch is hidden in all channels.

    Parameters
    ----------
    mask_rate : float, default=0.5
        Probability that a patch is hidden, each independently of the others.
    patch_size : int, default=4
        Side of a patch in pixels. With 1 and images of one row, features are hidden at random.
    fill : float or "mean", default=0.0
        Value of hidden pixels; "mean" is the mean of each channel of the image.

    See Also
    --------
    sklearn_contrastive.augmentation.MaskedAugmenter : The same for features.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.augmentation import PatchMasking
    >>> row = torch.tensor([[[[1.0, 2.0, 3.0, 4.0]]]])
    >>> view_1, view_2 = PatchMasking(patch_size=2).views(row, torch.Generator().manual_seed(0))
    >>> view_1, view_2
    (tensor([[[[0., 0., 3., 4.]]]]), tensor([[[[1., 2., 0., 0.]]]]))
    """

    mask_rate: float = 0.5
    patch_size: int = 4
    fill: float | str = 0.0

    def __post_init__(self) -> None:
        check_share("mask_rate", self.mask_rate)
        if self.patch_size < 1:
            raise ValueError(f"patch_size={self.patch_size!r} must be at least 1 pixel.")
        if isinstance(self.fill, str) and self.fill != "mean":
            raise ValueError(f'fill={self.fill!r} must be a number or "mean".')

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Hide patches of every image; the first of the two :meth:`views`."""
        return self.views(batch, generator)[0]

    def views(self, batch: Tensor, generator: Generator) -> tuple[Tensor, Tensor]:
        """Draw two complementary views: each patch is shown in one and hidden in the other.

        Parameters
        ----------
        batch : Tensor of shape (n_images, n_channels, height, width)
            Images of floating point, on any device; they are not changed.
        generator : torch.Generator
            Draws the masks; on the device of the batch.

        Returns
        -------
        view_1, view_2 : Tensor of the same shape
            In the dtype and memory format of the batch.

        Raises
        ------
        ValueError
            If the batch is not four-dimensional or not of floating point.
        """
        check_batch(batch)
        hidden = hidden_patches(batch, self.mask_rate, self.patch_size, generator)
        images = prepared(batch)
        fill = images.mean(dim=(2, 3), keepdim=True) if self.fill == "mean" else self.fill
        view_1, view_2 = complementary_patches(images, hidden, fill)
        return restored(view_1, batch), restored(view_2, batch)
