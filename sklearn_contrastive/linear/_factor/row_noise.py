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
_USUAL, _USUAL_OF_EQUAL = 3.0, 4.0
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
    halves : ndarray of shape (n_rows, 2)
        Sums of squares of the residuals over two halves of the features.
    score : ndarray of shape (n_rows,)
        Length of the expected factors.
    shared : float
        Covariance of the logarithms of the halves where rows do not differ.
    """

    mean_square: NDArray[np.float64]
    freedom: NDArray[np.float64]
    halves: NDArray[np.float64]
    score: NDArray[np.float64]
    shared: float

    @classmethod
    def joined(cls, parts):
        """Spread of all rows from that of blocks."""
        names = ("mean_square", "freedom", "halves", "score")
        arrays = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
        return cls(*arrays, parts[0].shared)


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
    # by the rank of the leverage: neither the order nor the units of the features matter
    first = np.zeros(n_features, residuals.dtype)
    first[np.argsort(cells.leverage, kind="stable")[::2]] = 1.0
    halves = (residuals @ np.column_stack([first, 1.0 - first])).astype(np.float64)
    total = halves.sum(axis=1)
    mean_square = np.divide(total, freedom, out=np.ones(n_rows), where=freedom > 0)
    score = np.linalg.norm(found.factors, axis=1)
    return RowSpread(mean_square, freedom, halves, score, _shared(basis, first > 0))


def _shared(basis, first):
    """2 |P_AB|^2 / (tr P_AA tr P_BB) with the projection P outside the basis, in halves A, B."""
    parts = basis[first].astype(np.float64), basis[~first].astype(np.float64)
    traces = [len(part) - np.sum(part**2) for part in parts]
    across = np.sum((parts[0].T @ parts[0]) * (parts[1].T @ parts[1]))
    return float(2.0 * across / max(traces[0] * traces[1], 1e-12))


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
        Excess kurtosis of the cells within rows, as the logarithms show it.
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
        shrunk by b / (b + v), where b is `between`; less if D exceeds three deviations of b + v,
        or four where rows do not differ.
        """
        error = _error_of_logarithm(spread.freedom, self.excess)
        distance = np.log(np.maximum(spread.mean_square / self.typical, 1e-300))
        total = self.between + error
        usual = _USUAL if self.between else _USUAL_OF_EQUAL
        outlying = 1.0 - usual**2 * total / np.maximum(distance**2, total)
        shrinkage = np.maximum(self.between / total, np.where(distance > 0, outlying, 0.0))
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
    # trigamma is slow, and few rows differ in their degrees of freedom
    different, which = np.unique(np.maximum(freedom, 1.0), return_inverse=True)
    return (polygamma(1, different / 2.0) + excess / different)[which]


def scale_prior(spread: RowSpread, sample_weight: NDArray[np.float64] | None) -> ScalePrior:
    """Whether rows differ in noise, and by how much, from the spread of their residuals.

    The residuals of two halves of the features are independent where rows do not differ, whatever
    the tails of single cells. The covariance of their log mean squares over the rows, less what the
    projection outside the signal subspace causes, is the variance of the rows' log noise variances.

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
    screened = (spread.freedom >= _FREEDOM) & (weight > 0)
    if weight[screened].sum() <= 2:
        return ScalePrior(1.0, 0.0, 0.0, far)
    squares = np.maximum(spread.mean_square[screened], 1e-300)
    weight, freedom = weight[screened], spread.freedom[screened]
    n_rows = weight.sum()
    logarithms = np.log(np.maximum(np.column_stack([squares, spread.halves[screened]]), 1e-300))
    logarithms -= np.average(logarithms, axis=0, weights=weight)
    covariance = (logarithms.T * weight) @ logarithms / (n_rows - 1)
    normal = np.average(_error_of_logarithm(freedom, 0.0), weights=weight)
    between = covariance[1, 2] - spread.shared
    error = np.sqrt(covariance[1, 1] * covariance[2, 2] / n_rows)
    if between <= max(_SIGNIFICANCE * error, _SMALLEST_EXCESS * normal):
        between = 0.0
    tails = max(covariance[0, 0] - between - normal, 0.0) * np.average(freedom, weights=weight)
    counted = None if sample_weight is None else weight
    typical = float(weighted_median(squares[:, None], counted)[0])
    return ScalePrior(typical, float(between), float(tails), far)
