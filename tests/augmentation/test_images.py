"""Augmentations of image batches against slow versions, one image and one operation at a time."""

import colorsys
import itertools
import pickle

import numpy as np
import pytest
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import kstest
from torch import nn
from torch.nn.functional import interpolate
from torchvision.transforms.v2 import functional as tv

from sklearn_contrastive.augmentation._images import (
    ColorJitter,
    Compose,
    GaussianBlur,
    PatchMasking,
    RandomFlip,
    RandomGrayscale,
    RandomResizedCrop,
    SimCLRAugmentation,
    accepts_generator,
    make_augmentation,
    two_views,
)
from sklearn_contrastive.augmentation._images_colour import Jitter, draw_jitter, jittered, shift_hue
from sklearn_contrastive.augmentation._images_filters import blurred
from sklearn_contrastive.augmentation._images_geometry import Boxes, draw_boxes, resized_crop

EPS = np.finfo(np.float32).eps
SIZES = st.integers(1, 20)
OFFERED = [
    RandomResizedCrop(),
    RandomFlip(),
    ColorJitter(),
    RandomGrayscale(),
    GaussianBlur(),
    PatchMasking(),
    PatchMasking(fill="mean"),
    SimCLRAugmentation(),
    Compose([RandomFlip(), GaussianBlur()]),
]
every_augmentation = pytest.mark.parametrize("augmentation", OFFERED, ids=repr)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def images(*shape, seed=0, dtype=torch.float32):
    return torch.rand(shape, generator=seeded(seed), dtype=dtype)


# --- what all of them promise --------------------------------------------------------------------


