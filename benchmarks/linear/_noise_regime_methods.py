"""Subspaces that each method and an oracle find in one draw, and seconds of each fit."""

import time
import warnings

import numpy as np
from sklearn.impute import SimpleImputer

from sklearn_contrastive import LinearContrastive

from .._common.spiked import subspace_error
from ._noise_regime_draws import draw
from ._outlier_rivals import PCAWithoutOutlyingRows, directions, kept_by_covariance, rivals
from ._row_noise_rivals import factors_of_known_noise, heppcat, lr_alpcah

OURS = "LinearContrastive"
#: name -> value of `robust`
ROBUST = {'robust="rows"': "rows", 'robust="cells"': "cells", "robust=True": True}
ORACLE, CLEAN = "noise known", "clean"
#: rows up to which MinCovDet is run, which takes seconds beyond
LARGEST_FOR_COVARIANCE = 1000


def ours(k):
    """Name -> LinearContrastive to k components, by default and with each kind of robustness."""
    return {OURS: LinearContrastive(k, random_state=0)} | {
        name: LinearContrastive(k, robust=value, random_state=0) for name, value in ROBUST.items()
    }


def one_draw(shape, regime, seed):
    """Subspace errors, seconds, and numbers of components of "auto", in one draw."""
    sample, r = draw(shape, regime, seed), shape[2]
    errors, seconds, found = {}, {}, {}
    with warnings.catch_warnings(action="ignore"):  # rivals stop early; robust fits that find much
        for name, find in subspaces(sample, r).items():
            start = time.process_time()
            rows = find()
            seconds[name] = time.process_time() - start
            errors[name] = subspace_error(rows, sample.subspace)
        for name, model in ours("auto").items():
            found[name] = int(model.fit(sample.X).n_components_)
        found[ORACLE] = oracle_n_components(sample)
    return {"errors": errors, "seconds": seconds, "found": found}


def subspaces(sample, r):
    """Method -> function that returns rows that span the subspace it finds."""
    n, d = sample.X.shape
    X = SimpleImputer().fit_transform(sample.X) if np.isnan(sample.X).any() else sample.X
    # the mean of very noisy rows is far off
    Y, scale = X - np.median(X, axis=0), X.std(axis=0)
    methods = rivals(r, n)
    if 2 * d < n <= LARGEST_FOR_COVARIANCE:
        methods["MinCovDet+PCA"] = PCAWithoutOutlyingRows(r, kept_by_covariance)
    finders = {
        name: lambda method=method: directions(method.fit(X), X) for name, method in methods.items()
    }
    groups = sample.groups
    return {
        **finders,
        "HePPCAT": lambda: heppcat(Y, r, groups)[0],
        "Scaler+HePPCAT": lambda: heppcat(Y / scale, r, groups)[0] * scale,
        "LR-ALPCAH": lambda: lr_alpcah(Y, r)[0],
        "Scaler+LR-ALPCAH": lambda: lr_alpcah(Y / scale, r)[0] * scale,
        # an unmeasured fit: the first one loads code
        **{name: _fitted(model, sample.X) for name, model in ours(r).items()},
        CLEAN: _fitted(LinearContrastive(r, random_state=0), sample.clean),
        ORACLE: lambda: oracle(sample, r),
    }


def oracle(sample, r):
    """Subspace from a fit that knows the noise, the bad rows or the bad cells."""
    model = LinearContrastive(r, random_state=0)
    X, bad = sample.X, sample.bad
    if sample.feature_groups is not None:
        return model.set_params(feature_groups=sample.feature_groups).fit(X).components_
    if np.isnan(X).any():
        return model.fit(X / sample.row_sd[:, None]).components_
    if bad.any():
        return model.fit(without_bad(X, bad)).components_
    Y = (X - np.average(X, axis=0, weights=sample.row_sd**-2.0)) / sample.column_sd
    return factors_of_known_noise(Y, r, sample.row_sd**2) * sample.column_sd


def oracle_n_components(sample):
    """Number of components "auto" finds where row noise and bad entries are known."""
    model = LinearContrastive(random_state=0, feature_groups=sample.feature_groups)
    X = without_bad(sample.X / sample.row_sd[:, None], sample.bad)
    return int(model.fit(X).n_components_)


def without_bad(X, bad):
    """The rows that are not bad from end to end, their bad cells missing."""
    kept = ~bad.all(axis=1)
    return np.where(bad, np.nan, X)[kept] if bad[kept].any() else X[kept]


def _fitted(model, X):
    return lambda: model.fit(X).components_
