"""Data sets of PyTorch: their items are read like the same images in an array, or refused."""

import numpy as np
import pytest
import torch
from helpers.stored_images import read_all
from helpers.trainings import weights_of
from numpy.testing import assert_array_equal
from PIL import Image
from torch.utils.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset

from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive._images.read import image_source
from sklearn_contrastive.augmentation import ImageAugmenter

PIXELS = np.random.RandomState(0).randint(0, 256, (40, 8, 9, 3)).astype(np.uint8)
FLOATS = torch.from_numpy(np.moveaxis(PIXELS, 3, 1) / np.float32(255))


class Images(Dataset):
    """Items by a function of their number."""

    def __init__(self, item, n_items=40):
        self.item = item
        self.n_items = n_items

    def __len__(self):
        return self.n_items

    def __getitem__(self, number):
        return self.item(number)


ITEMS = {
    "tensors": lambda i: FLOATS[i],
    "tensors and labels": lambda i: (FLOATS[i], i),
    "arrays": lambda i: PIXELS[i],
    "arrays, labels and names": lambda i: (PIXELS[i], i, "name"),
    "arrays of large floats": lambda i: (PIXELS[i] / 255).astype(">f8"),
    "images of Pillow": lambda i: (Image.fromarray(PIXELS[i]), i),
}


@pytest.mark.parametrize("name", ITEMS)
def test_items_are_read_as_their_array(name):
    source = image_source(Images(ITEMS[name]), block_size=1000)
    expected = image_source(PIXELS)
    source.check()
    assert (len(source), source.shape) == (40, (3, 8, 9))
    np.testing.assert_allclose(read_all(source), read_all(expected), rtol=1e-6)
    np.testing.assert_allclose(source.moments(), expected.moments(), rtol=1e-5)


def embedder(**parameters):
    defaults = {"max_epochs": 1, "batch_size": 20, "device": "cpu", "random_state": 0}
    return SimCLREmbedder("resnet_narrow", **(defaults | parameters))


def test_training_on_a_data_set_is_that_on_its_array(tmp_path):
    images = Images(ITEMS["arrays, labels and names"])
    model = embedder(checkpoint_dir=tmp_path).fit(images, X_val=images, y_val=np.arange(40) % 2)
    alone = embedder().fit(PIXELS)
    assert_array_equal(weights_of(model), weights_of(alone))
    assert_array_equal(model.transform(images), alone.transform(PIXELS))
    assert_array_equal(model.transform(Subset(images, [3])), model.transform(PIXELS[3:4]))
    assert model.image_shape_ == (8, 9, 3)
    assert ImageAugmenter("none").fit(images).transform(images).shape == PIXELS.shape


def test_a_data_set_of_tensors_is_its_first_tensor():
    source = image_source(TensorDataset(FLOATS, torch.arange(40)))
    assert_array_equal(read_all(source), FLOATS)


def test_images_of_pillow_are_resized_on_request():
    sizes = Images(lambda i: Image.fromarray(PIXELS[i]).resize((10 + i, 12)))
    assert image_source(sizes, (6, 7)).shape == (3, 6, 7)
    assert read_all(image_source(sizes, (6, 7, 1))).shape == (40, 1, 6, 7)
    with pytest.raises(ValueError, match=r"39 of the items (.|\n)*item 1 \(it has 11 x 12 pixels"):
        image_source(sizes).check()


def test_grey_images_of_pillow_stay_grey_and_colours_among_them_are_refused():
    grey = Images(lambda i: Image.fromarray(PIXELS[i]).convert("L"))
    assert image_source(grey).shape == image_source(grey, (8, 9)).shape == (1, 8, 9)
    mixed = Images(lambda i: Image.fromarray(PIXELS[i]).convert("RGB" if i == 7 else "L"))
    with pytest.raises(ValueError, match=r"1 of the items (.|\n)*item 7 \(it has colours"):
        image_source(mixed).check()
    image_source(mixed, (8, 9, 1)).check()


def test_all_unreadable_items_are_named():
    def item(number):
        if number in (3, 5):
            raise OSError("truncated")
        return FLOATS[number][:, :, : 8 if number == 9 else 9]

    with pytest.raises(ValueError, match="3 of the items cannot be read as images") as caught:
        embedder().fit(Images(item))
    for text in (
        "item 3 (OSError: truncated)",
        "item 5 (OSError: truncated)",
        "item 9 (shape (3, 8, 8) of float32, and the first item shape (3, 8, 9) of float32)",
    ):
        assert text in str(caught.value)


def test_random_items_are_refused():
    generator = torch.Generator().manual_seed(0)
    noisy = Images(lambda i: torch.rand(3, 8, 8, generator=generator))
    with pytest.raises(ValueError, match=r"item 0 is another image each time.*augmentations draws"):
        embedder().fit(noisy)


BAD = {
    "two views": (lambda i: ([FLOATS[i], FLOATS[i]], i), r"tuple of \(list, int\).*Two views"),
    "a list": (lambda i: [FLOATS[i], FLOATS[i]], r"list of \(Tensor, Tensor\).*Two views"),
    "a dict": (lambda i: {"image": FLOATS[i]}, "An item of X is dict; the items of a Dataset are"),
    "floats to 255": (lambda i: FLOATS[i] * 255, r"largest value is 255; they must be in \[0, 1\]"),
    "NaN": (lambda i: FLOATS[i] * torch.nan, "Input X contains NaN. SimCLREmbedder does not"),
    "integers": (lambda i: PIXELS[i].astype(int), "X holds int64; images are uint8"),
    "texts": (lambda i: np.array(["a", "b"]), "it holds <U1; images are uint8, floats or bools"),
    "depths": (lambda i: Image.fromarray(PIXELS[i, :, :, 0].astype(np.uint16)), "16 bits of grey"),
    "four channels": (lambda i: FLOATS[i].repeat(2, 1, 1)[:4], "neither axis of an image can be"),
}


@pytest.mark.parametrize("name", BAD)
def test_items_that_are_not_images_are_refused_with_advice(name):
    item, message = BAD[name]
    with pytest.raises((TypeError, ValueError), match=message):
        embedder().fit(Images(item))


def test_more_channels_are_read_with_their_image_shape():
    four = Images(lambda i: FLOATS[i].repeat(2, 1, 1)[:4])
    assert image_source(four, (8, 9, 4)).shape == (4, 8, 9)


class Stream(IterableDataset):
    """Images in one order."""

    def __iter__(self):
        yield from FLOATS


@pytest.mark.parametrize(
    "X", [Stream(), DataLoader(Images(ITEMS["tensors"])), iter(PIXELS)], ids=["a", "b", "c"]
)
def test_streams_are_refused_with_advice(X):
    with pytest.raises(TypeError, match=r"in one order only.*a Dataset with __getitem__"):
        embedder().fit(X)


def test_data_sets_without_length_or_items_are_refused():
    class NoLength(Dataset):
        def __getitem__(self, number):
            return FLOATS[number]

    with pytest.raises(TypeError, match="NoLength without a length"):
        image_source(NoLength())
    with pytest.raises(ValueError, match=r"0 sample.*X is an empty Images"):
        image_source(Images(ITEMS["tensors"], n_items=0))


def test_a_memory_error_is_raised_as_it_is():
    def greedy(number):
        if number:
            raise MemoryError
        return FLOATS[0]

    with pytest.raises(MemoryError):
        image_source(Images(greedy)).check()
