"""The Covariance interface: every kind of storage has the same mean, variances and products."""

import inspect

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy import sparse
from scipy.stats import kurtosis
from sklearn import config_context

from sklearn_contrastive._arrays import place_of
from sklearn_contrastive._labels import read_labels
from sklearn_contrastive._targets import Targets
from sklearn_contrastive.linear._covariance.base import Covariance
from sklearn_contrastive.linear._covariance.by_class import class_covariances
from sklearn_contrastive.linear._covariance.device import DeviceRows
from sklearn_contrastive.linear._covariance.incomplete_rows import IncompleteRows
from sklearn_contrastive.linear._covariance.labelled_rows import LabelledRows
from sklearn_contrastive.linear._covariance.missing import pairwise_covariance
from sklearn_contrastive.linear._covariance.rows import DenseRows, SparseRows
from sklearn_contrastive.linear._covariance.scale import feature_scale
from sklearn_contrastive.linear._covariance.scatter import scatter_covariance
from sklearn_contrastive.linear._covariance.small_chunk import small_chunk
from sklearn_contrastive.linear._covariance.target_moments import TargetRows, TargetScatters
from sklearn_contrastive.linear._covariance.within_class import labelled_scatter

X = np.random.default_rng(0).normal(2.0, [1.0, 2.0, 0.5, 1.0, 3.0, 1.0], size=(40, 6))
X += np.random.default_rng(1).normal(size=(40, 1))
LABELS = read_labels(np.arange(40) % 3, 40)


def device_rows(samples):
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    with config_context(array_api_dispatch=True):
        tensor = torch.asarray(samples)
        return DeviceRows(tensor, None, place_of(tensor))


KINDS = {
    "ScatterCovariance": lambda samples: scatter_covariance(samples, fourth=True),
    "SmallChunk": small_chunk,
    "PairwiseCovariance": lambda samples: pairwise_covariance(samples, fourth=True),
    "IncompleteRows": IncompleteRows,
    "DenseRows": DenseRows,
    "SparseRows": lambda samples: SparseRows(sparse.csr_array(samples)),
    "DeviceRows": device_rows,
    "ClassCovariances": lambda samples: class_covariances(samples, LABELS),
    "PooledClasses": lambda samples: class_covariances(samples, LABELS).pooled(),
    "LabelledScatter": lambda samples: labelled_scatter(samples, LABELS, fourth=True),
    "LabelledRows": lambda samples: LabelledRows(DenseRows(samples), LABELS),
    "TargetScatters": lambda samples: TargetScatters(
        scatter_covariance(samples, fourth=True), pairwise_covariance(samples[:, :2]), []
    ),
    "TargetRows": lambda samples: TargetRows(
        DenseRows(samples),
        pairwise_covariance(samples[:, :2]),
        DenseRows(samples),
        Targets(samples[:, :2]),
    ),
}
LABELLED = {"ClassCovariances", "PooledClasses", "LabelledScatter", "LabelledRows"}
each_kind = pytest.mark.parametrize("kind", KINDS)


def concrete_kinds(cls=Covariance):
    """Names of the subclasses that can be made, found by walking down."""
    found = set() if inspect.isabstract(cls) else {cls.__name__}
    return found.union(*(concrete_kinds(child) for child in cls.__subclasses__()))


def test_every_kind_is_checked():
    assert concrete_kinds() == set(KINDS)


@each_kind
def test_mean_variances_and_products_are_those_of_numpy(kind):
    covariance, expected = KINDS[kind](X), np.cov(X.T)
    directions = np.random.default_rng(2).normal(size=(6, 3))
    assert covariance.n_samples == 40
    assert covariance.n_features == 6
    assert_allclose(covariance.mean, X.mean(axis=0), rtol=1e-12)
    assert_allclose(covariance.variances, np.diag(expected), rtol=1e-10)
    assert_allclose(covariance.times(directions), expected @ directions, rtol=0, atol=1e-10)
    along = directions.T @ expected @ directions
    assert_allclose(covariance.along(directions), along, rtol=0, atol=1e-9)
    assert_allclose(covariance.to_matrix(), expected, rtol=0, atol=1e-10)
    assert covariance.effective_samples(np.ones(6)) == pytest.approx(40)
    assert_allclose(covariance.kurtosis(), kurtosis(X, fisher=False), rtol=1e-10)
    assert covariance.unobserved_pairs().shape == (0, 2)
    assert 0 < covariance.rounding < 1e-15


@each_kind
def test_the_block_has_the_eigenvalues_of_the_correlation_matrix(kind):
    for samples in (X, X[:4]):  # more samples than features, and fewer
        if len(samples) < 40 and kind in LABELLED:
            continue  # one label for each of the 40 samples
        covariance = KINDS[kind](samples)
        block = covariance.correlation_block(feature_scale(covariance), 2, np.random.RandomState(0))
        values = block.improve(np.ones(6)).values[:2]
        expected = np.linalg.eigvalsh(np.corrcoef(samples.T))[::-1][:2]
        assert_allclose(values, expected, rtol=1e-8)


@each_kind
def test_mergeable_kinds_are_added_and_others_refuse(kind):
    covariance = KINDS[kind](X)
    if covariance.mergeable:
        assert_allclose((covariance + covariance).mean, X.mean(axis=0), rtol=1e-12)
        assert (covariance + covariance).n_samples == 80
    else:
        with pytest.raises(TypeError, match="unsupported operand"):
            covariance + covariance
