"""EM on rows with missing entries, their scores and likelihood, compared with loops over rows."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pytest
from helpers.strategies import SEEDS, separate_factors, with_gaps
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal

from sklearn_contrastive.linear._covariance.blocks import no_step
from sklearn_contrastive.linear._covariance.missing import pairwise_covariance
from sklearn_contrastive.linear._covariance.scale import feature_scale
from sklearn_contrastive.linear._covariance.scatter import scatter_covariance
from sklearn_contrastive.linear._factor.fit import fit_diagonal_noise
from sklearn_contrastive.linear._factor.map_em import (
    _FIRST_FLOOR,
    refine_on_rows,
)
from sklearn_contrastive.linear._factor.map_newton import PRIOR_SAMPLES, REFINEMENT_FLOOR
from sklearn_contrastive.linear._factor.model import (
    BartlettWeights,
    FactorModel,
    bartlett_weights,
    log_likelihood,
    scoring_matrix,
)
from sklearn_contrastive.linear._factor.noise import DiagonalNoise
from sklearn_contrastive.linear._factor.observed import (
    _SMALLEST_INFORMATION,
    inverses,
    log_likelihood_of_observed,
    scores_of_incomplete,
)
from sklearn_contrastive.linear._factor.options import FitOptions
from sklearn_contrastive.linear._factor.rows_with_gaps import RowsInMemory

EPS = np.finfo(np.float64).eps
# the default of `tol`, in standard errors of a noise variance
DEFAULT = 0.05
# far below it
PRECISE = 1e-8
SHARES = st.sampled_from([0.1, 0.4, 0.7])


@st.composite
def rows_and_models(draw, min_factors=1, max_features=9):
    """Rows with gaps, mean, components, loadings and noise variances; some loadings are 0."""
    n_features = draw(st.integers(max(1, min_factors), max_features))
    n_factors = draw(st.integers(min_factors, n_features))
    unit, offset = draw(st.sampled_from([1e-6, 1.0, 1e6])), draw(st.sampled_from([0.0, 1e3]))
    seed, share, sparse = draw(SEEDS), draw(SHARES), draw(st.booleans())
    rng = np.random.default_rng(seed)
    loadings = unit * rng.normal(size=(n_features, n_factors)) * rng.uniform(0.5, 2, n_factors)
    if sparse:  # a row may then have no feature of a factor, even with many features
        owner = np.concatenate(
            [np.arange(n_factors), rng.integers(max(1, n_factors), size=n_features)]
        )
        loadings *= owner[:n_features, None] == np.arange(n_factors)
    components = np.linalg.svd(loadings, full_matrices=False)[0].T
    noise = unit**2 * 10.0 ** rng.uniform(-1, 1, size=n_features)
    mean = unit * offset * rng.normal(size=n_features)
    X = mean + unit * 3.0 * rng.normal(size=(12, n_features))
    X = with_gaps(X, share, seed + 1)
    X[-1] = np.nan
    return X, mean, components, loadings, noise


# --- scores --------------------------------------------------------------------------------------


def slow_scores(X, mean, components, noise):
    """Least squares in units of the noise, row by row; NaN where the rank is too small."""
    scores = np.full((len(X), len(components)), np.nan)
    for i, x in enumerate(X):
        observed = ~np.isnan(x)
        deviations = np.sqrt(noise[observed])
        design = components.T[observed] / deviations[:, None]
        if np.linalg.matrix_rank(design) == len(components):
            scores[i] = np.linalg.lstsq(design, (x - mean)[observed] / deviations)[0]
    return scores


def information_of(X, basis):
    """Smallest share of a complete row's information on a direction that each row has."""
    return np.array(
        [np.linalg.eigvalsh(basis[observed].T @ basis[observed])[0] for observed in ~np.isnan(X)]
    )


