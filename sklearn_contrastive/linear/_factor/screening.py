"""Screening of rows by a factor model: outlying cells, and the noise of the row."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .outlying_cells import CellModel, FoundCells, find_cells
from .row_noise import RowSpread, ScalePrior, residual_spread

__all__ = ["RobustModel", "blocks_of_rows"]

# cells of the rows that are screened at once, and the fewest rows
_BLOCK_CELLS, _BLOCK_ROWS = 2**18, 256

# standard deviation of normal values over their median distance from 0
_MEDIAN_TO_DEVIATION = 1.4826
# noise of a row, in units of the model's, from which the row rather than its cells is suspected
_NOISY = 1.5
# of a row, in units of the noise of the features: where all rows are equal it would be 0
_LEAST_NOISE = 1e-30
# rounds of cells given the row and of the row given its cells
_ROUNDS = 2


@dataclass(frozen=True)
class RobustModel:
    """Model by which rows are screened.

    Parameters
    ----------
    cells : CellModel
        Bounds are infinite if cells are not screened.
    prior : ScalePrior or None
        Of the noise of rows; None if rows are not screened.
    """

    cells: CellModel
    prior: ScalePrior | None

    @property
    def screens_cells(self) -> bool:
        """Whether cells are screened."""
        return self.cells.screened

    @property
    def screens_rows(self) -> bool:
        """Whether rows may differ in noise."""
        return self.prior is not None

    def screened(self, X: NDArray) -> tuple[FoundCells, RowSpread | None]:
        """Hidden cells of a block of rows, and the spread of the rows' residuals.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Rows; NaN where an entry is missing.

        Returns
        -------
        found : FoundCells
            Missing and outlying cells.
        spread : RowSpread or None
            None if rows are not screened.
        """
        white = self.cells.white(X)
        found = find_cells(white, self.cells)
        if self.prior is None:
            return found, None
        if self.screens_cells or len(found.searched):
            return self._given_row_noise(white, found)
        return found, residual_spread(white, found, self.cells)

    def _given_row_noise(self, white, found):
        """Cells screened by the noise of their row: a noisy row has no outlying cells by itself."""
        noise, some = np.ones(len(white)), found.searched
        if len(some):
            typical = _MEDIAN_TO_DEVIATION * _medians(np.abs(found.residuals))
            noise[some] = np.where(typical > _NOISY, typical, 1.0)
            found = find_cells(white, self.cells, noise)
        spread = residual_spread(white, found, self.cells)
        for _ in range(_ROUNDS):
            noise = np.sqrt(self.prior.variances(spread) * self.prior.typical)
            noise = np.maximum(noise, _LEAST_NOISE)
            # rows without a suspicious cell keep their residuals
            factors = self.cells.factors(white, noise)
            some = np.union1d(some, self.cells.suspicious(white, factors, noise))
            if not len(some):
                break
            found = found.replaced(some, find_cells(white[some], self.cells, noise[some]))
            spread = residual_spread(white, found, self.cells)
        return found, spread


def blocks_of_rows(X, unit: float = 1.0) -> Iterator[tuple[slice, NDArray]]:
    """Blocks of rows that stay in the cache.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_rows, n_features)
        Rows.
    unit : float, default=1.0
        The rows are divided by it.

    Yields
    ------
    rows : slice
        Which rows.
    block : ndarray of shape (<= n_rows, n_features)
        The rows, dense.
    """
    n_rows = max(_BLOCK_ROWS, _BLOCK_CELLS // X.shape[1])
    for start in range(0, X.shape[0], n_rows):
        rows = slice(start, min(start + n_rows, X.shape[0]))
        block = X[rows].toarray() if sparse.issparse(X) else X[rows]
        yield rows, block if unit == 1.0 else block / unit


def _medians(values):
    """Median of the numbers of each row, 0 in rows without any."""
    medians = np.zeros(len(values))
    some = ~np.isnan(values).all(axis=1)
    medians[some] = np.nanmedian(values[some], axis=1)
    return medians
