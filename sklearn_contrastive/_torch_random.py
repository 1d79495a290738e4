"""PyTorch's process-wide random generators, seeded in one thread at a time. Needs PyTorch."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["seeded_generators"]


def _make_lock():
    global _lock
    _lock = threading.RLock()


_make_lock()
if hasattr(os, "register_at_fork"):
    # a thread that holds the lock does not exist in a forked process
    os.register_at_fork(after_in_child=_make_lock)


@contextmanager
def seeded_generators(seed: int, device: torch.device | str = "cpu") -> Iterator[None]:
    """Seed PyTorch's process-wide generators within the context, and restore them at its end.

    Weights, dropout and augmentations without a generator argument draw from them. Other threads
    wait at the beginning of the context until it ends.

    Parameters
    ----------
    seed : int
        The seed.
    device : torch.device or str, default="cpu"
        A GPU whose generator is seeded as well.
    """
    device = torch.device(device)
    on_gpu = device.type == "cuda"
    with _lock, torch.random.fork_rng(devices=[device] if on_gpu else []):
        # not torch.manual_seed, which also seeds devices that fork_rng does not restore
        torch.default_generator.manual_seed(seed)
        if on_gpu:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(seed)
        yield