@given(drawn=rows_and_models(), n_rows=st.sampled_from([1, 5, 100]))
def test_scores_are_least_squares_on_the_observed_entries(drawn, n_rows):
    X, mean, components, loadings, noise = drawn
    weights = bartlett_weights(components, loadings, DiagonalNoise(noise))
    scores = scores_of_incomplete(X, mean, weights, block_rows=n_rows)
    information = information_of(X, weights.basis)
    enough = information >= _SMALLEST_INFORMATION
    assert_array_equal(np.isnan(scores).any(axis=1), ~enough)
    assert_array_equal(np.isnan(scores).all(axis=1), ~enough)
    expected = slow_scores(X, mean, components, noise)
    assert not np.isnan(expected[enough]).any()
    white = np.nan_to_num((X - mean) / np.sqrt(noise))
    rounding = np.nan_to_num((np.abs(X) + np.abs(mean)) / np.sqrt(noise))
    size = np.linalg.norm(white, axis=1) + np.linalg.norm(rounding, axis=1)
    conditioning = np.linalg.cond(loadings / np.sqrt(noise)[:, None]) / information[enough]
    allowed = 1000 * EPS * conditioning * size[enough] * np.linalg.norm(weights.to_scores, ord=2)
    assert np.all(np.abs(scores - expected)[enough] <= allowed[:, None])


@given(drawn=rows_and_models())
def test_complete_rows_have_the_usual_scores(drawn):
    X, mean, components, loadings, noise = drawn
    X = np.where(np.isnan(X), mean + np.sqrt(noise), X)
    weights = bartlett_weights(components, loadings, DiagonalNoise(noise))
    scores = scores_of_incomplete(X, mean, weights)
    expected = (X - mean) @ scoring_matrix(weights)
    size = np.linalg.norm((X - mean) / np.sqrt(noise), axis=1).max()
    conditioning = np.linalg.cond(loadings / np.sqrt(noise)[:, None])
    allowed = 1000 * EPS * conditioning * size * np.linalg.norm(weights.to_scores, ord=2)
    assert_allclose(scores, expected, rtol=0, atol=allowed)


@given(drawn=rows_and_models(), seed=SEEDS)
def test_scores_of_points_in_the_subspace_do_not_depend_on_missing_entries(drawn, seed):
    X, mean, components, loadings, noise = drawn
    weights = bartlett_weights(components, loadings, DiagonalNoise(noise))
    unit = np.sqrt(noise.mean())
    exact = unit * np.random.default_rng(seed).normal(size=(len(X), len(components)))
    points = np.where(np.isnan(X), np.nan, mean + exact @ components)
    scores = scores_of_incomplete(points, mean, weights)
    information = information_of(X, weights.basis)
    enough = information >= _SMALLEST_INFORMATION
    size = (unit + np.abs(mean).max()) / np.sqrt(noise.min()) * np.sqrt(len(noise))
    conditioning = np.linalg.cond(loadings / np.sqrt(noise)[:, None]) / information[enough]
    allowed = 1000 * EPS * conditioning * size * np.linalg.norm(weights.to_scores, ord=2)
    assert np.all(np.abs(scores - exact)[enough] <= allowed[:, None])


def test_a_row_needs_one_percent_of_the_information_of_a_complete_row():
    squares = np.array([0.0098, 0.0102, 0.005, 0.0055, 0.9695])
    basis = np.zeros((10, 2))
    basis[:5, 0] = np.sqrt(squares)
    basis[5:, 1] = 5**-0.5
    assert _SMALLEST_INFORMATION == 0.01  # as documented in transform
    weights = BartlettWeights(DiagonalNoise(np.ones(10)), basis, np.eye(2))
    observed = [[0], [1], [2, 3], [0, 2], [4], []]
    X = np.full((6, 10), np.nan)
    X[:, 5:] = 1.0
    for row, features in zip(X, observed, strict=True):
        row[features] = 1.0
    scored = ~np.isnan(scores_of_incomplete(X, np.zeros(10), weights)).all(axis=1)
    assert_array_equal(scored, [False, True, True, True, True, False])
    # much information on the other direction does not compensate
    X[4, 5:] = np.nan
    assert np.isnan(scores_of_incomplete(X, np.zeros(10), weights)[4]).all()


def test_too_little_information_gives_nan_without_floating_point_errors():
    # rounding turns some eigenvalues of 0 into -1e-18, by which nothing must be divided
    for seed in range(100):
        rng = np.random.default_rng(seed)
        components = np.linalg.qr(rng.normal(size=(6, 5)))[0].T
        weights = bartlett_weights(components, components.T, DiagonalNoise(np.ones(6)))
        X = with_gaps(rng.normal(size=(20, 6)), 0.6, seed)
        scores = scores_of_incomplete(X, np.zeros(6), weights)
        assert np.all(np.isnan(scores[np.sum(~np.isnan(X), axis=1) < 5]))


