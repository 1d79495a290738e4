"""Self-training of ContrastiveClassifier: what it learns from, records, interruption, files."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from helpers.callbacks import recording_callback
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits, load_wine
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import scale
from torch import nn

from sklearn_contrastive.augmentation import ColorJitter, Compose, RandomResizedCrop
from sklearn_contrastive.deep import (
    AutoencoderEmbedder,
    ContrastiveClassifier,
    SimCLREmbedder,
    SupConEmbedder,
    TabularContrastiveEmbedder,
)
from sklearn_contrastive.exceptions import UnreadableImagesWarning

DIGITS, LABELS = load_digits(return_X_y=True)
X = (DIGITS[:120] / 16).astype(np.float32)
Y = LABELS[:120]
FEW = np.where(np.arange(120) % 2, Y, -1)


def small_encoder():
    """Return an encoder that trains fast."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten()
    )


def embedder(encoder=small_encoder, **parameters):
    defaults = {"max_epochs": 2, "batch_size": 40, "device": "cpu", "random_state": 0}
    return SimCLREmbedder(encoder, **(defaults | parameters))


def classifier(given, **parameters):
    defaults = {"max_epochs": 3, "self_training_epochs": 2, "random_state": 0}
    return ContrastiveClassifier(given, **(defaults | parameters))


def weights(fitted):
    """All weights and buffers of the network of a classifier in one array."""
    state = fitted.net_.module_.state_dict().values()
    return torch.cat([each.detach().flatten().float() for each in state]).numpy()


@pytest.fixture(scope="module")
def frozen():
    """A fitted embedder; no test changes it."""
    return FrozenEstimator(embedder().fit(X))


@pytest.fixture(scope="module")
def fitted(frozen):
    return classifier(frozen).fit(X, FEW)


# --- learning -------------------------------------------------------------------------------------


def test_the_unlabelled_samples_make_it_better_on_digits():
    views = Compose([RandomResizedCrop((0.4, 1)), ColorJitter(0.4, 0.4, 0.4, 0.0)])
    settings = {"temperature": 0.2, "batch_size": 64, "augmentations": views}
    quiet = {"random_state": 0, "verbose": 0}
    gains = []
    for seed in range(3):
        order = np.random.default_rng(seed).permutation(len(DIGITS))
        images, labels = (DIGITS[order] / 16).astype(np.float32), LABELS[order]
        given = embedder("resnet_narrow", max_epochs=4, random_state=seed, verbose=0, **settings)
        trained = FrozenEstimator(given.fit(images[:600]))
        few = np.where(np.arange(600) < 40, labels[:600], -1)
        alone, taught = (
            ContrastiveClassifier(trained, max_epochs=30, self_training_epochs=epochs, **quiet)
            .fit(images[:600], few)
            .score(images[600:], labels[600:])
            for epochs in (0, 10)
        )
        gains.append(taught - alone)
    # they were .07, .17 and .06
    assert min(gains) > 0.02


def test_without_unlabelled_samples_there_is_none(frozen):
    model = classifier(frozen).fit(X, Y)
    assert model.n_iter_ == 3
    assert_array_equal(
        weights(model), weights(classifier(frozen, self_training_epochs=0).fit(X, Y))
    )


def test_unlabelled_samples_matter_to_the_classifier_of_a_frozen_embedder(frozen, fitted):
    labelled = classifier(frozen).fit(X[1::2], Y[1::2])
    assert not np.allclose(weights(fitted), weights(labelled))
    some = np.arange(120) % 4 != 0
    assert not np.allclose(weights(fitted), weights(classifier(frozen).fit(X[some], FEW[some])))


def test_heavy_classes_are_predicted_more_often(frozen):
    counts = [
        np.sum(
            classifier(frozen, class_weight=each, self_training_epochs=20).fit(X, FEW).predict(X)
            == 3
        )
        for each in ({3: 0.01}, None, {3: 100.0})
    ]
    assert counts[0] < counts[1] < counts[2]


@pytest.mark.parametrize("kind", [SupConEmbedder, AutoencoderEmbedder, TabularContrastiveEmbedder])
def test_every_embedder_trains_itself(kind):
    rows = X.reshape(len(X), -1)[:, :20]
    settings = {"image_shape": (4, 5)} if kind is SupConEmbedder else {}
    given = kind(max_epochs=1, batch_size=20, device="cpu", random_state=0, **settings)
    model = classifier(given).fit(rows, FEW)
    assert model.predict_proba(rows).shape == (len(rows), len(model.classes_))
    assert type(model.embedder_) is kind
    assert model.n_iter_ == 5


def test_tables_of_strings_and_gaps_have_two_classes():
    frame_of = pytest.importorskip("pandas").DataFrame
    table, y = load_wine(return_X_y=True)
    table = (
        frame_of(scale(table))
        .add_prefix("x")
        .mask(np.random.default_rng(0).uniform(size=table.shape) < 0.1)
    )
    table["kind"] = np.where(y == 1, "red", "white")
    names = np.where(y == 0, "first", "other").astype(object)
    names[::3] = -1
    given = TabularContrastiveEmbedder(max_epochs=2, device="cpu", random_state=0)
    model = classifier(given, max_epochs=10, self_training_epochs=40).fit(table, names)
    assert model.decision_function(table).shape == (178,)
    assert model.score(table, np.where(y == 0, "first", "other")) > 0.9


def test_the_given_embedder_is_never_changed(frozen):
    before = frozen.estimator.transform(X)
    model = classifier(frozen).fit(X, FEW)
    assert_array_equal(frozen.estimator.transform(X), before)
    assert not np.allclose(model.embedder_.transform(X), before)
    assert model.embedder_.net_.module_ is model.net_.module_.embedding


