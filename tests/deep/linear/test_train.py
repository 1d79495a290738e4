"""Training of the linear networks: repeatability, units, records, divergence, invalid input."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.deep import (
    train_linear_autoencoder,
    train_linear_contrastive_encoder,
    train_linear_gan,
)

TRAINERS = [train_linear_autoencoder, train_linear_gan, train_linear_contrastive_encoder]

X, _ = make_spiked_covariance(60, 6, 2, signal=2.0, mean=5.0, random_state=0)


def matrices_of(network):
    """All matrices of a network."""
    names = ("encoder", "decoder", "generator")
    return [vars(network)[name] for name in names if name in vars(network)]


@pytest.mark.parametrize("train", TRAINERS)
def test_training_is_repeatable_and_does_not_change_global_state(train):
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
def test_results_scale_with_the_unit_of_the_samples(train, unit):
    plain, scaled = (
        train(factor * X, 2, max_epochs=3, batch_size=20, random_state=0) for factor in (1, unit)
    )
    # encoder and decoder of the autoencoder have no unit; the other matrices scale with the samples
    power = 0 if train is train_linear_autoencoder else 1
    for one, other in zip(matrices_of(plain), matrices_of(scaled), strict=True):
        assert_allclose(other, one * unit**power, rtol=1e-12)
    loss_power = 4 if train is train_linear_contrastive_encoder else 2
    for one, other in zip(plain.history, scaled.history, strict=True):
        assert_allclose(other["loss"], one["loss"] * unit**loss_power, rtol=1e-12)


@pytest.mark.parametrize("train", TRAINERS)
def test_on_epoch_receives_the_records_of_the_history(train):
    records = []
    network = train(X, 1, max_epochs=4, random_state=0, on_epoch=records.append)
    assert records == network.history
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]
    assert all(set(record) == {"epoch", "loss"} for record in records)
    assert_allclose(network.mean, X.mean(axis=0))


@pytest.mark.parametrize("train", TRAINERS)
def test_constant_samples_give_finite_networks(train):
    network = train(np.full((10, 3), 0.1), 2, max_epochs=3, random_state=0)
    assert all(np.isfinite(matrix).all() for matrix in matrices_of(network))


@pytest.mark.parametrize("train", TRAINERS)
def test_divergence_is_an_error_that_names_the_learning_rate(train):
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
def test_invalid_samples_are_refused(train, samples, message):
    with pytest.raises(ValueError, match=message):
        train(samples, 1)


@pytest.mark.parametrize("train", TRAINERS)
def test_unknown_devices_are_refused(train):
    with pytest.raises(ValueError, match="device='no such device' cannot be used"):
        train(X, 1, device="no such device")
