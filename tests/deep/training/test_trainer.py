"""The trainer: random state, steps, records, divergence, resume."""

import math
import pickle

import numpy as np
import pytest
import sklearn
import torch
from helpers.small_trainer import SOURCE, Reconstruction, X, trainer
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils import check_random_state
from torch import nn

from sklearn_contrastive.deep._training.objectives import Objective
from sklearn_contrastive.deep._training.schedule import cosine


def linear_network():
    return nn.Linear(4, 4)


def weights_of(net):
    return torch.cat([weight.detach().flatten() for weight in net.module_.parameters()]).numpy()


# --- epochs ---------------------------------------------------------------------------------------


def test_every_epoch_trains_on_all_samples_in_a_new_order():
    # skorch's default holds out a fifth for validation
    objective = Reconstruction()
    trainer(objective).train_epochs(SOURCE)
    epochs = [torch.cat(objective.batches[5 * i : 5 * i + 5]) for i in range(3)]
    assert len(objective.batches) == 15
    for epoch in epochs:
        assert_array_equal(np.sort(epoch[:, 0]), np.sort(X[:, 0]))
    assert not torch.equal(epochs[0], epochs[1])


# --- randomness -----------------------------------------------------------------------------------


def test_the_seed_determines_weights_order_and_dropout():
    torch.manual_seed(1)
    first = trainer().train_epochs(SOURCE)
    torch.manual_seed(2)
    second, other = trainer().train_epochs(SOURCE), trainer(seed=1).train_epochs(SOURCE)
    assert_array_equal(weights_of(first), weights_of(second))
    assert first.history[:, "train_loss"] == second.history[:, "train_loss"]
    assert not np.array_equal(weights_of(first), weights_of(other))


def test_training_does_not_change_pytorchs_global_state():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    settings = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
    numpy_state = check_random_state(None).get_state()[1]
    trainer().train_epochs(SOURCE)
    assert_array_equal(torch.get_rng_state(), before)
    assert_array_equal(check_random_state(None).get_state()[1], numpy_state)
    after = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
    assert after == settings


def test_a_training_resumed_from_its_state_equals_an_uninterrupted_one():
    # the state: weights, optimiser, generator and the number of steps
    whole = trainer(max_epochs=5).train_epochs(SOURCE)
    parts = trainer(max_epochs=5).initialize()
    parts.train_epochs(SOURCE, n_epochs=2)
    resumed = trainer(seed=99, max_epochs=5).initialize()
    resumed.load_training_state(parts.training_state())
    resumed.train_epochs(SOURCE, n_epochs=3)
    assert_array_equal(weights_of(resumed), weights_of(whole))
    assert resumed.history[:, "train_loss"] == whole.history[:, "train_loss"]


# --- steps ----------------------------------------------------------------------------------------


def test_each_step_has_the_learning_rate_of_the_schedule():
    rates = []

    class Watching(Reconstruction):
        def loss(self, module, batch, generator):
            rates.append([group["lr"] for group in net.optimizer_.param_groups])
            return super().loss(module, batch, generator)

    net = trainer(Watching(), optimizer__param_groups=[("0.weight", {"lr": 0.5})])
    net.train_epochs(SOURCE)
    factors = [cosine(step / 15) for step in range(15)]
    assert_allclose(rates, np.outer(factors, [0.5, 0.1]))


def test_each_step_of_a_game_moves_only_its_own_parameters():
    positions = []

    class Pursuit(nn.Module):
        def __init__(self):
            super().__init__()
            self.low, self.high = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(()))

    class Game(Objective):
        def steps(self, module, batch, generator, index):
            for player in (module.low, module.high):
                positions.append((module.low.item(), module.high.item()))
                yield module.low * module.high, [player]

    net = trainer(
        Game(),
        module=Pursuit,
        max_epochs=1,
        batch_size=len(X),
        lr=0.5,
        optimizer__param_groups=[("high", {"maximize": True})],
    )
    net.train_epochs(SOURCE)
    low, high = net.module_.low.item(), net.module_.high.item()
    # gradient steps with rate 1/2: low falls from 1 by 1/2, then high rises from 1 by low / 2
    assert positions == [(1.0, 1.0), (0.5, 1.0)]
    assert (low, high) == (0.5, 1.25)


def test_objectives_without_a_loss_raise_not_implemented_error():
    with pytest.raises(NotImplementedError):
        trainer(Objective()).train_epochs(SOURCE)


# --- records --------------------------------------------------------------------------------------


def test_the_loss_of_an_epoch_is_the_mean_over_its_samples():
    records = []
    net = trainer(module=lambda: nn.Linear(4, 4), lr=0.0)
    net.train_epochs(SOURCE, on_epoch=lambda trainer: records.append(trainer.history[-1].copy()))
    with torch.no_grad():
        loss = torch.mean((X - net.module_(X)) ** 2).item()
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert_allclose([record["train_loss"] for record in records], loss, rtol=1e-5)
    assert net.history[:, "train_loss"] == [record["train_loss"] for record in records]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_not_finite_is_an_error(value):
    class Diverging(Reconstruction):
        def loss(self, module, batch, generator):
            return super().loss(module, batch, generator) * (value if len(self.batches) > 5 else 1)

    with pytest.raises(ValueError, match=r"The loss is (nan|inf) in epoch 2: .*Lower the learn"):
        trainer(Diverging()).train_epochs(SOURCE)


def test_a_keyboard_interrupt_is_raised():
    def interrupt(trainer):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer().train_epochs(SOURCE, on_epoch=interrupt)


def test_training_works_with_metadata_routing():
    with sklearn.config_context(enable_metadata_routing=True):
        routed = trainer().train_epochs(SOURCE)
    assert_array_equal(weights_of(routed), weights_of(trainer().train_epochs(SOURCE)))


# --- state ----------------------------------------------------------------------------------------


def test_a_pickled_trainer_continues_exactly():
    net = trainer(module=linear_network, max_epochs=2).train_epochs(SOURCE)
    again = pickle.loads(pickle.dumps(net))
    for each in (net, again):
        each.train_epochs(SOURCE)
    assert_array_equal(weights_of(again), weights_of(net))
    assert again.history[:, "train_loss"] == net.history[:, "train_loss"]


def test_training_state_is_a_copy():
    net = trainer(max_epochs=1, optimizer=torch.optim.AdamW).train_epochs(SOURCE)
    state = net.training_state()
    before = state["module"]["0.weight"].clone(), state["optimizer"]["state"][0]["step"].clone()
    net.train_epochs(SOURCE)
    assert torch.equal(state["module"]["0.weight"], before[0])
    assert torch.equal(state["optimizer"]["state"][0]["step"], before[1])


def test_half_precision_computes_in_bfloat16_and_keeps_float32_weights():
    seen = []

    class Watched(Reconstruction):
        def loss(self, module, batch, generator):
            seen.append(module(batch).dtype)
            return super().loss(module, batch, generator)

    net = trainer(Watched(), half=True).train_epochs(SOURCE)
    assert set(seen) == {torch.bfloat16}
    assert {weights.dtype for weights in net.module_.parameters()} == {torch.float32}


def test_weights_that_are_not_finite_are_an_error():
    class Breaking(Reconstruction):
        def loss(self, module, batch, generator):
            # an infinite gradient of a finite loss
            zero = (module[0].weight - module[0].weight.detach()).sum()
            return super().loss(module, batch, generator) + torch.sqrt(zero)

    with pytest.raises(ValueError, match="Weights are no longer finite after epoch 1"):
        trainer(Breaking(), max_epochs=1, batch_size=len(X)).train_epochs(SOURCE)
