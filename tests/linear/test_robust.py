"""LinearContrastive with outlying cells and noisy rows."""

import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from scipy.stats import spearmanr
from sklearn.base import clone

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.exceptions import ComponentsWarning, OutlierWarning
from sklearn_contrastive.metrics import sin_theta_distance

KINDS = ["rows", "cells", True]
each_kind = pytest.mark.parametrize("robust", KINDS)
each_cell_kind = pytest.mark.parametrize("robust", ["cells", True])
each_row_kind = pytest.mark.parametrize("robust", ["rows", True])

# the ordinary fit, with which the robust one is compared, warns about what is planted here
pytestmark = pytest.mark.filterwarnings(
    "ignore:A component rests on few rows",
    "ignore:Single entries dominate",
    "ignore:The noise of the rows differs",
)


def draw(n=400, d=20, r=2, seed=0, log_sd=0.0):
    """Samples of a factor model, its subspace, and the noise scale of each row."""
    rng = np.random.default_rng(seed)
    subspace = np.linalg.qr(rng.standard_normal((d, r)))[0].T
    sds, scales = np.exp(0.5 * rng.standard_normal(d)), np.exp(log_sd * rng.standard_normal(n))
    noise = scales[:, None] * sds * rng.standard_normal((n, d))
    return 5 * rng.standard_normal((n, r)) @ subspace + noise + 3, subspace, scales


def with_gross_cells(X, share=0.03, seed=1):
    """A copy with gross cells, and where they are."""
    rng = np.random.default_rng(seed)
    bad = rng.random(X.shape) < share
    return np.where(bad, X + rng.choice([-1, 1], X.shape) * rng.uniform(20, 60, X.shape), X), bad


def model(robust, n_components=2, **options):
    return LinearContrastive(n_components, robust=robust, random_state=0, **options)


@each_kind
def test_fits_to_clean_samples_are_the_ordinary_ones(robust):
    X, _, _ = draw()
    ordinary, fit = model(False).fit(X), model(robust).fit(X)
    assert_allclose(fit.noise_variance_, ordinary.noise_variance_, rtol=0.01)
    assert_allclose(fit.transform(X), ordinary.transform(X), atol=0.02)
    if robust != "cells":
        assert_array_equal(fit.sample_noise_, np.ones(len(X)))


@each_cell_kind
def test_gross_cells_are_found_and_do_not_mislead(robust):
    X, subspace, _ = draw()
    spoilt, bad = with_gross_cells(X)
    fit = LinearContrastive(robust=robust, random_state=0).fit(spoilt)
    found = fit.outlying_cells_.toarray() != 0
    assert fit.n_components_ == 2
    assert np.mean(found[bad]) > 0.98
    assert np.mean(found[~bad]) < 0.001
    clean = sin_theta_distance(model(False).fit(X).components_, subspace)
    assert sin_theta_distance(fit.components_, subspace) < 1.2 * clean
    assert sin_theta_distance(model(False).fit(spoilt).components_, subspace) > 2 * clean


@each_cell_kind
def test_new_rows_have_the_scores_of_their_other_cells(robust):
    X, _, _ = draw()
    fit = model(robust).fit(X[:200])
    spoilt, bad = with_gross_cells(X[200:])
    errors = fit.transform(spoilt) - fit.transform(X[200:])
    assert np.sqrt(np.mean(errors**2)) < 0.5
    assert np.abs(model(False).fit(X[:200]).transform(spoilt) - fit.transform(X[200:])).max() > 5
    repaired = fit.impute(spoilt)
    assert np.sqrt(np.mean((repaired - X[200:])[bad] ** 2)) < 1.5 * np.sqrt(
        fit.noise_variance_.mean()
    )
    far, farther = np.where(bad, 1e6, X[200:]), np.where(bad, 1e7, X[200:])
    assert np.all(np.isfinite(fit.score_samples(far)))
    assert_allclose(fit.score_samples(far), fit.score_samples(farther), rtol=1e-6)


@each_kind
def test_fit_transform_agrees_with_transform(robust):
    X, _, _ = draw(log_sd=0.5)
    X, _ = with_gross_cells(X)
    fit = model(robust)
    assert_allclose(fit.fit_transform(X), fit.transform(X))


