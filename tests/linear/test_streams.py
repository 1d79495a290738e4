"""Streams with a bad chunk in the middle: it is named by its number, and what was read stays."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from sklearn_contrastive import HeteroPCA, LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.linear import Moments

X = make_spiked_covariance(400, 12, 2, signal=3.0, random_state=0)[0]
Y = np.arange(400) % 2
CHUNKS = np.split(np.arange(400), 4)
ESTIMATORS = {
    "LinearContrastive": LinearContrastive(2, tol=1e-9, random_state=0),
    "groups": LinearContrastive(2, feature_groups=np.arange(12) // 2, random_state=0),
    "HeteroPCA": HeteroPCA(2, random_state=0),
    "labels": SupervisedLinearContrastive(2, random_state=0),
    "targets": SupervisedLinearContrastive(2, target_type="continuous", random_state=0),
}
each_estimator = pytest.mark.parametrize("name", ESTIMATORS)
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.HeywoodWarning"),
    pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.LabelsWarning"),
]


def with_entry(value):
    bad = X[CHUNKS[2]].copy()
    bad[7, 3] = value
    return bad


BAD = {
    "infinity": (with_entry(np.inf), "Input X contains infinity"),
    "sparse NaN": (sparse.csr_array(with_entry(np.nan)), "NaN|[Ss]parse"),
    "too narrow": (X[CHUNKS[2], :4], "X has 4 features, but .* is expecting 12 features"),
    "too wide": (np.hstack([X, X])[CHUNKS[2]], "X has 24 features, but .* is expecting 12"),
    "words": (np.full((100, 12), "many"), "arrays of bytes/strings"),
    "mixed objects": (np.full((100, 12), {}), "must be a string or a real number|convert"),
    "complex numbers": (X[CHUNKS[2]] + 0j, "Complex data not supported"),
    "one dimension": (X[0], "Expected 2D array, got 1D array"),
    "no row": (X[:0], r"Found array with 0 sample\(s\)"),
}


def stream(estimator, numbers):
    for number in numbers:
        estimator.partial_fit(X[CHUNKS[number]], Y[CHUNKS[number]])
    return estimator


@each_estimator
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_chunk_is_named_and_what_was_read_before_stays(name, kind):
    chunk, message = BAD[kind]
    model = stream(clone(ESTIMATORS[name]), (0, 1))
    before = dict(vars(model))
    with pytest.raises((TypeError, ValueError), match=f"(?s)^Chunk 2 of partial_fit, .*{message}"):
        model.partial_fit(chunk, Y[: np.shape(chunk)[0]])
    assert all(value is before[key] for key, value in vars(model).items())
    assert vars(model).keys() == before.keys()


@each_estimator
def test_a_stream_goes_on_after_a_bad_chunk(name):
    model = stream(clone(ESTIMATORS[name]), (0, 1))
    for _ in range(2):  # a refused chunk does not count
        with pytest.raises(ValueError, match=r"^Chunk 2 of partial_fit"):
            model.partial_fit(BAD["infinity"][0], Y[CHUNKS[2]])
    stream(model, (3,))
    with pytest.raises(ValueError, match=r"^Chunk 3 of partial_fit"):
        model.partial_fit(BAD["infinity"][0], Y[CHUNKS[2]])
    others = stream(clone(ESTIMATORS[name]), (0, 1, 3))
    assert model.n_samples_ == 300
    assert_array_equal(model.scoring_matrix_, others.scoring_matrix_)


@pytest.mark.parametrize("name", ["groups", "labels", "targets"])
def test_a_chunk_with_nan_is_named_where_samples_must_be_complete(name):
    model = stream(clone(ESTIMATORS[name]), (0, 1))
    with pytest.raises(ValueError, match=r"^Chunk 2 of partial_fit.*NaN"):
        model.partial_fit(with_entry(np.nan), Y[CHUNKS[2]])
    assert model.n_samples_ == 200


@pytest.mark.parametrize("name", ["LinearContrastive", "HeteroPCA"])
def test_a_chunk_with_nan_is_read_where_entries_may_be_missing(name):
    model = stream(clone(ESTIMATORS[name]), (0, 1)).partial_fit(with_entry(np.nan))
    moments = Moments.from_array(np.vstack([X[:200], with_entry(np.nan)]))
    assert model.n_samples_ == 300
    assert_allclose(model.moments_.covariance, moments.covariance, atol=1e-12)


def test_columns_of_other_names_are_named_by_their_chunk():
    frames = [pd.DataFrame(X[rows], columns=list("abcdefghijkl")) for rows in CHUNKS]
    model = LinearContrastive(2, random_state=0).partial_fit(frames[0]).partial_fit(frames[1])
    message = r"^Chunk 2 of partial_fit.*The feature names should match"
    with pytest.raises(ValueError, match=message):
        model.partial_fit(frames[2][list("bacdefghijkl")])
    assert model.n_samples_ == 200


def test_chunks_are_counted_from_the_last_fit():
    model = stream(LinearContrastive(2, random_state=0), (0, 1))
    bad = BAD["infinity"][0]
    for refit in (model.fit, lambda each: model.fit_moments(Moments.from_array(each))):
        refit(X)
        with pytest.raises(ValueError, match=r"^Chunk 0 of partial_fit"):
            model.partial_fit(bad)
        model.partial_fit(X)
        with pytest.raises(ValueError, match=r"^Chunk 1 of partial_fit"):
            model.partial_fit(bad)


@pytest.mark.parametrize("dtype", [np.float32, np.int64, object, bool])
def test_chunks_of_another_number_type_are_read(dtype):
    chunk = np.rint(X[CHUNKS[2]]).astype(dtype)
    model = stream(LinearContrastive(2, tol=1e-9, random_state=0), (0, 1)).partial_fit(chunk)
    exact = stream(LinearContrastive(2, tol=1e-9, random_state=0), (0, 1))
    exact.partial_fit(chunk.astype(np.float64))
    assert model.components_.dtype == model.moments_.dtype == np.float64
    assert_allclose(model.scoring_matrix_, exact.scoring_matrix_, atol=1e-12)
    assert_allclose(model.moments_.covariance, exact.moments_.covariance, atol=1e-12)


@pytest.mark.parametrize("kind", [kind for kind in BAD if kind != "no row"])
def test_sums_of_moments_keep_what_was_read_before_a_bad_chunk(kind):
    chunks = [X[rows] for rows in CHUNKS]
    chunks[2] = BAD[kind][0]
    moments, refused = 0, []
    for number, chunk in enumerate(chunks):
        try:
            moments += Moments.from_array(chunk)
        except (TypeError, ValueError) as error:
            refused.append((number, str(error)))
    assert [number for number, _ in refused] == [2]
    expected = Moments.from_array(np.vstack([X[:200], X[300:]]))
    assert_allclose(moments.covariance, expected.covariance, atol=1e-12)


def test_the_sum_of_no_chunks_is_the_zero_of_moments():
    moments = Moments.from_array(X)
    assert sum([]) + moments is moments
    assert moments + sum([]) is moments
    for other in (1, 0.0, None, X):
        with pytest.raises(TypeError, match="unsupported operand"):
            moments + other
        with pytest.raises(TypeError, match="unsupported operand"):
            other + moments
