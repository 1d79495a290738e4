"""Low rank plus diagonal: scores, covariance, precision and likelihood.

The model is x = mean + B z + noise, with loadings B (n_features, n_factors), factors z of unit
variance, and noise of variance psi_i in feature i.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "SCORING_FLOOR",
    "log_likelihood",
    "model_covariance",
    "model_precision",
    "noise_weighted_scoring",
]

# The smallest share of noise that the scores believe in: a feature that the factors explain almost
# wholly would otherwise rule all scores (benchmarks/downstream.py).
SCORING_FLOOR = 0.3


def noise_weighted_scoring(
    components: NDArray, loadings: NDArray, noise_variance: NDArray
) -> NDArray[np.float64]:
    """Matrix that turns centred samples into generalised least-squares scores.

    Parameters
    ----------
    components : ndarray of shape (n_components, n_features)
        Orthonormal rows U' that span the same subspace as the loadings.
    loadings : ndarray of shape (n_features, n_components)
        Loadings B.
    noise_variance : ndarray of shape (n_features,)
        Variance psi_i > 0 of the noise of each feature, in squared units of the feature.

    Returns
    -------
    scoring : ndarray of shape (n_features, n_components)
        Psi^-1 U (U' Psi^-1 U)^-1, so that components @ scoring is the identity.

    References
    ----------
    Bartlett (1937), The statistical conception of mental factors.
    """
    noise = np.sqrt(noise_variance)[:, None]
    # least squares in units of the noise for the factors, then from factors to the basis U:
    # features of very different scales would spoil U' Psi^-1 U itself
    orthonormal, triangle = np.linalg.qr(loadings / noise)
    return np.linalg.solve(triangle, orthonormal.T / noise.T).T @ (components @ loadings).T


def model_covariance(loadings: NDArray, noise_variance: NDArray) -> NDArray[np.float64]:
    """Covariance BB' + Psi of the model, shape (n_features, n_features).

    Parameters
    ----------
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise_variance : ndarray of shape (n_features,)
        Diagonal of Psi.

    Returns
    -------
    covariance : ndarray of shape (n_features, n_features)
        Symmetric and positive definite.
    """
    covariance = loadings @ loadings.T
    covariance.flat[:: len(covariance) + 1] += noise_variance
    return covariance


def model_precision(loadings: NDArray, noise_variance: NDArray) -> NDArray[np.float64]:
    """Inverse of BB' + Psi by Woodbury's identity, O(n_features^2 n_factors).

    Parameters
    ----------
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise_variance : ndarray of shape (n_features,)
        Diagonal of Psi, positive.

    Returns
    -------
    precision : ndarray of shape (n_features, n_features)
        Symmetric and positive definite.
    """
    whitened, strengths = _whitened_factors(loadings, noise_variance)
    weighted = whitened / np.sqrt(noise_variance)[:, None]
    precision = -(weighted * (strengths / (1.0 + strengths))) @ weighted.T
    precision.flat[:: len(precision) + 1] += 1.0 / noise_variance
    return precision


def log_likelihood(
    centred: NDArray, loadings: NDArray, noise_variance: NDArray
) -> NDArray[np.float64]:
    """Gaussian log-likelihood of centred samples, O(n_samples n_features n_factors).

    Parameters
    ----------
    centred : ndarray of shape (n_samples, n_features)
        Samples minus the mean.
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise_variance : ndarray of shape (n_features,)
        Diagonal of Psi, positive.

    Returns
    -------
    log_likelihood : ndarray of shape (n_samples,)
        Natural logarithm of the density of each sample.
    """
    vectors, strengths = _whitened_factors(loadings, noise_variance)
    white = centred / np.sqrt(noise_variance)
    along = white @ vectors
    squares = np.sum(white**2, axis=1) - along**2 @ (strengths / (1.0 + strengths))
    log_determinant = np.log(noise_variance).sum() + np.log1p(strengths).sum()
    return -0.5 * (len(noise_variance) * np.log(2 * np.pi) + log_determinant + squares)


def _whitened_factors(loadings, noise_variance):
    """Left singular vectors and squared singular values of Psi^(-1/2) B."""
    vectors, singular, _ = np.linalg.svd(
        loadings / np.sqrt(noise_variance)[:, None], full_matrices=False
    )
    return vectors, singular**2
