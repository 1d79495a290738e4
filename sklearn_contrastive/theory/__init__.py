"""Spiked covariance model: subspaces that methods find in the population, bounds and risks."""

from . import bounds, risk
from ._model import SpikedCovarianceModel

__all__ = ["SpikedCovarianceModel", "bounds", "risk"]
