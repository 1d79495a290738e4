"""Distribution of the distances of new rows, from those of the rows that were fitted."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtrc, chdtri, fdtrc, fdtri

from .row_distances import RowDistances, WhitenedModel

__all__ = ["DistanceTail", "DistanceTails", "left_out", "signal_of_population"]

# share of training rows beyond the point that sets the tail: fewer bad rows do not move it much
_TAIL = 0.1
# rows below which quantiles say less than the Gaussian model
_FEWEST_ROWS = 20
# degrees of freedom: of the heaviest tail, and above those the tail is that of a chi-square
_HEAVIEST, _GAUSSIAN = 0.5, 1e6


@dataclass(frozen=True)
class DistanceTail:
    """Mean squares of new rows, over a scale: F-distributed.

    Rows whose noise has a multivariate t-distribution have such mean squares. Infinite degrees of
    freedom are those of the Gaussian model.

    Parameters
    ----------
    scale : float
        1 if the model holds and samples are many.
    dof : float
        Degrees of freedom of the denominator.
    """

    scale: float
    dof: float

    @classmethod
    def of(cls, squares: NDArray, n_directions: NDArray) -> Self | None:
        """Tail that has the median and the 90 % point of distances of left-out rows.

        Parameters
        ----------
        squares : ndarray of shape (n_rows,)
            Squared distances.
        n_directions : ndarray of int of shape (n_rows,)
            Their degrees of freedom under the Gaussian model.

        Returns
        -------
        DistanceTail or None
            None where too few rows have any.
        """
        some = n_directions > 0
        if some.sum() < _FEWEST_ROWS:
            return None
        middle, high = np.quantile(squares[some] / n_directions[some], [0.5, 1.0 - _TAIL])
        if not (middle > 0 and np.isfinite(high)):
            return None
        degrees = float(np.median(n_directions[some]))
        dof = _dof_of(high / middle, degrees)
        return cls(middle / _quantile(degrees, dof, 0.5), dof)

    def shares(self, squares: NDArray, n_directions: NDArray) -> NDArray[np.float64]:
        """Share of clean rows with a larger distance; 1 where there is no direction.

        Parameters
        ----------
        squares : ndarray of shape (n_rows,)
            Squared distances.
        n_directions : ndarray of int of shape (n_rows,)
            Their degrees of freedom under the Gaussian model.

        Returns
        -------
        shares : ndarray of shape (n_rows,)
            Between 0 and 1.
        """
        degrees = np.maximum(n_directions, 1).astype(np.float64)
        squares = squares / self.scale
        if self.dof > _GAUSSIAN:
            shares = chdtrc(degrees, squares)
        else:
            shares = fdtrc(degrees, self.dof, squares / degrees)
        return np.where(n_directions > 0, shares, 1.0)

    def square_at(self, share: float, n_directions: int) -> float:
        """Squared distance that this share of clean rows exceeds; 0 where there is no direction.

        Parameters
        ----------
        share : float
            Between 0 and 1, both excluded.
        n_directions : int
            Degrees of freedom under the Gaussian model.

        Returns
        -------
        square : float
        """
        if n_directions == 0:
            return 0.0
        return float(self.scale * n_directions * _quantile(n_directions, self.dof, 1.0 - share))


@dataclass(frozen=True)
class DistanceTails:
    """Tails of both distances of new rows.

    Parameters
    ----------
    score, orthogonal : DistanceTail
        Of the score distance and of the orthogonal distance.
    """

    score: DistanceTail
    orthogonal: DistanceTail

    @classmethod
    def gaussian(cls, n_samples: float, n_factors: int) -> Self:
        """Tails under the Gaussian model, for rows that were not fitted.

        Parameters
        ----------
        n_samples : float
            Number of samples that were fitted.
        n_factors : int
            Number of factors.

        Returns
        -------
        DistanceTails
            Hotelling's for the scores; residuals are scaled up by what the fit took from them.
        """
        left = max(n_samples - n_factors, 1.0)
        score = DistanceTail((n_samples - 1) / left * ((n_samples + 1) / n_samples), left)
        residuals = (n_samples + n_factors + 1) / max(n_samples - n_factors - 3, 1.0)
        return cls(score, DistanceTail(residuals, np.inf))

    @classmethod
    def of(cls, distances: RowDistances, n_samples: float, n_factors: int) -> Self:
        """Tails from distances of left-out rows.

        Parameters
        ----------
        distances : RowDistances
            Of training rows, as if left out; see `left_out`.
        n_samples : float
            Number of samples that were fitted.
        n_factors : int
            Number of factors.

        Returns
        -------
        DistanceTails
            Those of the Gaussian model where too few rows were given.
        """
        gaussian = cls.gaussian(n_samples, n_factors)
        score = DistanceTail.of(distances.score, distances.n_scores)
        orthogonal = DistanceTail.of(distances.orthogonal, distances.n_residuals)
        return cls(score or gaussian.score, orthogonal or gaussian.orthogonal)


def left_out(
    distances: RowDistances, along: NDArray | None, white: WhitenedModel, n_samples: float
) -> RowDistances:
    """Distances of training rows from the model that the other rows would have given.

    A row pulls the model towards itself by its leverage h = 1/n + T2/(n - 1), as in regression on
    the scores: its residual is divided by 1 - h. Where features are many, it also turns each
    component towards its own noise. Without the row, its coordinate along the component is smaller
    by the factor s / (s + Q/n), with s the variance of the factor in the population.

    Parameters
    ----------
    distances : RowDistances
        Of training rows.
    along : ndarray of shape (n_rows, n_factors) or None
        Coordinates of the rows in the basis of the model, if all rows are complete.
    white : WhitenedModel
        The model.
    n_samples : float
        Number of samples that were fitted.

    Returns
    -------
    RowDistances
        To first order in the influence of one row.

    References
    ----------
    Benaych-Georges and Nadakuditi (2011), The eigenvalues and eigenvectors of finite, low rank
    perturbations of large random matrices.
    """
    n = n_samples
    kept = np.maximum(1.0 - 1.0 / n - distances.score / (n - 1), 1.0 / n)
    score = distances.score
    if along is not None and along.shape[1]:
        signal = signal_of_population(white.signal, len(white.basis) / n)
        turned = signal / (signal + distances.orthogonal[:, None] / n)
        score = (along * turned) ** 2 @ (1.0 / (1.0 + white.signal))
    # no product of two numbers of samples, which weights can make as large as floats are
    score = score * (n / (n - 1)) * (max(n - 2, 1.0) / (n - 1)) / kept
    orthogonal = distances.orthogonal / kept**2 * ((n - 1) / max(n - 3, 1.0))
    return RowDistances(score, orthogonal, distances.n_scores, distances.n_residuals)


def signal_of_population(signal: NDArray, ratio: float) -> NDArray[np.float64]:
    """Variances of factors that give those found, in units of the noise.

    Parameters
    ----------
    signal : ndarray of shape (n_factors,)
        Variances s' found: the eigenvalues of the whitened covariance minus 1.
    ratio : float
        Number of features over number of samples, c.

    Returns
    -------
    signal : ndarray of shape (n_factors,)
        The solution s of 1 + s' = (1 + s)(1 + c/s), at least the limit of detection, sqrt(c).
    """
    half = 0.5 * (signal - ratio)
    return np.maximum(half + np.sqrt(np.maximum(half**2 - ratio, 0.0)), np.sqrt(ratio))


def _quantile(degrees, dof, share):
    """Point of the F-distribution below which this share lies."""
    if dof > _GAUSSIAN:
        return chdtri(degrees, 1.0 - share) / degrees
    return fdtri(degrees, dof, share)


def _dof_of(ratio, degrees):
    """Degrees of freedom by the ratio of the 90 % point and the median, by bisection."""
    low, high = np.log(_HEAVIEST), np.log(_GAUSSIAN)
    points = np.array([1.0 - _TAIL, 0.5])
    while high - low > 1e-3:
        dof = np.exp(0.5 * (low + high))
        tail, middle = fdtri(degrees, dof, points)
        low, high = (np.log(dof), high) if tail > ratio * middle else (low, np.log(dof))
    return np.inf if high == np.log(_GAUSSIAN) else float(np.exp(high))
