"""Targets: whether y holds targets or labels, how they are read, and their moments with samples."""

from functools import reduce
from operator import add

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sklearn_contrastive import SupervisedLinearContrastive
from sklearn_contrastive._targets import Targets, names_classes, read_targets
from sklearn_contrastive.linear._covariance.read import target_covariance_of
from sklearn_contrastive.linear._covariance.samples import read_samples

NUMBERS = np.random.default_rng(0).normal(size=60)
THREE = np.arange(60) % 3

CLASSES = {
    "none": None,
    "integers": THREE,
    "many integers": np.arange(60),
    "booleans": THREE > 1,
    "strings": THREE.astype(str),
    "objects": THREE.astype(object),
    "zero and one": (THREE > 0).astype(float),
    "a column": THREE[:, None],
}
CONTINUOUS = {
    "floats": NUMBERS,
    "floats with gaps": np.where(THREE, NUMBERS, np.nan),
    "many whole floats": np.arange(60.0),
    "few floats that do not repeat": np.where(np.arange(60) < 5, NUMBERS, np.nan),
    "a column": NUMBERS[:, None],
    "two columns": np.c_[NUMBERS, NUMBERS],
    "two columns of integers": np.c_[THREE, THREE],
    "nothing known": np.full(60, np.nan),
    "float32": NUMBERS.astype(np.float32),
    "a frame": pd.DataFrame({"a": NUMBERS, "b": THREE}),
}
UNCLEAR = {
    "three floats": THREE / 2,
    "three whole floats": THREE.astype(float),
    "zero, one and NaN": np.where(THREE == 2, np.nan, THREE),
    "ratings": np.round(NUMBERS),
}


@pytest.mark.parametrize("name", CLASSES)
def test_integers_and_strings_name_classes(name):
    assert names_classes(CLASSES[name], "auto")


@pytest.mark.parametrize("name", CONTINUOUS)
def test_many_floats_and_several_columns_are_targets(name):
    assert not names_classes(CONTINUOUS[name], "auto")


@pytest.mark.parametrize("name", UNCLEAR)
def test_a_column_of_few_floats_asks_which_is_meant(name):
    with pytest.raises(ValueError, match=r'Pass target_type="classes".*target_type="continuous"'):
        names_classes(UNCLEAR[name], "auto")
    assert names_classes(UNCLEAR[name], "classes")
    assert not names_classes(UNCLEAR[name], "continuous")
    # a mark of samples without a class says that there are classes
    assert names_classes(UNCLEAR[name], "auto", np.nan)
    assert names_classes(UNCLEAR[name], "auto", None)


@pytest.mark.parametrize("mark", [-1, None, "?"])
def test_marks_of_classes_are_refused_with_targets(mark):
    with pytest.raises(ValueError, match="Mark unknown targets by NaN"):
        names_classes(NUMBERS, "continuous", mark)
    assert not names_classes(NUMBERS, "continuous", np.nan)


INVALID = {
    "short": (NUMBERS[:-1], "59 rows but X has 60"),
    "infinite": (np.where(THREE, NUMBERS, np.inf), "infinity"),
    "all NaN": (np.full((60, 2), np.nan), "no known target"),
    "three axes": (np.ones((60, 1, 1)), r"shape \(60, 1, 1\)"),
    "no column": (np.ones((60, 0)), r"shape \(60, 0\)"),
    "strings": (THREE.astype(str), "targets are numbers"),
    "text among numbers": (np.array([*NUMBERS[1:], "a"], dtype=object), "targets are numbers"),
    "complex": (NUMBERS + 1j, "targets are numbers"),
    "too large": (NUMBERS * 1e80, "in another unit"),
    "too small": (NUMBERS * 1e-80, "in another unit"),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_targets_are_refused(name):
    y, message = INVALID[name]
    with pytest.raises(ValueError, match=message):
        read_targets(y, 60)


def test_the_number_of_targets_is_that_of_earlier_samples():
    with pytest.raises(ValueError, match="2 target"):
        read_targets(np.c_[NUMBERS, NUMBERS], 60, 3)
    assert read_targets(None, 60, 3).values.shape == (60, 3)


@pytest.mark.parametrize("gap", [None, np.nan, pd.NA])
def test_every_mark_of_a_missing_entry_is_unknown(gap):
    y = NUMBERS.astype(object)
    y[::3] = gap
    expected = np.where(np.arange(60) % 3, NUMBERS, np.nan)
    assert_array_equal(read_targets(y, 60).values[:, 0], expected)


def test_patterns_hold_every_sample_once():
    values = np.array([[1.0, np.nan], [np.nan, np.nan], [2.0, 3.0], [4.0, np.nan]])
    patterns = Targets(values).patterns()
    found = sorted((known.tolist(), np.flatnonzero(mask).tolist()) for known, mask in patterns)
    assert found == [([], [1]), ([0], [0, 3]), ([0, 1], [2])]


# --- moments -------------------------------------------------------------------------------------


def covariance_of(X, Y, solver, weight=None, streaming=False):
    model = SupervisedLinearContrastive(2)
    samples = read_samples(model, X, weight, streaming=streaming)
    return target_covariance_of(
        samples.__class__(**{**vars(samples), "targets": Targets(Y)}), solver, lambda _: None
    )


def problem(seed, n_samples=80, n_targets=3):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, 6)) @ rng.normal(size=(6, 6)) + rng.normal(size=6) * 5
    Y = X[:, :1] + rng.normal(size=(n_samples, n_targets)) + 3.0
    Y[rng.uniform(size=Y.shape) < 0.4] = np.nan
    return X, Y, rng


