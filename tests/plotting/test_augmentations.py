"""AugmentationDisplay: the views are those of the augmentation, image by image."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive.augmentation import ImageAugmenter
from sklearn_contrastive.plotting import AugmentationDisplay

X = load_digits().data[:20] / 16


def test_views_of_an_augmentation_are_drawn_image_by_image():
    display = AugmentationDisplay.from_augmentation(lambda batch: 1 - batch, X, n_views=3)
    assert_allclose(display.images.reshape(4, -1), X[:4], atol=1e-6)
    assert display.views.shape == (4, 3, 8, 8, 1)
    for view in display.views.transpose(1, 0, 2, 3, 4):
        assert_allclose(view, 1 - display.images, atol=1e-6)
    assert len(display.images_) == 4
    for row, image, views in zip(display.images_, display.images, display.views, strict=True):
        assert_array_equal(row[0].get_array(), image[..., 0])
        for drawn, view in zip(row[1:], views, strict=True):
            assert_array_equal(drawn.get_array(), view[..., 0])


def test_the_first_two_views_are_those_of_image_augmenter():
    display = AugmentationDisplay.from_augmentation("simclr", X, n_images=20, random_state=3)
    views = ImageAugmenter().fit(X).sample_views(X, random_state=3)
    for number, view in enumerate(views):
        assert_allclose(display.views[:, number].reshape(20, -1), view, atol=1e-6)


@pytest.mark.parametrize("estimator_class", [SimCLREmbedder, ImageAugmenter])
def test_an_estimator_need_not_be_fitted(estimator_class):
    estimator = estimator_class(augmentations="masking", image_shape=(4, 16))
    display = AugmentationDisplay.from_estimator(estimator, X, n_images=2, random_state=0)
    assert display.images.shape == (2, 4, 16, 1)
    again = AugmentationDisplay.from_augmentation(
        "masking", X, image_shape=(4, 16), n_images=2, random_state=0
    )
    assert_array_equal(display.views, again.views)


def test_a_fitted_estimator_knows_the_shape():
    images = np.random.default_rng(0).random((5, 4, 8, 3))
    augmenter = ImageAugmenter("crop").fit(images)
    display = AugmentationDisplay.from_estimator(augmenter, images.reshape(5, -1), n_images=9)
    assert display.images.shape == (5, 4, 8, 3)


def test_views_of_another_size_are_drawn_in_the_same_place():
    smaller = AugmentationDisplay.from_augmentation(lambda batch: batch[..., :4, :4], X)
    same = AugmentationDisplay.from_augmentation("none", X)
    assert smaller.views.shape[2:] == (4, 4, 1)
    extents = [
        [image.get_extent() for row in display.images_ for image in row]
        for display in (smaller, same)
    ]
    assert_array_equal(*extents)


def test_the_random_state_of_pytorch_does_not_change():
    torch.manual_seed(0)
    before = torch.get_rng_state()

    def noisy(batch):
        return batch + 0.1 * torch.rand_like(batch)

    display = AugmentationDisplay.from_augmentation(noisy, X, random_state=1)
    again = AugmentationDisplay.from_augmentation(noisy, X, random_state=1)
    assert_array_equal(display.views, again.views)
    assert torch.equal(before, torch.get_rng_state())
    assert display.views.max() <= 1


def test_it_draws_in_the_axes_of_the_caller():
    figure, (ax, _) = plt.subplots(1, 2)
    display = AugmentationDisplay.from_augmentation("crop", X, ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert display.plot().figure_ is not figure


def test_mistakes_are_named():
    with pytest.raises(TypeError, match="PCA has no augmentations; give a SimCLREmbedder"):
        AugmentationDisplay.from_estimator(PCA(), X)
    with pytest.raises(ValueError, match="n_views=0 must be at least 1"):
        AugmentationDisplay.from_augmentation("crop", X, n_views=0)
    with pytest.raises(ValueError, match="augmentations='crops' is not known"):
        AugmentationDisplay.from_augmentation("crops", X)
