"""Whether y holds targets or class labels, in accordance with earlier samples."""

from typing import Any

from ..._targets import names_classes
from ..._typing import ArrayLike
from .supervised import SupervisedCovariance

__all__ = ["holds_targets"]


def holds_targets(
    y: ArrayLike | None, target_type: str, unlabelled: Any, earlier: SupervisedCovariance | None
) -> bool:
    """Whether y holds numerical targets, in accordance with earlier samples.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_targets), or None
        Labels or targets.
    target_type : {"auto", "classes", "continuous"}
        With "auto", what earlier samples had.
    unlabelled : label, "auto" or None
        Mark of samples without a class.
    earlier : SupervisedCovariance or None
        Of earlier samples, if there are any.

    Returns
    -------
    holds_targets : bool
        False if y names classes.

    Raises
    ------
    ValueError
        If earlier samples had the other kind, or it is not clear which kind is meant.
    """
    if earlier is None:
        return not names_classes(y, target_type, unlabelled)
    known = earlier.holds_targets
    if target_type == "auto" and (known or y is None or earlier.largest_rank):
        return known
    if known == names_classes(y, target_type, unlabelled):
        raise ValueError(
            f"y holds {'labels' if known else 'targets'}, but earlier samples were read with "
            f"{'targets' if known else 'class labels, or none'}. Pass target_type="
            '"classes" or "continuous" from the first samples on.'
        )
    return known
