"""Contrastive losses against their equations, invariances, low precision."""

import math
from contextlib import nullcontext
from itertools import combinations

import numpy as np
import pytest
import torch
from helpers.embeddings import (
    COSINE_LOSSES,
    TEMPERATURES,
    assert_same,
    embedding_pairs,
    gradient_scale,
    norms_of,
    random_pair,
    value_and_gradients,
)
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_contrastive.deep._losses import (
    decoupled_contrastive_loss,
    linear_contrastive_loss,
    nt_xent_loss,
    spectral_contrastive_loss,
)

EPS = np.finfo(np.float64).eps
LOSSES = [*COSINE_LOSSES, spectral_contrastive_loss, linear_contrastive_loss]


def anchors(pair):
    """Each embedding with its partner and the embeddings of other samples."""
    n = len(pair[0])
    for view in range(2):
        for i in range(n):
            others = [pair[v][j] for v in range(2) for j in range(n) if j != i]
            yield pair[view][i], pair[1 - view][i], others


def cosine(u, v):
    return u @ v / (torch.sqrt(u @ u) * torch.sqrt(v @ v))


def slow_nt_xent(first, second, temperature):
    """Equation 1 of SimCLR, anchor by anchor."""
    losses = []
    for anchor, partner, others in anchors((first, second)):
        terms = [cosine(anchor, other) / temperature for other in (partner, *others)]
        losses.append(torch.logsumexp(torch.stack(terms), 0) - terms[0])
    return sum(losses) / len(losses)


def slow_decoupled(first, second, temperature):
    """The loss of Yeh et al., anchor by anchor."""
    losses = []
    for anchor, partner, others in anchors((first, second)):
        terms = [cosine(anchor, other) / temperature for other in others]
        losses.append(
            torch.logsumexp(torch.stack(terms), 0) - cosine(anchor, partner) / temperature
        )
    return sum(losses) / len(losses)


def slow_spectral(first, second):
    """The loss of HaoChen et al., pair by pair."""
    positives = [u @ v for u, v in zip(first, second, strict=True)]
    negatives = [
        (anchor @ other) ** 2 for anchor, _, others in anchors((first, second)) for other in others
    ]
    return -2 * sum(positives) / len(positives) + sum(negatives) / len(negatives)


# --- equations ------------------------------------------------------------------------------------


@given(pair=embedding_pairs(), temperature=TEMPERATURES)
@pytest.mark.parametrize(
    ("fast", "slow"), [(nt_xent_loss, slow_nt_xent), (decoupled_contrastive_loss, slow_decoupled)]
)
def test_cosine_losses_and_their_gradients_are_those_of_the_equation(fast, slow, pair, temperature):
    results = value_and_gradients(fast, pair, temperature)
    expected = value_and_gradients(slow, pair, temperature)
    assert_same(results, expected, gradient_scale(pair, temperature))


@given(pair=embedding_pairs())
def test_spectral_loss_and_its_gradient_are_those_of_the_equation(pair):
    results = value_and_gradients(spectral_contrastive_loss, pair)
    size = 1 + norms_of(pair).max().item() ** 4
    assert_same(results, value_and_gradients(slow_spectral, pair), size)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", [(2, 5), (4, 2)])
def test_gradients_are_those_of_finite_differences(loss, shape):
    pair = [each.requires_grad_() for each in random_pair(*shape)]
    assert torch.autograd.gradcheck(loss, pair)


@given(pair=embedding_pairs(), temperature=TEMPERATURES)
def test_nt_xent_is_softplus_of_the_decoupled_loss_for_equal_anchors(pair, temperature):
    # two opposite samples: all anchors have the same loss
    first = torch.stack([pair[0][0], -pair[0][0]])
    second = torch.stack([pair[1][0], -pair[1][0]])
    decoupled = decoupled_contrastive_loss(first, second, temperature).item()
    expected = np.logaddexp(0, decoupled)
    actual = nt_xent_loss(first, second, temperature).item()
    assert_allclose(actual, expected, rtol=1e-9 / temperature, atol=0)


