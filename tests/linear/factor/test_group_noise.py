"""Noise of groups as identity plus low rank, compared with eigendecompositions of the blocks."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_contrastive.linear._factor.group_noise import most_probable_noise, stacks_of
from sklearn_contrastive.linear._factor.map_newton import (
    REFINEMENT_FLOOR,
    most_probable_uniqueness,
)

SLICES = [slice(0, 2), slice(2, 7), slice(7, 7), slice(7, 9), slice(9, 15), slice(15, 16)]


def slow_blocks(loadings, prior):
    """Blocks with the eigenvectors of I - BB', one after another."""
    blocks = []
    for rows in SLICES:
        inside = loadings[rows]
        values, vectors = np.linalg.eigh(np.eye(len(inside)) - inside @ inside.T)
        values = most_probable_uniqueness(values, prior, REFINEMENT_FLOOR)
        blocks.append((vectors * values) @ vectors.T)
    return blocks


@pytest.mark.parametrize("n_factors", [1, 3])
@pytest.mark.parametrize("size", [0.0, 0.3, 2.0])
def test_blocks_are_those_of_an_eigendecomposition(n_factors, size):
    loadings = size * np.random.default_rng(0).uniform(-0.6, 0.6, size=(16, n_factors))
    noise = most_probable_noise(loadings, stacks_of(SLICES), prior=0.01)
    expected = slow_blocks(loadings, prior=0.01)
    for block, other in zip(noise.blocks(SLICES), expected, strict=True):
        assert_allclose(block, other, rtol=0, atol=1e-7)
    columns = np.random.default_rng(1).normal(size=(16, 4))
    for rows, block in zip(SLICES, expected, strict=True):
        values, vectors = np.linalg.eigh(block)
        inverse = (vectors / np.sqrt(values)) @ vectors.T
        assert_allclose(noise.times(columns, -0.5)[rows], inverse @ columns[rows], atol=1e-4)


def test_groups_of_equal_size_are_stacked_in_their_order():
    stacks = stacks_of(SLICES)
    assert [stack.shape for stack in stacks] == [(1, 1), (2, 2), (1, 5), (1, 6)]
    assert stacks[1].tolist() == [[0, 1], [7, 8]]
