"""Scale of the features, and the search space of their correlation matrix."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .._covariance.rows import RowMoments
from .._solvers.davidson import SearchSpace, padded_start
from .._solvers.davidson_rows import RowSearchSpace

__all__ = ["correlation_space", "feature_scale"]


def feature_scale(moments) -> NDArray[np.float64]:
    """Standard deviation of each feature, 0 where nothing but rounding of the mean is left."""
    variances = np.maximum(moments.variances, 0.0)
    rounding = (10 * np.finfo(np.float64).eps * np.abs(moments.mean)) ** 2
    return np.sqrt(np.where(variances > rounding, variances, 0.0))


def correlation_space(moments, scale, n_pairs, rng, start=None) -> SearchSpace | RowSearchSpace:
    """Search space of the correlation matrix; constant features are its null space."""
    inverse = np.divide(1.0, scale, out=np.zeros_like(scale), where=scale > 0)[:, None]
    if isinstance(moments, RowMoments) and moments.n_rows < moments.n_features:
        root = np.sqrt(moments.weight / (moments.n_samples - 1))[:, None]
        return RowSearchSpace(
            lambda directions: root * moments.project(inverse * directions),
            lambda rows: inverse * moments.combine(root * rows),
            moments.n_rows,
            moments.n_features,
            n_pairs,
            rng,
            moments.rounding,
        )

    def correlation_times(directions):
        return inverse * moments.covariance_times(inverse * directions)

    if start is not None:
        start = padded_start(start * inverse, n_pairs, rng)
    return SearchSpace(correlation_times, len(scale), n_pairs, rng, start, moments.rounding)
