"""Contrastive learning as scikit-learn estimators."""

from typing import TYPE_CHECKING

from . import (
    augmentation,
    datasets,
    deep,
    evaluation,
    exceptions,
    generative,
    linear,
    metrics,
    theory,
)
from ._lazy import lazy_names
from .augmentation import MaskedAugmenter
from .linear import (
    HeteroPCA,
    LinearContrastive,
    PairedContrastive,
    SupervisedLinearContrastive,
)

if TYPE_CHECKING:
    from .deep import SimCLREmbedder as SimCLREmbedder

__version__ = "0.1.0"

# SimCLREmbedder is here as well, but not for `import *`, which would need PyTorch
__all__ = [
    "HeteroPCA",
    "LinearContrastive",
    "MaskedAugmenter",
    "PairedContrastive",
    "SupervisedLinearContrastive",
    "augmentation",
    "datasets",
    "deep",
    "evaluation",
    "exceptions",
    "generative",
    "linear",
    "metrics",
    "theory",
]

__getattr__, __dir__ = lazy_names(
    __name__, {"SimCLREmbedder": ".deep._simclr.estimator"}, globals()
)
