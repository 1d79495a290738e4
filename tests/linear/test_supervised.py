"""SupervisedLinearContrastive: formulas, symmetries, and use within scikit-learn."""

import pickle
from dataclasses import dataclass
from functools import cached_property, partial

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers.assertions import fitted_attributes
from helpers.callbacks import recording_callback
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive.exceptions import LabelsWarning
from sklearn_contrastive.linear import _labelled_estimator
from sklearn_contrastive.linear._covariance.read import labelled_covariance_of
from sklearn_contrastive.metrics import sin_theta_distance

# the eigensolver stops at residuals of 1e-7 of the eigenvalues
SAME = 1e-6
SOLVERS = st.sampled_from(["gram", "operator"])
NUMBERS = [0.0, 0.1, 1.0, 100.0]
ALPHAS = st.sampled_from([*NUMBERS, "auto"])
each_solver = pytest.mark.parametrize("solver", ["gram", "operator"])
each_alpha = pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0, np.inf])
# K class centres in K - 1 orthogonal directions
N_CLASSES = 4


@dataclass(frozen=True)
class ClearProblem:
    """Samples of clear classes, along directions of different variance."""

    n_samples: int
    n_features: int
    labelled: float
    offset: float
    seed: int

    @cached_property
    def _drawn(self):
        rng = np.random.default_rng(self.seed)
        classes = rng.permutation(np.arange(self.n_samples) % N_CLASSES)
        simplex = np.linalg.svd(np.eye(N_CLASSES) - 1 / N_CLASSES)[0][:, : N_CLASSES - 1]
        block = self.n_features // (N_CLASSES - 1)
        rows = np.kron(np.eye(N_CLASSES - 1), np.ones(block) / np.sqrt(block))
        rows = np.pad(rows, ((0, 0), (0, self.n_features - rows.shape[1])))
        scores = simplex[classes] * np.sqrt(N_CLASSES) * [9.0, 6.5, 4.0]
        noise = rng.normal(size=(self.n_samples, self.n_features))
        X = scores @ rows + noise * rng.uniform(0.5, 1.5, self.n_features) + self.offset
        y = np.where(rng.uniform(size=self.n_samples) < self.labelled, classes, -1)
        y[:: self.n_samples // 20] = classes[:: self.n_samples // 20]
        return X, y, classes

    @property
    def X(self):
        return self._drawn[0]

    @property
    def y(self):
        return self._drawn[1]

    @property
    def classes(self):
        """The classes of all samples, the unlabelled too."""
        return self._drawn[2]

    def model(self, n_components=3, **options):
        # to more digits than the samples determine, so that fits can be compared
        options = {"tol": 1e-4, "max_iter": 1000} | options
        return SupervisedLinearContrastive(n_components, random_state=0, **options)

    def fitted(self, **options):
        return self.model(**options).fit(self.X, self.y)


@st.composite
def clear_problems(draw):
    return ClearProblem(
        n_samples=draw(st.integers(150, 400)),
        n_features=draw(st.integers(12, 24)),
        labelled=draw(st.sampled_from([0.1, 0.5, 1.0])),
        offset=draw(st.sampled_from([0.0, 2.0, -1e4])),
        seed=draw(SEEDS),
    )


CLEAR = ClearProblem(n_samples=300, n_features=15, labelled=0.3, offset=2.0, seed=0)


def projector(model):
    return model.components_.T @ model.components_


def assert_same_model(model, other, tol=SAME):
    """Assert that two fits agree up to rounding and the eigensolver's tolerance."""
    assert model.n_components_ == other.n_components_
    assert model.n_samples_ == other.n_samples_
    assert getattr(model, "alpha_", None) == getattr(other, "alpha_", None)
    assert_array_equal(model.classes_, other.classes_)
    size = np.sqrt(np.max(np.diag(other.get_covariance())))
    assert_allclose(projector(model), projector(other), rtol=0, atol=100 * tol)
    assert_allclose(model.mean_, other.mean_, rtol=1e-12, atol=10 * tol * size)
    for name in ("eigenvalues_", "common_variance_", "explained_variance_", "singular_values_"):
        assert_allclose(getattr(model, name), getattr(other, name), rtol=1000 * tol)
    assert_allclose(
        model.get_covariance(), other.get_covariance(), rtol=0, atol=100 * tol * size**2
    )


# --- between no labels and labels alone ----------------------------------------------------------


@pytest.mark.parametrize("n_components", [1, 3, "auto"])
@pytest.mark.parametrize("options", [{}, {"whiten": True}, {"noise_weighted": False}])
@each_solver
def test_alpha_0_gives_the_closed_form_without_labels(n_components, options, solver):
    options = {"solver": solver, "random_state": 0, **options}
    supervised = SupervisedLinearContrastive(n_components, alpha=0.0, **options)
    supervised.fit(CLEAR.X, CLEAR.y)
    plain = LinearContrastive(n_components, max_iter=0, **options).fit(CLEAR.X)
    state, expected = fitted_attributes(supervised), fitted_attributes(plain)
    assert state.pop("alpha_") == 0.0
    assert_array_equal(state.pop("classes_"), np.arange(N_CLASSES))
    assert state.keys() == expected.keys()
    for name, value in expected.items():
        assert_allclose(state[name], value, rtol=1e-7, atol=1e-7, err_msg=name)
    assert_allclose(supervised.transform(CLEAR.X), plain.transform(CLEAR.X), atol=1e-5)
    assert supervised.score(CLEAR.X) == pytest.approx(plain.score(CLEAR.X))


@given(problem=clear_problems(), y=st.sampled_from(["none", "marks"]), solver=SOLVERS)
def test_without_labels_every_alpha_gives_the_closed_form(problem, y, solver):
    y = None if y == "none" else np.full(problem.n_samples, -1)
    model = problem.model(solver=solver, alpha=3.0).fit(problem.X, y)
    assert model.alpha_ == 0.0
    assert len(model.classes_) == 0
    plain = LinearContrastive(3, max_iter=0, random_state=0, solver=solver).fit(problem.X)
    assert sin_theta_distance(model.components_, plain.components_) <= 100 * SAME
    assert_allclose(model.eigenvalues_, plain.eigenvalues_, rtol=100 * SAME)


@given(problem=clear_problems(), solver=SOLVERS)
def test_a_large_alpha_agrees_with_labels_alone(problem, solver):
    alone = problem.fitted(alpha=np.inf, solver=solver)
    for alpha in (1e12, 1e308):
        large = problem.fitted(alpha=alpha, solver=solver)
        assert large.n_components_ == N_CLASSES - 1
        assert sin_theta_distance(large.components_, alone.components_) <= 100 * SAME
        assert_allclose(large.eigenvalues_, alone.eigenvalues_, rtol=100 * SAME)
    assert alone.alpha_ == np.inf


@each_solver
@pytest.mark.parametrize("n_components", [4, 9])
def test_labels_alone_give_one_component_fewer_than_classes_with_a_warning(solver, n_components):
    with pytest.warns(LabelsWarning, match=r"4 classes give at most 3 component.*finite alpha"):
        model = CLEAR.fitted(n_components=n_components, alpha=np.inf, solver=solver)
    assert model.n_components_ == 3
    assert_same_model(model, CLEAR.fitted(n_components=3, alpha=np.inf, solver=solver))


@given(problem=clear_problems(), alpha=st.sampled_from(NUMBERS), solver=SOLVERS)
def test_the_subspace_depends_continuously_on_alpha(problem, alpha, solver):
    model = problem.fitted(alpha=alpha, solver=solver)
    near = problem.fitted(alpha=alpha + 1e-6 * (0.25 + alpha), solver=solver)
    assert sin_theta_distance(model.components_, near.components_) <= 1e-4
    assert_allclose(model.eigenvalues_, near.eigenvalues_, rtol=1e-4)


def test_labels_find_a_class_difference_on_a_single_feature():
    # the classes differ along a single feature, which is independent of the others
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 500)
    X = rng.normal(size=(500, 8))
    X[:, 3] += 3.0 * y
    with_labels = SupervisedLinearContrastive(1, alpha=np.inf, noise_weighted=False)
    with pytest.warns(UserWarning, match="rests on one feature"):
        with_labels.fit(X, y)
    assert abs(with_labels.components_[0, 3]) > 0.99
    fisher = LinearDiscriminantAnalysis().fit(X, y)
    scores = with_labels.transform(X)[:, 0], fisher.transform(X)[:, 0]
    assert abs(np.corrcoef(*scores)[0, 1]) > 0.98


