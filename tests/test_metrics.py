"""Sin-theta distance, principal angles, incoherence: against scipy, tiny angles, any scale."""

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.linalg import subspace_angles

from benchmarks._common.spiked import haar, subspace_error
from sklearn_contrastive.metrics import incoherence, principal_angles, sin_theta_distance

EPS = np.finfo(np.float64).eps


@st.composite
def row_pairs(draw, same_rank=False):
    """Two sets of Gaussian rows; linearly independent, with probability one."""
    n_features = draw(st.integers(1, 20))
    first = draw(st.integers(1, n_features))
    second = first if same_rank else draw(st.integers(1, n_features))
    rng = np.random.default_rng(draw(SEEDS))
    return rng.normal(size=(first, n_features)), rng.normal(size=(second, n_features))


def orthonormal(rows):
    return np.linalg.qr(rows.T).Q.T


def rounding_of(*sets_of_rows):
    """Error of a basis of these rows: machine precision times their worst condition."""
    return 100 * EPS * max(np.linalg.cond(rows) for rows in sets_of_rows)


@given(pair=row_pairs(same_rank=True))
def test_distance_is_the_root_of_the_summed_squared_sines(pair):
    sines = np.sin(subspace_angles(pair[0].T, pair[1].T))
    allowed = rounding_of(*pair)
    assert_allclose(sin_theta_distance(*pair), np.linalg.norm(sines), rtol=0, atol=allowed)


@given(pair=row_pairs())
def test_distance_is_that_of_the_projectors(pair):
    projectors = [basis.T @ basis for basis in map(orthonormal, pair)]
    expected = np.linalg.norm(projectors[0] - projectors[1]) / np.sqrt(2)
    assert_allclose(sin_theta_distance(*pair), expected, rtol=0, atol=rounding_of(*pair))


@given(pair=row_pairs())
def test_distance_between_ranks_is_as_documented(pair):
    bases = [orthonormal(rows) for rows in pair]
    ranks = [len(rows) for rows in pair]
    squared = sum(ranks) / 2 - np.linalg.norm(bases[0] @ bases[1].T) ** 2
    distance = sin_theta_distance(*pair)
    assert_allclose(distance**2, squared, rtol=0, atol=20 * rounding_of(*pair))
    assert distance >= np.sqrt(abs(ranks[0] - ranks[1]) / 2) - rounding_of(*pair)


@given(pair=row_pairs())
def test_distance_is_exactly_symmetric(pair):
    assert sin_theta_distance(*pair) == sin_theta_distance(*pair[::-1])


@given(pair=row_pairs(), seed=SEEDS)
def test_only_the_span_of_the_rows_counts(pair, seed):
    rng = np.random.default_rng(seed)
    mixed = [
        orthonormal(rng.normal(size=(len(rows), len(rows)))) @ rows * rng.choice([-1, 1e9])
        for rows in pair
    ]
    allowed = 10 * rounding_of(*pair)
    assert_allclose(sin_theta_distance(*mixed), sin_theta_distance(*pair), rtol=0, atol=allowed)
    assert_allclose(incoherence(mixed[0]), incoherence(pair[0]), rtol=0, atol=allowed)


@given(pair=row_pairs(), scales=st.tuples(*[st.sampled_from([1e-300, 1.0, 1e300])] * 2))
def test_distances_do_not_depend_on_units(pair, scales):
    scaled = [rows * scale for rows, scale in zip(pair, scales, strict=True)]
    scaled[0][0] *= 1e-5  # nor do those of one row
    allowed = 10 * rounding_of(*pair)
    assert_allclose(sin_theta_distance(*scaled), sin_theta_distance(*pair), rtol=0, atol=allowed)


