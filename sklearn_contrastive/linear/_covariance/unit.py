"""Units in which the squares of samples stay within the range of their float type."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..._arrays import dtype_name, place_of
from ..._sklearn_compat import widest_float
from .base import Covariance
from .samples import Samples
from .scale import feature_scale

__all__ = [
    "columns_in_range",
    "in_range",
    "in_unit",
    "measured",
    "power_of_two",
    "scaled",
    "unit_of",
    "unit_of_mean",
]

# Standard deviations for which sums of squares neither overflow nor lose digits to underflow, and
# of float64 the squares of squares too, which residuals of eigenvectors are.
_RANGE = {np.float32: (1e-15, 1e15), np.float64: (1e-70, 1e70)}
# sum of weights up to which float32 holds their products with samples in that range
_LARGEST_WEIGHT = 1e7
# the largest exponent of a unit, whose inverse is a normal number too
_LARGEST_EXPONENT = 1000


@np.errstate(over="ignore", invalid="ignore")
def in_range(covariance: Covariance, samples: Samples) -> bool:
    """Whether the covariance was computed without overflow, and without harmful underflow.

    Parameters
    ----------
    covariance : Covariance
        Of the samples, and perhaps of earlier ones.
    samples : Samples
        Products were formed in their float type.

    Returns
    -------
    in_range : bool
        False where a mean or a deviation is too large, or a feature so small that its variance
        may be rounding.
    """
    dtype = np.dtype(dtype_name(samples.values)).type
    if sparse.issparse(samples.values):  # read in float64 always
        dtype = np.float64
    low, high = _RANGE[dtype]
    size = np.abs(covariance.mean)
    if not np.all(size < high):
        return False
    if covariance.n_samples <= 1:
        return True
    if not np.isfinite(covariance.variances).all():
        return False
    if dtype is np.float32 and covariance.n_samples > _LARGEST_WEIGHT:
        return False
    deviation = feature_scale(covariance)
    if not np.all(deviation < high):
        return False
    # the deviation of a larger mean cannot be so small, unless the feature is constant
    small = (deviation < low) & (size < low / np.finfo(dtype).eps)
    return not np.any(small & (np.maximum(deviation, size) > 0))


def columns_in_range(X: NDArray) -> bool:
    """Whether the squares of dense samples about their means stay within their float type.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples, float32 or float64.

    Returns
    -------
    in_range : bool
        Judged by the difference of the largest and the least entry of each feature.
    """
    low, high = _RANGE[X.dtype.type]
    with np.errstate(over="ignore"):
        spread = np.ptp(X, axis=0)
    return bool(np.all((spread == 0) | ((low < spread) & (spread < high))))


def measured(
    samples: Samples, covariance_of: Callable[[Samples], Covariance]
) -> tuple[Samples, Covariance]:
    """The samples in a unit in which their squares are in range, and their covariance.

    Parameters
    ----------
    samples : Samples
        In the unit of the input.
    covariance_of : callable
        Covariance of samples; called again if the unit has to change.

    Returns
    -------
    samples : Samples
        As they were, or a copy in another unit.
    covariance : Covariance
        In that unit.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        covariance = covariance_of(samples)
    if in_range(covariance, samples):
        return samples, covariance
    samples = in_unit(samples, unit_of(samples.values))
    return samples, covariance_of(samples)


def unit_of(X) -> float:
    """Power of two near the largest entry in absolute value; 1 where all are 0.

    Parameters
    ----------
    X : array or sparse matrix of shape (n_samples, n_features)
        Samples; NaN is ignored.

    Returns
    -------
    unit : float
        Its inverse is finite as well.
    """
    if sparse.issparse(X):
        X = X.data
    if not place_of(X).is_numpy:
        xp = place_of(X).xp
        return power_of_two(float(xp.max(xp.abs(X))))
    if not X.size:
        return 1.0
    extremes = np.fmin.reduce(X, axis=None), np.fmax.reduce(X, axis=None)
    return power_of_two(max(abs(float(extreme)) for extreme in extremes))


def unit_of_mean(covariance: Covariance) -> float:
    """Power of two near the largest mean or standard deviation; 1 where all are 0."""
    deviation = feature_scale(covariance) if covariance.n_samples > 1 else 0.0
    return power_of_two(float(np.max(np.maximum(np.abs(covariance.mean), deviation))))


def power_of_two(size: float) -> float:
    """Power of two near a size, whose inverse is finite; 1 for 0."""
    exponent = int(np.frexp(size)[1]) if size > 0 else 0
    return 2.0 ** int(np.clip(exponent, -_LARGEST_EXPONENT, _LARGEST_EXPONENT))


def in_unit(samples: Samples, unit: float) -> Samples:
    """The samples in another unit and in float64.

    Parameters
    ----------
    samples : Samples
        In the unit of the input.
    unit : float
        A power of two.

    Returns
    -------
    Samples
        A copy.
    """
    return replace(samples, values=scaled(samples.values, 1.0 / unit), unit=unit)


def scaled(X, factor: float):
    """A copy of samples times a power of two, in float64 where their device has it."""
    place = place_of(X)
    if sparse.issparse(X) or place.is_numpy:
        return X.astype(np.float64) * factor
    return place.xp.astype(X, widest_float(place.xp, place.device)) * factor
