"""The trainer: what it sees, what it draws, what it reports, and what it leaves alone."""

import math
import pickle

import numpy as np
import pytest
import sklearn
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils import check_random_state
from torch import nn

from sklearn_contrastive.deep._training.batches import IndexBatches, TensorSamples
from sklearn_contrastive.deep._training.devices import usable_device
from sklearn_contrastive.deep._training.objectives import ContrastiveObjective, Objective
from sklearn_contrastive.deep._training.schedule import cosine
from sklearn_contrastive.deep._training.trainer import Trainer

X = torch.randn(23, 4, generator=torch.Generator().manual_seed(0))


class Restoring(Objective):
    """Restores samples, and keeps the batches that it has seen."""

    def __init__(self):
        self.seen = []

    def loss(self, module, batch, generator):
        self.seen.append(batch.clone())
        return torch.mean((batch - module(batch)) ** 2)


def with_dropout():
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 4))


def linear_network():
    return nn.Linear(4, 4)


def trainer(objective=None, *, module=with_dropout, **settings):
    defaults = {"seed": 0, "max_epochs": 3, "batch_size": 5, "lr": 0.1}
    return Trainer(module, objective or Restoring(), **(defaults | settings))


def weights_of(net):
    return torch.cat([weight.detach().flatten() for weight in net.module_.parameters()]).numpy()


# --- batches -------------------------------------------------------------------------------------


@given(n_samples=st.integers(1, 60), batch_size=st.integers(1, 70), seed=SEEDS)
def test_batches_show_every_sample_once_in_nearly_equal_parts(n_samples, batch_size, seed):
    generator = torch.Generator().manual_seed(seed)
    batches = list(IndexBatches(TensorSamples(torch.arange(n_samples)), batch_size, generator))
    sizes = [len(batch) for batch in batches]
    assert sorted(torch.cat(batches).tolist()) == list(range(n_samples))
    assert len(batches) == len(
        IndexBatches(TensorSamples(torch.arange(n_samples)), batch_size, generator)
    )
    assert max(sizes) <= batch_size
    assert max(sizes) - min(sizes) <= 1


@given(n_samples=st.integers(2, 400), batch_size=st.integers(3, 70))
def test_no_batch_of_at_least_three_is_left_with_one_sample(n_samples, batch_size):
    batches = IndexBatches(TensorSamples(torch.arange(n_samples)), batch_size, torch.Generator())
    assert min(len(batch) for batch in batches) >= 2


def test_every_epoch_trains_on_all_samples_in_another_order():
    # skorch on its own would keep a fifth for validation
    objective = Restoring()
    trainer(objective).fit(X)
    epochs = [torch.cat(objective.seen[5 * i : 5 * i + 5]) for i in range(3)]
    assert len(objective.seen) == 15
    for epoch in epochs:
        assert_array_equal(np.sort(epoch[:, 0]), np.sort(X[:, 0]))
    assert not torch.equal(epochs[0], epochs[1])


# --- randomness ----------------------------------------------------------------------------------


def test_weights_order_and_dropout_follow_from_the_seed():
    torch.manual_seed(1)
    first = trainer().fit(X)
    torch.manual_seed(2)
    second, other = trainer().fit(X), trainer(seed=1).fit(X)
    assert_array_equal(weights_of(first), weights_of(second))
    assert first.history[:, "train_loss"] == second.history[:, "train_loss"]
    assert not np.array_equal(weights_of(first), weights_of(other))


def test_training_leaves_pytorchs_global_state_as_it_was():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    settings = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
    numpy_state = check_random_state(None).get_state()[1]
    trainer().fit(X)
    assert_array_equal(torch.get_rng_state(), before)
    assert_array_equal(check_random_state(None).get_state()[1], numpy_state)
    after = torch.get_num_threads(), torch.get_default_dtype(), torch.is_grad_enabled()
    assert after == settings


def test_training_in_two_parts_is_training_in_one():
    # what there is to save: weights, optimiser, generator and the number of steps
    whole = trainer(max_epochs=5).fit(X)
    parts = trainer(max_epochs=5).initialize()
    parts.partial_fit(X, n_epochs=2)
    resumed = trainer(seed=99, max_epochs=5).initialize()
    resumed.load_training_state(parts.training_state())
    resumed.partial_fit(X, n_epochs=3)
    assert_array_equal(weights_of(resumed), weights_of(whole))
    assert resumed.history[:, "train_loss"] == whole.history[:, "train_loss"]


# --- steps ---------------------------------------------------------------------------------------


def test_each_step_has_the_learning_rate_of_the_schedule():
    rates = []

    class Watching(Restoring):
        def loss(self, module, batch, generator):
            rates.append([group["lr"] for group in net.optimizer_.param_groups])
            return super().loss(module, batch, generator)

    net = trainer(Watching(), optimizer__param_groups=[("0.weight", {"lr": 0.5})])
    net.fit(X)
    factors = [cosine(step / 15) for step in range(15)]
    assert_allclose(rates, np.outer(factors, [0.5, 0.1]))


@given(progress=st.floats(0, 1))
def test_the_cosine_falls_from_one_to_nothing(progress):
    assert cosine(0) == 1
    assert_allclose(cosine(1), 0, atol=1e-15)
    assert_allclose(cosine(progress) + cosine(1 - progress), 1)


