"""Colour augmentations: brightness, contrast, saturation and hue jitter, grey."""

from dataclasses import dataclass, replace

import torch
from torch import Generator, Tensor

from .batch import ImageAugmentation, check_share, uniform

__all__ = ["ColorJitter", "Jitter", "RandomGrayscale", "draw_jitter", "jittered", "shift_hue"]

# luma of ITU-R BT.601
RED, GREEN, BLUE = 0.299, 0.587, 0.114
BRIGHTNESS, CONTRAST, SATURATION, HUE = range(4)


@dataclass(frozen=True)
class Jitter:
    """Parameters of colour jitter, one row for each image.

    Parameters
    ----------
    factors : Tensor of shape (n_images, 3)
        Factors of brightness, contrast and saturation; 1 changes nothing.
    hue : Tensor of shape (n_images,)
        Shift of the hue, 1 for the full colour circle.
    position : Tensor of int of shape (n_images, 4)
        The step, 0 to 3, at which brightness, contrast, saturation and hue change.
    """

    factors: Tensor
    hue: Tensor
    position: Tensor


def _luma(images: Tensor) -> Tensor:
    """Grey value of each pixel, of shape (n_images, 1, height, width), as a new tensor.

    Images that do not have three channels have no grey value: their channels are returned.
    """
    if images.shape[1] != 3:
        return images.clone()
    grey = images[:, 0:1] * RED
    return grey.add_(images[:, 1:2], alpha=GREEN).add_(images[:, 2:3], alpha=BLUE)