# --- likelihood ----------------------------------------------------------------------------------


def slow_likelihood(X, mean, covariance):
    """Density of the observed entries of each row, by scipy."""
    likelihood = np.zeros(len(X))
    for i, x in enumerate(X):
        observed = ~np.isnan(x)
        if observed.any():
            normal = multivariate_normal(mean[observed], covariance[np.ix_(observed, observed)])
            likelihood[i] = normal.logpdf(x[observed])
    return likelihood


@given(drawn=rows_and_models(min_factors=0), n_rows=st.sampled_from([1, 5, 100]))
def test_likelihood_is_the_gaussian_density_of_the_observed_entries(drawn, n_rows):
    X, mean, _, loadings, noise = drawn
    # in units of the noise: scipy treats small variances as 0
    X, mean, loadings = ((a.T / np.sqrt(noise)).T for a in (X.T, mean, loadings))
    X, ones = X.T, np.ones(len(noise))
    actual = log_likelihood_of_observed(X, mean, loadings, ones, block_rows=n_rows)
    expected = slow_likelihood(X, mean, loadings @ loadings.T + np.eye(len(noise)))
    squares = np.nansum((X - mean) ** 2 + EPS * (X**2 + mean**2), axis=1)
    conditioning = 1.0 + np.linalg.norm(loadings, ord=2) ** 2 if loadings.size else 1.0
    assert np.all(np.abs(actual - expected) <= 1000 * EPS * conditioning * (10 + squares))
    assert actual[-1] == 0


@given(drawn=rows_and_models(min_factors=0))
def test_units_of_the_features_shift_the_likelihood_by_their_logarithms(drawn):
    X, mean, _, loadings, noise = drawn
    root = np.sqrt(noise)
    actual = log_likelihood_of_observed(X, mean, loadings, noise)
    white = log_likelihood_of_observed(
        X / root, mean / root, loadings / root[:, None], np.ones_like(noise)
    )
    expected = white - ~np.isnan(X) @ np.log(root)
    squares = np.nansum(((X - mean) ** 2 + EPS * (X**2 + mean**2)) / noise, axis=1)
    assert np.all(np.abs(actual - expected) <= 1e-10 * (10 + squares))


@given(drawn=rows_and_models(min_factors=0))
def test_complete_rows_have_the_usual_likelihood(drawn):
    X, mean, _, loadings, noise = drawn
    X = np.where(np.isnan(X), mean + np.sqrt(noise), X)
    expected = log_likelihood(X - mean, loadings, DiagonalNoise(noise))
    actual = log_likelihood_of_observed(X, mean, loadings, noise)
    squares = np.sum((X - mean) ** 2 / noise, axis=1)
    assert np.all(np.abs(actual - expected) <= 1e-10 * (10 + squares))


@given(
    size=st.integers(0, 8), n=st.integers(1, 5), spread=st.sampled_from([0.0, 2.0, 4.0]), seed=SEEDS
)
def test_inverses_and_determinants_equal_numpys(size, n, spread, seed):
    rng = np.random.default_rng(seed)
    rotations = np.linalg.qr(rng.normal(size=(n, size, size)))[0]
    values = 10.0 ** rng.uniform(0, spread, size=(n, 1, size))  # identity plus something
    matrices = (rotations * values) @ np.moveaxis(rotations, 1, 2)
    found, log_determinants = inverses(matrices.copy())
    allowed = 1000 * EPS * 10.0**spread
    assert_allclose(found, np.linalg.inv(matrices), rtol=0, atol=allowed)
    assert_allclose(log_determinants, np.linalg.slogdet(matrices)[1], rtol=0, atol=allowed)


# --- refinement ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Start:
    """Sizes and a seed of a clear problem: each factor has six features or more.

    Unpacked, it is rows with gaps, their scale, and the model of their pairwise covariance.
    """

    n_samples: int
    n_features: int
    n_factors: int
    share: float
    noise: float
    seed: int

    @cached_property
    def X(self):
        signal = 3.0 + np.arange(self.n_factors)
        noise = 0.7 * self.noise, 1.4 * self.noise
        sizes = self.n_samples, self.n_features, self.n_factors
        X, _ = separate_factors(*sizes, signal, noise, 2.0, self.seed)
        return with_gaps(X, self.share, self.seed)

    def __iter__(self):
        return iter((self.X, *start_from(pairwise_covariance(self.X), self.n_factors)))


