"""Labelled samples of a source, and the augmentation of fine-tuning."""

import numpy as np
import pytest
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st

from sklearn_contrastive._images.read import image_source
from sklearn_contrastive.augmentation import (
    ColorJitter,
    Compose,
    PatchMasking,
    RandomFlip,
    RandomResizedCrop,
    SimCLRAugmentation,
)
from sklearn_contrastive.augmentation._images.by_name import make_augmentation
from sklearn_contrastive.deep import SimCLREmbedder
from sklearn_contrastive.deep._fine_tuning.augmentation import (
    fine_tuning_augmentation,
    self_training_augmentation,
)
from sklearn_contrastive.deep._fine_tuning.build import rate_of
from sklearn_contrastive.deep._fine_tuning.samples import LabelledSamples

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 8, 8), dtype=np.uint8)
CROP, FLIP, JITTER = RandomResizedCrop((0.5, 1)), RandomFlip(), ColorJitter(0.4, 0.4, 0.4, 0.0)


def source(images=IMAGES):
    return image_source(images, None)


@given(n=st.integers(1, 12), seed=SEEDS)
def test_labelled_samples_are_those_rows_of_the_source(n, seed):
    rng = np.random.default_rng(seed)
    rows = torch.tensor(np.sort(rng.choice(12, n, replace=False)))
    samples = LabelledSamples(source(), rows, torch.arange(n))
    index = torch.tensor(rng.integers(0, n, 5))
    assert len(samples) == n
    for part in (samples, samples.resident("cpu")):
        (batch,) = part.batches([index], "cpu")
        expected = IMAGES[rows[index].numpy()][:, None] / np.float32(255)
        np.testing.assert_allclose(batch.numpy(), expected)


def test_digests_depend_on_the_source_and_on_the_rows():
    rows = torch.tensor([0, 3]), torch.tensor([0, 4])
    digests = {
        LabelledSamples(source(images), row, torch.zeros(2)).digest()
        for images in (IMAGES, 255 - IMAGES)
        for row in rows
    }
    assert len(digests) == 4


GEOMETRY = {
    "simclr": [RandomResizedCrop((0.2, 1.0)), RandomFlip()],
    "crop": RandomResizedCrop(),
    "crop_flip": [RandomResizedCrop(), RandomFlip()],
    "masking": [],
    "none": [],
    SimCLRAugmentation(1.0, crop_scale=(0.5, 1)): [RandomResizedCrop((0.5, 1)), RandomFlip()],
    Compose([CROP, JITTER]): [CROP],
    Compose([JITTER, FLIP]): [FLIP],
    PatchMasking(): [],
}


@pytest.mark.parametrize("given_augmentation", GEOMETRY, ids=str)
def test_auto_has_the_crops_and_flips_of_the_embedder(given_augmentation):
    embedder = SimCLREmbedder(augmentations=given_augmentation)
    expected = GEOMETRY[given_augmentation]
    expected = Compose(expected) if isinstance(expected, list) else expected
    assert fine_tuning_augmentation("auto", embedder, source()) == expected


def test_auto_leaves_rows_of_features_as_they_are():
    rows = source(np.zeros((4, 5), np.float32))
    assert rows.any_values
    assert fine_tuning_augmentation("auto", SimCLREmbedder(), rows) == Compose([])
    assert isinstance(fine_tuning_augmentation("masking", SimCLREmbedder(), rows), PatchMasking)


@pytest.mark.parametrize("given_augmentation", [Compose([CROP, JITTER]), PatchMasking(), JITTER])
def test_the_self_training_has_all_augmentations_of_the_embedder(given_augmentation):
    embedder = SimCLREmbedder(augmentations=given_augmentation)
    found = self_training_augmentation("auto", embedder, source())
    assert found == make_augmentation(given_augmentation)
    assert self_training_augmentation("none", embedder, source()) == Compose([])
    rows = source(np.zeros((4, 5), np.float32))
    assert self_training_augmentation("auto", embedder, rows) == Compose([])


@given(n=st.integers(1, 10**6))
def test_the_automatic_rate_grows_with_the_labelled_samples_within_its_limits(n):
    rate = rate_of("auto", n)
    assert 5e-4 <= rate <= rate_of("auto", n + 1) <= 2e-3
    if 100 <= n <= 400:
        np.testing.assert_allclose(rate_of("auto", 4 * n), 2 * rate)
    assert rate_of(0.1, n) == 0.1
