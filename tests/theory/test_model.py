"""Spiked covariance model, and the subspaces found in its population."""

import dataclasses
from itertools import product

import numpy as np
import pytest
from helpers.assertions import assert_same_subspace
from helpers.populations import haar_model, spiked_models
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.linalg import eigh
from sklearn.decomposition import PCA

from sklearn_contrastive.datasets import make_spiked_classification, make_spiked_covariance
from sklearn_contrastive.linear import expected_loss_matrix, minimize_linear_contrastive_loss
from sklearn_contrastive.metrics import incoherence, sin_theta_distance
from sklearn_contrastive.theory import SpikedCovarianceModel

EPS = np.finfo(np.float64).eps
PROBABILITIES = st.floats(1e-3, 0.999) | st.just(1.0)
# five features of a hundred at the given standard deviation, the others at a half
NOISY = {s: np.r_[np.full(5, s), np.full(95, 0.5)] for s in (0.5, 1.0, 1.5, 2.0, 3.0, 10.0)}


def off_diagonal(matrix):
    return matrix - np.diag(np.diag(matrix))


def leading(matrix, k):
    """Leading eigenvectors as rows, and the gap between eigenvalues k and k+1."""
    eigenvalues, eigenvectors = np.linalg.eigh(matrix)
    gap = eigenvalues[-k] - (eigenvalues[-k - 1] if k < len(matrix) else -np.inf)
    return eigenvectors[:, -k:].T, gap


def assert_leading(components, matrix, factor=1.0):
    """Assert that rows span the leading eigenvectors of a matrix, as far as it fixes them."""
    expected, gap = leading(matrix, len(components))
    scale = factor * np.abs(np.linalg.eigvalsh(matrix)).max()
    assert_allclose(components @ components.T, np.eye(len(components)), rtol=0, atol=1e-13)
    if gap > 1e4 * EPS * scale:  # elsewhere any rows are as good
        assert_same_subspace(components, expected, gap=gap, scale=scale)


SUBSPACES = {
    "pca": lambda model: model.pca_components(),
    "correlation": lambda model: model.correlation_pca_components(),
    "decoder": lambda model: model.autoencoder_decoder(0.5),
    "encoder": lambda model: model.autoencoder_encoder(0.5),
    "contrastive": lambda model: model.contrastive_components(),
    "supervised": lambda model: model.supervised_components(
        np.diag(model.signal)[[0, 0, -1]], alpha=0.5
    ),
    "optimal": lambda model: model.optimal_components(),
}


# --- the model and its samples -------------------------------------------------------------------


@given(model=spiked_models())
def test_covariance_is_signal_plus_noise(model):
    common = sum(s**2 * np.outer(u, u) for s, u in zip(model.signal, model.components, strict=True))
    size = np.abs(common).max() + model.noise_variance.max()
    assert_allclose(model.signal_covariance, common, rtol=0, atol=100 * EPS * size)
    assert_allclose(
        model.covariance, common + np.diag(model.noise_variance), rtol=0, atol=100 * EPS * size
    )
    assert model.incoherence == pytest.approx(incoherence(model.components), abs=100 * EPS)
    assert model.components.shape == (model.n_components, model.n_features)


def test_scalars_are_broadcast_to_all_components_and_features():
    model = SpikedCovarianceModel(np.eye(4)[:2], 3.0, 0.5, 7.0)
    assert_array_equal(model.signal, [3, 3])
    assert_array_equal(model.noise_variance, np.full(4, 0.5))
    assert_array_equal(model.mean, np.full(4, 7))
    assert_array_equal(SpikedCovarianceModel(np.eye(4)[:2]).covariance, np.diag([2, 2, 1, 1]))


def test_model_keeps_copies_and_cannot_be_changed():
    rows = np.eye(4)[:2]
    noise = np.ones(4)
    model = SpikedCovarianceModel(rows, noise_variance=noise)
    assert not np.shares_memory(model.components, rows)
    assert not np.shares_memory(model.noise_variance, noise)
    with pytest.raises(dataclasses.FrozenInstanceError):
        model.signal = np.ones(2)


