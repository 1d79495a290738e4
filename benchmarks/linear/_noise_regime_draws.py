"""Spiked models with noise that differs between columns, rows or cells."""

from dataclasses import dataclass, field

import numpy as np

from .._common.spiked import haar
from .._common.spoilt import gross_cells, gross_rows, swapped_cells

#: n, d, r and the sd of each signal
SHAPES = ((500, 100, 5, 1.0), (2000, 20, 3, 1.0), (100, 200, 3, 4.0))
MEDIAN_SD = 0.5
#: features in a group that shares noise
GROUP_SIZE = 5


@dataclass(frozen=True)
class Regime:
    """Log-sds of the noise of columns and rows, and how the sample is spoilt then."""

    column_log_sd: float = 0.5
    row_log_sd: float = 0.0
    two_groups: bool = False
    missing: float = 0.0
    shared: bool = False
    spoil: tuple = ()


REGIMES = {
    "equal": Regime(column_log_sd=0.0),
    "columns, log-sd 1": Regime(column_log_sd=1.0),
    "rows in two groups": Regime(column_log_sd=0.0, two_groups=True),
    "rows, log-sd .5": Regime(column_log_sd=0.0, row_log_sd=0.5),
    "rows, log-sd 1": Regime(column_log_sd=0.0, row_log_sd=1.0),
    "columns and rows, log-sd .5": Regime(row_log_sd=0.5),
    "columns and rows, log-sd 1": Regime(row_log_sd=1.0),
    "rows, 30 % missing": Regime(row_log_sd=1.0, missing=0.3),
    "1 % gross rows": Regime(spoil=(gross_rows, 0.01)),
    "5 % gross rows": Regime(spoil=(gross_rows, 0.05)),
    "10 % gross rows": Regime(spoil=(gross_rows, 0.1)),
    "1 % gross cells": Regime(spoil=(gross_cells, 0.01)),
    "5 % gross cells": Regime(spoil=(gross_cells, 0.05)),
    "10 % gross cells": Regime(spoil=(gross_cells, 0.1)),
    "10 % swapped cells": Regime(spoil=(swapped_cells, 0.1)),
    "30 % swapped cells": Regime(spoil=(swapped_cells, 0.3)),
    "noise shared in groups": Regime(column_log_sd=0.0, shared=True),
}


@dataclass
class Draw:
    """One sample and the truth about it.

    `clean` is the sample before it was spoilt. `groups` numbers the rows of equal noise from 0;
    gross rows are a group. `bad` marks the spoilt entries.
    """

    X: np.ndarray
    clean: np.ndarray
    subspace: np.ndarray
    column_sd: np.ndarray
    row_sd: np.ndarray
    groups: np.ndarray
    bad: np.ndarray
    feature_groups: np.ndarray | None = field(default=None)


def draw(shape, name, seed):
    """Sample of one shape and regime."""
    (n, d, r, signal), regime = shape, REGIMES[name]
    rng = np.random.default_rng([seed, n, d, list(REGIMES).index(name)])
    U = haar(rng, d, r)
    column_sd = MEDIAN_SD * np.exp(regime.column_log_sd * rng.standard_normal(d))
    row_sd, groups = np.exp(regime.row_log_sd * rng.standard_normal(n)), np.zeros(n, int)
    if regime.two_groups:
        groups = (rng.random(n) < 0.3).astype(int)
        row_sd = np.where(groups == 1, 4.0, 1.0)
    elif regime.row_log_sd:
        groups = np.arange(n)
    noise = row_sd[:, None] * column_sd * rng.standard_normal((n, d))
    feature_groups = np.arange(d) // GROUP_SIZE if regime.shared else None
    if regime.shared:
        common = rng.standard_normal((n, d // GROUP_SIZE))[:, feature_groups]
        noise += 2 * MEDIAN_SD * rng.standard_normal(d) * common
    clean = signal * rng.standard_normal((n, r)) @ U.T + noise
    X, bad = clean, np.zeros((n, d), bool)
    if regime.spoil:
        spoil, share = regime.spoil
        X, bad = spoil(rng, clean, share)
        groups = bad.all(axis=1).astype(int)
    if regime.missing:
        X = np.where(rng.random((n, d)) < regime.missing, np.nan, X)
    return Draw(X, clean, U, column_sd, row_sd, groups, bad, feature_groups)
