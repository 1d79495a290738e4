"""Leading eigenpairs where rows are few: corrections by an earlier Gram matrix of the rows."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .chebyshev import OVERSAMPLING, RowBlock, WhitenedPairs

__all__ = ["FewRowsBlock", "few_rows"]

# the Gram matrix costs less than the products it replaces up to so many rows for each direction,
# and from so many features for each row
_ROWS_PER_DIRECTION, _FEATURES_PER_ROW = 32, 4
# distances of eigenvalues are taken to be at least this share of the eigenvalue
_SMALLEST_GAP = 1e-2


def few_rows(n_rows: int, n_features: int, n_pairs: int) -> bool:
    """Whether the Gram matrix of the rows is cheaper than powers of a block of directions.

    Parameters
    ----------
    n_rows, n_features : int
        Size of the data.
    n_pairs : int
        How many eigenpairs are wanted.

    Returns
    -------
    cheaper : bool
        True for few rows and many features.
    """
    at_most = _ROWS_PER_DIRECTION * (n_pairs + OVERSAMPLING)
    return n_rows <= at_most and n_rows * _FEATURES_PER_ROW <= n_features


class FewRowsBlock(RowBlock):
    """A block of directions of n << d rows: for C = Z'Z they are those of Z U^-1 Z'.

    The first Gram matrix is decomposed whole. For later scales its eigenvectors precondition the
    residuals: each call of `improve` adds the correction to first order in the change of the matrix
    to the block, and takes the Ritz pairs of both.

    Parameters
    ----------
    gram : callable
        Takes a positive diagonal of shape (n_features,); returns Z times it times Z'. It need not
        be more accurate than float32.
    project, combine, n_rows, n_features, n_pairs, rng, rounding
        As of `RowBlock`.

    References
    ----------
    Davidson (1975), The iterative calculation of a few of the lowest eigenvalues and
    corresponding eigenvectors of large real-symmetric matrices.
    """

    def __init__(
        self,
        gram: Callable[[NDArray], NDArray],
        project: Callable[[NDArray], NDArray],
        combine: Callable[[NDArray], NDArray],
        n_rows: int,
        n_features: int,
        n_pairs: int,
        rng: np.random.RandomState,
        rounding: float,
    ):
        super().__init__(project, combine, n_rows, n_features, n_pairs, rng, rounding)
        self._gram = gram
        self._poles = self._basis = self._weight = None

    def improve(self, scale: NDArray[np.float64]) -> WhitenedPairs:
        """Correct the block once, for the scale that is given, and return its Ritz pairs.

        Parameters
        ----------
        scale : ndarray of shape (n_features,)
            Positive diagonal of U.

        Returns
        -------
        WhitenedPairs
            More than requested: the directions beyond are the less accurate ones.
        """
        if self.whole:
            return super().improve(scale)
        if self._basis is None:
            values, basis = np.linalg.eigh(self._gram(1.0 / scale))
            self._poles, self._basis = values[::-1], basis[:, ::-1].astype(np.float64)
            self._weight = np.sum(1.0 / scale)
            return self._ritz_pairs(self._basis[:, : self.width], scale)
        return self._corrected(scale)

    def _corrected(self, scale):
        """Ritz pairs of the block and of its corrections."""
        directions, image = self._moved(scale)
        further = self._basis[:, directions.shape[1] : self.width]
        wanted = slice(0, self._n_pairs)
        values = np.sum(directions * image, axis=0)[wanted]
        residuals = image[:, wanted] - directions[:, wanted] * values
        new = np.hstack([self._correction(residuals, values, scale), further])
        new /= np.maximum(np.linalg.norm(new, axis=0), np.finfo(np.float64).tiny)
        for _ in range(2):  # once is not enough: the first pass leaves rounding errors behind
            new = np.linalg.qr(new - directions @ (directions.T @ new))[0]
        new_image, new_kept = self._apply(new, scale)
        return self._ritz_pairs_of(
            np.hstack([directions, new]),
            np.hstack([image, new_image]),
            np.hstack([self._kept, new_kept]),
            scale,
        )

    def _correction(self, residuals, values, scale):
        """Preconditioned residuals: minus the inverse of the first Gram matrix less the values."""
        poles = self._poles * (np.sum(1.0 / scale) / self._weight)
        gaps = values - poles[:, None]
        smallest = _SMALLEST_GAP * np.abs(values)
        gaps = np.where(np.abs(gaps) < smallest, smallest, gaps)
        return self._basis @ ((self._basis.T @ residuals) / gaps)
