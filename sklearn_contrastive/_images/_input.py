"""X as scikit-learn's estimators check it, where it may hold images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data
from torch import Tensor

from ._source import ImageSource, holds_paths, image_source

__all__ = ["validated_images"]


def validated_images(
    estimator: BaseEstimator,
    X: Any,
    image_shape: Sequence[int] | None,
    *,
    reset: bool,
    min_samples: int = 1,
    check_files: bool = True,
) -> ImageSource:
    """Images in X, all of them checked; ``n_features_in_`` is set, or held against them.

    Parameters
    ----------
    estimator : estimator instance
        Gets ``n_features_in_``, h * w * c, and ``feature_names_in_`` if X has names.
    X : array-like, Tensor, or list of paths
        As `image_source` takes it.
    image_shape : sequence of (h, w) or (h, w, c), or None
        What the user says, or in transform what was fitted.
    reset : bool
        True in fit, False later.
    min_samples : int, default=1
        Fewest images.
    check_files : bool, default=True
        Whether every file is decoded to see that it can be.

    Returns
    -------
    source : ImageSource
        The images.

    Raises
    ------
    ValueError, TypeError
        If X cannot be read, has too few images, or images of another shape than in fit.
    """
    if isinstance(X, list | tuple) and not holds_paths(X) and not _has_tensors(X):
        X = np.asarray(X)
    if _is_table(X):
        X = validate_data(estimator, X, reset=reset, ensure_min_samples=min_samples)
    elif reset and hasattr(estimator, "feature_names_in_"):
        del estimator.feature_names_in_
    source = image_source(X, image_shape, estimator_name=type(estimator).__name__)
    if len(source) < min_samples:
        raise ValueError(
            f"Found array with {len(source)} sample(s) while a minimum of {min_samples} is "
            "required: an image is compared with others."
        )
    if reset:
        c, h, w = source.shape
        estimator.n_features_in_ = h * w * c
    if check_files:
        source.check()
    return source


def _has_tensors(X):
    return any(isinstance(each, Tensor) for each in X)


def _is_table(X):
    """Whether scikit-learn can check X: rows of features, or what it refuses."""
    if isinstance(X, list | tuple | Tensor) or holds_paths(X):
        return False
    return getattr(X, "ndim", 2) <= 2
