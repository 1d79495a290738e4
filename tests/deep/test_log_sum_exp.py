"""Chunked log-sum-exp: values, gradients by embeddings and settings, second derivatives."""

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
from torch.nn.functional import normalize

from sklearn_contrastive.deep import _log_sum_exp, alignment, uniformity
from sklearn_contrastive.deep._losses import (
    decoupled_contrastive_loss,
    nt_xent_loss,
    spectral_contrastive_loss,
)


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


@given(pair=embedding_pairs(), chunk_size=st.integers(1, 15))
@pytest.mark.parametrize("loss", COSINE_LOSSES)
@pytest.mark.parametrize("temperature", [0.2, 0.026])
def test_sums_without_a_maximum_are_the_same(loss, temperature, pair, chunk_size):
    results = value_and_gradients(loss, pair, temperature, chunk_size=chunk_size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_log_sum_exp, "_LARGEST_EXPONENT", 0.0)
        expected = value_and_gradients(loss, pair, temperature, chunk_size=chunk_size)
    assert_same(results, expected, gradient_scale(pair, temperature))


@pytest.mark.parametrize("chunk_size", [0, -1, 2.5])
def test_chunk_sizes_that_are_not_positive_integers_are_refused(chunk_size):
    with pytest.raises(ValueError, match=f"chunk_size={chunk_size} must be None or an integer"):
        nt_xent_loss(*random_pair(3), chunk_size=chunk_size)


SETTINGS = {
    "nt_xent, temperature": lambda first, second, setting: nt_xent_loss(first, second, setting),
    "decoupled, temperature": decoupled_contrastive_loss,
    "nt_xent in chunks": lambda first, second, setting: nt_xent_loss(
        first, second, setting, chunk_size=3
    ),
    "spectral, radius": lambda first, second, setting: spectral_contrastive_loss(
        first, second, radius=setting
    ),
    "uniformity, t": lambda first, second, setting: uniformity(first, setting),
    "alignment, alpha": lambda first, second, setting: alignment(first, second, 2 + setting),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_first_and_second_derivatives_are_those_of_finite_differences(name):
    setting = torch.tensor(0.7, dtype=torch.float64)
    leaves = [each.requires_grad_() for each in (*random_pair(4), setting)]
    assert torch.autograd.gradcheck(SETTINGS[name], leaves)
    assert torch.autograd.gradgradcheck(SETTINGS[name], leaves)


@pytest.mark.parametrize("decoupled", [True, False])
def test_hessians_are_those_of_the_dense_loss(decoupled):
    first, second = random_pair(5)

    def dense(embeddings):
        units = normalize(torch.cat([embeddings, second]), dim=1)
        similarities, own = units @ units.T / 0.5, torch.eye(10, dtype=torch.bool)
        excluded = own | own.roll(5, 0) if decoupled else own
        partners = torch.cat([similarities.diagonal(5), similarities.diagonal(-5)])
        return (similarities.masked_fill(excluded, -torch.inf).logsumexp(1) - partners).mean()

    loss = decoupled_contrastive_loss if decoupled else nt_xent_loss
    hessian = torch.autograd.functional.hessian(lambda each: loss(each, second), first)
    torch.testing.assert_close(hessian, torch.autograd.functional.hessian(dense, first))


def test_a_gradient_penalty_of_a_row_of_zeros_is_finite():
    first, second = random_pair(4)
    first[1] = 0
    first.requires_grad_()
    (gradient,) = torch.autograd.grad(nt_xent_loss(first, second), first, create_graph=True)
    gradient.pow(2).sum().backward()
    assert first.grad.isfinite().all()
    assert not gradient[1].any()


@pytest.mark.parametrize("setting", [torch.tensor([0.5]), torch.tensor(0.0), torch.ones(3)])
def test_settings_are_one_positive_number(setting):
    first, second = random_pair(3)
    with pytest.raises(ValueError, match=r"temperature=.* must be a positive number, or a Tensor"):
        nt_xent_loss(first, second, setting)
    with pytest.raises(ValueError, match=r"t=.* must be a positive number, or a Tensor"):
        uniformity(first, setting)
