"""outlier_scores: distances against dense algebra, calibration, and the warning after a fit."""

import re
import warnings

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse, stats
from sklearn.exceptions import NotFittedError

from sklearn_contrastive import HeteroPCA, LinearContrastive, SupervisedLinearContrastive
from sklearn_contrastive.exceptions import OutlierWarning
from sklearn_contrastive.linear._factor.distance_tails import (
    DistanceTail,
    DistanceTails,
    left_out,
    signal_of_population,
)
from sklearn_contrastive.linear._factor.row_distances import (
    distances_of_rows,
    whitened_model,
    whitened_rows,
)
from sklearn_contrastive.linear._factor.watched_rows import _held_by_outlying

LEVELS = (0.1, 0.05, 0.01)
GROUPS = np.repeat(np.arange(5), 4)
NAMES = ("score_distance", "orthogonal_distance", "score_share", "orthogonal_share", "share")
components_allowed = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.ComponentsWarning"
)


def drawn(n_samples, n_features, n_components, seed, signal=4.0, log_sd=0.5):
    """Samples of a spiked model with log-normal noise."""
    rng = np.random.default_rng(seed)
    noise = 0.5 * np.exp(log_sd * rng.standard_normal(n_features))
    # directions spread over all features in units of the noise
    subspace = np.linalg.qr(rng.standard_normal((n_features, max(n_components, 1))))[0]
    factors = signal * rng.standard_normal((n_samples, n_components))
    X = factors @ subspace.T[:n_components] + rng.standard_normal((n_samples, n_features))
    return X * noise


def by_inverses(model, row):
    """Both squared distances and their degrees of freedom, from inverses of whole matrices."""
    seen = np.flatnonzero(~np.isnan(row))
    loadings = model.loadings_[seen][:, np.any(model.loadings_ != 0, axis=0)]
    noise = model.get_covariance() - model.loadings_ @ model.loadings_.T
    noise = noise[np.ix_(seen, seen)]
    centred = row[seen] - model.mean_[seen]
    mahalanobis = centred @ np.linalg.solve(loadings @ loadings.T + noise, centred)
    weighted = np.linalg.solve(noise, loadings)
    scores = np.linalg.pinv(loadings.T @ weighted) @ weighted.T @ centred
    residual = centred - loadings @ scores
    orthogonal = residual @ np.linalg.solve(noise, residual)
    n_scores = np.linalg.matrix_rank(loadings) if loadings.size else 0
    return mahalanobis - orthogonal, orthogonal, n_scores, len(seen) - n_scores


def shares_of(found):
    return np.array([found.score_share, found.orthogonal_share, found.share])


# --- distances -----------------------------------------------------------------------------------


@components_allowed
@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.HeywoodWarning")
@pytest.mark.parametrize(
    "model",
    [
        LinearContrastive(3),
        LinearContrastive(3, whiten=True, noise_weighted=False),
        LinearContrastive(0),
        LinearContrastive(3, feature_groups=GROUPS),
        LinearContrastive(3, max_iter=0),
        HeteroPCA(3),
        SupervisedLinearContrastive(3),
    ],
    ids=lambda model: repr(model)[:60],
)
def test_distances_are_those_of_inverse_covariances(model):
    X = drawn(200, 20, 3, seed=0)
    model = model.fit(X)
    new = drawn(6, 20, 3, seed=1)
    found = model.outlier_scores(new)
    expected = np.array([by_inverses(model, row) for row in new])
    assert_allclose(found.score_distance**2, expected[:, 0], rtol=1e-8, atol=1e-8)
    assert_allclose(found.orthogonal_distance**2, expected[:, 1], rtol=1e-8)


def test_incomplete_rows_are_measured_in_their_observed_features():
    model = LinearContrastive(3).fit(drawn(200, 20, 3, seed=0))
    new = drawn(12, 20, 3, seed=1)
    gaps = np.random.default_rng(2).uniform(size=new.shape) < 0.5
    gaps[:3, :] = True
    gaps[1, 5] = gaps[2, :3] = False  # no entry, one, as many as components
    new[gaps] = np.nan
    white = whitened_model(model._model)
    found = distances_of_rows(new, white)
    for i, row in enumerate(new[1:], start=1):
        score, orthogonal, n_scores, n_residuals = by_inverses(model, row)
        assert (found.n_scores[i], found.n_residuals[i]) == (n_scores, n_residuals)
        assert found.score[i] == pytest.approx(score, rel=1e-6)
        assert found.orthogonal[i] == pytest.approx(orthogonal, rel=1e-6, abs=1e-8)
    scores = model.outlier_scores(new)
    assert_array_equal(shares_of(scores)[:, 0], 1.0)
    assert scores.orthogonal_share[1] == scores.orthogonal_share[2] == 1.0
    assert scores.share[1] == pytest.approx(scores.score_share[1])