def start_from(covariance, n_factors, tol=1e-6):
    """Scale and fit of a covariance."""
    rng = np.random.RandomState(0)
    fit = fit_diagonal_noise(covariance, n_factors, FitOptions(rng, max_iter=200, tol=tol))
    return feature_scale(covariance), fit


@st.composite
def starts(draw, shares=(0.0, 0.1, 0.4), noises=(0.3, 1.0)):
    n_factors = draw(st.integers(1, 2))
    n_features = draw(st.integers(6 * n_factors, 12))
    share, noise = draw(st.sampled_from(shares)), draw(st.sampled_from(noises))
    return Start(100 + 5 * n_features, n_features, n_factors, share, noise, draw(SEEDS))


START = Start(200, 8, 1, share=0.3, noise=1.0, seed=0)


def slow_posterior(fit, X, scale):
    """Log-posterior of a model given the observed entries, row by row."""
    model = fit.model
    covariance = model.loadings @ model.loadings.T + np.diag(model.noise.variances)
    posterior = -0.25 * PRIOR_SAMPLES * np.sum(np.log(model.noise.variances / scale**2) ** 2)
    # the model has n - 1 in the denominator, the likelihood n
    shrunk = np.sqrt(1.0 - 1.0 / np.sum(~np.isnan(X), axis=0))
    covariance *= np.outer(shrunk, shrunk)
    for x in X:
        observed = np.flatnonzero(~np.isnan(x))
        centred, block = (x - model.mean)[observed], covariance[np.ix_(observed, observed)]
        squares = centred @ np.linalg.solve(block, centred)
        log_determinant = np.linalg.slogdet(2 * np.pi * block)[1]
        posterior -= 0.5 * (log_determinant + squares)
    return posterior


def refined(
    fit,
    X,
    scale,
    weight=None,
    max_iter=400,
    tol=PRECISE,
    on_step=no_step,
    block_rows=None,
    **settings,
):
    """Refined until the steps to come are below tol."""
    options = FitOptions(np.random.RandomState(0), max_iter, tol, on_step=on_step)
    return refine_on_rows(fit, RowsInMemory(X, weight, block_rows), scale, options, **settings)


def with_noise(fit, variances):
    return replace(fit, model=replace(fit.model, noise=DiagonalNoise(variances)))


@given(start=starts(), max_iter=st.sampled_from([1, 2, 3, 5, 10, 100]))
def test_steps_never_lower_the_posterior_of_the_floored_start(start, max_iter):
    X, scale, model = start
    # vanishing noise is first raised to a floor
    noise = np.clip(model.model.noise.variances / scale**2, _FIRST_FLOOR, 1.0) * scale**2
    begin = slow_posterior(with_noise(model, noise), X, scale)
    end = slow_posterior(refined(model, X, scale, max_iter=max_iter), X, scale)
    assert end >= begin - 1e-9 * abs(begin)


@given(start=starts(), max_iter=st.sampled_from([1, 2, 3, 5, 10, 100]))
def test_steps_never_lower_the_posterior_of_the_start(start, max_iter):
    X, scale, model = start
    begin = slow_posterior(model, X, scale)
    end = refined(model, X, scale, max_iter=max_iter)
    # steps may leave a start at the maximum by the share at which they end
    allowed = PRECISE * len(scale) if end.converged else 1e-9 * abs(begin)
    assert slow_posterior(end, X, scale) >= begin - allowed


@given(start=starts(shares=(0.1, 0.4)))
def test_steps_end_statistically_at_the_maximum(start):
    X, scale, model = start
    end = refined(model, X, scale, tol=DEFAULT * np.sqrt(2 / len(X)))
    top = refined(model, X, scale)
    # a parameter that is t standard errors from the maximum lowers the log-posterior by t^2 / 2
    allowed = 0.5 * (2 * DEFAULT) ** 2 * len(scale)
    assert slow_posterior(end, X, scale) >= slow_posterior(top, X, scale) - allowed


