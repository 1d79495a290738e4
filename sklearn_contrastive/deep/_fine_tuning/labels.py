"""Class labels of samples, some of which have none."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import assert_all_finite, column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from ..._features import is_missing
from ..._typing import ArrayLike
from ..._warnings import warn
from ...exceptions import LabelsWarning

__all__ = ["Labels", "read_labels"]

_UNLABELLED = -1
_MARK = "Mark samples without a label by -1; among strings by the integer -1, in an array of dtype "


@dataclass(frozen=True)
class Labels:
    """Labelled samples and their classes.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels that occur, sorted.
    rows : ndarray of int of shape (n_labelled,)
        Positions of the labelled samples, increasing.
    codes : ndarray of int of shape (n_labelled,)
        Position of the label of each of them among the classes.
    """

    classes: NDArray[Any]
    rows: NDArray[np.intp]
    codes: NDArray[np.intp]

    def without(self, left_out: Sequence[int]) -> "Labels":
        """Labels of the samples that remain when some positions are left out.

        Raises
        ------
        ValueError
            If a class has no labelled sample left.
        """
        kept = ~np.isin(self.rows, left_out)
        rows, codes = self.rows[kept], self.codes[kept]
        lost = np.delete(self.classes, codes).tolist()
        if lost:
            raise ValueError(
                f"No labelled sample of class {lost[0]!r} can be read. Label others, or drop the "
                "class."
            )
        return Labels(self.classes, rows - np.searchsorted(np.sort(left_out), rows), codes)


def read_labels(y: ArrayLike, n_samples: int, name: str) -> Labels:
    """Read class labels, -1 for samples without one, as SelfTrainingClassifier has it.

    Parameters
    ----------
    y : array-like of shape (n_samples,)
        Integers, or strings; among strings the integer -1 marks samples without a label.
    n_samples : int
        Number of samples.
    name : str
        Name of the estimator, for error messages.

    Returns
    -------
    labels : Labels
        Of two classes or more. Where y holds exactly -1 and 1, both are classes, with a warning:
        otherwise there would be one class only.

    Raises
    ------
    ValueError
        If y is None, has another length or shape, is continuous, has a missing value or the string
        "-1", labels nothing, or only one class.
    """
    y = _one_label_per_sample(y, n_samples, name)
    if y.dtype.kind in "OU" and any(isinstance(each, str) and each == "-1" for each in y.tolist()):
        raise ValueError(
            f'y holds the string "-1". {_MARK}object, as in np.array(["cat", -1], dtype=object).'
        )
    rows = np.flatnonzero(y != _UNLABELLED)
    if 0 < len(rows) < len(y) and all(each == 1 for each in y[rows]):
        warn(
            "y holds exactly -1 and 1, which are taken for two classes. If -1 marks samples "
            "without a label here, label samples of another class too.",
            LabelsWarning,
        )
        rows = np.arange(len(y))
    if len(rows) == 0:
        raise ValueError(
            f"All {n_samples} labels are -1, which marks samples without a label. Label samples of "
            "two classes at least; to train without labels, fit the embedder."
        )
    try:
        classes, codes = np.unique(y[rows], return_inverse=True)
    except TypeError:
        raise ValueError(
            "Unknown label type: y holds labels that have no order, such as numbers and strings. "
            "Give numbers or strings, not both."
        ) from None
    check_classification_targets(y[rows])
    if len(classes) == 1:
        rest = len(y) - len(rows)
        also = f"; the other {rest} samples have the mark -1, which is not a class" if rest else ""
        raise ValueError(
            f"y has one class only, {classes.tolist()[0]!r}{also}. Label samples of two classes at "
            "least."
        )
    return Labels(classes, rows, codes)


def _one_label_per_sample(y, n_samples, name):
    """Labels as an array of shape (n_samples,), none of them missing."""
    if y is None:
        raise ValueError(f"{name} requires y to be passed, but the target y is None.")
    if isinstance(y, list | tuple) and any(isinstance(each, str) for each in y):
        y = np.array(y, dtype=object)  # NumPy would make strings of numbers among them
    y = column_or_1d(y, warn=True)
    if len(y) != n_samples:
        raise ValueError(
            f"y has {len(y)} labels, but X has {n_samples} samples. Give one label for each "
            "sample, -1 for those without a label."
        )
    if y.dtype.kind == "O" and any(map(is_missing, y)):
        raise ValueError(f"Input y contains NaN or None. {_MARK}object.")
    if y.dtype.kind == "f":
        assert_all_finite(y, input_name="y")
    return y
