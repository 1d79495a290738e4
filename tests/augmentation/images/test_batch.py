"""Properties of all image augmentations: shape, dtype, memory format, randomness, parameters."""

import pickle

import numpy as np
import pytest
import torch
from helpers.image_batches import images, seeded
from numpy.testing import assert_array_equal

from sklearn_contrastive.augmentation import (
    ColorJitter,
    Compose,
    GaussianBlur,
    PatchMasking,
    RandomFlip,
    RandomGrayscale,
    RandomResizedCrop,
    SimCLRAugmentation,
)

EPS = np.finfo(np.float32).eps
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
def test_the_result_depends_only_on_the_generator(augmentation):
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
def test_the_result_for_an_image_does_not_depend_on_the_others(augmentation):
    batch = images(8, 3, 12, 12)
    others = torch.cat([batch[:1], images(7, 3, 12, 12, seed=9)])
    assert torch.equal(augmentation(batch, seeded())[0], augmentation(others, seeded())[0])


@every_augmentation
def test_images_of_a_batch_are_changed_differently(augmentation):
    batch = images(1, 3, 12, 12).expand(64, 3, 12, 12)
    augmented = augmentation(batch, seeded())
    assert len({image.numpy().tobytes() for image in augmented}) > 1


@every_augmentation
def test_pickled_augmentations_are_equal_and_have_the_same_repr(augmentation):
    again = pickle.loads(pickle.dumps(augmentation))
    assert again == augmentation
    assert repr(again) == repr(augmentation)
    batch = images(4, 3, 12, 12)
    assert torch.equal(again(batch, seeded()), augmentation(batch, seeded()))


@every_augmentation
@pytest.mark.parametrize("batch", [torch.rand(3, 8, 8), torch.zeros(2, 3, 8, 8, dtype=torch.uint8)])
def test_invalid_batches_are_refused(augmentation, batch):
    with pytest.raises(ValueError, match=r"must be \(n_images, n_channels, height, width\)"):
        augmentation(batch, seeded())


@every_augmentation
@pytest.mark.parametrize("n_channels", [1, 3])
def test_augmentations_neither_read_values_nor_copy_between_devices(
    augmentation, n_channels, monkeypatch
):
    # tensors on the meta device have no values, and cannot be combined with tensors on the CPU
    class OnMeta:
        device = torch.device("meta")

    drawn = torch.rand
    monkeypatch.setattr(torch, "rand", lambda *args, generator, **kwargs: drawn(*args, **kwargs))
    batch = torch.empty(4, n_channels, 64, 64, device="meta")
    assert augmentation(batch, OnMeta()).shape == batch.shape


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
def test_invalid_parameters_are_refused_by_the_constructor(make):
    with pytest.raises(ValueError, match=r"must|cannot be composed"):
        make()
