"""Fits to dask collections that read the chunks several times: missing entries, robust fits."""

import numpy as np
import pandas as pd
import pytest
from helpers.assertions import assert_same_factor_model
from helpers.dask_collections import FORMS, collection_of
from helpers.strategies import SEEDS, with_gaps
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from sklearn_contrastive import HeteroPCA, LinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.linear._factor import robust_rows
from sklearn_contrastive.linear._factor.expected_sums import FactorState
from sklearn_contrastive.linear._factor.rows_with_gaps import RowsInChunks, RowsInMemory
from sklearn_contrastive.linear._row_chunks import RowChunks

da = pytest.importorskip("dask.array", reason="dask is not installed")
cloudpickle = pytest.importorskip("cloudpickle", reason="dask is not installed")

RNG = np.random.default_rng(0)
X = make_spiked_covariance(500, 12, 3, signal=3.0, mean=4.0, random_state=0)[0]
GAPS = np.where(RNG.uniform(size=X.shape) < 0.1, np.nan, X)
# few rows have gaps: the scatter of the others is kept
FEW_GAPS = np.where(np.arange(500)[:, None] % 5, X, GAPS)
WEIGHT = RNG.integers(0, 4, size=500)
MODEL = LinearContrastive(3, tol=1e-7, max_iter=1000, random_state=0)
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.HeywoodWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.OutlierWarning"),
]


def spoilt(X):
    """Rows with single gross cells, and noisy rows at the end."""
    rng = np.random.default_rng(1)
    bad = np.where(rng.uniform(size=X.shape) < 0.02, X + 40, X)
    bad[-30:] += 6 * rng.standard_normal((30, X.shape[1]))
    return bad


BAD = spoilt(X)
BAD_WITH_GAPS = np.where(np.isnan(GAPS), np.nan, BAD)


def assert_same(model, whole, tol=1e-6):
    assert_same_factor_model(model, whole, size=10.0, tol=tol)
    assert model.n_samples_ == pytest.approx(whole.n_samples_)
    assert hasattr(model, "sample_noise_") == hasattr(whole, "sample_noise_")
    if hasattr(whole, "sample_noise_"):
        assert_allclose(model.sample_noise_, whole.sample_noise_, rtol=1e-4)
    assert hasattr(model, "outlying_cells_") == hasattr(whole, "outlying_cells_")
    if hasattr(whole, "outlying_cells_"):
        found, expected = model.outlying_cells_.toarray(), whole.outlying_cells_.toarray()
        assert_array_equal(found != 0, expected != 0)
        assert_allclose(found, expected, atol=1e-3)


# --- missing entries -----------------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_incomplete_chunks_have_the_fit_of_their_array(form):
    lazy = collection_of(GAPS, form)
    rows = pd.DataFrame(GAPS, columns=lazy.columns) if form == "frame" else GAPS
    model, whole = clone(MODEL).fit(lazy), clone(MODEL).fit(rows)
    assert_same(model, whole)
    assert_allclose(model.transform(lazy).compute(), whole.transform(rows), atol=1e-6)
    for name, values in vars(whole.outlier_scores(rows)).items():
        assert_allclose(getattr(model.outlier_scores(rows), name), values, rtol=1e-4)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["equal", "weighted"])
@pytest.mark.parametrize("rows", [GAPS, FEW_GAPS], ids=["gaps", "few gaps"])
def test_weights_of_incomplete_rows_are_frequencies(rows, weight):
    model = clone(MODEL).fit(collection_of(rows, "rows"), sample_weight=weight)
    assert_same(model, clone(MODEL).fit(rows, sample_weight=weight))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_default_fit_stops_where_that_of_the_array_stops(dtype):
    rows = GAPS.astype(dtype)
    model = LinearContrastive(random_state=0).fit(collection_of(rows, "rows"))
    whole = LinearContrastive(random_state=0).fit(rows)
    assert model.n_iter_ == whole.n_iter_
    assert model.components_.dtype == whole.components_.dtype == dtype
    assert_same(model, whole, tol=1e-4)


class Watched:
    """A collection of five chunks that counts how often they are read."""

    def __init__(self, rows):
        self.n_read = 0
        self.lazy = da.from_array(rows, chunks=(100, 12)).map_blocks(
            self._note, meta=np.empty((0, 0)), name="watched"
        )

    def _note(self, block):
        self.n_read += 1
        return block

    def passes_of(self, model):
        """Passes over X of one fit."""
        self.n_read = 0
        model.fit(self.lazy)
        passes, rest = divmod(self.n_read, 5)
        assert rest == 0
        return passes


