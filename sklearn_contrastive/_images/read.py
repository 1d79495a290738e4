"""The image source of X: an array, tensor, memory map, list of files or Dataset, checked."""

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .array_file_source import ArrayFileSource, are_arrays
from .containers import PATH_TYPES, unpacked
from .dataset_source import DatasetSource
from .file_source import FileSource
from .layout import image_layout
from .source import BLOCK_SIZE, ArraySource, ImageSource
from .values import advice_for_rows, check_dtype, check_range

__all__ = ["holds_paths", "image_source"]


def image_source(
    X: Any,
    image_shape: Sequence[int] | None = None,
    *,
    estimator_name: str = "SimCLREmbedder",
    block_size: int = BLOCK_SIZE,
    white: int | None = None,
) -> ImageSource:
    """Image source of X.

    Parameters
    ----------
    X : array-like, Tensor, list or array of paths, or Dataset of PyTorch
        Images of shape (n, features), (n, h, w), (n, h, w, c) or (n, c, h, w), the paths of files,
        or a Dataset, as `DatasetSource` reads it. Values are uint8 from 0 to 255, floats from 0 to
        1, or bools. Without `image_shape` fewer than 64 features are a row of any real values, a
        square number of at least 64 is a grey square, and c is 1 or 3. Memory maps are read in
        blocks.
    image_shape : sequence of (h, w) or (h, w, c), default=None
        Shape of each image. A height of 1 means rows of features of any real values. Pictures in
        files are resized and cropped to this shape, by default (224, 224, 3); arrays in files have
        it.
    estimator_name : str, default="SimCLREmbedder"
        For error messages.
    block_size : int, default=2**22
        Number of values in a block of a pass over all images.
    white : int, default=None
        Value of white in files of 16 bits, by default from all files.

    Returns
    -------
    source : ImageSource
        The images. Arrays are checked here, others by the methods `check` and `moments`.

    Raises
    ------
    TypeError
        If X is sparse or holds objects that are not numbers.
    ValueError
        If the shape or the values of X are not those of images.
    ImportError
        If X is a list of files and Pillow is missing.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive._images.read import image_source
    >>> source = image_source(np.zeros((500, 28, 28), dtype=np.uint8))
    >>> len(source), source.shape
    (500, (1, 28, 28))
    """
    X = unpacked(X, image_shape)
    if isinstance(X, Dataset):
        return DatasetSource(X, image_shape, estimator_name, block_size)
    if holds_paths(X):
        if are_arrays(X, image_shape):
            return ArrayFileSource(X, image_shape, estimator_name, block_size, white)
        shape = image_shape if image_shape is not None else (224, 224, 3)
        return FileSource(X, shape, block_size, white)
    images = _as_array(X)
    if images.ndim > 0:
        _check_size(images.shape)
    layout = image_layout(images.shape, image_shape)
    advice = advice_for_rows(images.shape)
    check_dtype(images, layout, advice)
    source = ArraySource(images, layout, block_size)
    if source.holds_floats:
        check_range(*source.value_range(), source.any_values, estimator_name, advice)
    return source


def holds_paths(X):
    """Whether X is a list or one-dimensional array of paths; ValueError for a mixture."""
    if isinstance(X, PATH_TYPES):
        raise ValueError(
            f"X={os.fsdecode(X)!r} is one path; give a list of paths, such as "
            'sorted(pathlib.Path(folder).glob("**/*.png")).'
        )
    if isinstance(X, Tensor) or not (
        isinstance(X, list | tuple) or len(getattr(X, "shape", ())) == 1
    ):
        return False
    is_path = [isinstance(item, PATH_TYPES) for item in X]
    if any(is_path) and not all(is_path):
        number = is_path.index(False)
        raise ValueError(f"X holds paths, but item {number} is not a path: {list(X)[number]!r}.")
    return any(is_path)


def _as_array(X):
    """X as a NumPy array or tensor, without a copy if it is one."""
    if scipy.sparse.issparse(X) or (isinstance(X, Tensor) and X.layout != torch.strided):
        raise TypeError("Sparse data was passed for X, but dense data is required.")
    if isinstance(X, Tensor):
        return X.detach()
    try:
        # not asarray for an array, which would hide that it is a memory map
        array = X if isinstance(X, np.ndarray) else np.asarray(X)
        return array.astype(np.float64) if array.dtype.kind == "O" else array
    except (ValueError, RuntimeError) as error:
        raise ValueError(f"X cannot be read as one array of numbers: {error}") from error


def _check_size(shape):
    """Raise ValueError for zero images or zero pixels."""
    for what, size in (("sample", shape[0]), ("feature", np.prod(shape[1:]))):
        if size == 0:
            raise ValueError(
                f"Found array with 0 {what}(s) (shape={tuple(shape)}) while a minimum of 1 is "
                "required."
            )
