"""Base of augmentations of image batches: validation, dtype and layout, draws, resampling."""

from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Generator, Tensor

from .rows_generator import RowsGenerator

__all__ = [
    "Augmentation",
    "ImageAugmentation",
    "check_batch",
    "check_interval",
    "check_share",
    "prepared",
    "resample",
    "restored",
    "uniform",
]

Augmentation: TypeAlias = Callable[[Tensor, Generator], Tensor]


class ImageAugmentation:
    """Base of the augmentations: a callable ``(batch, generator) -> batch``.

    A subclass draws and applies in ``_augment``, which receives a contiguous batch in float32 or
    float64. The result is converted to the dtype and the memory format of the batch.
    """

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Augment every image of a batch with its own parameters.

        Parameters
        ----------
        batch : Tensor of shape (n_images, n_channels, height, width)
            Images of floating point, on any device; they are not changed.
        generator : torch.Generator
            Draws the parameters; on the device of the batch.

        Returns
        -------
        augmented : Tensor of shape (n_images, n_channels, height, width)
            In the dtype and memory format of the batch.

        Raises
        ------
        ValueError
            If the batch is not four-dimensional or not of floating point.
        """
        check_batch(batch)
        return restored(self._augment(prepared(batch), generator), batch)

    def _augment(self, images: Tensor, generator: Generator) -> Tensor:
        raise NotImplementedError


def check_batch(batch: Tensor) -> None:
    """Raise an error unless the batch holds images of floating point."""
    if batch.ndim != 4 or not batch.is_floating_point():
        raise ValueError(
            f"The batch has shape {tuple(batch.shape)} and dtype {batch.dtype}; it must be "
            "(n_images, n_channels, height, width) of floating point. Divide bytes by 255."
        )


def prepared(batch: Tensor) -> Tensor:
    """Batch as contiguous planes, in at least float32; read only."""
    # an augmentation has about twelve operations, too many for the 8 or 11 bits of half precision
    dtype = batch.dtype if batch.dtype == torch.float64 else torch.float32
    return batch.to(dtype).contiguous()


def restored(images: Tensor, batch: Tensor) -> Tensor:
    """Images in the dtype and memory format of the original batch."""
    channels_last = not batch.is_contiguous() and batch.is_contiguous(
        memory_format=torch.channels_last
    )
    memory_format = torch.channels_last if channels_last else torch.contiguous_format
    return images.to(batch.dtype).contiguous(memory_format=memory_format)


def uniform(
    shape: int | tuple[int, ...],
    generator: Generator,
    low: Tensor | float = 0.0,
    high: Tensor | float = 1.0,
    *,
    image_axis: int = 0,
) -> Tensor:
    """Independent uniform draws in [low, high), in float32 on the generator's device.

    Parameters
    ----------
    shape : int or tuple of int
        Shape of the result.
    generator : torch.Generator
        The source of randomness; a `RowsGenerator` gives each image the numbers that it has in the
        whole batch.
    low, high : float or Tensor that broadcasts to shape, default=0 and 1
        Ends of the interval.
    image_axis : int, default=0
        Axis of the shape along which the images are.

    Returns
    -------
    draws : Tensor of the given shape
        The draws.
    """
    if isinstance(generator, RowsGenerator):
        draws = generator.uniform((shape,) if isinstance(shape, int) else shape, image_axis)
    else:
        draws = torch.rand(shape, generator=generator, device=generator.device, dtype=torch.float32)
    return low + (high - low) * draws


def resample(images: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
    """Apply to each image a linear map of its rows and another of its columns.

    Two batched products of dense matrices, so every kernel has the same cost.

    Parameters
    ----------
    images : Tensor of shape (n_images, n_channels, height, width)
        Images, contiguous.
    rows : Tensor of shape (n_images, new_height, height)
        Weights of each old row in each new one.
    columns : Tensor of shape (n_images, new_width, width)
        Weights of each old column in each new one.

    Returns
    -------
    resampled : Tensor of shape (n_images, n_channels, new_height, new_width)
        Rows times image times the transposed columns, channel by channel.
    """
    n_images, n_channels, height, width = images.shape
    folded = images.view(n_images, n_channels * height, width)
    narrowed = torch.bmm(folded, columns.to(images.dtype).transpose(1, 2))
    narrowed = narrowed.view(n_images, n_channels, height, columns.shape[1])
    return torch.matmul(rows.to(images.dtype).unsqueeze(1), narrowed)


def check_share(name: str, value: float) -> None:
    """Raise an error unless a probability or share is in [0, 1]."""
    if not 0 <= value <= 1:
        raise ValueError(f"{name}={value!r} must be in [0, 1].")


def check_interval(name: str, value: tuple[float, float], largest: float = float("inf")) -> None:
    """Raise an error unless value is (low, high) with 0 < low <= high <= largest."""
    valid = len(value) == 2 and 0 < value[0] <= value[1] <= largest
    if not valid:
        bound = "" if largest == float("inf") else f" <= {largest:g}"
        raise ValueError(
            f"{name}={value!r} must be two numbers (low, high), 0 < low <= high{bound}."
        )
