"""Files of fitted networks: what is written comes back, and nothing else is read."""

import json
import os
import pickle
import re
import sys

import numpy as np
import pytest
import safetensors.numpy
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal

from sklearn_contrastive import _stored_fit
from sklearn_contrastive._stored_fit import check_arrays, read_fit, write_fit

ARRAYS = {"weights": np.arange(6.0).reshape(2, 3), "steps": np.array(5), "mask": np.array([True])}
DESCRIPTION = {"parameters": {"size": 3}, "name": "naïve"}


@pytest.fixture
def path(tmp_path):
    """A valid file."""
    path = tmp_path / "fit.safetensors"
    write_fit(path, "Embedder", DESCRIPTION, ARRAYS)
    return path


def with_metadata(path, **changes):
    """Write the arrays of a file with other metadata; None removes an entry."""
    with safetensors.safe_open(path, framework="np") as file:
        metadata = file.metadata() | changes
    kept = {key: value for key, value in metadata.items() if value is not None}
    path.write_bytes(safetensors.numpy.save(ARRAYS, kept))


def with_header(path, header, *, length=None):
    """Write a file of a header alone."""
    length = len(header) if length is None else length
    path.write_bytes(length.to_bytes(8, "little") + header)


DTYPES = st.sampled_from([np.float32, np.float64, np.int64, np.uint8, np.bool_])


@given(
    arrays=st.dictionaries(
        st.text(min_size=1, max_size=5).filter(lambda name: name != "__metadata__"),
        hnp.arrays(DTYPES, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=3)),
        max_size=3,
    )
)
def test_arrays_of_any_name_type_and_shape_come_back_bit_by_bit(arrays, tmp_path_factory):
    path = tmp_path_factory.mktemp("any") / "fit"
    write_fit(path, "Embedder", {}, arrays)
    found = read_fit(path, "Embedder").arrays
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        assert found[name].tobytes() == array.tobytes()


def test_arrays_in_any_memory_order_are_written(tmp_path):
    array = np.arange(24.0).reshape(2, 3, 4).transpose(2, 0, 1)
    write_fit(tmp_path / "fit", "Embedder", {}, {"a": array})
    assert_array_equal(read_fit(tmp_path / "fit", "Embedder").arrays["a"], array)


def test_the_description_comes_back(path):
    assert read_fit(path, "Embedder").description == DESCRIPTION


def test_any_altered_byte_is_refused_or_changes_nothing(path):
    content = path.read_bytes()
    n_refused = 0
    for position in range(0, len(content), 3):
        altered = bytearray(content)
        altered[position] ^= 1
        path.write_bytes(altered)
        try:
            stored = read_fit(path, "Embedder")
        except ValueError:
            n_refused += 1
        else:  # a blank at the end of the header, for instance
            assert stored.description == DESCRIPTION
            assert all(np.array_equal(stored.arrays[name], ARRAYS[name]) for name in ARRAYS)
    assert n_refused > 0.3 * len(content)


def test_a_file_that_ends_anywhere_is_refused(path):
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=re.escape(str(path))):
            read_fit(path, "Embedder")
    path.write_bytes(content + b"x")
    with pytest.raises(ValueError, match="incomplete or was altered"):
        read_fit(path, "Embedder")


class Attack:
    """An object whose pickle runs code."""

    def __reduce__(self):
        return os._exit, (1,)


@pytest.mark.parametrize(
    "content", [pickle.dumps(Attack()), b"", b"PK\x03\x04" + bytes(50), b"\x80" * 9]
)
def test_files_of_other_programs_are_foreign(content, path):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"was not written by Embedder\.save\. .*if you trust"):
        read_fit(path, "Embedder")


def test_other_files_of_safetensors_are_foreign(path):
    for metadata in (None, {"format": "pt"}):
        path.write_bytes(safetensors.numpy.save(ARRAYS, metadata))
        with pytest.raises(ValueError, match=r"was not written by Embedder\.save"):
            read_fit(path, "Embedder")


