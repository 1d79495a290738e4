"""Moments of rows whose outlying cells have their expectation, and whose noise is made equal."""

from copy import copy
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .._covariance.base import Covariance
from .._covariance.blocks import working_dtype
from .._covariance.rows import row_covariance
from .._covariance.scatter import scatter_covariance
from .model import FactorModel
from .noise import DiagonalNoise
from .outlying_cells import CellModel, FoundCells

__all__ = ["CleanMoments", "MomentSums", "imputed"]

# sums of MomentSums besides the scatter
_SUMS = ("_count", "_shift", "_noise", "_pairs", "_uncertainty", "_uncertain")


def imputed(X: NDArray, found: FoundCells, cells: CellModel) -> NDArray[np.floating]:
    """Rows whose hidden cells have their expectation given the other cells of the row.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing.
    found : FoundCells
        Of these rows.
    cells : CellModel
        The model.

    Returns
    -------
    filled : ndarray of shape (n_rows, n_features)
        Float32 for float32 rows, else float64; X itself where nothing is hidden.
    """
    dtype = working_dtype(X)
    rows = found.searched[found.hidden[found.searched].any(axis=1)]
    filled = X.astype(dtype, copy=bool(len(rows)))
    if len(rows):
        expected = found.factors[rows] @ cells.loadings.T
        expected *= cells.deviation
        expected += cells.mean
        filled[rows] = np.where(found.hidden[rows], expected, X[rows])
    return filled


@dataclass(frozen=True)
class CleanMoments:
    """Covariance of cleaned rows, and how its noise relates to that of the samples.

    Parameters
    ----------
    covariance : Covariance
        Of the rows with imputed cells, divided by their noise scales, times a common factor that
        leaves the common variance as it is.
    noise_factor : ndarray of shape (n_features,)
        Noise variance of a typical row over that of the covariance.
    hidden : float
        Share of the cells that are hidden.
    """

    covariance: Covariance
    noise_factor: NDArray[np.float64]
    hidden: float

    def corrected(self, model: FactorModel) -> FactorModel:
        """Model of a typical row, from that of the covariance."""
        return replace(model, noise=DiagonalNoise(model.noise.variances * self.noise_factor))


class MomentSums:
    """Sums over blocks of rows, for their covariance.

    Parameters
    ----------
    cells : CellModel
        The model by which cells are imputed.
    n_samples : float
        Number of all samples.
    weight_mean : float
        Mean of the weights of all rows.
    keeps_rows : bool
        Whether the cleaned rows are kept, or only their scatter.
    fourth : bool
        Whether fourth moments are read.
    """

    def __init__(self, cells, n_samples, weight_mean, *, keeps_rows, fourth):
        n_features, n_factors = cells.loadings.shape
        self._cells, self._n_samples, self._weight_mean = cells, n_samples, weight_mean
        self._fourth, self._keeps_rows = fourth, keeps_rows
        self._blocks, self._frequencies, self._total = [], [], None
        self._count, self._shift, self._noise = np.zeros(n_features), np.zeros(n_features), 0.0
        self._pairs = None if keeps_rows else np.zeros((n_features, n_features))
        self._uncertainty, self._uncertain = np.zeros((n_factors, n_factors)), 0.0

    def add(
        self,
        X: NDArray,
        found: FoundCells,
        frequency: NDArray[np.float64] | None,
        noise: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    ) -> None:
        """Add a block of rows.

        Parameters
        ----------
        X : ndarray of shape (n_rows, n_features)
            Rows; NaN where an entry is missing.
        found : FoundCells
            Of these rows.
        frequency : ndarray of shape (n_rows,) or None
            Frequency weights.
        noise : tuple of two ndarrays of shape (n_rows,), or None
            Weights of the rows and their noise variances; None if all are 1.
        """
        weight, noise_variance = (None, None) if noise is None else noise
        mean, filled = self._cells.mean, imputed(X, found, self._cells)
        ones = np.ones(len(X))
        frequency_of = ones if frequency is None else frequency
        weight_of = ones if weight is None else weight / self._weight_mean
        if weight is not None:
            filled = filled - mean.astype(filled.dtype)
            self._shift += (frequency_of * weight_of) @ filled
            filled *= np.sqrt(weight_of)[:, None].astype(filled.dtype)
            filled += mean.astype(filled.dtype)
            self._noise += frequency_of @ (weight_of * noise_variance)
        else:
            self._noise += frequency_of.sum()
        self._add_hidden(found, frequency_of * weight_of)
        if self._keeps_rows:
            self._blocks.append(filled)
            self._frequencies.append(frequency_of)
            return
        part = scatter_covariance(filled, frequency, fourth=self._fourth)
        self._total = part if self._total is None else self._total + part
        self._weighted = weight is not None

    def __add__(self, other: Self) -> Self:
        """Sums over these rows and other ones, of which only the scatter is kept."""
        both = copy(self)
        for name in ("_total", *_SUMS):
            setattr(both, name, getattr(self, name) + getattr(other, name))
        return both

    def _add_hidden(self, found, weight):
        hidden = found.hidden[found.searched]
        some = hidden.any(axis=1)
        if not some.any():
            return
        hidden, weight = hidden[some], weight[found.searched[some]]
        self._count += weight @ hidden
        self._uncertainty += np.einsum("n,nij->ij", weight, found.covariance[some])
        self._uncertain += weight.sum()
        if self._pairs is not None:
            mask = hidden.astype(np.float32)
            self._pairs += mask.T @ (mask * weight[:, None].astype(np.float32))

    def moments(self, frequency: NDArray[np.float64] | None) -> CleanMoments:
        """Covariance of all rows that were added."""
        hidden = float(self._count.mean() / self._n_samples)
        noise_factor = np.full(len(self._count), self._n_samples / self._noise)
        if self._keeps_rows:
            rows = np.concatenate(self._blocks) if len(self._blocks) > 1 else self._blocks[0]
            covariance = row_covariance(rows, frequency)
            # imputed cells have no noise: their share is missing from the noise of a feature
            noise_factor /= np.maximum(1.0 - self._count / self._n_samples, 0.1)
            return CleanMoments(covariance, noise_factor, hidden)
        covariance = self._total
        if self._uncertain:
            self._add_uncertainty(covariance.scatter)
        if self._weighted:
            covariance = replace(covariance, mean=self._cells.mean + self._shift / self._n_samples)
        return CleanMoments(covariance, noise_factor, hidden)

    def _add_uncertainty(self, scatter):
        """Covariances of the hidden cells given the others, by the mean one of the factors."""
        cells = self._cells
        loadings = cells.deviation[:, None] * cells.loadings
        scatter += self._pairs * (loadings @ (self._uncertainty / self._uncertain) @ loadings.T)
        noise = self._count * cells.deviation**2 * (self._noise / self._n_samples)
        scatter[np.diag_indices_from(scatter)] += noise
