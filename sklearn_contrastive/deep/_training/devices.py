"""Devices: the best one, a check that a named one works, and that of each launched process."""

import multiprocessing
import os

import torch
from torch import distributed

__all__ = ["best_device", "has_own_device", "is_launched", "usable_device"]

# what torchrun and accelerate launch set for every process
_SET_BY_LAUNCHERS = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")


def best_device() -> torch.device:
    """A GPU if PyTorch finds one, otherwise the CPU; of several GPUs that of this process."""
    if torch.cuda.is_available():
        return _of_this_process(torch.device("cuda"))
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def usable_device(name: str) -> torch.device:
    """Device of this name, after a test that PyTorch can use it.

    Parameters
    ----------
    name : str
        "auto" for a GPU if there is one, or a PyTorch device string such as "cpu", "cuda" or
        "cuda:1". Where several processes train together, "auto" and "cuda" are a different GPU for
        each process of a machine.

    Returns
    -------
    torch.device
        The device.

    Raises
    ------
    ValueError
        If PyTorch does not accept the name or cannot use the device.
    """
    if name == "auto":
        return best_device()
    try:
        device = _of_this_process(torch.device(name))
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:200]
        raise ValueError(
            f'device={name!r} cannot be used: {reason} Give "cpu", or a device that this PyTorch '
            "can use."
        ) from error
    return device


def is_launched() -> bool:
    """Whether torchrun, accelerate launch or PyTorch started this process with others."""
    if not distributed.is_available():
        return False
    if distributed.is_initialized():
        return distributed.get_world_size() > 1
    # workers of a pool, as of a grid search, inherit the variables: each of them trains alone
    is_main = multiprocessing.parent_process() is None
    by_launcher = all(name in os.environ for name in _SET_BY_LAUNCHERS)
    return is_main and by_launcher and int(os.environ["WORLD_SIZE"]) > 1


def has_own_device(name: str) -> bool:
    """Whether each process of this machine has a GPU of its own, with this parameter `device`."""
    device = best_device() if name == "auto" else torch.device(name)
    chosen_here = name == "auto" or device.index is None
    n_processes = int(os.environ.get("LOCAL_WORLD_SIZE", 1))
    return device.type == "cuda" and chosen_here and n_processes <= torch.cuda.device_count()


def _of_this_process(device):
    """A GPU without a number as the one of this process, if there are several processes."""
    if device.type != "cuda" or device.index is not None or not is_launched():
        return device
    local_rank = int(os.environ.get("LOCAL_RANK", os.environ.get("RANK", 0)))
    return torch.device("cuda", local_rank % max(1, torch.cuda.device_count()))
