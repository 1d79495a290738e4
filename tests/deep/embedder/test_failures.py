"""Regression tests of SimCLREmbedder: unusual input, callables, modes and failures."""

import functools
import os
import subprocess
import sys
import textwrap
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.trainings import CutOff, cut_off_after, weights_of
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from torch import nn

from sklearn_contrastive.deep import SimCLREmbedder
from sklearn_contrastive.deep._training.fingerprint import fingerprint

DIGITS, LABELS = load_digits(return_X_y=True)
X = (DIGITS[:120] / 16).astype(np.float32)
Y = LABELS[:120]


def small_encoder():
    """Return an encoder that trains fast."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten()
    )


def embedder(encoder=small_encoder, **parameters):
    defaults = {"max_epochs": 2, "batch_size": 40, "device": "cpu", "random_state": 0}
    return SimCLREmbedder(encoder, **(defaults | parameters))


def n_epochs_after_cut_off(first, second, monkeypatch):
    """Number of epochs of a second fit after the first one was stopped in the second of four."""
    with monkeypatch.context() as patched:
        cut_off_after(2, patched)
        with pytest.raises(CutOff):
            first.fit(X)
    with monkeypatch.context() as patched:
        trained = cut_off_after(10**6, patched)
        second.fit(X)
    return len(trained)


# --- learning -------------------------------------------------------------------------------------


@pytest.mark.parametrize("max_epochs", [1, 2])
def test_training_on_a_single_batch_has_a_positive_learning_rate(max_epochs):
    model = embedder(batch_size=120, max_epochs=max_epochs).fit(X)
    assert all(record["learning_rate"] > 0 for record in model.history_)


def test_partial_fit_learns_from_every_batch_of_a_stream():
    model = embedder(max_epochs=1)
    for start in (0, 40, 80):
        before = weights_of(model) if start else None
        model.partial_fit(X[start : start + 40])
        assert start == 0 or not np.allclose(weights_of(model), before, rtol=1e-4)


def test_losses_of_the_user_are_computed_in_float32():
    def watched(z_1, z_2):
        types.update({z_1.dtype, (z_1 @ z_2.T).dtype})
        return ((z_1 - z_2) ** 2).mean()

    types = set()
    embedder(precision="bfloat16", max_epochs=1, loss=watched).fit(X)
    assert types == {torch.float32}


# --- global state, interruption -------------------------------------------------------------------


def test_fit_works_under_no_grad_and_inference_mode():
    expected = weights_of(embedder().fit(X))
    with torch.no_grad():
        assert_array_equal(weights_of(embedder().fit(X)), expected)
    with torch.inference_mode():
        model = embedder().fit(X)
    assert_array_equal(weights_of(model), expected)
    assert model.partial_fit(X).n_iter_ == 4


def test_fit_works_with_another_default_device():
    expected = embedder().fit(X).transform(X)
    torch.set_default_device("meta")
    try:
        assert_array_equal(embedder().fit(X).transform(X), expected)
        assert torch.get_default_device().type == "meta"
    finally:
        torch.set_default_device(None)


def test_warnings_point_at_the_line_that_called_fit():
    with pytest.warns(UserWarning, match="one batch holds all of them") as caught:
        embedder(batch_size=500).fit(X)
    assert {Path(each.filename).name for each in caught} == {Path(__file__).name}


def test_an_interrupted_network_is_in_evaluation_mode():
    def interrupt_later(batch):
        views.append(None)
        if len(views) > 9:
            raise KeyboardInterrupt
        return batch

    views = []
    model = embedder(augmentations=interrupt_later, max_epochs=4)
    with pytest.warns(UserWarning, match="after 1 epochs"), pytest.raises(KeyboardInterrupt):
        model.fit(X)
    assert not any(part.training for part in model.net_.module_.modules())


# --- input ----------------------------------------------------------------------------------------


def test_transform_decodes_each_file_once_and_names_all_unreadable_files(tmp_path, monkeypatch):
    from PIL import Image

    from sklearn_contrastive._images import file_source

    images = (X[:60] * 255).astype(np.uint8).reshape(-1, 8, 8)
    paths = [tmp_path / f"{number:02}.png" for number in range(60)]
    for path, image in zip(paths, images, strict=True):
        Image.fromarray(image).save(path)
    model = embedder(image_shape=(8, 8), max_epochs=1, batch_size=20).fit(paths)
    read, decoded = file_source.read_image, []

    def counted(path, shape, white):
        decoded.append(path)
        return read(path, shape, white)

    monkeypatch.setattr(file_source, "read_image", counted)
    model.transform(paths)
    assert len(decoded) == 60
    paths[3].unlink()
    paths[55].unlink()
    with pytest.raises(ValueError, match=r"(?s)2 of the files.*03\.png.*55\.png"):
        model.transform(paths)


MEASURE = """
    import sys
    import numpy as np
    from sklearn_contrastive._images.read import image_source

    def resident():
        with open("/proc/self/status") as status:
            return int(status.read().split("RssAnon:")[1].split()[0]) / 1024

    shape = (6000, 64 * 64 * 3)
    images = np.lib.format.open_memmap(sys.argv[1], "w+", np.float32, shape)
    block = np.random.default_rng(0).random((1000, shape[1]), dtype=np.float32)
    for start in range(0, 6000, 1000):
        images[start : start + 1000] = block
    del images, block
    images = np.load(sys.argv[1], mmap_mode="r")
    before = resident()
    source = image_source(images, (64, 64, 3))
    print(resident() - before)
