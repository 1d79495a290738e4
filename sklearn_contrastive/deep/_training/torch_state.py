"""PyTorch's modes, which a user may have set otherwise."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

__all__ = ["usual_modes"]


@contextmanager
def usual_modes() -> Iterator[None]:
    """PyTorch's modes as they are at its start, for a while.

    With gradients, without autocast, new tensors in float32 and on the CPU.
    """
    default_dtype = torch.get_default_dtype()
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.enable_grad())
        for device in ("cpu", "cuda"):
            if torch.is_autocast_enabled(device):
                stack.enter_context(torch.autocast(device, enabled=False))
        # only where it is another: this context makes every function of PyTorch a little slower
        if torch.get_default_device().type != "cpu":
            stack.enter_context(torch.device("cpu"))
        if default_dtype != torch.float32:
            stack.callback(torch.set_default_dtype, default_dtype)
            torch.set_default_dtype(torch.float32)
        yield
