"""Checkpoints of the trainings of one fit, held until the estimator has their results."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any

from ..._warnings import warn
from .checkpoint import Checkpoint, locked_checkpoint
from .fingerprint import UnseenValueError, fingerprint

__all__ = ["HeldCheckpoints", "held_checkpoints"]


class HeldCheckpoints:
    """Opens checkpoints by fingerprints; they stay locked until the end of a fit.

    Parameters
    ----------
    locks : contextlib.ExitStack
        Unlocks them at the end of the fit.
    """

    def __init__(self, locks: ExitStack):
        self._locks = locks
        self._finished: list[Checkpoint] = []

    def open(
        self, checkpoint_dir: str | os.PathLike[str], max_epochs: int, *facts: Any
    ) -> Checkpoint | None:
        """Checkpoint of the training of which these are the facts.

        Parameters
        ----------
        checkpoint_dir : path-like
            Folder of the checkpoints of all trainings.
        max_epochs : int
            Number of epochs.
        *facts : object
            All that the training depends on, for `fingerprint`.

        Returns
        -------
        checkpoint : Checkpoint or None
            None, with a warning, if another process runs the same training, or if the fingerprint
            cannot depend on a fact.
        """
        try:
            name = fingerprint(*facts)
        except UnseenValueError as error:
            warn(
                f"A checkpoint cannot be recognised, because it cannot depend on {error}. This "
                "training is neither saved in checkpoint_dir nor resumed from it. Pass such "
                "values as attributes of an object or as default arguments of the function."
            )
            return None
        return self._locks.enter_context(locked_checkpoint(checkpoint_dir, name, max_epochs))

    def finish(self, checkpoint: Checkpoint | None) -> None:
        """Let the end of the fit remove a checkpoint, unless the fit raises an error."""
        if checkpoint is not None:
            self._finished.append(checkpoint)

    def remove_finished(self) -> None:
        """Remove the checkpoints of finished trainings, if possible."""
        for checkpoint in self._finished:
            checkpoint.remove()


_OF_WHOLE_FIT: ContextVar[HeldCheckpoints | None] = ContextVar("of_whole_fit", default=None)


@contextmanager
def held_checkpoints() -> Iterator[HeldCheckpoints]:
    """Hold the checkpoints of one fit, those of fits that it calls included.

    A fit that trains an estimator inside loses nothing if it ends early: the checkpoint of a
    training inside is removed when the whole fit is finished, not before. After an error all
    checkpoints stay.

    Yields
    ------
    HeldCheckpoints
        In a fit that another fit calls, that of the outer one.
    """
    outer = _OF_WHOLE_FIT.get()
    if outer is not None:
        yield outer
        return
    with ExitStack() as locks:
        held = HeldCheckpoints(locks)
        token = _OF_WHOLE_FIT.set(held)
        try:
            yield held
        finally:
            _OF_WHOLE_FIT.reset(token)
        held.remove_finished()
