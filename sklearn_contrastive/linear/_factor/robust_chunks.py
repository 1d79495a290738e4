"""Rows of a robust fit that are in chunks: a sample in memory, then passes by partial sums."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from .._covariance.blocks import no_step
from .._covariance.read import covariance_of
from .._covariance.samples import Samples, refuse_unobserved, samples_without_rows
from .._covariance.unit import in_unit
from .column_scale import ColumnScale, column_scale, step_of_medians, with_whole_columns
from .imputed_moments import MomentSums
from .robust_rows import (
    RobustRows,
    SomeRows,
    clean_rows,
    noise_of_rows,
    outlying_residuals,
    sampling_step,
    spread_of,
    with_gaps,
)
from .robust_samples import robust_unit
from .row_noise import RowSpread
from .screening import blocks_of_rows

__all__ = ["RobustChunks", "robust_chunks"]


def robust_chunks(estimator: Any, chunks: Any) -> RobustRows:
    """Rows in chunks, in a unit in which the squares of their deviations are in range.

    Parameters
    ----------
    estimator : LinearContrastive
        Gets the number and the names of the features.
    chunks : RowChunks
        Samples of each chunk.

    Returns
    -------
    RobustChunks
        After one pass that counts rows.

    Raises
    ------
    ValueError
        If there is no row, chunks are of two kinds, or `n_components` does not suit them.
    """
    facts = [_Facts.none() if each is None else each for each in chunks.map(_Facts.of).compute()]
    some = [each for each in facts if each.n_rows]
    if not some:
        raise ValueError("X has no rows.")
    if len({each.is_sparse for each in some}) > 1:
        numbers = [number for number, each in enumerate(facts) if each.n_rows and each.is_sparse]
        raise ValueError(
            f"Some chunks of X are sparse (such as chunk {numbers[0]}, counted from 0) and others "
            "are not. Make all of them sparse, or all of them dense."
        )
    weight = None if some[0].weight is None else np.concatenate([each.weight for each in some])
    n_rows = sum(each.n_rows for each in some)
    samples = samples_without_rows(
        estimator,
        float(n_rows if weight is None else weight.sum()),
        some[0].n_features,
        some[0].names,
        np.result_type(*(each.dtype for each in some)).type,
        missing=any(each.missing for each in some),
    )
    samples = replace(samples, streaming=False, chunks=chunks)
    sizes = [each.n_rows for each in facts]
    if some[0].is_sparse:
        return RobustChunks(samples, weight, sizes)
    steps = step_of_medians(n_rows), sampling_step(n_rows, samples.n_features)
    drawn = _drawn(chunks, sizes, weight, steps)
    unit = robust_unit(drawn[0].X, samples.dtype)
    if unit != 1.0:
        samples = replace(samples, chunks=chunks.map(in_unit, unit), unit=unit)
        drawn = [replace(rows, X=rows.X / unit) for rows in drawn]
    return RobustChunks(samples, weight, sizes, *drawn)


@dataclass(frozen=True)
class _Facts:
    """What is known of a chunk after the first pass."""

    n_rows: int
    n_features: int
    weight: NDArray[np.float64] | None
    missing: bool
    is_sparse: bool
    dtype: type[np.floating]
    names: NDArray | None

    @classmethod
    def of(cls, samples: Samples) -> Self:
        X, names = samples.values, samples.feature_names
        kind = np.float32 if samples.dtype == np.float32 else np.float64
        return cls(*X.shape, samples.weight, samples.missing, sparse.issparse(X), kind, names)

    @classmethod
    def none(cls) -> Self:
        return cls(0, 0, None, False, False, np.float64, None)


@dataclass(frozen=True, eq=False)
class RobustChunks(RobustRows):
    """Rows in chunks; what travels is a sample of the rows, sums, and a few numbers of each row.

    Parameters
    ----------
    samples : Samples
        Whose rows are in chunks.
    weight : ndarray of shape (n_rows,) or None
        Frequency weights of all rows.
    sizes : list of int
        Number of rows of each chunk.
    for_medians, first : SomeRows or None
        Samples of dense rows, for medians and for the first rounds.
    """

    samples: Samples
    weight: NDArray[np.float64] | None
    sizes: list[int]
    for_medians: SomeRows | None = None
    first: SomeRows | None = None

    keeps_rows = False

    @property
    def is_sparse(self) -> bool:
        """Whether the chunks are sparse."""
        return self.first is None

    @property
    def total(self) -> float:
        """Number of rows, or the sum of their weights."""
        return float(sum(self.sizes) if self.weight is None else self.weight.sum())

    @property
    def is_all(self) -> bool:
        """Whether the first rows are all rows."""
        return len(self.first.X) == sum(self.sizes)

    @cached_property
    def scale(self) -> ColumnScale:
        """Location and scale of each feature, from a sample of the rows if they vary there."""
        some = self.for_medians
        scale = column_scale(some.X, some.weight, len(some.X))
        still = np.flatnonzero(scale.deviation == 0)
        if not len(still) or len(some.X) == sum(self.sizes):
            return scale
        seen = ~np.isnan(some.X[:, still]).all(axis=0)
        centre = np.where(seen, scale.centre[still], np.nan)
        parts = self.samples.chunks.map(_differing, still, centre).compute()
        rows, weight = zip(*(part for part in parts if part is not None), strict=True)
        rest = self.total - float(np.sum(np.concatenate(weight)))
        return with_whole_columns(
            scale, still, np.vstack([*rows, centre]), np.append(np.concatenate(weight), rest)
        )

    def read(self, screening, *, finds_cells, fourth):
        """One pass over all rows, or two if rows are screened."""
        noise = None
        if screening.screens_rows:
            noise = noise_of_rows(self.spread(screening), self.weight)
        equal = noise is None or noise.weights is None
        found = self.samples.chunks.map(
            _cleaned,
            screening,
            None if equal else noise.prior,
            self.total,
            1.0 if equal else noise.mean_weight,
            finds_cells,
            fourth,
        ).sum()
        outlying = sparse.vstack(found.outlying, format="csr") if finds_cells else None
        return clean_rows(found.sums.moments(None), noise, outlying)

    def with_gaps(self, outlying, on_step):
        """Samples whose outlying cells are missing too, and their covariance."""
        samples = self.samples
        if outlying is not None and outlying.nnz:
            chunks = self._with_parts(_hidden_cells, outlying)
            samples = replace(samples, chunks=chunks)
        covariance = samples.chunks.map(_covariance_of_chunk).sum()
        on_step("pass over the chunks")
        refuse_unobserved(covariance.unobserved_pairs(), samples.feature_names)
        return samples, covariance

    def spread(self, screening):
        """Residuals of all rows, a few numbers of each, in memory."""
        parts = self.samples.chunks.map(spread_of, screening).compute()
        return RowSpread.joined([part for part in parts if part is not None])

    def weighted(self, weight, on_step):
        """Samples with other frequency weights, and their covariance."""
        samples = self.samples
        if weight is not None:
            samples = replace(samples, chunks=self._with_parts(_reweighted, weight))
        covariance = samples.chunks.map(_covariance_of_chunk).sum()
        on_step("pass over the chunks")
        return samples, covariance

    def _with_parts(self, function: Callable, array):
        """Chunks that a function changes by the part of an array for each chunk."""
        ends = np.cumsum(self.sizes)
        parts = [array[end - size : end] for end, size in zip(ends, self.sizes, strict=True)]
        return self.samples.chunks.zip(parts).map(function)


def _drawn(chunks, sizes, weight, steps):
    """Rows of all chunks in one pass, every so many, for each number of steps."""
    offsets = np.cumsum([0, *sizes[:-1]]).tolist()
    parts = [part for part in chunks.zip(offsets).map(_every, steps).compute() if part is not None]
    return [
        SomeRows(np.concatenate(rows), None if weight is None else weight[::step])
        for step, rows in zip(steps, zip(*parts, strict=True), strict=True)
    ]


def _every(part, steps):
    samples, offset = part
    return [samples.values[-offset % step :: step] for step in steps]


def _differing(samples, features, values):
    """Rows in which some feature is observed and differs from a value, and their weights."""
    X = np.asarray(samples.values[:, features], np.float64)
    rows = ((values != X) & ~np.isnan(X)).any(axis=1)
    weight = np.ones(len(X)) if samples.weight is None else samples.weight
    return X[rows], weight[rows]


@dataclass(frozen=True)
class _Cleaned:
    """Sums over the cleaned rows of chunks, and the outlying cells of each."""

    sums: MomentSums
    outlying: tuple[sparse.csr_array, ...]

    def __add__(self, other: Self) -> Self:
        return _Cleaned(self.sums + other.sums, self.outlying + other.outlying)


def _cleaned(samples, screening, prior, n_samples, mean_weight, finds_cells, fourth):
    """One pass over the rows of a chunk; weights are those of a prior, None if all are 1."""
    sums = MomentSums(screening.cells, n_samples, mean_weight, keeps_rows=False, fourth=fourth)
    outlying = []
    for rows, block in blocks_of_rows(samples.values):
        found, spread = screening.screened(block)
        noise = None if prior is None else (prior.weights(spread), prior.variances(spread))
        sums.add(block, found, None if samples.weight is None else samples.weight[rows], noise)
        if finds_cells:
            outlying.append(outlying_residuals(found))
    return _Cleaned(sums, (sparse.vstack(outlying, format="csr"),) if finds_cells else ())


def _hidden_cells(part):
    samples, outlying = part
    return with_gaps(samples, outlying)


def _reweighted(part):
    samples, weight = part
    return replace(samples, weight=weight)


def _covariance_of_chunk(samples):
    return covariance_of(samples, "gram", no_step)
