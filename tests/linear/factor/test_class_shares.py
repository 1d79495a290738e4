"""Shares between classes and the transformation of factors, against slow obvious versions."""

from dataclasses import dataclass

import numpy as np
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize
from scipy.stats import multivariate_normal

from sklearn_contrastive.linear._factor.class_shares import (
    ClassSums,
    factor_transform,
    most_probable_shares,
)


@dataclass(frozen=True)
class ClassDraw:
    """Scores z of samples in classes, seen through loadings and noise of variance 1."""

    n_factors: int
    sizes: tuple[int, ...]
    n_free: int
    seed: int

    def samples(self):
        """Samples without a class, deviations within classes, and rooted means."""
        rng = np.random.default_rng(self.seed)
        loadings = rng.normal(size=(6, self.n_factors))
        shares = rng.uniform(0, 0.9, self.n_factors)

        def seen(z):
            return z @ loadings.T + rng.normal(size=(len(z), 6))

        free = seen(rng.normal(size=(self.n_free, self.n_factors)))
        classes = []
        for size in self.sizes:
            effect = np.sqrt(shares) * rng.normal(size=self.n_factors)
            own = np.sqrt(1 - shares) * rng.normal(size=(size, self.n_factors))
            classes.append(seen(effect + own))
        return loadings, free, classes

    def sums(self):
        """What the estimation has of them."""
        loadings, free, classes = self.samples()
        deviations = np.vstack([rows - rows.mean(axis=0) for rows in classes])
        kinds = [free, deviations]
        number, slope = [len(free), len(deviations) - len(classes)], [0.0, -1.0]
        for rows in classes:
            kinds.append(np.sqrt(len(rows)) * rows.mean(axis=0, keepdims=True))
            number.append(1)
            slope.append(len(rows) - 1.0)
        along = np.stack([loadings.T @ rows.T @ rows @ loadings for rows in kinds])
        information = loadings.T @ loadings
        return ClassSums(information, np.array(number, float), np.array(slope), along)

    def log_posterior(self, shares):
        """Of all samples jointly, with the covariance of every class written out."""
        loadings, free, classes = self.samples()
        one = loadings @ loadings.T + np.eye(6)
        total = multivariate_normal(np.zeros(6), one).logpdf(free).sum()
        for rows in classes:
            between = loadings * shares @ loadings.T
            covariance = np.kron(np.ones((len(rows), len(rows))), between)
            covariance += np.kron(np.eye(len(rows)), one - between)
            normal = multivariate_normal(np.zeros(6 * len(rows)), covariance)
            total += normal.logpdf(rows.ravel())
        return total - 0.5 * np.sum(np.log(1 - shares) + 1 / (1 - shares))


class_draws = st.builds(
    ClassDraw,
    n_factors=st.integers(1, 3),
    sizes=st.lists(st.integers(2, 5), min_size=2, max_size=5).map(tuple),
    n_free=st.integers(2, 10),
    seed=SEEDS,
)


def misfit(sums, shares):
    variances = sums.variances(shares)
    return sums.misfit(shares, variances, sums.posteriors(variances))


@given(draw=class_draws, seed=SEEDS)
def test_the_misfit_is_twice_the_negative_log_posterior_up_to_a_constant(draw, seed):
    rng = np.random.default_rng(seed)
    sums = draw.sums()
    first, second = rng.uniform(0, 0.95, (2, draw.n_factors))
    expected = -2 * (draw.log_posterior(first) - draw.log_posterior(second))
    scale = 1 + abs(misfit(sums, first)) + abs(misfit(sums, second))
    assert_allclose(misfit(sums, first) - misfit(sums, second), expected, atol=1e-10 * scale)


@given(draw=class_draws, start=st.floats(0, 0.9))
def test_no_shares_nearby_are_more_probable(draw, start):
    sums = draw.sums()
    shares, least = most_probable_shares(sums, np.full(draw.n_factors, start))
    assert_allclose(least, misfit(sums, shares), rtol=1e-12)
    assert least <= misfit(sums, np.full(draw.n_factors, start))
    assert np.all((shares >= 0) & (shares < 1))
    for _ in range(20):  # as from step to step of EM
        shares, least = most_probable_shares(sums, shares)
    found = minimize(
        lambda shares: misfit(sums, shares), shares, bounds=[(0, 0.999)] * draw.n_factors
    )
    assert least <= found.fun + 0.02  # of twice a log-posterior


def test_few_labels_never_make_a_share_one():
    # two samples of each class are equal to many digits
    sums = ClassSums(
        np.array([[1e8]]),
        np.array([100.0, 3.0, 3.0]),
        np.array([0.0, -1.0, 1.0]),
        np.array([[[1e18]], [[1e8]], [[6e16]]]),
    )
    shares, _ = most_probable_shares(sums, np.array([0.5]))
    assert 0.5 < shares[0] < 0.9


@st.composite
def kinds(draw):
    """Number, variances and expected squares of several kinds of samples."""
    rng = np.random.default_rng(draw(SEEDS))
    n_kinds, n_factors = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    number = rng.uniform(1, 100, n_kinds)
    variances = rng.uniform(0.1, 5, (n_kinds, n_factors))
    transform = np.eye(n_factors) + draw(st.floats(0, 0.5)) * rng.normal(
        size=(n_factors, n_factors)
    )
    squares = np.einsum("k,jl,kl,ml->kjm", number, transform, variances, transform)
    return number, variances, squares


def expected_log_likelihood(transform, number, variances, squares):
    """Of normal samples of each kind with covariance T V T', sample by sample."""
    total = 0.0
    for n, variance, square in zip(number, variances, squares, strict=True):
        covariance = transform * variance @ transform.T
        total -= 0.5 * n * np.linalg.slogdet(covariance)[1]
        total -= 0.5 * np.trace(np.linalg.solve(covariance, square))
    return total


@given(kinds=kinds())
def test_the_transformation_makes_the_squares_more_probable(kinds):
    identity = np.eye(kinds[1].shape[1])
    before = expected_log_likelihood(identity, *kinds)
    after = expected_log_likelihood(factor_transform(*kinds), *kinds)
    assert after >= before - 1e-10 * abs(before)


@given(kinds=kinds())
def test_repeated_transformations_end_at_the_most_probable(kinds):
    number, variances, squares = kinds
    for _ in range(60):
        inverse = np.linalg.inv(factor_transform(number, variances, squares))
        squares = inverse @ squares @ inverse.T
    gradient = np.sum(squares / variances[:, :, None], axis=0) / number.sum()
    assert_allclose(gradient, np.eye(len(gradient)), atol=1e-3)


def test_squares_that_fit_are_not_transformed():
    number, variances = np.array([10.0, 5.0]), np.array([[1.0, 1.0], [0.5, 2.0]])
    squares = number[:, None, None] * variances[:, :, None] * np.eye(2)
    assert_allclose(factor_transform(number, variances, squares), np.eye(2), atol=1e-15)
