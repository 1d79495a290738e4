"""Images in files, decoded ahead of training by threads."""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cached_property
from itertools import islice

import joblib
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._arrays import ImageSource, channel_moments
from ._layout import image_size

__all__ = ["FileSource", "read_image"]

_MOST_THREADS = 8
_BATCHES_AHEAD = 2
_MOST_NAMES = 20
# An image is decoded at no less than this multiple of the size it is resized to.
_REDUCING_GAP = 2
_EXIF_ORIENTATION = 0x0112
_MODES = {1: "L", 3: "RGB"}


class FileSource(ImageSource):
    """Images in files, decoded when they are asked for.

    Parameters
    ----------
    paths : sequence of str or os.PathLike
        The files, of any format that Pillow reads.
    image_shape : sequence of (h, w) or (h, w, c)
        What each is resized and cropped to, as by `read_image`; c is 1 or 3, without it 1.

    Raises
    ------
    ValueError
        If image_shape is none of the shapes allowed.
    ImportError
        If Pillow is missing.
    """

    def __init__(self, paths: Sequence[str | os.PathLike[str]], image_shape: Sequence[int]):
        _require_pillow()
        shape = image_size(image_shape)
        if shape[0] not in _MODES:
            raise ValueError(
                f"image_shape={image_shape!r} has {shape[0]} channels; images of files have 1, "
                "grey, or 3, colours."
            )
        super().__init__(len(paths), shape)
        self._paths = [os.fspath(path) for path in paths]

    def check(self) -> None:
        """Decode every file once; those that cannot be read are named in one ValueError."""
        self.moments()

    def digest(self) -> str:
        """Hash of the names, sizes and times of the files and of the shape; nothing is decoded."""
        digest, problems = hashlib.sha256(f"{self.shape}".encode()), []
        for path in self._paths:
            try:
                status = os.stat(path)
            except OSError as error:
                problems.append(_problem(path, error))
            else:
                digest.update(repr((path, status.st_size, status.st_mtime_ns)).encode())
        _refuse(problems)
        return digest.hexdigest()

    @property
    def _dtype(self):
        return torch.uint8

    @cached_property
    def _moments(self):
        return self._scaled(channel_moments(self._readable()))

    def _readable(self):
        """All images in blocks; all problems are collected before they are raised."""
        problems = []
        for block, new in self._decoded(self._blocks()):
            problems += new
            if not problems:
                yield block
        _refuse(problems)

    def _stored(self, indices):
        for block, problems in self._decoded(indices):
            _refuse(problems)
            yield block

    def _decoded(self, indices: Iterable[Tensor]) -> Iterator[tuple[Tensor, list[str]]]:
        """Batches and what was wrong with their files, decoded a few batches ahead."""
        pool = ThreadPoolExecutor(min(_MOST_THREADS, joblib.cpu_count()))
        try:
            submitted = (self._submit(pool, index) for index in indices)
            waiting = deque(islice(submitted, _BATCHES_AHEAD))
            while waiting:
                waiting.extend(islice(submitted, 1))
                images, futures = waiting.popleft()
                problems = [problem for future in futures if (problem := future.result())]
                yield torch.from_numpy(images).permute(0, 3, 1, 2), problems
        finally:
            # whoever stops early does not wait for what is no longer wanted
            pool.shutdown(cancel_futures=True)

    def _submit(self, pool, index) -> tuple[NDArray[np.uint8], list[Future]]:
        """Start to decode a batch; images land in their places whichever is ready first."""
        c, h, w = self.shape
        images = np.empty((len(index), h, w, c), dtype=np.uint8)
        futures = [
            pool.submit(self._fill, image, self._paths[number])
            for image, number in zip(images, index.tolist(), strict=True)
        ]
        return images, futures

    def _fill(self, image, path):
        """Decode a file into its place; returns what was wrong, or None."""
        try:
            image[...] = read_image(path, self.shape)
        except MemoryError:
            raise
        except Exception as error:  # decoders of broken files raise anything
            return _problem(path, error)
        return None


def read_image(path: str | os.PathLike[str], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """A file's image, turned upright, resized to cover a shape and cropped to its centre.

    Parameters
    ----------
    path : str or os.PathLike
        The file; of several frames the first is read.
    shape : tuple of (c, h, w)
        Shape wanted; c = 1 reads grey (ITU-R 601), c = 3 colours.

    Returns
    -------
    image : uint8 ndarray of shape (h, w, c)
        The image, resized by a bicubic filter that is widened where it shrinks. What is
        transparent shows white, 16 bits become 8.

    Raises
    ------
    OSError
        If the file is missing or no image; broken files may raise anything.
    ValueError
        If its numbers have no white, as those of 32 bits.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> from sklearn_contrastive._images._files import read_image
    >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
    ...     Image.new("RGB", (40, 20), "red").save(file.name)
    ...     read_image(file.name, (3, 2, 2))[0, 0].tolist()
    [255, 0, 0]
    """
    from PIL import Image, ImageOps

    channels, height, width = shape
    with Image.open(path) as file:
        # of a JPEG, decode at a fraction of its size what would be shrunk anyway
        file.draft(_MODES[channels], _draft_size(file, height, width))
        upright = ImageOps.exif_transpose(file)
        flat = _flattened(upright, file.format).convert(_MODES[channels])
    fitted = ImageOps.fit(flat, (width, height), method=Image.Resampling.BICUBIC)
    return np.asarray(fitted).reshape(height, width, channels)


def _draft_size(file, height, width):
    """Size below which a file, as it is stored, shall not be decoded."""
    stored_width, stored_height = file.size
    if file.getexif().get(_EXIF_ORIENTATION, 1) >= 5:
        height, width = width, height
    scale = _REDUCING_GAP * max(height / stored_height, width / stored_width)
    return (max(1, round(scale * stored_width)), max(1, round(scale * stored_height)))


def _flattened(image, file_format):
    """An image of 8 bits without transparency."""
    from PIL import Image

    if image.mode.startswith("I;16") or (image.mode == "I" and file_format == "PNG"):
        return Image.fromarray((np.asarray(image) // 257).astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of 32 bits (mode {image.mode}), of which none is known as white")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours)
    return image


def _problem(path, error):
    """One line on a file that cannot be read."""
    reason = getattr(error, "strerror", None) or str(error).partition("\n")[0]
    if type(error).__name__ == "UnidentifiedImageError":
        reason = "no image, or of a format that Pillow does not know"
    return f"{path} ({reason or type(error).__name__})"


def _refuse(problems):
    """Raise for files that cannot be read, if there are any."""
    if problems:
        named = "\n".join(f"  {problem}" for problem in problems[:_MOST_NAMES])
        more = len(problems) - _MOST_NAMES
        raise ValueError(
            f"{len(problems)} of the files cannot be read as images:\n{named}"
            + (f"\n  and {more} more" if more > 0 else "")
        )


def _require_pillow():
    """Say what to install where Pillow is missing."""
    try:
        import PIL.Image  # noqa: F401
    except ModuleNotFoundError as error:
        raise ImportError(
            'Reading image files needs Pillow: pip install "sklearn-contrastive[deep]"'
        ) from error
