"""Shares of the factors' variance that lie between classes, given loadings and noise."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ClassSums", "factor_transform", "most_probable_shares"]

# samples within classes, with the full variance of a factor, that the prior on a share is worth
_PRIOR_SAMPLES = 1.0
# largest number of scoring steps, and the change of the shares that ends them
_STEPS, _SMALL_CHANGE = 10, 1e-3
# the least part of the distance from 1 that a step leaves a share
_LEAST_LEFT = 0.1
# halvings of a refused step
_HALVINGS = 8
# share of its information that is added to a transformation: axes may be undetermined
_DAMPING = 0.01


@dataclass(frozen=True)
class ClassSums:
    """Sums over samples of several kinds, in the space of the factors.

    The kinds are samples without a partner of their class, deviations from the means of the
    classes, and the means of m samples times the root of m, for each m. The factors of a kind have
    variance 1 + slope b, where b are the shares.

    Parameters
    ----------
    information : ndarray of shape (n_factors, n_factors)
        B' Psi^-1 B, what a sample says of the factors.
    number : ndarray of shape (n_kinds,)
        Number of samples of each kind.
    slope : ndarray of shape (n_kinds,)
        0 for samples without a partner, -1 for deviations, m - 1 for the means of m samples.
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

    def misfit(
        self,
        shares: NDArray[np.float64],
        variances: NDArray[np.float64],
        posteriors: NDArray[np.float64],
    ) -> float:
        """Twice the negative log-posterior of the shares, without what does not depend on them.

        The prior on the variance w = 1 - b within classes is an inverse gamma distribution of mode
        1: it is indifferent at b = 0, and few labels never make a share 1.
        """
        logarithm = np.log(variances).sum(axis=1) - np.linalg.slogdet(posteriors)[1]
        within = 1.0 - shares
        prior = _PRIOR_SAMPLES * np.sum(np.log(within) + 1.0 / within - 1.0)
        return float(self.number @ logarithm - np.sum(posteriors * self.along) + prior)

    def squares(self, posteriors: NDArray[np.float64]) -> NDArray[np.float64]:
        """Expected sums of z z' over each kind, (n_kinds, n_factors, n_factors)."""
        return self.number[:, None, None] * posteriors + posteriors @ self.along @ posteriors


def most_probable_shares(
    sums: ClassSums, shares: NDArray[np.float64]
) -> tuple[NDArray[np.float64], float]:
    """Shares b that maximise the posterior, by Fisher scoring.

    Parameters
    ----------
    sums : ClassSums
        Of the samples.
    shares : ndarray of shape (n_factors,)
        Where to start, from 0 to below 1.

    Returns
    -------
    shares : ndarray of shape (n_factors,)
        From 0 to below 1; not less probable than those given.
    misfit : float
        Twice their negative log-posterior.
    """
    variances = sums.variances(shares)
    posteriors = sums.posteriors(variances)
    misfit = sums.misfit(shares, variances, posteriors)
    for _ in range(_STEPS):
        step = _scoring_step(sums, shares, variances, posteriors)
        for _ in range(_HALVINGS):
            candidate = np.clip(shares + step, 0.0, 1.0 - _LEAST_LEFT * (1.0 - shares))
            new_variances = sums.variances(candidate)
            new_posteriors = sums.posteriors(new_variances)
            new_misfit = sums.misfit(candidate, new_variances, new_posteriors)
            if new_misfit < misfit:
                break
            step *= 0.5
        else:
            break
        change = np.abs(candidate - shares).max()
        shares, misfit = candidate, new_misfit
        variances, posteriors = new_variances, new_posteriors
        if change <= _SMALL_CHANGE:
            break
    return shares, misfit


def _scoring_step(sums, shares, variances, posteriors):
    """Gradient over the information of each share."""
    diagonal = np.arange(variances.shape[1])
    excess = sums.squares(posteriors)[:, diagonal, diagonal] - sums.number[:, None] * variances
    relative = sums.slope[:, None] / variances
    gradient = np.sum(relative * excess / variances, axis=0)
    reliability = 1.0 - posteriors[:, diagonal, diagonal] / variances
    information = np.sum(sums.number[:, None] * (relative * reliability) ** 2, axis=0)
    within = 1.0 - shares
    gradient -= _PRIOR_SAMPLES * shares / within**2
    information += _PRIOR_SAMPLES * (1.0 + shares) / within**3
    return gradient / information


def factor_transform(
    number: NDArray[np.float64], variances: NDArray[np.float64], squares: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Transformation T of the factors that makes their expected squares more probable.

    With z = T z', where the z' of kind k have variances V_k, one step of Fisher scoring for T from
    the identity. EM alone turns and stretches the factors slowly where the noise is small: the
    expansion of its parameters by T removes that.

    Parameters
    ----------
    number : ndarray of shape (n_kinds,)
        Number of samples of each kind.
    variances : ndarray of shape (n_kinds, n_factors)
        Variances of the factors.
    squares : ndarray of shape (n_kinds, n_factors, n_factors)
        Expected sums of z z'.

    Returns
    -------
    transform : ndarray of shape (n_factors, n_factors)
        The identity if no step makes the squares more probable.

    References
    ----------
    Liu, Rubin and Wu (1998), Parameter expansion to accelerate EM: the PX-EM algorithm.
    """
    # per sample, since there may be as many as floats can count
    number, squares = number / number.sum(), squares / number.sum()
    identity = np.eye(variances.shape[1])
    gradient = np.sum(squares / variances[:, :, None], axis=0) - identity
    # entries (j, l) and (l, j) are coupled, all others independent
    own = (number[:, None] / variances).T @ variances + _DAMPING
    step = (own.T * gradient - gradient.T) / (own * own.T - 1.0)
    np.fill_diagonal(step, 0.5 * np.diagonal(gradient))
    misfit = _transform_misfit(identity, variances, squares)
    for _ in range(_HALVINGS):
        if _transform_misfit(identity + step, variances, squares) < misfit:
            return identity + step
        step *= 0.5
    return identity


def _transform_misfit(transform, variances, squares):
    """Twice the negative expected log-likelihood of a transformation, per sample."""
    sign, logarithm = np.linalg.slogdet(transform)
    if sign <= 0:
        return np.inf
    inverse = np.linalg.inv(transform)
    diagonals = np.sum(inverse @ squares * inverse, axis=2)
    return float(2.0 * logarithm + np.sum(diagonals / variances))
