"""Chunked log-sum-exp: values, gradients, refused derivatives."""

import numpy as np
import pytest
import torch
from helpers.embeddings import COSINE_LOSSES, TEMPERATURES, embedding_pairs, random_pair
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_contrastive.deep._losses import (
    nt_xent_loss,
)

EPS = np.finfo(np.float64).eps


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
