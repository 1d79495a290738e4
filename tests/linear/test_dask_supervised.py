"""SupervisedLinearContrastive fitted to dask collections: labels and targets chunk by chunk."""

import pickle
from functools import partial

import numpy as np
import pandas as pd
import pytest
from helpers.assertions import assert_same_factor_model
from helpers.dask_collections import FORMS, collection_of
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from sklearn_contrastive import SupervisedLinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.exceptions import LabelsWarning
from sklearn_contrastive.linear import _labelled_estimator
from sklearn_contrastive.linear._covariance.read import labelled_covariance_of_chunk

da = pytest.importorskip("dask.array", reason="dask is not installed")
dd = pytest.importorskip("dask.dataframe", reason="dask.dataframe is not installed")

X = make_spiked_covariance(500, 12, 3, signal=3.0, mean=4.0, random_state=0)[0]
_RNG = np.random.default_rng(1)
# classes differ along one factor; some samples have no label
LABELS = np.digitize(X @ np.linalg.svd(X - X.mean(axis=0))[2][0], [-2, 0, 2])
LABELS[_RNG.uniform(size=500) < 0.3] = -1
TARGETS = X[:, :2] @ [[1.0, 0.3], [0.0, 1.0]] + _RNG.standard_normal((500, 2))
TARGETS[_RNG.uniform(size=(500, 2)) < 0.3] = np.nan
MODEL = SupervisedLinearContrastive(3, tol=1e-7, max_iter=2000, random_state=0)
pytestmark = pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.HeywoodWarning")


def assert_same(model, whole):
    assert_same_factor_model(model, whole, size=X.std(), tol=1e-5)
    for name in ("class_shares_", "target_shares_"):
        assert hasattr(model, name) == hasattr(whole, name)
        assert_allclose(getattr(model, name, 0), getattr(whole, name, 0), atol=1e-5)
    assert_array_equal(getattr(model, "classes_", 0), getattr(whole, "classes_", 0))


def in_chunks(y, form):
    """y with the chunks of a collection of X."""
    if form == "frame":
        names = None if y.ndim == 1 else [f"t{i}" for i in range(y.shape[1])]
        pandas = pd.Series(y) if y.ndim == 1 else pd.DataFrame(y, columns=names)
        return dd.from_pandas(pandas, npartitions=4)
    rows = {"one chunk": 500, "many chunks": 50}.get(form, 130)
    lazy = da.from_array(y, chunks=(rows, -1)[: y.ndim])
    return lazy[lazy == lazy] if form == "unknown sizes" else lazy


@pytest.mark.parametrize("form", [*FORMS, "sparse", "sparse columns"])
def test_labels_in_chunks_give_the_fit_of_all_samples(form):
    whole = clone(MODEL).fit(X, LABELS)
    model = clone(MODEL).fit(collection_of(X, form), in_chunks(LABELS, form))
    assert_same(model, whole)
    assert model.n_samples_ == 500
    scores = model.transform(collection_of(X, form))
    assert hasattr(scores, "dask")
    assert_allclose(scores.compute(), whole.transform(X), atol=1e-4)


NAMES = np.array(["d", "a", "b", "c", "e"])[LABELS + 1]
LABELS_OF_USERS = {
    "memory": (LABELS, LABELS, {}),
    "list": (LABELS, LABELS.tolist(), {}),
    "other chunks": (LABELS, da.from_array(LABELS, chunks=77), {}),
    "floats": (LABELS, da.from_array(LABELS * 1.0, chunks=130), {"target_type": "classes"}),
    "strings": (NAMES, dd.from_pandas(pd.Series(NAMES), npartitions=4), {}),
    "mark": (LABELS, da.from_array(LABELS, chunks=130), {"unlabelled": 2}),
    "none": (None, None, {}),
}


@pytest.mark.parametrize("kind", LABELS_OF_USERS)
def test_labels_may_have_every_form_that_fit_takes(kind):
    y, given, options = LABELS_OF_USERS[kind]
    model = clone(MODEL).set_params(**options)
    form = "frame" if kind == "strings" else "rows"
    assert_same(clone(model).fit(collection_of(X, form), given), clone(model).fit(X, y))


@pytest.mark.parametrize("form", ["rows", "frame", "sparse", "unknown sizes"])
@pytest.mark.parametrize("alpha", ["auto", 1.0])
def test_targets_in_chunks_give_the_fit_of_all_samples(form, alpha):
    model = clone(MODEL).set_params(alpha=alpha)
    lazy = in_chunks(TARGETS, "rows" if form == "unknown sizes" else form)
    assert_same(clone(model).fit(collection_of(X, form), lazy), clone(model).fit(X, TARGETS))


def test_one_target_in_memory_may_be_a_column_of_floats():
    target = TARGETS[:, 0]
    assert_same(clone(MODEL).fit(collection_of(X, "rows"), target), clone(MODEL).fit(X, target))