def test_players_move_in_turn_and_one_at_a_time():
    positions = []

    class Pursuit(nn.Module):
        def __init__(self):
            super().__init__()
            self.low, self.high = nn.Parameter(torch.ones(())), nn.Parameter(torch.ones(()))

    class Game(Objective):
        def turns(self, module, batch, generator):
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
    net.fit(X)
    low, high = net.module_.low.item(), net.module_.high.item()
    # plain gradient steps of 1/2: down from 1 by 1/2, then up from 1 by half of what is left
    assert positions == [(1.0, 1.0), (0.5, 1.0)]
    assert (low, high) == (0.5, 1.25)


def test_objectives_that_do_not_say_their_loss_are_refused():
    with pytest.raises(NotImplementedError):
        trainer(Objective()).fit(X)


def test_both_views_pass_the_network_together():
    passes = []

    class Watched(nn.Linear):
        def forward(self, batch):
            passes.append(len(batch))
            return super().forward(batch)

    objective = ContrastiveObjective(
        lambda batch, generator: (batch, 2 * batch),
        lambda first, second: torch.mean((first - second) ** 2),
        penalty=lambda module: 7.0,
    )
    net = trainer(objective, module=lambda: Watched(4, 2, bias=False), lr=0.0).fit(X)
    assert set(passes) == {8, 10}
    weight = net.module_.weight.detach()
    expected = torch.mean((X @ weight.T) ** 2).item() + 7
    assert_allclose(net.history[:, "train_loss"], expected, rtol=1e-5)


# --- reports -------------------------------------------------------------------------------------


def test_the_record_of_an_epoch_is_the_mean_loss_of_its_samples():
    records = []
    net = trainer(module=lambda: nn.Linear(4, 4), lr=0.0)
    net.fit(X, on_epoch=lambda trainer: records.append(trainer.history[-1].copy()))
    with torch.no_grad():
        loss = torch.mean((X - net.module_(X)) ** 2).item()
    assert [record["epoch"] for record in records] == [1, 2, 3]
    assert_allclose([record["train_loss"] for record in records], loss, rtol=1e-5)
    assert net.history[:, "train_loss"] == [record["train_loss"] for record in records]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_loss_that_is_no_number_ends_the_training(value):
    class Diverging(Restoring):
        def loss(self, module, batch, generator):
            return super().loss(module, batch, generator) * (value if len(self.seen) > 5 else 1)

    with pytest.raises(ValueError, match=r"The loss is (nan|inf) in epoch 2: .*Lower the learn"):
        trainer(Diverging()).fit(X)


def test_an_interruption_is_not_swallowed():
    def interrupt(trainer):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer().fit(X, on_epoch=interrupt)


def test_training_works_where_metadata_are_routed():
    with sklearn.config_context(enable_metadata_routing=True):
        routed = trainer().fit(X)
    assert_array_equal(weights_of(routed), weights_of(trainer().fit(X)))


# --- devices -------------------------------------------------------------------------------------


def test_a_device_is_known_by_its_name():
    assert usable_device("cpu") == torch.device("cpu")


@pytest.mark.parametrize("name", ["no such device", "cuda:99", ""])
def test_devices_that_cannot_be_used_are_refused(name):
    with pytest.raises(ValueError, match=f'device={name!r} cannot be used.* Give "cpu"'):
        usable_device(name)


def test_auto_is_a_device_that_works():
    assert torch.empty(2, device=usable_device("auto")).shape == (2,)


# --- state ---------------------------------------------------------------------------------------


def test_a_pickled_trainer_goes_on_as_the_other_does():
    net = trainer(module=linear_network, max_epochs=2).fit(X)
    again = pickle.loads(pickle.dumps(net))
    for each in (net, again):
        each.partial_fit(X)
    assert_array_equal(weights_of(again), weights_of(net))
    assert again.history[:, "train_loss"] == net.history[:, "train_loss"]


def test_a_state_is_a_copy_that_further_training_does_not_touch():
    net = trainer(max_epochs=1, optimizer=torch.optim.AdamW).fit(X)
    state = net.training_state()
    before = state["module"]["0.weight"].clone(), state["optimizer"]["state"][0]["step"].clone()
    net.partial_fit(X)
    assert torch.equal(state["module"]["0.weight"], before[0])
    assert torch.equal(state["optimizer"]["state"][0]["step"], before[1])


def test_half_precision_is_for_the_network_and_not_for_its_weights():
    seen = []

    class Watched(Restoring):
        def loss(self, module, batch, generator):
            seen.append(module(batch).dtype)
            return super().loss(module, batch, generator)

    net = trainer(Watched(), half=True).fit(X)
    assert set(seen) == {torch.bfloat16}
    assert {weights.dtype for weights in net.module_.parameters()} == {torch.float32}


def test_weights_that_are_no_numbers_end_the_training():
    class Breaking(Restoring):
        def loss(self, module, batch, generator):
            # a gradient that is infinite of a loss that is not
            zero = (module[0].weight - module[0].weight.detach()).sum()
            return super().loss(module, batch, generator) + torch.sqrt(zero)

    with pytest.raises(ValueError, match="Weights are no longer finite after epoch 1"):
        trainer(Breaking(), max_epochs=1, batch_size=len(X)).fit(X)
