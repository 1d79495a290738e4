"""Shares of the factors' variance that lie between classes, given loadings and noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["LARGEST_SHARE", "ClassSums", "most_probable_shares"]

#: the factors of two samples of a class are never quite equal
LARGEST_SHARE = 0.999
# largest number of scoring steps, and the change of the shares that ends them
_STEPS, _SMALL_CHANGE = 20, 1e-4
# halvings of a refused step
_HALVINGS = 8


@dataclass(frozen=True)
class ClassSums:
    """Sums over samples of classes, in the space of the factors.

    The samples are of several kinds: deviations from the means of the classes, and the means of m
    samples times the root of m, for each m. The factors of a kind have variance 1 + slope b.

    Parameters
    ----------
    information : ndarray of shape (n_factors, n_factors)
        B' Psi^-1 B, what a sample says of the factors.
    number : ndarray of shape (n_kinds,)
        Number of samples of each kind.
    slope : ndarray of shape (n_kinds,)
        -1 for deviations, m - 1 for the means of m samples.
    along : ndarray of shape (n_kinds, n_factors, n_factors)
        Sums of B' Psi^-1 x x' Psi^-1 B.
    """

    information: NDArray[np.float64]
    number: NDArray[np.float64]
    slope: NDArray[np.float64]
    along: NDArray[np.float64]

    def variances(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Variances of the factors, (n_kinds, n_factors)."""
        return 1.0 + self.slope[:, None] * shares

    def posteriors(self, variances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Covariances of the factors given a sample, (n_kinds, n_factors, n_factors)."""
        precision = np.repeat(self.information[None], len(variances), axis=0)
        diagonal = np.arange(len(self.information))
        precision[:, diagonal, diagonal] += 1.0 / variances
        return np.linalg.inv(precision)

    def misfit(self, variances: NDArray[np.float64], posteriors: NDArray[np.float64]) -> float:
        """Twice the negative log-likelihood, without what does not depend on the shares."""
        logarithm = np.log(variances).sum(axis=1) - np.linalg.slogdet(posteriors)[1]
        return float(self.number @ logarithm - np.sum(posteriors * self.along))

    def squares(self, posteriors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected sums of z z' over each kind, (n_kinds, n_factors, n_factors)."""
        return self.number[:, None, None] * posteriors + posteriors @ self.along @ posteriors


def most_probable_shares(sums: ClassSums, shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shares b that maximise the likelihood, by Fisher scoring.

    Parameters
    ----------
    sums : ClassSums
        Of the samples.
    shares : ndarray of shape (n_factors,)
        Where to start.

    Returns
    -------
    shares : ndarray of shape (n_factors,)
        From 0 to `LARGEST_SHARE`; not less probable than those given.
    """
    variances = sums.variances(shares)
    posteriors = sums.posteriors(variances)
    misfit = sums.misfit(variances, posteriors)
    for _ in range(_STEPS):
        step = _scoring_step(sums, variances, posteriors)
        for _ in range(_HALVINGS):
            candidate = np.clip(shares + step, 0.0, LARGEST_SHARE)
            new_variances = sums.variances(candidate)
            new_posteriors = sums.posteriors(new_variances)
            new_misfit = sums.misfit(new_variances, new_posteriors)
            if new_misfit < misfit:
                break
            step *= 0.5
        else:
            return shares
        change = np.abs(candidate - shares).max()
        shares, misfit = candidate, new_misfit
        variances, posteriors = new_variances, new_posteriors
        if change <= _SMALL_CHANGE:
            break
    return shares


def _scoring_step(sums, variances, posteriors):
    """Gradient over the information of each share."""
    diagonal = np.arange(variances.shape[1])
    excess = sums.squares(posteriors)[:, diagonal, diagonal] - sums.number[:, None] * variances
    relative = sums.slope[:, None] / variances
    gradient = np.sum(relative * excess / variances, axis=0)
    reliability = 1.0 - posteriors[:, diagonal, diagonal] / variances
    information = np.sum(sums.number[:, None] * (relative * reliability) ** 2, axis=0)
    return np.divide(gradient, information, out=np.zeros_like(gradient), where=information > 0)
