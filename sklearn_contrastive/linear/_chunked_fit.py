"""How a reducer reads chunks of rows that are not in memory, such as those of dask."""

from dataclasses import replace
from functools import partial

from ._covariance.blocks import no_step
from ._covariance.unit import in_unit, measured
from ._moments import Moments
from ._row_chunks import RowChunks

__all__ = ["ChunkedFit"]


class ChunkedFit:
    """Moments of chunks, which are read on workers, and the fit to them.

    A reducer has `_read`, `_covariance_of`, `_read_moments` and `_fit_model`. It replaces
    `_row_chunks` and `_read_chunks` where chunks have labels, and `_solved_chunks` where rows are
    read again.
    """

    def _row_chunks(self, X, y, sample_weight):
        """Validated Samples of each chunk, not computed yet."""
        return RowChunks.of(self._reader()._read_chunk, X, sample_weight=sample_weight)

    def _reader(self):
        """An estimator without fitted state, which reads one chunk on a worker."""
        return type(self)(**self.get_params(deep=False))

    def _read_chunk(self, X, y=None, sample_weight=None):
        """Validated Samples of one chunk; None if it has no row."""
        reader = self._reader()  # validation sets attributes, and threads read several chunks
        return reader._read(X, y, sample_weight, streaming=True) if X.shape[0] else None

    def _moments_of(self, chunks, covariance_of):
        """Moments of all chunks, in one pass, given the covariance of Samples as a function."""
        moments = chunks.map(_moments_of_chunk, covariance_of).sum()
        if moments is None:
            raise ValueError("X has no rows; at least 2 samples are needed.")
        return moments

    def _read_chunks(self, chunks):
        """Samples without rows that have the features of all chunks, and the covariance."""
        return self._read_moments(self._moments_of(chunks, self._reader()._covariance_of))

    def _solved_chunks(self, chunks, on_step):
        """Samples whose rows are in chunks, their covariance and the fit to it."""
        return self._solved_by_moments(chunks, on_step)

    def _solved_by_moments(self, chunks, on_step):
        """The same by the moments of all chunks; rows are read again only if some have gaps."""
        samples, covariance = self._read_chunks(chunks)
        on_step("pass over the chunks")
        if samples.unit != 1.0:
            chunks = chunks.map(in_unit, samples.unit)
        samples = replace(samples, streaming=False, chunks=chunks)
        return samples, covariance, self._fit_model(covariance, samples, None, on_step)


def _moments_of_chunk(samples, covariance_of):
    """Moments of validated Samples, whose covariance may be one of classes or targets."""
    samples, covariance = measured(samples, partial(covariance_of, on_step=no_step))
    return Moments(covariance, samples.unit, samples.dtype, samples.feature_names)
