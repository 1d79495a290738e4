"""Moments by threads, processes, Ray and Spark, as on the guide's page about large data."""

import pickle
import re
import sys

import numpy as np
import pandas as pd
import pytest
from helpers.guide import code_of_page
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive.linear import Moments

ENGINES = code_of_page("large_data", "engine")
X = np.random.default_rng(0).normal(3.0, size=(25_000, 3))
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])


def moments_by(engine, **names):
    """Return what the code on the page computes."""
    names |= {"np": np, "Moments": Moments}
    exec(ENGINES[engine], names)
    return names["moments"]


def assert_moments_of_all(moments):
    assert moments.n_samples == len(X)
    assert_allclose(moments.mean, X.mean(axis=0), atol=1e-10)
    assert_allclose(moments.covariance, np.cov(X.T), atol=1e-10)


@pytest.fixture
def paths(tmp_path):
    paths = [tmp_path / f"{number}.npy" for number in range(3)]
    for path, rows in zip(paths, np.array_split(X, 3), strict=True):
        np.save(path, rows)
    return paths


def test_the_page_has_every_engine():
    assert set(ENGINES) == {"threads", "joblib", "ray", "spark"}
    for code in ENGINES.values():
        imports = re.findall(r"(?m)^(?:import|from) .*\n", code)
        assert len(code.splitlines()) - len(imports) <= 5


@pytest.mark.parametrize("engine", ["threads", "joblib"])
def test_files_are_read_by_threads_and_processes(engine, paths):
    assert_moments_of_all(moments_by(engine, paths=paths))


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of ray itself
def test_ray_data_reads_batches():
    ray = pytest.importorskip("ray", reason="ray is not installed")
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        samples = ray.data.from_pandas([FRAME[:9_000], FRAME[9_000:]])
        moments = moments_by("ray", samples=samples)
    finally:
        ray.shutdown()
    assert_moments_of_all(moments)
    assert_array_equal(moments.feature_names, FRAME.columns)


@pytest.mark.parametrize("least", [-np.inf, 6.5])
def test_spark_reads_partitions_and_those_without_rows(least, monkeypatch):
    monkeypatch.setenv("PYSPARK_PYTHON", sys.executable)
    sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
    builder = sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    with builder.getOrCreate() as spark:
        samples = spark.createDataFrame(FRAME).repartition(8)
        moments = moments_by("spark", samples=samples.where(samples.a > float(least)))
    chosen = X[X[:, 0] > least]
    assert moments.n_samples == len(chosen) > 2
    assert_allclose(moments.covariance, np.cov(chosen.T), atol=1e-10)
    assert_array_equal(moments.feature_names, FRAME.columns)


def test_pickled_moments_have_the_size_of_their_matrix():
    rng = np.random.default_rng(0)
    wide = Moments.from_array(rng.normal(size=(1000, 300)))
    few = Moments.from_array(rng.normal(size=(10, 300)))
    for moments, entries in ((wide, 300 * 300), (few, 10 * 300)):
        stored = pickle.dumps(moments)
        assert len(stored) < 1.1 * 8 * entries + 10_000
        assert_array_equal(pickle.loads(stored).covariance, moments.covariance)
