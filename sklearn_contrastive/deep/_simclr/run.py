"""One training of a SimCLR network: what is done between its epochs."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from ..._images._source import ImageSource
from ..._typing import FloatArray
from .._diagnostics import alignment, contrastive_accuracy, uniformity
from .._training.checkpoint import Checkpoint
from .._training.trainer import Trainer
from .network import SimCLRNetwork

__all__ = ["Training", "embed"]


class Training:
    """Trains a network for the epochs of its trainer, and remembers the last one that ended.

    Parameters
    ----------
    net : Trainer
        Initialised; its objective is a `ContrastiveObjective`.
    images : ImageSource
        What it is trained on.
    checkpoint : Checkpoint or None
        Where each epoch is kept, and where a training that was cut off is taken up.
    evaluate : callable or None
        Takes the network, returns a number for the record.
    on_record : callable
        Called with the record of each epoch.
    """

    def __init__(
        self,
        net: Trainer,
        images: ImageSource,
        *,
        checkpoint: Checkpoint | None = None,
        evaluate: Callable[[SimCLRNetwork], float] | None = None,
        on_record: Callable[[dict[str, Any]], None],
    ):
        self.net = net
        self._images = images
        self._checkpoint = checkpoint
        self._evaluate = evaluate
        self._on_record = on_record
        self._last_epoch: dict[str, Any] | None = None

    def run(self) -> None:
        """Train until the end, from the checkpoint if there is one."""
        net = self.net
        net.n_steps_ = 0
        if self._checkpoint is not None and (kept := self._checkpoint.load()) is not None:
            net.load_training_state(kept)
            self._last_epoch = kept
        steps = len(net.get_iterator(self._images))
        self._began = time.perf_counter()
        net.partial_fit(
            self._images.resident(net.device),
            n_epochs=net.max_epochs - net.n_steps_ // steps,
            on_epoch=self._end_epoch,
        )

    def run_until_interrupted(self) -> KeyboardInterrupt | None:
        """Run; an interruption is returned once the steps since the last epoch are undone.

        It is raised if no epoch has ended yet.
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
        """Keep the epoch on disk; where that fails, say so and go on, which loses least."""
        try:
            self._checkpoint.save(self._last_epoch)
        except (OSError, RuntimeError) as error:  # torch.save makes either of a full disk
            warnings.warn(
                f"The epoch could not be kept in checkpoint_dir ({error}); the training goes on.",
                stacklevel=2,
            )

    def _diagnostics(self, net):
        """What the record says beside the loss; of the embeddings of the last batch."""
        views = net.criterion_.last_embeddings
        found = {
            "learning_rate": float(net.optimizer_.param_groups[0]["lr"]),
            "alignment": float(alignment(*views)),
            "uniformity": float(uniformity(torch.cat(views))),
            "contrastive_accuracy": float(contrastive_accuracy(*views)),
        }
        if self._evaluate is not None:
            found["knn_accuracy"] = float(self._evaluate(net.module_))
        now = time.perf_counter()
        found["seconds"], self._began = now - self._began, now
        return found


def embed(
    network: SimCLRNetwork,
    images: ImageSource,
    output: str,
    batch_size: int,
    n_images: int | None = None,
) -> FloatArray:
    """What a network makes of images, in batches.

    Parameters
    ----------
    network : SimCLRNetwork
        Where its weights are, that is computed; it is left in evaluation mode.
    images : ImageSource
        The images.
    output : {"representation", "projection", "middle"}
        Which of its layers.
    batch_size : int
        Number of images at once.
    n_images : int, default=None
        Only so many, the first; all by default.

    Returns
    -------
    rows : ndarray of float32 of shape (n_images, width)
        Image by image.
    """
    device = next(network.parameters()).device
    n_images = len(images) if n_images is None else min(n_images, len(images))
    indices = torch.arange(n_images).split(int(batch_size))  # not one of NumPy's
    rows, done = None, 0
    network.eval()  # a training step puts it back into training mode
    with torch.inference_mode():
        for batch in images.batches(indices, device):
            batch = batch.contiguous(memory_format=torch.channels_last)
            made = network.output(batch, output).float().cpu().numpy()
            if rows is None:
                rows = np.empty((n_images, made.shape[1]), np.float32)
            rows[done : done + len(made)] = made
            done += len(made)
    return rows
