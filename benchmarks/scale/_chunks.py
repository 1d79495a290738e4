"""Chunks of samples that are drawn where they are needed, each from its own seed."""

import numpy as np
from scipy import sparse

from .._common.spiked import haar, spiked_sample

__all__ = ["N_COMPONENTS", "cells", "sensors", "sensors_subspace"]

N_COMPONENTS = 10
# seeds of what all chunks share, and of the chunks
_SHARED, _OF_CHUNKS = 0, 1
# stored entries of a row: log-normal, as the numbers of genes that are seen in cells
_ROW_SPREAD = 0.3


def sensors_subspace(n_features):
    """The true subspace of `sensors` and the noise of each feature."""
    rng = np.random.default_rng(_SHARED)
    return haar(rng, n_features, N_COMPONENTS), rng.uniform(0.5, 1.5, n_features)


def sensors(number, n_rows, n_features):
    """Chunk `number` of dense samples: low rank plus uneven noise."""
    rng = np.random.default_rng([_OF_CHUNKS, number])
    subspace, noise = sensors_subspace(n_features)
    return spiked_sample(rng, n_rows, subspace, 2.0, noise)


def cells(number, n_rows, n_features, density):
    """Chunk `number` of sparse samples: each row is of one of eleven kinds, with its own genes."""
    rates = np.random.default_rng(_SHARED).gamma(0.5, size=(N_COMPONENTS + 1, n_features)) + 0.1
    shares = np.cumsum(rates / rates.sum(axis=1, keepdims=True), axis=1)
    rng = np.random.default_rng([_OF_CHUNKS, number])
    kinds = rng.integers(len(rates), size=n_rows)
    # genes that are drawn twice are one entry
    drawn = 1.068 * density * n_features * rng.lognormal(-(_ROW_SPREAD**2) / 2, _ROW_SPREAD, n_rows)
    rows = np.repeat(np.arange(n_rows), np.rint(drawn).astype(int))
    # one search in the distributions of all kinds: that of kind k lies between k and k + 1
    below = (shares + np.arange(len(rates))[:, None]).ravel()
    genes = np.searchsorted(below, kinds[rows] + rng.random(len(rows)))
    genes = np.minimum(genes - kinds[rows] * n_features, n_features - 1)
    counts = sparse.coo_array((np.ones(len(rows)), (rows, genes)), (n_rows, n_features)).tocsr()
    counts.data = np.log1p(counts.data * rng.gamma(2.0, size=counts.nnz))
    return counts