@each_row_kind
@pytest.mark.parametrize("storage", [np.asarray, sparse.csr_array])
def test_noise_of_the_rows_is_recovered(robust, storage):
    if robust is True and storage is not np.asarray:
        pytest.skip("cells need dense samples")
    X, subspace, scales = draw(log_sd=1.0)
    fit = LinearContrastive(robust=robust, random_state=0).fit(storage(X))
    assert fit.n_components_ == 2
    assert spearmanr(fit.sample_noise_, scales).statistic > 0.95
    assert np.median(fit.sample_noise_) == pytest.approx(1.0, abs=0.05)
    weight = scales**-2 * len(X) / np.sum(scales**-2)
    oracle = model(False).fit(X, sample_weight=weight)
    error = sin_theta_distance(oracle.components_, subspace)
    assert sin_theta_distance(fit.components_, subspace) < 1.4 * error
    typical = np.sqrt(oracle.noise_variance_ / fit.noise_variance_)
    assert typical.max() / typical.min() < 1.5


@each_row_kind
def test_scores_of_rows_that_are_noise_alone_vanish(robust):
    X, _, _ = draw(log_sd=0.5)
    fit = model(robust).fit(X)
    rows = np.random.default_rng(0).standard_normal((5, 20))
    assert np.abs(fit.transform(fit.mean_ + 1e6 * rows)).max() < 1.0
    scores = fit.transform(X)[:3]
    assert_allclose(fit.transform(fit.inverse_transform(scores)), scores, rtol=1e-8)


@each_kind
@given(exponent=st.integers(1, 12), seed=st.integers(0, 50), single=st.booleans())
def test_a_row_that_is_moved_to_infinity_has_bounded_influence(robust, exponent, seed, single):
    X, subspace, _ = draw(n=150, d=12)
    direction = np.random.default_rng(seed).standard_normal(12)
    if single:
        direction = np.eye(12)[seed % 12]
    X[7] += 10.0**exponent * direction
    fit = model(robust).fit(X)
    assert sin_theta_distance(fit.components_, subspace) < 0.5
    assert np.all(fit.noise_variance_ < 50)
    assert np.all(np.abs(fit.mean_ - 3) < 1.5)


@each_kind
def test_rows_and_features_in_another_order_change_nothing_else(robust):
    X, _, _ = draw(log_sd=0.5)
    X, _ = with_gross_cells(X)
    rng = np.random.default_rng(0)
    rows, features = rng.permutation(len(X)), rng.permutation(20)
    fit, other = model(robust, tol=1e-6).fit(X), model(robust, tol=1e-6).fit(X[rows][:, features])
    assert_allclose(other.noise_variance_, fit.noise_variance_[features], rtol=1e-3)
    assert sin_theta_distance(other.components_, fit.components_[:, features]) < 1e-3
    if robust != "cells":
        assert_allclose(other.sample_noise_, fit.sample_noise_[rows], rtol=1e-3)


@each_kind
def test_units_and_origins_change_nothing_else(robust):
    X, _, _ = draw(log_sd=0.5)
    X, _ = with_gross_cells(X)
    units = 2.0 ** np.random.default_rng(0).integers(-8, 8, 20)
    fit, other = model(robust, tol=1e-6).fit(X), model(robust, tol=1e-6).fit(units * X + 64)
    assert_allclose(other.noise_variance_, units**2 * fit.noise_variance_, rtol=1e-3)
    assert_allclose(other.mean_, units * fit.mean_ + 64, rtol=1e-3, atol=1e-3)


@each_kind
def test_weights_are_repetition(robust):
    X, _, _ = draw(n=150, log_sd=0.5)
    X, _ = with_gross_cells(X)
    weight = np.random.default_rng(0).integers(0, 4, len(X)).astype(float)
    fit = model(robust).fit(X, sample_weight=weight)
    repeated = model(robust).fit(np.repeat(X, weight.astype(int), axis=0))
    assert_allclose(fit.noise_variance_, repeated.noise_variance_, rtol=1e-3)
    assert_allclose(fit.mean_, repeated.mean_, atol=1e-3)


@each_kind
def test_copies_have_the_same_scores(robust):
    X, _, _ = draw(log_sd=0.5)
    X, _ = with_gross_cells(X)
    fit = model(robust).fit(X)
    copy = pickle.loads(pickle.dumps(fit))
    assert_array_equal(copy.transform(X), fit.transform(X))
    assert clone(fit).robust == robust


@each_kind
@pytest.mark.parametrize("kind", ["float32", "integers", "pandas", "missing", "n < d", "constant"])
def test_all_kinds_of_samples_are_fitted(robust, kind):
    X, _, _ = draw(log_sd=0.5)
    if kind == "float32":
        X = X.astype(np.float32)
    elif kind == "integers":
        X = np.rint(10 * X).astype(int)
    elif kind == "pandas":
        X = pd.DataFrame(X)
    elif kind == "missing":
        X = np.where(np.random.default_rng(0).random(X.shape) < 0.1, np.nan, X)
    elif kind == "n < d":
        X = np.random.default_rng(0).standard_normal((40, 60)) + 5 * draw(40, 60)[0]
    else:
        X[:, 3] = 7.0
    fit = model(robust).fit(X)
    scores = fit.transform(X)
    assert np.all(np.isfinite(scores))
    assert np.all(np.isfinite(fit.score_samples(X)))
    if kind == "float32":
        assert scores.dtype == np.float32 == fit.components_.dtype