def test_samples_have_the_moments_of_the_population():
    n = 200_000
    model = SpikedCovarianceModel(
        np.kron(np.eye(2), np.full(3, 3**-0.5)), [3.0, 1.0], [0.1, 9, 1, 0.2, 4, 1], np.arange(6)
    )
    X, scores = model.sample(n, random_state=0)
    variances = np.diag(model.covariance)
    error = np.abs(np.cov(X.T) - model.covariance)
    assert np.all(error <= 4 * np.sqrt((np.outer(variances, variances) + model.covariance**2) / n))
    assert np.all(np.abs(X.mean(axis=0) - model.mean) <= 4 * np.sqrt(variances / n))
    assert np.all(np.abs(scores.std(axis=0) / model.signal - 1) <= 4 / np.sqrt(2 * n))


@given(model=spiked_models(), seed=SEEDS)
def test_observing_the_drawn_scores_repeats_the_sample(model, seed):
    rng = np.random.RandomState(seed)
    X, scores = model.sample(5, random_state=seed)
    assert_array_equal(scores, model.signal * rng.standard_normal((5, model.n_components)))
    assert_array_equal(X, model.observe(scores, rng))


@given(seed=SEEDS, noise=st.sampled_from(["linear", "lognormal", 0.0]))
def test_generator_returns_a_model_with_scores(seed, noise):
    X, truth = make_spiked_covariance(9, 8, 3, noise=noise, mean=2.0, random_state=seed)
    assert isinstance(truth, SpikedCovarianceModel)
    residual = X - truth.mean - truth.scores @ truth.components
    assert np.all(np.abs(residual) <= 10 * np.sqrt(truth.noise_variance) + 1e-13)


# --- subspaces in the population, against their definitions --------------------------------------


@given(model=spiked_models(noise_ratios=(1.0, 1e2)), data=st.data())
def test_subspaces_are_those_of_their_matrices(model, data):
    covariance = model.covariance
    assert_leading(model.pca_components(), covariance)
    assert_leading(model.autoencoder_decoder(), covariance)
    assert_leading(model.autoencoder_encoder(), covariance)
    # the variance's own rounding is left where its diagonal was
    size = np.abs(covariance).max() / np.abs(model.signal_covariance).max()
    assert_leading(model.contrastive_components(), off_diagonal(covariance), factor=size)


@given(model=spiked_models(noise_ratios=(1.0, 1e2)))
def test_correlation_components_are_scaled_back(model):
    scale = np.sqrt(np.diag(model.covariance))
    standardised = model.correlation_pca_components() / scale
    expected, gap = leading(model.covariance / np.outer(scale, scale), model.n_components)
    if gap > 1e-8:  # elsewhere any rows are as good
        tolerance = 1e4 * EPS * scale.max() / scale.min() / min(gap, 1.0)
        assert sin_theta_distance(standardised, expected) <= tolerance


@given(model=spiked_models(noise_ratios=(1.0, 1e2)), p=PROBABILITIES)
def test_decoder_and_encoder_are_reduced_rank_regression_on_masked_samples(model, p):
    S = model.covariance
    C = p**2 * S + p * (1 - p) * np.diag(np.diag(S))
    decoded = S @ np.linalg.solve(C, S)
    expected, gap = leading(decoded, model.n_components)
    gap = min(gap / np.linalg.norm(decoded, ord=2), 1.0)
    if gap > 1e-6:
        tolerance = 1e3 * EPS * np.linalg.cond(C) / gap
        assert sin_theta_distance(model.autoencoder_decoder(p), expected) <= tolerance
        encoder = p * np.linalg.solve(C, S @ expected.T).T
        tolerance *= np.linalg.cond(encoder)
        assert sin_theta_distance(model.autoencoder_encoder(p), encoder) <= tolerance


