"""Images in arrays, tensors and memory maps: how they are read, and what is refused."""

import numpy as np
import pytest
import scipy.sparse
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive._images import _arrays
from sklearn_contrastive._images._arrays import channel_moments
from sklearn_contrastive._images._layout import image_layout, image_size
from sklearn_contrastive._images._source import image_source

GREY = np.random.RandomState(0).randint(0, 256, (7, 9, 8)).astype(np.uint8)


def read(source, index, device="cpu"):
    """One batch as a NumPy array."""
    (batch,) = source.batches([torch.as_tensor(index)], device)
    assert batch.dtype == torch.float32
    return batch.numpy()


def read_all(source):
    return read(source, np.arange(len(source)))


@st.composite
def stored_images(draw):
    """Images (n, c, h, w), an array that stores them, and the image_shape to say."""
    c, h, w = draw(st.sampled_from([1, 2, 3, 5])), draw(st.integers(2, 9)), draw(st.integers(2, 9))
    n, rng = draw(st.integers(1, 12)), np.random.RandomState(draw(SEEDS))
    dtype = draw(st.sampled_from(["uint8", "bool", "float16", "float32", "float64", ">f4", "g"]))
    images = rng.randint(0, 256, (n, c, h, w))
    images = images.astype(dtype) if dtype == "uint8" else (images / 255).round(2).astype(dtype)
    last = np.moveaxis(images, 1, 3)
    ways = [images, last, last.reshape(n, -1)] + ([images[:, 0]] if c == 1 else [])
    stored = draw(st.sampled_from(ways))
    strides = draw(st.sampled_from(["C", "F", "reversed", "every second"]))
    if strides == "reversed":
        stored = np.ascontiguousarray(stored[::-1, ..., ::-1])[::-1, ..., ::-1]
    elif strides == "every second":
        stored = np.repeat(stored, 2, axis=0)[::2]
    else:
        stored = np.array(stored, order=strides)
    if draw(st.booleans()):
        stored.flags.writeable = False
    if stored.shape[1:] == last.shape[1:]:  # where both layouts fit, the last axis is the channels
        images = np.moveaxis(stored, 3, 1)
    image_shape = draw(st.sampled_from([(h, w, c), [h, w, c]] + ([(h, w)] if c == 1 else [])))
    return images, stored, image_shape


def scaled(images):
    """In floats from 0 to 1."""
    return images.astype(np.float64) / (255 if images.dtype == np.uint8 else 1)


# --- batches -------------------------------------------------------------------------------------


@given(problem=stored_images(), seed=SEEDS)
def test_batches_are_the_images_asked_for_in_that_order(problem, seed):
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


def test_tensors_that_require_gradients_are_read_without():
    images = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0), requires_grad=True)
    (batch,) = image_source(images).batches([torch.tensor([2, 0])], "cpu")
    assert not batch.requires_grad
    assert torch.equal(batch[:, 0], images.detach()[[2, 0]])


def test_half_precision_tensors_are_read_as_float32():
    images = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(0)).to(torch.bfloat16)
    assert_array_equal(read_all(image_source(images))[:, 0], images.float().numpy())


@pytest.mark.parametrize("make", [np.array, torch.tensor], ids=["array", "tensor"])
def test_changing_a_batch_leaves_the_data_alone(make):
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


# --- memory maps ---------------------------------------------------------------------------------


