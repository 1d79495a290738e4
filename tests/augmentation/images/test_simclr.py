"""Augmentation of SimCLR: its steps, strength, pieces of large batches."""

import pytest
import torch
from helpers.image_batches import images, seeded

from sklearn_contrastive.augmentation import (
    ColorJitter,
    GaussianBlur,
    RandomResizedCrop,
    SimCLRAugmentation,
)


@pytest.mark.parametrize(
    ("shape", "crop", "names"),
    [
        ((3, 32, 32), 0.2, ["RandomFlip", "ColorJitter"]),
        ((3, 64, 64), 0.08, ["RandomFlip", "ColorJitter", "GaussianBlur"]),
        ((3, 200, 63), 0.2, ["RandomFlip", "ColorJitter"]),
        ((1, 28, 28), 0.2, ["RandomFlip", "ColorJitter"]),
        ((5, 28, 28), 0.2, ["RandomFlip", "ColorJitter"]),
        ((1, 96, 96), 0.08, ["RandomFlip", "ColorJitter", "GaussianBlur"]),
    ],
)
def test_steps_depend_on_the_size_and_the_channels(shape, crop, names):
    members = SimCLRAugmentation().composition(shape).members
    assert members[0] == RandomResizedCrop((crop, 1.0))
    assert [type(member).__name__ for member in members[1:]] == names


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_a_large_batch_is_augmented_in_pieces(memory_format):
    # 600 x 3 x 32 x 32 values are slightly more than three pieces
    batch = images(600, 3, 32, 32).contiguous(memory_format=memory_format)
    augmented = SimCLRAugmentation()(batch, seeded())
    assert augmented.is_contiguous(memory_format=memory_format)
    composition = SimCLRAugmentation().composition((3, 32, 32))
    seeds = torch.randint(2**62, (4,), generator=seeded()).tolist()
    expected = torch.cat(
        [
            composition(piece, torch.Generator().manual_seed(seed))
            for piece, seed in zip(batch.split(150), seeds, strict=True)
        ]
    )
    assert torch.equal(augmented, expected)


@pytest.mark.parametrize(("n_channels", "strength"), [(1, 1.0), (2, 0.25), (3, 0.25), (5, 0.25)])
def test_colours_are_changed_less_than_greys_by_default(n_channels, strength):
    shape = (n_channels, 32, 32)
    members = SimCLRAugmentation().composition(shape).members
    assert members == SimCLRAugmentation(strength).composition(shape).members


def test_strength_scales_only_the_jitter():
    weak, strong = (
        SimCLRAugmentation(s, grayscale=0.2).composition((3, 96, 96)).members for s in (0.5, 1.0)
    )
    assert [w == s for w, s in zip(weak, strong, strict=True)] == [True, True, False, True, True]
    assert weak[2] == ColorJitter(0.4, 0.4, 0.4, 0.1)
    assert strong[2] == ColorJitter(0.8, 0.8, 0.8, 0.2)


def test_given_values_replace_auto():
    given = SimCLRAugmentation(crop_scale=(0.5, 0.6), blur=0.1, grayscale=0.0)
    members = given.composition((3, 8, 8)).members
    assert members[0].scale == (0.5, 0.6)
    assert members[-1] == GaussianBlur(p=0.1)
    assert len(members) == 4
