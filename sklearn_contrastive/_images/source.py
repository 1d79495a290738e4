"""Image sources: the base class, and arrays, tensors and memory maps, also copied to a GPU."""

import hashlib
import math
from collections.abc import Iterable, Iterator
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from .channel_moments import ChannelMoments, channel_moments
from .layout import ImageLayout

__all__ = ["BLOCK_SIZE", "ArraySource", "ImageSource", "supported"]

# number of values in a block of a pass over all images
BLOCK_SIZE = 2**22
# of pixels in [0, 1], far below one level of 16 bits: images that vary less are black, and other
# images divided by so little would overflow
SMALLEST_STD = 1e-7


class ImageSource(Dataset):
    """Base of sources that read images in batches; a subclass defines `_stored`.

    Parameters
    ----------
    n_samples : int
        Number of images.
    shape : tuple of (c, h, w)
        Shape of each image.
    any_values : bool, default=False
        Whether samples are rows of features of any values, rather than images in [0, 1].
    block_size : int, default=2**22
        Number of values in a block of a pass over all images.

    Attributes
    ----------
    skips : bool
        Whether batches hold zeros for images that cannot be read, instead of an error.
    unreadable : dict of int to str
        Problems of the images that were skipped, by their positions in X.
    targets : Tensor of shape (n_samples, ...) or None
        Targets of the images, on the CPU, for losses that use them.
    """

    # what the samples come from, for messages
    plural = "images"

    def __init__(
        self,
        n_samples: int,
        shape: tuple[int, int, int],
        any_values: bool = False,
        block_size: int = BLOCK_SIZE,
    ):
        self.n_samples = n_samples
        self.shape = shape
        self.any_values = any_values
        self._block_size = block_size
        self.skips = False
        self.unreadable: dict[int, str] = {}
        self.targets: Tensor | None = None

    def __len__(self) -> int:
        return self.n_samples

    def batches(self, indices: Iterable[Tensor], device: torch.device | str) -> Iterator[Tensor]:
        """Images by their indices.

        Parameters
        ----------
        indices : iterable of int64 Tensor of shape (n,)
            The indices of the images of each batch. File sources read a few batches ahead.
        device : torch.device or str
            Device of the batches.

        Yields
        ------
        images : float32 Tensor of shape (n, c, h, w)
            The images in this order, in [0, 1]; rows of features as they are. Strides are those of
            the storage: `channels_last` if it stores the channels of a pixel together.
        """
        for images in self._stored(indices):
            yield self._as_floats(images, device)

    @property
    def noun(self) -> str:
        """What the samples are, for messages."""
        return "rows" if self.any_values else "images"

    def check(self) -> None:
        """Raise an error for unreadable images; arrays are checked before the source is made."""

    def readable(self) -> "ImageSource":
        """The source of the images that can be read; its `unreadable` has the others."""
        return self

    def resident(self, device: torch.device | str) -> "ImageSource":
        """The same images on a GPU, if they fit.

        Parameters
        ----------
        device : torch.device or str
            The device.

        Returns
        -------
        source : ImageSource
            On the device if they need at most half of its free memory, uint8 as uint8; otherwise,
            and for a CPU, this source itself.
        """
        n_values = self.n_samples * math.prod(self.shape)
        if 2 * n_values * self._resident_dtype.itemsize > _free_memory(torch.device(device)):
            return self
        return _DeviceCopy(self, device)

    def digest(self) -> str:
        """Hash of dtype, shape and values, in hexadecimal digits; independent of the layout."""
        digest = hashlib.sha256(f"{self._dtype} {self.n_samples} {self.shape}".encode())
        for block in self._stored(self._blocks()):
            # as one axis: PyTorch views others as bytes only if their strides fit
            digest.update(block.cpu().reshape(-1).view(torch.uint8).numpy())
        return digest.hexdigest()

    def moments(self) -> ChannelMoments:
        """Mean and standard deviation of each channel, from one pass over all images."""
        return self._moments

    @cached_property
    def _moments(self):
        return self._scaled(channel_moments(self._stored(self._blocks())))

    def _scaled(self, moments):
        """Moments in the units of the batches from those in the units of the storage."""
        mean, std = moments.mean / self._white, moments.std / self._white
        if not self.any_values:
            std = np.where(std > SMALLEST_STD, std, 1.0)
        return ChannelMoments(mean, std)

    @property
    def _dtype(self) -> torch.dtype:
        """Data type of the batches of `_stored`."""
        raise NotImplementedError

    def _stored(self, indices: Iterable[Tensor]) -> Iterator[Tensor]:
        """Images of shape (n, c, h, w) by their indices, in the dtype and on the device of X."""
        raise NotImplementedError

    @property
    def _resident_dtype(self):
        """Data type on a device: bytes and small floats as they are, otherwise float32."""
        small = self._dtype.is_floating_point and self._dtype.itemsize <= 4
        keep = small or self._dtype in (torch.uint8, torch.bool)
        return self._dtype if keep else torch.float32

    @property
    def _white(self):
        """Stored value of white, which is 1 in the batches."""
        return 255 if self._dtype == torch.uint8 and not self.any_values else 1

    def _as_floats(self, images, device):
        # transfer the smaller type, then convert on the device
        images = _moved(images.to(self._resident_dtype), device).to(torch.float32)
        return images.div_(self._white) if self._white != 1 else images

    def _blocks(self):
        """Indices of all images, in order, in blocks of limited memory."""
        size = max(1, self._block_size // math.prod(self.shape))
        return torch.arange(self.n_samples).split(size)


class ArraySource(ImageSource):
    """Images of an array or tensor, read without a copy of the whole.

    Parameters
    ----------
    images : ndarray or Tensor of shape (n, ...)
        Images of bools, uint8 or floats; rows of features of any real type.
    layout : ImageLayout
        Shape and order of the axes of each sample.
    block_size : int, default=2**22
        Number of values in a block of a pass over all images.
    """

    def __init__(self, images: NDArray | Tensor, layout: ImageLayout, block_size: int = BLOCK_SIZE):
        super().__init__(len(images), layout.shape, layout.any_values, block_size)
        self._images = images
        self._layout = layout

    def resident(self, device):
        """The same images on a GPU, if they fit; a tensor on this kind of device stays there."""
        is_tensor = isinstance(self._images, Tensor)
        if is_tensor and self._images.device.type == torch.device(device).type:
            return self
        return super().resident(device)

    @cached_property
    def _dtype(self):
        return self._rows(torch.empty(0, dtype=torch.int64)).dtype

    def value_range(self) -> tuple[float, float]:
        """Smallest and largest stored value; both NaN if any value is NaN."""
        blocks = list(self._blocks())
        device = self._rows(blocks[0][:0]).device
        # one tensor: small tensors between the blocks would keep the memory of the blocks in use
        extremes = torch.empty(len(blocks), 2, dtype=torch.float64, device=device)
        for extreme, block in zip(extremes, self._stored(blocks), strict=True):
            extreme.copy_(torch.stack(torch.aminmax(block)))
        # aminmax propagates NaN; one transfer from the device
        low, high = extremes.cpu().T
        return low.min().item(), high.max().item()

    @property
    def holds_floats(self) -> bool:
        """Whether the stored values are floating-point numbers."""
        return self._dtype.is_floating_point

    def _stored(self, indices):
        c, h, w = self.shape
        for index in indices:
            rows = self._rows(index)
            if self._layout.channels_last:
                yield rows.reshape(-1, h, w, c).permute(0, 3, 1, 2)
            else:
                yield rows.reshape(-1, c, h, w)

    def _rows(self, index):
        """The samples with these indices as a tensor."""
        if isinstance(self._images, Tensor):
            return self._images.index_select(0, _moved(index, self._images.device))
        index = index.cpu().numpy()
        if isinstance(self._images, np.memmap):
            # read in the order of the file, each image once
            ordered, places = np.unique(index, return_inverse=True)
            rows = self._images[ordered][places]
        else:
            rows = self._images[index]
        return torch.from_numpy(supported(rows))


class _DeviceCopy(ArraySource):
    """Images of another source, copied to a device block by block."""

    def __init__(self, origin: ImageSource, device: torch.device | str):
        dtype, shape = origin._resident_dtype, (len(origin), *origin.shape)
        images = torch.empty(shape, dtype=dtype, device=device)
        start = 0
        for block in origin._stored(origin._blocks()):
            images[start : start + len(block)] = _moved(block.to(dtype), device)
            start += len(block)
        super().__init__(images, ImageLayout(origin.shape, channels_last=False))
        self.any_values = origin.any_values
        self._origin = origin

    def digest(self):
        """Digest of the source from which it was copied."""
        return self._origin.digest()

    def moments(self):
        """Moments of the source from which it was copied."""
        return self._origin.moments()


def supported(array: NDArray) -> NDArray:
    """The array, converted if its dtype is not one of PyTorch's."""
    if array.dtype.isnative and array.dtype.itemsize <= 8:
        return array
    # PyTorch supports only the native byte order, and at most float64
    return array.astype(f"={array.dtype.kind}{min(array.dtype.itemsize, 8)}")


def _moved(tensor, device):
    """Copy a tensor to a device; a copy to a GPU is asynchronous."""
    return tensor.to(device, non_blocking=torch.device(device).type == "cuda")


def _free_memory(device):
    """Free memory of a GPU in bytes; 0 for other devices, to which nothing is copied."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0