@given(n_samples=st.integers(2, 9), width=st.integers(1, 5), temperature=TEMPERATURES, seed=SEEDS)
def test_loss_of_equal_embeddings_is_that_of_a_random_guess(n_samples, width, temperature, seed):
    alike = torch.tensor(np.random.default_rng(seed).normal(size=width)).expand(n_samples, width)
    allowed = 100 * EPS / temperature
    loss = nt_xent_loss(alike, alike, temperature)
    assert_allclose(loss, math.log(2 * n_samples - 1), rtol=0, atol=10 * EPS + allowed)
    decoupled = decoupled_contrastive_loss(alike, alike, temperature)
    assert_allclose(decoupled, math.log(2 * n_samples - 2), rtol=0, atol=10 * EPS + allowed)


@given(n_samples=st.integers(2, 9))
def test_spectral_loss_of_orthonormal_samples_is_its_minimum(n_samples):
    apart = torch.eye(n_samples, dtype=torch.float64) * math.sqrt(n_samples - 1)
    noise = 0.1 * random_pair(n_samples, n_samples)[0]
    assert spectral_contrastive_loss(apart, apart).item() == pytest.approx(-2 * (n_samples - 1))
    assert spectral_contrastive_loss(apart, apart + noise - noise.diag().diag()) > -2 * (
        n_samples - 1
    )


@given(pair=embedding_pairs(max_samples=6), batch_size=st.integers(2, 5))
def test_the_mean_spectral_loss_of_all_batches_is_that_of_all_samples(pair, batch_size):
    n = len(pair[0])
    batches = list(combinations(range(n), min(batch_size, n)))
    mean = np.mean([spectral_contrastive_loss(*(e[list(b)] for e in pair)) for b in batches])
    size = 1 + norms_of(pair).max().item() ** 4
    assert_allclose(mean, spectral_contrastive_loss(*pair), rtol=0, atol=100 * EPS * size)


def test_radius_shortens_only_longer_embeddings():
    first, second = random_pair(6, 4)
    norms = norms_of((first, second))
    assert norms.min() < 2 < norms.max()
    shortened = [
        torch.stack([row * min(1, 2 / torch.linalg.vector_norm(row)) for row in each])
        for each in (first, second)
    ]
    expected = slow_spectral(*shortened)
    assert_allclose(spectral_contrastive_loss(first, second, radius=2), expected, rtol=1e-12)
    unlimited = spectral_contrastive_loss(first, second)
    assert spectral_contrastive_loss(first, second, radius=100.0) == unlimited


# --- invariances ----------------------------------------------------------------------------------


@given(pair=embedding_pairs(), seed=SEEDS)
@pytest.mark.parametrize("loss", LOSSES)
def test_order_of_views_samples_and_axes_does_not_change_the_loss(loss, pair, seed):
    rng = np.random.default_rng(seed)
    n, width = pair[0].shape
    order = torch.tensor(rng.permutation(n))
    rotation = torch.tensor(np.linalg.qr(rng.normal(size=(width, width))).Q)
    expected = loss(*pair).item()
    allowed = 1000 * EPS * (10 + norms_of(pair).max().item() ** 4)
    for changed in (pair[::-1], [e[order] for e in pair], [e @ rotation for e in pair]):
        assert_allclose(loss(*changed).item(), expected, rtol=0, atol=allowed)


@given(pair=embedding_pairs(), seed=SEEDS)
@pytest.mark.parametrize("loss", COSINE_LOSSES)
def test_cosine_losses_do_not_depend_on_the_norms_of_embeddings(loss, pair, seed):
    rng = np.random.default_rng(seed)
    scaled = [each * torch.tensor(10 ** rng.uniform(-6, 6, (len(each), 1))) for each in pair]
    assert_allclose(loss(*scaled).item(), loss(*pair).item(), rtol=0, atol=1000 * EPS)


# --- precision ------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_low_precision_embeddings_are_computed_in_float32(loss, dtype):
    pair = random_pair(20, dtype=dtype)
    value, *gradients = value_and_gradients_as_tensors(loss, pair)
    exact, *_ = value_and_gradients_as_tensors(loss, [each.double() for each in pair])
    assert value.dtype == torch.float32
    assert exact.dtype == torch.float64
    assert_allclose(value.item(), exact.item(), rtol=1e-5)
    assert all(gradient.dtype == dtype for gradient in gradients)


def value_and_gradients_as_tensors(loss, pair, *arguments):
    leaves = [each.clone().requires_grad_() for each in pair]
    value = loss(*leaves, *arguments)
    value.backward()
    return value.detach(), *(leaf.grad for leaf in leaves)


