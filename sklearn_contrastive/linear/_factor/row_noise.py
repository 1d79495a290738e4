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
# standard deviations from the typical row up to which a row may be one of the others
_USUAL = 3.0
# degrees of freedom from which the noise of a row is told from that of its cells
_FREEDOM = 3
# noise variances below which a row counts no more, and from which it does not count at all
_SMALLEST_VARIANCE, _LARGEST_VARIANCE = 1e-3, 1e12


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
    basis = basis.astype(white.dtype)
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
    total = residuals.sum(axis=1, dtype=np.float64)
    fourth = np.einsum("ij,ij->i", residuals, residuals).astype(np.float64)
    kurtosis = np.divide(count * fourth, total**2, out=np.full(n_rows, 3.0), where=total > 1e-100)
    mean_square = np.divide(total, freedom, out=np.ones(n_rows), where=freedom > 0)
    return RowSpread(mean_square, freedom, kurtosis, np.linalg.norm(found.factors, axis=1))


@dataclass(frozen=True)
class ScalePrior:
    """Distribution of the rows' noise variances: log-normal around a typical one, with outliers.

    Parameters
    ----------
    typical : float
        Noise variance of the median row, in units of the model's.
    between : float
        Variance of the logarithms of the noise variances; 0 where rows do not differ.
    excess : float
        Excess kurtosis of the cells within rows.
    far : float
        Length of the scores beyond which a row counts less.
    """

    typical: float
    between: float
    excess: float
    far: float

    def variances(self, spread: RowSpread) -> NDArray[np.float64]:
        """Noise variance of each row, 1 of a typical one; exactly 1 where rows do not differ.

        The logarithm of the mean square, D from the typical one and with error variance v, is
        shrunk by b / (b + v), where b is `between`; less if D exceeds three deviations of b + v.
        """
        if self.between == 0:
            return np.ones(len(spread.freedom))
        error = _error_of_logarithm(spread.freedom, self.excess)
        distance = np.log(np.maximum(spread.mean_square / self.typical, 1e-300))
        total = self.between + error
        outlying = 1.0 - _USUAL**2 * total / np.maximum(distance**2, total)
        shrinkage = np.maximum(self.between / total, outlying)
        variances = np.maximum(np.exp(shrinkage * distance), _SMALLEST_VARIANCE)
        return np.where(spread.freedom >= _FREEDOM, variances, 1.0)

    def weights(self, spread: RowSpread) -> NDArray[np.float64]:
        """Weights of the rows, the inverse noise variance; less for scores that are far away."""
        variances = self.variances(spread)
        # beyond the range in which residuals are measured
        weights = np.where(variances < _LARGEST_VARIANCE, 1.0 / variances, 0.0)
        if np.isfinite(self.far):
            weights *= (self.far / np.maximum(spread.score, self.far)) ** 2
        return weights


def _error_of_logarithm(freedom, excess):
    """Variance of the logarithm of mean squares of cells with some excess kurtosis."""
    freedom = np.maximum(freedom, 1.0)
    if len(freedom) and freedom.min() == freedom.max():
        freedom = freedom[:1]  # trigamma is slow
    return polygamma(1, freedom / 2.0) + excess / freedom


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
        Without variance between rows where the spread is that of equal rows.
    """
    weight = np.ones(len(spread.freedom)) if sample_weight is None else sample_weight
    median_score = float(weighted_median(spread.score[:, None], sample_weight)[0])
    far = _FAR * median_score if median_score > 0 else np.inf
    judged = (spread.freedom >= _FREEDOM) & (weight > 0)
    if weight[judged].sum() <= 2:
        return ScalePrior(1.0, 0.0, 0.0, far)
    squares = np.maximum(spread.mean_square[judged], 1e-300)
    weight, freedom = weight[judged], spread.freedom[judged]
    log_squares, n_rows = np.log(squares), weight.sum()
    centre = np.average(log_squares, weights=weight)
    variance = np.average((log_squares - centre) ** 2, weights=weight) * n_rows / (n_rows - 1)
    normal = 3.0 * np.average(freedom / (freedom + 2.0), weights=weight)
    excess = max(np.average(spread.kurtosis[judged], weights=weight) - normal, 0.0)
    error = np.broadcast_to(_error_of_logarithm(freedom, excess), weight.shape)
    equal = np.average(error, weights=weight)
    between = variance - equal
    if between <= equal * max(_SIGNIFICANCE * np.sqrt(2.0 / n_rows), _SMALLEST_EXCESS):
        between = 0.0
    counted = None if sample_weight is None else weight
    typical = float(weighted_median(squares[:, None], counted)[0])
    return ScalePrior(typical, float(between), float(excess), far)