class WatchedMap(np.memmap):
    """A memory map that notes how many rows it was asked for, and in which order."""

    reads: list

    def __getitem__(self, key):
        if isinstance(key, np.ndarray):
            self.reads.append(key)
        elif key is Ellipsis or isinstance(key, slice):
            raise AssertionError(f"read by {key!r}")
        # np.memmap itself, unlike its subclasses, returns plain arrays of what it copies
        return super().__getitem__(key).view(np.ndarray)

    def __array__(self, *args, **kwargs):
        raise AssertionError("read as a whole")


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_memory_maps_are_read_in_blocks_only(tmp_path, monkeypatch, dtype):
    monkeypatch.setattr(_arrays, "_BLOCK_SIZE", 10 * 64)
    images = np.random.RandomState(0).randint(0, 2, (101, 8, 8)).astype(dtype)
    images.tofile(tmp_path / "images")
    watched = WatchedMap(tmp_path / "images", dtype=dtype, mode="r", shape=images.shape)
    watched.reads = []
    source, plain = image_source(watched), image_source(images)
    assert_allclose(source.moments().mean, plain.moments().mean, rtol=1e-14)
    assert source.digest() == plain.digest()
    index = np.random.RandomState(1).randint(0, 101, 9)
    assert_array_equal(read(source, index), read(plain, index))
    assert max(len(read) for read in watched.reads) <= 10
    # moments and digest, and one more pass to check floats
    passes = 2 if dtype == np.uint8 else 3
    assert sum(len(read) for read in watched.reads) == passes * 101 + len(np.unique(index))
    for one_read in watched.reads:
        assert_array_equal(one_read, np.sort(one_read))


# --- readings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("array_shape", "image_shape", "shape", "channels_last"),
    [
        ((5, 1), None, (1, 1, 1), True),
        ((5, 16), None, (1, 1, 16), True),
        ((5, 63), None, (1, 1, 63), True),
        ((5, 64), None, (1, 8, 8), True),
        ((5, 784), None, (1, 28, 28), True),
        ((5, 16), (4, 4), (1, 4, 4), True),
        ((5, 16), (2, 8), (1, 2, 8), True),
        ((5, 3072), (32, 32, 3), (3, 32, 32), True),
        ((5, 3072), (1, 3072), (1, 1, 3072), True),
        ((5, 9, 8), None, (1, 9, 8), True),
        ((5, 8, 3), (8, 3), (1, 8, 3), True),
        ((5, 9, 8, 1), None, (1, 9, 8), True),
        ((5, 9, 8, 3), None, (3, 9, 8), True),
        ((5, 1, 9, 8), None, (1, 9, 8), False),
        ((5, 3, 9, 8), None, (3, 9, 8), False),
        ((5, 9, 8, 4), (9, 8, 4), (4, 9, 8), True),
        ((5, 4, 9, 8), (9, 8, 4), (4, 9, 8), False),
        ((5, 3, 8, 3), (8, 3, 3), (3, 8, 3), False),
        ((5, 3, 8, 3), (3, 8, 3), (3, 3, 8), True),
        ((5, 3, 3, 3), (3, 3, 3), (3, 3, 3), True),
        ((5, 9, 8, 1), (9, 8), (1, 9, 8), True),
        ((5, 1, 9, 8), (9, 8), (1, 9, 8), False),
    ],
)
def test_shapes_are_read_as_documented(array_shape, image_shape, shape, channels_last):
    layout = image_layout(array_shape, image_shape)
    assert (layout.shape, layout.channels_last) == (shape, channels_last)
    source = image_source(np.zeros(array_shape, dtype=np.uint8), image_shape)
    assert source.shape == shape
    assert read(source, [1, 3]).shape == (2, *shape)


@given(n_features=st.integers(1, 63), seed=SEEDS)
def test_few_features_are_a_row_of_any_values(n_features, seed):
    X = np.random.RandomState(seed).normal(0, 1e3, (4, n_features))
    source = image_source(X)
    assert source.any_values
    assert_allclose(read_all(source)[:, 0, 0], X, rtol=1e-6)


@pytest.mark.parametrize("dtype", [bool, np.int8, np.uint8, np.int64, np.uint16, np.uint32, "O"])
def test_rows_may_hold_any_real_type_and_keep_its_values(dtype):
    X = np.array([[0, 1, 100], [1, 1, 3]]).astype(dtype)
    source = image_source(X)
    assert_array_equal(read_all(source)[:, 0, 0], X.astype(np.float32))
    assert_allclose(source.moments().mean, X.astype(float).mean())
    assert source.digest() == image_source(X.copy()).digest()


def test_a_height_of_one_says_that_many_features_are_no_image():
    X = np.random.RandomState(0).normal(size=(4, 100))
    source = image_source(X, (1, 100))
    assert source.any_values
    assert_array_equal(read_all(source)[:, 0, 0], X.astype(np.float32))
    assert not image_source(abs(X) / 10).any_values