# --- chunks, weights, symmetries -----------------------------------------------------------------


@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.ComponentsWarning")  # at first
@given(problem=clear_problems(), alpha=ALPHAS, n_cuts=st.integers(0, 6), seed=SEEDS)
def test_partial_fit_on_any_chunks_equals_one_fit(problem, alpha, n_cuts, seed):
    rng = np.random.default_rng(seed)
    order = rng.permutation(problem.n_samples)
    cuts = np.sort(rng.choice(np.arange(30, problem.n_samples), n_cuts, replace=False))
    model = problem.model(alpha=alpha)
    for rows in np.split(order, cuts):
        model.partial_fit(problem.X[rows], problem.y[rows])
    whole = problem.fitted(alpha=alpha, solver="gram")
    assert_same_model(model, whole)


def test_new_classes_may_appear_in_later_chunks():
    by_class = np.argsort(CLEAR.y, kind="stable")
    names = np.array(["north", "east", "south", "west", "?"])[CLEAR.y]
    model = CLEAR.model(unlabelled="?")
    for rows in np.array_split(by_class, 7):
        model.partial_fit(CLEAR.X[rows], names[rows])
    whole = CLEAR.model(unlabelled="?", solver="gram").fit(CLEAR.X, names)
    assert list(whole.classes_) == ["east", "north", "south", "west"]
    assert_same_model(model, whole)


