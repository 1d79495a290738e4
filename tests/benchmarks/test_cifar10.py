"""CIFAR-10's binary files, made up here, and the benchmark that reads them."""

import json
import sys

import numpy as np
import pytest

from benchmarks.images import _cifar10_files as files
from benchmarks.images import cifar10 as benchmark

N_IMAGES = 20
ALL_FILES = (*files.TRAIN, files.TEST)


def write_files(folder):
    """Write files of random images: name -> images (n, 32, 32, 3) and labels."""
    folder.mkdir(parents=True, exist_ok=True)
    rng, written = np.random.default_rng(0), {}
    for name in ALL_FILES:
        images = rng.integers(0, 256, (N_IMAGES, 32, 32, 3), dtype=np.uint8)
        labels = rng.permutation(np.arange(N_IMAGES) % 10).astype(np.uint8)
        written[name] = images, labels
        content = b""
        for image, label in zip(images, labels, strict=True):
            colours = (image[:, :, colour].tobytes() for colour in range(3))
            content += bytes([label]) + b"".join(colours)
        (folder / name).write_bytes(content)
    return written


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "IMAGES_OF_A_FILE", N_IMAGES)
    return tmp_path / "cifar-10-batches-bin"


@pytest.mark.parametrize("given", ["the folder", "its parent"])
def test_files_are_read_back(folder, given):
    written = write_files(folder)
    images = files.cifar10(folder if given == "the folder" else folder.parent)
    train = [written[name] for name in files.TRAIN]
    np.testing.assert_array_equal(images.train, np.concatenate([each[0] for each in train]))
    np.testing.assert_array_equal(images.y_train, np.concatenate([each[1] for each in train]))
    np.testing.assert_array_equal(images.test, written[files.TEST][0])
    np.testing.assert_array_equal(images.y_test, written[files.TEST][1])
    assert images.train.dtype == np.uint8
    assert images.train.flags.c_contiguous


def test_the_public_files_have_ten_thousand_images():
    assert files.IMAGES_OF_A_FILE * files._BYTES == 30_730_000


def test_missing_files_are_named(folder):
    with pytest.raises(FileNotFoundError, match="is not a folder"):
        files.cifar10(folder)
    write_files(folder)
    (folder / "data_batch_3.bin").unlink()
    (folder / "test_batch.bin").unlink()
    missing = r"has no file data_batch_3\.bin, test_batch\.bin\. Download the binary version"
    with pytest.raises(FileNotFoundError, match=missing):
        files.cifar10(folder)


def test_pickled_files_are_not_read(folder):
    folder.mkdir()
    # reading this pickle would raise an error
    (folder / "data_batch_1").write_bytes(b"cbuiltins\nexit\n.")
    with pytest.raises(FileNotFoundError, match=r"run any code.*cifar-10-binary\.tar\.gz"):
        files.cifar10(folder)


@pytest.mark.parametrize("change", [-1, 3073])
def test_files_of_another_size_are_refused(folder, change):
    write_files(folder)
    path = folder / "data_batch_2.bin"
    content = path.read_bytes()
    path.write_bytes(content[:change] if change < 0 else content + bytes(change))
    size = f"{20 * 3073 + change:,}"
    with pytest.raises(ValueError, match=rf"data_batch_2\.bin has {size} bytes; .* are 61,460"):
        files.cifar10(folder)


def test_labels_above_nine_are_refused(folder):
    write_files(folder)
    path = folder / "test_batch.bin"
    content = bytearray(path.read_bytes())
    content[7 * 3073] = 10
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"test_batch\.bin: image 7 has the label 10"):
        files.cifar10(folder)


def test_the_benchmark_runs_on_such_a_folder(folder, tmp_path, monkeypatch, capsys):
    write_files(folder)
    path, checkpoints = tmp_path / "record.json", tmp_path / "checkpoints"
    arguments = ["--quick", "--data", str(folder), "--output", str(path)]
    monkeypatch.setattr(sys, "argv", ["cifar10", *arguments, "--checkpoints", str(checkpoints)])
    benchmark.main()
    record = json.loads(path.read_text(encoding="utf-8"))
    (entry,) = record["results"]["scores"]["SimCLREmbedder"]
    assert 0 <= entry["kNN"] <= 1
    assert 0 <= entry["linear"] <= 1
    assert record["results"]["published"] == {}  # for the whole recipe
    assert record["command"].endswith("cifar10 --quick --data FOLDER --checkpoints FOLDER")
    assert str(tmp_path) not in path.read_text(encoding="utf-8")
    assert record["machine"]["gpu"] is None
    # finished work is removed
    assert list(checkpoints.iterdir()) == []
    assert "epoch 1" in capsys.readouterr().out


def test_the_recipe_fits_its_encoder():
    model = benchmark.network("cpu", 0)
    assert model.projection_head[0].in_features == 512
    assert model.learning_rate == "linear"
    assert (model.optimizer, model.batch_size, model.temperature) == ("sgd", 512, 0.5)
    jitter = model.augmentations.composition((3, 32, 32)).members[2]
    assert (jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue) == (
        0.4,
        0.4,
        0.4,
        0.1,
    )
