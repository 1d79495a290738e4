"""Contrastive learning as scikit-learn estimators."""

from . import augmentation, datasets, deep, exceptions, linear, metrics, theory
from .augmentation import MaskedAugmenter
from .linear import (
    HeteroPCA,
    LinearContrastive,
    PairedContrastive,
    SupervisedLinearContrastive,
)

__version__ = "0.1.0"

__all__ = [
    "HeteroPCA",
    "LinearContrastive",
    "MaskedAugmenter",
    "PairedContrastive",
    "SupervisedLinearContrastive",
    "augmentation",
    "datasets",
    "deep",
    "exceptions",
    "linear",
    "metrics",
    "theory",
]
