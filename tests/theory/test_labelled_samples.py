"""Which directions of the signal labels and real targets remove, in samples."""

import numpy as np
import pytest

from benchmarks._common.spiked import five_noisy, subspace_error
from benchmarks.theory._labelled_samples import (
    by_quantile,
    class_matrix,
    gaussian_draw,
    leading_rows,
    regression_matrix,
    self_matrix,
)

DIRECTIONS = 5
SEEDS = range(5)


def mean_squared_error(matrix_of, labels, m, alpha, d=40):
    """Mean squared subspace error of Delta(Cov) / 4 + alpha M_sup, in directions."""
    squares = []
    for seed in SEEDS:
        rng = np.random.default_rng([seed, m, d])
        draw = gaussian_draw(rng, 2000, m, d, DIRECTIONS, five_noisy(2)(rng, d), labels)
        matrix = self_matrix(draw.unlabelled) + alpha * matrix_of(draw.X, draw.y)
        squares.append(subspace_error(leading_rows(matrix, DIRECTIONS), draw.subspace) ** 2)
    return np.mean(squares)


def four_classes(rng, Z, tasks):
    return by_quantile(Z, tasks[:, 0], 4)


def targets(columns, noise):
    """Targets of the given columns of tasks, with noise of this deviation."""
    return lambda rng, Z, tasks: (
        Z @ tasks[:, columns] + noise * rng.standard_normal((len(Z), len(columns)))
    )


@pytest.mark.parametrize("m", [600, 9600])
@pytest.mark.parametrize("d", [40, 100])
def test_few_classes_lose_directions_from_a_weight_of_order_m_over_d_on(m, d):
    without = mean_squared_error(class_matrix, four_classes, m, 0.0, d)
    below = mean_squared_error(class_matrix, four_classes, m, 0.04 * m / d, d)
    above = mean_squared_error(class_matrix, four_classes, m, 4 * m / d, d)
    assert below < without + 0.1
    assert above > without + 1


@pytest.mark.parametrize("columns", [[0], [0, 1], [0, 1, 2, 3, 4]])
def test_targets_of_different_tasks_with_little_noise_remove_no_direction(columns):
    without = mean_squared_error(regression_matrix, targets(columns, 0.1), 600, 0.0)
    alone = mean_squared_error(regression_matrix, targets(columns, 0.1), 600, 1e6)
    assert alone < without + 0.15


@pytest.mark.parametrize(("columns", "lost"), [([0, 0], 1), ([0, 0, 0], 2)])
def test_a_task_measured_again_removes_a_direction(columns, lost):
    alone = mean_squared_error(regression_matrix, targets(columns, 0.1), 600, 1e6)
    assert lost - 0.5 < alone < lost + 0.5


def test_a_target_without_relation_to_the_samples_removes_a_direction():
    def unrelated(rng, Z, tasks):
        return rng.standard_normal((len(Z), 1))

    assert mean_squared_error(regression_matrix, unrelated, 600, 1e6) > 0.8
