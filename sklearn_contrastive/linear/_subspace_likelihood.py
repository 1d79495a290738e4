"""How probable samples are under the factor model that a given subspace leads to."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._refinement import REFINEMENT_FLOOR

__all__ = ["SubspaceModel", "held_out_log_likelihood", "model_of_subspace"]

# each step leaves of the error a share of about the subspace's incoherence
_STEPS = 30


@dataclass(frozen=True)
class SubspaceModel:
    """Factor model with loadings in a given subspace, of the features that vary.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of each feature.
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise_variance : ndarray of shape (n_features,)
        Variance psi of the noise; infinite for features that do not vary and take no part.
    """

    mean: NDArray[np.float64]
    loadings: NDArray[np.float64]
    noise_variance: NDArray[np.float64]


def model_of_subspace(moments, vectors: NDArray) -> SubspaceModel:
    """Signal covariance and noise that fit a covariance S in least squares, given the subspace.

    With orthonormal U the two are Sigma = U'(S - Psi) U, negative eigenvalues set to 0, and
    psi = diag(S - U Sigma U'): solved in turn. Unlike the eigenvalues of the covariance without its
    diagonal, they have no bias where U is right.

    Parameters
    ----------
    moments : SecondMoments or one of its kind
        Of the samples.
    vectors : ndarray of shape (n_features, n_factors)
        Orthonormal columns U.

    Returns
    -------
    SubspaceModel
        Noise is at least a small share of each feature's variance.
    """
    variances = np.maximum(moments.variances, 0.0)
    along = moments.covariance_along(vectors)
    noise = variances
    for _ in range(_STEPS):
        values, turn = np.linalg.eigh(along - vectors.T @ (noise[:, None] * vectors))
        loadings = vectors @ (turn * np.sqrt(np.maximum(values, 0.0)))
        noise = np.maximum(variances - np.sum(loadings**2, axis=1), REFINEMENT_FLOOR * variances)
    return SubspaceModel(moments.mean, loadings, np.where(variances > 0, noise, np.inf))


def held_out_log_likelihood(model: SubspaceModel, moments) -> float:
    """Mean Gaussian log-likelihood, up to a constant, of the samples that moments describe.

    Parameters
    ----------
    model : SubspaceModel
        Fitted to other samples.
    moments : SecondMoments or one of its kind
        Of the samples that were held out.

    Returns
    -------
    log_likelihood : float
        -(log det C + tr C^-1 (S + (m - mean)(m - mean)')) / 2 with C = B B' + diag(psi), S and m
        the covariance and the mean of these samples.
    """
    precision = 1.0 / model.noise_variance
    weighted = precision[:, None] * model.loadings
    inner = np.eye(weighted.shape[1]) + model.loadings.T @ weighted
    shift = moments.mean - model.mean
    along = moments.covariance_along(weighted) + np.outer(weighted.T @ shift, weighted.T @ shift)
    squares = precision @ (moments.variances + shift**2) - np.trace(np.linalg.solve(inner, along))
    noise = model.noise_variance[np.isfinite(model.noise_variance)]
    return -0.5 * float(np.log(noise).sum() + np.linalg.slogdet(inner)[1] + squares)
