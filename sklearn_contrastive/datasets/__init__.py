"""Synthetic data of a known signal subspace, with targets and classes of known risk."""

from ._classification import SpikedClassification, make_spiked_classification
from ._covariance import SpikedCovariance, make_spiked_covariance
from ._regression import SpikedRegression, make_spiked_regression

__all__ = [
    "SpikedClassification",
    "SpikedCovariance",
    "SpikedRegression",
    "make_spiked_classification",
    "make_spiked_covariance",
    "make_spiked_regression",
]
