"""Arrays in files as a source of images: NumPy's format, and TIFF of any number of channels."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from .._install import needs
from .decode import PIL_MODES, level_of_values
from .file_source import PathSource, n_threads, problem_of_file
from .layout import image_layout
from .source import BLOCK_SIZE, supported
from .values import check_dtype, check_range

__all__ = ["ArrayFileSource", "are_arrays"]

_NUMPY, _TIFF = (".npy",), (".tif", ".tiff")
_ATTEMPTS = 5
# types of batches that are those of the files; all others are floats
_KEPT = {np.uint8: torch.uint8, np.bool_: torch.bool}


def are_arrays(paths: Sequence[str | os.PathLike[str]], image_shape: Sequence[int] | None) -> bool:
    """Whether files are arrays, rather than pictures that Pillow reads.

    Those of NumPy are, and TIFF files of a number of channels that Pillow does not have.
    """
    endings = {_ending(path) for path in paths}
    more = image_shape is not None and len(image_shape) == 3 and image_shape[2] not in PIL_MODES
    return not endings.isdisjoint(_NUMPY) or (more and not endings.isdisjoint(_TIFF))


class ArrayFileSource(PathSource):
    """Arrays in files, one image each, read when a batch needs them. They are not resized.

    Parameters
    ----------
    paths : sequence of str or os.PathLike
        Files of NumPy (.npy) or TIFF files (.tif, .tiff), which need tifffile. All have one shape,
        type and order of axes: uint8, bools, floats in [0, 1], or uint16.
    image_shape : sequence of (h, w) or (h, w, c), default=None
        Shape of the images; without it the channels are 1 or 3.
    estimator_name : str, default="SimCLREmbedder"
        For error messages.
    block_size : int, default=2**22
        Number of values in a block of a pass over all images.
    white : int, default=None
        Value of white of uint16, by default the largest of the bit depth that all files together
        use.

    Raises
    ------
    ValueError
        If no file can be read, or the first one is not an image of this shape.
    ImportError
        If a TIFF file is read and tifffile is missing.
    """

    def __init__(
        self,
        paths: Sequence[str | os.PathLike[str]],
        image_shape: Sequence[int] | None = None,
        estimator_name: str = "SimCLREmbedder",
        block_size: int = BLOCK_SIZE,
        white: int | None = None,
    ):
        names = [os.fsdecode(path) for path in paths]
        path, first = _first_kind(names)
        try:
            self._layout = image_layout((1, *first.shape), image_shape)
            if first.dtype != np.uint16:
                check_dtype(np.empty(0, first.dtype), self._layout)
        except ValueError as error:
            raise ValueError(f"{path}, as an X of one image: {error}") from error
        super().__init__(names, self._layout.shape, block_size)
        self._first, self._estimator_name, self._white_given = first, estimator_name, white

    @cached_property
    def white_level(self) -> int | None:
        """Value of white of uint16; None for other types."""
        if self._first.dtype != np.uint16:
            return None
        if self._white_given is not None:
            return self._white_given
        with ThreadPoolExecutor(n_threads()) as pool:
            return max(pool.map(partial(_level_of_file, first=self._first), self._paths))

    @property
    def _dtype(self):
        return _KEPT.get(self._first.dtype.type, torch.float32)

    def _reader(self) -> Callable[[str], NDArray]:
        """Function from a path to an image of shape (h, w, c)."""
        c, h, w = self.shape
        white = self.white_level

        def read(path):
            array = _read(path, self._first)
            if array.dtype.kind == "f":
                # both NaN if any value is
                check_range(float(array.min()), float(array.max()), False, self._estimator_name)
            elif array.dtype == np.uint16:
                array = np.minimum(array, white) / np.float32(white)
            if self._layout.channels_last:
                return array.reshape(h, w, c)
            return array.reshape(c, h, w).transpose(1, 2, 0)

        return read


class _Kind(NamedTuple):
    """Shape and type of an array; the order of its bytes does not count."""

    shape: tuple[int, ...]
    dtype: np.dtype

    def __str__(self):
        return f"shape {self.shape} of {self.dtype}"


@contextmanager
def _opened(path: str) -> Iterator[tuple[_Kind, Callable[[], NDArray]]]:
    """Kind of the array in a file, from its header, and a function that reads it."""
    ending = _ending(path)
    if ending not in (*_NUMPY, *_TIFF):
        raise ValueError("neither .npy nor TIFF, as other files of X are")
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError("not a file")  # opening a FIFO waits for a writer
    if ending in _NUMPY:
        # neither pickled objects, nor fewer bytes than the header says
        mapped = _mapped(path)
        yield _kind_of(mapped), lambda: np.array(mapped)
    else:
        with _tifffile().TiffFile(path) as file:
            series = file.series[0]
            yield _kind_of(series), series.asarray


def _mapped(path):
    """The array of a file of NumPy, whose values are read later."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return np.lib.format.open_memmap(path, mode="r")
        except SystemError:  # Python 3.11, of headers that threads parse at once (gh-106905)
            continue
    return np.lib.format.open_memmap(path, mode="r")


def _kind_of(stored):
    return _Kind(tuple(stored.shape), np.dtype(stored.dtype).newbyteorder("="))


def _first_kind(paths):
    """Path and kind of the first file that can be read; the others are named when all are read."""
    problems = []
    for path in paths:
        try:
            with _opened(path) as (kind, _):
                return path, kind
        except (MemoryError, ImportError):
            raise
        except Exception as error:  # broken files may raise any error
            problems.append(problem_of_file(path, error))
    raise ValueError(f"None of the {len(paths)} files can be read: {problems[0]}.")


def _read(path, first):
    """The array of a file; ValueError if it is not of the kind of the first one."""
    with _opened(path) as (kind, load):
        if kind != first:
            raise ValueError(f"{kind}, and the first file {first}")
        return supported(load())


def _level_of_file(path, first):
    """Largest value of the bit depth that a file uses; 0 if it cannot be read."""
    try:
        return level_of_values(_read(path, first))
    except Exception:  # named when all are read
        return 0


def _ending(path):
    return os.path.splitext(os.fsdecode(path))[1].lower()


def _tifffile():
    """The module tifffile; ImportError with the install command if it is missing."""
    try:
        import tifffile
    except ModuleNotFoundError as error:
        raise ImportError(
            needs("Reading TIFF files of any number of channels", "tifffile", "tifffile")
        ) from error
    return tifffile
