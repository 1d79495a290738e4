"""Closed forms: leading eigenpairs of the covariance without its diagonal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .._covariance.by_class import ClassMoments, LabelledRows, LabelledScatter
from .._solvers.davidson import Eigenpairs, SearchSpace, padded_start, relative_residuals

__all__ = [
    "LabelledMoments",
    "closed_form",
    "contrastive_eigenvalues",
    "label_share",
    "leading_eigenpairs",
    "supervised_closed_form",
]

LabelledMoments = LabelledScatter | ClassMoments | LabelledRows

# the closed form's residuals as shares of the eigenvalues or of the mean variance: for its vectors;
# for its eigenvalues alone, whose error is the square of that
_CLOSED_FORM_TOL, _EIGENVALUE_TOL = 1e-7, 1e-3
# a feature whose variance is a smaller share of the largest does not show in the eigenvalues
_SMALLEST_SHARE = 1e-10


def closed_form(
    moments,
    n_pairs: int,
    rng: np.random.RandomState,
    start: NDArray | None = None,
    tol: float = _CLOSED_FORM_TOL,
) -> Eigenpairs:
    """Leading eigenpairs of the contrastive matrix, the covariance without its diagonal.

    Parameters
    ----------
    moments : SecondMoments or one of its kind
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
    variances = np.maximum(moments.variances, 0.0)
    return leading_eigenpairs(
        moments.covariance_times, variances, variances, n_pairs, rng, moments.rounding, start, tol
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

    Returns
    -------
    Eigenpairs
        Signed eigenvalues, largest first, and orthonormal vectors.
    """
    unit = variances.mean() or 1.0
    if start is not None:
        start = padded_start(start, n_pairs, rng)
    space = SearchSpace(multiply, len(variances), n_pairs, rng, start, rounding)
    pairs = space.leading(
        n_pairs, np.full_like(variances, unit), shift=deleted, tol=tol, error=relative_residuals
    )
    return replace(pairs, values=pairs.values * unit, vectors=pairs.vectors * np.sqrt(unit))


def contrastive_eigenvalues(space, scale, n_pairs):
    """Leading eigenvalues of the contrastive matrix from the search space of the correlations.

    With y = D^(1/2) v, the eigenproblem of D^(1/2) (C - I) D^(1/2) is that of the pencil
    (C - I, D^-1), to which refinement's products with C are of use already.
    """
    variances = np.maximum(scale**2, _SMALLEST_SHARE * np.max(scale**2))
    unit = variances.mean()
    pairs = space.leading(
        n_pairs, unit / variances, shift=1.0, tol=_EIGENVALUE_TOL, error=relative_residuals
    )
    return pairs.values * unit


def label_share(alpha: float) -> float:
    """Share 4 alpha / (1 + 4 alpha) of the labels in the blended matrix, 1 for infinite alpha."""
    return 1.0 if np.isinf(alpha) else alpha / (0.25 + alpha)


def supervised_closed_form(
    moments: LabelledMoments,
    alpha: float,
    n_pairs: int,
    rng: np.random.RandomState,
    start: NDArray | None = None,
) -> Eigenpairs:
    """Leading eigenpairs of (Delta(Cov)/4 + alpha M_sup) / (1/4 + alpha).

    Delta deletes the diagonal of the covariance, M_sup is the matrix of the supervised contrastive
    loss. Both estimate what the classes add to the covariance, up to the factor K / (K - 1), so
    that this mean of the two is in squared units of the features for every alpha.

    Parameters
    ----------
    moments : LabelledScatter, ClassMoments or LabelledRows
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
    variances = np.maximum(moments.variances, 0.0)
    return leading_eigenpairs(
        _blended(moments, share),
        (1.0 - share) * variances,
        variances,
        n_pairs,
        rng,
        moments.rounding,
        start,
    )


def _blended(moments, share) -> Callable[[NDArray], NDArray]:
    """The covariance and M_sup, weighted, as one function of directions."""
    if share == 0.0:
        return moments.covariance_times
    if share == 1.0:
        return moments.supervised_times
    if isinstance(moments, ClassMoments):
        moments = moments.labelled
    if isinstance(moments, LabelledScatter):
        # one d x d matrix, not two, for all the products that are to come
        matrix = moments.total.scatter * ((1.0 - share) / (moments.n_samples - 1))
        matrix += share * moments.supervised_matrix
        return lambda directions: matrix @ directions
    return lambda directions: (
        (1.0 - share) * moments.covariance_times(directions)
        + share * moments.supervised_times(directions)
    )
