"""Input that scikit-learn's validation would misread: masked arrays, duplicates, tensors, dates."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ._arrays import place_of
from ._features import is_missing

__all__ = ["as_numbers", "readable"]


def readable(estimator: Any, X: Any, *, device_arrays: bool = False) -> Any:
    """Samples in a form that scikit-learn's validation reads as meant.

    Parameters
    ----------
    estimator : estimator instance
        Named in the error.
    X : object
        The samples as they were passed. They are not changed.
    device_arrays : bool, default=False
        Whether the estimator computes on arrays of other libraries than NumPy.

    Returns
    -------
    X : object
        NaN in the masked entries of a masked array; a sparse matrix with one entry for each
        position, those of duplicates summed; anything else as it was.

    Raises
    ------
    TypeError
        If X has dates, or is an array of another library, array API dispatch is enabled, and the
        estimator does not support it.
    """
    dtypes = getattr(X, "dtypes", getattr(X, "dtype", None))
    # a data frame has one for each column, a Series one alone
    if any(map(_is_temporal, dtypes if isinstance(dtypes, Iterable) else [dtypes])):
        raise TypeError(
            f"{type(estimator).__name__} needs numbers, but X has dates or durations. Convert "
            "them, for instance to days since a date, or drop the columns."
        )
    if isinstance(X, np.ma.MaskedArray):
        dtype = X.dtype if X.dtype.kind == "f" else np.float64
        return X.astype(dtype).filled(np.nan)
    if sparse.issparse(X) and X.format in ("csr", "csc") and not X.has_canonical_format:
        X = X.copy()
        X.sum_duplicates()
    elif not device_arrays and not place_of(X).is_numpy:
        raise TypeError(
            f"{type(estimator).__name__} does not support arrays of {type(X).__module__} under "
            "array API dispatch. Pass a NumPy array."
        )
    return X


def as_numbers(X: NDArray) -> NDArray:
    """Validated samples as numbers: objects become float64, missing ones NaN.

    scikit-learn's ``dtype="numeric"`` leaves objects as they are where X is a list or a frame of
    categories.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples of any type.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        A copy if X has objects.
    """
    if X.dtype.kind != "O":
        return X
    try:
        return X.astype(np.float64)
    except TypeError:  # pandas.NA, which an older scikit-learn leaves in frames of mixed columns
        missing = np.frompyfunc(is_missing, 1, 1)(X).astype(bool)
        return np.where(missing, np.nan, X).astype(np.float64)


def _is_temporal(dtype):
    """Whether a type of NumPy, pandas or polars is that of dates or durations."""
    if getattr(dtype, "kind", None) in ("m", "M"):
        return True
    return hasattr(dtype, "is_temporal") and dtype.is_temporal()
