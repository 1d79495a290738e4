"""Mean and standard deviation of channels."""

import numpy as np
import torch
from helpers.stored_images import scaled, stored_images
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive._images.channel_moments import channel_moments
from sklearn_contrastive._images.read import image_source


@given(problem=stored_images(), block_size=st.integers(1, 500))
def test_moments_are_those_of_all_values_of_a_channel(problem, block_size):
    images, stored, image_shape = problem
    mean, std = image_source(stored, image_shape, block_size=block_size).moments()
    # slow version: one value at a time
    for channel in range(images.shape[1]):
        values = [float(value) for value in scaled(images)[:, channel].flat]
        expected = sum(values) / len(values)
        spread = (sum((value - expected) ** 2 for value in values) / len(values)) ** 0.5
        assert_allclose(mean[channel], expected, rtol=1e-12)
        assert_allclose(std[channel], spread if spread > 1e-9 else 1, rtol=1e-9)
    assert mean.dtype == std.dtype == np.float64


def test_moments_are_accurate_with_a_large_mean():
    values = 1e8 + np.random.RandomState(0).normal(size=(500, 1, 1, 20)) * 100
    mean, std = channel_moments(torch.from_numpy(values).split(7))
    assert_allclose(mean, values.mean(), rtol=1e-15)
    assert_allclose(std, values.std(), rtol=1e-10)


@given(value=st.floats(-1e6, 1e6), n_samples=st.integers(1, 40), n_features=st.integers(1, 60))
def test_a_constant_channel_has_a_deviation_of_one(value, n_samples, n_features):
    source = image_source(np.full((n_samples, n_features), value))
    assert_array_equal(source.moments().std, [1.0])
    assert_allclose(source.moments().mean, [value], rtol=1e-14)
