"""Checkpoints: the last finished epoch of a training on disk, locked against other processes."""

import hashlib
import io
import os
import pickle
import shutil
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import torch
from filelock import FileLock, Timeout

from ..._warnings import warn

__all__ = ["Checkpoint", "locked_checkpoint"]

_DIGEST_SIZE = hashlib.sha256().digest_size


class Checkpoint:
    """The last finished epoch of one training, in its own folder.

    The file `state.pt` is that of torch.save, followed by the SHA-256 of its bytes.

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
        if not os.path.lexists(self._file):
            return None
        try:
            if self._file.is_symlink() or not self._file.is_file():  # opening a FIFO waits
                raise OSError("it is not a file")
            content = self._file.read_bytes()
            stored, digest = content[:-_DIGEST_SIZE], content[-_DIGEST_SIZE:]
            if hashlib.sha256(stored).digest() != digest:
                raise OSError("its content is not that which was written")
            _check_not_compressed(stored)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of files that torch.save does not write
                return torch.load(io.BytesIO(stored), map_location="cpu", weights_only=True)
        except MemoryError:
            raise
        except pickle.UnpicklingError:  # its message advises to run the code
            self.set_aside("it holds something other than tensors and numbers")
            return None
        except Exception as error:  # torch.load raises all kinds of errors
            self.set_aside((str(error).splitlines() or [type(error).__name__])[0])
            return None

    def save(self, state: dict[str, Any]) -> None:
        """Write a state of tensors, numbers, strings, lists and dicts completely, or not at all."""
        unfinished = self._file.with_suffix(".unfinished")
        try:
            unfinished.unlink(missing_ok=True)
            with open(unfinished, "xb") as file:  # x: a symbolic link is not followed
                hashed = _HashedFile(file)
                torch.save(state, hashed)
                file.write(hashed.digest())
                file.flush()
                os.fsync(file.fileno())
            os.replace(unfinished, self._file)
        finally:
            unfinished.unlink(missing_ok=True)
        _sync_folder(self._folder)

    def set_aside(self, reason: str) -> None:
        """Rename the file of a state that cannot be used, beside the folder, and warn."""
        names = (f"{self._folder.name}.damaged{number or ''}" for number in count())
        aside = next(p for p in map(self._folder.with_name, names) if not os.path.lexists(p))
        try:
            os.rename(self._file, aside)
        except OSError:
            aside = self._file
        warn(
            f"{self._file} cannot be read ({reason}); it is set aside as {aside.name!r}, and the "
            "training starts from the beginning."
        )

    def take_over(self, other: "Checkpoint") -> bool:
        """Move the state of another training here, if it has one."""
        if not os.path.lexists(other._file):
            return False
        os.replace(other._file, self._file)
        return True

    @property
    def is_empty(self) -> bool:
        """Whether there is no state."""
        return not os.path.lexists(self._file)

    def remove(self) -> None:
        """Remove the folder and its files, if possible."""
        shutil.rmtree(self._folder, ignore_errors=True)


class _HashedFile:
    """A file for writing that hashes its content."""

    def __init__(self, file):
        self._file = file
        self._hash = hashlib.sha256()
        self.digest, self.flush = self._hash.digest, file.flush

    def write(self, content):
        self._hash.update(content)
        return self._file.write(content)


@contextmanager
def locked_checkpoint(parent: Path, name: str, max_epochs: int) -> Iterator[Checkpoint | None]:
    """Open the checkpoint of one training and lock it against other processes.

    Without a state of its own, it takes over that of the same training of fewer epochs.

    Parameters
    ----------
    parent : pathlib.Path
        Folder of the checkpoints of all trainings, absolute; created if missing.
    name : str
        Name of this training without its number of epochs, a `fingerprint`.
    max_epochs : int
        Number of epochs.

    Yields
    ------
    checkpoint : Checkpoint or None
        None, with a warning, if another process runs the same training.
    """
    parent.mkdir(parents=True, exist_ok=True)
    stem = f"simclr-{name[:20]}"
    folder = parent / f"{stem}-{max_epochs}"
    with ExitStack() as stack:
        reason = stack.enter_context(_locked(folder))
        if reason is not None:
            warn(f"{reason} in checkpoint_dir; this process continues without checkpoints.")
            yield None
            return
        checkpoint = Checkpoint(folder)
        if checkpoint.is_empty:
            _take_over_shorter(checkpoint, parent, stem, max_epochs)
        yield checkpoint


@contextmanager
def _locked(folder: Path) -> Iterator[str | None]:
    """Create and lock a folder; yields the reason if this is not possible, otherwise None."""
    if folder.is_symlink():
        yield f"{folder.name!r} is a symbolic link"
        return
    # beside the folder, which is removed while the lock is held; the lock ends with the process
    path = folder.with_name(f"{folder.name}.lock")
    if path.is_symlink():
        path.unlink()
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        yield f"Another process runs the same training and writes to {folder.name!r}"
        return
    except (OSError, NotImplementedError) as error:
        warn(
            f"The file system of checkpoint_dir has no locks ({error}). Do not run the same "
            "training in two processes at once."
        )
    try:
        folder.mkdir(exist_ok=True)
        yield None
    finally:
        is_empty = not folder.exists() or not any(folder.iterdir())
        if is_empty:
            # while the lock is held: the next owner creates the folder again
            shutil.rmtree(folder, ignore_errors=True)
        lock.release()
        if is_empty:
            path.unlink(missing_ok=True)


def _take_over_shorter(checkpoint, parent, stem, max_epochs):
    """Move the state of the same training of fewer epochs, of the longest that is not running."""
    numbers = (path.name.removeprefix(f"{stem}-") for path in parent.glob(f"{stem}-*"))
    shorter = {int(number) for number in numbers if number.isdecimal()} & set(range(max_epochs))
    for n_epochs in sorted(shorter, reverse=True):
        with _locked(parent / f"{stem}-{n_epochs}") as reason:
            if reason is None and checkpoint.take_over(Checkpoint(parent / f"{stem}-{n_epochs}")):
                warn(
                    f"This fit continues the same training of {n_epochs} epochs that "
                    "checkpoint_dir holds, with the learning rates of "
                    f"{max_epochs} epochs from there on."
                )
                return


def _check_not_compressed(content):
    """Raise OSError for an archive that PyTorch would unpack to more memory than it takes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
    stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
    if not stored or sum(member.file_size for member in members) > len(content):
        raise OSError("it is compressed, which torch.save does not do")


def _sync_folder(folder):
    """Write the renaming to disk, on systems that support this."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
