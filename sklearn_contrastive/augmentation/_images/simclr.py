"""Augmentation of SimCLR: crop, flip, colour jitter, grey, blur."""

from dataclasses import dataclass, field
from numbers import Real

import torch
from torch import Generator, Tensor

from .batch import check_batch, check_share
from .blur import GaussianBlur
from .colour import ColorJitter, RandomGrayscale
from .compose import Compose
from .geometry import RandomFlip, RandomResizedCrop
from .rows_generator import pieces_of

__all__ = ["SimCLRAugmentation"]

# an image with fewer pixels on the shorter side is small: crops are larger and there is no blur, as
# in the best recipes for CIFAR
SMALL = 64
# jitter of images that are not grey, whose colours may be what matters, and of grey ones
COLOUR_STRENGTH, GREY_STRENGTH = 0.25, 1.0
# number of values in a piece of a batch, about the size of a CPU's cache: pieces are 1.5 times as
# fast as the whole batch at 512 images of 32 pixels, and twice as fast at 2048
PIECE = 2**19


@dataclass(frozen=True)
class SimCLRAugmentation:
    """The augmentation of SimCLR: crop, flip, colour jitter, grey, blur.

    Parameters
    ----------
    strength : float or "auto", default="auto"
        Factor s of the colour jitter only: brightness, contrast and saturation by 0.8 s, hue by
        0.2 s. At most 2.5. "auto" is 0.25, and 1 for grey images. The paper uses 1 for ImageNet
        and 0.5 for CIFAR-10, where objects have any colour.
    crop_scale : tuple of float or "auto", default="auto"
        Smallest and largest share of the area of a crop. "auto" is (0.08, 1), and (0.2, 1) for
        images of fewer than 64 pixels on their shorter side.
    blur : float or "auto", default="auto"
        Probability that an image is blurred. "auto" is 0.5, and 0 for small images as above.
    grayscale : float, default=0.0
        Probability that an image becomes grey. The paper uses 0.2.

    Notes
    -----
    The defaults keep most of the colour, because it may tell the classes apart. Where it does not,
    as on photographs of objects, ``SimCLRAugmentation(1.0, grayscale=0.2)`` of the paper is better.

    Hue, saturation and grey apply to images of three channels only; images of another number keep
    crop, flip, brightness, contrast and blur. Crop and blur of small images are those of the best
    public recipes for CIFAR-10; the paper blurs only ImageNet.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML, appendix A.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.augmentation import SimCLRAugmentation
    >>> images = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    >>> views = SimCLRAugmentation(strength=0.5)(images, torch.Generator().manual_seed(1))
    >>> views.shape
    torch.Size([4, 3, 32, 32])
    """

    strength: float | str = "auto"
    crop_scale: tuple[float, float] | str = field(default="auto", kw_only=True)
    blur: float | str = field(default="auto", kw_only=True)
    grayscale: float = field(default=0.0, kw_only=True)

    def __post_init__(self) -> None:
        if self.strength != "auto" and not (
            isinstance(self.strength, Real) and 0 <= self.strength <= 2.5
        ):
            raise ValueError(f'strength={self.strength!r} must be in [0, 2.5], or "auto".')
        if isinstance(self.crop_scale, str) and self.crop_scale != "auto":
            raise ValueError(f'crop_scale={self.crop_scale!r} must be "auto" or (low, high).')
        if self.blur != "auto":
            check_share("blur", self.blur)
        check_share("grayscale", self.grayscale)
        self.composition((3, SMALL, SMALL))  # validates the other parameters

    def composition(self, image_shape: tuple[int, int, int]) -> Compose:
        """Composition of augmentations for images of this shape.

        Parameters
        ----------
        image_shape : tuple of int
            Number of channels, height and width.

        Returns
        -------
        composition : Compose
            The augmentations, in order.
        """
        n_channels, *size = image_shape
        small = min(size) < SMALL
        scale, blur = self.crop_scale, self.blur
        if scale == "auto":
            scale = (0.2 if small else 0.08, 1.0)
        if blur == "auto":
            blur = 0.0 if small else 0.5
        strength = self.strength
        if strength == "auto":
            strength = GREY_STRENGTH if n_channels == 1 else COLOUR_STRENGTH
        strong = 0.8 * strength
        steps = [
            RandomResizedCrop(scale),
            RandomFlip(),
            ColorJitter(strong, strong, strong, 0.2 * strength),
        ]
        if n_channels == 3 and self.grayscale:
            steps.append(RandomGrayscale(self.grayscale))
        if blur:
            steps.append(GaussianBlur(p=blur))
        return Compose(steps)

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Augment a batch of shape (n_images, n_channels, height, width), values in [0, 1]."""
        check_batch(batch)
        composition = self.composition(batch.shape[1:])
        if batch.device.type != "cpu":
            return composition(batch, generator)
        pieces = [composition(*piece) for piece in pieces_of(batch, generator, PIECE)]
        return pieces[0] if len(pieces) == 1 else torch.cat(pieces)