@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.ComponentsWarning")
def test_partial_fit_on_single_rows_equals_one_fit_without_label_warnings():
    model = CLEAR.model(alpha=np.inf)
    for row in np.random.default_rng(0).permutation(CLEAR.n_samples):
        model.partial_fit(CLEAR.X[[row]], CLEAR.y[[row]])
    assert_same_model(model, CLEAR.fitted(alpha=np.inf, solver="gram"))


@given(problem=clear_problems())
def test_partial_fit_continues_a_fit(problem):
    half = problem.n_samples // 2
    model = problem.model(solver="gram").fit(problem.X[:half], problem.y[:half])
    model.partial_fit(problem.X[half:], problem.y[half:])
    assert_same_model(model, problem.fitted(solver="gram"))


@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.ComponentsWarning")
def test_partial_fit_continues_a_fit_of_many_classes():
    rng = np.random.default_rng(0)
    y = np.arange(400) % 40
    X = rng.normal(size=(40, 2))[y] @ rng.normal(size=(2, 6)) + rng.normal(size=(400, 6))
    model, chunks = (SupervisedLinearContrastive(2, random_state=0, tol=1e-6) for _ in range(2))
    assert_same_model(
        model.fit(X[:200], y[:200]).partial_fit(X[200:], y[200:]),
        chunks.partial_fit(X[:200], y[:200]).partial_fit(X[200:], y[200:]),
    )
    whole = SupervisedLinearContrastive(2, random_state=0, tol=1e-6).fit(X, y)
    assert_same_model(model, whole)
    with pytest.raises(AttributeError, match="many classes share one"):
        _ = whole.moments_
    assert set(chunks.moments_) == set(range(40))


@given(problem=clear_problems(), alpha=ALPHAS)
def test_the_solvers_agree(problem, alpha):
    gram, operator = (problem.fitted(alpha=alpha, solver=s) for s in ("gram", "operator"))
    assert_same_model(gram, operator)


@given(problem=clear_problems(), alpha=ALPHAS, solver=SOLVERS)
def test_integer_weights_equal_repeated_samples(problem, alpha, solver):
    weight = np.random.default_rng(problem.seed).integers(0, 3, problem.n_samples)
    weight[np.argmax(problem.y == 0)] = 2
    weighted = problem.model(alpha=alpha, solver=solver).fit(problem.X, problem.y, weight)
    repeated = problem.model(alpha=alpha, solver=solver).fit(
        np.repeat(problem.X, weight, axis=0), np.repeat(problem.y, weight)
    )
    assert_same_model(weighted, repeated)


