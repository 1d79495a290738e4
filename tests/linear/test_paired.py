"""PairedContrastive: covariances of pairs, subspaces, symmetries, and use within scikit-learn."""

import pickle
from dataclasses import dataclass
from functools import cached_property
from itertools import product

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import linalg, sparse
from sklearn import config_context
from sklearn.base import clone
from sklearn.covariance import ledoit_wolf
from sklearn.decomposition import PCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, GroupKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import PairedContrastive
from sklearn_contrastive._labels import read_labels
from sklearn_contrastive.exceptions import ComponentsWarning, LabelsWarning
from sklearn_contrastive.linear._covariance.positive_pairs import (
    correlated_directions,
    positive_pair_covariance,
    shared_directions,
)
from sklearn_contrastive.metrics import sin_theta_distance

EPS = np.finfo(np.float64).eps
NORMALIZATIONS = ["none", "whitened"]
each_normalization = pytest.mark.parametrize("normalization", NORMALIZATIONS)
each_shrinkage = pytest.mark.parametrize("shrinkage", [None, 0.1, "auto"])
# in small draws partners may agree along no direction
no_agreement_allowed = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning"
)


@dataclass(frozen=True)
class PairedProblem:
    """Groups of given sizes that share a point each; every feature in a unit of its own."""

    sizes: tuple[int, ...]
    n_features: int
    offset: float
    unit: float
    seed: int

    @cached_property
    def _drawn(self):
        rng = np.random.default_rng(self.seed)
        groups = rng.permutation(np.repeat(np.arange(len(self.sizes)), self.sizes))
        points = 2 * rng.normal(size=(len(self.sizes), self.n_features))
        X = points[groups] + rng.normal(size=(len(groups), self.n_features))
        X = X * rng.uniform(0.5, 2.0, self.n_features)
        return self.unit * (X + self.offset), groups

    @property
    def X(self):
        return self._drawn[0]

    @property
    def groups(self):
        return self._drawn[1]

    @property
    def covariance(self):
        return positive_pair_covariance(self.X, read_labels(self.groups, len(self.groups)))

    @property
    def rounding(self):
        """Rounding error of an entry of the covariances."""
        deviation = np.abs(self.X - self.X.mean(axis=0)).max()
        return 200 * EPS * deviation * (deviation + np.abs(self.X).max())


@st.composite
def paired_problems(draw, min_groups=2, max_groups=8, offsets=(0.0, -30.0, 1e5), max_features=7):
    return PairedProblem(
        sizes=tuple(draw(st.lists(st.integers(2, 5), min_size=min_groups, max_size=max_groups))),
        n_features=draw(st.integers(1, max_features)),
        offset=draw(st.sampled_from(list(offsets))),
        unit=draw(st.sampled_from([1.0, 1e-6, 1e6])),
        seed=draw(SEEDS),
    )


CLEAR = PairedProblem(sizes=(2, 3) * 60, n_features=6, offset=2.0, unit=1.0, seed=0)


def covariances_by_loops(X, groups):
    """S and S+: every sample with itself, and with the mean of its partners."""
    X = np.asarray(X, np.longdouble)
    X = X - X.mean(axis=0)
    covariance = sum(np.outer(x, x) for x in X) / len(X)
    paired = np.zeros_like(covariance)
    for i, x in enumerate(X):
        partners = [j for j in range(len(X)) if groups[j] == groups[i] and j != i]
        for j in partners:
            paired += np.outer(x, X[j]) / len(partners) / len(X)
    return covariance.astype(float), ((paired + paired.T) / 2).astype(float)


# --- covariances and directions ------------------------------------------------------------------


@given(problem=paired_problems(max_features=20))
def test_covariances_agree_with_loops_over_pairs(problem):
    pairs = problem.covariance
    covariance, paired = covariances_by_loops(problem.X, problem.groups)
    basis = np.eye(problem.n_features) if pairs.basis is None else pairs.basis
    assert (pairs.basis is None) == (len(problem.X) >= problem.n_features)
    for found, expected in ((pairs.covariance, covariance), (pairs.pair_covariance, paired)):
        assert_allclose(basis @ found @ basis.T, expected, rtol=0, atol=20 * problem.rounding)
    assert_allclose(
        pairs.mean, problem.X.mean(axis=0), rtol=1e-12, atol=1e-12 * np.abs(problem.X).max()
    )
    assert_allclose(basis.T @ basis, np.eye(basis.shape[1]), atol=1e-12)


