"""How people use PCA, FactorAnalysis and IncrementalPCA, tried with LinearContrastive.

Each test holds one idiom: the result means what its user thinks, or a warning or an error says what
to write instead, or the attribute that the migration tables name has that meaning.
"""

import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.decomposition import PCA, FactorAnalysis, IncrementalPCA
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import LinearContrastive
from sklearn_contrastive.exceptions import ComponentsWarning

heywood_allowed = pytest.mark.filterwarnings(
    "ignore::sklearn_contrastive.exceptions.HeywoodWarning"
)


def sensors(n_samples=2000, noise_sd=(1.0,) * 17 + (10.0, 20.0, 30.0), seed=0):
    """Three causes of unequal strength, measured by sensors of which three are bad."""
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((n_samples, 3))
    mixing = np.array([[3.0], [2.0], [1.5]]) * rng.standard_normal((3, len(noise_sd)))
    X = hidden @ mixing + noise_sd * rng.standard_normal((n_samples, len(noise_sd)))
    return X, hidden


def digits():
    return load_digits(return_X_y=True)[0]


# --- how much variance is kept -------------------------------------------------------------------


def test_cumulated_ratios_are_the_share_of_variance_that_projections_keep():
    X, _ = sensors()
    model = LinearContrastive(3, random_state=0).fit(X)
    centred = X - X.mean(axis=0)
    for k, share in enumerate(np.cumsum(model.explained_variance_ratio_), start=1):
        projected = centred @ model.components_[:k].T @ model.components_[:k]
        assert share == pytest.approx(1 - np.sum((centred - projected) ** 2) / np.sum(centred**2))


@pytest.mark.filterwarnings("ignore:A component rests on one feature")
@pytest.mark.parametrize("share", [0.8, 0.95])
@pytest.mark.parametrize("max_iter", [0, 100])
@pytest.mark.parametrize("data", ["digits", "sensors"])
@heywood_allowed
def test_a_number_for_a_share_of_the_common_variance_is_found_without_a_warning(
    data, max_iter, share
):
    X = digits() if data == "digits" else sensors()[0]
    # instead of PCA().fit(X)
    every = LinearContrastive(None, max_iter=max_iter, random_state=0).fit(X)
    shares = np.cumsum(every.common_variance_) / np.sum(every.common_variance_)
    n_components = int(np.searchsorted(shares, share)) + 1
    assert 1 <= n_components <= every.n_components_
    model = LinearContrastive(n_components, random_state=0).fit(X)
    assert model.n_components_ == n_components


@pytest.mark.parametrize("share", [0.5, 0.95])
def test_a_float_warns_with_the_share_that_is_kept_and_that_of_pca(share):
    X, _ = sensors(noise_sd=np.full(20, 8.0))  # most of the variance is noise
    with pytest.warns(
        ComponentsWarning, match="share of the variance that features have"
    ) as caught:
        model = LinearContrastive(share, random_state=0).fit(X)
    kept = model.explained_variance_ratio_.sum()
    assert kept < 0.9 * share
    assert f"keep {kept:.2f} of the total variance" in str(caught[0].message)
    assert f"PCA(n_components={share:g}) would keep at least {share:g}" in str(caught[0].message)


def test_a_float_does_not_warn_where_nearly_as_much_is_kept():
    X = sensors(noise_sd=np.full(20, 0.3))[0]
    model = LinearContrastive(0.95, random_state=0).fit(X)
    assert model.explained_variance_ratio_.sum() > 0.9


# --- number of columns ---------------------------------------------------------------------------