def test_a_huge_header_is_refused_before_it_is_read(path):
    with_header(path, b'{"a":', length=2**62)
    with pytest.raises(ValueError, match=r"header has 4611686018427387904 bytes.*at most 16777216"):
        read_fit(path, "Embedder")
    with_header(path, b"{" * 2**20)
    with pytest.raises(ValueError, match="its header is not JSON"):
        read_fit(path, "Embedder")


def test_a_deep_description_is_refused(path):
    with_metadata(path, description="[" * 10**5)
    with pytest.raises(ValueError, match="incomplete or was altered"):
        read_fit(path, "Embedder")


@pytest.mark.parametrize("version", ["2", "0", "", "1.5", "../1"])
def test_another_version_of_the_format_is_named(version, path):
    with_metadata(path, **{"sklearn-contrastive": version})
    with pytest.raises(ValueError, match=rf"version '{version}' of the file format.*reads 1\. Up"):
        read_fit(path, "Embedder")


def test_the_file_of_another_class_is_named(path):
    with pytest.raises(ValueError, match="holds a Embedder, not a Encoder"):
        read_fit(path, "Encoder")


@pytest.mark.parametrize("key", ["estimator", "description", "sha256"])
def test_a_missing_entry_is_refused(key, path):
    with_metadata(path, **{key: None})
    with pytest.raises(ValueError, match="header does not have the entries"):
        read_fit(path, "Embedder")
    with_metadata(path, **{key: "{}"})
    with pytest.raises(ValueError, match=r"holds a {}|not that which was written"):
        read_fit(path, "Embedder")


def test_tensors_beyond_the_file_or_one_upon_another_are_refused(path):
    with safetensors.safe_open(path, framework="np") as file:
        metadata = file.metadata()
    entry = {"dtype": "F64", "shape": [2**40], "data_offsets": [0, 2**43]}
    overlapping = {"dtype": "U8", "shape": [4], "data_offsets": [0, 4]}
    for tensors in ({"a": entry}, {"a": overlapping, "b": overlapping}):
        header = json.dumps({"__metadata__": metadata} | tensors).encode()
        path.write_bytes(len(header).to_bytes(8, "little") + header + bytes(8))
        with pytest.raises(ValueError, match="incomplete or was altered"):
            read_fit(path, "Embedder")


def test_unexpected_names_and_shapes_are_listed(path):
    stored = read_fit(path, "Embedder")
    check_arrays(stored, {name: array.shape for name, array in ARRAYS.items()})
    with pytest.raises(ValueError, match=r"without 'other', with an unknown 'mask'.*Take it\.$"):
        check_arrays(stored, {"weights": (2, 3), "steps": (), "other": ()}, "Take it.")
    with pytest.raises(ValueError, match=r"'weights' of shape \(2, 3\), not \(3, 2\)\."):
        check_arrays(stored, {"weights": (3, 2), "steps": (), "mask": (1,)})


def test_names_with_paths_reach_no_other_file(tmp_path):
    folder = tmp_path / "inner"
    folder.mkdir()
    write_fit(folder / "fit", "Embedder", {}, {"../outside": np.ones(1)})
    assert list(read_fit(folder / "fit", "Embedder").arrays) == ["../outside"]
    assert sorted(tmp_path.rglob("*")) == [folder, folder / "fit"]


def test_an_error_while_writing_keeps_the_earlier_file(path, monkeypatch):
    before = path.read_bytes()

    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_stored_fit.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_fit(path, "Embedder", {}, {})
    assert path.read_bytes() == before
    assert os.listdir(path.parent) == [path.name]


def test_folders_fifos_and_missing_files_are_named(tmp_path):
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path, tmp_path / "fifo"):
        with pytest.raises(ValueError, match=r"is not a file; give the file that Embedder\.save"):
            read_fit(path, "Embedder")
    with pytest.raises(FileNotFoundError):
        read_fit(tmp_path / "none", "Embedder")


def test_a_missing_safetensors_is_named(path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(ImportError, match=r"To load a network needs safetensors.*safetensors$"):
        read_fit(path, "Embedder")
