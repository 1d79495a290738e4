"""Samples of a robust fit: what is refused, their unit, and new rows with outlying cells."""

import numpy as np
from scipy import sparse

from ..._arrays import place_of
from .._covariance.samples import Samples
from .._covariance.unit import in_unit, power_of_two
from .imputed_moments import imputed
from .judge import RobustModel

__all__ = ["in_robust_unit", "refuse_robust", "repaired"]

# cells of the rows that are judged at once
_BLOCK_CELLS = 2**19
# deviations whose squares, and fourth powers, stay in the range of the float type
_RANGE = {np.float32: (1e-8, 1e8), np.float64: (1e-70, 1e70)}


def refuse_robust(estimator, X, streaming: bool) -> None:
    """Raise a ValueError where a robust fit is not possible.

    Parameters
    ----------
    estimator : LinearContrastive
        Its parameters `robust` and `feature_groups`.
    X : array-like or sparse matrix
        The samples, not yet validated.
    streaming : bool
        Whether they are one chunk of more samples.
    """
    robust = f"robust={estimator.robust!r}"
    if streaming:
        raise ValueError(
            f"partial_fit cannot be used with {robust}: which cells and rows are outlying depends "
            "on all samples, which a robust fit reads several times. Use fit, or robust=False."
        )
    if estimator.feature_groups is not None:
        raise ValueError(
            f"{robust} cannot be combined with feature_groups: a cell is judged by noise that is "
            "independent between features. Leave one of the two out."
        )
    if sparse.issparse(X) and estimator.robust != "rows":
        raise ValueError(
            f'{robust} needs dense X. Use robust="rows", or pass X.toarray() if it fits in memory.'
        )
    if not place_of(X).is_numpy:
        raise ValueError(
            f"{robust} needs NumPy arrays, but X is on another device or of another library. "
            "Convert X to NumPy, or use robust=False."
        )


def in_robust_unit(samples: Samples) -> Samples:
    """Samples in a unit in which the squares of their deviations are in range.

    Parameters
    ----------
    samples : Samples
        Dense or sparse.

    Returns
    -------
    Samples
        The same where no other unit is needed. Outlying entries do not decide it.
    """
    X = samples.values
    if sparse.issparse(X):
        return samples
    some = np.abs(np.asarray(X[:: max(1, len(X) // 1000)], np.float64))
    some[some == 0] = np.nan
    if np.isnan(some).all():
        return samples
    low, high = _RANGE[np.float32 if X.dtype == np.float32 else np.float64]
    size = float(np.nanmedian(some))
    if low < size < high:
        return samples
    return in_unit(samples, power_of_two(size))


def repaired(X, judge: RobustModel, unit: float):
    """Rows whose outlying cells have their expectation given the other cells of the row.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing, which it stays.
    judge : RobustModel
        By which cells are judged, in another unit.
    unit : float
        That unit.

    Returns
    -------
    repaired : ndarray of shape (n_rows, n_features)
        X itself where no cell is outlying, else a copy.
    """
    copy = None
    n_rows = max(1, _BLOCK_CELLS // X.shape[1])
    for start in range(0, len(X), n_rows):
        rows = slice(start, start + n_rows)
        block = X[rows] if unit == 1.0 else X[rows] / unit
        found, _ = judge.judged(block)
        outlying = found.hidden & ~np.isnan(block)
        if outlying.any():
            if copy is None:
                copy = np.array(X, dtype=np.float32 if X.dtype == np.float32 else np.float64)
            filled = imputed(block, found, judge.cells)
            np.copyto(copy[rows], unit * filled, where=outlying)
    return X if copy is None else copy
