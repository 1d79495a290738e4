"""Colour jitter and grey against torchvision and colorsys."""

import colorsys
import itertools

import numpy as np
import pytest
import torch
from helpers.image_batches import images, seeded
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import kstest
from torchvision.transforms.v2 import functional as tv

from sklearn_contrastive.augmentation import (
    ColorJitter,
    RandomGrayscale,
)
from sklearn_contrastive.augmentation._images.colour import Jitter, draw_jitter, jittered, shift_hue

EPS = np.finfo(np.float32).eps


def slow_jitter(image, factors, shift, position):
    """torchvision's operations, one after the other."""
    operations = [tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue]
    values = [*factors.tolist(), shift.item()]
    for step in range(4):
        which = position.tolist().index(step)
        image = operations[which](image, values[which])
    return image


@pytest.mark.parametrize("n_channels", [1, 3])
def test_jitter_equals_torchvision_in_every_order(n_channels):
    orders = torch.tensor(list(itertools.permutations(range(4)))).repeat(3, 1)
    drawn = draw_jitter(len(orders), (0.8, 0.8, 0.8), 0.5, 1.0, seeded(1))
    jitter = Jitter(drawn.factors, drawn.hue, orders)
    batch = images(len(orders), n_channels, 6, 5)
    for index, changed in enumerate(jittered(batch, jitter)):
        expected = slow_jitter(
            batch[index], jitter.factors[index], jitter.hue[index], orders[index]
        )
        # torchvision's luma has 0.2989 for red; twice, and times factors of up to 1.8
        assert_allclose(changed, expected, rtol=0, atol=2e-3)
        assert (changed - expected).abs().median() < 1e-4


@given(seed=SEEDS, shift=st.floats(-1, 1), levels=st.sampled_from([1, 2, 255]))
def test_hue_is_that_of_hsv(seed, shift, levels):
    # few levels, for ties of channels and for black, white and grey
    rng = np.random.default_rng(seed)
    batch = torch.tensor(rng.integers(0, levels + 1, size=(1, 3, 4, 4)) / levels)
    fast = shift_hue(batch, torch.full((1, 1, 1, 1), shift, dtype=torch.float64))
    for row, column in np.ndindex(4, 4):
        hue, saturation, value = colorsys.rgb_to_hsv(*batch[0, :, row, column].tolist())
        slow = colorsys.hsv_to_rgb((hue + shift) % 1, saturation, value)
        assert_allclose(fast[0, :, row, column], slow, rtol=0, atol=1e-13)


def test_factors_and_shifts_are_uniform_and_orders_equally_likely():
    n = 24_000
    jitter = draw_jitter(n, (0.8, 0.4, 1.5), 0.2, 1.0, seeded(2))
    for factor, (low, high) in zip(
        jitter.factors.T, [(0.2, 1.8), (0.6, 1.4), (0, 2.5)], strict=True
    ):
        assert kstest((factor.numpy() - low) / (high - low), "uniform").pvalue > 0.01
    assert kstest((jitter.hue.numpy() + 0.2) / 0.4, "uniform").pvalue > 0.01
    orders, counts = np.unique(jitter.position.numpy(), axis=0, return_counts=True)
    assert len(orders) == 24
    assert np.abs(counts - n / 24).max() < 4 * np.sqrt(n / 24)


def test_jitter_changes_a_share_p_of_the_images_and_keeps_the_others_exactly():
    batch = images(4000, 3, 3, 3)
    kept = (ColorJitter(p=0.8)(batch, seeded()) == batch).all(dim=(1, 2, 3))
    assert abs(kept.float().mean() - 0.2) < 4 * 0.4 / np.sqrt(4000)


@pytest.mark.parametrize("shape", [(6, 3, 5, 5), (6, 1, 5, 5)])
def test_jitter_of_strength_zero_is_the_identity(shape):
    batch = images(*shape)
    assert torch.equal(ColorJitter(0.0, 0.0, 0.0, 0.0, p=1.0)(batch, seeded()), batch)


def test_saturation_and_hue_do_not_change_one_channel_images():
    batch = images(6, 1, 5, 5)
    assert torch.equal(ColorJitter(0.0, 0.0, 0.8, 0.5, p=1.0)(batch, seeded()), batch)
    assert torch.equal(RandomGrayscale(1.0)(batch, seeded()), batch)


def test_grey_images_hold_the_luma_in_all_channels():
    batch = images(4000, 3, 2, 2)
    changed = RandomGrayscale(0.2)(batch, seeded())
    grey = (changed != batch).any(dim=(1, 2, 3))
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    expected = (batch * weights).sum(dim=1, keepdim=True).expand(batch.shape)
    assert_allclose(changed[grey], expected[grey], rtol=0, atol=4 * EPS)
    assert abs(grey.float().mean() - 0.2) < 4 * 0.4 / np.sqrt(4000)


@pytest.mark.parametrize("n_channels", [2, 4, 7])
def test_other_channels_get_the_brightness_and_contrast_of_grey_images_one_by_one(n_channels):
    jitter = draw_jitter(20, (0.8, 0.8, 0.8), 0.5, 1.0, seeded(1))
    batch = images(20, n_channels, 6, 5)
    alone = [jittered(channel, jitter) for channel in batch.split(1, dim=1)]
    assert torch.equal(jittered(batch, jitter), torch.cat(alone, dim=1))
    assert not torch.equal(jittered(batch, jitter), batch)
    assert torch.equal(ColorJitter(0.0, 0.0, 0.8, 0.5, p=1.0)(batch, seeded()), batch)


def test_grey_of_other_numbers_of_channels_is_refused():
    with pytest.raises(ValueError, match="2 channels; RandomGrayscale needs 1"):
        RandomGrayscale()(images(2, 2, 8, 8), seeded())
