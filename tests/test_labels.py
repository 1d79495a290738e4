"""Reading of class labels: types, marks of unlabelled samples, invalid labels."""

import numpy as np
import pandas as pd
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sklearn_contrastive._labels import UNLABELLED, Labels, read_labels

# names of classes, in an order that sorting changes
NAMES = {
    "ints": [7, 0, 3],
    "negative": [-2, 5, -9],
    "floats": [2.0, 0.0, -4.0],
    "bools": [True, False],
    "strings": ["pear", "apple", "fig"],
    "unsigned": np.array([200, 3, 17], np.uint8),
    "large": [2**60 + 1, 2**60, 2**60 + 2],
}


def labels_by_loop(y, unlabelled):
    """Classes and codes, one sample at a time."""
    classes = sorted({label for label in y if label != unlabelled})
    return classes, [UNLABELLED if label == unlabelled else classes.index(label) for label in y]


@given(
    kind=st.sampled_from(sorted(NAMES)),
    n_samples=st.integers(3, 20),
    container=st.sampled_from(["list", "array", "object", "series", "column", "categorical"]),
    seed=SEEDS,
)
def test_codes_are_positions_among_the_sorted_classes(kind, n_samples, container, seed):
    y = np.array(NAMES[kind])[np.random.default_rng(seed).integers(0, len(NAMES[kind]), n_samples)]
    given_as = {
        "list": y.tolist(),
        "array": y,
        "object": y.astype(object),
        "series": pd.Series(y),
        "column": y[:, None],
        "categorical": pd.Series(y).astype("category"),
    }[container]
    labels = read_labels(given_as, n_samples)
    classes, codes = labels_by_loop(y.tolist(), None)
    assert labels.classes.tolist() == classes
    assert labels.codes.tolist() == codes


MARKS = {
    "auto": ("auto", -1, [0, 2, 5]),
    "auto, floats": ("auto", -1.0, [0.0, 2.0]),
    "-1 beside 1": (-1, -1, [1, -2]),
    "another number": (99, 99, [-1, 1]),
    "zero": (0, 0, [-1, 1]),
    "a string": ("?", "?", ["a", "b"]),
    "an empty string": ("", "", ["a", "b"]),
    "False": (False, False, [True]),
    "infinity": (np.inf, np.inf, [0.0, 1.0]),
}


@pytest.mark.parametrize("mark", [-1, -1.0, np.int8(-1)])
@pytest.mark.parametrize("container", [list, lambda y: np.array(y, object), pd.Series])
def test_the_number_minus_one_among_strings_marks_samples_without_a_label(mark, container):
    labels = read_labels(container(["b", mark, "-1", "a", mark]), 5)
    assert labels.classes.tolist() == ["-1", "a", "b"]
    assert labels.codes.tolist() == [2, UNLABELLED, 0, 1, UNLABELLED]


@pytest.mark.parametrize("name", MARKS)
@pytest.mark.parametrize("container", [list, np.array, lambda y: np.array(y, object), pd.Series])
def test_marked_samples_have_no_label_and_the_mark_is_no_class(name, container):
    unlabelled, mark, names = MARKS[name]
    y = [mark, *names, mark, names[0]]
    labels = read_labels(container(y), len(y), unlabelled)
    classes, codes = labels_by_loop(y, mark)
    assert labels.classes.tolist() == classes
    assert labels.codes.tolist() == codes


@pytest.mark.parametrize("unlabelled", [np.nan, float("nan"), np.float32("nan")])
@pytest.mark.parametrize(
    "y",
    [
        [np.nan, 1.0, 0.0],
        np.array([np.nan, 1, 0], np.float32),
        np.array([np.nan, "b", "a"], object),
        [np.nan, "b", "a"],  # NumPy alone would convert it to the class "nan"
        (np.nan, "b", "a"),
        pd.Series([np.nan, "b", "a"]),
        pd.Series([None, "b", "a"], dtype="string"),
        pd.Series([None, 1, 0], dtype="Int64"),
        pd.Categorical([None, "b", "a"]),
    ],
    ids=["list", "float32", "object", "mixed", "tuple", "series", "string", "Int64", "categorical"],
)
def test_nan_can_mark_unlabelled_samples(unlabelled, y):
    labels = read_labels(y, 3, unlabelled)
    assert len(labels.classes) == 2
    assert labels.codes.tolist() == [-1, 1, 0]


def test_without_y_all_samples_are_unlabelled():
    labels = read_labels(None, 4)
    assert labels.classes.shape == (0,)
    assert labels.codes.tolist() == [-1] * 4


