"""Networks, losses and augmentations of the user: trained on copies, or refused with the reason."""

import io
import pickle

import numpy as np
import pytest
import torch
from helpers.persistence import by_pickle
from helpers.trainings import weights_of
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn
from torch.nn.functional import cross_entropy, normalize

from sklearn_contrastive.deep import SimCLREmbedder, nt_xent_loss

X = np.random.default_rng(0).integers(0, 256, (32, 8, 8), dtype=np.uint8)


class LearnedTemperature(nn.Module):
    """Cross-entropy of the similarities with a temperature that is trained."""

    def __init__(self):
        super().__init__()
        self.log_t = nn.Parameter(torch.tensor(-0.7))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, z_1, z_2):
        self.calls += 1
        similarities = normalize(z_1) @ normalize(z_2).T
        return cross_entropy(similarities / self.log_t.exp(), torch.arange(len(z_1)))


class Net(nn.Module):
    """A linear encoder whose output is changed."""

    def __init__(self, change):
        super().__init__()
        self.layers = nn.Sequential(nn.Flatten(), nn.Linear(64, 16))
        self.change = change

    def forward(self, images):
        return self.change(self.layers(images), self.training)


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16))


def embedder(encoder=linear, **parameters):
    defaults = {"max_epochs": 3, "batch_size": 16, "device": "cpu", "random_state": 0}
    return SimCLREmbedder(encoder, **(defaults | parameters))


def test_parameters_of_a_loss_are_trained_on_a_copy():
    loss = LearnedTemperature()
    model = embedder(loss=loss).fit(X)
    trained = model.net_.module_.loss.log_t.item()
    assert trained != loss.log_t.item() == pytest.approx(-0.7)
    assert loss.log_t.grad is None
    assert loss.calls == 0
    continued = by_pickle(model).partial_fit(X)
    assert continued.net_.module_.loss.log_t.item() != trained
    assert_array_equal(weights_of(continued), weights_of(model.partial_fit(X)))


def test_temperatures_of_our_losses_can_be_learned():
    class Loss(LearnedTemperature):
        def forward(self, z_1, z_2):
            return nt_xent_loss(z_1, z_2, self.log_t.exp())

    assert embedder(loss=Loss()).fit(X).net_.module_.loss.log_t.item() != pytest.approx(-0.7)


class _CountsTensors(pickle.Pickler):
    """Pickles, and counts the tensors."""

    n_tensors = 0

    def reducer_override(self, value):
        self.n_tensors += isinstance(value, torch.Tensor)
        return NotImplemented


@pytest.mark.parametrize(
    "parameters", [{"temperature": "learn"}, {"loss": "sogclr"}, {"loss": LearnedTemperature()}]
)
def test_a_pickle_has_tensors_only_where_they_are_loaded_without_a_gpu(parameters):
    settings = {"max_epochs": 1, "batch_size": 16, "device": "cpu", "random_state": 0}
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 16))
    fitted = SimCLREmbedder(network, **settings, **parameters).fit(X)
    state = fitted.net_.__getstate__()
    assert len(state.pop("__cuda_dependent_attributes__")) > 0
    pickler = _CountsTensors(io.BytesIO())
    pickler.dump(state)
    assert pickler.n_tensors == 0
    # the loss that is trained is one object, if the objective has it
    loaded = by_pickle(fitted)
    of_objective = loaded.net_.criterion_.pair_loss.loss
    assert isinstance(of_objective, str) or of_objective is loaded.net_.module_.loss
    assert loaded.partial_fit(X).n_iter_ == 2


@pytest.mark.parametrize("loss", ["nt_xent", "decoupled"])
def test_the_temperature_is_learned_on_request_and_recorded(loss):
    settings = {"loss": loss, "optimizer": "sgd", "max_epochs": 2}
    model = embedder(temperature="learn", **settings).fit(X)
    recorded = [record["temperature"] for record in model.history_]
    assert 0.01 <= recorded[1] != recorded[0] != 0.5
    assert recorded[1] == model.net_.module_.loss.temperature.item()
    assert_array_equal(weights_of(by_pickle(model)), weights_of(model))
    fixed = embedder(temperature=0.5, max_epochs=1, loss=loss, learning_rate=1e-6).fit(X)
    start = embedder(temperature="learn", max_epochs=1, loss=loss, learning_rate=1e-6).fit(X)
    assert start.history_[0]["loss"] == pytest.approx(fixed.history_[0]["loss"], rel=1e-4)
    assert "temperature" not in fixed.history_[0]


@pytest.mark.parametrize("loss", ["spectral", "vicreg", nt_xent_loss])
def test_learning_the_temperature_of_a_loss_without_one_is_refused(loss):
    with pytest.raises(ValueError, match='temperature="learn" needs a loss with a temperature'):
        embedder(temperature="learn", loss=loss).fit(X)


