"""impute, and the continuity of a fit in the number of missing entries."""

import numpy as np
import pandas as pd
import pytest
from helpers.strategies import separate_factors, with_gaps
from numpy.testing import assert_allclose, assert_array_equal

from sklearn_contrastive import HeteroPCA, LinearContrastive

X, _ = separate_factors(300, 12, 2, np.array([4.0, 5.0]), (0.7, 1.4), 2.0, 0)
GAPS = with_gaps(X, 0.3, 0)
GAPS[-1] = np.nan
MODELS = [
    LinearContrastive(2, random_state=0),
    LinearContrastive(2, max_iter=0, random_state=0),
    HeteroPCA(2, random_state=0),
]


def slow_conditional_mean(X, mean, covariance):
    """mean + covariance of missing and observed entries times the inverse of that of the latter."""
    filled = X.copy()
    for row in filled:
        gap = np.isnan(row)
        across, inside = covariance[np.ix_(gap, ~gap)], covariance[np.ix_(~gap, ~gap)]
        row[gap] = mean[gap] + across @ np.linalg.solve(inside, (row - mean)[~gap])
    return filled


@pytest.mark.parametrize("model", MODELS, ids=["fit", "closed form", "HeteroPCA"])
def test_missing_entries_get_their_conditional_mean_under_the_model(model):
    model.fit(GAPS)
    filled = model.impute(GAPS)
    expected = slow_conditional_mean(GAPS, model.mean_, model.get_covariance())
    assert_allclose(filled, expected, rtol=1e-9, atol=1e-9)
    assert_array_equal(filled[~np.isnan(GAPS)], GAPS[~np.isnan(GAPS)])
    assert_array_equal(filled[-1], model.mean_)


def test_any_container_and_float32_are_filled():
    model = LinearContrastive(2, random_state=0).fit(GAPS)
    filled = model.impute(GAPS)
    half = model.impute(GAPS.astype(np.float32))
    assert half.dtype == np.float32
    assert_allclose(half, filled, rtol=1e-4, atol=1e-4)
    frame = pd.DataFrame(GAPS)
    named = LinearContrastive(2, random_state=0).fit(frame)
    assert_allclose(named.impute(frame), filled, rtol=1e-9)
    assert isinstance(named.impute(frame), np.ndarray)
    assert_array_equal(model.impute(X[:3].astype(int)), X[:3].astype(int).astype(float))


def test_samples_are_not_modified_and_complete_ones_are_copied():
    model, kept = LinearContrastive(2, random_state=0).fit(GAPS), GAPS.copy()
    model.impute(GAPS)
    assert_array_equal(GAPS, kept)
    copy = model.impute(X)
    assert_array_equal(copy, X)
    assert not np.shares_memory(copy, X)


def test_zero_components_fill_with_the_mean():
    model = LinearContrastive(0).fit(GAPS)
    filled = model.impute(GAPS)
    assert_allclose(filled[np.isnan(GAPS)], np.broadcast_to(model.mean_, X.shape)[np.isnan(GAPS)])


def test_feature_groups_refuse_to_fill():
    model = LinearContrastive(2, feature_groups=np.arange(12) // 3, random_state=0).fit(X)
    with pytest.raises(ValueError, match="feature_groups needs complete samples"):
        model.impute(GAPS)


def test_filling_is_more_accurate_than_the_mean():
    filled = LinearContrastive(2, random_state=0).fit(GAPS).impute(GAPS)
    hidden = np.isnan(GAPS)
    of_mean = (np.nanmean(GAPS, axis=0) - X)[hidden]
    assert np.mean((filled - X)[hidden] ** 2) < 0.5 * np.mean(of_mean**2)


# --- one missing entry ---------------------------------------------------------------------------


def unequal_sample(n, d, k, seed):
    """k factors with normal loadings; two noisy features."""
    rng = np.random.default_rng(seed)
    noise = np.r_[2.0, 2.0, np.full(d - 2, 0.5)]
    return rng.normal(size=(n, k)) @ rng.normal(size=(k, d)) + noise * rng.normal(size=(n, d))


@pytest.mark.parametrize(
    ("n", "d", "k", "seed"), [(200, 10, 4, 5), (400, 12, 3, 0), (2000, 12, 3, 3), (100, 20, 3, 7)]
)
def test_one_missing_entry_changes_no_noise_variance_by_one_percent(n, d, k, seed):
    complete = unequal_sample(n, d, k, seed)
    gap = complete.copy()
    gap[0, 0] = np.nan
    full, one = (LinearContrastive(k, random_state=0, tol=1e-8).fit(Y) for Y in (complete, gap))
    default = LinearContrastive(k, random_state=0).fit(gap)
    for model in (one, default):
        assert_allclose(model.noise_variance_, full.noise_variance_, rtol=0.01)


@pytest.mark.parametrize("share", [0.0005, 0.1, 0.4])
def test_passes_end_within_a_twentieth_of_a_standard_error_and_tol_is_obeyed(share):
    rng = np.random.default_rng(1)
    complete = unequal_sample(400, 12, 3, 1)
    gaps = np.where(rng.uniform(size=complete.shape) < share, np.nan, complete)
    gaps[0, 0] = np.nan
    default, tight, tighter = (
        LinearContrastive(3, tol=tol, max_iter=1000, random_state=0).fit(gaps).noise_variance_
        for tol in (1e-6, 1e-8, 1e-11)
    )
    errors = np.sqrt(2 / np.sum(~np.isnan(gaps), axis=0))
    assert np.all(np.abs(np.log(default / tighter)) <= 0.05 * errors)
    # judged from norms of all parameters, so that single ones may exceed it a little
    assert np.abs(np.log(tight / tighter)).max() <= 3e-8


def test_entries_near_the_largest_float_leave_a_finite_row():
    X = np.random.default_rng(0).normal(size=(30, 4)) @ np.eye(4, 4)[:, [0, 0, 1, 1]]
    model = HeteroPCA(1, random_state=0).fit(X)
    row = np.array([[1e299, -1e299, np.nan, np.nan]])
    assert np.isfinite(model.impute(row)).all()
