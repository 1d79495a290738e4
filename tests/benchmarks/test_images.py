"""Image data and matching of the benchmarks of images, without a network."""

import gzip
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.decomposition import PCA
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from benchmarks.images import _image_data as image_data
from benchmarks.images._representations import as_rows, labelled_pool, neighbours
from benchmarks.images.emoji import matching


def idx(array):
    """The bytes of an IDX file of unsigned bytes."""
    lengths = b"".join(length.to_bytes(4, "big") for length in array.shape)
    return b"\0\0\x08" + bytes([array.ndim]) + lengths + array.tobytes()


def test_idx_files_are_read_back(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (5, 3, 2), dtype=np.uint8)
    (tmp_path / "array.gz").write_bytes(gzip.compress(idx(array)))
    np.testing.assert_array_equal(image_data.read_idx(tmp_path / "array.gz"), array)


def test_other_files_are_refused(tmp_path):
    (tmp_path / "array.gz").write_bytes(gzip.compress(b"something else"))
    with pytest.raises(ValueError, match="not an IDX file"):
        image_data.read_idx(tmp_path / "array.gz")


def test_fashion_mnist_is_four_files(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    written = {}
    for part, n in (("train", 4), ("t10k", 2)):
        for what, shape in (("images-idx3", (n, 28, 28)), ("labels-idx1", (n,))):
            array = rng.integers(0, 10, shape, dtype=np.uint8)
            written[part, what] = array
            (tmp_path / f"{part}-{what}-ubyte.gz").write_bytes(gzip.compress(idx(array)))
    monkeypatch.setenv("FASHION_MNIST", str(tmp_path))
    images = image_data.fashion_mnist()
    found = images.train, images.y_train, images.test, images.y_test
    for array, expected in zip(found, written.values(), strict=True):
        np.testing.assert_array_equal(array, expected)


def test_error_names_the_package_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_MNIST", str(tmp_path / "nowhere"))
    monkeypatch.setenv("EMOJI_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="apt install dataset-fashion-mnist"):
        image_data.fashion_mnist()
    with pytest.raises(FileNotFoundError, match="npm install emoji-datasource-google"):
        image_data.emoji()


def test_digits_are_the_last_resort(tmp_path, monkeypatch):
    monkeypatch.setenv("FASHION_MNIST", str(tmp_path / "nowhere"))
    monkeypatch.setattr(image_data.importlib.util, "find_spec", lambda name: None)
    images = image_data.available()
    assert images.name == "digits"
    assert images.train.dtype == np.uint8
    assert images.train.max() == 255
    assert len(images.train) + len(images.test) == 1797


def test_emoji_have_a_white_background_and_two_vendors(tmp_path, monkeypatch):
    entries = [
        {"unified": "A", "image": "a.png", "category": "Flags", "has_img_twitter": True},
        {"unified": "B", "image": "b.png", "category": "Flags", "has_img_twitter": False},
        {"unified": "C", "image": "c.png", "category": "Component", "has_img_twitter": True},
        {"unified": "D", "image": "d.png", "category": "Symbols", "has_img_twitter": True},
    ]
    for vendor, package in image_data.EMOJI_PACKAGES.items():
        pictures = tmp_path / package / "img" / vendor / "64"
        pictures.mkdir(parents=True)
        text = json.dumps([entry | {"has_img_google": True} for entry in entries])
        (tmp_path / package / "emoji.json").write_text(text)
        for name in ("a.png", "d.png"):
            Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(pictures / name)
    monkeypatch.setenv("EMOJI_DATA", str(tmp_path))
    emoji = image_data.emoji()
    assert emoji.base.tolist() == ["A", "D", "A", "D"]
    assert emoji.vendor.tolist() == ["google"] * 2 + ["twitter"] * 2
    assert emoji.images.shape == (4, 64, 64, 3)
    assert (emoji.images == 255).all()


def test_matching_counts_nearer_pictures_of_the_other_vendor():
    rng = np.random.default_rng(0)
    n = 20
    first, second = rng.normal(size=(2, n, 4))
    second += first
    data = image_data.Emoji(None, None, np.repeat(["a", "b"], n), None)
    found = matching(np.vstack([first, second]), data)
    units = [rows - rows.mean(axis=0) for rows in (first, second)]
    units = [rows / np.linalg.norm(rows, axis=1, keepdims=True) for rows in units]
    for k in (1, 5):
        hits = [
            sum(row @ other > row @ theirs[i] for other in theirs) < k
            for ours, theirs in (units, units[::-1])
            for i, row in enumerate(ours)
        ]
        assert found[f"top-{k}"] == pytest.approx(np.mean(hits))
    assert 0 < found["top-1"] < found["top-5"] < 1


def test_neighbours_are_those_of_scikit_learn_centred_and_whitened():
    def middle(images):  # no pixel is constant there
        return as_rows(images)[:, 17:47]

    images = image_data.digits()
    pool, labels = labelled_pool(images, 300, seed=1)
    train, test = middle(pool), middle(images.test)
    found = neighbours(FunctionTransformer(middle), images, seed=1, n_labels=300)
    for name, scaler in (
        ("kNN", StandardScaler(with_std=False)),
        ("kNN whitened", PCA(whiten=True, random_state=1)),
    ):
        voters = make_pipeline(scaler, KNeighborsClassifier(10, metric="cosine"))
        expected = voters.fit(train, labels).score(test, images.y_test)
        assert found[name] == pytest.approx(expected, abs=0.005)  # neighbours of equal distance
        assert expected > 0.8