@given(problem=clear_problems(), alpha=ALPHAS, solver=SOLVERS)
def test_the_order_of_rows_does_not_change_the_fit(problem, alpha, solver):
    order = np.random.default_rng(problem.seed).permutation(problem.n_samples)
    model = problem.model(alpha=alpha, solver=solver).fit(problem.X[order], problem.y[order])
    assert_same_model(model, problem.fitted(alpha=alpha, solver=solver))


@given(
    problem=clear_problems(),
    alpha=ALPHAS,
    solver=SOLVERS,
    names=st.sampled_from(
        [[3, 2, 1, 0], [-5, 9, 0, 4], ["d", "b", "a", "c"], [1e3, 2.0, 0.0, 7.0]]
    ),
)
def test_names_of_classes_do_not_change_the_fit(problem, alpha, solver, names):
    mark = "none" if isinstance(names[0], str) else -1
    renamed = np.array([*names, mark])[problem.y]
    model = problem.model(alpha=alpha, solver=solver, unlabelled=mark).fit(problem.X, renamed)
    expected = problem.fitted(alpha=alpha, solver=solver)
    assert model.classes_.tolist() == sorted(names)
    assert sin_theta_distance(model.components_, expected.components_) <= 100 * SAME
    assert_allclose(model.eigenvalues_, expected.eigenvalues_, rtol=100 * SAME)


@given(
    problem=clear_problems(),
    alpha=ALPHAS,
    solver=SOLVERS,
    unit=st.sampled_from([1.0, 1e-6, 1e6]),
)
def test_order_signs_and_unit_of_features_carry_over_to_the_model(problem, alpha, solver, unit):
    rng = np.random.default_rng(problem.seed)
    order = rng.permutation(problem.n_features)
    signs = unit * rng.choice([-1.0, 1.0], problem.n_features)
    transformed = problem.model(alpha=alpha, solver=solver).fit(
        (problem.X * signs)[:, order], problem.y
    )
    model = problem.fitted(alpha=alpha, solver=solver)
    expected = (model.components_ * np.sign(signs))[:, order]
    assert sin_theta_distance(transformed.components_, expected) <= 100 * SAME
    assert_allclose(transformed.eigenvalues_, model.eigenvalues_ * unit**2, rtol=100 * SAME)
    assert_allclose(
        transformed.noise_variance_, model.noise_variance_[order] * unit**2, rtol=1e-3, atol=0
    )


# --- attributes and scores -----------------------------------------------------------------------


@each_alpha
@each_solver
def test_attributes_agree_with_their_definitions(alpha, solver):
    model = CLEAR.fitted(alpha=alpha, solver=solver, noise_weighted=False)
    assert_allclose(model.components_ @ model.components_.T, np.eye(3), atol=1e-12)
    assert np.all(np.diff(model.eigenvalues_) < 0)
    assert_allclose(model.common_variance_, model.eigenvalues_)
    scaled = model.components_.T * np.sqrt(model.eigenvalues_)
    assert_allclose(np.abs(model.loadings_), np.abs(scaled), atol=1e-9)
    assert_allclose(model.loadings_ @ model.loadings_.T, scaled @ scaled.T, atol=1e-9)
    assert np.all(np.max(model.components_, axis=1) == np.max(np.abs(model.components_), axis=1))
    assert np.all(model.noise_variance_ > 0)
    scores = model.transform(CLEAR.X)
    assert_allclose(model.explained_variance_, scores.var(axis=0, ddof=1))
    assert_allclose(model.singular_values_, np.linalg.norm(scores - scores.mean(axis=0), axis=0))
    total = CLEAR.X.var(axis=0, ddof=1).sum()
    assert_allclose(model.explained_variance_ratio_, model.explained_variance_ / total)
    assert_allclose(model.mean_, CLEAR.X.mean(axis=0))
    assert type(model.n_components_) is int
    assert type(model.alpha_) is float
    assert model.n_samples_ == CLEAR.n_samples
    assert model.n_iter_ == 1


@each_alpha
@pytest.mark.parametrize("options", [{}, {"whiten": True}, {"noise_weighted": False}])
def test_transform_inverts_inverse_transform(alpha, options):
    model = CLEAR.fitted(alpha=alpha, **options)
    scores = model.transform(CLEAR.X)
    points = model.inverse_transform(scores)
    assert_allclose(model.transform(points), scores, atol=1e-10)
    outside = (points - model.mean_) @ (np.eye(15) - projector(model))
    assert_allclose(outside, 0.0, atol=1e-10)
    if options.get("whiten"):
        assert_allclose(np.cov(scores.T), np.eye(3), atol=1e-10)


