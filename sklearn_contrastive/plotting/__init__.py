"""Plots of fitted estimators, as scikit-learn's Display objects. They need Matplotlib."""

from ._biplot import BiplotDisplay
from ._loadings import LoadingsDisplay
from ._noise import NoiseDisplay
from ._outliers import OutlierDisplay
from ._spectrum import SpectrumDisplay
from ._subspace_error import SubspaceErrorDisplay

__all__ = [
    "BiplotDisplay",
    "LoadingsDisplay",
    "NoiseDisplay",
    "OutlierDisplay",
    "SpectrumDisplay",
    "SubspaceErrorDisplay",
]