def test_both_distances_together_are_the_gaussian_density():
    X = drawn(300, 12, 2, seed=3)
    model = LinearContrastive(2).fit(X)
    found = model.outlier_scores(X)
    squares = found.score_distance**2 + found.orthogonal_distance**2
    constant = 12 * np.log(2 * np.pi) + np.linalg.slogdet(model.get_covariance())[1]
    assert_allclose(model.score_samples(X), -0.5 * (squares + constant))


def test_a_row_of_the_subspace_has_no_orthogonal_distance_however_far_it_is():
    model = LinearContrastive(2).fit(drawn(300, 12, 2, seed=3))
    far = model.inverse_transform(np.array([[1e8, 0.0], [0.0, 3.0]]))
    found = model.outlier_scores(far)
    assert np.all(found.orthogonal_distance**2 < 1e-12 * found.score_distance**2 + 1e-12)
    assert found.score_share[0] == found.share[0] == 0.0


@pytest.mark.parametrize("size", [1e150, 1e300])
def test_a_huge_row_has_share_zero(size):
    model = LinearContrastive(2).fit(drawn(300, 12, 2, seed=3))
    row = np.zeros((1, 12))
    row[0, 4] = size
    found = model.outlier_scores(row)
    assert found.share[0] == found.orthogonal_share[0] == 0.0


# --- invariances ---------------------------------------------------------------------------------


def assert_same_scores(found, expected, rtol=1e-3):
    for name in NAMES:
        assert_allclose(getattr(found, name), getattr(expected, name), rtol=rtol, atol=1e-6)


@pytest.mark.filterwarnings("ignore:The variances of X leave the range")
@pytest.mark.parametrize("change", ["features", "scale", "translation", "samples", "tiny"])
def test_scores_do_not_depend_on_units_or_order(change):
    X, new = drawn(400, 10, 2, seed=4), drawn(50, 10, 2, seed=5)
    rng = np.random.default_rng(0)
    order = rng.permutation(10)
    expected = LinearContrastive(2).fit(X).outlier_scores(new)
    if change == "features":
        X, new = X[:, order], new[:, order]
    elif change == "scale":
        scale = np.exp(2 * rng.standard_normal(10))
        X, new = X * scale, new * scale
    elif change == "translation":
        X, new = X + 10.0, new + 10.0
    elif change == "tiny":
        X, new = X * 1e-200, new * 1e-200
    else:
        X = X[rng.permutation(len(X))]
    assert_same_scores(LinearContrastive(2).fit(X).outlier_scores(new), expected)


def test_weights_are_repetitions():
    X, new = drawn(200, 10, 2, seed=4), drawn(50, 10, 2, seed=5)
    weight = np.random.default_rng(0).integers(0, 3, len(X))
    weighted = LinearContrastive(2).fit(X, sample_weight=weight)
    repeated = LinearContrastive(2).fit(np.repeat(X, weight, axis=0))
    assert_same_scores(weighted.outlier_scores(new), repeated.outlier_scores(new))


@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_array, np.float32, "one block"])
def test_storage_does_not_matter(form):
    X, new = drawn(300, 10, 2, seed=4), drawn(2000, 10, 2, seed=5)
    expected = LinearContrastive(2).fit(X).outlier_scores(new)
    if form == "one block":
        model = LinearContrastive(2).fit(X)
        found = [model.outlier_scores(part) for part in np.array_split(new, 7)]
        for name in NAMES:
            parts = np.concatenate([getattr(part, name) for part in found])
            assert_allclose(parts, getattr(expected, name))
        return
    as_form = (lambda a: a.astype(form)) if form is np.float32 else form
    found = LinearContrastive(2).fit(as_form(X)).outlier_scores(as_form(new))
    assert_same_scores(found, expected)


