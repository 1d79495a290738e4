"""Arrays and data frames of dask: fits chunk by chunk, lazy scores, workers that die."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers.assertions import assert_same_factor_model
from helpers.dask_collections import FORMS, collection_of
from helpers.processes import run_program
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sklearn_contrastive import HeteroPCA, LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.linear import Moments

da = pytest.importorskip("dask.array", reason="dask is not installed")
cloudpickle = pytest.importorskip("cloudpickle", reason="dask is not installed")
dd = pytest.importorskip("dask.dataframe", reason="dask.dataframe is not installed")

TOL = 1e-9
NAMES = [f"x{i}" for i in range(12)]
ESTIMATORS = [LinearContrastive(3, tol=TOL, random_state=0), HeteroPCA(3, random_state=0)]
each_estimator = pytest.mark.parametrize("estimator", ESTIMATORS, ids=["ours", "HeteroPCA"])
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
)


def samples(n_samples=500):
    return make_spiked_covariance(n_samples, 12, 3, signal=3.0, mean=4.0, random_state=0)[0]


X = samples()
FRAME = pd.DataFrame(X, columns=NAMES)


COLLECTIONS = {form: collection_of(X, form) for form in [*FORMS, "sparse", "sparse columns"]}
each_collection = pytest.mark.parametrize("name", COLLECTIONS)


@each_estimator
@each_collection
def test_a_fit_to_a_collection_is_the_fit_to_its_array(estimator, name):
    fitted = clone(estimator).fit(COLLECTIONS[name])
    whole = clone(estimator).fit(FRAME if name == "frame" else X)
    assert_same_factor_model(fitted, whole, size=X.std(), tol=1e-6)
    assert fitted.n_samples_ == 500
    assert isinstance(fitted.components_, np.ndarray)
    names = getattr(fitted, "feature_names_in_", None)
    assert_array_equal(names, FRAME.columns if name == "frame" else None)


@each_collection
def test_scores_are_lazy_and_those_of_the_array(name):
    model = LinearContrastive(3, random_state=0).fit(FRAME if name == "frame" else X)
    scores = model.transform(COLLECTIONS[name])
    assert isinstance(scores, da.Array)
    assert scores.shape[1] == 3
    expected = model.transform(FRAME if name == "frame" else X)
    assert_allclose(scores.compute(), expected, atol=1e-8)
    if "sparse" not in name:
        assert scores.dtype == expected.dtype


def test_scores_have_the_chunks_and_the_precision_of_the_samples():
    single = da.from_array(X.astype(np.float32), chunks=(130, 5))
    model = LinearContrastive(3, random_state=0)
    scores = model.fit_transform(single)
    assert scores.chunks == (single.chunks[0], (3,))
    assert scores.dtype == scores.compute().dtype == model.components_.dtype == np.float32


def test_each_chunk_is_read_once():
    read = []

    def note(block):
        read.append(block.shape)
        return block

    lazy = da.from_array(X, chunks=(100, 12)).map_blocks(note, meta=np.empty((0, 0)))
    model = LinearContrastive(3, random_state=0).fit(lazy)
    assert read == [(100, 12)] * 5
    scores = model.transform(lazy)
    assert len(read) == 5
    scores[:10].compute()
    assert len(read) == 6


def test_workers_get_no_scatter_matrix():
    wide = np.random.default_rng(0).normal(size=(300, 200)) + samples(300)[:, :1]
    model = LinearContrastive(1, random_state=0).fit(wide)
    scores = model.transform(da.zeros((300, 200), chunks=(100, 200)))
    assert len(cloudpickle.dumps(scores.dask)) < 8 * 200 * 200 < len(pickle.dumps(model))
    assert model.moments_.n_samples == 300


def test_partitions_without_rows_are_allowed():
    frame = dd.from_pandas(FRAME.sort_values("x0").reset_index(drop=True), npartitions=4)
    chosen = frame[frame["x0"] > frame["x0"].quantile(0.6).compute()]
    assert min(chosen.map_partitions(len).compute()) == 0
    model = LinearContrastive(3, tol=TOL, random_state=0).fit(chosen)
    whole = LinearContrastive(3, tol=TOL, random_state=0).fit(chosen.compute())
    assert_same_factor_model(model, whole, size=X.std(), tol=1e-6)
    assert_allclose(model.transform(chosen).compute(), whole.transform(chosen.compute()), atol=1e-6)


@pytest.mark.parametrize("kind", ["memory", "dask", "other chunks", "series"])
def test_weights_count_as_repetition(kind):
    weight = np.random.default_rng(0).integers(0, 4, size=500)
    collection = COLLECTIONS["frame" if kind == "series" else "several column chunks"]
    given = {
        "memory": weight,
        "dask": da.from_array(weight, chunks=130),
        "other chunks": da.from_array(weight, chunks=77),
        "series": dd.from_pandas(pd.Series(weight), npartitions=4),
    }[kind]
    moments = Moments.from_array(collection, given)
    expected = np.repeat(X, weight, axis=0)
    assert moments.n_samples == weight.sum()
    assert_allclose(moments.covariance, np.cov(expected.T), atol=1e-10)


@pytest.mark.parametrize(
    ("name", "weight", "message"),
    [
        ("unknown sizes", np.ones(500), "not known how many rows each chunk"),
        ("frame", np.ones(500), "not known how many rows each chunk"),
        ("rows", np.ones(499), "sample_weight has 499 entries, but X has 500 rows"),
        ("unknown sizes", da.ones(500, chunks=100), "sample_weight has 5 chunks, but X has 4"),
    ],
)
def test_weights_that_do_not_fit_the_chunks_are_refused(name, weight, message):
    with pytest.raises(ValueError, match=message):
        LinearContrastive().fit(COLLECTIONS[name], sample_weight=weight)


def test_a_bad_chunk_is_named_and_an_earlier_fit_stays():
    bad = X.copy()
    bad[300, 2] = np.inf
    model = LinearContrastive(3, random_state=0).fit(X)
    components = model.components_
    with pytest.raises(ValueError, match="Chunk 2 of X, counted from 0: Input X contains inf"):
        model.fit(da.from_array(bad, chunks=(130, 12)))
    assert model.components_ is components


def frame_chunk_with_other_names(block):
    return block.rename(columns={"x3": "y3"}) if block.index[0] > 300 else block


BAD_CHUNKS = {
    "another width": (
        lambda block: block[:, :11] if block[0, 0] == X[260, 0] else block,
        r"Chunk 2 of X, counted from 0: its columns are 0, 1, 2, ... \(11 in all\), but X has",
    ),
    "one dimension": (
        lambda block: block[0] if block[0, 0] == X[130, 0] else block,
        r"Chunk 1 of X, counted from 0: it has 1 dimension\(s\)",
    ),
    "strings": (
        lambda block: np.full(block.shape, "a") if block[0, 0] == X[130, 0] else block,
        "Chunk 1 of X, counted from 0: ",
    ),
    "complex": (
        lambda block: block + 1j if block[0, 0] == X[390, 0] else block,
        "Chunk 3 of X, counted from 0: Complex data not supported",
    ),
}


@pytest.mark.parametrize("kind", BAD_CHUNKS)
@pytest.mark.parametrize("robust", [False, True])
def test_a_chunk_of_another_width_or_type_is_named(kind, robust):
    spoil, message = BAD_CHUNKS[kind]
    lazy = da.from_array(X, chunks=(130, 12)).map_blocks(spoil, dtype=float, meta=np.empty((0, 0)))
    with pytest.raises(ValueError, match=message):
        LinearContrastive(robust=robust).fit(lazy)


def test_a_partition_with_other_columns_is_named():
    frame = dd.from_pandas(FRAME, npartitions=4)
    spoilt = frame.map_partitions(
        frame_chunk_with_other_names, meta=frame._meta, enforce_metadata=False
    )
    with pytest.raises(ValueError, match=r"Chunk 3 of X, counted from 0: its columns are x0, x1"):
        LinearContrastive().fit(spoilt)


def test_chunks_of_several_float_types_are_read_as_the_widest():
    mixed = da.concatenate(
        [da.from_array(X[:200].astype(np.float32), chunks=100), da.from_array(X[200:], chunks=100)]
    )
    whole = LinearContrastive(3, tol=TOL, random_state=0).fit(mixed.compute())
    assert_same_factor_model(
        LinearContrastive(3, tol=TOL, random_state=0).fit(mixed), whole, size=X.std(), tol=1e-5
    )


def test_a_collection_without_rows_is_refused():
    empty = da.zeros((0, 12), chunks=(5, 12))
    for model in (LinearContrastive(), LinearContrastive(robust="rows"), HeteroPCA(2)):
        with pytest.raises(ValueError, match="X has no rows"):
            model.fit(empty)
    assert Moments.from_array(empty).n_samples == 0


def test_what_would_compute_the_whole_collection_is_refused():
    model = LinearContrastive(3, random_state=0).fit(X)
    lazy = COLLECTIONS["rows"]
    for method in ("score", "score_samples", "outlier_scores", "impute", "partial_fit"):
        with pytest.raises(TypeError, match="X is a collection of dask"):
            getattr(model, method)(lazy)
    likelihoods = lazy.map_blocks(model.score_samples, drop_axis=1, dtype=float)
    assert_allclose(likelihoods.compute(), model.score_samples(X))
    with pytest.raises(TypeError, match="X is a collection of dask"):
        SupervisedLinearContrastive().partial_fit(lazy, np.arange(500) % 2)
    with pytest.raises(TypeError, match="a dask array or data frame of two dimensions"):
        LinearContrastive().fit(lazy[:, 0])
    with pytest.raises(ValueError, match="X has 5 features, but LinearContrastive is expecting 12"):
        model.transform(lazy[:, :5])


@pytest.fixture(scope="module")
def fits_on_a_cluster(tmp_path_factory):
    """Differences between fits on two processes, one of which dies in some fits, and in memory."""
    pytest.importorskip("distributed", reason="dask.distributed is not installed")
    return run_program(CLUSTER, str(tmp_path_factory.mktemp("flags")))


@pytest.mark.parametrize("kind", ["complete", "HeteroPCA", "labels", "gaps", "robust", "sparse"])
def test_a_worker_that_dies_during_the_fit_does_not_change_the_result(kind, fits_on_a_cluster):
    found = fits_on_a_cluster[kind]
    # new workers take seconds to start: one dies in a single pass, one in the midst of EM
    assert found["killed"] == (kind in ("labels", "gaps"))
    assert found["workers"] == 2
    assert found["components"] < 1e-6
    assert found["noise"] < 1e-6
    assert found["scores"] < 1e-5


CLUSTER = """
import json, logging, os, pathlib, signal, sys, warnings
warnings.simplefilter("ignore")  # those of dask's own servers
import dask, dask.array as da, numpy as np
from distributed import Client, LocalCluster
from scipy import sparse
from sklearn_contrastive import HeteroPCA, LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance

