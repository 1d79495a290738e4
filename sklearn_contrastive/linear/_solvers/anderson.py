"""Anderson acceleration of a fixed-point iteration, with steps that are shortened when refused."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["AndersonMemory", "FixedPoint", "damped_anderson", "slowest_contraction"]

# the least share of independent length for which a direction of the moves counts
_INDEPENDENT = 0.1


class AndersonMemory:
    """The last few positions and steps of an iteration, and the step they extrapolate to.

    References
    ----------
    Anderson (1965), Iterative procedures for nonlinear integral equations.
    """

    _LENGTH = 8

    def __init__(self):
        self._positions, self._steps = [], []

    def extrapolate(self, position: NDArray, step: NDArray) -> NDArray:
        """Step that the differences of earlier steps predict to end the iteration."""
        if np.abs(step).max(initial=0.0) > 0.5:
            return step  # differences of long steps predict little
        self._positions = [*self._positions, position][-self._LENGTH :]
        self._steps = [*self._steps, step][-self._LENGTH :]
        if len(self._steps) == 1:
            return step
        changes = np.diff(self._steps, axis=0).T
        moves = np.diff(self._positions, axis=0).T
        weights = np.linalg.lstsq(changes, step, rcond=1e-6)[0]
        return step - (moves + changes) @ weights


class FixedPoint(ABC):
    """An iteration for `damped_anderson`: points, and the plain step from each."""

    #: factor by which a refused step is shortened
    shrink: ClassVar[float] = 0.5

    @abstractmethod
    def position(self, point: Any) -> NDArray:
        """Coordinates of a point, shape (n,)."""

    @abstractmethod
    def step(self, point: Any) -> NDArray:
        """Plain step from a point, shape (n,)."""

    @abstractmethod
    def moved(self, point: Any, step: NDArray, n_refused: int) -> Any:
        """The evaluated point after a step, given the number of refused candidates."""

    @abstractmethod
    def accepts(self, point: Any, candidate: Any, n_refused: int) -> bool:
        """Whether the candidate replaces the point, after so many refused candidates."""

    @abstractmethod
    def has_converged(self, point: Any, candidate: Any, step: NDArray, accepted: bool) -> bool:
        """Whether the iteration ends with this step."""


def damped_anderson(problem: FixedPoint, point: Any, max_iter: int) -> tuple[Any, int, bool]:
    """Iterate with extrapolated steps; after a refusal the plain step, then shorter ones.

    A refusal also clears the memory.

    Parameters
    ----------
    problem : FixedPoint
        The iteration.
    point : object
        Evaluated starting point, which counts as the first evaluation.
    max_iter : int
        Largest number of evaluations.

    Returns
    -------
    point : object
        The last accepted point.
    n_iter : int
        Number of evaluations.
    converged : bool
        Whether the iteration converged.
    """
    memory, n_refused, n_iter, converged = AndersonMemory(), 0, 1, False
    while n_iter < max_iter and not converged:
        if n_refused == 0:
            plain = problem.step(point)
            step = memory.extrapolate(problem.position(point), plain)
        elif n_refused == 1:
            step = plain
        else:
            step = plain * problem.shrink ** (n_refused - 1)
        candidate = problem.moved(point, step, n_refused)
        n_iter += 1
        accepted = problem.accepts(point, candidate, n_refused)
        converged = problem.has_converged(point, candidate, step, accepted)
        if accepted:
            point, n_refused = candidate, 0
        else:
            memory, n_refused = AndersonMemory(), n_refused + 1
    return point, n_iter, converged


def slowest_contraction(moves: NDArray, changes: NDArray) -> float:
    """Least change of the step of an iteration per length of move, over all directions moved in.

    Near the end x of the iteration, the step from x + e is -(I - J) e, with J its Jacobian. The
    changes of the step are -(I - J) times the moves. The least singular value of I - J on the
    span of the moves bounds the distance from the end: the length of the step over it.

    Parameters
    ----------
    moves : ndarray of shape (n, m)
        Differences of positions.
    changes : ndarray of shape (n, m)
        Differences of the steps from them.

    Returns
    -------
    contraction : float
        Near 0 for a slow iteration, near 1 for a fast one.
    """
    lengths = np.linalg.norm(moves, axis=0)
    _, sizes, right = np.linalg.svd(moves / lengths, full_matrices=False)
    kept = sizes > _INDEPENDENT * sizes[0]
    combined = (changes / lengths) @ (right[kept].T / sizes[kept])
    return float(np.linalg.svd(combined, compute_uv=False)[-1])
