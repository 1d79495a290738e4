"""Rows of a robust fit: what its rounds read of them, wherever they are."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._covariance.base import Covariance
from .._covariance.blocks import OnStep
from .._covariance.read import covariance_of, forms_scatter
from .._covariance.samples import Samples
from .column_scale import ColumnScale, column_scale
from .imputed_moments import CleanMoments, MomentSums
from .outlying_cells import FoundCells
from .row_noise import RowSpread, ScalePrior, scale_prior
from .screening import RobustModel, blocks_of_rows

__all__ = [
    "CleanRows",
    "NoiseOfRows",
    "RobustArray",
    "RobustRows",
    "SomeRows",
    "noise_of_rows",
    "outlying_residuals",
    "read_rows",
    "sampling_step",
    "with_gaps",
]

# cells of the rows on which the first rounds run, and the fewest such rows
_FIRST_CELLS, _FIRST_ROWS = 2**20, 2000


@dataclass(frozen=True)
class SomeRows:
    """A sample of the rows, in memory: shape (n_rows, n_features), and weights or None."""

    X: NDArray
    weight: NDArray[np.float64] | None


@dataclass(frozen=True)
class CleanRows:
    """Result of one pass: moments of cleaned rows, and what was found.

    Parameters
    ----------
    moments : CleanMoments
        Of the cleaned rows.
    prior : ScalePrior or None
        Of the noise of the rows; None if rows are not screened.
    variances, weights : ndarray of shape (n_rows,) or None
        Noise variances and weights of the rows; no weights if all are 1.
    outlying : csr_array of shape (n_rows, n_features) or None
        Standardised residuals of the outlying cells, if cells are screened.
    """

    moments: CleanMoments
    prior: ScalePrior | None
    variances: NDArray[np.float64] | None
    weights: NDArray[np.float64] | None
    outlying: sparse.csr_array | None


class RobustRows(ABC):
    """Rows that a robust fit reads in several passes.

    Attributes
    ----------
    samples : Samples
        Of the fit; its rows may be in chunks.
    total : float
        Number of rows; with frequency weights, their sum.
    weight : ndarray of shape (n_rows,) or None
        Frequency weights.
    is_sparse : bool
        Whether the rows are sparse; they have weights then, but no outlying cells.
    scale : ColumnScale
        Location and scale of each feature of dense rows.
    first : SomeRows
        The sample of dense rows on which the first rounds run.
    is_all : bool
        Whether these are all rows.
    keeps_rows : bool
        Whether cleaned rows are kept, and no (n_features, n_features) scatter is formed.
    """

    samples: Samples
    total: float
    weight: NDArray[np.float64] | None
    is_sparse: bool
    scale: ColumnScale
    first: SomeRows
    is_all: bool
    keeps_rows: bool

    @abstractmethod
    def read(self, screening: RobustModel, *, finds_cells: bool, fourth: bool) -> CleanRows:
        """One pass over all dense rows, or two if rows are screened."""

    @abstractmethod
    def with_gaps(
        self, outlying: sparse.csr_array | None, on_step: OnStep
    ) -> tuple[Samples, Covariance]:
        """Samples whose outlying cells are missing too, and their covariance."""

    @abstractmethod
    def spread(self, screening: RobustModel) -> RowSpread:
        """Residuals of all rows, in one pass."""

    @abstractmethod
    def weighted(
        self, weight: NDArray[np.float64] | None, on_step: OnStep
    ) -> tuple[Samples, Covariance]:
        """Samples with other frequency weights, None for their own, and their covariance."""


@dataclass(frozen=True, eq=False)
class RobustArray(RobustRows):
    """Rows of one array.

    Parameters
    ----------
    samples : Samples
        Dense or sparse.
    solver : {"auto", "gram", "operator"}
        Whether a (n_features, n_features) scatter matrix is formed.
    """

    samples: Samples
    solver: str

    @property
    def total(self) -> float:
        """Number of rows, or the sum of their weights."""
        return self.samples.total

    @property
    def weight(self) -> NDArray[np.float64] | None:
        """Frequency weights."""
        return self.samples.weight

    @property
    def is_sparse(self) -> bool:
        """Whether the rows are sparse."""
        return sparse.issparse(self.samples.values)

    @cached_property
    def scale(self) -> ColumnScale:
        """Location and scale of each feature."""
        return column_scale(self.samples.values, self.weight)

    @property
    def first(self) -> SomeRows:
        """The sample of rows on which the first rounds run."""
        X, weight = self.samples.values, self.weight
        step = sampling_step(*X.shape)
        return SomeRows(X[::step], None if weight is None else weight[::step])

    @property
    def is_all(self) -> bool:
        """Whether these are all rows."""
        return sampling_step(*self.samples.values.shape) == 1

    @property
    def keeps_rows(self) -> bool:
        """Whether cleaned rows are kept."""
        return not forms_scatter(self.samples.values, self.solver)

    def read(self, screening, *, finds_cells, fourth):
        """One pass over all rows, or two if rows are screened."""
        rows = SomeRows(self.samples.values, self.weight)
        return read_rows(
            screening, rows, finds_cells=finds_cells, keeps_rows=self.keeps_rows, fourth=fourth
        )

    def with_gaps(self, outlying, on_step):
        """Samples whose outlying cells are missing too, and their covariance."""
        samples = with_gaps(self.samples, outlying)
        return samples, covariance_of(samples, self.solver, on_step)

    def spread(self, screening):
        """Residuals of all rows."""
        return spread_of(self.samples, screening)

    def weighted(self, weight, on_step):
        """Samples with other frequency weights, and their covariance."""
        samples = self.samples if weight is None else replace(self.samples, weight=weight)
        return samples, covariance_of(samples, self.solver, on_step)


def sampling_step(n_rows: int, n_features: int) -> int:
    """Every so many rows are read by the first rounds."""
    return max(1, n_rows // max(_FIRST_ROWS, _FIRST_CELLS // n_features))


def read_rows(
    screening: RobustModel,
    rows: SomeRows,
    *,
    finds_cells: bool,
    keeps_rows: bool,
    fourth: bool,
) -> CleanRows:
    """One pass over dense rows in memory: their moments and what was found.

    Parameters
    ----------
    screening : RobustModel
        By which the rows are screened.
    rows : SomeRows
        The rows; NaN where an entry is missing.
    finds_cells : bool
        Whether outlying cells are returned.
    keeps_rows : bool
        Whether cleaned rows are kept, or only their scatter.
    fourth : bool
        Whether fourth moments are read.

    Returns
    -------
    CleanRows
        Of these rows.
    """
    X, weight, known, noise = rows.X, rows.weight, None, None
    if screening.screens_rows:
        known = [screening.screened(block) for _, block in blocks_of_rows(X)]
        noise = noise_of_rows(RowSpread.joined([part for _, part in known]), weight)
    n_samples = float(len(X) if weight is None else weight.sum())
    mean = 1.0 if noise is None else noise.mean_weight
    sums = MomentSums(screening.cells, n_samples, mean, keeps_rows=keeps_rows, fourth=fourth)
    outlying = []
    for number, (block_rows, block) in enumerate(blocks_of_rows(X)):
        found = known[number][0] if known else screening.screened(block)[0]
        of_block = None if noise is None else noise.of(block_rows)
        sums.add(block, found, None if weight is None else weight[block_rows], of_block)
        if finds_cells:
            outlying.append(outlying_residuals(found))
    cells = sparse.vstack(outlying, format="csr") if finds_cells else None
    return clean_rows(sums.moments(weight), noise, cells)


@dataclass(frozen=True)
class NoiseOfRows:
    """Noise variances and weights of all rows; weights are None if all are 1."""

    prior: ScalePrior
    variances: NDArray[np.float64]
    weights: NDArray[np.float64] | None
    mean_weight: float

    def of(self, rows: slice) -> tuple[NDArray, NDArray] | None:
        """Weights and noise variances of some rows; None if all are equal."""
        return None if self.weights is None else (self.weights[rows], self.variances[rows])


def noise_of_rows(spread: RowSpread, weight: NDArray[np.float64] | None) -> NoiseOfRows:
    """Noise of all rows, from their residuals and frequency weights."""
    prior = scale_prior(spread, weight)
    variances, weights = prior.variances(spread), prior.weights(spread)
    if np.all(weights == 1.0):
        return NoiseOfRows(prior, variances, None, 1.0)
    return NoiseOfRows(prior, variances, weights, float(np.average(weights, weights=weight)))


def clean_rows(
    moments: CleanMoments, noise: NoiseOfRows | None, outlying: sparse.csr_array | None
) -> CleanRows:
    """Result of a pass."""
    if noise is None:
        return CleanRows(moments, None, None, None, outlying)
    return CleanRows(moments, noise.prior, noise.variances, noise.weights, outlying)


def spread_of(samples: Samples, screening: RobustModel) -> RowSpread:
    """Residuals of the rows of samples, dense or sparse."""
    blocks = blocks_of_rows(samples.values)
    return RowSpread.joined([screening.screened(block)[1] for _, block in blocks])


def with_gaps(samples: Samples, outlying: sparse.csr_array | None) -> Samples:
    """Samples whose outlying cells are missing too; a copy of the rows, if there are any."""
    if outlying is None or not outlying.nnz:
        return samples
    X = samples.values
    X = np.array(X, dtype=np.float32 if X.dtype == np.float32 else np.float64)
    X[outlying.nonzero()] = np.nan
    return replace(samples, values=X, missing=True)


def outlying_residuals(found: FoundCells) -> sparse.csr_array:
    """Standardised residuals of the outlying cells of a block of rows."""
    if not len(found.searched):
        return sparse.csr_array(found.hidden.shape)
    residuals = np.where(found.hidden[found.searched], found.residuals, 0.0)
    rows, columns = np.nonzero(np.nan_to_num(residuals))
    return sparse.csr_array(
        (residuals[rows, columns], (found.searched[rows], columns)), shape=found.hidden.shape
    )
