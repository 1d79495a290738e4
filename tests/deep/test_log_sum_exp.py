"""Chunked log-sum-exp: values, gradients, refused derivatives."""

import pytest
import torch
from helpers.embeddings import (
    COSINE_LOSSES,
    TEMPERATURES,
    assert_same,
    embedding_pairs,
    gradient_scale,
    random_pair,
    value_and_gradients,
)
from hypothesis import given
from hypothesis import strategies as st

from sklearn_contrastive.deep._losses import nt_xent_loss


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
