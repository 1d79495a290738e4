"""Tables spoilt in known places: bad rows, bad cells, noisy rows, noisy columns.

Errors are measured in standard deviations of each column before it is spoilt. Each function returns
the spoilt table and a mask of the spoilt entries.
"""

import numpy as np

GROSS_SD = 10.0


def gross_rows(rng, X, share):
    """A share of the rows, at least one, replaced by noise of ten standard deviations."""
    rows = rng.permutation(len(X))[: max(1, round(share * len(X)))]
    bad = np.zeros(X.shape, bool)
    bad[rows] = True
    return _replaced(rng, X, bad), bad


def gross_cells(rng, X, share):
    """Each entry replaced, with the probability `share`, by noise of ten standard deviations."""
    bad = rng.random(X.shape) < share
    return _replaced(rng, X, bad), bad


def swapped_cells(rng, X, share):
    """A share of the entries of each column moved to another row: no value is an outlier."""
    n, d = X.shape
    spoilt, bad = X.copy(), np.zeros(X.shape, bool)
    for j in range(d):
        rows = rng.permutation(n)[: max(2, round(share * n))]
        spoilt[rows, j] = X[np.roll(rows, 1), j]
        bad[rows, j] = True
    return spoilt, bad


def noisy_rows(rng, X, log_sd):
    """Noise whose sd, in standard deviations of the column, is log-normal over rows, median .5."""
    row_sd = 0.5 * np.exp(log_sd * rng.standard_normal(len(X)))
    noise = row_sd[:, None] * rng.standard_normal(X.shape)
    return X + X.std(axis=0) * noise, np.ones(X.shape, bool)


def noisy_columns(rng, X, count):
    """Noise of ten standard deviations added to `count` columns."""
    columns = rng.permutation(X.shape[1])[:count]
    bad = np.zeros(X.shape, bool)
    bad[:, columns] = True
    return X + bad * GROSS_SD * X.std(axis=0) * rng.standard_normal(X.shape), bad


def as_shipped(rng, X):
    """The table as it is."""
    return X, np.zeros(X.shape, bool)


def _replaced(rng, X, bad):
    noise = X.mean(axis=0) + GROSS_SD * X.std(axis=0) * rng.standard_normal(X.shape)
    return np.where(bad, noise, X)
