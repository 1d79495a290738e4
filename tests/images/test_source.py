"""Image sources of arrays, tensors and memory maps: batches, digest, copies on a device."""

import numpy as np
import pytest
import torch
from helpers.stored_images import read, read_all, scaled, stored_images
from helpers.strategies import SEEDS
from hypothesis import given
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive._images import source as image_sources
from sklearn_contrastive._images.read import image_source

GREY = np.random.RandomState(0).randint(0, 256, (7, 9, 8)).astype(np.uint8)


# --- batches --------------------------------------------------------------------------------------


@given(problem=stored_images(), seed=SEEDS)
def test_batches_hold_the_images_of_the_indices_in_their_order(problem, seed):
    images, stored, image_shape = problem
    source = image_source(stored, image_shape)
    rng = np.random.RandomState(seed)
    indices = [rng.randint(0, len(images), size) for size in (5, 1, 3)]
    batches = list(source.batches((torch.from_numpy(index) for index in indices), "cpu"))
    assert (len(source), source.n_samples, source.shape) == (
        len(images),
        len(images),
        images.shape[1:],
    )
    for index, batch in zip(indices, batches, strict=True):
        assert batch.dtype == torch.float32
        assert_allclose(batch.numpy(), scaled(images)[index], rtol=1e-7)


@given(problem=stored_images())
def test_tensors_are_read_like_arrays(problem):
    _, stored, image_shape = problem
    source = image_source(stored, image_shape)
    native = np.ascontiguousarray(stored)
    if native.dtype.itemsize > 8 or not native.dtype.isnative:
        native = native.astype(np.float64 if native.dtype.itemsize > 8 else np.float32)
    twin = image_source(torch.from_numpy(native.copy()), image_shape)
    assert_array_equal(read_all(source), read_all(twin))
    assert source.digest() == twin.digest()
    assert_array_equal(source.moments(), twin.moments())


def test_uint8_is_divided_by_255_exactly_in_float32():
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    expected = np.arange(256, dtype=np.float32).reshape(1, 1, 16, 16) / np.float32(255)
    assert_array_equal(read_all(image_source(values)), expected)


def test_black_images_with_rounding_are_not_divided_by_it():
    images = np.random.default_rng(0).integers(0, 256, (3, 8, 8)) * np.float32(1e-45)
    assert image_source(images).moments().std == 1
    rows = images.reshape(3, -1)[:, :10].astype(float)  # features, which may have any scale
    assert 0 < image_source(rows).moments().std < 1e-40


def test_batches_of_tensors_that_require_gradients_do_not_require_them():
    images = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (batch,) = image_source(images).batches([torch.tensor([2, 0])], "cpu")
    assert not batch.requires_grad
    assert torch.equal(batch[:, 0], images.detach()[[2, 0]])


def test_half_precision_tensors_are_read_as_float32():
    images = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    assert_array_equal(read_all(image_source(images))[:, 0], images.float().numpy())


@pytest.mark.parametrize("make", [np.array, torch.tensor], ids=["array", "tensor"])
def test_changing_a_batch_does_not_change_the_data(make):
    images = make(np.full((2, 8, 8), 0.5, dtype=np.float32))
    (batch,) = image_source(images).batches([torch.arange(2)], "cpu")
    batch.zero_()
    assert (images == 0.5).all()


def test_arrays_are_not_copied():
    images = np.zeros((4, 8, 8), dtype=np.uint8)
    source = image_source(images)
    images[:] = 255
    assert_array_equal(read_all(source), np.ones((4, 1, 8, 8)))


def test_batches_keep_the_memory_format_of_the_storage():
    last = image_source(np.zeros((2, 8, 9, 3), dtype=np.uint8))
    (batch,) = last.batches([torch.arange(2)], "cpu")
    assert batch.is_contiguous(memory_format=torch.channels_last)
    first = image_source(np.zeros((2, 3, 8, 9), dtype=np.uint8))
    (batch,) = first.batches([torch.arange(2)], "cpu")
    assert batch.is_contiguous()


def test_lists_are_read_as_arrays():
    expected = read_all(image_source(GREY))
    assert_array_equal(read_all(image_source(list(GREY))), expected)
    assert_array_equal(read_all(image_source(list(torch.from_numpy(GREY)))), expected)
    assert_array_equal(read_all(image_source((GREY / 255).tolist())), expected)


# --- memory maps ----------------------------------------------------------------------------------


