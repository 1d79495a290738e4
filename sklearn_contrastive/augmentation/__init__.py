"""Augmentations: random changes of a sample that a representation should not depend on.

Those of images need PyTorch, which is imported when one of their names is first used.
"""

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from ._masking import MaskedAugmenter

if TYPE_CHECKING:
    from ._image_augmenter import ImageAugmenter
    from ._images import (
        ColorJitter,
        Compose,
        GaussianBlur,
        PatchMasking,
        RandomFlip,
        RandomGrayscale,
        RandomResizedCrop,
        SimCLRAugmentation,
    )

_OF_IMAGES = [
    "SimCLRAugmentation",
    "Compose",
    "RandomResizedCrop",
    "RandomFlip",
    "ColorJitter",
    "RandomGrayscale",
    "GaussianBlur",
    "PatchMasking",
]

__all__ = [
    "MaskedAugmenter",
    "ImageAugmenter",
    "SimCLRAugmentation",
    "Compose",
    "RandomResizedCrop",
    "RandomFlip",
    "ColorJitter",
    "RandomGrayscale",
    "GaussianBlur",
    "PatchMasking",
]

_MODULE_OF = {"ImageAugmenter": "._image_augmenter", **dict.fromkeys(_OF_IMAGES, "._images")}

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF, globals())
