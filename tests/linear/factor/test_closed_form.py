"""Combined loss with labels: leading eigenpairs and minimiser."""

import numpy as np
import pytest
from helpers.assertions import assert_same_subspace
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy.optimize import minimize

from sklearn_contrastive._labels import read_labels
from sklearn_contrastive.linear._covariance.by_class import class_covariances
from sklearn_contrastive.linear._covariance.labelled_rows import LabelledRows
from sklearn_contrastive.linear._covariance.rows import row_covariance
from sklearn_contrastive.linear._covariance.within_class import labelled_scatter
from sklearn_contrastive.linear._factor.closed_form import label_share, supervised_closed_form

EPS = np.finfo(np.float64).eps
ALPHAS = st.sampled_from([0.0, 0.01, 1.0, 30.0, 1e12, np.inf])
READERS = {
    "one pass": labelled_scatter,
    "class by class": class_covariances,
    "rows": lambda X, labels: LabelledRows(row_covariance(X), labels),
}


def drawn(n_features, n_classes, seed, n_samples=80, unit=1.0):
    """Classes in a few directions, uneven noise, half of the samples without a label."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, n_classes, n_samples)
    centres = 2 * rng.normal(size=(n_classes, n_features))
    X = centres[y] + rng.normal(size=(n_samples, n_features)) * rng.uniform(0.3, 3, n_features)
    y[rng.uniform(size=n_samples) < 0.5] = -1
    return unit * (X + 5.0), y


def combined_matrix_by_loops(X, y, alpha):
    """(Delta(Cov)/4 + alpha M_sup) / (1/4 + alpha), pair by pair."""
    C = X - X.mean(axis=0)
    covariance = C.T @ C / (len(C) - 1)
    own = (covariance - np.diag(np.diag(covariance))) / 4
    labelled = np.flatnonzero(y != -1)
    supervised = np.zeros_like(own)
    for i in labelled:
        same = labelled[(y[labelled] == y[i]) & (labelled != i)]
        others = labelled[y[labelled] != y[i]]
        if len(same):
            supervised += np.outer(C[i], C[same].mean(axis=0))
        supervised -= np.outer(C[i], C[others].mean(axis=0))
    supervised = (supervised + supervised.T) / 2 / len(labelled)
    if np.isinf(alpha):
        return supervised
    return (own + alpha * supervised) / (0.25 + alpha)


@given(alpha=st.floats(0, 1e300), more=st.floats(0, 1e6))
def test_label_share_grows_with_alpha_from_0_to_1(alpha, more):
    assert 0.0 <= label_share(alpha) <= label_share(alpha + more) + EPS
    assert label_share(alpha) <= 1.0


def test_label_share_at_extreme_alphas():
    assert label_share(0.0) == 0.0
    assert label_share(0.25) == 0.5
    assert label_share(np.finfo(float).max) == label_share(np.inf) == 1.0


@pytest.mark.parametrize("reader", READERS)
@given(
    n_features=st.integers(2, 30),
    n_classes=st.integers(2, 5),
    alpha=ALPHAS,
    unit=st.sampled_from([1.0, 1e-6, 1e6]),
    seed=SEEDS,
)
def test_eigenpairs_are_those_of_the_matrix_by_loops(
    reader, n_features, n_classes, alpha, unit, seed
):
    X, y = drawn(n_features, n_classes, seed, unit=unit)
    covariance = READERS[reader](X, read_labels(y, len(y), -1))
    n_pairs = min(2, n_features)
    rng = np.random.RandomState(0)
    pairs = supervised_closed_form(covariance, alpha, n_pairs, rng)
    matrix = combined_matrix_by_loops(X, y, alpha)
    values, vectors = np.linalg.eigh(matrix)
    values, vectors = values[::-1], vectors[:, ::-1]
    scale = np.cov(X.T).trace()
    assert_allclose(pairs.values, values[:n_pairs], rtol=0, atol=1e-9 * scale)
    assert_allclose(pairs.vectors.T @ pairs.vectors, np.eye(n_pairs), atol=1e-12)
    residuals = matrix @ pairs.vectors - pairs.vectors * pairs.values
    assert np.linalg.norm(residuals, axis=0).max() <= 1e-6 * scale
    gap = values[n_pairs - 1] - values[n_pairs] if n_pairs < n_features else scale
    # the eigensolver stops at residuals of 1e-7
    assert_same_subspace(pairs.vectors.T, vectors[:, :n_pairs].T, gap, scale, eps=1e-9)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0, np.inf])
@pytest.mark.parametrize("n_pairs", [1, 3, 6])
def test_the_closed_form_minimises_the_combined_loss(alpha, n_pairs):
    X, y = drawn(6, 3, seed=1)
    matrix = combined_matrix_by_loops(X, y, alpha)
    pairs = supervised_closed_form(
        labelled_scatter(X, read_labels(y, len(y), -1)), alpha, n_pairs, np.random.RandomState(0)
    )
    kept = np.maximum(pairs.values, 0.0)
    W = np.sqrt(kept)[:, None] * pairs.vectors.T

    def loss(W):
        """The loss of both kinds of pairs with its penalty, and its gradient."""
        W = W.reshape(n_pairs, 6)
        value = -np.trace(W @ matrix @ W.T) + np.sum((W @ W.T) ** 2) / 2
        return value, (-2 * W @ matrix + 2 * W @ W.T @ W).ravel()

    least, gradient = loss(W)
    assert least == pytest.approx(-np.sum(kept**2) / 2)
    assert np.abs(gradient).max() <= 1e-5 * np.abs(matrix).max()
    # Eckart and Young: minimising the loss is approximating the matrix
    distance = np.sum((matrix - W.T @ W) ** 2) / 2
    assert distance == pytest.approx(least + np.sum(matrix**2) / 2)
    rng = np.random.default_rng(0)
    for _ in range(3):
        found = minimize(loss, rng.normal(size=n_pairs * 6), jac=True, options={"gtol": 1e-9})
        assert found.fun >= least - 1e-8 * abs(least)
        assert found.fun == pytest.approx(least, rel=1e-6)
        found = found.x.reshape(n_pairs, 6)
        assert_allclose(found.T @ found, W.T @ W, atol=1e-3 * np.abs(W.T @ W).max())


@given(n_features=st.integers(2, 12), alpha=ALPHAS, seed=SEEDS)
def test_a_start_does_not_change_the_eigenvalues(n_features, alpha, seed):
    X, y = drawn(n_features, 3, seed)
    covariance = class_covariances(X, read_labels(y, len(y), -1))
    cold, warm = (
        supervised_closed_form(covariance, alpha, 1, np.random.RandomState(0), start)
        for start in (None, np.random.default_rng(seed).normal(size=(n_features, 1)))
    )
    assert_allclose(cold.values, warm.values, atol=1e-9 * np.cov(X.T).trace())
