"""Chunks of a batch: gradients, randomness and buffers are those of one graph."""

import weakref
from typing import ClassVar
from unittest import mock

import pytest
import torch
from helpers.small_trainer import SOURCE, trainer
from helpers.strategies import SEEDS
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from sklearn_contrastive.deep import (
    barlow_twins_loss,
    decoupled_contrastive_loss,
    linear_contrastive_loss,
    nt_xent_loss,
    sigreg_loss,
    spectral_contrastive_loss,
    vicreg_loss,
)
from sklearn_contrastive.deep._training import chunks
from sklearn_contrastive.deep._training.chunks import chunks_of, embedded_views
from sklearn_contrastive.deep._training.objectives import ContrastiveObjective

LOSSES = [
    nt_xent_loss,
    decoupled_contrastive_loss,
    spectral_contrastive_loss,
    linear_contrastive_loss,
    vicreg_loss,
    barlow_twins_loss,
    sigreg_loss,
]
N_FEATURES = 4


class Network(nn.Module):
    """BatchNorm, dropout, and a layer whose forward pass changes the buffers that it reads."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            spectral_norm(nn.Linear(N_FEATURES, 8)),
            nn.BatchNorm1d(8),
            nn.Tanh(),
            nn.Dropout(0.3),
            nn.Linear(8, 3),
        )
        self.loss = Loss()

    def forward(self, samples):
        return self.layers(samples)


class Loss(nn.Module):
    """A loss of a user with a parameter and a buffer, which it changes."""

    def __init__(self):
        super().__init__()
        self.log_temperature = nn.Parameter(torch.tensor(-1.0, dtype=torch.float64))
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, first, second):
        self.calls += 1
        return nt_xent_loss(first, second, self.log_temperature.exp())


def noisy_views(batch, generator):
    """Draw from the given generator and from PyTorch's global one."""
    first = batch + 0.3 * torch.randn(batch.shape, generator=generator, dtype=batch.dtype)
    return first, batch * (1 + 0.3 * torch.randn(batch.shape, dtype=batch.dtype))


def in_one_graph(module, views, batch, generator, chunk_size):
    """Embed the same chunks, all in one graph."""
    pairs = [
        module(torch.cat(views(chunk, generator))).chunk(2)
        for chunk in chunks_of(batch, chunk_size)
    ]
    return tuple(torch.cat(views_of_chunks) for views_of_chunks in zip(*pairs, strict=True))


def one_step(embedded, loss, n_samples, chunk_size, seed):
    """Loss, gradients, buffers and the next draws after a backward pass."""
    torch.manual_seed(seed)
    network = Network().double()
    batch = torch.randn(n_samples, N_FEATURES, dtype=torch.float64)
    generator = torch.Generator().manual_seed(seed)
    value = (loss or network.loss)(
        *embedded(network, noisy_views, batch, generator, chunk_size)
    ) + sum(weights.square().sum() for weights in network.parameters())
    value.backward()
    return {
        "loss": value.item(),
        **{name: weights.grad for name, weights in network.named_parameters()},
        **{f"{name} after": buffer for name, buffer in network.named_buffers()},
        "draws": torch.rand(2, generator=generator),
        "global draws": torch.rand(2),
    }


