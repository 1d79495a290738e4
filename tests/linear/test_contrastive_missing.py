"""LinearContrastive and HeteroPCA with missing entries."""

import pickle
import warnings
from dataclasses import dataclass
from functools import cache, cached_property
from unittest import mock

import numpy as np
import pandas as pd
import polars as pl
import pytest
from helpers.assertions import assert_same_factor_model, assert_same_subspace
from helpers.memory import memory_map
from helpers.strategies import SEEDS, separate_factors, with_gaps
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.stats import multivariate_normal
from sklearn.base import clone
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.impute import KNNImputer
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import HeteroPCA, LinearContrastive
from sklearn_contrastive.datasets import make_spiked_covariance
from sklearn_contrastive.exceptions import MissingValuesWarning
from sklearn_contrastive.linear._covariance.missing import PairwiseCovariance, pairwise_covariance
from sklearn_contrastive.linear._covariance.scatter import ScatterCovariance
from sklearn_contrastive.metrics import sin_theta_distance

EPS = np.finfo(np.float64).eps
# Two computations of the same covariance may stop one Newton step apart, and EM steps over the rows
# from there stay as close.
SAME = 1e-5
# EM steps over the rows end where no noise variance moves by more than a share of its standard
# error; two computations may stop on either side.
STATISTICAL = 4 * 0.05
# warnings that small first chunks cause on purpose
IGNORED = (
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning",
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning",
    "ignore::sklearn_contrastive.exceptions.MissingValuesWarning",
    "ignore::sklearn.exceptions.ConvergenceWarning",
)
hopeless_allowed = pytest.mark.filterwarnings(*IGNORED)
heywood_allowed = pytest.mark.filterwarnings(IGNORED[1])
each_solver = pytest.mark.parametrize("solver", ["gram", "operator"])


@dataclass(frozen=True)
class IncompleteProblem:
    """Samples with gaps and clear components, each on six features or more."""

    n_samples: int
    n_features: int
    n_components: int
    share: float
    offset: float
    seed: int

    @cached_property
    def _drawn(self):
        signal = 4.0 + np.arange(self.n_components)
        sizes = self.n_samples, self.n_features, self.n_components
        return separate_factors(*sizes, signal, (0.7, 1.4), self.offset, self.seed)

    @property
    def complete(self):
        """The samples without gaps."""
        return self._drawn[0]

    @property
    def truth(self):
        """The population, a SpikedCovariance."""
        return self._drawn[1]

    @cached_property
    def X(self):
        """The samples with gaps."""
        return with_gaps(self.complete, self.share, self.seed)

    def model(self, **options):
        return LinearContrastive(self.n_components, random_state=0, **options)

    def fitted(self, **options):
        return self.model(**options).fit(self.X)


