"""How sharp an image is and how much of it shows: Gaussian blur and hidden patches."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ._images_batch import (
    ImageAugmentation,
    check_batch,
    check_interval,
    check_share,
    prepared,
    resample,
    restored,
    uniform,
)

__all__ = ["GaussianBlur", "PatchMasking", "blurred", "complementary_patches"]


def blur_weights(sigma: Tensor, size: int, radius: int) -> Tensor:
    """Weights that blur a row of pixels, which goes on beyond its ends as a reflection.

    Parameters
    ----------
    sigma : Tensor of shape (n_images,)
        Standard deviation in pixels; 0 gives the identity.
    size : int
        Number of pixels.
    radius : int
        The kernel reaches this far, and at most over the whole row.

    Returns
    -------
    weights : Tensor of shape (n_images, size, size)
        Banded; each row sums to 1.
    """
    radius = min(radius, size - 1)
    distance = torch.arange(radius + 1, device=sigma.device, dtype=sigma.dtype)
    narrowest = torch.finfo(sigma.dtype).eps
    kernel = torch.exp((distance / torch.clamp(sigma[:, None], min=narrowest)) ** 2 / -2)
    kernel = kernel / (2 * kernel.sum(dim=1, keepdim=True) - 1)
    # which pixels are at which distance, be it by way of a mirror image beyond either end
    at, of = (
        torch.arange(size, device=sigma.device)[:, None],
        torch.arange(size, device=sigma.device),
    )
    distance = distance[:, None, None]
    pairs = ((at - of).abs() == distance).to(sigma.dtype)
    pairs += (at + of == distance) & (of > 0)
    pairs += (2 * (size - 1) - at - of == distance) & (of < size - 1)
    return (kernel @ pairs.view(radius + 1, -1)).view(-1, size, size)


def blurred(images: Tensor, sigma: Tensor, radius: int) -> Tensor:
    """Blur each image with a Gaussian of its own width.

    Parameters
    ----------
    images : Tensor of shape (n_images, n_channels, height, width)
        Images, contiguous.
    sigma : Tensor of shape (n_images,)
        Standard deviations in pixels; an image with 0 stays exactly as it is.
    radius : int
        The kernel is cut off at this distance.

    Returns
    -------
    blurred : Tensor of the same shape
        The images go on beyond their borders as reflections without the border pixel.
    """
    height, width = images.shape[2:]
    return resample(images, blur_weights(sigma, height, radius), blur_weights(sigma, width, radius))


@dataclass(frozen=True)
class GaussianBlur(ImageAugmentation):
    """Blur each image with a Gaussian of its own width, or not.

    Parameters
    ----------
    sigma : tuple of float, default=(0.1, 2.0)
        Smallest and largest standard deviation in pixels; uniform between them.
    p : float, default=0.5
        Probability that an image is blurred.
    kernel_size : int, default=None
        Side of the kernel in pixels, odd. None is a tenth of the height of the images, made odd,
        and at least 3.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML, appendix A.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.augmentation import GaussianBlur
    >>> row = torch.tensor([[[[0.0, 0.0, 1.0, 0.0, 0.0]]]])
    >>> GaussianBlur(sigma=(1.0, 1.0), p=1.0)(row, torch.Generator())
    tensor([[[[0.0000, 0.2741, 0.4519, 0.2741, 0.0000]]]])
    """

    sigma: tuple[float, float] = (0.1, 2.0)
    p: float = 0.5
    kernel_size: int | None = None

    def __post_init__(self) -> None:
        check_interval("sigma", self.sigma)
        check_share("p", self.p)
        size = self.kernel_size
        if size is not None and (size < 1 or size % 2 == 0):
            raise ValueError(f"kernel_size={size!r} must be None or an odd number of pixels.")

    def _augment(self, images: Tensor, generator: Generator) -> Tensor:
        chosen = uniform(len(images), generator) < self.p
        sigma = torch.where(chosen, uniform(len(images), generator, *self.sigma), 0.0)
        size = self.kernel_size
        if size is None:
            size = max(3, images.shape[2] // 10)
        return blurred(images, sigma, size // 2)


def complementary_patches(
    images: Tensor, hidden: Tensor, fill: Tensor | float
) -> tuple[Tensor, Tensor]:
    """Split images into two views, each showing exactly the patches that the other hides.

    Parameters
    ----------
    images : Tensor of shape (n_images, n_channels, height, width)
        Images.
    hidden : Tensor of bool of shape (n_images, 1, height, width)
        True where the first view hides and the second shows.
    fill : float or Tensor that broadcasts to the images
        What stands where an image is hidden.

    Returns
    -------
    view_1, view_2 : Tensor of the same shape
        ``view_1 + view_2 = images + fill``.
    """
    return torch.where(hidden, fill, images), torch.where(hidden, images, fill)


@dataclass(frozen=True)
class PatchMasking:
    """Hide square patches of each image: random masking, as the theory studies it, for images.

    The patches form a grid that begins in the first pixel; those at the end are cut. A patch is
    hidden in all channels.

    Parameters
    ----------
    mask_rate : float, default=0.5
        Probability that a patch is hidden, each independently of the others.
    patch_size : int, default=4
        Side of a patch in pixels. With 1 and images of one row, features are hidden at random.
    fill : float or "mean", default=0.0
        What stands in a hidden patch; "mean" is the mean of each channel of the image.

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
        """Draw a complementary pair of views: what one hides, the other shows.

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
        hidden = self._draw(batch, generator)
        images = prepared(batch)
        fill = images.mean(dim=(2, 3), keepdim=True) if self.fill == "mean" else self.fill
        view_1, view_2 = complementary_patches(images, hidden, fill)
        return restored(view_1, batch), restored(view_2, batch)

    def _draw(self, batch: Tensor, generator: Generator) -> Tensor:
        n_images, _, height, width = batch.shape
        patches = (n_images, 1, -(-height // self.patch_size), -(-width // self.patch_size))
        hidden = uniform(patches, generator) < self.mask_rate
        hidden = hidden.repeat_interleave(self.patch_size, dim=2)
        hidden = hidden.repeat_interleave(self.patch_size, dim=3)
        return hidden[:, :, :height, :width]
