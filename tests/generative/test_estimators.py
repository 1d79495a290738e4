"""LinearAutoencoder and LinearGAN: closed forms against definitions, estimator interface."""

import tracemalloc
from itertools import product

import numpy as np
import pytest
from helpers.assertions import assert_same_subspace
from helpers.checks import assert_first_class
from helpers.generative import ESTIMATORS, small_samples
from helpers.strategies import SEEDS, spiked_problems
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import optimize, sparse
from sklearn.base import clone
from sklearn.decomposition import PCA

from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.generative import LinearAutoencoder, LinearGAN
from sklearn_contrastive.generative._closed_form import (
    canonical_code,
    masked_autoencoder,
    reconstruction_errors,
    spectrum_of,
)
from sklearn_contrastive.metrics import sin_theta_distance

EPS = np.finfo(np.float64).eps
KEPT = st.floats(1e-3, 0.999)


def samples_with_covariance(covariance):
    """2 n_features samples with exactly this covariance."""
    root = np.linalg.cholesky(covariance).T * np.sqrt(len(covariance) - 0.5)
    return np.vstack([root, -root])


def closed_form(X, n_components, keep_probability):
    spectrum = spectrum_of(X, standardised=keep_probability < 1)
    return masked_autoencoder(spectrum, n_components, keep_probability)


def masked_covariance(covariance, keep_probability):
    """Covariance of samples whose entries are kept with a probability."""
    p = keep_probability
    return p**2 * covariance + p * (1 - p) * np.diag(np.diag(covariance))


def expected_error(encoder, decoder, covariance, keep_probability):
    """Error of any encoder and decoder, from the definition."""
    both = decoder @ encoder
    return (
        np.trace(covariance)
        - 2 * keep_probability * np.trace(both @ covariance)
        + np.trace(both @ masked_covariance(covariance, keep_probability) @ both.T)
    )


def rounding_of(X):
    """Scale of a covariance of X, including the rounding error of the mean of X."""
    size = np.linalg.norm(np.cov(X.T), ord=2)
    return size + np.sqrt(size) * np.abs(X).max()


# --- closed forms ---------------------------------------------------------------------------------


@given(problem=spiked_problems())
def test_plain_autoencoder_and_gan_span_the_subspace_of_pca(problem):
    X, k = problem.X, min(problem.n_components, problem.n_samples - 1)
    _, roots, rows = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    values = np.append(roots**2, 0.0) / (len(X) - 1)
    gap = values[k - 1] - values[k]
    for estimator in (LinearAutoencoder(k), LinearGAN(k)):
        components = estimator.fit(X).components_
        assert_same_subspace(components, rows[:k], gap, rounding_of(X))


@given(problem=spiked_problems(max_features=20), kept=KEPT)
def test_masked_autoencoder_has_the_leading_eigenvectors(problem, kept):
    X, k = problem.X, min(problem.n_components, problem.n_samples - 1)
    code = closed_form(X, k, kept)
    S = np.cov(X.T)
    C = masked_covariance(S, kept)
    values, vectors = np.linalg.eigh(S @ np.linalg.solve(C, S))
    values, vectors = values[::-1], vectors[:, ::-1]
    # C in units of the features has eigenvalues from p (1 - p) to p^2 n_features
    scale = rounding_of(X) / kept**2 * len(S) / (1 - kept)
    assert_same_subspace(code.components, vectors[:, :k].T, values[k - 1] - values[k], scale)
    # features in their own units, in which the encoder is as well conditioned as C
    deviations = np.sqrt(np.diag(S))
    encoder = kept * np.linalg.solve(C, S @ code.components.T).T
    assert_allclose(
        code.encoder * deviations,
        encoder * deviations,
        rtol=0,
        atol=1e4
        * EPS
        * len(S)
        * (1 + np.abs(X).max() / deviations.min())
        / (kept * (1 - kept))
        * deviations.max(),
    )


