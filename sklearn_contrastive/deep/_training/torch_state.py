"""PyTorch's global state: default gradient mode, autocast, dtype and device during a fit."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

__all__ = ["default_torch_state"]


@contextmanager
def default_torch_state() -> Iterator[None]:
    """Set PyTorch's global state to its defaults within the context.

    Gradients on, autocast off, new tensors in float32 and on the CPU.
    """
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        # only if the default device differs: this context slows every function of PyTorch a little
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        stack.enter_context(_default_dtype)
        yield


class _Float32:
    """Context with float32 as default dtype, which is that of all threads.

    The first thread sets it, the last one restores it.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._n_inside = 0

    def __enter__(self):
        with self._lock:
            if self._n_inside == 0:
                self._outside = torch.get_default_dtype()
                if self._outside != torch.float32:
                    torch.set_default_dtype(torch.float32)
            self._n_inside += 1

    def __exit__(self, *error):
        with self._lock:
            self._n_inside -= 1
            if self._n_inside == 0 and self._outside != torch.float32:
                torch.set_default_dtype(self._outside)


_default_dtype = _Float32()
