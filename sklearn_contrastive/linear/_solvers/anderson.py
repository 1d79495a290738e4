"""A sequence of steps, extrapolated to where it leads."""

from __future__ import annotations

import numpy as np

__all__ = ["StepMemory"]


class StepMemory:
    """Extrapolates a sequence of steps from how the last few changed.

    What a fixed-point or approximate Newton iteration misses shows in its steps, which would
    otherwise shrink, or alternate, at a constant rate.

    References
    ----------
    Anderson (1965), Iterative procedures for nonlinear integral equations.
    """

    _LENGTH = 4

    def __init__(self):
        self._positions, self._steps = [], []

    def extrapolate(self, position, step):
        """Step that the differences of earlier steps predict to end the sequence."""
        if np.abs(step).max(initial=0.0) > 0.5:
            return step  # far away differences say little
        self._positions = [*self._positions, position][-self._LENGTH :]
        self._steps = [*self._steps, step][-self._LENGTH :]
        if len(self._steps) == 1:
            return step
        changes = np.diff(self._steps, axis=0).T
        moves = np.diff(self._positions, axis=0).T
        weights = np.linalg.lstsq(changes, step, rcond=1e-6)[0]
        return step - (moves + changes) @ weights
