"""Optimisers by name: learning rates and weight decay."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch import nn

from sklearn_contrastive.deep._training.optimizers import OptimizerRecipe, peak_learning_rate


def test_learning_rates_of_lars_are_those_of_the_paper():
    for batch_size in (256, 1024, 4096):
        linear = peak_learning_rate("linear", "lars", batch_size)
        root = peak_learning_rate("sqrt", "lars", batch_size)
        assert_allclose(linear, 0.3 * batch_size / 256)
        assert_allclose(root, 0.075 * batch_size**0.5)
    # section 2.1 with appendix B.1: both rules agree at a batch of 4096
    assert_allclose(linear, root)


@given(
    batch_size=st.integers(3, 10**5), optimizer=st.sampled_from(["muon", "adamw", "sgd", "lars"])
)
def test_rates_grow_with_the_batch_size_by_their_rule(batch_size, optimizer):
    for rule, factor in [("linear", 4), ("sqrt", 2)]:
        rate = peak_learning_rate(rule, optimizer, batch_size)
        assert_allclose(peak_learning_rate(rule, optimizer, 4 * batch_size), factor * rate)
    own = "linear" if optimizer == "sgd" else "sqrt"
    auto = peak_learning_rate("auto", optimizer, batch_size)
    assert auto == peak_learning_rate(own, optimizer, batch_size)
    assert peak_learning_rate(0.7, optimizer, batch_size) == 0.7


@pytest.mark.parametrize("name", ["muon", "adamw", "sgd", "lars"])
def test_biases_and_norms_do_not_decay(name):
    network = nn.Sequential(nn.Conv1d(2, 3, 2), nn.Linear(3, 2), nn.BatchNorm1d(2))
    optimizer = OptimizerRecipe(name, 0.5)([{"params": list(network.parameters())}], lr=0.1)
    before = [weights.detach().clone() for weights in network.parameters()]
    for weights in network.parameters():
        weights.grad = torch.zeros_like(weights)
    optimizer.step()
    for old, new in zip(before, network.parameters(), strict=True):
        if new.ndim > 1:
            assert new.norm() < old.norm()
        else:
            assert torch.equal(old, new)


def test_weights_that_are_frozen_are_left_out():
    network = nn.Linear(3, 2)
    network.bias.requires_grad_(False)
    optimizer = OptimizerRecipe("sgd", 0.0)([{"params": list(network.parameters())}], lr=0.1)
    assert [group["params"] for group in optimizer.param_groups] == [[network.weight]]
