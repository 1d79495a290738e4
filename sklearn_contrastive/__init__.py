"""Contrastive learning as scikit-learn estimators.

LinearContrastive
    Linear dimension reduction for features with unequal noise.
SupervisedLinearContrastive
    The same from a few labels and many samples without labels.
PairedContrastive
    Directions in which measured positive pairs agree.
HeteroPCA
    PCA for unequal noise, by imputing the diagonal of the covariance.
SimCLREmbedder
    Representations of images, learned without labels; needs PyTorch.
MaskedAugmenter
    Pairs of views of a sample, by hiding features at random.
"""

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
from ._lazy import lazy_names, pytorch_is_installed
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
if pytorch_is_installed():  # else `import *` would raise an error
    __all__ += ["SimCLREmbedder"]

__getattr__, __dir__ = lazy_names(__name__, {"SimCLREmbedder": ".deep._simclr"}, globals())