@pytest.mark.parametrize("loss", COSINE_LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("temperature", [0.01, 0.05])
def test_low_temperatures_do_not_overflow_in_any_precision(loss, dtype, temperature):
    view = random_pair(20, dtype=dtype)[0]
    for pair in ((view, view), (view, -view), (view, torch.zeros_like(view))):
        results = value_and_gradients_as_tensors(loss, pair, temperature)
        assert all(torch.isfinite(each).all() for each in results)


@pytest.mark.parametrize("loss", LOSSES)
def test_autocast_changes_neither_the_loss_nor_its_gradient(loss):
    pair = random_pair(20, dtype=torch.float32)
    leaves = [each.clone().requires_grad_() for each in pair]
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(*leaves)
        assert torch.is_autocast_enabled("cpu")
    value.backward()
    expected, *gradients = value_and_gradients(loss, pair)
    assert value.item() == expected
    for leaf, gradient in zip(leaves, gradients, strict=True):
        assert_allclose(leaf.grad, gradient, rtol=0, atol=0)


@pytest.mark.parametrize("loss", COSINE_LOSSES)
def test_autocast_does_not_change_the_backward_pass(loss):
    pair = random_pair(20, dtype=torch.float32)
    expected = value_and_gradients(loss, pair)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        results = value_and_gradients(loss, pair)
    for actual, wanted in zip(results, expected, strict=True):
        assert_allclose(actual, wanted, rtol=0, atol=0)


@pytest.mark.parametrize("loss", COSINE_LOSSES)
def test_a_row_of_zeros_has_similarity_zero_and_gradient_zero(loss):
    first, second = random_pair(5)
    first[2] = 0
    axes = torch.eye(17, dtype=torch.float64)
    stood_in = [each @ axes[:16] for each in (first, second)]
    stood_in[0][2] = axes[16]  # orthogonal to all others
    value, gradient, _ = value_and_gradients(loss, (first, second))
    assert value == pytest.approx(loss(*stood_in).item(), rel=1e-12)
    assert_allclose(gradient[2], 0, rtol=0, atol=0)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("loss", LOSSES)
def test_nan_in_an_embedding_gives_a_nan_loss(loss):
    first, second = random_pair(5)
    first[2, 1] = torch.nan
    assert torch.isnan(loss(first, second))


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("learned", [False, True])
def test_losses_read_no_value_from_a_device(loss, learned, monkeypatch):
    # a tensor on the meta device has no values: to read one raises an error; autocast refuses it
    monkeypatch.setattr(torch, "autocast", lambda device, **options: nullcontext())
    pair = [torch.empty(6, 4, device="meta", requires_grad=True) for _ in range(2)]
    temperature = torch.empty((), device="meta", requires_grad=True)
    arguments = [temperature] if learned and loss in COSINE_LOSSES else []
    loss(*pair, *arguments).backward()
    for leaf in (*pair, *arguments):
        assert leaf.grad.shape == leaf.shape


# --- invalid input --------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shapes", [((3, 2), (3, 1)), ((3, 2), (2, 2)), ((3,), (3,))])
def test_embeddings_of_different_shapes_are_refused(loss, shapes):
    with pytest.raises(ValueError, match=r"both must be \(n_samples, n_components\)"):
        loss(*(torch.ones(shape) for shape in shapes))


@pytest.mark.parametrize("loss", LOSSES)
def test_a_single_sample_is_refused(loss):
    with pytest.raises(ValueError, match="There are 1 samples; the loss needs at least 2"):
        loss(torch.ones(1, 2), torch.ones(1, 2))


@pytest.mark.parametrize("loss", COSINE_LOSSES)
@pytest.mark.parametrize("temperature", [0, -0.5, math.nan, math.inf])
def test_temperatures_that_are_not_positive_are_refused(loss, temperature):
    with pytest.raises(ValueError, match=f"temperature={temperature} must be a positive number"):
        loss(*random_pair(3), temperature)


@pytest.mark.parametrize("radius", [0, -1.0, math.nan])
def test_a_radius_that_is_not_positive_is_refused(radius):
    with pytest.raises(ValueError, match=f"radius={radius} must be a positive number"):
        spectral_contrastive_loss(*random_pair(3), radius=radius)
