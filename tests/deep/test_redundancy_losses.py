"""VICReg and Barlow Twins against loops over components, minima, invariances."""

import functools

import numpy as np
import pytest
import torch
from helpers.embeddings import (
    assert_same,
    embedding_pairs,
    norms_of,
    random_pair,
    value_and_gradients,
)
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_contrastive.deep import barlow_twins_loss, vicreg_loss

EPS = np.finfo(np.float64).eps
LOSSES = [vicreg_loss, barlow_twins_loss]
NAMES = ["invariance", "variance", "covariance"]


def mean(values):
    return sum(values) / len(values)


def covariance(first, second):
    """Unbiased covariance of two components, sample by sample."""
    products = [(u - mean(first)) * (v - mean(second)) for u, v in zip(first, second, strict=True)]
    return sum(products) / (len(products) - 1)


def slow_vicreg(first, second, invariance=25.0, variance=25.0, cov=1.0):
    """Section 4.1 of Bardes et al., entry by entry."""
    d = first.shape[1]
    loss = invariance * mean([(a - b) ** 2 for a, b in zip(first.T, second.T, strict=True)]).mean()
    for view in (first, second):
        for i in range(d):
            spread = torch.sqrt(covariance(view[:, i], view[:, i]) + 1e-4)
            loss = loss + variance * torch.clamp(1 - spread, min=0) / d
            for j in range(d):
                if j != i:
                    loss = loss + cov * covariance(view[:, i], view[:, j]) ** 2 / d
    return loss


def slow_barlow_twins(first, second, redundancy=0.005):
    """Equations 1 and 2 of Zbontar et al., entry by entry."""
    loss = 0.0
    for i, a in enumerate(first.T):
        for j, b in enumerate(second.T):
            size = torch.sqrt(covariance(a, a) * covariance(b, b))
            correlation = covariance(a, b) / size
            loss = loss + ((1 - correlation) ** 2 if i == j else redundancy * correlation**2)
    return loss


def spreads(pair):
    """Standard deviations of all components of both views."""
    return torch.cat([view.std(dim=0) for view in pair])


@given(pair=embedding_pairs(max_components=7), weights=st.sampled_from([(25, 25, 1), (1, 0, 2)]))
def test_vicreg_and_its_gradient_are_those_of_the_equation(pair, weights):
    fast = functools.partial(
        vicreg_loss, invariance=weights[0], variance=weights[1], covariance=weights[2]
    )
    results = value_and_gradients(fast, pair)
    size = 100 * (1 + norms_of(pair).max().item() ** 4)
    assert_same(results, value_and_gradients(slow_vicreg, pair, *weights), size)


@given(pair=embedding_pairs(max_components=7), redundancy=st.sampled_from([0.005, 1.0]))
def test_barlow_twins_and_its_gradient_are_those_of_the_equation(pair, redundancy):
    fast = functools.partial(barlow_twins_loss, redundancy=redundancy)
    results = value_and_gradients(fast, pair)
    # correlations lose digits where the spread is small beside the mean
    size = 10 * (1 + norms_of(pair).max().item()) / spreads(pair).min().item() ** 2
    assert_same(results, value_and_gradients(slow_barlow_twins, pair, redundancy), size)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("shape", [(3, 5), (6, 2)])
def test_gradients_and_second_derivatives_are_those_of_finite_differences(loss, shape):
    pair = [each.requires_grad_() for each in random_pair(*shape)]
    assert torch.autograd.gradcheck(loss, pair)
    assert torch.autograd.gradgradcheck(loss, pair)


def test_weights_may_be_learned():
    pair = random_pair(6, 3)
    weights = torch.tensor([2.0, 3.0, 4.0], dtype=torch.float64, requires_grad=True)
    vicreg_loss(*pair, invariance=weights[0], variance=weights[1], covariance=weights[2]).backward()
    expected = [
        vicreg_loss(*pair, **{each: float(each == name) for each in NAMES}).item() for name in NAMES
    ]
    assert_allclose(weights.grad, expected)


