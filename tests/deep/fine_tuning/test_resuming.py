"""A fit of ContrastiveClassifier that was cut off goes on, in both trainings; nothing is lost."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from filelock import FileLock, Timeout
from helpers.persistence import by_pickle
from helpers.trainings import CutOff, cut_off_after
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from torch import nn

from sklearn_contrastive.augmentation import RandomResizedCrop
from sklearn_contrastive.deep import (
    AutoencoderEmbedder,
    ContrastiveClassifier,
    SimCLREmbedder,
    SupConEmbedder,
    TabularContrastiveEmbedder,
)
from sklearn_contrastive.deep._training.checkpoint import Checkpoint

X = np.random.default_rng(0).uniform(size=(60, 64)).astype(np.float32)
Y = np.arange(60) % 3
FEW = np.where(np.arange(60) % 4, Y, -1)
# epochs of the embedder, of the fine-tuning and of the self-training, and of the last two
N_FIRST, N_TUNING, N_TAUGHT = 2, 3, 2
N_SECOND = N_TUNING + N_TAUGHT


def small_encoder():
    """Return an encoder that trains fast; dropout draws from PyTorch's global state."""
    layers = [nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2)]
    return nn.Sequential(*layers, nn.Flatten())


def embedder(kind=SimCLREmbedder, **parameters):
    defaults = {"max_epochs": N_FIRST, "batch_size": 30, "device": "cpu", "random_state": 0}
    if kind is SimCLREmbedder:
        defaults["encoder"] = small_encoder
    return kind(**(defaults | parameters))


def classifier(folder, given=None, **parameters):
    defaults = {
        "max_epochs": N_TUNING,
        "self_training_epochs": N_TAUGHT,
        "batch_size": 20,
        "random_state": 0,
    }
    given = embedder() if given is None else given
    return ContrastiveClassifier(given, checkpoint_dir=folder, **(defaults | parameters))


def weights(fitted):
    """All weights and buffers of the network of a classifier in one array."""
    state = fitted.net_.module_.state_dict().values()
    return torch.cat([each.detach().flatten().float() for each in state]).numpy()


def without_times(history):
    return [{**record, "seconds": 0} for record in history]


def cut_off(model, n_epochs, monkeypatch, y=FEW):
    """Fit until so many epochs of both trainings are saved."""
    with monkeypatch.context() as patched:
        cut_off_after(n_epochs, patched)
        with pytest.raises(CutOff):
            model.fit(X, y)
    assert not hasattr(model, "classes_")


def trained_epochs(model, monkeypatch, y=FEW):
    """Number of epochs that a fit trains, of both trainings."""
    with monkeypatch.context() as patched:
        trained = cut_off_after(10**6, patched)
        model.fit(X, y)
    return len(trained)


@pytest.fixture(scope="module")
def frozen():
    """A fitted embedder; no test changes it."""
    return FrozenEstimator(embedder().fit(X))


@pytest.fixture(scope="module")
def whole():
    """A fit that was not interrupted; no test changes it."""
    return classifier(None).fit(X, FEW)


# --- resuming -------------------------------------------------------------------------------------


@pytest.mark.parametrize("n_epochs", range(1, N_FIRST + N_SECOND + 1))
def test_a_resumed_fit_equals_an_uninterrupted_one(n_epochs, tmp_path, monkeypatch, whole):
    cut_off(classifier(tmp_path), n_epochs, monkeypatch)
    resumed = classifier(tmp_path)
    assert trained_epochs(resumed, monkeypatch) == N_FIRST + N_SECOND - n_epochs
    assert_array_equal(weights(resumed), weights(whole))
    assert_array_equal(resumed.decision_function(X), whole.decision_function(X))
    assert_array_equal(resumed.embedder_.transform(X), whole.embedder_.transform(X))
    assert without_times(resumed.history_) == without_times(whole.history_)
    assert without_times(resumed.embedder_.history_) == without_times(whole.embedder_.history_)
    assert list(tmp_path.iterdir()) == []