folder = pathlib.Path(sys.argv[1])

def read(block, reads, flag):
    # the worker that reads for the n-th time dies, as if the system killed it for its memory
    with open(flag, "a") as file:
        file.write(".")
    if flag.stat().st_size == reads:
        os.kill(os.getpid(), signal.SIGKILL)
    return block

dask.config.set({"distributed.comm.retry.count": 3})
X, _ = make_spiked_covariance(2000, 12, 3, signal=3.0, random_state=0)
rng = np.random.default_rng(0)
gaps = np.where(rng.uniform(size=X.shape) < 0.05, np.nan, X)
bad = np.where(rng.uniform(size=X.shape) < 0.01, X + 40, X)
bad[:80] *= 5
options = {"tol": 1e-3, "random_state": 0}
y = np.where(rng.uniform(size=2000) < 0.5, X[:, 0] > 0, -1).astype(int)
y[y == 1] = 2
kinds = {  # estimator, samples, labels, and the number of the read at which the worker dies
    "complete": (LinearContrastive(3, **options), X, None, 0),
    "HeteroPCA": (HeteroPCA(3, random_state=0), X, None, 0),
    "labels": (SupervisedLinearContrastive(3, **options), X, y, 3),
    "gaps": (LinearContrastive(3, **options), gaps, None, 23),
    "robust": (LinearContrastive(3, robust=True, **options), bad, None, 0),
    "sparse": (LinearContrastive(3, robust="rows", **options), sparse.csr_matrix(bad), None, 0),
}
found = {}
with LocalCluster(
    n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None,
    silence_logs=logging.CRITICAL,
) as cluster, Client(cluster) as client:
    for kind, (model, rows, y, reads) in kinds.items():
        workers, flag = len(client.scheduler_info()["workers"]), folder / kind
        dense = rows.toarray() if sparse.issparse(rows) else rows
        lazy = da.from_array(dense, chunks=(400, 12))
        if sparse.issparse(rows):
            lazy = lazy.map_blocks(sparse.csr_matrix)
        labels = None if y is None else da.from_array(y, chunks=400)
        model.fit(lazy.map_blocks(read, reads, flag, meta=np.empty((0, 0))), labels)
        scores, components = model.transform(lazy).compute(), model.components_
        noise = model.noise_variance_
        model.fit(rows, y)
        found[kind] = {
            "killed": bool(reads) and flag.stat().st_size > reads,
            "workers": workers,
            "components": float(np.abs(components - model.components_).max()),
            "noise": float(np.abs(noise / model.noise_variance_ - 1).max()),
            "scores": float(np.abs(scores - model.transform(rows)).max()),
        }
        client.wait_for_workers(2)
print(json.dumps(found))
"""
