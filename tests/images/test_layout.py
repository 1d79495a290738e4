"""Layout of images in arrays: shapes as documented, ambiguous shapes refused."""

import numpy as np
import pytest
import torch
from helpers.stored_images import read, read_all
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive._images.layout import image_layout, image_size
from sklearn_contrastive._images.read import image_source


@pytest.mark.parametrize(
    ("array_shape", "image_shape", "shape", "channels_last"),
    [
        ((5, 1), None, (1, 1, 1), True),
        ((5, 16), None, (1, 1, 16), True),
        ((5, 63), None, (1, 1, 63), True),
        ((5, 64), None, (1, 8, 8), True),
        ((5, 784), None, (1, 28, 28), True),
        ((5, 16), (4, 4), (1, 4, 4), True),
        ((5, 16), (2, 8), (1, 2, 8), True),
        ((5, 3072), (32, 32, 3), (3, 32, 32), True),
        ((5, 3072), (1, 3072), (1, 1, 3072), True),
        ((5, 9, 8), None, (1, 9, 8), True),
        ((5, 8, 3), (8, 3), (1, 8, 3), True),
        ((5, 9, 8, 1), None, (1, 9, 8), True),
        ((5, 9, 8, 3), None, (3, 9, 8), True),
        ((5, 1, 9, 8), None, (1, 9, 8), False),
        ((5, 3, 9, 8), None, (3, 9, 8), False),
        ((5, 9, 8, 4), (9, 8, 4), (4, 9, 8), True),
        ((5, 4, 9, 8), (9, 8, 4), (4, 9, 8), False),
        ((5, 3, 8, 3), (8, 3, 3), (3, 8, 3), False),
        ((5, 3, 8, 3), (3, 8, 3), (3, 3, 8), True),
        ((5, 3, 3, 3), (3, 3, 3), (3, 3, 3), True),
        ((5, 9, 8, 1), (9, 8), (1, 9, 8), True),
        ((5, 1, 9, 8), (9, 8), (1, 9, 8), False),
    ],
)
def test_layouts_are_as_documented(array_shape, image_shape, shape, channels_last):
    layout = image_layout(array_shape, image_shape)
    assert (layout.shape, layout.channels_last) == (shape, channels_last)
    source = image_source(np.zeros(array_shape, dtype=np.uint8), image_shape)
    assert source.shape == shape
    assert read(source, [1, 3]).shape == (2, *shape)


@given(n_features=st.integers(1, 63), seed=SEEDS)
def test_few_features_are_a_row_of_any_values(n_features, seed):
    X = np.random.RandomState(seed).normal(0, 1e3, (4, n_features))
    source = image_source(X)
    assert source.any_values
    assert_allclose(read_all(source)[:, 0, 0], X, rtol=1e-6)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.uint16, np.uint32, "O"])
def test_rows_may_hold_any_real_type_and_keep_its_values(dtype):
    X = np.array([[0, 1, 100], [1, 1, 3]]).astype(dtype)
    source = image_source(X)
    assert_array_equal(read_all(source)[:, 0, 0], X.astype(np.float32))
    assert_allclose(source.moments().mean, X.astype(float).mean())
    assert source.digest() == image_source(X.copy()).digest()


def test_a_height_of_one_reads_many_features_as_a_row():
    X = np.random.RandomState(0).normal(size=(4, 100))
    source = image_source(X, (1, 100))
    assert source.any_values
    assert_array_equal(read_all(source)[:, 0, 0], X.astype(np.float32))
    assert not image_source(abs(X) / 10).any_values


@pytest.mark.parametrize(
    ("array_shape", "image_shape", "message"),
    [
        ((), None, r"Expected 2D array, got scalar array instead"),
        ((5,), None, r"Expected 2D array, got 1D array instead.*Reshape your data"),
        ((5, 2, 2, 2, 2), None, r"X has shape \(5, 2, 2, 2, 2\); images are \(n, features\)"),
        (
            (5, 3072),
            None,
            r"3072 features.*\(32, 32, 3\) for colours.*X.reshape\(-1, 3, 32, 32\)"
            r".*\(48, 64\) for grey.*\(1, 3072\) for features that are not images",
        ),
        ((5, 101), None, r"101 features, which is not a square.*h \* w \* c = 101: \(1, 101\) for"),
        ((5, 784), (28, 27), r"784 features, but image_shape=\(28, 27\) has 28 \* 27 = 756"),
        ((5, 784), (28, 28, 3), r"784 features, but .* has 28 \* 28 \* 3 = 2352\..*\(28, 28\)"),
        ((5, 8, 3), None, r"\(5, 8, 3\): one image of 3 channels, or 5 grey images of 8 x 3"),
        ((5, 8, 8), (8, 9), r"shape \(5, 8, 8\), but image_shape=\(8, 9\).*or \(n, 8, 9\)"),
        ((5, 8, 8, 4), (8, 8), r"needs \(n, 64\), \(n, 8, 8, 1\) or \(n, 1, 8, 8\)"),
        ((5, 3, 8, 3), None, r"both the first and the last axis.*\(3, 8, 3\) or \(8, 3, 3\)"),
        ((5, 1, 8, 3), None, r"both the first and the last axis.*\(1, 8, 3\) or \(8, 3, 1\)"),
        ((5, 9, 8, 4), None, r"neither axis.*image_shape=\(h, w, c\): \(9, 8, 4\) or \(8, 4, 9\)"),
        ((0, 64), None, r"0 sample\(s\) \(shape=\(0, 64\)\) while a minimum of 1 is required"),
        ((0, 8, 8), None, r"0 sample\(s\)"),
        ((0,), None, r"0 sample\(s\)"),
        ((5, 0), None, r"0 feature\(s\) \(shape=\(5, 0\)\) while a minimum of 1 is required"),
        ((5, 8, 0), None, r"0 feature\(s\)"),
    ],
)
@pytest.mark.parametrize("make", [np.zeros, torch.zeros], ids=["array", "tensor"])
def test_ambiguous_shapes_are_refused(make, array_shape, image_shape, message):
    with pytest.raises(ValueError, match=message):
        image_source(make(array_shape), image_shape)


@pytest.mark.parametrize(
    "image_shape",
    [8, "ab", "88", (8,), (8, 8, 1, 1), (8, 0), (8, -8), (8.5, 8), (8, None), ("8", "8"), {}],
)
def test_invalid_image_shapes_are_refused(image_shape):
    with pytest.raises(ValueError, match=r"must be \(h, w\) or \(h, w, c\): positive integers"):
        image_source(np.zeros((5, 64)), image_shape)


def test_image_shapes_may_be_arrays_and_numpy_integers():
    assert image_size(np.array([8, 9, 3])) == (3, 8, 9)
    assert all(type(size) is int for size in image_size((np.int64(8), np.int32(9))))


@pytest.mark.parametrize("array_shape", [(5, 8, 9, 3), (5, 3, 8, 9)])
def test_two_numbers_of_image_shape_keep_the_colours_of_arrays(array_shape):
    assert image_layout(array_shape, (8, 9)) == image_layout(array_shape)