def assert_equal_steps(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert_allclose(found[name], value, rtol=1e-11, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("loss", [None, *LOSSES])
@settings(max_examples=8)
@given(
    n_samples=st.integers(2, 13),
    chunk_size=st.integers(1, 14),
    kept=st.sampled_from([0, 2**25]),
    seed=SEEDS,
)
def test_chunked_steps_equal_those_of_one_graph_in_float64(loss, n_samples, chunk_size, kept, seed):
    with torch.random.fork_rng(devices=[]), mock.patch.object(chunks, "_KEPT_VALUES", kept):
        steps = [
            one_step(embedded, loss, n_samples, chunk_size, seed)
            for embedded in (embedded_views, in_one_graph)
        ]
    assert_equal_steps(*steps)


@settings(max_examples=20)
@given(n_samples=st.integers(2, 13), chunk_size=st.integers(1, 14), seed=SEEDS)
def test_without_batch_norm_and_noise_chunks_are_the_whole_batch(n_samples, chunk_size, seed):
    draws = torch.Generator().manual_seed(seed)
    batch = torch.randn(n_samples, N_FEATURES, generator=draws, dtype=torch.float64)
    network = nn.Linear(N_FEATURES, 3, dtype=torch.float64)
    gradients = []
    for size in (chunk_size, None):
        network.zero_grad()
        pair = embedded_views(network, lambda x, _: (x, x.square()), batch, draws, size)
        nt_xent_loss(*pair).backward()
        gradients.append(network.weight.grad)
    assert_allclose(*gradients, rtol=1e-11, atol=1e-13)


class Watched(torch.autograd.Function):
    """The identity; keeps a tensor for the backward pass, and counts those in memory."""

    alive: ClassVar = weakref.WeakSet()
    counts: ClassVar = []

    @staticmethod
    def forward(ctx, samples):
        kept = samples.clone()
        ctx.save_for_backward(kept)
        Watched.alive.add(kept)
        Watched.counts.append(len(Watched.alive))
        return samples.clone()

    @staticmethod
    def backward(ctx, grad):
        return grad * ctx.saved_tensors[0].isfinite()


def test_one_chunk_at_a_time_has_its_activations_in_memory():
    class Network(nn.Linear):
        def forward(self, samples):
            return Watched.apply(super().forward(samples))

    network, batch = Network(N_FEATURES, 3), torch.randn(40, N_FEATURES)
    # all chunks but the last one are embedded twice
    for chunk_size, n_passes, most in [(40, 1, 1), (5, 15, 2)]:
        Watched.counts.clear()
        pair = embedded_views(network, lambda x, _: (x, x), batch, torch.Generator(), chunk_size)
        nt_xent_loss(*pair).backward()
        del pair
        assert len(Watched.counts) == n_passes
        assert max(Watched.counts) <= most


@pytest.mark.parametrize(("n_kept", "n_draws"), [(80, 5), (79, 9)])
def test_views_of_small_batches_are_drawn_once(monkeypatch, n_kept, n_draws):
    monkeypatch.setattr(chunks, "_KEPT_VALUES", n_kept)
    draws = []

    def views(samples, _):
        draws.append(len(samples))
        return samples, samples

    network, batch = nn.Linear(N_FEATURES, 3), torch.randn(10, N_FEATURES)
    nt_xent_loss(*embedded_views(network, views, batch, torch.Generator(), 2)).backward()
    assert draws == [2] * n_draws


def test_chunks_differ_by_at_most_one_sample():
    assert [len(chunk) for chunk in chunks_of(torch.empty(10), 4)] == [4, 3, 3]
    assert [len(chunk) for chunk in chunks_of(torch.empty(10), None)] == [10]


@pytest.mark.parametrize("half", [False, True])
def test_chunks_are_computed_in_the_precision_of_the_trainer(half):
    def trained(embedded):
        class InChunks(ContrastiveObjective):
            def loss(self, module, batch, generator):
                pair = embedded(module, self.views, batch, generator, 2)
                seen.add(pair[0].dtype)
                return self.pair_loss(*pair)

        objective = InChunks(noisy_views, nt_xent_loss)
        net = trainer(objective, module=lambda: nn.Linear(4, 3), half=half, max_epochs=1)
        return net.train_epochs(SOURCE).module_.weight.detach()

    seen = set()
    # gradients of chunks are added in float32, those in one graph in the precision of the trainer
    rounding = 2**-8 if half else 1e-6
    assert_allclose(trained(embedded_views), trained(in_one_graph), rtol=rounding, atol=rounding)
    assert seen == {torch.bfloat16 if half else torch.float32}


def test_only_the_loss_is_trained():
    class WithLoss(nn.Module):
        def __init__(self):
            super().__init__()
            self.embed = nn.Linear(N_FEATURES, 3).requires_grad_(False)
            self.factor = nn.Parameter(torch.tensor(2.0))

        def forward(self, samples):
            return self.embed(samples)

    batch = torch.randn(9, N_FEATURES, generator=torch.Generator().manual_seed(0))
    network = WithLoss()
    gradients = []
    for chunk_size in (None, 4):
        network.zero_grad()
        pair = embedded_views(
            network, lambda x, _: (x, x + 1), batch, torch.Generator(), chunk_size
        )
        nt_xent_loss(*pair, 1 / network.factor).backward()
        gradients.append(network.factor.grad)
        assert network.embed.weight.grad is None
    assert_allclose(*gradients, rtol=1e-5)  # float32
