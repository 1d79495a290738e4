"""Teacher of the self-training: against slow versions, its limits, and what it is made of."""

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.preprocessing import normalize

from sklearn_contrastive.deep._fine_tuning import teacher
from sklearn_contrastive.deep._fine_tuning.labels import Labels
from sklearn_contrastive.deep._fine_tuning.teacher import (
    neighbour_graph,
    probe_probabilities,
    spread_labels,
    teacher_probabilities,
)

ALPHA = 0.99


def rows_of_length_1(n, width, seed):
    return normalize(np.random.default_rng(seed).normal(size=(n, width)))


def slow_graph(rows):
    """Graph of nearest neighbours by loops over all pairs."""
    n = len(rows)
    weights = np.zeros((n, n))
    for i in range(n):
        similarity = rows @ rows[i]
        others = [j for j in np.argsort(-similarity) if j != i]
        for j in others[:10]:
            weights[i, j] = max(similarity[j], 0) ** 3
    return weights + weights.T


def slow_spreading(graph, codes, n_classes):
    """Solution of the linear system, row by row divided by its sum."""
    degree = graph.sum(axis=1)
    inverse = np.divide(1, np.sqrt(degree), out=np.zeros(len(graph)), where=degree > 0)
    system = np.eye(len(graph)) - ALPHA * inverse[:, None] * graph * inverse
    labels = np.eye(n_classes + 1)[codes][:, :n_classes]
    spread = np.linalg.solve(system, labels)
    return spread / spread.sum(axis=1, keepdims=True)


@given(n=st.integers(2, 40), width=st.integers(2, 6), seed=SEEDS)
def test_graph_agrees_with_loops_over_pairs(n, width, seed):
    rows = rows_of_length_1(n, width, seed)
    found = neighbour_graph(rows).toarray()
    # of distances, whose squares are rounded
    assert_allclose(found, slow_graph(rows), atol=1e-12)
    assert_array_equal(found, found.T)


@given(n=st.integers(4, 40), n_classes=st.integers(2, 4), seed=SEEDS)
def test_spread_labels_solve_the_linear_system(n, n_classes, seed):
    rng = np.random.default_rng(seed)
    graph = rng.uniform(size=(n, n)) + 0.1
    graph = graph + graph.T
    np.fill_diagonal(graph, 0)
    codes = np.where(rng.uniform(size=n) < 0.5, rng.integers(0, n_classes, n), -1)
    codes[:n_classes] = np.arange(n_classes)
    found = spread_labels(sparse.csr_array(graph), codes)
    # scikit-learn stops when all values together change by less than .001, and each change is
    # .99 times the last one
    assert_allclose(found, slow_spreading(graph, codes, n_classes), atol=0.02)


def test_labels_stay_within_the_connected_samples():
    blocks = sparse.block_diag([np.ones((3, 3)) - np.eye(3)] * 2 + [np.zeros((1, 1))])
    found = spread_labels(sparse.csr_array(blocks), np.array([0, -1, -1, 1, -1, -1, -1]))
    assert_allclose(found, [[1, 0]] * 3 + [[0, 1]] * 3 + [[0, 0]], atol=1e-12)


def labelled(n, n_classes, rng):
    """Labels of about a third of n samples."""
    rows = np.union1d(np.arange(n_classes), np.flatnonzero(rng.uniform(size=n) < 0.3))
    codes = rng.integers(0, n_classes, len(rows))
    codes[:n_classes] = np.arange(n_classes)
    return Labels(np.arange(n_classes), rows, codes)


@given(n=st.integers(6, 40), n_classes=st.integers(2, 4), seed=SEEDS)
def test_probabilities_sum_to_1_and_labelled_samples_have_their_labels(n, n_classes, seed):
    rng = np.random.default_rng(seed)
    labels, weights = labelled(n, n_classes, rng), rng.uniform(0.1, 3, n_classes)
    fine_tuned = rng.dirichlet(np.ones(n_classes), n)
    representations = rng.normal(size=(n, 5))
    found = teacher_probabilities(representations, fine_tuned, labels, weights.tolist(), 0)
    assert found.dtype == np.float32
    others = np.delete(found, labels.rows, axis=0)
    assert np.all(others >= 0)
    assert_allclose(others.sum(axis=1), 1, rtol=1e-5)
    expected = weights[:, None] * np.eye(n_classes)
    assert_allclose(found[labels.rows], expected[labels.codes], rtol=1e-6)


def test_probabilities_are_the_mean_of_three_estimates():
    rng = np.random.default_rng(0)
    labels = labelled(30, 3, rng)
    fine_tuned, representations = rng.dirichlet(np.ones(3), 30), rng.normal(size=(30, 5))
    rows = normalize(representations - representations.mean(axis=0))
    codes = np.full(30, -1)
    codes[labels.rows] = labels.codes
    estimates = [
        fine_tuned,
        probe_probabilities(rows, labels, [1.0] * 3),
        slow_spreading(slow_graph(rows), codes, 3),
    ]
    found = teacher_probabilities(representations, fine_tuned, labels, [1.0] * 3, 0)
    others = np.delete(np.arange(30), labels.rows)
    assert_allclose(found[others], np.mean(estimates, axis=0)[others], atol=0.01)


def test_large_data_have_a_graph_of_some_samples_with_all_labelled_ones(monkeypatch):
    graphs = []

    def recorded(rows):
        graphs.append(len(rows))
        return neighbour_graph(rows)

    monkeypatch.setattr(teacher, "LARGEST_GRAPH", 20)
    monkeypatch.setattr(teacher, "neighbour_graph", recorded)
    rng = np.random.default_rng(0)
    labels = Labels(np.arange(2), np.arange(0, 40, 5), np.arange(8) % 2)
    arguments = rng.normal(size=(40, 5)), rng.dirichlet(np.ones(2), 40), labels, [1.0, 1.0]
    first, again, other = (teacher_probabilities(*arguments, seed) for seed in (0, 0, 1))
    assert graphs == [20] * 3
    assert_array_equal(first, again)
    assert not np.allclose(first, other)
    assert_allclose(np.delete(first, labels.rows, axis=0).sum(axis=1), 1, rtol=1e-5)


def test_more_labels_than_the_graph_may_have_samples_are_all_in_it(monkeypatch):
    monkeypatch.setattr(teacher, "LARGEST_GRAPH", 5)
    rng = np.random.default_rng(0)
    labels = Labels(np.arange(2), np.arange(10), np.arange(10) % 2)
    arguments = rng.normal(size=(40, 5)), rng.dirichlet(np.ones(2), 40), labels, [1.0, 1.0]
    assert teacher_probabilities(*arguments, 0).shape == (40, 2)


@pytest.mark.parametrize("value", [0.0, 1.0, 1e30])
def test_equal_representations_say_nothing(value):
    labels = Labels(np.arange(2), np.arange(4), np.array([0, 0, 1, 1]))
    fine_tuned = np.full((6, 2), 0.5)
    found = teacher_probabilities(np.full((6, 3), value), fine_tuned, labels, [1.0, 1.0], 0)
    assert_allclose(found[4:], 0.5, atol=0.01)
