"""Encoding of tables: bounded scores, codes of categories, extreme and empty columns."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive.deep._tables.columns import Columns
from sklearn_contrastive.deep._tables.encoding import fit_encoding, fit_scaling


def slow_scores(column):
    """Scores of one complete column, value by value."""
    ordered = sorted(column)

    def quantile(share):
        position = share * (len(ordered) - 1)
        low = math.floor(position)
        high = min(low + 1, len(ordered) - 1)
        return ordered[low] + (position - low) * (ordered[high] - ordered[low])

    middle, spread = quantile(0.5), quantile(0.75) - quantile(0.25)
    unit = spread / 1.349 if spread > 0 else (ordered[-1] - ordered[0]) / 2
    if unit == 0:
        return [0.0] * len(column)
    scores = [(value - middle) / unit for value in column]
    scores = [score / math.sqrt(1 + (score / 3) ** 2) for score in scores]
    mean = sum(scores) / len(scores)
    deviation = math.sqrt(sum((score - mean) ** 2 for score in scores) / len(scores))
    return [(score - mean) / deviation for score in scores]


@given(seed=st.integers(0, 2**32 - 1), n_rows=st.integers(2, 30), kind=st.sampled_from("nti"))
def test_scores_are_those_of_a_loop_over_values(seed, n_rows, kind):
    rng = np.random.default_rng(seed)
    draws = {
        "n": rng.normal(5, 2, n_rows),
        "t": rng.standard_t(1, n_rows),
        "i": rng.integers(0, 3, n_rows).astype(float),
    }
    column = draws[kind]
    scaling = fit_scaling(column[:, None])
    assert_allclose(scaling.scores(column[:, None])[:, 0], slow_scores(column), atol=1e-9)


# all floats: subnormal ones and those near the largest
@given(
    numbers=hnp.arrays(
        float,
        hnp.array_shapes(min_dims=2, max_dims=2, max_side=6),
        elements=st.floats(allow_infinity=False, allow_nan=True),
    ),
    others=st.lists(st.floats(allow_infinity=False), min_size=1, max_size=4),
)
def test_scores_are_bounded_and_missing_only_where_numbers_are(numbers, others):
    scaling = fit_scaling(numbers)
    new = np.tile(np.array(others)[:, None], numbers.shape[1])
    for each in (numbers, new):
        scores = scaling.scores(each)
        assert_array_equal(np.isnan(scores), np.isnan(each))
        # at most 3 from the median before they are standardised
        bound = (3 + np.abs(scaling.mean)) / scaling.std
        assert (np.abs(np.nan_to_num(scores)) <= bound * (1 + 1e-9)).all()


@given(seed=st.integers(0, 2**32 - 1), factor=st.floats(1e-6, 1e6), shift=st.floats(-1e3, 1e3))
def test_scores_do_not_depend_on_the_unit_of_a_column(seed, factor, shift):
    column = np.random.default_rng(seed).normal(size=(20, 1))
    changed = column * factor + shift * factor
    scores = fit_scaling(column).scores(column)
    assert_allclose(fit_scaling(changed).scores(changed), scores, atol=1e-8)


def test_one_extreme_value_leaves_the_others_apart():
    column = np.random.default_rng(0).normal(size=(101, 1))
    extreme = np.vstack([column, [[1e12]]])
    usual, spoilt = (fit_scaling(each).scores(each)[:100, 0] for each in (column, extreme))
    # a standard deviation would make all of them the same to twelve digits
    assert np.corrcoef(usual, spoilt)[0, 1] > 0.999
    assert 0.8 < spoilt.std() / usual.std() < 1.1


def test_columns_without_variation_are_zero_whatever_comes_later():
    numbers = np.array([[3.0, np.nan], [3.0, np.nan]])
    scaling = fit_scaling(numbers)
    assert_array_equal(scaling.scale, 0)
    assert_array_equal(scaling.scores(np.array([[9.0, 9.0]])), 0)


@pytest.mark.parametrize(("known", "new"), [("a", 3), (3.0, "a")])
def test_numbers_where_categories_of_text_were_are_refused(known, new):
    encoding = fit_encoding(columns_of(np.zeros((2, 1)), [[known], [None]]))
    with pytest.raises(ValueError, match=f"Feature 1 had categories of .* now, such as {new!r}"):
        encoding.encoded(columns_of(np.zeros((2, 1)), [[new], [None]]))
    assert encoding.encoded(columns_of(np.zeros((1, 1)), [[None]]))[0, 1] > 0


def columns_of(numbers, categories):
    categories = np.array(categories, dtype=object)
    mask = np.array([False] * numbers.shape[1] + [True] * categories.shape[1])
    return Columns(numbers, categories, mask, None)


def test_categories_are_numbered_from_one_and_unknown_ones_are_zero():
    numbers = np.zeros((4, 1))
    encoding = fit_encoding(columns_of(numbers, [["b", 2], ["a", 5], [None, 5], ["b", 2]]))
    assert [each.tolist() for each in encoding.categories] == [["a", "b", None], [2, 5]]
    assert encoding.cardinalities == (3, 2)
    new = columns_of(numbers, [["a", 5], ["c", 7], [None, None], ["b", 9]])
    assert encoding.encoded(new)[:, 1:].tolist() == [[1, 2], [0, 0], [3, 0], [2, 0]]


def test_columns_keep_their_order():
    columns = Columns(
        np.array([[1.0], [3.0]]),
        np.array([["x"], ["y"]], dtype=object),
        np.array([True, False]),
        None,
    )
    table = fit_encoding(columns).encoded(columns)
    assert table.dtype == np.float32
    assert_allclose(table, [[1, -1], [2, 1]])


@pytest.mark.parametrize("shape", [(3, 0), (1, 2)])
def test_tables_without_numbers_or_of_one_row_are_encoded(shape):
    columns = columns_of(np.ones(shape), [["a"]] * shape[0])
    assert np.isfinite(fit_encoding(columns).encoded(columns)).all()


def test_scores_that_are_nearly_zero_do_not_overflow():
    numbers = np.array([[2.8e12], [7.8e-143], [7.8e-143]])
    scaling = fit_scaling(numbers)
    assert np.isfinite(scaling.scores(np.zeros((1, 1)))).all()
