"""Decoding of an image file: orientation, resizing, cropping, transparency."""

import os

import numpy as np
from numpy.typing import NDArray

__all__ = ["PIL_MODES", "read_image", "require_pillow"]

# a JPEG is decoded at no less than this multiple of the size to which it is resized
_REDUCING_GAP = 2
_EXIF_ORIENTATION = 0x0112
# by number of channels
PIL_MODES = {1: "L", 3: "RGB"}


def read_image(path: str | os.PathLike[str], shape: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Read an image file upright, resized to cover a shape and cropped to its centre.

    Parameters
    ----------
    path : str or os.PathLike
        The file; of several frames, the first is read.
    shape : tuple of (c, h, w)
        Shape of the result; c = 1 reads grey (ITU-R 601), c = 3 colours.

    Returns
    -------
    image : uint8 ndarray of shape (h, w, c)
        The image, resized with a bicubic filter, antialiased if it shrinks. Transparent parts
        become white, 16 bits become 8.

    Raises
    ------
    OSError
        If the file is missing or not an image; broken files may raise other errors.
    ValueError
        If the value of white is unknown, as for pixels of 32 bits.

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
    from PIL import Image, ImageOps

    channels, height, width = shape
    with Image.open(path) as file:
        # a JPEG can be decoded at a fraction of its size
        file.draft(PIL_MODES[channels], _draft_size(file, height, width))
        upright = ImageOps.exif_transpose(file)
        flat = _flattened(upright, file.format).convert(PIL_MODES[channels])
    fitted = ImageOps.fit(flat, (width, height), method=Image.Resampling.BICUBIC)
    return np.asarray(fitted).reshape(height, width, channels)


def _draft_size(file, height, width):
    """Smallest size, in the orientation of the file, at which to decode it."""
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
        raise ImportError(
            'Reading image files needs Pillow: pip install "sklearn-contrastive[deep]"'
        ) from error
