"""A Dataset of PyTorch as a source of images."""

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from .containers import is_pillow, shape_of_pillow
from .decode import decoded, has_unknown_depth, is_grey_image
from .decoded_source import DecodedSource
from .layout import image_layout
from .source import BLOCK_SIZE, supported
from .values import advice_for_rows, check_dtype, check_range

__all__ = ["DatasetSource"]

# number of images that are read twice, to find out whether they are random
_N_READ_TWICE = 4


class DatasetSource(DecodedSource):
    """Images of a Dataset of PyTorch, read one after another when a batch needs them.

    Parameters
    ----------
    dataset : Dataset
        With ``__len__`` and ``__getitem__``. An item is an image, or a tuple whose first entry is
        one: a Tensor, an array or an image of Pillow. All have one size, type and order of axes.
    image_shape : sequence of (h, w) or (h, w, c), default=None
        Shape of each image. Images of Pillow are resized and cropped to it.
    estimator_name : str, default="SimCLREmbedder"
        For error messages.
    block_size : int, default=2**22
        Number of values in a block of a pass over all images.

    Raises
    ------
    TypeError
        If the Dataset has no length, or its items are not images.
    ValueError
        If it is empty, or the shape or type of the first image is not that of images.
    """

    plural = "items"

    def __init__(
        self,
        dataset: Dataset,
        image_shape: Sequence[int] | None = None,
        estimator_name: str = "SimCLREmbedder",
        block_size: int = BLOCK_SIZE,
    ):
        n_samples = _length(dataset)
        image = _image_of(_first_item(dataset, n_samples))
        if is_pillow(image):
            self._as_tensor = partial(_of_pillow, *_size_of_pillow(image, image_shape))
            c, h, w = shape_of_pillow([image], image_shape)
            image_shape = (h, w, c)
        else:
            self._as_tensor = _of_numbers
        first = self._as_tensor(image)
        shape = (n_samples, *first.shape)
        self._layout = image_layout(shape, image_shape)
        self._advice = advice_for_rows(shape)
        check_dtype(first, self._layout, self._advice)
        super().__init__(n_samples, self._layout.shape, self._layout.any_values, block_size)
        self._dataset = dataset
        self._numbers: Sequence[int] = range(n_samples)
        self._estimator_name = estimator_name
        self._item_shape, self._item_dtype = first.shape, first.dtype

    def check(self) -> None:
        """Read every image once, and a few twice; one ValueError names all unreadable ones."""
        super().check()
        for number in range(min(_N_READ_TWICE, self.n_samples)):
            if not torch.equal(self._image(number), self._image(number)):
                raise ValueError(
                    f"X is a Dataset whose item {number} is another image each time it is read. "
                    "Leave out its random transforms: the parameter augmentations draws the views."
                )

    @property
    def _dtype(self):
        return self._item_dtype

    def _select(self, kept):
        self._numbers = [self._numbers[number] for number in kept]

    def _decoded(self, indices: Iterable[Tensor]) -> Iterator[tuple[Tensor, dict[int, str]]]:
        """Batches with the problems of their items."""
        for index in indices:
            images = torch.zeros(len(index), *self.shape, dtype=self._dtype)
            problems = {}
            for place, number in enumerate(index.tolist()):
                try:
                    images[place] = self._image(number)
                except MemoryError:
                    raise
                except Exception as error:  # a Dataset of the user may raise any error
                    problems[number] = _problem(self._numbers[number], error)
            self._check_range(images)
            yield images, problems

    def _image(self, number):
        """One image of shape (c, h, w); ValueError if it differs in kind from the first."""
        image = self._as_tensor(_image_of(self._dataset[self._numbers[number]]))
        if image.shape != self._item_shape or image.dtype != self._item_dtype:
            raise ValueError(
                f"{_kind(image.shape, image.dtype)}, and the first item "
                f"{_kind(self._item_shape, self._item_dtype)}"
            )
        c, h, w = self.shape
        if self._layout.channels_last:
            return image.reshape(h, w, c).permute(2, 0, 1)
        return image.reshape(c, h, w)

    def _check_range(self, images):
        """Raise ValueError if floats are not finite or outside [0, 1]."""
        if images.is_floating_point():
            low, high = torch.stack(torch.aminmax(images.double())).tolist()
            check_range(low, high, self.any_values, self._estimator_name, self._advice)


