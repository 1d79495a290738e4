"""Validation of the values of images."""

import numpy as np
import pytest
import scipy.sparse
import torch
from helpers.stored_images import read_all
from numpy.testing import assert_array_equal

from sklearn_contrastive._images.read import image_source


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (255.0, r"its largest value is 255; they must be in \[0, 1\].*X / 255.*or pass uint8"),
        (1.01, r"its largest value is 1\.01"),
        (-0.5, r"its smallest value is -0\.5; they must be in \[0, 1\].*standardised"),
        (np.nan, r"Input X contains NaN\. MyEstimator does not"),
        (np.inf, r"Input X contains infinity"),
        (-np.inf, r"Input X contains infinity"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("shape", [(600, 8, 8), (600, 64), (600, 3, 8, 8)])
def test_a_single_invalid_value_is_refused(value, message, dtype, shape):
    settings = {"estimator_name": "MyEstimator", "block_size": 1000}
    X = np.zeros(shape, dtype=dtype)
    X.flat[-100] = value
    with pytest.raises(ValueError, match=message):
        image_source(X, **settings)
    if dtype != np.longdouble:
        with pytest.raises(ValueError, match=message):
            image_source(torch.from_numpy(X), **settings)


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "contains NaN"), (np.inf, "infinity"), (1e300, "too large")]
)
def test_rows_with_values_outside_float32_are_refused(value, message):
    with pytest.raises(ValueError, match=f"Input X .*{message}"):
        image_source(np.array([[0.0, value]]))


@pytest.mark.parametrize(
    "X",
    [np.full((3, 81), 7.0), np.full((3, 81), -7.0), np.full((3, 81), 7)],
    ids=["large", "negative", "integers"],
)
def test_errors_for_features_that_are_not_pixels_name_the_image_shape_of_rows(X):
    with pytest.raises(ValueError, match=r"not images are read with image_shape=\(1, 81\)"):
        image_source(X)
    assert image_source(X, (1, 81)).any_values
    with pytest.raises(ValueError, match=r"[^)]\.$"):
        image_source(X.reshape(3, 9, 9))


def test_values_outside_0_and_1_by_a_rounding_error_are_accepted():
    X = np.zeros((2, 8, 8))
    X[0, 0, 0], X[0, 0, 1] = 1 + 4e-16, -1e-17
    assert read_all(image_source(X)).max() == 1


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
@pytest.mark.parametrize("shape", [(3, 64), (3, 8, 8), (3, 8, 8, 3)])
def test_integers_with_an_unknown_white_are_refused(dtype, shape):
    message = rf"X holds {dtype}; images are uint8 from 0 to 255.*X\.astype\(np\.uint8\)"
    for X in (np.zeros(shape, dtype), torch.zeros(shape, dtype=getattr(torch, dtype))):
        with pytest.raises(ValueError, match=message):
            image_source(X)


@pytest.mark.parametrize("shape", [(3, 5), (3, 8, 8)])
def test_complex_numbers_are_refused(shape):
    for X in (np.zeros(shape, complex), torch.zeros(shape, dtype=torch.complex64)):
        with pytest.raises(ValueError, match="Complex data not supported"):
            image_source(X)


@pytest.mark.parametrize("dtype", ["M8[s]", "V4", "U3", "S3"])
def test_data_that_are_not_numbers_are_refused(dtype):
    with pytest.raises(ValueError, match="images are uint8, floats or bools"):
        image_source(np.zeros((3, 5), dtype))


@pytest.mark.parametrize(
    "X",
    [
        scipy.sparse.csr_array(np.eye(3)),
        scipy.sparse.coo_matrix(np.eye(3)),
        torch.eye(3).to_sparse(),
    ],
    ids=["array", "matrix", "tensor"],
)
def test_sparse_data_are_refused(X):
    message = "Sparse data was passed for X, but dense data is required"
    with pytest.raises(TypeError, match=message):
        image_source(X)


def test_object_arrays_of_numbers_are_read_and_others_refused():
    X = np.array([[1, 2.5], [True, 0]], dtype=object)
    assert_array_equal(read_all(image_source(X))[:, 0, 0], X.astype(float))
    X[0, 0] = {"foo": "bar"}
    with pytest.raises(TypeError, match=r"argument must be .* string.* number"):
        image_source(X)
    X[0, 0] = "a.png"
    with pytest.raises(ValueError, match="could not convert string to float"):
        image_source(X)


@pytest.mark.parametrize("make", [np.zeros, torch.zeros], ids=["arrays", "tensors"])
def test_images_of_different_sizes_are_refused(make):
    with pytest.raises(ValueError, match="Images in memory all have the same size"):
        image_source([make((8, 8)), make((9, 8))])