@each_kind
@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.ComponentsWarning")
def test_one_feature_is_fitted(robust):
    X = np.random.default_rng(0).standard_normal((50, 1))
    assert model(robust, "auto").fit(X).n_components_ == 0


@each_cell_kind
def test_rare_values_of_dummies_and_counts_are_not_outlying(robust):
    X, _, _ = draw()
    rng = np.random.default_rng(0)
    rare = (rng.random((len(X), 3)) < 0.02).astype(float)
    counts = rng.poisson(0.3, (len(X), 2))
    fit = model(robust).fit(np.hstack([X, rare, counts]))
    assert fit.outlying_cells_[:, 20:].nnz == 0


@each_cell_kind
def test_the_closed_form_of_cleaned_samples_is_the_closed_form(robust):
    X, subspace, _ = draw()
    spoilt, _ = with_gross_cells(X)
    fit = model(robust, max_iter=0, noise_weighted=False).fit(spoilt)
    assert sin_theta_distance(fit.components_, subspace) < 0.4


def test_a_fit_without_robust_forgets_what_was_found():
    X, _, _ = draw()
    fit = model(True).fit(X)
    fit.set_params(robust=False).fit(X)
    assert not hasattr(fit, "sample_noise_")
    assert not hasattr(fit, "outlying_cells_")


@each_kind
def test_streams_are_refused(robust):
    with pytest.raises(AttributeError) as refused:
        model(robust).partial_fit(draw()[0])
    assert "which a robust fit reads several times" in str(refused.value.__cause__)


@each_kind
def test_groups_are_refused(robust):
    with pytest.raises(ValueError, match="cannot be combined with feature_groups"):
        model(robust, feature_groups=np.arange(20) // 2).fit(draw()[0])


@each_cell_kind
def test_sparse_samples_are_refused_where_cells_are_screened(robust):
    with pytest.raises(ValueError, match="Sparse X is not supported"):
        model(robust).fit(sparse.csr_array(draw()[0]))


@each_kind
def test_too_few_rows_are_refused(robust):
    with pytest.raises(ValueError, match="at least 5 samples"):
        model(robust, 1).fit(draw()[0][:4])


@each_kind
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_majority_of_bad_rows_gives_finite_results(robust):
    X, _, _ = draw()
    rng = np.random.default_rng(0)
    bad = rng.random(len(X)) < 0.7
    X[bad] = 100 * rng.standard_normal((bad.sum(), 20))
    fit = model(robust).fit(X)
    assert np.all(np.isfinite(fit.transform(X)))
    assert np.all(np.isfinite(fit.noise_variance_))


def test_many_outlying_cells_are_reported():
    X, _, _ = draw()
    spoilt, _ = with_gross_cells(X, share=0.35)
    with pytest.warns(OutlierWarning, match="of the cells"):
        model("cells").fit(spoilt)


@each_kind
def test_rows_of_weight_0_keep_their_place(robust):
    X, _, _ = draw()
    X[300] *= 20
    X[::7, 3] = np.nan
    weight = np.arange(len(X)) % 3 != 2
    fit = model(robust).fit(X, sample_weight=weight)
    kept = model(robust).fit(X[weight])
    assert_allclose(fit.noise_variance_, kept.noise_variance_, rtol=1e-4)
    if robust != "cells":
        assert fit.sample_noise_.argmax() == 300
        assert_allclose(fit.sample_noise_[weight], kept.sample_noise_, rtol=1e-4)
    if robust != "rows":
        found = fit.outlying_cells_.toarray()[weight]
        assert_array_equal(found != 0, kept.outlying_cells_.toarray() != 0)


@pytest.mark.parametrize("robust", ["rows", "cells", True])
def test_constant_tables_have_no_components_and_no_bad_rows(robust):
    with pytest.warns(ComponentsWarning):
        model = LinearContrastive(robust=robust).fit(np.zeros((9, 3)))
    assert model.n_components_ == 0
    assert np.isfinite(model.noise_variance_).all()


def test_scales_that_one_unit_cannot_hold_are_refused():
    X = np.random.default_rng(0).normal(size=(20, 3)) * [1e207, 1e-196, 1e-248]
    with pytest.raises(ValueError, match=r"float64 cannot hold both .*RobustScaler"):
        LinearContrastive(robust=True).fit(X)
