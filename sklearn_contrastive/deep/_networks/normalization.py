"""Normalisation of the channels of images before an encoder."""

import math
from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, NamedTuple

from torch import nn

__all__ = [
    "Normalization",
    "encoder_normalization",
    "normalization_of_config",
    "normalization_of_user",
]


class Normalization(NamedTuple):
    """Normalisation (x - mean) / std, per channel of images in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def encoder_normalization(module: nn.Module) -> Normalization | None:
    """Normalisation of images for the pretrained weights of an encoder.

    Parameters
    ----------
    module : nn.Module
        From `build_encoder`.

    Returns
    -------
    Normalization or None
        Means and standard deviations, one for each channel of the encoder; None if `build_encoder`
        did not load pretrained weights.
    """
    normalization = getattr(module, "input_normalization", None)
    return normalization if isinstance(normalization, Normalization) else None


def normalization_of_config(config: Mapping[str, Any], n_channels: int) -> Normalization:
    """Normalisation for the number of channels to which timm adapted the first convolution.

    Parameters
    ----------
    config : mapping
        timm's configuration of the weights, with "mean" and "std" of three channels.
    n_channels : int
        Number of channels of the images.

    Returns
    -------
    Normalization
        One mean and deviation for each channel.
    """

    def per_channel(values):
        # timm sums the weights of the three channels for one channel, and repeats them for others
        if n_channels == 1:
            return (sum(values) / len(values),)
        return tuple(values[channel % len(values)] for channel in range(n_channels))

    return Normalization(per_channel(config["mean"]), per_channel(config["std"]))


def normalization_of_user(parameter: Sequence[Any], n_channels: int) -> Normalization:
    """The parameter `normalization` of an estimator.

    Parameters
    ----------
    parameter : sequence of (mean, std)
        Each a number, or one number for each channel.
    n_channels : int
        Number of channels of the images.

    Returns
    -------
    Normalization
        One mean and deviation for each channel.

    Raises
    ------
    ValueError
        If it does not fit the channels, or a deviation is not positive.
    """
    try:
        mean, std = (
            tuple(map(float, [values] * n_channels if isinstance(values, Real) else values))
            for values in parameter
        )
        valid = len(mean) == len(std) == n_channels and min(std) > 0
        valid = valid and all(map(math.isfinite, (*mean, *std)))
    except (TypeError, ValueError):
        valid = False
    if not valid:
        raise ValueError(
            f"normalization={parameter!r} must be (mean, std) for images in [0, 1], each a finite "
            f"number, or one for each of the {n_channels} channels, with std above 0."
        )
    return Normalization(mean, std)