def test_masked_second_moment_is_the_mean_over_all_masks():
    S, p = haar_model(0, np.array([0.5, 2.0, 1.0, 0.1]), 2).covariance, 0.3
    mean = np.zeros_like(S)
    for mask in product([0.0, 1.0], repeat=4):
        probability = np.prod(np.where(mask, p, 1 - p))
        mean += probability * np.outer(mask, mask) * S
    assert_allclose(mean, p**2 * S + p * (1 - p) * np.diag(np.diag(S)), rtol=1e-14)


@pytest.mark.parametrize("p", [0.3, 0.8, 1.0])
def test_alternating_least_squares_trains_the_same_autoencoder(p):
    model = haar_model(1, np.linspace(2.0, 0.2, 12), 2, signal=[3.0, 2.0])
    S = model.covariance
    C = p**2 * S + p * (1 - p) * np.diag(np.diag(S))
    encoder = np.random.default_rng(0).normal(size=(2, 12))
    for _ in range(500):
        decoder = p * S @ encoder.T @ np.linalg.inv(encoder @ C @ encoder.T)
        encoder = p * np.linalg.solve(decoder.T @ decoder, decoder.T @ S) @ np.linalg.inv(C)
    assert sin_theta_distance(model.autoencoder_decoder(p), decoder.T) < 1e-8
    assert sin_theta_distance(model.autoencoder_encoder(p), encoder) < 1e-8


@pytest.mark.parametrize("method", ["autoencoder_decoder", "autoencoder_encoder"])
def test_masks_that_hide_almost_nothing_give_pca(method):
    model = haar_model(0, np.linspace(1.0, 0.5, 20), 3)
    rows = getattr(model, method)(1 - 1e-10)
    assert sin_theta_distance(rows, model.pca_components()) < 1e-7


@given(model=spiked_models(noise_ratios=(1.0,)), p=PROBABILITIES)
def test_masks_change_nothing_where_all_features_have_equal_variance(model, p):
    common = np.diag(model.signal_covariance)
    equal = dataclasses.replace(model, noise_variance=2 * common.max() - common)
    scale = 10 * model.n_features / p * np.linalg.norm(equal.covariance, ord=2)
    gap = leading(equal.covariance, model.n_components)[1]
    if gap > 1e3 * EPS * scale:  # elsewhere any rows are as good
        expected = equal.pca_components()
        for rows in (equal.autoencoder_decoder(p), equal.autoencoder_encoder(p)):
            assert_same_subspace(rows, expected, gap=gap, scale=scale)


@pytest.mark.parametrize(
    ("noise_sd", "kept", "lowest", "highest"),
    [
        (2.0, 0.5, 1.8, 2.0),
        (2.0, 0.02, 0.15, 0.35),
        (3.0, 0.02, 1.2, 1.6),
        (10.0, 0.02, 1.5, 1.9),
    ],
)
def test_masking_helps_the_encoder_only_if_most_is_hidden_and_noise_is_moderate(
    noise_sd, kept, lowest, highest
):
    errors = [
        sin_theta_distance(model.autoencoder_encoder(kept), model.components)
        for model in (haar_model(seed, NOISY[noise_sd]) for seed in range(5))
    ]
    assert lowest < np.mean(errors) < highest


def test_a_constant_feature_changes_nothing():
    rows = np.hstack([np.full((1, 4), 0.5), np.zeros((1, 1))])
    model = SpikedCovarianceModel(rows, noise_variance=[0.1, 0.1, 0.1, 0.3, 0.0])
    for method in ("decoder", "encoder", "correlation"):
        assert SUBSPACES[method](model)[0, 4] == 0


@given(model=spiked_models(noise_ratios=(1.0, 1e4)))
def test_optimal_components_are_those_of_the_whole_covariance(model):
    # by Woodbury's identity the signal may stay in what is inverted
    expected = np.linalg.solve(model.covariance, model.components.T).T
    condition = np.linalg.cond(model.covariance) * np.linalg.cond(expected)
    tolerance = 1e3 * EPS * max(condition, 1.0)
    assert sin_theta_distance(model.optimal_components(), expected) <= tolerance


