"""The processes of one training: who has which samples, sums over all, one state for all."""

import io
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.functional import pad

from .devices import has_own_device, is_launched, usable_device

__all__ = ["ALONE", "WHOLE", "Processes", "Share", "training_processes"]

# longest wait of a process for the others; reading a large file may take minutes
TIMEOUT = timedelta(minutes=30)


class Processes:
    """The processes of a training; each has a part of every batch, and all have the same weights.

    Every process computes the loss of the whole batch from the embeddings of all, and the mean of
    their gradients moves the weights. This mean is the gradient of one process with the whole
    batch: the backward pass of a sum over the processes is itself a sum, so embeddings get the
    gradients of as many equal losses as there are processes, and parameters of the loss one each.

    Parameters
    ----------
    group : torch.distributed.ProcessGroup or None, default=None
        With a backend for the CPU and for the device of the training; None: this process alone.
    """

    def __init__(self, group: "dist.ProcessGroup | None" = None):
        self.group = group
        self.rank = 0 if group is None else dist.get_rank(group)
        self.size = 1 if group is None else dist.get_world_size(group)

    @property
    def is_first(self) -> bool:
        """Whether this process reads and writes checkpoints and prints."""
        return self.rank == 0

    def close(self) -> None:
        """Close the connections, so that processes that wait for this one fail instead."""
        group, self.group = self.group, None
        dist.destroy_process_group(group)
        # the connections end with the last reference to the group, here

    # --- sums --------------------------------------------------------------------------------

    def sum(self, tensor: Tensor) -> Tensor:
        """Sum over all processes, with gradients; the shapes must be equal."""
        return tensor if self.size == 1 else _Sum.apply(tensor, self)

    def total(self, tensor: Tensor) -> Tensor:
        """Sum over all processes, without gradients, as a new tensor."""
        total = tensor.detach().clone(memory_format=torch.contiguous_format)
        with _answering():
            dist.all_reduce(total, group=self.group)
        return total

    def average_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Replace gradients by their means; one that no process has stays None."""
        parameters = [each for each in parameters if each.requires_grad]
        if self.size == 1 or not parameters:
            return
        gradients = [
            torch.zeros_like(each) if each.grad is None else each.grad for each in parameters
        ]
        used = [each.grad is not None for each in parameters]
        # one sum for all; the last numbers count the processes that have each gradient
        flat = [*(each.flatten() for each in gradients), gradients[0].new_tensor(used)]
        *means, counts = (self.total(torch.cat(flat)) / self.size).split(
            [len(each) for each in flat]
        )
        # read from the device only where this process lacks a gradient that others may have
        if not all(used):
            used = (counts > 0).tolist()
        for parameter, mean, is_used in zip(parameters, means, used, strict=True):
            if is_used:
                parameter.grad = mean.view(parameter.shape).to(parameter.dtype)

    def average_buffers(self, module: nn.Module) -> None:
        """Replace buffers of floats, such as running statistics, by their means.

        They differ where batch statistics are not those of all processes. Others, such as counts,
        become those of the first process.
        """
        if self.size == 1:
            return
        for buffer in module.buffers():
            if buffer.is_floating_point():
                at_least_single = torch.promote_types(buffer.dtype, torch.float32)
                buffer.copy_(self.total(buffer.to(at_least_single)) / self.size)
            else:
                buffer.copy_(self.broadcast(buffer.cpu()))

    # --- objects -----------------------------------------------------------------------------

    def broadcast(self, value: Any) -> Any:
        """The value of the first process, which can be pickled."""
        if self.size == 1:
            return value
        values = [value]
        with _answering():
            dist.broadcast_object_list(values, 0, self.group, torch.device("cpu"))
        return values[0]

    def broadcast_state(self, state: dict[str, Any]) -> dict[str, Any]:
        """The state of the first process, of tensors, numbers, lists and dicts, on the CPU."""
        if self.size == 1:
            return state
        file = io.BytesIO()
        if self.is_first:
            torch.save(state, file)
        file = io.BytesIO(self.broadcast(file.getvalue()))
        return torch.load(file, map_location="cpu", weights_only=True)

    def check_equal(self, facts: Mapping[str, Any]) -> None:
        """Raise ValueError in all processes if a fact, named in plural, is not equal in all."""
        if self.size == 1:
            return
        of_all: list[Any] = [None] * self.size
        with _answering():
            dist.all_gather_object(of_all, dict(facts), group=self.group)
        for name in facts:
            values = [each[name] for each in of_all]
            if any(value != values[0] for value in values):
                listed = ", ".join(str(value) for value in values)
                raise ValueError(
                    f"The processes have different {name}: {listed}. Call fit with the same images "
                    "and parameters in every process; fit divides each batch among them."
                )


@dataclass(frozen=True)
class Share:
    """The part of a batch that one process has.

    Parameters
    ----------
    processes : Processes
        All processes.
    n_samples : int
        Number of samples of the whole batch.
    """

    processes: Processes
    n_samples: int

    @property
    def rows(self) -> range:
        """Positions, in the whole batch, of the samples that this process has."""
        rank, size = self.processes.rank, self.processes.size
        return range(self.n_samples * rank // size, self.n_samples * (rank + 1) // size)

    def part_of(self, whole: Tensor) -> Tensor:
        """Rows of this process, of those of the whole batch."""
        return whole[self.rows.start : self.rows.stop]

    def gather(self, *embeddings: Tensor) -> tuple[Tensor, ...]:
        """Embeddings of the whole batch, with gradients, from those of this process.

        Parameters
        ----------
        *embeddings : Tensor of shape (len(rows), n_components)
            Embeddings of one view each.

        Returns
        -------
        whole : tuple of Tensor of shape (n_samples, n_components)
            In float32 at least, because gradients are summed.
        """
        if self.processes.size == 1:
            return embeddings
        own = torch.stack(embeddings)
        own = own.to(torch.promote_types(own.dtype, torch.float32))
        # zeros elsewhere: the sum is exact, and processes may have different numbers of rows
        own = pad(own, (0, 0, self.rows.start, self.n_samples - self.rows.stop))
        return self.processes.sum(own).unbind()


ALONE = Processes()
WHOLE = Share(ALONE, 0)


class _Sum(torch.autograd.Function):
    """Sum over the processes, forwards and backwards."""

    @staticmethod
    def forward(ctx, tensor, processes):
        ctx.processes = processes
        return processes.total(tensor)

    @staticmethod
    def backward(ctx, gradient):
        return _Sum.apply(gradient, ctx.processes), None


@contextmanager
def training_processes(device: str) -> Iterator[Processes]:
    """Connect the processes that torchrun or accelerate launch started, for one training.

    All of them must enter the context, one training after the other. An error in one process
    closes its connections, which is an error in all others. Only the first process warns.

    Parameters
    ----------
    device : str
        Parameter of the estimator.

    Yields
    ------
    Processes
        `ALONE` if there is one process.
    """
    if not is_launched():
        yield ALONE
        return
    usable_device(device)  # an error of all processes, before one waits for another
    with _answering():
        if not dist.is_initialized():
            dist.init_process_group("gloo", timeout=TIMEOUT)
        # gloo also takes tensors on a GPU; NCCL does not let processes share one
        backend = "cpu:gloo,cuda:nccl" if has_own_device(device) else "gloo"
        processes = Processes(dist.new_group(backend=backend, timeout=TIMEOUT))
    try:
        with warnings.catch_warnings():
            if not processes.is_first:
                warnings.simplefilter("ignore")
            yield processes
        processes.broadcast(None)  # until the first process has finished its files
    finally:
        processes.close()


@contextmanager
def _answering() -> Iterator[None]:
    """Explain errors of communication."""
    try:
        yield
    except RuntimeError as error:
        raise RuntimeError(
            "Another process of this training failed, or did not do the same within "
            f"{TIMEOUT.total_seconds() / 60:g} minutes. Look for the error of that process. Every "
            "process must call fit, with the same images and parameters."
        ) from error