@given(problem=paired_problems(max_features=20))
def test_pair_correlations_lie_between_minus_1_and_1(problem):
    covariance, paired = covariances_by_loops(problem.X, problem.groups)
    # Cauchy and Schwarz: -S <= S+ <= S
    for bound in (covariance - paired, covariance + paired):
        assert np.linalg.eigvalsh(bound).min() >= -problem.n_features * problem.rounding
    values, _ = correlated_directions(problem.covariance, 0.0)
    assert np.all(np.abs(values) <= 1 + 1e-6)


@given(problem=paired_problems(max_features=20))
def test_shared_directions_are_eigenvectors_of_the_pair_covariance(problem):
    pairs = problem.covariance
    values, directions = shared_directions(pairs)
    directions = pairs.in_features(directions)
    _, paired = covariances_by_loops(problem.X, problem.groups)
    assert np.all(np.diff(values) <= 0)
    assert_allclose(paired @ directions, directions * values, rtol=0, atol=100 * problem.rounding)


@given(
    problem=paired_problems(min_groups=10, max_groups=20),
    shrinkage=st.sampled_from([0.0, 0.1, 1.0]),
)
def test_correlated_directions_agree_with_scipy(problem, shrinkage):
    covariance, paired = covariances_by_loops(problem.X, problem.groups)
    d = problem.n_features
    shrunk = (1 - shrinkage) * covariance + shrinkage * np.trace(covariance) / d * np.eye(d)
    values, directions = correlated_directions(problem.covariance, shrinkage)
    expected = linalg.eigh(paired, shrunk, eigvals_only=True)[::-1]
    assert_allclose(values, expected, rtol=0, atol=1e-6)
    assert_allclose(directions.T @ shrunk @ directions, np.eye(d), atol=1e-6)
    residuals = paired @ directions - shrunk @ directions * values
    size = np.sqrt(np.abs(shrunk).max())
    assert np.abs(residuals).max() <= 1e-6 * size


# --- the estimator -------------------------------------------------------------------------------


@no_agreement_allowed
@given(problem=paired_problems(max_features=20))
def test_without_normalization_components_are_orthonormal(problem):
    model = PairedContrastive().fit(problem.X, groups=problem.groups)
    assert_allclose(model.components_ @ model.components_.T, np.eye(model.n_components_), atol=1e-9)
    _, paired = covariances_by_loops(problem.X, problem.groups)
    variances = np.diag(model.components_ @ paired @ model.components_.T)
    assert_allclose(model.eigenvalues_, variances, rtol=0, atol=100 * problem.rounding)
    assert np.all(model.eigenvalues_ > 0)


@no_agreement_allowed
@given(problem=paired_problems(max_features=20))
def test_whitened_scores_are_uncorrelated_and_of_unit_variance(problem):
    model = PairedContrastive(normalization="whitened").fit(problem.X, groups=problem.groups)
    k = model.n_components_
    scores = model.transform(problem.X)
    centred = scores - scores.mean(axis=0)
    assert_allclose(centred.T @ centred / (len(centred) - 1), np.eye(k), atol=1e-5)
    assert_allclose(model.explained_variance_, np.ones(k), atol=1e-5)
    assert_allclose(model.pair_correlation_, model.eigenvalues_, atol=1e-5)
    assert np.all(model.eigenvalues_ <= 1 + 1e-6)
    # bounded by unit variance, and zero along directions without variance
    centred = problem.X - problem.X.mean(axis=0)
    singular_values = np.linalg.svd(centred, compute_uv=False)
    smallest = singular_values[min(len(centred) - 1, problem.n_features) - 1] / np.sqrt(
        len(centred)
    )
    assert np.abs(model.components_).max(initial=0.0) <= 2 / smallest


@no_agreement_allowed
@given(
    problem=paired_problems(max_features=20),
    normalization=st.sampled_from(NORMALIZATIONS),
    shrinkage=st.sampled_from([None, 0.1, "auto"]),
)
def test_attributes_agree_with_their_definitions(problem, normalization, shrinkage):
    model = PairedContrastive(normalization=normalization, shrinkage=shrinkage)
    model.fit(problem.X, groups=problem.groups)
    scores = model.transform(problem.X)
    assert scores.shape == (len(problem.X), model.n_components_)
    assert type(model.n_components_) is int
    assert model.n_samples_ == len(problem.X)
    assert np.all(np.diff(model.eigenvalues_) <= 0)
    variances = scores.var(axis=0, ddof=1)
    assert_allclose(model.explained_variance_, variances, rtol=1e-5)
    _, paired = covariances_by_loops(scores, problem.groups)
    correlation = np.diag(paired) / scores.var(axis=0)
    assert_allclose(model.pair_correlation_, correlation, atol=1e-5)
    largest = np.argmax(np.abs(model.components_), axis=1)
    assert np.all(model.components_[np.arange(len(largest)), largest] > 0)
    # regression of the features on the scores
    centred = scores - scores.mean(axis=0)
    loadings = np.linalg.lstsq(centred, problem.X - problem.X.mean(axis=0), rcond=None)[0].T
    assert_allclose(
        model.loadings_, loadings, rtol=1e-4, atol=1e-4 * np.abs(loadings).max(initial=0.0)
    )


