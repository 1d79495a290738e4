"""Truncated conjugate gradients, compared with direct solutions."""

import numpy as np
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from sklearn_contrastive.linear._solvers.conjugate_gradients import truncated_conjugate_gradients


def symmetric(rng, values):
    vectors = np.linalg.qr(rng.normal(size=(len(values), len(values))))[0]
    return (vectors * values) @ vectors.T


def solve(matrix, right, radius=np.inf, rtol=1e-10, max_iter=500):
    return truncated_conjugate_gradients(
        matrix.__matmul__, right, np.ones(len(right)), radius=radius, rtol=rtol, max_iter=max_iter
    )


@given(size=st.integers(1, 20), seed=SEEDS)
def test_a_positive_system_is_solved(size, seed):
    rng = np.random.default_rng(seed)
    matrix, right = symmetric(rng, rng.uniform(0.1, 1.0, size)), rng.normal(size=size)
    assert_allclose(solve(matrix, right), np.linalg.solve(matrix, right), rtol=1e-6, atol=1e-7)


@given(
    size=st.integers(2, 20),
    seed=SEEDS,
    radius=st.sampled_from([0.1, 1.0]),
    max_iter=st.integers(1, 30),
)
def test_every_solution_lies_inside_the_box(size, seed, radius, max_iter):
    rng = np.random.default_rng(seed)
    matrix, right = symmetric(rng, rng.uniform(-1.0, 1.0, size)), rng.normal(size=size)
    x = solve(matrix, right, radius=radius, max_iter=max_iter)
    assert np.abs(x).max() <= radius * (1 + 1e-12)
    wide = solve(matrix, right, radius=1e9, max_iter=max_iter)
    assert right @ wide > 0  # a direction of descent


def test_a_direction_of_negative_curvature_leads_to_the_border():
    x = solve(np.diag([1.0, -1.0]), np.array([0.0, 0.1]), radius=2.0)
    assert_allclose(x, [0.0, 2.0])


def test_no_right_side_gives_no_step():
    assert_allclose(solve(np.eye(3), np.zeros(3), radius=1.0), np.zeros(3))
