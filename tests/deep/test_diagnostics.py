"""Diagnostics against loops over pairs, and their values for known embeddings."""

import math

import numpy as np
import pytest
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_contrastive.deep._diagnostics import (
    alignment,
    collapse_share,
    contrastive_accuracy,
    uniformity,
)

EPS = np.finfo(np.float64).eps


@st.composite
def embedding_pairs(draw):
    """Embeddings of two views in float64, from unrelated to nearly equal, with any norm."""
    shape = draw(st.integers(2, 8)), draw(st.integers(1, 6))
    agreement = draw(st.sampled_from([0.0, 0.5, 0.99]))
    rng = np.random.default_rng(draw(SEEDS))
    common = rng.normal(size=shape)
    return tuple(
        torch.tensor(
            10 ** rng.uniform(-6, 6, (shape[0], 1))
            * (agreement * common + (1 - agreement) * rng.normal(size=shape))
        )
        for _ in range(2)
    )


def units(rows):
    return [row / np.sqrt(row @ row) for row in rows.numpy()]


@given(pair=embedding_pairs(), alpha=st.sampled_from([1, 2, 3.5]))
def test_alignment_is_the_mean_distance_of_the_views(pair, alpha):
    distances = [np.linalg.norm(u - v) ** alpha for u, v in zip(*map(units, pair), strict=True)]
    assert_allclose(alignment(*pair, alpha), np.mean(distances), rtol=1e-12, atol=100 * EPS)


@given(pair=embedding_pairs(), t=st.sampled_from([0.5, 2, 10]))
def test_uniformity_is_the_log_mean_potential_of_all_pairs(pair, t):
    rows = units(pair[0])
    potentials = [
        math.exp(-t * np.sum((rows[i] - rows[j]) ** 2)) for i in range(len(rows)) for j in range(i)
    ]
    assert_allclose(uniformity(pair[0], t), math.log(np.mean(potentials)), rtol=0, atol=1e-12)


@given(pair=embedding_pairs())
def test_accuracy_is_the_share_of_anchors_with_their_partner_as_nearest_neighbour(pair):
    views = [units(each) for each in pair]
    n, found = len(views[0]), 0
    for view in range(2):
        for i in range(n):
            others = [views[v][j] for v in range(2) for j in range(n) if j != i]
            nearest = max(views[view][i] @ other for other in others)
            found += views[view][i] @ views[1 - view][i] > nearest + 16 * EPS
    assert contrastive_accuracy(*pair).item() == pytest.approx(found / (2 * n))


@given(pair=embedding_pairs())
def test_collapse_share_is_the_variance_of_directions(pair):
    rows = np.array(units(pair[0]))
    expected = np.sum(rows.var(axis=0)) / np.mean(np.sum(rows**2, axis=1))
    assert_allclose(collapse_share(pair[0]), expected, rtol=1e-12, atol=100 * EPS)


@given(n_samples=st.integers(2, 300), width=st.integers(1, 200), seed=SEEDS)
def test_collapse_is_recognised(n_samples, width, seed):
    rng = np.random.default_rng(seed)
    lengths = torch.tensor(rng.uniform(1, 5, (n_samples, 1)), dtype=torch.float32)
    alike = lengths * torch.tensor(rng.normal(size=width), dtype=torch.float32)
    assert contrastive_accuracy(alike, alike) == 0
    assert_allclose(collapse_share(alike), 0, rtol=0, atol=1e-12)
    assert_allclose(uniformity(alike), 0, rtol=0, atol=1e-5)
    assert_allclose(alignment(alike, alike), 0, rtol=0, atol=1e-12)


def test_zero_representations_count_as_collapse():
    zeros = torch.zeros(4, 3)
    assert collapse_share(zeros) == 0
    assert contrastive_accuracy(zeros, zeros) == 0


def test_collapse_share_is_accurate_for_small_differences():
    # at an angle of 1e-4 to the mean, the cosine differs from 1 by eps / 20 in float32
    near = torch.tensor([[1.0, 1e-4], [1.0, -1e-4]])
    assert collapse_share(near) == pytest.approx(1e-8, rel=1e-3)


def test_points_spread_evenly_are_more_uniform_than_a_cluster():
    generator = torch.Generator().manual_seed(0)
    sphere = torch.randn(2000, 64, generator=generator)
    assert uniformity(sphere).item() == pytest.approx(-4 + 2 * 4**2 / 4 / 64, abs=0.02)
    assert uniformity(sphere + 3) > uniformity(sphere) + 1
    assert collapse_share(sphere).item() == pytest.approx(1, abs=0.002)


def test_accuracy_is_one_for_distinct_samples_with_equal_views():
    generator = torch.Generator().manual_seed(0)
    view = torch.randn(1500, 32, generator=generator)
    assert contrastive_accuracy(view, view) == 1
    assert contrastive_accuracy(view, view.roll(1, dims=0)) == 0


@pytest.mark.parametrize("diagnostic", [alignment, contrastive_accuracy])
def test_diagnostics_of_pairs_are_computed_in_float32_under_autocast(diagnostic):
    generator = torch.Generator().manual_seed(0)
    pair = torch.randn(2, 30, 8, generator=generator).bfloat16()
    expected = diagnostic(*pair.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert diagnostic(*pair) == expected
    assert expected.dtype == torch.float32


@pytest.mark.parametrize("diagnostic", [uniformity, collapse_share])
def test_diagnostics_of_samples_are_computed_in_float32_under_autocast(diagnostic):
    generator = torch.Generator().manual_seed(0)
    samples = torch.randn(30, 8, generator=generator).bfloat16()
    expected = diagnostic(samples.float())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert diagnostic(samples) == expected
    assert expected.dtype == torch.float32


@pytest.mark.parametrize("diagnostic", [alignment, uniformity])
def test_alignment_and_uniformity_have_gradients(diagnostic):
    generator = torch.Generator().manual_seed(0)
    arguments = torch.randn(2, 5, 3, generator=generator, dtype=torch.float64).requires_grad_()
    leaves = arguments if diagnostic is alignment else arguments[:1]
    assert torch.autograd.gradcheck(diagnostic, tuple(leaves))


@pytest.mark.parametrize("diagnostic", [uniformity, collapse_share])
@pytest.mark.parametrize("shape", [(3,), (1, 2), (2, 2, 2)])
def test_embeddings_that_are_not_a_matrix_of_two_samples_are_refused(diagnostic, shape):
    with pytest.raises(
        ValueError, match=r"it must be \(n_samples, n_components\), with at least 2"
    ):
        diagnostic(torch.ones(shape))


@pytest.mark.parametrize("diagnostic", [alignment, contrastive_accuracy])
def test_views_of_different_shapes_are_refused(diagnostic):
    with pytest.raises(ValueError, match=r"both must be \(n_samples, n_components\)"):
        diagnostic(torch.ones(3, 2), torch.ones(2, 2))
