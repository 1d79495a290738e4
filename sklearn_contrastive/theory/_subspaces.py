"""Subspaces that linear methods find in a covariance matrix known exactly."""

import numpy as np
from scipy.linalg import solve

from .._signs import fix_signs
from .._typing import FloatArray

__all__ = [
    "correlation_pca",
    "leading_rows",
    "masked_decoder",
    "masked_encoder",
    "orthonormal_rows",
    "without_diagonal",
]


def without_diagonal(matrix: FloatArray) -> FloatArray:
    """Off-diagonal part of a square matrix, as a new matrix."""
    return matrix - np.diag(np.diag(matrix))


def leading_rows(matrix: FloatArray, n_rows: int) -> FloatArray:
    """Eigenvectors of the largest eigenvalues of a symmetric matrix, as rows, largest first."""
    eigenvectors = np.linalg.eigh(matrix)[1]
    return _with_signs(eigenvectors.T[::-1][:n_rows])


def orthonormal_rows(rows: FloatArray) -> FloatArray:
    """Orthonormal rows, of which the first j span what the first j given rows span."""
    return _with_signs(np.linalg.qr(rows.T).Q.T)


def correlation_pca(covariance: FloatArray, n_components: int) -> FloatArray:
    """Principal components of the correlation matrix, scaled back to the features' units.

    With D the diagonal of the covariance S and V the leading eigenvectors of D^-1/2 S D^-1/2, the
    span of D^1/2 V, as orthonormal rows of shape (n_components, n_features).
    """
    scale, correlation = _to_correlation(covariance)
    return orthonormal_rows(leading_rows(correlation, n_components) * scale)


def masked_decoder(
    covariance: FloatArray, keep_probability: float, n_components: int
) -> FloatArray:
    """Column space of the decoder of a masked linear autoencoder, keep_probability below 1.

    The best prediction of x from its masked copy, among those of rank n_components, has the
    leading eigenvectors of S C^-1 S as its columns, where C = p^2 S + p (1-p) diag(S) is the
    covariance of the copy (reduced-rank regression). Shape (n_components, n_features).
    """
    scale, correlation, regressed = _regression_on_masked(covariance, keep_probability)
    return leading_rows(correlation @ regressed * np.outer(scale, scale), n_components)


def masked_encoder(
    covariance: FloatArray, keep_probability: float, n_components: int
) -> FloatArray:
    """Row space of the encoder p U' S C^-1 that belongs to :func:`masked_decoder`'s rows U'."""
    decoder = masked_decoder(covariance, keep_probability, n_components)
    scale, _, regressed = _regression_on_masked(covariance, keep_probability)
    return orthonormal_rows((decoder * scale) @ regressed.T / scale)


def _regression_on_masked(
    covariance: FloatArray, keep_probability: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Scales, correlation R, and C^-1 R where C is the masked copy's second moment.

    Everything is in units in which each feature has variance 1: there C is at least p (1-p) I,
    however the scales differ.
    """
    scale, correlation = _to_correlation(covariance)
    p = keep_probability
    masked = p**2 * correlation
    masked[np.diag_indices_from(masked)] += p * (1 - p)
    return scale, correlation, solve(masked, correlation, assume_a="pos")


def _to_correlation(covariance: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Standard deviations, and the correlation matrix; a constant feature keeps its scale."""
    variances = np.diag(covariance)
    scale = np.sqrt(np.where(variances > 0, variances, 1.0))
    return scale, covariance / np.outer(scale, scale)


def _with_signs(rows: FloatArray) -> FloatArray:
    """Rows, each multiplied by 1 or -1 such that its largest entry is positive."""
    return rows * fix_signs(rows)[:, None]