@given(start=starts(shares=(0.1, 0.4)), seed=SEEDS)
def test_no_model_nearby_is_more_probable(start, seed):
    X, scale, model = start
    end = refined(model, X, scale)
    assert end.converged
    best, rng = slow_posterior(end, X, scale), np.random.default_rng(seed)
    for size in (1e-3, 1e-2):
        nearby = replace(
            end,
            model=FactorModel(
                end.model.mean + size * scale * rng.normal(size=len(scale)),
                end.model.loadings
                + size * scale[:, None] * rng.normal(size=end.model.loadings.shape),
                DiagonalNoise(
                    end.model.noise.variances * np.exp(size * rng.normal(size=len(scale)))
                ),
            ),
        )
        assert slow_posterior(nearby, X, scale) <= best + PRECISE * len(scale)


@given(start=starts(shares=(0.0,), noises=(1.0,)))
def test_with_complete_rows_the_optimum_of_refine_is_a_fixed_point(start):
    X, covariance = start.X, scatter_covariance(start.X)
    scale, model = start_from(covariance, start.n_factors, tol=1e-8)
    # without the floor at which steps begin otherwise
    end = refined(model, X, scale, first_floor=REFINEMENT_FLOOR)
    again = refined(model, X, scale, max_iter=1, first_floor=REFINEMENT_FLOOR)
    tol = 1e-6
    for moved in (end, again):
        assert_allclose(moved.model.noise.variances, model.model.noise.variances, rtol=tol)
        assert_allclose(moved.model.mean, model.model.mean, rtol=0, atol=1e-10)
        common, reference = (m.model.loadings @ m.model.loadings.T for m in (moved, model))
        assert_allclose(common, reference, rtol=0, atol=tol * np.abs(reference).max())
    assert end.n_iter <= model.n_iter + 2
    assert end.converged


@given(start=starts(shares=(0.0,), noises=(1.0,)))
def test_complete_rows_reach_the_optimum_of_refine_from_another_start(start):
    X, scale, model = start
    end = refined(with_noise(model, 0.5 * scale**2), X, scale)
    assert end.converged
    assert_allclose(end.model.noise.variances, model.model.noise.variances, rtol=1e-5)


def slow_expectation_maximisation(X, mean, loadings, noise, n_steps):
    """Plain steps, row by row and feature by feature, without a prior."""
    n_factors = loadings.shape[1]
    for _ in range(n_steps):
        squares = np.zeros((len(mean), n_factors + 1, n_factors + 1))
        products, variances = np.zeros((len(mean), n_factors + 1)), np.zeros(len(mean))
        for x in X:
            observed = np.flatnonzero(~np.isnan(x))
            weighted = loadings[observed] / noise[observed, None]
            covariance = np.linalg.inv(np.eye(n_factors) + weighted.T @ loadings[observed])
            factors = covariance @ weighted.T @ (x - mean)[observed]
            moment = np.zeros((n_factors + 1, n_factors + 1))
            moment[:-1, :-1] = covariance
            factors = np.append(factors, 1.0)
            moment += np.outer(factors, factors)
            for j in observed:
                squares[j] += moment
                products[j] += factors * x[j]
                variances[j] += x[j] ** 2
        for j in range(len(mean)):
            solution = np.linalg.solve(squares[j], products[j])
            noise[j] = (variances[j] - solution @ products[j]) / squares[j, -1, -1]
            loadings[j], mean[j] = solution[:-1], solution[-1]
    return mean, loadings, noise


def test_result_is_as_probable_as_that_of_slow_expectation_maximisation():
    X, scale, model = Start(150, 8, 1, share=0.4, noise=1.0, seed=0)
    end = refined(model, X, scale)
    mean, loadings, noise = slow_expectation_maximisation(
        X,
        model.model.mean.copy(),
        model.model.loadings.copy(),
        model.model.noise.variances.copy(),
        n_steps=60,
    )
    slow = replace(model, model=FactorModel(mean, loadings, DiagonalNoise(noise)))
    assert slow_posterior(end, X, scale) >= slow_posterior(slow, X, scale) - 1e-3
    # they differ only by a prior that counts as one sample
    assert_allclose(end.model.noise.variances, noise, rtol=0.05)
    assert_allclose(end.model.mean, mean, rtol=0, atol=0.05)
    assert_allclose(end.model.loadings @ end.model.loadings.T, loadings @ loadings.T, atol=0.1)


