"""Signs of eigenvectors and singular vectors."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["fix_signs"]


def fix_signs(rows: NDArray) -> NDArray:
    """Signs that make the largest absolute entry of each row positive, as svd_flip does.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Directions whose signs are arbitrary.

    Returns
    -------
    signs : ndarray of shape (n_rows,)
        1.0 or -1.0, to multiply the rows with.
    """
    largest = np.argmax(np.abs(rows), axis=1) if rows.size else np.zeros(0, int)
    signs = np.sign(rows[np.arange(len(rows)), largest])
    return np.where(signs == 0, 1.0, signs)