@pytest.mark.parametrize("kind", ["function", "method", "augmentation"])
def test_parameters_that_would_not_be_trained_are_refused(kind):
    loss, factor = LearnedTemperature(), torch.ones((), requires_grad=True)
    parts = {
        "function": {"loss": lambda z_1, z_2: loss(z_1, z_2)},
        "method": {"loss": loss.forward},
        "augmentation": {"augmentations": lambda batch: batch * factor},
    }
    with pytest.raises(ValueError, match=r"depends on 1 tensors .* would not be trained.*Module"):
        embedder(**parts[kind]).fit(X)


@pytest.mark.parametrize("change", [torch.Tensor.half, torch.Tensor.double])
def test_encoders_may_return_other_precisions(change):
    model = embedder(Net(lambda h, training: change(h))).fit(X)
    assert model.transform(X).dtype == np.float32


BAD = {
    "a tuple in training": (
        {"encoder": Net(lambda h, training: (h, h) if training else h)},
        "The encoder, in training mode, returned tuple; it must return a Tensor",
    ),
    "another width in training": (
        {"encoder": Net(lambda h, training: h[:, :8] if training else h)},
        "in training mode, returned 8 features, in evaluation mode 16",
    ),
    "an error in training": (
        {"encoder": Net(lambda h, training: h @ h if training else h)},
        "The encoder, in training mode, cannot take samples",
    ),
    "a head that returns a tuple in training": (
        {"projection_head": nn.Sequential(nn.Linear(16, 4), Net(None))},
        "The projection head",
    ),
    "integers": ({"encoder": Net(lambda h, training: h.long())}, r"returned torch\.int64"),
    "more channels": (
        {"augmentations": lambda batch: batch.repeat(1, 3, 1, 1)},
        r"returned shape \(16, 3, 8, 8\).*it must return floats of shape \(16, 1, height, width\)",
    ),
    "bytes": (
        {"augmentations": lambda batch: (255 * batch).byte()},
        r"of torch\.uint8; it must return floats",
    ),
    "views that are not finite": (
        {"augmentations": lambda batch: batch / 0 * 0},
        "The loss of the first batch is nan, before the first step",
    ),
    "a loss that is not finite": (
        {"loss": lambda z_1, z_2: (z_1 - z_2).sum() / 0},
        "The loss of the first batch is .*, before the first step",
    ),
    "a loss without a gradient": (
        {"loss": lambda z_1, z_2: torch.tensor(1.0)},
        r"The loss has no gradient.*without \.detach\(\)",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_parts_that_cannot_be_trained_are_named_before_training(name):
    parameters, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        embedder(**parameters).fit(X)


def test_the_trial_in_training_mode_changes_neither_networks_nor_randomness():
    def counting(h, training):
        calls.append(training)
        return h

    calls = []
    network = nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64), nn.Dropout(), nn.Linear(64, 8))
    expected = {name: value.clone() for name, value in network.state_dict().items()}
    embedder(network).fit(X)
    assert all(torch.equal(network.state_dict()[name], expected[name]) for name in expected)
    embedder(Net(counting), max_epochs=1).fit(X)
    assert True in calls


@pytest.mark.parametrize("optimizer", ["sgd", "lars"])
@pytest.mark.parametrize(
    "loss", ["spectral", "barlow_twins", lambda z_1, z_2: 1e4 * nt_xent_loss(z_1, z_2)]
)
def test_automatic_learning_rates_depend_on_the_scale_of_the_loss(optimizer, loss):
    rates = [
        embedder("resnet_narrow", optimizer=optimizer, loss=each)
        .fit(X)
        .history_[0]["learning_rate"]
        for each in (loss, "nt_xent")
    ]
    assert rates[0] < rates[1] / 10
    given = embedder(optimizer=optimizer, loss=loss, learning_rate=1e-5, warmup_epochs=0).fit(X)
    assert given.net_.lr == 1e-5


@pytest.mark.parametrize("output", ["represntation", None, 3])
def test_a_mistyped_output_is_refused_when_it_is_read(output):
    model = embedder(max_epochs=1).fit(X)
    model.set_params(output=output)
    with pytest.raises(ValueError, match="The 'output' parameter of SimCLREmbedder must be"):
        model.transform(X)
    with pytest.raises(ValueError, match="The 'output' parameter of SimCLREmbedder must be"):
        model.get_feature_names_out()


def test_sizes_beyond_64_bits_are_read_or_refused():
    model = embedder(max_epochs=1).fit(X)
    expected = model.transform(X)
    assert_allclose(model.set_params(batch_size=2**63).transform(X), expected, atol=1e-6)
    with pytest.raises(ValueError, match="The 'projection_dim' parameter of SimCLREmbedder must"):
        embedder(projection_dim=2**63).fit(X)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5])
def test_an_invalid_batch_size_is_refused_when_it_is_read(batch_size):
    model = embedder(max_epochs=1).fit(X).set_params(batch_size=batch_size)
    with pytest.raises(ValueError, match="The 'batch_size' parameter of SimCLREmbedder must be"):
        model.transform(X)
