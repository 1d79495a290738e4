"""Asymptotic errors of the maximum likelihood factor model of Gaussian samples.

With Sigma = A + Psi, A = B B' and Phi = Psi^-1 - Psi^-1 B (B' Psi^-1 B)^-1 B' Psi^-1, an error dS
of the sample covariance changes the estimates, to first order, by

    (Phi * Phi) dpsi = diag(Phi dS Phi)         (Phi * Phi elementwise),
    dA = W - Pi W Pi',  W = dS - diag(dpsi),  Pi = Psi Phi.

The first gives the covariance 2/n (Phi * Phi)^-1 of the noise variances (Anderson and Rubin 1956).
The components are the eigenvectors of A. dpsi and (dS - Pi dS Pi') U are independent.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from .._typing import FloatArray

__all__ = ["FactorErrors", "factor_errors"]


@dataclass(frozen=True)
class FactorErrors:
    """Standard errors, and the first two moments of the squared subspace error.

    Parameters
    ----------
    noise_variance : ndarray of shape (n_features,)
        Standard errors of the noise variances.
    components : ndarray of shape (n_components, n_features)
        Standard errors of the entries of the components.
    subspace_mean, subspace_variance : float
        Of the squared sine distance between the estimated subspace and the true one.
    """

    noise_variance: FloatArray
    components: FloatArray
    subspace_mean: float
    subspace_variance: float


def factor_errors(
    components: FloatArray, common_variance: FloatArray, noise_variance: FloatArray, n: float
) -> FactorErrors:
    """Errors of the estimates from n Gaussian samples of a factor model.

    Parameters
    ----------
    components : ndarray of shape (n_components, n_features)
        Orthonormal rows, the eigenvectors of A.
    common_variance : ndarray of shape (n_components,)
        Their eigenvalues, positive and different from each other.
    noise_variance : ndarray of shape (n_features,)
        Diagonal of Psi, positive.
    n : float
        Number of samples.

    Returns
    -------
    errors : FactorErrors
        The errors.

    Raises
    ------
    scipy.linalg.LinAlgError
        If the noise variances are not identified: Phi * Phi is singular.
    """
    r = len(components)
    map_ = _ErrorMap(components.T, common_variance, noise_variance)
    outside = np.eye(len(noise_variance)) - components.T @ components
    standard, mean, variance = np.empty_like(components), 0.0, 0.0
    for k in range(r):
        own = map_.rotation(k)
        standard[k] = np.sqrt(np.diag(own @ map_.covariance(k, k) @ own.T).clip(min=0) / n)
        for j in range(k, r):
            block = outside @ map_.covariance(k, j) @ outside
            block /= n * common_variance[k] * common_variance[j]
            mean += np.trace(block) if j == k else 0.0
            variance += (2 if j == k else 4) * np.sum(block**2)
    return FactorErrors(
        np.sqrt(np.diag(map_.noise_covariance) / n), standard, float(mean), float(variance)
    )


class _ErrorMap:
    """First-order map from dS to the errors of the common covariance, times sqrt(n)."""

    def __init__(self, U: FloatArray, common_variance: FloatArray, noise_variance: FloatArray):
        d = len(U)
        self.U, self.common_variance = U, common_variance
        weighted = U / noise_variance[:, None]
        phi = np.diag(1 / noise_variance) - weighted @ np.linalg.solve(U.T @ weighted, weighted.T)
        # in units of the noise: entries of (Phi * Phi) would span the square of its range
        scaled = phi * np.sqrt(np.outer(noise_variance, noise_variance))
        factor = cho_factor(scaled**2)
        if np.diag(factor[0]).min() < 1e-6:
            raise LinAlgError("Phi * Phi is singular")
        inverse = cho_solve(factor, np.eye(d))
        self.noise_covariance = 2 * inverse * np.outer(noise_variance, noise_variance)
        self.residual = noise_variance[:, None] * phi
        self.sigma = (U * common_variance) @ U.T + np.diag(noise_variance)
        self.Q = self.residual.T @ U

    def covariance(self, k: int, j: int) -> FloatArray:
        """Covariance of dA u_k and dA u_j.

        It follows from n E[dS a (dS b)'] = (a' Sigma b) Sigma + Sigma b a' Sigma.
        """
        residual = self.residual
        a, b, p, q = self.U[:, k], self.U[:, j], self.Q[:, k], self.Q[:, j]
        found = self._moment(a, b) - self._moment(a, q) @ residual.T
        found += residual @ (self._moment(p, q) @ residual.T - self._moment(p, b))
        return found + self._of_noise(k) @ self.noise_covariance @ self._of_noise(j).T

    def rotation(self, k: int) -> FloatArray:
        """Matrix M with du_k = M dA u_k: first-order perturbation of an eigenvector."""
        gaps = np.delete(self.common_variance[k] - self.common_variance, k)
        others = np.delete(self.U, k, axis=1)
        inside = (others / gaps) @ others.T
        return inside + (np.eye(len(self.U)) - self.U @ self.U.T) / self.common_variance[k]

    def _moment(self, a: FloatArray, b: FloatArray) -> FloatArray:
        image_a, image_b = self.sigma @ a, self.sigma @ b
        return (a @ image_b) * self.sigma + np.outer(image_b, image_a)

    def _of_noise(self, k: int) -> FloatArray:
        """Change of dA u_k by dpsi."""
        return np.diag(self.U[:, k]) - self.residual * self.Q[:, k]
