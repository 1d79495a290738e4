"""Evaluation of representations: probes and k-NN with labels, similar and odd samples without."""

from ._neighbours import SimilarImages, outlier_distances, similar_images
from ._probes import LabelEfficiency, knn_accuracy, label_efficiency_curve, linear_probe

__all__ = [
    "LabelEfficiency",
    "SimilarImages",
    "knn_accuracy",
    "label_efficiency_curve",
    "linear_probe",
    "outlier_distances",
    "similar_images",
]
