"""A folder in which a training is kept, so that it can go on after the process has died."""

from __future__ import annotations

import os
import pickle
import shutil
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

__all__ = ["Checkpoint", "locked_checkpoint"]


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
        """What was written last, on the CPU; None if there is nothing, or nothing readable."""
        if not self._file.exists():
            return None
        try:
            with open(self._file, "rb") as file:
                return torch.load(file, map_location="cpu", weights_only=True)
        except (EOFError, RuntimeError, pickle.UnpicklingError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            warnings.warn(
                f"{self._file} cannot be read ({reason}); the training starts anew.", stacklevel=2
            )
            return None

    def save(self, state: dict[str, Any]) -> None:
        """Write a state of tensors, numbers, strings, lists and dicts; all of it or nothing."""
        unfinished = self._file.with_suffix(".unfinished")
        try:
            with open(unfinished, "wb") as file:
                torch.save(state, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, self._file)
        finally:
            unfinished.unlink(missing_ok=True)
        _sync_folder(self._folder)

    def remove(self) -> None:
        """Remove the folder and what is in it, if that can be done."""
        shutil.rmtree(self._folder, ignore_errors=True)


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
    folder = Path(checkpoint_dir).expanduser() / f"simclr-{name[:20]}"
    folder.mkdir(parents=True, exist_ok=True)
    # beside the folder, which is removed while the lock is held; it ends with the process
    lock = FileLock(folder.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        warnings.warn(
            f"The same training is running elsewhere and writes to {folder.name!r} in "
            "checkpoint_dir; this one goes on without checkpoints.",
            stacklevel=6,
        )
        yield None
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield Checkpoint(folder)
    finally:
        is_empty = not folder.exists() or not any(folder.iterdir())
        if is_empty:
            # while it is locked: the next owner makes the folder again
            shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        if is_empty:
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
