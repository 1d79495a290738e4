"""Files of fitted networks: arrays as safetensors with a description in JSON.

Reading such a file runs no code of it: it holds numbers, and text that is compared with what is
known. No name in it is used as a path or imported.
"""

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._install import needs
from ._replaced_file import replaced_file

__all__ = ["StoredFit", "check_arrays", "read_fit", "unusable", "write_fit"]

# raised when older versions of this package could misread a new file
_VERSION = 1
# the largest networks of timm have some thousand arrays of 100 bytes each
_LARGEST_HEADER = 16 * 2**20
_MARK = "sklearn-contrastive"


@dataclass(frozen=True, eq=False)
class StoredFit:
    """What a file holds.

    Parameters
    ----------
    path : pathlib.Path
        The file, for error messages.
    description : dict
        Parameters, attributes and versions, as JSON.
    arrays : dict of str to ndarray
        The weights.
    call : str
        How a parameter of this part is passed to load, for error messages.
    """

    path: Path
    description: dict[str, Any]
    arrays: dict[str, NDArray]
    call: str


def write_fit(
    path: str | os.PathLike[str],
    estimator: str,
    description: Mapping[str, Any],
    arrays: Mapping[str, NDArray],
) -> None:
    """Write a file completely, or not at all: an earlier file stays until the new one is written.

    Parameters
    ----------
    path : path-like
        The file.
    estimator : str
        Name of the class.
    description : mapping
        Values of JSON.
    arrays : mapping of str to ndarray
        Of bools, integers or floats.
    """
    save = _safetensors("save").save
    # not ascontiguousarray, which makes arrays without axes one-dimensional
    arrays = {name: np.array(array, order="C") for name, array in arrays.items()}
    metadata = {
        _MARK: str(_VERSION),
        "estimator": estimator,
        "description": json.dumps(description),
    }
    metadata["sha256"] = _digest(metadata, arrays)
    content = save(arrays, metadata)
    with replaced_file(path) as file:
        file.write(content)


def read_fit(path: str | os.PathLike[str], estimator: str) -> StoredFit:
    """Read a file of `write_fit`.

    Parameters
    ----------
    path : path-like
        The file.
    estimator : str
        Name of the class that it must hold.

    Returns
    -------
    stored : StoredFit
        Its content; the caller compares names, shapes and values with those it expects.

    Raises
    ------
    OSError
        If it cannot be opened.
    ValueError
        If it was not written by `write_fit`, by a newer version of it, for another class, or is
        incomplete or altered.
    """
    load = _safetensors("load").load
    path = Path(path)
    if path.exists() and not path.is_file():  # opening a FIFO waits
        raise ValueError(f"{path} is not a file; give the file that {estimator}.save wrote.")
    with open(path, "rb") as file:
        metadata = _checked_metadata(file, path, estimator)
        file.seek(0)
        content = file.read()
    try:
        arrays = load(content)
        description = json.loads(metadata["description"])
        intact = _digest(metadata, arrays) == metadata["sha256"] and isinstance(description, dict)
    except MemoryError:
        raise
    except Exception as error:  # the readers raise all kinds of errors
        raise unusable(path, _first_line(error)) from error
    if not intact:
        raise unusable(path, "its content is not that which was written")
    return StoredFit(path, description, arrays, f"{estimator}.load(path, ")


def unusable(path: Path, reason: str) -> ValueError:
    """Error of a file that is incomplete, altered or made by another program."""
    return ValueError(
        f"{path} cannot be loaded: {reason}. The file is incomplete or was altered; copy it again, "
        "or save the estimator again."
    )


def check_arrays(stored: StoredFit, shapes: Mapping[str, tuple[int, ...]], hint: str = "") -> None:
    """Raise ValueError unless a file has arrays of these names and shapes, and no others.

    Parameters
    ----------
    stored : StoredFit
        The file.
    shapes : mapping of str to tuple of int
        Expected shapes by name.
    hint : str, default=""
        A sentence about the cause.
    """
    found = {name: array.shape for name, array in stored.arrays.items()}
    problems = [f"without {name!r}" for name in sorted(shapes.keys() - found.keys())]
    problems += [f"with an unknown {name!r:.80}" for name in sorted(found.keys() - shapes.keys())]
    problems += [
        f"with {name!r} of shape {found[name]}, not {tuple(shapes[name])}"
        for name in sorted(found.keys() & shapes.keys())
        if found[name] != tuple(shapes[name])
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise ValueError(
            f"The weights in {stored.path} are not those of this estimator: "
            f"{', '.join(problems[:3])}{more}. {hint or 'The file was altered: save it again.'}"
        )


def _checked_metadata(file, path, estimator):
    """Texts in the header of an open file; ValueError unless they are those of `write_fit`."""
    foreign = ValueError(
        f"{path} was not written by {estimator}.save. Load files of joblib, pickle or torch.save "
        "with the function that belongs to them, and only if you trust their source."
    )
    available = os.fstat(file.fileno()).st_size - 8
    length = int.from_bytes(file.read(8), "little")
    if file.read(1) != b"{":
        raise foreign
    if length > _LARGEST_HEADER:
        raise unusable(
            path, f"its header has {length} bytes, where at most {_LARGEST_HEADER} are allowed"
        )
    if length > available:
        raise unusable(path, f"it ends after {available + 8} bytes, inside its header")
    file.seek(8)
    try:
        metadata = json.loads(file.read(length)).get("__metadata__")
    except (ValueError, RecursionError) as error:
        raise unusable(path, f"its header is not JSON ({_first_line(error)})") from error
    if not isinstance(metadata, dict) or _MARK not in metadata:
        raise foreign
    if metadata[_MARK] != str(_VERSION):
        raise ValueError(
            f"{path} has version {metadata[_MARK]!r} of the file format; this version of "
            f"sklearn-contrastive reads {_VERSION}. Upgrade the package, or save the estimator "
            "again with this one."
        )
    expected = {_MARK, "estimator", "description", "sha256"}
    if metadata.keys() != expected or not all(isinstance(each, str) for each in metadata.values()):
        raise unusable(path, f"its header does not have the entries {sorted(expected)}")
    if metadata["estimator"] != estimator:
        raise ValueError(
            f"{path} holds a {metadata['estimator'][:80]}, not a {estimator}. Load it with the "
            "class that saved it."
        )
    return metadata


def _digest(metadata, arrays):
    """SHA-256 of texts and arrays, whatever their order in the file."""
    texts = [metadata[key] for key in (_MARK, "estimator", "description")]
    hashed = hashlib.sha256(json.dumps(texts).encode())
    for name in sorted(arrays):
        array = arrays[name]
        hashed.update(json.dumps([name, array.dtype.str, array.shape]).encode())
        hashed.update(array.tobytes())
    return hashed.hexdigest()


def _safetensors(purpose):
    """The functions of safetensors for NumPy arrays."""
    try:
        import safetensors.numpy
    except ImportError as error:
        raise ImportError(needs(f"To {purpose} a network", "safetensors", "safetensors")) from error
    return safetensors.numpy


def _first_line(error):
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
