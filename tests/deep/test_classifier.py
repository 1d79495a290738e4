"""ContrastiveClassifier: learning, labels, embedders, randomness, failures, interruption."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from helpers.callbacks import recording_callback
from helpers.persistence import by_joblib, by_pickle
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn
from torch.utils.data import TensorDataset

from sklearn_contrastive.augmentation import RandomResizedCrop
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
NAMES = np.array([f"digit {y}" for y in LABELS[:120]])


def small_encoder():
    """Return an encoder that trains fast."""
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten()
    )


def embedder(encoder=small_encoder, **parameters):
    defaults = {"max_epochs": 2, "batch_size": 40, "device": "cpu", "random_state": 0}
    return SimCLREmbedder(encoder, **(defaults | parameters))


def classifier(given=None, **parameters):
    """Return a classifier without self-training, which test_self_training.py tests."""
    defaults = {"max_epochs": 3, "self_training_epochs": 0, "random_state": 0}
    return ContrastiveClassifier(embedder() if given is None else given, **(defaults | parameters))


def weights(fitted):
    """All weights and buffers of the network of a classifier in one array."""
    state = fitted.net_.module_.state_dict().values()
    return torch.cat([each.detach().flatten().float() for each in state]).numpy()


@pytest.fixture(scope="module")
def fitted_embedder():
    return embedder().fit(X)


@pytest.fixture(scope="module")
def fitted():
    return classifier().fit(X, FEW)


# --- learning -------------------------------------------------------------------------------------


def test_fine_tuning_beats_the_frozen_probe_on_digits():
    images = (DIGITS / 16).astype(np.float32)
    seen, new = images[:800], images[800:]
    training = {"temperature": 0.2, "batch_size": 64, "augmentations": RandomResizedCrop((0.4, 1))}
    trained = embedder("resnet_narrow", max_epochs=3, **training).fit(seen)
    few = np.where(np.arange(800) < 200, LABELS[:800], -1)
    model = classifier(FrozenEstimator(trained), max_epochs=12).fit(seen, few)
    probe = make_pipeline(StandardScaler(), LogisticRegression())
    probe.fit(trained.transform(seen[:200]), LABELS[:200])
    # with seeds 0, 1 and 2 it was .88, .87 and .92, against .81, .81 and .84
    frozen = probe.score(trained.transform(new), LABELS[800:])
    assert model.score(new, LABELS[800:]) > frozen + 0.03


def test_unlabelled_samples_matter_to_the_embedder_only(fitted_embedder):
    frozen = FrozenEstimator(fitted_embedder)
    model = classifier(frozen).fit(X, FEW)
    labelled = classifier(frozen).fit(X[1::2], Y[1::2])
    assert_array_equal(weights(model), weights(labelled))
    alone = classifier().fit(X[1::2], Y[1::2])
    assert not np.allclose(weights(classifier().fit(X, FEW)), weights(alone))


def test_history_has_a_record_of_every_epoch(fitted):
    assert [record["epoch"] for record in fitted.history_] == [1, 2, 3]
    names = {"epoch", "loss", "accuracy", "learning_rate", "seconds"}
    assert all(set(record) == names for record in fitted.history_)
    assert fitted.n_iter_ == 3
    assert 0 <= fitted.history_[-1]["accuracy"] <= 1


def test_heavy_classes_are_predicted_more_often(fitted_embedder):
    frozen = FrozenEstimator(fitted_embedder)
    counts = [
        np.sum(classifier(frozen, class_weight=each, max_epochs=10).fit(X, FEW).predict(X) == 3)
        for each in ({3: 0.01}, None, {3: 100.0})
    ]
    assert counts[0] < counts[1] < counts[2]


def test_balanced_weights_are_those_of_the_labelled_samples(fitted_embedder):
    y = np.where(Y < 5, np.where(np.arange(120) % 4, -1, 0), np.minimum(Y, 6))
    model = classifier(FrozenEstimator(fitted_embedder), class_weight="balanced").fit(X, y)
    counts = np.array([(y == each).sum() for each in (0, 5, 6)])
    assert_allclose(model.net_.criterion.class_weights, counts.sum() / (3 * counts))


@pytest.mark.parametrize("weight", [-1.0, np.nan, np.inf])
def test_invalid_weights_of_classes_are_refused(weight, fitted_embedder):
    model = classifier(FrozenEstimator(fitted_embedder), class_weight={0: weight})
    with pytest.raises(ValueError, match="weights of at least 0"):
        model.fit(X, FEW)


@pytest.mark.parametrize(
    ("head", "from_layer", "layer"),
    [
        ("mlp", "middle", "middle"),
        ("mlp", "representation", "representation"),
        ("mlp3", "middle", "middle"),
        ("linear", "middle", "representation"),
        ("none", "middle", "representation"),
        (nn.Linear(128, 4), "middle", "representation"),
    ],
)
def test_classes_are_predicted_from_a_layer_that_the_head_has(head, from_layer, layer):
    given = embedder(projection_head=head, max_epochs=1)
    model = classifier(given, from_layer=from_layer, max_epochs=1).fit(X, FEW)
    assert model.net_.module_.layer == layer


# --- predictions ----------------------------------------------------------------------------------


def test_probabilities_are_the_softmax_of_the_logits(fitted):
    logits = fitted.decision_function(X)
    p = np.exp(logits.astype(np.float64))
    p /= p.sum(axis=1, keepdims=True)
    assert_allclose(fitted.predict_proba(X), p, rtol=1e-5)
    assert_allclose(fitted.predict_log_proba(X), np.log(p), rtol=1e-5, atol=1e-5)
    assert_array_equal(fitted.predict(X), fitted.classes_[p.argmax(axis=1)])


def test_two_classes_have_one_logit(fitted_embedder):
    y = np.where(Y < 5, "low", "high")
    model = classifier(FrozenEstimator(fitted_embedder)).fit(X, y)
    logits, p = model.decision_function(X), model.predict_proba(X)
    assert logits.shape == (120,)
    assert_allclose(p[:, 1], 1 / (1 + np.exp(-logits.astype(float))), rtol=1e-5)
    assert_array_equal(model.predict(X), np.where(logits > 0, "low", "high"))


def test_classes_of_strings_with_the_mark_are_predicted(fitted_embedder):
    y = NAMES.astype(object)
    y[::2] = -1
    model = classifier(FrozenEstimator(fitted_embedder)).fit(X, y)
    numbers = classifier(FrozenEstimator(fitted_embedder)).fit(X, FEW)
    assert_array_equal(model.classes_, np.unique(NAMES))
    assert_array_equal(model.predict(X), [f"digit {each}" for each in numbers.predict(X)])
    assert model.score(X, y) == numbers.score(X, FEW)


def test_an_embedder_that_uses_labels_reads_the_mark_among_strings_too():
    y = NAMES.astype(object)
    y[::2] = -1
    given = SupConEmbedder(small_encoder, max_epochs=1, batch_size=40, device="cpu", random_state=0)
    by_name, by_number = (classifier(given).fit(X, labels) for labels in (y, FEW))
    assert_array_equal(weights(by_name), weights(by_number))


def test_the_score_is_the_accuracy_on_the_labelled_samples(fitted):
    right = fitted.predict(X) == Y
    assert fitted.score(X, FEW) == right[1::2].mean()
    assert fitted.score(X, Y) == right.mean()
    weighted = np.average(right[1::2], weights=np.arange(1, 121, 2))
    assert fitted.score(X, FEW, sample_weight=np.arange(120)) == pytest.approx(weighted)
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        fitted.score(X, Y[:3])
    with pytest.raises(ValueError, match="No sample has a label"):
        fitted.score(X, np.full(120, -1))


def test_minus_one_may_be_a_class_beside_one(fitted_embedder):
    y = np.where(Y < 5, -1, 1)
    with pytest.warns(UserWarning, match="exactly -1 and 1"):
        model = classifier(FrozenEstimator(fitted_embedder)).fit(X, y)
    assert model.score(X, y) == np.mean(model.predict(X) == y)


# --- embedders ------------------------------------------------------------------------------------


def test_the_given_embedder_is_never_changed(fitted_embedder):
    before = fitted_embedder.transform(X)
    model = classifier(FrozenEstimator(fitted_embedder)).fit(X, FEW)
    assert_array_equal(fitted_embedder.transform(X), before)
    assert not np.allclose(model.embedder_.transform(X), before)
    given = embedder()
    classifier(given).fit(X, FEW)
    assert not hasattr(given, "net_")


def test_a_frozen_embedder_serves_clones(fitted_embedder):
    model = classifier(FrozenEstimator(fitted_embedder))
    assert_array_equal(weights(clone(model).fit(X, FEW)), weights(model.fit(X, FEW)))


def test_an_unfitted_embedder_gives_what_its_fit_and_a_frozen_one_give(fitted_embedder, fitted):
    frozen = classifier(FrozenEstimator(fitted_embedder)).fit(X, FEW)
    assert_array_equal(weights(frozen), weights(fitted))


@pytest.mark.parametrize("frozen", [False, True])
@pytest.mark.parametrize("kind", [SupConEmbedder, AutoencoderEmbedder, TabularContrastiveEmbedder])
def test_every_embedder_is_fine_tuned(kind, frozen):
    rows = X.reshape(len(X), -1)[:, :20]
    settings = {"image_shape": (4, 5)} if kind is SupConEmbedder else {}
    given = kind(max_epochs=1, batch_size=20, device="cpu", random_state=0, **settings)
    model = classifier(FrozenEstimator(given.fit(rows, FEW)) if frozen else given).fit(rows, FEW)
    assert model.predict_proba(rows).shape == (len(rows), len(model.classes_))
    assert type(model.embedder_) is kind


def test_a_fitted_embedder_is_trained_again_with_a_warning(fitted_embedder, fitted):
    with pytest.warns(UserWarning, match="give FrozenEstimator"):
        model = classifier(fitted_embedder).fit(X, FEW)
    assert_array_equal(weights(model), weights(fitted))


def test_the_embedder_has_the_representations_of_the_fine_tuned_network(fitted, tmp_path):
    network = fitted.net_.module_
    middle = fitted.embedder_.set_params(output="middle").transform(X)
    linear = network.linear
    logits = middle @ linear.weight.detach().numpy().T + linear.bias.detach().numpy()
    assert_allclose(logits, fitted.decision_function(X), atol=1e-4)
    fitted.embedder_.set_params(output="representation")


def test_an_embedder_may_be_saved_loaded_and_fine_tuned(tmp_path):
    trained = embedder("resnet_narrow", max_epochs=1).fit(X)
    trained.save(tmp_path / "embedder.safetensors")
    loaded = SimCLREmbedder.load(tmp_path / "embedder.safetensors")
    models = [classifier(FrozenEstimator(each)).fit(X, FEW) for each in (trained, loaded)]
    assert_allclose(weights(models[0]), weights(models[1]), atol=1e-6)


# --- randomness -----------------------------------------------------------------------------------


def test_the_seed_makes_fits_repeatable_and_global_states_stay():
    states = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    given = embedder(random_state=None)
    first, second, other = (classifier(given, random_state=seed).fit(X, FEW) for seed in (0, 0, 1))
    assert_array_equal(weights(first), weights(second))
    assert not np.allclose(weights(first), weights(other))
    assert torch.equal(torch.get_rng_state(), states[0])
    assert_array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002


def test_the_seed_of_the_embedder_is_its_own(fitted_embedder):
    first, second = (classifier(random_state=seed).fit(X, FEW) for seed in (0, 1))
    assert first.embedder_.random_state == second.embedder_.random_state == 0
    assert not np.allclose(weights(first), weights(second))


@pytest.mark.parametrize("copied", [by_pickle, by_joblib])
def test_copies_predict_the_same(fitted, copied):
    again = copied(fitted)
    assert_array_equal(again.decision_function(X), fitted.decision_function(X))
    assert_array_equal(again.embedder_.transform(X), fitted.embedder_.transform(X))


def test_fits_and_predictions_in_threads_are_those_alone(fitted_embedder):
    def predicted(seed):
        model = classifier(FrozenEstimator(fitted_embedder), random_state=seed).fit(X, FEW)
        return model.decision_function(X)

    alone = [predicted(seed) for seed in range(2)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(predicted, [0, 1] * 2))
    for found, expected in zip(together, alone * 2, strict=True):
        assert_array_equal(found, expected)


# --- input ----------------------------------------------------------------------------------------


def test_every_container_gives_the_same_classifier(fitted_embedder):
    frozen = FrozenEstimator(fitted_embedder)
    expected = weights(classifier(frozen).fit(X, FEW))
    images = X.reshape(-1, 8, 8)
    containers = [
        (X.astype(np.float64), FEW),
        (images, FEW.tolist()),
        (torch.from_numpy(images), pl.Series(FEW)),
        (TensorDataset(torch.from_numpy(images)), pd.Series(FEW)),
    ]
    for samples, labels in containers:
        assert_allclose(weights(classifier(frozen).fit(samples, labels)), expected, atol=1e-5)


def test_frames_have_feature_names():
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    model = classifier().fit(frame, pd.Series(FEW))
    assert_array_equal(model.feature_names_in_, frame.columns)
    assert model.n_features_in_ == 64
    assert_array_equal(model.predict(pl.DataFrame(frame)), model.predict(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        model.predict(frame.rename(columns=str.upper))
    model.fit(X, FEW)
    assert not hasattr(model, "feature_names_in_")


def test_unreadable_files_are_left_out_where_the_embedder_skips_them(tmp_path):
    from PIL import Image

    paths = []
    for i, row in enumerate(X[:40]):
        paths.append(tmp_path / f"{i}.png")
        Image.fromarray((row.reshape(8, 8) * 255).astype(np.uint8)).save(paths[-1])
    paths[3].write_bytes(b"no image")
    given = embedder(image_shape=(8, 8), on_unreadable="skip", batch_size=20)
    with pytest.warns(UnreadableImagesWarning, match="3.png"):
        model = classifier(given).fit(paths, Y[:40])
    kept = np.delete(np.arange(40), 3)
    images = (X[kept].reshape(-1, 8, 8) * 255).astype(np.uint8)
    frozen = FrozenEstimator(embedder(batch_size=20).fit(images))
    assert_allclose(weights(model), weights(classifier(frozen).fit(images, Y[kept])), atol=1e-5)
    with pytest.warns(UnreadableImagesWarning):
        assert_array_equal(np.isnan(model.predict_proba(paths)).all(axis=1), np.arange(40) == 3)
    with pytest.warns(UnreadableImagesWarning), pytest.raises(ValueError, match="sample 3"):
        model.predict(paths)


INVALID = {
    "labels of another length": (X, FEW[:-1], "119 labels, but X has 120"),
    "no labels": (X, np.full(120, -1), "All 120 labels are -1"),
    "one class": (X, np.where(FEW == 3, 3, -1), "one class only"),
    "continuous labels": (X, FEW + 0.5, "Unknown label type"),
    "images of another shape": (X[:, :49].reshape(-1, 7, 7), FEW, "8, 8"),
    "NaN": (np.where(np.eye(120, 64) > 0, np.nan, X), FEW, "NaN"),
    "strings": (np.full((120, 64), "a"), FEW, "a"),
}


@pytest.mark.parametrize("name", INVALID)
def test_a_failed_refit_keeps_the_earlier_fit(name, fitted_embedder):
    samples, labels, message = INVALID[name]
    model = classifier(FrozenEstimator(fitted_embedder)).fit(X, FEW)
    before = dict(vars(model))
    expected = model.decision_function(X)
    with pytest.raises(ValueError, match=message):
        model.fit(samples, labels)
    assert vars(model) == before
    assert_array_equal(model.decision_function(X), expected)


def test_labels_are_checked_before_the_embedder_is_trained(monkeypatch):
    monkeypatch.setattr(SimCLREmbedder, "fit", lambda self, X, y: pytest.fail("trained"))
    with pytest.raises(ValueError, match="one class only"):
        classifier().fit(X, np.zeros(120, int))


def test_what_is_not_an_embedder_is_refused(fitted):
    with pytest.raises(ValueError, match="'embedder' parameter of ContrastiveClassifier"):
        ContrastiveClassifier(LogisticRegression()).fit(X, FEW)
    with pytest.raises(TypeError, match="FrozenEstimator of LogisticRegression"):
        ContrastiveClassifier(FrozenEstimator(LogisticRegression())).fit(X, FEW)
    with pytest.raises(NotFittedError):
        ContrastiveClassifier(FrozenEstimator(embedder())).fit(X, FEW)
    with pytest.raises(NotFittedError):
        ContrastiveClassifier().predict(X)


def test_a_diverging_training_is_an_error_that_keeps_the_earlier_fit(fitted_embedder):
    model = classifier(FrozenEstimator(fitted_embedder)).fit(X, FEW)
    expected = model.decision_function(X)
    with pytest.raises(ValueError, match="diverged"):
        model.set_params(learning_rate=1e30).fit(X, FEW)
    assert_array_equal(model.decision_function(X), expected)


# --- interruption ---------------------------------------------------------------------------------


class Interrupting:
    """An augmentation that is interrupted after n calls; an epoch has two."""

    def __init__(self, n):
        self.n = n

    def __call__(self, batch, generator):
        self.n -= 1
        if self.n < 0:
            raise KeyboardInterrupt
        return batch


def test_an_interrupted_fine_tuning_keeps_the_last_epoch(fitted_embedder):
    model = classifier(FrozenEstimator(fitted_embedder), augmentations=Interrupting(5))
    with pytest.warns(UserWarning, match="after 2 epochs"), pytest.raises(KeyboardInterrupt):
        model.fit(X, FEW)
    assert model.n_iter_ == len(model.history_) == 2
    assert not model.net_.module_.training
    assert model.predict(X).shape == (120,)


def test_an_interruption_of_the_first_epoch_keeps_the_earlier_fit(fitted_embedder):
    model = classifier(FrozenEstimator(fitted_embedder)).fit(X, FEW)
    expected = model.decision_function(X)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(augmentations=Interrupting(0)).fit(X, FEW)
    assert_array_equal(model.decision_function(X), expected)


def test_callbacks_of_scikit_learn_hear_of_every_epoch(fitted_embedder):
    callback, calls = recording_callback()
    model = classifier(FrozenEstimator(fitted_embedder)).set_callbacks(callback)
    model.fit(X, FEW)
    assert sum(event == "end" and task == "epoch" for event, _, task in calls) == 3


def test_verbose_prints_a_line_for_each_epoch(fitted_embedder, capsys):
    classifier(FrozenEstimator(fitted_embedder), verbose=1).fit(X, FEW)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1", "epoch 2", "epoch 3"]


def test_fits_and_predictions_raise_no_warnings_by_default():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier().fit(X, FEW).predict(X)
