"""Davidson's method, compared with LAPACK on the whole matrix."""

import numpy as np
import pytest
import scipy.linalg
from helpers.assertions import assert_same_subspace
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.utils.extmath import svd_flip

from sklearn_contrastive._signs import fix_signs
from sklearn_contrastive.linear._solvers.davidson import SearchSpace

EPS = np.finfo(np.float64).eps
# at most 64 features are solved whole, more in a growing subspace
SMALL, LARGE = st.integers(1, 30), st.integers(65, 110)


@st.composite
def problems(draw, sizes=SMALL | LARGE):
    """A symmetric matrix with a few leading eigenvalues, and a diagonal."""
    n_features = draw(sizes)
    n_pairs = draw(st.integers(1, min(5, n_features)))
    bulk = draw(st.sampled_from([0.1, 1.0]))
    definite = draw(st.booleans())
    unit = draw(st.sampled_from([1e-6, 1.0, 1e6]))
    return Problem(n_features, n_pairs, bulk, definite, unit, draw(SEEDS))


class Problem:
    """Matrix with eigenvalues 10, 11, ... over a bulk, which may be indefinite, and a diagonal."""

    def __init__(self, n_features, n_pairs, bulk, definite, unit, seed):
        rng = np.random.default_rng(seed)
        values = rng.uniform(0 if definite else -bulk, bulk, size=n_features)
        values[:n_pairs] = 10.0 + np.arange(n_pairs)
        vectors = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0]
        self.matrix = unit * (vectors * values) @ vectors.T
        self.matrix = (self.matrix + self.matrix.T) / 2
        self.shift = unit * rng.uniform(0, 1, size=n_features)
        self.n_features, self.n_pairs, self.unit, self.seed = n_features, n_pairs, unit, seed

    def space(self, n_pairs=None, start=None, multiply=None):
        rng = np.random.RandomState(self.seed % 2**31)
        multiply = multiply or self.matrix.__matmul__
        return SearchSpace(multiply, self.n_features, n_pairs or self.n_pairs, rng, start)

    def whole(self, shift=None):
        """All eigenpairs, decreasing, by LAPACK."""
        shift = self.shift if shift is None else shift
        values, vectors = scipy.linalg.eigh(self.matrix - np.diag(shift))
        return values[::-1], vectors[:, ::-1]

    def leading(self, space, tol, shift=None):
        shift = self.shift if shift is None else shift
        return space.leading(self.n_pairs, shift, tol=tol, unit=self.unit)


def relative_residuals(problem, pairs, shift):
    """Norms of (A - diag(shift)) w - value w as shares of the value or the unit."""
    w = pairs.vectors
    norms = np.linalg.norm(problem.matrix @ w - shift[:, None] * w - w * pairs.values, axis=0)
    return norms / np.maximum(np.abs(pairs.values), problem.unit)


def assert_leading(problem, pairs, tol, shift=None):
    """Assert that pairs are the leading ones, within what residuals of that size allow."""
    shift = problem.shift if shift is None else shift
    n_pairs = len(pairs.values)
    values, vectors = problem.whole(shift)
    largest = np.abs(values).max()
    rounding = 100 * EPS * np.sqrt(len(values)) * largest
    assert pairs.converged
    assert np.all(relative_residuals(problem, pairs, shift) <= tol + rounding / problem.unit)
    # eigenvalues of a symmetric problem are at least as accurate as the residuals
    atol = 2 * tol * n_pairs * max(largest, problem.unit) + rounding
    assert_allclose(pairs.values, values[:n_pairs], rtol=0, atol=atol)
    metric = pairs.vectors.T @ pairs.vectors
    assert_allclose(metric, np.eye(n_pairs), rtol=0, atol=100 * EPS * len(values))
    if n_pairs < len(values):
        gap = values[n_pairs - 1] - values[n_pairs]
        scale = largest * (1 + tol / EPS)
        assert_same_subspace(pairs.vectors.T, vectors[:, :n_pairs].T, gap, scale)


@given(problem=problems())
def test_leading_pairs_agree_with_lapack(problem):
    pairs = problem.leading(problem.space(), 1e-8)
    assert_leading(problem, pairs, 1e-8)


@given(problem=problems(LARGE), tol=st.sampled_from([1e-2, 1e-5, 1e-9]))
def test_residuals_are_below_the_tolerance(problem, tol):
    pairs = problem.leading(problem.space(), tol)
    assert pairs.converged
    assert np.all(relative_residuals(problem, pairs, problem.shift) <= 1.01 * tol)


