"""A covariance matrix that was given, as the covariance of samples."""

import numpy as np
from numpy.typing import NDArray

from .base import Covariance
from .missing import PairwiseCovariance
from .scatter import ScatterCovariance
from .unit import power_of_two

__all__ = ["given_covariance"]

# sizes of means and deviations whose squares, and the squares of those, stay within float64
_SMALLEST, _LARGEST = 1e-70, 1e70


def given_covariance(
    matrix: NDArray[np.float64], mean: NDArray[np.float64], n_samples: float
) -> tuple[Covariance, float]:
    """Covariance of n samples from their covariance matrix.

    Parameters
    ----------
    matrix : ndarray of shape (n_features, n_features)
        Covariance with n - 1 in the denominator.
    mean : ndarray of shape (n_features,)
        Mean of each feature.
    n_samples : float
        Number n of samples.

    Returns
    -------
    covariance : Covariance
        Mergeable; as of pairs of features if the matrix has a negative eigenvalue.
    unit : float
        Power of two by which the samples are divided.

    Raises
    ------
    ValueError
        If the matrix is no covariance of n samples.
    """
    _check(matrix, mean, n_samples)
    size = float(np.max(np.maximum(np.abs(mean), np.sqrt(np.diag(matrix)))))
    unit = 1.0 if _SMALLEST < size < _LARGEST else power_of_two(size)
    scatter = (matrix / 2 + matrix.T / 2) / unit / unit * (n_samples - 1.0)
    covariance = ScatterCovariance(float(n_samples), mean / unit, scatter)
    if not _is_semidefinite(scatter):
        covariance = PairwiseCovariance.complete(covariance)
    return covariance, unit


def _check(matrix, mean, n_samples):
    """Refuse what is no covariance of n samples."""
    n_features = len(matrix)
    if matrix.shape != (n_features, n_features):
        raise ValueError(
            f"covariance has shape {matrix.shape}, but must be square. Use from_array for samples."
        )
    if mean.shape != (n_features,):
        raise ValueError(
            f"mean has shape {mean.shape}, but covariance has {n_features} features: give one "
            "number for each, or None for 0."
        )
    if not np.all(np.isfinite(mean)):
        raise ValueError("mean contains NaN or infinity; give finite numbers.")
    if not (np.isscalar(n_samples) and np.isfinite(n_samples) and n_samples > 1):
        raise ValueError(f"n_samples={n_samples!r} must be a finite number greater than 1.")
    variances = np.diag(matrix)
    if np.any(variances < 0):
        column = int(np.argmin(variances))
        raise ValueError(
            f"covariance[{column}, {column}]={variances[column]:g} is a variance, which cannot be "
            "negative."
        )
    deviation = np.sqrt(variances)
    if np.any(np.abs(matrix - matrix.T) > 1e-6 * np.outer(deviation, deviation)):
        raise ValueError("covariance is not symmetric. Fill both triangles.")


def _is_semidefinite(scatter):
    """Whether no eigenvalue is negative, to rounding."""
    deviation = np.sqrt(np.diag(scatter))
    inverse = np.divide(1.0, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    correlation = inverse[:, None] * scatter * inverse
    np.fill_diagonal(correlation, 1.0 + 100 * len(scatter) * np.finfo(np.float64).eps)
    try:
        np.linalg.cholesky(correlation)
    except np.linalg.LinAlgError:
        return False
    return True
