"""Augmentations: random changes of a sample that a representation should not depend on."""

from ._masking import MaskedAugmenter

__all__ = ["MaskedAugmenter"]
