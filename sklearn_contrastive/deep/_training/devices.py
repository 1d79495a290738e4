"""Devices: the best one, and a check that a named one works."""

import torch

__all__ = ["best_device", "usable_device"]


def best_device() -> torch.device:
    """A GPU if PyTorch finds one, otherwise the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def usable_device(name: str) -> torch.device:
    """Device of this name, after a test that PyTorch can use it.

    Parameters
    ----------
    name : str
        "auto" for a GPU if there is one, or a PyTorch device string such as "cpu", "cuda" or
        "cuda:1".

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
        device = torch.device(name)
        torch.zeros(1, device=device).cpu()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0][:200]
        raise ValueError(
            f'device={name!r} cannot be used: {reason} Give "cpu", or a device that this PyTorch '
            "can use."
        ) from error
    return device
