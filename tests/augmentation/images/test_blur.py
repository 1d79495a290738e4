"""Gaussian blur against torchvision."""

import numpy as np
import pytest
import torch
from helpers.image_batches import images, seeded
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torchvision.transforms.v2 import functional as tv

from sklearn_contrastive.augmentation import (
    GaussianBlur,
)
from sklearn_contrastive.augmentation._images.blur import blurred

EPS = np.finfo(np.float32).eps
SIZES = st.integers(1, 20)


@given(height=st.integers(4, 20), width=st.integers(4, 20), radius=st.integers(0, 3), seed=SEEDS)
def test_blur_equals_torchvision(height, width, radius, seed):
    batch, sigma = images(3, 2, height, width, seed=seed), 0.1 + 3 * images(3, seed=seed)
    fast = blurred(batch, sigma, radius)
    for image, changed, deviation in zip(batch, fast, sigma.tolist(), strict=True):
        slow = tv.gaussian_blur(image, 2 * radius + 1, deviation)
        assert_allclose(changed, slow, rtol=0, atol=20 * EPS)


@given(height=SIZES, width=SIZES, radius=st.integers(0, 30))
def test_blur_keeps_constant_images_with_kernels_larger_than_the_image(height, width, radius):
    flat = torch.full((2, 1, height, width), 0.7)
    assert_allclose(blurred(flat, torch.tensor([0.5, 9.0]), radius), flat, rtol=20 * EPS)


def test_images_that_are_not_blurred_do_not_change():
    batch = images(2000, 1, 6, 6)
    kept = (GaussianBlur(sigma=(1.0, 2.0))(batch, seeded()) == batch).all(dim=(1, 2, 3))
    assert abs(kept.float().mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)


@pytest.mark.parametrize(("height", "reach"), [(12, 1), (32, 1), (64, 3), (224, 11)])
def test_the_kernel_is_a_tenth_of_the_height(height, reach):
    dot = torch.zeros(1, 1, height, height)
    dot[..., height // 2, height // 2] = 1
    lit = GaussianBlur(sigma=(9.0, 9.0), p=1.0)(dot, seeded())[0, 0].amax(dim=1) > 0
    assert lit.sum() == 2 * reach + 1
