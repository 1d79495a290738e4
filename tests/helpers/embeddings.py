"""Embeddings of two views, and the contrastive losses that are tested on them."""

import numpy as np
import torch
from helpers.strategies import SEEDS
from hypothesis import strategies as st

from sklearn_contrastive.deep._losses import (
    decoupled_contrastive_loss,
    linear_contrastive_loss,
    nt_xent_loss,
    spectral_contrastive_loss,
)

__all__ = ["COSINE_LOSSES", "LOSSES", "TEMPERATURES", "embedding_pairs", "random_pair"]

COSINE_LOSSES = [nt_xent_loss, decoupled_contrastive_loss]
LOSSES = [*COSINE_LOSSES, spectral_contrastive_loss, linear_contrastive_loss]
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
    """Unrelated embeddings of two views."""
    generator = torch.Generator().manual_seed(seed)
    shape = 2, n_samples, n_components
    return tuple(torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype))
