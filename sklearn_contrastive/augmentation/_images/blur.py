"""Gaussian blur."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from .batch import ImageAugmentation, check_interval, check_share, resample, uniform

__all__ = ["GaussianBlur", "blurred"]


def _blur_weights(sigma: Tensor, size: int, radius: int) -> Tensor:
    """Weights of a Gaussian blur of a row of pixels, with reflection at its ends.

    Parameters
    ----------
    sigma : Tensor of shape (n_images,)
        Standard deviation in pixels; 0 gives the identity.
    size : int
        Number of pixels.
    radius : int
        The kernel is cut off at this distance, at most the length of the row.

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
    # pairs of pixels at each distance, directly or by reflection at either end
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
    """Blur each image with a Gaussian of its own standard deviation.

    Parameters
    ----------
    images : Tensor of shape (n_images, n_channels, height, width)
        Images, contiguous.
    sigma : Tensor of shape (n_images,)
        Standard deviations in pixels; an image with 0 does not change.
    radius : int
        The kernel is cut off at this distance.

    Returns
    -------
    blurred : Tensor of the same shape
        Borders are reflected, without repeating the border pixel.
    """
    height, width = images.shape[2:]
    return resample(
        images, _blur_weights(sigma, height, radius), _blur_weights(sigma, width, radius)
    )


@dataclass(frozen=True)
class GaussianBlur(ImageAugmentation):
    """Blur images at random, each with a Gaussian of its own standard deviation.

    Parameters
    ----------
    sigma : tuple of float, default=(0.1, 2.0)
        Smallest and largest standard deviation in pixels; uniform between them.
    p : float, default=0.5
        Probability that an image is blurred.
    kernel_size : int, default=None
        Side of the kernel in pixels, odd. None is a tenth of the height of the images, rounded to
        an odd number, at least 3.

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
