"""Input that scikit-learn's validation would misread: masked arrays, duplicates, tensors."""

from typing import Any

import numpy as np
from scipy import sparse

from ._arrays import place_of

__all__ = ["readable"]


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
        If X is an array of another library, array API dispatch is enabled, and the estimator does
        not support it.
    """
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
