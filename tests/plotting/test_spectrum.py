"""SpectrumDisplay: eigenvalues in units of the noise, against dense algebra and the count."""

import warnings

import numpy as np
import pytest
from helpers.plots import LOST, STUCK, fitted_sensors, sensors
from numpy.testing import assert_allclose
from scipy.linalg import eigvalsh
from sklearn.decomposition import PCA, FactorAnalysis
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive import HeteroPCA, LinearContrastive, PairedContrastive
from sklearn_contrastive.plotting import SpectrumDisplay


@pytest.mark.parametrize("reducer", [LinearContrastive, HeteroPCA])
@pytest.mark.parametrize("shape", [(400, 30), (60, 100)])
def test_as_many_eigenvalues_are_above_the_edge_as_are_counted(reducer, shape):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((shape[0], 3)) @ rng.standard_normal((3, shape[1]))
    X += rng.uniform(0.7, 2, shape[1]) * rng.standard_normal(shape)
    model = reducer(random_state=0).fit(X)
    display = SpectrumDisplay.from_estimator(model, X)
    assert np.sum(display.values > display.noise_edge) == model.n_components_ == 3
    assert display.n_components == 3
    assert len(display.values) == min(shape[0] - 1, shape[1])


def test_rare_values_are_weighted_as_in_the_count():
    X = (np.random.default_rng(1).uniform(size=(500, 100)) < 0.01).astype(float)
    with warnings.catch_warnings(action="ignore"):
        assert LinearContrastive().fit(X).n_components_ == 0
        model = LinearContrastive(1, random_state=0).fit(X)
    display = SpectrumDisplay.from_estimator(model, X)
    assert display.values[1] < display.noise_edge


def test_values_are_those_of_the_pencil_of_covariance_and_noise():
    X = sensors().drop(columns=STUCK)
    X = X.drop(columns=LOST)
    for model in [LinearContrastive(2), PCA(2), FactorAnalysis(2)]:
        values = SpectrumDisplay.from_estimator(model.fit(X), X).values
        noise = np.broadcast_to(model.noise_variance_, X.shape[1])
        assert_allclose(values, eigvalsh(np.cov(X.T), np.diag(noise))[::-1])


def test_the_noise_of_groups_is_a_block_for_each():
    rng = np.random.default_rng(0)
    X = 2 * rng.standard_normal((500, 1)) * np.ones(8)
    X += np.repeat(rng.standard_normal((500, 4)), 2, axis=1) + rng.standard_normal((500, 8))
    model = LinearContrastive(1, feature_groups=np.arange(8) // 2, random_state=0).fit(X)
    noise = model.get_covariance() - model.loadings_ @ model.loadings_.T
    display = SpectrumDisplay.from_estimator(model, X)
    assert_allclose(display.values, eigvalsh(np.cov(X.T), noise)[::-1])
    assert np.sum(display.values > display.noise_edge) == 1


def test_without_samples_the_values_are_those_of_the_model():
    model = fitted_sensors()
    display = SpectrumDisplay.from_estimator(model)
    expected = eigvalsh(model.get_covariance(), np.diag(model.noise_variance_))[::-1]
    assert_allclose(display.values, expected[:2])
    with_samples = SpectrumDisplay.from_estimator(model, sensors())
    assert display.noise_edge == with_samples.noise_edge
    assert_allclose(display.values, with_samples.values[:2], rtol=0.02)


def test_units_of_the_features_do_not_matter():
    X = sensors()
    scaled = make_pipeline(StandardScaler(), LinearContrastive(2, random_state=0)).fit(X)
    assert_allclose(
        SpectrumDisplay.from_estimator(scaled, X).values,
        SpectrumDisplay.from_estimator(fitted_sensors(), X).values,
        rtol=0.01,
    )


def test_kept_and_left_out_values_and_the_edge_are_drawn_and_named():
    display = SpectrumDisplay.from_estimator(fitted_sensors(), sensors())
    assert_allclose(display.kept_.get_ydata(), display.values[:2])
    assert_allclose(display.left_.get_ydata(), display.values[2:])
    assert_allclose(display.left_.get_xdata(), np.arange(3, 12))
    assert set(display.edge_line_.get_ydata()) == {display.noise_edge}
    written = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    assert written == ["2 components", "left out", f"noise edge, {display.noise_edge:.3g}"]
    assert display.ax_.get_yscale() == "log"
    assert "noise = 1" in display.ax_.get_ylabel()


def test_numbers_of_components_are_integers_also_where_there_is_one():
    model = LinearContrastive(1, random_state=0).fit(sensors())
    display = SpectrumDisplay.from_estimator(model)
    low, high = display.ax_.get_xlim()
    assert [tick for tick in display.ax_.get_xticks() if low <= tick <= high] == [1]


def test_factor_analysis_without_samples_has_no_edge():
    model = FactorAnalysis(2).fit(sensors().drop(columns=STUCK))
    display = SpectrumDisplay.from_estimator(model)
    assert display.edge_line_ is None
    assert display.ax_.get_yscale() == "linear"


def test_pairs_show_their_correlations():
    X = sensors().drop(columns=STUCK)
    model = PairedContrastive(2).fit(X, groups=np.arange(400) // 2)
    display = SpectrumDisplay.from_estimator(model, X)
    assert_allclose(display.values, model.pair_correlation_)
    assert "pair" in display.ax_.get_ylabel()


def test_samples_that_cannot_be_shown_are_refused_with_advice():
    X = sensors().to_numpy(copy=True)
    X[0, 0] = np.nan
    with pytest.raises(ValueError, match="Leave X out"):
        SpectrumDisplay.from_estimator(LinearContrastive(2).fit(X), X)
    with pytest.raises(ValueError, match=r"PCA estimated is 0.*explained_variance_ratio_"):
        SpectrumDisplay.from_estimator(PCA().fit(sensors()), sensors())
