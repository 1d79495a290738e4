"""Complementary views of batches of samples."""

import numpy as np
import torch

from sklearn_contrastive.deep._linear.contrastive import ComplementaryViews


def test_views_are_complementary_and_new_in_each_call():
    batch = torch.randn(40, 7)
    generator = torch.Generator().manual_seed(0)
    views = ComplementaryViews(0.5)
    first, second = views(batch, generator)
    assert torch.equal(first + second, batch)
    assert torch.all((first == 0) | (second == 0))
    assert not torch.equal(first, views(batch, generator)[0])


def test_share_of_hidden_entries_is_the_mask_rate():
    n = 100_000
    first, _ = ComplementaryViews(0.2)(torch.ones(n, 1), torch.Generator().manual_seed(0))
    assert abs((first == 0).double().mean().item() - 0.2) < 4 * np.sqrt(0.16 / n)


def test_views_with_given_masks_use_one_mask_per_sample():
    masks = np.array([[True, False, True], [False, False, True]])
    first, second = ComplementaryViews(0.5, masks)(torch.ones(50, 3), torch.Generator())
    hidden = {tuple(row) for row in (first == 0).tolist()}
    assert hidden == {tuple(row) for row in masks.tolist()}
    assert torch.equal(first + second, torch.ones(50, 3))
