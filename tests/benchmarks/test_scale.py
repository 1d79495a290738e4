"""Benchmarks of data larger than memory: chunks, quick runs, and what they record."""

import importlib
import json
import sys

import numpy as np
import pytest

from benchmarks.scale import sparse_chunks
from benchmarks.scale._chunks import cells, sensors, sensors_subspace
from benchmarks.scale._process import Clock


def test_chunks_are_repeatable_and_differ():
    for draw in (lambda number: sensors(number, 20, 30), lambda number: cells(number, 20, 90, 0.1)):
        first, again, other = draw(3), draw(3), draw(4)
        assert np.abs(first - again).max() == 0
        assert np.abs(first - other).max() > 0


def test_dense_chunks_share_one_subspace():
    X = np.vstack([sensors(number, 5_000, 30) for number in range(4)])
    subspace, noise = sensors_subspace(30)
    expected = 4.0 * subspace @ subspace.T + np.diag(noise**2)
    assert np.abs(np.cov(X.T) - expected).max() < 0.15


def test_sparse_chunks_have_the_density_that_is_asked_for():
    chunk = cells(0, 2_000, 2_000, 0.05)
    assert chunk.shape == (2_000, 2_000)
    assert chunk.has_canonical_format
    assert chunk.data.min() > 0
    assert chunk.nnz / 4e6 == pytest.approx(0.05, rel=0.05)
    stored = np.diff(chunk.indptr)
    assert stored.std() > 20
    assert stored.max() < 400


def test_a_clock_adds_the_seconds_of_a_part():
    clock = Clock()
    for _ in range(2):
        with clock.part("sum"):
            np.ones(1_000_000).sum()
    assert 0 < clock.cpu["sum"] < 10
    assert clock.wall["sum"] > 0


def test_a_quick_run_of_sparse_chunks_records_seconds_memory_and_equality(monkeypatch, tmp_path):
    path = tmp_path / "record.json"
    monkeypatch.setattr(sys, "argv", ["x", "--quick", "--jobs", "1", "--output", str(path)])
    sparse_chunks.main()
    record = json.loads(path.read_text(encoding="utf-8"))
    fit, equality = record["results"]["fit"], record["results"]["equality"]
    assert (fit["n"], fit["d"], fit["chunks"]) == (3_000, 200, 6)
    assert len(fit["moments, CPU s"]) == len(fit["peak MB of a process"]) == 2
    assert max(row["scores"] for row in equality) < 1e-8


# of dask's own servers
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::ResourceWarning")
def test_a_quick_run_on_dask_records_memory_and_equality(monkeypatch, tmp_path):
    distributed = pytest.importorskip("distributed", reason="dask.distributed is not installed")
    dask_cluster = importlib.import_module("benchmarks.scale.dask_cluster")

    def in_threads(**options):
        return distributed.LocalCluster(**options | {"processes": False})

    path = tmp_path / "record.json"
    monkeypatch.setattr(dask_cluster, "LocalCluster", in_threads)
    monkeypatch.setattr(sys, "argv", ["x", "--quick", "--output", str(path)])
    dask_cluster.main()
    record = json.loads(path.read_text(encoding="utf-8"))
    (fit,) = record["results"]["fits"]
    assert (fit["n"], fit["chunks"]) == (20_000, 20)
    assert fit["drawing, CPU s"] > 0
    assert fit["subspace error"] < 0.2
    assert max(row["scores"] for row in record["results"]["equality"]) < 1e-8