@pytest.mark.parametrize(
    ("array_shape", "image_shape", "message"),
    [
        ((), None, r"Expected 2D array, got scalar array instead"),
        ((5,), None, r"Expected 2D array, got 1D array instead.*Reshape your data"),
        ((5, 2, 2, 2, 2), None, r"X has shape \(5, 2, 2, 2, 2\); images are \(n, features\)"),
        (
            (5, 3072),
            None,
            r"3072 features.*\(32, 32, 3\) for colours.*X.reshape\(-1, 3, 32, 32\)"
            r".*\(48, 64\) for grey.*\(1, 3072\) for features that are no image",
        ),
        ((5, 101), None, r"101 features, which is not a square.*h \* w \* c = 101: \(1, 101\) for"),
        ((5, 784), (28, 27), r"784 features, but image_shape=\(28, 27\) has 28 \* 27 = 756"),
        ((5, 784), (28, 28, 3), r"784 features, but .* has 28 \* 28 \* 3 = 2352\..*\(28, 28\)"),
        ((5, 8, 3), None, r"\(5, 8, 3\): one image of 3 channels, or 5 grey images of 8 x 3"),
        ((5, 8, 8), (8, 9), r"shape \(5, 8, 8\), but image_shape=\(8, 9\).*or \(n, 8, 9\)"),
        ((5, 8, 8, 3), (8, 8), r"needs \(n, 64\), \(n, 8, 8, 1\) or \(n, 1, 8, 8\)"),
        ((5, 3, 8, 3), None, r"both the first and the last axis.*\(3, 8, 3\) or \(8, 3, 3\)"),
        ((5, 1, 8, 3), None, r"both the first and the last axis.*\(1, 8, 3\) or \(8, 3, 1\)"),
        ((5, 9, 8, 4), None, r"neither axis.*image_shape=\(h, w, c\): \(9, 8, 4\) or \(8, 4, 9\)"),
        ((0, 64), None, r"0 sample\(s\) \(shape=\(0, 64\)\) while a minimum of 1 is required"),
        ((0, 8, 8), None, r"0 sample\(s\)"),
        ((0,), None, r"0 sample\(s\)"),
        ((5, 0), None, r"0 feature\(s\) \(shape=\(5, 0\)\) while a minimum of 1 is required"),
        ((5, 8, 0), None, r"0 feature\(s\)"),
    ],
)
@pytest.mark.parametrize("make", [np.zeros, torch.zeros], ids=["array", "tensor"])
def test_shapes_without_one_reading_are_refused(make, array_shape, image_shape, message):
    with pytest.raises(ValueError, match=message):
        image_source(make(array_shape), image_shape)


@pytest.mark.parametrize(
    "image_shape",
    [8, "ab", "88", (8,), (8, 8, 1, 1), (8, 0), (8, -8), (8.5, 8), (8, None), ("8", "8"), {}],
)
def test_what_is_no_image_shape_is_refused(image_shape):
    with pytest.raises(ValueError, match=r"must be \(h, w\) or \(h, w, c\): positive integers"):
        image_source(np.zeros((5, 64)), image_shape)


def test_image_shapes_may_be_arrays_and_numpy_integers():
    assert image_size(np.array([8, 9, 3])) == (3, 8, 9)
    assert all(type(size) is int for size in image_size((np.int64(8), np.int32(9))))


