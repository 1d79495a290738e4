"""Reading a table: columns of numbers and columns of categories, whatever holds them."""

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils.validation import validate_data
from torch import Tensor

from ..._features import is_missing, listed
from ..._input import readable
from ..._sklearn_compat import n_rows

__all__ = ["Columns", "read_columns"]

_WANTED = (
    "An entry of this argument must be a string, a boolean, a number or missing (None, NaN): "
    "convert the column or drop it"
)


@dataclass(frozen=True)
class Columns:
    """Columns of a table as two arrays, each in the order of the features.

    Parameters
    ----------
    numbers : ndarray of float64 of shape (n_samples, n_numbers)
        Numbers and booleans; NaN for missing entries.
    categories : ndarray of object of shape (n_samples, n_categorical)
        Strings, numbers or booleans; None for missing entries.
    is_categorical : ndarray of bool of shape (n_features,)
        Which features are categories.
    names : ndarray of shape (n_features,) or None
        Names of the features, for messages.
    """

    numbers: NDArray[np.float64]
    categories: NDArray[np.object_]
    is_categorical: NDArray[np.bool_]
    names: NDArray | None


def read_columns(
    estimator: Any,
    X: Any,
    *,
    reset: bool,
    min_samples: int,
    is_categorical: NDArray[np.bool_] | None = None,
    categorical_features: Any = "from_dtype",
) -> Columns:
    """Columns of X, after scikit-learn's checks of its shape and of the names of its features.

    Parameters
    ----------
    estimator : estimator instance
        Its `n_features_in_` and `feature_names_in_` are set with `reset`, and compared otherwise.
    X : array-like or data frame of shape (n_samples, n_features)
        The table.
    reset : bool
        Whether this is a first fit.
    min_samples : int
        Smallest number of rows.
    is_categorical : ndarray of bool of shape (n_features,), default=None
        Which features were categories in fit; None for a first fit.
    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Positions, names or a mask of the features that are categories although they hold numbers.

    Returns
    -------
    columns : Columns
        The columns.

    Raises
    ------
    ValueError
        If X has another shape, infinity, or text in a column that held numbers in fit.
    TypeError
        If X is sparse, or has entries that are neither numbers nor text, such as dates.
    """
    X = _in_memory(estimator, X)
    given = list(_columns_of(estimator, X, reset, min_samples))
    names = getattr(estimator, "feature_names_in_", None)
    if is_categorical is None:
        chosen = _chosen(categorical_features, len(given), names)
        is_categorical = chosen | [column.dtype.kind == "O" for column in given]
    read = [
        _as_categories(column) if categorical else _as_numbers(column, j, names)
        for j, (column, categorical) in enumerate(zip(given, is_categorical, strict=True))
    ]
    n_samples = n_rows(X)
    numbers = [each for each, other in zip(read, is_categorical, strict=True) if not other]
    categories = [each for each, other in zip(read, is_categorical, strict=True) if other]
    _check_finite(numbers, np.flatnonzero(~is_categorical), names)
    return Columns(
        _stacked(numbers, n_samples, np.float64),
        _stacked(categories, n_samples, object),
        is_categorical,
        names,
    )


def _in_memory(estimator, X):
    """X as an array or data frame; TypeError for sparse and lazy tables, and for dates."""
    if sparse.issparse(X):
        raise TypeError(
            f"{type(estimator).__name__} does not accept sparse X. Pass X.toarray(), or use "
            "LinearContrastive, which accepts sparse samples."
        )
    if isinstance(X, Tensor):
        X = X.detach().cpu()
        X = (X.float() if X.dtype == torch.bfloat16 else X).numpy()
    if hasattr(X, "collect") and not hasattr(X, "shape"):
        raise TypeError(f"X is a {type(X).__name__}, which is not computed yet. Pass X.collect().")
    return readable(estimator, X)


def _columns_of(estimator: Any, X: Any, reset: bool, min_samples: int) -> Iterator[NDArray]:
    """Each column of X as an array of floats or of objects."""
    if hasattr(X, "columns") and hasattr(X, "dtypes"):
        validate_data(estimator, X, reset=reset, skip_check_array=True)
        _check_size(estimator, X.shape, min_samples)
        names = getattr(estimator, "feature_names_in_", None)
        series = (X.iloc[:, j] if hasattr(X, "iloc") else X[:, j] for j in range(X.shape[1]))
        yield from (_of_series(each, j, names) for j, each in enumerate(series))
        return
    if not hasattr(X, "dtype"):
        # np.asarray makes text of the numbers in a list that mixes both
        as_array = np.asarray(X)
        X = np.asarray(X, dtype=object) if as_array.dtype.kind in "US" else as_array
    shape = {"reset": reset, "ensure_min_samples": min_samples}
    if getattr(X.dtype, "kind", "f") not in "OUS":
        X = validate_data(estimator, X, dtype=np.float64, ensure_all_finite="allow-nan", **shape)
        yield from X.T
        return
    X = X.astype(str) if X.dtype.kind == "S" else X
    X = validate_data(estimator, X.astype(object), dtype=None, ensure_all_finite=False, **shape)
    yield from (_of_objects(column, j, None) for j, column in enumerate(X.T))


def _check_size(estimator, shape, min_samples):
    """scikit-learn's errors for too few rows or no columns of a data frame."""
    for axis, (what, least) in enumerate((("sample", min_samples), ("feature", 1))):
        if shape[axis] < least:
            raise ValueError(
                f"Found array with {shape[axis]} {what}(s) (shape={tuple(shape)}) while a minimum "
                f"of {least} is required by {type(estimator).__name__}."
            )


