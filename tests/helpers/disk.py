"""Disks that are full, and folders that cannot be written to."""

import os
import resource
import tempfile
from contextlib import contextmanager
from pathlib import Path

__all__ = ["full_disk", "read_only_folder"]

_NOBODY = 65534


@contextmanager
def full_disk(n_bytes):
    """Let no file grow beyond some bytes: to write more fails, as it does on a full disk.

    The error is EFBIG instead of ENOSPC. It needs no mount, and no privilege.
    """
    earlier, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (earlier, hard))


@contextmanager
def read_only_folder(files):
    """Yield a folder with these files, by name, that this process cannot write to.

    The superuser can write everywhere, hence is somebody else in the body.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, content in files.items():
            (folder / file).write_bytes(content)
        folder.chmod(0o555)
        user = os.geteuid()
        if user == 0:
            os.seteuid(_NOBODY)
        try:
            yield folder
        finally:
            os.seteuid(user)
            folder.chmod(0o755)
