"""How much targets say about factors: regressions on scores, and the weights that follow.

A target is regressed on the scores W'x, over the samples that know it. A target that has nothing
to do with the features, whatever its distribution, explains as much as the F distribution allows.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri

__all__ = ["TargetRegression", "evidence_weights", "independent_weights", "regress_targets"]

# share of targets without information that have any weight
_LEVEL = 0.05


@dataclass(frozen=True)
class TargetRegression:
    """Least squares of targets of unit variance on scores.

    Parameters
    ----------
    slopes : ndarray of shape (n_targets, n_scores)
        Coefficients.
    explained : ndarray of shape (n_targets,)
        R^2, from 0 to 1; 0 for a target without variance.
    n_free : ndarray of shape (n_targets,)
        Degrees of freedom of the residuals, not above 0 where known samples are too few.
    """

    slopes: NDArray[np.float64]
    explained: NDArray[np.float64]
    n_free: NDArray[np.float64]

    @property
    def adjusted(self) -> NDArray[np.float64]:
        """Share of the variance that scores explain, adjusted R^2; 0 where samples are too few."""
        n_free = np.maximum(self.n_free, 1.0)
        adjusted = 1.0 - (1.0 - self.explained) * (n_free + self.slopes.shape[1]) / n_free
        return np.where(self.n_free > 0, np.clip(adjusted, 0.0, 1.0), 0.0)


def regress_targets(
    along: NDArray[np.float64], cross: NDArray[np.float64], counts: NDArray[np.float64]
) -> TargetRegression:
    """Regress targets of unit variance on scores.

    Parameters
    ----------
    along : ndarray of shape (n_targets, n_scores, n_scores)
        Scatter of the scores of the samples that know a target.
    cross : ndarray of shape (n_scores, n_targets)
        Sums of scores times the target.
    counts : ndarray of shape (n_targets,)
        Number of these samples.

    Returns
    -------
    TargetRegression
        Of smallest norm where samples are fewer than scores.
    """
    slopes = np.einsum("tkl,lt->tk", np.linalg.pinv(along, rcond=1e-12, hermitian=True), cross)
    explained = np.sum(slopes * cross.T, axis=1) / np.maximum(counts, 1.0)
    return TargetRegression(slopes, np.clip(explained, 0.0, 1.0), counts - 1.0 - len(cross))


def evidence_weights(regression: TargetRegression) -> NDArray[np.float64]:
    """Weights from 0 for targets that scores explain no better than chance, to 1.

    A weight is 1 - q / F, with F the statistic of the regression and q its quantile of 95 percent
    for a target that is independent of the features; 0 where F is smaller.

    Parameters
    ----------
    regression : TargetRegression
        On the scores of the model without targets.

    Returns
    -------
    weights : ndarray of shape (n_targets,)
        0 also where known samples are too few.
    """
    n_scores = regression.slopes.shape[1]
    if n_scores == 0:
        return np.zeros(len(regression.explained))
    n_free = np.maximum(regression.n_free, 1.0)
    quantile = fdtri(n_scores, n_free, 1.0 - _LEVEL)
    with np.errstate(divide="ignore"):
        inverse = (1.0 - regression.explained) * n_scores / (regression.explained * n_free)
    weights = np.maximum(1.0 - quantile * inverse, 0.0)
    return np.where(regression.n_free > 0, weights, 0.0)


def independent_weights(
    correlations: NDArray[np.float64], n_free: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights of targets that are not independent: m copies of a target get 1 / m each.

    Parameters
    ----------
    correlations : ndarray of shape (n_targets, n_targets)
        Of the residuals of the targets.
    n_free : ndarray of shape (n_targets, n_targets)
        Degrees of freedom of the samples that have both targets of a pair; on the diagonal, one.

    Returns
    -------
    weights : ndarray of shape (n_targets,)
        1 over the sum of squared correlations, less those of chance, times the share of samples in
        common.
    """
    free = np.maximum(n_free, 1.0 + 1e-9)
    squares = np.clip((correlations**2 * free - 1.0) / (free - 1.0), 0.0, 1.0)
    shared = np.maximum(n_free, 0.0) / np.diag(n_free)[:, None]
    np.fill_diagonal(squares, 1.0)
    return 1.0 / np.sum(squares * shared, axis=1)
