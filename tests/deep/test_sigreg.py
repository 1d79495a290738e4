"""SIGReg against its equations, its closed form, and the distribution that it asks for."""

import functools

import numpy as np
import pytest
import torch
from helpers.embeddings import embedding_pairs, random_pair, value_and_gradients
from helpers.strategies import SEEDS
from hypothesis import given
from numpy.testing import assert_allclose

from sklearn_contrastive.deep import sigreg_loss
from sklearn_contrastive.deep._sigreg import epps_pulley, random_directions

# mean of the statistic of normal samples: the integral of (1 - exp(-t^2)) exp(-t^2 / 2)
OF_NORMAL = np.sqrt(2 * np.pi) - np.sqrt(2 * np.pi / 3)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def slow_statistic(samples):
    """The integral by the trapezoidal rule with 17 points, in complex numbers, point by point."""
    values = []
    points = np.linspace(-5, 5, 17)
    for t in points:
        empirical = sum(torch.exp(1j * t * x) for x in samples) / len(samples)
        values.append((empirical - np.exp(-(t**2) / 2)).abs() ** 2 * np.exp(-(t**2) / 2))
    step = points[1] - points[0]
    return len(samples) * step * (sum(values) - values[0] / 2 - values[-1] / 2)


def closed_form(samples):
    """The integral over all t, pair by pair."""
    pairs = sum(torch.exp(-((x - y) ** 2) / 2) for x in samples for y in samples)
    n = len(samples)
    return n * (
        np.sqrt(2 * np.pi) * pairs / n**2
        - 2 * np.sqrt(np.pi) * torch.exp(-(samples**2) / 4).mean()
        + np.sqrt(2 * np.pi / 3)
    )


def slow_sigreg(first, second, seed, weight=0.05, n_directions=3):
    """The loss direction by direction and sample by sample."""
    directions = random_directions(first, n_directions, seeded(seed)).T
    statistics = [
        slow_statistic(view @ direction) for view in (first, second) for direction in directions
    ]
    centers = (first + second) / 2
    distances = [((view - centers) ** 2).mean() for view in (first, second)]
    return weight * sum(statistics) / len(statistics) + (1 - weight) * sum(distances) / 2


@given(pair=embedding_pairs(max_samples=4, max_components=3), seed=SEEDS)
def test_the_loss_and_its_gradient_are_those_of_the_equation(pair, seed):
    def fast(first, second):
        return sigreg_loss(first, second, n_directions=3, generator=seeded(seed))

    results = value_and_gradients(fast, pair)
    expected = value_and_gradients(functools.partial(slow_sigreg, seed=seed), pair)
    for actual, wanted in zip(results, expected, strict=True):
        assert_allclose(actual, wanted, rtol=1e-9, atol=1e-11)


@given(seed=SEEDS)
def test_the_statistic_is_the_integral_over_all_frequencies(seed):
    # differences of much more than 5 would need more points than the paper has
    samples = torch.randn(12, generator=seeded(seed % 2**32), dtype=torch.float64)
    assert_allclose(epps_pulley(samples[:, None])[0], closed_form(samples), rtol=1e-3, atol=1e-3)


def test_the_statistic_of_normal_samples_has_its_expected_value():
    samples = torch.randn(200, 4000, generator=seeded(), dtype=torch.float64)
    statistics = epps_pulley(samples)
    error = statistics.std() / np.sqrt(4000)
    assert abs(statistics.mean() - OF_NORMAL) < 4 * error


@pytest.mark.parametrize(
    "change",
    [
        lambda z: 0 * z,
        lambda z: z[:, :1].repeat(1, 8),
        lambda z: 2 * z,
        lambda z: z + 0.5,
        torch.sign,
    ],
    ids=["collapse", "one dimension", "scale", "mean", "corners"],
)
def test_other_distributions_have_a_larger_loss(change):
    normal = torch.randn(2000, 8, generator=seeded(), dtype=torch.float64)
    losses = [
        sigreg_loss(view, view, weight=1.0, generator=seeded(1))
        for view in (normal, change(normal))
    ]
    assert losses[0] < 2 * OF_NORMAL
    assert losses[1] > 2 * losses[0]


