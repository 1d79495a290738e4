"""The readers of files on the guide's page about large data, and the memory that they need."""

import re
import sys

import numpy as np
import pandas as pd
import pytest
from helpers.processes import run_program
from helpers.references import ROOT
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sklearn_contrastive.linear import Moments

PAGE = (ROOT / "docs" / "guide" / "large_data.rst").read_text(encoding="utf-8")
BLOCKS = r"(?m)^\.\. code-block:: python\n   :name: read-(\w+)\n\n((?:   .*\n|\n(?=   ))+)"
READERS = {name: re.sub(r"(?m)^   ", "", code) for name, code in re.findall(BLOCKS, PAGE)}
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


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are set as on Linux")
def test_ten_times_as_much_data_as_memory_can_be_fitted():
    found = run_program(LIMITED)
    assert found["read"] > 10 * found["limit"]
    assert found["n_components"] == 3
    assert found["refused"]


LIMITED = """
import json, resource
from pathlib import Path
import numpy as np
from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.linear import Moments

chunk, _ = make_spiked_covariance(10_000, 50, 3, signal=3.0, random_state=0)
LinearContrastive(3, random_state=0).fit_moments(Moments.from_array(chunk))  # loads all libraries
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit, read = 40 * 2**20, 0
total = pages * resource.getpagesize() + limit
resource.setrlimit(resource.RLIMIT_AS, (total, total))

def chunks():
    global read
    for number in range(110):
        read += chunk.nbytes
        yield chunk + 0.01 * number

model = LinearContrastive(3, random_state=0)
model.fit_moments(sum(Moments.from_array(each) for each in chunks()))
try:
    np.ones(10 * limit // 8)
    refused = False
except MemoryError:
    refused = True
print(json.dumps({
    "read": read, "limit": limit, "n_components": model.n_components_, "refused": refused,
}))
"""
