"""Two random views of a batch."""

import torch
from helpers.image_batches import images, seeded

from sklearn_contrastive.augmentation import (
    RandomResizedCrop,
)
from sklearn_contrastive.augmentation._images.views import two_views


def test_two_views_are_two_draws():
    batch = images(4, 3, 8, 8)
    view_1, view_2 = two_views(RandomResizedCrop(), batch, seeded())
    assert not torch.equal(view_1, view_2)
    generator = seeded()
    assert torch.equal(view_1, RandomResizedCrop()(batch, generator))
    assert torch.equal(view_2, RandomResizedCrop()(batch, generator))
