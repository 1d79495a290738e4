"""Random masking of patches."""

import itertools

import numpy as np
import pytest
import torch
from helpers.image_batches import images, seeded
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_contrastive.augmentation import (
    PatchMasking,
)
from sklearn_contrastive.augmentation._images.views import two_views

EPS = np.finfo(np.float32).eps
SIZES = st.integers(1, 20)


@given(
    c=st.integers(1, 3), height=SIZES, width=SIZES, patch=st.integers(1, 6), seed=SEEDS,
    fill=st.sampled_from([0.0, 0.5, "mean"]),
)  # fmt: skip
def test_views_are_complementary_and_made_of_patches(c, height, width, patch, seed, fill):
    batch = 1 + images(3, c, height, width, seed=seed)
    masking = PatchMasking(patch_size=patch, fill=fill)
    view_1, view_2 = two_views(masking, batch, seeded(seed))
    filled = batch.mean((2, 3), keepdim=True) if fill == "mean" else torch.tensor(fill)
    assert_allclose(view_1 + view_2, batch + filled, rtol=4 * EPS)
    assert torch.equal(masking(batch, seeded(seed)), view_1)
    shown = view_1 == batch
    for image in shown if fill != "mean" else []:
        for top, left in itertools.product(range(0, height, patch), range(0, width, patch)):
            assert len(image[:, top : top + patch, left : left + patch].unique()) == 1


@pytest.mark.parametrize("mask_rate", [0.0, 0.3, 1.0])
def test_patches_are_hidden_independently_at_the_rate(mask_rate):
    batch = torch.ones(500, 1, 1, 40)
    hidden = PatchMasking(mask_rate, patch_size=1)(batch, seeded())[:, 0, 0] == 0
    slack = 4 * np.sqrt(mask_rate * (1 - mask_rate) / hidden.numel())
    assert abs(hidden.float().mean() - mask_rate) <= slack
    if slack:
        correlation = np.corrcoef(hidden.numpy(), rowvar=False) - np.eye(40)
        assert np.abs(correlation).max() < 5 / np.sqrt(500)
