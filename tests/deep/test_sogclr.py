"""SogCLR: the loss against loops, the limit of small batches, its state in trainings."""

import math
from itertools import combinations

import numpy as np
import pytest
import torch
from helpers.embeddings import TEMPERATURES, embedding_pairs, gradient_scale, random_pair
from helpers.persistence import by_joblib, by_pickle, by_skops
from helpers.strategies import SEEDS
from helpers.trainings import CutOff, cut_off_after, weights_of
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from sklearn_contrastive.deep import SimCLREmbedder, decoupled_contrastive_loss, sogclr_loss

EPS = np.finfo(np.float64).eps
X = np.random.default_rng(0).integers(0, 256, (32, 8, 8), dtype=np.uint8)


def similarities(pair, temperature):
    """Similarities of all embeddings, view by view, divided by the temperature."""
    rows = torch.cat(pair)
    units = rows / torch.sqrt(torch.sum(rows**2, dim=1, keepdim=True))
    return units @ units.T / temperature


def normalizer(exponentials, i, n):
    """Mean over both views of a sample and both views of all other samples."""
    terms = [
        exponentials[i + n * view, j + n * other]
        for view in range(2)
        for other in range(2)
        for j in range(n)
        if j != i
    ]
    return sum(terms) / len(terms)


def slow_sogclr(pair, normalizers, temperature, rate):
    """Algorithm 1 of Yuan et al., sample by sample: surrogate with its gradient, value, state."""
    n = len(pair[0])
    scaled = similarities(pair, temperature)
    exponentials = torch.exp(scaled)
    losses, values, updated = [], [], []
    for i in range(n):
        estimate = normalizer(exponentials, i, n)
        new = estimate if normalizers[i] == 0 else (1 - rate) * normalizers[i] + rate * estimate
        new = new.detach()
        losses.append(estimate / new - scaled[i, i + n])
        values.append(torch.log(new) - scaled[i, i + n].detach())
        updated.append(new)
    return sum(losses) / n, sum(values) / n, torch.stack(updated)


@given(
    pair=embedding_pairs(),
    temperature=st.sampled_from([0.05, 0.5, 1.0, 10.0]),
    rate=st.sampled_from([1e-3, 0.3, 0.9, 1.0]),
    n_seen=st.integers(0, 7),
    seed=SEEDS,
)
def test_loss_gradient_and_averages_are_those_of_the_algorithm(
    pair, temperature, rate, n_seen, seed
):
    n = len(pair[0])
    before = torch.tensor(np.random.default_rng(seed).uniform(0.5, 2, n))
    before[n_seen:] = 0
    before = before * np.exp(0.5 / temperature)
    fast, slow = ([each.clone().requires_grad_() for each in pair] for _ in range(2))
    loss, logs = sogclr_loss(*fast, before.log(), temperature, update_rate=rate)
    surrogate, value, expected = slow_sogclr(slow, before, temperature, rate)
    loss.backward()
    surrogate.backward()
    scale = 1000 * EPS * gradient_scale(pair, temperature) / rate
    assert loss.item() == pytest.approx(value.item(), rel=1e-10, abs=scale)
    assert_allclose(logs, expected.log(), rtol=1e-10, atol=scale)
    assert not logs.requires_grad
    for each, other in zip(fast, slow, strict=True):
        assert_allclose(each.grad, other.grad, rtol=0, atol=scale * (1 + other.grad.abs().max()))


@settings(max_examples=20)
@given(
    pair=embedding_pairs(max_samples=6),
    batch_size=st.integers(2, 5),
    temperature=st.sampled_from([0.2, 1.0]),
)
def test_with_exact_averages_the_mean_gradient_of_all_batches_is_that_of_all_samples(
    pair, batch_size, temperature
):
    n = len(pair[0])
    batch_size = min(batch_size, n)
    whole = [each.clone().requires_grad_() for each in pair]
    scaled = similarities(whole, temperature)
    exact = torch.stack([normalizer(torch.exp(scaled), i, n) for i in range(n)])
    (torch.log(exact) - scaled.diagonal(n)).mean().backward()
    small = [each.clone().requires_grad_() for each in pair]
    batches = list(combinations(range(n), batch_size))
    for batch in map(list, batches):
        views = (each[batch] for each in small)
        logs = exact.detach().log()[batch]
        loss, _ = sogclr_loss(*views, logs, temperature, update_rate=1e-12)
        (loss / len(batches)).backward()
    for each, other in zip(small, whole, strict=True):
        scale = gradient_scale(pair, temperature) * (1 + other.grad.abs().max())
        assert_allclose(each.grad, other.grad, rtol=0, atol=1e-11 * scale)


def test_averages_converge_to_the_normalizer_of_all_samples():
    pair, n, batch_size, temperature = random_pair(40), 40, 4, 0.5
    exponentials = torch.exp(similarities(pair, temperature))
    exact = torch.stack([normalizer(exponentials, i, n) for i in range(n)])
    logs = torch.full((n,), -torch.inf, dtype=torch.float64)
    draws = torch.Generator().manual_seed(0)
    errors = []
    for _ in range(60):
        for batch in torch.randperm(n, generator=draws).split(batch_size):
            _, logs[batch] = sogclr_loss(
                *(each[batch] for each in pair), logs[batch], temperature, update_rate=0.05
            )
        errors.append((logs - exact.log()).square().mean().sqrt().item())
    assert errors[-1] < errors[0] / 2