@pytest.mark.parametrize("n_features", [2, 3, 4])
def test_the_limit_of_the_automatic_number_warns_when_it_is_reached(n_features):
    rng = np.random.default_rng(0)
    n_factors = n_features // 2
    X = rng.standard_normal((300, n_factors)) @ rng.standard_normal((n_factors, n_features))
    X += 0.3 * rng.standard_normal(X.shape)
    model = LinearContrastive(random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        model.fit(X)
    limited = f'n_components="auto" stopped at its limit, {n_factors} for {n_features} features'
    said = any(limited in str(each.message) for each in caught)
    assert said == (model.n_components_ == n_factors)
    assert n_features != 2 or said


@pytest.mark.parametrize("seed", range(5))
def test_independent_features_warn_that_there_is_no_component(seed):
    X = np.random.default_rng(seed).standard_normal((400, 6))
    with pytest.warns(ComponentsWarning, match="No component was found"):
        LinearContrastive().fit(X)


def test_the_number_of_columns_of_a_stream_stays_with_an_integer():
    model, widths = LinearContrastive(3, random_state=0), set()
    for chunk in np.array_split(sensors()[0], 6):
        widths.add(model.partial_fit(chunk).transform(chunk).shape[1])
    assert widths == {3}


def test_scores_are_unpacked_and_named():
    X = pd.DataFrame(sensors()[0])
    X.columns = [f"sensor {i}" for i in X]
    scores = LinearContrastive(2, random_state=0).fit_transform(X)
    x, y = scores.T
    assert x.shape == y.shape == (2000,)
    assert pd.DataFrame(scores, columns=["PC1", "PC2"]).shape == (2000, 2)
    table = LinearContrastive(2).set_output(transform="pandas").fit_transform(X)
    assert table.columns.tolist() == ["linearcontrastive0", "linearcontrastive1"]


def test_a_grid_uses_the_name_of_the_step():
    X, hidden = sensors(500)
    y = hidden[:, 0] > 0
    steps = [("pca", LinearContrastive(random_state=0)), ("model", LogisticRegression())]
    search = GridSearchCV(Pipeline(steps), {"pca__n_components": [1, 3]}, cv=3).fit(X, y)
    assert search.best_params_ == {"pca__n_components": 3}
    assert search.best_score_ > 0.85


# --- scores computed elsewhere -------------------------------------------------------------------


def test_a_model_on_scores_is_served_by_the_scoring_matrix(tmp_path):
    X, hidden = sensors()
    target = hidden @ [1.0, 2.0, 3.0]
    reducer = LinearContrastive(3, random_state=0).fit(X)
    model = LinearRegression().fit(reducer.transform(X), target)
    np.savez(tmp_path / "reducer.npz", mean=reducer.mean_, scoring=reducer.scoring_matrix_)
    saved = np.load(tmp_path / "reducer.npz")
    served = model.score((X - saved["mean"]) @ saved["scoring"].T, target)
    assert served == pytest.approx(model.score(reducer.transform(X), target), abs=1e-9)
    assert served > 0.9
    # the projection of PCA is another thing, unless the scores are projections
    assert model.score((X - reducer.mean_) @ reducer.components_.T, target) < served - 0.05
    projected = LinearContrastive(3, noise_weighted=False, random_state=0).fit(X)
    expected = (X - projected.mean_) @ projected.components_.T
    assert_allclose(projected.transform(X), expected, atol=1e-9)


@heywood_allowed
def test_the_normal_of_a_plane_is_orthogonal_to_its_two_components():
    rng = np.random.default_rng(0)
    points = rng.standard_normal((500, 2)) @ np.array([[1.0, 0, 1], [0, 1, 1]])
    points += 0.02 * rng.standard_normal(points.shape)
    normal = np.array([1.0, 1, -1]) / np.sqrt(3)
    model = LinearContrastive(2).fit(points)
    found = np.linalg.svd(model.components_)[2][-1]  # instead of the last row of three components
    assert np.degrees(np.arccos(min(1.0, abs(found @ normal)))) < 0.2
    with pytest.warns(ComponentsWarning, match="components"):
        LinearContrastive(3).fit(points)


def test_scores_have_the_variances_and_norms_that_the_attributes_say():
    X, _ = sensors()
    model = LinearContrastive(3, random_state=0)
    scores = model.fit_transform(X)
    assert_allclose(scores.var(axis=0, ddof=1), model.explained_variance_, rtol=1e-8)
    assert_allclose(np.linalg.norm(scores, axis=0), model.singular_values_, rtol=1e-8)


# --- distances and anomalies ---------------------------------------------------------------------


def anomalies():
    """Standardised healthy samples to fit, and others to rank: healthy ones and 20 malignant."""
    X, y = load_breast_cancer(return_X_y=True)
    healthy = np.random.default_rng(0).permutation(X[y == 1])
    scaler = StandardScaler().fit(healthy[:250])
    others = np.vstack([healthy[250:], X[y == 0][:20]])
    return scaler.transform(healthy[:250]), scaler.transform(others), np.arange(127) >= 107


@heywood_allowed
def test_anomalies_are_found_by_the_likelihood_rather_than_by_reconstruction():
    healthy, others, is_anomaly = anomalies()
    pca = PCA(0.95).fit(healthy)
    residual = others - pca.inverse_transform(pca.transform(others))
    rival = roc_auc_score(is_anomaly, np.sum(residual**2, axis=1))
    model = LinearContrastive(5, random_state=0).fit(healthy)
    assert roc_auc_score(is_anomaly, -model.score_samples(others)) > rival - 0.01


@heywood_allowed
def test_whitened_scores_give_distances_within_the_components_and_the_precision_all_of_them():
    healthy, others, is_anomaly = anomalies()
    whitened = PCA(whiten=True).fit(healthy).transform(others)
    rival = roc_auc_score(is_anomaly, np.sum(whitened**2, axis=1))
    model = LinearContrastive(5, whiten=True, random_state=0).fit(healthy)
    plain = LinearContrastive(5, random_state=0).fit(healthy)
    scores = plain.transform(others)
    covariance = np.cov(plain.transform(healthy).T)
    within = np.sum(scores @ np.linalg.inv(covariance) * scores, axis=1)
    assert_allclose(np.sum(model.transform(others) ** 2, axis=1), within, rtol=1e-6)
    centred = others - model.mean_
    squares = np.sum(centred @ model.get_precision() * centred, axis=1)
    assert roc_auc_score(is_anomaly, squares) > rival - 0.01
    constant = -0.5 * (30 * np.log(2 * np.pi) + np.linalg.slogdet(model.get_covariance())[1])
    assert_allclose(model.score_samples(others), constant - squares / 2, rtol=1e-6)


# --- factor analysis -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def standardised():
    return StandardScaler().fit_transform(sensors(5000)[0])


@pytest.fixture(scope="module")
def factor_analysis(standardised):
    return FactorAnalysis(3, tol=1e-10, max_iter=10000, svd_method="lapack").fit(standardised)


@pytest.fixture(scope="module")
def reducer(standardised):
    return LinearContrastive(3, random_state=0).fit(standardised)


def test_loadings_are_those_of_factor_analysis_up_to_a_rotation(reducer, factor_analysis):
    found = reducer.loadings_ @ reducer.loadings_.T
    expected = factor_analysis.components_.T @ factor_analysis.components_
    assert_allclose(found, expected, atol=0.01)
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((3, 3)))[0]
    rotated = reducer.loadings_ @ rotation  # any rotation is the same model
    assert_allclose(rotated @ rotated.T, found, atol=1e-12)


