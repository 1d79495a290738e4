"""Numerical targets of samples, unknown ones NaN, and whether y holds targets or class labels."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._arrays import place_of
from ._typing import ArrayLike

__all__ = [
    "NO_TARGET",
    "Targets",
    "lazily_names_classes",
    "names_classes",
    "read_targets",
]

# message where all targets are unknown
NO_TARGET = "y has no known target: all entries are NaN. Pass y=None to fit without targets."
# so many different values or fewer, of floats, may be the names of classes
_FEW_VALUES = 20
# sizes whose squares are in the range of float64
_SMALLEST, _LARGEST = 1e-70, 1e70


@dataclass(frozen=True)
class Targets:
    """Targets of every sample.

    Parameters
    ----------
    values : ndarray of shape (n_samples, n_targets)
        In float64; NaN where a target is unknown.
    """

    values: NDArray[np.float64]

    def patterns(self) -> list[tuple[NDArray[np.intp], NDArray[np.bool_]]]:
        """Samples that know the same targets: the targets, and a mask of the samples."""
        known = ~np.isnan(self.values)
        packed = np.packbits(known, axis=1)
        codes = packed.view(np.dtype((np.void, packed.shape[1])))[:, 0]
        _, first, pattern = np.unique(codes, return_index=True, return_inverse=True)
        return [(np.flatnonzero(known[i]), pattern == code) for code, i in enumerate(first)]


def names_classes(y: ArrayLike | None, target_type: str, unlabelled: Any = "auto") -> bool:
    """Whether y names classes, rather than holding numbers.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_targets), or None
        Labels or targets.
    target_type : {"auto", "classes", "continuous"}
        With "auto", y holds numbers if it has several columns of numbers, or one column of floats.
    unlabelled : label, "auto" or None, default="auto"
        If it is given, y names classes.

    Returns
    -------
    names_classes : bool
        True if y is None and the type is not "continuous".

    Raises
    ------
    ValueError
        If a column of floats has at most 20 different values that repeat, or are whole numbers,
        other than two whole numbers and no NaN; or if `unlabelled` marks unknown targets.
    """
    automatic = isinstance(unlabelled, str) and unlabelled == "auto"
    if target_type == "continuous" and not (automatic or _is_nan(unlabelled)):
        raise ValueError(
            f"unlabelled={unlabelled!r} marks samples without a class, but "
            'target_type="continuous". Mark unknown targets by NaN and leave unlabelled="auto".'
        )
    if target_type != "auto" or not automatic or y is None:
        return target_type != "continuous"
    y = np.asarray(place_of(y).take(y))
    if y.ndim == 2 and y.shape[1] > 1:
        return y.dtype.kind not in "biuf"
    if y.dtype.kind != "f":
        return True
    known = y[~np.isnan(y)]
    values = np.unique(known)
    repeated = 0 < 2 * len(values) <= len(known)
    whole = len(values) > 0 and bool(np.all(values == np.round(values)))
    # 0 and 1 are classes, whatever their type
    two = whole and len(values) <= 2 and len(known) == y.size
    if len(values) <= _FEW_VALUES and (repeated or whole) and not two:
        gaps = "contains NaN and" if len(known) < y.size else "is a column of floats with"
        raise ValueError(
            f"y {gaps} {len(values)} different number(s), which may name classes or be targets. "
            'Pass target_type="classes" if they name classes (and mark samples without one by '
            '-1), target_type="continuous" if they are numbers to predict (NaN where unknown).'
        )
    return two


def lazily_names_classes(y: Any, target_type: str, unlabelled: Any = "auto") -> bool:
    """Whether an array or frame that is not computed yet names classes.

    Parameters
    ----------
    y : dask array, series or data frame
        Labels or targets. Only its shape and its types are read.
    target_type : {"auto", "classes", "continuous"}
        With "auto", several columns of numbers are targets.
    unlabelled : label, "auto" or None, default="auto"
        If it is given, y names classes.

    Returns
    -------
    names_classes : bool
        As by `names_classes`.

    Raises
    ------
    ValueError
        If y is one column of floats, whose values are not known.
    """
    automatic = isinstance(unlabelled, str) and unlabelled == "auto"
    if target_type != "auto" or not automatic:
        return names_classes(None, target_type, unlabelled)
    kinds = {dtype.kind for dtype in np.ravel(y.dtypes if hasattr(y, "dtypes") else y.dtype)}
    if y.ndim == 2 and y.shape[1] > 1:
        return not kinds <= set("biuf")
    if "f" in kinds:
        raise ValueError(
            "y is a lazy column of floats, which may name classes or be targets. Pass "
            'target_type="classes" or target_type="continuous".'
        )
    return True


def read_targets(
    y: ArrayLike | None, n_samples: int, n_targets: int | None = None, *, some: bool = True
) -> Targets:
    """Read numerical targets.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_targets), or None
        Numbers; NaN or None where a target is unknown. None knows no target.
    n_samples : int
        Number of samples.
    n_targets : int, default=None
        Number of targets of earlier samples.
    some : bool, default=True
        Whether a y without a known value is refused.

    Returns
    -------
    Targets
        One column per target.

    Raises
    ------
    ValueError
        If y has another length or shape, is not numerical, is infinite or too large or small for
        squares in float64, or knows nothing.
    """
    if y is None:
        return Targets(np.full((n_samples, n_targets or 1), np.nan))
    values = _as_floats(np.asarray(place_of(y).take(y)))
    if values.ndim == 1:
        values = values[:, None]
    if values.ndim != 2 or values.shape[1] == 0:
        raise ValueError(
            f"y has shape {values.shape}; give targets in shape ({n_samples},) or "
            f"({n_samples}, n_targets)."
        )
    if len(values) != n_samples:
        raise ValueError(
            f"y has {len(values)} rows but X has {n_samples} samples; give one row of targets per "
            "sample, NaN where a target is unknown."
        )
    if n_targets is not None and values.shape[1] != n_targets:
        raise ValueError(
            f"y has {values.shape[1]} target(s), but earlier samples had {n_targets}; give a "
            "column of NaN for targets that are unknown."
        )
    _refuse_sizes(values)
    if some and np.isnan(values).all():
        raise ValueError(NO_TARGET)
    return Targets(values)


def _is_nan(mark):
    return isinstance(mark, float) and np.isnan(mark)


def _as_floats(y):
    """Numbers in float64, None and pandas' NA as NaN."""
    if y.dtype.kind in "biuf":
        return y.astype(np.float64)
    if y.dtype.kind == "O":
        unknown = np.array([entry is None or _is_na(entry) or entry != entry for entry in y.flat])
        y = np.where(unknown.reshape(y.shape), np.nan, y)
        try:
            return y.astype(np.float64)
        except (TypeError, ValueError):
            pass
    raise ValueError(
        f'y has dtype {y.dtype}, but targets are numbers. Pass target_type="classes" if y names '
        "classes."
    )


def _is_na(entry):
    return type(entry).__name__ in ("NAType", "NaTType")


def _refuse_sizes(values):
    if np.isinf(values).any():
        raise ValueError("y contains infinity; targets are finite numbers, or NaN where unknown.")
    largest = np.fmax.reduce(np.abs(values), axis=0, initial=0.0)
    extreme = (largest > _LARGEST) | ((largest > 0) & (largest < _SMALLEST))
    if extreme.any():
        target = int(np.flatnonzero(extreme)[0])
        raise ValueError(
            f"Target {target} of y has values of size {largest[target]:.1g}, whose squares are not "
            "in the range of float64. Give the target in another unit."
        )
