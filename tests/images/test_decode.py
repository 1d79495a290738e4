"""Decoding of image files: resizing, orientation, colour modes, transparency."""

import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image, ImageOps

from sklearn_contrastive._images import decode
from sklearn_contrastive._images.decode import largest_level, read_image


def noise(*shape, seed=0):
    return np.random.RandomState(seed).randint(0, 256, shape).astype(np.uint8)


def smooth(height, width):
    """A smooth colour image that a resize does not change."""
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    return (255 * np.stack([y, x, (y + x) / 2], axis=-1)).astype(np.uint8)


def save(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path


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


def test_shrinking_is_antialiased(tmp_path):
    checks = np.kron(np.indices((100, 100)).sum(axis=0) % 2, np.ones((2, 2))) * 255
    image = read_image(save(tmp_path / "a.png", checks.astype(np.uint8)), (1, 20, 20))
    assert np.abs(image.astype(int) - 127).max() < 10


def test_colours_are_converted_to_grey_and_grey_to_colours(tmp_path):
    colour, grey = save(tmp_path / "a.png", noise(8, 8, 3)), save(tmp_path / "b.png", noise(8, 8))
    luma = noise(8, 8, 3) @ [0.299, 0.587, 0.114]
    assert_allclose(read_image(colour, (1, 8, 8))[..., 0], luma, atol=1)
    assert_array_equal(read_image(grey, (3, 8, 8)), np.repeat(noise(8, 8)[..., None], 3, axis=2))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_images_are_rotated_upright(tmp_path, orientation, suffix):
    upright = Image.fromarray(smooth(120, 80))
    # the transpositions of the EXIF standard and their inverses
    undo = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}
    stored = upright.transpose(undo[orientation]) if orientation > 1 else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"a{suffix}", exif=exif, quality=95)
    image = read_image(tmp_path / f"a{suffix}", (3, 12, 8))
    expected = np.asarray(ImageOps.fit(upright, (8, 12), Image.Resampling.BICUBIC))
    assert_allclose(image.astype(int), expected, atol=6)


def test_large_jpegs_decoded_at_reduced_size_look_the_same(tmp_path):
    path = save(tmp_path / "a.jpg", smooth(1600, 1200), quality=95)
    with Image.open(path) as file:
        file.draft("RGB", decode._draft_size(file, 40, 30))
        assert file.size == (150, 200)
        full = Image.open(path)
    expected = np.asarray(ImageOps.fit(full, (30, 40), Image.Resampling.BICUBIC)).astype(int)
    assert_allclose(read_image(path, (3, 40, 30)), expected, atol=3)
    full.close()


def test_a_rotated_jpeg_is_decoded_large_enough(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6
    path = tmp_path / "a.jpg"
    Image.fromarray(smooth(200, 800)).save(path, exif=exif)
    with Image.open(path) as file:
        # upright it is 800 high and 200 wide: to cover 80 x 20 at least twice, 160 x 40
        assert decode._draft_size(file, 80, 20) == (160, 40)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "P"])
def test_transparent_parts_become_white(tmp_path, mode):
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


def test_twelve_bits_in_files_of_sixteen_keep_their_levels(tmp_path):
    deep = np.arange(4096, dtype=np.uint16).reshape(64, 64)
    for ending in ("tif", "png"):
        image = read_image(save(tmp_path / f"a.{ending}", deep), (1, 64, 64))
        assert_array_equal(image[..., 0], np.round(deep * (255 / 4095)))
        assert largest_level(tmp_path / f"a.{ending}") == 4095
    assert read_image(tmp_path / "a.png", (1, 64, 64), white=65535).max() == 15


def test_sixteen_bits_of_pgm_are_read_as_those_of_png(tmp_path):
    deep = np.linspace(0, 65535, 2400).reshape(40, 60).astype(np.uint16)
    (tmp_path / "a.pgm").write_bytes(b"P5\n60 40\n65535\n" + deep.astype(">u2").tobytes())
    expected = read_image(save(tmp_path / "a.png", deep), (1, 40, 60))
    assert_array_equal(read_image(tmp_path / "a.pgm", (1, 40, 60)), expected)


def ifd(*entries, data=b""):
    """EXIF data of these entries of 12 bytes."""
    start = b"Exif\0\0II*\0\x08\0\0\0" + bytes([len(entries), 0])
    return start + b"".join(entries) + b"\0\0\0\0" + data


ROTATED = b"\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"
METADATA = {
    "garbage": (b"Exif\0\0" + b"\x12\x34" * 30, False),
    "an empty directory": (b"Exif\0\0II*\0\xff\xff\xff\xff", False),
    "an orientation of text": (ifd(b"\x12\x01\x02\0\x02\0\0\x00" + b"6\0\0\0"), None),
    "an orientation of 99": (ifd(ROTATED[:8] + b"\x63\0\0\0"), False),
    "an invalid fraction": (
        ifd(ROTATED, b"\x1a\x01\x0a\0\x01\0\0\0\x26\0\0\0", data=b"\xff" * 4 + bytes(4)),
        True,
    ),
}


@pytest.mark.parametrize("ending", ["png", "jpg", "webp"])
@pytest.mark.parametrize("name", METADATA)
@pytest.mark.filterwarnings("ignore::UserWarning:PIL")
def test_invalid_metadata_are_ignored(tmp_path, name, ending):
    exif, rotated = METADATA[name]
    image = Image.new("RGB", (40, 40), "black")
    image.paste((255, 255, 255), (0, 0, 40, 20))
    image.save(tmp_path / f"a.{ending}", exif=exif)
    read = read_image(tmp_path / f"a.{ending}", (1, 8, 8)).astype(int)
    white = {True: [read[:, 5:]], False: [read[:3]], None: [read[:3], read[:, 5:]]}[rotated]
    assert max(part.min() for part in white) > 245


def test_images_of_too_many_pixels_are_refused_as_pillow_allows(tmp_path, monkeypatch):
    path = save(tmp_path / "a.png", noise(20, 30))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 600)
    assert read_image(path, (1, 8, 8)).shape == (8, 8, 1)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 599)
    with (
        pytest.warns(Image.DecompressionBombWarning),
        pytest.raises(ValueError, match=r"600 pixels, more than .*MAX_IMAGE_PIXELS = 599"),
    ):
        read_image(path, (1, 8, 8))


def test_threads_together_decode_no_more_pixels_than_one_image_may_have(monkeypatch):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100)
    budget, inside, largest = decode._PixelBudget(), [], []

    def take(n_pixels):
        with budget.taken(n_pixels):
            inside.append(n_pixels)
            largest.append(sum(inside))
            time.sleep(0.002)
            inside.remove(n_pixels)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(take, [60, 30, 10, 90] * 8))
    assert 60 < max(largest) <= 100


def test_fifos_are_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "a.png")
    for path in (tmp_path / "a.png", "/dev/zero"):
        with pytest.raises(OSError, match="a FIFO, socket or device, not a file"):
            read_image(path, (1, 8, 8))


@pytest.mark.parametrize(("mode", "suffix"), [("1", ".png"), ("P", ".gif"), ("CMYK", ".jpg")])
def test_other_modes_are_converted(tmp_path, mode, suffix):
    halves = Image.new("RGB", (16, 16), "white")
    halves.paste((0, 0, 0), (0, 0, 16, 8))
    halves.convert(mode).save(tmp_path / f"a{suffix}")
    image = read_image(tmp_path / f"a{suffix}", (3, 16, 16)).astype(int)
    assert_allclose(image[:8], 0, atol=3)
    assert_allclose(image[8:], 255, atol=3)
