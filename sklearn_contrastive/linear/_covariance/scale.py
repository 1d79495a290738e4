"""Standard deviations of features, 0 for constant ones, and their inverse."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["feature_scale", "reciprocal"]


def feature_scale(covariance) -> NDArray[np.float64]:
    """Standard deviation of each feature, 0 where only rounding errors of the mean vary.

    Parameters
    ----------
    covariance : Covariance
        Of the samples.

    Returns
    -------
    scale : ndarray of shape (n_features,)
        In units of the features.
    """
    variances = np.maximum(covariance.variances, 0.0)
    rounding = (10 * np.finfo(np.float64).eps * np.abs(covariance.mean)) ** 2
    return np.sqrt(np.where(variances > rounding, variances, 0.0))


def reciprocal(scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """1 / scale where it is positive, 0 elsewhere."""
    return np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)
