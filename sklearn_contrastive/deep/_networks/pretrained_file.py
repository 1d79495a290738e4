"""Pretrained weights of an encoder from a local file."""

import hashlib
import os
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["check_all_loaded", "digest_of_file", "weights_in_file"]


def weights_in_file(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Weights by their names in a file of ``torch.save`` or of safetensors.

    Parameters
    ----------
    path : str or os.PathLike
        The file. Of ``torch.save`` only tensors are read, no code is run. Weights may be below the
        key "state_dict" or "model", and their names begin with "module.".

    Returns
    -------
    weights : dict of str to Tensor
        On the CPU.

    Raises
    ------
    ValueError
        If the file is missing, or does not hold weights.
    """
    path = os.fsdecode(path)
    try:
        if path.endswith(".safetensors"):
            from safetensors.torch import load_file

            content = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # files of other kinds lead to many kinds of errors
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"pretrained={path!r} cannot be read as weights: {reason} Give a file of "
            "torch.save(network.state_dict(), file), or of safetensors."
        ) from error
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not (isinstance(content, dict) and content and _holds_tensors(content)):
        raise ValueError(
            f"pretrained={path!r} does not hold weights by their names, a dict of tensors, such as "
            "that of torch.save(network.state_dict(), file)."
        )
    return {name.removeprefix("module."): weights for name, weights in content.items()}


def digest_of_file(path: str | os.PathLike[str]) -> str:
    """Hash of the content of a file, in hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_all_loaded(
    module: nn.Module, again: Callable[[], nn.Module], path: Any, name: str
) -> None:
    """Raise ValueError if a network has weights that are not those of the file.

    timm ignores names that it does not know, and leaves weights that the file lacks random: those
    differ when the network is built again.

    Parameters
    ----------
    module : nn.Module
        The network.
    again : callable
        Builds it again.
    path : str or os.PathLike
        The file, for the error message.
    name : str
        Name of the encoder, for the error message.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(torch.initial_seed() + 1)
        other = again().state_dict()
    weights = module.state_dict()
    random = [each for each in weights if not torch.equal(weights[each], other[each])]
    if random:
        raise ValueError(
            f"pretrained={os.fsdecode(path)!r} lacks {len(random)} of the weights of "
            f"encoder={name!r}, such as {random[0]!r}: it is the file of another network, or its "
            "names differ from those of timm."
        )


def _holds_tensors(content):
    return all(isinstance(value, Tensor) for value in content.values())