def _of_series(series, j, names):
    """A column of a data frame of pandas or polars as floats or objects."""
    dtype = series.dtype
    kind = getattr(dtype, "kind", "")
    if hasattr(series, "to_list") and not hasattr(series, "iloc"):  # polars
        if dtype.is_numeric() or str(dtype) == "Boolean":
            return np.array(series.cast(type(series)([0.0]).dtype).to_numpy(), dtype=np.float64)
        return _of_objects(_object_array(series.to_list()), j, names)
    if kind in tuple("biuf"):  # also the nullable types of pandas, and those of Arrow
        return series.to_numpy(dtype=np.float64, na_value=np.nan)
    if kind == "c":
        raise ValueError(f"Complex data not supported: {listed([j], names)} has complex numbers.")
    if hasattr(dtype, "categories"):
        known = _object_array(dtype.categories.tolist())
        if not (_all_are(str, known) or _all_are(Real | np.bool_, known)):
            # intervals of pandas.cut, and categories of several types
            known = _object_array(list(map(str, known)))
        return np.append(known, None)[series.cat.codes.to_numpy()]  # the code -1 is the last one
    return _of_objects(_object_array(series.tolist()), j, names)


def _object_array(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _missing(values):
    """Which entries are missing, of an array of objects."""
    return np.fromiter(map(_is_missing, values), dtype=bool, count=len(values))


def _is_missing(value):
    try:
        return is_missing(value)
    except ValueError:  # an array, which differs from itself entry by entry
        return False


def _all_are(kind, values):
    return all(isinstance(each, kind) for each in values)


def _without_missing(values, missing):
    values[missing] = None
    return values


def _of_objects(values: NDArray, j: int, names: NDArray | None) -> NDArray:
    """Objects as floats if all are numbers, as text or None if all are text.

    Raises TypeError for entries of other types, and for columns that mix both.
    """
    values = values.copy()
    missing = _missing(values)
    kinds = {type(each) for each in values[~missing]}
    if any(issubclass(kind, complex | np.complexfloating) for kind in kinds):
        raise ValueError(f"Complex data not supported: {listed([j], names)} has complex numbers.")
    of_text = {kind for kind in kinds if issubclass(kind, str)}
    of_numbers = {kind for kind in kinds if issubclass(kind, Real | np.bool_) or _is_decimal(kind)}
    if others := kinds - of_text - of_numbers:
        named = ", ".join(sorted(kind.__name__ for kind in others))
        raise TypeError(f"Entries of {listed([j], names)} have the type {named}. {_WANTED}.")
    if of_text and of_numbers:
        raise TypeError(
            f"Entries of {listed([j], names)} are partly text and partly numbers, such as "
            f"{next(each for each in values if isinstance(each, str))!r:.40}. Make all of them "
            "strings for a column of categories, or mark what is no number as missing."
        )
    if not of_numbers:  # a column that is all missing holds no numbers
        return _without_missing(values, missing)
    values[missing] = np.nan
    return values.astype(np.float64)


def _is_decimal(kind):
    return kind.__module__ in ("decimal", "_decimal", "fractions")


def _chosen(categorical_features, n_features, names):
    """Mask of the features that the user calls categories."""
    chosen = np.zeros(n_features, dtype=bool)
    if isinstance(categorical_features, str):
        return chosen
    given = np.asarray(categorical_features)
    if given.dtype == bool and given.shape == chosen.shape:
        return given.copy()
    allowed = (
        "must be 'from_dtype', names of features, positions from 0 to "
        f"{n_features - 1}, or a mask of {n_features} booleans."
    )
    known = {} if names is None else {name: j for j, name in enumerate(names)}
    for each in given.ravel().tolist():
        position = known.get(each, each)
        if type(position) is not int or not 0 <= position < n_features:
            raise ValueError(
                f"categorical_features has {each!r}, which is no feature; it {allowed}"
            )
        chosen[position] = True
    return chosen


def _as_categories(column):
    """A column as objects with None for missing entries."""
    if column.dtype.kind == "O":
        return column
    return _without_missing(column.astype(object), np.isnan(column))


def _as_numbers(column, j, names):
    """A column as floats; ValueError if it holds text."""
    if column.dtype.kind != "O":
        return column
    text = next((each for each in column if isinstance(each, str)), None)
    if text is not None:
        raise ValueError(
            f"{listed([j], names).capitalize()} had numbers in fit and has text now, such as "
            f"{text!r:.40}. Convert it to numbers, with NaN for what is none."
        )
    return np.array([np.nan if each is None else each for each in column], dtype=np.float64)


def _check_finite(numbers, positions, names):
    for column, j in zip(numbers, positions, strict=True):
        if np.isinf(column).any():
            raise ValueError(
                f"Input X contains infinity or a value too large for dtype('float64'), in "
                f"{listed([j], names)}. Replace infinity by NaN, which marks missing entries, or "
                "by a large number."
            )


def _stacked(columns, n_samples, dtype):
    """Columns of shape (n_samples,) as an array of shape (n_samples, n_columns)."""
    stacked = np.empty((n_samples, len(columns)), dtype=dtype)
    for j, column in enumerate(columns):
        stacked[:, j] = column
    return stacked
