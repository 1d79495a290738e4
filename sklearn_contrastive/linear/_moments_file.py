"""File of moments: arrays in npz format, read without pickle and with every size checked."""

import errno
import os
import struct
import zipfile
import zlib
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from .._replaced_file import replaced_file
from ._covariance.base import Covariance
from ._covariance.fourth_moments import StandardizedMoments
from ._covariance.missing import PairwiseCovariance
from ._covariance.scatter import ScatterCovariance

__all__ = ["MomentsRecord", "read_record", "write_record"]

_FORMAT = "sklearn-contrastive moments"
_VERSION = 1
_KINDS = {"complete": ScatterCovariance, "pairwise": PairwiseCovariance}
# a damaged name must not look like an array that may be absent
_ARRAYS = {"format", "version", "kind", "unit", "dtype", "third", "fourth", "feature_names"}
_ARRAYS |= {field.name for kind in _KINDS.values() for field in fields(kind)} - {"moments"}
_DTYPES = {"float32": np.float32, "float64": np.float64}
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    KeyError,
    OverflowError,
    SyntaxError,
    TokenError,
    ValueError,
)
# more than any header that save writes
_LARGEST_HEADER = 1000


@dataclass(frozen=True)
class MomentsRecord:
    """What a file of moments holds.

    Parameters
    ----------
    covariance : Covariance
        ScatterCovariance or PairwiseCovariance.
    unit : float
        Power of two by which the samples are divided.
    dtype : type
        Float type of the samples.
    feature_names : ndarray of shape (n_features,) or None
        Names of the features.
    """

    covariance: Covariance
    unit: float
    dtype: type[np.floating]
    feature_names: NDArray | None


def write_record(record: MomentsRecord, path: Path) -> None:
    """Write a file, completely or not at all.

    Parameters
    ----------
    record : MomentsRecord
        What to write.
    path : Path
        Replaced at the end.
    """
    covariance = record.covariance
    arrays = {
        "format": np.array(_FORMAT),
        "version": np.array(_VERSION),
        "kind": np.array("complete" if covariance.semidefinite else "pairwise"),
        "unit": np.array(record.unit),
        "dtype": np.array(np.dtype(record.dtype).name),
    }
    for name in _matrix_names(covariance):
        arrays[name] = np.asarray(getattr(covariance, name), np.float64)
    if covariance.moments is not None:
        arrays |= {"third": covariance.moments.third, "fourth": covariance.moments.fourth}
    if record.feature_names is not None:
        arrays["feature_names"] = record.feature_names.astype(str)
    with replaced_file(path) as file:
        np.savez(file, **arrays)


def read_record(path: Path) -> MomentsRecord:
    """Read a file that `write_record` wrote.

    Parameters
    ----------
    path : Path
        The file.

    Returns
    -------
    MomentsRecord
        Of checked shapes and finite numbers.

    Raises
    ------
    ValueError
        If the file is damaged, was altered, or has a newer format.
    """
    with open(path, "rb") as file, _refused(path), zipfile.ZipFile(file) as archive:
        arrays = _checked_archive(archive, path.stat().st_size)
        _check_version(arrays)
        covariance = _covariance_in(arrays)
        names = _names_in(arrays, covariance.n_features)
        unit = float(_array(arrays, "unit", ()))
        if not 0 < unit < np.inf:
            raise ValueError(f"unit is {unit:g}")
        return MomentsRecord(covariance, unit, _choice(arrays, "dtype", _DTYPES), names)


@contextmanager
def _refused(path):
    """Say which file it was, and what to do, whatever is wrong with it."""
    try:
        yield
    except OSError as error:
        if error.errno != errno.EINVAL:  # else a wrong position in the file
            raise
        reason = error
    # RuntimeError: encrypted, or of an unknown compression
    except (*_DAMAGED, RuntimeError) as error:
        reason = error
    else:
        return
    raise ValueError(
        f"{os.fspath(path)!r} is not a file that Moments.save of this version wrote: {reason}. "
        "Write it again with Moments.save."
    ) from reason


