"""The readers of files on the guide's page about large data, and the memory that they need."""

import importlib
import importlib.util
import json
import shutil
import sys
import warnings
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest
from helpers.guide import code_of_page
from helpers.processes import run_program
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.linear import Moments

READERS = code_of_page("large_data", "read")
# more rows than one chunk has
X = np.random.default_rng(0).normal(3.0, size=(25_000, 3))
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def moments_by(reader):
    """Return what the code on the page computes from the files that are here."""
    names = {"np": np, "Moments": Moments}
    exec(READERS[reader], names)
    return names["moments"]


def assert_moments_of(moments, samples, atol=1e-10):
    assert moments.n_samples == len(samples)
    assert_allclose(moments.mean, samples.mean(axis=0), atol=atol)
    assert_allclose(moments.covariance, np.cov(samples.T), atol=atol)


def test_the_page_has_every_reader():
    assert set(READERS) == {"hdf5", "zarr", "parquet", "anndata", "csv", "npy"}


def test_hdf5_is_read_in_chunks():
    h5py = pytest.importorskip("h5py", reason="h5py is not installed")
    with h5py.File("samples.h5", "w") as file:
        file["X"] = X
    assert_moments_of(moments_by("hdf5"), X)


def test_zarr_is_read_in_chunks():
    zarr = pytest.importorskip("zarr", minversion="3", reason="zarr 3 is not installed")
    array = zarr.create_array("samples.zarr", shape=X.shape, chunks=(1000, 3), dtype="f8")
    array[:] = X
    assert_moments_of(moments_by("zarr"), X)


def test_parquet_is_read_in_batches_with_names_and_nulls():
    pytest.importorskip("pyarrow", reason="pyarrow is not installed")
    FRAME.to_parquet("samples.parquet")
    moments = moments_by("parquet")
    assert_moments_of(moments, X)
    assert_array_equal(moments.feature_names, FRAME.columns)
    gaps = FRAME.mask(np.random.default_rng(0).uniform(size=X.shape) < 0.1)
    gaps.to_parquet("samples.parquet")
    expected = Moments.from_array(gaps)
    assert_allclose(moments_by("parquet").covariance, expected.covariance, atol=1e-10)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", ["sparse", "dense"])
def test_backed_anndata_is_read_in_chunks(kind):
    anndata = pytest.importorskip("anndata", reason="anndata is not installed")
    counts = np.where(X > 4, X, 0.0)
    stored = sparse.csr_matrix(counts) if kind == "sparse" else counts
    anndata.AnnData(stored).write_h5ad("cells.h5ad")
    assert_moments_of(moments_by("anndata"), counts)


def test_csv_is_read_in_chunks():
    FRAME.to_csv("samples.csv", index=False)
    assert_moments_of(moments_by("csv"), X)


def test_a_memory_map_is_read_in_blocks():
    np.save("samples.npy", X)
    assert_moments_of(moments_by("npy"), X)


# --- memory ---------------------------------------------------------------------------------------


class Larger(NamedTuple):
    """A file that is larger than the allowed memory, and the package that writes it."""

    package: str
    shape: tuple[int, int]
    allowed: int = 24 * 2**20


# The code on the page reads 10_000 rows at once, and here 500. Memory maps have blocks of their
# own; Zarr needs stacks of threads, and AnnData keeps the names of all rows in memory.
LARGER = {
    "hdf5": Larger("h5py", (80_000, 400)),
    "zarr": Larger("zarr", (135_000, 400), 40 * 2**20),
    "parquet": Larger("pyarrow", (80_000, 400)),
    "anndata": Larger("anndata", (90_000, 400), 40 * 2**20),
    "npy": Larger("numpy", (640_000, 50)),
}


