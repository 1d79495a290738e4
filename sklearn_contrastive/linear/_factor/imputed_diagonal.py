"""Imputed diagonal of a covariance: the iteration of HeteroPCA, plain and deflated."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._covariance.base import Covariance
from .._solvers.anderson import AndersonMemory
from .._solvers.davidson import Eigenpairs, SearchSpace
from .options import FitOptions

__all__ = ["ImputedDiagonal", "deflation_ranks", "impute_diagonal"]

# residuals of eigenvectors as shares of the eigenvalues: at the end; as a share of the last change
# of the diagonal, which is a share itself; and where the rank of a stage is chosen
_TOL, _TOL_OF_CHANGE, _TOL_OF_RANK = 1e-8, 0.1, 1e-3
# change of the diagonal at which a stage before the last one ends: the next one begins there only
_STAGE_TOL = 1e-3
# up to this many features LAPACK decomposes the matrix: there may be hundreds of eigenproblems
_WHOLE = 256
# within one stage of deflation the largest eigenvalue is at most so many times the smallest
_CONDITION = 4.0


@dataclass(frozen=True)
class ImputedDiagonal:
    """Result of the iteration.

    Parameters
    ----------
    pairs : Eigenpairs
        Leading eigenpairs, by absolute value, of the covariance with the imputed diagonal.
    diagonal : ndarray of shape (n_features,)
        The diagonal: each feature's share in the signal.
    n_iter : int
        Eigenproblems solved.
    converged : bool
        Whether the diagonal converged.
    """

    pairs: Eigenpairs
    diagonal: NDArray[np.float64]
    n_iter: int
    converged: bool

    @property
    def diverged(self) -> bool:
        """Whether directions of negative eigenvalues have taken the place of signals."""
        return bool(np.any(self.pairs.values < 0))


class _Completed:
    """Leading eigenpairs by absolute value of a covariance whose diagonal is replaced."""

    def __init__(self, covariance, n_pairs, rng):
        self.variances = np.maximum(covariance.variances, 0.0)
        self._unit = self.variances.mean() or 1.0
        size = len(self.variances)
        self._matrix = covariance.times(np.eye(size)) if size <= _WHOLE else None
        if self._matrix is None:
            self._positive = SearchSpace(
                covariance.times, size, n_pairs, rng, rounding=covariance.rounding
            )
        self._negative = None
        self._start_negative = lambda: SearchSpace(
            lambda v: -covariance.times(v), size, 1, rng, rounding=covariance.rounding
        )

    def leading(self, n_pairs, diagonal, tol=_TOL):
        """Eigenvalues, signed, largest absolute value first, and orthonormal vectors."""
        if self._matrix is not None:
            return self._leading_of_matrix(n_pairs, diagonal)
        shift = self.variances - diagonal
        pairs = self._positive.leading(n_pairs, shift, tol=tol, unit=self._unit)
        values, vectors = pairs.values, pairs.vectors
        # the covariance is positive: no eigenvalue lies below the least of -shift
        if np.max(shift) > values[-1]:
            self._negative = self._negative or self._start_negative()
            n_low = 1
            while True:
                low = self._negative.leading(n_low, -shift, tol=tol, unit=self._unit)
                if n_low == n_pairs or low.values[-1] <= values[-1]:
                    break
                n_low = min(2 * n_low, n_pairs)
            # each search contributes its own side of 0, so that no pair is found twice
            first, second = values >= 0, low.values > 0
            values = np.concatenate([values[first], -low.values[second]])
            vectors = np.hstack([vectors[:, first], low.vectors[:, second]])
            order = np.argsort(-np.abs(values), kind="stable")[:n_pairs]
            values, vectors = values[order], vectors[:, order]
        return Eigenpairs(values, vectors, pairs.converged)

    def _leading_of_matrix(self, n_pairs, diagonal):
        """The same by LAPACK."""
        completed = self._matrix.copy()
        np.fill_diagonal(completed, diagonal)
        values, vectors = np.linalg.eigh(completed)
        chosen = np.argsort(-np.abs(values), kind="stable")[:n_pairs]
        return Eigenpairs(values[chosen], vectors[:, chosen], converged=True)


def impute_diagonal(
    covariance: Covariance, n_components: int, options: FitOptions, *, deflated: bool
) -> ImputedDiagonal:
    """Replace the diagonal of the covariance by that of its own best low-rank approximation.

    Starts with a diagonal of zeros, LinearContrastive's closed form, and repeats until the
    diagonal converges. Deflated, it does so first for the leading components of similar strength
    that are separated from the rest, and then adds more. Steps are extrapolated, as long as no
    leading eigenvalue is negative, and eigenpairs are as accurate as the steps need.

    Parameters
    ----------
    covariance : Covariance
        Of the samples.
    n_components : int
        Rank of the approximation.
    options : FitOptions
        Of the fit: at most `max_iter` eigenproblems; the iteration ends when no entry changes by
        more than the share `tol` of the variance.
    deflated : bool
        Whether to proceed in stages.

    Returns
    -------
    ImputedDiagonal
        With its eigenpairs.

    References
    ----------
    Zhang, Cai and Wu (2022), Heteroskedastic PCA: algorithm, optimality, and applications,
    algorithm 1.
    Zhou and Chen (2025), Deflated HeteroPCA: overcoming the curse of ill-conditioning in
    heteroskedastic PCA, algorithm 2.
    Anderson (1965), Iterative procedures for nonlinear integral equations.
    """
    if n_components == 0:
        nothing = np.zeros((covariance.n_features, 0))
        pairs = Eigenpairs(np.zeros(0), nothing, True)
        return ImputedDiagonal(pairs, np.zeros(covariance.n_features), 0, True)
    completed = _Completed(covariance, min(n_components + 1, covariance.n_features), options.rng)
    size = np.where(completed.variances > 0, completed.variances, 1.0)
    diagonal = following = np.zeros(covariance.n_features)
    rank = 0 if deflated else n_components
    pairs, n_iter, ended, converged = None, 0, True, False
    memory, change = AndersonMemory(), 1.0
    while n_iter < options.max_iter and not converged:
        if ended and rank < n_components:
            values = _values_of_stage(completed, diagonal, rank, n_components)
            rank = deflation_ranks(values, rank, n_components)
            memory, change = AndersonMemory(), 1.0
        tol = max(_TOL, _TOL_OF_CHANGE * change)
        pairs = completed.leading(rank, diagonal, tol)
        following = np.sum(pairs.vectors**2 * pairs.values, axis=1)
        step, last_change = (following - diagonal) / size, change
        change = float(np.max(np.abs(step)))
        n_iter += 1
        options.on_step("eigenproblem")
        ended = change <= max(options.tol, 0.0 if rank == n_components else _STAGE_TOL)
        converged = ended and rank == n_components
        if change > last_change or np.any(pairs.values < 0):
            memory = AndersonMemory()  # where it diverges, it does so by plain steps
        diagonal = diagonal + size * memory.extrapolate(diagonal / size, step)
    if pairs is None or rank < n_components:
        pairs, converged = completed.leading(n_components, diagonal), options.max_iter == 0
    return ImputedDiagonal(pairs, following, n_iter, converged)


def _values_of_stage(completed, diagonal, rank, n_components):
    """Leading eigenvalues down to the first that is too small for the next stage."""
    n_pairs, largest = rank + 2, min(n_components + 1, len(diagonal))
    while True:
        n_pairs = min(n_pairs, largest)
        values = completed.leading(n_pairs, diagonal, _TOL_OF_RANK).values
        too_small = _CONDITION * np.abs(values) < np.abs(values[rank])
        if n_pairs == largest or too_small.any():
            return values[: np.argmax(too_small) + 1] if too_small.any() else values
        n_pairs = 2 * n_pairs - rank


def deflation_ranks(values: NDArray[np.float64], rank: int, n_components: int) -> int:
    """Number of components of the next stage.

    Parameters
    ----------
    values : ndarray of shape (> rank,)
        Eigenvalues, largest absolute value first; missing ones count as 0.
    rank : int
        Components of the stage before.
    n_components : int
        Components in the end.

    Returns
    -------
    next_rank : int
        The largest whose components beyond `rank` differ by a factor of at most 4, and which is
        separated from the next eigenvalue by at least a share 1 / n_components of itself;
        `n_components` if there is none.
    """
    sizes = np.append(np.abs(values), np.zeros(n_components + 1))
    candidates = np.arange(rank + 1, n_components + 1)
    last, following = sizes[candidates - 1], sizes[candidates]
    allowed = (sizes[rank] <= _CONDITION * last) & (last - following >= last / n_components)
    return int(candidates[allowed].max(initial=0)) or n_components
