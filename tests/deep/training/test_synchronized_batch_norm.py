"""Batch normalisation over processes; test_several_processes.py has two of them."""

import pytest
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sklearn_contrastive.deep._training.processes import ALONE
from sklearn_contrastive.deep._training.synchronized_batch_norm import (
    _SynchronizedBatchNorm,
    synchronized_batch_norm,
)

LAYERS = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}


def one_step(layer, samples, context):
    """Output, gradients and running statistics after a forward and a backward pass."""
    samples = samples.clone().requires_grad_()
    with context:
        output = layer(samples)
    (output * torch.arange(output.numel()).reshape(output.shape)).sum().backward()
    gradients = {name: each.grad for name, each in layer.named_parameters()}
    return {
        "output": output,
        "by samples": samples.grad,
        **gradients,
        **dict(layer.named_buffers()),
    }


@given(
    n_axes=st.sampled_from(list(LAYERS)),
    n_samples=st.integers(2, 6),
    momentum=st.sampled_from([0.1, None]),
    affine=st.booleans(),
    tracked=st.booleans(),
    seed=SEEDS,
)
def test_of_one_process_it_is_that_of_pytorch(n_axes, n_samples, momentum, affine, tracked, seed):
    draws = torch.Generator().manual_seed(seed)
    samples = 50 + torch.randn(
        n_samples, 3, *range(2, n_axes), generator=draws, dtype=torch.float64
    )
    steps = []
    for context in (_SynchronizedBatchNorm(ALONE), synchronized_batch_norm(ALONE)):
        layer = LAYERS[n_axes](
            3, momentum=momentum, affine=affine, track_running_stats=tracked, dtype=torch.float64
        )
        steps.append(one_step(layer, samples, context))
    torch.testing.assert_close(*steps, rtol=1e-8, atol=1e-8)


def test_in_evaluation_mode_it_uses_the_running_statistics():
    layer = nn.BatchNorm1d(3).eval()
    samples = torch.randn(4, 3, generator=torch.Generator().manual_seed(0))
    with _SynchronizedBatchNorm(ALONE):
        found = layer(samples)
    torch.testing.assert_close(found, layer(samples), rtol=0, atol=0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_output_has_the_type_of_the_input(dtype):
    with _SynchronizedBatchNorm(ALONE):
        assert nn.BatchNorm1d(3)(torch.ones(4, 3, dtype=dtype)).dtype == dtype
