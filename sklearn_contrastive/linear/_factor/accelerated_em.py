"""EM whose steps `damped_anderson` extrapolates, and when it ends."""

import numpy as np

from .._solvers.anderson import FixedPoint, slowest_contraction

__all__ = ["AcceleratedEM"]

# relative change of the posterior that is rounding, and decrease that is allowed
_ROUNDING, _ALLOWED = 1e-15, 1e-11
# moves from which the slowest contraction is estimated
_MOVES = 8


class AcceleratedEM(FixedPoint):
    """Steps of EM for a factor model.

    Points have a `state`, the `step` to the following one as a vector, and the log-`posterior`. A
    state has `loadings`, `uniqueness` and `as_vector()`, which begins with the loadings and the log
    uniquenesses.

    Parameters
    ----------
    tol : float
        Steps end when those to come are predicted to raise the posterior less than errors that are
        the share `tol` of each uniqueness, and of the root of half of it for each loading, would
        lower it.
    """

    def __init__(self, tol):
        self._tol, self._moves = tol, []

    def position(self, point):
        return point.state.as_vector()

    def step(self, point):
        return point.step

    def accepts(self, point, candidate, n_refused):
        return candidate.posterior >= point.posterior - _ALLOWED * abs(point.posterior)

    def has_converged(self, point, candidate, step, accepted):
        """Whether steps to come raise the posterior little.

        A step s of contraction c leaves a deficit of n s's / (4 c), s in units of the noise.
        """
        if not accepted:
            return False
        moved = candidate.state.as_vector() - point.state.as_vector()
        gained = abs(candidate.posterior - point.posterior)
        if not moved.any() or gained <= _ROUNDING * abs(point.posterior):
            return True
        self._moves = [*self._moves, (moved, candidate.step - point.step)][-_MOVES:]
        left = np.mean(_of_subspace(candidate.state, candidate.step[:, None]) ** 2)
        if left > self._tol**2:
            return False
        moves, changes = (np.column_stack(parts) for parts in zip(*self._moves, strict=True))
        moves, changes = (_of_subspace(candidate.state, part) for part in (moves, changes))
        return bool(left <= min(1.0, slowest_contraction(moves, changes)) * self._tol**2)


def _of_subspace(state, changes):
    """What changes (n_parameters, n) move the subspace, in units of the noise, and the log noise.

    Rotations of the factors among themselves are left out: they change neither.
    """
    outside, logarithm = np.split(changes, [state.loadings.size])
    root = np.sqrt(state.uniqueness)[:, None]
    basis = np.linalg.qr(state.loadings / root)[0]
    outside = outside.reshape(len(root), -1) / root
    outside -= basis @ (basis.T @ outside)
    outside = np.sqrt(2.0) * outside.reshape(state.loadings.size, -1)
    return np.vstack([outside, logarithm[: len(root)]])
