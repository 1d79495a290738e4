"""Mean and standard deviation of the channels of images, in one pass."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = ["ChannelMoments", "channel_moments"]


class ChannelMoments(NamedTuple):
    """Mean and standard deviation of each channel.

    Parameters
    ----------
    mean, std : ndarray of shape (c,)
        In the units of the images. A deviation that is too small for float32 beside the mean is set
        to 1, to allow division by it.
    """

    mean: NDArray[np.float64]
    std: NDArray[np.float64]


def channel_moments(blocks: Iterable[Tensor]) -> ChannelMoments:
    """Mean and standard deviation of each channel over blocks of images.

    Parameters
    ----------
    blocks : iterable of Tensor of shape (n, c, h, w)
        Images, at least one, of any real type; sums are in float64.

    Returns
    -------
    moments : ChannelMoments
        In the units of the blocks; the standard deviation has ddof=0.

    References
    ----------
    Chan, Golub and LeVeque (1983), Algorithms for computing the sample variance, eq. 2.1.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive._images.channel_moments import channel_moments
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
    """Mean of each channel and sum of squares around it, one channel at a time in float64."""
    # four to eight times as fast as torch.var_mean over three axes
    moments = []
    for channel in block.transpose(0, 1):
        values = channel.reshape(-1).to(torch.float64, copy=True)
        mean = values.mean()
        values -= mean
        moments.append((mean.item(), values.dot(values).item()))
    return np.array(moments).T
