"""Images that cannot be read: named in one error, or skipped and listed."""

import numpy as np
import pytest
import torch
from helpers.trainings import weights_of
from numpy.testing import assert_array_equal
from PIL import Image

from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive._images.read import image_source
from sklearn_contrastive.exceptions import UnreadableImagesWarning

PIXELS = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
BAD = (0, 7, 39)
GOOD = np.delete(np.arange(40), BAD)


@pytest.fixture
def files(tmp_path):
    """Forty files; the first is a text, one is cut off, and the last does not exist."""
    paths = [tmp_path / f"{number:02}.png" for number in range(40)]
    for path, image in zip(paths, PIXELS, strict=True):
        Image.fromarray(image).save(path)
    paths[0].write_text("not an image")
    paths[7].write_bytes(paths[7].read_bytes()[:50])
    paths[39].unlink()
    return paths


class Items(torch.utils.data.Dataset):
    """The same images as items."""

    def __len__(self):
        return 40

    def __getitem__(self, number):
        if number in BAD:
            raise OSError("truncated")
        return PIXELS[number], number


def embedder(**parameters):
    defaults = {"image_shape": (8, 8), "max_epochs": 2, "batch_size": 20, "device": "cpu"}
    return SimCLREmbedder("resnet_narrow", random_state=0, **(defaults | parameters))


@pytest.fixture(params=["files", "Dataset"])
def X(request):
    return request.getfixturevalue("files") if request.param == "files" else Items()


def test_by_default_one_error_names_all(X):
    with pytest.raises(ValueError, match=r"3 of the (files|items) cannot be read as images"):
        embedder().fit(X)


def test_skipped_images_change_neither_the_training_nor_other_rows(X, tmp_path):
    model = embedder(on_unreadable="skip", checkpoint_dir=tmp_path / "kept")
    with pytest.warns(UnreadableImagesWarning, match=r"3 of the 40 (files|items) cannot .* not tr"):
        model.fit(X)
    assert list(model.unreadable_) == list(BAD)
    expected = embedder().fit(PIXELS[GOOD])
    assert_array_equal(weights_of(model), weights_of(expected))
    with pytest.warns(
        UnreadableImagesWarning, match=r"their rows are NaN:(.|\n)*(39\.png|item 39)"
    ):
        h = model.transform(X)
    assert_array_equal(np.flatnonzero(np.isnan(h).any(axis=1)), BAD)
    assert np.isnan(h[list(BAD)]).all()
    assert_array_equal(h[GOOD], expected.transform(PIXELS)[GOOD])


def test_reasons_are_listed(files):
    model = embedder(on_unreadable="skip", max_epochs=1)
    with pytest.warns(UnreadableImagesWarning) as caught:
        model.fit(files)
    texts = list(model.unreadable_.values())
    for text, path in zip(texts, (files[number] for number in BAD), strict=True):
        assert text.startswith(f"{path} (")
        assert text in str(caught[0].message)
    assert "not an image" in texts[0]
    assert "No such file" in texts[2]


def test_on_unreadable_may_change_after_fit(files):
    good = [files[number] for number in GOOD]
    model = embedder(max_epochs=1).fit(good)
    assert model.unreadable_ == {}
    with pytest.raises(ValueError, match="3 of the files cannot be read"):
        model.transform(files)
    model.set_params(on_unreadable="skip")
    assert not np.isnan(model.transform(good)).any()
    with pytest.warns(UnreadableImagesWarning):
        assert len(model.transform(files)) == 40
    with pytest.raises(ValueError, match="'on_unreadable' parameter of SimCLREmbedder must be"):
        model.set_params(on_unreadable="ignore").transform(good)


def test_labelled_images_that_cannot_be_read_are_left_out_with_their_labels(files):
    labels = np.arange(40) % 2
    settings = {"max_epochs": 1, "on_unreadable": "skip"}
    with pytest.warns(UnreadableImagesWarning, match="they are left out of X_val"):
        model = embedder(**settings).fit(PIXELS, X_val=files, y_val=labels)
    expected = embedder(**settings).fit(PIXELS, X_val=PIXELS[GOOD], y_val=labels[GOOD])
    assert model.history_[0]["knn_accuracy"] == expected.history_[0]["knn_accuracy"]
    with pytest.raises(ValueError, match=r"X_val has 40 images and y_val the shape \(37,\)"):
        embedder(**settings).fit(PIXELS, X_val=files, y_val=labels[GOOD])


@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.UnreadableImagesWarning")
def test_too_few_readable_images_are_an_error(files):
    model = embedder(on_unreadable="skip", max_epochs=1, batch_size=3).fit(files)
    bad = [files[number] for number in BAD]
    for paths in (bad, [files[1], *bad]):
        with pytest.raises(ValueError, match="3 of the files cannot be read as images"):
            embedder(on_unreadable="skip").fit(paths)
    with pytest.raises(ValueError, match="3 of the files cannot be read as images"):
        model.transform(bad)


def test_a_file_that_goes_during_the_training_is_an_error(files):
    good = [files[number] for number in GOOD]
    source = image_source(good, (8, 8)).readable()
    good[0].unlink()
    with pytest.raises(ValueError, match="1 of the files cannot be read"):
        next(source.batches([torch.arange(20)], "cpu"))


def test_the_white_of_sixteen_bits_does_not_depend_on_an_unreadable_first_file(tmp_path):
    paths = [tmp_path / f"{number}.tif" for number in range(3)]
    paths[0].write_text("not an image")
    for path, level in zip(paths[1:], (500, 4000), strict=True):
        Image.fromarray(np.full((8, 8), level, np.uint16)).save(path)
    source = image_source(paths, (8, 8)).readable()
    assert source.white_level == 4095
    (batch,) = source.batches([torch.arange(2)], "cpu")
    assert batch[0].max().item() == pytest.approx(500 / 4095, abs=1 / 255)
