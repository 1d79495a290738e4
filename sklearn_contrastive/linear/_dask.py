"""Dask arrays and data frames: moments chunk by chunk, and lazy scores."""

import copy
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["dask_moments", "dask_transform", "is_dask", "refuse_dask"]

# moments that one task of the tree adds
_BRANCHES = 4


def is_dask(X: Any) -> bool:
    """Whether X is a collection of dask, which somebody has imported in that case."""
    return "dask" in sys.modules and sys.modules["dask"].is_dask_collection(X)


def refuse_dask(X: Any) -> None:
    """Raise a TypeError if X is a collection of dask, which would be computed as a whole."""
    if is_dask(X):
        raise TypeError(
            "X is a collection of dask. Only fit and transform of LinearContrastive and HeteroPCA "
            "and Moments.from_array read those chunk by chunk. Call other methods for each chunk, "
            "for instance X.map_blocks(model.score_samples, drop_axis=1), or X.compute() first."
        )


def dask_moments(read: Callable, X: Any, sample_weight: Any = None) -> Any:
    """Moments of a dask array or data frame, in one pass and a tree of sums.

    Parameters
    ----------
    read : callable
        Moments of one chunk and its weights, with ``+``.
    X : dask array or data frame of shape (n_samples, n_features)
        Chunks may be sparse, empty, or of unknown numbers of rows.
    sample_weight : array-like or dask array or series of shape (n_samples,), default=None
        Frequency weights.

    Returns
    -------
    moments : Moments
        Computed by the scheduler of dask that is set.

    Raises
    ------
    ValueError
        If a chunk is refused, with its number, or weights do not match the chunks.
    TypeError
        If X is another collection.
    """
    from dask import delayed

    X = _in_row_chunks(X)
    chunks = np.ravel(X.to_delayed())
    weights = _weights_of_chunks(sample_weight, X, len(chunks))
    parts = [
        delayed(_moments_of_chunk)(read, chunk, weight, number)
        for number, (chunk, weight) in enumerate(zip(chunks, weights, strict=True))
    ]
    while len(parts) > 1:
        parts = [
            delayed(sum)(parts[first : first + _BRANCHES])
            for first in range(0, len(parts), _BRANCHES)
        ]
    return parts[0].compute()


def dask_transform(estimator: Any, X: Any) -> Any:
    """Scores of a dask array or data frame, not computed yet.

    Parameters
    ----------
    estimator : FactorTransformer
        Fitted; a copy without its moments goes to the workers.
    X : dask array or data frame of shape (n_samples, n_features)
        Samples.

    Returns
    -------
    scores : dask array of shape (n_samples, n_components_)
        In the chunks of X.
    """
    X = _in_row_chunks(X)
    if X.shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"X has {X.shape[1]} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input."
        )
    # the object of a worker: arrays always, and not the scatter matrix
    light = copy.copy(estimator)
    vars(light).pop("_sklearn_output_config", None)
    light.set_output(transform="default").drop_moments()
    dtypes = np.ravel(X.dtypes if hasattr(X, "dtypes") else X.dtype)
    dtype = np.float32 if all(each == np.float32 for each in dtypes) else np.float64
    meta = np.empty((0, light.n_components_), dtype)
    if hasattr(X, "map_partitions"):
        return X.map_partitions(_scores_of_chunk, light, dtype, meta=meta)
    chunks = X.chunks[0], (light.n_components_,)
    return X.map_blocks(_scores_of_chunk, light, dtype, dtype=dtype, chunks=chunks, meta=meta)


def _in_row_chunks(X):
    """A collection whose chunks have all columns."""
    if not hasattr(X, "to_delayed") or getattr(X, "ndim", None) != 2:
        raise TypeError(
            f"X is a {type(X).__name__} of dask, but a dask array or data frame of two dimensions "
            "is needed."
        )
    return X.rechunk({1: -1}) if hasattr(X, "rechunk") and X.numblocks[1] > 1 else X


def _weights_of_chunks(sample_weight, X, n_chunks):
    """Weights of each chunk, or None for each."""
    if sample_weight is None:
        return [None] * n_chunks
    sizes = np.array(getattr(X, "chunks", [[np.nan]])[0], float)
    if is_dask(sample_weight):
        if hasattr(sample_weight, "rechunk") and not np.isnan([*sizes, sample_weight.size]).any():
            sample_weight = sample_weight.rechunk((X.chunks[0],))
        parts = np.ravel(sample_weight.to_delayed())
        if len(parts) != n_chunks:
            raise ValueError(
                f"sample_weight has {len(parts)} chunks, but X has {n_chunks}. Give both the same "
                "chunks."
            )
        return parts
    if np.isnan(sizes).any():
        raise ValueError(
            "sample_weight is in memory, but it is not known how many rows each chunk of X has. "
            "Give a dask array or series with the chunks of X, such as a column of its data frame."
        )
    if len(sample_weight) != X.shape[0]:
        raise ValueError(
            f"sample_weight has {len(sample_weight)} entries, but X has {X.shape[0]} rows."
        )
    return np.split(np.asarray(sample_weight), np.cumsum(sizes[:-1]).astype(int))


def _moments_of_chunk(read, chunk, weight, number):
    """Moments of one chunk; an error names it."""
    try:
        return read(chunk, weight)
    except (TypeError, ValueError) as error:
        raise ValueError(f"Chunk {number} of X, counted from 0: {error}") from error


def _scores_of_chunk(chunk, estimator, dtype):
    """Scores of one chunk, which may have no row."""
    if not chunk.shape[0]:
        return np.empty((0, estimator.n_components_), dtype)
    return estimator.transform(chunk).astype(dtype, copy=False)