def shift_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Shift the hue of every pixel; value and saturation in HSV do not change.

    Parameters
    ----------
    images : Tensor of shape (n_images, 3, height, width)
        Red, green and blue in [0, 1].
    shift : Tensor of shape (n_images, 1, 1, 1)
        Shift, in [-1, 1], 1 for the full colour circle.

    Returns
    -------
    shifted : Tensor of shape (n_images, 3, height, width)
        Each channel is a trapezoid of the hue between the smallest and the largest channel. With a
        shift of 0, the image is unchanged to the last bit.
    """
    red, green, blue = images.unbind(dim=1)
    largest = torch.maximum(torch.maximum(red, green), blue)
    smallest = torch.minimum(torch.minimum(red, green), blue)
    chroma = largest - smallest
    # grey has no hue: the result below is multiplied by its chroma of 0
    safe_chroma = torch.clamp(chroma, min=torch.finfo(images.dtype).tiny)
    from_green = (blue - red).div_(safe_chroma).add_(2)
    from_blue = (red - green).div_(safe_chroma).add_(4)
    sextant = torch.where(largest == green, from_green, from_blue)
    sextant = torch.where(largest == red, (green - blue).div_(safe_chroma), sextant)
    sextant = sextant.div_(6).unsqueeze(1)
    angle = torch.empty_like(images)
    # the trapezoids of green and blue are that of red shifted by 4/6 and 2/6 of the circle; frac_
    # needs positive values, hence the two full circles
    for channel, offset in enumerate((2.0, 2 + 4 / 6, 2 + 2 / 6)):
        torch.add(sextant, shift + offset, out=angle[:, channel : channel + 1])
    trapezoid = angle.frac_().sub_(0.5).abs_().mul_(6).sub_(1).clamp_(0, 1)
    shifted = trapezoid.mul_(chroma.unsqueeze(1)).add_(smallest.unsqueeze(1))
    # x + (y - x) instead of torch.where, which is several times slower
    return shifted.sub_(images).mul_(shift != 0).add_(images)


def _blend_(images: Tensor, jitter: Jitter, step: int, allowed: Tensor | bool) -> Tensor:
    """Apply in place the factor of each image at this step, if it has one, and clip.

    Parameters
    ----------
    images : Tensor of shape (n_images, n_channels, height, width)
        Changed in place.
    jitter : Jitter
        Factors and positions.
    step : int
        The step.
    allowed : bool, or Tensor of bool that broadcasts to shape (n_images, 3)
        The factors that may be applied now. Images without a factor do not change.

    Returns
    -------
    images : Tensor of shape (n_images, n_channels, height, width)
        f x + (1 - f) t, where t is black, the mean grey of the image (the mean of each channel if
        there are not three), or the grey of the pixel.
    """
    now = (jitter.position[:, :3] == step) & allowed
    factors = jitter.factors.to(images.dtype)
    kept = torch.where(now, factors, 1).prod(dim=1)[:, None, None, None]
    rest = torch.where(now, 1 - factors, 0)[:, :, None, None, None]
    grey = _luma(images)
    of_mean = grey.mean(dim=(2, 3), keepdim=True).mul_(rest[:, CONTRAST])
    grey.mul_(rest[:, SATURATION]).add_(of_mean)
    return images.mul_(kept).add_(grey).clamp_(0, 1)


def jittered(images: Tensor, jitter: Jitter) -> Tensor:
    """Change brightness, contrast, saturation and hue, each image in its own order.

    Parameters
    ----------
    images : Tensor of shape (n_images, n_channels, height, width)
        Images in [0, 1].
    jitter : Jitter
        The parameters; only brightness and contrast unless there are three channels.

    Returns
    -------
    changed : Tensor of the same shape
        Clipped to [0, 1] after each operation.

    Notes
    -----
    The hue costs most, so it is computed once for all images, between two rounds of the other
    three: the first round has the steps before the hue of an image, the second those after it.
    """
    images = images.clone()
    if images.shape[1] != 3:
        # only brightness and contrast change, so there are two steps instead of four
        later = (jitter.position[:, BRIGHTNESS] > jitter.position[:, CONTRAST]).long()
        position = torch.stack([later, 1 - later, torch.full_like(later, -1)], dim=1)
        jitter = replace(jitter, position=position)
        for step in range(2):
            _blend_(images, jitter, step, True)
        return images
    hue_step = jitter.position[:, HUE, None]
    for step in range(3):
        _blend_(images, jitter, step, step < hue_step)
    images = shift_hue(images, jitter.hue.to(images.dtype)[:, None, None, None])
    for step in range(1, 4):
        _blend_(images, jitter, step, step > hue_step)
    return images


def draw_jitter(
    n_images: int,
    ranges: tuple[float, float, float],
    hue: float,
    p: float,
    generator: Generator,
) -> Jitter:
    """Draw the colour jitter of each image.

    Parameters
    ----------
    n_images : int
        Number of images.
    ranges : tuple of float
        The factors of brightness, contrast and saturation are uniform within this distance of 1,
        and at least 0.
    hue : float
        The shift of the hue is uniform in [-hue, hue]; 1 is the full colour circle.
    p : float
        Probability that an image is changed at all.
    generator : torch.Generator
        The source of randomness.

    Returns
    -------
    jitter : Jitter
        On the generator's device. All 24 orders have the same probability.
    """
    chosen = uniform((n_images, 1), generator) < p
    # one call for each value, because a tensor of limits would be copied to the device
    factors = [uniform(n_images, generator, max(0.0, 1 - s), 1 + s) for s in ranges]
    shift = uniform(n_images, generator, -hue, hue)
    position = uniform((n_images, 4), generator).argsort(dim=1)
    return Jitter(
        torch.where(chosen, torch.stack(factors, dim=1), 1.0),
        torch.where(chosen[:, 0], shift, 0.0),
        position,
    )


@dataclass(frozen=True)
class ColorJitter(ImageAugmentation):
    """Change brightness, contrast, saturation and hue, in random order.

    Parameters
    ----------
    brightness, contrast, saturation : float, default=0.8
        The factor of each is uniform within this distance of 1, and at least 0. A factor of 0
        leaves black, the mean grey, or the grey values.
    hue : float, default=0.2
        The shift of the hue is uniform between minus and plus this share of the colour circle, at
        most 0.5.
    p : float, default=0.8
        Probability that an image is changed at all.

    Notes
    -----
    Every image has its own factors and its own order. Values are clipped to [0, 1] after each
    operation. The hue is that of HSV. Three channels are red, green and blue; with another number
    only brightness and contrast change, the contrast around the mean of each channel.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML, appendix A.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.augmentation import ColorJitter
    >>> red = torch.tensor([1.0, 0.0, 0.0]).reshape(1, 3, 1, 1)
    >>> no_hue = ColorJitter(0.0, 0.0, 0.0, hue=0.0)
    >>> torch.equal(no_hue(red, torch.Generator().manual_seed(0)), red)
    True
    """

    brightness: float = 0.8
    contrast: float = 0.8
    saturation: float = 0.8
    hue: float = 0.2
    p: float = 0.8

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name}={getattr(self, name)!r} must not be negative.")
        if not 0 <= self.hue <= 0.5:
            raise ValueError(f"hue={self.hue!r} must be in [0, 0.5].")
        check_share("p", self.p)

    def _augment(self, images: Tensor, generator: Generator) -> Tensor:
        ranges = self.brightness, self.contrast, self.saturation
        jitter = draw_jitter(len(images), ranges, self.hue, self.p, generator)
        return jittered(images, jitter)


@dataclass(frozen=True)
class RandomGrayscale(ImageAugmentation):
    """Convert images to grey at random.

    Parameters
    ----------
    p : float, default=0.2
        Probability that an image becomes grey. All three channels then hold the luma of ITU-R
        BT.601; one-channel images do not change.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.augmentation import RandomGrayscale
    >>> blue = torch.tensor([0.0, 0.0, 1.0]).reshape(1, 3, 1, 1)
    >>> RandomGrayscale(p=1.0)(blue, torch.Generator()).flatten()
    tensor([0.1140, 0.1140, 0.1140])
    """

    p: float = 0.2

    def __post_init__(self) -> None:
        check_share("p", self.p)

    def _augment(self, images: Tensor, generator: Generator) -> Tensor:
        _check_colours(images)
        grey = (uniform(len(images), generator) < self.p)[:, None, None, None]
        if images.shape[1] == 1:
            return images
        # sums with a weight of 0 are exact, and faster than torch.where
        return images.mul(~grey).add_(_luma(images).mul_(grey))


def _check_colours(images: Tensor) -> None:
    """Raise an error unless images are grey or red, green and blue."""
    if images.shape[1] not in (1, 3):
        raise ValueError(
            f"The images have {images.shape[1]} channels; RandomGrayscale needs 1 (grey) or 3 "
            "(red, green, blue). The other augmentations accept any number."
        )
