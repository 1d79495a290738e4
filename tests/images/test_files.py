"""Images in files: decoding, order, and every file that cannot be read named at once."""

import os
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageOps

from sklearn_contrastive._images import _arrays, _files
from sklearn_contrastive._images._files import FileSource, read_image
from sklearn_contrastive._images._source import image_source


def noise(*shape, seed=0):
    return np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)


def smooth(height, width):
    """A colour image without detail that a resize could lose."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return (255 * np.stack([y, x, (y + x) / 2], axis=-1)).astype(np.uint8)


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


@pytest.fixture
def photos(tmp_path):
    """Twelve colour files of 8 x 9 pixels, and what is in them."""
    images = noise(12, 8, 9, 3)
    return [save(tmp_path / f"{i}.png", image) for i, image in enumerate(images)], images


def read(source, index):
    (batch,) = source.batches([torch.as_tensor(index)], "cpu")
    assert batch.dtype == torch.float32
    return batch.numpy()


# --- decoding ------------------------------------------------------------------------------------


def test_files_of_the_size_wanted_are_read_to_the_pixel(photos):
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
def test_paths_come_in_lists_and_arrays(photos, spell):
    paths, images = photos
    source = image_source(spell(paths), (8, 9, 3))
    assert_array_equal(read(source, [3])[0], np.moveaxis(images[3], 2, 0) / np.float32(255))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_paths_come_in_columns_of_data_frames(photos, library):
    paths, images = photos
    column = pytest.importorskip(library).Series([str(path) for path in paths])[::-1]
    source = image_source(column, (8, 9, 3))
    assert_array_equal(read(source, [0])[0], np.moveaxis(images[-1], 2, 0) / np.float32(255))


def test_images_of_files_are_colour_of_224_pixels_unless_told_otherwise(photos):
    assert image_source(photos[0]).shape == (3, 224, 224)
    assert image_source(photos[0], (32, 30)).shape == (1, 32, 30)


@pytest.mark.parametrize("size", [(60, 20), (20, 60), (10, 10), (35, 30)])
def test_images_are_resized_to_cover_and_cropped_to_the_centre(tmp_path, size):
    image = smooth(*size)
    wanted_height, wanted_width = 12, 16
    scale = max(wanted_height / size[0], wanted_width / size[1])
    box = (round(size[1] * scale), round(size[0] * scale))
    left, top = (box[0] - wanted_width) // 2, (box[1] - wanted_height) // 2
    slow = Image.fromarray(image).resize(box, Image.Resampling.BICUBIC)
    slow = slow.crop((left, top, left + wanted_width, top + wanted_height))
    fast = read_image(save(tmp_path / "a.png", image), (3, wanted_height, wanted_width))
    # a crop of whole pixels may be half a pixel away from the exact centre
    step = np.abs(np.diff(np.asarray(slow).astype(int), axis=0)).max()
    assert np.abs(fast.astype(int) - np.asarray(slow)).max() <= step + 1


def test_shrinking_averages_instead_of_skipping(tmp_path):
    checks = np.kron(np.indices((100, 100)).sum(axis=0) % 2, np.ones((2, 2))) * 255
    image = read_image(save(tmp_path / "a.png", checks.astype(np.uint8)), (1, 20, 20))
    assert np.abs(image.astype(int) - 127).max() < 10


def test_colours_become_grey_and_grey_becomes_colours(tmp_path):
    colour, grey = save(tmp_path / "a.png", noise(8, 8, 3)), save(tmp_path / "b.png", noise(8, 8))
    luma = noise(8, 8, 3) @ [0.299, 0.587, 0.114]
    assert_allclose(read_image(colour, (1, 8, 8))[..., 0], luma, atol=1)
    assert_array_equal(read_image(grey, (3, 8, 8)), np.repeat(noise(8, 8)[..., None], 3, axis=2))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_images_are_turned_upright(tmp_path, orientation, suffix):
    upright = Image.fromarray(smooth(120, 80))
    # the transpositions of the EXIF standard, and what undoes each
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"a{suffix}", exif=exif, quality=95)
    image = read_image(tmp_path / f"a{suffix}", (3, 12, 8))
    expected = np.asarray(ImageOps.fit(upright, (8, 12), Image.Resampling.BICUBIC))
    assert_allclose(image.astype(int), expected, atol=6)


def test_large_jpegs_are_decoded_at_a_fraction_and_look_the_same(tmp_path):
    path = save(tmp_path / "a.jpg", smooth(1600, 1200), quality=95)
    with Image.open(path) as file:
        file.draft("RGB", _files._draft_size(file, 40, 30))
        assert file.size == (150, 200)
        full = Image.open(path)
    expected = np.asarray(ImageOps.fit(full, (30, 40), Image.Resampling.BICUBIC)).astype(int)
    assert_allclose(read_image(path, (3, 40, 30)), expected, atol=3)
    full.close()


def test_a_jpeg_that_lies_on_its_side_is_decoded_large_enough(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth(200, 800)).save(path, exif=exif)
    with Image.open(path) as file:
        # upright it is 800 high and 200 wide: to cover 80 x 20 at least twice, 160 x 40
        assert _files._draft_size(file, 80, 20) == (160, 40)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_what_is_transparent_is_white(tmp_path, mode):
    image = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    image.paste((0, 0, 0, 255), (0, 0, 4, 8))
    image.convert(mode).save(tmp_path / "a.png")
    expected = np.full((8, 8, 3), 255)
    expected[:, :4] = 0
    assert_array_equal(read_image(tmp_path / "a.png", (3, 8, 8)), expected)
    assert_array_equal(read_image(tmp_path / "a.png", (1, 8, 8)), expected[..., :1])


def test_half_transparent_colours_are_mixed_with_white(tmp_path):
    Image.new("RGBA", (8, 8), (255, 0, 0, 51)).save(tmp_path / "a.png")
    pixel = read_image(tmp_path / "a.png", (3, 8, 8))[0, 0]
    assert_allclose(pixel, [255, 204, 204], atol=1)


def test_sixteen_bits_become_eight(tmp_path):
    deep = np.arange(64, dtype=np.uint16).reshape(8, 8) * 1040
    image = read_image(save(tmp_path / "a.png", deep), (1, 8, 8))
    assert_array_equal(image[..., 0], deep // 257)


@pytest.mark.parametrize(("mode", "suffix"), [("1", ".png"), ("P", ".gif"), ("CMYK", ".jpg")])
def test_other_modes_are_converted(tmp_path, mode, suffix):
    halves = Image.new("RGB", (16, 16), "white")
    halves.paste((0, 0, 0), (0, 0, 16, 8))
    halves.convert(mode).save(tmp_path / f"a{suffix}")
    image = read_image(tmp_path / f"a{suffix}", (3, 16, 16)).astype(int)
    assert_allclose(image[:8], 0, atol=3)
    assert_allclose(image[8:], 255, atol=3)


# --- order, threads ------------------------------------------------------------------------------


def test_order_is_kept_whichever_thread_is_ready_first(photos, monkeypatch):
    paths, images = photos
    delays, names = np.random.RandomState(0).uniform(0, 0.01, 12), [str(path) for path in paths]

    def slow(path, shape):
        time.sleep(delays[names.index(path)])
        return read_image(path, shape)

    monkeypatch.setattr(_files, "read_image", slow)
    monkeypatch.setattr(_files.joblib, "cpu_count", lambda: 8)
    source = image_source(paths, (8, 9, 3))
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    batches = list(source.batches(order.split(5), "cpu"))
    assert [len(batch) for batch in batches] == [5, 5, 2]
    expected = np.moveaxis(images, 3, 1)[order] / np.float32(255)
    assert_array_equal(torch.cat(batches), expected)


def test_decoding_runs_a_few_batches_ahead_and_no_more(photos):
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


def test_no_batches_are_no_error(photos):
    assert list(image_source(photos[0], (8, 9, 3)).batches([], "cpu")) == []


# --- files that cannot be read -------------------------------------------------------------------


@pytest.fixture
def broken(tmp_path):
    """One good file and one of each kind that cannot be read, with what is said of it."""
    good = save(tmp_path / "good.png", noise(64, 64, 3))
    save(tmp_path / "truncated.jpg", noise(64, 64, 3), quality=95)
    for name, source in {"truncated.jpg": "truncated.jpg", "truncated.png": "good.png"}.items():
        data = (tmp_path / source).read_bytes()
        (tmp_path / name).write_bytes(data[: len(data) // 2])
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "folder.png").mkdir()
    Image.fromarray(noise(8, 8).astype(np.float32)).save(tmp_path / "float.tiff")
    return good, {
        tmp_path / "missing.png": "No such file or directory",
        tmp_path / "empty.png": "no image",
        tmp_path / "text.png": "no image",
        tmp_path / "truncated.jpg": "truncated",
        tmp_path / "truncated.png": "truncated",
        tmp_path / "folder.png": "Is a directory",
        tmp_path / "float.tiff": "32 bits",
    }


@pytest.mark.parametrize("method", ["check", "moments"])
def test_all_files_that_cannot_be_read_are_named_in_one_error(broken, method, monkeypatch):
    good, bad = broken
    monkeypatch.setattr(_arrays, "_BLOCK_SIZE", 2 * 3 * 64 * 64)
    source = image_source([good, *bad, good], (64, 64, 3))
    with pytest.raises(ValueError, match="7 of the files cannot be read as images") as caught:
        getattr(source, method)()
    _, *lines = str(caught.value).split("\n")
    for line, (path, reason) in zip(lines, bad.items(), strict=True):
        assert line.startswith(f"  {path} (")
        assert reason in line
    assert str(good) not in str(caught.value)


def test_at_most_twenty_files_are_named_and_the_rest_counted(tmp_path):
    source = image_source([tmp_path / f"{i}.png" for i in range(25)], (8, 8))
    with pytest.raises(ValueError, match=r"25 of the files (.|\n)*\n  and 5 more$") as caught:
        source.check()
    assert len(str(caught.value).split("\n")) == 1 + 20 + 1


def test_a_file_that_vanishes_later_is_named_when_its_batch_comes(photos):
    paths, _ = photos
    source = image_source(paths, (8, 9, 3))
    source.check()
    paths[7].unlink()
    assert len(read(source, [0, 1])) == 2
    with pytest.raises(ValueError, match=r"1 of the files .*\n.*7\.png \(No such file"):
        read(source, [0, 7])


def test_running_out_of_memory_is_no_fault_of_the_file(photos, monkeypatch):
    def greedy(path, shape):
        raise MemoryError

    monkeypatch.setattr(_files, "read_image", greedy)
    with pytest.raises(MemoryError):
        image_source(photos[0], (8, 9, 3)).check()


def test_the_check_decodes_every_file_once_and_has_the_moments(photos, monkeypatch):
    paths, images = photos
    decoded = []

    def counted(path, shape):
        decoded.append(path)
        return read_image(path, shape)

    monkeypatch.setattr(_files, "read_image", counted)
    monkeypatch.setattr(_arrays, "_BLOCK_SIZE", 5 * 3 * 8 * 9)
    source = image_source(paths, (8, 9, 3))
    assert decoded == []
    source.check()
    mean, std = source.moments()
    assert sorted(decoded) == sorted(map(str, paths))
    assert_allclose(mean, (images / 255).mean(axis=(0, 1, 2)), rtol=1e-12)
    assert_allclose(std, (images / 255).std(axis=(0, 1, 2)), rtol=1e-12)


def test_one_path_and_mixtures_are_refused(photos):
    paths, _ = photos
    for path in (paths[0], str(paths[0])):
        with pytest.raises(ValueError, match="is one path; give a list of paths"):
            image_source(path)
    with pytest.raises(ValueError, match="X holds paths, but item 2 is none: 7"):
        image_source([*paths[:2], 7])
    with pytest.raises(ValueError, match=r"item 0 is none: array"):
        image_source([np.zeros((8, 8)), *paths])


def test_files_have_one_or_three_channels(photos):
    with pytest.raises(ValueError, match="2 channels; images of files have 1, grey, or 3"):
        image_source(photos[0], (8, 8, 2))
    with pytest.raises(ValueError, match=r"must be \(h, w\) or"):
        FileSource(photos[0], (8,))


def test_what_to_install_is_said_where_pillow_is_missing(photos, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match=r'pip install "sklearn-contrastive\[deep\]"$'):
        image_source(photos[0])


# --- digest, devices -----------------------------------------------------------------------------


def test_the_digest_depends_on_names_sizes_times_order_and_shape(photos):
    paths, _ = photos

    def digest(paths=paths, image_shape=(8, 9, 3)):
        return image_source(paths, image_shape).digest()

    first = digest()
    assert digest() == first
    digests = [first, digest(paths[::-1]), digest(paths[:-1]), digest(image_shape=(9, 8, 3))]
    status = os.stat(paths[3])
    os.utime(paths[3], ns=(status.st_atime_ns, status.st_mtime_ns + 1000))
    digests.append(digest())
    with Path(paths[3]).open("ab") as file:
        file.write(b" ")
    os.utime(paths[3], ns=(status.st_atime_ns, status.st_mtime_ns))
    digests.append(digest())
    copy = paths[3].with_name("other.png")
    paths[3].rename(copy)
    digests.append(digest([*paths[:3], copy, *paths[4:]]))
    assert len(set(digests)) == len(digests)


def test_missing_files_are_named_before_they_are_hashed(photos, tmp_path):
    with pytest.raises(ValueError, match=r"1 of the files .*\n.*missing\.png"):
        image_source([*photos[0], tmp_path / "missing.png"]).digest()


def test_files_become_resident_decoded(photos, monkeypatch):
    paths, images = photos
    source = image_source(paths, (8, 9, 3))
    assert source.resident("cpu") is source
    monkeypatch.setattr(_arrays, "_free_memory", lambda device: 2 * images.size)
    resident = source.resident("cpu")
    assert resident.digest() == source.digest()
    for path in paths:
        path.unlink()
    assert_array_equal(read(resident, [9, 2]), np.moveaxis(images[[9, 2]], 3, 1) / np.float32(255))


def test_files_of_one_row_of_pixels_are_images_when_resident_too(photos, monkeypatch):
    source = image_source(photos[0], (1, 9))
    monkeypatch.setattr(_arrays, "_free_memory", lambda device: 10**9)
    resident = source.resident("cpu")
    assert not resident.any_values
    assert_array_equal(read(resident, [9, 2]), read(source, [9, 2]))
