"""How many components: eigenvalues that noise of the same dimensions would not reach."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .._solvers.davidson import SearchSpace, relative_residuals
from .._solvers.davidson_rows import RowSearchSpace
from .map_newton import PRIOR_SAMPLES, refine

__all__ = ["count_above", "estimate_rank", "noise_edge"]

# steps of refinement between two counts
_STEPS = 4


def noise_edge(n_samples: float, n_features: int) -> float:
    """Eigenvalue of a sample covariance that pure unit noise practically never exceeds.

    Parameters
    ----------
    n_samples : float
        Number of samples n.
    n_features : int
        Number of features d.

    Returns
    -------
    edge : float
        Upper end of Marchenko and Pastur's law, plus two units of the Tracy-Widom scale of the
        largest eigenvalue.

    References
    ----------
    Johnstone (2001), On the distribution of the largest eigenvalue in principal components
    analysis, theorem 1.1.
    """
    n, d = np.sqrt(n_samples), np.sqrt(n_features)
    return float(((n + d) ** 2 + 2.0 * (n + d) * (1 / n + 1 / d) ** (1 / 3)) / n_samples)


def count_above(space: SearchSpace | RowSearchSpace, uniqueness, edge: float, largest: int) -> int:
    """Number of eigenvalues of C w = lambda diag(uniqueness) w above an edge, at most `largest`."""
    asked = min(8, largest)
    while True:
        values = space.leading(asked, uniqueness, tol=1e-2, error=relative_residuals).values
        count = int(np.sum(values > edge))
        if count < asked or asked == largest:
            return count
        asked = min(2 * asked, largest)


def estimate_rank(
    space: SearchSpace | RowSearchSpace,
    effective_samples: Callable[[NDArray], float],
    n_features: int,
    largest: int,
) -> int:
    """Number of factors, counted upward.

    With no factor all of a feature's variance is noise; the eigenvalues of the correlations above
    the noise edge are counted. With that many factors the noise is estimated anew and the
    eigenvalues in its units are counted again, until the count stays. Counting downward from many
    factors would overfit the noise first and find too many.

    Parameters
    ----------
    space : SearchSpace or RowSearchSpace
        Of the correlation matrix.
    effective_samples : callable
        Number of samples that the noise of the covariance speaks of, from the uniquenesses; all
        samples if they are complete.
    n_features : int
        Number of features that are not constant.
    largest : int
        No count exceeds it.

    Returns
    -------
    n_factors : int
        From 0 to `largest`.
    """
    uniqueness = np.ones(space.n_features)
    prior = PRIOR_SAMPLES / effective_samples(uniqueness)
    rank = 0
    while rank < largest:
        edge = noise_edge(effective_samples(uniqueness), n_features)
        count = count_above(space, uniqueness, edge, largest)
        if count <= rank:
            break
        rank = count
        refined = refine(space, rank, uniqueness, max_iter=_STEPS, tol=1e-3, prior=prior)
        uniqueness = refined.uniqueness
    return rank
