"""Reading rows in blocks: float type, centring, a sample of the rows."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

__all__ = ["BLOCK_ROWS", "OnStep", "centred_blocks", "no_step", "sampled_rows", "working_dtype"]

# so many rows make a product of two blocks as fast, per row, as the product of two whole matrices
BLOCK_ROWS = 16384

# Called with a name after every block of rows or eigenproblem.
OnStep = Callable[[str], None]


def no_step(name: str) -> None:
    """Ignore the steps."""


def working_dtype(X) -> type[np.floating]:
    """Float type in which samples are read: float32 stays, everything else becomes float64."""
    return np.float32 if X.dtype == np.float32 else np.float64


def centred_blocks(
    X: NDArray, mean: NDArray[np.float64], n_rows: int = 4096
) -> Iterator[tuple[slice, NDArray]]:
    """Rows of X minus the mean, a block at a time, in X's float type.

    In float32 a mean of 1e4 is itself rounded by 5e-4. The remainder is subtracted in a
    second step, where it matters.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples of any real type.
    mean : ndarray of shape (n_features,)
        Their mean, in float64.
    n_rows : int, default=4096
        Rows of a block.

    Yields
    ------
    rows : slice
        Which rows.
    block : ndarray of shape (<= n_rows, n_features)
        The centred rows. The array is used again for the next block.
    """
    dtype = working_dtype(X)
    rounded = mean.astype(dtype)
    remainder = (mean - rounded).astype(dtype)
    buffer = np.empty((min(n_rows, X.shape[0]), X.shape[1]), dtype)
    for start in range(0, X.shape[0], n_rows):
        rows = slice(start, min(start + n_rows, X.shape[0]))
        block = np.subtract(X[rows], rounded, out=buffer[: rows.stop - start])
        if remainder.any():
            block -= remainder
        yield rows, block


def sampled_rows(X, weight=None):
    """A few rows of X that count, spread over all of them, in float64."""
    counted = np.arange(len(X)) if weight is None else np.flatnonzero(weight)
    return np.asarray(X[counted[:: max(1, len(counted) // 64)]], dtype=np.float64)
