"""Labelled samples of a source, and the augmentation of fine-tuning."""

import types

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
from sklearn_contrastive.deep import SimCLREmbedder, TabularContrastiveEmbedder
from sklearn_contrastive.deep._fine_tuning.augmentation import (
    fine_tuning_augmentation,
    self_training_augmentation,
)
from sklearn_contrastive.deep._fine_tuning.build import epochs_of, labelled_samples, rate_of
from sklearn_contrastive.deep._fine_tuning.labels import Labels
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


@pytest.mark.parametrize("name", ["masking", "crop_flip", "simclr"])
@pytest.mark.parametrize("make", [fine_tuning_augmentation, self_training_augmentation])
def test_rows_of_a_table_are_not_augmented_as_images(make, name):
    table = types.SimpleNamespace(shape=(5,), noun="rows")
    embedder = TabularContrastiveEmbedder()
    with pytest.raises(ValueError, match=f"'{name}' changes images, and X is a table"):
        make(name, embedder, table)
    for harmless in ("auto", "none"):
        assert make(harmless, embedder, table) == Compose([])


@given(n=st.integers(1, 10**6), noun=st.sampled_from(["images", "rows"]))
def test_the_automatic_rate_grows_with_the_labelled_samples_within_its_limits(n, noun):
    rate = rate_of("auto", n, noun)
    least = 5e-4 if noun == "images" else 1e-3
    assert least <= rate <= rate_of("auto", n + 1, noun) <= 2e-3
    if 1600 * (least / 2e-3) ** 2 <= n <= 400:
        np.testing.assert_allclose(rate_of("auto", 4 * n, noun), 2 * rate)
    assert rate_of(0.1, n, noun) == 0.1


@given(n=st.integers(1, 500), batch_size=st.integers(3, 600))
def test_few_rows_of_features_are_passed_over_more_often_than_images(n, batch_size):
    rows, images = (
        labelled_samples(source(values), Labels(np.arange(1), np.arange(n), np.zeros(n, int)))
        for values in (np.zeros((n, 4), np.float32), np.zeros((n, 1, 2, 2), np.float32))
    )
    assert epochs_of("auto", images, batch_size) == 60
    found = epochs_of("auto", rows, batch_size)
    n_steps = int(np.ceil(n / batch_size))
    assert found == 60 or (found - 1) * n_steps < 200
    assert found >= 60
    assert found * n_steps >= 200
    assert epochs_of(7, rows, batch_size) == 7
