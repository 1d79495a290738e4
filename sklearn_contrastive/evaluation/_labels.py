"""Labels of an evaluation: those that are missing, and draws of some."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .._features import is_missing
from .._typing import ArrayLike

__all__ = ["numbers_of_labels", "refuse_missing_labels", "stratified_order"]


def refuse_missing_labels(name: str, labels: ArrayLike) -> None:
    """Raise a ValueError if labels contain None or NaN."""
    # as objects: among strings, NumPy would convert NaN to the label "nan"
    n_missing = sum(map(is_missing, np.asarray(labels, dtype=object).ravel()))
    if n_missing:
        raise ValueError(
            f"{name} has no label (None or NaN) in {n_missing} of {len(labels)} rows; leave "
            "these rows out."
        )


def numbers_of_labels(
    n_labels: int | Sequence[int], least: int, n_samples: int, least_is: str = "number of classes"
) -> NDArray[np.integer]:
    """Numbers of labelled samples as an array, or an error if they are not possible.

    Parameters
    ----------
    n_labels : int or sequence of int
        As a user gave them.
    least : int
        Number of classes, or the smallest number of targets.
    n_samples : int
        Number of samples that may be labelled.
    least_is : str, default="number of classes"
        What `least` is, for the message.
    """
    sizes = np.atleast_1d(np.asarray(n_labels))
    if sizes.ndim > 1 or sizes.dtype.kind not in "iu":
        raise ValueError(f"n_labels={n_labels!r} must be integers.")
    if sizes.size == 0 or sizes.min() < least or sizes.max() > n_samples:
        raise ValueError(
            f"n_labels={n_labels!r} must lie between the {least_is}, {least}, and the number "
            f"of samples, {n_samples}."
        )
    return sizes


def stratified_order(y: NDArray, rng: np.random.RandomState) -> NDArray[np.integer]:
    """Permutation of the samples whose first m are stratified, for every m."""
    order = rng.permutation(len(y))
    _, classes, counts = np.unique(y[order], return_inverse=True, return_counts=True)
    by_class = np.argsort(classes, kind="stable")
    rank = np.empty(len(y))
    rank[by_class] = np.arange(len(y)) - np.repeat(np.cumsum(counts) - counts, counts)
    # rank 0 of each class comes first
    return order[np.argsort(rank / counts[classes], kind="stable")]