@given(model=spiked_models(), ratio=st.sampled_from([1e-3, 1.0, 1e3]))
def test_equal_noise_makes_the_signal_subspace_optimal(model, ratio):
    equal = dataclasses.replace(model, noise_variance=ratio)
    assert sin_theta_distance(equal.optimal_components(), model.components) <= 1e3 * EPS * (
        model.signal[0] / model.signal[-1]
    )


@given(
    model=spiked_models(max_features=12, noise_ratios=(1.0,)),
    n_classes=st.integers(2, 6),
    alpha=st.sampled_from([0.0, 0.3, 100.0]),
    seed=SEEDS,
)
def test_supervised_components_minimise_the_loss_over_pairs(model, n_classes, alpha, seed):
    rng = np.random.default_rng(seed)
    # small enough that the scores have room for them
    class_scores = 0.1 * model.signal * rng.uniform(-1, 1, size=(n_classes, model.n_components))
    class_scores -= class_scores.mean(axis=0)
    means = class_scores @ model.components
    attracted, repelled = np.zeros((2, model.n_features, model.n_features))
    for one, other in product(range(n_classes), repeat=2):
        pair = np.outer(means[one], means[other]) / n_classes
        if one == other:  # two samples of a class: their noise is independent, and cancels
            attracted += pair
        else:
            repelled += pair / (n_classes - 1)
    matrix = off_diagonal(model.signal_covariance) / 4 + alpha * (attracted - repelled)
    assert_leading(model.supervised_components(class_scores, alpha), matrix)


@given(model=spiked_models(noise_ratios=(1.0,)), n_classes=st.integers(2, 5), seed=SEEDS)
def test_labels_alone_find_the_span_of_the_class_means(model, n_classes, seed):
    rng = np.random.default_rng(seed)
    class_scores = 0.1 * model.signal * rng.uniform(-1, 1, size=(n_classes, model.n_components))
    found = model.supervised_components(class_scores, np.inf)
    assert len(found) == min(n_classes - 1, model.n_components)
    spread = (class_scores - class_scores.mean(axis=0)) @ model.components
    outside = spread - spread @ found.T @ found
    assert np.linalg.norm(outside) <= 1e4 * EPS * np.linalg.norm(spread)


@pytest.mark.parametrize("alpha", [1.0, 1e3, 1e6])
def test_every_finite_weight_of_two_classes_keeps_the_directions_they_do_not_have(alpha):
    model = SpikedCovarianceModel(np.kron(np.eye(4), np.full(10, 10**-0.5)))
    classes = 0.6 * np.array([[1.0, 1.0, 0.0, 0.0], [-1.0, -1.0, 0.0, 0.0]])
    found = model.supervised_components(classes, alpha)
    assert sin_theta_distance(found, model.components) < 1e-14 * max(alpha, 1e3)
    assert len(model.supervised_components(classes, np.inf)) == 1


@given(model=spiked_models(noise_ratios=(1.0,)), seed=SEEDS)
def test_no_weight_on_labels_is_the_contrastive_loss(model, seed):
    scores = 0.1 * model.signal * np.random.default_rng(seed).uniform(size=(3, model.n_components))
    assert_leading(model.supervised_components(scores, 0.0), off_diagonal(model.signal_covariance))


@given(model=spiked_models())
def test_the_minimiser_has_rows_of_zeros_where_eigenvalues_are_not_positive(model):
    matrix = off_diagonal(model.signal_covariance)
    eigenvalues = np.linalg.eigvalsh(matrix)[::-1][: model.n_components]
    rounding = 100 * EPS * np.abs(model.signal_covariance).max() * model.n_features
    lengths = np.linalg.norm(
        minimize_linear_contrastive_loss(matrix, 2, model.n_components, 0.25), axis=1
    )
    assert_allclose(lengths**2, np.maximum(eigenvalues, 0), rtol=0, atol=rounding)
    assert_array_equal(lengths[eigenvalues < -rounding], 0)
    # the model's rows have length 1, whatever the eigenvalue
    assert_allclose(np.linalg.norm(model.contrastive_components(), axis=1), 1, rtol=1e-12)


