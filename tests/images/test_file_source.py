"""Image files as a source: paths, order, threads, unreadable files, digest."""

import os
import sys
import threading
import time

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image

from sklearn_contrastive._images import file_source
from sklearn_contrastive._images import source as image_sources
from sklearn_contrastive._images.decode import read_image
from sklearn_contrastive._images.file_source import FileSource
from sklearn_contrastive._images.read import image_source


def noise(*shape, seed=0):
    return np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


@pytest.fixture
def photos(tmp_path):
    """Twelve colour files of 8 x 9 pixels, and their pixels."""
    images = noise(12, 8, 9, 3)
    return [save(tmp_path / f"{i}.png", image) for i, image in enumerate(images)], images


def read(source, index):
    (batch,) = source.batches([torch.as_tensor(index)], "cpu")
    assert batch.dtype == torch.float32
    return batch.numpy()


# --- paths ----------------------------------------------------------------------------------------


def test_files_of_the_right_size_are_read_exactly(photos):
    paths, images = photos
    source = image_source(paths, (8, 9, 3))
    assert (len(source), source.shape, source.any_values) == (12, (3, 8, 9), False)
    expected = np.moveaxis(images, 3, 1) / np.float32(255)
    assert_array_equal(read(source, [4, 4, 0, 11]), expected[[4, 4, 0, 11]])


@pytest.mark.parametrize(
    "spell",
    [
        list,
        tuple,
        lambda paths: [str(path) for path in paths],
        lambda paths: np.array(paths, dtype=object),
        lambda paths: np.array([str(path) for path in paths]),
        lambda paths: np.array([str(path) for path in paths], dtype=np.dtypes.StringDType()),
    ],
    ids=["list", "tuple", "strings", "objects", "fixed strings", "variable strings"],
)
def test_paths_may_be_in_lists_and_arrays(photos, spell):
    paths, images = photos
    source = image_source(spell(paths), (8, 9, 3))
    assert_array_equal(read(source, [3])[0], np.moveaxis(images[3], 2, 0) / np.float32(255))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_paths_may_be_in_columns_of_data_frames(photos, library):
    paths, images = photos
    column = pytest.importorskip(library).Series([str(path) for path in paths])[::-1]
    source = image_source(column, (8, 9, 3))
    assert_array_equal(read(source, [0])[0], np.moveaxis(images[-1], 2, 0) / np.float32(255))


def test_files_are_read_in_colour_at_224_pixels_by_default(photos):
    assert image_source(photos[0]).shape == (3, 224, 224)
    assert image_source(photos[0], (32, 30)).shape == (3, 32, 30)
    assert image_source(photos[0], (32, 30, 1)).shape == (1, 32, 30)


# --- order, threads -------------------------------------------------------------------------------


def test_order_does_not_depend_on_the_threads(photos, monkeypatch):
    paths, images = photos
    delays, names = np.random.RandomState(0).uniform(0, 0.01, 12), [str(path) for path in paths]

    def slow(path, shape, white):
        time.sleep(delays[names.index(path)])
        return read_image(path, shape, white)

    monkeypatch.setattr(file_source, "read_image", slow)
    monkeypatch.setattr(file_source.joblib, "cpu_count", lambda: 8)
    source = image_source(paths, (8, 9, 3))
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    batches = list(source.batches(order.split(5), "cpu"))
    assert [len(batch) for batch in batches] == [5, 5, 2]
    expected = np.moveaxis(images, 3, 1)[order] / np.float32(255)
    assert_array_equal(torch.cat(batches), expected)


def test_decoding_runs_at_most_two_batches_ahead(photos):
    asked = []

    def indices():
        for number in range(12):
            asked.append(number)
            yield torch.tensor([number])

    batches = image_source(photos[0], (8, 9, 3)).batches(indices(), "cpu")
    next(batches)
    assert len(asked) == 3
    next(batches)
    assert len(asked) == 4
    batches.close()


def test_threads_end_with_the_batches(photos):
    before = threading.active_count()
    batches = image_source(photos[0], (8, 9, 3)).batches(torch.arange(12).split(2), "cpu")
    next(batches)
    assert threading.active_count() > before
    batches.close()
    assert threading.active_count() == before


def test_zero_batches_are_allowed(photos):
    assert list(image_source(photos[0], (8, 9, 3)).batches([], "cpu")) == []


# --- files that cannot be read --------------------------------------------------------------------


@pytest.fixture
def broken(tmp_path):
    """A readable file and one unreadable file of each kind, with its error message."""
    good = save(tmp_path / "good.png", noise(64, 64, 3))
    save(tmp_path / "truncated.jpg", noise(64, 64, 3), quality=95)
    for name, source in {"truncated.jpg": "truncated.jpg", "truncated.png": "good.png"}.items():
        data = (tmp_path / source).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("not an image")
    (tmp_path / "folder.png").mkdir()
    Image.fromarray(noise(8, 8).astype(np.float32)).save(tmp_path / "float.tiff")
    return good, {
        tmp_path / "missing.png": "No such file or directory",
        tmp_path / "empty.png": "not an image",
        tmp_path / "text.png": "not an image",
        tmp_path / "truncated.jpg": "truncated",
        tmp_path / "truncated.png": "truncated",
        tmp_path / "folder.png": "Is a directory",
        tmp_path / "float.tiff": "32 bits",
    }