# --- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (255.0, r"its largest value is 255; they must be in \[0, 1\].*X / 255.*or pass uint8"),
        (1.01, r"its largest value is 1\.01"),
        (-0.5, r"its smallest value is -0\.5; they must be in \[0, 1\].*standardised"),
        (np.nan, r"Input X contains NaN\. MyEstimator does not"),
        (np.inf, r"Input X contains infinity"),
        (-np.inf, r"Input X contains infinity"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
@pytest.mark.parametrize("shape", [(600, 8, 8), (600, 64), (600, 3, 8, 8)])
def test_one_bad_value_anywhere_is_found(monkeypatch, value, message, dtype, shape):
    monkeypatch.setattr(_arrays, "_BLOCK_SIZE", 1000)
    X = np.zeros(shape, dtype=dtype)
    X.flat[-100] = value
    with pytest.raises(ValueError, match=message):
        image_source(X, estimator_name="MyEstimator")
    if dtype != np.longdouble:
        with pytest.raises(ValueError, match=message):
            image_source(torch.from_numpy(X), estimator_name="MyEstimator")


@pytest.mark.parametrize(
    ("value", "message"), [(np.nan, "contains NaN"), (np.inf, "infinity"), (1e300, "too large")]
)
def test_rows_hold_finite_values_of_float32(value, message):
    with pytest.raises(ValueError, match=f"Input X .*{message}"):
        image_source(np.array([[0.0, value]]))


@pytest.mark.parametrize(
    "X",
    [np.full((3, 81), 7.0), np.full((3, 81), -7.0), np.full((3, 81), 7)],
    ids=["large", "negative", "integers"],
)
def test_features_that_do_not_look_like_pixels_are_told_how_to_be_read(X):
    with pytest.raises(ValueError, match=r"no image are read with image_shape=\(1, 81\)"):
        image_source(X)
    assert image_source(X, (1, 81)).any_values
    with pytest.raises(ValueError, match=r"[^)]\.$"):
        image_source(X.reshape(3, 9, 9))


def test_a_rounding_error_outside_of_0_and_1_is_let_through():
    X = np.zeros((2, 8, 8))
    X[0, 0, 0], X[0, 0, 1] = 1 + 4e-16, -1e-17
    assert read_all(image_source(X)).max() == 1


@pytest.mark.parametrize("dtype", ["int8", "int16", "int32", "int64"])
@pytest.mark.parametrize("shape", [(3, 64), (3, 8, 8), (3, 8, 8, 3)])
def test_integers_that_do_not_say_what_is_white_are_refused(dtype, shape):
    message = rf"X holds {dtype}; images are uint8 from 0 to 255.*X\.astype\(np\.uint8\)"
    for X in (np.zeros(shape, dtype), torch.zeros(shape, dtype=getattr(torch, dtype))):
        with pytest.raises(ValueError, match=message):
            image_source(X)


@pytest.mark.parametrize("shape", [(3, 5), (3, 8, 8)])
def test_complex_numbers_are_refused(shape):
    for X in (np.zeros(shape, complex), torch.zeros(shape, dtype=torch.complex64)):
        with pytest.raises(ValueError, match="Complex data not supported"):
            image_source(X)


@pytest.mark.parametrize("dtype", ["M8[s]", "V4", "U3", "S3"])
def test_what_is_no_number_is_refused(dtype):
    with pytest.raises(ValueError, match="images are uint8, floats or bools"):
        image_source(np.zeros((3, 5), dtype))


@pytest.mark.parametrize(
    "X",
    [
        scipy.sparse.csr_array(np.eye(3)),
        scipy.sparse.coo_matrix(np.eye(3)),
        torch.eye(3).to_sparse(),
    ],
    ids=["array", "matrix", "tensor"],
)
def test_sparse_data_are_refused(X):
    message = "Sparse data was passed for X, but dense data is required"
    with pytest.raises(TypeError, match=message):
        image_source(X)


def test_objects_are_numbers_or_refused():
    X = np.array([[1, 2.5], [True, 0]], dtype=object)
    assert_array_equal(read_all(image_source(X))[:, 0, 0], X.astype(float))
    X[0, 0] = {"foo": "bar"}
    with pytest.raises(TypeError, match=r"argument must be .* string.* number"):
        image_source(X)
    X[0, 0] = "a.png"
    with pytest.raises(ValueError, match="could not convert string to float"):
        image_source(X)


@pytest.mark.parametrize("make", [np.zeros, torch.zeros], ids=["arrays", "tensors"])
def test_images_of_different_sizes_are_refused(make):
    with pytest.raises(ValueError, match="Images in memory all have the same size"):
        image_source([make((8, 8)), make((9, 8))])


# --- moments -------------------------------------------------------------------------------------


@given(problem=stored_images(), block_size=st.integers(1, 500))
def test_moments_are_those_of_all_values_of_a_channel(problem, block_size):
    images, stored, image_shape = problem
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_arrays, "_BLOCK_SIZE", block_size)
        mean, std = image_source(stored, image_shape).moments()
    # the slow way: one value after the other
    for channel in range(images.shape[1]):
        values = [float(value) for value in scaled(images)[:, channel].flat]
        expected = sum(values) / len(values)
        spread = (sum((value - expected) ** 2 for value in values) / len(values)) ** 0.5
        assert_allclose(mean[channel], expected, rtol=1e-12)
        assert_allclose(std[channel], spread if spread > 1e-9 else 1, rtol=1e-9)
    assert mean.dtype == std.dtype == np.float64


