"""Composition of augmentations with and without a generator argument."""

import pytest
import torch
from helpers.image_batches import images, seeded
from torch import nn

from sklearn_contrastive.augmentation import (
    Compose,
    RandomFlip,
    SimCLRAugmentation,
)
from sklearn_contrastive.augmentation._images.by_name import make_augmentation
from sklearn_contrastive.augmentation._images.compose import accepts_generator


class Brighter(nn.Module):
    """Signature of a kornia module: the batch, and optional settings."""

    def forward(self, batch, params=None, **kwargs):
        return batch * (0.5 + 0.5 * torch.rand(()))


class Several(nn.Module):
    """Signature of a kornia container."""

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
def test_accepts_generator_depends_on_the_signature(augmentation, accepted):
    assert accepts_generator(augmentation) is accepted


def test_members_are_applied_in_order_with_or_without_a_generator():
    batch = images(3, 1, 4, 4)
    composed = Compose([Drawing(), lambda batch: 2 * batch, Several()])
    assert torch.equal(composed(batch, seeded(1)), 2 * Drawing()(batch, seeded(1)))
    assert Compose([])(batch, seeded()) is batch


def test_members_without_a_generator_use_torchs_global_state():
    batch = images(3, 1, 4, 4)
    augmentation = make_augmentation(Brighter())
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first = augmentation(batch, seeded())
        torch.manual_seed(0)
        assert torch.equal(augmentation(batch, seeded()), first)
        assert not torch.equal(augmentation(batch, seeded()), first)
