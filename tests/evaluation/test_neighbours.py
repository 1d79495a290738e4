"""Similar images and outlier distances: against loops over all pairs; refusals."""

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive.evaluation import outlier_distances, similar_images

EPS = np.finfo(np.float64).eps


def cosine(u, v):
    return u @ v / np.sqrt((u @ u) * (v @ v))


def slow_search(H, queries, own=None):
    """Positions and similarities of all images, most similar first, query by query."""
    found = []
    for number, query in enumerate(queries):
        others = [j for j in range(len(H)) if own is None or j != own[number]]
        pairs = sorted(((cosine(query, H[j]), j) for j in others), reverse=True)
        found.append(pairs)
    return np.array([[s for s, _ in row] for row in found]), [[j for _, j in row] for row in found]


@st.composite
def problems(draw):
    n, width = draw(st.integers(3, 12)), draw(st.integers(2, 6))
    rng = np.random.default_rng(draw(SEEDS))
    return rng.normal(size=(n, width)), rng.normal(size=(4, width)), draw(st.integers(1, n - 1))


@given(problem=problems())
def test_similar_images_are_those_of_a_loop_over_all_pairs(problem):
    H, others, k = problem
    positions = np.array([len(H) - 1, 0, -1])
    own = positions % len(H)
    for queries, rows, excluded in (
        (None, H, range(len(H))),
        (positions, H[own], own),
        (others, others, None),
    ):
        found = similar_images(H, queries, n_neighbors=k)
        similarity, indices = slow_search(H, rows, excluded)
        assert_allclose(found.similarity, similarity[:, :k], rtol=0, atol=100 * EPS)
        assert_array_equal(found.indices, [row[:k] for row in indices])


@given(problem=problems())
def test_outlier_distances_are_mean_distances_to_the_nearest(problem):
    H, others, k = problem
    for new, rows, own in ((None, H, range(len(H))), (others, others, None)):
        similarity, _ = slow_search(H, rows, own)
        expected = 1 - similarity[:, :k].mean(axis=1)
        actual = outlier_distances(H, new, n_neighbors=k)
        assert_allclose(actual, expected, rtol=0, atol=100 * EPS)


@given(problem=problems(), seed=SEEDS)
def test_lengths_and_rotations_change_nothing(problem, seed):
    H, _, k = problem
    rng = np.random.default_rng(seed)
    rotation = np.linalg.qr(rng.normal(size=(H.shape[1],) * 2)).Q
    changed = H @ rotation * 10 ** rng.uniform(-3, 3, (len(H), 1))
    assert_array_equal(
        similar_images(changed, n_neighbors=k).indices, similar_images(H, n_neighbors=k).indices
    )
    assert_allclose(
        outlier_distances(changed, n_neighbors=k), outlier_distances(H, n_neighbors=k), atol=1e-12
    )


def test_equal_images_are_neighbours_of_each_other_but_none_of_itself():
    H = np.ones((9, 3))
    found = similar_images(H, range(9), n_neighbors=3)
    assert (found.indices != np.arange(9)[:, None]).all()
    assert_allclose(found.similarity, 1)
    assert_allclose(outlier_distances(H), 0, atol=10 * EPS)


def test_a_row_of_zeros_is_similar_to_none():
    H = np.eye(4)
    H[3] = 0
    assert_allclose(similar_images(H, [3], n_neighbors=3).similarity, 0)


def test_single_precision_stays():
    H = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    assert similar_images(H).similarity.dtype == outlier_distances(H).dtype == np.float32


BAD = {
    "NaN": (lambda H: similar_images(np.where(H > 1, np.nan, H)), "Input H contains NaN"),
    "other width": (lambda H: similar_images(H, H[:, :2]), "H has 3 components and queries 2"),
    "new width": (lambda H: outlier_distances(H, H[:, :2]), "H has 3 components and H_new 2"),
    "position": (lambda H: similar_images(H, [20]), "must be positions among the 20 rows of H"),
    "floats": (lambda H: similar_images(H, [0.5]), "must be integers, positions in H, or rows"),
    "none": (lambda H: similar_images(H, []), "must be integers, positions in H, or rows"),
    "too many": (lambda H: similar_images(H, n_neighbors=20), "between 1 and the 19 other images"),
    "as many": (lambda H: outlier_distances(H, n_neighbors=20), "between 1 and the 19 other"),
    "zero": (lambda H: outlier_distances(H, H, n_neighbors=0), "between 1 and the 20 images in H"),
}


@pytest.mark.parametrize("name", BAD)
def test_arguments_that_do_not_fit_are_refused(name):
    call, message = BAD[name]
    with pytest.raises(ValueError, match=message):
        call(np.random.default_rng(0).normal(size=(20, 3)))
