"""Dask arrays and data frames: which objects they are, and lazy scores."""

import copy
import sys
from typing import Any

import numpy as np

__all__ = ["dask_transform", "in_row_chunks", "is_dask", "refuse_dask"]


def is_dask(X: Any) -> bool:
    """Whether X is a collection of dask, which somebody has imported in that case."""
    return "dask" in sys.modules and sys.modules["dask"].is_dask_collection(X)


def refuse_dask(X: Any) -> None:
    """Raise a TypeError if X is a collection of dask, which would be computed as a whole."""
    if is_dask(X):
        raise TypeError(
            "X is a collection of dask, which only these read chunk by chunk: fit and transform of "
            "LinearContrastive, SupervisedLinearContrastive and HeteroPCA, and Moments.from_array. "
            "Call other methods for each chunk, for instance "
            "X.map_blocks(model.score_samples, drop_axis=1), or X.compute() first."
        )


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
    X = in_row_chunks(X)
    if X.shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"X has {X.shape[1]} features, but {type(estimator).__name__} is expecting "
            f"{estimator.n_features_in_} features as input."
        )
    # the object of a worker: arrays always, and neither the scatter matrix nor numbers of rows
    light = copy.copy(estimator)
    for name in ("_sklearn_output_config", "sample_noise_", "outlying_cells_"):
        vars(light).pop(name, None)
    light.set_output(transform="default").drop_moments()
    dtypes = np.ravel(X.dtypes if hasattr(X, "dtypes") else X.dtype)
    dtype = np.float32 if all(each == np.float32 for each in dtypes) else np.float64
    meta = np.empty((0, light.n_components_), dtype)
    if hasattr(X, "map_partitions"):
        return X.map_partitions(_scores_of_chunk, light, dtype, meta=meta)
    chunks = X.chunks[0], (light.n_components_,)
    return X.map_blocks(_scores_of_chunk, light, dtype, dtype=dtype, chunks=chunks, meta=meta)


def in_row_chunks(X: Any) -> Any:
    """A dask array or data frame whose chunks have all columns; other collections are refused."""
    if not hasattr(X, "to_delayed") or getattr(X, "ndim", None) != 2:
        raise TypeError(
            f"X is a {type(X).__name__} of dask, but a dask array or data frame of two dimensions "
            "is needed."
        )
    return X.rechunk({1: -1}) if hasattr(X, "rechunk") and X.numblocks[1] > 1 else X


def _scores_of_chunk(chunk, estimator, dtype):
    """Scores of one chunk, which may have no row."""
    if not chunk.shape[0]:
        return np.empty((0, estimator.n_components_), dtype)
    return estimator.transform(chunk).astype(dtype, copy=False)
