"""Chunked log-sum-exp: values, gradients, refused derivatives."""

import numpy as np
import pytest
import torch
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
COSINE_LOSSES = [nt_xent_loss, decoupled_contrastive_loss]
LOSSES = [*COSINE_LOSSES, spectral_contrastive_loss, linear_contrastive_loss]
TEMPERATURES = st.sampled_from([0.01, 0.05, 0.1, 0.5, 1.0, 10.0])


@st.composite
def embedding_pairs(draw, max_samples=7, max_components=12):
    """Embeddings of two views in float64, from unrelated to nearly alike."""
    shape = draw(st.integers(2, max_samples)), draw(st.integers(1, max_components))
    agreement = draw(st.sampled_from([0.0, 0.9, 0.999]))
    unit = draw(st.sampled_from([1e-3, 1.0, 10.0]))
    rng = np.random.default_rng(draw(SEEDS))
    common = rng.normal(size=shape)
    return tuple(
        torch.tensor(unit * (agreement * common + (1 - agreement) * rng.normal(size=shape)))
        for _ in range(2)
    )


def random_pair(n_samples, n_components=16, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shape = 2, n_samples, n_components
    return tuple(torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype))


def value_and_gradients(loss, pair, *arguments, **options):
    leaves = [each.clone().requires_grad_() for each in pair]
    value = loss(*leaves, *arguments, **options)
    value.backward()
    return value.item(), *(leaf.grad.numpy() for leaf in leaves)


def assert_same(results, expected, scale):
    """Agree to rounding of `scale`; the gradients to rounding of their own largest entry or it."""
    assert_allclose(results[0], expected[0], rtol=0, atol=1000 * EPS * scale)
    for fast, slow in zip(results[1:], expected[1:], strict=True):
        size = max(np.abs(slow).max(), scale)
        assert_allclose(fast, slow, rtol=0, atol=1000 * EPS * size)


def norms_of(pair):
    return torch.linalg.vector_norm(torch.cat(pair), dim=1)


def gradient_scale(pair, temperature):
    """What similarities of this temperature make of a change of the shortest embedding."""
    return (1 + 1 / temperature) * (1 + 1 / norms_of(pair).min().item())


@given(pair=embedding_pairs(), temperature=TEMPERATURES, chunk_size=st.integers(1, 15))
@pytest.mark.parametrize("loss", COSINE_LOSSES)
def test_chunks_change_neither_value_nor_gradients(loss, pair, temperature, chunk_size):
    expected = value_and_gradients(loss, pair, temperature, chunk_size=10**6)
    results = value_and_gradients(loss, pair, temperature, chunk_size=chunk_size)
    assert_same(results, expected, gradient_scale(pair, temperature))


def test_a_large_batch_is_computed_in_chunks_by_default():
    pair = random_pair(900)
    expected = value_and_gradients(nt_xent_loss, pair, 0.1, chunk_size=10**6)
    assert_same(value_and_gradients(nt_xent_loss, pair, 0.1), expected, 10)


@pytest.mark.parametrize("chunk_size", [0, -1, 2.5])
def test_chunk_sizes_that_are_not_positive_integers_are_refused(chunk_size):
    with pytest.raises(ValueError, match=f"chunk_size={chunk_size} must be None or an integer"):
        nt_xent_loss(*random_pair(3), chunk_size=chunk_size)


def test_second_derivatives_raise_an_error():
    leaves = [each.requires_grad_() for each in random_pair(3)]
    (gradient,) = torch.autograd.grad(nt_xent_loss(*leaves), leaves[:1], create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        gradient.sum().backward()