def write(reader, n_rows, n_features):
    """Write the file of a reader, the same rows again and again; return the bytes of the data."""
    block = make_spiked_covariance(1000, n_features, 3, signal=3.0, random_state=0)[0]
    package, n_blocks = importlib.import_module(LARGER[reader].package), n_rows // len(block)
    if reader == "parquet":
        parquet = importlib.import_module("pyarrow.parquet")
        rows = pd.DataFrame(np.tile(block, (min(10, n_blocks), 1)))
        table = package.Table.from_pandas(rows.rename(columns="x{}".format))
        options = {"compression": "none", "use_dictionary": False}
        with parquet.ParquetWriter("samples.parquet", table.schema, **options) as file:
            for _ in range(n_rows // len(rows)):
                file.write_table(table)
    elif reader == "anndata":
        rows = sparse.vstack([sparse.csr_matrix(block)] * n_blocks, format="csr")
        package.AnnData(rows).write_h5ad("cells.h5ad")
        return rows.data.nbytes + rows.indices.nbytes
    elif reader == "hdf5":
        with package.File("samples.h5", "w") as file:
            fill(file.create_dataset("X", (n_rows, n_features), "f8"), block)
    elif reader == "zarr":
        options = {"chunks": (500, n_features), "dtype": "f8", "compressors": None}
        fill(package.create_array("samples.zarr", shape=(n_rows, n_features), **options), block)
    else:
        fill(np.lib.format.open_memmap("samples.npy", "w+", "f8", (n_rows, n_features)), block)
    return n_blocks * block.nbytes


def fill(array, block):
    for start in range(0, array.shape[0], len(block)):
        array[start : start + len(block)] = block


@pytest.fixture(scope="module")
def fits_in_little_memory(tmp_path_factory):
    """What became of the fit to each file, all in one process with little memory."""
    folder = tmp_path_factory.mktemp("larger")
    (folder / "few").mkdir()
    there = {name: each for name, each in LARGER.items() if importlib.util.find_spec(each.package)}
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings(action="ignore"):
        for reader, larger in there.items():
            patch.chdir(folder / "few")
            write(reader, 1000, 10)
            patch.chdir(folder)
            assert write(reader, *larger.shape) > 10 * larger.allowed
        programs = {
            name: (READERS[name].replace("10_000", "500"), larger.allowed)
            for name, larger in there.items()
        }
        found = run_program(LIMITED, json.dumps(programs))
    shutil.rmtree(folder)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are set as on Linux")
@pytest.mark.parametrize("reader", LARGER)
def test_files_of_ten_times_the_allowed_memory_are_fitted(reader, fits_in_little_memory):
    package, (n_rows, _), _ = LARGER[reader]
    found = pytest.importorskip(package, reason=f"{package} is not installed")
    if package == "pyarrow" and found.__version__.startswith("15."):
        pytest.skip("Arrow 15 reads all row groups ahead")
    expected = {"n_samples": n_rows, "n_components": 3, "limited": True}
    assert fits_in_little_memory[reader] == expected


# RLIMIT_DATA counts what a process allocates, and not the pages of a file that it maps. Files of a
# few rows load all libraries and start their threads.
LIMITED = """
import json, os, resource, sys, traceback, warnings
from pathlib import Path
warnings.simplefilter("ignore")  # those of anndata
import numpy as np
from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.linear import Moments

programs = json.loads(sys.argv[1])

def fit(reader):
    names = {"np": np, "Moments": Moments}
    exec(programs[reader][0], names)
    model = LinearContrastive(3, random_state=0).fit_moments(names["moments"])
    if reader == "npy":
        model = LinearContrastive(3, random_state=0).fit(np.load("samples.npy", mmap_mode="r"))
    return {"n_samples": model.n_samples_, "n_components": model.n_components_}

def is_limited(allowed):
    try:
        return not np.ones(10 * allowed // 8).any()
    except MemoryError:
        return True

os.chdir("few")
for reader in programs:
    fit(reader)
os.chdir("..")
found = {}
for reader, (_, allowed) in programs.items():
    status = Path("/proc/self/status").read_text().splitlines()
    held = 1024 * next(int(line.split()[1]) for line in status if line.startswith("VmData"))
    resource.setrlimit(resource.RLIMIT_DATA, (held + allowed, resource.RLIM_INFINITY))
    try:
        found[reader] = fit(reader) | {"limited": is_limited(allowed)}
    except Exception:
        found[reader] = traceback.format_exc()
    resource.setrlimit(resource.RLIMIT_DATA, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(json.dumps(found))
"""
