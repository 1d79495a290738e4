"""Leading eigenpairs of a covariance, less a diagonal, in units of another diagonal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Eigenpairs", "SearchSpace", "fix_signs"]

# a search space is cut back to its best directions when it would grow to this many blocks
_MAX_BLOCKS = 8
# up to this many features the space is everything from the start: LAPACK at once
_SMALL = 64
_MAX_EXPANSIONS = 100


@dataclass(frozen=True)
class Eigenpairs:
    """Largest eigenvalues of a pencil, in decreasing order, and their vectors.

    Parameters
    ----------
    values : ndarray of shape (n_pairs,)
        Eigenvalues.
    vectors : ndarray of shape (n_features, n_pairs)
        Eigenvectors w with w' diag(scale) w = 1.
    converged : bool
        Whether the residuals are below the tolerance.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float64]
    converged: bool


class SearchSpace:
    """A growing subspace in which leading eigenpairs of (A - diag(shift), diag(scale)) are sought.

    The Rayleigh-Ritz method with Davidson's expansion by preconditioned residuals. The products
    of A with the subspace are kept, so that one space serves one problem after another in which
    only the diagonals change: refinement of a factor model, above all.

    Parameters
    ----------
    multiply : callable
        A symmetric matrix as a function: takes (n_features, m), returns (n_features, m).
    n_features : int
        Its size.
    n_pairs : int
        How many eigenpairs will be asked for, about.
    rng : numpy.random.RandomState
        Draws the first directions.
    start : ndarray of shape (n_features, m), default=None
        Directions to begin with, for instance the solution of a similar problem.
    rounding : float, default=machine epsilon of float64
        Relative rounding error of `multiply`, below which no residual can fall.

    References
    ----------
    Davidson (1975), The iterative calculation of a few of the lowest eigenvalues and
    corresponding eigenvectors of large real-symmetric matrices.
    """

    def __init__(
        self,
        multiply: Callable[[NDArray], NDArray],
        n_features: int,
        n_pairs: int,
        rng: np.random.RandomState,
        start: NDArray | None = None,
        rounding: float = float(np.finfo(np.float64).eps),
    ):
        self._multiply = multiply
        self._rounding = rounding
        self._block = min(n_pairs + 8, n_features)
        if n_features <= max(_SMALL, 3 * self._block):
            basis = np.eye(n_features)
        elif start is None:
            # one power step: random directions turn towards those of large variance
            basis = multiply(rng.standard_normal((n_features, self._block)))
        else:
            basis = start
        self.basis = np.linalg.qr(basis)[0]
        self.image = multiply(self.basis)
        self._projected = self.basis.T @ self.image

    def leading(self, n_pairs: int, scale, shift=0.0, tol: float = 1e-6) -> Eigenpairs:
        """Leading eigenpairs of (A - diag(shift)) w = value diag(scale) w.

        Parameters
        ----------
        n_pairs : int
            How many.
        scale : ndarray of shape (n_features,)
            Positive diagonal.
        shift : float or ndarray of shape (n_features,), default=0.0
            Diagonal that is subtracted.
        tol : float, default=1e-6
            Bound on the norm of each residual in the metric 1 / scale, in units of the
            eigenvalues.

        Returns
        -------
        Eigenpairs
            At most `n_pairs`, as many as the space has dimensions.
        """
        shift = np.broadcast_to(shift, scale.shape)
        for expansion in range(_MAX_EXPANSIONS + 1):
            values, coefficients = self._ritz(scale, shift)
            vectors = self.basis @ coefficients[:, :n_pairs]
            whole = self.basis.shape[1] == len(scale)
            residuals = self.image @ coefficients[:, :n_pairs]
            residuals -= shift[:, None] * vectors + scale[:, None] * vectors * values[:n_pairs]
            norms = np.linalg.norm(residuals / np.sqrt(scale)[:, None], axis=0)
            attainable = max(tol, 10 * self._rounding * np.abs(values).max(initial=0.0))
            converged = whole or bool(np.all(norms <= attainable))
            if converged or expansion == _MAX_EXPANSIONS:
                break
            lagging = norms > 0.1 * attainable
            # diag(A) is close to the shift (closed form) or to 1 (correlations): Davidson's
            # preconditioner, kept positive
            pole = shift[:, None] + scale[:, None] * np.abs(values[:n_pairs][lagging])
            if not self._expand(residuals[:, lagging] / pole, coefficients):
                break  # the residuals lie in the space: nothing but rounding is left
        return Eigenpairs(values[:n_pairs], vectors, converged)

    def _ritz(self, scale, shift):
        """Eigenvalues in the space, decreasing, and their coefficients in the basis."""
        metric = np.linalg.cholesky(self.basis.T @ (scale[:, None] * self.basis))
        inverse = np.linalg.inv(metric)
        projected = self._projected
        if np.any(shift):
            projected = projected - self.basis.T @ (shift[:, None] * self.basis)
        values, coefficients = np.linalg.eigh(inverse @ projected @ inverse.T)
        return values[::-1], inverse.T @ coefficients[:, ::-1]

    def _expand(self, directions, coefficients):
        """Add directions and say whether any was new; a large space is cut back first."""
        size = self.basis.shape[1]
        if size + directions.shape[1] > _MAX_BLOCKS * self._block:
            kept = np.linalg.qr(coefficients[:, : 2 * self._block])[0]
            self.basis, self.image = self.basis @ kept, self.image @ kept
            self._projected = kept.T @ self._projected @ kept
        directions = directions / np.linalg.norm(directions, axis=0)
        for _ in range(2):  # once is not enough: the first pass leaves rounding errors behind
            directions = directions - self.basis @ (self.basis.T @ directions)
            directions, triangle = np.linalg.qr(directions)
            new = np.abs(np.diag(triangle)) > 1e-8
            directions = directions[:, new]
        directions = directions[:, : len(self.basis) - self.basis.shape[1]]
        if directions.shape[1] == 0:
            return False
        image = self._multiply(directions)
        cross = self.basis.T @ image
        self._projected = np.block([[self._projected, cross], [cross.T, directions.T @ image]])
        self.basis = np.hstack([self.basis, directions])
        self.image = np.hstack([self.image, image])
        return True


def fix_signs(rows: NDArray) -> NDArray:
    """Signs that make the largest absolute entry of each row positive, as scikit-learn does.

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
