"""Rivals, spoilt tables and goals of the benchmark of noise regimes."""

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline

from benchmarks._common import spoilt
from benchmarks._common.spiked import haar, spiked_sample, subspace_error
from benchmarks.linear import _noise_regime_methods as methods
from benchmarks.linear import _outlier_rivals as outliers
from benchmarks.linear._noise_regime_draws import REGIMES, draw
from benchmarks.linear._row_noise_rivals import (
    equal_noise_factors,
    factors_of_known_noise,
    heppcat,
    lr_alpcah,
)

SHAPE = (400, 30, 2, 1.0)


def sample(row_sd, seed=0, n=500, d=30, r=2):
    """True subspace and centred rows of equal columns whose noise has the given sds."""
    rng = np.random.default_rng(seed)
    U = haar(rng, d, r)
    noise = np.asarray(row_sd)[:, None] * rng.standard_normal((n, d))
    X = spiked_sample(rng, n, U, 1.0, np.zeros(d)) + noise
    return U, X - np.median(X, axis=0)


def test_heppcat_with_one_group_is_probabilistic_pca():
    _, X = sample(np.full(500, 0.5))
    X = X - X.mean(axis=0)
    components, variance = heppcat(X, 2, np.zeros(500, int))
    basis = PCA(2).fit(X).components_
    assert subspace_error(components, basis.T) < 1e-6
    _, expected = equal_noise_factors(X, 2)
    np.testing.assert_allclose(variance, expected, rtol=1e-3)


@pytest.mark.parametrize("seed", range(3))
def test_rivals_of_noisy_rows_beat_pca_with_two_groups(seed):
    groups = np.arange(500) % 2
    U, X = sample(np.where(groups, 3.0, 0.3), seed)
    pca = subspace_error(PCA(2).fit(X).components_, U)
    known = subspace_error(factors_of_known_noise(X, 2, np.where(groups, 9.0, 0.09)), U)
    found, variance = heppcat(X, 2, groups)
    for components in (found, heppcat(X, 2)[0], lr_alpcah(X, 2)[0]):
        # with 30 columns and 250 good rows, the known noise is the best there is
        assert subspace_error(components, U) < min(0.5 * pca, 1.3 * known)
    np.testing.assert_allclose(np.sqrt(variance[:2]), [0.3, 3.0], rtol=0.05)


def test_row_variances_are_recovered_without_groups():
    row_sd = np.exp(np.random.default_rng(1).standard_normal(500))
    _, X = sample(row_sd)
    for method in (heppcat, lr_alpcah):
        _, variance = method(X, 2)
        assert np.corrcoef(np.log(variance), 2 * np.log(row_sd))[0, 1] > 0.95


def test_an_expectation_maximisation_step_does_not_lower_the_likelihood():
    from scipy.stats import multivariate_normal

    from benchmarks.linear._row_noise_rivals import factor_step

    v = np.array([0.1, 1.0] * 20)
    rng = np.random.default_rng(0)
    Y, F = rng.standard_normal((40, 5)), rng.standard_normal((5, 2))

    def likelihood(F):
        covariances = [F @ F.T + variance * np.eye(5) for variance in v]
        return sum(
            multivariate_normal.logpdf(y, cov=covariance)
            for y, covariance in zip(Y, covariances, strict=True)
        )

    steps = [F]
    for _ in range(5):
        steps.append(factor_step(Y, steps[-1], v))
    assert np.all(np.diff([likelihood(step) for step in steps]) > 0)


def test_capped_columns_move_outliers_only():
    x = np.r_[np.arange(-5.0, 6.0), 1000.0]
    X = np.column_stack([x, np.r_[np.zeros(11), 7.0]])
    capped = outliers.CappedColumns().fit(X).transform(X)
    np.testing.assert_array_equal(capped[:-1], X[:-1])
    assert capped[-1, 0] == pytest.approx(0.5 + 4 * 1.4826 * 3)
    # more than half of its values are equal
    assert capped[-1, 1] == 7.0


def test_every_rival_names_its_subspace():
    rng = np.random.default_rng(0)
    U = haar(rng, 12, 2)
    X = spiked_sample(rng, 1000, U, 4.0, rng.uniform(0.5, 1.5, 12))
    rivals = outliers.rivals(2, len(X))
    rivals["MinCovDet+PCA"] = outliers.PCAWithoutOutlyingRows(2, outliers.kept_by_covariance)
    for name, rival in rivals.items():
        rival.fit(X)
        assert subspace_error(outliers.directions(rival, X), U) < 0.2, name
        assert rival.transform(X).shape == (1000, 2)
        if isinstance(rival, Pipeline):
            assert name.endswith(("PCA", "FA"))


@pytest.mark.parametrize("detector", [outliers.kept_by_forest, outliers.kept_by_covariance])
def test_detectors_drop_gross_rows(detector):
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((300, 6))
    Z[:10] *= 15
    kept = detector(Z)
    assert not kept[:10].any()
    assert kept[10:].mean() > 0.8


@pytest.mark.parametrize(
    ("spoil", "argument", "share"),
    [
        (spoilt.gross_rows, 0.02, 0.02),
        (spoilt.gross_cells, 0.05, 0.05),
        (spoilt.swapped_cells, 0.1, 0.1),
        (spoilt.noisy_rows, 1.0, 1.0),
        (spoilt.noisy_columns, 2, 0.1),
    ],
)
def test_spoilt_entries_are_those_of_the_mask(spoil, argument, share):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((500, 20)) * np.arange(1, 21) + 7
    changed, bad = spoil(rng, X, argument)
    np.testing.assert_array_equal(changed != X, bad)
    assert bad.mean() == pytest.approx(share, rel=0.1)
    if spoil is spoilt.swapped_cells:
        np.testing.assert_array_equal(np.sort(changed, axis=0), np.sort(X, axis=0))


@pytest.mark.parametrize("regime", REGIMES)
def test_draws_are_repeatable_and_know_the_truth(regime):
    sample, again = draw(SHAPE, regime, 3), draw(SHAPE, regime, 3)
    np.testing.assert_array_equal(sample.X, again.X)
    known = ~np.isnan(sample.X) & ~sample.bad
    np.testing.assert_array_equal(sample.X[known], sample.clean[known])
    assert len(np.bincount(sample.groups)) in (1, 2, len(sample.X))
    # what knows the noise is near the truth
    assert subspace_error(methods.oracle(sample, 2), sample.subspace) < 0.6


def test_rows_bad_from_end_to_end_are_left_out():
    X = np.arange(12.0).reshape(4, 3)
    bad = np.zeros((4, 3), bool)
    assert methods.without_bad(X, bad) is not None
    bad[1], bad[2, 0] = True, True
    kept = methods.without_bad(X, bad)
    assert kept.shape == (3, 3)
    np.testing.assert_array_equal(np.isnan(kept), [[0, 0, 0], [1, 0, 0], [0, 0, 0]])
