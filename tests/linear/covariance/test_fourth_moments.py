"""Third and fourth moments: exact in blocks, chunks and weights, in every kind of storage."""

import numpy as np
import pytest
from helpers.strategies import SEEDS
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.stats import kurtosis, skew

from sklearn_contrastive._labels import read_labels
from sklearn_contrastive.linear._covariance.by_class import class_covariances
from sklearn_contrastive.linear._covariance.incomplete_rows import IncompleteRows
from sklearn_contrastive.linear._covariance.missing import pairwise_covariance
from sklearn_contrastive.linear._covariance.rows import DenseRows, row_covariance
from sklearn_contrastive.linear._covariance.scatter import ScatterCovariance, scatter_covariance
from sklearn_contrastive.linear._covariance.within_class import labelled_scatter


def skewed(n_samples, seed, offset=0.0):
    """Samples with long tails, and some zeros."""
    rng = np.random.default_rng(seed)
    X = np.exp(rng.normal(size=(n_samples, 4)))
    X[rng.uniform(size=X.shape) < 0.3] = 0.0
    return X + offset


def read(X, weight=None, **options):
    return scatter_covariance(X, weight, fourth=True, **options)


@given(
    n_rows=st.integers(1, 50), offset=st.sampled_from([0.0, 3.0, -1e4]), seed=st.integers(0, 1000)
)
def test_moments_of_blocks_are_those_of_all_rows(n_rows, offset, seed):
    X = skewed(60, seed, offset)
    moments = read(X, block_rows=n_rows).moments
    # a mean m loses eps m of a deviation
    assert_allclose(60 * moments.fourth, kurtosis(X, fisher=False), rtol=1e-9)
    assert_allclose(np.sqrt(60) * moments.third, skew(X), rtol=1e-8, atol=1e-8)


@given(cuts=st.lists(st.integers(0, 60), max_size=4), seed=SEEDS)
def test_moments_of_chunks_in_any_order_are_those_of_all_rows(cuts, seed):
    X = skewed(60, seed, 2.0)
    chunks = np.split(X, sorted(cuts))
    total = ScatterCovariance.empty(4)
    for chunk in np.random.default_rng(seed).permutation(len(chunks)):
        if len(chunks[chunk]):
            total = total + read(chunks[chunk])
    assert_allclose(total.kurtosis(), kurtosis(X, fisher=False), rtol=1e-9)


@pytest.mark.parametrize("form", [np.float64, np.float32, sparse.csr_array])
@pytest.mark.parametrize("reader", [read, row_covariance])
def test_weights_are_repetitions(reader, form):
    X, weight = skewed(40, 0), np.random.default_rng(1).integers(0, 4, size=40).astype(float)
    stored = form(X) if form is sparse.csr_array else X.astype(form)
    expected = kurtosis(np.repeat(X, weight.astype(int), axis=0), fisher=False)
    rtol = 1e-4 if form is np.float32 else 1e-9
    assert_allclose(reader(stored, weight).kurtosis(), expected, rtol=rtol)


@pytest.mark.parametrize("unit", [1e-12, 1e12, 1e17])
def test_the_unit_of_the_features_does_not_matter_in_float32(unit):
    X = skewed(50, 0)
    for reader in (read, row_covariance):
        found = reader((X * unit).astype(np.float32)).kurtosis()
        assert_allclose(found, kurtosis(X, fisher=False), rtol=1e-4)


def test_moments_of_gaps_are_those_of_the_observed_entries():
    X = skewed(80, 0, 5.0)
    X[np.random.default_rng(1).uniform(size=X.shape) < 0.2] = np.nan
    expected = kurtosis(X, fisher=False, nan_policy="omit")
    assert_allclose(pairwise_covariance(X, fourth=True).kurtosis(), expected, rtol=1e-9)
    halves = pairwise_covariance(X[:30], fourth=True) + pairwise_covariance(X[30:], fourth=True)
    assert_allclose(halves.kurtosis(), expected, rtol=1e-9)
    with_complete = read(skewed(30, 1)) + pairwise_covariance(X, fourth=True)
    both = np.vstack([skewed(30, 1), X])
    assert_allclose(
        with_complete.kurtosis(), kurtosis(both, fisher=False, nan_policy="omit"), rtol=1e-9
    )
    # the rows of fewer samples than features are centred once more: equal to a few per cent
    assert_allclose(IncompleteRows(X).kurtosis(), expected, rtol=0.05)


def test_labelled_samples_have_the_moments_of_all_samples():
    X, labels = skewed(90, 0), read_labels(np.arange(90) % 3, 90)
    expected = kurtosis(X, fisher=False)
    assert_allclose(class_covariances(X, labels).kurtosis(), expected, rtol=1e-9)
    for form in (np.asarray, sparse.csr_array):
        assert_allclose(
            labelled_scatter(form(X), labels, fourth=True).kurtosis(), expected, rtol=1e-9
        )


def test_a_memory_map_has_the_moments_of_its_rows(tmp_path):
    X = skewed(50, 0)
    file = np.memmap(tmp_path / "X", float, "w+", shape=X.shape)
    file[:] = X
    rows = DenseRows(file, block_bytes=7 * X.itemsize * 4)
    assert_allclose(rows.kurtosis(), kurtosis(X, fisher=False), rtol=1e-9)


def test_moments_that_were_not_read_are_unknown():
    X = skewed(20, 0)
    assert scatter_covariance(X).kurtosis() is None
    assert (scatter_covariance(X) + read(X)).kurtosis() is None
    assert pairwise_covariance(X).kurtosis() is None
