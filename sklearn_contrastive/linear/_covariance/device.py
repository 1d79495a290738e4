"""Covariance of samples on a device: products are formed there, small results are copied back."""

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._arrays import ArrayPlace, dtype_name
from ..._sklearn_compat import widest_float
from .blocks import BLOCK_ROWS, OnStep, no_step
from .fourth_moments import StandardizedMoments
from .rows import RowCovariance
from .scatter import ScatterCovariance, row_blocks

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
    """Covariance of all rows of X; only one (n_features, n_features) product leaves the device.

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
        Whether third and fourth moments are read as well, in a second pass.

    Returns
    -------
    ScatterCovariance
        In float64; products are formed in X's precision about points near the means of blocks, and
        summed in float64, on the device if it has float64.
    """
    X = getattr(X, "detach", lambda: X)()  # a sum would keep the graph of a tensor
    products, counts, points, totals = _Sum(place), [], [], []
    for block, weight in _blocks(X, sample_weight, block_rows):
        count = float(block.shape[0]) if weight is None else float(weight.sum())
        if count > 0:
            point, total, product = _sums_about_a_point(block, weight, count, place)
            products.add(product)
            counts.append(count)
            points.append(point)
            totals.append(total)
        on_block("block of rows")
    if not counts:
        return ScatterCovariance.empty(X.shape[1])
    points, totals = (
        place.take(place.xp.stack(vectors)).astype(np.float64) for vectors in (points, totals)
    )
    weight = np.array(counts)[:, None]
    n_samples, offsets = float(np.sum(counts)), totals / weight
    # differences from one block's mean, so that a large common mean cancels nothing
    origin = points[0] + offsets[0]
    means = points + offsets - origin
    mean = (weight * means).sum(axis=0) / n_samples
    scatter, between = products.take(), means - mean
    # within blocks about points near their means, less those points' offsets, plus between blocks
    parts = np.vstack([between, offsets])
    weighted = np.vstack([weight * between, -weight * offsets])
    for rows in row_blocks(X.shape[1]):
        scatter[rows] += parts[:, rows].T @ weighted
    mean += origin
    moments = None
    if fourth:
        squares = np.diag(scatter)
        moments = _moments(_blocks(X, sample_weight, block_rows), mean, squares, place)
    return ScatterCovariance(n_samples, mean, scatter, moments)


def _blocks(X, sample_weight, block_rows):
    """Yield blocks of rows with their weights, or None."""
    for start in range(0, X.shape[0], block_rows):
        rows = slice(start, min(start + block_rows, X.shape[0]))
        yield X[rows, :], None if sample_weight is None else sample_weight[rows]


def _sums_about_a_point(block, weight, count, place):
    """A point near the mean of a block; sums of the rows and of their products about it."""
    xp, dtype = place.xp, dtype_name(block)
    if weight is None:
        point = xp.mean(block, axis=0)
        weighted = centred = block - point
    else:
        point = (place.put((weight / count).astype(dtype))[None, :] @ block)[0, :]
        centred = block - point
        weighted = centred * place.put(weight.astype(dtype))[:, None]
    return point, xp.sum(weighted, axis=0), centred.T @ weighted


class _Sum:
    """Sum of arrays of a device in float64: there, or on the host if the device has no float64."""

    def __init__(self, place: ArrayPlace):
        self._place, self._total = place, None
        self._wide = "float64" in str(widest_float(place.xp, place.device))

    def add(self, array: Any) -> None:
        """Add an array."""
        if self._wide:
            array = self._place.xp.astype(array, self._place.xp.float64)
        else:
            array = self._place.take(array).astype(np.float64)
        if self._total is None:
            self._total = array
        else:
            self._total += array

    def take(self) -> NDArray[np.float64]:
        """The sum, as an array on the host."""
        total = self._place.take(self._total) if self._wide else self._total
        return total if total.flags.writeable else total.copy()


def _moments(blocks, mean, squares, place):
    """Third and fourth moments of all rows, about their mean and over their sums of squares."""
    root = np.sqrt(np.maximum(squares, 0.0))
    inverse = np.divide(1.0, root, out=np.zeros_like(root), where=root > 0)
    third, fourth = _Sum(place), _Sum(place)
    centre = scale = None
    for block, weight in blocks:
        dtype = dtype_name(block)
        if centre is None:
            centre, scale = (place.put(each.astype(dtype)) for each in (mean, inverse))
        rows = (block - centre) * scale
        squared = counted = rows * rows
        if weight is not None:
            counted = squared * place.put(weight.astype(dtype))[:, None]
        third.add(place.xp.sum(counted * rows, axis=0))
        fourth.add(place.xp.sum(counted * squared, axis=0))
    return StandardizedMoments(third.take(), fourth.take())


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
        blocks = [(self._centred, self.weight)]
        moments = _moments(blocks, np.zeros_like(self.mean), self._squares, self._place)
        return self.n_samples * moments.fourth

    def project(self, directions):
        return self._place.take(self._centred @ self._put(directions)).astype(np.float64)

    def combine(self, scores):
        return self._place.take(self._centred.T @ self._put(scores)).astype(np.float64)