def _checked_archive(archive, file_size):
    """Open arrays by name, none of them larger than what the file holds of it."""
    members = archive.infolist()
    stored = all(member.compress_type == zipfile.ZIP_STORED for member in members)
    if not stored or sum(member.file_size for member in members) > file_size:
        raise ValueError("its arrays are compressed or cut off")
    names = [member.filename.removesuffix(".npy") for member in members]
    if len(set(names)) < len(names):
        raise ValueError("two arrays have one name")
    if unknown := sorted(set(names) - _ARRAYS):
        raise ValueError(f"it has an unknown array {unknown[0]!r:.80}")
    return {name: _Stored(archive, member) for name, member in zip(names, members, strict=True)}


@dataclass(frozen=True)
class _Stored:
    """One array of the archive, which is read only if its header says what is expected."""

    archive: zipfile.ZipFile
    member: zipfile.ZipInfo

    def read(self, shape, kinds):
        """The array, if it has this shape and one of these kinds of type."""
        name = self.member.filename
        with self.archive.open(self.member) as file:
            version = npy.read_magic(file)
            if version != (1, 0):
                raise ValueError(f"{name} has the npy version {version}")
            found, _, dtype = npy.read_array_header_1_0(file, _LARGEST_HEADER)
            size = file.tell() + dtype.itemsize * int(np.prod(found, dtype=object))
            if dtype.kind not in kinds or size != self.member.file_size:
                raise ValueError(f"{name} has the type {dtype} and shape {found}")
            if shape is not None and found != shape:
                raise ValueError(f"{name} has shape {found}, where {shape} is needed")
        with self.archive.open(self.member) as file:
            return npy.read_array(file, allow_pickle=False)


def _array(arrays, name, shape, kinds="f"):
    if name not in arrays:
        raise ValueError(f"it has no array {name!r}")
    array = arrays[name].read(shape, kinds)
    if kinds == "f" and (array.dtype != np.float64 or not np.all(np.isfinite(array))):
        raise ValueError(f"{name} has entries that are not finite numbers in float64")
    return np.ascontiguousarray(array) if array.ndim else array


def _choice(arrays, name, choices):
    chosen = str(_array(arrays, name, (), "U"))
    if chosen not in choices:
        raise ValueError(f"{name} is {chosen!r}")
    return choices[chosen]


def _check_version(arrays):
    _choice(arrays, "format", {_FORMAT: None})
    version = int(_array(arrays, "version", (), "i"))
    if version != _VERSION:
        raise ValueError(
            f"it has version {version} of the format, and this one reads version {_VERSION}; "
            "update sklearn-contrastive if the file is newer"
        )


def _matrix_names(kind):
    """Arrays of a kind of covariance, third and fourth moments apart."""
    return [field.name for field in fields(kind) if field.name != "moments"]


def _covariance_in(arrays):
    kind = _choice(arrays, "kind", _KINDS)
    mean = _array(arrays, "mean", None)
    if mean.ndim != 1 or not len(mean):
        raise ValueError(f"mean has shape {mean.shape}")
    n_features = len(mean)
    found = {"n_samples": float(_array(arrays, "n_samples", ())), "mean": mean}
    for name in _matrix_names(kind)[2:]:
        found[name] = _array(arrays, name, (n_features, n_features))
    if "third" in arrays or "fourth" in arrays:
        pair = (_array(arrays, name, (n_features,)) for name in ("third", "fourth"))
        found["moments"] = StandardizedMoments(*pair)
    squares = np.diag(found.get("scatter", found.get("products")))
    if found["n_samples"] < 0 or np.any(squares < 0):
        raise ValueError("a number of samples or a sum of squares is negative")
    if np.any(found.get("counts", 0.0) < 0):
        raise ValueError("a number of samples is negative")
    return kind(**found)


def _names_in(arrays, n_features):
    if "feature_names" not in arrays:
        return None
    return _array(arrays, "feature_names", (n_features,), "U").astype(object)
