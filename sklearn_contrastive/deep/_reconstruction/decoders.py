"""Decoders: networks from representations to standardised images or rows of features."""

import copy
import math
from collections.abc import Callable

from torch import Tensor, nn
from torch.nn.functional import interpolate

from .._networks.encoders import try_out, try_out_training

__all__ = ["ImageDecoder", "build_decoder", "sizes_from_small_to_large"]

# the first map of channels is at most so large on a side
_SMALLEST_SIDE = 7
# channels of a map half as large as the images; they double with every halving, up to the most
_CHANNELS, _MOST_CHANNELS = 32, 256
# units of the hidden layer of the decoder of rows
_HIDDEN = 128


def build_decoder(
    decoder: str | nn.Module | Callable[[], nn.Module], width: int, shape: tuple[int, ...]
) -> nn.Module:
    """Decoder by name, or a copy of a module, tested on two representations.

    Parameters
    ----------
    decoder : {"auto", "linear"}, nn.Module or callable
        "auto" is an `ImageDecoder` for images and a network of one hidden layer for rows; "linear"
        is a linear map. A callable returns a module.
    width : int
        Number of features of the representations.
    shape : tuple of (c, h, w) or (n_features,)
        Shape of an image, or of a row.

    Returns
    -------
    nn.Module
        Maps (n, width) to prod(shape) values for each sample. PyTorch's global generator, seeded by
        the caller, draws new weights.

    Raises
    ------
    ValueError
        If a module does not map such rows to as many finite numbers as a sample has.
    TypeError
        If a callable does not return a module.
    """
    size = math.prod(shape)
    if decoder == "linear":
        return nn.Linear(width, size)
    if isinstance(decoder, str):
        return ImageDecoder(width, shape) if len(shape) == 3 else _rows_decoder(width, size)
    module = copy.deepcopy(decoder) if isinstance(decoder, nn.Module) else decoder()
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"The factory decoder={decoder!r} returned {type(module).__name__}; it must return a "
            "torch.nn.Module."
        )
    module.float()  # PyTorch's default dtype may have been another
    as_rows = nn.Sequential(module, nn.Flatten())
    found = try_out(
        as_rows,
        (width,),
        role="decoder",
        takes=f"The representations have {width} features.",
        makes=f"A decoder returns {size} values for each sample.",
    )
    if found != size:
        raise ValueError(
            f"The decoder returned {found} values for each sample, and a sample of shape {shape} "
            f"has {size}. Change the last layer of the decoder."
        )
    try_out_training(as_rows, (width,), size, role="decoder")
    return module


class ImageDecoder(nn.Module):
    """Network from representations to images of any size and number of channels.

    A linear map makes a map of channels whose sides are at most 7. Then each stage enlarges it to
    about twice its size, by the nearest neighbour, and convolves it: transposed convolutions, whose
    kernels overlap unevenly, would leave a pattern of squares [1]_. Sides that are no powers of two
    are halved and rounded up, and the stages return through the same sizes.

    Parameters
    ----------
    width : int
        Number of features of the representations.
    shape : tuple of (c, h, w)
        Shape of an image.

    References
    ----------
    .. [1] Odena, Dumoulin and Olah (2016), "Deconvolution and Checkerboard Artifacts", Distill.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep._reconstruction.decoders import ImageDecoder
    >>> ImageDecoder(64, (3, 29, 50))(torch.zeros(5, 64)).shape
    torch.Size([5, 3, 29, 50])
    """

    def __init__(self, width: int, shape: tuple[int, ...]):
        super().__init__()
        n_channels, *image_size = shape
        first, *self.sizes = sizes_from_small_to_large(image_size[0], image_size[1])
        levels = range(len(self.sizes), -1, -1)  # of halving
        widths = [min(_CHANNELS * 2 ** max(level - 1, 0), _MOST_CHANNELS) for level in levels]
        self.first = nn.Sequential(
            nn.Linear(width, widths[0] * math.prod(first), bias=False),
            nn.Unflatten(1, (widths[0], *first)),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.ModuleList(map(_stage, widths, widths[1:]))
        self.last = nn.Conv2d(widths[-1], n_channels, 3, padding=1)

    def forward(self, representations: Tensor) -> Tensor:
        """Standardised images (n, c, h, w) of representations (n, width)."""
        maps = self.first(representations)
        for size, stage in zip(self.sizes, self.stages, strict=True):
            maps = stage(interpolate(maps, size=size, mode="nearest"))
        return self.last(maps)


def sizes_from_small_to_large(height: int, width: int) -> list[tuple[int, int]]:
    """Sizes (h, w) of the maps of channels of a decoder; the last is that of the images.

    Each is half of the next one, rounded up; the sides of the first are at most 7.
    """
    sizes = [(height, width)]
    while max(sizes[-1]) > _SMALLEST_SIDE:
        sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
    return sizes[::-1]


def _stage(width_in, width):
    """Convolution, batch norm, ReLU."""
    return nn.Sequential(
        nn.Conv2d(width_in, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(inplace=True),
    )


def _rows_decoder(width, n_features):
    """One hidden layer with batch norm and ReLU."""
    return nn.Sequential(
        nn.Linear(width, _HIDDEN, bias=False),
        nn.BatchNorm1d(_HIDDEN),
        nn.ReLU(inplace=True),
        nn.Linear(_HIDDEN, n_features),
    )
