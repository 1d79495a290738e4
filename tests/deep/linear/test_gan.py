"""The game of generator and discriminator: its value and its equilibrium."""

import numpy as np
import pytest
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.linalg import sqrtm

from sklearn_contrastive.deep._linear.gan import QuadraticGame


def game_of(generator, discriminator):
    """The game with these matrices, in float64."""
    game = QuadraticGame(*generator.shape).double()
    with torch.no_grad():
        game.generator.copy_(torch.tensor(generator))
        game.discriminator.copy_(torch.tensor(discriminator))
    return game


def rows_with_covariance(covariance):
    """Square matrix of rows x whose mean of x x' is exactly this matrix."""
    return torch.tensor(np.linalg.cholesky(covariance).T * np.sqrt(len(covariance)))


@given(d=st.integers(1, 6), k=st.integers(1, 6), n=st.integers(1, 5), seed=SEEDS)
def test_value_of_the_game_is_that_of_its_matrices(d, k, n, seed):
    rng = np.random.default_rng(seed)
    G, L = rng.normal(size=(2, d, k))
    samples, latent = rng.normal(size=(n, d)), rng.normal(size=(n, k))
    A, generated = np.eye(d) / 2 + L @ L.T, latent @ G.T
    value = np.mean([x @ (np.eye(d) - A) @ x for x in samples]) / 2
    value += np.mean([y @ (np.eye(d) - np.linalg.inv(A)) @ y for y in generated]) / 2
    found = game_of(G, L)(torch.tensor(samples), torch.tensor(latent)).item()
    size = (1 + np.linalg.norm(A, ord=2)) * (np.sum(samples**2) + np.sum(generated**2))
    assert_allclose(found, value, rtol=0, atol=1e3 * np.finfo(float).eps * size)


@pytest.mark.parametrize("seed", range(5))
def test_the_best_discriminator_gives_half_the_squared_wasserstein_distance(seed):
    rng = np.random.default_rng(seed)
    d = 4
    S = np.cov(rng.normal(size=(d, 40)))
    G = np.linalg.cholesky(S + 0.1 * np.cov(rng.normal(size=(d, 40))))
    root = sqrtm(S)
    middle = sqrtm(root @ G @ G.T @ root)
    # the optimal transport map between the two Gaussian distributions
    A = np.linalg.solve(root, np.linalg.solve(root, middle).T)
    game = game_of(G, np.linalg.cholesky(A - np.eye(d) / 2))
    value = game(rows_with_covariance(S), rows_with_covariance(np.eye(d)))
    assert_allclose(value.item(), np.trace(S + G @ G.T - 2 * middle) / 2, rtol=1e-9)
    # and no discriminator has a larger value
    value.backward()
    assert_allclose(game.discriminator.grad, 0, atol=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_leading_eigenvectors_are_an_equilibrium_for_few_latent_variables(seed):
    rng = np.random.default_rng(seed)
    S = np.cov(rng.normal(size=(6, 40)) * np.arange(1, 7)[:, None])
    values, vectors = np.linalg.eigh(S)
    leading = vectors[:, -2:]
    game = game_of(leading * np.sqrt(values[-2:]), leading / np.sqrt(2))
    value = game(rows_with_covariance(S), rows_with_covariance(np.eye(2)))
    value.backward()
    assert_allclose(game.generator.grad, 0, atol=1e-9)
    assert_allclose(game.discriminator.grad, 0, atol=1e-9)
    # this discriminator detects half of the variance that is not generated
    assert_allclose(value.item(), values[:-2].sum() / 4, rtol=1e-9)
