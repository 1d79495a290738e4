"""Labels of a classifier: which samples have one, and what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sklearn_contrastive.deep._fine_tuning.labels import Labels, read_labels
from sklearn_contrastive.exceptions import LabelsWarning

KINDS = {
    "integers": lambda names: np.array([-1 if each is None else each + 5 for each in names]),
    "floats": lambda names: np.array([-1.0 if each is None else each + 5.0 for each in names]),
    "objects": lambda names: np.array(
        [-1 if each is None else f"class {each}" for each in names], dtype=object
    ),
    "a list": lambda names: [-1 if each is None else f"class {each}" for each in names],
    "pandas": lambda names: pd.Series(
        [-1 if each is None else each for each in names], index=names
    ),
    "polars": lambda names: pl.Series([-1 if each is None else each for each in names]),
    "nullable": lambda names: pd.Series(
        [-1 if each is None else each for each in names], dtype="Int64"
    ),
}


@given(n_classes=st.integers(2, 6), n=st.integers(2, 40), share=st.floats(0, 0.9), seed=SEEDS)
@pytest.mark.parametrize("kind", KINDS)
def test_rows_classes_and_codes_are_those_of_a_loop(kind, n_classes, n, share, seed):
    rng = np.random.default_rng(seed)
    names = [*range(n_classes), *rng.integers(0, n_classes, n).tolist()]
    names = [
        name if i < n_classes or rng.random() > share else None for i, name in enumerate(names)
    ]
    order = rng.permutation(len(names))
    names = [names[i] for i in order]
    given_labels = KINDS[kind](names)
    labels = read_labels(given_labels, len(names), "Classifier")
    assert labels.rows.tolist() == [i for i, name in enumerate(names) if name is not None]
    assert labels.codes.tolist() == [name for name in names if name is not None]
    for row, code in zip(labels.rows, labels.codes, strict=True):
        assert labels.classes[code] == list(given_labels)[row]


def test_strings_without_a_mark_are_all_labels():
    labels = read_labels(np.array(["b", "a", "b"]), 3, "Classifier")
    assert_array_equal(labels.classes, ["a", "b"])
    assert_array_equal(labels.codes, [1, 0, 1])


def test_exactly_minus_one_and_one_are_two_classes_with_a_warning():
    with pytest.warns(LabelsWarning, match="exactly -1 and 1"):
        labels = read_labels([-1, 1, 1], 3, "Classifier")
    assert_array_equal(labels.classes, [-1, 1])
    assert_array_equal(labels.rows, [0, 1, 2])


INVALID = {
    "None": (None, "requires y to be passed"),
    "too short": ([0, 1], "y has 2 labels, but X has 4 samples"),
    "two columns": (np.zeros((4, 2), int), "1d array"),
    "no label": ([-1] * 4, "All 4 labels are -1"),
    "one class": ([2, 2, -1, -1], "one class only, .*2.*; the other 2 samples have the mark -1"),
    "one class and no mark": (["a"] * 4, "one class only, 'a'. Label"),
    "continuous": ([0.5, 1.5, -1, 0.25], "Unknown label type"),
    "NaN": ([0, 1, np.nan, 1], "contains NaN"),
    "infinity": ([0, 1, np.inf, 1], "contains infinity"),
    "None among strings": (np.array(["a", "b", None, "a"], dtype=object), "contains NaN or None"),
    "NA": (pd.Series([0, 1, None, 1], dtype="Int64"), "contains NaN"),
    "the string -1": (np.array(["a", "-1", "b", "a"]), 'the string "-1"'),
    "numbers and strings": (["a", 1, "b", 2], "have no order"),
}


@pytest.mark.parametrize("name", INVALID)
def test_labels_that_name_no_classes_are_refused(name):
    y, message = INVALID[name]
    with pytest.raises(ValueError, match=message):
        read_labels(y, 4, "Classifier")


@given(n=st.integers(2, 30), seed=SEEDS)
def test_labels_of_the_remaining_samples_are_those_of_the_remaining_rows(n, seed):
    rng = np.random.default_rng(seed)
    y = np.r_[0, 1, rng.integers(-1, 2, n)]
    left_out = 2 + np.flatnonzero(rng.random(n) < 0.4)
    kept = read_labels(y, len(y), "Classifier").without(left_out.tolist())
    expected = read_labels(np.delete(y, left_out), len(y) - len(left_out), "Classifier")
    assert_array_equal(kept.rows, expected.rows)
    assert_array_equal(kept.codes, expected.codes)


def test_a_class_that_loses_all_its_samples_is_named():
    labels = Labels(np.array(["cat", "dog"]), np.array([0, 2]), np.array([0, 1]))
    with pytest.raises(ValueError, match=r"class .*dog.* can be read"):
        labels.without([2])
