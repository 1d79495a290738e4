"""A folder in which a training is kept, so that it can go on after the process has died."""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import nn

__all__ = ["Checkpoint", "fingerprint", "locked_checkpoint"]

_PACKAGES = ("torch", "skorch", "scikit-learn", "numpy", "sklearn-contrastive")


def fingerprint(*parts: Any) -> str:
    """Hash, in hexadecimal digits, of values and of the versions of the packages.

    Parameters
    ----------
    *parts : object
        Numbers, strings, None, containers, arrays, networks (by their weights), functions (by
        name and code), or anything that can be pickled.

    Returns
    -------
    digest : str
        Alike in another process for the same values.
    """
    digest = hashlib.sha256()
    for name in _PACKAGES:
        digest.update(f"{name}={version(name)};".encode())
    for part in parts:
        _feed(digest, part)
    return digest.hexdigest()


def _feed(digest, part):
    """Add a value, with its kind, to a hash."""
    digest.update(f"<{type(part).__qualname__}>".encode())
    if isinstance(part, dict):
        for key in sorted(part, key=str):
            digest.update(f"{key}=".encode())
            _feed(digest, part[key])
    elif isinstance(part, list | tuple):
        for each in part:
            _feed(digest, each)
    elif isinstance(part, nn.Module):
        digest.update(repr(part).encode())
        _feed(digest, part.state_dict())
    elif isinstance(part, torch.Tensor):
        _feed(digest, part.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy())
    elif isinstance(part, np.ndarray):
        digest.update(f"{part.dtype}{part.shape}".encode() + np.ascontiguousarray(part).tobytes())
    elif inspect.isroutine(part) or inspect.isclass(part):
        digest.update(_identity_of(part).encode())
    elif part is None or isinstance(part, str | bytes | bool | int | float | os.PathLike):
        digest.update(repr(part).encode())
    else:
        digest.update(pickle.dumps(part))


def _identity_of(function):
    """Where a function or class is defined, and its source where that can be seen."""
    name = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', '')}"
    try:
        return name + inspect.getsource(function)
    except (OSError, TypeError):
        return name


class Checkpoint:
    """The last finished epoch of one training, in a folder of its own.

    Parameters
    ----------
    folder : pathlib.Path
        Made when something is written.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._file = folder / "state.pt"

    def load(self) -> dict[str, Any] | None:
        """What was written last, on the CPU; None if there is nothing."""
        if not self._file.exists():
            return None
        return torch.load(self._file, map_location="cpu", weights_only=True)

    def save(self, state: dict[str, Any]) -> None:
        """Write a state of tensors, numbers, strings, lists and dicts; all of it or nothing."""
        unfinished = self._file.with_suffix(".unfinished")
        with open(unfinished, "wb") as file:
            torch.save(state, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, self._file)
        _sync_folder(self._folder)

    def remove(self) -> None:
        """Remove the folder and what is in it."""
        shutil.rmtree(self._folder)


@contextmanager
def locked_checkpoint(
    checkpoint_dir: str | os.PathLike[str], name: str
) -> Iterator[Checkpoint | None]:
    """The checkpoint of one training, which no other process writes at the same time.

    Parameters
    ----------
    checkpoint_dir : path-like
        Folder of the checkpoints of all trainings; it is made if need be.
    name : str
        Of this training, a `fingerprint`.

    Yields
    ------
    checkpoint : Checkpoint or None
        None if another process is busy with the same training, after a warning.
    """
    folder = Path(checkpoint_dir) / f"simclr-{name[:20]}"
    folder.mkdir(parents=True, exist_ok=True)
    # beside the folder, which is removed while the lock is held; it ends with the process
    lock = FileLock(folder.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        warnings.warn(
            f"The same training is running elsewhere and writes to {folder.name!r} in "
            "checkpoint_dir; this one goes on without checkpoints.",
            stacklevel=2,
        )
        yield None
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield Checkpoint(folder)
    finally:
        lock.release()
        if not folder.exists() or not any(folder.iterdir()):
            shutil.rmtree(folder, ignore_errors=True)
            Path(lock.lock_file).unlink(missing_ok=True)


def _sync_folder(folder):
    """Let the renaming reach the disk, where a system can do that."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