@pytest.mark.parametrize("method", ["check", "moments"])
def test_one_error_names_all_unreadable_files(broken, method):
    good, bad = broken
    source = image_source([good, *bad, good], (64, 64, 3), block_size=2 * 3 * 64 * 64)
    with pytest.raises(ValueError, match="7 of the files cannot be read as images") as caught:
        getattr(source, method)()
    _, *lines = str(caught.value).split("\n")
    for line, (path, reason) in zip(lines, bad.items(), strict=True):
        assert line.startswith(f"  {path} (")
        assert reason in line
    assert str(good) not in str(caught.value)


def test_errors_name_at_most_twenty_files_and_count_the_rest(tmp_path):
    source = image_source([tmp_path / f"{i}.png" for i in range(25)], (8, 8))
    with pytest.raises(ValueError, match=r"25 of the files (.|\n)*\n  and 5 more$") as caught:
        source.check()
    assert len(str(caught.value).split("\n")) == 1 + 20 + 1


def test_a_file_removed_later_is_named_when_its_batch_is_read(photos):
    paths, _ = photos
    source = image_source(paths, (8, 9, 3))
    source.check()
    paths[7].unlink()
    assert len(read(source, [0, 1])) == 2
    with pytest.raises(ValueError, match=r"1 of the files .*\n.*7\.png \(No such file"):
        read(source, [0, 7])


def test_a_memory_error_is_raised_as_it_is(photos, monkeypatch):
    def greedy(path, shape, white):
        raise MemoryError

    monkeypatch.setattr(file_source, "read_image", greedy)
    with pytest.raises(MemoryError):
        image_source(photos[0], (8, 9, 3)).check()


def test_check_decodes_every_file_once_and_computes_the_moments(photos, monkeypatch):
    paths, images = photos
    decoded = []

    def counted(path, shape, white):
        decoded.append(path)
        return read_image(path, shape, white)

    monkeypatch.setattr(file_source, "read_image", counted)
    source = image_source(paths, (8, 9, 3), block_size=5 * 3 * 8 * 9)
    assert decoded == []
    source.check()
    mean, std = source.moments()
    assert sorted(decoded) == sorted(map(str, paths))
    assert_allclose(mean, (images / 255).mean(axis=(0, 1, 2)), rtol=1e-12)
    assert_allclose(std, (images / 255).std(axis=(0, 1, 2)), rtol=1e-12)


def test_a_single_path_and_mixtures_are_refused(photos):
    paths, _ = photos
    for path in (paths[0], str(paths[0])):
        with pytest.raises(ValueError, match="is one path; give a list of paths"):
            image_source(path)
    with pytest.raises(ValueError, match="X holds paths, but item 2 is not a path: 7"):
        image_source([*paths[:2], 7])
    with pytest.raises(ValueError, match=r"item 0 is not a path: array"):
        image_source([np.zeros((8, 8)), *paths])


def test_files_need_one_or_three_channels(photos):
    with pytest.raises(ValueError, match=r"2 channels; image files have 1 \(grey\) or 3"):
        image_source(photos[0], (8, 8, 2))
    with pytest.raises(ValueError, match=r"must be \(h, w\) or"):
        FileSource(photos[0], (8,))


def test_without_pillow_the_error_gives_the_install_command(photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r"python -m pip install pillow$"):
        image_source(photos[0])


# --- digest, devices ------------------------------------------------------------------------------


def test_the_digest_depends_on_content_order_and_shape(photos):
    paths, images = photos

    def digest(paths=paths, image_shape=(8, 9, 3)):
        return image_source(paths, image_shape).digest()

    first = digest()
    copy = paths[3].with_name("other.png")
    paths[3].rename(copy)
    assert digest([*paths[:3], copy, *paths[4:]]) == first
    copy.rename(paths[3])
    digests = [first, digest(paths[::-1]), digest(paths[:-1]), digest(image_shape=(9, 8, 3))]
    # other pixels in a file of the same size and time
    for number, ending in enumerate(("bmp", "ppm")):
        path = paths[0].with_suffix(f".{ending}")
        for image in (images[number], 255 - images[number]):
            save(path, image)
            os.utime(path, (0, 0))
            digests.append(digest([path]))
    assert len(set(digests)) == len(digests)


def test_the_digest_names_missing_files(photos, tmp_path):
    with pytest.raises(ValueError, match=r"1 of the files .*\n.*missing\.png"):
        image_source([*photos[0], tmp_path / "missing.png"]).digest()


def test_files_are_decoded_when_copied_to_the_device(photos, monkeypatch):
    paths, images = photos
    source = image_source(paths, (8, 9, 3))
    assert source.resident("cpu") is source
    monkeypatch.setattr(image_sources, "_free_memory", lambda device: 2 * images.size)
    resident = source.resident("cpu")
    assert resident.digest() == source.digest()
    for path in paths:
        path.unlink()
    assert_array_equal(read(resident, [9, 2]), np.moveaxis(images[[9, 2]], 3, 1) / np.float32(255))


def test_files_of_one_row_of_pixels_are_images_on_the_device(photos, monkeypatch):
    source = image_source(photos[0], (1, 9))
    monkeypatch.setattr(image_sources, "_free_memory", lambda device: 10**9)
    resident = source.resident("cpu")
    assert not resident.any_values
    assert_array_equal(read(resident, [9, 2]), read(source, [9, 2]))
