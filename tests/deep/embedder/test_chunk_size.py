"""chunk_size of SimCLREmbedder: training, resume, transform, and refusals."""

import numpy as np
import pytest
import torch
from helpers.persistence import by_pickle
from helpers.trainings import CutOff, cut_off_after, weights_of
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from sklearn_contrastive.deep import SimCLREmbedder

X = np.random.default_rng(0).integers(0, 256, (32, 8, 8), dtype=np.uint8)


def with_batch_norm():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16), nn.BatchNorm1d(16))


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16))


def embedder(encoder=with_batch_norm, **parameters):
    defaults = {"max_epochs": 2, "batch_size": 16, "device": "cpu", "random_state": 0}
    return SimCLREmbedder(encoder, **(defaults | parameters))


@pytest.mark.parametrize("temperature", [0.5, "learn"])
def test_a_training_without_randomness_and_batch_norm_is_that_of_whole_batches(temperature):
    def settings(chunk_size):
        return {
            "augmentations": lambda batch: batch / 2,
            "projection_head": "linear",
            "chunk_size": chunk_size,
            "temperature": temperature,
        }

    chunked, whole = (embedder(linear, **settings(size)).fit(X) for size in (5, None))
    assert_allclose(weights_of(chunked), weights_of(whole), rtol=1e-4, atol=1e-5)
    assert chunked.history_[-1]["loss"] == pytest.approx(whole.history_[-1]["loss"], rel=1e-5)
    assert_array_equal(chunked.transform(X).shape, (32, 16))


@pytest.mark.parametrize("augmentations", ["simclr", "masking"])
def test_images_have_the_views_that_they_have_without_chunks(augmentations):
    chunked, whole = (
        embedder(
            linear, augmentations=augmentations, projection_head="linear", chunk_size=size
        ).fit(X)
        for size in (5, None)
    )
    assert_allclose(weights_of(chunked), weights_of(whole), rtol=1e-4, atol=1e-5)


def test_running_statistics_are_updated_once_for_each_chunk():
    model = embedder(chunk_size=4, max_epochs=1).fit(X)
    assert model.encoder_[1][2].num_batches_tracked == 8


def test_a_whole_batch_as_chunk_changes_nothing():
    models = [embedder(chunk_size=size).fit(X) for size in (16, None)]
    assert_array_equal(*map(weights_of, models))


def test_interrupted_trainings_with_chunks_resume_exactly(tmp_path, monkeypatch):
    whole = embedder(chunk_size=4).fit(X)
    with monkeypatch.context() as patch:
        cut_off_after(1, patch)
        with pytest.raises(CutOff):
            embedder(chunk_size=4, checkpoint_dir=tmp_path).fit(X)
        # other chunks are another training
        seen = cut_off_after(1, patch)
        with pytest.raises(CutOff):
            embedder(chunk_size=8, checkpoint_dir=tmp_path).fit(X)
        assert seen == [2]
    resumed = embedder(chunk_size=4, checkpoint_dir=tmp_path).fit(X)
    assert_array_equal(weights_of(resumed), weights_of(whole))
    assert len(list(tmp_path.glob("*/state.pt"))) == 1


def test_partial_fit_may_have_other_chunks():
    model = embedder(chunk_size=4).fit(X)
    continued = by_pickle(model).set_params(chunk_size=8).partial_fit(X)
    assert continued.encoder_[1][2].num_batches_tracked == 16 + 8
    with pytest.raises(ValueError, match="chunk_size=32 is more than batch_size=16"):
        model.set_params(chunk_size=32).partial_fit(X)
    assert model.encoder_[1][2].num_batches_tracked == 16


def test_transform_takes_as_many_images_as_a_chunk_at_once():
    class Watched(nn.Flatten):
        def forward(self, images):
            sizes.append(len(images))
            return super().forward(images)

    sizes = []
    model = embedder(nn.Sequential(Watched(), nn.Linear(64, 16)), chunk_size=6).fit(X)
    sizes.clear()
    rows = model.transform(X)
    assert sizes == [6] * 5 + [2]
    assert_allclose(rows, model.set_params(chunk_size=None).transform(X), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("optimizer", ["sgd", "lars"])
def test_the_scale_of_a_loss_is_measured_in_chunks(optimizer):
    sizes = []

    class Watched(nn.Flatten):
        def forward(self, images):
            sizes.append(len(images))
            return super().forward(images)

    encoder = nn.Sequential(Watched(), nn.Linear(64, 16))
    embedder(encoder, chunk_size=4, optimizer=optimizer, loss="vicreg").fit(X)
    assert max(sizes) <= 8


class DrawsFromNumPy(nn.Flatten):
    """A layer with draws that PyTorch cannot repeat."""

    def forward(self, images):
        noise = np.random.default_rng().normal(size=(len(images), 64))
        return super().forward(images) + torch.from_numpy(noise).float()


REFUSED = {
    "more than the batch": ({"chunk_size": 17}, "chunk_size=17 is more than batch_size=16"),
    "zero": ({"chunk_size": 0}, "The 'chunk_size' parameter of SimCLREmbedder must be"),
    "not an integer": ({"chunk_size": 2.5}, "The 'chunk_size' parameter of SimCLREmbedder must be"),
    "one image and BatchNorm": (
        {"chunk_size": 1},
        "chunk_size=1 cuts batches into chunks of one sample, and the network has BatchNorm",
    ),
    "a last chunk of one image": (
        {"chunk_size": 2, "batch_size": 15},
        "chunk_size=2 cuts batches into chunks of one sample",
    ),
    "views that cannot be repeated": (
        {
            "chunk_size": 4,
            "augmentations": lambda batch: batch * np.random.default_rng().uniform(),
        },
        "chunk_size=4 needs the augmentations to draw from PyTorch's random state only",
    ),
    "a network that cannot be repeated": (
        {"chunk_size": 4, "encoder": nn.Sequential(DrawsFromNumPy(), nn.Linear(64, 16))},
        "chunk_size=4 needs the network to draw from PyTorch's random state only",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_chunks_that_cannot_be_trained_on_are_refused_and_the_fit_stays(name):
    parameters, message = REFUSED[name]
    model = embedder(max_epochs=1).fit(X)
    before = weights_of(model)
    with pytest.raises(ValueError, match=message):
        model.set_params(**parameters).fit(X)
    assert_array_equal(weights_of(model), before)


def test_one_image_at_a_time_is_allowed_without_batch_norm():
    model = embedder(linear, chunk_size=1, projection_head="linear", max_epochs=1).fit(X)
    assert np.isfinite(model.transform(X)).all()


def test_chunks_larger_than_few_images_are_the_whole_batch():
    with pytest.warns(UserWarning, match="batch_size=16 is more than the 8 images"):
        model = embedder(chunk_size=12).fit(X[:8])
    assert model.encoder_[1][2].num_batches_tracked == 2
