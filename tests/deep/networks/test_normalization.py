"""Normalisation of the user, of pretrained weights, of the training images."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from sklearn_contrastive.deep import SimCLREmbedder
from sklearn_contrastive.deep._networks.normalization import normalization_of_user

X = np.random.default_rng(0).integers(0, 256, (24, 8, 8, 4), dtype=np.uint8)


def embedder(encoder="resnet_narrow", **parameters):
    defaults = {"image_shape": (8, 8, 4), "max_epochs": 1, "batch_size": 12, "device": "cpu"}
    return SimCLREmbedder(encoder, random_state=0, **(defaults | parameters))


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ((0.5, 0.25), ((0.5, 0.5), (0.25, 0.25))),
        (([0.1, 0.2], 2), ((0.1, 0.2), (2, 2))),
        (np.array([[0.1, 0.2], [1, 2]]), ((0.1, 0.2), (1, 2))),
    ],
)
def test_numbers_stand_for_all_channels(parameter, expected):
    assert normalization_of_user(parameter, 2) == expected


@pytest.mark.parametrize(
    "parameter",
    [(0.5,), (0.5, 0), (0.5, -1), ([0.1, 0.2, 0.3], 1), (np.nan, 1), ("a", 1), (0.5, 1, 2)],
)
def test_what_does_not_fit_is_refused_with_the_number_of_channels(parameter):
    with pytest.raises(ValueError, match=r"must be \(mean, std\) .* each of the 2 channels"):
        normalization_of_user(parameter, 2)


def test_by_default_images_of_any_number_of_channels_have_mean_0_and_deviation_1():
    model = embedder().fit(X)
    pixels = torch.from_numpy(X / 255).permute(0, 3, 1, 2).float()
    normalized = model.encoder_[0](pixels)
    assert_allclose(normalized.mean(dim=(0, 2, 3)), 0, atol=1e-5)
    assert_allclose(normalized.std(dim=(0, 2, 3), correction=0), 1, rtol=1e-5)
    assert model.image_shape_ == (8, 8, 4)


def test_a_module_with_weights_of_its_own_gets_its_normalisation():
    class Seen(nn.Module):
        def forward(self, images):
            return images.mean(dim=(2, 3)) @ torch.eye(4)

    mean, std = [0.1, 0.2, 0.3, 0.4], 0.25
    module = nn.Sequential(Seen(), nn.Linear(4, 4))
    with torch.no_grad():
        module[1].weight.copy_(torch.eye(4))
        module[1].bias.zero_()
    settings = {"normalization": (mean, std), "learning_rate": 1e-12, "augmentations": "none"}
    h = embedder(module, **settings).fit(X).transform(X)
    assert_allclose(h, (X.mean(axis=(1, 2)) / 255 - mean) / std, rtol=1e-4, atol=1e-5)


def test_the_normalisation_of_the_training_images_given_by_hand_changes_nothing():
    default = embedder().fit(X)
    moments = default.encoder_[0]
    given = embedder(normalization=(moments.mean.flatten(), moments.std.flatten())).fit(X)
    assert_array_equal(given.transform(X), default.transform(X))


def test_a_wrong_normalisation_is_refused_by_fit():
    with pytest.raises(ValueError, match="each of the 4 channels"):
        embedder(normalization=([0.5] * 3, 1)).fit(X)
