"""Checks of the type and the range of the values of images."""

import math

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from .layout import ImageLayout

__all__ = ["advice_for_rows", "check_dtype", "check_range"]

# scaling to [0, 1] in floats may exceed the range by a rounding error
_ROUNDING = 1e-6


def advice_for_rows(shape: tuple[int, ...]) -> str:
    """Advice for error messages if X, of this shape, may hold rows that are not images."""
    if len(shape) > 2:
        return ""
    return f" Features that are not images are read with image_shape=(1, {shape[1]})."


def check_dtype(images: NDArray | Tensor, layout: ImageLayout, advice: str = "") -> None:
    """Raise ValueError for data that are not numbers, and integers with an unknown white."""
    name = str(images.dtype).removeprefix("torch.")
    if isinstance(images, Tensor):
        complex_, real = images.is_complex(), images.is_floating_point()
        number = True
    else:
        complex_, real = images.dtype.kind == "c", images.dtype.kind == "f"
        number = images.dtype.kind in "buif"
    if complex_:
        raise ValueError(f"Complex data not supported: X holds {name}.")
    if not number:
        raise ValueError(
            f"X holds {name}; images are uint8, floats or bools, and paths of files are strings or "
            "paths in a list."
        )
    if not (layout.any_values or real or name in ("uint8", "bool")):
        raise ValueError(
            f"X holds {name}; images are uint8 from 0 to 255, floats from 0 to 1, or bools. Give "
            "X.astype(np.uint8) if the values are 0 to 255, X divided by the value of white if not."
            f"{advice}"
        )


def check_range(
    low: float, high: float, any_values: bool, estimator_name: str, advice: str = ""
) -> None:
    """Raise ValueError for floats that are not finite or, in images, outside [0, 1].

    Parameters
    ----------
    low, high : float
        Smallest and largest value; NaN if any value is NaN.
    any_values : bool
        Whether the samples are rows of features of any real values.
    estimator_name : str
        For error messages.
    advice : str, default=""
        The end of error messages about images.
    """
    if math.isnan(low):
        raise ValueError(f"Input X contains NaN. {estimator_name} does not accept missing values.")
    if max(-low, high) > float(np.finfo(np.float32).max):
        raise ValueError("Input X contains infinity or a value too large for dtype('float32').")
    if any_values:
        return
    if low < -_ROUNDING:
        raise ValueError(
            f"X holds images of floats and its smallest value is {low:.6g}; they must be in "
            "[0, 1]. Give images that are not centred or standardised."
            f"{advice}"
        )
    if high > 1 + _ROUNDING:
        raise ValueError(
            f"X holds images of floats and its largest value is {high:.6g}; they must be in "
            "[0, 1]. Divide by the value of white (X / 255 for 8 bits) or pass uint8."
            f"{advice}"
        )
