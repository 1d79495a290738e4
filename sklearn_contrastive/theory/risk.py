"""Risks of tasks on linear features, in a spiked covariance model: exact, and their bounds."""

from ._exact_risk import (
    classification_risk,
    excess_classification_risk,
    excess_regression_risk,
    explained_scores,
    regression_risk,
)
from ._risk_bounds import (
    excess_classification_bound,
    excess_regression_bound,
    pca_excess_classification_bound,
    pca_excess_regression_bound,
)

__all__ = [
    "classification_risk",
    "excess_classification_bound",
    "excess_classification_risk",
    "excess_regression_bound",
    "excess_regression_risk",
    "explained_scores",
    "pca_excess_classification_bound",
    "pca_excess_regression_bound",
    "regression_risk",
]