@pytest.mark.parametrize("y", [LABELS, TARGETS], ids=["labels", "targets"])
def test_weights_count_as_repetition(y):
    weight = np.random.default_rng(0).integers(0, 4, size=500)
    rows = np.repeat(np.arange(500), weight)
    model = clone(MODEL).fit(collection_of(X, "rows"), y, sample_weight=weight)
    assert_same(model, clone(MODEL).fit(X[rows], y[rows]))


def test_a_chunk_whose_labels_are_ambiguous_by_themselves_is_read():
    y = LABELS.copy()
    y[:130] = np.where(np.arange(130) % 2, 1, -1)
    assert_same(clone(MODEL).fit(collection_of(X, "rows"), y), clone(MODEL).fit(X, y))
    y = np.where(np.arange(500) % 2, 1, -1)
    with pytest.raises(ValueError, match="y holds exactly -1 and 1"):
        clone(MODEL).fit(collection_of(X, "rows"), da.from_array(y, chunks=130))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("kept_entries", [0, 300])
def test_many_classes_share_one_matrix(kept_entries, weighted, monkeypatch):
    # 300 numbers are two matrices: some chunks have no more classes, most have
    y = np.where(np.arange(500) < 130, LABELS % 2, LABELS)
    weight = np.random.default_rng(0).uniform(0.0, 0.9, size=500) if weighted else None
    bounded = partial(labelled_covariance_of_chunk, kept_entries=kept_entries)
    monkeypatch.setattr(_labelled_estimator, "labelled_covariance_of_chunk", bounded)
    for form in ("many chunks", "sparse"):
        model = clone(MODEL).fit(collection_of(X, form), y, sample_weight=weight)
        assert_same(model, clone(MODEL).fit(X, y, sample_weight=weight))
        assert not hasattr(model, "moments_")
    half = clone(MODEL).fit(collection_of(X[:250], "rows"), y[:250])
    assert_same(
        pickle.loads(pickle.dumps(half)).partial_fit(X[250:], y[250:]), clone(MODEL).fit(X, y)
    )
    # the matrix of the supervised loss needs each class
    closed = clone(MODEL).set_params(alpha=1.0)
    assert_same(clone(closed).fit(collection_of(X, "rows"), y), clone(closed).fit(X, y))


def test_labels_of_several_kinds_are_refused_together():
    y = np.array(LABELS, dtype=object)
    y[300:] = "a"
    with pytest.raises(ValueError, match="y holds labels of type int, str, which have no order"):
        clone(MODEL).fit(collection_of(X, "many chunks"), da.from_array(y, chunks=50))


def test_partial_fit_continues_from_the_moments_of_classes():
    model = clone(MODEL).fit(collection_of(X[:300], "rows"), LABELS[:300])
    assert set(model.moments_) == {0, 1, 2, 3, None}
    assert_same(model.partial_fit(X[300:], LABELS[300:]), clone(MODEL).fit(X, LABELS))


def test_one_class_is_warned_about_as_in_memory():
    with pytest.warns(LabelsWarning, match="y names one class only"):
        clone(MODEL).fit(collection_of(X, "rows"), np.zeros(500, int))


CONTINUOUS = {"target_type": "continuous"}
REFUSED = {
    "lazy floats": (LABELS * 1.0, {}, "y is a lazy column of floats"),
    "continuous": (X[:, 0], {"target_type": "classes"}, r"Chunk \d of X.*y is continuous"),
    "no target": (np.full(500, np.nan), CONTINUOUS, "y has no known target"),
    "infinite": (np.full(500, np.inf), CONTINUOUS, r"Chunk \d of X.*y contains infinity"),
    "short": (LABELS[:400], {}, "y has 400 entries, but X has 500 rows"),
    "marked targets": (TARGETS, CONTINUOUS | {"unlabelled": 3}, "unlabelled=3 marks"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_labels_that_cannot_be_read_are_refused(kind):
    y, options, message = REFUSED[kind]
    model = clone(MODEL).fit(X, LABELS)
    components = model.components_
    with pytest.raises(ValueError, match=message):
        model.set_params(**options).fit(collection_of(X, "rows"), da.from_array(y, chunks=130))
    assert model.components_ is components


def test_a_chunk_with_missing_entries_is_named():
    bad = X.copy()
    bad[300, 4] = np.nan
    with pytest.raises(ValueError, match="Chunk 2 of X, counted from 0: X contains NaN, but"):
        clone(MODEL).fit(collection_of(bad, "rows"), LABELS)


def test_a_chunk_with_more_labels_than_rows_is_named():
    lazy = collection_of(X, "unknown sizes")
    y = da.from_array(LABELS[:499], chunks=((130, 130, 129, 110),))
    with pytest.raises(ValueError, match=r"Chunk 2 of X.*y has shape \(129,\) there, but \(130,\)"):
        clone(MODEL).fit(lazy, y)
