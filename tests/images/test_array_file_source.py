"""Arrays in files as a source of images: NumPy's format and TIFF, any number of channels."""

import os
import re
import sys

import numpy as np
import pytest
import torch
from helpers.stored_images import read_all, scaled, stored_images
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from sklearn_contrastive._images.array_file_source import ArrayFileSource
from sklearn_contrastive._images.file_source import FileSource
from sklearn_contrastive._images.read import image_source
from sklearn_contrastive.deep import SimCLREmbedder

SHAPE = (8, 9, 5)


def arrays(n=12, shape=SHAPE, dtype=np.uint8, largest=256):
    return np.random.default_rng(0).integers(0, largest, (n, *shape)).astype(dtype)


def save(folder, images, ending="npy"):
    """Write each image to a file, and return the paths."""
    paths = [folder / f"{number}.{ending}" for number in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        if ending == "npy":
            np.save(path, image)
        else:
            pytest.importorskip("tifffile").imwrite(path, image, photometric="minisblack")
    return paths


def channels_first(images):
    return np.moveaxis(images, 3, 1)


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", ["npy", "tif", "TIFF"])
@pytest.mark.parametrize("first", [False, True], ids=["channels last", "channels first"])
def test_five_channels_are_read_exactly(tmp_path, ending, first):
    images = arrays()
    paths = save(tmp_path, channels_first(images) if first else images, ending)
    source = image_source(paths, SHAPE)
    assert (len(source), source.shape, source.any_values) == (12, (5, 8, 9), False)
    assert_array_equal(read_all(source), channels_first(images) / np.float32(255))


@given(stored=stored_images())
def test_files_of_arrays_are_read_as_their_array(tmp_path_factory, stored):
    images, array, image_shape = stored
    paths = save(tmp_path_factory.mktemp("arrays"), array)
    source = image_source(paths, image_shape)
    assert isinstance(source, ArrayFileSource)
    assert_allclose(read_all(source), scaled(images), rtol=0, atol=1e-6)


def test_bytes_stay_bytes_until_they_are_on_the_device(tmp_path):
    source = image_source(save(tmp_path, arrays()), SHAPE)
    assert next(source._stored([torch.arange(2)])).dtype == torch.uint8


def test_white_of_sixteen_bits_is_that_of_all_files(tmp_path):
    images = arrays(dtype=np.uint16, largest=900)
    images[7, 0, 0, 0] = 4000
    paths = save(tmp_path, images)
    source = image_source(paths, SHAPE)
    assert source.white_level == 4095
    assert_allclose(read_all(source), channels_first(images) / 4095, rtol=1e-6)
    # transform uses that of fit, and what is brighter is white
    assert read_all(image_source(paths, SHAPE, white=1000)).max() == 1


def test_pictures_are_still_read_by_pillow(tmp_path):
    paths = [tmp_path / f"{number}.tif" for number in range(2)]
    for path in paths:
        Image.fromarray(arrays(1, (8, 9, 3))[0]).save(path)
    for image_shape in (None, (8, 9), (8, 9, 1), (8, 9, 3)):
        assert isinstance(image_source(paths, image_shape), FileSource)


def test_colour_and_grey_arrays_need_no_image_shape(tmp_path):
    for number, shape in enumerate([(8, 9, 3), (8, 9)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        source = image_source(save(folder, arrays(3, shape)))
        assert source.shape == (len(shape) if len(shape) == 3 else 1, 8, 9)


def test_the_digest_depends_on_the_content(tmp_path):
    images = arrays()
    paths = save(tmp_path, images)
    digests = {image_source(paths, SHAPE).digest(), image_source(paths[::-1], SHAPE).digest()}
    np.save(paths[3], 255 - images[3])
    digests.add(image_source(paths, SHAPE).digest())
    assert len(digests) == 3


# --- files that cannot be read --------------------------------------------------------------------


def test_one_error_names_all_files_that_are_not_like_the_first(tmp_path):
    paths = save(tmp_path, arrays())
    np.save(paths[1], arrays(1, (8, 9, 4))[0])
    np.save(paths[2], arrays(1, dtype=np.float32)[0])
    paths[3].write_bytes(paths[0].read_bytes()[:-1])
    paths[4].write_bytes(b"something else")
    np.save(paths[5], np.array([{"a": 1}], dtype=object))
    paths[6].unlink()
    paths[7].unlink()
    os.mkfifo(paths[7])
    paths[8] = tmp_path / "picture.png"
    Image.fromarray(arrays(1, (8, 9, 3))[0]).save(paths[8])
    reasons = {
        1: r"shape \(8, 9, 4\) of uint8, and the first file shape \(8, 9, 5\) of uint8",
        2: "of float32, and the first file",
        3: "greater than file size",
        4: "magic string",
        5: "Python objects",
        6: "No such file",
        7: "not a file",
        8: "neither .npy nor TIFF",
    }
    source = image_source(paths, SHAPE)
    with pytest.raises(ValueError, match="8 of the files cannot be read") as caught:
        source.check()
    _, *lines = str(caught.value).split("\n")
    for line, (number, reason) in zip(lines, reasons.items(), strict=True):
        assert line.startswith(f"  {paths[number]} (")
        assert re.search(reason, line)


@pytest.mark.parametrize("value", [np.nan, np.inf, -0.1, 1.1])
def test_floats_outside_zero_and_one_are_named(tmp_path, value):
    images = arrays(dtype=np.float32) / np.float32(255)
    images[4, 0, 0, 0] = value
    paths = save(tmp_path, images)
    with pytest.raises(ValueError, match=r"1 of the files .*\n.*4\.npy \((X holds|Input X)"):
        image_source(paths, SHAPE).check()


def test_headers_that_threads_parse_at_once_are_read_again(tmp_path, monkeypatch):
    opened, calls = np.lib.format.open_memmap, []

    def open_memmap(path, **settings):
        calls.append(path)
        if calls.count(path) % 3:
            raise SystemError("AST constructor recursion depth mismatch (before=42, after=39)")
        return opened(path, **settings)

    monkeypatch.setattr(np.lib.format, "open_memmap", open_memmap)
    images = arrays()
    source = image_source(save(tmp_path, images), SHAPE)
    assert_array_equal(read_all(source), channels_first(images) / np.float32(255))


@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.complex64])
def test_types_without_a_white_are_refused(tmp_path, dtype):
    paths = save(tmp_path, arrays(2, dtype=dtype, largest=9))
    with pytest.raises(ValueError, match=r"0\.npy, as an X of one image: (X holds|Complex)"):
        image_source(paths, SHAPE)


@pytest.mark.parametrize("image_shape", [None, (8, 9), (8, 9, 4)])
def test_another_image_shape_is_refused(tmp_path, image_shape):
    paths = save(tmp_path, arrays(2))
    with pytest.raises(ValueError, match=r"0\.npy, as an X of one image: X has shape \(1, 8, 9, 5"):
        image_source(paths, image_shape)


def test_when_no_file_can_be_read_the_first_is_named(tmp_path):
    paths = [tmp_path / "a.npy", tmp_path / "b.npy"]
    with pytest.raises(ValueError, match=r"None of the 2 files can be read: .*a\.npy \(No such"):
        image_source(paths, SHAPE)


def test_without_tifffile_the_error_gives_the_install_command(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "tifffile", None)
    (tmp_path / "0.tif").write_bytes(b"II")
    with pytest.raises(ImportError, match=r"python -m pip install tifffile$"):
        image_source([tmp_path / "0.tif"], SHAPE)


# --- training -------------------------------------------------------------------------------------


def test_a_list_of_files_trains_like_its_array(tmp_path):
    images = arrays(20)
    paths, folder = save(tmp_path, images), tmp_path / "checkpoints"
    settings = {"max_epochs": 1, "batch_size": 10, "random_state": 0, "device": "cpu"}
    model = SimCLREmbedder("resnet_narrow", image_shape=SHAPE, **settings)
    expected = model.fit(images).transform(images)
    model.set_params(checkpoint_dir=folder).fit(paths)
    assert (model.image_shape_, list(folder.iterdir())) == (SHAPE, [])
    assert_array_equal(model.transform(paths), expected)
    paths[3].write_bytes(b"something else")
    model.set_params(on_unreadable="skip", checkpoint_dir=None)
    with pytest.warns(UserWarning, match="1 of the 20 files"):
        rows = model.transform(paths)
    assert np.isnan(rows[3]).all()
    assert_array_equal(np.delete(rows, 3, axis=0), np.delete(expected, 3, axis=0))
