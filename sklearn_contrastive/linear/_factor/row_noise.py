"""Noise scale of each row beside the noise of the features, shrunk by the spread of the scales."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import polygamma

from .column_scale import weighted_median
from .outlying_cells import CellModel, FoundCells

__all__ = ["RowSpread", "ScalePrior", "residual_spread", "scale_prior"]

# standard errors by which the spread of the rows' residuals must exceed that of equal rows
_SIGNIFICANCE = 4.0
# and its smallest excess, as a share of the spread of equal rows
_SMALLEST_EXCESS = 0.1
# distances from the centre of the scores, in median distances, beyond which a row counts less
_FAR = 8.0


@dataclass(frozen=True)
class RowSpread:
    """Residuals and scores of rows, in units of the noise of the features.

    Parameters
    ----------
    mean_square : ndarray of shape (n_rows,)
        Of the residuals outside the signal subspace, about s^2 of a row with noise scale s.
    freedom : ndarray of shape (n_rows,)
        Degrees of freedom of the residuals; at least 0.
    kurtosis : ndarray of shape (n_rows,)
        Of the cells of the row, by its own mean square.
    score : ndarray of shape (n_rows,)
        Length of the expected factors.
    """

    mean_square: NDArray[np.float64]
    freedom: NDArray[np.float64]
    kurtosis: NDArray[np.float64]
    score: NDArray[np.float64]

    @classmethod
    def joined(cls, parts):
        """Spread of all rows from that of blocks."""
        names = ("mean_square", "freedom", "kurtosis", "score")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


def residual_spread(white: NDArray[np.float64], found: FoundCells, cells: CellModel) -> RowSpread:
    """Mean square of the residuals of each row outside the signal subspace.

    Parameters
    ----------
    white : ndarray of shape (n_rows, n_features)
        Centred rows in units of the noise.
    found : FoundCells
        Hidden cells, which are left out, and expected factors of the rows.
    cells : CellModel
        The model.

    Returns
    -------
    RowSpread
        Of the rows.
    """
    n_rows, n_features = white.shape
    loadings, some = cells.loadings, found.searched
    basis = np.linalg.qr(loadings)[0] if loadings.size else loadings
    if len(some):
        # hidden cells lie on the fit: the residuals of the others remain
        fitted = found.factors[some] @ loadings.T
        white = white.copy()
        white[some] = np.where(found.hidden[some], fitted, white[some])
    residuals = np.matmul(white @ basis, -basis.T)
    residuals += white
    freedom, count = np.full((2, n_rows), float(n_features))
    if len(some):
        hidden = found.hidden[some]
        residuals[some] = np.where(hidden, 0.0, residuals[some])
        count[some] -= hidden.sum(axis=1)
        freedom[some] = count[some]
    freedom = np.maximum(freedom - loadings.shape[1], 0.0)
    np.square(residuals, out=residuals)
    total = residuals.sum(axis=1)
    fourth = np.einsum("ij,ij->i", residuals, residuals)
    kurtosis = np.divide(count * fourth, total**2, out=np.full(n_rows, 3.0), where=total > 0)
    mean_square = np.divide(total, freedom, out=np.ones(n_rows), where=freedom > 0)
    return RowSpread(mean_square, freedom, kurtosis, np.linalg.norm(found.factors, axis=1))


@dataclass(frozen=True)
class ScalePrior:
    """Distribution of the rows' noise variances: inverse gamma around a typical one.

    The noise of a row is then multivariate t with these degrees of freedom.

    Parameters
    ----------
    typical : float
        Noise variance of the median row, in units of the model's.
    strength : float
        Degrees of freedom nu of the prior; infinite where rows do not differ.
    far : float
        Length of the scores beyond which a row counts less.
    """

    typical: float
    strength: float
    far: float

    def variances(self, spread: RowSpread) -> NDArray[np.float64]:
        """Noise variance of each row, 1 of a typical one; exactly 1 where rows do not differ."""
        if not np.isfinite(self.strength):
            return np.ones(len(spread.freedom))
        total = self.strength + spread.freedom
        relative = spread.mean_square / self.typical
        return (self.strength + spread.freedom * relative) / total

    def weights(self, spread: RowSpread) -> NDArray[np.float64]:
        """Weights of the rows, the inverse noise variance; less for scores that are far away."""
        near = np.minimum(1.0, self.far / np.maximum(spread.score, np.finfo(np.float64).tiny))
        return near**2 / self.variances(spread)


def scale_prior(spread: RowSpread, sample_weight: NDArray[np.float64] | None) -> ScalePrior:
    """Whether rows differ in noise, and by how much, from the spread of their residuals.

    The variance of the log mean squares is that of equal rows, trigamma(m / 2) with m degrees of
    freedom and more where single cells have heavy tails, plus that of the rows' noise variances.
    Kurtosis of the cells is measured within each row, in units of its own mean square, and so does
    not depend on the scales of the rows.

    Parameters
    ----------
    spread : RowSpread
        Of all rows.
    sample_weight : ndarray of shape (n_rows,) or None
        Frequency weights.

    Returns
    -------
    ScalePrior
        Of infinite strength where the spread is that of equal rows.
    """
    weight = np.ones(len(spread.freedom)) if sample_weight is None else sample_weight
    median_score = float(weighted_median(spread.score[:, None], weight)[0])
    far = _FAR * median_score if median_score > 0 else np.inf
    judged = (spread.freedom >= 1) & (weight > 0)
    if weight[judged].sum() <= 2:
        return ScalePrior(1.0, np.inf, far)
    squares = np.maximum(spread.mean_square[judged], 1e-300)
    weight, freedom = weight[judged], spread.freedom[judged]
    log_squares = np.log(squares)
    n_rows = weight.sum()
    centre = np.average(log_squares, weights=weight)
    variance = np.average((log_squares - centre) ** 2, weights=weight) * n_rows / (n_rows - 1)
    excess = np.average(spread.kurtosis[judged], weights=weight) - 3.0 * np.average(
        freedom / (freedom + 2.0), weights=weight
    )
    equal = np.average(polygamma(1, freedom / 2.0), weights=weight)
    equal += max(excess, 0.0) * np.average(1.0 / freedom, weights=weight)
    median = float(weighted_median(squares[:, None], weight)[0])
    error = equal * np.sqrt(2.0 / n_rows)
    between = variance - equal
    if between <= max(_SIGNIFICANCE * error, _SMALLEST_EXCESS * equal):
        return ScalePrior(median, np.inf, far)
    return ScalePrior(median, 2.0 * _inverse_trigamma(between), far)


def _inverse_trigamma(value):
    """x with trigamma(x) = value, by Newton's method on its inverse."""
    x = 0.5 + 1.0 / value
    for _ in range(50):
        trigamma = polygamma(1, x)
        step = trigamma * (1.0 - trigamma / value) / polygamma(2, x)
        x += step
        if abs(step) < 1e-10 * x:
            break
    return float(x)
