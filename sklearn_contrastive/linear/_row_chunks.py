"""Rows of dask arrays and data frames: passes over the chunks, each a tree of sums."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any, Self

import numpy as np

from .._arrays import place_of
from ._dask import in_row_chunks, is_dask

__all__ = ["RowChunks"]

# results that one task of the tree adds
_BRANCHES = 4


@dataclass(frozen=True)
class RowChunks:
    """What is read of each chunk of rows. Nothing is kept: every pass reads the chunks again.

    Parameters
    ----------
    parts : tuple of dask Delayed
        One for each chunk, in order; None inside where there is nothing to read.
    """

    parts: tuple[Any, ...]

    @classmethod
    def of(cls, read: Callable, X: Any, **along: Any) -> Self:
        """Chunks of a dask array or data frame, not computed yet.

        Parameters
        ----------
        read : callable
            Called with a chunk, and its part of each array `along` by name.
        X : dask array or data frame of shape (n_samples, n_features)
            Chunks may be sparse, empty, or of unknown numbers of rows.
        **along : array-like, dask array or series of length n_samples, or None
            Of the samples, such as weights and labels.

        Returns
        -------
        RowChunks
            An error of `read` names the chunk.

        Raises
        ------
        ValueError
            If an array `along` does not match the chunks.
        TypeError
            If X is another collection.
        """
        from dask import delayed

        X = in_row_chunks(X)
        chunks = np.ravel(X.to_delayed())
        pieces = {name: _pieces(each, name, X, len(chunks)) for name, each in along.items()}
        widths = {name: np.shape(each)[1:] for name, each in along.items()}
        columns, parts = _columns(X), []
        for number, chunk in enumerate(chunks):
            own = {name: each[number] for name, each in pieces.items()}
            parts.append(delayed(_read_chunk)(read, number, chunk, columns, own, widths))
        return cls(tuple(parts))

    def map(self, function: Callable, *arguments: Any) -> Self:
        """Apply a function to what was read of each chunk, not computed yet.

        Parameters
        ----------
        function : callable
            Called with one part and the arguments; not where there is nothing to read.
        *arguments : object
            Sent once to every worker.

        Returns
        -------
        RowChunks
            The results.
        """
        from dask import delayed

        shared = delayed(arguments, traverse=False, pure=False)
        return RowChunks(tuple(delayed(_applied)(function, part, shared) for part in self.parts))

    def zip(self, others: list[Any]) -> Self:
        """Pairs of each part and another object, not computed yet."""
        from dask import delayed

        pairs = zip(self.parts, others, strict=True)
        return RowChunks(tuple(delayed(_paired)(part, other) for part, other in pairs))

    def sum(self) -> Any:
        """Sum of all parts, added in a tree where the parts are; None if there is nothing."""
        from dask import delayed

        parts = list(self.parts)
        while len(parts) > 1:
            groups = range(0, len(parts), _BRANCHES)
            parts = [delayed(_added)(parts[first : first + _BRANCHES]) for first in groups]
        return parts[0].compute()

    def compute(self) -> list[Any]:
        """All parts, in memory and in order; None where there is nothing."""
        from dask import compute

        return list(compute(*self.parts))


def _read_chunk(read, number, chunk, columns, along, widths):
    """What is read of one chunk; an error names it."""
    try:
        if np.ndim(chunk) != 2:
            raise ValueError(f"it has {np.ndim(chunk)} dimension(s), but X has 2.")
        found = _columns(chunk)
        if columns is not None and found != columns:
            raise ValueError(f"its columns are {_shown(found)}, but X has {_shown(columns)}.")
        for name, piece in along.items():
            _refuse_other_shape(piece, name, (chunk.shape[0], *widths[name]))
        return read(chunk, **along)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Chunk {number} of X, counted from 0: {error}") from error


def _columns(X):
    """Names of the columns, their numbers if they have no names, or None if they are not known."""
    if hasattr(X, "columns"):
        return list(X.columns)
    return None if np.isnan(X.shape[1]) else list(range(X.shape[1]))


def _shown(columns):
    """The first names, and how many there are."""
    names = ", ".join(map(str, columns[:3]))
    return f"{names}{', ...' * (len(columns) > 3)} ({len(columns)} in all)"


def _pieces(array, name, X, n_chunks):
    """Part of an array for each chunk of X, or None for each."""
    if array is None:
        return [None] * n_chunks
    sizes = np.array(getattr(X, "chunks", [[np.nan]])[0], float)
    if is_dask(array):
        if hasattr(array, "rechunk") and not np.isnan([*sizes, *array.shape]).any():
            _refuse_other_length(array.shape[0], name, X)
            array = array.rechunk((X.chunks[0], *[-1] * (array.ndim - 1)))
        parts = np.ravel(array.to_delayed())
        if len(parts) != n_chunks:
            raise ValueError(
                f"{name} has {len(parts)} chunks, but X has {n_chunks}. Give both the same chunks."
            )
        return parts
    if np.isnan(sizes).any():
        raise ValueError(
            f"{name} is in memory, but it is not known how many rows each chunk of X has. Give a "
            "dask array or series with the chunks of X, such as a column of its data frame."
        )
    array = np.asarray(place_of(array).take(array))
    _refuse_other_length(len(array), name, X)
    return np.split(array, np.cumsum(sizes[:-1]).astype(int))


def _refuse_other_length(length, name, X):
    if length != X.shape[0]:
        raise ValueError(f"{name} has {length} entries, but X has {X.shape[0]} rows.")


def _refuse_other_shape(piece, name, shape):
    if piece is not None and np.shape(piece) != shape:
        raise ValueError(f"{name} has shape {np.shape(piece)} there, but {shape} is needed.")


def _applied(function, part, arguments):
    return None if part is None else function(part, *arguments)


def _paired(part, other):
    return None if part is None else (part, other)


def _added(parts):
    some = [part for part in parts if part is not None]
    return reduce(add, some) if some else None
