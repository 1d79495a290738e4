"""Run of a training: resume, checkpoint, record and diagnostics after each epoch."""

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn

from ..._warnings import warn
from .._training.batches import Samples, SampleSource
from .._training.checkpoint import Checkpoint
from .._training.optimizers import check_state
from .._training.processes import ALONE, WHOLE, Processes
from .._training.progress import TrainingProgress
from .._training.trainer import Trainer

__all__ = ["Training"]

# samples whose mean values are compared between processes, and the difference that is allowed
_N_COMPARED, _TOLERANCE = 16, 0.05


class Training:
    """Runs a trainer for its epochs, and keeps the state after the last finished epoch.

    Parameters
    ----------
    net : Trainer
        Initialised.
    samples : Samples
        Training samples, the same in all processes.
    processes : Processes, default=this one alone
        Those that train; all begin with the state of the first one.
    checkpoint : Checkpoint or None
        Where each epoch is saved, and from where an earlier training is resumed.
    evaluate : callable or None
        Takes the network, returns a number for the record.
    on_record : callable
        Called with the record of each epoch.
    progress : TrainingProgress or None
        Reports the time that a long training takes.
    """

    def __init__(
        self,
        net: Trainer,
        samples: Samples,
        *,
        processes: Processes = ALONE,
        checkpoint: Checkpoint | None = None,
        evaluate: Callable[[nn.Module], float] | None = None,
        on_record: Callable[[dict[str, Any]], None],
        progress: TrainingProgress | None = None,
    ):
        self.net = net
        self._samples = samples
        self._processes = processes
        self._checkpoint = checkpoint
        self._evaluate = evaluate
        self._on_record = on_record
        self._progress = progress
        self._last_epoch: dict[str, Any] | None = None

    def run(self) -> None:
        """Train until the last epoch, from the checkpoint if there is one."""
        net = self.net
        net.n_steps_ = 0
        steps = len(net.get_iterator(self._samples))
        self._check_processes(steps)
        self._resume(steps)
        self._take_state_of_first()
        self._began = time.perf_counter()
        with (
            self._watched(self._samples.resident(net.device), steps) as samples,
            _together(net, self._processes, self._samples),
        ):
            net.train_epochs(
                samples,
                n_epochs=net.max_epochs - net.n_steps_ // steps,
                on_epoch=self._end_epoch,
            )

    def _check_processes(self, steps: int) -> None:
        """Raise ValueError unless all processes have these samples, and a part of every batch."""
        n_samples, n_processes = len(self._samples), self._processes.size
        noun = self._samples.noun
        if n_samples // steps < n_processes:
            raise ValueError(
                f"A batch has {n_samples // steps} {noun}, fewer than the {n_processes} "
                "processes. Raise batch_size, which is that of all processes together, or start "
                "fewer."
            )
        if n_processes > 1:
            facts = {
                f"numbers of {noun}": n_samples,
                f"shapes of {noun}": self._samples.shape,
                "batch sizes": self.net.batch_size,
                "numbers of epochs": self.net.max_epochs,
            }
            if self._samples.targets is not None:
                content = self._samples.targets.numpy().tobytes()
                facts["hashes of y"] = hashlib.sha256(content).hexdigest()[:8]
            self._processes.check_equal(facts)
            self._processes.check_equal({noun: self._describe_samples()})

    def _describe_samples(self) -> str:
        """Whether this process has the samples of the first one, in words."""
        n_samples = len(self._samples)
        indices = torch.linspace(0, n_samples - 1, min(n_samples, _N_COMPARED)).long()
        (batch,) = self._samples.batches([indices], "cpu")
        means = batch.flatten(1).nan_to_num().mean(dim=1)  # NaN: missing entries of tables
        of_first = torch.tensor(self._processes.broadcast(means.tolist()))
        # decoders of files differ a little, and a Dataset may return random crops
        alike = (means - of_first).abs() <= _TOLERANCE * of_first.abs().max()
        return "those of the first process" if alike.float().mean() >= 0.5 else "others"

    def _take_state_of_first(self) -> None:
        """Load the state of the first process, which may be that of its checkpoint."""
        if self._processes.size == 1:
            return
        start = {"state": self.net.training_state(), "resumed": self._last_epoch is not None}
        start = self._processes.broadcast_state(start)
        if not self._processes.is_first:
            self.net.load_training_state(start["state"])
            self._last_epoch = start["state"] if start["resumed"] else None

    def _watched(self, samples: SampleSource, steps: int) -> AbstractContextManager[SampleSource]:
        """Context of the samples, whose use is reported; `steps` is per epoch."""
        if self._progress is None:
            return nullcontext(samples)
        n_epochs = self.net.max_epochs
        return self._progress.watching(
            samples, n_epochs=n_epochs, n_steps=n_epochs * steps, done=self.net.n_steps_
        )

    def _resume(self, steps: int) -> None:
        """Load the state of the checkpoint, if there is one that fits; `steps` is per epoch."""
        saved = None if self._checkpoint is None else self._checkpoint.load()
        if saved is None:
            return
        start = self.net.training_state()
        try:
            if saved["n_steps"] not in range(steps, self.net.max_epochs * steps + 1, steps):
                raise ValueError(f"{saved['n_steps']} steps are not a number of epochs")
            if len(saved["history"]) != len(self.net.history) + saved["n_steps"] // steps:
                raise ValueError("its records are not those of its epochs")
            self.net.load_training_state(saved)
            check_state(self.net.optimizer_, self.net.optimizer)
        except Exception as error:  # whatever a state of another program leads to
            self.net.load_training_state(start)
            self._checkpoint.set_aside(str(error).partition("\n")[0])
        else:
            self._last_epoch = saved

    def run_until_interrupted(self) -> KeyboardInterrupt | None:
        """Run; after an interruption, restore the last finished epoch and return the interruption.

        The interruption is raised if no epoch has finished yet.
        """
        try:
            self.run()
        except KeyboardInterrupt as interruption:
            if self._last_epoch is None:
                raise
            self.net.load_training_state(self._last_epoch)
            return interruption
        return None

    def records(self) -> list[dict[str, Any]]:
        """One dict per epoch: number, loss, learning rate and diagnostics."""
        names = {"train_loss": "loss"}
        return [
            {names.get(key, key): value for key, value in epoch.items() if key != "batches"}
            for epoch in self.net.history
        ]

    def _end_epoch(self, net: Trainer) -> None:
        for name, value in self._diagnostics(net).items():
            net.history.record(name, value)
        self._last_epoch = net.training_state()
        if self._checkpoint is not None:
            self._save()
        self._on_record(self.records()[-1])

    def _save(self):
        """Save the epoch; after an error, warn and continue, because to stop would lose more."""
        try:
            self._checkpoint.save(self._last_epoch)
        except (OSError, RuntimeError) as error:  # torch.save raises either for a full disk
            warn(
                f"The epoch could not be saved in checkpoint_dir ({error}); the training continues."
            )

    def _diagnostics(self, net):
        """Entries of the record besides the loss."""
        entries = {"learning_rate": float(net.optimizer_.param_groups[0]["lr"])}
        entries |= net.criterion_.diagnostics(net.module_)
        if self._evaluate is not None:
            entries["knn_accuracy"] = float(self._evaluate(net.module_))
        now = time.perf_counter()
        entries["seconds"], self._began = now - self._began, now
        return entries


@contextmanager
def _together(net: Trainer, processes: Processes, samples: Samples) -> Iterator[None]:
    """Let a trainer share its batches with other processes, and use targets, in the context."""
    net.processes, net.criterion_.targets = processes, samples.targets
    try:
        yield
    finally:
        net.processes, net.criterion_.share, net.criterion_.targets = ALONE, WHOLE, None