@each_alpha
def test_the_score_is_the_gaussian_density_of_the_model(alpha):
    model = CLEAR.fitted(alpha=alpha)
    density = multivariate_normal(model.mean_, model.get_covariance())
    assert_allclose(model.score_samples(CLEAR.X), density.logpdf(CLEAR.X), rtol=1e-9)
    assert model.score(CLEAR.X) == pytest.approx(density.logpdf(CLEAR.X).mean())
    identity = model.get_covariance() @ model.get_precision()
    assert_allclose(identity, np.eye(15), atol=1e-9)


# --- choice of alpha -----------------------------------------------------------------------------


def simplex_task(n_labelled, seed):
    """Six classes in five dimensions of forty, 2000 samples without labels; noise on 5 features."""
    rng = np.random.default_rng(seed)
    n = 2000 + n_labelled
    components = np.linalg.qr(rng.normal(size=(40, 5)))[0].T
    simplex = np.linalg.svd(np.eye(6) - 1 / 6)[0][:, :5] * np.sqrt(6)
    classes = rng.permutation(np.arange(n) % 6)
    noise = np.where(np.arange(40) < 5, 2.0, 0.5)
    X = simplex[classes] @ components + noise * rng.normal(size=(n, 40))
    y = np.where(np.arange(n) < n_labelled, classes, -1)
    return X, y, components


def error(alpha, task):
    X, y, components = task
    model = SupervisedLinearContrastive(5, alpha=alpha, random_state=0).fit(X, y)
    return sin_theta_distance(model.components_, components)


# mean sine error and its standard error over 20 draws
EARLIER_ERRORS = {
    (30, 0.0): (0.378, 0.008),
    (30, 1.0): (1.254, 0.020),
    (300, 0.0): (0.362, 0.007),
    (300, 0.1): (0.328, 0.007),
    (300, 1.0): (0.526, 0.011),
    (300, 100.0): (0.605, 0.013),
    (1200, 0.3): (0.244, 0.005),
}


@pytest.mark.parametrize(("n_labelled", "alpha"), EARLIER_ERRORS)
def test_errors_with_few_and_many_labels_agree_with_earlier_draws(n_labelled, alpha):
    n_draws = 8
    errors = [error(alpha, simplex_task(n_labelled, seed)) for seed in range(n_draws)]
    mean, standard_error = EARLIER_ERRORS[n_labelled, alpha]
    allowed = 4 * standard_error * np.sqrt(1 + 20 / n_draws)
    assert abs(np.mean(errors) - mean) <= allowed


# --- labels as class effects ---------------------------------------------------------------------


@pytest.mark.parametrize("n_labelled", [12, 60, 300, 1200])
def test_labels_help_and_are_at_least_as_good_as_any_weight(n_labelled):
    tasks = [simplex_task(n_labelled, seed) for seed in range(12 if n_labelled == 1200 else 4)]
    auto, one = (np.mean([error(alpha, task) for task in tasks]) for alpha in ("auto", 1.0))
    without = np.mean(
        [
            sin_theta_distance(LinearContrastive(5, random_state=0).fit(X).components_, components)
            for X, _, components in tasks
        ]
    )
    assert auto <= 1.02 * min(without, one)
    if n_labelled == 1200:
        assert auto <= 0.98 * without


UNINFORMATIVE = {
    "random": lambda rng, n: rng.integers(0, 4, n),
    "all different": lambda rng, n: np.arange(n),
    "two samples a class": lambda rng, n: rng.permutation(n) // 2,
    "one class": lambda rng, n: np.zeros(n, int),
}


@pytest.mark.parametrize("n_labelled", [12, 60, 600, 1500])
@pytest.mark.parametrize("kind", UNINFORMATIVE)
@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.LabelsWarning")  # one class
def test_labels_that_say_nothing_do_not_hurt(kind, n_labelled):
    errors = []
    for seed in range(4):
        rng = np.random.default_rng(seed)
        components = np.linalg.qr(rng.normal(size=(40, 5)))[0].T
        noise = np.linspace(1.5, 0.3, 40) * rng.normal(size=(1500, 40))
        X = rng.normal(size=(1500, 5)) @ components + noise
        y = UNINFORMATIVE[kind](rng, 1500)
        y[n_labelled:] = -1
        fits = LinearContrastive(5, random_state=0), SupervisedLinearContrastive(5, random_state=0)
        errors.append([sin_theta_distance(fit.fit(X, y).components_, components) for fit in fits])
    without, with_labels = np.mean(errors, axis=0)
    assert with_labels <= 1.005 * without


