"""Decoding of an image file: orientation, resizing, cropping, transparency, depth, size."""

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._install import needs

__all__ = [
    "PIL_MODES",
    "decoded",
    "has_unknown_depth",
    "is_colour",
    "is_grey_image",
    "largest_level",
    "level_of_image",
    "level_of_values",
    "read_image",
    "require_pillow",
]

# a JPEG is decoded at no less than this multiple of the size to which it is resized
_REDUCING_GAP = 2
_EXIF_ORIENTATION = 0x0112
# Pillow's transpositions that turn each orientation of the EXIF standard upright
_UPRIGHT = {
    2: "FLIP_LEFT_RIGHT",
    3: "ROTATE_180",
    4: "FLIP_TOP_BOTTOM",
    5: "TRANSPOSE",
    6: "ROTATE_270",
    7: "TRANSVERSE",
    8: "ROTATE_90",
}
# by number of channels
PIL_MODES = {1: "L", 3: "RGB"}
_GREY_MODES = ("1", "L", "LA", "La", "I", "F")
_WHITE = 65535


def read_image(
    path: str | os.PathLike[str], shape: tuple[int, int, int], white: int | None = None
) -> NDArray[np.uint8]:
    """Read an image file upright, resized to cover a shape and cropped to its centre.

    Parameters
    ----------
    path : str or os.PathLike
        The file; of several frames, the first is read.
    shape : tuple of (c, h, w)
        Shape of the result; c = 1 reads grey (ITU-R 601), c = 3 colours.
    white : int, default=None
        Value of white in grey files of 16 bits; None takes it from `largest_level` of the file.

    Returns
    -------
    image : uint8 ndarray of shape (h, w, c)
        The image, resized with a bicubic filter, antialiased if it shrinks. Transparent parts
        become white, 16 bits become 8. Metadata that cannot be read are ignored.

    Raises
    ------
    OSError
        If the file is missing or not an image; broken files may raise other errors.
    ValueError
        If the value of white is unknown, as for pixels of 32 bits, or the image has more pixels
        than ``PIL.Image.MAX_IMAGE_PIXELS``.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> from sklearn_contrastive._images.decode import read_image
    >>> with tempfile.NamedTemporaryFile(suffix=".png") as file:
    ...     Image.new("RGB", (40, 20), "red").save(file.name)
    ...     read_image(file.name, (3, 2, 2))[0, 0].tolist()
    [255, 0, 0]
    """
    with _opened(path) as file:
        return decoded(file, shape, white)


def decoded(file: Any, shape: tuple[int, int, int], white: int | None = None) -> NDArray[np.uint8]:
    """The same for an opened image of Pillow."""
    from PIL import Image, ImageOps

    channels, height, width = shape
    # a JPEG can be decoded at a fraction of its size
    if hasattr(file, "draft"):  # an image in memory has none
        file.draft(PIL_MODES[channels], _draft_size(file, height, width))
    with _PIXELS.taken(file.width * file.height):
        file.load()
        upright = file
        if (orientation := _orientation(file)) in _UPRIGHT:
            upright = file.transpose(Image.Transpose[_UPRIGHT[orientation]])
        flat = _flattened(upright, file, white).convert(PIL_MODES[channels])
        fitted = ImageOps.fit(flat, (width, height), method=Image.Resampling.BICUBIC)
    return np.asarray(fitted).reshape(height, width, channels)


def is_colour(path: str | os.PathLike[str]) -> bool:
    """Whether a file holds colours; False for a file that cannot be read."""
    try:
        with _opened(path) as file:
            return not is_grey_image(file)
    except Exception:  # named when it is decoded
        return False


def largest_level(path: str | os.PathLike[str]) -> int | None:
    """Largest value of the bit depth that a grey file of 16 bits uses, such as 4095; otherwise 0.

    Cameras and scanners store 10, 12 or 14 bits in files of 16. None for a file that cannot be
    read.
    """
    try:
        with _opened(path) as file, _PIXELS.taken(file.width * file.height):
            return level_of_image(file)
    except Exception:  # named when it is decoded
        return None


