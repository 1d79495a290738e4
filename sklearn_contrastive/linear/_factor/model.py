"""Low rank plus noise: scores, covariance, precision and likelihood.

The model is x = mean + B z + noise, with loadings B (n_features, n_factors), factors z of unit
variance, and noise of covariance Psi, diagonal or block diagonal.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .noise import Noise

__all__ = [
    "SCORING_FLOOR",
    "FactorModel",
    "NoiseWeights",
    "log_likelihood",
    "model_covariance",
    "model_precision",
    "noise_weighted_scoring",
    "noise_weights",
]

# The smallest share of noise that the scores believe in: a feature that the factors explain almost
# wholly would otherwise rule all scores (benchmarks/downstream.py).
SCORING_FLOOR = 0.3


@dataclass(frozen=True)
class FactorModel:
    """Low rank plus noise, in the features' own units.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of each feature.
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise : DiagonalNoise or BlockNoise
        Covariance Psi of the noise.
    scoring_noise : DiagonalNoise or BlockNoise
        The noise that the scores believe in: nowhere less than `SCORING_FLOOR` of the variance.
    eigenvalues : ndarray of shape (n_factors,)
        Leading eigenvalues of the contrastive matrix.
    n_asked : int
        Number of factors that were asked for, or estimated.
    floored : ndarray of int
        Features whose noise was raised to the floor.
    n_iter : int
        Steps taken.
    converged : bool
        Whether every stopping rule was met.
    """

    mean: NDArray[np.float64]
    loadings: NDArray[np.float64]
    noise: Noise
    scoring_noise: Noise
    eigenvalues: NDArray[np.float64]
    n_asked: int
    floored: NDArray[np.intp]
    n_iter: int
    converged: bool

    @property
    def variances(self) -> NDArray[np.float64]:
        """Variance of each feature under the model, shape (n_features,)."""
        return np.sum(self.loadings**2, axis=1) + self.noise.variances

    def covariance_along(self, directions: NDArray) -> NDArray[np.float64]:
        """Model covariance projected on directions; (n_directions, n_directions)."""
        along = self.loadings.T @ directions
        return along.T @ along + directions.T @ self.noise.times(directions)


@dataclass(frozen=True)
class NoiseWeights:
    """Generalised least squares as W'Q T: whiten by W, project on Q, turn by T.

    Parameters
    ----------
    basis : ndarray of shape (n_features, n_components)
        Orthonormal columns Q: the subspace in units of the noise.
    turn : ndarray of shape (n_components, n_components)
        From coordinates in Q to scores.
    deviations : ndarray of shape (n_features,)
        Standard deviations of the noise, by which whitening divides where noise is independent.
    """

    basis: NDArray[np.float64]
    turn: NDArray[np.float64]
    deviations: NDArray[np.float64]


def noise_weights(components: NDArray, loadings: NDArray, noise: Noise) -> NoiseWeights:
    """Factors of the matrix of `noise_weighted_scoring`.

    Parameters
    ----------
    components : ndarray of shape (n_components, n_features)
        Orthonormal rows U' that span the same subspace as the loadings.
    loadings : ndarray of shape (n_features, n_components)
        Loadings B.
    noise : DiagonalNoise or BlockNoise
        Covariance Psi of the noise.

    Returns
    -------
    NoiseWeights
        Q and T.
    """
    # least squares in units of the noise for the factors, then from factors to the basis U:
    # features of very different scales would spoil U' Psi^-1 U itself
    basis, triangle = np.linalg.qr(noise.whitened(loadings))
    turn = np.linalg.solve(triangle.T, (components @ loadings).T)
    return NoiseWeights(basis, turn, np.sqrt(noise.variances))


def noise_weighted_scoring(
    components: NDArray, loadings: NDArray, noise: Noise
) -> NDArray[np.float64]:
    """Matrix that turns centred samples into generalised least-squares scores.

    Parameters
    ----------
    components : ndarray of shape (n_components, n_features)
        Orthonormal rows U' that span the same subspace as the loadings.
    loadings : ndarray of shape (n_features, n_components)
        Loadings B.
    noise : DiagonalNoise or BlockNoise
        Covariance Psi of the noise.

    Returns
    -------
    scoring : ndarray of shape (n_features, n_components)
        Psi^-1 U (U' Psi^-1 U)^-1, so that components @ scoring is the identity.

    References
    ----------
    Bartlett (1937), The statistical conception of mental factors.
    """
    weights = noise_weights(components, loadings, noise)
    return noise.weighted(weights.basis @ weights.turn)


def model_covariance(loadings: NDArray, noise: Noise) -> NDArray[np.float64]:
    """Covariance BB' + Psi of the model, shape (n_features, n_features).

    Parameters
    ----------
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise : DiagonalNoise or BlockNoise
        Covariance Psi of the noise.

    Returns
    -------
    covariance : ndarray of shape (n_features, n_features)
        Symmetric and positive definite.
    """
    return loadings @ loadings.T + noise.to_matrix()


def model_precision(loadings: NDArray, noise: Noise) -> NDArray[np.float64]:
    """Inverse of BB' + Psi by Woodbury's identity.

    Parameters
    ----------
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise : DiagonalNoise or BlockNoise
        Covariance Psi of the noise.

    Returns
    -------
    precision : ndarray of shape (n_features, n_features)
        Symmetric and positive definite.
    """
    vectors, strengths = _whitened_factors(loadings, noise)
    weighted = noise.weighted(vectors)
    inverse = noise.weighted(noise.whitened(np.eye(len(loadings))))
    return inverse - (weighted * (strengths / (1.0 + strengths))) @ weighted.T


def log_likelihood(centred: NDArray, loadings: NDArray, noise: Noise) -> NDArray[np.float64]:
    """Gaussian log-likelihood of centred samples, O(n_samples n_features n_factors).

    Parameters
    ----------
    centred : ndarray of shape (n_samples, n_features)
        Samples minus the mean.
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise : DiagonalNoise or BlockNoise
        Covariance Psi of the noise.

    Returns
    -------
    log_likelihood : ndarray of shape (n_samples,)
        Natural logarithm of the density of each sample.
    """
    vectors, strengths = _whitened_factors(loadings, noise)
    white = noise.whitened(centred.T).T
    along = white @ vectors
    squares = np.sum(white**2, axis=1) - along**2 @ (strengths / (1.0 + strengths))
    log_determinant = noise.log_determinant + np.log1p(strengths).sum()
    return -0.5 * (len(loadings) * np.log(2 * np.pi) + log_determinant + squares)


def _whitened_factors(loadings, noise):
    """Left singular vectors and squared singular values of the whitened loadings."""
    vectors, singular, _ = np.linalg.svd(noise.whitened(loadings), full_matrices=False)
    return vectors, singular**2
