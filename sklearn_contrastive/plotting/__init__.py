"""Plots of fitted estimators, as scikit-learn's Display objects. They need Matplotlib."""

from ._augmentations import AugmentationDisplay
from ._biplot import BiplotDisplay
from ._label_efficiency import LabelEfficiencyDisplay
from ._loadings import LoadingsDisplay
from ._neighbours import NeighboursDisplay
from ._noise import NoiseDisplay
from ._outliers import OutlierDisplay
from ._spectrum import SpectrumDisplay
from ._subspace_error import SubspaceErrorDisplay
from ._training import TrainingDisplay

__all__ = [
    "AugmentationDisplay",
    "BiplotDisplay",
    "LabelEfficiencyDisplay",
    "LoadingsDisplay",
    "NeighboursDisplay",
    "NoiseDisplay",
    "OutlierDisplay",
    "SpectrumDisplay",
    "SubspaceErrorDisplay",
    "TrainingDisplay",
]