@given(pair=embedding_pairs(), seed=SEEDS)
def test_order_of_views_and_samples_and_the_sign_do_not_change_the_loss(pair, seed):
    order = torch.tensor(np.random.default_rng(seed).permutation(len(pair[0])))
    changes = (
        pair,
        pair[::-1],
        [view[order] for view in pair],
        [-view for view in pair],
    )
    first, *others = (sigreg_loss(*each, generator=seeded(seed)).item() for each in changes)
    assert_allclose(others, first, rtol=1e-10)


def test_rotations_change_the_loss_by_no_more_than_other_directions_do():
    pair = random_pair(20, 5)
    rotation = torch.tensor(np.linalg.qr(np.random.default_rng(0).normal(size=(5, 5))).Q)
    rotated = [view @ rotation for view in pair]
    draws = [
        [sigreg_loss(*each, n_directions=500, generator=seeded(seed)).item() for seed in range(20)]
        for each in (pair, rotated)
    ]
    error = np.std(draws) / np.sqrt(10)
    assert abs(np.mean(draws[0]) - np.mean(draws[1])) < 4 * error


def test_gradients_and_second_derivatives_are_those_of_finite_differences():
    def loss(first, second):
        return sigreg_loss(first, second, n_directions=3, generator=seeded())

    pair = [each.requires_grad_() for each in random_pair(4, 3)]
    assert torch.autograd.gradcheck(loss, pair)
    assert torch.autograd.gradgradcheck(loss, pair)


def test_gradient_descent_leads_to_normal_embeddings():
    z = (0.1 * torch.randn(100, 3, generator=seeded())).requires_grad_()
    optimizer = torch.optim.Adam([z], lr=0.1)
    draws = seeded(1)
    for _ in range(100):
        optimizer.zero_grad()
        sigreg_loss(z, z, n_directions=32, generator=draws).backward()
        optimizer.step()
    assert_allclose(torch.cov(z.detach().T), np.eye(3), atol=0.2)
    assert_allclose(z.detach().mean(dim=0), 0, atol=0.1)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_low_precision_and_autocast_are_computed_in_float32(dtype):
    pair = random_pair(20, 1, dtype=dtype)  # in one dimension all directions are the same
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = sigreg_loss(*pair)
    assert value.dtype == torch.float32
    assert_allclose(value.item(), sigreg_loss(*(view.double() for view in pair)), rtol=1e-5)


def test_the_seed_decides_and_the_global_generator_is_the_default():
    pair = random_pair(9, 4)
    with torch.random.fork_rng():
        torch.manual_seed(3)
        values = [sigreg_loss(*pair).item(), sigreg_loss(*pair).item()]
        torch.manual_seed(3)
        assert sigreg_loss(*pair).item() == values[0] != values[1]
        state = torch.get_rng_state()
        assert sigreg_loss(*pair, generator=seeded()) == sigreg_loss(*pair, generator=seeded())
        assert torch.equal(state, torch.get_rng_state())


def test_what_does_not_fit_is_refused():
    pair = random_pair(5)
    for weight in (-0.1, 1.5, np.nan):
        with pytest.raises(ValueError, match=rf"weight={weight} must be in \[0, 1\]"):
            sigreg_loss(*pair, weight=weight)
    with pytest.raises(ValueError, match="n_directions=0 must be at least 1"):
        sigreg_loss(*pair, n_directions=0)
    with pytest.raises(ValueError, match="There are 1 samples; the loss needs at least 2"):
        sigreg_loss(torch.ones(1, 2), torch.ones(1, 2))
    pair[0][2, 1] = torch.nan
    assert torch.isnan(sigreg_loss(*pair))
