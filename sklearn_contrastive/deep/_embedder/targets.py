"""Targets of the training images: labels as codes, numbers standardised; and in a file."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..._labels import UNLABELLED, read_labels
from ..._stored_fit import StoredFit, unusable
from ..._targets import names_classes, read_targets
from ..._warnings import warn
from ...exceptions import LabelsWarning

__all__ = [
    "KnownTargets",
    "read_training_targets",
    "restore_targets",
    "restored_classes",
    "stored_classes",
    "stored_targets",
]

# of an array of numbers as labels
_DTYPES = (
    "bool",
    *(f"{sign}int{n}" for sign in ("", "u") for n in (8, 16, 32, 64)),
    "float16",
    "float32",
    "float64",
)
# number of characters of all classes, each as long as the longest
_LARGEST_CLASSES = 2**26


@dataclass(frozen=True)
class KnownTargets:
    """What a fit knows of the targets of its images: their classes, or their unit.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,) or None, default=None
        Labels, sorted; None for numerical targets.
    mean, scale : ndarray of shape (n_targets,) or None, default=None
        Mean and standard deviation of numerical targets.
    """

    classes: NDArray[Any] | None = None
    mean: NDArray[np.float64] | None = None
    scale: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, estimator: Any) -> "KnownTargets | None":
        """Those of a fitted estimator; None if it is not fitted."""
        if hasattr(estimator, "classes_"):
            return cls(estimator.classes_)
        if hasattr(estimator, "target_mean_"):
            return cls(None, estimator.target_mean_, estimator.target_scale_)
        return None

    def set_on(self, estimator: Any) -> None:
        """Set them as fitted attributes."""
        for name, value in (
            ("classes_", self.classes),
            ("target_mean_", self.mean),
            ("target_scale_", self.scale),
        ):
            if value is not None:
                setattr(estimator, name, value)
            elif hasattr(estimator, name):  # of an earlier fit with the other kind
                delattr(estimator, name)


def read_training_targets(
    y: Any,
    n_samples: int,
    left_out: list[int],
    parameters: Mapping[str, Any],
    earlier: KnownTargets | None,
) -> tuple[Tensor, KnownTargets]:
    """Targets of the images that are trained on.

    Parameters
    ----------
    y : array-like of shape (n_samples,) or (n_samples, n_targets)
        Labels or targets of all images.
    n_samples : int
        Number of images, those that cannot be read included.
    left_out : list of int
        Positions of images that cannot be read.
    parameters : mapping
        `target_type`, `unlabelled` and `class_balanced` of the estimator.
    earlier : KnownTargets or None
        Of the fit that this training continues.

    Returns
    -------
    targets : Tensor of shape (n_trained,) or (n_trained, n_targets)
        Codes of classes in int64, -1 without a label; or standardised targets in float32, NaN where
        unknown.
    known : KnownTargets
        With the earlier ones.

    Raises
    ------
    ValueError
        If y has another length, type or kind, or leaves nothing to learn.
    """
    if isinstance(y, Tensor):  # also on a GPU
        y = y.detach().cpu()
        y = (y.float() if y.dtype == torch.bfloat16 else y).numpy()
    unlabelled = parameters["unlabelled"]
    if _names_classes(y, parameters["target_type"], unlabelled, earlier):
        labels = read_labels(y, n_samples, unlabelled, () if earlier is None else earlier.classes)
        codes = np.delete(labels.codes, left_out)
        _check_classes(codes, earlier)
        classes = labels.of(np.delete(np.arange(n_samples), left_out)).classes
        if earlier is not None:
            classes = np.unique(np.concatenate([earlier.classes, classes]))
        return torch.from_numpy(codes.astype(np.int64)), KnownTargets(classes)
    if parameters["class_balanced"]:
        raise ValueError(
            "class_balanced=True needs labels that name classes, but y holds numbers. Leave it "
            'False, or pass target_type="classes" if they name classes.'
        )
    n_targets = None if earlier is None else len(earlier.mean)
    values = np.delete(read_targets(y, n_samples, n_targets, some=False).values, left_out, axis=0)
    known = _unit_of(values) if earlier is None else earlier
    standardised = (values - known.mean) / known.scale
    return torch.from_numpy(standardised.astype(np.float32)), known


def _names_classes(y, target_type, unlabelled, earlier):
    """Whether y names classes, as the targets of the fit that is continued do."""
    if earlier is None:
        return names_classes(y, target_type, unlabelled)
    known = earlier.classes is not None
    if target_type != "auto" and names_classes(y, target_type, unlabelled) != known:
        raise ValueError(
            f"target_type={target_type!r}, but the fit that this one continues had "
            f"{'class labels' if known else 'numerical targets'}. Pass the same kind, or call fit."
        )
    return known


def _check_classes(codes, earlier):
    """Raise ValueError if labels leave nothing to learn from."""
    present = np.unique(codes)
    if present.tolist() == [UNLABELLED] and earlier is None:
        raise ValueError(
            "y has no label: all images are marked as unlabelled. Label some of them, or use "
            "SimCLREmbedder, which is the same without labels."
        )
    if len(present) == 1 and present[0] != UNLABELLED:
        raise ValueError(
            "All images have a label and there is only 1 class: every image would be a positive of "
            "every other, and all representations would become the same. Add images of another "
            "class or without a label (-1)."
        )


def _unit_of(values):
    """Mean and standard deviation of each target."""
    known = ~np.isnan(values)
    if not known.any():
        raise ValueError(
            "y has no known target: all entries are NaN. Give some of them, or use SimCLREmbedder, "
            "which needs none."
        )
    counts = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, values, 0.0).sum(axis=0) / counts
    centred = np.where(known, values - mean, 0.0)
    scale = np.sqrt(np.mean(centred**2, axis=0) * (len(values) / counts))
    # the mean of equal numbers is off by rounding
    constant = scale <= 1e-12 * np.abs(mean)
    if constant.any():
        target = int(np.flatnonzero(constant)[0])
        raise ValueError(
            f"Target {target} of y has one value only, or none: it does not tell images apart. "
            "Leave it out."
        )
    return KnownTargets(None, mean, scale)


def warn_of_few_labels(codes: Tensor, batch_size: int) -> None:
    """Warn if labelled images rarely meet another of their class in a batch of random images."""
    labelled = codes[codes != UNLABELLED]
    n_classes, n_labelled = len(labelled.unique()), len(labelled)
    if n_labelled in (0, len(codes)):
        return
    n_in_batch = min(batch_size, len(codes)) * n_labelled / len(codes)
    if n_in_batch < n_classes:
        warn(
            f"A batch has {n_in_batch:.2g} images with a label on average, of {n_classes} classes. "
            "They rarely meet another of their class, so that the labels have little effect. Pass "
            "class_balanced=True, which gives them half of each batch.",
            LabelsWarning,
        )


# --- in a file ------------------------------------------------------------------------------------


def stored_targets(estimator: Any) -> dict[str, Any]:
    """Values of JSON from which `restore_targets` makes the targets of a fitted estimator."""
    known = KnownTargets.of(estimator)
    if known.classes is None:
        return {"target_mean_": known.mean.tolist(), "target_scale_": known.scale.tolist()}
    return stored_classes(known.classes)


def restore_targets(estimator: Any, stored: StoredFit, attributes: Mapping[str, Any]) -> None:
    """Set the fitted attributes of `stored_targets`; ValueError unless they are valid."""
    if attributes.get("classes_") is not None:
        KnownTargets(restored_classes(stored, attributes)).set_on(estimator)
        return
    mean, scale = (attributes.get(name) for name in ("target_mean_", "target_scale_"))
    if not (
        _are_floats(mean)
        and _are_floats(scale)
        and len(mean) == len(scale)
        and all(each > 0 for each in scale)
    ):
        raise unusable(stored.path, "it has neither classes_ nor target_mean_ and target_scale_")
    KnownTargets(None, np.array(mean), np.array(scale)).set_on(estimator)


def stored_classes(classes: NDArray[Any]) -> dict[str, Any]:
    """Values of JSON from which `restored_classes` makes the same array of sorted labels."""
    labels = [each.item() if isinstance(each, np.generic) else each for each in classes]
    if not _are_labels(labels):
        kinds = ", ".join(sorted({type(label).__name__ for label in labels}))
        raise ValueError(
            f"classes_ holds labels of type {kinds}; save writes numbers and strings. Store this "
            "estimator with joblib."
        )
    return {
        "classes_": labels,
        "classes_are_objects": classes.dtype.kind == "O",
        "classes_dtype": classes.dtype.name if classes.dtype.kind in "biuf" else None,
    }


def restored_classes(stored: StoredFit, attributes: Mapping[str, Any]) -> NDArray[Any]:
    """Labels of `stored_classes`; ValueError unless they are valid and sorted."""
    labels, dtype = attributes.get("classes_"), attributes.get("classes_dtype")
    classes = None
    if _are_labels(labels) and (dtype is None or dtype in _DTYPES):
        dtype = object if attributes.get("classes_are_objects") else dtype
        with suppress(OverflowError, ValueError):  # a number that the dtype does not have
            classes = np.array(labels, dtype=dtype)
    valid = classes is not None and (classes.dtype.kind != "O" or type(labels[0]) is str)
    if not (valid and classes.tolist() == labels and np.array_equal(np.unique(classes), classes)):
        raise unusable(stored.path, f"classes_={labels!r:.80} is not valid")
    return classes


def _are_labels(values):
    """Whether these are strings, or numbers, which an array may hold."""
    if not isinstance(values, list) or not values:
        return False
    if all(type(each) is str for each in values):
        # all take as much memory as the longest
        return len(values) * max(map(len, values)) <= _LARGEST_CLASSES
    return all(type(each) in (int, float, bool) for each in values)


def _are_floats(values):
    return (
        isinstance(values, list)
        and len(values) > 0
        and all(type(each) is float and np.isfinite(each) for each in values)
    )