def slow_moments(X, Y, weight):
    """Along the identity, times it and cross, by loops over targets and samples."""
    along, cross = np.zeros((Y.shape[1], 6, 6)), np.zeros((6, Y.shape[1]))
    for target in range(Y.shape[1]):
        known = [i for i in range(len(X)) if not np.isnan(Y[i, target])]
        total = sum(weight[i] for i in known)
        centre = sum(weight[i] * X[i] for i in known) / total
        mean = sum(weight[i] * Y[i, target] for i in known) / total
        variance = sum(weight[i] * (Y[i, target] - mean) ** 2 for i in known) / total
        for i in known:
            x, y = X[i] - centre, (Y[i, target] - mean) / np.sqrt(variance)
            along[target] += weight[i] * np.outer(x, x)
            cross[:, target] += weight[i] * x * y
    return along, cross


KINDS = {
    "scatters": lambda X, Y, weight: covariance_of(X, Y, "gram", weight),
    "rows": lambda X, Y, weight: covariance_of(X, Y, "operator", weight),
    "sparse rows": lambda X, Y, weight: covariance_of(sparse.csr_array(X), Y, "operator", weight),
    "a stream": lambda X, Y, weight: reduce(
        add,
        (
            covariance_of(X[i : i + 17], Y[i : i + 17], "auto", weight[i : i + 17], True)
            for i in range(0, len(X), 17)
        ),
    ),
}


@pytest.mark.parametrize("kind", KINDS)
@given(seed=st.integers(0, 2**16), complete=st.booleans())
def test_moments_with_targets_agree_with_loops(kind, seed, complete):
    X, Y, rng = problem(seed)
    if complete:
        Y = np.where(np.isnan(Y), 1.0, Y)
    weight = rng.integers(1, 4, len(X)).astype(float)
    covariance = KINDS[kind](X, Y, weight)
    along, cross = slow_moments(X, Y, weight)
    assert_allclose(covariance.known_along(np.eye(6)), along, atol=1e-8 * along.max())
    assert_allclose(covariance.cross, cross, atol=1e-9 * np.abs(cross).max())
    directions, mixture = rng.normal(size=(6, 2)), rng.normal(size=(2, 3))
    products = covariance.products(directions, mixture)
    expected = np.einsum("tij,jt->it", along, directions @ mixture)
    assert_allclose(products.known, expected, atol=1e-8 * np.abs(expected).max())
    assert_allclose(covariance.known_times(directions @ mixture), products.known, rtol=1e-9)
    assert_allclose(products.along, directions.T @ along @ directions, atol=1e-8 * along.max())
    assert_allclose(products.total, np.cov(X.T, fweights=weight) @ directions, rtol=1e-8, atol=1e-8)


def test_many_sets_of_known_targets_keep_the_rows():
    X, Y, _ = problem(0, n_targets=5)
    covariance = covariance_of(X, Y, "gram")
    assert not covariance.mergeable
    along, cross = slow_moments(X, Y, np.ones(len(X)))
    assert_allclose(covariance.known_along(np.eye(6)), along, rtol=1e-9, atol=1e-9)
    assert_allclose(covariance.cross, cross, rtol=1e-9, atol=1e-9)


def test_the_matrix_of_targets_is_the_sum_of_squared_covariances():
    X, Y, _ = problem(1)
    expected = np.zeros((6, 6))
    for y in Y.T:
        known = ~np.isnan(y)
        b = np.cov(X[known].T, y[known])[:6, 6] / np.std(y[known], ddof=1)
        expected += np.outer(b, b)
    for solver in ("gram", "operator"):
        found = covariance_of(X, Y, solver).label_matrix_times(np.eye(6))
        assert_allclose(found, expected, rtol=1e-10, atol=1e-10)


def test_a_chunk_that_knows_nothing_adds_samples_only():
    X, Y, _ = problem(2)
    gaps = np.full_like(Y, np.nan)
    known = covariance_of(X, Y, "auto", streaming=True)
    unknown = covariance_of(X + 1, gaps, "auto", streaming=True)
    for both in (known + unknown, unknown + known):
        assert both.n_samples == 160
        assert_allclose(both.cross, known.cross)
        assert_allclose(both.known_along(np.eye(6)), known.known_along(np.eye(6)))