def test_auto_is_20_epochs_for_images_and_none_for_rows(frozen):
    model = classifier(frozen, self_training_epochs="auto").fit(X, FEW)
    assert model.n_iter_ == 3 + 20
    given = TabularContrastiveEmbedder(max_epochs=1, batch_size=20, device="cpu", random_state=0)
    model = classifier(given, self_training_epochs="auto").fit(X[:, :20], FEW)
    assert model.n_iter_ == 3


class Counting:
    """An augmentation that counts the samples of its calls."""

    def __init__(self):
        self.sizes = []

    def __call__(self, batch, generator):
        self.sizes.append(len(batch))
        return batch


def test_both_trainings_have_the_given_augmentation(frozen):
    views = Counting()
    classifier(frozen, augmentations=views).fit(X, FEW)
    assert views.sizes == [30, 30] * 3 + [120] * 2


# --- records, randomness --------------------------------------------------------------------------


def test_history_has_the_epochs_of_both_trainings(fitted):
    assert [record["epoch"] for record in fitted.history_] == [1, 2, 3, 4, 5]
    assert fitted.n_iter_ == 5
    assert len({frozenset(record) for record in fitted.history_}) == 1
    assert fitted.history_[3]["learning_rate"] > fitted.history_[4]["learning_rate"]


def test_callbacks_of_scikit_learn_hear_of_every_epoch(frozen):
    callback, calls = recording_callback()
    classifier(frozen).set_callbacks(callback).fit(X, FEW)
    assert sum(event == "end" and task == "epoch" for event, _, task in calls) == 5


def test_fits_in_threads_are_those_alone(frozen):
    states = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    alone = [weights(classifier(frozen, random_state=seed).fit(X, FEW)) for seed in (0, 1)]
    assert not np.allclose(*alone)
    with ThreadPoolExecutor(2) as pool:
        together = list(
            pool.map(
                lambda seed: weights(classifier(frozen, random_state=seed).fit(X, FEW)), [0, 1] * 2
            )
        )
    for found, expected in zip(together, alone * 2, strict=True):
        assert_array_equal(found, expected)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002


def test_files_hold_the_network_after_the_self_training(tmp_path):
    fitted = classifier(embedder("resnet_narrow", max_epochs=1)).fit(X, FEW)
    fitted.save(tmp_path / "classifier.safetensors")
    loaded = ContrastiveClassifier.load(tmp_path / "classifier.safetensors")
    assert_array_equal(loaded.decision_function(X), fitted.decision_function(X))
    assert loaded.history_ == fitted.history_
    assert loaded.self_training_epochs == 2


def test_unreadable_files_are_left_out(tmp_path):
    from PIL import Image

    paths = []
    for i, row in enumerate(X[:40]):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray((row.reshape(8, 8) * 255).astype(np.uint8)).save(paths[-1])
    paths[3].write_bytes(b"no image")
    paths[4].write_bytes(b"no image")
    given = embedder(image_shape=(8, 8), on_unreadable="skip", batch_size=20)
    with pytest.warns(UnreadableImagesWarning, match="3.png"):
        model = classifier(given).fit(paths, FEW[:40])
    kept = np.delete(np.arange(40), [3, 4])
    images = (X[kept].reshape(-1, 8, 8) * 255).astype(np.uint8)
    readable = FrozenEstimator(embedder(batch_size=20).fit(images))
    expected = classifier(readable).fit(images, FEW[kept])
    assert_allclose(weights(model), weights(expected), atol=1e-4)


# --- interruption ---------------------------------------------------------------------------------


class Interrupting:
    """An augmentation that is interrupted after n calls."""

    def __init__(self, n):
        self.n = n

    def __call__(self, batch, generator):
        self.n -= 1
        if self.n < 0:
            raise KeyboardInterrupt
        return batch


@pytest.mark.parametrize(("n_calls", "n_epochs"), [(6, 3), (7, 4)])
def test_an_interruption_keeps_the_last_epoch_of_either_training(n_calls, n_epochs, frozen):
    model = classifier(frozen, augmentations=Interrupting(n_calls))
    with (
        pytest.warns(UserWarning, match=f"after {n_epochs} epochs"),
        pytest.raises(KeyboardInterrupt),
    ):
        model.fit(X, FEW)
    assert model.n_iter_ == len(model.history_) == n_epochs
    assert not model.net_.module_.training
    assert model.predict(X).shape == (120,)
    if n_epochs == 3:
        expected = classifier(frozen, augmentations="none", self_training_epochs=0).fit(X, FEW)
        assert_allclose(weights(model), weights(expected))
    assert model.embedder_.net_.module_ is model.net_.module_.embedding


def test_an_interruption_of_the_teacher_keeps_the_fine_tuned_network(frozen, monkeypatch):
    def interrupted(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr(
        "sklearn_contrastive.deep._classifier.probabilities_of_teacher", interrupted
    )
    model = classifier(frozen)
    with pytest.warns(UserWarning, match="after 3 epochs"), pytest.raises(KeyboardInterrupt):
        model.fit(X, FEW)
    expected = classifier(frozen, self_training_epochs=0).fit(X, FEW)
    assert_array_equal(weights(model), weights(expected))


@pytest.mark.parametrize("value", [-1, 1.5, "all", None])
def test_invalid_numbers_of_epochs_are_refused(value, frozen):
    with pytest.raises(ValueError, match="self_training_epochs"):
        classifier(frozen, self_training_epochs=value).fit(X, FEW)
