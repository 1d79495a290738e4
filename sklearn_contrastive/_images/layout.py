"""Layout of images in an array: height, width, channels and their order."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["ImageLayout", "image_layout", "image_size"]

# a row of at least this many features is read as an image
_MIN_PIXELS = 64


@dataclass(frozen=True)
class ImageLayout:
    """Shape and order of the axes of a sample.

    Parameters
    ----------
    shape : tuple of (c, h, w)
        Channels, height and width.
    channels_last : bool
        Whether a sample is stored pixel by pixel, (h, w, c), rather than channel by channel.
    """

    shape: tuple[int, int, int]
    channels_last: bool = True

    @property
    def any_values(self) -> bool:
        """Whether a sample is a row of features of any real values: an image one pixel high."""
        return self.shape[1] == 1


def image_size(image_shape: Sequence[int]) -> tuple[int, int, int]:
    """Channels, height and width from the parameter `image_shape`.

    Parameters
    ----------
    image_shape : sequence of (h, w) or (h, w, c)
        Height, width and channels; without channels, 1.

    Returns
    -------
    shape : tuple of (c, h, w)
        The same in PyTorch's order.

    Raises
    ------
    ValueError
        If it is not such a sequence of positive integers.

    Examples
    --------
    >>> from sklearn_contrastive._images.layout import image_size
    >>> image_size((28, 32))
    (1, 28, 32)
    """
    try:
        sizes = [int(size) for size in image_shape]
        # int() accepts 1.5 and "8", which are not sizes
        valid = len(sizes) in (2, 3) and sizes == list(image_shape) and min(sizes) >= 1
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(
            f"image_shape={image_shape!r} must be (h, w) or (h, w, c): positive integers, the "
            "height, the width and the number of channels."
        )
    height, width, *channels = sizes
    return (channels[0] if channels else 1, height, width)


def image_layout(
    array_shape: Sequence[int], image_shape: Sequence[int] | None = None
) -> ImageLayout:
    """Layout of the images in an array of this shape.

    Parameters
    ----------
    array_shape : sequence of int
        (n, features), (n, h, w), (n, h, w, c) or (n, c, h, w).
    image_shape : sequence of (h, w) or (h, w, c), default=None
        Shape of each image; needed if the shape of the array is ambiguous.

    Returns
    -------
    layout : ImageLayout
        Shape and order of the axes of each sample.

    Raises
    ------
    ValueError
        If the shape is not that of images, is ambiguous, or contradicts `image_shape`.

    Examples
    --------
    >>> from sklearn_contrastive._images.layout import image_layout
    >>> image_layout((500, 784))
    ImageLayout(shape=(1, 28, 28), channels_last=True)
    >>> image_layout((500, 3, 32, 32))
    ImageLayout(shape=(3, 32, 32), channels_last=False)
    """
    if len(array_shape) < 2:
        kind = "scalar" if len(array_shape) == 0 else "1D"
        raise ValueError(
            f"Expected 2D array, got {kind} array instead: images are at least 2D. Reshape your "
            "data, with X.reshape(1, -1) if it is a single sample."
        )
    if len(array_shape) > 4:
        raise ValueError(
            f"X has shape {tuple(array_shape)}; images are (n, features), (n, h, w), (n, h, w, c) "
            "or (n, c, h, w)."
        )
    if image_shape is not None:
        return _layout_of_shape(tuple(array_shape), image_shape)
    readings = {2: _layout_of_row, 3: _layout_of_grey, 4: _layout_of_channels}
    return readings[len(array_shape)](tuple(array_shape))


def _layout_of_shape(array_shape, image_shape):
    """Layout of images of `image_shape`, if the array has this shape."""
    c, h, w = image_size(image_shape)
    given = tuple(int(size) for size in image_shape)
    sample = array_shape[1:]
    if len(given) == 2 and sample in ((h, w, 3), (3, h, w)):
        c = 3
    last = {(h * w * c,), (h, w, c)} | ({(h, w)} if c == 1 else set())
    if sample in last:
        return ImageLayout((c, h, w))
    if sample == (c, h, w):
        return ImageLayout((c, h, w), channels_last=False)
    if len(sample) == 1:
        raise ValueError(
            f"X has {sample[0]} features, but image_shape={given} has "
            f"{' * '.join(map(str, given))} = {c * h * w}."
            f"{_suggestion(sample[0])}"
        )
    raise ValueError(
        f"X has shape {array_shape}, but image_shape={given} needs (n, {h * w * c}), "
        f"(n, {h}, {w}, {c}) or (n, {c}, {h}, {w}){f' or (n, {h}, {w})' if c == 1 else ''}."
    )


def _layout_of_row(array_shape):
    """Few features are a row; a square number of features is a grey square image."""
    n_features = array_shape[1]
    if n_features < _MIN_PIXELS:
        return ImageLayout((1, 1, n_features))
    side = math.isqrt(n_features)
    if side * side == n_features:
        return ImageLayout((1, side, side))
    raise ValueError(
        f"X has {n_features} features, which is not a square number, so the shape of its "
        f"images is unknown.{_suggestion(n_features)}"
    )


def _suggestion(n_features):
    """Advice with the values of image_shape that this number of features allows."""
    height = max(h for h in range(1, math.isqrt(n_features) + 1) if n_features % h == 0)
    side = math.isqrt(n_features // 3)
    readings = []
    if 3 * side * side == n_features:
        readings.append(
            f"({side}, {side}, 3) for colours stored pixel by pixel (stored channel by channel, "
            f"give X.reshape(-1, 3, {side}, {side}))"
        )
    if height > 1:
        readings.append(f"({height}, {n_features // height}) for grey images")
    readings.append(f"(1, {n_features}) for features that are not images")
    return (
        f" image_shape=(h, w) or (h, w, c) needs h * w * c = {n_features}: {', '.join(readings)}."
    )


def _layout_of_grey(array_shape):
    """Layout of (n, h, w), unless it may be a single colour image."""
    n, h, w = array_shape
    if w in (1, 3, 4):
        raise ValueError(
            f"X has shape {array_shape}: one image of {w} channels, or {n} grey images of {h} x "
            f"{w} pixels? Give X[np.newaxis] with image_shape=({n}, {h}, {w}) for the first, "
            f"image_shape=({h}, {w}) for the second."
        )
    return ImageLayout((1, h, w))


def _layout_of_channels(array_shape):
    """Layout of (n, h, w, c) or (n, c, h, w), if the sizes determine it."""
    _, first, middle, last = array_shape
    if last in (1, 3) and first not in (1, 3):
        return ImageLayout((last, first, middle))
    if first in (1, 3) and last not in (1, 3):
        return ImageLayout((first, middle, last), channels_last=False)
    where = "both the first and the last axis" if last in (1, 3) else "neither axis"
    raise ValueError(
        f"X has shape {array_shape}: {where} of an image can be the channels, which are 1 or 3. "
        f"Give image_shape=(h, w, c): ({first}, {middle}, {last}) or "
        f"({middle}, {last}, {first})."
    )
