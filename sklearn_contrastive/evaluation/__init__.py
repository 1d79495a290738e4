"""Evaluation: probes and k-NN with labels, similar and odd samples, confidence intervals."""

from ._comparison import RepresentationComparison, compare_representations
from ._confidence import ConfidenceIntervals, confidence_intervals
from ._neighbours import SimilarImages, outlier_distances, similar_images
from ._probes import LabelEfficiency, knn_accuracy, label_efficiency_curve, linear_probe

__all__ = [
    "ConfidenceIntervals",
    "LabelEfficiency",
    "RepresentationComparison",
    "SimilarImages",
    "compare_representations",
    "confidence_intervals",
    "knn_accuracy",
    "label_efficiency_curve",
    "linear_probe",
    "outlier_distances",
    "similar_images",
]
