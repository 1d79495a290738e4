"""Files that are written completely, or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

__all__ = ["replaced_file"]


@contextmanager
def replaced_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for writing that replaces the one of this name at the end.

    Parameters
    ----------
    path : path-like
        The file. After an error an earlier one is as it was, and nothing else is left.

    Yields
    ------
    file : binary file
        Beside it, under another name.

    Raises
    ------
    OSError
        If it cannot be written; the error has the path.
    """
    path = Path(path)
    unfinished = path.with_name(f"{path.name}.{uuid4().hex[:8]}.unfinished")
    try:
        with open(unfinished, "xb") as file:  # x: a symbolic link is not followed
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, path)
    except OSError as error:
        if error.errno is None:
            raise
        # errors of write and fsync name no file, that of open the unfinished one
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        unfinished.unlink(missing_ok=True)