class WatchedMap(np.memmap):
    """A memory map that records the number and order of the rows of each read."""

    reads: list

    def __getitem__(self, key):
        if isinstance(key, np.ndarray):
            self.reads.append(key)
        elif key is Ellipsis or isinstance(key, slice):
            raise AssertionError(f"read by {key!r}")
        # np.memmap itself, unlike its subclasses, returns plain arrays
        return super().__getitem__(key).view(np.ndarray)

    def __array__(self, *args, **kwargs):
        raise AssertionError("read as a whole")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_memory_maps_are_read_only_in_blocks(tmp_path, dtype):
    images = np.random.RandomState(0).randint(0, 2, (101, 8, 8)).astype(dtype)
    images.tofile(tmp_path / "images")
    watched = WatchedMap(tmp_path / "images", dtype=dtype, mode="r", shape=images.shape)
    watched.reads = []
    source, plain = image_source(watched, block_size=10 * 64), image_source(images)
    assert_allclose(source.moments().mean, plain.moments().mean, rtol=1e-14)
    assert source.digest() == plain.digest()
    index = np.random.RandomState(1).randint(0, 101, 9)
    assert_array_equal(read(source, index), read(plain, index))
    assert max(len(read) for read in watched.reads) <= 10
    # moments and digest, and one more pass to validate floats
    passes = 2 if dtype == np.uint8 else 3
    assert sum(len(read) for read in watched.reads) == passes * 101 + len(np.unique(index))
    for one_read in watched.reads:
        assert_array_equal(one_read, np.sort(one_read))


# --- digest ---------------------------------------------------------------------------------------


@given(problem=stored_images())
def test_the_digest_does_not_depend_on_the_layout(problem):
    images, stored, image_shape = problem
    c, h, w = images.shape[1:]
    flat = np.moveaxis(images, 1, 3).reshape(len(images), -1)
    assert image_source(stored, image_shape).digest() == image_source(flat, (h, w, c)).digest()


def test_the_digest_depends_on_every_pixel_the_dtype_and_the_shape():
    X = GREY[:, :8]
    others = [
        X.astype(np.float64) / 255,
        X.astype(np.float32) / 255,
        X[::-1],
        X[:-1],
        X[:, ::-1],
        X.reshape(7, 4, 16),
        X.reshape(7, 16, 4, 1),
    ]
    for place in [0, 100, X.size - 1]:
        changed = X.copy()
        changed.flat[place] ^= 1
        others.append(changed)
    digests = {image_source(array).digest() for array in [X, *others]}
    assert len(digests) == 1 + len(others)
    assert image_source(X.copy()).digest() == image_source(X).digest()


def test_the_digest_does_not_depend_on_the_blocks():
    assert image_source(GREY, block_size=100).digest() == image_source(GREY).digest()


# --- devices --------------------------------------------------------------------------------------


def test_resident_on_a_cpu_returns_the_source_itself():
    source = image_source(GREY)
    assert source.resident("cpu") is source
    assert source.resident(torch.device("cpu")) is source


@given(problem=stored_images())
def test_images_that_fit_are_copied_to_the_device_unchanged(problem):
    # without a GPU, this tests the copy block by block
    _, stored, image_shape = problem
    source = image_source(stored, image_shape, block_size=100)
    small = source._dtype.itemsize if source._dtype.itemsize <= 4 else 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(image_sources, "_free_memory", lambda device: 2 * stored.size * small - 1)
        assert source.resident("cpu") is source
        patch.setattr(image_sources, "_free_memory", lambda device: 2 * stored.size * small)
        resident = source.resident("cpu")
    assert resident is not source
    assert resident.resident("cpu") is resident
    assert (len(resident), resident.shape) == (len(source), source.shape)
    assert resident.any_values == source.any_values
    assert resident._dtype.itemsize == small
    assert_array_equal(read_all(resident), read_all(source))
    assert resident.digest() == source.digest()
    assert_array_equal(resident.moments(), source.moments())


def test_tensors_on_the_device_are_not_copied(monkeypatch):
    monkeypatch.setattr(image_sources, "_free_memory", lambda device: 10**9)
    source = image_source(torch.from_numpy(GREY))
    assert source.resident("cpu") is source


def test_rows_of_integers_are_copied_to_the_device_with_their_values(monkeypatch):
    monkeypatch.setattr(image_sources, "_free_memory", lambda device: 10**9)
    for dtype in (np.uint8, np.int64):
        resident = image_source(np.array([[7, 200]], dtype)).resident("cpu")
        assert resident.any_values
        assert_array_equal(read_all(resident)[0, 0, 0], [7, 200])
