"""Contrastive learning as scikit-learn estimators."""

from . import augmentation, datasets, exceptions, linear, metrics
from .augmentation import MaskedAugmenter
from .linear import HeteroPCA, LinearContrastive

__version__ = "0.1.0"

__all__ = [
    "HeteroPCA",
    "LinearContrastive",
    "MaskedAugmenter",
    "augmentation",
    "datasets",
    "exceptions",
    "linear",
    "metrics",
]
