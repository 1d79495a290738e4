"""Augmentations: random changes of a sample that should not change its representation.

Image augmentations need PyTorch, which is imported when one of their names is first used.
"""

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from ._masked_augmenter import MaskedAugmenter

if TYPE_CHECKING:
    from ._image_augmenter import ImageAugmenter
    from ._images.blur import GaussianBlur
    from ._images.colour import ColorJitter, RandomGrayscale
    from ._images.compose import Compose
    from ._images.geometry import RandomFlip, RandomResizedCrop
    from ._images.patch_masking import PatchMasking
    from ._images.simclr import SimCLRAugmentation

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

_MODULE_OF = {
    "ImageAugmenter": "._image_augmenter",
    "SimCLRAugmentation": "._images.simclr",
    "Compose": "._images.compose",
    "RandomResizedCrop": "._images.geometry",
    "RandomFlip": "._images.geometry",
    "ColorJitter": "._images.colour",
    "RandomGrayscale": "._images.colour",
    "GaussianBlur": "._images.blur",
    "PatchMasking": "._images.patch_masking",
}

__getattr__, __dir__ = lazy_names(__name__, _MODULE_OF, globals())