def test_outlier_scores_need_a_fit_and_the_same_features():
    with pytest.raises(NotFittedError):
        LinearContrastive().outlier_scores(np.zeros((2, 3)))
    model = LinearContrastive(2).fit(drawn(300, 10, 2, seed=4))
    with pytest.raises(ValueError, match="features"):
        model.outlier_scores(np.zeros((2, 3)))


# --- calibration ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("n_samples", "n_features", "n_components"),
    [(1000, 20, 3), (500, 100, 5), (100, 50, 3), (200, 300, 5), (100, 600, 3), (200, 1, 0)],
)
@components_allowed
def test_shares_of_clean_new_rows_are_uniform(n_samples, n_features, n_components):
    beyond = []
    for seed in range(4):
        X = drawn(n_samples + 1000, n_features, n_components, seed)
        model = LinearContrastive(n_components, random_state=0).fit(X[:n_samples])
        shares = shares_of(model.outlier_scores(X[n_samples:]))
        beyond.append([np.mean(shares < level, axis=1) for level in LEVELS])
    mean = np.mean(beyond, axis=0)
    for level, found in zip(LEVELS, mean, strict=True):
        found = found if n_components else found[1:]
        assert np.all(found < 1.5 * level + 0.005)
        assert np.all(found > 0.5 * level - 0.005)


def test_shares_of_incomplete_rows_are_uniform():
    X = drawn(3000, 20, 3, seed=0)
    X[np.random.default_rng(1).uniform(size=X.shape) < 0.3] = np.nan
    model = LinearContrastive(3, random_state=0).fit(X[:1000])
    shares = shares_of(model.outlier_scores(X[1000:]))
    for level in LEVELS:
        assert_allclose(np.mean(shares < level, axis=1), level, rtol=0.4, atol=0.003)


def test_heavy_tailed_rows_are_calibrated_by_the_training_rows():
    rng = np.random.default_rng(0)
    scale = np.sqrt(5 / rng.chisquare(5, 4000))
    X = drawn(4000, 20, 3, seed=1) * scale[:, None]
    model = LinearContrastive(3, random_state=0).fit(X[:2000])
    found = model.outlier_scores(X[2000:])
    gaussian = stats.chi2.sf(found.orthogonal_distance**2, 17)
    assert np.mean(gaussian < 0.01) > 0.08
    assert np.mean(found.orthogonal_share < 0.01) < 0.02


def test_chunks_are_one_fit_for_shares_of_the_gaussian_model():
    X, new = drawn(900, 10, 2, seed=4), drawn(2000, 10, 2, seed=5)
    first = LinearContrastive(2).partial_fit(X[:400]).partial_fit(X[400:])
    second = LinearContrastive(2).partial_fit(X[600:]).partial_fit(X[:600])
    assert_same_scores(first.outlier_scores(new), second.outlier_scores(new))
    refitted = LinearContrastive(2).fit(X[:400]).partial_fit(X[400:])
    assert_same_scores(refitted.outlier_scores(new), second.outlier_scores(new))


def test_bad_training_rows_do_not_spoil_the_scale():
    X = drawn(1000, 20, 3, seed=0)
    rng = np.random.default_rng(1)
    X[::25] = 10 * X.std(axis=0) * rng.standard_normal((40, 20))
    with warnings.catch_warnings(action="ignore"):
        model = LinearContrastive(3, random_state=0).fit(X)
    bad = 10 * X.std(axis=0) * rng.standard_normal((50, 20))
    clean = np.array(drawn(1000, 20, 3, seed=0))[np.arange(1000) % 25 != 0]
    assert np.mean(model.outlier_scores(bad).share < 1e-3) > 0.9
    assert np.mean(model.outlier_scores(clean).share < 0.01) < 0.03


# --- the formulas behind the calibration ---------------------------------------------------------