@given(seed=SEEDS, kept=st.floats(0.01, 0.99), n_features=st.integers(2, 5), data=st.data())
def test_masked_autoencoder_is_reduced_rank_regression_on_every_masked_copy(
    seed, kept, n_features, data
):
    k = data.draw(st.integers(1, n_features - 1))
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(9, n_features)) @ rng.normal(size=(n_features, n_features))
    centred = X - X.mean(axis=0)
    masks = np.array(list(product([0.0, 1.0], repeat=n_features)))
    # every sample under every mask, weighted by the probability of the mask
    weights = np.sqrt(np.prod(np.where(masks, kept, 1 - kept), axis=1))[:, None, None]
    inputs = (weights * masks[:, None] * centred).reshape(-1, n_features)
    outputs = (weights * np.broadcast_to(centred, (len(masks), *X.shape))).reshape(-1, n_features)
    regression = np.linalg.lstsq(inputs, outputs, rcond=None)[0]
    _, strengths, rows = np.linalg.svd(inputs @ regression, full_matrices=False)
    best = regression @ rows[:k].T @ rows[:k]
    code = closed_form(X, k, kept)
    # the regression is as accurate as the masked copies are conditioned
    size = np.linalg.cond(inputs) ** 2 * np.abs(regression).max()
    gap = strengths[k - 1] ** 2 - strengths[k] ** 2
    tolerance = 1e3 * EPS * size * max(1.0, strengths[0] ** 2 / gap)
    assert_allclose(code.encoder.T @ code.components, best, rtol=0, atol=tolerance)


@given(problem=spiked_problems(max_features=15), kept=KEPT)
def test_behind_a_scaler_every_masked_autoencoder_is_pca(problem, kept):
    X, k = problem.X, min(problem.n_components, problem.n_samples - 1)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    values = np.append(np.linalg.eigvalsh(np.cov(X.T))[::-1], 0.0)
    code, pca = closed_form(X, k, kept), closed_form(X, k, 1.0)
    gap, scale = values[k - 1] - values[k], values[0] * len(values) / (kept * (1 - kept))
    if gap > 1e4 * EPS * scale:  # elsewhere any rows are as good
        assert_same_subspace(code.components, pca.components, gap, scale)
        encoder = np.linalg.qr(code.encoder.T).Q.T
        assert_same_subspace(encoder, pca.components, gap, scale)


@given(problem=spiked_problems(max_features=8, max_samples=30), kept=st.sampled_from([0.3, 1.0]))
def test_no_autoencoder_has_a_smaller_error(problem, kept):
    X, k = problem.X, min(problem.n_components, problem.n_samples - 1)
    S = np.cov(X.T)
    code = closed_form(X, k, kept)
    encoder, decoder = code.encoder, code.components.T
    least = expected_error(encoder, decoder, S, kept)
    rng = np.random.default_rng(problem.seed)
    tolerance = 1e4 * EPS * rounding_of(X) * len(S)
    for step in (1e-3, 0.1, 1.0):
        moves = rng.normal(size=(2, k, len(S))) * step
        encoder_moved = encoder * (1 + moves[0])
        for other in ((encoder_moved, decoder), (encoder, decoder + moves[1].T)):
            assert expected_error(*other, S, kept) >= least - tolerance


