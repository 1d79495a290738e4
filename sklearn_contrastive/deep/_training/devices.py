"""Devices and what can be computed on them."""

from __future__ import annotations

import torch

__all__ = ["best_device", "usable_device"]


def best_device() -> torch.device:
    """A GPU if PyTorch sees one, otherwise the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def usable_device(name: str) -> torch.device:
    """A device by its name, or what to say where it is none.

    Parameters
    ----------
    name : str
        "auto" for a GPU where there is one, or a name such as "cpu", "cuda" or "cuda:1".

    Returns
    -------
    torch.device
        The device, tried out.

    Raises
    ------
    ValueError
        If PyTorch does not know the name or cannot reach the device.
    """
    if name == "auto":
        return best_device()
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:200]
        raise ValueError(
            f'device={name!r} cannot be used: {reason} Give "cpu", or a device that this PyTorch '
            "sees."
        ) from error
    return device
