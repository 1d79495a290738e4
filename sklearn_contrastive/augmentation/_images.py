"""Augmentations of batches of images, and how they are named, composed and turned into views."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import torch
from torch import Generator, Tensor

from ._images_batch import check_batch, check_share
from ._images_colour import ColorJitter, RandomGrayscale
from ._images_filters import GaussianBlur, PatchMasking
from ._images_geometry import RandomFlip, RandomResizedCrop

__all__ = [
    "Augmentation",
    "ColorJitter",
    "Compose",
    "GaussianBlur",
    "PatchMasking",
    "RandomFlip",
    "RandomGrayscale",
    "RandomResizedCrop",
    "SimCLRAugmentation",
    "accepts_generator",
    "make_augmentation",
    "two_views",
]

Augmentation: TypeAlias = Callable[[Tensor, Generator], Tensor]

# below this many pixels on the shorter side an image is small: crops are larger and nothing is
# blurred, as in the recipes that do best on CIFAR
SMALL = 64
# about what a CPU's cache holds: larger batches go through in pieces of as many values, which is
# half as fast again at 512 images of 32 pixels and twice as fast at 2048
PIECE = 2**19


def accepts_generator(augmentation: Callable[..., Any]) -> bool:
    """Whether a callable takes ``(batch, generator)``, or the batch alone.

    Parameters
    ----------
    augmentation : callable
        A function, an object with ``__call__``, or a torch.nn.Module, of which ``forward`` counts.

    Returns
    -------
    accepts : bool
        True if the second positional parameter is called ``generator`` or has no default. Others
        are optional settings, as the modules of kornia have them.

    Examples
    --------
    >>> from sklearn_contrastive.augmentation._images import accepts_generator
    >>> accepts_generator(lambda batch, generator: batch), accepts_generator(lambda batch: batch)
    (True, False)
    """
    called = augmentation.forward if isinstance(augmentation, torch.nn.Module) else augmentation
    try:
        parameters = list(inspect.signature(called).parameters.values())
    except ValueError:  # functions of C, such as torch.flip, do not say what they take
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(positional) < 2:
        return False
    return positional[1].name == "generator" or positional[1].default is inspect.Parameter.empty


@dataclass(frozen=True)
class Compose:
    """Apply augmentations one after the other.

    Parameters
    ----------
    members : iterable of callable
        Each takes ``(batch, generator)``, or the batch alone: torch.nn.Modules such as those of
        kornia, functions. The latter draw from torch's global state. None at all is the identity.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.augmentation import Compose, RandomFlip
    >>> augmentation = Compose([RandomFlip(p=1.0), lambda batch: 1 - batch])
    >>> augmentation(torch.tensor([[[[0.0, 0.5, 0.75]]]]), torch.Generator())
    tensor([[[[0.2500, 0.5000, 1.0000]]]])
    """

    members: Iterable[Callable[..., Tensor]]
    _with_generator: tuple[bool, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        members = tuple(self.members)
        for member in members:
            if not callable(member):
                raise ValueError(f"{member!r} cannot be composed, because it cannot be called.")
        object.__setattr__(self, "members", members)
        object.__setattr__(self, "_with_generator", tuple(map(accepts_generator, members)))

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Apply the members in turn to a batch of shape (n_images, n_channels, height, width)."""
        for member, with_generator in zip(self.members, self._with_generator, strict=True):
            batch = member(batch, generator) if with_generator else member(batch)
        return batch