def _length(dataset):
    """Number of items; an error if there is none."""
    try:
        n_samples = len(dataset)
    except (TypeError, NotImplementedError) as error:
        raise TypeError(
            f"X is a {type(dataset).__name__} without a length; give a Dataset with __getitem__ "
            "and __len__."
        ) from error
    if n_samples == 0:
        raise ValueError(
            "Found array with 0 sample(s) while a minimum of 1 is required: X is an empty "
            f"{type(dataset).__name__}."
        )
    return n_samples


def _first_item(dataset, n_samples):
    """The first item that can be read; the others are named when all are read."""
    for number in range(n_samples):
        try:
            return dataset[number]
        except MemoryError:
            raise
        except Exception as error:  # a Dataset of the user may raise any error
            problem = error
    raise ValueError(f"None of the items of X can be read: {_problem(n_samples - 1, problem)}.")


def _image_of(item: Any) -> Any:
    """The image of an item of a Dataset."""
    # not of a list, which may hold two views
    image = item[0] if isinstance(item, tuple) and item else item
    if is_pillow(image) or isinstance(image, Tensor | np.ndarray):
        return image
    views = " Two views of an image are drawn by the parameter augmentations."
    raise TypeError(
        f"An item of X is {_name(item)}; the items of a Dataset are images, or tuples such as "
        "(image, label) whose first entry is a Tensor, an array or an image of Pillow."
        + (views if isinstance(image, tuple | list) else "")
    )


def _name(item):
    """Type of an item, with the types of its entries."""
    kind = type(item).__name__
    if not isinstance(item, tuple | list):
        return kind
    return f"{kind} of ({', '.join(type(entry).__name__ for entry in item)})"


def _of_numbers(image):
    """A Tensor or an array as a Tensor on the CPU, in its own shape."""
    if isinstance(image, Tensor):
        return image.detach().cpu()
    if image.dtype.kind not in "buif":
        raise ValueError(f"it holds {image.dtype}; images are uint8, floats or bools")
    return torch.from_numpy(supported(np.array(image)))


def _size_of_pillow(first, image_shape):
    """Arguments of `_of_pillow`: shape of the result, required size, whether grey is chosen."""
    shape = shape_of_pillow([first], image_shape)
    given = image_shape is not None
    return shape, None if given else first.size, given and len(image_shape) == 3


def _of_pillow(shape, size, channels_given, image):
    """An image of Pillow as a Tensor (h, w, c) of bytes."""
    if has_unknown_depth(image):
        raise ValueError("it has 16 bits of grey; give arrays of floats, divided by white")
    if size is not None and image.size != size:
        raise ValueError(
            f"it has {image.size[0]} x {image.size[1]} pixels, and the first item {size[0]} x "
            f"{size[1]}; give image_shape=(height, width), to which images are resized and cropped"
        )
    if shape[0] == 1 and not (channels_given or is_grey_image(image)):
        raise ValueError(
            "it has colours, and the first item is grey; give image_shape=(height, width, 3) for "
            "colours, (height, width, 1) for grey"
        )
    return torch.from_numpy(np.array(decoded(image.copy(), shape)))


def _kind(shape, dtype):
    return f"shape {tuple(shape)} of {str(dtype).removeprefix('torch.')}"


def _problem(number, error):
    """One line about an item that cannot be read."""
    text = str(error).partition("\n")[0]
    kind = "" if isinstance(error, ValueError) and text else f"{type(error).__name__}: "
    return f"item {number} ({kind}{text})"
