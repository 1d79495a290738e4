"""Cross-entropy of labelled samples: against loops, over batches, in the network."""

import math

import numpy as np
import pytest
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from sklearn_contrastive.deep._fine_tuning.network import ClassifierNetwork
from sklearn_contrastive.deep._fine_tuning.objective import (
    CrossEntropyObjective,
    weighted_cross_entropy,
)
from sklearn_contrastive.deep._training.chunks import chunks_of

EPS = np.finfo(np.float64).eps


class Layers(nn.Module):
    """Stands for the network of an embedder: h = x, and a middle layer of 2 x."""

    def output(self, samples, output):
        """Rows of a layer."""
        return samples if output == "representation" else 2 * samples

    def width_of(self, output):
        """Number of features of a layer."""
        return 3


def slow_cross_entropy(logits, targets, weights):
    """Loss by loops over samples and classes."""
    losses = []
    for row, target in zip(logits, targets, strict=True):
        largest = max(row)
        total = math.fsum(math.exp(each - largest) for each in row)
        losses.append(weights[target] * (math.log(total) + largest - row[target]))
    return math.fsum(losses) / len(losses)


@st.composite
def problems(draw):
    """Logits, targets and weights of the classes."""
    n, k = draw(st.integers(1, 30)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(SEEDS))
    scale = 10.0 ** draw(st.integers(-3, 3))
    return scale * rng.normal(size=(n, k)), rng.integers(0, k, n), rng.uniform(0.1, 10, k)


@given(problem=problems())
def test_loss_and_gradient_are_those_of_the_equation(problem):
    logits, targets, weights = problem
    leaf = torch.tensor(logits, requires_grad=True)
    loss = weighted_cross_entropy(leaf, torch.tensor(targets), torch.tensor(weights))
    tolerance = 100 * EPS * weights.max() * (1 + np.abs(logits).max())
    assert abs(loss.item() - slow_cross_entropy(logits, targets, weights)) <= tolerance
    loss.backward()
    p = np.exp(logits - logits.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    expected = weights[targets, None] * (p - np.eye(logits.shape[1])[targets]) / len(logits)
    np.testing.assert_allclose(leaf.grad.numpy(), expected, rtol=0, atol=tolerance)


@given(problem=problems(), seed=SEEDS)
def test_weights_of_classes_as_targets_are_a_mean_over_the_classes(problem, seed):
    logits, _, weights = problem
    shares = np.random.default_rng(seed).uniform(size=logits.shape)
    soft = weighted_cross_entropy(*(torch.tensor(each) for each in (logits, shares, weights)))
    expected = sum(
        slow_cross_entropy(logits[[row]], [c], weights) * shares[row, c]
        for row in range(len(logits))
        for c in range(logits.shape[1])
    )
    tolerance = 100 * EPS * weights.sum() * (1 + np.abs(logits).max())
    assert abs(soft.item() - expected / len(logits)) <= tolerance


@given(problem=problems(), n_batches=st.integers(1, 5))
def test_the_mean_over_equal_batches_is_the_loss_of_all_samples(problem, n_batches):
    logits, targets, weights = (torch.tensor(np.repeat(p, 1, axis=0)) for p in problem)
    logits, targets = logits.repeat(n_batches, 1), targets.repeat(n_batches)
    whole = weighted_cross_entropy(logits, targets, weights)
    size = len(logits) // n_batches
    parts = zip(chunks_of(logits, size), chunks_of(targets, size), strict=True)
    losses = torch.stack([weighted_cross_entropy(*part, weights) for part in parts])
    assert losses.mean().item() == pytest.approx(whole.item(), rel=1e-9, abs=1e-12)


def test_logits_in_half_precision_give_a_loss_in_float32():
    logits = torch.zeros(4, 3, dtype=torch.bfloat16)
    loss = weighted_cross_entropy(logits, torch.zeros(4, dtype=torch.int64), torch.ones(3))
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(math.log(3))


def test_first_predictions_are_alike_whatever_the_sample():
    network = ClassifierNetwork(Layers(), "middle", 5)
    logits = network(torch.randn(7, 3, generator=torch.Generator().manual_seed(0)))
    assert torch.equal(logits, torch.zeros(7, 5))


@pytest.mark.parametrize(("layer", "factor"), [("representation", 1), ("middle", 2)])
def test_logits_are_a_linear_map_of_the_layer(layer, factor):
    network = ClassifierNetwork(Layers(), layer, 2)
    with torch.no_grad():
        network.linear.weight.normal_(generator=torch.Generator().manual_seed(0))
        network.linear.bias.copy_(torch.tensor([1.0, -1.0]))
    samples = torch.randn(4, 3, generator=torch.Generator().manual_seed(1))
    expected = factor * samples @ network.linear.weight.T + network.linear.bias
    torch.testing.assert_close(network.output(samples, "representation"), expected)


def test_targets_are_those_of_the_samples_of_the_batch():
    objective = CrossEntropyObjective(lambda batch, generator: batch, [1.0, 1.0])
    objective.targets = torch.tensor([0, 1, 1, 0])
    network = ClassifierNetwork(Layers(), "representation", 2)
    with torch.no_grad():
        network.linear.weight.copy_(torch.tensor([[-1.0, 0, 0], [1.0, 0, 0]]))
    batch = torch.tensor([[1.0, 0, 0], [-1.0, 0, 0], [1.0, 0, 0]])  # of classes 1, 0, 1
    index = torch.tensor([1, 3, 0])  # whose targets are 1, 0, 0
    ((loss, _),) = objective.steps(network, batch, torch.Generator(), index)
    right, wrong = math.log1p(math.exp(-2)), math.log1p(math.exp(2))
    assert loss.item() == pytest.approx((2 * right + wrong) / 3, rel=1e-6)
    assert objective.diagnostics(network) == {"accuracy": pytest.approx(2 / 3)}


def test_a_view_is_right_if_it_is_the_most_probable_class_of_its_targets():
    objective = CrossEntropyObjective(lambda batch, generator: batch, [1.0, 1.0])
    objective.targets = torch.tensor([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
    network = ClassifierNetwork(Layers(), "representation", 2)
    with torch.no_grad():
        network.linear.weight.copy_(torch.tensor([[-1.0, 0, 0], [1.0, 0, 0]]))
    batch = torch.tensor([[-1.0, 0, 0], [-1.0, 0, 0], [-1.0, 0, 0]])  # all of class 0
    list(objective.steps(network, batch, torch.Generator(), torch.arange(3)))
    assert objective.diagnostics(network) == {"accuracy": pytest.approx(2 / 3)}


RETURNED = {
    "a view too few": lambda batch, generator: batch[1:],
    "integers": lambda batch, generator: batch.to(torch.int64),
    "an array": lambda batch, generator: batch.numpy(),
}


@pytest.mark.parametrize("name", RETURNED)
def test_augmentations_that_do_not_return_a_view_of_each_sample_are_refused(name):
    objective = CrossEntropyObjective(RETURNED[name], [1.0, 1.0])
    network = ClassifierNetwork(Layers(), "representation", 2)
    with pytest.raises(ValueError, match="it must return floats for as many samples"):
        next(objective.steps(network, torch.zeros(3, 3), torch.Generator(), torch.arange(3)))