def test_every_pass_reads_each_chunk_once():
    watched = Watched(GAPS)
    model = LinearContrastive(3, max_iter=5, tol=1.0, random_state=0)
    # moments, counts of rows, steps, weights and rows that calibrate distances
    assert watched.passes_of(model) <= model.n_iter_ + 4
    watched.n_read = 0
    model.fit(watched.lazy.persist())
    assert watched.n_read == 5


@pytest.mark.parametrize(
    ("model", "rows", "passes"),
    [
        (LinearContrastive(3), X, [1]),
        (HeteroPCA(3), GAPS, [3]),
        (LinearContrastive(3, robust="cells"), BAD, [5, 6]),
        (LinearContrastive(3, robust="rows"), BAD, [6, 7, 8]),
        (LinearContrastive(3, robust=True), BAD, [6, 7, 8]),
    ],
    ids=str,
)
def test_a_fit_reads_the_chunks_as_often_as_the_guide_says(model, rows, passes):
    assert Watched(rows).passes_of(clone(model).set_params(random_state=0)) in passes


def test_pairs_are_enough_for_closed_forms():
    for model in (HeteroPCA(3, random_state=0), clone(MODEL).set_params(max_iter=0)):
        assert_same(clone(model).fit(collection_of(GAPS, "rows")), clone(model).fit(GAPS))


