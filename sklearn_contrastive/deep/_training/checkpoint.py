"""Checkpoints: the last finished epoch of a training on disk, locked against other processes."""

import os
import pickle
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from ..._warnings import warn

__all__ = ["Checkpoint", "locked_checkpoint"]


class Checkpoint:
    """The last finished epoch of one training, in its own folder.

    Parameters
    ----------
    folder : pathlib.Path
        An existing folder, for this training only.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._file = folder / "state.pt"

    def load(self) -> dict[str, Any] | None:
        """The last saved state, on the CPU; None if there is none or it cannot be read."""
        if not self._file.exists():
            return None
        try:
            with open(self._file, "rb") as file:
                return torch.load(file, map_location="cpu", weights_only=True)
        except (EOFError, RuntimeError, pickle.UnpicklingError) as error:
            reason = (str(error).splitlines() or [type(error).__name__])[0]
            warn(f"{self._file} cannot be read ({reason}); the training starts from the beginning.")
            return None

    def save(self, state: dict[str, Any]) -> None:
        """Write a state of tensors, numbers, strings, lists and dicts completely, or not at all."""
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
        """Remove the folder and its files, if possible."""
        shutil.rmtree(self._folder, ignore_errors=True)


@contextmanager
def locked_checkpoint(
    checkpoint_dir: str | os.PathLike[str], name: str
) -> Iterator[Checkpoint | None]:
    """Open the checkpoint of one training and lock it against other processes.

    Parameters
    ----------
    checkpoint_dir : path-like
        Folder of the checkpoints of all trainings; created if missing.
    name : str
        Name of this training, a `fingerprint`.

    Yields
    ------
    checkpoint : Checkpoint or None
        None, with a warning, if another process runs the same training.
    """
    folder = Path(checkpoint_dir).expanduser() / f"simclr-{name[:20]}"
    folder.mkdir(parents=True, exist_ok=True)
    # beside the folder, which is removed while the lock is held; the lock ends with the process
    lock = FileLock(folder.with_suffix(".lock"))
    try:
        lock.acquire(timeout=0)
    except Timeout:
        warn(
            f"Another process runs the same training and writes to {folder.name!r} in "
            "checkpoint_dir; this process continues without checkpoints."
        )
        yield None
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield Checkpoint(folder)
    finally:
        is_empty = not folder.exists() or not any(folder.iterdir())
        if is_empty:
            # while the lock is held: the next owner creates the folder again
            shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        if is_empty:
            Path(lock.lock_file).unlink(missing_ok=True)


def _sync_folder(folder):
    """Write the renaming to disk, on systems that support this."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
