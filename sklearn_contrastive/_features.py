"""Feature groups, and features named in messages."""

import numpy as np
from numpy.typing import NDArray

from ._typing import ArrayLike

__all__ = ["group_members", "is_missing", "listed"]


def group_members(
    feature_groups: ArrayLike, n_features: int, feature_names: NDArray | None = None
) -> dict[object, NDArray[np.intp]]:
    """Features of each group.

    Parameters
    ----------
    feature_groups : array-like of shape (n_features,)
        One label per feature, numbers or strings. A pandas Series whose index has names of
        features is aligned by name.
    n_features : int
        Number of features.
    feature_names : ndarray of shape (n_features,), default=None
        Names, if the features have any.

    Returns
    -------
    members : dict
        From each label, in sorted order, to the indices of its features, increasing.

    Raises
    ------
    ValueError
        If there is not one label per feature, or a label is missing.
    """
    feature_groups = _aligned(feature_groups, feature_names)
    labels = np.asarray(feature_groups)
    if labels.shape != (n_features,):
        raise ValueError(
            f"feature_groups has shape {labels.shape}, but X has {n_features} features; give one "
            "label per feature."
        )
    # as objects: among strings, NumPy would convert NaN to the label "nan"
    for label in np.asarray(feature_groups, dtype=object):
        if is_missing(label):
            missing = "None" if label is None else "NaN"
            raise ValueError(f"feature_groups contains {missing}; give every feature a label.")
    try:
        names, codes = np.unique(labels, return_inverse=True)
    except TypeError:
        raise ValueError(
            "feature_groups mixes labels that cannot be sorted, such as numbers and strings; make "
            "them all strings."
        ) from None
    order = np.argsort(codes, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(codes))[:-1])
    return dict(zip(names.tolist(), parts, strict=True))


def _aligned(feature_groups, feature_names):
    """A Series in the order of the features, if its index has their names."""
    index = getattr(feature_groups, "index", None)
    if feature_names is None or not hasattr(feature_groups, "reindex"):
        return feature_groups
    known = np.isin(np.asarray(feature_names, dtype=object), np.asarray(index, dtype=object))
    if not known.any():
        return feature_groups  # an index that numbers the features
    if not known.all():
        missing = listed(np.flatnonzero(~known), feature_names)
        raise ValueError(
            f"feature_groups has no entry for {missing} in its index; give every feature a label."
        )
    return feature_groups.reindex(list(feature_names))


def is_missing(label: object) -> bool:
    """Whether a label is None, NaN, or the missing value of pandas."""
    try:
        return label is None or bool(label != label)  # NaN differs from itself
    except TypeError:  # pandas.NA, which neither equals nor differs from itself
        return True


def listed(features: NDArray[np.intp], names: NDArray | None) -> str:
    """Text that lists features, by name where there are names, at most five of them.

    Parameters
    ----------
    features : ndarray of int
        Which features, at least one.
    names : ndarray of shape (n_features,) or None
        Names of all features.

    Returns
    -------
    text : str
        Such as "feature 3" or "features a, b, c, d, e and 7 more".
    """
    shown = [str(i) if names is None else str(names[i]) for i in features[:5]]
    more = f" and {len(features) - 5} more" if len(features) > 5 else ""
    return ("feature " if len(features) == 1 else "features ") + ", ".join(shown) + more
