"""ImageAugmenter: reading of images, randomness, estimator interface."""

import pickle

import numpy as np
import pytest
import torch
from helpers.checks import assert_first_class
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from sklearn_contrastive.augmentation import RandomFlip, RandomResizedCrop
from sklearn_contrastive.augmentation._image_augmenter import ImageAugmenter


def photos(*shape, seed=0):
    return np.random.default_rng(seed).uniform(size=shape).astype(np.float32)


def test_every_check_of_scikit_learn_passes():
    assert_first_class(ImageAugmenter(random_state=0), n_checks=58)


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "image_shape", "read"),
    [
        ((4, 64), None, (8, 8, 1)),
        ((4, 63), None, (1, 63, 1)),
        ((4, 9), None, (1, 9, 1)),
        ((4, 12), (3, 4), (3, 4, 1)),
        ((4, 36), (3, 4, 3), (3, 4, 3)),
        ((4, 6, 5), None, (6, 5, 1)),
        ((4, 6, 5, 3), None, (6, 5, 3)),
        ((4, 6, 5, 1), None, (6, 5, 1)),
        ((4, 6, 5, 4), (6, 5, 4), (6, 5, 4)),
        ((4, 3, 6, 5), None, (6, 5, 3)),
        ((4, 3, 6, 5), (6, 5, 3), (6, 5, 3)),
    ],
)
def test_the_shape_of_images_follows_from_that_of_the_array(shape, image_shape, read):
    X = photos(*shape)
    augmenter = ImageAugmenter("none", image_shape=image_shape).fit(X)
    assert augmenter.image_shape_ == read
    assert augmenter.n_features_in_ == np.prod(read)
    assert_array_equal(augmenter.transform(X), X)
    for view in augmenter.sample_views(X):
        assert_array_equal(view, X)


@pytest.mark.parametrize(
    ("shape", "image_shape", "message"),
    [
        ((4, 65), None, "65 features, which is not a square number"),
        ((4, 12), (5, 4), r"12 features, but image_shape=\(5, 4\) has 5 \* 4 = 20"),
        ((4, 6, 5), (5, 6), r"shape \(4, 6, 5\), but image_shape=\(5, 6\) needs"),
        ((4, 12), (12,), r"must be \(h, w\) or"),
        ((4, 12), (3.5, 4), r"must be \(h, w\) or"),
        ((4, 12), (-3, -4), r"must be \(h, w\) or"),
    ],
)
def test_ambiguous_shapes_are_refused(shape, image_shape, message):
    with pytest.raises(ValueError, match=message):
        ImageAugmenter(image_shape=image_shape).fit(photos(*shape))


@pytest.mark.parametrize(("low", "high"), [(-0.1, 1), (0, 1.1), (0, 255)])
def test_values_that_are_neither_bytes_nor_in_0_to_1_are_refused(low, high):
    X = np.linspace(low, high, num=2 * 64).reshape(2, 64)
    for refused in (ImageAugmenter().fit, ImageAugmenter().fit(photos(2, 8, 8)).transform):
        with pytest.raises(ValueError, match=r"value is .* must be in \[0, 1\]"):
            refused(X)


def test_missing_values_are_refused():
    X = photos(2, 8, 8)
    X[1, 2, 3] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        ImageAugmenter().fit(X)


def test_bytes_are_divided_by_255():
    X = np.arange(256, dtype=np.uint8).reshape(2, 8, 16)
    augmenter = ImageAugmenter("none").fit(X)
    assert_allclose(augmenter.transform(X), X / 255, rtol=1e-6)
    colourful = ImageAugmenter(random_state=0).fit(X)
    assert_array_equal(colourful.transform(X), colourful.transform(X.astype(np.float32) / 255))


def test_three_layouts_of_the_same_images_give_the_same_result():
    X = photos(5, 6, 7, 3)
    augmenter = ImageAugmenter(image_shape=(6, 7, 3), random_state=0).fit(X.reshape(5, -1))
    flat = augmenter.transform(X.reshape(5, -1))
    assert_array_equal(augmenter.transform(X), flat.reshape(X.shape))
    first = np.ascontiguousarray(X.transpose(0, 3, 1, 2))
    assert_array_equal(augmenter.transform(first), flat.reshape(X.shape).transpose(0, 3, 1, 2))
    views = augmenter.sample_views(first, 0), augmenter.sample_views(X, 0)
    for from_first, from_last in zip(*views, strict=True):
        assert_array_equal(from_first.transpose(0, 2, 3, 1), from_last)


def test_images_of_another_shape_than_fitted_are_refused():
    augmenter = ImageAugmenter().fit(photos(3, 8, 6))
    for shape in [(3, 8, 8), (3, 6, 8)]:
        with pytest.raises(ValueError, match=r"but image_shape=\(8, 6, 1\) needs"):
            augmenter.transform(photos(*shape))


# --- drawing --------------------------------------------------------------------------------------


@given(seed=SEEDS, n=st.integers(1, 6), shape=st.sampled_from([(8, 8), (9, 7, 3), (3, 8, 8)]))
def test_the_result_for_an_image_does_not_depend_on_the_other_images(seed, n, shape):
    X = photos(n, *shape, seed=seed)
    augmenter = ImageAugmenter(random_state=seed).fit(X)
    changed = augmenter.transform(X)
    assert (changed.shape, changed.dtype) == (X.shape, np.float32)
    assert ((changed >= 0) & (changed <= 1)).all()
    for index in range(n):
        assert_array_equal(augmenter.transform(X[index : index + 1])[0], changed[index])


