"""PyTorch's global state: default gradient mode, autocast, dtype and device during a fit."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

__all__ = ["default_torch_state"]


@contextmanager
def default_torch_state() -> Iterator[None]:
    """Set PyTorch's global state to its defaults within the context.

    Gradients on, autocast off, new tensors in float32 and on the CPU.
    """
    default_dtype = torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        # only if the default device differs: this context slows every function of PyTorch a little
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if default_dtype != torch.float32:
            stack.callback(torch.set_default_dtype, default_dtype)
            torch.set_default_dtype(torch.float32)
        yield