@pytest.mark.parametrize(("n_samples", "n_features"), [(60, 12), (60, 200)])
def test_left_out_distances_are_those_of_fits_without_the_row(n_samples, n_features):
    X = drawn(n_samples, n_features, 2, seed=7, signal=4.0 * max(1, n_features / n_samples) ** 0.5)
    model = LinearContrastive(2, random_state=0).fit(X)
    white = whitened_model(model._model)
    along, _ = whitened_rows(X, white)
    plain = distances_of_rows(X, white)
    found = left_out(plain, along, white, n_samples)
    fits = [LinearContrastive(2, random_state=0).fit(np.delete(X, i, axis=0)) for i in range(30)]
    exact = [fit.outlier_scores(X[i : i + 1]) for i, fit in enumerate(fits)]
    for name in ("score", "orthogonal"):
        true = np.array([getattr(each, f"{name}_distance")[0] ** 2 for each in exact])
        near, far = (
            np.abs(np.median(getattr(each, name)[:30] / true) - 1) for each in (found, plain)
        )
        assert near < 0.04
        assert near < far


def test_population_signal_solves_its_equation():
    found = np.array([3.0, 10.0, 50.0])
    for ratio in (0.1, 2.0):
        signal = signal_of_population(found, ratio)
        clear = signal > 1.001 * np.sqrt(ratio)
        assert clear[1:].all()
        assert_allclose(((1 + signal) * (1 + ratio / signal))[clear], (1 + found)[clear])
    assert signal_of_population(np.array([0.1]), 4.0) == 2.0


@pytest.mark.parametrize("dof", [2.0, 5.0, 30.0, np.inf])
@pytest.mark.parametrize("degrees", [1, 10, 1000])
def test_the_tail_has_the_scale_and_degrees_of_freedom_of_its_rows(dof, degrees):
    points = (np.arange(2000) + 0.5) / 2000
    of = stats.chi2(degrees) if np.isinf(dof) else stats.f(degrees, dof)
    squares = 3.0 * of.ppf(points) * (degrees if np.isfinite(dof) else 1)
    directions = np.full(2000, degrees)
    tail = DistanceTail.of(squares, directions)
    assert tail.scale == pytest.approx(3.0, rel=0.01)
    assert_allclose(tail.shares(squares, directions), 1 - points, atol=0.002)
    if np.isfinite(dof):
        assert tail.dof == pytest.approx(dof, rel=0.05)


def test_tails_of_few_rows_are_those_of_the_gaussian_model():
    X = drawn(12, 4, 1, seed=0)
    model = LinearContrastive(1).fit(X)
    assert model._distance_tails() == DistanceTails.gaussian(12, 1)
    many = DistanceTails.gaussian(1e9, 1)
    assert many.score.scale == pytest.approx(1.0)
    assert many.orthogonal.scale == pytest.approx(1.0)


# --- the warning after a fit ---------------------------------------------------------------------


def warned(X, model=None):
    """Text of the OutlierWarning of a fit, None without one."""
    with warnings.catch_warnings(record=True, action="always") as caught:
        (model or LinearContrastive(random_state=0)).fit(X)
    texts = [str(each.message) for each in caught if issubclass(each.category, OutlierWarning)]
    assert len(texts) <= 1
    return texts[0] if texts else None


def named_in(text):
    """Row numbers that a warning names."""
    return [int(number) for number in re.findall(r"\d+", text.partition("worst first: ")[2])]


