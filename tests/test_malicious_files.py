"""Files made to run code or to fill the memory: refused, at little cost, in every format."""

import hashlib
import io
import json
import pickle
import warnings
import zipfile

import numpy as np
import pytest
import skops.io
import torch
from helpers.memory import peak_memory
from scipy import sparse

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.deep import LinearContrastiveEncoder
from sklearn_contrastive.deep._training.checkpoint import Checkpoint
from sklearn_contrastive.linear import Moments

X = np.random.default_rng(0).normal(size=(30, 4))
# what a file of some kilobytes may take of the memory of Python and NumPy
ALLOWED = 20e6


class Attack:
    """An object whose pickle runs code."""

    def __reduce__(self):
        return pytest.fail, ("code in the file was run",)


def npz_with(**members):
    """A file of moments with other bytes for some members, and further ones."""
    content = io.BytesIO()
    Moments.from_array(X).save("moments.npz")
    with zipfile.ZipFile("moments.npz") as source, zipfile.ZipFile(content, "w") as archive:
        for name in source.namelist():
            if name not in members:
                archive.writestr(name, source.read(name))
        for name, member in members.items():
            archive.writestr(name, member)
    return content.getvalue()


def npy(array=None, shape=None):
    """Bytes of an array, or the header of one of a shape."""
    content = io.BytesIO()
    if shape is None:
        np.save(content, array)
    else:
        header = {"descr": "<f8", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(content, header)
    return content.getvalue()


def nested_npy():
    header = b"(" * 400 + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header


def compressed_npz():
    content = io.BytesIO()
    np.savez_compressed(content, scatter=np.zeros((3000, 3000)))
    return content.getvalue()


MOMENTS = {
    "pickle": lambda: pickle.dumps(Attack()),
    "pickled member": lambda: npz_with(**{"mean.npy": pickle.dumps(Attack())}),
    "array of objects": lambda: npz_with(**{"mean.npy": npy(np.array([Attack()] * 4))}),
    "huge shape": lambda: npz_with(**{"mean.npy": npy(shape=(2**40,))}),
    "huge shape in two": lambda: npz_with(**{"scatter.npy": npy(shape=(2**32, 2**32))}),
    "negative shape": lambda: npz_with(**{"mean.npy": npy(shape=(-4,))}),
    "nested header": lambda: npz_with(**{"mean.npy": nested_npy()}),
    "compressed": compressed_npz,
    "path": lambda: npz_with(**{"../../outside.npy": npy(np.ones(3))}),
}


def header(text, length=None):
    return (len(text) if length is None else length).to_bytes(8, "little") + text


def described(**tensors):
    """A file of safetensors with our metadata, and these entries."""
    keys = ("sklearn-contrastive", "estimator", "description", "sha256")
    values = ("1", "LinearContrastiveEncoder", "[" * 10**5, "0")
    return header(
        json.dumps({"__metadata__": dict(zip(keys, values, strict=True))} | tensors).encode()
    )


HUGE = {"dtype": "F64", "shape": [2**50], "data_offsets": [0, 2**53]}
NETWORKS = {
    "pickle": lambda: pickle.dumps(Attack()),
    "huge header": lambda: header(b'{"a":', 2**60),
    "nested header": lambda: header(b'{"a":' * 10**5),
    "nested description": described,
    "huge tensor": lambda: described(weights=HUGE),
    "huge number": lambda: header(b'{"a":' + b"9" * 10**5 + b"}"),
}


def torch_zip(value, name=None, member=None, compression=zipfile.ZIP_STORED):
    """A file of torch.save, with other bytes for the member of a name."""
    plain, content = io.BytesIO(), io.BytesIO()
    torch.save(value, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(content, "w", compression) as archive:
        for path in source.namelist():
            replaced = name is not None and path.endswith(name)
            archive.writestr(path, member if replaced else source.read(path))
    return content.getvalue()


GOOD = {"weight": torch.zeros(3)}
CHECKPOINTS = {
    "pickle": lambda: pickle.dumps(Attack()),
    "pickle of torch": lambda: torch_zip({"a": Attack()}),
    "pickled member": lambda: torch_zip(GOOD, "data.pkl", pickle.dumps(Attack())),
    "short tensor": lambda: torch_zip(torch.zeros(10**6), "data/0", b"x"),
}


def load_checkpoint(path):
    """Load a file with a valid hash, and raise its warning."""
    content = path.read_bytes()
    folder = path.with_name("training")
    folder.mkdir()
    (folder / "state.pt").write_bytes(content + hashlib.sha256(content).digest())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Checkpoint(folder).load()


REFUSALS = {
    "moments": (MOMENTS, Moments.load, (ValueError, "is not a file that Moments.save of this")),
    "network": (
        NETWORKS,
        LinearContrastiveEncoder.load,
        (ValueError, "cannot be loaded|was not written by"),
    ),
    "checkpoint": (
        CHECKPOINTS,
        load_checkpoint,
        (UserWarning, r"cannot be read \((?!.*weights_only).*set aside"),
    ),
}
CASES = [(kind, name) for kind, (contents, *_) in REFUSALS.items() for name in contents]


@pytest.mark.parametrize(("kind", "name"), CASES)
def test_malicious_files_are_refused_at_little_cost(kind, name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    contents, load, (error, message) = REFUSALS[kind]
    path = tmp_path / "file"
    path.write_bytes(contents[name]())
    before = {found.name for found in tmp_path.parent.iterdir()}

    def refused():
        with pytest.raises(error, match=message):
            load(path)

    _, peak = peak_memory(refused)
    assert peak < ALLOWED
    assert {found.name for found in tmp_path.parent.iterdir()} == before


@pytest.mark.parametrize("member", ["data.pkl", "data/0"])
def test_compressed_checkpoints_are_refused_before_pytorch_unpacks_them(
    member, tmp_path, monkeypatch
):
    (tmp_path / "file").write_bytes(torch_zip(GOOD, member, bytes(2**24), zipfile.ZIP_DEFLATED))
    monkeypatch.setattr(torch, "load", lambda *args, **kwargs: pytest.fail("it was unpacked"))
    with pytest.raises(UserWarning, match=r"it is compressed, which torch\.save does not do"):
        load_checkpoint(tmp_path / "file")


def test_a_pickle_is_not_a_file_of_skops(tmp_path):
    (tmp_path / "file").write_bytes(pickle.dumps(Attack()))
    with pytest.raises(zipfile.BadZipFile):
        skops.io.load(tmp_path / "file", trusted=[])


def test_wrong_indices_in_a_file_of_skops_are_refused():
    # compiled code of SciPy would write to the memory that they point to
    model = LinearContrastive(2, robust="cells").fit(np.where(X > 2, 40.0, X))
    cells = sparse.csr_array(np.eye(30, 4))
    cells.indices[:] = 10**6
    model.outlying_cells_ = cells
    data = skops.io.dumps(model)
    with pytest.raises(ValueError, match="ind"):
        skops.io.loads(data, trusted=skops.io.get_untrusted_types(data=data))