@dataclass(frozen=True)
class SimCLRAugmentation:
    """The augmentation of SimCLR: crop, flip, colour jitter, grey, blur.

    Parameters
    ----------
    strength : float, default=1.0
        Factor s of the colour jitter alone: brightness, contrast and saturation by 0.8 s, hue by
        0.2 s. At most 2.5. The paper takes 1 for ImageNet and 0.5 for CIFAR-10.
    crop_scale : tuple of float or "auto", default="auto"
        Smallest and largest share of the area of a crop. "auto" is (0.08, 1), and (0.2, 1) for
        images of fewer than 64 pixels on their shorter side.
    blur : float or "auto", default="auto"
        Probability that an image is blurred. "auto" is 0.5, and 0 for such small images.
    grayscale : float, default=0.2
        Probability that an image becomes grey.

    Notes
    -----
    One-channel images have no hue, saturation or grey to change. The settings of small images are
    those of the best public recipes for CIFAR-10; the paper blurs ImageNet only.

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

    strength: float = 1.0
    crop_scale: tuple[float, float] | str = field(default="auto", kw_only=True)
    blur: float | str = field(default="auto", kw_only=True)
    grayscale: float = field(default=0.2, kw_only=True)

    def __post_init__(self) -> None:
        if not 0 <= self.strength <= 2.5:
            raise ValueError(f"strength={self.strength!r} must be in [0, 2.5].")
        if isinstance(self.crop_scale, str) and self.crop_scale != "auto":
            raise ValueError(f'crop_scale={self.crop_scale!r} must be "auto" or (low, high).')
        if self.blur != "auto":
            check_share("blur", self.blur)
        check_share("grayscale", self.grayscale)
        self.composition((3, SMALL, SMALL))  # what else is wrong with the parameters shows now

    def composition(self, image_shape: tuple[int, int, int]) -> Compose:
        """Say which augmentations images of this shape go through.

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
        strong = 0.8 * self.strength
        steps = [
            RandomResizedCrop(scale),
            RandomFlip(),
            ColorJitter(strong, strong, strong, 0.2 * self.strength),
        ]
        if n_channels != 1 and self.grayscale:
            steps.append(RandomGrayscale(self.grayscale))
        if blur:
            steps.append(GaussianBlur(p=blur))
        return Compose(steps)

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Augment a batch of shape (n_images, n_channels, height, width), values in [0, 1]."""
        check_batch(batch)
        composition = self.composition(batch.shape[1:])
        n_pieces = math.ceil(batch.numel() / PIECE) if batch.device.type == "cpu" else 1
        if n_pieces <= 1:
            return composition(batch, generator)
        return torch.cat([composition(piece, generator) for piece in batch.chunk(n_pieces)])


def two_views(
    augmentation: Augmentation, batch: Tensor, generator: Generator
) -> tuple[Tensor, Tensor]:
    """Draw two views of every image.

    Parameters
    ----------
    augmentation : callable
        Takes ``(batch, generator)``. If it has a method ``views``, that makes the pair, as
        :class:`PatchMasking` does; otherwise it is called twice. One call on the batch twice over
        is no faster on a CPU, for large batches slower, and would need more memory.
    batch : Tensor of shape (n_images, n_channels, height, width)
        Images.
    generator : torch.Generator
        Draws the parameters; on the device of the batch.

    Returns
    -------
    view_1, view_2 : Tensor of shape (n_images, n_channels, height, width)
        The views, image by image.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.augmentation._images import PatchMasking, two_views
    >>> images = torch.ones(1, 1, 8, 8)
    >>> view_1, view_2 = two_views(PatchMasking(), images, torch.Generator().manual_seed(0))
    >>> torch.equal(view_1 + view_2, images)
    True
    """
    if hasattr(augmentation, "views"):
        return augmentation.views(batch, generator)
    return augmentation(batch, generator), augmentation(batch, generator)


_BY_NAME: dict[str, Callable[[], Augmentation]] = {
    "simclr": SimCLRAugmentation,
    "crop": RandomResizedCrop,
    "crop_flip": lambda: Compose([RandomResizedCrop(), RandomFlip()]),
    "masking": PatchMasking,
    "none": lambda: Compose([]),
}


def make_augmentation(spec: str | Callable[..., Tensor]) -> Augmentation:
    """Callable ``(batch, generator) -> batch`` that a name or a callable stands for.

    Parameters
    ----------
    spec : {"simclr", "crop", "crop_flip", "masking", "none"} or callable
        A name, a callable of ``(batch, generator)``, or one of the batch alone, such as a module
        of kornia or any other torch.nn.Module.

    Returns
    -------
    augmentation : callable
        Takes ``(batch, generator)``.

    Raises
    ------
    ValueError
        If the name is unknown, or `spec` is neither a name nor callable.

    Examples
    --------
    >>> from sklearn_contrastive.augmentation._images import make_augmentation
    >>> make_augmentation("masking")
    PatchMasking(mask_rate=0.5, patch_size=4, fill=0.0)
    """
    if isinstance(spec, str) and spec in _BY_NAME:
        return _BY_NAME[spec]()
    if not callable(spec):
        names = ", ".join(f'"{name}"' for name in _BY_NAME)
        raise ValueError(
            f"augmentations={spec!r} is not known. Give one of {names}, or a callable that takes a "
            "batch and a torch.Generator, or a batch alone."
        )
    return spec if accepts_generator(spec) else Compose([spec])