"""


# resident memory needs a process of its own, which imports PyTorch: five of its seven seconds
@pytest.mark.filterwarnings("default")
def test_checks_of_memory_maps_release_their_memory(tmp_path):
    run = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(MEASURE), str(tmp_path / "images.npy")],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    # MB, of 281 MB of images; 240 if each block keeps a small tensor
    assert float(run.stdout) < 140


def test_parameters_may_be_numpy_numbers(tmp_path, monkeypatch):
    numbers = {
        "batch_size": np.int64(40),
        "max_epochs": np.int64(4),
        "temperature": np.float32(0.5),
        "weight_decay": np.float64(1e-3),
    }
    make = functools.partial(embedder, checkpoint_dir=tmp_path, **numbers)
    assert n_epochs_after_cut_off(make(), make(), monkeypatch) == 2
    assert make(checkpoint_dir=None).fit(X).transform(X).shape == (120, 128)


# --- refusals -------------------------------------------------------------------------------------


def test_labels_that_are_not_classes_are_refused_before_training():
    views = []

    def watched(batch):
        views.append(None)
        return batch

    with pytest.raises(ValueError, match="Unknown label type"):
        embedder(augmentations=watched).fit(X, X_val=X, y_val=np.linspace(0, 1, 120))
    assert views == []


def test_columns_of_validation_images_must_be_those_of_training():
    frame = pd.DataFrame(X, columns=[f"pixel {number}" for number in range(64)])
    with pytest.raises(ValueError, match="must be in the same order"):
        embedder().fit(frame, X_val=frame[frame.columns[::-1]], y_val=Y)


BAD = {
    "a loss of no Tensor": ({"loss": lambda z_1, z_2: 1.0}, "returned float; it must be a Tensor"),
    "a loss for each image": ({"loss": lambda z_1, z_2: (z_1 - z_2).sum(1)}, r"shape \(40,\)"),
    "views of fewer images": (
        {"augmentations": lambda batch: batch[1:]},
        "returned 39 for a",
    ),
    "views of NumPy": (
        {"augmentations": lambda batch: batch.numpy()},
        "returned ndarray for a",
    ),
    "nothing to train": (
        {"encoder": lambda: small_encoder().requires_grad_(False), "projection_head": "none"},
        "The network has nothing to train",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_callables_of_the_user_are_named_in_the_error(name):
    parameters, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        embedder(**parameters).fit(X)


# --- checkpoints ----------------------------------------------------------------------------------


def darker(factor):
    """Return an augmentation whose code does not depend on the factor."""
    return lambda batch: batch * factor


class Darker(nn.Module):
    """The same as a module that does not print its factor."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, batch):
        return batch * self.factor


class Callable:
    """The same as an object that cannot be pickled."""

    def __init__(self, factor):
        self.change = darker(factor)

    def __call__(self, batch):
        return self.change(batch)

    def method(self, batch):
        return self.change(batch)


