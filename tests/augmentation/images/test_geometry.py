"""Random resized crop and flip against torch's resizing and exact ramps."""

import numpy as np
import pytest
import torch
from helpers.image_batches import images, seeded
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.stats import kstest
from torch.nn.functional import interpolate

from sklearn_contrastive.augmentation import (
    RandomFlip,
    RandomResizedCrop,
)
from sklearn_contrastive.augmentation._images.geometry import Boxes, draw_boxes, resized_crop

EPS = np.finfo(np.float32).eps
SIZES = st.integers(1, 20)


def whole_boxes(n_images, height, width, seed):
    rng = np.random.default_rng(seed)
    heights, widths = rng.integers(1, height + 1, n_images), rng.integers(1, width + 1, n_images)
    tops, lefts = rng.integers(0, height - heights + 1), rng.integers(0, width - widths + 1)
    return np.stack([tops, lefts, heights, widths], axis=1)


# new sizes from 2: with antialias and a width of 1, torch 2.14 ignores the height
NEW_SIZES = st.tuples(st.integers(2, 20), st.integers(2, 20))


@given(height=SIZES, width=SIZES, size=NEW_SIZES, c=st.integers(1, 4), seed=SEEDS)
def test_a_crop_of_whole_pixels_is_a_slice_and_a_resize(height, width, size, c, seed):
    # the same triangles, so the difference is rounding, mostly of positions of up to 20 pixels
    corners = whole_boxes(3, height, width, seed)
    batch = images(3, c, height, width, seed=seed)
    fast = resized_crop(batch, Boxes(*torch.tensor(corners, dtype=torch.float32).T), size)
    for image, crop, (top, left, h, w) in zip(batch, fast, corners, strict=True):
        cut = image[None, :, top : top + h, left : left + w].double()
        slow = interpolate(cut, size, mode="bilinear", align_corners=False, antialias=True)[0]
        assert_allclose(crop, slow, rtol=0, atol=100 * EPS)


@given(height=SIZES, width=SIZES, seed=SEEDS)
def test_a_crop_of_a_ramp_is_the_ramp_of_its_box(height, width, seed):
    # boxes may begin between pixels: inside the image, linear interpolation is exact
    boxes = draw_boxes(4, (height, width), (0.3, 1.0), (0.5, 2.0), seeded(seed))
    ramp = torch.arange(height, dtype=torch.float32)[:, None].expand(4, 1, height, width)
    crops = resized_crop(ramp, boxes, (height, width))
    new = torch.arange(height) + 0.5
    centres = boxes.top[:, None] + new * boxes.height[:, None] / height - 0.5
    first = torch.ceil(boxes.top)[:, None]
    last = torch.floor(boxes.top + boxes.height)[:, None] - 1
    inner = (centres >= first) & (centres <= last)
    expected = centres[:, None, :, None].expand(crops.shape)
    inner = inner[:, None, :, None].expand(crops.shape)
    assert_allclose(crops[inner], expected[inner], rtol=0, atol=100 * EPS * height)
    # pixels outside the box have no weight
    floor, ceiling = torch.floor(boxes.top), torch.ceil(boxes.top + boxes.height) - 1
    assert (crops.amin((1, 2, 3)) >= floor - 1e-4).all()
    assert (crops.amax((1, 2, 3)) <= ceiling + 1e-4).all()


@given(height=st.integers(1, 300), width=st.integers(1, 300), seed=SEEDS)
def test_every_box_lies_within_the_image_and_has_its_area(height, width, seed):
    boxes = draw_boxes(50, (height, width), (0.08, 1.0), (3 / 4, 4 / 3), seeded(seed))
    slack = 10 * EPS * max(height, width)
    assert (boxes.top >= 0).all()
    assert (boxes.left >= 0).all()
    assert (boxes.top + boxes.height <= height + slack).all()
    assert (boxes.left + boxes.width <= width + slack).all()
    share = boxes.height * boxes.width / (height * width)
    assert (share >= 0.08 * (1 - 20 * EPS)).all()
    assert (share <= 1 + 20 * EPS).all()


def test_area_and_position_are_uniform_and_the_ratio_log_uniform():
    # at most 0.5, where every ratio fits; p-values with a fixed seed
    boxes = draw_boxes(20_000, (32, 32), (0.08, 0.5), (3 / 4, 4 / 3), seeded(1))
    share = (boxes.height * boxes.width / 32**2).numpy()
    ratio = (boxes.width / boxes.height).log().numpy()
    free = ((32 - boxes.height).numpy(), (32 - boxes.width).numpy())
    log_range = np.log(16 / 9)
    draws = {
        "area": (share - 0.08) / 0.42,
        "ratio": ratio / log_range + 0.5,
        "top": boxes.top.numpy() / free[0],
        "left": boxes.left.numpy() / free[1],
    }
    for values in draws.values():
        assert kstest(values, "uniform").pvalue > 0.01
    correlations = np.corrcoef(list(draws.values()))
    assert np.abs(correlations - np.eye(4)).max() < 4 / np.sqrt(20_000)


def test_the_area_is_uniform_up_to_the_whole_image():
    # with rejection of crops that do not fit, large areas are rarer
    boxes = draw_boxes(20_000, (32, 32), (0.08, 1.0), (3 / 4, 4 / 3), seeded(2))
    share = (boxes.height * boxes.width / 32**2).numpy()
    assert kstest((share - 0.08) / 0.92, "uniform").pvalue > 0.01
    assert_allclose(share.max(), 1, atol=1e-3)


def test_a_crop_of_the_whole_image_is_the_image():
    batch = images(3, 3, 9, 9)
    crop = RandomResizedCrop(scale=(1.0, 1.0), ratio=(1.0, 1.0))
    assert_allclose(crop(batch, seeded()), batch, rtol=0, atol=20 * EPS)


def test_a_crop_has_the_requested_size():
    assert RandomResizedCrop(size=(5, 7))(images(2, 3, 16, 16), seeded()).shape == (2, 3, 5, 7)


def test_half_of_the_images_are_flipped():
    batch = images(4000, 1, 2, 3)
    flipped = RandomFlip()(batch, seeded())
    mirrored = (flipped == batch.flip(-1)).all(dim=(1, 2, 3))
    kept = (flipped == batch).all(dim=(1, 2, 3))
    assert torch.equal(mirrored, ~kept)
    assert abs(mirrored.float().mean() - 0.5) < 4 * 0.5 / np.sqrt(4000)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_flips_with_probability_zero_and_one(p):
    batch = images(50, 3, 4, 5)
    assert torch.equal(RandomFlip(p)(batch, seeded()), batch.flip(-1) if p else batch)