@given(pair=embedding_pairs(), temperature=TEMPERATURES)
def test_of_equal_views_and_this_batch_alone_it_is_the_decoupled_loss(pair, temperature):
    views = (pair[0], pair[0])
    n = len(pair[0])
    loss, _ = sogclr_loss(*views, torch.zeros(n), temperature, update_rate=1.0)
    expected = decoupled_contrastive_loss(*views, temperature) - math.log(2 * (n - 1))
    scale = 1000 * EPS * gradient_scale(pair, temperature)
    assert_allclose(loss, expected, rtol=1e-10, atol=scale)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
@pytest.mark.parametrize("temperature", [0.01, 0.5])
def test_low_precision_and_low_temperatures_do_not_overflow(dtype, temperature):
    pair = [each.requires_grad_() for each in random_pair(6, dtype=dtype)]
    loss, logs = sogclr_loss(*pair, torch.full((6,), -torch.inf), temperature)
    loss, logs = sogclr_loss(*pair, logs, temperature)
    loss.backward()
    assert loss.dtype == logs.dtype == torch.float32
    assert all(each.grad.isfinite().all() for each in pair)
    assert logs.isfinite().all()


BAD = {
    "length": ({"log_normalizers": torch.zeros(3)}, r"shape \(3,\); .* each of the 4 samples"),
    "rate of zero": ({"update_rate": 0.0}, r"update_rate=0.0 must be in \(0, 1\]"),
    "rate above one": ({"update_rate": 1.5}, r"update_rate=1.5 must be in \(0, 1\]"),
    "temperature": ({"temperature": 0.0}, "temperature=0.0 must be a positive number"),
    "chunks": ({"chunk_size": 0}, "chunk_size=0 must be None or an integer"),
}


@pytest.mark.parametrize("name", BAD)
def test_invalid_arguments_are_refused(name):
    arguments, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        sogclr_loss(*random_pair(4), **({"log_normalizers": torch.zeros(4)} | arguments))


# --- in SimCLREmbedder ----------------------------------------------------------------------------


def linear():
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 16))


def embedder(**parameters):
    defaults = {"max_epochs": 3, "batch_size": 8, "device": "cpu", "random_state": 0}
    return SimCLREmbedder(linear, loss="sogclr", **(defaults | parameters))


def averages(model):
    return model.net_.module_.loss.log_normalizers


def test_every_training_image_has_its_own_average():
    # a fixed network, in which the average of an image depends on the image alone
    settings = {"augmentations": "none", "learning_rate": 1e-12, "batch_size": 32}
    model = embedder(max_epochs=1, **settings).fit(X)
    assert averages(model).shape == (32,)
    assert len(averages(model).unique()) > 20
    again = embedder(max_epochs=1, **settings).fit(X[::-1].copy())
    assert_allclose(averages(model), averages(again).flip(0), atol=1e-4)


def test_averages_are_part_of_checkpoints(tmp_path, monkeypatch):
    whole = embedder().fit(X)
    with monkeypatch.context() as patch:
        cut_off_after(2, patch)
        with pytest.raises(CutOff):
            embedder(checkpoint_dir=tmp_path).fit(X)
    resumed = embedder(checkpoint_dir=tmp_path).fit(X)
    assert_array_equal(weights_of(resumed), weights_of(whole))
    assert_array_equal(averages(resumed), averages(whole))


def test_partial_fit_starts_averages_of_its_own_images():
    model = embedder().fit(X)
    before = averages(model).clone()
    continued = by_pickle(model).partial_fit(X[:20])
    assert averages(continued).shape == (20,)
    assert averages(continued).isfinite().all()
    assert_array_equal(averages(model), before)
    assert_array_equal(weights_of(continued), weights_of(model.partial_fit(X[:20])))


@pytest.mark.parametrize("returned", [by_joblib, by_skops])
@pytest.mark.parametrize("settings", [{}, {"loss": "nt_xent", "temperature": "learn"}])
def test_losses_with_a_state_are_stored_with_the_estimator(returned, settings):
    model = embedder().set_params(**settings).fit(X)
    loaded = returned(model)
    state, expected = (each.net_.module_.loss.state_dict() for each in (loaded, model))
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    assert_array_equal(weights_of(loaded.partial_fit(X)), weights_of(model.partial_fit(X)))


def test_a_saved_embedder_continues_without_the_averages(tmp_path):
    model = embedder().fit(X)
    model.save(tmp_path / "model.safetensors")
    loaded = SimCLREmbedder.load(tmp_path / "model.safetensors", encoder=linear)
    assert_array_equal(loaded.transform(X), model.transform(X))
    assert len(averages(loaded)) == 0
    assert averages(loaded.partial_fit(X[:20])).isfinite().all()


@pytest.mark.parametrize("settings", [{"optimizer": "lars"}, {"precision": "bfloat16"}])
def test_other_settings_train_it_too(settings):
    history = embedder(max_epochs=10, **settings).fit(X).history_
    assert all(math.isfinite(record["loss"]) for record in history)


def test_chunks_leave_the_averages_of_one_pass():
    settings = {"augmentations": "none", "projection_head": "linear", "batch_size": 16}
    chunked, whole = (embedder(chunk_size=size, **settings).fit(X) for size in (4, None))
    assert_allclose(averages(chunked), averages(whole), atol=1e-4)


def test_its_temperature_is_not_learned():
    with pytest.raises(ValueError, match='"nt_xent" or "decoupled", but loss=\'sogclr\''):
        embedder(temperature="learn").fit(X)
