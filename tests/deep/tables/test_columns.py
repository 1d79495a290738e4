"""Reading tables: containers agree, kinds of columns, and errors that name the column."""

import datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from helpers.mixed_tables import CATEGORICAL, as_objects, as_pandas, as_polars, mixed_columns
from numpy.testing import assert_array_equal
from scipy import sparse

from sklearn_contrastive.deep import TabularContrastiveEmbedder
from sklearn_contrastive.deep._tables.columns import read_columns

COLUMNS = mixed_columns(30)


def read(X, **settings):
    return read_columns(TabularContrastiveEmbedder(), X, reset=True, min_samples=1, **settings)


@pytest.mark.parametrize("container", [as_pandas, as_polars, as_objects])
def test_every_container_gives_the_same_columns(container):
    columns = read(container(COLUMNS))
    assert columns.is_categorical.tolist() == CATEGORICAL
    texts = [each for each, chosen in zip(COLUMNS.values(), CATEGORICAL, strict=True) if chosen]
    assert_array_equal(columns.categories, np.array(texts, dtype=object).T)
    numbers = [
        each for each, chosen in zip(COLUMNS.values(), CATEGORICAL, strict=True) if not chosen
    ]
    assert_array_equal(columns.numbers, np.array(numbers, dtype=float).T)


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int64, np.float16, np.float32, np.float64])
def test_arrays_of_every_real_type_are_numbers(dtype):
    X = np.arange(12).reshape(4, 3).astype(dtype)
    columns = read(X)
    assert not columns.is_categorical.any()
    assert_array_equal(columns.numbers, X.astype(float))


def test_lists_keep_their_numbers_beside_text():
    columns = read([[1.5, "a"], [2.5, "b"]])
    assert columns.is_categorical.tolist() == [False, True]
    assert columns.numbers.tolist() == [[1.5], [2.5]]


def test_an_array_of_text_is_categories():
    assert read(np.array([["1", "x"], ["2", "y"]])).is_categorical.all()
    assert read(np.array([[b"1"], [b"2"]])).categories.tolist() == [["1"], ["2"]]


def test_missing_entries_of_every_kind_are_missing():
    X = np.array([[1, "a"], [np.nan, np.nan], [None, None], [pd.NA, pd.NA]], dtype=object)
    columns = read(X)
    assert_array_equal(columns.numbers[:, 0], [1, np.nan, np.nan, np.nan])
    assert columns.categories[:, 0].tolist() == ["a", None, None, None]


def test_masked_entries_of_an_array_are_missing():
    X = np.ma.masked_array([[1.0, 2.0], [3.0, 4.0]], mask=[[True, False], [False, False]])
    assert_array_equal(read(X).numbers, [[np.nan, 2], [3, 4]])


def test_decimals_and_arrow_types_are_numbers():
    decimals = pd.DataFrame({"price": [Decimal("1.5"), None]})
    assert_array_equal(read(decimals).numbers[:, 0], [1.5, np.nan])
    assert_array_equal(read(pl.DataFrame({"price": [Decimal("1.5")]})).numbers, [[1.5]])


def test_intervals_of_pandas_cut_are_categories():
    frame = pd.DataFrame({"age": pd.cut([1, 5, 9, 99], [0, 4, 10])})
    assert read(frame).categories[:, 0].tolist() == ["(0, 4]", "(4, 10]", "(4, 10]", None]


def test_categories_of_several_types_are_text():
    frame = pd.DataFrame({"size": pd.Categorical([1, "XL", None])})
    assert read(frame).categories[:, 0].tolist() == ["1", "XL", None]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64])
def test_tensors_are_numbers(dtype):
    X = torch.tensor([[1, 2], [3, 4]]).to(dtype)
    X = X.requires_grad_() if dtype.is_floating_point else X
    assert read(X).numbers.tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize("chosen", [["b"], [1], [False, True], np.array([1])])
def test_numbers_that_are_called_categories_are_categories(chosen):
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": [7, 8]})
    columns = read(frame, categorical_features=chosen)
    assert columns.is_categorical.tolist() == [False, True]
    assert columns.categories.tolist() == [[7.0], [8.0]]


@pytest.mark.parametrize("chosen", [["z"], [2], [-1], [True, False, True], [0.5]])
def test_categorical_features_that_do_not_exist_are_refused(chosen):
    frame = pd.DataFrame({"a": [1.5, 2.5], "b": [7, 8]})
    with pytest.raises(ValueError, match=r"which is no feature; it must be 'from_dtype'"):
        read(frame, categorical_features=chosen)


@pytest.mark.parametrize(
    ("X", "error", "message"),
    [
        (sparse.eye_array(3, format="csr"), TypeError, r"Pass X.toarray\(\), or use Linear"),
        (np.array([[1 + 1j], [2]]), ValueError, "Complex data not supported"),
        (pd.DataFrame({"z": [1 + 1j, 2]}), ValueError, "Complex data not supported: feature z"),
        (pd.DataFrame({"z": [1, 2 + 1j]}, dtype=object), ValueError, "Complex data not supported"),
        (pd.DataFrame({"day": pd.to_datetime(["2020-01-01"])}), TypeError, "dates or durations"),
        (pl.DataFrame({"day": [datetime.date(2020, 1, 1)]}), TypeError, "dates or durations"),
        (
            pd.DataFrame({"day": [datetime.date(2020, 1, 1)]}),
            TypeError,
            "feature day have the type",
        ),
        (pl.DataFrame({"all": [[1, 2]]}), TypeError, "feature all have the type"),
        (pd.DataFrame({"age": [1, "old"]}), TypeError, "feature age are partly text and partly nu"),
        (np.array([[1.0], [np.inf]]), ValueError, "infinity or a value too large"),
        (pd.DataFrame({"a": [1.0, np.inf]}), ValueError, "infinity .* in feature a. Replace"),
        (np.array([[1, "a"], [np.inf, "b"]], dtype=object), ValueError, "in feature 0. Replace"),
        (pl.LazyFrame({"a": [1.0]}), TypeError, r"Pass X.collect\(\)"),
        (pd.DataFrame({"a": [np.zeros(2)]}), TypeError, "have the type ndarray"),
        (pd.DataFrame({"a": []}), ValueError, "Found array with 0 sample"),
        (pd.DataFrame(index=range(3)), ValueError, r"0 feature\(s\)"),
        (np.zeros(3), ValueError, "Expected 2D array, got 1D"),
        (np.zeros((2, 2, 2)), ValueError, "dim 3"),
    ],
)
def test_other_tables_are_refused_with_their_reason(X, error, message):
    with pytest.raises(error, match=message):
        read(X)