# --- what they do not depend on ------------------------------------------------------------------


@given(model=spiked_models(), noise=st.sampled_from([0.0, 1.0, 1e6]), seed=SEEDS)
def test_contrastive_components_ignore_the_noise(model, noise, seed):
    other = noise * np.random.default_rng(seed).uniform(size=model.n_features)
    other = dataclasses.replace(model, noise_variance=other)
    assert_array_equal(model.contrastive_components(), other.contrastive_components())


@pytest.mark.parametrize("name", SUBSPACES)
@given(seed=SEEDS)
def test_reordered_flipped_and_scaled_features_change_the_components_alike(name, seed):
    rng = np.random.default_rng(seed)
    model = haar_model(0, np.linspace(1.0, 0.5, 10), 2, signal=[3.0, 2.0])
    order, signs = rng.permutation(10), rng.choice([-1.0, 1.0], size=10)
    unit = 10.0 ** rng.uniform(-3, 3)
    turned = SpikedCovarianceModel(
        model.components[:, order] * signs,
        unit * model.signal,
        unit**2 * model.noise_variance[order],
    )
    found, expected = SUBSPACES[name](turned), SUBSPACES[name](model)[:, order] * signs
    assert sin_theta_distance(found, expected) <= 1e4 * EPS


@pytest.mark.parametrize("name", SUBSPACES)
@given(model=spiked_models())
def test_rows_are_orthonormal_and_their_largest_entry_is_positive(name, model):
    rows = SUBSPACES[name](model)
    assert rows.shape == model.components.shape
    assert_allclose(rows @ rows.T, np.eye(len(rows)), rtol=0, atol=1e-12)
    assert np.all(rows[np.arange(len(rows)), np.abs(rows).argmax(axis=1)] > 0)


# --- samples without number, and published figures -----------------------------------------------


@pytest.mark.parametrize("name", ["pca", "correlation", "decoder", "encoder", "contrastive"])
def test_subspaces_of_huge_samples_approach_those_of_the_population(name):
    model = haar_model(3, np.linspace(1.5, 0.5, 8), 2, signal=[4.0, 2.5])
    errors = []
    for n in (4_000, 400_000):
        X, _ = model.sample(n, random_state=0)
        X -= X.mean(axis=0)
        S = X.T @ X / n
        C = 0.25 * S + 0.25 * np.diag(np.diag(S))
        scale = np.sqrt(np.diag(S))
        decoder = leading(S @ np.linalg.solve(C, S), 2)[0]
        found = {
            "pca": PCA(2).fit(X).components_,
            "correlation": PCA(2).fit(X / scale).components_ * scale,
            "decoder": decoder,
            "encoder": decoder @ S @ np.linalg.inv(C),
            "contrastive": leading(expected_loss_matrix(X), 2)[0],
        }[name]
        errors.append(sin_theta_distance(found, SUBSPACES[name](model)))
    # 1/sqrt(n): a hundredth of the samples, ten times the error, here within a factor of 3
    assert errors[1] < 0.02
    assert errors[1] < 0.3 * errors[0]