@each_solver
@pytest.mark.parametrize("n_components", [2, "auto"])
def test_without_labels_the_fit_is_that_of_linear_contrastive(n_components, solver):
    options = {"solver": solver, "random_state": 0}
    plain = LinearContrastive(n_components, **options).fit(CLEAR.X)
    for y in (None, np.full(CLEAR.n_samples, -1), np.arange(CLEAR.n_samples)):
        model = SupervisedLinearContrastive(n_components, **options).fit(CLEAR.X, y)
        assert_allclose(model.components_, plain.components_, rtol=0, atol=1e-7)
        assert_allclose(model.noise_variance_, plain.noise_variance_, rtol=1e-6)
        assert_allclose(model.scoring_matrix_, plain.scoring_matrix_, rtol=1e-6, atol=1e-9)
        assert_array_equal(model.class_shares_, 0.0)


def test_class_shares_say_which_factors_the_classes_differ_in():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 900)
    # the first factor is the class and noise in equal parts, the second has nothing to do with it
    first = (y - 1) / np.sqrt(2 / 3) * np.sqrt(0.5) + np.sqrt(0.5) * rng.normal(size=900)
    z = np.column_stack([first, rng.normal(size=900)])
    rows = np.kron(np.eye(2), np.ones(10)) * [[3.0], [2.0]]
    X = z @ rows + rng.normal(size=(900, 20))
    model = SupervisedLinearContrastive(2, random_state=0).fit(X, y)
    assert_allclose(model.class_shares_, [0.5, 0.0], atol=0.2)  # of three classes, two in a line
    assert model.class_shares_[1] <= 0.05


@each_solver
@pytest.mark.parametrize("n_components", [4, "auto"])
def test_labels_show_a_difference_on_a_single_feature(n_components, solver):
    rng = np.random.default_rng(1)
    components = np.linalg.qr(rng.normal(size=(30, 3)))[0].T
    y = rng.integers(0, 2, 1000)
    X = 2 * rng.normal(size=(1000, 3)) @ components + 0.5 * rng.normal(size=(1000, 30))
    X[:, 7] += 0.8 * y
    y[300:] = -1
    model = SupervisedLinearContrastive(n_components, solver=solver, random_state=0).fit(X, y)
    assert model.n_components_ == 4
    # the feature itself is nearly in the span
    assert np.linalg.norm(model.components_[:, 7]) >= 0.9
    assert model.class_shares_.max() >= 0.5


@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.HeywoodWarning")
@pytest.mark.parametrize("share", [0.2, 1.0])
def test_random_labels_add_no_component_to_real_data(share):
    # many pixels are rarely black, and the factors leave much of the images out
    X, y = load_digits(return_X_y=True)
    without = LinearContrastive(random_state=0).fit(X[:600]).n_components_
    for seed in range(3):
        rng = np.random.default_rng(seed)
        labels = np.where(rng.uniform(size=600) < share, rng.permutation(y[:600]), -1)
        model = SupervisedLinearContrastive(random_state=0).fit(X[:600], labels)
        assert model.n_components_ == without


@each_solver
def test_fits_with_one_random_state_are_equal(solver):
    X, y, _ = simplex_task(300, 0)
    fits = [
        SupervisedLinearContrastive(5, solver=solver, random_state=seed).fit(X[:600], y[:600])
        for seed in (0, 0, np.random.RandomState(0))
    ]
    for fit in fits[1:]:
        assert_array_equal(fit.components_, fits[0].components_)


# --- within scikit-learn -------------------------------------------------------------------------


