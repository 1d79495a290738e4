"""Linear contrastive loss against its definition, the NumPy version, and batches."""

from itertools import combinations

import numpy as np
import pytest
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_contrastive import linear
from sklearn_contrastive.deep import linear_contrastive_loss

EPS = np.finfo(np.float64).eps


@st.composite
def embedding_pairs(draw, max_samples=8, max_components=4):
    """Unrelated embeddings of two views, in float64."""
    shape = draw(st.integers(2, max_samples)), draw(st.integers(1, max_components))
    location = draw(st.sampled_from([0.0, 1.0, 100.0]))
    unit = draw(st.sampled_from([1e-6, 1.0, 1e6]))
    rng = np.random.default_rng(draw(SEEDS))
    return tuple(torch.tensor(unit * rng.normal(location, size=shape)) for _ in range(2))


def slow_loss(first, second):
    """The definition of the loss, anchor by anchor and negative by negative."""
    n, views = len(first), (first, second)
    total = 0.0
    for i in range(n):
        for v in range(2):
            anchor = views[v][i]
            negatives = [anchor @ views[s][j] for j in range(n) if j != i for s in range(2)]
            total = total + anchor @ views[1 - v][i] - sum(negatives) / (2 * n - 2)
    return -total / (2 * n)


def size_of(*embeddings):
    return float(sum(torch.sum(each**2) for each in embeddings))


@given(pair=embedding_pairs())
def test_loss_and_gradient_are_those_of_the_definition(pair):
    results = []
    for loss_of in (linear_contrastive_loss, slow_loss):
        leaves = [each.clone().requires_grad_() for each in pair]
        loss = loss_of(*leaves)
        loss.backward()
        results.append((loss.item(), *(leaf.grad.numpy() for leaf in leaves)))
    size = size_of(*pair)
    assert_allclose(results[0][0], results[1][0], rtol=0, atol=100 * EPS * size)
    for fast, slow in zip(results[0][1:], results[1][1:], strict=True):
        assert_allclose(fast, slow, rtol=0, atol=100 * EPS * np.sqrt(size))


@given(pair=embedding_pairs(), width=st.integers(1, 5), seed=SEEDS)
def test_loss_of_linear_embeddings_equals_that_of_the_linear_module(pair, width, seed):
    encoder = np.random.default_rng(seed).normal(size=(width, pair[0].shape[1]))
    embeddings = [view @ torch.tensor(encoder).T for view in pair]
    views = [view.numpy() for view in pair]
    penalty = np.sum((encoder @ encoder.T) ** 2) / 2
    expected = linear.linear_contrastive_loss(encoder, *views, regularization=1.0)
    size = size_of(*pair) * np.sum(encoder**2) + penalty
    loss = linear_contrastive_loss(*embeddings).item()
    assert_allclose(loss + penalty, expected, rtol=0, atol=100 * EPS * size)


@given(pair=embedding_pairs(max_samples=7), batch_size=st.integers(2, 6))
def test_the_mean_loss_of_all_batches_is_the_loss_of_all_samples(pair, batch_size):
    # no bias of 1 / batch_size: negatives are pairs, all equally likely
    n = len(pair[0])
    batches = list(combinations(range(n), min(batch_size, n)))
    mean = np.mean([linear_contrastive_loss(*(e[list(b)] for e in pair)) for b in batches])
    loss = linear_contrastive_loss(*pair).item()
    assert_allclose(mean, loss, rtol=0, atol=100 * EPS * size_of(*pair))


@given(pair=embedding_pairs(), seed=SEEDS)
def test_a_shift_of_all_embeddings_changes_nothing(pair, seed):
    generator = torch.Generator().manual_seed(seed)
    width = pair[0].shape[1]
    shift = 1e3 * np.sqrt(size_of(*pair)) * torch.randn(width, generator=generator)
    shifted = [each + shift for each in pair]
    moved = linear_contrastive_loss(*shifted)
    # the shift only rounds the last digits of the views
    size = np.sqrt(size_of(*shifted)) * np.sqrt(size_of(*pair))
    assert_allclose(moved, linear_contrastive_loss(*pair), rtol=0, atol=100 * EPS * size)


def test_equal_views_of_different_samples_have_a_small_loss():
    apart = torch.eye(4)
    turned = apart.roll(1, dims=0)
    assert linear_contrastive_loss(apart, apart) < linear_contrastive_loss(apart, turned)
    assert linear_contrastive_loss(torch.ones(3, 2), torch.ones(3, 2)) == 0


@pytest.mark.parametrize("shapes", [((3, 2), (3, 1)), ((3, 2), (2, 2)), ((3,), (3,))])
def test_embeddings_of_different_shapes_are_refused(shapes):
    with pytest.raises(ValueError, match=r"both must be \(n_samples, n_components\)"):
        linear_contrastive_loss(*(torch.ones(shape) for shape in shapes))


def test_a_single_sample_is_refused():
    with pytest.raises(ValueError, match="There are 1 samples; the loss needs at least 2"):
        linear_contrastive_loss(torch.ones(1, 2), torch.ones(1, 2))