@st.composite
def incomplete_problems(draw, shares=(0.1, 0.3), offsets=(0.0, 2.0)):
    n_features = draw(st.integers(6, 15))
    return IncompleteProblem(
        n_samples=draw(st.integers(120, 220)),
        n_features=n_features,
        n_components=draw(st.integers(1, n_features // 6)),
        share=draw(st.sampled_from(shares)),
        offset=draw(st.sampled_from(offsets)),
        seed=draw(SEEDS),
    )


PROBLEM = IncompleteProblem(300, 12, 2, share=0.3, offset=2.0, seed=0)
CONFIGURATIONS = [
    {},
    {"noise_weighted": False},
    {"whiten": True},
    {"whiten": True, "noise_weighted": False},
    {"max_iter": 0},
    {"solver": "operator"},
]
each_configuration = pytest.mark.parametrize(
    "options", CONFIGURATIONS, ids=lambda options: ", ".join(options) or "default"
)
each_scoring = pytest.mark.parametrize(
    "options", CONFIGURATIONS[:3], ids=lambda options: ", ".join(options) or "default"
)


def names_of(X):
    return [f"sensor {i}" for i in range(X.shape[1])]


def frame_of(X):
    return pd.DataFrame(X, columns=names_of(X))


def assert_same_model(model, other, X, tol=SAME):
    """Assert that two fits on samples like X agree up to a tolerance."""
    assert_same_factor_model(model, other, np.nanstd(X, axis=0).max(), tol)


def scores_of(model, X):
    """Scores, and the number of rows without scores in the warning."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", MissingValuesWarning)
        scores = model.transform(X)
    assert all(warning.category is MissingValuesWarning for warning in caught)
    return scores, sum(int(str(warning.message).split()[0]) for warning in caught)


def deviations_of(model):
    """Standard deviations of the noise by which scores are weighted."""
    if not model.noise_weighted:
        return np.ones(model.n_features_in_)
    return np.sqrt(model._weights.noise.variances)


def information_of(model, X):
    """Smallest eigenvalue of the information of each row on the components, in scoring units."""
    deviations = deviations_of(model)
    basis = np.linalg.qr(model.components_.T / deviations[:, None])[0]
    observed = (~np.isnan(X)).astype(float)
    return np.linalg.eigvalsh(np.einsum("no,oi,oj->nij", observed, basis, basis))[:, 0]


# --- complete samples ----------------------------------------------------------------------------


@given(problem=incomplete_problems())
def test_pairwise_covariance_of_complete_samples_gives_the_complete_fit(problem):
    X, reference = problem.complete, problem.model().fit(problem.complete)
    for covariance in (pairwise_covariance(X), PairwiseCovariance.complete(reference._covariance)):
        model = problem.model()
        with mock.patch.object(model, "_covariance_of", return_value=covariance):
            model.fit(X)
        assert model.n_samples_ == len(X)
        # the scores' variances are those of the model instead of those of the samples
        for name in ("noise_variance_", "mean_", "common_variance_"):
            expected = getattr(reference, name)
            assert_allclose(getattr(model, name), expected, rtol=1e-6, atol=1e-9)
        assert_same_subspace(model.components_, reference.components_, 1.0, 1.0, eps=1e-8)
        assert_allclose(model.get_covariance(), reference.get_covariance(), rtol=0, atol=1e-5)
        assert_allclose(model.explained_variance_, reference.explained_variance_, rtol=0.2)
        assert_allclose(model.score(X), reference.score(X), rtol=1e-9)


@each_configuration
def test_a_fit_of_complete_samples_accepts_rows_with_gaps(options):
    X = PROBLEM.complete
    model = PROBLEM.model(**options).fit(X)
    assert isinstance(model._covariance, ScatterCovariance | None)
    scores, n_lost = scores_of(model, PROBLEM.X)
    assert n_lost == np.isnan(scores).any(axis=1).sum()
    complete = ~np.isnan(PROBLEM.X).any(axis=1)
    assert_array_equal(scores[complete], model.transform(X)[complete])


# --- scores --------------------------------------------------------------------------------------


@each_scoring
@given(problem=incomplete_problems(), seed=SEEDS)
def test_scores_of_complete_rows_do_not_depend_on_other_rows(options, problem, seed):
    model = problem.fitted(**options)
    incomplete = np.random.default_rng(seed).uniform(size=problem.n_samples) < 0.5
    mixed = np.where(incomplete[:, None], problem.X, problem.complete)
    alone = model.transform(problem.complete)
    scores, _ = scores_of(model, mixed)
    complete = ~np.isnan(mixed).any(axis=1)
    assert_array_equal(scores[complete], alone[complete])
    # another number of rows is another product of matrices
    size = (
        np.abs(alone).max() + np.abs(problem.complete).max() * np.abs(model.scoring_matrix_).sum()
    )
    without = model.transform(mixed[complete])
    assert_allclose(without, alone[complete], rtol=0, atol=100 * EPS * size)


@each_scoring
@given(problem=incomplete_problems())
def test_samples_filled_by_the_model_keep_their_scores(options, problem):
    model = problem.fitted(**options)
    scores, _ = scores_of(model, problem.X)
    restored = model.inverse_transform(scores)
    scored = ~np.isnan(scores).any(axis=1)
    filled = np.where(np.isnan(problem.X), restored, problem.X)[scored]
    assert np.isfinite(filled).all()
    information = information_of(model, problem.X)[scored]
    size = np.abs(filled).sum(axis=1) + np.abs(model.mean_).sum()
    allowed = 1000 * EPS * (size * np.linalg.norm(model.scoring_matrix_, ord=2) + 1) / information
    again = model.transform(filled)
    assert np.all(np.abs(again - scores[scored]) <= allowed[:, None])


@each_scoring
@given(problem=incomplete_problems())
def test_scores_are_least_squares_on_the_observed_entries(options, problem):
    model, X = problem.fitted(**options), problem.X
    scores, n_lost = scores_of(model, X)
    plain = clone(model).set_params(whiten=False).fit(X)
    information, deviations = information_of(model, X), deviations_of(plain)
    lost = 0
    for x, score, share in zip(X, scores, information, strict=True):
        o = ~np.isnan(x)
        if share < 0.01:
            assert np.isnan(score).all()
            lost += 1
            continue
        design = plain.components_.T[o] / deviations[o, None]
        expected = np.linalg.lstsq(design, (x - plain.mean_)[o] / deviations[o], rcond=None)[0]
        point, actual = expected @ plain.components_, score @ model._unwhitening
        assert_allclose(
            actual @ plain.components_, point, rtol=0, atol=1e-10 * np.abs(point).max() / share
        )
    assert n_lost == lost


@each_scoring
@given(problem=incomplete_problems())
def test_score_samples_is_the_likelihood_of_the_observed_entries(options, problem):
    model, X = problem.fitted(**options), problem.X
    likelihood, covariance = model.score_samples(X), model.get_covariance()
    for x, value in zip(X[:40], likelihood[:40], strict=True):
        o = ~np.isnan(x)
        expected = 0.0
        if o.any():
            expected = multivariate_normal(model.mean_[o], covariance[np.ix_(o, o)]).logpdf(x[o])
        assert value == pytest.approx(expected, rel=1e-9)
    assert model.score(X) == pytest.approx(np.mean(likelihood), rel=1e-14)
    complete = model.score_samples(problem.complete)
    rows = ~np.isnan(X).any(axis=1)
    assert_allclose(likelihood[rows], complete[rows], rtol=1e-9)


def test_rows_with_too_few_entries_have_nan_scores_and_are_counted():
    model, X = PROBLEM.fitted(), PROBLEM.complete[:6].copy()
    X[0, 1:] = X[3, :-1] = np.nan  # one feature for two components
    X[5] = np.nan
    with pytest.warns(
        MissingValuesWarning, match="3 of 6 rows have too few observed features for 2"
    ):
        scores = model.transform(X)
    assert_array_equal(np.isnan(scores), np.isin(np.arange(6), [0, 3, 5])[:, None] * [True, True])
    with pytest.warns(MissingValuesWarning):
        restored = model.inverse_transform(model.transform(X))
    assert_array_equal(np.isnan(restored).all(axis=1), np.isin(np.arange(6), [0, 3, 5]))
    likelihood = model.score_samples(X)
    assert likelihood[5] == 0
    assert np.isfinite(likelihood).all()


@each_solver
def test_all_nan_rows_do_not_change_the_fit(solver):
    X = np.vstack([PROBLEM.X, np.full((5, 12), np.nan)])
    model, plain = PROBLEM.model(solver=solver).fit(X), PROBLEM.fitted(solver=solver)
    tol = STATISTICAL * np.sqrt(2 / len(X))
    assert_same_model(model, plain, PROBLEM.X, tol=tol)
    assert model.n_samples_ == 305


def test_zero_components_need_no_observed_features():
    model = LinearContrastive(0).fit(PROBLEM.X)
    X = np.vstack([PROBLEM.X, np.full((1, 12), np.nan)])
    assert model.transform(X).shape == (301, 0)
    assert_allclose(model.noise_variance_, np.nanvar(PROBLEM.X, axis=0, ddof=1))
    expected = multivariate_normal(model.mean_[:2], np.diag(model.noise_variance_[:2]))
    two = np.r_[1.0, 2.0, np.full(10, np.nan)]
    assert model.score_samples(two[None])[0] == pytest.approx(expected.logpdf([1.0, 2.0]))


@pytest.mark.parametrize("noise_weighted", [True, False])
@given(problem=incomplete_problems())
def test_whitened_scores_have_identity_covariance_under_the_model(noise_weighted, problem):
    options = {"noise_weighted": noise_weighted}
    plain, white = problem.fitted(**options), problem.fitted(whiten=True, **options)
    # rows of the scoring matrices, from what the unit vectors are mapped to
    units = plain.mean_ + np.eye(problem.n_features)
    scoring, whitened = plain.transform(units), white.transform(units)
    covariance = scoring.T @ plain.get_covariance() @ scoring
    assert_allclose(plain.explained_variance_, np.diag(covariance), rtol=1e-8)
    assert_allclose(
        whitened.T @ plain.get_covariance() @ whitened, np.eye(problem.n_components), atol=1e-8
    )
    # the symmetric root, which inverse_transform undoes
    root = np.linalg.lstsq(scoring, whitened, rcond=None)[0]
    assert_allclose(root, root.T, atol=1e-8)
    assert np.linalg.eigvalsh(root)[0] > 0
    points = [m.inverse_transform(scores_of(m, problem.X)[0]) for m in (plain, white)]
    assert_allclose(*points, rtol=0, atol=1e-6 * np.nanmax(np.abs(problem.X)))
    # the samples have it approximately
    sampled = np.cov(white.transform(problem.complete).T).reshape(whitened.shape[1], -1)
    assert_allclose(sampled, np.eye(problem.n_components), atol=0.6)


# --- containers ----------------------------------------------------------------------------------


def with_nones(X):
    return np.where(np.isnan(X), None, X.astype(object))


CONTAINERS = {
    "list": lambda X: X.tolist(),
    "F order": np.asfortranarray,
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "objects with None": with_nones,
    "pandas NaN": frame_of,
    "pandas Float64": lambda X: frame_of(X).astype("Float64"),
    "pandas objects": lambda X: frame_of(with_nones(X)),
    "pandas mixed": lambda X: frame_of(X).astype({"sensor 0": "Float64", "sensor 3": object}),
    "polars null": lambda X: pl.DataFrame(
        {name: pl.Series(column.tolist()) for name, column in frame_of(with_nones(X)).items()}
    ),
    "polars NaN": lambda X: pl.DataFrame(X, schema=names_of(X)),
}
INTEGERS = {
    "pandas Int64": lambda X: frame_of(X).astype("Int64"),
    "polars Int64": lambda X: CONTAINERS["polars null"](X).cast(pl.Int64),
    "objects": lambda X: np.array(
        [[None if np.isnan(value) else int(value) for value in row] for row in X], dtype=object
    ),
}


@pytest.mark.parametrize("container", CONTAINERS)
def test_every_container_of_the_same_gaps_gives_the_same_fit(container):
    X = CONTAINERS[container](PROBLEM.X)
    model, reference = PROBLEM.model().fit(X), PROBLEM.fitted()
    assert_same_model(model, reference, PROBLEM.X, tol=1e-9)
    assert_allclose(scores_of(model, X)[0], scores_of(reference, PROBLEM.X)[0], atol=1e-7)
    assert_allclose(model.score(X), reference.score(PROBLEM.X))


@pytest.mark.parametrize("container", INTEGERS)
def test_integers_with_gaps_are_read_as_numbers(container):
    X = np.round(100 * PROBLEM.X)
    samples = INTEGERS[container](X)
    model, reference = PROBLEM.model().fit(samples), PROBLEM.model().fit(X)
    assert_same_model(model, reference, X, tol=1e-9)
    assert_allclose(scores_of(model, samples)[0], scores_of(reference, X)[0], atol=1e-5)


@each_configuration
def test_float32_samples_give_float32_results_close_to_those_of_float64(options):
    X = PROBLEM.X.astype(np.float32)
    model, exact = PROBLEM.model(**options).fit(X), PROBLEM.model(**options).fit(X.astype(float))
    scores, n_lost = scores_of(model, X)
    assert scores.dtype == model.inverse_transform(scores).dtype == np.float32
    for name in ("components_", "loadings_", "noise_variance_", "explained_variance_"):
        assert getattr(model, name).dtype == np.float32
        assert_allclose(getattr(model, name), getattr(exact, name), atol=5e-3)
    expected, n_lost_exactly = scores_of(exact, X.astype(float))
    assert n_lost == n_lost_exactly
    assert_allclose(scores, expected, atol=0.05)
    assert scores_of(model, X.astype(float))[0].dtype == np.float64


@each_solver
def test_a_memory_map_is_fitted_like_the_array(solver, tmp_path):
    file = memory_map(PROBLEM.X, tmp_path)
    model, reference = PROBLEM.model(solver=solver).fit(file), PROBLEM.fitted(solver=solver)
    assert_same_model(model, reference, PROBLEM.X, tol=1e-9)
    assert_allclose(scores_of(model, file)[0], scores_of(reference, PROBLEM.X)[0], atol=1e-7)


def test_samples_are_not_modified():
    X = PROBLEM.X.copy()
    X.flags.writeable = False
    for solver in ("gram", "operator"):
        model = PROBLEM.model(solver=solver).fit(X)
        scores_of(model, X)
        model.score(X)
    PROBLEM.model().partial_fit(X).partial_fit(X)
    HeteroPCA(2).fit(X)
    assert_array_equal(X, PROBLEM.X)


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_set_output_names_the_columns(container):
    samples = CONTAINERS[f"{container} NaN"](PROBLEM.X)
    scores, _ = scores_of(PROBLEM.model().set_output(transform=container).fit(samples), samples)
    assert isinstance(scores, type(samples))
    assert list(scores.columns) == ["linearcontrastive0", "linearcontrastive1"]


# --- invalid input -------------------------------------------------------------------------------


def hidden(X, *features):
    """X without entries of some features."""
    X = X.copy()
    X[:, features] = np.nan
    return X


def apart(X, first, second):
    """X with one of two features observed in each row."""
    X = X.copy()
    X[::2, first] = X[1::2, second] = np.nan
    return X


def with_infinity(X):
    X = X.copy()
    X[np.unravel_index(np.flatnonzero(~np.isnan(X))[7], X.shape)] = -np.inf
    return X


INVALID = {
    "one feature unobserved": (lambda X: hidden(X, 3), "feature {3} is never observed"),
    "two features unobserved": (lambda X: hidden(X, 3, 5), "features {3}, {5} are never observed"),
    "one pair unobserved": (
        lambda X: apart(X, 4, 7),
        r"no sample has both features of the pairs \({4}, {7}\)\. .*drop one of them",
    ),
    "many pairs unobserved": (
        lambda X: np.where(np.arange(12) // 6 == np.arange(len(X))[:, None] % 2, X, np.nan),
        r"pairs \({0}, {6}\), \({0}, {7}\), \({0}, {8}\) and 33 more",
    ),
    "infinity": (with_infinity, "contains infinity"),
    "two infinities": (lambda X: with_infinity(-with_infinity(X)), "contains infinity"),
}


@pytest.mark.parametrize("case", INVALID)
@pytest.mark.parametrize("kind", [LinearContrastive, HeteroPCA])
@each_solver
def test_invalid_input_is_named_and_the_earlier_fit_stays(case, kind, solver):
    spoil, message = INVALID[case]
    X = PROBLEM.X if case != "many pairs unobserved" else PROBLEM.complete
    invalid = spoil(X)
    by_number = message.format(*range(12))
    by_name = message.format(*names_of(X))
    model = kind(2, solver=solver, random_state=0).fit(frame_of(X))
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match=by_name):
        model.fit(frame_of(invalid))
    assert pickle.dumps(model) == before
    fresh = kind(2, solver=solver)
    with pytest.raises(ValueError, match=by_number):
        fresh.fit(invalid)
    assert [name for name in vars(fresh) if name.endswith("_")] == []


@each_solver
@pytest.mark.parametrize("case", ["one feature unobserved", "one pair unobserved"])
def test_entries_in_rows_of_weight_0_do_not_count_as_observed(case, solver):
    spoil, message = INVALID[case]
    X = np.vstack([spoil(PROBLEM.X), PROBLEM.complete[:20]])
    weight = np.r_[np.ones(300), np.zeros(20)]
    with pytest.raises(ValueError, match=message.format(*range(12))):
        PROBLEM.model(solver=solver).fit(X, sample_weight=weight)


def test_unobserved_features_are_found_with_fewer_rows_than_features():
    X = np.random.default_rng(0).normal(size=(30, 60))
    for case, numbers in (("one feature unobserved", (3,)), ("one pair unobserved", (4, 7))):
        spoil, message = INVALID[case]
        with pytest.raises(ValueError, match=message.format(*range(12))):
            LinearContrastive(2).fit(spoil(X))
        assert str(numbers[0]) in message


def test_every_method_refuses_infinity_among_gaps():
    model, X = PROBLEM.fitted(), with_infinity(PROBLEM.X)
    before = pickle.dumps(model)
    for method in (model.transform, model.score, model.score_samples, model.partial_fit):
        with pytest.raises(ValueError, match="contains infinity"):
            method(X)
    assert pickle.dumps(model) == before


@pytest.mark.parametrize("kind", [LinearContrastive, HeteroPCA])
def test_gaps_in_sparse_samples_are_refused(kind):
    X = sparse.csr_array(PROBLEM.X)
    model = kind(2, random_state=0).fit(PROBLEM.X)
    before = pickle.dumps(model)
    for method in (model.fit, model.partial_fit, model.transform, model.score, kind(2).fit):
        with pytest.raises(ValueError, match=r"Sparse X contains NaN.*Pass X\.toarray\(\)"):
            method(X)
    assert pickle.dumps(model) == before


def test_feature_groups_refuse_gaps_with_advice():
    groups = np.arange(12) // 3
    model = LinearContrastive(2, feature_groups=groups, random_state=0).fit(PROBLEM.complete)
    before = pickle.dumps(model)
    for method in (model.fit, model.partial_fit, model.transform, model.score):
        with pytest.raises(ValueError, match=r"feature_groups needs complete samples.*impute"):
            method(PROBLEM.X)
    assert pickle.dumps(model) == before
    imputed = make_pipeline(KNNImputer(), clone(model)).fit(PROBLEM.X)  # as the message says
    assert imputed[-1].n_components_ == 2


# --- chunks --------------------------------------------------------------------------------------


def chunks_of(X, n_cuts, seed):
    """Rows shuffled and cut into n_cuts + 1 chunks."""
    rng = np.random.default_rng(seed)
    cuts = rng.choice(np.arange(1, len(X)), n_cuts, replace=False)
    return np.split(rng.permutation(X), np.sort(cuts))


@hopeless_allowed  # a first chunk may be small
@given(problem=incomplete_problems(), n_cuts=st.integers(0, 6), seed=SEEDS)
# an indefinite covariance whose likelihood has two maxima: the first chunk must not decide
@example(problem=IncompleteProblem(120, 6, 1, share=0.3, offset=0.0, seed=6), n_cuts=1, seed=7)
def test_partial_fit_does_not_depend_on_the_chunks(problem, n_cuts, seed):
    model = problem.model()
    for chunk in chunks_of(problem.X, n_cuts, seed):
        model.partial_fit(chunk)
    assert model.n_samples_ == problem.n_samples
    assert_same_model(model, problem.model().partial_fit(problem.X), problem.X)


@hopeless_allowed
@given(problem=incomplete_problems(), seed=SEEDS)
def test_chunks_with_and_without_gaps_in_any_order_agree(problem, seed):
    complete, incomplete = problem.complete[:60], problem.X[60:]
    chunks = [complete, *chunks_of(incomplete, 1, seed)]
    whole = problem.model().partial_fit(np.vstack([complete, incomplete]))
    for order in ([0, 1, 2], [2, 1, 0], [1, 0, 2]):
        model = problem.model()
        for i in order:
            model.partial_fit(chunks[i])
        assert_same_model(model, whole, problem.X)


@hopeless_allowed
@given(problem=incomplete_problems(), seed=SEEDS)
def test_integer_weights_of_chunks_equal_repeated_samples(problem, seed):
    weight = np.random.default_rng(seed).integers(0, 4, size=problem.n_samples)
    model = problem.model()
    for rows in np.array_split(np.arange(problem.n_samples), 3):
        model.partial_fit(problem.X[rows], sample_weight=weight[rows])
    repeated = problem.model().partial_fit(np.repeat(problem.X, weight, axis=0))
    assert model.n_samples_ == repeated.n_samples_ == weight.sum()
    assert_same_model(model, repeated, problem.X)


@hopeless_allowed  # a first chunk of half of the rows may let noise vanish
@given(problem=incomplete_problems())
def test_partial_fit_continues_a_fit_with_gaps(problem):
    first, second = problem.X[:100], problem.X[100:]
    for rest in (second, problem.complete[100:]):
        whole = problem.model().partial_fit(np.vstack([first, rest]))
        assert_same_model(problem.model().fit(first).partial_fit(rest), whole, problem.X)
    complete = problem.complete[:100]
    whole = problem.model().partial_fit(np.vstack([complete, second]))
    assert_same_model(problem.model().fit(complete).partial_fit(second), whole, problem.X)


def test_partial_fit_cannot_continue_a_fit_of_few_rows_with_gaps():
    X = with_gaps(np.random.default_rng(0).normal(size=(30, 60)), 0.1, 0)
    model = LinearContrastive(1, max_iter=0).fit(X)
    before = pickle.dumps(model)
    with pytest.raises(ValueError, match=r"partial_fit cannot continue .* solver=\"gram\""):
        model.partial_fit(X)
    assert pickle.dumps(model) == before


@heywood_allowed
@pytest.mark.parametrize("frames", [False, True])
def test_partial_fit_is_not_fitted_until_every_pair_is_observed(frames):
    as_given = frame_of if frames else np.asarray
    last, first, other = ("sensor 11", "sensor 0", "sensor 6") if frames else (11, 0, 6)
    left, right = hidden(PROBLEM.complete[:100], *range(6, 12)), PROBLEM.complete[100:200].copy()
    right[:, :6] = np.nan
    model = PROBLEM.model()
    with pytest.warns(MissingValuesWarning, match="Not fitted yet: features .* and 1 more are"):
        model.partial_fit(as_given(left))
    with pytest.warns(MissingValuesWarning, match=rf"has both .* \({first}, {other}\)"):
        model.partial_fit(as_given(right))
    with pytest.raises(NotFittedError):
        model.transform(as_given(PROBLEM.complete))
    # a refused chunk has no effect
    with pytest.raises(ValueError, match="infinity"):
        model.partial_fit(as_given(with_infinity(PROBLEM.X)))
    with pytest.warns(MissingValuesWarning, match=f"feature {last} is never observed"):
        PROBLEM.model().partial_fit(as_given(hidden(PROBLEM.complete, 11)))
    model.partial_fit(as_given(PROBLEM.X[200:]))
    whole = np.vstack([left, right, PROBLEM.X[200:]])
    assert model.n_samples_ == 300
    assert_same_model(model, PROBLEM.model().partial_fit(as_given(whole)), PROBLEM.complete)


@heywood_allowed  # covariances of pairs let noise vanish
def test_a_fit_on_rows_is_more_accurate_than_one_on_pairs():
    errors = []
    for seed in range(4):
        problem = IncompleteProblem(150, 24, 4, share=0.5, offset=0.0, seed=seed)
        models = problem.fitted(), problem.model().partial_fit(problem.X)
        errors.append([sin_theta_distance(m.components_, problem.truth.components) for m in models])
    of_rows, of_pairs = np.mean(errors, axis=0)
    assert of_rows < 0.5 * of_pairs


# --- weights and symmetries ----------------------------------------------------------------------


@each_solver
@given(problem=incomplete_problems(), seed=SEEDS)
def test_integer_weights_equal_repeated_samples(solver, problem, seed):
    weight = np.random.default_rng(seed).integers(0, 4, size=problem.n_samples)
    weighted = problem.model(solver=solver).fit(problem.X, sample_weight=weight)
    repeated = problem.model(solver=solver).fit(np.repeat(problem.X, weight, axis=0))
    assert weighted.n_samples_ == repeated.n_samples_ == weight.sum()
    assert_same_model(weighted, repeated, problem.X)


@given(problem=incomplete_problems(), seed=SEEDS, solver=st.sampled_from(["gram", "operator"]))
def test_order_and_signs_of_features_carry_over_to_the_model(problem, seed, solver):
    rng = np.random.default_rng(seed)
    order = rng.permutation(problem.n_features)
    signs = rng.choice([-1.0, 1.0], size=problem.n_features)
    model = problem.fitted(solver=solver)
    other = problem.model(solver=solver).fit((problem.X * signs)[:, order])
    assert_allclose(other.noise_variance_, model.noise_variance_[order], rtol=SAME)
    expected = (model.get_covariance() * np.outer(signs, signs))[np.ix_(order, order)]
    assert_allclose(other.get_covariance(), expected, atol=10 * SAME * np.abs(expected).max())
    size = np.sqrt(np.diag(expected)).max()
    assert_allclose(other.mean_, (signs * model.mean_)[order], rtol=0, atol=10 * SAME * size)


@given(problem=incomplete_problems(), seed=SEEDS)
def test_the_order_of_rows_does_not_change_the_fit(problem, seed):
    X = np.random.default_rng(seed).permutation(problem.X)
    assert_same_model(problem.model().fit(X), problem.fitted(), problem.X)


@pytest.mark.parametrize("size", [1.0, 1e4, 1e8])
@given(problem=incomplete_problems(offsets=(0.0,)), seed=SEEDS)
def test_translation_changes_only_the_mean(size, problem, seed):
    shift = size * np.random.default_rng(seed).uniform(-1, 1, size=problem.n_features)
    model, moved = problem.fitted(), problem.model().fit(problem.X + shift)
    tol = SAME + 1000 * EPS * size  # the samples themselves are rounded
    assert_allclose(moved.mean_ - shift, model.mean_, rtol=0, atol=10 * tol)
    assert_allclose(moved.noise_variance_, model.noise_variance_, rtol=10 * tol)
    projectors = [m.components_.T @ m.components_ for m in (moved, model)]
    assert_allclose(*projectors, rtol=0, atol=10 * tol)
    scores, n_lost = scores_of(moved, problem.X + shift)
    expected, n_lost_before = scores_of(model, problem.X)
    assert n_lost == n_lost_before
    error = np.abs(scores @ moved.components_ - expected @ model.components_)
    scored = ~np.isnan(error).any(axis=1)
    assert np.all(
        error[scored] <= 1e5 * tol
    )  # a row may have 1 % of the information on a direction


@given(problem=incomplete_problems(), exponent=st.integers(-120, 120))
def test_a_global_scale_rescales_the_model_exactly(problem, exponent):
    scale = 2.0**exponent  # no rounding
    model, scaled = problem.fitted(), problem.model().fit(scale * problem.X)
    assert_allclose(scaled.components_, model.components_, rtol=0, atol=1e-9)
    assert_allclose(scaled.mean_, scale * model.mean_, rtol=0, atol=1e-9 * scale)
    assert_allclose(scaled.noise_variance_, scale**2 * model.noise_variance_, rtol=1e-9)
    assert_allclose(scaled.explained_variance_ratio_, model.explained_variance_ratio_, rtol=1e-9)


@given(problem=incomplete_problems(), seed=SEEDS)
def test_units_of_the_features_only_rescale_the_loadings(problem, seed):
    units = 10.0 ** np.random.default_rng(seed).uniform(-6, 6, size=problem.n_features)
    model, scaled = problem.fitted(), problem.model().fit(problem.X * units)
    assert_allclose(scaled.noise_variance_, units**2 * model.noise_variance_, rtol=SAME)
    common = model.loadings_ @ model.loadings_.T
    assert_allclose(
        scaled.loadings_ @ scaled.loadings_.T / np.outer(units, units),
        common,
        rtol=0,
        atol=10 * SAME * np.abs(common).max(),
    )


@each_solver
@pytest.mark.parametrize("constant", [0.0, 0.1, -7.0, 1e8 / 3])
@pytest.mark.parametrize("n_samples", [300, 3000])
def test_a_constant_column_with_gaps_has_no_effect(solver, constant, n_samples):
    problem = IncompleteProblem(n_samples, 12, 2, share=0.3, offset=2.0, seed=0)
    X = np.insert(problem.X, 5, np.where(np.arange(n_samples) % 3, constant, np.nan), axis=1)
    model, plain = problem.model(solver=solver).fit(X), problem.fitted(solver=solver)
    others = np.arange(13) != 5
    # EM steps over the rows end within a share of the standard error
    tol = STATISTICAL * np.sqrt(2 / n_samples)
    assert_allclose(model.noise_variance_[others], plain.noise_variance_, rtol=tol)
    assert_allclose(model.noise_variance_[5], plain.noise_variance_.min(), rtol=0.3)
    assert_allclose(model.components_[:, 5], 0, atol=1e-12)
    assert model.mean_[5] == pytest.approx(constant, rel=1e-12)
    # scores do not depend on whether the constant is missing
    scores, _ = scores_of(model, X[:50])
    filled, _ = scores_of(model, np.insert(problem.X[:50], 5, constant, axis=1))
    assert_allclose(scores, filled, rtol=1e-6, atol=1e-6)
    assert LinearContrastive(solver=solver, random_state=0).fit(X).n_components_ == 2


# --- closed form, iterations, number of components -----------------------------------------------


def test_without_iterations_it_is_the_closed_form_of_pairs():
    model = PROBLEM.model(max_iter=0, noise_weighted=False).fit(PROBLEM.X)
    covariance = pairwise_covariance(PROBLEM.X)
    values, vectors = np.linalg.eigh(covariance.matrix - np.diag(covariance.variances))
    assert model.n_iter_ == 1
    assert_allclose(model.eigenvalues_, values[:-3:-1], rtol=1e-6)
    projector = vectors[:, -2:] @ vectors[:, -2:].T
    assert_allclose(model.components_.T @ model.components_, projector, atol=1e-6)
    assert_array_equal(model.mean_, covariance.mean)


@each_solver
@pytest.mark.parametrize("max_iter", [1, 2])
def test_too_few_iterations_give_a_convergence_warning(solver, max_iter):
    with pytest.warns(ConvergenceWarning, match="increase max_iter or tol"):
        model = PROBLEM.model(solver=solver, max_iter=max_iter).fit(PROBLEM.X)
    assert model.n_components_ == 2
    # max_iter eigenproblems, and max_iter passes over the rows
    assert model.n_iter_ == 2 * max_iter


@each_solver
@pytest.mark.parametrize(("n_components", "expected"), [("auto", 2), (0.5, 1), (0, 0), (1, 1)])
def test_every_kind_of_n_components_works(solver, n_components, expected):
    model = LinearContrastive(n_components, solver=solver, random_state=0).fit(PROBLEM.X)
    assert model.n_components_ == expected
    assert np.isfinite(model.score(PROBLEM.X))


def test_none_keeps_every_positive_direction_of_the_pairs():
    model = LinearContrastive(None, max_iter=0, random_state=0).fit(PROBLEM.X)
    covariance = pairwise_covariance(PROBLEM.X)
    values = np.linalg.eigvalsh(covariance.matrix - np.diag(covariance.variances))
    assert model.n_components_ == np.sum(values > 0)


def test_random_state_makes_a_fit_repeatable_to_the_bit():
    for X in (PROBLEM.X, PROBLEM.X[:100].T):
        one, other = (LinearContrastive(2, random_state=3).fit(X) for _ in range(2))
        for name in ("components_", "loadings_", "noise_variance_", "mean_"):
            assert_array_equal(getattr(one, name), getattr(other, name))


@each_configuration
def test_attributes_agree_with_their_definitions(options):
    model, X = PROBLEM.fitted(**options), PROBLEM.X
    assert np.all(model.noise_variance_ > 0)
    assert_allclose(model.components_ @ model.components_.T, np.eye(2), rtol=0, atol=1e-13)
    singular = np.linalg.svd(model.loadings_, compute_uv=False)
    assert_allclose(model.common_variance_, singular**2)
    assert np.all(np.diff(model.common_variance_) <= 0)
    covariance = model.get_covariance()
    expected = model.loadings_ @ model.loadings_.T + np.diag(model.noise_variance_)
    assert_allclose(covariance, expected)
    assert_allclose(model.get_precision() @ covariance, np.eye(12), atol=1e-12)
    kept = model.components_ @ covariance @ model.components_.T
    assert_allclose(model.explained_variance_ratio_, np.diag(kept) / np.trace(covariance))
    assert_allclose(model.singular_values_, np.sqrt(299 * model.explained_variance_))
    assert model.n_samples_ == len(X)
    assert len(model.eigenvalues_) == 2


# --- copies, grid search, pipelines --------------------------------------------------------------


def test_pickle_and_clone_work_with_gaps():
    model = PROBLEM.model().fit(PROBLEM.X[:200])
    restored = pickle.loads(pickle.dumps(model))
    expected, _ = scores_of(model, PROBLEM.X)
    assert_array_equal(scores_of(restored, PROBLEM.X)[0], expected)
    assert_array_equal(restored.score_samples(PROBLEM.X), model.score_samples(PROBLEM.X))
    again = clone(model)
    assert not hasattr(again, "components_")
    assert_array_equal(scores_of(again.fit(PROBLEM.X[:200]), PROBLEM.X)[0], expected)
    assert_same_model(
        restored.partial_fit(PROBLEM.X[200:]), PROBLEM.model().partial_fit(PROBLEM.X), PROBLEM.X
    )


def test_grid_search_chooses_the_number_of_components_without_y():
    search = GridSearchCV(
        LinearContrastive(random_state=0), {"n_components": [1, 2]}, cv=2, n_jobs=2
    ).fit(PROBLEM.X)
    assert search.best_params_ == {"n_components": 2}
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


def test_a_pipeline_needs_no_imputer():
    X, truth = make_spiked_covariance(500, 30, 2, signal=4.0, random_state=0)
    X, y = with_gaps(X, 0.2, 0), truth.scores @ [1.0, 2.0]
    pipeline = make_pipeline(
        StandardScaler(), LinearContrastive(random_state=0), LinearRegression()
    ).fit(X, y)
    assert pipeline.score(X, y) > 0.9


def test_fit_transform_is_fit_then_transform():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", MissingValuesWarning)
        scores = PROBLEM.model().fit_transform(PROBLEM.X)
    assert_array_equal(scores, scores_of(PROBLEM.fitted(), PROBLEM.X)[0])


# --- HeteroPCA -----------------------------------------------------------------------------------


def test_hetero_pca_with_gaps_is_more_accurate_than_pca_of_filled_means():
    noise = np.full(40, 0.5)
    noise[:4] = 3.0
    X, truth = make_spiked_covariance(1000, 40, 2, signal=3.0, noise=noise, random_state=0)
    X = with_gaps(X, 0.3, 0)
    error = sin_theta_distance(HeteroPCA(2, random_state=0).fit(X).components_, truth.components)
    assert error < 0.5 * sin_theta_distance(of_filled_means(PCA(2), X), truth.components)


def test_hetero_pca_scores_rows_by_their_observed_entries():
    model = HeteroPCA("auto", random_state=0).fit(PROBLEM.X)
    assert model.n_components_ == 2
    scores, n_lost = scores_of(model, PROBLEM.X)
    assert n_lost == np.isnan(scores).any(axis=1).sum()
    scored = ~np.isnan(scores).any(axis=1)
    filled = np.where(np.isnan(PROBLEM.X), model.inverse_transform(scores), PROBLEM.X)[scored]
    assert_allclose(model.transform(filled), scores[scored], rtol=1e-6, atol=1e-6)
    assert np.isfinite(model.score_samples(PROBLEM.X)).all()
    chunked = HeteroPCA(2, random_state=0)
    for chunk in np.array_split(PROBLEM.X, 3):
        chunked.partial_fit(chunk)
    assert_same_model(chunked, HeteroPCA(2, random_state=0).fit(PROBLEM.X), PROBLEM.X)


# --- accuracy ------------------------------------------------------------------------------------


def of_filled_means(estimator, X):
    """Components of another estimator after every gap is filled with its feature's mean."""
    return estimator.fit(np.where(np.isnan(X), np.nanmean(X, axis=0), X)).components_


@cache
def mean_errors(share):
    """Mean distances from the truth over four draws, by method."""
    errors = []
    for seed in range(4):
        noise = np.random.default_rng(seed).uniform(0.3, 1.0, size=40)
        X, truth = make_spiked_covariance(300, 40, 3, signal=2.0, noise=noise, random_state=seed)
        gaps = with_gaps(X, share, seed)
        found = {
            "gaps": LinearContrastive(3, random_state=0).fit(gaps).components_,
            "complete": LinearContrastive(3, random_state=0).fit(X).components_,
            "PCA": of_filled_means(PCA(3), gaps),
            "FactorAnalysis": of_filled_means(FactorAnalysis(3), gaps),
        }
        errors.append([sin_theta_distance(rows, truth.components) for rows in found.values()])
    return dict(zip(found, np.mean(errors, axis=0), strict=True))


def test_with_30_percent_missing_the_subspace_is_found_nearly_as_well_as_without():
    errors = mean_errors(0.3)
    assert errors["gaps"] <= 1.5 * errors["complete"]
    assert errors["gaps"] < 0.95 * errors["FactorAnalysis"]
    assert errors["gaps"] < 0.85 * errors["PCA"]


def test_with_60_percent_missing_it_is_closer_than_pca_of_filled_means():
    errors = mean_errors(0.6)
    assert errors["gaps"] < 0.8 * errors["PCA"]


def test_fewer_samples_than_features_with_gaps_find_the_subspace():
    errors = []
    for seed in range(4):
        X, truth = make_spiked_covariance(60, 90, 2, signal=8.0, random_state=seed)
        X = with_gaps(X, 0.3, seed)
        found = LinearContrastive(random_state=0).fit(X)
        assert found.n_components_ == 2
        others = of_filled_means(PCA(2), X)
        errors.append(
            [sin_theta_distance(c, truth.components) for c in (found.components_, others)]
        )
    ours, others = np.mean(errors, axis=0)
    assert ours < 0.95 * others


def test_auto_finds_the_number_of_components_with_30_percent_missing():
    found = []
    for seed in range(10):
        noise = np.random.default_rng(seed).uniform(0.3, 1.0, size=30)
        X, _ = make_spiked_covariance(300, 30, 3, signal=2.5, noise=noise, random_state=seed)
        found.append(LinearContrastive(random_state=0).fit(with_gaps(X, 0.3, seed)).n_components_)
    assert np.sum(np.array(found) == 3) >= 9


@heywood_allowed  # there is very little of it
def test_auto_counts_components_of_few_rows_with_little_noise():
    found = []
    for seed in range(4):
        noise = np.random.default_rng(seed).uniform(0.3, 1.0, size=200)
        X, _ = make_spiked_covariance(150, 200, 2, signal=80.0, noise=noise, random_state=seed)
        model = LinearContrastive(max_iter=0, random_state=0).fit(with_gaps(X, 0.5, seed))
        found.append(model.n_components_)
    assert found == [2] * 4


def test_the_mean_is_unbiased_where_gaps_depend_on_an_observed_feature():
    # features are mostly missing where feature 0, which is always observed, is large
    X, truth = make_spiked_covariance(
        2000,
        12,
        1,
        subspace=np.full((1, 12), 12**-0.5),
        signal=4.0,
        noise=0.5,
        mean=3.0,
        random_state=0,
    )
    missing = (X[:, :1] > 3.0) & (np.random.default_rng(0).uniform(size=X.shape) < 0.8)
    missing[:, 0] = False
    X = np.where(missing, np.nan, X)
    model = LinearContrastive(1, random_state=0).fit(X)
    errors = [np.abs(mean - truth.mean)[1:].max() for mean in (model.mean_, np.nanmean(X, axis=0))]
    assert errors[0] < 0.1
    assert errors[1] > 0.5