def with_bad_rows(X, share, seed=0):
    """Some rows replaced by noise of ten standard deviations, and their numbers."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(X))[: round(share * len(X))]
    X = X.copy()
    X[rows] = 10 * X.std(axis=0) * rng.standard_normal((len(rows), X.shape[1]))
    return X, rows


@pytest.mark.parametrize("size", [(300, 10, 2), (500, 100, 5), (200, 300, 5)])
@pytest.mark.parametrize("share", [0.005, 0.02, 0.05])
def test_bad_rows_are_reported(size, share):
    X, rows = with_bad_rows(drawn(*size, seed=0), share)
    text = warned(X)
    assert text.startswith("A component rests on few rows")
    named = named_in(text)
    assert set(named) <= set(rows.tolist())
    assert 'robust="rows"' in text
    assert "outlier_scores(X)" in text


@pytest.mark.parametrize("size", [(300, 10, 2), (500, 100, 5), (200, 300, 5), (2000, 20, 3)])
def test_gross_cells_are_reported(size):
    X, rng = drawn(*size, seed=0), np.random.default_rng(1)
    bad = rng.uniform(size=X.shape) < 0.05
    X = np.where(bad, 10 * X.std(axis=0) * rng.standard_normal(X.shape), X)
    text = warned(X)
    assert text.startswith("Single entries dominate the noise")
    assert 'robust="cells"' in text


def test_rows_of_very_different_noise_are_reported():
    X = drawn(500, 50, 3, seed=0, signal=0.0)
    X += np.random.default_rng(1).standard_normal((500, 1)) * np.linspace(0.5, 1, 50)
    X *= np.exp(np.random.default_rng(2).standard_normal((500, 1)))
    text = warned(X, LinearContrastive(1))
    assert "t-distribution with 1." in text


@pytest.mark.parametrize(
    "size",
    [(20, 3, 1), (60, 6, 1), (100, 10, 2), (300, 20, 3), (100, 100, 3), (60, 300, 3), (500, 2, 0)],
)
@pytest.mark.parametrize("log_sd", [0.0, 1.0])
def test_clean_samples_give_no_warning(size, log_sd):
    texts = [warned(drawn(*size, seed, log_sd=log_sd)) for seed in range(8)]
    assert texts == [None] * 8


def test_zeros_counts_and_classes_are_no_bad_entries():
    rng = np.random.default_rng(0)
    factor = rng.standard_normal((600, 1))
    rates = np.exp(0.5 * factor @ rng.uniform(0.5, 1, (1, 12)) - 2)
    zeros = np.where(rng.uniform(size=(600, 12)) < 0.6, 0.0, rng.lognormal(factor, 1, (600, 12)))
    for X in (rng.poisson(rates), zeros, (rates > 0.15).astype(float)):
        text = warned(X)
        assert text is None or "Single entries" not in text


def test_only_complete_dense_samples_of_the_unsupervised_fit_are_looked_at():
    X, _ = with_bad_rows(drawn(300, 10, 2, seed=0), 0.02)
    assert warned(X)
    assert warned(sparse.csr_array(X)) is None
    incomplete = X.copy()
    incomplete[0, 0] = np.nan
    assert warned(incomplete) is None
    assert warned(X, HeteroPCA(2)) is None
    assert warned(X, SupervisedLinearContrastive(2)) is None


def test_row_numbers_are_positions_in_x_with_weights_too():
    X, rows = with_bad_rows(drawn(300, 10, 2, seed=0), 0.02)
    weight = np.ones(300)
    weight[:100] = 0
    weight[rows] = 1
    with pytest.warns(OutlierWarning) as caught:
        LinearContrastive(2).fit(X, sample_weight=weight)
    text = str(caught[0].message)
    named = named_in(text)
    assert set(named) <= set(rows.tolist())


# --- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize("dof", [3.0, 50.0, np.inf])
@pytest.mark.parametrize("share", [1e-6, 0.01, 0.5])
def test_the_square_at_a_share_has_that_share(dof, share):
    tail = DistanceTail(1.7, dof)
    square = tail.square_at(share, 6)
    assert_allclose(tail.shares(np.array([square]), np.array([6])), share, rtol=1e-6)
    assert tail.square_at(share, 0) == 0.0


def test_the_share_is_expected_beyond_one_of_both_limits():
    X = drawn(4000, 8, 2, seed=0)
    model = LinearContrastive(2, random_state=0).fit(X[:2000])
    limits = model.outlier_limits(0.05)
    found = model.outlier_scores(X[2000:])
    beyond = (found.score_distance > limits[0]) | (found.orthogonal_distance > limits[1])
    assert_array_equal(beyond, found.share < 0.05)
    assert 0.035 < beyond.mean() < 0.065


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, np.nan])
def test_a_share_of_rows_is_between_0_and_1(share):
    model = LinearContrastive(2, random_state=0).fit(drawn(200, 8, 2, seed=0))
    with pytest.raises(ValueError, match=r"share=.* must be between 0 and 1"):
        model.outlier_limits(share)


@pytest.mark.parametrize("unit", [1e-200, 1e290])
def test_shares_of_outlying_cells_have_no_unit(unit):
    # residuals over a typical one that is 0 but for rounding are as large
    sizes = np.abs(np.random.default_rng(0).standard_t(2, size=(200, 7)))
    assert_allclose(_held_by_outlying(unit * sizes), _held_by_outlying(sizes), rtol=1e-12)