@given(start=starts(shares=(0.1, 0.4)), seed=SEEDS)
def test_integer_weights_equal_repeated_samples(start, seed):
    X, scale, model = start
    weight = np.random.default_rng(seed).integers(0, 4, size=len(X)).astype(float)
    weighted = refined(model, X, scale, weight)
    repeated = refined(model, np.repeat(X, weight.astype(int), axis=0), scale)
    assert weighted.n_iter == repeated.n_iter
    assert_allclose(weighted.model.mean, repeated.model.mean, rtol=0, atol=1e-7)
    assert_allclose(weighted.model.noise.variances, repeated.model.noise.variances, rtol=1e-7)
    common, reference = (m.model.loadings @ m.model.loadings.T for m in (weighted, repeated))
    assert_allclose(common, reference, rtol=0, atol=1e-7 * np.abs(reference).max())


@given(start=starts(shares=(0.1, 0.4)), n_rows=st.sampled_from([1, 7, 1000]))
def test_the_block_size_does_not_change_the_result(start, n_rows):
    X, scale, model = start
    plain = refined(model, X, scale, max_iter=2)
    blocked = refined(model, X, scale, max_iter=2, block_rows=n_rows)
    assert_allclose(blocked.model.noise.variances, plain.model.noise.variances, rtol=1e-9)
    assert_allclose(blocked.model.mean, plain.model.mean, rtol=0, atol=1e-9)


@given(start=starts(shares=(0.1, 0.4), noises=(1.0,)), n_empty=st.sampled_from([1, 30]))
def test_all_nan_rows_do_not_change_the_result(start, n_empty):
    X, scale, model = start
    plain = refined(model, X, scale)
    padded = refined(model, np.vstack([X, np.full((n_empty, X.shape[1]), np.nan)]), scale)
    assert padded.converged
    # other steps with the same maximum
    expected = slow_posterior(plain, X, scale)
    assert slow_posterior(padded, X, scale) == pytest.approx(expected, abs=PRECISE * len(scale))
    assert_allclose(padded.model.noise.variances, plain.model.noise.variances, rtol=0.01)


@given(start=starts(shares=(0.1, 0.4)))
def test_factors_are_orthogonal_in_units_of_the_noise_and_sorted(start):
    X, scale, model = start
    end = refined(model, X, scale)
    gram = end.model.loadings.T @ (end.model.loadings / end.model.noise.variances[:, None])
    squared = np.diag(gram)
    assert_allclose(gram, np.diag(squared), rtol=0, atol=1e-10 * squared.max())
    assert np.all(np.diff(squared) <= 0)
    assert np.all(end.model.noise.variances >= REFINEMENT_FLOOR * scale**2 * (1 - 1e-9))
    assert len(end.eigenvalues) == end.model.loadings.shape[1]


def test_a_constant_feature_has_no_effect():
    with_constant = np.insert(START.X, 3, 7.0, axis=1)
    with_constant[::3, 3] = np.nan
    ends = []
    for X in (START.X, with_constant):
        scale, model = start_from(pairwise_covariance(X), 1)
        ends.append((model, refined(model, X, scale)))
    (_, without), (start, end) = ends
    others = np.arange(9) != 3
    assert_allclose(end.model.noise.variances[others], without.model.noise.variances, rtol=1e-3)
    assert_allclose(end.model.mean[others], without.model.mean, atol=1e-3)
    assert end.model.noise.variances[3] == start.model.noise.variances[3]
    assert end.model.mean[3] == 7.0
    assert not end.model.loadings[3].any()


def test_on_step_is_called_for_every_counted_pass():
    X, scale, model = START
    calls = []
    end = refined(model, X, scale, on_step=calls.append)
    assert end.converged
    assert calls == ["pass over the rows"] * (end.n_iter - model.n_iter)
    short = refined(model, X, scale, max_iter=1)
    assert not short.converged
    assert short.n_iter == model.n_iter + 1
    # the start need not have converged
    assert refined(replace(model, converged=False), X, scale).converged


def test_rows_are_not_modified():
    X, scale, model = START
    X.flags.writeable = False
    kept = X.copy()
    end = refined(model, X, scale)
    log_likelihood_of_observed(X, end.model.mean, end.model.loadings, end.model.noise.variances)
    assert_array_equal(X, kept)