def test_a_fit_that_is_cut_off_again_and_again_ends_the_same(tmp_path, monkeypatch, whole):
    for _ in range(N_FIRST + N_SECOND - 1):
        cut_off(classifier(tmp_path), 1, monkeypatch)
    resumed = classifier(tmp_path)
    assert trained_epochs(resumed, monkeypatch) == 1
    assert_array_equal(weights(resumed), weights(whole))


@pytest.mark.parametrize("n_epochs", range(1, N_SECOND + 1))
def test_the_fine_tuning_of_a_frozen_embedder_is_resumed(n_epochs, tmp_path, monkeypatch, frozen):
    expected = weights(classifier(None, frozen).fit(X, FEW))
    cut_off(classifier(tmp_path, frozen), n_epochs, monkeypatch)
    # a copy of the embedder by pickle or a clone of the classifier is the same training
    again = clone(classifier(tmp_path, by_pickle(frozen)))
    assert trained_epochs(again, monkeypatch) == N_SECOND - n_epochs
    assert_array_equal(weights(again), expected)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n_epochs", [1, 3])
@pytest.mark.parametrize("kind", [SupConEmbedder, AutoencoderEmbedder, TabularContrastiveEmbedder])
def test_every_embedder_is_resumed(kind, n_epochs, tmp_path, monkeypatch):
    expected = weights(classifier(None, embedder(kind)).fit(X[:, :20], FEW))
    with monkeypatch.context() as patched:
        cut_off_after(n_epochs, patched)
        with pytest.raises(CutOff):
            classifier(tmp_path, embedder(kind)).fit(X[:, :20], FEW)
    trained = cut_off_after(10**6, monkeypatch)
    resumed = classifier(tmp_path, embedder(kind)).fit(X[:, :20], FEW)
    assert len(trained) == N_FIRST + N_SECOND - n_epochs
    assert_array_equal(weights(resumed), expected)


# after the second epoch of the fine-tuning it waits, so that it is killed in the third
PROGRAM = """
    import sys, time
    import numpy as np
    from sklearn_contrastive.deep import ContrastiveClassifier, SimCLREmbedder

    class Waiting:
        def write(self, text):
            sys.__stdout__.write(text)
            if text.startswith("epoch 2"):
                print(flush=True, file=sys.__stdout__)
                time.sleep(600)

        def flush(self):
            sys.__stdout__.flush()

    X = np.random.default_rng(0).uniform(size=(60, 64)).astype(np.float32)
    y = np.where(np.arange(60) % 4, np.arange(60) % 3, -1)
    embedder = SimCLREmbedder("resnet_narrow", max_epochs=2, batch_size=30, device="cpu")
    sys.stdout = Waiting()
    ContrastiveClassifier(
        embedder, max_epochs=3, batch_size=20, self_training_epochs=2, random_state=0,
        checkpoint_dir=sys.argv[1], verbose=1,
    ).fit(X, y)
"""


