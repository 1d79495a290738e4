"""Batch normalisation by the statistics of the samples of all processes."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import batch_norm, pad
from torch.nn.modules._functions import SyncBatchNorm
from torch.overrides import TorchFunctionMode

from .processes import Processes

__all__ = ["synchronized_batch_norm"]


def synchronized_batch_norm(processes: Processes) -> AbstractContextManager:
    """Context in which batch normalisation in training mode uses the samples of all processes.

    It replaces the function that every module of batch normalisation calls, so the network stays
    as it is; modules need not be converted, and converted back after the training.

    Parameters
    ----------
    processes : Processes
        All must normalise the same layers in the same order.
    """
    return nullcontext() if processes.size == 1 else _SynchronizedBatchNorm(processes)


class _SynchronizedBatchNorm(TorchFunctionMode):
    """Sends calls of torch.nn.functional.batch_norm to a function of all processes."""

    def __init__(self, processes: Processes):
        super().__init__()
        self._processes = processes

    def __torch_function__(self, function, types, args=(), kwargs=None) -> Any:
        kwargs = {} if kwargs is None else kwargs
        if function is not batch_norm:
            return function(*args, **kwargs)
        return self._batch_norm(*args, **kwargs)

    def _batch_norm(
        self,
        input: Tensor,
        running_mean: Tensor | None,
        running_var: Tensor | None,
        weight: Tensor | None = None,
        bias: Tensor | None = None,
        training: bool = False,
        momentum: float = 0.1,
        eps: float = 1e-5,
    ) -> Tensor:
        """As torch.nn.functional.batch_norm."""
        statistics, affine = (running_mean, running_var), (weight, bias)
        if not training:
            return batch_norm(input, *statistics, *affine, False, momentum, eps)
        if input.device.type == "cuda":
            # PyTorch's own, which has no implementation for the CPU
            group, size = self._processes.group, self._processes.size
            return SyncBatchNorm.apply(input, *affine, *statistics, eps, momentum, group, size)
        values = input.to(torch.promote_types(input.dtype, torch.float32))
        mean, variance, n = moments_of_all(values, self._processes)
        if running_mean is not None:
            with torch.no_grad():
                running_mean.lerp_(mean.to(running_mean.dtype), momentum)
                running_var.lerp_((variance * n / (n - 1)).to(running_var.dtype), momentum)
        factor = torch.rsqrt(variance + eps)
        factor = factor if weight is None else factor * weight
        shift = -mean * factor if bias is None else bias - mean * factor
        shape = (1, -1, *[1] * (input.ndim - 2))
        return (values * factor.view(shape) + shift.view(shape)).to(input.dtype)


def moments_of_all(values: Tensor, processes: Processes) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and variance of each channel over the samples of all processes, with gradients.

    The moments of the processes are merged by the formula of [1]_, which does not cancel.

    Parameters
    ----------
    values : Tensor of shape (n, n_channels, ...)
        Those of this process.
    processes : Processes
        All processes.

    Returns
    -------
    mean, variance : Tensor of shape (n_channels,)
        The variance is divided by the number of values.
    n : Tensor of shape (1,)
        Number of values of each channel.

    References
    ----------
    .. [1] Chan, Golub and LeVeque (1983), "Algorithms for Computing the Sample Variance: Analysis
       and Recommendations", The American Statistician 37(3).
    """
    axes = [0, *range(2, values.ndim)]
    variance, mean = torch.var_mean(values, axes, correction=0)
    n = mean.new_tensor([values.numel() // values.shape[1]])
    own = torch.cat([n, mean, variance])[None]
    # one row for each process
    table = processes.sum(pad(own, (0, 0, processes.rank, processes.size - 1 - processes.rank)))
    n, means, variances = table.split([1, *[len(mean)] * 2], dim=1)
    shares = n / n.sum()
    mean = torch.sum(shares * means, dim=0)
    variance = torch.sum(shares * (variances + (means - mean) ** 2), dim=0)
    return mean, variance, n.sum(dim=0)