@given(problem=problems(LARGE))
def test_the_largest_eigenvalues_are_found_not_those_of_largest_modulus(problem):
    shift = problem.shift.copy()
    shift[: problem.n_features // 2] += 1000 * problem.unit  # deep below zero, and many
    pairs = problem.leading(problem.space(), 1e-8, shift)
    values = problem.whole(shift)[0][: problem.n_pairs]
    assert_allclose(pairs.values, values, rtol=1e-6, atol=1e-6 * problem.unit)


@given(problem=problems(), seed=SEEDS)
def test_a_search_space_can_be_reused_for_other_diagonals(problem, seed):
    rng = np.random.default_rng(seed)
    space = problem.space()
    for _ in range(3):
        shift = problem.unit * rng.uniform(-1, 1, size=problem.n_features)
        assert_leading(problem, problem.leading(space, 1e-8, shift), 1e-8, shift)


@given(problem=problems(LARGE))
def test_the_basis_stays_orthonormal_and_its_image_stays_exact(problem):
    space = problem.space()
    for share in (1.0, 0.5, 2.0):
        problem.leading(space, 1e-9, share * problem.shift)
        size = space.basis.shape[1]
        assert_allclose(space.basis.T @ space.basis, np.eye(size), rtol=0, atol=1000 * EPS)
        image = problem.matrix @ space.basis
        assert_allclose(space.image, image, rtol=0, atol=1000 * EPS * 15 * problem.unit)


@given(problem=problems(LARGE))
def test_a_start_at_the_solution_needs_no_search(problem):
    solution = problem.whole()[1][:, : problem.n_pairs]
    products = []

    def counting(directions):
        products.append(directions.shape[1])
        return problem.matrix @ directions

    pairs = problem.leading(problem.space(start=solution, multiply=counting), 1e-6)
    assert_leading(problem, pairs, 1e-6)
    assert products == [problem.n_pairs]


@given(problem=problems(LARGE), seed=SEEDS, noise=st.sampled_from([1e-6, 1e-2, 1.0]))
def test_a_start_near_the_solution_converges_to_it(problem, seed, noise):
    near = problem.whole()[1][:, : problem.n_pairs]
    near = near + noise * np.random.default_rng(seed).normal(size=near.shape)
    assert_leading(problem, problem.leading(problem.space(start=near), 1e-8), 1e-8)


@given(problem=problems(LARGE), seed=SEEDS, rank=st.integers(0, 2))
def test_a_start_of_deficient_rank_converges(problem, seed, rank):
    rng = np.random.default_rng(seed)
    start = rng.normal(size=(problem.n_features, rank)) @ rng.normal(size=(rank, 10))
    assert_leading(problem, problem.leading(problem.space(start=start), 1e-8), 1e-8)


def test_a_matrix_of_low_rank_has_zeros_after_its_rank():
    factor = np.random.default_rng(0).normal(size=(100, 3))
    matrix = factor @ factor.T
    space = SearchSpace(matrix.__matmul__, 100, 6, np.random.RandomState(0))
    pairs = space.leading(6, tol=1e-9)
    expected = np.concatenate([np.linalg.eigvalsh(factor.T @ factor)[::-1], np.zeros(3)])
    assert pairs.converged
    assert_allclose(pairs.values, expected, rtol=0, atol=1000 * EPS * expected[0])


@pytest.mark.parametrize("n_pairs", [1, 6])
def test_a_search_space_that_is_restarted_often_converges(n_pairs):
    n_features = 500
    rng = np.random.default_rng(0)
    values = np.linspace(0, 0.95, n_features)  # close behind: many expansions
    values[:n_pairs] = np.linspace(1.0, 1.1, n_pairs)
    vectors = np.linalg.qr(rng.normal(size=(n_features, n_features)))[0]
    matrix = (vectors * values) @ vectors.T
    products = []

    def counting(directions):
        products.append(directions.shape[1])
        return matrix @ directions

    space = SearchSpace(counting, n_features, n_pairs, np.random.RandomState(0))
    pairs = space.leading(n_pairs, tol=1e-7)
    assert pairs.converged
    assert_allclose(pairs.values, np.sort(values)[: -n_pairs - 1 : -1], rtol=0, atol=1e-10)
    assert sum(products) > space.basis.shape[1]  # it was restarted
    assert space.basis.shape[1] < n_features / 2


@given(problem=problems(SMALL), more=st.integers(1, 5))
def test_at_most_as_many_pairs_as_features_are_returned(problem, more):
    n_requested = problem.n_features + more
    space = problem.space(n_requested)
    pairs = space.leading(n_requested, problem.shift, tol=1e-6, unit=problem.unit)
    assert pairs.values.shape == (problem.n_features,)
    assert_leading(problem, pairs, 0.0)


@given(problem=problems(LARGE))
def test_the_same_random_state_gives_identical_pairs(problem):
    first, again = (problem.leading(problem.space(), 1e-6) for _ in range(2))
    assert_array_equal(first.values, again.values)
    assert_array_equal(first.vectors, again.vectors)


def test_a_search_that_does_not_converge_is_reported():
    rng = np.random.default_rng(0)

    def noise(directions):  # not a linear map, so that nothing converges
        return rng.normal(size=directions.shape)

    space = SearchSpace(noise, 2000, 1, np.random.RandomState(0))
    assert not space.leading(1, tol=1e-12).converged


# --- signs ---------------------------------------------------------------------------------------


@given(shape=st.tuples(st.integers(0, 5), st.integers(1, 8)), seed=SEEDS)
def test_signs_agree_with_svd_flip(shape, seed):
    rows = np.random.default_rng(seed).normal(size=shape)
    signs = fix_signs(rows)
    assert signs.shape == (len(rows),)
    if len(rows):
        _, flipped = svd_flip(np.eye(len(rows)), rows.copy(), u_based_decision=False)
        assert_array_equal(signs[:, None] * rows, flipped)


@given(shape=st.tuples(st.integers(1, 5), st.integers(1, 8)), seed=SEEDS)
def test_signs_undo_any_flip_of_rows(shape, seed):
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=shape)
    flipped = rows * rng.choice([-1.0, 1.0], size=(len(rows), 1))
    assert_array_equal(fix_signs(rows)[:, None] * rows, fix_signs(flipped)[:, None] * flipped)


def test_rows_of_zeros_keep_their_sign():
    assert_array_equal(fix_signs(np.zeros((2, 3))), [1.0, 1.0])