MAKERS = {
    "closure": darker,
    "module": Darker,
    "object": Callable,
    "method": lambda factor: Callable(factor).method,
    "default": lambda factor: lambda batch, factor=factor: batch * factor,
    "partial": lambda factor: functools.partial(lambda factor, batch: batch * factor, factor),
    "no source": lambda factor: eval(f"lambda batch: batch * {factor}"),
}


@pytest.mark.parametrize("name", MAKERS)
def test_callables_that_differ_only_in_a_value_are_different_trainings(name, tmp_path, monkeypatch):
    first, again, other = (MAKERS[name](factor) for factor in (0.5, 0.5, 0.1))
    make = functools.partial(embedder, checkpoint_dir=tmp_path, max_epochs=4)
    assert fingerprint(first) == fingerprint(again) != fingerprint(other)
    models = (make(augmentations=each) for each in (first, other))
    assert n_epochs_after_cut_off(*models, monkeypatch) == 4
    assert (
        n_epochs_after_cut_off(
            make(augmentations=first, random_state=1),
            make(augmentations=again, random_state=1),
            monkeypatch,
        )
        == 2
    )


def test_fingerprints_of_functions_depend_on_the_helpers_that_they_use():
    def fingerprint_with(helper):
        names = {"__name__": "a_notebook"}
        exec(f"def helper(x):\n    return {helper}\ndef main(x):\n    return helper(x)", names)
        return fingerprint(names["main"])

    assert fingerprint_with("x + 1") == fingerprint_with("x + 1") != fingerprint_with("x + 2")


def test_mutually_recursive_functions_have_fingerprints():
    def even(n):
        return n == 0 or odd(n - 1)

    def odd(n):
        return n != 0 and even(n - 1)

    assert fingerprint(even) != fingerprint(odd)


def test_fit_does_not_change_modules_passed_as_parameters():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.n_calls = 0

        def forward(self, batch):
            self.n_calls += 1
            return batch

    module = Counting()
    before = fingerprint(module)
    embedder(augmentations=module).fit(X)
    assert module.n_calls == 0
    assert fingerprint(module) == before


def test_lazy_networks_are_resumed(tmp_path, monkeypatch):
    def make():
        network = nn.Sequential(nn.Flatten(), nn.LazyLinear(8))
        return embedder(network, checkpoint_dir=tmp_path, max_epochs=4)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch warns about lazy modules
        assert n_epochs_after_cut_off(make(), make(), monkeypatch) == 2


@pytest.mark.parametrize("length", [0, 1000])
def test_fit_starts_again_if_the_checkpoint_is_unreadable(tmp_path, monkeypatch, length):
    make = functools.partial(embedder, max_epochs=4)
    with monkeypatch.context() as patched:
        cut_off_after(2, patched)
        with pytest.raises(CutOff):
            make(checkpoint_dir=tmp_path).fit(X)
    (file,) = tmp_path.glob("*/state.pt")
    file.write_bytes(file.read_bytes()[:length])
    with pytest.warns(UserWarning, match="cannot be read .* starts from the beginning"):
        model = make(checkpoint_dir=tmp_path).fit(X)
    assert_array_equal(weights_of(model), weights_of(make().fit(X)))


@pytest.mark.filterwarnings("ignore:The epoch could not be saved")
def test_training_continues_without_checkpoint_on_a_full_disk(tmp_path, monkeypatch):
    def full(state, file):
        file.write(b"half of")
        raise OSError(28, "No space left on device")

    expected = weights_of(embedder().fit(X))
    monkeypatch.setattr(torch, "save", full)
    model = embedder(checkpoint_dir=tmp_path)
    with pytest.warns(UserWarning, match="No space left on device.*the training continues"):
        model.fit(X)
    assert_array_equal(weights_of(model), expected)
    assert list(tmp_path.iterdir()) == []


def test_a_finished_fit_succeeds_if_its_checkpoint_cannot_be_removed(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "rmdir", lambda *args, **kwargs: (_ for _ in ()).throw(OSError("busy")))
    model = embedder(checkpoint_dir=tmp_path).fit(X)
    assert model.n_iter_ == 2
    assert_allclose(model.transform(X).shape, (120, 128))