@every_augmentation
@pytest.mark.parametrize("shape", [(5, 3, 12, 10), (5, 1, 12, 10), (2, 3, 64, 70), (0, 3, 8, 8)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_shape_dtype_and_range_are_kept(augmentation, shape, dtype):
    batch = images(*shape, dtype=dtype)
    kept = batch.clone()
    augmented = augmentation(batch, seeded(1))
    assert (augmented.shape, augmented.dtype) == (batch.shape, dtype)
    assert torch.equal(batch, kept)
    # means with weights that sum to 1 up to rounding
    assert ((augmented >= 0) & (augmented <= 1 + 10 * EPS)).all()


@every_augmentation
@pytest.mark.parametrize("n_channels", [1, 3])
def test_memory_format_is_kept_and_does_not_matter(augmentation, n_channels):
    batch = images(4, n_channels, 12, 10)
    interleaved = batch.contiguous(memory_format=torch.channels_last)
    planes, pixels = augmentation(batch, seeded()), augmentation(interleaved, seeded())
    assert planes.is_contiguous()
    assert pixels.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(planes, pixels)
    assert torch.equal(augmentation(batch.flip(2).flip(2).mT.contiguous().mT, seeded()), planes)


@every_augmentation
def test_the_generator_alone_decides(augmentation):
    batch = images(8, 3, 12, 12)
    torch.manual_seed(0)
    first, state = augmentation(batch, seeded(3)), torch.get_rng_state()
    torch.manual_seed(1)
    assert torch.equal(augmentation(batch, seeded(3)), first)
    assert not torch.equal(augmentation(batch, seeded(4)), first)
    torch.manual_seed(0)
    assert_array_equal(torch.get_rng_state(), state)


@every_augmentation
def test_draws_do_not_depend_on_pixels(augmentation):
    used = []
    for seed in range(2):
        generator = seeded(5)
        augmentation(images(8, 3, 12, 12, seed=seed), generator)
        used.append(generator.get_state())
    assert torch.equal(*used)


@every_augmentation
def test_an_image_does_not_see_its_neighbours(augmentation):
    batch = images(8, 3, 12, 12)
    others = torch.cat([batch[:1], images(7, 3, 12, 12, seed=9)])
    assert torch.equal(augmentation(batch, seeded())[0], augmentation(others, seeded())[0])


@every_augmentation
def test_images_of_a_batch_are_changed_differently(augmentation):
    batch = images(1, 3, 12, 12).expand(64, 3, 12, 12)
    augmented = augmentation(batch, seeded())
    assert len({image.numpy().tobytes() for image in augmented}) > 1


@every_augmentation
def test_augmentations_are_values(augmentation):
    again = pickle.loads(pickle.dumps(augmentation))
    assert again == augmentation
    assert repr(again) == repr(augmentation)
    batch = images(4, 3, 12, 12)
    assert torch.equal(again(batch, seeded()), augmentation(batch, seeded()))


@every_augmentation
@pytest.mark.parametrize("batch", [torch.rand(3, 8, 8), torch.zeros(2, 3, 8, 8, dtype=torch.uint8)])
def test_what_is_no_batch_of_images_is_refused(augmentation, batch):
    with pytest.raises(ValueError, match=r"must be \(n_images, n_channels, height, width\)"):
        augmentation(batch, seeded())


@every_augmentation
@pytest.mark.parametrize("n_channels", [1, 3])
def test_nothing_waits_for_values_or_is_copied_between_devices(
    augmentation, n_channels, monkeypatch
):
    # tensors of the meta device have no values to ask for, and do not mix with those of the CPU
    class OnMeta:
        device = torch.device("meta")

    drawn = torch.rand
    monkeypatch.setattr(torch, "rand", lambda *args, generator, **kwargs: drawn(*args, **kwargs))
    batch = torch.empty(4, n_channels, 64, 64, device="meta")
    assert augmentation(batch, OnMeta()).shape == batch.shape


# --- crop ----------------------------------------------------------------------------------------


def whole_boxes(n_images, height, width, seed):
    rng = np.random.default_rng(seed)
    heights, widths = rng.integers(1, height + 1, n_images), rng.integers(1, width + 1, n_images)
    tops, lefts = rng.integers(0, height - heights + 1), rng.integers(0, width - widths + 1)
    return np.stack([tops, lefts, heights, widths], axis=1)


# new sizes from 2: torch 2.14 ignores the height of what it makes one pixel wide with antialias
NEW_SIZES = st.tuples(st.integers(2, 20), st.integers(2, 20))


@given(height=SIZES, width=SIZES, size=NEW_SIZES, c=st.integers(1, 4), seed=SEEDS)
def test_a_crop_of_whole_pixels_is_cut_out_and_resized(height, width, size, c, seed):
    # the same triangles, so the two differ by rounding: of positions of up to 20 pixels, mostly
    corners = whole_boxes(3, height, width, seed)
    batch = images(3, c, height, width, seed=seed)
    fast = resized_crop(batch, Boxes(*torch.tensor(corners, dtype=torch.float32).T), size)
    for image, crop, (top, left, h, w) in zip(batch, fast, corners, strict=True):
        cut = image[None, :, top : top + h, left : left + w].double()
        slow = interpolate(cut, size, mode="bilinear", align_corners=False, antialias=True)[0]
        assert_allclose(crop, slow, rtol=0, atol=100 * EPS)


@given(height=SIZES, width=SIZES, seed=SEEDS)
def test_a_crop_of_a_ramp_is_the_ramp_of_its_box(height, width, seed):
    # for boxes that begin between pixels: away from the rim, linear interpolation is exact
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
    # and nothing outside the box is read
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


def test_the_area_is_uniform_the_ratio_log_uniform_and_the_place_uniform():
    # 0.5: below it every ratio fits, so that none is shortened; p-values with a fixed seed
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
    # where crops are drawn until one fits, large areas are rarer
    boxes = draw_boxes(20_000, (32, 32), (0.08, 1.0), (3 / 4, 4 / 3), seeded(2))
    share = (boxes.height * boxes.width / 32**2).numpy()
    assert kstest((share - 0.08) / 0.92, "uniform").pvalue > 0.01
    assert_allclose(share.max(), 1, atol=1e-3)


def test_a_crop_of_everything_is_the_image():
    batch = images(3, 3, 9, 9)
    crop = RandomResizedCrop(scale=(1.0, 1.0), ratio=(1.0, 1.0))
    assert_allclose(crop(batch, seeded()), batch, rtol=0, atol=20 * EPS)


def test_a_crop_has_the_size_asked_for():
    assert RandomResizedCrop(size=(5, 7))(images(2, 3, 16, 16), seeded()).shape == (2, 3, 5, 7)


# --- flip ----------------------------------------------------------------------------------------


def test_flips_are_mirror_images_and_half_of_all():
    batch = images(4000, 1, 2, 3)
    flipped = RandomFlip()(batch, seeded())
    mirrored = (flipped == batch.flip(-1)).all(dim=(1, 2, 3))
    kept = (flipped == batch).all(dim=(1, 2, 3))
    assert torch.equal(mirrored, ~kept)
    assert abs(mirrored.float().mean() - 0.5) < 4 * 0.5 / np.sqrt(4000)


@pytest.mark.parametrize("p", [0.0, 1.0])
def test_a_flip_can_be_certain(p):
    batch = images(50, 3, 4, 5)
    assert torch.equal(RandomFlip(p)(batch, seeded()), batch.flip(-1) if p else batch)


# --- colours -------------------------------------------------------------------------------------


def slow_jitter(image, factors, shift, position):
    """One operation after the other, by torchvision."""
    operations = [tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue]
    values = [*factors.tolist(), shift.item()]
    for step in range(4):
        which = position.tolist().index(step)
        image = operations[which](image, values[which])
    return image


@pytest.mark.parametrize("n_channels", [1, 3])
def test_jitter_is_torchvisions_one_by_one_in_every_order(n_channels):
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
    # few levels, so that channels tie, and black, white and grey occur
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


def test_the_share_p_of_images_is_changed_and_the_others_exactly_kept():
    batch = images(4000, 3, 3, 3)
    kept = (ColorJitter(p=0.8)(batch, seeded()) == batch).all(dim=(1, 2, 3))
    assert abs(kept.float().mean() - 0.2) < 4 * 0.4 / np.sqrt(4000)


@pytest.mark.parametrize("shape", [(6, 3, 5, 5), (6, 1, 5, 5)])
def test_jitter_of_no_strength_is_the_identity(shape):
    batch = images(*shape)
    assert torch.equal(ColorJitter(0.0, 0.0, 0.0, 0.0, p=1.0)(batch, seeded()), batch)


def test_one_channel_has_neither_saturation_nor_hue():
    batch = images(6, 1, 5, 5)
    assert torch.equal(ColorJitter(0.0, 0.0, 0.8, 0.5, p=1.0)(batch, seeded()), batch)
    assert torch.equal(RandomGrayscale(1.0)(batch, seeded()), batch)


def test_grey_is_the_luma_in_all_channels_or_the_image():
    batch = images(4000, 3, 2, 2)
    changed = RandomGrayscale(0.2)(batch, seeded())
    grey = (changed != batch).any(dim=(1, 2, 3))
    weights = torch.tensor([0.299, 0.587, 0.114])[:, None, None]
    expected = (batch * weights).sum(dim=1, keepdim=True).expand(batch.shape)
    assert_allclose(changed[grey], expected[grey], rtol=0, atol=4 * EPS)
    assert abs(grey.float().mean() - 0.2) < 4 * 0.4 / np.sqrt(4000)


@pytest.mark.parametrize("augmentation", [ColorJitter(), RandomGrayscale(), SimCLRAugmentation()])
def test_colours_of_other_channels_are_refused(augmentation):
    with pytest.raises(ValueError, match="2 channels; colours are known of 1"):
        augmentation(images(2, 2, 8, 8), seeded())


# --- blur ----------------------------------------------------------------------------------------


@given(height=st.integers(4, 20), width=st.integers(4, 20), radius=st.integers(0, 3), seed=SEEDS)
def test_blur_is_torchvisions_image_by_image(height, width, radius, seed):
    batch, sigma = images(3, 2, height, width, seed=seed), 0.1 + 3 * images(3, seed=seed)
    fast = blurred(batch, sigma, radius)
    for image, changed, deviation in zip(batch, fast, sigma.tolist(), strict=True):
        slow = tv.gaussian_blur(image, 2 * radius + 1, deviation)
        assert_allclose(changed, slow, rtol=0, atol=20 * EPS)


@given(height=SIZES, width=SIZES, radius=st.integers(0, 30))
def test_blur_keeps_what_is_flat_even_where_the_kernel_is_larger_than_the_image(
    height, width, radius
):
    flat = torch.full((2, 1, height, width), 0.7)
    assert_allclose(blurred(flat, torch.tensor([0.5, 9.0]), radius), flat, rtol=20 * EPS)


def test_images_that_are_not_blurred_are_exactly_kept():
    batch = images(2000, 1, 6, 6)
    kept = (GaussianBlur(sigma=(1.0, 2.0))(batch, seeded()) == batch).all(dim=(1, 2, 3))
    assert abs(kept.float().mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)


@pytest.mark.parametrize(("height", "reach"), [(12, 1), (32, 1), (64, 3), (224, 11)])
def test_the_kernel_is_a_tenth_of_the_height(height, reach):
    dot = torch.zeros(1, 1, height, height)
    dot[..., height // 2, height // 2] = 1
    lit = GaussianBlur(sigma=(9.0, 9.0), p=1.0)(dot, seeded())[0, 0].amax(dim=1) > 0
    assert lit.sum() == 2 * reach + 1


# --- masks ---------------------------------------------------------------------------------------


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


# --- compositions --------------------------------------------------------------------------------


class Brighter(nn.Module):
    """Stands in for a module of kornia: the batch, and optional settings."""

    def forward(self, batch, params=None, **kwargs):
        return batch * (0.5 + 0.5 * torch.rand(()))


class Several(nn.Module):
    """As kornia's containers are."""

    def forward(self, *batches, params=None):
        return batches[0]


class Drawing:
    def __call__(self, batch, generator):
        return batch + torch.rand(batch.shape, generator=generator)


@pytest.mark.parametrize(
    ("augmentation", "accepted"),
    [
        (RandomFlip(), True),
        (SimCLRAugmentation(), True),
        (Compose([]), True),
        (Drawing(), True),
        (lambda images, rng: images, True),
        (lambda batch, generator=None: batch, True),
        (Brighter(), False),
        (Several(), False),
        (lambda batch: batch, False),
        (lambda batch, strength=1.0: batch, False),
        (torch.sigmoid, False),
    ],
)
def test_signatures_say_who_takes_a_generator(augmentation, accepted):
    assert accepts_generator(augmentation) is accepted


def test_members_are_applied_in_turn_with_or_without_a_generator():
    batch = images(3, 1, 4, 4)
    composed = Compose([Drawing(), lambda batch: 2 * batch, Several()])
    assert torch.equal(composed(batch, seeded(1)), 2 * Drawing()(batch, seeded(1)))
    assert Compose([])(batch, seeded()) is batch


def test_members_without_a_generator_follow_torchs_global_state():
    batch = images(3, 1, 4, 4)
    augmentation = make_augmentation(Brighter())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first = augmentation(batch, seeded())
        torch.manual_seed(0)
        assert torch.equal(augmentation(batch, seeded()), first)
        assert not torch.equal(augmentation(batch, seeded()), first)


@pytest.mark.parametrize(
    ("shape", "crop", "names"),
    [
        ((3, 32, 32), 0.2, ["RandomFlip", "ColorJitter", "RandomGrayscale"]),
        ((3, 64, 64), 0.08, ["RandomFlip", "ColorJitter", "RandomGrayscale", "GaussianBlur"]),
        ((3, 200, 63), 0.2, ["RandomFlip", "ColorJitter", "RandomGrayscale"]),
        ((1, 28, 28), 0.2, ["RandomFlip", "ColorJitter"]),
        ((1, 96, 96), 0.08, ["RandomFlip", "ColorJitter", "GaussianBlur"]),
    ],
)
def test_simclr_goes_by_the_size_and_the_channels(shape, crop, names):
    members = SimCLRAugmentation().composition(shape).members
    assert members[0] == RandomResizedCrop((crop, 1.0))
    assert [type(member).__name__ for member in members[1:]] == names


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_large_batch_goes_through_in_pieces(memory_format):
    # 600 x 3 x 32 x 32 values are a little over three pieces
    batch = images(600, 3, 32, 32).contiguous(memory_format=memory_format)
    generator = seeded()
    augmented = SimCLRAugmentation()(batch, seeded())
    assert augmented.is_contiguous(memory_format=memory_format)
    composition = SimCLRAugmentation().composition((3, 32, 32))
    expected = torch.cat([composition(piece, generator) for piece in batch.split(150)])
    assert torch.equal(augmented, expected)


def test_strength_scales_the_jitter_alone():
    weak, strong = (SimCLRAugmentation(s).composition((3, 96, 96)).members for s in (0.5, 1.0))
    assert [w == s for w, s in zip(weak, strong, strict=True)] == [True, True, False, True, True]
    assert weak[2] == ColorJitter(0.4, 0.4, 0.4, 0.1)
    assert strong[2] == ColorJitter(0.8, 0.8, 0.8, 0.2)


def test_what_is_told_goes_before_auto():
    told = SimCLRAugmentation(crop_scale=(0.5, 0.6), blur=0.1, grayscale=0.0)
    members = told.composition((3, 8, 8)).members
    assert members[0].scale == (0.5, 0.6)
    assert members[-1] == GaussianBlur(p=0.1)
    assert len(members) == 4


def test_two_views_are_two_draws():
    batch = images(4, 3, 8, 8)
    view_1, view_2 = two_views(RandomResizedCrop(), batch, seeded())
    assert not torch.equal(view_1, view_2)
    generator = seeded()
    assert torch.equal(view_1, RandomResizedCrop()(batch, generator))
    assert torch.equal(view_2, RandomResizedCrop()(batch, generator))


def test_names_stand_for_augmentations():
    assert make_augmentation("simclr") == SimCLRAugmentation()
    assert make_augmentation("crop") == RandomResizedCrop()
    assert make_augmentation("crop_flip") == Compose([RandomResizedCrop(), RandomFlip()])
    assert make_augmentation("masking") == PatchMasking()
    assert make_augmentation("none") == Compose([])
    flip = RandomFlip(0.1)
    assert make_augmentation(flip) is flip


@pytest.mark.parametrize("spec", ["simcrl", None, 3])
def test_other_names_are_refused_with_those_that_exist(spec):
    with pytest.raises(
        ValueError, match=r'is not known\. Give one of "simclr", .*"none", or a call'
    ):
        make_augmentation(spec)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RandomResizedCrop(scale=(0.0, 1.0)),
        lambda: RandomResizedCrop(scale=(0.5, 1.1)),
        lambda: RandomResizedCrop(ratio=(2.0, 1.0)),
        lambda: RandomResizedCrop(size=(0, 4)),
        lambda: RandomFlip(1.1),
        lambda: ColorJitter(brightness=-0.1),
        lambda: ColorJitter(contrast=float("nan")),
        lambda: ColorJitter(hue=0.6),
        lambda: RandomGrayscale(-1),
        lambda: GaussianBlur(sigma=(0.0, 1.0)),
        lambda: GaussianBlur(kernel_size=4),
        lambda: PatchMasking(1.5),
        lambda: PatchMasking(patch_size=0),
        lambda: PatchMasking(fill="median"),
        lambda: SimCLRAugmentation(3.0),
        lambda: SimCLRAugmentation(crop_scale="large"),
        lambda: SimCLRAugmentation(crop_scale=(1.0, 0.5)),
        lambda: SimCLRAugmentation(blur=2.0),
        lambda: Compose([RandomFlip(), None]),
    ],
)
def test_parameters_that_make_no_sense_are_refused_at_once(make):
    with pytest.raises(ValueError, match=r"must|cannot be composed"):
        make()