def test_the_seed_determines_transform_and_images_are_augmented_differently():
    X = photos(20, 8, 8)
    augmenter = ImageAugmenter(RandomFlip(), random_state=1).fit(X)
    changed = augmenter.transform(X)
    assert_array_equal(clone(augmenter).fit(X[:5]).transform(X), changed)
    assert not np.array_equal(
        ImageAugmenter(RandomFlip(), random_state=2).fit_transform(X), changed
    )
    flipped = (changed != X).any(axis=(1, 2))
    assert 3 <= flipped.sum() <= 17


def test_views_are_new_in_each_call_and_repeatable_by_seed():
    X = photos(5, 8, 8, 3)
    augmenter = ImageAugmenter(random_state=0).fit(X)
    view_1, view_2 = augmenter.sample_views(X, random_state=3)
    assert (view_1.shape, view_1.dtype) == (X.shape, np.float32)
    assert not np.array_equal(view_1, view_2)
    for view, again in zip(
        (view_1, view_2), augmenter.sample_views(X, random_state=3), strict=True
    ):
        assert_array_equal(view, again)
    assert not np.array_equal(augmenter.sample_views(X)[0], augmenter.sample_views(X)[0])


def test_augmented_images_are_valid_input():
    # white, where rounding up would exceed 1
    white = np.ones((30, 70, 70), dtype=np.float32)
    augmenter = ImageAugmenter(random_state=0).fit(white)
    assert augmenter.transform(augmenter.transform(white)).max() <= 1
    assert max(view.max() for view in augmenter.sample_views(white, random_state=0)) <= 1


def test_masked_views_are_complementary():
    X = photos(5, 8, 8)
    view_1, view_2 = ImageAugmenter("masking").fit(X).sample_views(X)
    assert_array_equal(view_1 + view_2, X)


@pytest.mark.parametrize("name", ["simclr", "crop", "crop_flip", "masking"])
def test_rows_of_features_of_any_unit_are_changed_but_not_clipped(name):
    X = 1000 * (photos(50, 20) - 0.5)
    augmenter = ImageAugmenter(name, random_state=0).fit(X)
    changed = augmenter.transform(X)
    assert changed.min() < -300
    assert changed.max() > 300
    assert np.abs(changed).max() <= np.abs(X).max() * (1 + 1e-6)


class Noise(torch.nn.Module):
    def forward(self, batch):
        return torch.clamp(batch + torch.rand(batch.shape), 0, 1)


def test_modules_that_draw_from_torchs_global_state_are_repeatable_and_do_not_change_it():
    X = photos(4, 8, 8)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    augmenter = ImageAugmenter(Noise(), random_state=0).fit(X)
    changed = augmenter.transform(X)
    views = augmenter.sample_views(X, random_state=0)
    assert_array_equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert_array_equal(augmenter.transform(X), changed)
    assert_array_equal(augmenter.sample_views(X, random_state=0)[1], views[1])
    assert not np.array_equal(*views)


def test_augmentations_that_change_the_shape_are_refused():
    augmenter = ImageAugmenter(RandomResizedCrop(size=(4, 4))).fit(photos(2, 8, 8))
    with pytest.raises(ValueError, match=r"\(1, 4, 4\) .* for images of shape \(1, 8, 8\)"):
        augmenter.transform(photos(2, 8, 8))


# --- estimator interface --------------------------------------------------------------------------


def test_a_failed_refit_keeps_the_earlier_fit():
    X = photos(3, 8, 8)
    augmenter = ImageAugmenter(random_state=0).fit(X)
    changed = augmenter.transform(X)
    with pytest.raises(ValueError, match="largest value"):
        augmenter.fit(300 * photos(3, 9, 9))
    assert_array_equal(augmenter.transform(X), changed)


def test_it_works_in_a_pipeline_and_can_be_pickled():
    X, y = photos(40, 8, 8), np.arange(40) % 2
    augmenter = ImageAugmenter("crop", random_state=0)
    pipeline = make_pipeline(augmenter, LogisticRegression()).fit(X.reshape(40, -1), y)
    assert pipeline.predict(X.reshape(40, -1)).shape == (40,)
    again = pickle.loads(pickle.dumps(augmenter.fit(X)))
    assert_array_equal(again.transform(X), augmenter.transform(X))


def test_input_is_not_changed():
    X = photos(3, 8, 8)
    kept = X.copy()
    augmenter = ImageAugmenter(random_state=0).fit(X)
    augmenter.transform(X)
    augmenter.sample_views(X)
    assert_array_equal(X, kept)


def test_unknown_names_of_augmentations_are_refused():
    with pytest.raises(ValueError, match="'augmentations' parameter of ImageAugmenter must be"):
        ImageAugmenter("simcrl").fit(photos(3, 8, 8))


def test_files_are_read_as_images(tmp_path):
    X = (255 * photos(4, 8, 6)).astype(np.uint8)
    paths = [tmp_path / f"{number}.png" for number in range(4)]
    for path, image in zip(paths, X, strict=True):
        Image.fromarray(image).save(path)
    augmenter = ImageAugmenter(image_shape=(8, 6), random_state=0).fit(paths)
    changed = augmenter.transform(paths)
    assert changed.shape == (4, 8, 6, 1)
    assert_array_equal(changed[..., 0], augmenter.transform(X))
