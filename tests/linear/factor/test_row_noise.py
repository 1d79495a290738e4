"""Noise scales of rows."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from sklearn_contrastive.linear._factor.outlying_cells import find_cells
from sklearn_contrastive.linear._factor.robust_samples import row_shrinkage
from sklearn_contrastive.linear._factor.row_noise import residual_spread, scale_prior

from .test_outlying_cells import cell_model


def spread_of(scales, draw_noise, seed=0):
    model, cells = cell_model(seed, d=40, threshold=np.inf)
    rng = np.random.default_rng(seed)
    noise = np.sqrt(model.noise.variances) * draw_noise(rng, (len(scales), 40))
    signal = rng.standard_normal((len(scales), 2)) @ model.loadings.T
    white = cells.white(model.mean + signal + scales[:, None] * noise)
    return residual_spread(white, find_cells(white, cells), cells)


def normal(rng, shape):
    return rng.standard_normal(shape)


@pytest.mark.parametrize("log_sd", [0.2, 0.5, 1.0])
def test_spread_between_rows_is_recovered(log_sd):
    scales = np.exp(log_sd * np.random.default_rng(1).standard_normal(1000))
    spread = spread_of(scales, normal)
    prior = scale_prior(spread, None)
    assert np.sqrt(prior.between) / 2 == pytest.approx(log_sd, rel=0.15)
    errors = np.log(prior.variances(spread)) / 2 - np.log(scales)
    assert np.std(errors) < 0.15


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize(
    "draw_noise",
    [
        normal,
        lambda rng, shape: rng.laplace(size=shape) / np.sqrt(2),
        lambda rng, shape: rng.standard_t(5, shape) / np.sqrt(5 / 3),
    ],
    ids=["normal", "Laplace", "t with 5"],
)
def test_heavy_tails_of_cells_are_no_noise_of_rows(draw_noise, seed):
    spread = spread_of(np.ones(1000), draw_noise, seed)
    prior = scale_prior(spread, None)
    assert prior.between == 0
    assert np.mean(prior.variances(spread) == 1.0) >= 0.999


def test_one_gross_row_among_many_is_not_shrunk():
    scales = np.ones(2000)
    scales[7] = 10.0
    spread = spread_of(scales, normal)
    variances = scale_prior(spread, None).variances(spread)
    assert variances[7] == pytest.approx(100, rel=0.5)
    assert_allclose(np.delete(variances, 7), 1.0, atol=0.35)


def test_shrunk_scores_are_the_best_linear_prediction():
    model, _ = cell_model(0)
    rng = np.random.default_rng(0)
    scoring, scores = rng.standard_normal((2, 12)), rng.standard_normal((3, 2))
    variances = np.array([0.5, 1.0, 7.0])
    shrunk = row_shrinkage(scores, variances, scoring, model)
    noise = scoring * model.noise.variances @ scoring.T
    total = scoring @ model.loadings @ model.loadings.T @ scoring.T + noise
    assert_allclose(shrunk[:2], scores[:2])
    assert_allclose(shrunk[2], total @ np.linalg.solve(total + 6 * noise, scores[2]))