@pytest.mark.parametrize(
    ("noise_sd", "expected"),
    [
        (0.5, [0.000, 0.030, 0.147, 0.077]),
        (1.0, [0.710, 0.288, 0.155, 0.077]),
        (1.5, [2.087, 1.780, 1.427, 0.077]),
        (2.0, [2.150, 2.096, 1.925, 0.077]),
        (3.0, [2.173, 2.161, 2.052, 0.077]),
    ],
)
def test_errors_under_five_noisy_features_are_those_of_the_reference(noise_sd, expected):
    # of one draw; the mean of ten may differ by that draw's deviation, a few hundredths
    names = ("pca", "decoder", "encoder", "contrastive")
    models = [haar_model(seed, NOISY[noise_sd]) for seed in range(10)]
    errors = np.array(
        [[sin_theta_distance(SUBSPACES[name](m), m.components) for name in names] for m in models]
    )
    margin = 0.01 + 3 * errors.std(axis=0, ddof=1)
    assert np.all(np.abs(errors.mean(axis=0) - expected) <= margin)
    assert np.all(margin < 0.4)


def test_pairs_of_one_class_find_the_best_linear_features():
    X, y, truth = make_spiked_classification(
        5000, 20, 3, n_classes=4, labels="mixture", signal=2.0, noise="linear", random_state=0
    )
    between = np.cov(truth.class_means.T, ddof=0)
    vectors = eigh(between, truth.covariance)[1][:, -3:].T
    assert sin_theta_distance(vectors, truth.optimal_components()) < 1e-6
    # in a sample: the covariance between the first and the second of each pair
    order = np.argsort(y, kind="stable")
    first, second = order[:-1][np.diff(y[order]) == 0], order[1:][np.diff(y[order]) == 0]
    pairs = X[first].T @ X[second] / len(first)
    vectors = eigh(pairs + pairs.T, np.cov(X.T))[1][:, -3:].T
    error = sin_theta_distance(vectors, truth.optimal_components())
    assert error < 0.2
    assert error < sin_theta_distance(PCA(3).fit(X).components_, truth.optimal_components())


# --- refusals ------------------------------------------------------------------------------------

MODEL = SpikedCovarianceModel(np.eye(6)[:2], signal=[2.0, 1.0])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"components": np.ones((2, 6))}, "rows of components are not orthonormal"),
        ({"components": np.eye(6)[0]}, "Expected 2D array"),
        ({"components": np.full((2, 6), np.nan)}, "components contains NaN"),
        ({"signal": 0.0}, "all must be positive"),
        ({"signal": [1.0, 2.0, 3.0]}, r"signal has shape \(3,\)"),
        ({"noise_variance": -1.0}, "none can be negative"),
        ({"noise_variance": np.ones(5)}, r"noise_variance has shape \(5,\); .* shape \(6,\)"),
        ({"mean": np.inf}, "mean contains NaN or infinity"),
    ],
)
def test_invalid_populations_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        SpikedCovarianceModel(**({"components": np.eye(6)[:2]} | arguments))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.sample(0), "n_samples=0 is not allowed"),
        (lambda m: m.observe(np.ones((4, 3))), "scores has 3 columns, but the model has 2"),
        (lambda m: m.observe([[np.nan, 1.0]]), "scores contains NaN"),
        (lambda m: m.autoencoder_decoder(0.0), r"keep_probability=0.0 is not allowed; .* \(0, 1\]"),
        (lambda m: m.autoencoder_encoder(1.5), "keep_probability=1.5 is not allowed"),
        (lambda m: m.supervised_components(np.eye(2), -1.0), "alpha=-1.0 is not allowed"),
        (lambda m: m.supervised_components(np.eye(2), np.nan), "alpha=nan is not allowed"),
        (lambda m: m.supervised_components(np.eye(3), 1.0), "class_scores has 3 columns"),
        (lambda m: m.supervised_components(np.eye(2)[:1], 1.0), "minimum of 2 is required"),
        (lambda m: m.supervised_components(9 * np.eye(2), 1.0), "vary more than scores"),
        (lambda m: m.supervised_components(np.ones((3, 2)), np.inf), "give a finite alpha"),
        (
            lambda m: dataclasses.replace(m, noise_variance=np.arange(6.0)).optimal_components(),
            "Feature 0 has no noise",
        ),
    ],
)
def test_invalid_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call(MODEL)