def test_a_grid_search_chooses_alpha_for_a_classifier():
    pipeline = make_pipeline(
        StandardScaler(), CLEAR.model(n_components=3), LogisticRegression(max_iter=1000)
    )
    grid = {"supervisedlinearcontrastive__alpha": [0.0, 1.0, np.inf, "auto"]}
    search = GridSearchCV(pipeline, grid, cv=3, n_jobs=2).fit(CLEAR.X, CLEAR.classes)
    assert np.all(np.isfinite(search.cv_results_["mean_test_score"]))
    assert search.score(CLEAR.X, CLEAR.classes) > 0.8


def test_a_pipeline_passes_labels():
    model = CLEAR.model(alpha=np.inf)
    pipeline = make_pipeline(model)
    scores = pipeline.fit_transform(CLEAR.X, CLEAR.y)
    assert_array_equal(scores, CLEAR.fitted(alpha=np.inf).transform(CLEAR.X))
    assert pipeline[0].alpha_ == np.inf
    weight = np.ones(CLEAR.n_samples)
    key = "supervisedlinearcontrastive__sample_weight"
    weighted = make_pipeline(CLEAR.model(alpha=np.inf)).fit(CLEAR.X, CLEAR.y, **{key: weight})
    assert_allclose(weighted.transform(CLEAR.X), scores, atol=1e-5)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_names_the_columns(container):
    frame = {"pandas": pd.DataFrame, "polars": pl.DataFrame}[container]
    X = frame({f"f{i}": column for i, column in enumerate(CLEAR.X.T)})
    out = CLEAR.model().set_output(transform=container).fit(X, CLEAR.y).transform(X)
    assert isinstance(out, frame)
    assert list(out.columns) == [f"supervisedlinearcontrastive{i}" for i in range(3)]


def test_clone_keeps_the_parameters_but_not_the_fit():
    model = CLEAR.model(alpha="auto", unlabelled=np.nan, whiten=True)
    copy = clone(model.fit(CLEAR.X, np.where(CLEAR.y < 0, np.nan, CLEAR.y)))
    assert not hasattr(copy, "components_")
    assert copy.alpha == "auto"
    assert np.isnan(copy.unlabelled)
    assert copy.whiten


def test_pickle_and_joblib_keep_the_fit_and_partial_fit_can_continue_it(tmp_path):
    half = CLEAR.n_samples // 2
    model = CLEAR.model().fit(CLEAR.X[:half], CLEAR.y[:half])
    joblib.dump(model, tmp_path / "model")
    for copy in (pickle.loads(pickle.dumps(model)), joblib.load(tmp_path / "model")):
        assert_array_equal(copy.transform(CLEAR.X), model.transform(CLEAR.X))
        copy.partial_fit(CLEAR.X[half:], CLEAR.y[half:])
        assert_same_model(copy, CLEAR.fitted())


@each_alpha
def test_a_fit_does_not_change_parameters_or_samples(alpha):
    X, y = CLEAR.X.copy(), CLEAR.y.copy()
    X.flags.writeable = y.flags.writeable = False
    model = CLEAR.model(alpha=alpha)
    before = model.get_params()
    assert model.fit(X, y) is model
    assert model.partial_fit(X, y) is model
    assert model.get_params() == before
    assert_array_equal(X, CLEAR.X)


# --- callbacks -----------------------------------------------------------------------------------


@pytest.mark.parametrize("keeps_classes", [True, False])
@each_solver
def test_callbacks_are_called_for_every_block_and_eigenproblem(solver, keeps_classes, monkeypatch):
    if not keeps_classes:
        read = partial(labelled_covariance_of, kept_entries=0)
        monkeypatch.setattr(_labelled_estimator, "labelled_covariance_of", read)
    callback, calls = recording_callback()
    X, y = np.tile(CLEAR.X, (1500, 1)), np.tile(CLEAR.y, 1500)  # several blocks of rows
    model = CLEAR.model(solver=solver, tol=0.05).set_callbacks(callback)
    model.fit(X, y)
    ends = [task for event, _, task in calls if event == "end"]
    assert calls[0][0] == "setup"
    assert calls[-1][0] == "teardown"
    assert len(ends) == sum(event == "begin" for event, _, _ in calls)
    assert ends.count("eigenproblem") + ends.count("step of EM") == model.n_iter_
    assert (ends.count("block of rows") >= 3) == (solver == "gram")
    assert_same_model(model, CLEAR.model(solver=solver, tol=0.05).fit(X, y))
