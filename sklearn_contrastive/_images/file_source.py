"""Image files as a source of batches, decoded in advance by threads."""

import hashlib
import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from itertools import islice

import joblib
import torch
from numpy.typing import NDArray
from torch import Tensor

from .decode import PIL_MODES, is_colour, largest_level, read_image, require_pillow
from .decoded_source import DecodedSource, refuse
from .layout import image_size
from .source import BLOCK_SIZE

__all__ = ["FileSource", "PathSource", "n_threads", "problem_of_file"]

_MAX_THREADS = 8
_BATCHES_AHEAD = 2


class PathSource(DecodedSource):
    """Base of sources of files, decoded in threads when a batch needs them.

    A subclass defines `_dtype` and `_reader`.

    Parameters
    ----------
    paths : sequence of str
        The files.
    shape : tuple of (c, h, w)
        Shape of each image.
    block_size : int, default=2**22
        Number of values in a block of a pass over all images.
    """

    def __init__(
        self, paths: Sequence[str], shape: tuple[int, int, int], block_size: int = BLOCK_SIZE
    ):
        super().__init__(len(paths), shape, block_size=block_size)
        self._paths = list(paths)

    def digest(self) -> str:
        """Hash of the content of the files, their order and the shape; without decoding."""
        digest, problems = hashlib.sha256(f"{self.shape}".encode()), {}
        for number, path in enumerate(self._paths):
            try:
                if not os.path.isfile(path):
                    os.stat(path)  # the error of a missing file
                    raise OSError("not a file")
                with open(path, "rb") as file:
                    digest.update(hashlib.file_digest(file, "sha256").digest())
            except OSError as error:
                problems[number] = problem_of_file(path, error)
        refuse(problems, self.plural)
        return digest.hexdigest()

    def _reader(self) -> Callable[[str], NDArray]:
        """Function from a path to an image of shape (h, w, c); threads call it."""
        raise NotImplementedError

    def _select(self, kept):
        self._paths = [self._paths[number] for number in kept]

    def _decoded(self, indices: Iterable[Tensor]) -> Iterator[tuple[Tensor, dict[int, str]]]:
        """Batches with the problems of their files, decoded a few batches ahead."""
        read = self._reader()
        pool = ThreadPoolExecutor(n_threads())
        try:
            submitted = (self._submit(pool, index, read) for index in indices)
            waiting = deque(islice(submitted, _BATCHES_AHEAD))
            while waiting:
                waiting.extend(islice(submitted, 1))
                images, futures = waiting.popleft()
                results = {number: future.result() for number, future in futures}
                problems = {number: each for number, each in results.items() if each}
                yield torch.from_numpy(images).permute(0, 3, 1, 2), problems
        finally:
            # if the caller stops early, do not decode the remaining files
            pool.shutdown(cancel_futures=True)

    def _submit(self, pool, index, read) -> tuple[NDArray, list[tuple[int, Future]]]:
        """Start to decode a batch into an array; futures with the numbers of their files."""
        c, h, w = self.shape
        images = torch.empty(len(index), h, w, c, dtype=self._dtype, device="cpu").numpy()
        futures = [
            (number, pool.submit(_fill, image, self._paths[number], read))
            for image, number in zip(images, index.tolist(), strict=True)
        ]
        return images, futures


class FileSource(PathSource):
    """Pictures in files, decoded when a batch needs them.

    Parameters
    ----------
    paths : sequence of str or os.PathLike
        The files, in any format that Pillow reads.
    image_shape : sequence of (h, w) or (h, w, c)
        Shape to which `read_image` resizes and crops each image; c is 1 or 3, by default 3 if any
        of the files holds colours.
    block_size : int, default=2**22
        Number of values in a block of a pass over all images.
    white : int, default=None
        Value of white in grey files of 16 bits, by default the largest of the bit depth that all
        files together use, such as 4095.

    Raises
    ------
    ValueError
        If image_shape is not allowed.
    ImportError
        If Pillow is missing.
    """

    def __init__(
        self,
        paths: Sequence[str | os.PathLike[str]],
        image_shape: Sequence[int],
        block_size: int = BLOCK_SIZE,
        white: int | None = None,
    ):
        require_pillow()
        names = [os.fsdecode(path) for path in paths]
        shape = image_size(image_shape)
        if len(image_shape) == 2 and any(map(is_colour, names)):
            shape = (3, *shape[1:])
        if shape[0] not in PIL_MODES:
            raise ValueError(
                f"image_shape={image_shape!r} has {shape[0]} channels; image files have 1 "
                "(grey) or 3 (colours), and arrays of any number are .npy or TIFF files."
            )
        super().__init__(names, shape, block_size)
        self._white_given = white

    @cached_property
    def white_level(self) -> int | None:
        """Value of white in grey files of 16 bits; None if the first one is not one of them."""
        if self._white_given is not None:
            return self._white_given
        # one look is enough for other files: sets with images of 16 bits rarely hold others
        levels = map(largest_level, self._paths)
        if not next((level for level in levels if level is not None), 0):
            return None
        with ThreadPoolExecutor(n_threads()) as pool:
            return max(level or 0 for level in pool.map(largest_level, self._paths))

    @property
    def _dtype(self):
        return torch.uint8

    def _reader(self):
        white = self.white_level
        return lambda path: read_image(path, self.shape, white)


def _fill(image, path, read):
    """Decode a file into an image array; returns a description of the problem, or None."""
    try:
        image[...] = read(path)
    except MemoryError:
        raise
    except Exception as error:  # decoders of broken files raise all kinds of errors
        image[...] = 0
        return problem_of_file(path, error)
    return None


def n_threads() -> int:
    """Number of threads that decode files."""
    return min(_MAX_THREADS, joblib.cpu_count())


def problem_of_file(path: str, error: Exception) -> str:
    """One line about a file that cannot be read."""
    reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    if type(error).__name__ == "UnidentifiedImageError":
        reason = "not an image, or in a format that Pillow does not support"
    return f"{path} ({reason or type(error).__name__})"