@pytest.mark.parametrize("kept", [0.3, 0.8, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_quasi_newton_minimisation_converges_to_the_closed_form(seed, kept, torch):
    rng = np.random.default_rng(seed)
    d, k = 6, 2
    X = rng.normal(size=(30, d)) @ rng.normal(size=(d, d))
    S = torch.tensor(np.cov(X.T))
    masked = torch.tensor(masked_covariance(np.cov(X.T), kept))

    def error_and_gradient(flat):
        encoder, decoder = torch.tensor(flat, requires_grad=True), None
        matrices = encoder.reshape(2, k, d)
        decoder = matrices[1].T @ matrices[0]
        error = torch.trace(S - 2 * kept * decoder @ S + decoder @ masked @ decoder.T)
        error.backward()
        return error.item(), encoder.grad.numpy()

    found = optimize.minimize(error_and_gradient, rng.normal(size=2 * k * d), jac=True, tol=1e-12)
    encoder, decoder = found.x.reshape(2, k, d)
    code = closed_form(X, k, kept)
    least = expected_error(code.encoder, code.components.T, np.cov(X.T), kept)
    assert_allclose(found.fun, least, rtol=1e-7)
    assert_allclose(decoder.T @ encoder, code.components.T @ code.encoder, atol=1e-4)


@given(problem=spiked_problems(max_features=6), kept=st.sampled_from([0.2, 0.7, 1.0]))
def test_expected_error_is_the_mean_over_all_masks(problem, kept):
    X = problem.X[:7]
    centred = X - X.mean(axis=0)
    code = closed_form(problem.X, 1, kept)
    expected = np.zeros(len(X))
    for mask in product([0.0, 1.0], repeat=X.shape[1]):
        probability = np.prod(np.where(mask, kept, 1 - kept))
        restored = (centred * mask) @ code.encoder.T @ code.components
        expected += probability * np.sum((centred - restored) ** 2, axis=1)
    errors = reconstruction_errors(centred, code.encoder, code.components, kept)
    size = 1 + np.sum(np.abs(code.encoder), axis=1).max()
    assert_allclose(errors, expected, rtol=0, atol=1e3 * EPS * size**2 * np.sum(centred**2))


@given(problem=spiked_problems(max_features=10), seed=SEEDS, kept=st.sampled_from([0.4, 1.0]))
def test_canonical_code_does_not_depend_on_the_basis_of_the_codes(problem, seed, kept):
    X, k = problem.X, 2 if problem.n_samples > 2 else 1
    code = closed_form(X, k, kept)
    turn = np.linalg.qr(np.random.default_rng(seed).normal(size=(k, k)))[0] * [1.0, 0.3][:k]
    encoder, decoder = turn @ code.encoder, code.components.T @ np.linalg.inv(turn)
    again = canonical_code(encoder, decoder, X, X.mean(axis=0), kept)
    before, after = code.components.T @ code.encoder, again.components.T @ again.encoder
    assert_allclose(after, before, rtol=0, atol=100 * EPS * np.abs(code.encoder).max() * k)
    codes = kept * again.encoder @ masked_covariance(np.cov(X.T), kept) @ again.encoder.T
    strengths = np.diag(codes)
    assert np.all(np.diff(strengths) <= 1e-9 * strengths[0])
    size = np.abs(again.encoder).sum(axis=1).max() ** 2 * rounding_of(X)
    assert_allclose(codes, np.diag(strengths), rtol=0, atol=1e4 * EPS * size)


@pytest.mark.parametrize(
    ("deviation", "plain", "decoder", "encoder"),
    [
        (0.5, 0.000, 0.030, 0.147),
        (1.0, 0.710, 0.288, 0.155),
        (1.5, 2.087, 1.780, 1.427),
        (2.0, 2.150, 2.096, 1.925),
        (3.0, 2.173, 2.161, 2.052),
    ],
)
def test_noisy_features_mislead_autoencoders_of_the_population(deviation, plain, decoder, encoder):
    # five features of this deviation, the others of 0.5, signal 1: means over ten subspaces, known
    # from an independent computation with other subspaces
    errors = []
    for seed in range(10):
        noise = [deviation] * 5 + [0.5] * 95
        _, truth = make_spiked_covariance(1, 100, 5, noise=noise, random_state=seed)
        X = samples_with_covariance(truth.covariance)
        masked = closed_form(X, 5, 0.5)
        rows = (closed_form(X, 5, 1.0).components, masked.components, masked.encoder)
        errors.append([sin_theta_distance(each, truth.components) for each in rows])
    mean, spread = np.mean(errors, axis=0), np.std(errors, axis=0, ddof=1)
    # two means of ten draws each
    margin = 4 * np.sqrt(2) * spread / np.sqrt(10) + 5e-4
    assert np.all(np.abs(mean - [plain, decoder, encoder]) <= margin)


@given(problem=spiked_problems(max_features=20))
def test_generated_covariance_is_the_best_of_its_rank(problem):
    X, k = problem.X, problem.n_components
    model = LinearGAN(min(k, len(X))).fit(X)
    _, roots, rows = np.linalg.svd(X - X.mean(axis=0), full_matrices=False)
    best = (rows[:k].T * roots[:k] ** 2) @ rows[:k] / (len(X) - 1)
    values = np.append(roots**2, 0.0) / (len(X) - 1)
    gap = max(values[k - 1] - values[k], EPS * values[0]) if k <= len(roots) else values[0]
    generated = model.generator_ @ model.generator_.T
    atol = 1e3 * EPS * rounding_of(X) * max(1.0, values[0] / gap)
    assert_allclose(generated, best, rtol=0, atol=atol)


@pytest.mark.parametrize("n_samples", [8, 300])
def test_plain_autoencoder_equals_pca_including_signs(n_samples):
    X = small_samples(n_samples)
    pca, model = PCA(3).fit(X), LinearAutoencoder(3).fit(X)
    assert_allclose(model.components_, pca.components_, atol=1e-10)
    assert_allclose(model.transform(X), pca.transform(X), atol=1e-10)
    assert_allclose(
        model.inverse_transform(model.transform(X)),
        pca.inverse_transform(pca.transform(X)),
        atol=1e-10,
    )
    residual = X - pca.inverse_transform(pca.transform(X))
    assert_allclose(model.score(X), -np.mean(np.sum(residual**2, axis=1)), rtol=1e-10)


@pytest.mark.parametrize("n_samples", [8, 300])
def test_latent_variables_are_whitened_scores_of_pca(n_samples):
    X = small_samples(n_samples)
    pca, model = PCA(3, whiten=True).fit(X), LinearGAN(3).fit(X)
    assert_allclose(model.transform(X), pca.transform(X), atol=1e-10)
    assert_allclose(
        model.inverse_transform(model.transform(X)),
        pca.inverse_transform(pca.transform(X)),
        atol=1e-10,
    )


def test_samples_of_the_gan_have_its_mean_and_covariance():
    model = LinearGAN(2).fit(small_samples())
    n = 20_000
    drawn = model.sample(n, random_state=0)
    expected = model.generator_ @ model.generator_.T
    deviations = np.sqrt(np.diag(expected))
    assert np.all(np.abs(drawn.mean(axis=0) - model.mean_) <= 4 * deviations / np.sqrt(n))
    # the variance of a sampled covariance is at most twice the product of the variances over n
    error = np.abs(np.cov(drawn.T) - expected) / np.outer(deviations, deviations)
    assert error.max() <= 4 * np.sqrt(2 / n)
    assert_array_equal(drawn, model.sample(n, random_state=0))


def test_directions_without_variance_are_not_generated():
    line = np.outer(np.arange(6.0), [1.0, 2.0, 2.0])
    model = LinearGAN(2).fit(line)
    assert_allclose(model.components_ @ model.components_.T, np.eye(2), atol=1e-12)
    assert_array_equal(model.generator_[:, 1], 0)
    assert_array_equal(model.transform(line)[:, 1], 0)
    assert_allclose(model.inverse_transform(model.transform(line)), line, atol=1e-12)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_constant_features_have_zero_weight(estimator):
    X = small_samples()
    constant = np.insert(X, [0, 5], [0.1, -1e6], axis=1)
    with_them, without = clone(estimator).fit(constant), clone(estimator).fit(X)
    assert_allclose(np.delete(with_them.components_, [0, 6], axis=1), without.components_, 1e-8)
    assert_allclose(with_them.components_[:, [0, 6]], 0, atol=1e-12)
    assert_allclose(with_them.transform(constant), without.transform(X), atol=1e-8)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("value", [0.0, 1e3])
def test_constant_samples_give_zeros(estimator, value):
    model = clone(estimator).fit(np.full((5, 3), value))
    assert_allclose(model.components_ @ model.components_.T, np.eye(2), atol=1e-12)
    assert_array_equal(model.transform(np.full((2, 3), value)), 0)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_fewer_samples_than_features_need_no_square_matrix(estimator):
    X = np.random.default_rng(0).normal(size=(10, 4000))
    tracemalloc.start()
    clone(estimator).fit(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4000**2 * 8 / 10


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("n_samples", [8, 300])
def test_float32_samples_far_from_the_origin_are_accurate(estimator, n_samples):
    X = np.round(small_samples(n_samples), 1) + 1e4
    exact = clone(estimator).fit(X.astype(np.float32).astype(np.float64))
    single = clone(estimator).fit(X.astype(np.float32))
    assert single.components_.dtype == np.float32
    assert single.mean_.dtype == np.float64
    assert sin_theta_distance(single.components_, exact.components_) < 1e-5
    scores = single.transform(X.astype(np.float32))
    assert scores.dtype == np.float32
    assert_allclose(scores, exact.transform(X.astype(np.float32)), rtol=0, atol=1e-4)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_the_closed_form_has_no_history(estimator):
    model = clone(estimator).fit(small_samples(50))
    assert model.history_ == []
    assert model.n_iter_ == 0


# --- estimator interface --------------------------------------------------------------------------

# number generated by scikit-learn 1.9 for a transformer of dense samples, and the extra checks
N_CHECKS = 58

CONFIGURATIONS = {
    "autoencoder": LinearAutoencoder(),
    "masked autoencoder": LinearAutoencoder(1, keep_probability=0.5),
    "GAN": LinearGAN(),
    "trained autoencoder": LinearAutoencoder(solver="gradient", max_epochs=2),
    "trained GAN": LinearGAN(solver="gradient", max_epochs=2),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_every_check_of_scikit_learn_passes(name):
    if name.startswith("trained"):
        pytest.importorskip("torch", reason="PyTorch is not installed")
    assert_first_class(CONFIGURATIONS[name], N_CHECKS)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_error_messages_give_the_allowed_values(estimator):
    X = small_samples(8)
    with pytest.raises(ValueError, match=r"n_components=9 must be between 1 and .*=8"):
        clone(estimator).set_params(n_components=9).fit(X)
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        clone(estimator).fit(X[:1])
    with pytest.raises(TypeError, match="dense data is required"):
        clone(estimator).fit(sparse.csr_array(X))
    with pytest.raises(ValueError, match=r"X has 3 columns, but Linear.* has 2 components"):
        clone(estimator).fit(X).inverse_transform(X[:, :3])


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_components": 0}, "n_components"),
        ({"solver": "newton"}, "solver"),
        ({"max_epochs": 0}, "max_epochs"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"batch_size": 0}, "batch_size"),
    ],
)
@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_parameters_out_of_range_are_refused(estimator, parameters, message):
    with pytest.raises(ValueError, match=f"The '{message}' parameter"):
        clone(estimator).set_params(**parameters).fit(small_samples(8))


@pytest.mark.parametrize("kept", [0.0, -1.0, 1.1])
def test_keep_probabilities_outside_0_to_1_are_refused(kept):
    with pytest.raises(ValueError, match="'keep_probability' parameter"):
        LinearAutoencoder(keep_probability=kept).fit(small_samples(8))


@pytest.mark.parametrize("n_samples", [0, 2.5])
def test_invalid_numbers_of_samples_are_refused(n_samples):
    with pytest.raises(ValueError, match="give a positive integer"):
        LinearGAN().fit(small_samples(8)).sample(n_samples)


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_a_failed_refit_keeps_the_earlier_fit(estimator, torch):
    X = small_samples(20)
    model = clone(estimator).fit(X)
    before = model.transform(X)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full((20, 3), np.nan))
    model.set_params(solver="gradient", device="no such device")
    with pytest.raises(ValueError, match="device='no such device' cannot be used"):
        model.fit(X[:, :4])
    assert_array_equal(model.transform(X), before)
