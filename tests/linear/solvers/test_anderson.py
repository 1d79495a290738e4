"""Anderson acceleration of linear iterations with a known limit."""

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive.linear._solvers.anderson import AndersonMemory, slowest_contraction

# shares of the distance that a step covers along its eigenvectors, well apart
RATES = (0.2, 0.5, 0.9)


@st.composite
def linear_iterations(draw, rates=RATES, fewest=1):
    """A symmetric iteration x + M (limit - x), and a start that differs in few directions."""
    n_moving = draw(st.integers(fewest, len(rates)))
    n_features = draw(st.integers(n_moving, 10))
    rng = np.random.default_rng(draw(SEEDS))
    basis = np.linalg.qr(rng.normal(size=(n_features, n_moving)))[0]
    moved = rng.permutation(rates)[:n_moving]
    limit = rng.normal(size=n_features)
    # every direction has a clear share
    away = 0.5 * rng.choice([-1.0, 1.0], n_moving) * rng.uniform(0.5, 1.0, n_moving)
    return LinearIteration(basis, moved, limit, limit + basis @ away / np.sqrt(n_moving))


class LinearIteration:
    def __init__(self, basis, rates, limit, start):
        self.basis, self.rates, self.limit, self.start = basis, rates, limit, start

    def step(self, position):
        return self.basis @ (self.rates * (self.basis.T @ (self.limit - position)))

    def distances(self, memory, n_steps):
        """Distance from the limit before each of some extrapolated steps, and after the last."""
        position, distances = self.start, [np.linalg.norm(self.start - self.limit)]
        for _ in range(n_steps):
            position = position + memory.extrapolate(position, self.step(position))
            distances.append(np.linalg.norm(position - self.limit))
        return distances


@given(iteration=linear_iterations())
def test_a_linear_iteration_converges_in_one_step_more_than_its_directions(iteration):
    distances = iteration.distances(AndersonMemory(), len(iteration.rates) + 1)
    # differences of differences lose some digits
    assert distances[-1] <= 1e-9 * distances[0]


@given(iteration=linear_iterations())
def test_further_steps_stay_at_the_limit(iteration):
    n_steps = len(iteration.rates) + 10
    assert iteration.distances(AndersonMemory(), n_steps)[-1] <= 1e-9


@given(iteration=linear_iterations((0.05, 0.1, 0.2, 0.5, 0.9), fewest=4))
def test_with_more_directions_than_memory_it_is_faster_than_plain_steps(iteration):
    distances = iteration.distances(AndersonMemory(), 20)
    plain = [(1 - iteration.rates) ** m * np.ones_like(iteration.rates) for m in range(21)]
    assert distances[-1] <= 0.1 * np.linalg.norm(plain[-1]) * distances[0]


@given(n_features=st.integers(1, 6), seed=SEEDS)
def test_the_first_step_is_not_extrapolated(n_features, seed):
    position, step = np.random.default_rng(seed).uniform(-0.5, 0.5, size=(2, n_features))
    assert_array_equal(AndersonMemory().extrapolate(position, step), step)


@given(iteration=linear_iterations(), n_far=st.integers(1, 6))
def test_long_steps_are_neither_extrapolated_nor_stored(iteration, n_far):
    memory, rng = AndersonMemory(), np.random.default_rng(0)
    for _ in range(n_far):
        position, step = rng.normal(size=(2, len(iteration.limit)))
        step[rng.integers(len(step))] = 0.51 * rng.choice([-1, 1])
        assert_array_equal(memory.extrapolate(position, step), step)
    fresh = iteration.distances(AndersonMemory(), 5)
    assert_array_equal(iteration.distances(memory, 5), fresh)


def test_an_alternating_sequence_converges_at_once():
    # x goes to -x, where plain steps never converge
    memory, position = AndersonMemory(), np.array([0.2])
    for _ in range(2):
        position = position + memory.extrapolate(position, -2 * position)
    assert_allclose(position, 0, atol=1e-15)


@pytest.mark.parametrize("n_steps", [1, 2, 8])
def test_equal_or_zero_steps_give_finite_results(n_steps):
    still, memory = np.zeros(3), AndersonMemory()
    for _ in range(n_steps):
        assert_array_equal(memory.extrapolate(still, np.zeros(3)), np.zeros(3))
    constant, memory = np.full(3, 0.1), AndersonMemory()
    for m in range(n_steps):
        step = memory.extrapolate(m * constant, constant)
        assert np.all(np.isfinite(step))
        assert_allclose(step, constant)


def test_arguments_are_not_modified():
    rng = np.random.default_rng(0)
    memory = AndersonMemory()
    for _ in range(6):
        position, step = rng.uniform(-0.4, 0.4, size=(2, 4))
        kept = position.copy(), step.copy()
        memory.extrapolate(position, step)
        assert_array_equal(position, kept[0])
        assert_array_equal(step, kept[1])


@pytest.mark.parametrize("slowest", [1e-3, 0.1, 0.9])
def test_the_slowest_contraction_bounds_the_way_to_the_end(slowest):
    # steps -(I - J)(x - x_end) of a linear iteration, in directions that all have been moved in
    rng = np.random.default_rng(0)
    rotation = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    matrix = (rotation * np.geomspace(slowest, 1.0, 6)) @ rotation.T
    moves = rng.normal(size=(6, 6)) + 3 * np.eye(6)
    found = slowest_contraction(moves, -matrix @ moves)
    assert_allclose(found, slowest, rtol=1e-6)
    error = rng.normal(size=6)
    assert np.linalg.norm(error) <= np.linalg.norm(matrix @ error) / found * (1 + 1e-6)