def test_communalities_are_those_of_factor_analysis(reducer, factor_analysis):
    expected = np.sum(factor_analysis.components_**2, axis=0)
    assert_allclose(reducer.communalities_, expected, atol=0.01)


def test_covariance_of_the_model_is_that_of_factor_analysis(reducer, factor_analysis, standardised):
    assert_allclose(reducer.get_covariance(), factor_analysis.get_covariance(), atol=0.01)
    assert_allclose(reducer.get_covariance(), np.cov(standardised.T), atol=0.06)


def test_loadings_of_standardised_features_are_correlations_with_factors():
    X, hidden = sensors(20000)
    model = make_pipeline(StandardScaler(), LinearContrastive(3, random_state=0)).fit(X)
    loadings = model[-1].loadings_
    assert np.abs(loadings).max() <= 1
    correlations = np.corrcoef(X.T, hidden.T)[:20, 20:]
    assert_allclose(loadings @ loadings.T, correlations @ correlations.T, atol=0.03)


def test_arrows_of_a_biplot_point_with_the_scores(reducer, standardised):
    scores = reducer.transform(standardised)
    correlations = np.corrcoef(standardised.T, scores.T)[:20, 20:]
    strong = np.abs(reducer.loadings_) > 0.3
    assert strong.any(axis=0).all()
    assert np.all(np.sign(correlations[strong]) == np.sign(reducer.loadings_[strong]))


def test_whitened_scores_have_the_unit_variance_of_scores_of_factor_analysis(standardised):
    scores = LinearContrastive(3, whiten=True, random_state=0).fit_transform(standardised)
    assert_allclose(scores.std(axis=0, ddof=1), 1, rtol=1e-6)


def test_score_is_the_mean_likelihood_of_factor_analysis(reducer, factor_analysis, standardised):
    assert reducer.score(standardised) == pytest.approx(
        factor_analysis.score(standardised), abs=0.01
    )
    assert len(standardised) * reducer.score(standardised) == pytest.approx(
        factor_analysis.loglike_[-1], rel=1e-3
    )


def test_the_mean_noise_variance_is_the_number_of_pca_where_noise_is_equal():
    X, _ = sensors(noise_sd=np.full(20, 1.0))
    noise = LinearContrastive(3, random_state=0).fit(X).noise_variance_
    assert noise.shape == (20,)
    assert noise.mean() == pytest.approx(PCA(3).fit(X).noise_variance_, rel=0.02)


# --- chunks --------------------------------------------------------------------------------------


def test_chunks_count_samples_and_variances_as_incremental_pca_does():
    X, _ = sensors()
    model, rival = LinearContrastive(3, random_state=0), IncrementalPCA(3)
    for chunk in np.array_split(X, 4):
        model.partial_fit(chunk)
        rival.partial_fit(chunk)
    assert model.n_samples_seen_ == rival.n_samples_seen_ == 2000
    assert_allclose(model.mean_, rival.mean_, atol=1e-10)
    assert_allclose(np.diag(model.get_covariance()), rival.var_, rtol=0.02)


def test_clusters_of_scores_need_a_scaler_or_whitening_as_those_of_pca_do():
    X, _ = load_wine(return_X_y=True)
    scaled = make_pipeline(StandardScaler(), LinearContrastive(3, random_state=0))
    plain = LinearContrastive(3, random_state=0)
    assert np.ptp(np.log(scaled.fit_transform(X).std(axis=0))) < 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert np.ptp(np.log(plain.fit_transform(X).std(axis=0))) > 2
        whitened = LinearContrastive(3, whiten=True, random_state=0).fit_transform(X)
    assert_allclose(whitened.std(axis=0, ddof=1), 1, rtol=1e-6)
