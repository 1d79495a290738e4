"""Linear contrastive loss: definition, expectation, minimiser."""

from itertools import product

import numpy as np
import pytest
from helpers.assertions import assert_same_subspace
from helpers.strategies import SEEDS, spiked_problems
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse

from sklearn_contrastive.augmentation import MaskedAugmenter
from sklearn_contrastive.augmentation._masking import complementary_views
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.linear._loss import (
    contrastive_loss_matrix,
    expected_loss_matrix,
    linear_contrastive_loss,
    minimize_linear_contrastive_loss,
)
from sklearn_contrastive.metrics import incoherence, sin_theta_distance

EPS = np.finfo(np.float64).eps
RATES = st.sampled_from([0.0, 0.2, 0.5, 0.9, 1.0])
# means of 0 and means that dwarf the deviations; units from micro to mega
LOCATIONS = st.sampled_from([0.0, 1.0, 100.0])
UNITS = st.sampled_from([1e-6, 1.0, 1e6])


@st.composite
def view_pairs(draw, max_samples=8, max_features=5):
    """Two unrelated views of the same shape, each with a mean of its own."""
    shape = draw(st.integers(2, max_samples)), draw(st.integers(1, max_features))
    unit, seed = draw(UNITS), draw(SEEDS)
    locations = draw(LOCATIONS), draw(LOCATIONS)
    rng = np.random.default_rng(seed)
    return tuple(unit * rng.normal(loc=location, size=shape) for location in locations)


def size_of(*views):
    """Bound on the entries of a loss matrix of these views, and on those of its partial sums."""
    return sum(np.sum(view**2) for view in views) * 4


def assert_equal_matrices(actual, expected, size):
    assert_allclose(actual, expected, rtol=0, atol=100 * EPS * size)


# --- slow and obvious ----------------------------------------------------------------------------


def slow_loss(encoder, views, regularization):
    """The loss as it is defined, sample by sample and pair by pair."""
    n = len(views[0])
    total = 0.0
    for i in range(n):
        for v in range(2):
            anchor = encoder @ views[v][i]
            total += anchor @ (encoder @ views[1 - v][i])
            for j in range(n):
                if j != i:
                    for s in range(2):
                        total -= anchor @ (encoder @ views[s][j]) / (2 * n - 2)
    penalty = np.linalg.norm(encoder @ encoder.T) ** 2
    return -total / (2 * n) + regularization / 2 * penalty


def slow_loss_matrix(views):
    """The matrix of the quadratic part of the loss, one outer product at a time."""
    n, d = views[0].shape
    matrix = np.zeros((d, d))
    for i in range(n):
        for v in range(2):
            matrix += np.outer(views[v][i], views[1 - v][i])
            for j in range(n):
                if j != i:
                    for s in range(2):
                        matrix -= np.outer(views[v][i], views[s][j]) / (2 * n - 2)
    return (matrix + matrix.T) / 2


def mean_over_masks(X, mask_rate, shape):
    """Exact expectation of the loss matrix over all Bernoulli masks of a shape."""
    total = np.zeros((X.shape[1], X.shape[1]))
    for bits in product([False, True], repeat=int(np.prod(shape))):
        mask = np.reshape(bits, shape)
        weight = np.prod(np.where(mask, mask_rate, 1 - mask_rate))
        total += weight * contrastive_loss_matrix(*complementary_views(X, mask))
    return total


# --- the matrix of two views ---------------------------------------------------------------------


@given(views=view_pairs())
def test_loss_matrix_is_the_sum_over_all_pairs(views):
    assert_equal_matrices(contrastive_loss_matrix(*views), slow_loss_matrix(views), size_of(*views))


@given(views=view_pairs(), n_components=st.integers(1, 4), seed=SEEDS)
def test_loss_is_the_sum_over_all_pairs(views, n_components, seed):
    encoder = np.random.default_rng(seed).normal(size=(n_components, views[0].shape[1]))
    fast = linear_contrastive_loss(encoder, *views, regularization=0.3)
    size = size_of(*views) * np.sum(encoder**2) + np.sum(encoder**2) ** 2
    assert_allclose(fast, slow_loss(encoder, views, 0.3), rtol=0, atol=100 * EPS * size)


