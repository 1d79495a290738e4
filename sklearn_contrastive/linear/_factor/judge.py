"""Judgement of rows by a factor model: outlying cells, and the noise of the row."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .outlying_cells import CellModel, FoundCells, find_cells
from .row_noise import RowSpread, ScalePrior, residual_spread

__all__ = ["RobustModel"]


@dataclass(frozen=True)
class RobustModel:
    """Model by which rows are judged.

    Parameters
    ----------
    cells : CellModel
        Bounds are infinite if cells are not judged.
    prior : ScalePrior or None
        Of the noise of rows; None if rows are not judged.
    """

    cells: CellModel
    prior: ScalePrior | None

    @property
    def judges_cells(self) -> bool:
        """Whether cells are judged."""
        return bool(np.isfinite(self.cells.bounds).any())

    def judged(self, X: NDArray) -> tuple[FoundCells, RowSpread | None]:
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
            None if rows are not judged.
        """
        white = self.cells.white(X)
        found = find_cells(white, self.cells)
        if self.prior is None:
            return found, None
        if self.judges_cells and np.isfinite(self.prior.strength):
            found = self._given_row_noise(white, found)
        return found, residual_spread(white, found.hidden, found.factors, self.cells)

    def _given_row_noise(self, white, found):
        """Cells judged by the noise of their row: a noisy row has no outlying cells by itself."""
        noise = np.ones(len(white))
        if len(found.searched):
            typical = np.nanmedian(np.abs(found.residuals), axis=1) / 0.6745
            noise[found.searched] = np.where(typical > 1.5, typical, 1.0)
        for _ in range(3):
            found = find_cells(white, self.cells, noise)
            spread = residual_spread(white, found.hidden, found.factors, self.cells)
            noise = np.sqrt(self.prior.variances(spread) * self.prior.typical)
        return found
