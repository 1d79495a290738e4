"""Containers of images that are not one array: lists of images, columns of paths, data sets."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset

from .decode import PIL_MODES, decoded, is_grey_image, level_of_image
from .layout import image_size

__all__ = ["PATH_TYPES", "is_pillow", "shape_of_pillow", "unpacked"]

PATH_TYPES = (str, bytes, os.PathLike)


def unpacked(X: Any, image_shape: Sequence[int] | None = None) -> Any:
    """X as an array, a Tensor, a table, a list of paths or a Dataset.

    Parameters
    ----------
    X : object
        Images of Pillow, arrays or Tensors in a list or a column, paths in a column of a table, or
        anything that is an array, a table, a Dataset of PyTorch or a list of paths already, which
        is returned as it is.
    image_shape : sequence of (h, w) or (h, w, c), default=None
        Shape to which images of Pillow are resized and cropped; by default they must have one size.

    Returns
    -------
    X : object
        An array, a Tensor, a table, a list of paths or a Dataset.

    Raises
    ------
    TypeError
        If X is an iterator, a DataLoader or an IterableDataset of PyTorch.
    ValueError
        If the images differ in size.
    """
    if isinstance(X, IterableDataset | DataLoader | Iterator):
        raise TypeError(
            f"X is a {type(X).__name__}, which reads its images in one order only. Give an array "
            "of all images, the paths of their files, or a Dataset with __getitem__ and __len__."
        )
    if isinstance(X, TensorDataset):  # its items are rows of the first tensor
        return X.tensors[0]
    if isinstance(X, Dataset):
        return X
    if _is_column_of_paths(X):
        return np.asarray(X)[:, 0].tolist()
    if isinstance(X, Tensor):
        return X
    if not hasattr(X, "shape") and hasattr(X, "__array__"):
        return np.asarray(X)
    is_column = len(getattr(X, "shape", ())) == 1 and str(getattr(X, "dtype", "")) in _OBJECTS
    if not (isinstance(X, list | tuple) or is_column) or len(X) == 0:
        return X
    items = list(X)
    if all(isinstance(item, PATH_TYPES) for item in items):
        return X
    if all(map(is_pillow, items)):
        return _of_pillow(items, image_shape)
    if isinstance(X, list | tuple) and not any(isinstance(item, PATH_TYPES) for item in items):
        return _stacked(items)
    return _stacked(items) if all(hasattr(item, "shape") for item in items) else X


_OBJECTS = ("object", "Object")


def is_pillow(image: Any) -> bool:
    """Whether this is an image of Pillow, which need not be installed."""
    return hasattr(image, "getexif")


def _stacked(items):
    """Items of one shape as one array or Tensor."""
    try:
        if all(isinstance(item, Tensor) for item in items):
            return torch.stack(items)
        return np.asarray(items)
    except (ValueError, RuntimeError) as error:
        raise ValueError(
            f"X cannot be read as one array of numbers: {error} Images in memory all have the "
            "same size; files of any size are given as a list of paths."
        ) from error


def _of_pillow(images, image_shape):
    """Images of Pillow as an array (n, h, w, c) of bytes, read as files are."""
    if empty := [number for number, image in enumerate(images) if 0 in image.size]:
        raise ValueError(f"X[{empty[0]}] is an image of Pillow without pixels. Leave it out.")
    if image_shape is None:
        sizes = {image.size for image in images}
        if len(sizes) > 1:
            raise ValueError(
                f"X holds images of Pillow of {len(sizes)} sizes. Images in memory all have the "
                "same size; give image_shape=(height, width), to which they are resized and "
                "cropped, or a list of paths."
            )
    shape = shape_of_pillow(images, image_shape)
    white = max(map(level_of_image, images)) or None
    return np.stack([decoded(image.copy(), shape, white) for image in images])


def shape_of_pillow(
    images: Sequence[Any], image_shape: Sequence[int] | None = None
) -> tuple[int, int, int]:
    """Shape (c, h, w) to which images of Pillow are converted.

    Parameters
    ----------
    images : sequence of PIL.Image.Image
        The images.
    image_shape : sequence of (h, w) or (h, w, c), default=None
        Shape of the user; None: the size of the first image. Without c, it is 1 if all images are
        grey, otherwise 3.

    Returns
    -------
    shape : tuple of (c, h, w)
        The shape.

    Raises
    ------
    ValueError
        If `image_shape` has a number of channels other than 1 and 3.
    """
    n_channels = 1 if all(map(is_grey_image, images)) else 3
    if image_shape is None:
        width, height = images[0].size
        return (n_channels, height, width)
    shape = image_size(image_shape)
    if len(image_shape) == 2:
        return (n_channels, *shape[1:])
    if shape[0] not in PIL_MODES:
        raise ValueError(
            f"image_shape={tuple(image_shape)} has {shape[0]} channels; images of Pillow are read "
            "in grey, 1 channel, or in colour, 3. Give arrays for other numbers of channels."
        )
    return shape


def _is_column_of_paths(X):
    """Whether X is a table or array of one column whose first entry is a path."""
    shape = getattr(X, "shape", ())
    if isinstance(X, Tensor) or issparse(X) or len(shape) != 2 or shape[1] != 1 or shape[0] == 0:
        return False
    return isinstance(np.asarray(X[:1])[0, 0], PATH_TYPES)
