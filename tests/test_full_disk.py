"""Writing to a full disk or a read-only folder: the earlier file stays, and so does the fit."""

from functools import cache

import numpy as np
import pytest
from helpers.disk import full_disk, read_only_folder
from helpers.trainings import CutOff, cut_off_after, weights_of
from numpy.testing import assert_array_equal
from sklearn.frozen import FrozenEstimator

from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive.deep import ContrastiveClassifier, LinearContrastiveEncoder
from sklearn_contrastive.deep._embedder import export
from sklearn_contrastive.linear import Moments

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 40))
IMAGES = RNG.random((40, 8, 8)).astype(np.float32)
TRAINING = {"max_epochs": 2, "batch_size": 20, "random_state": 0, "device": "cpu"}


def embedder(**parameters):
    return SimCLREmbedder("resnet_narrow", **(TRAINING | parameters))


@pytest.fixture(scope="module")
def writers():
    """Each way to write a file, and what the object must still return afterwards."""
    moments = Moments.from_array(X)
    encoder = LinearContrastiveEncoder(2, max_epochs=1).fit(X)
    images = embedder().fit(IMAGES)
    classifier = ContrastiveClassifier(FrozenEstimator(images), max_epochs=1, random_state=0)
    classifier.fit(IMAGES, np.arange(40) % 2)
    with pytest.MonkeyPatch.context() as patched:
        # the slow half of an export, which has written nothing yet, once
        patched.setattr(export, "exported", cache(export.exported))
        yield {
            "Moments.save": (moments.save, lambda: moments.covariance),
            "LinearContrastiveEncoder.save": (encoder.save, lambda: encoder.transform(X)),
            "SimCLREmbedder.save": (images.save, lambda: images.transform(IMAGES)),
            "ContrastiveClassifier.save": (
                classifier.save,
                lambda: classifier.predict_proba(IMAGES),
            ),
            "SimCLREmbedder.to_onnx": (images.to_onnx, lambda: images.transform(IMAGES)),
        }


NAMES = [
    "Moments.save",
    "LinearContrastiveEncoder.save",
    "SimCLREmbedder.save",
    "ContrastiveClassifier.save",
    "SimCLREmbedder.to_onnx",
]
each_writer = pytest.mark.parametrize("name", NAMES)


@each_writer
# at once, in the middle, near the end
@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_a_full_disk_keeps_the_earlier_file(name, share, writers, tmp_path):
    write, result = writers[name]
    path, expected = tmp_path / "file", result()
    write(path)
    n_bytes = int(share * path.stat().st_size)
    path.write_bytes(b"earlier")
    with full_disk(n_bytes), pytest.raises(OSError, match=r"^\[Errno \d+\] .*/file'$"):
        write(path)
    assert path.read_bytes() == b"earlier"
    assert list(tmp_path.iterdir()) == [path]
    assert_array_equal(result(), expected)
    write(path)  # there is space again
    assert path.stat().st_size > n_bytes


@each_writer
def test_a_read_only_folder_is_named(name, writers):
    write, result = writers[name]
    expected = result()
    with read_only_folder({"file": b"earlier"}) as folder:
        with pytest.raises(PermissionError, match=r"Permission denied: '.*/file'"):
            write(folder / "file")
        assert (folder / "file").read_bytes() == b"earlier"
        assert [path.name for path in folder.iterdir()] == ["file"]
    assert_array_equal(result(), expected)


def test_a_training_on_a_full_disk_continues_without_checkpoints(tmp_path):
    model = embedder(checkpoint_dir=tmp_path)
    warned = pytest.warns(UserWarning, match="could not be saved in checkpoint_dir .*continues")
    with full_disk(1000), warned:
        model.fit(IMAGES)
    assert_array_equal(weights_of(model), weights_of(embedder().fit(IMAGES)))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_the_checkpoint_of_the_last_epoch_that_fitted(tmp_path, monkeypatch):
    with monkeypatch.context() as patched:
        cut_off_after(1, patched)
        with pytest.raises(CutOff):
            embedder(checkpoint_dir=tmp_path).fit(IMAGES)
    (file,) = tmp_path.glob("*/state.pt")
    content = file.read_bytes()

    def interrupted(record):
        raise CutOff

    # the second epoch does not fit on the disk, and the process ends before there is space again
    monkeypatch.setattr("sklearn_contrastive.deep._embedder.run.Training.records", interrupted)
    warned = pytest.warns(UserWarning, match="could not be saved in checkpoint_dir")
    with full_disk(len(content) // 2), warned, pytest.raises(CutOff):
        embedder(checkpoint_dir=tmp_path).fit(IMAGES)
    assert file.read_bytes() == content
    assert [path.name for path in file.parent.iterdir()] == ["state.pt"]
    monkeypatch.undo()
    trained = cut_off_after(10**6, monkeypatch)
    resumed = embedder(checkpoint_dir=tmp_path).fit(IMAGES)
    assert len(trained) == 1
    assert_array_equal(weights_of(resumed), weights_of(embedder().fit(IMAGES)))


def test_a_read_only_checkpoint_dir_is_named_before_the_training():
    model = embedder().fit(IMAGES)
    expected = model.transform(IMAGES)
    with read_only_folder({}) as folder:
        model.set_params(checkpoint_dir=folder / "checkpoints")
        with pytest.raises(PermissionError, match=r"Permission denied: '.*/checkpoints'"):
            model.fit(IMAGES)
    assert_array_equal(model.transform(IMAGES), expected)
