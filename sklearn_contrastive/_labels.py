"""Class labels of samples, some of which have none."""

from dataclasses import dataclass
from numbers import Real
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from ._arrays import place_of
from ._typing import ArrayLike

__all__ = ["UNLABELLED", "Labels", "as_labels", "read_labels"]

# code of a sample without a label
UNLABELLED = -1

_STATE_IT = "Pass unlabelled=None if it is a class, unlabelled=-1 if it marks unlabelled samples."


@dataclass(frozen=True)
class Labels:
    """Class of every sample.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels that occur, sorted, without the mark of unlabelled samples.
    codes : ndarray of int of shape (n_samples,)
        Position of each sample's label among them, -1 for unlabelled samples.
    """

    classes: NDArray[Any]
    codes: NDArray[np.intp]

    def of(self, rows: NDArray) -> Self:
        """Labels of some of the samples, without the classes that do not occur among them."""
        codes = self.codes[rows]
        present, codes = np.unique(np.r_[UNLABELLED, codes], return_inverse=True)
        return Labels(self.classes[present[1:]], codes[1:] + UNLABELLED)


def read_labels(
    y: ArrayLike | None,
    n_samples: int,
    unlabelled: Any = "auto",
    known: ArrayLike = (),
    name: str = "y",
    remedy: str = _STATE_IT,
) -> Labels:
    """Read class labels.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or None
        One label per sample, numbers or strings; None labels nothing.
    n_samples : int
        Number of samples.
    unlabelled : label, "auto" or None, default="auto"
        The mark of a sample without a label; NaN is allowed. "auto" is the number -1, also among
        strings; None takes every value for a label.
    known : array-like of shape (n_known,), default=()
        Classes of earlier samples.
    name : str, default="y"
        Name of the labels in error messages.
    remedy : str, default=how to set `unlabelled`
        Advice where it is not clear whether -1 is a class.

    Returns
    -------
    Labels
        Of these samples alone.

    Raises
    ------
    ValueError
        If y has another length or shape, is continuous, holds NaN that `unlabelled` does not name,
        or holds exactly -1 and 1, so that -1 may be a class or may not.
    """
    if y is None:
        return Labels(np.array([], dtype=int), np.full(n_samples, UNLABELLED))
    y = _one_label_per_sample(y, n_samples, name)
    unlabelled_rows = _marked(y, unlabelled)
    labels = y[~unlabelled_rows]
    _refuse_invalid_classes(labels, name)
    classes, codes = _unique(labels, name)
    if any(isinstance(label, float) and not label.is_integer() for label in classes.tolist()):
        raise ValueError(
            f"Unknown label type: {name} is continuous, but labels must name classes. Bin it, for "
            "instance with sklearn.preprocessing.KBinsDiscretizer."
        )
    named = {*classes.tolist(), *np.asarray(known).tolist()}
    _unique(np.array([*named], dtype=object), name)  # with those of earlier samples
    guessed = isinstance(unlabelled, str) and unlabelled == "auto" and unlabelled_rows.any()
    if guessed and named == {1}:
        raise ValueError(
            f"{name} holds exactly -1 and 1: -1 may mark unlabelled samples or be a class. {remedy}"
        )
    all_codes = np.full(n_samples, UNLABELLED)
    all_codes[~unlabelled_rows] = codes
    return Labels(classes, all_codes)


def as_labels(y: ArrayLike) -> NDArray[Any]:
    """Labels as an array: of objects if numbers, or NaN, stand among strings in a list."""
    given, y = y, np.asarray(place_of(y).take(y))
    if y.dtype.kind == "U" and isinstance(given, list | tuple):
        # NumPy makes strings of these numbers
        strings = all(isinstance(label, str) for label in given)
        y = y if strings else np.array(given, dtype=object)
    return y


def _one_label_per_sample(y, n_samples, name):
    y = as_labels(y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    if y.ndim != 1:
        raise ValueError(
            f"{name} has shape {y.shape}; give one label per sample, in shape ({n_samples},)."
        )
    if len(y) != n_samples:
        raise ValueError(
            f"{name} has {len(y)} labels but X has {n_samples} samples; give one label per sample."
        )
    return y


def _marked(y, unlabelled):
    """Which entries of y mark a sample without a label."""
    if np.ndim(unlabelled):
        raise ValueError(
            f'unlabelled={unlabelled!r} must be one label, or None, or "auto"; replace several '
            "marks in the labels by one."
        )
    if unlabelled is None:
        return np.zeros(len(y), bool)
    if isinstance(unlabelled, str) and unlabelled == "auto":
        unlabelled = -1
    if isinstance(unlabelled, Real) and np.isnan(unlabelled):
        return _is_nan(y)
    if y.dtype.kind in "biuf" and isinstance(unlabelled, Real):
        return y == unlabelled
    return np.array([_are_equal(label, unlabelled) for label in y.tolist()], dtype=bool)


def _is_nan(y):
    if y.dtype.kind == "O":  # NaN differs from itself, pandas' NA gives NA
        missing = [label is None or not _are_equal(label, label) for label in y.tolist()]
        return np.array(missing, dtype=bool)
    return np.isnan(y) if y.dtype.kind == "f" else np.zeros(len(y), bool)


def _are_equal(label, other):
    equal = label == other  # NA for pandas' NA
    return isinstance(equal, bool | np.bool_) and bool(equal)


def _refuse_invalid_classes(labels, name):
    if _is_nan(labels).any():
        raise ValueError(
            f"{name} contains NaN or None; give every sample a label, or mark samples without one "
            "by -1."
        )
    if labels.dtype.kind == "f" and np.isinf(labels).any():
        raise ValueError(f"{name} contains infinity, which names no class.")
    if labels.dtype.kind not in "biufUO":
        raise ValueError(f"{name} has dtype {labels.dtype}; labels are numbers or strings.")


def _unique(labels, name):
    try:
        return np.unique(labels, return_inverse=True)
    except TypeError:  # numbers and strings have no common order
        kinds = ", ".join(sorted({type(label).__name__ for label in labels}))
        raise ValueError(
            f"Unknown label type: {name} holds labels of type {kinds}, which have no order; give "
            "numbers or strings, not both."
        ) from None
