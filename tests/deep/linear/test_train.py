"""Linear networks: what the game is worth, what training leaves alone, units, and refusals."""

import numpy as np
import pytest
import torch
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import sqrtm

from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.deep import (
    train_linear_autoencoder,
    train_linear_contrastive_encoder,
    train_linear_gan,
)
from sklearn_contrastive.deep._linear.objectives import (
    ComplementaryViews,
    QuadraticGame,
    ReconstructionObjective,
)

TRAINERS = [train_linear_autoencoder, train_linear_gan, train_linear_contrastive_encoder]

X, _ = make_spiked_covariance(60, 6, 2, signal=2.0, mean=5.0, random_state=0)


def matrices_of(network):
    """All that a network has learned."""
    names = ("encoder", "decoder", "generator")
    return [vars(network)[name] for name in names if name in vars(network)]


# --- the game ------------------------------------------------------------------------------------


def game_of(generator, discriminator):
    """The game with these matrices, in float64."""
    game = QuadraticGame(*generator.shape).double()
    with torch.no_grad():
        game.generator.copy_(torch.tensor(generator))
        game.discriminator.copy_(torch.tensor(discriminator))
    return game


def rows_with_covariance(covariance):
    """As many rows as columns of which the mean of x x' is exactly this matrix."""
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
    # and no discriminator sees more
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
    # half of what is not generated stays hidden from a discriminator of this form
    assert_allclose(value.item(), values[:-2].sum() / 4, rtol=1e-9)


# --- views and masks -----------------------------------------------------------------------------


def test_views_are_complementary_and_fresh():
    batch = torch.randn(40, 7)
    generator = torch.Generator().manual_seed(0)
    views = ComplementaryViews(0.5)
    first, second = views(batch, generator)
    assert torch.equal(first + second, batch)
    assert torch.all((first == 0) | (second == 0))
    assert not torch.equal(first, views(batch, generator)[0])


def test_views_hide_at_the_rate():
    n = 100_000
    first, _ = ComplementaryViews(0.2)(torch.ones(n, 1), torch.Generator().manual_seed(0))
    assert abs((first == 0).double().mean().item() - 0.2) < 4 * np.sqrt(0.16 / n)


def test_views_of_few_masks_hide_what_one_of_them_says():
    masks = np.array([[True, False, True], [False, False, True]])
    first, second = ComplementaryViews(0.5, masks)(torch.ones(50, 3), torch.Generator())
    hidden = {tuple(row) for row in (first == 0).tolist()}
    assert hidden == {tuple(row) for row in masks.tolist()}
    assert torch.equal(first + second, torch.ones(50, 3))


def test_the_autoencoder_sees_masked_samples_and_restores_whole_ones():
    seen = []

    def remembering(batch):
        seen.append(batch)
        return torch.zeros_like(batch)

    batch = torch.full((20_000, 2), 3.0)
    loss = ReconstructionObjective(0.25).loss(remembering, batch, torch.Generator().manual_seed(0))
    assert loss.item() == 18
    assert abs((seen[0] == 3).double().mean().item() - 0.25) < 4 * np.sqrt(0.1875 / 40_000)
    assert torch.all((seen[0] == 3) | (seen[0] == 0))


# --- training ------------------------------------------------------------------------------------


@pytest.mark.parametrize("train", TRAINERS)
def test_training_is_repeatable_and_leaves_global_state_alone(train):
    torch.manual_seed(0)
    state, threads = torch.get_rng_state(), torch.get_num_threads()
    first = train(X, 2, max_epochs=3, batch_size=20, random_state=0)
    assert_array_equal(torch.get_rng_state(), state)
    assert torch.get_num_threads() == threads
    torch.manual_seed(1)
    second = train(X, 2, max_epochs=3, batch_size=20, random_state=0)
    other = train(X, 2, max_epochs=3, batch_size=20, random_state=1)
    for one, same, different in zip(*map(matrices_of, (first, second, other)), strict=True):
        assert_array_equal(one, same)
        assert not np.array_equal(one, different)
    assert first.history == second.history


@pytest.mark.parametrize("train", TRAINERS)
@pytest.mark.parametrize("unit", [2.0**-40, 2.0**40])
def test_the_unit_of_the_samples_does_not_matter(train, unit):
    plain, scaled = (
        train(factor * X, 2, max_epochs=3, batch_size=20, random_state=0) for factor in (1, unit)
    )
    # an encoder and a decoder together keep the unit; what makes samples or is as large has it
    power = 0 if train is train_linear_autoencoder else 1
    for one, other in zip(matrices_of(plain), matrices_of(scaled), strict=True):
        assert_allclose(other, one * unit**power, rtol=1e-12)
    loss_power = 4 if train is train_linear_contrastive_encoder else 2
    for one, other in zip(plain.history, scaled.history, strict=True):
        assert_allclose(other["loss"], one["loss"] * unit**loss_power, rtol=1e-12)


@pytest.mark.parametrize("train", TRAINERS)
def test_each_epoch_is_told_and_recorded(train):
    told = []
    network = train(X, 1, max_epochs=4, random_state=0, on_epoch=told.append)
    assert told == network.history
    assert [record["epoch"] for record in told] == [1, 2, 3, 4]
    assert all(set(record) == {"epoch", "loss"} for record in told)
    assert_allclose(network.mean, X.mean(axis=0))


@pytest.mark.parametrize("train", TRAINERS)
def test_samples_that_are_all_the_same_are_trained_on_without_an_error(train):
    network = train(np.full((10, 3), 0.1), 2, max_epochs=3, random_state=0)
    assert all(np.isfinite(matrix).all() for matrix in matrices_of(network))


@pytest.mark.parametrize("train", TRAINERS)
def test_steps_that_are_too_large_are_said_to_be(train):
    with pytest.raises(ValueError, match=r"training diverged. Lower the learning rate"):
        train(X, 2, learning_rate=1e15, max_epochs=20, random_state=0)


@pytest.mark.parametrize("train", TRAINERS)
@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (X[:1], "minimum of 2 is required"),
        (np.full((3, 2), np.nan), "X contains NaN"),
        (X[0], "Expected 2D array"),
    ],
)
def test_samples_that_cannot_be_learned_from_are_refused(train, samples, message):
    with pytest.raises(ValueError, match=message):
        train(samples, 1)


@pytest.mark.parametrize("train", TRAINERS)
def test_devices_that_do_not_exist_are_refused(train):
    with pytest.raises(ValueError, match="device='no such device' cannot be used"):
        train(X, 1, device="no such device")
