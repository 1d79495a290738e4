"""Median and robust scale of each feature, also where many values are equal."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "ColumnScale",
    "column_scale",
    "step_of_medians",
    "weighted_median",
    "with_whole_columns",
]

# median absolute deviation to standard deviation, for normal values
_MAD_TO_DEVIATION = 1.4826
# rows from which medians are taken: their standard error is then 3 % of a deviation
_ROWS = 2000


@dataclass(frozen=True)
class ColumnScale:
    """Location and scale of each feature that up to half of its entries cannot spoil.

    Parameters
    ----------
    centre : ndarray of shape (n_features,)
        Median; 0 for a feature without any entry.
    deviation : ndarray of shape (n_features,)
        Standard deviation by the median absolute deviation; where one value makes up half of the
        entries, by that of the other entries. 0 for a constant feature.
    least_noise : ndarray of shape (n_features,)
        Smallest deviation of the noise by which an entry is screened: `deviation` where one value
        makes up half of the entries (zeros, dummies), so that the rarer values are not outlying
        by being rare; 0 for other features.
    """

    centre: NDArray[np.float64]
    deviation: NDArray[np.float64]
    least_noise: NDArray[np.float64]


def column_scale(
    X: NDArray, sample_weight: NDArray[np.float64] | None, n_rows: int = _ROWS
) -> ColumnScale:
    """Location and scale of each feature of dense samples.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples; NaN where an entry is missing.
    sample_weight : ndarray of shape (n_samples,) or None
        Frequency weights.
    n_rows : int, default=2000
        Rows that are read, evenly spaced; features that do not vary among them are read whole.

    Returns
    -------
    ColumnScale
        Of the rows that were read.
    """
    chosen = slice(None, None, step_of_medians(len(X), n_rows))
    weight = None if sample_weight is None else sample_weight[chosen]
    scale = _scale_of(np.asarray(X[chosen], np.float64), weight)
    still = np.flatnonzero(scale.deviation == 0)
    if len(still) and len(X[chosen]) < len(X):
        return with_whole_columns(scale, still, np.asarray(X[:, still], np.float64), sample_weight)
    return scale


def step_of_medians(n_samples: int, n_rows: int = _ROWS) -> int:
    """Every so many rows are read for medians."""
    return max(1, n_samples // n_rows)


def with_whole_columns(
    scale: ColumnScale,
    features: NDArray[np.intp],
    X: NDArray[np.float64],
    sample_weight: NDArray[np.float64] | None,
) -> ColumnScale:
    """Location and scale in which some features are taken from other rows.

    Parameters
    ----------
    scale : ColumnScale
        Of all features.
    features : ndarray of int of shape (n_chosen,)
        The features.
    X : ndarray of shape (n_rows, n_chosen)
        Their entries.
    sample_weight : ndarray of shape (n_rows,) or None
        Frequency weights.

    Returns
    -------
    ColumnScale
        A copy.
    """
    whole = _scale_of(X, sample_weight)
    parts = {name: values.copy() for name, values in vars(scale).items()}
    for name, values in vars(whole).items():
        parts[name][features] = values
    return ColumnScale(**parts)


def _scale_of(X, weight):
    observed = ~np.isnan(X)
    centre = np.nan_to_num(weighted_median(X, weight))
    with np.errstate(over="ignore", invalid="ignore"):
        distance = np.minimum(np.abs(X - centre), np.finfo(np.float64).max)
    distance[~observed] = np.nan
    deviation = np.nan_to_num(weighted_median(distance, weight))
    # float rounding of equal values is no deviation
    rounding = 1e-12 * np.abs(centre)
    tied = deviation <= rounding
    least_noise = np.zeros_like(deviation)
    if tied.any():
        others = distance[:, tied]
        others[others <= rounding[tied]] = np.nan
        deviation[tied] = np.nan_to_num(weighted_median(others, weight))
        least_noise[tied] = _MAD_TO_DEVIATION * deviation[tied]
    return ColumnScale(centre, _MAD_TO_DEVIATION * deviation, least_noise)


def weighted_median(
    X: NDArray[np.float64], weight: NDArray[np.float64] | None
) -> NDArray[np.float64]:
    """Lower median of each column, each row counted as often as its weight says.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Values; NaN is left out.
    weight : ndarray of shape (n_samples,) or None
        Frequency weights.

    Returns
    -------
    median : ndarray of shape (n_features,)
        The smallest value that at least half of the weight does not exceed; NaN of nothing.
    """
    if weight is None:
        if not np.isnan(X).any():
            return np.partition(X, (len(X) - 1) // 2, axis=0)[(len(X) - 1) // 2]
        weight = np.ones(len(X))
    order = np.argsort(X, axis=0, kind="stable")
    counted = np.where(np.isnan(X), 0.0, weight[:, None])
    total = np.cumsum(np.take_along_axis(counted, order, axis=0), axis=0)
    half = 0.5 * total[-1]
    position = np.argmax(total >= half * (1.0 - 1e-12), axis=0)
    columns = np.arange(X.shape[1])
    median = X[order[position, columns], columns]
    return np.where(half > 0, median, np.nan)
