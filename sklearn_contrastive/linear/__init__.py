"""The linear wing: closed forms in NumPy."""

from ._contrastive import LinearContrastive
from ._hetero_pca import HeteroPCA
from ._loss import (
    contrastive_loss_matrix,
    expected_loss_matrix,
    linear_contrastive_loss,
    minimize_linear_contrastive_loss,
)
from ._moments import Moments
from ._outlier_scores import OutlierScores
from ._paired import PairedContrastive
from ._supervised import SupervisedLinearContrastive

__all__ = [
    "HeteroPCA",
    "LinearContrastive",
    "Moments",
    "OutlierScores",
    "PairedContrastive",
    "SupervisedLinearContrastive",
    "contrastive_loss_matrix",
    "expected_loss_matrix",
    "linear_contrastive_loss",
    "minimize_linear_contrastive_loss",
]
