"""The linear wing: closed forms in NumPy."""

from ._contrastive import LinearContrastive
from ._hetero_pca import HeteroPCA
from ._loss import (
    contrastive_loss_matrix,
    expected_loss_matrix,
    linear_contrastive_loss,
    minimize_linear_contrastive_loss,
)

__all__ = [
    "HeteroPCA",
    "LinearContrastive",
    "contrastive_loss_matrix",
    "expected_loss_matrix",
    "linear_contrastive_loss",
    "minimize_linear_contrastive_loss",
]
