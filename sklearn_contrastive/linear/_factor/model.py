"""Factor model, low rank plus noise: Bartlett scores, covariance, precision and likelihood.

The model is x = mean + B z + noise, with loadings B (n_features, n_factors), factors z of unit
variance, and noise of covariance Psi, diagonal or block diagonal.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._signs import fix_signs
from .noise import DiagonalNoise, Noise

__all__ = [
    "BartlettWeights",
    "FactorFit",
    "FactorModel",
    "bartlett_weights",
    "log_likelihood",
    "model_covariance",
    "model_precision",
    "oriented",
    "orthogonal_weights",
    "scoring_matrix",
]


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
    """

    mean: NDArray[np.float64]
    loadings: NDArray[np.float64]
    noise: Noise

    @property
    def variances(self) -> NDArray[np.float64]:
        """Variance of each feature under the model, shape (n_features,)."""
        return np.sum(self.loadings**2, axis=1) + self.noise.variances

    @property
    def communalities(self) -> NDArray[np.float64]:
        """Share of each feature's variance that the factors explain; shape (n_features,)."""
        return np.sum(self.loadings**2, axis=1) / self.variances

    def along(self, directions: NDArray) -> NDArray[np.float64]:
        """Model covariance projected on directions; (n_directions, n_directions)."""
        along = self.loadings.T @ directions
        return along.T @ along + directions.T @ self.noise.times(directions)


@dataclass(frozen=True)
class FactorFit:
    """A fitted factor model, and how it was reached.

    Parameters
    ----------
    model : FactorModel
        The solution.
    further : ndarray of shape (n_features, n_further)
        Next directions of the same eigenproblem, without variance that features share: an integer
        number of components gets so many columns. Linearly independent of the loadings.
    eigenvalues : ndarray of shape (n_factors + n_further,)
        Leading eigenvalues of the contrastive matrix.
    n_requested : int
        Number of factors that were requested, or estimated.
    floored : ndarray of int
        Features whose noise was raised to the floor.
    floor : float
        The floor, as a share of the feature's variance.
    n_iter : int
        Eigenproblems and passes over rows.
    converged : bool
        Whether every stopping rule was met.
    describes_covariance : bool, default=True
        Whether the model is that of the covariance that was fitted. False where outlying cells or
        noisy rows were treated: the model is then that of clean samples of typical noise.
    """

    model: FactorModel
    further: NDArray[np.float64]
    eigenvalues: NDArray[np.float64]
    n_requested: int
    floored: NDArray[np.intp]
    floor: float
    n_iter: int
    converged: bool
    describes_covariance: bool = True


def oriented(
    loadings: NDArray, further: NDArray
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Components, strongest first, and loadings along them.

    Parameters
    ----------
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B, up to a rotation of the factors.
    further : ndarray of shape (n_features, n_further)
        Directions without loadings, which follow.

    Returns
    -------
    components : ndarray of shape (n_factors + n_further, n_features)
        Orthonormal rows; signs as scikit-learn's `svd_flip` chooses them.
    loadings : ndarray of shape (n_features, n_factors + n_further)
        Column j is component j times the root of its common variance, 0 for a further direction.
    """
    left, singular_values, right = np.linalg.svd(loadings, full_matrices=False)
    n_factors = len(singular_values)
    if further.shape[1]:
        further = further / np.maximum(np.linalg.norm(further, axis=0), np.finfo(np.float64).tiny)
        basis = np.linalg.qr(np.hstack([left, further]))[0]
        left = np.hstack([left, basis[:, n_factors:]])
    signs = fix_signs(left.T)
    along = np.zeros_like(left)
    along[:, :n_factors] = loadings @ (right.T * signs[:n_factors])
    return left.T * signs[:, None], along


@dataclass(frozen=True)
class BartlettWeights:
    """Bartlett's scores x' W'Q T: whiten by W, project on Q, change coordinates by T.

    Parameters
    ----------
    noise : DiagonalNoise or BlockNoise
        Covariance of the noise; W W' is its inverse.
    basis : ndarray of shape (n_features, n_components)
        Orthonormal columns Q: the subspace in units of the noise.
    to_scores : ndarray of shape (n_components, n_components)
        T, from coordinates in Q to scores.
    """

    noise: Noise
    basis: NDArray[np.float64]
    to_scores: NDArray[np.float64]


def bartlett_weights(components: NDArray, spanning: NDArray, noise: Noise) -> BartlettWeights:
    """Generalised least-squares scores in the basis of the components.

    The scoring matrix is Psi^-1 U (U' Psi^-1 U)^-1, so that components @ scoring is the identity.

    Parameters
    ----------
    components : ndarray of shape (n_components, n_features)
        Orthonormal rows U' that span the same subspace.
    spanning : ndarray of shape (n_features, n_components)
        The loadings B, and further directions if there are any.
    noise : DiagonalNoise or BlockNoise
        Covariance Psi of the noise.

    Returns
    -------
    BartlettWeights
        The scoring matrix, in factors.

    References
    ----------
    Bartlett (1937), The statistical conception of mental factors.
    """
    # least squares in units of the noise for the factors, then from factors to the basis U:
    # features of very different scales would spoil U' Psi^-1 U itself
    basis, triangle = np.linalg.qr(noise.whitened(spanning))
    to_scores = np.linalg.solve(triangle.T, (components @ spanning).T)
    return BartlettWeights(noise, basis, to_scores)


def scoring_matrix(weights: BartlettWeights) -> NDArray[np.float64]:
    """Matrix of shape (n_features, n_components) that makes scores of centred samples."""
    return weights.noise.weighted(weights.basis @ weights.to_scores)


def orthogonal_weights(components: NDArray) -> BartlettWeights:
    """Orthogonal projection on the components: Bartlett's scores under equal noise."""
    n_components, n_features = components.shape
    noise = DiagonalNoise(np.ones(n_features))
    return BartlettWeights(noise, components.T, np.eye(n_components))


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
    vectors, variances = _whitened_factors(loadings, noise)
    weighted = noise.weighted(vectors)
    inverse = noise.weighted(noise.whitened(np.eye(len(loadings))))
    return inverse - (weighted * (variances / (1.0 + variances))) @ weighted.T


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
    vectors, variances = _whitened_factors(loadings, noise)
    white = noise.whitened(centred.T).T
    along = white @ vectors
    squares = np.sum(white**2, axis=1) - along**2 @ (variances / (1.0 + variances))
    log_determinant = noise.log_determinant + np.log1p(variances).sum()
    return -0.5 * (len(loadings) * np.log(2 * np.pi) + log_determinant + squares)


def _whitened_factors(loadings, noise):
    """Left singular vectors and squared singular values of the whitened loadings."""
    vectors, singular, _ = np.linalg.svd(noise.whitened(loadings), full_matrices=False)
    return vectors, singular**2