@given(
    problem=paired_problems(min_groups=4, max_features=20),
    normalization=st.sampled_from(NORMALIZATIONS),
    shrinkage=st.sampled_from([None, 0.1, "auto"]),
)
@no_agreement_allowed
def test_transform_inverts_inverse_transform(problem, normalization, shrinkage):
    model = PairedContrastive(normalization=normalization, shrinkage=shrinkage)
    model.fit(problem.X, groups=problem.groups)
    scores = model.transform(problem.X)
    again = model.transform(model.inverse_transform(scores))
    size = np.abs(scores).max(initial=0.0)
    digits = np.abs(problem.X).max() / problem.X.std(axis=0).min()
    assert_allclose(again, scores, rtol=0, atol=1e-8 * size * max(1, digits / 1e4))


def test_full_shrinkage_is_no_normalization():
    whitened = PairedContrastive(3, normalization="whitened", shrinkage=1)
    whitened.fit(CLEAR.X, groups=CLEAR.groups)
    plain = PairedContrastive(3).fit(CLEAR.X, groups=CLEAR.groups)
    rows = whitened.components_ / np.linalg.norm(whitened.components_, axis=1, keepdims=True)
    assert_allclose(rows, plain.components_, atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_automatic_shrinkage_is_that_of_ledoit_and_wolf(dtype):
    X, groups = (CLEAR.X + 100).astype(dtype)[:60], np.arange(60) // 2
    auto = PairedContrastive(2, normalization="whitened", shrinkage="auto").fit(X, groups=groups)
    share = ledoit_wolf(X.astype(float))[1]
    assert 0 < share < 1
    fixed = PairedContrastive(2, normalization="whitened", shrinkage=share).fit(X, groups=groups)
    assert_allclose(auto.components_, fixed.components_, rtol=1e-3, atol=1e-4)


# --- subspaces -----------------------------------------------------------------------------------


@given(
    n_features=st.integers(2, 5),
    n_samples=st.integers(6, 12),
    n_components=st.integers(1, 2),
    unit=st.sampled_from([1.0, 1e3]),
    seed=SEEDS,
)
def test_pairs_of_all_complementary_masks_give_pca_of_the_correlation_matrix(
    n_features, n_samples, n_components, unit, seed
):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_samples, n_features)) @ rng.normal(size=(n_features, n_features))
    X = (X - X.mean(axis=0)) * np.geomspace(1, unit, n_features)
    masks = np.array(list(product([0, 1], repeat=n_features)))
    views = np.stack([X[:, None] * masks, X[:, None] * (1 - masks)], axis=2)
    groups = np.repeat(np.arange(n_samples * len(masks)), 2)
    model = PairedContrastive(normalization="whitened")
    model.fit(views.reshape(-1, n_features), groups=groups)
    correlation, axes = np.linalg.eigh(np.corrcoef(X.T))
    correlation, axes = correlation[::-1], axes[:, ::-1]
    # mu = (1 + lambda) / (1 - lambda): as many positive lambda as mu above 1
    n_found = int(np.sum(correlation > 1 + 1e-9))
    assert model.n_components_ == n_found
    values = model.eigenvalues_
    assert_allclose((1 + values) / (1 - values), correlation[:n_found], rtol=1e-8)
    n_components = min(n_components, n_found)
    gap = correlation[n_components - 1] - correlation[n_components]
    # components are filters D^(-1/2) u of features in their own units
    filters = model.components_[:n_components] * X.std(axis=0)
    filters = np.linalg.qr(filters.T)[0].T
    assert sin_theta_distance(filters, axes[:, :n_components].T) <= 1e-10 / gap
    # and so are the scores of standardised samples under PCA, up to the scale of each
    scores = PCA().fit_transform(X / X.std(axis=0))[:, :n_components]
    found = model.transform(X)[:, :n_components]
    projected = scores @ np.linalg.lstsq(scores, found - found.mean(axis=0), rcond=None)[0]
    assert_allclose(projected, found - found.mean(axis=0), atol=1e-8 / gap)


def mixture(n_samples, seed):
    """Three components of one uneven covariance, in six dimensions."""
    rng = np.random.default_rng(seed)
    centres = np.array([[2.0, 0, 0, 0, 0, 0], [0, 2.0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]])
    y = np.arange(n_samples) % 3
    root = rng.normal(size=(6, 6)) + 0.5 * np.eye(6)
    root *= np.linspace(0.3, 2.0, 6)
    return centres[y] + rng.normal(size=(n_samples, 6)) @ root, y


