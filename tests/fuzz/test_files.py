"""Files with a valid hash and any content: loaded and usable, or refused."""

import copy
import json

import numpy as np
import pytest
import torch
from helpers.fuzz import attempt
from helpers.trainings import CutOff, cut_off_after
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.base import clone
from sklearn.frozen import FrozenEstimator
from torch import nn

from sklearn_contrastive import LinearContrastive, SimCLREmbedder
from sklearn_contrastive._stored_fit import read_fit, write_fit
from sklearn_contrastive.deep import ContrastiveClassifier, LinearContrastiveEncoder
from sklearn_contrastive.deep._training.checkpoint import Checkpoint
from sklearn_contrastive.linear import Moments

N_EXAMPLES = settings().max_examples
RNG = np.random.default_rng(0)
X = RNG.normal(5.0, size=(40, 4))
IMAGES = RNG.random((8, 8, 8)).astype(np.float32)
LABELS = np.array(["a", "b"])[np.arange(8) % 2]
OF_CLASSIFIER = {"max_epochs": 1, "batch_size": 4, "random_state": 0}
TRAINING = {"batch_size": 4, "random_state": 0, "device": "cpu", "verbose": 0}

numbers = st.one_of(
    st.floats(), st.integers(-3, 300), st.sampled_from([2**31, 2**63, 2**70, -1, 1e308, 5e-324])
)
texts = st.one_of(st.text(max_size=9), st.sampled_from(["auto", "cuda", "../..", "os.system"]))
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)
arrays = hnp.arrays(
    st.one_of(hnp.floating_dtypes(), hnp.integer_dtypes(), st.just("<U3"), st.just(bool)),
    st.one_of(hnp.array_shapes(max_dims=3, max_side=4), st.sampled_from([(), (4,), (4, 4)])),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Files of each format, and a folder for changed ones."""
    folder = tmp_path_factory.mktemp("files")
    missing = np.where(RNG.random(X.shape) < 0.2, np.nan, X)
    for name, samples in {"complete": X, "pairwise": missing}.items():
        Moments.from_array(samples).save(folder / name)
    LinearContrastiveEncoder(2, max_epochs=1, random_state=0).fit(X).save(folder / "encoder")
    embedder = SimCLREmbedder(small_encoder, max_epochs=1, projection_dim=3, **TRAINING)
    clone(embedder).fit(IMAGES).save(folder / "embedder")
    classifier = ContrastiveClassifier(embedder, class_weight={"a": 2.0}, **OF_CLASSIFIER)
    classifier.fit(IMAGES, LABELS).save(folder / "classifier")
    return folder


def small_encoder():
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(3))


@settings(max_examples=4 * N_EXAMPLES)
@given(data=st.data(), kind=st.sampled_from(["complete", "pairwise"]))
def test_any_moments_in_a_file_are_fitted_or_refused(data, kind, folder):
    with np.load(folder / kind) as file:
        found = dict(file)
    name = data.draw(st.sampled_from(sorted(found)))
    like = found[name]
    if like.dtype == np.float64:  # of the right shape, so that the values are looked at
        drawn = hnp.arrays(np.float64, like.shape, elements=st.floats())
        found[name] = data.draw(st.one_of(drawn, drawn, arrays))
    else:
        found[name] = data.draw(arrays)
    with open(folder / "changed", "wb") as file:
        np.savez(file, **found)
    moments, _ = attempt(lambda: Moments.load(folder / "changed"))
    if moments is None:
        return
    model, _ = attempt(lambda: LinearContrastive(2).fit_moments(moments))
    if model is not None:
        assert not np.isnan(model.transform(X)).any()


def changed(draw, description):
    """A description with one value replaced."""
    description = copy.deepcopy(description)
    part = description[draw(st.sampled_from(["parameters", "attributes"]))]
    name = draw(st.sampled_from(sorted(part)))
    while isinstance(part[name], dict) and part[name] and draw(st.booleans()):  # inside of it
        part = part[name]
        name = draw(st.sampled_from(sorted(part)))
    old = part[name]
    if isinstance(old, list) and old and draw(st.booleans()):  # one of its entries
        old[draw(st.integers(0, len(old) - 1))] = draw(values)
    else:
        part[name] = draw(values)
    return description


NETWORKS = {
    "encoder": (LinearContrastiveEncoder, X, {}),
    "embedder": (SimCLREmbedder, IMAGES, {"encoder": small_encoder}),
    "classifier": (ContrastiveClassifier, IMAGES, {"embedder__encoder": small_encoder}),
}


@pytest.mark.parametrize("name", NETWORKS)
@settings(max_examples=4 * N_EXAMPLES)
@given(data=st.data())
def test_any_description_in_a_file_loads_or_is_refused(name, data, folder):
    estimator, samples, given_parameters = NETWORKS[name]
    stored = read_fit(folder / name, estimator.__name__)
    description = changed(data.draw, stored.description)
    weights = dict(stored.arrays)
    if data.draw(st.booleans()):
        weights[data.draw(st.sampled_from(sorted(weights)))] = data.draw(
            arrays.filter(lambda array: array.dtype.kind != "U" and array.dtype.itemsize <= 8)
        )
    write_fit(folder / "changed", estimator.__name__, description, weights)
    loaded, _ = attempt(lambda: estimator.load(folder / "changed", **given_parameters))
    if loaded is None:
        return
    if name == "classifier":
        scores, _ = attempt(lambda: loaded.predict_proba(samples))
        width = len(loaded.classes_)
    else:
        scores, _ = attempt(lambda: loaded.transform(samples))
        width = len(loaded.get_feature_names_out())
    if scores is not None:
        assert scores.shape == (len(samples), width)
    json.dumps(loaded.history_)


# what an entry of a state may be replaced with
STATES = [
    *(None, True, -1, 0, 10**6, 2**70, 0.5, float("nan"), "x", [], [1, None], {}, {"x": 1}),
    *(torch.zeros(0), torch.zeros(2), torch.tensor(float("nan")), torch.ones(2, dtype=torch.int64)),
]


@pytest.fixture(scope="module", params=["embedder", "classifier"])
def checkpoint(request, tmp_path_factory):
    """State after the first of two epochs, the folder of its file, and the fit."""
    folder = tmp_path_factory.mktemp("checkpoints")
    train = {"embedder": trained_embedder, "classifier": fine_tuned_embedder()}[request.param]
    with pytest.MonkeyPatch.context() as patched:
        cut_off_after(1, patched)
        with pytest.raises(CutOff):
            train(folder)
    (file,) = folder.glob("*/state.pt")
    return Checkpoint(file.parent).load(), folder, file.parent, train


def trained_embedder(folder):
    model = SimCLREmbedder(small_encoder, max_epochs=2, checkpoint_dir=folder, **TRAINING)
    return model.fit(IMAGES)


def fine_tuned_embedder():
    frozen = FrozenEstimator(trained_embedder(None))

    def fine_tuned(folder):
        parameters = OF_CLASSIFIER | {"max_epochs": 2, "checkpoint_dir": folder}
        return ContrastiveClassifier(frozen, **parameters).fit(IMAGES, LABELS)

    return fine_tuned


def paths(state, above=()):
    """Keys of all entries of nested dicts; the state of the optimiser as one entry."""
    for key, value in state.items():
        yield (*above, key)
        if isinstance(value, dict) and key != "optimizer":
            yield from paths(value, (*above, key))


@pytest.mark.parametrize("seed", range(N_EXAMPLES))
def test_any_state_in_a_checkpoint_is_continued_or_set_aside(seed, checkpoint):
    rng = np.random.default_rng(seed)
    state, folder, own, train = copy.deepcopy(checkpoint[0]), *checkpoint[1:]
    found = list(paths(state))
    *path, key = found[rng.integers(len(found))]
    part = state
    for name in path:
        part = part[name]
    if rng.random() < 0.7:
        part[key] = STATES[rng.integers(len(STATES))]
    else:
        del part[key]
    own.mkdir(exist_ok=True)
    Checkpoint(own).save(state)
    model, _ = attempt(lambda: train(folder))
    for damaged in folder.glob("*.damaged*"):
        damaged.unlink()
    if model is not None:
        assert model.n_iter_ == len(model.history_) == 2
        embedder = getattr(model, "embedder_", model)
        assert embedder.transform(IMAGES).shape == (8, 3)
