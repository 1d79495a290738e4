"""Reading and drawing of images for plots."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from sklearn_contrastive.plotting import _pictures
from sklearn_contrastive.plotting._pictures import draw_rows, image_batch, pictures

GREY = np.random.default_rng(0).random((5, 6, 9))
COLOUR = np.random.default_rng(0).integers(0, 256, (5, 6, 9, 3), dtype=np.uint8)


def test_images_of_every_layout_are_read_pixel_by_pixel():
    expected = COLOUR[[3, 1]] / 255
    for X, shape in [
        (COLOUR, None),
        (COLOUR.transpose(0, 3, 1, 2), None),
        (COLOUR.reshape(5, -1).astype(float) / 255, (6, 9, 3)),
        (list(COLOUR), None),
    ]:
        assert_allclose(pictures(image_batch(X, shape, [3, 1], "Plot")), expected, atol=1e-6)
    assert_allclose(pictures(image_batch(GREY, None, [4], "Plot"))[..., 0], GREY[[4]], atol=1e-6)


def test_files_are_read(tmp_path):
    paths = [tmp_path / f"{i}.png" for i in range(2)]
    for path, image in zip(paths, COLOUR, strict=False):
        Image.fromarray(image).save(path)
    read = pictures(image_batch(paths, (6, 9), [1], "Plot"))
    assert_array_equal(np.rint(read * 255), COLOUR[[1]])


def test_rows_of_features_and_other_channels_are_refused():
    with pytest.raises(ValueError, match="Plot shows images, but X has rows of 9 features"):
        image_batch(GREY[0], None, [0], "Plot")
    with pytest.raises(ValueError, match="1 or 3 channels, but X has 2"):
        image_batch(GREY[..., :8].reshape(5, -1), (6, 4, 2), [0], "Plot")


def test_without_pytorch_the_error_says_what_is_missing(monkeypatch):
    monkeypatch.setattr(_pictures, "pytorch_is_installed", lambda: False)
    with pytest.raises(ImportError, match="Plot needs PyTorch"):
        image_batch(GREY, None, [0], "Plot")


def test_drawn_images_do_not_overlap_and_stay_within_the_axes():
    ax = plt.figure().add_subplot()
    rows = [list(COLOUR[:3] / 255), list(COLOUR[2:5] / 255)]
    drawn = draw_rows(ax, rows, header=("image", "views"), titles=[["a", "b", "c"]] * 2)
    assert [len(row) for row in drawn] == [3, 3]
    extents = np.array([image.get_extent() for row in drawn for image in row])
    left, right, bottom, top = extents.T
    for i in range(6):
        apart = (right <= left[i]) | (left >= right[i]) | (bottom <= top[i]) | (top >= bottom[i])
        assert apart.sum() == 5
    assert ax.get_xlim()[0] < left.min()
    assert ax.get_xlim()[1] > right.max()
    assert ax.get_ylim()[0] > bottom.max()
    assert ax.get_ylim()[1] < top.min()
    # pixels are square
    assert_allclose((right - left) / (bottom - top), 9 / 6)


def test_frames_and_texts_have_the_colours_of_the_style():
    with plt.style.context("dark_background"):
        ax = plt.figure().add_subplot()
        draw_rows(ax, [[GREY[0][..., None]]], header=("image", ""))
        assert ax.texts[0].get_color() == "white"
        assert ax.patches[0].get_edgecolor() == (1, 1, 1, 1)
