"""Plots of fitted estimators, as scikit-learn's Display objects. They need Matplotlib."""

from ._augmentations import AugmentationDisplay
from ._label_efficiency import LabelEfficiencyDisplay
from ._neighbours import NeighboursDisplay
from ._training import TrainingDisplay

__all__ = [
    "AugmentationDisplay",
    "LabelEfficiencyDisplay",
    "NeighboursDisplay",
    "TrainingDisplay",
]