def level_of_image(image: Any) -> int:
    """The same for an image of Pillow that can be read."""
    return level_of_values(np.asarray(image)) if has_unknown_depth(image) else 0


@contextmanager
def _opened(path: str | os.PathLike[str]) -> Iterator[Any]:
    """An image file of Pillow, of a limited number of pixels."""
    from PIL import Image

    mode = os.stat(path).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):  # opening a FIFO waits for a writer
        raise OSError("a FIFO, socket or device, not a file")
    with Image.open(path) as file:
        n_pixels, limit = file.width * file.height, Image.MAX_IMAGE_PIXELS
        if limit is not None and n_pixels > limit:
            raise ValueError(f"{n_pixels} pixels, more than PIL.Image.MAX_IMAGE_PIXELS = {limit}")
        yield file


class _PixelBudget:
    """Limits the pixels that all threads decode at once to those of one image that may be read."""

    def __init__(self):
        self._changed = threading.Condition()
        self._n_pixels = 0

    @contextmanager
    def taken(self, n_pixels: int) -> Iterator[None]:
        """Wait until the pixels fit beside those of other threads, or there are no others."""
        from PIL import Image

        limit = Image.MAX_IMAGE_PIXELS or float("inf")
        with self._changed:
            self._changed.wait_for(lambda: not self._n_pixels or self._n_pixels + n_pixels <= limit)
            self._n_pixels += n_pixels
        try:
            yield
        finally:
            with self._changed:
                self._n_pixels -= n_pixels
                self._changed.notify_all()


_PIXELS = _PixelBudget()


def _orientation(file):
    """Orientation of the EXIF standard; 1, upright, if the metadata cannot be read."""
    try:
        return int(file.getexif().get(_EXIF_ORIENTATION, 1))
    except Exception:  # metadata may hold anything
        return 1


def _draft_size(file, height, width):
    """Smallest size, in the orientation of the file, at which to decode it."""
    stored_width, stored_height = file.size
    if _orientation(file) >= 5:
        height, width = width, height
    scale = _REDUCING_GAP * max(height / stored_height, width / stored_width)
    return (max(1, round(scale * stored_width)), max(1, round(scale * stored_height)))


def is_grey_image(image: Any) -> bool:
    """Whether an image of Pillow is grey."""
    return image.mode in _GREY_MODES or image.mode.startswith("I;16")


def has_unknown_depth(file: Any) -> bool:
    """Whether an image of Pillow has 16 bits of grey, of which it may use fewer.

    Pillow scales those of PPM.
    """
    return file.mode.startswith("I;16") or (file.mode == "I" and file.format == "PNG")


def level_of_values(values: NDArray) -> int:
    """Largest value of the smallest number of bits, at least 8, that holds the values."""
    return max(255, (1 << int(values.max()).bit_length()) - 1)


def _flattened(image, file, white):
    """An image of 8 bits without transparency."""
    from PIL import Image

    if has_unknown_depth(file) or (image.mode == "I" and file.format == "PPM"):
        values = np.asarray(image)
        if white is None:
            white = level_of_values(values) if has_unknown_depth(file) else _WHITE
        if white == _WHITE:
            return Image.fromarray((values // 257).astype(np.uint8))
        levels = np.round(np.minimum(values, white) * (255 / white))
        return Image.fromarray(levels.astype(np.uint8))
    if image.mode in ("I", "F"):
        raise ValueError(f"pixels of 32 bits (mode {image.mode}), whose value of white is unknown")
    if image.has_transparency_data:
        colours = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", colours.size, "white"), colours)
    return image


def require_pillow():
    """Raise ImportError with the install command if Pillow is missing."""
    try:
        import PIL.Image  # noqa: F401
    except ModuleNotFoundError as error:
        raise ImportError(needs("Reading image files", "Pillow", "pillow")) from error