def test_moments_do_not_suffer_from_a_large_mean():
    values = 1e8 + np.random.RandomState(0).normal(size=(500, 1, 1, 20)) * 100
    mean, std = channel_moments(torch.from_numpy(values).split(7))
    assert_allclose(mean, values.mean(), rtol=1e-15)
    assert_allclose(std, values.std(), rtol=1e-10)


@given(value=st.floats(-1e6, 1e6), n_samples=st.integers(1, 40), n_features=st.integers(1, 60))
def test_a_channel_without_spread_has_a_deviation_of_one(value, n_samples, n_features):
    source = image_source(np.full((n_samples, n_features), value))
    assert_array_equal(source.moments().std, [1.0])
    assert_allclose(source.moments().mean, [value], rtol=1e-14)


# --- digest --------------------------------------------------------------------------------------


@given(problem=stored_images())
def test_the_digest_does_not_depend_on_the_layout(problem):
    images, stored, image_shape = problem
    c, h, w = images.shape[1:]
    flat = np.moveaxis(images, 1, 3).reshape(len(images), -1)
    assert image_source(stored, image_shape).digest() == image_source(flat, (h, w, c)).digest()


def test_the_digest_depends_on_every_pixel_the_type_and_the_shape():
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


def test_the_digest_does_not_depend_on_the_blocks(monkeypatch):
    whole = image_source(GREY).digest()
    monkeypatch.setattr(_arrays, "_BLOCK_SIZE", 100)
    assert image_source(GREY).digest() == whole


# --- devices -------------------------------------------------------------------------------------


def test_on_a_cpu_a_source_is_resident_where_it_is():
    source = image_source(GREY)
    assert source.resident("cpu") is source
    assert source.resident(torch.device("cpu")) is source


@given(problem=stored_images())
def test_what_fits_becomes_resident_and_stays_the_same(problem):
    # a GPU's memory is stood in for: what is tested is the copy, block by block
    _, stored, image_shape = problem
    source = image_source(stored, image_shape)
    small = source._dtype.itemsize if source._dtype.itemsize <= 4 else 4
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_arrays, "_BLOCK_SIZE", 100)
        patch.setattr(_arrays, "_free_memory", lambda device: 2 * stored.size * small - 1)
        assert source.resident("cpu") is source
        patch.setattr(_arrays, "_free_memory", lambda device: 2 * stored.size * small)
        resident = source.resident("cpu")
    assert resident is not source
    assert resident.resident("cpu") is resident
    assert (len(resident), resident.shape) == (len(source), source.shape)
    assert resident.any_values == source.any_values
    assert resident._dtype.itemsize == small
    assert_array_equal(read_all(resident), read_all(source))
    assert resident.digest() == source.digest()
    assert_array_equal(resident.moments(), source.moments())


def test_tensors_on_the_device_are_not_copied_there(monkeypatch):
    monkeypatch.setattr(_arrays, "_free_memory", lambda device: 10**9)
    source = image_source(torch.from_numpy(GREY))
    assert source.resident("cpu") is source


def test_rows_of_integers_become_resident_with_their_values(monkeypatch):
    monkeypatch.setattr(_arrays, "_free_memory", lambda device: 10**9)
    for dtype in (np.uint8, np.int64):
        resident = image_source(np.array([[7, 200]], dtype)).resident("cpu")
        assert resident.any_values
        assert_array_equal(read_all(resident)[0, 0, 0], [7, 200])
