"""Validation of the parameters of a population."""

from numbers import Integral

import numpy as np
from sklearn.utils import check_array

from .._typing import ArrayLike, FloatArray

__all__ = [
    "as_vector",
    "check_at_least_zero",
    "check_orthonormal_rows",
    "check_size",
    "check_unit_weights",
]


def check_size(name: str, value: int, at_least: int = 1, at_most: float = np.inf) -> None:
    """Refuse a value that is not an integer from `at_least` to `at_most`."""
    if not isinstance(value, Integral) or not at_least <= value <= at_most:
        limit = "" if at_most == np.inf else f" and at most {at_most}"
        raise ValueError(
            f"{name}={value!r} is not allowed; give an integer of at least {at_least}{limit}."
        )


def check_at_least_zero(name: str, value: float) -> None:
    """Refuse a value that is not a finite number of at least 0."""
    if not 0 <= value < np.inf:
        raise ValueError(f"{name}={value!r} is not allowed; give a finite number of at least 0.")


def as_vector(name: str, value: float | ArrayLike, size: int) -> FloatArray:
    """Return one finite number for each of `size` components or features, in float64."""
    value = np.asarray(value, dtype=np.float64)
    if value.shape not in ((), (size,)):
        raise ValueError(
            f"{name} has shape {value.shape}; give one number, or an array of shape ({size},)."
        )
    if not np.isfinite(value).all():
        raise ValueError(f"{name} contains NaN or infinity.")
    return np.full(size, value)


def check_orthonormal_rows(rows: ArrayLike, name: str) -> FloatArray:
    """Return a copy, in float64, of a matrix that has orthonormal rows."""
    rows = check_array(rows, dtype=np.float64, copy=True, input_name=name)
    if np.abs(rows @ rows.T - np.eye(len(rows))).max() > 1e-6:
        raise ValueError(
            f"The rows of {name} are not orthonormal; np.linalg.qr(rows.T).Q.T gives orthonormal "
            "rows of the same span."
        )
    return rows


def check_unit_weights(weights: ArrayLike, n_components: int) -> FloatArray:
    """Return weights of length 1, one for each component, in float64."""
    weights = np.asarray(weights, dtype=np.float64)
    if weights.shape != (n_components,):
        raise ValueError(
            f"weights has shape {weights.shape}; give one for each component, ({n_components},)."
        )
    length = np.linalg.norm(weights)
    # the negation refuses NaN too
    if not abs(length - 1) <= 1e-6:
        raise ValueError(f"weights has length {length:.6g}; divide by it, since 1 is assumed.")
    return weights