@pytest.mark.parametrize("seed", range(3))
def test_classes_as_groups_give_fishers_subspace(seed):
    X, y = mixture(3000, seed)
    # of a class of m samples, S+ lacks the pairs of a sample with itself: a term of order 1/m
    found = PairedContrastive(2, normalization="whitened").fit(X, y).components_
    fisher = LinearDiscriminantAnalysis(solver="eigen").fit(X, y).scalings_[:, :2]
    orthonormal = [np.linalg.qr(rows.T)[0].T for rows in (found, fisher.T)]
    assert sin_theta_distance(*orthonormal) < 0.02


def error_of_pairs_of_one_component(n_samples, seed):
    """Sine error to Fisher's subspace where pairs are two samples of one component."""
    X, y = mixture(n_samples, seed)
    groups = np.empty(n_samples, int)
    for component in range(3):
        rows = np.flatnonzero(y == component)
        groups[rows] = 3 * (np.arange(len(rows)) // 2) + component
    model = PairedContrastive(2, normalization="whitened").fit(X, groups=groups)
    fisher = LinearDiscriminantAnalysis(solver="eigen").fit(X, y).scalings_[:, :2]
    return sin_theta_distance(*(np.linalg.qr(m.T)[0].T for m in (model.components_, fisher.T)))


def test_pairs_within_one_component_converge_to_fishers_subspace():
    few, many = (
        np.mean([error_of_pairs_of_one_component(n_samples, seed) for seed in range(6)])
        for n_samples in (1500, 24000)
    )
    assert few < 0.1
    # a quarter is expected of 16 times as many samples; the mean of six draws is known to a third
    assert many < 0.5 * few


# sine error to U of PCA, and of pairs without and with whitening (its loadings): mean and standard
# error of 10 draws
EARLIER_ERRORS = {
    0.5: ((0.172, 0.006), (0.155, 0.005), (0.156, 0.005)),
    1.0: ((1.368, 0.022), (0.182, 0.009), (0.181, 0.009)),
    3.0: ((1.732, 0.0005), (0.434, 0.035), (0.346, 0.025)),
    10.0: ((1.732, 0.0005), (1.415, 0.046), (0.869, 0.049)),
}
EARLIER_FILTERS = {
    0.5: (0.440, 0.009),
    1.0: (0.433, 0.009),
    3.0: (0.428, 0.009),
    10.0: (0.427, 0.009),
}


def pairs_with_background(background, seed, n_pairs=1000):
    """Pairs x = U z + s_b B b + e that share z alone, d = 50, r = 3, B of rank 5 beside U."""
    rng = np.random.default_rng(seed)
    U, B = np.split(np.linalg.qr(rng.normal(size=(50, 8)))[0], [3], axis=1)
    shared = np.repeat(rng.normal(size=(n_pairs, 3)), 2, axis=0)
    n = 2 * n_pairs
    X = shared @ U.T + background * rng.normal(size=(n, 5)) @ B.T + 0.5 * rng.normal(size=(n, 50))
    return X, np.repeat(np.arange(n_pairs), 2), U.T


@pytest.mark.parametrize("background", EARLIER_ERRORS)
def test_errors_under_a_background_agree_with_earlier_draws(background):
    n_draws = 10
    errors = np.empty((n_draws, 4))
    for draw in range(n_draws):
        X, groups, truth = pairs_with_background(background, draw)
        plain = PairedContrastive(3).fit(X, groups=groups)
        whitened = PairedContrastive(3, normalization="whitened").fit(X, groups=groups)
        spans = (
            PCA(3).fit(X).components_,
            plain.components_,
            np.linalg.qr(whitened.loadings_)[0].T,
            np.linalg.qr(whitened.components_.T)[0].T,
        )
        errors[draw] = [sin_theta_distance(span, truth) for span in spans]
    earlier = np.array([*EARLIER_ERRORS[background], EARLIER_FILTERS[background]])
    own = errors.std(axis=0, ddof=1) / np.sqrt(n_draws)
    allowed = 4 * np.hypot(earlier[:, 1], own) + 0.0005  # the figures are rounded
    assert np.all(np.abs(errors.mean(axis=0) - earlier[:, 0]) <= allowed)


# --- symmetries ----------------------------------------------------------------------------------


@given(
    problem=paired_problems(min_groups=10, max_groups=20, offsets=(0.0, 5.0)),
    ratio=st.sampled_from([1.0, 1e4, 1e8]),
)
@no_agreement_allowed
def test_whitened_pair_correlations_do_not_depend_on_units(problem, ratio):
    units = np.random.default_rng(problem.seed).permutation(
        np.geomspace(1, ratio, problem.n_features)
    )
    model = PairedContrastive(normalization="whitened")
    plain = clone(model).fit(problem.X, groups=problem.groups)
    scaled = clone(model).fit(problem.X * units, groups=problem.groups)
    assert_allclose(scaled.eigenvalues_, plain.eigenvalues_, rtol=0, atol=1e-9)
    scores, expected = scaled.transform(problem.X * units), plain.transform(problem.X)
    assert_allclose(np.abs(scores), np.abs(expected), atol=1e-4)


@given(problem=paired_problems(max_features=12), normalization=st.sampled_from(NORMALIZATIONS))
@no_agreement_allowed
def test_order_of_rows_and_names_of_groups_do_not_change_the_fit(problem, normalization):
    model = PairedContrastive(normalization=normalization)
    order = np.random.default_rng(problem.seed).permutation(len(problem.X))
    names = np.array([f"subject {group}" for group in problem.groups])
    expected = clone(model).fit(problem.X, groups=problem.groups)
    found = clone(model).fit(problem.X[order], groups=names[order])
    scale = np.abs(expected.eigenvalues_).max(initial=0.0)
    assert found.n_components_ == expected.n_components_
    assert_allclose(found.eigenvalues_, expected.eigenvalues_, rtol=0, atol=1e-6 * scale)
    # where eigenvalues are equal only the span is defined
    rows = [np.linalg.qr(m.components_.T)[0].T for m in (found, expected)]
    assert_allclose(rows[0].T @ rows[0], rows[1].T @ rows[1], atol=1e-4)


@each_normalization
def test_order_signs_and_unit_of_features_carry_over_to_the_model(normalization):
    order = np.random.default_rng(0).permutation(6)
    signs = np.array([1.0, -1, -1, 1, -1, 1])
    model = PairedContrastive(2, normalization=normalization)
    expected = clone(model).fit(CLEAR.X, groups=CLEAR.groups)
    found = clone(model).fit(1e3 * (CLEAR.X * signs)[:, order], groups=CLEAR.groups)
    expected_rows = (expected.components_ * signs)[:, order]
    expected_rows = expected_rows if normalization == "none" else expected_rows / 1e3
    flips = np.sign(np.sum(found.components_ * expected_rows, axis=1))[:, None]
    assert_allclose(found.components_ * flips, expected_rows, rtol=1e-9, atol=1e-12)


# --- groups --------------------------------------------------------------------------------------


@each_normalization
def test_y_serves_as_groups_unless_groups_are_given(normalization):
    model = PairedContrastive(2, normalization=normalization)
    expected = clone(model).fit(CLEAR.X, groups=CLEAR.groups).components_
    assert_array_equal(clone(model).fit(CLEAR.X, CLEAR.groups).components_, expected)
    other = np.arange(len(CLEAR.X)) % 3
    both = clone(model).fit(CLEAR.X, other, groups=CLEAR.groups)
    assert_array_equal(both.components_, expected)
    frame = pd.Series(CLEAR.groups).astype("category")
    assert_array_equal(clone(model).fit(CLEAR.X, groups=frame).components_, expected)


@each_normalization
@each_shrinkage
def test_unlabelled_samples_are_left_out(normalization, shrinkage):
    model = PairedContrastive(2, normalization=normalization, shrinkage=shrinkage)
    kept = CLEAR.groups % 5 != 0
    y = np.where(kept, CLEAR.groups, -1)
    found = clone(model).fit(CLEAR.X, y)
    expected = clone(model).fit(CLEAR.X[kept], CLEAR.groups[kept])
    assert found.n_samples_ == kept.sum()
    for name in ("components_", "loadings_", "eigenvalues_", "mean_", "explained_variance_"):
        assert_allclose(getattr(found, name), getattr(expected, name), rtol=1e-9, atol=1e-12)
    # in groups every value is one
    assert clone(model).fit(CLEAR.X, groups=y).n_samples_ == len(y)


@each_normalization
@pytest.mark.parametrize("as_groups", [True, False])
def test_samples_without_a_partner_are_left_out_with_a_warning(normalization, as_groups):
    rng = np.random.default_rng(0)
    X = np.vstack([CLEAR.X, 100 * rng.normal(size=(3, 6))])
    groups = np.r_[CLEAR.groups, [1000, 1001, 1002]]
    model = PairedContrastive(2, normalization=normalization)
    given_as = {"groups": groups} if as_groups else {"y": groups}
    with pytest.warns(LabelsWarning, match="3 of 303 samples are alone in their group") as warned:
        found = clone(model).fit(X, **given_as)
    assert [warning.filename for warning in warned] == [__file__]
    expected = clone(model).fit(CLEAR.X, groups=CLEAR.groups)
    assert found.n_samples_ == 300
    assert_allclose(found.components_, expected.components_, rtol=1e-9, atol=1e-12)
    assert_allclose(found.mean_, expected.mean_)


INVALID = {
    "no pair": ({"groups": np.arange(300)}, "No two of the 300 samples are in one group"),
    "no label": ({"y": np.full(300, -1)}, "No two of the 300 samples"),
    "neither": ({}, "Pass groups=..., one label per sample, or y"),
    "short": ({"groups": np.arange(299) // 2}, "groups has 299 labels but X has 300"),
    "continuous": ({"groups": np.repeat(np.linspace(0, 1, 150), 2)}, "groups is continuous"),
    "two columns": ({"groups": np.c_[CLEAR.groups, CLEAR.groups]}, r"shape \(300, 2\)"),
    "ambiguous": ({"y": np.where(CLEAR.groups % 2, 1, -1)}, "-1 and 1.*Pass groups=y if -1 is"),
    "mixed": ({"groups": [0, "a"] * 150}, "groups holds labels of type int, str"),
}


@pytest.mark.parametrize("name", INVALID)
def test_invalid_groups_are_refused_and_the_earlier_fit_stays(name):
    arguments, message = INVALID[name]
    frame = pd.DataFrame(CLEAR.X[:, :4], columns=list("abcd"))
    model = PairedContrastive(2).fit(frame, groups=CLEAR.groups)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match=message):
        model.fit(CLEAR.X, **arguments)
    assert pickle.dumps(model) == before
    fresh = PairedContrastive(2)
    with pytest.raises(ValueError, match=message):
        fresh.fit(CLEAR.X, **arguments)
    with pytest.raises(NotFittedError):
        fresh.transform(CLEAR.X)
    assert [name for name in vars(fresh) if name.endswith("_")] == []


# --- few or degenerate samples -------------------------------------------------------------------


@no_agreement_allowed
@given(
    sizes=st.lists(st.integers(2, 4), min_size=1, max_size=4),
    n_features=st.integers(1, 15),
    normalization=st.sampled_from(NORMALIZATIONS),
    shrinkage=st.sampled_from([None, 0.1, "auto", 1.0]),
    offset=st.sampled_from([0.0, 1e6]),
    seed=SEEDS,
)
def test_the_smallest_samples_can_be_fitted(
    sizes, n_features, normalization, shrinkage, offset, seed
):
    problem = PairedProblem(tuple(sizes), n_features, offset, 1.0, seed)
    model = PairedContrastive(normalization=normalization, shrinkage=shrinkage)
    model.fit(problem.X, groups=problem.groups)
    assert model.n_components_ <= min(len(problem.X) - 1, n_features)
    for name, value in vars(model).items():
        if isinstance(value, np.ndarray):
            assert np.all(np.isfinite(value)), name
    scores = model.transform(problem.X)
    assert np.abs(scores).max(initial=0.0) < 1e3
    assert model.inverse_transform(scores).shape == problem.X.shape


@each_normalization
@each_shrinkage
@pytest.mark.parametrize("constant", [0.0, 0.1, 100 / 3, 1e8 / 3])
@pytest.mark.parametrize("size", [2, 3])
def test_constant_columns_have_no_effect(normalization, shrinkage, constant, size):
    problem = PairedProblem((size,) * 30, 4, 1.0, 1.0, 0)
    wide = np.insert(problem.X, 2, constant, axis=1)
    model = PairedContrastive(3, normalization=normalization, shrinkage=shrinkage)
    found = clone(model).fit(wide, groups=problem.groups)
    assert_allclose(found.components_[:, 2], 0.0, atol=1e-12)
    if shrinkage is None:  # otherwise the target of shrinkage has one more feature
        expected = clone(model).fit(problem.X, groups=problem.groups)
        assert_allclose(np.delete(found.components_, 2, axis=1), expected.components_, atol=1e-9)
        assert_allclose(found.eigenvalues_, expected.eigenvalues_)


@each_normalization
@each_shrinkage
@pytest.mark.parametrize("n_features", [2, 9])
def test_constant_samples_have_no_component(normalization, shrinkage, n_features):
    model = PairedContrastive(normalization=normalization, shrinkage=shrinkage)
    X = np.full((6, n_features), 0.1)
    with pytest.warns(ComponentsWarning, match="agree along no direction"):
        model.fit(X, groups=[0, 0, 0, 1, 1, 1])
    assert model.transform(X).shape == (6, 0)
    assert_allclose(model.inverse_transform(model.transform(X)), X)


@each_normalization
def test_partners_of_opposite_sign_have_no_component(normalization):
    model = PairedContrastive(normalization=normalization)
    with pytest.warns(ComponentsWarning, match="agree along no direction"):
        model.fit([[1.0], [-1.0], [2.0], [-2.0]], groups=[0, 0, 1, 1])
    assert model.n_components_ == 0


@each_normalization
def test_directions_of_negative_pair_covariance_are_dropped_with_a_warning(normalization):
    rng = np.random.default_rng(0)
    half = rng.normal(size=(50, 4))
    X = np.stack([half, half * [1.0, 1.0, -1.0, -1.0]], axis=1).reshape(100, 4)
    model = PairedContrastive(4, normalization=normalization)
    with pytest.warns(
        ComponentsWarning, match=r"agree along 2 of 4 components.*at most 2, or None"
    ):
        model.fit(X, groups=np.arange(100) // 2)
    assert model.n_components_ == 2


def test_collinear_features_share_one_direction():
    X = np.c_[CLEAR.X[:, :3], 1e6 * CLEAR.X[:, 0], CLEAR.X[:, 1] + CLEAR.X[:, 2]]
    model = PairedContrastive(normalization="whitened").fit(X, groups=CLEAR.groups)
    plain = PairedContrastive(normalization="whitened").fit(X[:, :3], groups=CLEAR.groups)
    assert model.n_components_ == 3
    assert_allclose(model.eigenvalues_, plain.eigenvalues_, rtol=1e-6)
    scores, expected = model.transform(X), plain.transform(X[:, :3])
    assert_allclose(np.abs(scores), np.abs(expected), atol=1e-4)


def test_with_fewer_samples_than_features_partners_agree_by_chance_and_shrinkage_helps():
    rng = np.random.default_rng(1)
    X, groups, truth = pairs_with_background(3.0, 0, n_pairs=20)
    unshrunk = PairedContrastive(normalization="whitened").fit(X, groups=groups)
    assert_allclose(unshrunk.eigenvalues_[:3], 1.0, atol=1e-6)  # perfectly
    shrunk = PairedContrastive(3, normalization="whitened", shrinkage="auto").fit(X, groups=groups)
    random = np.linalg.qr(rng.normal(size=(50, 3)))[0].T
    found = np.linalg.qr(shrunk.loadings_)[0].T
    assert sin_theta_distance(found, truth) < 0.9 * sin_theta_distance(random, truth)


def test_more_components_than_samples_or_features_are_refused():
    with pytest.raises(ValueError, match=r"n_components=7 must be between 1 and .*=6"):
        PairedContrastive(7).fit(CLEAR.X, groups=CLEAR.groups)
    with (
        pytest.raises(ValueError, match=r"n_components=4 must be between 1 and .*=2"),
        pytest.warns(LabelsWarning),
    ):
        PairedContrastive(4).fit(CLEAR.X[:20], groups=np.r_[0, 0, 2:20])


@each_normalization
@pytest.mark.parametrize("offset", [0.0, 1e3, 1e4])
def test_float32_samples_lose_only_float32_rounding(normalization, offset):
    X = (CLEAR.X + offset).astype(np.float32)
    model = PairedContrastive(2, normalization=normalization).fit(X, groups=CLEAR.groups)
    expected = PairedContrastive(2, normalization=normalization)
    expected.fit(X.astype(float), groups=CLEAR.groups)
    for name in ("components_", "loadings_", "eigenvalues_", "pair_correlation_"):
        assert getattr(model, name).dtype == np.float32
        assert_allclose(getattr(model, name), getattr(expected, name), rtol=1e-4, atol=1e-5)
    scores = model.transform(X)
    assert scores.dtype == np.float32
    assert model.inverse_transform(scores).dtype == np.float32
    assert_allclose(scores, expected.transform(X.astype(float)), atol=1e-4)


def test_an_offset_of_1e6_costs_only_the_rounding_of_the_samples():
    for X, groups in ((CLEAR.X, CLEAR.groups), (CLEAR.X[:4], [0, 0, 1, 1])):
        for normalization in NORMALIZATIONS:
            model = PairedContrastive(1, normalization=normalization)
            plain, shifted = (clone(model).fit(X + o, groups=groups) for o in (0.0, 1e6))
            assert_allclose(shifted.eigenvalues_, plain.eigenvalues_, rtol=1e-6)
            assert_allclose(shifted.explained_variance_, plain.explained_variance_, rtol=1e-6)


def test_sparse_and_missing_samples_are_refused():
    with pytest.raises(TypeError, match=r"[Ss]parse"):
        PairedContrastive().fit(sparse.csr_array(CLEAR.X), groups=CLEAR.groups)
    with pytest.raises(ValueError, match="NaN"):
        PairedContrastive().fit(np.where(CLEAR.X > 5, np.nan, CLEAR.X), groups=CLEAR.groups)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("n_components", 0),
        ("n_components", 0.5),
        ("n_components", "auto"),
        ("normalization", "zca"),
        ("shrinkage", -0.1),
        ("shrinkage", 1.1),
        ("shrinkage", "oas"),
    ],
)
def test_invalid_parameters_are_refused_by_name(parameter, value):
    with pytest.raises(ValueError, match=f"'{parameter}' parameter"):
        PairedContrastive(**{parameter: value}).fit(CLEAR.X, groups=CLEAR.groups)


# --- within scikit-learn -------------------------------------------------------------------------


def test_a_pipeline_passes_groups_without_and_with_routing():
    expected = PairedContrastive(2).fit(CLEAR.X - CLEAR.X.mean(axis=0), groups=CLEAR.groups)
    model = make_pipeline(StandardScaler(with_std=False), PairedContrastive(2))
    by_name = clone(model).fit(CLEAR.X, pairedcontrastive__groups=CLEAR.groups)
    assert_allclose(by_name[-1].components_, expected.components_, atol=1e-10)
    with config_context(enable_metadata_routing=True):
        routed = clone(model).fit(CLEAR.X, groups=CLEAR.groups)
        scores = clone(model).fit_transform(CLEAR.X, groups=CLEAR.groups)
        assert clone(model).get_metadata_routing().consumes("fit", ["groups"]) == {"groups"}
    assert_array_equal(routed[-1].components_, by_name[-1].components_)
    assert_allclose(scores, by_name.transform(CLEAR.X))


def test_a_grid_search_passes_groups_to_the_estimator_and_to_the_split():
    y = np.digitize(CLEAR.X[:, 0], np.quantile(CLEAR.X[:, 0], [0.5]))
    model = make_pipeline(PairedContrastive(), LogisticRegression())
    grid = {
        "pairedcontrastive__n_components": [1, 4],
        "pairedcontrastive__normalization": NORMALIZATIONS,
    }
    with config_context(enable_metadata_routing=True):
        search = GridSearchCV(model, grid, cv=GroupKFold(3), n_jobs=1)
        search.fit(CLEAR.X, y, groups=CLEAR.groups)
    assert search.best_params_["pairedcontrastive__n_components"] == 4
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    splits = list(GroupKFold(3).split(CLEAR.X, y, CLEAR.groups))
    plain = GridSearchCV(model, grid, cv=splits, n_jobs=2)
    plain.fit(CLEAR.X, y, pairedcontrastive__groups=CLEAR.groups)
    assert plain.best_score_ > 0.8


def test_fit_transform_takes_groups():
    scores = PairedContrastive(2).fit_transform(CLEAR.X, groups=CLEAR.groups)
    expected = PairedContrastive(2).fit(CLEAR.X, CLEAR.groups).transform(CLEAR.X)
    assert_allclose(scores, expected)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_names_the_columns(container):
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[container]
    X = frame({f"f{i}": column for i, column in enumerate(CLEAR.X.T)})
    model = PairedContrastive(2).set_output(transform=container).fit(X, groups=CLEAR.groups)
    out = model.transform(X)
    assert isinstance(out, frame)
    assert list(out.columns) == ["pairedcontrastive0", "pairedcontrastive1"]
    assert list(model.feature_names_in_) == [f"f{i}" for i in range(6)]


def test_clone_keeps_the_parameters_and_pickle_and_joblib_the_fit(tmp_path):
    model = PairedContrastive(2, normalization="whitened", shrinkage=0.1)
    model.fit(CLEAR.X, groups=CLEAR.groups)
    copy = clone(model)
    assert not hasattr(copy, "components_")
    assert copy.get_params() == model.get_params()
    joblib.dump(model, tmp_path / "model")
    for copy in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model")):
        assert_array_equal(copy.transform(CLEAR.X), model.transform(CLEAR.X))


@pytest.mark.parametrize("method", ["transform", "inverse_transform"])
def test_methods_refuse_a_missing_fit_and_other_columns(method):
    with pytest.raises(NotFittedError):
        getattr(PairedContrastive(2), method)(CLEAR.X)
    model = PairedContrastive(2).fit(CLEAR.X, groups=CLEAR.groups)
    with pytest.raises(ValueError, match=r"X has 3 (features|columns)"):
        getattr(model, method)(CLEAR.X[:, :3])


@each_normalization
def test_a_fit_does_not_change_parameters_or_samples(normalization):
    X, groups = CLEAR.X.copy(), CLEAR.groups.copy()
    X.flags.writeable = groups.flags.writeable = False
    model = PairedContrastive(2, normalization=normalization)
    before = model.get_params()
    assert model.fit(X, groups=groups) is model
    assert model.get_params() == before
    assert_array_equal(X, CLEAR.X)
