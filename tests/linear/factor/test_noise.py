"""Diagonal and block noise, compared with dense linear algebra."""

from dataclasses import dataclass

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal

from sklearn_contrastive.linear._factor.model import (
    FactorModel,
    bartlett_weights,
    log_likelihood,
    model_covariance,
    model_precision,
    scoring_matrix,
)
from sklearn_contrastive.linear._factor.noise import BlockNoise, DiagonalNoise

EPS = np.finfo(np.float64).eps


@dataclass(frozen=True)
class NoiseProblem:
    """Blocks of random sizes whose features are mixed with those of the others."""

    noise: BlockNoise
    loadings: np.ndarray
    seed: int

    @property
    def components(self):
        return np.linalg.svd(self.loadings, full_matrices=False)[0].T

    @property
    def conditioning(self):
        """Of the blocks: whitening loses the root of it, and whitening twice all of it."""
        return max(np.linalg.cond(block) for block in self.noise.blocks)

    def columns(self, n_columns):
        rng = np.random.default_rng(self.seed)
        return rng.normal(size=(len(self.loadings), n_columns))


@st.composite
def noise_problems(draw):
    """Noise over several orders of magnitude between groups, and some inside them."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=1, max_size=5))
    spread, unit = draw(st.sampled_from([0.0, 2.0])), draw(st.sampled_from([1e-6, 1.0, 1e6]))
    n_factors, seed = draw(st.integers(1, sum(sizes))), draw(SEEDS)
    rng = np.random.default_rng(seed)
    members = np.split(rng.permutation(sum(sizes)), np.cumsum(sizes)[:-1])
    blocks = []
    for size in sizes:
        rotation = np.linalg.qr(rng.normal(size=(size, size)))[0]
        values = unit**2 * 10.0 ** (rng.uniform(-spread, spread) + rng.uniform(-1, 1, size))
        blocks.append((rotation * values) @ rotation.T)
    loadings = unit * rng.normal(size=(sum(sizes), n_factors))
    return NoiseProblem(BlockNoise(tuple(blocks), tuple(members)), loadings, seed)


# --- slow and obvious ----------------------------------------------------------------------------


def slow_matrix(noise):
    """Psi, entry by entry."""
    n_features = sum(len(features) for features in noise.members)
    matrix = np.zeros((n_features, n_features))
    for block, features in zip(noise.blocks, noise.members, strict=True):
        for i, feature in enumerate(features):
            for j, other in enumerate(features):
                matrix[feature, other] = block[i, j]
    return matrix


def slow_roots(noise):
    """Psi^(1/2) and Psi^(-1/2), dense, from the eigenvectors of the blocks."""
    roots, inverses = [], []
    for block in noise.blocks:
        values, vectors = np.linalg.eigh(block)
        roots.append(vectors @ np.diag(np.sqrt(values)) @ vectors.T)
        inverses.append(vectors @ np.diag(1 / np.sqrt(values)) @ vectors.T)
    return [slow_matrix(BlockNoise(tuple(parts), noise.members)) for parts in (roots, inverses)]


# --- the noise itself ----------------------------------------------------------------------------


@given(
    n_features=st.integers(1, 8),
    unit=st.sampled_from([1e-6, 1.0, 1e6]),
    spread=st.sampled_from([0.0, 3.0]),
    seed=SEEDS,
)
def test_blocks_of_size_one_are_independent_noise(n_features, unit, spread, seed):
    rng = np.random.default_rng(seed)
    variances = unit**2 * 10.0 ** rng.uniform(-spread, spread, size=n_features)
    single = DiagonalNoise(variances)
    block = BlockNoise(
        tuple(variances.reshape(-1, 1, 1)), tuple(np.arange(n_features).reshape(-1, 1))
    )
    columns = rng.normal(size=(n_features, 3))
    assert_array_equal(block.groups, single.groups)
    assert_array_equal(block.variances, single.variances)
    assert_array_equal(block.to_matrix(), single.to_matrix())
    assert_allclose(block.times(columns), single.times(columns), rtol=10 * EPS)
    assert_allclose(block.whitened(columns), single.whitened(columns), rtol=10 * EPS)
    # a sum of logarithms of either sign, each with the relative error of its variance
    size = np.abs(np.log(variances)).sum() + n_features
    assert block.log_determinant == pytest.approx(
        single.log_determinant, rel=0, abs=10 * EPS * size
    )


@given(problem=noise_problems())
def test_the_matrix_has_each_block_at_its_features(problem):
    noise, expected = problem.noise, slow_matrix(problem.noise)
    assert_array_equal(noise.to_matrix(), expected)
    assert_array_equal(noise.variances, np.diag(expected))
    for group, features in enumerate(noise.members):
        assert_array_equal(np.flatnonzero(noise.groups == group), np.sort(features))


@given(problem=noise_problems(), n_columns=st.integers(0, 4))
def test_products_are_those_of_the_matrix(problem, n_columns):
    columns = problem.columns(n_columns)
    matrix = slow_matrix(problem.noise)
    error = np.abs(problem.noise.times(columns) - matrix @ columns)
    assert np.all(error <= 10 * EPS * np.abs(matrix) @ np.abs(columns))


@given(problem=noise_problems(), n_columns=st.integers(0, 4))
def test_whitening_and_weighting_invert_the_noise(problem, n_columns):
    columns, noise = problem.columns(n_columns), problem.noise
    white = noise.weighted(noise.whitened(noise.times(columns)))
    assert white.shape == columns.shape
    size = np.abs(columns).max(initial=1.0)
    assert_allclose(white, columns, rtol=0, atol=100 * EPS * problem.conditioning * size)


@given(problem=noise_problems())
def test_whitened_noise_is_the_identity(problem):
    noise, size = problem.noise, len(problem.loadings)
    white = noise.whitened(noise.whitened(noise.to_matrix()).T)
    assert_allclose(white, np.eye(size), rtol=0, atol=100 * EPS * problem.conditioning)


@given(problem=noise_problems(), n_columns=st.integers(0, 4))
def test_weighting_is_whitening_transposed(problem, n_columns):
    noise, columns = problem.noise, problem.columns(n_columns)
    transposed = noise.whitened(np.eye(len(columns))).T
    error = np.abs(noise.weighted(columns) - transposed @ columns)
    assert np.all(error <= 100 * EPS * np.abs(transposed) @ np.abs(columns) * problem.conditioning)


@given(problem=noise_problems())
def test_the_log_determinant_is_that_of_the_matrix(problem):
    sign, expected = np.linalg.slogdet(slow_matrix(problem.noise))
    assert sign == 1
    size = sum(np.abs(np.log(np.linalg.eigvalsh(block))).sum() for block in problem.noise.blocks)
    allowed = 100 * EPS * (size + len(problem.loadings) * problem.conditioning)
    assert problem.noise.log_determinant == pytest.approx(expected, rel=0, abs=allowed)


# --- the model -----------------------------------------------------------------------------------


@given(problem=noise_problems())
def test_covariance_is_low_rank_plus_blocks(problem):
    expected = sum(np.outer(b, b) for b in problem.loadings.T) + slow_matrix(problem.noise)
    covariance = model_covariance(problem.loadings, problem.noise)
    assert_allclose(covariance, expected, rtol=0, atol=100 * EPS * np.abs(expected).max())


@given(problem=noise_problems())
def test_precision_is_the_inverse_of_the_covariance(problem):
    covariance = model_covariance(problem.loadings, problem.noise)
    precision = model_precision(problem.loadings, problem.noise)
    # in units of the noise, where the smallest eigenvalue of the covariance is 1
    root, inverse = slow_roots(problem.noise)
    white, of_precision = inverse @ covariance @ inverse, root @ precision @ root
    allowed = 1000 * EPS * np.linalg.norm(white, 2) * problem.conditioning
    assert_allclose(white @ of_precision, np.eye(len(root)), rtol=0, atol=allowed)
    assert_allclose(of_precision, of_precision.T, rtol=0, atol=allowed)


@given(problem=noise_problems(), n_samples=st.integers(1, 10))
def test_likelihood_equals_scipys(problem, n_samples):
    root, inverse = slow_roots(problem.noise)
    factors = problem.columns(n_samples).T[:, : problem.loadings.shape[1]]
    rng = np.random.default_rng(problem.seed + 1)
    X = factors @ problem.loadings.T + rng.normal(size=(n_samples, len(root))) @ root
    # in units of the noise: scipy refuses small variances as singular
    white = np.eye(len(root)) + inverse @ problem.loadings @ problem.loadings.T @ inverse
    expected = multivariate_normal(cov=white, allow_singular=True).logpdf(X @ inverse)
    log_root = np.linalg.slogdet(root)[1]
    actual = log_likelihood(X, problem.loadings, problem.noise)
    assert actual.shape == (n_samples,)
    size = np.sum((X @ inverse) ** 2, axis=1) + np.linalg.norm(white, 2) + abs(log_root) + 1
    error = np.abs(actual - (np.atleast_1d(expected) - log_root))
    assert np.all(error <= 1000 * EPS * problem.conditioning * size)


@given(problem=noise_problems())
def test_scoring_is_generalised_least_squares(problem):
    basis = problem.components.T
    root, inverse = slow_roots(problem.noise)
    # in units of the noise, by lstsq: the normal equations would lose half of the digits
    expected = np.linalg.lstsq(inverse @ basis, inverse, rcond=None)[0].T
    scoring = scoring_matrix(bartlett_weights(problem.components, problem.loadings, problem.noise))
    conditioning = np.linalg.cond(inverse @ basis) * np.linalg.cond(inverse @ problem.loadings)
    conditioning *= problem.conditioning
    error = root @ (scoring - expected)
    assert np.abs(error).max() <= 1000 * EPS * conditioning * np.abs(root @ expected).max()
    size = np.abs(basis.T) @ np.abs(scoring)
    left = np.abs(basis.T @ scoring - np.eye(basis.shape[1]))
    assert np.all(left <= 1000 * EPS * conditioning * np.maximum(size, 1.0))
    psi = slow_matrix(problem.noise)
    if np.linalg.cond(psi) * np.linalg.cond(problem.loadings) < 1e4:
        inverse = np.linalg.inv(psi)
        textbook = inverse @ basis @ np.linalg.inv(basis.T @ inverse @ basis)
        assert_allclose(scoring, textbook, rtol=0, atol=1e-8 * np.abs(textbook).max())


@given(problem=noise_problems(), seed=SEEDS)
def test_no_other_unbiased_scores_have_less_noise(problem, seed):
    components, psi = problem.components, slow_matrix(problem.noise)
    scoring = scoring_matrix(bartlett_weights(components, problem.loadings, problem.noise))
    # a change that keeps components @ scoring the identity
    free = np.random.default_rng(seed).normal(size=scoring.shape)
    other = scoring + free - components.T @ (components @ free)
    noise, best = other.T @ psi @ other, scoring.T @ psi @ scoring
    assert np.linalg.eigvalsh(noise - best)[0] >= -1e-8 * np.abs(noise).max()


@given(problem=noise_problems())
def test_variances_and_projected_covariance_of_a_model(problem):
    noise, loadings = problem.noise, problem.loadings
    model = FactorModel(np.zeros(len(loadings)), loadings, noise)
    covariance, directions = loadings @ loadings.T + slow_matrix(noise), problem.columns(3)
    assert_allclose(model.variances, np.diag(covariance), rtol=100 * EPS)
    size = np.abs(directions).T @ np.abs(covariance) @ np.abs(directions)
    error = model.along(directions) - directions.T @ covariance @ directions
    # the loadings' own products may be larger than their sum
    size += np.linalg.norm(loadings.T @ directions) ** 2
    assert np.all(np.abs(error) <= 1000 * EPS * size)


def test_without_factors_groups_are_independent():
    block = np.array([[2.0, 1.0], [1.0, 2.0]])
    noise = BlockNoise((block, np.array([[4.0]])), (np.array([0, 2]), np.array([1])))
    dense = np.array([[2.0, 0.0, 1.0], [0.0, 4.0, 0.0], [1.0, 0.0, 2.0]])
    X, nothing = np.array([[0.0, 0.0, 0.0], [1.0, 2.0, 3.0]]), np.zeros((3, 0))
    expected = multivariate_normal(cov=dense).logpdf(X)
    assert_allclose(log_likelihood(X, nothing, noise), expected)
    assert_allclose(model_precision(nothing, noise), np.linalg.inv(dense), atol=1e-14)
    assert_allclose(model_covariance(nothing, noise), dense)