@pytest.mark.parametrize("y", [[-1, -1], [-1.0, -1.0], np.array([-1, -1], object)])
def test_marks_alone_give_no_class(y):
    labels = read_labels(y, 2)
    assert labels.classes.shape == (0,)
    assert labels.codes.tolist() == [-1, -1]


def test_without_a_mark_every_value_is_a_class():
    assert read_labels([-1, 1, -1], 3, None).classes.tolist() == [-1, 1]
    assert read_labels([-1, 1, 2], 3, None).codes.tolist() == [0, 1, 2]
    assert read_labels(["-1", "a"], 2).classes.tolist() == ["-1", "a"]


@pytest.mark.parametrize("kind", [list, np.array, lambda y: np.array(y, object), pd.Series])
@pytest.mark.parametrize("y", [[-1, 1, 1], [-1.0, 1.0, -1.0]])
def test_exactly_minus_one_and_one_is_refused_and_the_error_names_both_solutions(kind, y):
    with pytest.raises(ValueError, match="unlabelled=None if it is a class, unlabelled=-1 if"):
        read_labels(kind(y), 3)
    assert read_labels(kind(y), 3, -1).classes.tolist() == [1]
    assert read_labels(kind(y), 3, None).classes.tolist() == [-1, 1]


def test_classes_of_earlier_samples_decide_whether_minus_one_is_a_mark():
    assert read_labels([-1, 1], 2, known=[0, 1]).codes.tolist() == [-1, 0]
    with pytest.raises(ValueError, match="exactly -1 and 1"):
        read_labels([-1, -1], 2, known=[1])
    with pytest.raises(ValueError, match="labels of type int, str"):
        read_labels(["a", "b"], 2, known=[0, 1])


INVALID = {
    "continuous": ([0.5, 1.5, 2.2], "Unknown label type: y is continuous.*KBinsDiscretizer"),
    "continuous and marked": ([0.5, -1.0, 2.2], "continuous"),
    "NaN": ([0.0, np.nan, 1.0], "NaN or None; give every sample a label"),
    "NaN among strings": (["a", np.nan, "b"], "NaN"),
    "NA": (pd.Series(["a", None, "b"], dtype="string"), "NaN"),
    "infinity": ([0.0, np.inf, 1.0], "infinity"),
    "short": ([0, 1], "2 labels but X has 3 samples"),
    "long": ([0, 1, 1, 0], "4 labels but X has 3 samples"),
    "two columns": ([[0, 1]] * 3, r"shape \(3, 2\); give one label per sample, in shape \(3,\)"),
    "row": ([[0, 1, 1]], r"shape \(1, 3\)"),
    "scalar": (1, r"shape \(\)"),
    "numbers and strings": (["a", 2, "b"], "labels of type int, str, which have no order"),
    "None among strings": (["a", None, "b"], "contains NaN or None; give every sample"),
    "dates": (np.array([1, 2, 3], "datetime64[D]"), "dtype datetime64"),
    "complex": ([1j, 2j, 0j], "dtype complex128"),
    "bytes": (np.array([b"a", b"b", b"a"]), "labels are numbers or strings"),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_labels_are_refused_and_the_error_names_the_argument(name):
    y, message = INVALID[name]
    with pytest.raises(ValueError, match=message):
        read_labels(y, 3)
    with pytest.raises(ValueError, match=message.replace("y is", "groups is")):
        read_labels(y, 3, name="groups")


@pytest.mark.parametrize("unlabelled", [[1, 2], np.array([1, 2]), (0,)])
def test_several_marks_are_refused(unlabelled):
    with pytest.raises(ValueError, match="must be one label"):
        read_labels([0, 1, 2], 3, unlabelled)


@given(n_classes=st.integers(1, 6), n_samples=st.integers(0, 12), seed=SEEDS)
def test_labels_of_a_subset_equal_labels_read_from_the_subset(n_classes, n_samples, seed):
    rng = np.random.default_rng(seed)
    y = rng.integers(-1, n_classes, 15) * 2 + 1  # odd: -1 unlabelled, and 1, 3, 5, ...
    y[0] = 3
    rows = rng.integers(0, 15, n_samples)
    some = read_labels(y, 15).of(rows)
    expected = read_labels(y[rows], n_samples, -1) if n_samples else Labels(np.array([]), rows)
    assert_array_equal(some.classes, expected.classes)
    assert_array_equal(some.codes, expected.codes)
