"""SupervisedLinearContrastive with numerical targets: what they add, and that they do not hurt."""

import warnings

import numpy as np
import pytest
from helpers.strategies import SEEDS
from helpers.targets import (
    N_FEATURES,
    N_SAMPLES,
    RANK,
    assert_same_fit,
    assert_same_shares,
    draw,
    known_for,
    problem_with_gaps,
    with_targets,
    without,
)
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LinearRegression

from sklearn_contrastive.exceptions import ComponentsWarning
from sklearn_contrastive.metrics import sin_theta_distance

DRAWS = range(20)


def error(model, components):
    return sin_theta_distance(model.components_, components)


# --- targets that say nothing do not hurt --------------------------------------------------------

UNINFORMATIVE = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy-tailed": lambda rng, n: rng.standard_cauchy(n),
    "constant": lambda rng, n: np.full(n, 3.0),
    "binary": lambda rng, n: rng.integers(0, 2, n).astype(float),
    "five": lambda rng, n: rng.normal(size=(n, 5)),
    "five with a common cause": lambda rng, n: (
        rng.normal(size=(n, 1)) + 0.3 * rng.normal(size=(n, 5))
    ),
    "copies": lambda rng, n: np.repeat(rng.normal(size=(n, 1)), 5, axis=1),
}


@pytest.mark.parametrize("n_known", [2, 20, N_SAMPLES])
@pytest.mark.parametrize("kind", UNINFORMATIVE)
def test_targets_without_information_do_not_hurt(kind, n_known):
    ratios = []
    for seed in DRAWS:
        X, _, components, rng = draw(seed)
        Y = known_for(UNINFORMATIVE[kind](rng, N_SAMPLES), n_known)
        reference = error(without().fit(X), components)
        ratios.append(error(with_targets().fit(X, Y), components) / reference)
    assert np.mean(ratios) <= 1.005
    assert np.max(ratios) <= 1.02


def test_targets_without_information_add_few_components():
    added = []
    for seed in DRAWS:
        X, _, _, rng = draw(seed)
        Y = rng.normal(size=(N_SAMPLES, 3))
        added.append(
            with_targets("auto").fit(X, Y).n_components_ - without("auto").fit(X).n_components_
        )
    assert np.mean(added) <= 0.1


def test_most_targets_without_information_leave_the_fit_as_it_is():
    same = []
    for seed in DRAWS:
        X, _, _, rng = draw(seed)
        model = with_targets().fit(X, rng.normal(size=N_SAMPLES))
        same.append(np.array_equal(model.components_, without().fit(X).components_))
    assert np.mean(same) >= 0.8


# --- targets that say something help -------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_targets", "n_known", "allowed"),
    [(1, N_SAMPLES, 0.99), (3, 60, 0.99), (3, N_SAMPLES, 0.9), (9, N_SAMPLES, 0.9)],
)
def test_informative_targets_reduce_the_error(n_targets, n_known, allowed):
    ratios = []
    for seed in DRAWS:
        X, factors, components, rng = draw(seed)
        Y = factors @ rng.normal(size=(RANK, n_targets)) + 0.5 * rng.normal(
            size=(N_SAMPLES, n_targets)
        )
        reference = error(without().fit(X), components)
        ratios.append(error(with_targets().fit(X, known_for(Y, n_known)), components) / reference)
    assert np.mean(ratios) <= allowed


def test_copies_of_a_target_count_as_one():
    X, factors, _, rng = draw(0)
    y = factors[:, 0] + 0.5 * rng.normal(size=N_SAMPLES)
    one = with_targets(tol=1e-6).fit(X, y)
    five = with_targets(tol=1e-6).fit(X, np.repeat(y[:, None], 5, axis=1))
    assert_same_fit(five, one, tol=1e-4)


def plain_share(scores, y):
    return LinearRegression().fit(scores, y).score(scores, y)


def test_auto_adds_a_direction_that_only_a_target_shows():
    found, missed = [], []
    for seed in DRAWS:
        X, factors, components, rng = draw(seed)
        outside = rng.normal(size=N_FEATURES)
        outside -= components.T @ (components @ outside)
        noise = (X - factors @ components) @ outside
        y = noise / noise.std() + 0.5 * rng.normal(size=N_SAMPLES)
        model, plain = with_targets("auto").fit(X, y), without("auto").fit(X)
        assert model.n_components_ == plain.n_components_ + 1
        found.append(model.target_shares_[0])
        missed.append(plain_share(plain.transform(X), y))
    # .8 are possible
    assert np.mean(found) >= 0.6
    assert np.mean(missed) <= 0.2


def test_a_direction_of_a_target_replaces_one_that_no_two_features_share():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_SAMPLES, 8))
    with pytest.warns(ComponentsWarning, match="of 8 components"):
        plain = without(8).fit(X)
    y = plain.transform(X)[:, -1] + 0.2 * rng.normal(size=N_SAMPLES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ComponentsWarning)
        model = with_targets(8).fit(X, y)
    assert model.n_components_ == plain.n_components_ == 8
    n_shared = np.sum(plain.common_variance_ > 0)
    assert np.sum(model.common_variance_ > 0) == n_shared + 1
    assert np.linalg.matrix_rank(model.components_) == 8


