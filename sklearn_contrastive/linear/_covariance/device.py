"""Covariance of samples on a device: products are formed there, small results are copied back."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._arrays import ArrayPlace, dtype_name
from .blocks import BLOCK_ROWS, OnStep, no_step
from .fourth_moments import StandardizedMoments
from .rows import RowCovariance
from .scatter import ScatterCovariance

__all__ = ["DeviceRows", "device_scatter_covariance"]


def device_scatter_covariance(
    X: Any,
    sample_weight: NDArray[np.float64] | None,
    place: ArrayPlace,
    on_block: OnStep = no_step,
    block_rows: int = BLOCK_ROWS,
    *,
    fourth: bool = False,
) -> ScatterCovariance:
    """Covariance of all rows of X; only one (n_features, n_features) product per block leaves it.

    Parameters
    ----------
    X : array of shape (n_samples, n_features)
        Samples, floating-point, in the namespace and on the device of `place`.
    sample_weight : ndarray of shape (n_samples,) or None
        Frequency weights.
    place : ArrayPlace
        Namespace and device of X.
    on_block : callable, default=do nothing
        Called with a name after every block.
    block_rows : int, default=16384
        Rows of a block.
    fourth : bool, default=False
        Whether third and fourth moments are read as well.

    Returns
    -------
    ScatterCovariance
        In float64; products are formed in X's precision about a point near the mean.
    """
    covariance = ScatterCovariance.empty(X.shape[1])
    for start in range(0, X.shape[0], block_rows):
        rows = slice(start, min(start + block_rows, X.shape[0]))
        weight = None if sample_weight is None else sample_weight[rows]
        covariance = covariance + _block_covariance(X[rows, :], weight, place, fourth)
        on_block("block of rows")
    return covariance


def _block_covariance(block, weight, place, fourth):
    xp, dtype = place.xp, dtype_name(block)
    count = float(block.shape[0]) if weight is None else float(weight.sum())
    if count == 0:
        return ScatterCovariance.empty(block.shape[1])
    if weight is None:
        point = xp.mean(block, axis=0)
        weighted = centred = block - point
    else:
        point = (place.put((weight / count).astype(dtype))[None, :] @ block)[0, :]
        centred = block - point
        weighted = centred * place.put(weight.astype(dtype))[:, None]
    offset = place.take(xp.sum(weighted, axis=0)).astype(np.float64) / count
    scatter = place.take(centred.T @ weighted).astype(np.float64)
    scatter -= np.outer(offset * count, offset)
    moments = _moments(centred, weight, np.diag(scatter), place) if fourth else None
    mean = place.take(point).astype(np.float64) + offset
    return ScatterCovariance(count, mean, scatter, moments)


def _moments(centred, weight, squares, place):
    """Third and fourth moments of rows about their mean on the device."""
    root = np.sqrt(np.maximum(squares, 0.0))
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
    rows = centred * place.put(inverse.astype(dtype_name(centred)))
    squared = counted = rows * rows
    if weight is not None:
        counted = squared * place.put(weight.astype(dtype_name(centred)))[:, None]
    sums = (place.xp.sum(counted * factor, axis=0) for factor in (rows, squared))
    return StandardizedMoments(*(place.take(total).astype(np.float64) for total in sums))


class DeviceRows(RowCovariance):
    """Rows on a device, centred once; see `DenseRows`.

    Parameters
    ----------
    X : array of shape (n_rows, n_features)
        Rows, floating-point.
    sample_weight : ndarray of shape (n_rows,) or None
        Frequency weights.
    place : ArrayPlace
        Namespace and device of X.
    """

    def __init__(self, X: Any, sample_weight: NDArray[np.float64] | None, place: ArrayPlace):
        self._place, self._dtype = place, dtype_name(X)
        weight = np.ones(X.shape[0]) if sample_weight is None else sample_weight
        n_samples = weight.sum()
        mean, rows = np.zeros(X.shape[1]), X
        for _ in range(2):  # the mean of large entries is itself rounded
            offset = (self._put(weight / n_samples)[None, :] @ rows)[0, :]
            mean, rows = mean + place.take(offset).astype(np.float64), rows - offset
        squares = place.take((self._put(weight)[None, :] @ (rows * rows))[0, :])
        variances = squares.astype(np.float64) / (n_samples - 1)
        super().__init__(mean, variances, sample_weight, X.shape[0], np.dtype(self._dtype))
        self._centred = rows

    def _put(self, array):
        return self._place.put(np.ascontiguousarray(array, dtype=self._dtype))

    @cached_property
    def _kurtosis(self):
        moments = _moments(self._centred, self.weight, self._squares, self._place)
        return self.n_samples * moments.fourth

    def project(self, directions):
        return self._place.take(self._centred @ self._put(directions)).astype(np.float64)

    def combine(self, scores):
        return self._place.take(self._centred.T @ self._put(scores)).astype(np.float64)
