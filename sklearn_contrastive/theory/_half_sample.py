"""Bound on the error of one power step with the covariance of an independent half of a sample.

Notation: Sigma = A + Psi is the covariance of the features, A of rank r that of the signal, Psi the
diagonal one of the noise. S is the covariance of a half of the samples with m degrees of freedom,
B = V / eigenvalues a fixed matrix of shape (d, r), M = B' S B and QR = Delta(S) B. With U_perp a
basis of the complement of the signal subspace and Gamma = Sigma B (B' Sigma B)^-1 the regression of
the features on the scores X B,

    U_perp' Q R = noise + U_perp' Psi B ((B' Sigma B)^-1 M - I) - U_perp' diag(A) B
                  + U_perp' diag(Sigma - S) B,

where the noise is the covariance of the scores with the residuals of that regression. Each term is
bounded with the probability of one of `N_EVENTS` events.
"""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigvalsh
from scipy.stats import chi2

from .._typing import FloatArray
from ._subspaces import without_diagonal

__all__ = ["HalfSampleBound", "half_sample_bound"]

N_EVENTS = 8


@dataclass(frozen=True)
class HalfSampleBound:
    """Orthonormal columns, and a bound on their distance from the signal subspace."""

    bound: float
    basis: FloatArray


def half_sample_bound(
    pilot: FloatArray, covariance: FloatArray, m: int, r: int, failure: float
) -> HalfSampleBound | None:
    """Bound the error of a power step of the pilot's components.

    Parameters
    ----------
    pilot, covariance : ndarray of shape (n_features, n_features)
        Covariances of two independent halves of the samples.
    m : int
        Degrees of freedom of `covariance`.
    r : int
        Dimension of the signal subspace.
    failure : float
        Probability that the bound does not hold.

    Returns
    -------
    bound : HalfSampleBound or None
        None where a condition of the bound fails.
    """
    p = failure / N_EVENTS
    d = len(covariance)
    eigenvalues, eigenvectors = np.linalg.eigh(without_diagonal(pilot))
    smallest_ratio = chi2.ppf(p / d, m) / m
    spread = _largest_deviation(m, r, p / 2)
    if eigenvalues[-r] <= 0 or spread >= 1 or smallest_ratio <= 0:
        return None
    V = eigenvectors[:, -r:]
    B = V / eigenvalues[-r:]
    variances = np.diag(covariance) / smallest_ratio
    deleted = _deleted_variances(covariance, V, variances, m, p)
    noise = _noise(covariance, B, m, p)
    if deleted is None or noise is None:
        return None
    Q, R = np.linalg.qr(without_diagonal(covariance) @ B)
    least = np.linalg.svd(R, compute_uv=False)[-1]
    if least == 0:
        return None
    total = (
        noise
        + _varying_scores(covariance, B, variances, spread, m, p)
        + _chi_squared_deviation(m, p) * np.linalg.norm(variances[:, None] * B)
        + np.linalg.norm(deleted[:, None] * B)
    )
    return HalfSampleBound(float(total / least), Q)


def _largest_deviation(m: int, r: int, p: float) -> float:
    """Largest deviation from 1 of singular values of an m x r Gaussian matrix over sqrt(m)."""
    return float((np.sqrt(r) + np.sqrt(2 * np.log(1 / p))) / np.sqrt(m))


def _noise(covariance: FloatArray, B: FloatArray, m: int, p: float) -> float | None:
    """Covariance of scores and residuals: a linear map of a Gaussian matrix, given the scores.

    Its Frobenius norm is at most its root mean square plus t times its Lipschitz constant. Trace
    and largest eigenvalue of Sigma are at most those of S over `shrinkage` (Laurent and Massart
    2000).
    """
    shrinkage = 1 - 2 * np.sqrt(np.log(2 / p) / m)
    if shrinkage <= 0:
        return None
    scores = B.T @ covariance @ B
    mean_square = np.trace(covariance) * np.trace(scores)
    lipschitz = np.linalg.norm(covariance, ord=2) * np.linalg.norm(scores, ord=2)
    t = np.sqrt(2 * np.log(1 / p))
    return float((np.sqrt(mean_square) + t * np.sqrt(lipschitz)) / np.sqrt(shrinkage * m))


