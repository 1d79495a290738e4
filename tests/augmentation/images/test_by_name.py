"""Image augmentations by name."""

import pytest

from sklearn_contrastive.augmentation import (
    Compose,
    PatchMasking,
    RandomFlip,
    RandomResizedCrop,
    SimCLRAugmentation,
)
from sklearn_contrastive.augmentation._images.by_name import make_augmentation


def test_names_stand_for_augmentations():
    assert make_augmentation("simclr") == SimCLRAugmentation()
    assert make_augmentation("crop") == RandomResizedCrop()
    assert make_augmentation("crop_flip") == Compose([RandomResizedCrop(), RandomFlip()])
    assert make_augmentation("masking") == PatchMasking()
    assert make_augmentation("none") == Compose([])
    flip = RandomFlip(0.1)
    assert make_augmentation(flip) is flip


@pytest.mark.parametrize("spec", ["simcrl", None, 3])
def test_unknown_names_are_refused_with_the_known_ones(spec):
    with pytest.raises(
        ValueError, match=r'is not known\. Give one of "simclr", .*"none", or a call'
    ):
        make_augmentation(spec)