def test_what_needs_complete_rows_names_the_chunk():
    grouped = LinearContrastive(2, feature_groups=np.arange(12) // 2)
    with pytest.raises(ValueError, match="Chunk 0 of X, counted from 0: X contains NaN, but"):
        grouped.fit(collection_of(GAPS, "one chunk"))
    bad = collection_of(X, "sparse").map_blocks(lambda block: block * np.nan)
    with pytest.raises(ValueError, match=r"Chunk \d of X, counted from 0: Sparse X contains NaN"):
        LinearContrastive(2).fit(bad)
    never = GAPS.copy()
    never[:, 2] = np.nan
    with pytest.raises(ValueError, match="Too much of X is missing: feature 2 is never observed"):
        LinearContrastive(2).fit(collection_of(never, "rows"))


class _Rows:
    """Samples of one chunk, as the reader returns them."""

    def __init__(self, values, weight):
        self.values, self.weight = values, weight
        self.n_features, self.total = values.shape[1], weight.sum()


@given(cuts=st.lists(st.integers(0, 60), max_size=5), n_incomplete=st.integers(1, 60), seed=SEEDS)
@settings(max_examples=20)
def test_expected_sums_do_not_depend_on_the_chunks(cuts, n_incomplete, seed):
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((60, 5))
    rows[:n_incomplete] = with_gaps(rows[:n_incomplete], 0.3, seed)
    rows, weight = rng.permutation(rows), rng.uniform(0, 3, size=60)
    state = FactorState(
        rng.standard_normal(5), rng.standard_normal((5, 2)), rng.uniform(0.2, 1.0, size=5)
    )
    lazy = da.from_array(rows, chunks=(tuple(np.diff([0, *sorted(cuts), 60]).tolist()), 5))
    chunks = RowsInChunks(RowChunks.of(_Rows, lazy, weight=weight))
    whole = RowsInMemory(rows, weight)
    assert chunks.n_samples == pytest.approx(whole.n_samples)
    assert_allclose(chunks.n_observed, whole.n_observed)
    units = rng.standard_normal(5), rng.uniform(0.5, 2.0, size=5)
    sums, expected = (each.sums_in_units(*units)(state) for each in (chunks, whole))
    for name, values in vars(expected).items():
        assert_allclose(getattr(sums, name), values, rtol=1e-9, atol=1e-9)


# --- robust fits ---------------------------------------------------------------------------------


@pytest.fixture
def few_first_rows(monkeypatch):
    """The first rounds read every fifth row."""
    monkeypatch.setattr(robust_rows, "_FIRST_CELLS", 1200)
    monkeypatch.setattr(robust_rows, "_FIRST_ROWS", 100)


def robust(kind, **options):
    return clone(MODEL).set_params(robust=kind, **options)


@pytest.mark.parametrize("kind", ["rows", "cells", True])
@pytest.mark.parametrize("gaps", [False, True], ids=["complete", "gaps"])
def test_a_robust_fit_to_chunks_is_that_of_their_array(kind, gaps, few_first_rows):
    rows = BAD_WITH_GAPS if gaps else BAD
    lazy = collection_of(rows, "several column chunks")
    model, whole = robust(kind).fit(lazy), robust(kind).fit(rows)
    assert_same(model, whole, tol=1e-5)
    assert_allclose(model.transform(lazy).compute(), whole.transform(rows), atol=1e-3)
    assert_allclose(
        model.outlier_scores(X).orthogonal_distance,
        whole.outlier_scores(X).orthogonal_distance,
        rtol=1e-4,
    )


@pytest.mark.parametrize("form", ["unknown sizes", "frame", "empty chunks and one of one row"])
def test_a_robust_fit_takes_every_form(form):
    assert_same(robust(True).fit(collection_of(BAD, form)), robust(True).fit(BAD), tol=1e-5)


@pytest.mark.parametrize("kind", ["rows", "cells"])
def test_weights_of_a_robust_fit_are_frequencies(kind, few_first_rows):
    lazy = collection_of(BAD, "rows")
    model = robust(kind, n_components="auto").fit(lazy, sample_weight=WEIGHT)
    whole = robust(kind, n_components="auto").fit(BAD, sample_weight=WEIGHT)
    assert_same(model, whole, tol=1e-5)


@pytest.mark.parametrize("weight", [None, WEIGHT], ids=["equal", "weighted"])
def test_a_robust_fit_to_sparse_chunks_is_that_of_their_array(weight):
    lazy = collection_of(BAD, "sparse")
    model = robust("rows").fit(lazy, sample_weight=weight)
    assert_same(model, robust("rows").fit(sparse.csr_array(BAD), sample_weight=weight), tol=1e-5)
    assert_allclose(model.transform(lazy).compute(), model.transform(BAD), atol=1e-6)


def test_features_that_vary_in_few_rows_only_are_read_whole(few_first_rows, monkeypatch):
    monkeypatch.setattr("sklearn_contrastive.linear._factor.column_scale._ROWS", 20)
    rows = BAD.copy()
    rows[:, 0] = 0.0
    rows[1:500:7, 0] = RNG.uniform(1, 2, size=72)  # not among the first rows
    rows[:, 1] = 3.0
    rows[:, 2] = np.nan
    rows[2:400:3, 2] = X[2:400:3, 2]
    model, whole = robust("cells").fit(collection_of(rows, "rows")), robust("cells").fit(rows)
    assert_same(model, whole, tol=1e-5)


def test_a_robust_fit_in_another_unit_is_the_same_fit():
    size = 1e150
    model = robust(True).fit(collection_of(BAD * size, "rows"))
    whole = robust(True).fit(collection_of(BAD, "rows"))
    assert_allclose(model.components_, whole.components_, atol=1e-8)
    assert_allclose(model.sample_noise_, whole.sample_noise_, rtol=1e-6)


def test_workers_get_no_numbers_of_rows():
    model = robust("rows").fit(collection_of(BAD, "rows"))
    model.sample_noise_ = np.ones(10**6)
    scores = model.transform(collection_of(BAD, "rows"))
    assert len(cloudpickle.dumps(scores.dask)) < 8 * 10**6
    assert model.sample_noise_.shape == (10**6,)


def test_chunks_of_two_kinds_are_refused():
    def some_sparse(block):
        return sparse.csr_matrix(block) if block[0, 0] == X[260, 0] else block

    mixed = da.from_array(X, chunks=(130, 12)).map_blocks(some_sparse, meta=np.empty((0, 0)))
    with pytest.raises(ValueError, match=r"Some chunks of X are sparse \(such as chunk 2, counted"):
        robust("rows").fit(mixed)
    assert_same(clone(MODEL).fit(mixed), clone(MODEL).fit(X))


def test_robust_fits_refuse_what_they_refuse_in_memory():
    with pytest.raises(ValueError, match="cannot be combined with feature_groups"):
        robust(True, feature_groups=np.arange(12) // 2).fit(collection_of(X, "one chunk"))
    with pytest.raises(ValueError, match=r"Chunk \d of X, counted from 0: Sparse X is not"):
        robust("cells").fit(collection_of(X, "sparse"))
    with pytest.raises(ValueError, match="needs at least 5 samples"):
        robust("rows", n_components=1).fit(collection_of(X[:4], "rows"))
    with pytest.raises(ValueError, match="n_components=13 must be between"):
        robust("rows", n_components=13).fit(collection_of(X, "rows"))


def test_a_fit_without_robust_forgets_the_rows_of_an_earlier_one():
    model = robust(True).fit(collection_of(BAD, "rows"))
    assert model.sample_noise_.shape == (500,)
    model.set_params(robust=False).fit(collection_of(X, "rows"))
    assert not hasattr(model, "sample_noise_")
    assert not hasattr(model, "outlying_cells_")
    assert_allclose(model.transform(BAD), clone(MODEL).fit(X).transform(BAD), atol=1e-4)