def _varying_scores(
    covariance: FloatArray, B: FloatArray, variances: FloatArray, spread: float, m: int, p: float
) -> float:
    """Psi B (B' Sigma B)^-1 (M - B' Sigma B): fluctuation of the covariance of the scores.

    With T' T = B' Sigma B the factor is T^-1 (W - I) T, W an r x r Wishart matrix over m.
    Truncating the singular values of the Gaussian matrix at 1 + spread makes ||W - I||_F a
    Lipschitz function.
    """
    r = B.shape[1]
    scores = B.T @ covariance @ B
    t = np.sqrt(2 * np.log(1 / p))
    wishart = (np.sqrt(r * (r + 1)) + 2 * (1 + spread) * t) / np.sqrt(m)
    largest = np.linalg.norm(scores, ord=2)
    weighted = (variances[:, None] * B).T @ (variances[:, None] * B)
    # of Psi B T^-1, with T' T at least M / (1 + spread)^2
    image = np.sqrt(eigvalsh(weighted, scores)[-1]) * (1 + spread)
    return float(image * wishart * np.sqrt(largest) / (1 - spread))


def _chi_squared_deviation(m: int, p: float) -> float:
    """Bound on (sum_i w_i g_i^2)^1/2 for weights of sum 1 and g_i = chi^2_m / m - 1.

    By Markov's inequality and Jensen's: the smallest (E g^2q / p)^(1/2q) over q. The g_i may depend
    on each other. Central moments of the gamma distribution follow a recurrence.
    """
    before, moment, theta = 1.0, 0.0, 2 / m
    bounds = []
    for order in range(2, 41):
        before, moment = moment, (order - 1) * theta * (moment + before)
        if order % 2 == 0:
            bounds.append((moment / p) ** (1 / order))
    return float(min(bounds))


def _deleted_variances(
    covariance: FloatArray, V: FloatArray, variances: FloatArray, m: int, p: float
) -> FloatArray | None:
    """Upper bounds on the diagonal of A, one for each feature.

    Feature i is regressed on y = V_{-i}' x_{-i}, of covariance N = C + V_{-i}' Psi V_{-i}, where C
    is the signal's part. The signal's variance A_ii is at most the explained variance over
    1 - share, where share is the largest eigenvalue of N^-1 V_{-i}' Psi V_{-i}.
    """
    d, r = V.shape
    spread = _largest_deviation(m, r, p / (2 * d))
    if spread >= 1:
        return None
    own = np.diag(covariance)
    outer = V[:, :, None] * V[:, None, :]
    products = covariance @ V
    mixed = V[:, :, None] * products[:, None, :]
    scores = V.T @ products - mixed - mixed.transpose(0, 2, 1) + own[:, None, None] * outer
    noise = (V.T * variances) @ V - variances[:, None, None] * outer
    cross = products - own[:, None] * V
    # with V of rank r on all features but i, scores is positive definite
    if np.linalg.eigvalsh(scores)[:, 0].min() <= 0:
        return None
    factors = np.linalg.cholesky(scores)
    explained = np.linalg.norm(np.linalg.solve(factors, cross[:, :, None])[:, :, 0], axis=1)
    explained += np.sqrt(variances * chi2.isf(p / d, r) / m)
    half = np.linalg.solve(factors, noise)
    whitened = np.linalg.solve(factors, half.transpose(0, 2, 1))
    share = (1 + spread) ** 2 * np.linalg.eigvalsh(whitened)[:, -1]
    if share.max() >= 1:
        return None
    return np.minimum((explained / (1 - spread)) ** 2 / (1 - share), variances)
