"""group_members: indices of the features of each label."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from sklearn_contrastive._features import group_members

LABELS = st.sampled_from(["dbca", [10, 9, -1, 2], [0.5, -0.5], [True, False]]).flatmap(
    lambda labels: st.lists(st.sampled_from(labels), min_size=1, max_size=12)
)


@given(labels=LABELS, as_objects=st.booleans())
def test_members_are_the_indices_of_each_label_in_order(labels, as_objects):
    given_labels = np.array(labels, dtype=object) if as_objects else labels
    members = group_members(given_labels, len(labels))
    assert list(members) == sorted(set(labels))
    for label, features in members.items():
        assert type(label) is type(labels[0])
        assert_array_equal(features, [i for i, other in enumerate(labels) if other == label])


@pytest.mark.parametrize(
    "labels",
    [
        ("b", "a", "b"),
        pd.Series(["b", "a", "b"], index=[7, 8, 9]),
        pd.Series(["b", "a", "b"], dtype="string"),
        pd.Series(["b", "a", "b"], dtype="category"),
        pl.Series(["b", "a", "b"]),
    ],
    ids=["tuple", "Series", "string", "category", "polars"],
)
def test_labels_come_in_any_container(labels):
    members = group_members(labels, 3)
    assert {label: features.tolist() for label, features in members.items()} == {
        "a": [1],
        "b": [0, 2],
    }


@pytest.mark.parametrize("n_features", [1, 3])
@pytest.mark.parametrize("labels", [["a", "b"], np.array([1, 2]), [["a", "b"]], {"a", "b"}, []])
def test_there_is_one_label_per_feature(labels, n_features):
    with pytest.raises(ValueError, match=f"but X has {n_features} features; give one label per"):
        group_members(labels, n_features)


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (["a", None], "None"),
        ([1, None], "None"),
        (pl.Series(["a", None]), "None"),
        ([1.0, np.nan], "NaN"),
        (["a", np.nan], "NaN"),
        (np.array(["a", np.nan], dtype=object), "NaN"),
        (pd.Series(["a", None]), "(NaN|None)"),  # pandas < 3 keeps None
        (pd.Series(["a", None], dtype="category"), "NaN"),
        (pd.Series(["a", pd.NA], dtype="string"), "NaN"),
        (pd.Series([1, pd.NA], dtype="Int64"), "NaN"),
        (np.array([0, "NaT"], dtype="datetime64[D]"), "None"),
    ],
)
def test_missing_labels_are_refused(labels, name):
    with pytest.raises(ValueError, match=f"feature_groups contains {name}; give every feature"):
        group_members(labels, 2)


def test_labels_without_an_order_are_refused():
    with pytest.raises(ValueError, match="mixes labels that cannot be sorted"):
        group_members(np.array([1, "a"], dtype=object), 2)