@given(n_components=st.integers(1, 6), seed=SEEDS)
def test_uncorrelated_equal_views_have_the_smallest_loss(n_components, seed):
    rng = np.random.default_rng(seed)
    columns = rng.normal(size=(20, n_components))
    white = torch.tensor(np.linalg.qr(columns - columns.mean(axis=0)).Q * np.sqrt(20))
    assert_allclose(vicreg_loss(white, white), 0, atol=1e-12)
    assert_allclose(barlow_twins_loss(white, white), 0, atol=1e-12)
    other = white + torch.tensor(rng.normal(size=white.shape))
    for loss in LOSSES:
        assert loss(white, other) > 1e-3


def test_collapse_is_a_large_loss():
    alike = torch.ones(8, 4, dtype=torch.float64)
    assert_allclose(vicreg_loss(alike, alike), 2 * 25 * 0.99)
    assert_allclose(barlow_twins_loss(alike, alike), 4)


@given(pair=embedding_pairs(), seed=SEEDS)
@pytest.mark.parametrize("loss", LOSSES)
def test_order_of_views_samples_and_components_does_not_change_the_loss(loss, pair, seed):
    rng = np.random.default_rng(seed)
    samples, components = (torch.tensor(rng.permutation(size)) for size in pair[0].shape)
    signs = torch.tensor(rng.choice([-1.0, 1.0], pair[0].shape[1]))
    expected = loss(*pair).item()
    allowed = 1e4 * EPS * (10 + norms_of(pair).max().item() ** 4 + 1 / spreads(pair).min() ** 2)
    for changed in (
        pair[::-1],
        [view[samples] for view in pair],
        [view[:, components] for view in pair],
        [view * signs for view in pair],
    ):
        assert_allclose(loss(*changed).item(), expected, rtol=0, atol=allowed)


@given(seed=SEEDS)
def test_units_and_origins_of_components_do_not_change_barlow_twins(seed):
    rng = np.random.default_rng(seed)
    pair = random_pair(9, 4, seed=seed)
    changed = [
        view * torch.tensor(10 ** rng.uniform(-3, 3, 4)) + torch.tensor(rng.normal(size=4))
        for view in pair
    ]
    assert_allclose(barlow_twins_loss(*changed), barlow_twins_loss(*pair), rtol=1e-8)


def test_a_constant_component_has_gradient_zero():
    first, second = random_pair(6, 3)
    first[:, 1] = 7.0
    value, gradient, _ = value_and_gradients(barlow_twins_loss, (first, second))
    others = barlow_twins_loss(first[:, [0, 2]], second[:, [0, 2]])
    assert value > 1 + others.item()
    assert np.isfinite(gradient).all()
    assert_allclose(gradient[:, 1], 0)


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_low_precision_and_autocast_are_computed_in_float32(loss, dtype):
    pair = random_pair(20, dtype=dtype)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = loss(*pair)
    assert value.dtype == torch.float32
    assert_allclose(value.item(), loss(*(view.double() for view in pair)).item(), rtol=1e-4)


@pytest.mark.parametrize("loss", LOSSES)
def test_what_does_not_fit_is_refused(loss):
    with pytest.raises(ValueError, match=r"both must be \(n_samples, n_components\)"):
        loss(torch.ones(3, 2), torch.ones(3, 1))
    with pytest.raises(ValueError, match="There are 1 samples; the loss needs at least 2"):
        loss(torch.ones(1, 2), torch.ones(1, 2))
    name = "covariance" if loss is vicreg_loss else "redundancy"
    with pytest.raises(ValueError, match=f"{name}=-1 must be at least 0"):
        loss(*random_pair(3), **{name: -1})
    first, second = random_pair(5)
    first[2, 1] = torch.nan
    assert torch.isnan(loss(first, second))
