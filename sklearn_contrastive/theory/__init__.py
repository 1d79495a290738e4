"""Populations of the spiked covariance model: what methods find in them, bounds and risks."""

from . import bounds, risk
from ._model import SpikedCovarianceModel

__all__ = ["SpikedCovarianceModel", "bounds", "risk"]