@given(views=view_pairs(), n_components=st.integers(1, 4), seed=SEEDS)
def test_loss_is_a_quadratic_form_of_the_loss_matrix(views, n_components, seed):
    encoder = np.random.default_rng(seed).normal(size=(n_components, views[0].shape[1]))
    matrix = contrastive_loss_matrix(*views)
    quadratic = -np.trace(encoder @ matrix @ encoder.T) / (2 * len(views[0]))
    penalty = 0.7 / 2 * np.linalg.norm(encoder @ encoder.T) ** 2
    loss = linear_contrastive_loss(encoder, *views, regularization=0.7)
    size = size_of(*views) * np.sum(encoder**2) + penalty
    assert_allclose(loss, quadratic + penalty, rtol=0, atol=100 * EPS * size)


@given(views=view_pairs())
def test_loss_matrix_is_symmetric_to_the_last_bit_and_in_its_views(views):
    matrix = contrastive_loss_matrix(*views)
    assert_array_equal(matrix, matrix.T)
    assert_array_equal(matrix, contrastive_loss_matrix(*views[::-1]))


@given(problem=spiked_problems(max_features=8))
def test_without_augmentation_the_loss_matrix_is_that_of_pca(problem):
    X = problem.X
    matrix = contrastive_loss_matrix(X, X)
    assert_equal_matrices(matrix, 2 * len(X) * np.cov(X.T), size_of(X, X))


@given(views=view_pairs(), seed=SEEDS)
def test_a_shift_of_both_views_does_not_change_the_matrix(views, seed):
    # exact arithmetic would not need the tolerance; 1e8 deviations away all but 8 digits of the
    # views are gone, while a sum of squares would keep none
    shift = 1e8 * np.abs(views).max() * np.random.default_rng(seed).normal(size=views[0].shape[1])
    matrix = contrastive_loss_matrix(*views)
    moved = contrastive_loss_matrix(views[0] + shift, views[1] + shift)
    assert_allclose(moved, matrix, rtol=0, atol=1e-5 * size_of(*views))


@given(views=view_pairs())
def test_float32_views_are_summed_in_float64(views):
    rounded = [view.astype(np.float32) for view in views]
    matrix = contrastive_loss_matrix(*rounded)
    assert matrix.dtype == np.float64
    assert_array_equal(matrix, contrastive_loss_matrix(*[v.astype(np.float64) for v in rounded]))


# --- its expectation -----------------------------------------------------------------------------


@given(n=st.integers(2, 6), d=st.integers(1, 5), rate=RATES, location=LOCATIONS, seed=SEEDS)
def test_expectation_is_exact_over_masks_that_all_samples_share(n, d, rate, location, seed):
    X = np.random.default_rng(seed).normal(loc=location, size=(n, d))
    expected = expected_loss_matrix(X, rate)
    assert_equal_matrices(expected, mean_over_masks(X, rate, (d,)), size_of(X, X))


@given(
    shape=st.sampled_from([(2, 2), (2, 3), (3, 2), (2, 4), (7, 1)]),
    rate=RATES,
    location=LOCATIONS,
    seed=SEEDS,
)
def test_expectation_is_exact_over_masks_of_each_sample(shape, rate, location, seed):
    X = np.random.default_rng(seed).normal(loc=location, size=shape)
    expected = expected_loss_matrix(X, rate)
    assert_equal_matrices(expected, mean_over_masks(X, rate, shape), size_of(X, X))


