"""LinearContrastiveEncoder: convergence to the closed form, reused masks, estimator checks."""

import pickle

import numpy as np
import pytest
import torch
from helpers.checks import assert_first_class
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.augmentation._masking import complementary_views
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.deep import LinearContrastiveEncoder
from sklearn_contrastive.linear import (
    contrastive_loss_matrix,
    expected_loss_matrix,
    minimize_linear_contrastive_loss,
)
from sklearn_contrastive.metrics import sin_theta_distance

N, D, K = 2000, 20, 2
# noise that misleads PCA: the first two features have more variance than the signal
NOISE = np.r_[3.0, 3.0, np.full(D - 2, 0.5)]
X, TRUTH = make_spiked_covariance(N, D, K, signal=2.0, noise=NOISE, mean=10.0, random_state=0)
CENTRED = X - X.mean(axis=0)

TRAINED = LinearContrastiveEncoder(K, max_epochs=100, batch_size=200, random_state=0)


def test_training_with_new_masks_converges_to_the_closed_form():
    model = clone(TRAINED).fit(X)
    closed_form = LinearContrastive(K, max_iter=0, random_state=0).fit(X)
    assert sin_theta_distance(model.components_, closed_form.components_) < 0.02
    assert sin_theta_distance(model.components_, TRUTH.components) < 0.2
    pca = minimize_linear_contrastive_loss(contrastive_loss_matrix(X, X), N, K)
    assert sin_theta_distance(pca, TRUTH.components) > 1


@pytest.mark.parametrize("mask_rate", [0.5, 0.3])
@pytest.mark.parametrize("regularization", [1.0, 0.1])
def test_the_encoder_has_the_scale_of_the_minimiser(mask_rate, regularization):
    model = clone(TRAINED).set_params(mask_rate=mask_rate, regularization=regularization).fit(X)
    matrix = expected_loss_matrix(CENTRED, mask_rate)
    best = minimize_linear_contrastive_loss(matrix, N, K, regularization)
    expected = best.T @ best
    error = np.linalg.norm(model.encoder_.T @ model.encoder_ - expected)
    assert error < 0.03 * np.linalg.norm(expected)
    minimum = -regularization / 2 * np.sum(expected**2)
    # the loss of an epoch depends on its masks; ten epochs average them
    losses = [record["loss"] for record in model.history_[-10:]]
    assert_allclose(np.mean(losses), minimum, rtol=0.08)


def matrix_of_masks(masks):
    """Mean of the loss matrices of these masks, each shared by all samples."""
    matrices = [contrastive_loss_matrix(*complementary_views(CENTRED, mask)) for mask in masks]
    return np.mean(matrices, axis=0)


@pytest.mark.parametrize("n_masks", [1, 3, 20])
def test_training_with_few_masks_converges_to_the_minimiser_for_these_masks(n_masks):
    model = clone(TRAINED).set_params(n_masks=n_masks).fit(X)
    assert model.masks_.shape == (n_masks, D)
    best = minimize_linear_contrastive_loss(matrix_of_masks(model.masks_), N, K)
    error = np.linalg.norm(model.encoder_.T @ model.encoder_ - best.T @ best)
    assert error < 0.03 * np.linalg.norm(best) ** 2


def test_reused_masks_cost_accuracy_and_many_masks_cost_little():
    # 40 features, 10 components, noise from 1 to 0.5: means of ten draws of 20000 samples were
    # 0.908, 0.590, 0.327 and, for new masks, 0.305
    samples, truth = make_spiked_covariance(
        4000, 40, 10, noise=np.linspace(1, 0.5, 40), random_state=0
    )
    model = LinearContrastiveEncoder(10, max_epochs=25, batch_size=200, random_state=0)
    errors = [
        sin_theta_distance(model.set_params(n_masks=n).fit(samples).components_, truth.components)
        for n in (1, 5, 100, None)
    ]
    assert errors[0] > errors[1] + 0.1 > errors[2] + 0.2
    assert_allclose(errors[2], errors[3], atol=0.06)


