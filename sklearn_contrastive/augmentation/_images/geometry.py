"""Geometric augmentations: random resized crop and horizontal flip."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from .batch import ImageAugmentation, check_interval, check_share, resample, uniform

__all__ = ["Boxes", "RandomFlip", "RandomResizedCrop", "draw_boxes", "resized_crop"]


@dataclass(frozen=True)
class Boxes:
    """One box for each image, in pixels; fractions are allowed.

    Parameters
    ----------
    top, left : Tensor of shape (n_images,)
        The corner nearest to the first pixel.
    height, width : Tensor of shape (n_images,)
        Size of the box; it lies within the image.
    """

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor


def draw_boxes(
    n_images: int,
    image_size: tuple[int, int],
    scale: tuple[float, float],
    ratio: tuple[float, float],
    generator: Generator,
) -> Boxes:
    """Draw one box for each image.

    The share of the area is uniform in `scale`, the aspect ratio log-uniform in the part of `ratio`
    for which a box of this area fits, and the position uniform. So every box fits without
    rejection, and the share of the area is exactly uniform. If no value in `ratio` fits, as for a
    large share of a long image, the ratio is the nearest one that fits.

    Parameters
    ----------
    n_images : int
        Number of boxes.
    image_size : tuple of int
        Height and width of the images in pixels.
    scale : tuple of float
        Smallest and largest share of the image's area.
    ratio : tuple of float
        Smallest and largest width of the box over its height.
    generator : torch.Generator
        The source of randomness.

    Returns
    -------
    boxes : Boxes
        On the generator's device.
    """
    height, width = image_size
    draws = uniform((4, n_images), generator, image_axis=1)
    share = scale[0] + (scale[1] - scale[0]) * draws[0]
    # a box of share a and ratio r fits where a q <= r <= q / a, q being the ratio of the image
    narrowest, widest = share * (width / height), (width / height) / share
    low = torch.clamp(torch.clamp(narrowest, min=ratio[0]), max=widest).log()
    high = torch.clamp(torch.clamp(widest, max=ratio[1]), min=narrowest).log()
    aspect = torch.exp(low + (high - low) * draws[1])
    area = share * (height * width)
    box_height = torch.clamp(torch.sqrt(area / aspect), max=height)
    box_width = torch.clamp(torch.sqrt(area * aspect), max=width)
    top, left = draws[2] * (height - box_height), draws[3] * (width - box_width)
    return Boxes(top, left, box_height, box_width)


def _triangle_weights(start: Tensor, extent: Tensor, old_size: int, new_size: int) -> Tensor:
    """Weights that resize an interval of pixels to a new row of pixels.

    Linear interpolation; if the interval shrinks, the triangle is as wide as a new pixel, which
    prevents aliasing. The weight of a pixel is multiplied by its share inside the interval.

    Parameters
    ----------
    start, extent : Tensor of shape (n_images,)
        The interval [start, start + extent) in pixels.
    old_size, new_size : int
        Number of pixels before and after.

    Returns
    -------
    weights : Tensor of shape (n_images, new_size, old_size)
        Nonnegative; each row sums to 1.
    """
    old = torch.arange(old_size, device=start.device, dtype=start.dtype)
    new = torch.arange(new_size, device=start.device, dtype=start.dtype)
    start, extent = start[:, None], extent[:, None]
    stride = extent / new_size
    centre = start + (new + 0.5) * stride - 0.5
    inside = torch.clamp(torch.minimum(old + 1, start + extent) - torch.maximum(old, start), 0, 1)
    steepness = 1 / torch.clamp(stride, min=1)
    distance = (centre[:, :, None] - old).abs_()
    weights = distance.mul_(-steepness[:, :, None]).add_(1).clamp_(min=0)
    weights.mul_(inside[:, None, :])
    return weights.div_(weights.sum(dim=2, keepdim=True))


def resized_crop(images: Tensor, boxes: Boxes, size: tuple[int, int]) -> Tensor:
    """Crop one box of each image and resize it.

    Parameters
    ----------
    images : Tensor of shape (n_images, n_channels, height, width)
        Images, contiguous.
    boxes : Boxes
        The boxes.
    size : tuple of int
        Height and width of the result.

    Returns
    -------
    crops : Tensor of shape (n_images, n_channels, *size)
        Bilinear, antialiased if an axis shrinks. Pixels outside the box have no weight.
    """
    height, width = images.shape[2:]
    rows = _triangle_weights(boxes.top, boxes.height, height, size[0])
    columns = _triangle_weights(boxes.left, boxes.width, width, size[1])
    return resample(images, rows, columns)


@dataclass(frozen=True)
class RandomResizedCrop(ImageAugmentation):
    """Crop a random box of each image and resize it.

    Parameters
    ----------
    scale : tuple of float, default=(0.08, 1.0)
        Smallest and largest share of the image's area, in (0, 1]; uniform between them.
    ratio : tuple of float, default=(3/4, 4/3)
        Smallest and largest width over height of the box in pixels; log-uniform between them.
    size : tuple of int, default=None
        Height and width of the result, by default those of the images.

    Notes
    -----
    Bilinear, and antialiased if the result is smaller than the box. Boxes may begin and end between
    pixels, so crops of small images are not restricted to a coarse grid; for boxes of whole pixels
    the result is that of Pillow. An axis of one pixel does not change.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML, appendix A.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.augmentation import RandomResizedCrop
    >>> images = torch.full((2, 3, 8, 8), 0.5)
    >>> crops = RandomResizedCrop(size=(4, 4))(images, torch.Generator().manual_seed(0))
    >>> crops.shape
    torch.Size([2, 3, 4, 4])
    """

    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    size: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        check_interval("scale", self.scale, largest=1)
        check_interval("ratio", self.ratio)
        if self.size is not None and (len(self.size) != 2 or min(self.size) < 1):
            raise ValueError(f"size={self.size!r} must be None or (height, width) in pixels.")

    def _augment(self, images: Tensor, generator: Generator) -> Tensor:
        image_size = images.shape[2], images.shape[3]
        boxes = draw_boxes(len(images), image_size, self.scale, self.ratio, generator)
        return resized_crop(images, boxes, self.size or image_size)


@dataclass(frozen=True)
class RandomFlip(ImageAugmentation):
    """Flip images from left to right at random.

    Parameters
    ----------
    p : float, default=0.5
        Probability that an image is flipped.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.augmentation import RandomFlip
    >>> RandomFlip(p=1.0)(torch.tensor([[[[0.0, 0.5, 1.0]]]]), torch.Generator())
    tensor([[[[1.0000, 0.5000, 0.0000]]]])
    """

    p: float = 0.5

    def __post_init__(self) -> None:
        check_share("p", self.p)

    def _augment(self, images: Tensor, generator: Generator) -> Tensor:
        flipped = uniform(len(images), generator) < self.p
        # indexing a stack of both copies whole images, which is faster than torch.where
        both = torch.stack([images, images.flip(-1)])
        return both[flipped.long(), torch.arange(len(images), device=images.device)]