@given(
    n_features=st.integers(2, 30),
    exponent=st.integers(-13, -1),
    seed=SEEDS,
    data=st.data(),
)
def test_tiny_angles_keep_their_digits(n_features, exponent, seed, data):
    k = data.draw(st.integers(1, n_features // 2))
    angle = 10.0**exponent
    basis = orthonormal(np.random.default_rng(seed).normal(size=(n_features, n_features)))
    turned = np.cos(angle) * basis[:k] + np.sin(angle) * basis[k : 2 * k]
    expected = np.sqrt(k) * np.sin(angle)
    assert_allclose(sin_theta_distance(turned, basis[:k]), expected, rtol=0, atol=100 * EPS)


@given(pair=row_pairs())
def test_distance_of_a_subspace_from_itself_is_zero(pair):
    assert sin_theta_distance(pair[0], pair[0]) <= rounding_of(pair[0])
    assert np.all(principal_angles(pair[0], pair[0]) <= rounding_of(pair[0]))


def test_orthogonal_subspaces_are_at_the_largest_distance():
    basis = np.eye(6)
    assert sin_theta_distance(basis[:3], basis[3:]) == pytest.approx(np.sqrt(3), rel=1e-15)
    assert_allclose(principal_angles(basis[:3], basis[3:]), np.pi / 2, rtol=1e-15)


@given(pair=row_pairs())
def test_angles_are_scipys_largest_first(pair):
    angles = principal_angles(*pair)
    assert angles.shape == (min(map(len, pair)),)
    assert np.all(np.diff(angles) <= 0)
    assert np.all((angles >= 0) & (angles <= np.pi / 2 + EPS))
    # scipy takes small angles beside large ones from their cosines, hence half the digits
    expected = subspace_angles(pair[0].T, pair[1].T)
    assert_allclose(angles, expected, rtol=0, atol=np.sqrt(rounding_of(*pair)))


@given(
    exponents=st.lists(st.floats(-13, 0.19), min_size=1, max_size=8),
    extra=st.integers(0, 3),
    seed=SEEDS,
)
def test_every_angle_keeps_its_digits_beside_any_other(exponents, extra, seed):
    angles = np.sort(10.0 ** np.array(exponents))[::-1]
    k = len(angles)
    basis = orthonormal(np.random.default_rng(seed).normal(size=(2 * k + extra, 2 * k + extra)))
    turned = np.cos(angles)[:, None] * basis[:k] + np.sin(angles)[:, None] * basis[k : 2 * k]
    # rows orthogonal to both add dimensions and no angle
    reference = np.vstack([basis[:k], basis[2 * k :]])
    assert_allclose(principal_angles(turned, reference), angles, rtol=0, atol=100 * EPS)
    assert_allclose(principal_angles(reference, turned), angles, rtol=0, atol=100 * EPS)


@given(pair=row_pairs())
def test_incoherence_lies_between_even_and_whole(pair):
    k, d = pair[0].shape
    assert k / d - 100 * EPS <= incoherence(pair[0]) <= 1 + 100 * EPS


@given(pair=row_pairs())
def test_incoherence_is_the_largest_squared_row_of_a_basis(pair):
    leverages = np.sum(orthonormal(pair[0]) ** 2, axis=0)
    assert_allclose(incoherence(pair[0]), leverages.max(), rtol=0, atol=rounding_of(pair[0]))


def test_incoherence_reaches_both_ends():
    hadamard = np.array([[1, 1, 1, 1], [1, -1, 1, -1]])
    assert incoherence(hadamard) == pytest.approx(2 / 4, rel=1e-14)
    assert incoherence([[0, 3, 0], [1, 0, 1]]) == pytest.approx(1, rel=1e-14)


def test_float32_components_and_lists_are_accepted():
    components = orthonormal(np.random.default_rng(0).normal(size=(3, 9)))
    assert sin_theta_distance(components.astype(np.float32), components.tolist()) < 1e-6


@pytest.mark.parametrize(
    ("rows", "rank"),
    [
        ([[1.0, 0.0, 0.0], [2.0, 0.0, 0.0]], 1),
        ([[1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], 1),
        ([[0.0, 0.0, 0.0]], 0),
        ([[1.0, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]], 3),
    ],
    ids=["parallel", "zero row", "zero", "too many"],
)
def test_dependent_rows_are_refused(rows, rank):
    message = f"rows of {{}} span only {rank} dimensions"
    with pytest.raises(ValueError, match=message.format("components")):
        sin_theta_distance(rows, np.eye(3))
    with pytest.raises(ValueError, match=message.format("reference")):
        principal_angles(np.eye(3), rows)
    with pytest.raises(ValueError, match=message.format("components")):
        incoherence(rows)


def test_other_input_is_refused():
    with pytest.raises(ValueError, match="components has 3 features and reference 2"):
        sin_theta_distance(np.eye(3), np.eye(2))
    with pytest.raises(ValueError, match="reference contains NaN"):
        sin_theta_distance(np.eye(2), [[np.nan, 1.0]])
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array"):
        incoherence([1.0, 2.0])
    with pytest.raises(TypeError, match="dense data is required"):
        principal_angles(sparse.csr_array(np.eye(2)), np.eye(2))


# --- the error of the benchmarks, written without this module -------------------------------------


@given(d=st.integers(1, 15), seed=SEEDS, data=st.data())
def test_errors_of_the_benchmarks_are_distances_of_the_metrics(d, seed, data):
    n_rows, r = (data.draw(st.integers(1, d)) for _ in range(2))
    rng = np.random.default_rng(seed)
    rows, subspace = rng.standard_normal((n_rows, d)), haar(rng, d, r)
    tolerance = 1e-13 * np.linalg.cond(rows)
    distance = sin_theta_distance(rows, subspace.T)
    # a root magnifies rounding where the distance is nearly 0
    assert subspace_error(rows, subspace) ** 2 == pytest.approx(distance**2, abs=tolerance)


def test_rows_of_zeros_are_no_direction_for_the_benchmarks():
    subspace = np.eye(4)[:, :2]
    rows = np.array([[0.0, 3.0, 0.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    assert subspace_error(rows, subspace) == pytest.approx(np.sqrt(0.5))
