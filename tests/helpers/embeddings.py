"""Embeddings of two views, contrastive losses, and comparison of values and gradients."""

import numpy as np
import torch
from helpers.strategies import SEEDS
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_contrastive.deep._losses import decoupled_contrastive_loss, nt_xent_loss

__all__ = [
    "COSINE_LOSSES",
    "TEMPERATURES",
    "assert_same",
    "embedding_pairs",
    "gradient_scale",
    "norms_of",
    "random_pair",
    "value_and_gradients",
]

EPS = np.finfo(np.float64).eps
COSINE_LOSSES = [nt_xent_loss, decoupled_contrastive_loss]
TEMPERATURES = st.sampled_from([0.01, 0.05, 0.1, 0.5, 1.0, 10.0])


@st.composite
def embedding_pairs(draw, max_samples=7, max_components=12):
    """Embeddings of two views in float64, from unrelated to nearly equal."""
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
    """Return embeddings of two unrelated views."""
    generator = torch.Generator().manual_seed(seed)
    shape = 2, n_samples, n_components
    return tuple(torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype))


def value_and_gradients(loss, pair, *arguments, **options):
    """Return a loss and its gradients with respect to both views."""
    leaves = [each.clone().requires_grad_() for each in pair]
    value = loss(*leaves, *arguments, **options)
    value.backward()
    return value.item(), *(leaf.grad.numpy() for leaf in leaves)


def assert_same(results, expected, scale):
    """Assert agreement to rounding of `scale`; gradients also to that of their largest entry."""
    assert_allclose(results[0], expected[0], rtol=0, atol=1000 * EPS * scale)
    for fast, slow in zip(results[1:], expected[1:], strict=True):
        size = max(np.abs(slow).max(), scale)
        assert_allclose(fast, slow, rtol=0, atol=1000 * EPS * size)


def norms_of(pair):
    """Return the norms of all embeddings."""
    return torch.linalg.vector_norm(torch.cat(pair), dim=1)


def gradient_scale(pair, temperature):
    """Sensitivity of similarities at this temperature to the shortest embedding."""
    return (1 + 1 / temperature) * (1 + 1 / norms_of(pair).min().item())
