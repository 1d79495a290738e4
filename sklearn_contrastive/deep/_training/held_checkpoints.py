"""Checkpoints of the trainings of one fit, held until the estimator has their results."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..._warnings import warn
from .checkpoint import Checkpoint, locked_checkpoint
from .fingerprint import UnseenValueError, fingerprint

__all__ = ["HeldCheckpoints", "held_checkpoints"]


@dataclass(frozen=True)
class HeldCheckpoints:
    """Opens checkpoints by fingerprints; they stay locked until the end of a fit.

    Parameters
    ----------
    folder : pathlib.Path or None
        Folder of the checkpoints of all trainings, absolute; None: trainings have no checkpoints.
    locks : contextlib.ExitStack
        Unlocks them at the end of the fit.
    finished : list of Checkpoint
        Those that the end of the fit removes.
    """

    folder: Path | None
    locks: ExitStack
    finished: list[Checkpoint] = field(default_factory=list)

    def open(self, max_epochs: int, *facts: Any) -> Checkpoint | None:
        """Checkpoint, in `folder`, of the training of which these are the facts.

        Parameters
        ----------
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
        return self.locks.enter_context(locked_checkpoint(self.folder, name, max_epochs))

    def finish(self, checkpoint: Checkpoint | None) -> None:
        """Let the end of the fit remove a checkpoint, unless the fit raises an error."""
        if checkpoint is not None:
            self.finished.append(checkpoint)


_OF_WHOLE_FIT: ContextVar[HeldCheckpoints | None] = ContextVar("of_whole_fit", default=None)


@contextmanager
def held_checkpoints(
    checkpoint_dir: str | os.PathLike[str] | None,
) -> Iterator[HeldCheckpoints]:
    """Hold the checkpoints of one fit, those of fits that it calls included.

    A fit that trains an estimator inside loses nothing if it ends early: the checkpoint of the
    training inside is removed when the whole fit has ended, not before. After an error all
    checkpoints stay.

    Parameters
    ----------
    checkpoint_dir : path-like or None
        Parameter of the estimator. The process may change its current folder later.

    Yields
    ------
    HeldCheckpoints
        In a fit that another fit calls, that of the outer one, with its folder unless the inner
        one has its own.
    """
    folder = None if checkpoint_dir is None else Path(checkpoint_dir).expanduser().absolute()
    outer = _OF_WHOLE_FIT.get()
    if outer is not None:
        yield outer if folder is None else replace(outer, folder=folder)
        return
    with ExitStack() as locks:
        held = HeldCheckpoints(folder, locks)
        token = _OF_WHOLE_FIT.set(held)
        try:
            yield held
        finally:
            _OF_WHOLE_FIT.reset(token)
        for checkpoint in held.finished:
            checkpoint.remove()
