"""Validation of images as scikit-learn's validate_data does it for tables."""

from collections.abc import Sequence
from typing import Any

from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data
from torch import Tensor
from torch.utils.data import Dataset

from .containers import unpacked
from .decoded_source import refuse
from .read import holds_paths, image_source
from .source import ImageSource

__all__ = ["validated_images"]


def validated_images(
    estimator: BaseEstimator,
    X: Any,
    image_shape: Sequence[int] | None,
    *,
    reset: bool,
    min_samples: int = 1,
    check_files: bool = True,
    on_unreadable: str = "raise",
) -> ImageSource:
    """Validate the images of X; set ``n_features_in_`` or compare with it.

    Parameters
    ----------
    estimator : estimator instance
        Gets ``n_features_in_``, h * w * c, and ``feature_names_in_`` if X has names.
    X : array-like, Tensor, list of paths or Dataset
        As for `image_source`.
    image_shape : sequence of (h, w) or (h, w, c), or None
        Parameter of the user, or in transform the fitted shape.
    reset : bool
        True in fit, False later.
    min_samples : int, default=1
        Smallest number of images.
    check_files : bool, default=True
        Whether to decode every file, or item of a Dataset, as a check.
    on_unreadable : {"raise", "skip"}, default="raise"
        What to do with unreadable images. "skip": with `check_files` the source leaves them out,
        without it they are zeros in the batches; its `unreadable` has them.

    Returns
    -------
    source : ImageSource
        The images.

    Raises
    ------
    ValueError, TypeError
        If X cannot be read, has too few images, or images of another shape than in fit.
    """
    X = unpacked(X, image_shape)
    if _is_table(X):
        X = validate_data(estimator, X, reset=reset, ensure_min_samples=min_samples)
    elif reset and hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    # of files of 16 bits the value of white is that of the training images
    white = None if reset else getattr(estimator, "_white_level", None)
    source = image_source(X, image_shape, estimator_name=type(estimator).__name__, white=white)
    source.skips = on_unreadable == "skip" and not check_files
    if check_files and on_unreadable == "skip":
        source = source.readable()
    elif check_files:
        source.check()
    if len(source) < min_samples:
        refuse(source.unreadable, source.plural)
        raise ValueError(
            f"Found array with {len(source)} sample(s) while a minimum of {min_samples} is "
            "required: the loss compares an image with others."
        )
    if reset:
        c, h, w = source.shape
        estimator.n_features_in_ = h * w * c
        estimator._white_level = getattr(source, "white_level", None)
    return source


def _is_table(X):
    """Whether scikit-learn can validate X: rows of features, or an invalid X."""
    if isinstance(X, list | tuple | Tensor | Dataset) or holds_paths(X):
        return False
    return getattr(X, "ndim", 2) <= 2
