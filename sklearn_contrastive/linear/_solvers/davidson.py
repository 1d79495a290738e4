"""Davidson eigensolver for a symmetric matrix less a diagonal, in units of another diagonal."""

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
    "relative_residuals",
    "residual_norms",
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
    """Largest eigenvalues of a pencil, in decreasing order, and their vectors.

    Parameters
    ----------
    values : ndarray of shape (n_pairs,)
        Eigenvalues.
    vectors : ndarray of shape (n_features, n_pairs)
        Eigenvectors w with w' diag(scale) w = 1.
    converged : bool
        Whether the errors are below the tolerance.
    """

    values: NDArray[np.float64]
    vectors: NDArray[np.float64]
    converged: bool


def residual_norms(values, vectors, residuals, norms: NDArray) -> NDArray:
    """Norm of each residual: distance of the value from an eigenvalue, at most."""
    return norms


def relative_residuals(values: NDArray, vectors, residuals, norms: NDArray) -> NDArray:
    """Norm of each residual as a share of its eigenvalue."""
    return norms / np.maximum(np.abs(values[: len(norms)]), 1.0)


class SearchSpace:
    """A growing subspace in which leading eigenpairs of (A - diag(shift), diag(scale)) are sought.

    The Rayleigh-Ritz method with Davidson's expansion by preconditioned residuals. The products
    of A with the subspace are kept, so that one space serves one problem after another in which
    only the diagonals change.

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
        self,
        n_pairs: int,
        scale: NDArray,
        shift: NDArray | float = 0.0,
        *,
        tol: float,
        error: Callable[..., NDArray] = residual_norms,
    ) -> Eigenpairs:
        """Leading eigenpairs of (A - diag(shift)) w = value diag(scale) w.

        Parameters
        ----------
        n_pairs : int
            How many.
        scale : ndarray of shape (n_features,)
            Positive diagonal.
        shift : float or ndarray of shape (n_features,), default=0.0
            Diagonal that is subtracted.
        tol : float
            Bound on the error of each pair.
        error : callable, default=residual_norms
            Error of each pair from all eigenvalues in the space, and from vectors, residuals and
            norms of residuals of the pairs, whitened by the scale.

        Returns
        -------
        Eigenpairs
            At most `n_pairs`, as many as the space has dimensions.
        """
        shift, root = np.broadcast_to(shift, scale.shape), np.sqrt(scale)[:, None]
        self._reserve(n_pairs)
        whole = self.basis.shape[1] == len(scale)
        if not whole and self._recent.shape[1] == n_pairs:
            # the residuals of the last solution under the new diagonals are as good directions as
            # those of a new solution
            vectors, images = self.basis @ self._recent, self.image @ self._recent
            images -= shift[:, None] * vectors
            values = np.sum(vectors * images, axis=0)
            values /= np.sum(vectors * (scale[:, None] * vectors), axis=0)
            self._expand(images - scale[:, None] * values * vectors, values, scale, shift)
        metric = self._project(scale)
        projected = self._projected - (self._project(shift) if np.any(shift) else 0.0)
        for expansion in range(MAX_EXPANSIONS + 1):
            values, coefficients = _generalised_eigh(projected, metric)
            wanted, self._recent = values[:n_pairs], coefficients[:, :n_pairs]
            vectors = self.basis @ self._recent
            residuals = self.image @ self._recent
            residuals -= (shift[:, None] + scale[:, None] * wanted) * vectors
            white = residuals / root
            norms = np.linalg.norm(white, axis=0)
            exact = norms <= 10 * self.rounding * np.abs(values).max(initial=0.0)
            errors = np.where(exact, 0.0, error(values, root * vectors, white, norms))
            whole = self.basis.shape[1] == len(scale)
            converged = whole or bool(np.all(errors <= tol))
            if not whole and self.basis.shape[1] > KEPT_BLOCKS * self._block:
                metric, projected = self._cut_back(coefficients, metric, projected)
            if converged or expansion == MAX_EXPANSIONS:
                break
            lagging = errors > 0.1 * tol
            new = self._expand(residuals[:, lagging], wanted[lagging], scale, shift)
            if new.shape[1] == 0:
                break  # the residuals lie in the space: nothing but rounding is left
            image = self.image[:, -new.shape[1] :] - shift[:, None] * new
            metric = bordered(metric, self.basis.T @ (scale[:, None] * new))
            projected = bordered(projected, self.basis.T @ image)
        return Eigenpairs(wanted, vectors, converged)

    def _reserve(self, n_pairs):
        """Enlarge the space for more eigenpairs than before."""
        self._block = max(self._block, min(n_pairs + OVERSAMPLING, self.n_features))
        if self.basis.shape[1] < n_pairs:
            missing = self._block - self.basis.shape[1]
            random = self._multiply(self._rng.standard_normal((self.n_features, missing)))
            self._append(orthonormalised(random, self.basis))

    def _project(self, diagonal):
        """The diagonal matrix in the basis."""
        return self.basis.T @ (diagonal[:, None] * self.basis)

    def _cut_back(self, coefficients, *matrices):
        """Keep the best part of the space only; return small matrices in the new basis."""
        kept, triangle = np.linalg.qr(coefficients[:, : KEPT_BLOCKS * self._block])
        self.basis, self.image = self.basis @ kept, self.image @ kept
        self._projected = kept.T @ self._projected @ kept
        self._recent = triangle[:, : self._recent.shape[1]]
        return [kept.T @ matrix @ kept for matrix in matrices]

    def _expand(self, residuals, values, scale, shift):
        """Add the new part of preconditioned residuals to the space; return it, orthonormal."""
        # diag(A) is close to the shift (closed form) or to 1 (correlations): Davidson's
        # preconditioner, kept positive
        values = np.maximum(np.abs(values), _SMALLEST_POLE)
        directions = residuals / (np.abs(shift)[:, None] + scale[:, None] * values)
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


def _generalised_eigh(projected, metric):
    """Eigenvalues of the small pencil, decreasing, and their coefficients."""
    # not scipy.linalg.eigh(A, B): the threads of the BLAS that SciPy brings compete with those of
    # NumPy's, which makes small fits several times slower
    inverse = np.linalg.inv(np.linalg.cholesky(metric))
    values, coefficients = np.linalg.eigh(inverse @ projected @ inverse.T)
    return values[::-1], inverse.T @ coefficients[:, ::-1]


def bordered(matrix, columns):
    """A symmetric matrix with some columns appended, and the rows that keep it symmetric."""
    size, larger = len(matrix), len(columns)
    larger_matrix = np.empty((larger, larger))
    larger_matrix[:size, :size] = matrix
    larger_matrix[:, size:] = columns
    larger_matrix[size:, :size] = columns[:size].T
    return larger_matrix