def test_table_c5_a_small_weight_of_targets_helps_a_large_one_hurts_and_auto_is_best():
    alphas = (0.0, 0.1, np.inf, "auto")
    errors = {alpha: [] for alpha in (*alphas, None)}
    noise = np.r_[np.full(5, 2.0), np.full(35, 0.5)]
    for seed in DRAWS:
        rng = np.random.default_rng(seed)
        components = np.linalg.qr(rng.normal(size=(40, 5)))[0]
        factors = rng.normal(size=(2600, 5))
        X = factors @ components.T + noise * rng.normal(size=(2600, 40))
        tasks = np.linalg.qr(rng.normal(size=(5, 5)))[0]
        Y = known_for(factors @ tasks + 0.1 * rng.normal(size=(2600, 5)), 600)
        errors[None].append(error(without(5).fit(X), components.T))
        for alpha in alphas:
            model = with_targets(5, alpha=alpha).fit(X, Y)
            errors[alpha].append(error(model, components.T))
    means = {alpha: np.mean(found) for alpha, found in errors.items()}
    # the table, for samples of which the covariance does not use the targets' own: .288 and .452
    assert means[0.1] == pytest.approx(0.288, abs=0.02)
    assert means[np.inf] == pytest.approx(0.452, abs=0.045)
    assert means[0.1] < 0.95 * means[0.0] < means[0.0] < 0.9 * means[np.inf]
    assert means["auto"] < 0.98 * means[None] < 0.9 * means[0.1]


# --- invariances ---------------------------------------------------------------------------------

ALPHAS = st.sampled_from(["auto", 0.3])


@given(seed=SEEDS, alpha=ALPHAS)
def test_units_and_offsets_of_targets_do_not_matter(seed, alpha):
    X, Y, _ = problem_with_gaps(seed)
    model = with_targets(alpha=alpha).fit(X, Y)
    moved = with_targets(alpha=alpha).fit(X, Y * [1e-9, -1e9] + [0.0, 1e9])
    assert_same_fit(moved, model)
    assert_same_shares(moved, model)


@given(seed=SEEDS)
def test_units_and_offsets_of_features_change_only_the_units(seed):
    X, Y, rng = problem_with_gaps(seed)
    unit = 10 ** rng.uniform(-3, 3, N_FEATURES)
    model, moved = with_targets().fit(X, Y), with_targets().fit(X * unit + 5.0 * unit, Y)
    assert_allclose(moved.noise_variance_, model.noise_variance_ * unit**2, rtol=1e-5)
    expected = unit[:, None] * model.loadings_ @ model.loadings_.T * unit
    found = moved.loadings_ @ moved.loadings_.T
    assert_allclose(found, expected, atol=1e-5 * np.outer(unit, unit).max(), rtol=1e-4)
    assert_same_shares(moved, model)


@given(seed=SEEDS, alpha=ALPHAS)
def test_the_order_of_samples_and_targets_does_not_matter(seed, alpha):
    X, Y, rng = problem_with_gaps(seed)
    model = with_targets(alpha=alpha).fit(X, Y)
    order = rng.permutation(N_SAMPLES)
    moved = with_targets(alpha=alpha).fit(X[order], Y[order][:, ::-1])
    assert_same_fit(moved, model)
    assert_allclose(moved.target_shares_[::-1], model.target_shares_, atol=1e-6)


def test_one_column_is_a_vector():
    X, Y, _ = problem_with_gaps(0)
    model, column = with_targets().fit(X, Y[:, 0]), with_targets().fit(X, Y[:, [0]])
    assert_array_equal(column.components_, model.components_)
    assert model.target_shares_.shape == column.target_shares_.shape == (1,)


def test_samples_without_targets_count_as_samples():
    X, Y, _ = problem_with_gaps(0)
    Y[200:] = np.nan
    few = with_targets().fit(X[:200], Y[:200])
    assert few.n_samples_ == 200
    assert with_targets().fit(X, Y).n_samples_ == 300
    # a weight of 0 is no sample
    weighted = with_targets().fit(X, Y, np.where(np.arange(300) < 200, 1.0, 0.0))
    assert_same_fit(weighted, few)
    assert_same_shares(weighted, few)


def test_a_column_without_known_targets_is_no_column():
    X, Y, _ = problem_with_gaps(0)
    model = with_targets().fit(X, Y)
    more = with_targets().fit(X, np.c_[Y, np.full(N_SAMPLES, np.nan), np.full(N_SAMPLES, 2.0)])
    assert_same_fit(more, model)
    assert_allclose(more.target_shares_, [*model.target_shares_, 0.0, 0.0])


@pytest.mark.parametrize("y", [None, np.where(np.arange(N_SAMPLES) == 7, 2.0, np.nan)])
def test_without_targets_the_fit_is_that_of_linear_contrastive(y):
    X, *_ = draw(0)
    model, plain = with_targets().fit(X, y), without().fit(X)
    # one known target changes the order of sums
    assert_allclose(model.components_, plain.components_, rtol=0, atol=1e-10)
    assert_allclose(model.noise_variance_, plain.noise_variance_, rtol=1e-10)
    assert model.n_iter_ == plain.n_iter_
    assert_array_equal(model.target_shares_, [0.0])


@given(seed=SEEDS, alpha=ALPHAS)
def test_weights_are_repetitions(seed, alpha):
    X, Y, rng = problem_with_gaps(seed)
    weight = rng.integers(0, 3, N_SAMPLES)
    weighted = with_targets(alpha=alpha).fit(X, Y, weight)
    repeated = with_targets(alpha=alpha).fit(np.repeat(X, weight, axis=0), np.repeat(Y, weight, 0))
    assert_same_fit(weighted, repeated)
    assert_same_shares(weighted, repeated)
