"""Sources of images: what they all do, and those in arrays, tensors and memory maps."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ._layout import ImageLayout

__all__ = ["ArraySource", "ChannelMoments", "ImageSource", "channel_moments"]

# Numbers that are looked at together in a pass over all images.
_BLOCK_SIZE = 2**22


class ChannelMoments(NamedTuple):
    """Mean and standard deviation of each channel.

    Parameters
    ----------
    mean, std : ndarray of shape (c,)
        In the units of the batches. A deviation too small for float32 beside the mean is given as
        1, so that one can divide by it.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


class ImageSource:
    """Images that are read in batches; subclasses say where from.

    Parameters
    ----------
    n_samples : int
        Number of images.
    shape : tuple of (c, h, w)
        Of each image.
    any_values : bool, default=False
        Whether samples are rows of features, taken as they are, rather than images in [0, 1].
    """

    def __init__(self, n_samples: int, shape: tuple[int, int, int], any_values: bool = False):
        self.n_samples = n_samples
        self.shape = shape
        self.any_values = any_values

    def __len__(self) -> int:
        return self.n_samples

    def batches(self, indices: Iterable[Tensor], device: torch.device | str) -> Iterator[Tensor]:
        """Images by their numbers.

        Parameters
        ----------
        indices : iterable of int64 Tensor of shape (n,)
            The numbers of the images of each batch. Files ask for a few batches ahead.
        device : torch.device or str
            Where the batches shall be.

        Yields
        ------
        images : float32 Tensor of shape (n, c, h, w)
            Those images in that order, in [0, 1]; rows of features as they are. Strides are those
            of the storage: `channels_last` where pixels are stored one by one.
        """
        for images in self._stored(indices):
            yield self._as_floats(images, device)

    def check(self) -> None:
        """Refuse what cannot be read; arrays were checked when the source was made."""

    def resident(self, device: torch.device | str) -> ImageSource:
        """The same images on a GPU, if they fit.

        Parameters
        ----------
        device : torch.device or str
            The device.

        Returns
        -------
        source : ImageSource
            On the device if they take at most half of its free memory, uint8 as uint8; otherwise,
            and on a CPU, this source itself.
        """
        n_values = self.n_samples * math.prod(self.shape)
        if 2 * n_values * self._resident_dtype.itemsize > _free_memory(torch.device(device)):
            return self
        return _Resident(self, device)

    def digest(self) -> str:
        """Hash, in hexadecimal digits, that other data do not have: of their type, shape and bytes.

        It does not depend on the layout of the array.
        """
        digest = hashlib.sha256(f"{self._dtype} {self.n_samples} {self.shape}".encode())
        for block in self._stored(self._blocks()):
            digest.update(block.cpu().contiguous().view(torch.uint8).numpy().reshape(-1))
        return digest.hexdigest()

    def moments(self) -> ChannelMoments:
        """Mean and standard deviation of each channel, from one pass over all images."""
        return self._moments

    @cached_property
    def _moments(self):
        return self._scaled(channel_moments(self._stored(self._blocks())))

    def _scaled(self, moments):
        """Moments in the units of the batches from those in the units of the storage."""
        return ChannelMoments(moments.mean / self._white, moments.std / self._white)

    @property
    def _dtype(self) -> torch.dtype:
        """Type of what `_stored` yields."""
        raise NotImplementedError

    def _stored(self, indices: Iterable[Tensor]) -> Iterator[Tensor]:
        """Images of shape (n, c, h, w) by their numbers, as and where they are stored."""
        raise NotImplementedError

    @property
    def _resident_dtype(self):
        """Type on a device: small integers as they are, no more than float32."""
        small = self._dtype.is_floating_point and self._dtype.itemsize <= 4
        keep = small or self._dtype in (torch.uint8, torch.bool)
        return self._dtype if keep else torch.float32

    @property
    def _white(self):
        """What is stored for 1."""
        return 255 if self._dtype == torch.uint8 and not self.any_values else 1

    def _as_floats(self, images, device):
        # what crosses over to the device is as small as it can be
        images = _moved(images.to(self._resident_dtype), device).to(torch.float32)
        return images.div_(self._white) if self._white != 1 else images

    def _blocks(self):
        """Numbers of all images, in order, as many at a time as are held in memory."""
        size = max(1, _BLOCK_SIZE // math.prod(self.shape))
        return torch.arange(self.n_samples).split(size)


class ArraySource(ImageSource):
    """Images of an array or tensor, read where it lies.

    Parameters
    ----------
    images : ndarray or Tensor of shape (n, ...)
        The images, of bools, uint8 or floats; rows of features, of any real type.
    layout : ImageLayout
        How each is read.
    """

    def __init__(self, images: NDArray | Tensor, layout: ImageLayout):
        super().__init__(len(images), layout.shape, layout.any_values)
        self._images = images
        self._layout = layout

    def resident(self, device):
        """The same images on a GPU, if they fit; tensors that are on one are left there."""
        is_tensor = isinstance(self._images, Tensor)
        if is_tensor and self._images.device.type == torch.device(device).type:
            return self
        return super().resident(device)

    @cached_property
    def _dtype(self):
        return self._rows(torch.empty(0, dtype=torch.int64)).dtype

    def value_range(self) -> tuple[float, float]:
        """Smallest and largest value, as stored; both NaN where there is one."""
        blocks = list(self._blocks())
        device = self._rows(blocks[0][:0]).device
        # in one piece: small tensors between the blocks would keep the memory of these in use
        extremes = torch.empty(len(blocks), 2, dtype=torch.float64, device=device)
        for extreme, block in zip(extremes, self._stored(blocks), strict=True):
            extreme.copy_(torch.stack(torch.aminmax(block)))
        # NaN goes through; the device is asked once
        low, high = extremes.cpu().T
        return low.min().item(), high.max().item()

    @property
    def holds_floats(self) -> bool:
        """Whether it is made of floating-point numbers."""
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
        """Samples as a tensor; never more of them at a time."""
        if isinstance(self._images, Tensor):
            return self._images.index_select(0, _moved(index, self._images.device))
        index = index.cpu().numpy()
        if isinstance(self._images, np.memmap):
            # in the order of the file, each image once
            ordered, places = np.unique(index, return_inverse=True)
            rows = self._images[ordered][places]
        else:
            rows = self._images[index]
        if not rows.dtype.isnative or rows.dtype.itemsize > 8:
            # PyTorch has the machine's byte order only, and nothing longer than float64
            rows = rows.astype(f"={rows.dtype.kind}{min(rows.dtype.itemsize, 8)}")
        return torch.from_numpy(rows)


class _Resident(ArraySource):
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
        """That of the source it was copied from."""
        return self._origin.digest()

    def moments(self):
        """Those of the source it was copied from."""
        return self._origin.moments()


def _moved(tensor, device):
    """A tensor on a device, without waiting for a GPU that it goes to."""
    return tensor.to(device, non_blocking=torch.device(device).type == "cuda")


def _free_memory(device):
    """Bytes that a GPU can still give; 0 for others, which hold nothing that is not here."""
    return torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else 0


def channel_moments(blocks: Iterable[Tensor]) -> ChannelMoments:
    """Mean and standard deviation of each channel over blocks of images.

    Parameters
    ----------
    blocks : iterable of Tensor of shape (n, c, h, w)
        Images, at least one, of any real type; sums are made in float64.

    Returns
    -------
    moments : ChannelMoments
        In the units of the blocks; a standard deviation is divided by the number of values.

    References
    ----------
    Chan, Golub and LeVeque (1983), Algorithms for computing the sample variance, eq. 2.1.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive._images._arrays import channel_moments
    >>> mean, std = channel_moments([torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2)])
    >>> print(mean, std)
    [0.5] [0.5]
    """
    count, mean, scatter = 0, 0.0, 0.0
    for block in blocks:
        n_values = block.numel() // block.shape[1]
        block_mean, block_scatter = _mean_and_scatter(block.cpu())
        step = block_mean - mean
        total = count + n_values
        mean = mean + step * (n_values / total)
        scatter = scatter + block_scatter + step**2 * (count * n_values / total)
        count = total
    std = np.sqrt(scatter / count)
    return ChannelMoments(mean, np.where(std > np.finfo(np.float32).eps * abs(mean), std, 1.0))


def _mean_and_scatter(block):
    """Mean of each channel and sum of squares about it, a channel at a time in float64."""
    # four to eight times as fast as torch.var_mean over three axes
    moments = []
    for channel in block.transpose(0, 1):
        values = channel.reshape(-1).to(torch.float64, copy=True)
        mean = values.mean()
        values -= mean
        moments.append((mean.item(), values.dot(values).item()))
    return np.array(moments).T