@pytest.mark.parametrize("rate", [0.2, 0.5])
def test_views_of_the_augmenter_have_the_expected_matrix_on_average(rate):
    X = np.random.default_rng(0).normal(size=(10, 4))
    X -= X.mean(axis=0)
    augmenter = MaskedAugmenter(rate).fit(X)
    random_state = np.random.RandomState(0)
    # the masks of samples are independent: 4000 copies of X in one call are 4000 draws
    views = augmenter.sample_views(np.tile(X, (4000, 1)), random_state=random_state)
    pairs = zip(*(view.reshape(4000, *X.shape) for view in views), strict=True)
    draws = np.array([contrastive_loss_matrix(*pair) for pair in pairs])
    error = draws.mean(axis=0) - expected_loss_matrix(X, rate)
    allowed = 5 * draws.std(axis=0) / np.sqrt(len(draws))
    # the diagonal does not depend on the masks: an entry is masked in exactly one view
    assert np.all(np.abs(error) <= allowed + 1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_independent_masks_give_the_matrix_of_pca(seed):
    n, d = 2, 2
    X = np.random.default_rng(seed).normal(size=(n, d))
    total = np.zeros((d, d))
    for bits in product([0.0, 1.0], repeat=2 * n * d):
        first, second = np.reshape(bits, (2, n, d))
        total += contrastive_loss_matrix(first * X, second * X)
    # all 2^(2nd) pairs of masks are equally likely at a rate of 1/2
    average = total / 2 ** (2 * n * d)
    assert_equal_matrices(average, n * np.cov(X.T) / 2, size_of(X, X))


@given(problem=spiked_problems(max_features=12))
def test_expected_matrix_of_centred_samples_is_the_covariance_without_its_diagonal(problem):
    X = problem.X - problem.X.mean(axis=0)
    covariance = np.cov(X.T)
    weights = np.where(np.eye(len(covariance)), 1 / len(X), 1.0)
    matrix = 2 * expected_loss_matrix(X) / len(X)
    # centring leaves means of the order of the rounding of the offset
    left_over = (EPS * np.abs(problem.X).max()) ** 2
    assert_equal_matrices(matrix, weights * covariance, np.abs(covariance).max() + left_over)


@given(problem=spiked_problems(max_features=12))
def test_the_remaining_diagonal_vanishes_with_more_samples(problem):
    covariance = problem.covariance
    # any number of samples whose covariance is exactly the population's
    for repeats in (1, 10, 1000):
        root = np.linalg.cholesky(covariance).T * np.sqrt(len(covariance))
        X = np.tile(np.vstack([root, -root]), (repeats, 1))
        n = len(X)
        matrix = 2 * expected_loss_matrix(X) / n * (n - 1) / n
        diagonal = np.diag(matrix) / np.diag(covariance)
        assert_allclose(diagonal, 1 / n, rtol=0, atol=1e4 * EPS)


@given(problem=spiked_problems(max_features=12), rate=st.sampled_from([0.1, 0.3, 0.9]))
def test_the_mask_rate_scales_the_off_diagonal_entries(problem, rate):
    X = problem.X - problem.X.mean(axis=0)
    off_diagonal = ~np.eye(X.shape[1], dtype=bool)
    n, scatter = len(X), X.T @ X
    weight = 2 * rate * (1 - rate) + 1 / (2 * (n - 1))
    assert_equal_matrices(
        expected_loss_matrix(X, rate)[off_diagonal],
        weight * scatter[off_diagonal],
        size_of(X) + n * (EPS * np.abs(problem.X).max()) ** 2,
    )


# --- its minimiser -------------------------------------------------------------------------------


@given(views=view_pairs(), extra=st.integers(0, 4), seed=SEEDS)
def test_no_encoder_has_a_smaller_loss(views, extra, seed):
    n, d = views[0].shape
    k = min(1 + extra, d)
    best = minimize_linear_contrastive_loss(contrastive_loss_matrix(*views), n, k, 0.5)
    least = linear_contrastive_loss(best, *views, regularization=0.5)
    rng = np.random.default_rng(seed)
    size = size_of(*views) / n * (np.sum(best**2) + EPS)
    for scale in (1e-3, 0.1, 1.0, 10.0):
        length = np.sqrt(size_of(*views) / n)
        for encoder in (best + scale * length * rng.normal(size=(k, d)), (1 + scale) * best):
            loss = linear_contrastive_loss(encoder, *views, regularization=0.5)
            assert loss >= least - 100 * EPS * size


@given(
    views=view_pairs(),
    extra=st.integers(0, 4),
    regularization=st.sampled_from([1e-3, 1.0, 50.0]),
)
def test_minimum_is_minus_the_sum_of_squared_positive_eigenvalues(views, extra, regularization):
    n, d = views[0].shape
    k = min(1 + extra, d)
    matrix = contrastive_loss_matrix(*views)
    best = minimize_linear_contrastive_loss(matrix, n, k, regularization)
    leading = np.maximum(np.linalg.eigvalsh(matrix)[::-1][:k], 0)
    minimum = -np.sum(leading**2) / (8 * n**2 * regularization)
    loss = linear_contrastive_loss(best, *views, regularization)
    size = size_of(*views) ** 2 / (8 * n**2 * regularization)
    assert_allclose(loss, minimum, rtol=0, atol=100 * EPS * size)


def descend(matrix, n_samples, n_components, regularization, seed, n_steps=2000):
    """Minimise the loss by gradient descent from a small random encoder."""
    quadratic = matrix / n_samples
    largest = np.abs(np.linalg.eigvalsh(quadratic)).max()
    encoder = np.random.default_rng(seed).normal(size=(n_components, len(matrix)))
    encoder *= 0.1 * np.sqrt(largest / regularization) / len(matrix)
    for _ in range(n_steps):
        gradient = -encoder @ quadratic + 2 * regularization * encoder @ encoder.T @ encoder
        encoder = encoder - 0.2 / largest * gradient
    return encoder


@pytest.mark.parametrize("regularization", [0.1, 3.0])
@pytest.mark.parametrize("seed", range(4))
def test_gradient_descent_converges_to_the_minimum_of_the_closed_form(seed, regularization):
    rng = np.random.default_rng(seed)
    n, d, k = 12, 6, 3
    X = rng.normal(size=(n, d)) @ rng.normal(size=(d, d))
    views = complementary_views(X - X.mean(axis=0), rng.uniform(size=(n, d)) < 0.5)
    matrix = contrastive_loss_matrix(*views)
    best = minimize_linear_contrastive_loss(matrix, n, k, regularization)
    least = linear_contrastive_loss(best, *views, regularization)
    found = linear_contrastive_loss(
        descend(matrix, n, k, regularization, seed), *views, regularization
    )
    assert least < 0
    assert least * (1 + 1e-12) <= found <= least * (1 - 1e-3)


@given(problem=spiked_problems(max_features=20))
def test_encoder_spans_the_leading_eigenvectors_in_decreasing_order(problem):
    covariance = problem.covariance
    off_diagonal = covariance - np.diag(np.diag(covariance))
    k = problem.n_components
    encoder = minimize_linear_contrastive_loss(off_diagonal, problem.n_samples, k)
    eigenvalues, eigenvectors = np.linalg.eigh(off_diagonal)
    lengths = np.linalg.norm(encoder, axis=1)
    assert_allclose(
        lengths**2 * 2 * problem.n_samples,
        np.maximum(eigenvalues[::-1][:k], 0),
        rtol=1e-9,
        atol=0,
    )
    assert np.all(np.diff(lengths) <= 0)
    if lengths[-1] > 0:
        components = encoder / lengths[:, None]
        scale = np.abs(eigenvalues).max()
        assert_same_subspace(components, eigenvectors[:, ::-1][:, :k].T, problem.gap, scale)
        largest = np.abs(components).argmax(axis=1)
        assert np.all(components[np.arange(k), largest] > 0)


def test_rows_beyond_the_positive_eigenvalues_vanish():
    matrix = np.diag([-1.0, 4.0, -2.0])
    encoder = minimize_linear_contrastive_loss(matrix, n_samples=2, n_components=3)
    assert_array_equal(encoder, [[0, 1, 0], [0, 0, 0], [0, 0, 0]])
    assert_array_equal(minimize_linear_contrastive_loss(np.zeros((2, 2)), 2, 1), [[0, 0]])


def test_regularization_only_scales_the_encoder():
    matrix = np.array([[2.0, 1.0], [1.0, 3.0]])
    encoder = minimize_linear_contrastive_loss(matrix, 5, 2, regularization=1.0)
    weaker = minimize_linear_contrastive_loss(matrix, 5, 2, regularization=0.25)
    assert_allclose(weaker, 2 * encoder, rtol=1e-14)


# --- bounds of the theory ------------------------------------------------------------------------


@st.composite
def subspaces(draw):
    """Components spread over many features or over few, with up to half as many as features."""
    n_features = draw(st.integers(2, 40))
    n_components = draw(st.integers(1, max(1, n_features // 2)))
    _, truth = make_spiked_covariance(
        1,
        n_features,
        n_components,
        subspace=draw(st.sampled_from(["haar", "sparse"])),
        support_size=draw(st.integers(1, n_features // n_components)),
        random_state=draw(SEEDS),
    )
    return truth.components


@given(components=subspaces(), signal=st.sampled_from([1e-3, 1.0, 50.0]))
def test_deleting_the_diagonal_costs_at_most_the_incoherence(components, signal):
    k = len(components)
    common = signal**2 * components.T @ components
    encoder = np.linalg.eigh(common - np.diag(np.diag(common)))[1][:, -k:].T
    error = sin_theta_distance(encoder, components)
    leverages = np.sum(components**2, axis=0)
    bound = np.sqrt(np.sum(leverages**3))
    assert error <= bound + 100 * EPS
    assert bound <= np.sqrt(k) * incoherence(components) + 100 * EPS


@given(
    components=subspaces(),
    n_samples=st.sampled_from([50, 500, 5000]),
    noise=st.sampled_from(["linear", "lognormal", 0.1]),
    rate=st.sampled_from([0.2, 0.5]),
    seed=SEEDS,
)
def test_sample_certificate_bounds_the_error_of_the_closed_form(
    components, n_samples, noise, rate, seed
):
    k, d = components.shape
    signal = 2.0
    X, truth = make_spiked_covariance(
        n_samples, d, k, subspace=components, signal=signal, noise=noise, random_state=seed
    )
    matrix = expected_loss_matrix(X - X.mean(axis=0), rate)
    matrix /= 2 * rate * (1 - rate) * n_samples
    eigenvalues, eigenvectors = np.linalg.eigh(matrix)
    common = signal**2 * truth.components.T @ truth.components
    gap = signal**2 - eigenvalues[-k - 1]
    if gap > 0:  # otherwise there is no certificate
        certificate = np.linalg.norm((matrix - common) @ truth.components.T) / gap
        error = sin_theta_distance(eigenvectors[:, -k:].T, truth.components)
        assert error <= certificate + 100 * EPS


def test_noisy_features_mislead_pca_but_not_the_contrastive_loss():
    noise = np.full(100, 0.5)
    noise[:5] = 3.0
    X, truth = make_spiked_covariance(5000, 100, 5, noise=noise, random_state=0)
    X -= X.mean(axis=0)
    errors = [
        sin_theta_distance(minimize_linear_contrastive_loss(matrix, len(X), 5), truth.components)
        for matrix in (contrastive_loss_matrix(X, X), expected_loss_matrix(X))
    ]
    # ten draws of this setting gave 2.17 and 0.39 with standard errors of 0.01
    assert errors[0] > 2.0
    assert errors[1] < 0.6


# --- invalid input -------------------------------------------------------------------------------

VIEW = np.eye(3)


@pytest.mark.parametrize(
    ("views", "message"),
    [
        ((VIEW, VIEW[:2]), r"view_1 has shape \(3, 3\) and view_2 \(2, 3\)"),
        ((VIEW, VIEW[:, :2]), r"view_1 has shape \(3, 3\) and view_2 \(3, 2\)"),
        ((VIEW[:1], VIEW[:1]), r"minimum of 2 is required"),
        ((VIEW, VIEW * np.nan), "view_2 contains NaN"),
        ((VIEW[0], VIEW[0]), "Expected 2D array"),
    ],
)
def test_invalid_or_mismatched_views_are_refused(views, message):
    with pytest.raises(ValueError, match=message):
        contrastive_loss_matrix(*views)
    with pytest.raises(ValueError, match=message):
        linear_contrastive_loss(VIEW, *views)


def test_sparse_views_are_refused():
    with pytest.raises(TypeError, match="dense data is required"):
        contrastive_loss_matrix(sparse.csr_array(VIEW), sparse.csr_array(VIEW))


@pytest.mark.parametrize("regularization", [0, -1.0, np.nan, np.inf])
def test_penalties_without_a_minimum_are_refused(regularization):
    with pytest.raises(ValueError, match="the loss has no minimum"):
        linear_contrastive_loss(VIEW, VIEW, VIEW, regularization)
    with pytest.raises(ValueError, match="the loss has no minimum"):
        minimize_linear_contrastive_loss(VIEW, 3, 1, regularization)


def test_encoders_of_the_wrong_number_of_features_are_refused():
    with pytest.raises(ValueError, match="encoder has 2 columns but the views have 3 features"):
        linear_contrastive_loss(np.ones((1, 2)), VIEW, VIEW)


@pytest.mark.parametrize("rate", [-0.1, 1.5, np.nan])
def test_mask_rates_that_are_no_probability_are_refused(rate):
    with pytest.raises(ValueError, match="is no probability"):
        expected_loss_matrix(VIEW, rate)


def test_one_sample_has_no_expected_matrix():
    with pytest.raises(ValueError, match="minimum of 2 is required"):
        expected_loss_matrix(VIEW[:1])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((VIEW[:2], 3, 1), r"shape \(2, 3\); it must be square"),
        (([[1.0, 2.0], [0.0, 1.0]], 3, 1), "differ by 2; it must be symmetric"),
        ((VIEW, 1, 1), "n_samples=1 is not allowed"),
        ((VIEW, 2.5, 1), "n_samples=2.5 is not allowed"),
        ((VIEW, 3, 0), "n_components=0 is not allowed"),
        ((VIEW, 3, 4), "from 1 to the number of features, 3"),
        ((VIEW, 3, 1.0), r"n_components=1.0 is not allowed"),
    ],
)
def test_problems_without_a_minimiser_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        minimize_linear_contrastive_loss(*arguments)
