"""Muon: equal singular values, AdamW for what is no filter, steps of a stated size."""

import copy

import pytest
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from torch import nn

from sklearn_contrastive.deep._training.muon import Muon, orthogonalised


def drawn_matrix(n_rows, n_columns, values, seed):
    """A matrix with given singular values, and its singular vectors."""
    draws = torch.Generator().manual_seed(seed)
    left, right = (
        torch.linalg.qr(torch.randn(n, len(values), generator=draws, dtype=torch.float64)).Q
        for n in (n_rows, n_columns)
    )
    return left * values @ right.T, left, right


@given(
    shape=st.tuples(st.integers(1, 40), st.integers(1, 40)),
    spread=st.floats(0, 2),
    scale=st.sampled_from([1e-30, 1.0, 1e30]),
    seed=SEEDS,
)
def test_singular_vectors_stay_and_singular_values_are_near_one(shape, spread, scale, seed):
    n_values = min(shape)
    values = scale * torch.logspace(0, -spread, n_values, dtype=torch.float64)
    matrix, left, right = drawn_matrix(*shape, values, seed)
    core = left.T @ orthogonalised(matrix) @ right
    # one polynomial for all singular values: the singular vectors are exactly those of the matrix
    assert_allclose(core, torch.diag(torch.diag(core)), atol=1e-9)
    assert_allclose(torch.linalg.norm(orthogonalised(matrix)), torch.linalg.norm(core), rtol=1e-9)
    assert 0.6 < torch.diag(core).min() <= torch.diag(core).max() < 1.3


@pytest.mark.parametrize("shape", [(64, 576), (30, 30), (96, 20)])
def test_float32_is_enough_for_tiny_singular_values(shape):
    values = torch.logspace(0, -7, min(shape), dtype=torch.float64)
    matrix = drawn_matrix(*shape, values, seed=0)[0]
    assert_allclose(orthogonalised(matrix.float()), orthogonalised(matrix), atol=1e-3)


def test_rounding_errors_do_not_grow(monkeypatch):
    """As where PyTorch multiplies float32 in bfloat16."""
    matmul = torch.Tensor.__matmul__
    rounded = matmul(torch.ones(1, 1), torch.ones(1, 1)).dtype

    def coarse(first, second):
        return matmul(first.bfloat16(), second.bfloat16()).to(rounded)

    monkeypatch.setattr(torch.Tensor, "__matmul__", coarse)
    values = torch.logspace(0, -3, 64, dtype=torch.float64).float()
    matrix = drawn_matrix(64, 576, values.double(), seed=1)[0].float()
    assert torch.linalg.matrix_norm(orthogonalised(matrix), ord=2) < 1.5


@pytest.mark.parametrize("shape", [(3, 5), (130, 140)])
def test_a_matrix_of_zeros_stays(shape):
    assert torch.equal(orthogonalised(torch.zeros(shape)), torch.zeros(shape))


@pytest.mark.parametrize("shape", [(128, 200), (129, 200), (300, 1100), (1100, 300)])
def test_blocks_of_128_rows_have_equal_singular_values(shape):
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wide = matrix if shape[0] <= shape[1] else matrix.T
    expected = torch.cat([orthogonalised(block) for block in wide.split(128)])
    result = orthogonalised(matrix)
    assert result.shape == shape
    assert_allclose(result, expected if wide is matrix else expected.T, atol=1e-9)


def moved(optimizer, network, gradients):
    """Weights of a copy of the network after steps with these gradients."""
    network = copy.deepcopy(network)
    steps = optimizer(network.parameters())
    for each in gradients:
        for weights, gradient in zip(network.parameters(), each, strict=True):
            weights.grad = gradient.clone()
        steps.step()
    return dict(network.named_parameters())


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_what_is_no_filter_moves_as_with_adamw(weight_decay):
    torch.manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Conv2d(8, 8, 3, groups=8), nn.Linear(4, 2)
    )
    gradients = [[torch.randn_like(each) for each in network.parameters()] for _ in range(4)]
    settings = {"lr": 0.01, "weight_decay": weight_decay}
    ours = moved(lambda weights: Muon(weights, **settings), network, gradients)
    adamw = moved(lambda weights: torch.optim.AdamW(weights, **settings), network, gradients)
    for name, expected in adamw.items():
        if name != "0.weight":
            assert torch.equal(ours[name], expected), name
    assert not torch.allclose(ours["0.weight"], adamw["0.weight"])


@pytest.mark.parametrize("shape", [(16, 3, 3, 3), (8, 32, 1, 1), (64, 2, 5)])
def test_steps_of_filters_do_not_depend_on_the_scale_of_the_gradient(shape):
    torch.manual_seed(1)
    filters = nn.ParameterList([torch.randn(shape)])
    gradients = [[torch.randn(shape)]]
    steps = [
        moved(lambda weights: Muon(weights, lr=0.01), filters, [[scale * gradients[0][0]]])["0"]
        - filters[0]
        for scale in (1e-12, 1.0, 1e12)
    ]
    assert_allclose(steps[0].detach(), steps[1].detach(), atol=1e-5)
    assert_allclose(steps[2].detach(), steps[1].detach(), atol=1e-5)
    # full rank: the root mean square is twice the learning rate
    assert_allclose(steps[1].square().mean().sqrt().item(), 0.02, rtol=0.25)


def test_momentum_is_a_mean_of_the_gradients():
    torch.manual_seed(2)
    filters = nn.ParameterList([torch.zeros(4, 2, 3)])
    first, second = torch.randn(2, 4, 2, 3)
    after = [
        moved(lambda weights: Muon(weights, lr=0.1), filters, [[each] for each in gradients])["0"]
        for gradients in ([first], [first, second])
    ]
    mean = 0.9 * 0.1 * first + 0.1 * second
    expected = -0.1 * 2 * 6**0.5 * orthogonalised(mean.flatten(1))
    assert_allclose((after[1] - after[0]).detach().flatten(1), expected, atol=1e-5)


def test_a_closure_gives_the_value_of_the_step():
    weights = nn.Parameter(torch.ones(2, 2, 3))
    optimizer = Muon([weights], lr=0.1)

    def closure():
        optimizer.zero_grad()
        value = weights.square().sum()
        value.backward()
        return value

    values = [optimizer.step(closure).item() for _ in range(3)]
    assert values[0] == 12
    assert values[2] < values[0]
    assert optimizer.step() is None
