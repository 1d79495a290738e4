"""Davidson eigensolver for covariances of fewer rows than features, in the space of the rows."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .davidson import (
    KEPT_BLOCKS,
    MAX_EXPANSIONS,
    OVERSAMPLING,
    SMALL,
    Eigenpairs,
    bordered,
    next_value,
    orthonormalised,
)

__all__ = ["RowSearchSpace"]

# blocks that a space of rows may have before it is cut back: its directions are short
_ROW_BLOCKS = 3


class RowSearchSpace:
    """The same search for covariances of n < d rows, in the space of the rows.

    For C = Z'Z and positive scales u, C w = value diag(u) w where w = diag(1/u) Z'p and
    Z diag(1/u) Z' p = value p. Directions p have n entries, and their images Z'p stay valid
    for every u, so that a change of u alone needs no product with Z.

    Parameters
    ----------
    project : callable
        Z as a function: takes (n_features, m), returns (n_rows, m).
    combine : callable
        Z' as a function: takes (n_rows, m), returns (n_features, m).
    n_rows, n_features : int
        Size of Z.
    n_pairs : int
        Expected number of eigenpairs.
    rng : numpy.random.RandomState
        Draws the first directions.
    rounding : float
        Relative rounding error of the products.
    """

    #: whether a diagonal can be subtracted from the matrix
    takes_shift = False

    def __init__(self, project, combine, n_rows, n_features, n_pairs, rng, rounding):
        # images are kept as precisely as they are computed, which halves their memory in float32
        dtype = np.float64 if rounding < np.finfo(np.float32).eps / 2 else np.float32
        self._project = project
        self._combine = lambda rows: combine(rows).astype(dtype, copy=False)
        self.n_features, self.rounding = n_features, rounding
        self._rng = rng
        self._block = min(n_pairs + OVERSAMPLING, n_rows)
        if n_rows <= max(SMALL, 3 * self._block):
            self.basis = np.eye(n_rows)
        else:
            self.basis = np.linalg.qr(self._random(self._block))[0]
        self.image = self._combine(self.basis)

    def leading(
        self, n_pairs: int, scale: NDArray, *, tol: float, error: Callable[..., NDArray]
    ) -> Eigenpairs:
        """Leading eigenpairs of C w = value diag(scale) w; see `SearchSpace.leading`.

        The residuals that `error` is given are estimates of their largest entries, in one row.
        """
        self._reserve(n_pairs)
        inverse = (1.0 / scale)[:, None].astype(self.image.dtype)
        projected = (self.image.T @ (inverse * self.image)).astype(np.float64)
        for expansion in range(MAX_EXPANSIONS + 1):
            values, coefficients = np.linalg.eigh(projected)
            values, coefficients = values[::-1], coefficients[:, ::-1]
            wanted = np.maximum(values[:n_pairs], np.finfo(np.float64).tiny)
            rows = self.basis @ coefficients[:, :n_pairs]
            vectors = self._combined(coefficients[:, :n_pairs] / np.sqrt(wanted)).astype(np.float64)
            vectors /= scale[:, None]
            left_out = next_value(values, n_pairs)
            if self.basis.shape[1] == len(self.basis):
                return Eigenpairs(wanted, vectors, np.zeros(len(wanted)), left_out, True)
            residuals = self._project(vectors) * np.sqrt(wanted) - rows * wanted
            # the residual of w is Z' times that of p, which lies outside the space
            norms = np.linalg.norm(residuals, axis=0) * np.sqrt(max(left_out, 1.0) / wanted)
            exact = norms <= 10 * self.rounding * values[0]
            # the largest of n_features entries of a residual whose norm alone is known
            largest = norms * min(1.0, 5.0 / np.sqrt(self.n_features))
            errors = error(values, np.sqrt(scale)[:, None] * vectors, largest[None, :], norms)
            errors = np.where(exact, 0.0, errors)
            converged = bool(np.all(errors <= tol))
            if converged or expansion == MAX_EXPANSIONS:
                break
            if self.basis.shape[1] > _ROW_BLOCKS * self._block:
                kept = coefficients[:, : KEPT_BLOCKS * self._block]
                self.basis, self.image = self.basis @ kept, self._combined(kept)
                projected = np.diag(values[: KEPT_BLOCKS * self._block])
            new = orthonormalised(residuals[:, errors > 0.1 * tol], self.basis)
            if new.shape[1] == 0:
                break
            image = self._append(new)
            projected = bordered(projected, self.image.T @ (inverse * image))
        return Eigenpairs(wanted, vectors, norms, left_out, converged)

    def _combined(self, coefficients):
        """Images of combinations of the basis."""
        return self.image @ coefficients.astype(self.image.dtype, copy=False)

    def _random(self, size):
        """Random directions after one power step towards those of large variance."""
        random = self._rng.standard_normal((self.n_features, size))
        return self._project(self._combine(self._project(random)))

    def _reserve(self, n_pairs):
        """Enlarge the space for more eigenpairs than before."""
        self._block = max(self._block, min(n_pairs + OVERSAMPLING, len(self.basis)))
        if self.basis.shape[1] < min(n_pairs, len(self.basis)):
            missing = self._block - self.basis.shape[1]
            self._append(orthonormalised(self._random(missing), self.basis))

    def _append(self, new):
        """Add orthonormal directions to the space and return their image."""
        image = self._combine(new)
        self.basis, self.image = np.hstack([self.basis, new]), np.hstack([self.image, image])
        return image