def test_after_kill_9_the_same_call_ends_bit_by_bit_the_same(tmp_path, monkeypatch):
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PROGRAM), str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(torch.get_num_threads())},
    )
    lines = [process.stdout.readline() for _ in range(2)]
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    assert [line.split(":")[0] for line in lines] == ["epoch 1", "epoch 2"]
    given = embedder(encoder="resnet_narrow", random_state=None)
    resumed = classifier(tmp_path, given)
    assert trained_epochs(resumed, monkeypatch) == 1 + N_TAUGHT
    assert_array_equal(weights(resumed), weights(classifier(None, given).fit(X, FEW)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("n_calls", [1, 4, 6])
def test_an_interruption_keeps_all_checkpoints(n_calls, tmp_path, monkeypatch, whole):
    save, seen = Checkpoint.save, []

    def save_and_interrupt(self, state):
        save(self, state)
        seen.append(None)
        if len(seen) == n_calls:
            raise KeyboardInterrupt

    model = classifier(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "save", save_and_interrupt)
        with pytest.warns(UserWarning, match="was interrupted"), pytest.raises(KeyboardInterrupt):
            model.fit(X, FEW)
    # that of the fine-tuning has epochs, that of the embedder alone is not a classifier
    assert hasattr(model, "net_") == (n_calls > N_FIRST)
    n_trainings = 1 + (n_calls > N_FIRST) + (n_calls > N_FIRST + N_TUNING)
    assert len(list(tmp_path.glob("*/state.pt"))) == n_trainings
    resumed = classifier(tmp_path)
    assert trained_epochs(resumed, monkeypatch) == N_FIRST + N_SECOND - n_calls
    assert_array_equal(weights(resumed), weights(whole))


@pytest.mark.parametrize("of_embedder", [None, 0])
def test_without_a_seed_the_next_training_goes_on(of_embedder, tmp_path, monkeypatch):
    make = {"given": embedder(random_state=of_embedder), "random_state": None}
    cut_off(classifier(tmp_path, **make), N_FIRST + 1, monkeypatch)
    assert trained_epochs(classifier(tmp_path, **make), monkeypatch) == N_SECOND - 1
    assert list(tmp_path.iterdir()) == []


def test_only_max_epochs_grew(tmp_path, monkeypatch, frozen):
    cut_off(classifier(tmp_path, frozen), 2, monkeypatch)
    longer = classifier(tmp_path, frozen, max_epochs=5)
    with pytest.warns(UserWarning, match="continues the same training of 3 epochs"):
        assert trained_epochs(longer, monkeypatch) == 3 + N_TAUGHT
    assert [record["epoch"] for record in longer.history_] == [1, 2, 3, 4, 5, 6, 7]
    assert list(tmp_path.iterdir()) == []


def test_a_longer_self_training_goes_on(tmp_path, monkeypatch, frozen):
    cut_off(classifier(tmp_path, frozen), N_TUNING + 1, monkeypatch)
    longer = classifier(tmp_path, frozen, self_training_epochs=N_TAUGHT + 2)
    with pytest.warns(UserWarning, match=f"continues the same training of {N_TAUGHT} epochs"):
        assert trained_epochs(longer, monkeypatch) == N_TAUGHT + 1
    assert list(tmp_path.iterdir()) == []


def test_a_longer_training_of_the_embedder_goes_on(tmp_path, monkeypatch):
    cut_off(classifier(tmp_path), N_FIRST + 1, monkeypatch)
    longer = classifier(tmp_path, embedder(max_epochs=N_FIRST + 2))
    with pytest.warns(UserWarning, match=f"continues the same training of {N_FIRST} epochs"):
        assert trained_epochs(longer, monkeypatch) == 2 + N_SECOND
    # the fine-tuning of the shorter one is another training, which may be continued
    assert len(list(tmp_path.glob("*/state.pt"))) == 1


# --- the checkpoint of the embedder ---------------------------------------------------------------


def test_an_embedder_may_have_a_folder_of_its_own(tmp_path, monkeypatch, whole):
    given = embedder(checkpoint_dir=tmp_path / "own")
    cut_off(classifier(tmp_path / "other", given), N_FIRST + 1, monkeypatch)
    assert len(list(tmp_path.glob("own/*/state.pt"))) == 1
    assert len(list(tmp_path.glob("other/*/state.pt"))) == 1
    resumed = classifier(tmp_path / "other", given)
    assert trained_epochs(resumed, monkeypatch) == N_SECOND - 1
    assert_array_equal(weights(resumed), weights(whole))
    assert resumed.embedder_.checkpoint_dir == given.checkpoint_dir
    assert list(tmp_path.glob("*/*")) == []
    # also without a folder of the classifier
    cut_off(classifier(None, given), N_FIRST, monkeypatch)
    model = classifier(None, given, learning_rate=1e30)
    with pytest.raises(ValueError, match="diverged"):
        model.fit(X, FEW)
    assert len(list(tmp_path.glob("own/*/state.pt"))) == 1
    assert trained_epochs(model.set_params(learning_rate=1e-3), monkeypatch) == 0
    assert list(tmp_path.glob("*/*")) == []


def test_the_folder_of_the_classifier_is_not_that_of_its_fitted_embedder(tmp_path, frozen):
    given = embedder()
    model = classifier(tmp_path, given).fit(X, FEW)
    assert given.checkpoint_dir is model.embedder_.checkpoint_dir is None
    assert classifier(tmp_path, frozen).fit(X, FEW).embedder_.checkpoint_dir is None


def test_a_training_of_the_embedder_alone_is_continued(tmp_path, monkeypatch, whole):
    with monkeypatch.context() as patched:
        cut_off_after(1, patched)
        with pytest.raises(CutOff):
            embedder(checkpoint_dir=tmp_path).fit(X)
    model = classifier(tmp_path)
    assert trained_epochs(model, monkeypatch) == N_FIRST - 1 + N_SECOND
    assert_array_equal(weights(model), weights(whole))


def test_a_fine_tuning_that_fails_keeps_the_trained_embedder(tmp_path, monkeypatch, whole):
    model = classifier(tmp_path, learning_rate=1e30)
    with pytest.raises(ValueError, match="diverged"):
        model.fit(X, FEW)
    assert not hasattr(model, "net_")
    again = model.set_params(learning_rate="auto")
    assert trained_epochs(again, monkeypatch) == N_SECOND
    assert_array_equal(weights(again), weights(whole))


def test_nothing_is_removed_before_the_classifier_is_fitted(tmp_path, monkeypatch, whole):
    removed = []

    def interrupted(self):
        removed.append(self)
        raise KeyboardInterrupt

    model = classifier(tmp_path)
    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "remove", interrupted)
        with pytest.raises(KeyboardInterrupt):
            model.fit(X, FEW)
    assert len(removed) == 1
    assert_array_equal(weights(model), weights(whole))
    assert len(list(tmp_path.glob("*/state.pt"))) == 3
    # a fit after it removes its own
    embedder(checkpoint_dir=tmp_path / "alone").fit(X)
    assert list((tmp_path / "alone").iterdir()) == []


class Trying:
    """An augmentation that notes which locks of a folder are free."""

    def __init__(self, folder):
        self.folder = str(folder)

    def __call__(self, batch, generator):
        for path in Path(self.folder).glob("*.lock"):
            lock = FileLock(path)
            try:
                lock.acquire(timeout=0)
            except Timeout:
                FOUND.append("held")
            else:
                lock.release()
                FOUND.append("free")
        return batch


FOUND = []


def test_all_checkpoints_are_locked_during_the_fit(tmp_path):
    FOUND.clear()
    classifier(tmp_path, max_epochs=1, augmentations=Trying(tmp_path)).fit(X, FEW)
    assert set(FOUND) == {"held"}
    # two locks in each of three batches, then three in the one batch of each epoch
    assert len(FOUND) == 2 * 3 + 3 * N_TAUGHT
    assert list(tmp_path.iterdir()) == []


# --- whose it is ----------------------------------------------------------------------------------


def swapped(y):
    """Labels with two of the same class exchanged for two of another."""
    y = y.copy()
    y[[1, 2]] = y[[2, 1]]
    return y


OTHERS = {
    "labels": ({}, swapped(FEW)),
    "fewer labels": ({}, np.where(np.arange(60) < 50, FEW, -1)),
    "class weights": ({"class_weight": {0: 2.0}}, FEW),
    "layer": ({"from_layer": "representation"}, FEW),
    "augmentations": ({"augmentations": RandomResizedCrop((0.4, 1))}, FEW),
    "learning rate": ({"learning_rate": 1e-3}, FEW),
    "weight decay": ({"weight_decay": 0.0}, FEW),
    "batch size": ({"batch_size": 15}, FEW),
    "seed": ({"random_state": 1}, FEW),
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_fine_tuning_is_not_resumed(name, tmp_path, monkeypatch, frozen):
    cut_off(classifier(tmp_path, frozen), 2, monkeypatch)
    parameters, y = OTHERS[name]
    other = classifier(tmp_path, frozen, **parameters)
    assert trained_epochs(other, monkeypatch, y) == N_SECOND
    assert_array_equal(weights(other), weights(classifier(None, frozen, **parameters).fit(X, y)))
    assert len(list(tmp_path.glob("*/state.pt"))) == 1  # that of the first is still there


def test_a_fine_tuning_from_other_weights_is_not_resumed(tmp_path, monkeypatch, frozen):
    cut_off(classifier(tmp_path, frozen), 2, monkeypatch)
    changed = by_pickle(frozen)
    with torch.no_grad():
        next(changed.estimator.net_.module_.parameters()).flatten()[0] += 1e-3
    assert trained_epochs(classifier(tmp_path, changed), monkeypatch) == N_SECOND


def test_a_fine_tuning_of_other_samples_is_not_resumed(tmp_path, monkeypatch, frozen):
    cut_off(classifier(tmp_path, frozen), 2, monkeypatch)
    other = classifier(tmp_path, frozen)
    trained = cut_off_after(10**6, monkeypatch)
    other.fit(np.clip(X + np.float32(1e-7), 0, 1), FEW)
    assert len(trained) == N_SECOND


def test_what_does_not_change_the_training_does_not_change_the_fingerprint(
    tmp_path, monkeypatch, frozen
):
    cut_off(classifier(tmp_path, frozen), 2, monkeypatch)
    given = by_pickle(frozen)
    given.estimator.set_params(output="projection", max_epochs=9, random_state=None)
    same = classifier(tmp_path, given, verbose=1, class_weight=dict.fromkeys(range(3), 1.0))
    assert trained_epochs(same, monkeypatch) == N_SECOND - 2


def test_functions_that_read_other_values_are_not_recognised(tmp_path, frozen):
    def reading(batch):
        return batch * float(os.environ.get("FACTOR", "1"))

    model = classifier(tmp_path, frozen, augmentations=reading)
    with pytest.warns(UserWarning, match="neither saved in checkpoint_dir nor resumed from it"):
        model.fit(X, FEW)
    assert model.n_iter_ == N_SECOND
    assert not tmp_path.exists() or list(tmp_path.iterdir()) == []


# --- files of others ------------------------------------------------------------------------------


def test_a_cut_checkpoint_starts_the_fine_tuning_anew(tmp_path, monkeypatch, frozen):
    cut_off(classifier(tmp_path, frozen), 2, monkeypatch)
    (file,) = tmp_path.glob("*/state.pt")
    file.write_bytes(file.read_bytes()[:1000])
    model = classifier(tmp_path, frozen)
    with pytest.warns(UserWarning, match=r"cannot be read .* starts from the beginning"):
        assert trained_epochs(model, monkeypatch) == N_SECOND
    assert_array_equal(weights(model), weights(classifier(None, frozen).fit(X, FEW)))


def test_states_of_other_trainings_are_set_aside(tmp_path, monkeypatch, whole):
    cut_off(classifier(tmp_path), N_FIRST + 1, monkeypatch)
    files = sorted(tmp_path.glob("*/state.pt"), key=lambda path: path.stat().st_mtime_ns)
    contents = [file.read_bytes() for file in files]
    for file, content in zip(files, reversed(contents), strict=True):  # each under the other name
        file.write_bytes(content)
    model = classifier(tmp_path)
    with pytest.warns(UserWarning, match=r"starts from the beginning") as seen:
        assert trained_epochs(model, monkeypatch) == N_FIRST + N_SECOND
    assert len(seen) == 2
    assert_array_equal(weights(model), weights(whole))
    assert {path.suffix for path in tmp_path.iterdir()} == {".damaged"}


def test_a_failed_refit_keeps_the_earlier_fit(tmp_path, monkeypatch, frozen):
    model = classifier(None, frozen).fit(X, FEW)
    before = dict(vars(model))
    with monkeypatch.context() as patched:
        cut_off_after(2, patched)
        with pytest.raises(CutOff):
            model.set_params(checkpoint_dir=tmp_path).fit(X, FEW)
    assert vars(model) == before | {"checkpoint_dir": tmp_path}