def test_small_batches_do_not_bias_the_solution():
    # a bias of 1 / batch_size of the variance of this feature would be an eigenvalue of 20, larger
    # than that of the signal
    noise = np.r_[10.0, np.full(D - 1, 0.3)]
    samples, _ = make_spiked_covariance(2000, D, K, signal=2.0, noise=noise, random_state=0)
    model = LinearContrastiveEncoder(K, max_epochs=4, batch_size=5, random_state=0).fit(samples)
    exact = LinearContrastive(K, max_iter=0, random_state=0).fit(samples)
    assert sin_theta_distance(model.components_, exact.components_) < 0.3


def test_attributes_are_consistent():
    model = clone(TRAINED).set_params(max_epochs=3).fit(X)
    assert_allclose(model.components_ @ model.components_.T, np.eye(K), atol=1e-12)
    lengths = np.linalg.norm(model.encoder_, axis=1)
    assert lengths[0] >= lengths[1] > 0
    assert_allclose(model.encoder_, model.components_ * lengths[:, None])
    largest = np.abs(model.components_).argmax(axis=1)
    assert np.all(model.components_[np.arange(K), largest] > 0)
    assert_allclose(model.transform(X), CENTRED @ model.encoder_.T, atol=1e-10)
    assert model.masks_ is None
    assert model.n_iter_ == len(model.history_) == 3


def test_float32_samples_give_the_network_of_float64_samples():
    model = clone(TRAINED).set_params(max_epochs=3)
    single = clone(model).fit(X.astype(np.float32))
    assert single.encoder_.dtype == single.transform(X.astype(np.float32)).dtype == np.float32
    assert_allclose(single.encoder_, model.fit(X).encoder_, atol=1e-4)


def test_training_is_repeatable_and_independent_of_pytorchs_seed():
    model = clone(TRAINED).set_params(max_epochs=2, n_masks=4)
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first = clone(model).fit(X)
    assert_array_equal(torch.get_rng_state(), state)
    torch.manual_seed(5)
    second = clone(model).fit(X)
    assert_array_equal(first.encoder_, second.encoder_)
    assert_array_equal(first.masks_, second.masks_)
    assert not np.array_equal(first.masks_, model.set_params(random_state=1).fit(X).masks_)


def test_the_pickle_of_a_fitted_encoder_has_no_pytorch_objects():
    model = clone(TRAINED).set_params(max_epochs=2).fit(X)
    stored = pickle.dumps(model)
    assert b"torch" not in stored
    assert_array_equal(pickle.loads(stored).transform(X), model.transform(X))


# number generated by scikit-learn 1.9 for a transformer of dense samples, and the extra checks
N_CHECKS = 58


@pytest.mark.parametrize("n_masks", [None, 5])
def test_every_check_of_scikit_learn_passes(n_masks):
    assert_first_class(LinearContrastiveEncoder(n_masks=n_masks, max_epochs=2), N_CHECKS)


def test_error_messages_give_the_allowed_values():
    with pytest.raises(ValueError, match=r"n_components=9 must be between 1 and .*=8"):
        LinearContrastiveEncoder(9).fit(X[:8])
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        LinearContrastiveEncoder(1).fit(X[:1])
    with pytest.raises(TypeError, match="dense data is required"):
        LinearContrastiveEncoder(1).fit(sparse.csr_array(X))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mask_rate", 0.0),
        ("mask_rate", 1.0),
        ("n_masks", 0),
        ("batch_size", 2),
        ("regularization", 0.0),
        ("device", 0),
    ],
)
def test_parameters_out_of_range_are_refused(name, value):
    with pytest.raises(ValueError, match=f"The '{name}' parameter"):
        LinearContrastiveEncoder(1, **{name: value}).fit(X)


def test_a_failed_refit_keeps_the_earlier_fit():
    model = clone(TRAINED).set_params(max_epochs=1).fit(X)
    before = model.transform(X)
    with pytest.raises(ValueError, match="training diverged"):
        model.set_params(learning_rate=1e15, max_epochs=20).fit(X[:, :5])
    assert_array_equal(model.transform(X), before)
