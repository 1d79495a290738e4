"""Scores, likelihood and imputation of rows with missing entries, from their observed features.

Every row has k x k matrices of its own: for k factors, n rows and d features the cost is n d k^2
operations, all but n k^3 of them in matrix products.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from .._covariance.missing import fill_and_mask
from .model import BartlettWeights

__all__ = [
    "Posterior",
    "imputed_rows",
    "inverses",
    "log_likelihood_of_observed",
    "observed_blocks",
    "packed_squares",
    "posterior_of_observed",
    "scores_of_incomplete",
    "unpacked",
    "upper_triangle",
]

# smallest share of a complete row's information about a direction for which a row gets scores:
# below it they would be ten times as noisy, and worse than the mean for filling gaps
_SMALLEST_INFORMATION = 0.01


def scores_of_incomplete(
    X: NDArray, mean: NDArray, weights: BartlettWeights, block_rows: int | None = None
) -> NDArray[np.float64]:
    """Generalised least-squares scores of rows from their observed features.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing.
    mean : ndarray of shape (n_features,)
        Subtracted.
    weights : BartlettWeights
        Of complete rows, x' Psi^(-1/2) Q T; the noise is independent between features.
    block_rows : int, default=None
        Rows of a block; None for as many as stay in the cache.

    Returns
    -------
    scores : ndarray of shape (n_rows, n_components)
        T' (Q_o' Q_o)^-1 Q_o' Psi_o^(-1/2) x_o, with o the features that a row has. NaN in rows
        that have too little information about some component.
    """
    n_components = weights.basis.shape[1]
    scores = np.empty((len(X), n_components))
    inverse_scale = 1.0 / np.sqrt(weights.noise.variances)
    for rows, observed, white in observed_blocks(X, mean, inverse_scale, block_rows):
        information = unpacked(observed @ packed_squares(weights.basis, weights.basis))
        values, vectors = np.linalg.eigh(information)
        # Q_o' Q_o of a complete row is the identity
        enough = values[:, 0] >= _SMALLEST_INFORMATION
        along = np.einsum("nji,nj->ni", vectors, white @ weights.basis)
        along /= np.where(enough[:, None], values, np.nan)
        coordinates = np.einsum("nij,nj->ni", vectors, along)
        scores[rows] = coordinates @ weights.to_scores
    return scores


def log_likelihood_of_observed(
    X: NDArray,
    mean: NDArray,
    loadings: NDArray,
    noise_variances: NDArray,
    block_rows: int | None = None,
) -> NDArray[np.float64]:
    """Gaussian log-likelihood of the observed entries of each row; 0 where there are none.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing.
    mean : ndarray of shape (n_features,)
        Subtracted.
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise_variances : ndarray of shape (n_features,)
        Diagonal of Psi.
    block_rows : int, default=None
        Rows of a block; None for as many as stay in the cache.

    Returns
    -------
    log_likelihood : ndarray of shape (n_rows,)
        Natural logarithm of the density of each row's observed part.
    """
    likelihood = np.empty(len(X))
    for rows, observed, centred in observed_blocks(X, mean, np.ones(len(mean)), block_rows):
        found = posterior_of_observed(observed, centred, centred**2, loadings, noise_variances)
        likelihood[rows] = found.log_likelihood
    return likelihood


def imputed_rows(
    X: NDArray,
    mean: NDArray,
    loadings: NDArray,
    noise_variances: NDArray,
    block_rows: int | None = None,
) -> NDArray[np.float64]:
    """Rows whose missing entries have their expectation given the observed entries of the row.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing.
    mean : ndarray of shape (n_features,)
        Mean of each feature.
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise_variances : ndarray of shape (n_features,)
        Diagonal of Psi.
    block_rows : int, default=None
        Rows of a block; None for as many as stay in the cache.

    Returns
    -------
    filled : ndarray of shape (n_rows, n_features)
        mean + B E[z | observed] where X is NaN: noise that is independent between features says
        nothing about a missing entry. The mean in rows without any observed entry.
    """
    filled = X.astype(np.float64)
    for rows, observed, centred in observed_blocks(X, mean, np.ones(len(mean)), block_rows):
        with np.errstate(over="ignore", invalid="ignore"):  # of the likelihood, which is not used
            found = posterior_of_observed(observed, centred, centred**2, loadings, noise_variances)
        np.copyto(filled[rows], mean + found.mean @ loadings.T, where=observed == 0)
    return filled


@dataclass(frozen=True)
class Posterior:
    """Factors given the observed entries: (n_rows, k), (n_rows, k, k), (n_rows,)."""

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    log_likelihood: NDArray[np.float64]


def posterior_of_observed(observed, centred, squared, loadings, variances) -> Posterior:
    weighted = loadings / variances[:, None]
    precision = unpacked(observed @ packed_squares(weighted, loadings))
    diagonal = np.arange(loadings.shape[1])
    precision[:, diagonal, diagonal] += 1.0
    covariance, log_determinant = inverses(precision)
    along = centred @ weighted
    mean = np.einsum("nij,nj->ni", covariance, along)
    squares = squared @ (1.0 / variances) - np.sum(along * mean, axis=1)
    constants = observed @ np.log(2 * np.pi * variances)
    return Posterior(mean, covariance, -0.5 * (constants + log_determinant + squares))


def inverses(matrices):
    """Inverses and log-determinants of positive definite matrices of shape (n, k, k)."""
    # Gauss-Jordan sweeps over all rows at once: LAPACK, one small matrix after another, is
    # several times slower
    swept = np.ascontiguousarray(np.moveaxis(matrices, 0, -1))
    log_determinant = np.zeros(swept.shape[-1])
    for pivot in range(len(swept)):
        scale = swept[pivot, pivot].copy()
        log_determinant += np.log(scale)
        row = swept[pivot] / scale
        column = swept[:, pivot].copy()
        swept -= column[:, None] * row
        swept[pivot], swept[:, pivot] = row, -column / scale
        swept[pivot, pivot] = 1.0 / scale
    return np.moveaxis(swept, -1, 0), log_determinant


def observed_blocks(
    X, mean, inverse_scale, block_rows=None
) -> Iterator[tuple[slice, NDArray, NDArray]]:
    """Blocks of rows: which, mask of observed entries, centred entries in units of a scale."""
    live = inverse_scale > 0
    for rows, observed, centred in fill_and_mask(X, mean, block_rows):
        observed = observed.astype(np.float64, copy=False)
        centred = np.multiply(
            centred, inverse_scale, out=None if centred.dtype == np.float32 else centred
        )
        if not live.all():
            observed = observed * live
        yield rows, observed, centred


@lru_cache(maxsize=8)
def upper_triangle(n_factors):
    """Rows and columns of the upper triangle of a matrix, its diagonal included."""
    return np.triu_indices(n_factors)


def packed_squares(left, right):
    """Upper triangles of the outer products of rows, (n, k (k + 1) / 2)."""
    upper = upper_triangle(left.shape[1])
    return left[:, upper[0]] * right[:, upper[1]]


def unpacked(packed):
    """Symmetric matrices (n, k, k) from their upper triangles."""
    n_factors = int(np.sqrt(2 * packed.shape[1]))
    upper = upper_triangle(n_factors)
    full = np.empty((len(packed), n_factors, n_factors))
    full[:, upper[0], upper[1]] = full[:, upper[1], upper[0]] = packed
    return full
