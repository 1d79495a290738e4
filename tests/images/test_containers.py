"""Lists of images, columns of paths, data sets: read, or refused with advice."""

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.stored_images import read_all
from numpy.testing import assert_array_equal
from PIL import Image
from scipy import sparse

from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive._images.read import image_source
from sklearn_contrastive.augmentation import ImageAugmenter

PIXELS = np.random.RandomState(0).randint(0, 256, (4, 8, 9, 3)).astype(np.uint8)
SIZES = "Images in memory all have the same size"


class Protocol:
    """An array that has only its protocol."""

    def __array__(self, dtype=None, copy=None):
        return PIXELS


COLLECTIONS = {
    "list of arrays": list(PIXELS),
    "list of tensors": list(torch.from_numpy(PIXELS)),
    "column of arrays": pd.Series(list(PIXELS)),
    "images of Pillow": [Image.fromarray(each) for each in PIXELS],
    "column of images of Pillow": pd.Series([Image.fromarray(each) for each in PIXELS]),
    "protocol": Protocol(),
}


@pytest.mark.parametrize("name", COLLECTIONS)
def test_collections_of_images_are_read_as_their_array(name):
    expected = np.moveaxis(PIXELS, 3, 1) / np.float32(255)
    assert_array_equal(read_all(image_source(COLLECTIONS[name])), expected)
    augmenter = ImageAugmenter("none").fit(COLLECTIONS[name])
    assert augmenter.image_shape_ == (8, 9, 3)
    assert augmenter.transform(COLLECTIONS[name]).shape == PIXELS.shape


def test_images_of_pillow_are_read_in_their_colours_and_resized_on_request():
    palette = Image.fromarray(PIXELS[0]).quantize(256)
    grey = Image.fromarray(PIXELS[0]).convert("L")
    (first, second) = read_all(image_source([palette, grey]))
    assert_array_equal(
        first, np.moveaxis(np.asarray(palette.convert("RGB")) / np.float32(255), 2, 0)
    )
    assert_array_equal(second[0], second[1])
    assert image_source([grey, grey]).shape == (1, 8, 9)
    resized = image_source([palette, palette.resize((20, 10))], (6, 6))
    assert (len(resized), resized.shape) == (2, (3, 6, 6))


DIFFERENT = {
    "arrays": [np.zeros((8, 8)), np.zeros((9, 8))],
    "tensors": [torch.zeros(3, 8, 8), torch.zeros(3, 9, 9)],
    "column": pd.Series([np.zeros((8, 8)), np.zeros((9, 8))]),
    "images of Pillow": [Image.new("L", (8, 8)), Image.new("L", (9, 8))],
}


@pytest.mark.parametrize("name", DIFFERENT)
def test_images_of_different_sizes_are_refused_with_advice(name):
    with pytest.raises(ValueError, match=SIZES):
        SimCLREmbedder("resnet_narrow").fit(DIFFERENT[name])


@pytest.mark.parametrize(
    "spell",
    [
        lambda paths: np.array(paths)[:, None],
        lambda paths: pd.DataFrame({"path": paths}),
        lambda paths: [path.encode() for path in paths],
    ],
    ids=["column", "data frame", "bytes"],
)
def test_columns_and_bytes_of_paths_are_read(spell, tmp_path):
    paths = [str(tmp_path / f"{number}.png") for number in range(4)]
    for path, image in zip(paths, PIXELS, strict=True):
        Image.fromarray(image).save(path)
    model = SimCLREmbedder("resnet_narrow", image_shape=(8, 9), max_epochs=1, batch_size=4)
    assert model.fit(spell(paths)).transform(spell(paths)).shape == (4, 128 * 2 * 3)
    assert model.image_shape_ == (8, 9, 3)


def test_the_white_of_sixteen_bits_is_that_of_all_training_images(tmp_path):
    bright, dark = tmp_path / "bright.tif", tmp_path / "dark.tif"
    Image.fromarray(np.full((8, 8), 4000, np.uint16)).save(bright)
    Image.fromarray(np.full((8, 8), 500, np.uint16)).save(dark)
    augmenter = ImageAugmenter("none", image_shape=(8, 8)).fit([dark, bright])
    assert augmenter.transform([dark]).max() == pytest.approx(500 / 4095, abs=1 / 255)
    assert augmenter.transform([bright]).max() == pytest.approx(4000 / 4095, abs=1 / 255)


def test_the_white_of_sixteen_bits_in_memory_is_that_of_all_images():
    bright, dark = (Image.fromarray(np.full((8, 8), level, np.uint16)) for level in (4000, 500))
    images = read_all(image_source([dark, bright]))
    assert images[0].max() == pytest.approx(500 / 4095, abs=1 / 255)
    assert images[1].max() == pytest.approx(4000 / 4095, abs=1 / 255)


def test_images_of_pillow_without_pixels_are_refused():
    with pytest.raises(ValueError, match=r"X\[1\] is an image of Pillow without pixels"):
        image_source([Image.new("L", (3, 3)), Image.new("L", (3, 0))])


@pytest.mark.parametrize("kind", ["csr", "csc", "coo", "dia", "bsr", "dok", "lil"])
def test_sparse_columns_are_refused_as_sparse(kind):
    X = sparse.random_array((20, 1), density=0.5, format=kind, random_state=0)
    with pytest.raises(TypeError, match="dense data is required"):
        SimCLREmbedder("resnet_narrow").fit(X)


def test_pillow_has_no_images_of_two_channels():
    image = Image.fromarray(np.zeros((8, 8), np.uint8))
    with pytest.raises(ValueError, match=r"has 2 channels; images of Pillow .* in grey"):
        image_source([image, image], image_shape=(8, 8, 2))
