"""NeighboursDisplay: against scikit-learn's nearest neighbours; refusals."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import FunctionTransformer

from sklearn_contrastive.plotting import NeighboursDisplay

X, Y = load_digits(n_class=4, return_X_y=True)
X = X[:100] / 16
Y = Y[:100]
PCA_5 = PCA(5).fit(X)


def test_neighbours_are_those_of_scikit_learn_without_the_image_itself():
    queries = [7, 3, -1]
    display = NeighboursDisplay.from_estimator(PCA_5, X, queries, labels=Y, n_neighbors=4)
    h = PCA_5.transform(X)
    search = NearestNeighbors(n_neighbors=5, metric="cosine").fit(h)
    distances, indices = search.kneighbors(h[queries])
    assert_array_equal(display.indices, indices[:, 1:])
    assert_allclose(display.similarity, 1 - distances[:, 1:])
    assert_array_equal(display.neighbour_labels, Y[indices[:, 1:]])
    assert_array_equal(display.query_labels, Y[queries])
    assert_allclose(display.queries.reshape(3, -1), X[queries], atol=1e-6)
    assert_allclose(display.neighbours.reshape(3, 4, -1), X[indices[:, 1:]], atol=1e-6)


def test_queries_that_are_images_are_searched_among_all_of_X():
    display = NeighboursDisplay.from_estimator(PCA_5, X, X[:2], labels=Y)
    assert_array_equal(display.indices[:, 0], [0, 1])
    assert_allclose(display.similarity[:, 0], 1)
    assert display.query_labels is None


def test_duplicates_of_the_image_are_shown():
    doubled = np.concatenate([X, X])
    display = NeighboursDisplay.from_estimator(FunctionTransformer(), doubled, [4, 105])
    assert_array_equal(display.indices[:, 0], [104, 5])


def test_pictures_and_titles_are_drawn_in_order():
    similarity = np.arange(20.0).reshape(2, 10) / 10
    names = np.array(list("abcdefghij"))
    display = NeighboursDisplay.from_predictions(
        similarity, X[:10], [9, 0], labels=names, n_neighbors=2
    )
    assert_array_equal(display.indices, [[8, 7], [9, 8]])
    for row, query, found in zip(display.images_, [9, 0], display.indices, strict=True):
        for drawn, number in zip(row, [query, *found], strict=True):
            assert_allclose(drawn.get_array().ravel(), X[number], atol=1e-6)
    titles = [text.get_text() for text in display.ax_.texts[:6]]
    assert titles == ["j", "i (0.80)", "h (0.70)", "a", "j (1.90)", "i (1.80)"]


def test_without_labels_the_titles_are_similarities():
    display = NeighboursDisplay.from_predictions(np.eye(3, 10), X[:10], X[:3], n_neighbors=1)
    assert [text.get_text() for text in display.ax_.texts[:2]] == ["", "1.00"]


def test_it_draws_in_the_axes_of_the_caller():
    figure, (ax, _) = plt.subplots(1, 2)
    display = NeighboursDisplay.from_estimator(PCA_5, X, [0], ax=ax)
    assert display.ax_ is ax
    assert display.figure_ is figure
    assert display.plot().figure_ is not figure


def test_the_similarity_of_the_caller_is_not_changed():
    similarity = np.ones((1, 100))
    NeighboursDisplay.from_predictions(similarity, X, [0])
    assert (similarity == 1).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"queries": [100]}, r"queries=\[100\] must be positions among the 100 images"),
        ({"n_neighbors": 100}, "n_neighbors=100 must lie between 1 and the 99 other images"),
        ({"n_neighbors": 0}, "n_neighbors=0 must lie between"),
        ({"labels": Y[:3]}, r"labels has shape \(3,\); there must be one for each of the 100"),
        ({"similarity": np.ones((2, 100))}, r"shape \(2, 100\); it must be \(1, 100\)"),
    ],
)
def test_mistakes_are_named(change, message):
    arguments = {"similarity": np.ones((1, 100)), "X": X, "queries": [0]}
    with pytest.raises(ValueError, match=message):
        NeighboursDisplay.from_predictions(**arguments | change)
