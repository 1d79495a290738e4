"""Closed forms: leading eigenpairs of the covariance without its diagonal."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .._covariance.base import Covariance
from .._covariance.labelled import LabelledCovariance
from .._solvers.davidson import (
    OVERSAMPLING,
    SMALL,
    Eigenpairs,
    SearchSpace,
    padded_start,
)

__all__ = [
    "closed_form",
    "contrastive_eigenvalues",
    "label_share",
    "leading_eigenpairs",
    "supervised_closed_form",
]

# errors of eigenvectors that no one sees, and in standard errors sqrt(2 / n) of a variance
_CLOSED_FORM_TOL, _STANDARD_ERRORS = 1e-7, 0.05
# up to so many features for each direction of a block LAPACK is faster than Davidson's method
_FEATURES_PER_DIRECTION = 16


def closed_form(
    covariance: Covariance,
    n_pairs: int,
    rng: np.random.RandomState,
    start: NDArray | None = None,
    tol: float = _CLOSED_FORM_TOL,
) -> Eigenpairs:
    """Leading eigenpairs of the contrastive matrix, the covariance without its diagonal.

    Parameters
    ----------
    covariance : Covariance
        Of the samples.
    n_pairs : int
        How many eigenpairs.
    rng : numpy.random.RandomState
        Draws the first directions of the eigensolver.
    start : ndarray of shape (n_features, m), default=None
        Directions to begin with.
    tol : float, default=1e-7
        Bound on the residuals as shares of the eigenvalues.

    Returns
    -------
    Eigenpairs
        Signed eigenvalues, largest first, and orthonormal vectors.

    References
    ----------
    Ji, Deng, Nakada, Zou and Zhang (2023), The power of contrast for feature learning.
    """
    variances = np.maximum(covariance.variances, 0.0)
    if start is None:
        start = covariance.contrastive_start(n_pairs)
    return leading_eigenpairs(
        covariance.times,
        variances,
        variances,
        n_pairs,
        rng,
        covariance.rounding,
        start,
        tol,
        covariance.to_matrix() if _lapack_is_faster(covariance, n_pairs) else None,
    )


def leading_eigenpairs(
    multiply: Callable[[NDArray], NDArray],
    deleted: NDArray[np.float64],
    variances: NDArray[np.float64],
    n_pairs: int,
    rng: np.random.RandomState,
    rounding: float,
    start: NDArray | None = None,
    tol: float = _CLOSED_FORM_TOL,
    matrix: NDArray[np.float64] | None = None,
) -> Eigenpairs:
    """Leading eigenpairs of a symmetric matrix less a diagonal.

    Parameters
    ----------
    multiply : callable
        The matrix as a function: takes (n_features, m), returns (n_features, m).
    deleted : ndarray of shape (n_features,)
        The diagonal that is subtracted.
    variances : ndarray of shape (n_features,)
        Of the features; their mean is the unit of the eigenvalues.
    n_pairs : int
        How many eigenpairs.
    rng : numpy.random.RandomState
        Draws the first directions of the eigensolver.
    rounding : float
        Relative rounding error of `multiply`.
    start : ndarray of shape (n_features, m), default=None
        Directions to begin with.
    tol : float, default=1e-7
        Bound on the residuals as shares of the eigenvalues or of the mean variance.
    matrix : ndarray of shape (n_features, n_features), default=None
        The matrix itself, which LAPACK then decomposes.

    Returns
    -------
    Eigenpairs
        Signed eigenvalues, largest first, and orthonormal vectors.
    """
    if matrix is not None:
        values, vectors = np.linalg.eigh(_less(matrix, deleted))
        values, vectors = values[::-1], vectors[:, ::-1]
        return Eigenpairs(values[:n_pairs], vectors[:, :n_pairs], converged=True)
    unit = variances.mean() or 1.0
    if start is not None:  # a small problem is solved whole, without a random number
        start = padded_start(start, n_pairs, rng) if len(variances) > SMALL else None
    space = SearchSpace(multiply, len(variances), n_pairs, rng, start, rounding)
    return space.leading(n_pairs, deleted, tol=tol, unit=unit)


def contrastive_eigenvalues(
    covariance: Covariance, directions: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Eigenvalues of the contrastive matrix in the span of directions.

    Parameters
    ----------
    covariance : Covariance
        Of the samples.
    directions : ndarray of shape (n_features, n_directions)
        For instance the refined loadings.

    Returns
    -------
    eigenvalues : ndarray of shape (n_directions,)
        Signed, largest first; those of the matrix itself if the directions are its eigenvectors.
    """
    basis = np.linalg.qr(directions)[0]
    deleted = np.maximum(covariance.variances, 0.0)[:, None]
    return np.linalg.eigvalsh(covariance.along(basis) - basis.T @ (deleted * basis))[::-1]


def _lapack_is_faster(covariance, n_pairs):
    """Whether LAPACK takes less time than Davidson's method, for a covariance held as a matrix."""
    width = n_pairs + OVERSAMPLING
    return covariance.mergeable and covariance.n_features <= _FEATURES_PER_DIRECTION * width


def _less(matrix, deleted):
    """A copy of a matrix, less a diagonal."""
    matrix = matrix.copy()
    matrix.flat[:: len(deleted) + 1] -= deleted
    return matrix


def label_share(alpha: float) -> float:
    """Share 4 alpha / (1 + 4 alpha) of the labels in the blended matrix, 1 for infinite alpha."""
    return 1.0 if np.isinf(alpha) else alpha / (0.25 + alpha)


def supervised_closed_form(
    covariance: LabelledCovariance,
    alpha: float,
    n_pairs: int,
    rng: np.random.RandomState,
    start: NDArray | None = None,
) -> Eigenpairs:
    """Leading eigenpairs of (Delta(Cov)/4 + alpha M_sup) / (1/4 + alpha).

    Delta deletes the diagonal of the covariance, M_sup is the matrix of the supervised contrastive
    loss. Both estimate the contribution of the classes to the covariance, up to the factor
    K / (K - 1), so that this mean of the two is in squared units of the features for every alpha.

    Parameters
    ----------
    covariance : LabelledCovariance
        Of the samples.
    alpha : float
        Weight of the labels, from 0 to infinity.
    n_pairs : int
        How many eigenpairs.
    rng : numpy.random.RandomState
        Draws the first directions of the eigensolver.
    start : ndarray of shape (n_features, m), default=None
        Directions to begin with.

    Returns
    -------
    Eigenpairs
        Signed eigenvalues, largest first, and orthonormal vectors.

    References
    ----------
    Ji, Deng, Nakada, Zou and Zhang (2023), The power of contrast for feature learning.
    """
    share = label_share(alpha)
    variances = np.maximum(covariance.variances, 0.0)
    return leading_eigenpairs(
        covariance.blended_times(share),
        (1.0 - share) * variances,
        variances,
        n_pairs,
        rng,
        covariance.rounding,
        start,
        _STANDARD_ERRORS * np.sqrt(2.0 / covariance.n_samples),
    )
