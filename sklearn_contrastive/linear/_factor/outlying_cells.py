"""Outlying cells: entries that the rest of their row contradicts, given a factor model."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import ndtri

from .model import FactorModel
from .observed import inverses, packed_squares, unpacked, upper_triangle

__all__ = ["CellModel", "FoundCells", "cell_threshold", "find_cells"]

# smallest and largest number of standard deviations from which a cell is outlying
_THRESHOLDS = (4.0, 8.0)
# cells of normal noise that are found in a whole table, on average
_FALSE_CELLS = 1.0
# a search hides at once the visible cells whose residual is at least this share of the largest
_SHARE_OF_LARGEST = 0.5
# rounds of a search in one row
_ROUNDS = 25
# residuals beyond so many deviations count as this one: their squares stay in range
_LARGEST_RESIDUAL = 1e8
# leverage from which the rest of the row decides how far a cell's own value pulls the fit
_SMALL_LEVERAGE = 0.02
# cells from which a mask of those that are hidden is sparse
_DENSE_CELLS = 2**16
# numbers in the k x k matrices of the rows that are searched at once
_MATRIX_ENTRIES = 2**21


def cell_threshold(n_cells: float) -> float:
    """Standard deviations from which a cell is outlying: normal noise exceeds it about once.

    Parameters
    ----------
    n_cells : float
        Number of cells of the table.

    Returns
    -------
    threshold : float
        From 4 to 8.
    """
    share = min(0.5 * _FALSE_CELLS / max(n_cells, 1.0), 0.5)
    return float(np.clip(-ndtri(share), *_THRESHOLDS))


@dataclass(frozen=True)
class CellModel:
    """A factor model in units of its noise, and the residual from which a cell is outlying.

    Parameters
    ----------
    mean, deviation : ndarray of shape (n_features,)
        Mean of each feature and standard deviation of its noise.
    loadings : ndarray of shape (n_features, n_factors)
        Loadings over the deviations of the noise.
    bounds : ndarray of shape (n_features,)
        Standardised residual from which a cell is outlying; infinite for features that are not
        screened.
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]
    loadings: NDArray[np.float64]
    bounds: NDArray[np.float64]

    @classmethod
    def of(cls, model: FactorModel, threshold: float, least_noise: NDArray[np.float64]):
        """From a factor model with independent noise.

        Parameters
        ----------
        model : FactorModel
            The model.
        threshold : float
            Standard deviations from which a cell is outlying.
        least_noise : ndarray of shape (n_features,)
            Smallest deviation of the noise by which a cell is screened.

        Returns
        -------
        CellModel
            In units of the model.
        """
        deviation = np.sqrt(model.noise.variances)
        bounds = threshold * np.maximum(1.0, least_noise / deviation)
        return cls(model.mean, deviation, model.loadings / deviation[:, None], bounds)

    def __reduce__(self):
        # cached products are larger than the model, which goes to every worker
        return CellModel, (self.mean, self.deviation, self.loadings, self.bounds)

    @cached_property
    def squares(self):
        """Upper triangles of b b' of each feature's loadings b, (n_features, k (k + 1) / 2)."""
        return packed_squares(self.loadings, self.loadings)

    @cached_property
    def information(self):
        """B'B, what a complete row says of the factors."""
        return self.loadings.T @ self.loadings

    @cached_property
    def precision(self):
        """I + B'B, of the factors given a complete row."""
        return np.eye(self.loadings.shape[1]) + self.information

    @cached_property
    def to_factors(self):
        """Expected factors of complete rows: rows times this matrix, (n_features, k)."""
        return np.linalg.solve(self.precision, self.loadings.T).T

    @cached_property
    def leverage(self):
        """Share of its own value in the fit of each cell of a complete row."""
        return np.sum(self.loadings * self.to_factors, axis=1)

    @cached_property
    def rotated(self):
        """Eigenvalues of B'B, and the loadings along its eigenvectors, which are returned too."""
        values, vectors = np.linalg.eigh(self.information)
        return np.maximum(values, 0.0), self.loadings @ vectors, vectors

    @cached_property
    def screened(self):
        """Whether some features are screened."""
        return bool(np.isfinite(self.bounds).any())

    def factors(self, white: NDArray, row_noise: NDArray | None) -> NDArray[np.float64]:
        """Expected factors of complete rows; NaN where an entry is missing."""
        if row_noise is None:
            return white @ self.to_factors.astype(white.dtype)
        values, loadings, vectors = self.rotated
        return (
            white @ loadings.astype(white.dtype) / (values + row_noise[:, None] ** 2)
        ) @ vectors.T

    def suspicious(
        self, white: NDArray, factors: NDArray, row_noise: NDArray | None
    ) -> NDArray[np.intp]:
        """Rows with a missing entry, or with one beyond its bound if the row is complete."""
        if not self.screened:
            return np.flatnonzero(np.isnan(white.sum(axis=1)))
        residuals = np.matmul(factors.astype(white.dtype), -self.loadings.T.astype(white.dtype))
        residuals += white
        np.abs(residuals, out=residuals)
        if row_noise is None:
            allowed = self.bounds * np.sqrt(np.maximum(1.0 - self.leverage, 0.0))
        else:
            # the leverage is largest where a row has no noise
            values, loadings, _ = self.rotated
            shares = np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)
            residuals /= row_noise[:, None].astype(white.dtype)
            allowed = self.bounds * np.sqrt(np.maximum(1.0 - loadings**2 @ shares, 0.0))
        # NaN is not within bounds
        return np.flatnonzero(~(residuals <= allowed.astype(white.dtype)).all(axis=1))

    @cached_property
    def leveraged(self):
        """Features whose leverage depends on what else a row has."""
        return np.flatnonzero(self.leverage > _SMALL_LEVERAGE)

    @cached_property
    def leveraged_squares(self):
        """Their b b', so that a packed covariance times this is b' V b."""
        rows, columns = upper_triangle(self.loadings.shape[1])
        return (self.squares[self.leveraged] * np.where(rows == columns, 1.0, 2.0)).T

    @cached_property
    def penalty(self):
        """Twice the log-density that a hidden cell of each feature costs; 0 if not screened."""
        return np.where(np.isfinite(self.bounds), self.bounds, 0.0) ** 2

    def white(self, X: NDArray) -> NDArray[np.float32]:
        """Centred rows in units of the noise, within bounds; NaN stays. Seven digits suffice."""
        white = np.empty(X.shape, np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            centred = np.subtract(X, self.mean, dtype=np.float64)
            np.multiply(centred, self.inverse_deviation, out=white, casting="same_kind")
        return np.clip(white, -_LARGEST_RESIDUAL, _LARGEST_RESIDUAL, out=white)

    @cached_property
    def inverse_deviation(self):
        """1 / deviation."""
        return 1.0 / self.deviation


@dataclass(frozen=True)
class FoundCells:
    """Cells of a block of rows that are hidden, and the expected factors from the others.

    Parameters
    ----------
    hidden : ndarray of shape (n_rows, n_features)
        Whether a cell is missing or outlying.
    factors : ndarray of shape (n_rows, n_factors)
        Expected factors given the cells that are not hidden.
    searched : ndarray of int of shape (n_searched,)
        Rows with missing or suspicious cells.
    covariance : ndarray of shape (n_searched, n_factors, n_factors)
        Covariance of their factors given the cells that are not hidden.
    residuals : ndarray of shape (n_searched, n_features)
        Of their cells from the fit to the other cells, over their standard deviations; NaN where a
        cell is missing.
    """

    hidden: NDArray[np.bool_]
    factors: NDArray[np.float64]
    searched: NDArray[np.intp]
    covariance: NDArray[np.float64]
    residuals: NDArray[np.float64]

    def replaced(self, rows: NDArray[np.intp], part: "FoundCells") -> "FoundCells":
        """With other results for some rows, which include all that were searched."""
        hidden, factors = self.hidden.copy(), self.factors.copy()
        hidden[rows], factors[rows] = part.hidden, part.factors
        return FoundCells(hidden, factors, rows[part.searched], part.covariance, part.residuals)


def find_cells(
    white: NDArray[np.float64], cells: CellModel, row_noise: NDArray[np.float64] | None = None
) -> FoundCells:
    """Cells of a block of rows whose value the other cells of the row contradict.

    For an observed cell with residual e from the fit to the whole row, the residual from the fit
    to the rest is e / a with variance psi / a, a = 1 - b' V b / psi, where V is the covariance of
    the factors given the row. For a hidden one it is the residual from the fit itself, with
    variance psi + b' V b. Cells beyond the bound are hidden, the largest first; a cell comes back
    when it fits the others. One gross cell thus does not make the others outlying.

    Parameters
    ----------
    white : ndarray of shape (n_rows, n_features)
        Centred rows in units of the noise; NaN where an entry is missing.
    cells : CellModel
        The model.
    row_noise : ndarray of shape (n_rows,), default=None
        Standard deviation of the noise of each row, in units of the model's.

    Returns
    -------
    FoundCells
        O(n_rows n_features k) operations, and O(n_features k^2) for every row with such a cell.
    """
    n_rows, n_factors = len(white), cells.loadings.shape[1]
    factors = cells.factors(white, row_noise).astype(np.float64)
    searched = cells.suspicious(white, factors, row_noise)
    noise = np.ones(n_rows) if row_noise is None else row_noise
    hidden = np.zeros(white.shape, bool)
    covariance = np.empty((len(searched), n_factors, n_factors))
    standardized = np.empty((len(searched), white.shape[1]))
    at_once = max(1, _MATRIX_ENTRIES // max(n_factors**2, 1))
    for start in range(0, len(searched), at_once):
        part = slice(start, start + at_once)
        rows = searched[part]
        state = _searched(white[rows].astype(np.float64), cells, noise[rows])
        hidden[rows], factors[rows] = state.hidden, state.factors
        covariance[part], standardized[part] = state.covariance, state.residuals
    return FoundCells(hidden, factors, searched, covariance, standardized)


@dataclass
class _Search:
    """Hidden cells of a few rows and the fit to the others."""

    hidden: NDArray[np.bool_]
    factors: NDArray[np.float64]
    covariance: NDArray[np.float64]
    residuals: NDArray[np.float64]
    cost: NDArray[np.float64]


def _searched(white, cells, noise):
    """The better one of two searches: from all cells, and from those near the mean."""
    gaps = np.isnan(white)
    filled = np.where(gaps, 0.0, white)
    deviation = np.sqrt(noise[:, None] ** 2 + np.sum(cells.loadings**2, axis=1))
    far = np.abs(filled) > cells.bounds * deviation
    state = _search(filled, gaps, np.zeros_like(gaps), cells, noise)
    again = np.flatnonzero(far.any(axis=1))
    if len(again):
        other = _search(filled[again], gaps[again], far[again], cells, noise[again])
        better = other.cost < state.cost[again]
        for name in ("hidden", "factors", "covariance", "residuals", "cost"):
            getattr(state, name)[again[better]] = getattr(other, name)[better]
    state.hidden |= gaps
    state.residuals[gaps] = np.nan
    return state


def _search(filled, gaps, hidden, cells, noise):
    """Hide and show cells until none changes."""
    state = _fit(filled, gaps, hidden, cells, noise)
    before, cost_before = np.ones_like(hidden), np.full(len(filled), -np.inf)
    active = np.arange(len(filled))
    for _ in range(_ROUNDS):
        excess = np.abs(state.residuals[active]) / cells.bounds
        excess[gaps[active]] = 0.0
        outlying, earlier = excess > 1.0, state.hidden[active]
        visible = np.where(earlier, 0.0, excess)
        largest = visible.max(axis=1, keepdims=True, initial=0.0)
        proposed = outlying & (earlier | (visible >= _SHARE_OF_LARGEST * largest))
        changes = (proposed != earlier).any(axis=1)
        # back to the cells of the round before only if these are better: no endless change
        worse = cost_before[active] >= state.cost[active]
        changes &= ~(worse & (proposed == before[active]).all(axis=1))
        changed = np.flatnonzero(changes)
        if not len(changed):
            break
        active = active[changed]
        before[active], cost_before[active] = state.hidden[active], state.cost[active]
        found = _fit(filled[active], gaps[active], proposed[changed], cells, noise[active])
        for name in ("hidden", "factors", "covariance", "residuals", "cost"):
            getattr(state, name)[active] = getattr(found, name)
    return state


def _fit(filled, gaps, hidden, cells, noise):
    """Factors from the visible cells, and standardised residuals of all cells from the others."""
    n_factors = cells.loadings.shape[1]
    absent = hidden | gaps
    variance = noise[:, None] ** 2
    # most cells are visible; where the matrix is small, a sparse one costs more than it saves
    mask = sparse.csr_array(absent) if absent.size > _DENSE_CELLS else absent.astype(np.float64)
    precision = cells.information - unpacked(mask @ cells.squares)
    precision /= variance[:, :, None]
    diagonal = np.arange(n_factors)
    precision[:, diagonal, diagonal] += 1.0
    covariance, log_determinant = inverses(precision)
    visible = np.where(absent, 0.0, filled)
    along = visible @ cells.loadings / variance
    factors = np.einsum("nij,nj->ni", covariance, along)
    residuals = filled - factors @ cells.loadings.T
    leverage = np.broadcast_to(cells.leverage, filled.shape).copy()
    if len(cells.leveraged):
        upper = upper_triangle(n_factors)
        packed = covariance[:, upper[0], upper[1]] / variance
        leverage[:, cells.leveraged] = packed @ cells.leveraged_squares
    spread = np.where(absent, 1.0 + leverage, np.maximum(1.0 - leverage, 1e-12))
    residuals /= np.sqrt(spread) * noise[:, None]
    # log-density of the visible cells; a hidden one counts as one at its bound
    squares = np.sum(visible**2, axis=1) / variance[:, 0] - np.sum(along * factors, axis=1)
    cost = squares + log_determinant + hidden @ cells.penalty
    return _Search(hidden.copy(), factors, covariance, residuals, cost)
