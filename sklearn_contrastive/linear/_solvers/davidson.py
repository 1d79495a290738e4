"""Davidson eigensolver for a symmetric matrix less a diagonal."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "Eigenpairs",
    "SearchSpace",
    "bordered",
    "orthonormalised",
    "padded_start",
]

# directions beyond the requested eigenpairs, which speed up the last of them
OVERSAMPLING = 8
# blocks of directions to which a search space is cut back
KEPT_BLOCKS = 2
# smallest eigenvalue by which a residual is divided where nothing else keeps the divisor from 0
_SMALLEST_POLE = 1e-12
# up to this many features the space is everything from the start: LAPACK at once
SMALL = 64
MAX_EXPANSIONS = 100


@dataclass(frozen=True)
class Eigenpairs:
    """Largest eigenvalues of a symmetric matrix, in decreasing order, and their vectors.

    Parameters
    ----------
    values : ndarray of shape (n_pairs,)
        Eigenvalues.
    vectors : ndarray of shape (n_features, n_pairs)
        Orthonormal eigenvectors.
    converged : bool
        Whether the errors are below the tolerance.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float64]
    converged: bool


class SearchSpace:
    """A growing subspace in which leading eigenpairs of A - diag(shift) are sought.

    The Rayleigh-Ritz method with Davidson's expansion by preconditioned residuals. The products
    of A with the subspace are kept, so that one space serves one problem after another in which
    only the diagonal changes.

    Parameters
    ----------
    multiply : callable
        A symmetric matrix as a function: takes (n_features, m), returns (n_features, m).
    n_features : int
        Its size.
    n_pairs : int
        Expected number of eigenpairs.
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
        self.rounding = rounding
        self.n_features = n_features
        self._rng = rng
        self._block = min(n_pairs + OVERSAMPLING, n_features)
        if n_features <= max(SMALL, 3 * self._block):
            basis = np.eye(n_features)
        elif start is None:
            # one power step moves random directions towards those of large variance
            basis = multiply(rng.standard_normal((n_features, self._block)))
        else:
            basis = start
        self.basis = np.linalg.qr(basis)[0]
        self.image = multiply(self.basis)
        self._projected = self.basis.T @ self.image
        self._recent = np.zeros((self.basis.shape[1], 0))

    def leading(
        self, n_pairs: int, shift: NDArray | float = 0.0, *, tol: float, unit: float = 1.0
    ) -> Eigenpairs:
        """Leading eigenpairs of A - diag(shift).

        Parameters
        ----------
        n_pairs : int
            How many.
        shift : float or ndarray of shape (n_features,), default=0.0
            Diagonal that is subtracted.
        tol : float
            Bound on the norm of each residual as a share of its eigenvalue, or of `unit` where
            that is larger.
        unit : float, default=1.0
            Size below which an eigenvalue counts as small.

        Returns
        -------
        Eigenpairs
            At most `n_pairs`, as many as the space has dimensions.
        """
        shift = np.broadcast_to(shift, self.n_features)[:, None]
        self._reserve(n_pairs)
        if not self._whole and self._recent.shape[1] == n_pairs:
            # the residuals of the last solution under the new diagonal are as good directions as
            # those of a new solution
            vectors, images = self.basis @ self._recent, self.image @ self._recent
            images -= shift * vectors
            values = np.sum(vectors * images, axis=0)
            self._expand(images - values * vectors, values, shift, unit)
        projected = self._projected - self.basis.T @ (shift * self.basis)
        for expansion in range(MAX_EXPANSIONS + 1):
            values, coefficients = np.linalg.eigh(projected)
            values, coefficients = values[::-1], coefficients[:, ::-1]
            wanted, self._recent = values[:n_pairs], coefficients[:, :n_pairs]
            vectors = self.basis @ self._recent
            residuals = self.image @ self._recent - (shift + wanted) * vectors
            norms = np.linalg.norm(residuals, axis=0)
            allowed = tol * np.maximum(np.abs(wanted), unit)
            allowed = np.maximum(allowed, 10 * self.rounding * np.abs(values).max(initial=0.0))
            converged = self._whole or bool(np.all(norms <= allowed))
            if not self._whole and self.basis.shape[1] > KEPT_BLOCKS * self._block:
                projected = self._cut_back(coefficients, projected)
            if converged or expansion == MAX_EXPANSIONS:
                break
            lagging = norms > 0.1 * allowed
            new = self._expand(residuals[:, lagging], wanted[lagging], shift, unit)
            if new.shape[1] == 0:
                break  # the residuals lie in the space: nothing but rounding is left
            image = self.image[:, -new.shape[1] :] - shift * new
            projected = bordered(projected, self.basis.T @ image)
        return Eigenpairs(wanted, vectors, converged)

    @property
    def _whole(self):
        """Whether the space is everything."""
        return self.basis.shape[1] == self.n_features

    def _reserve(self, n_pairs):
        """Enlarge the space for more eigenpairs than before."""
        self._block = max(self._block, min(n_pairs + OVERSAMPLING, self.n_features))
        if self.basis.shape[1] < n_pairs:
            missing = self._block - self.basis.shape[1]
            random = self._multiply(self._rng.standard_normal((self.n_features, missing)))
            self._append(orthonormalised(random, self.basis))

    def _cut_back(self, coefficients, matrix):
        """Keep the best part of the space only; return a small matrix in the new basis."""
        kept, triangle = np.linalg.qr(coefficients[:, : KEPT_BLOCKS * self._block])
        self.basis, self.image = self.basis @ kept, self.image @ kept
        self._projected = kept.T @ self._projected @ kept
        self._recent = triangle[:, : self._recent.shape[1]]
        return kept.T @ matrix @ kept

    def _expand(self, residuals, values, shift, unit):
        """Add the new part of preconditioned residuals to the space; return it, orthonormal."""
        # diag(A) is close to the shift: Davidson's preconditioner, kept positive
        values = np.maximum(np.abs(values), _SMALLEST_POLE * unit)
        directions = residuals / (np.abs(shift) + values)
        new = orthonormalised(directions, self.basis)
        self._append(new)
        return new

    def _append(self, new):
        """Add orthonormal directions to the space."""
        image = self._multiply(new)
        self.basis = np.hstack([self.basis, new])
        self.image = np.hstack([self.image, image])
        self._projected = bordered(self._projected, self.basis.T @ image)
        self._recent = np.vstack([self._recent, np.zeros((new.shape[1], self._recent.shape[1]))])


def padded_start(start, n_pairs, rng):
    """Start directions of length about 1, made up to a block with random ones."""
    start = start / np.maximum(np.linalg.norm(start, axis=0), np.finfo(np.float64).tiny)
    missing = max(0, min(n_pairs + OVERSAMPLING, len(start)) - start.shape[1])
    random = rng.standard_normal((len(start), missing)) / np.sqrt(len(start))
    return np.hstack([start, random])


def orthonormalised(directions, basis):
    """Part of some directions outside the basis, orthonormal."""
    # a residual that is exactly zero stays so, and is left out below
    norms = np.linalg.norm(directions, axis=0)
    directions = directions / np.where(norms > 0, norms, 1.0)
    for _ in range(2):  # once is not enough: the first pass leaves rounding errors behind
        directions = directions - basis @ (basis.T @ directions)
        directions, triangle = np.linalg.qr(directions)
        directions = directions[:, np.abs(np.diag(triangle)) > 1e-8]
    return directions[:, : len(basis) - basis.shape[1]]


def bordered(matrix, columns):
    """A symmetric matrix with some columns appended, and the rows that keep it symmetric."""
    size, larger = len(matrix), len(columns)
    larger_matrix = np.empty((larger, larger))
    larger_matrix[:size, :size] = matrix
    larger_matrix[:, size:] = columns
    larger_matrix[size:, :size] = columns[:size].T
    return larger_matrix
