"""Trainer: skorch's training loop with exact resume and its own random state."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Self

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

from ..._torch_random import seeded_generators
from ...augmentation._images.rows_generator import RowsGenerator
from .batches import RandomBatches, SampleSource
from .first_loss import check_first_loss
from .narrow_maps import narrow_maps_refused
from .objectives import Objective
from .processes import ALONE, Processes, Share
from .schedule import cosine

__all__ = ["Trainer"]


def _ignore_epoch(trainer: "Trainer") -> None:
    """Default of `on_epoch`."""


class Trainer(NeuralNet):
    """skorch's network with an objective instead of targets, and its own random state.

    One generator, seeded with `seed`, draws weights, order, views and dropout; PyTorch's global
    random state does not change. The learning rate is a function of the number of steps, so the
    state of a training is that number, the generator, the weights and the optimiser:
    `training_state`.

    Parameters
    ----------
    module : callable
        Makes the network, in float32 by default.
    criterion : Objective
        The training objective.
    seed : int
        Seed of the generator.
    schedule : callable, default=cosine
        Factor of the learning rate, a function of the share of all steps that are done.
    half : bool, default=False
        Whether the network computes in bfloat16 where that is safe; weights stay in float32.
    **settings : dict
        Other parameters of skorch's NeuralNet: `optimizer`, `lr`, `max_epochs`, `batch_size`,
        `device`.

    Attributes
    ----------
    processes : Processes
        Those that share each batch; this one alone unless it is set.
    """

    processes: Processes = ALONE
    # a loss with parameters is part of the network, of its factory and of the objective; tensors in
    # the other attributes of a pickle could not be loaded without the GPU on which they were
    cuda_dependent_attributes_ = ["module", "criterion"]

    def __init__(
        self,
        module: Callable[[], nn.Module],
        criterion: Objective,
        *,
        seed: int,
        schedule: Callable[[float], float] = cosine,
        half: bool = False,
        train_split: None = None,  # skorch's default holds out a fifth of the samples
        callbacks: str = "disable",  # skorch's defaults need the loss of every batch
        verbose: int = 0,
        **settings: Any,
    ):
        self.seed = seed
        self.schedule = schedule
        self.half = half
        super().__init__(
            module,
            criterion,
            train_split=train_split,
            callbacks=callbacks,
            verbose=verbose,
            **settings,
        )

    # --- methods of skorch, overridden for exactness ---------------------------------------------

    def initialize_module(self) -> Self:
        """Seed the generator and make the network; skorch draws weights from the global state."""
        # on the CPU for every device, so that its state can be loaded on any device
        self.generator_ = torch.Generator().manual_seed(self.seed)
        self.n_steps_ = 0
        with self.own_random_state():
            return super().initialize_module()

    def initialize_criterion(self) -> Self:
        """Use the objective as it is; skorch needs a module, and cannot copy one with a lambda."""
        self.criterion_ = self.criterion
        return self

    def get_iterator(self, dataset: SampleSource, training: bool = False) -> RandomBatches:
        """Batches in an order that the generator draws; skorch's may leave one small batch."""
        device = torch.device(self.device)
        draw = self.criterion_.draw_batches
        return RandomBatches(
            dataset, self.batch_size, self.generator_, device, self.processes, draw
        )

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params) -> None:
        """Train on all batches; skorch waits for the device after each batch, this only once."""
        if iterator is None:
            return
        total, n_samples = 0.0, 0
        with self.own_random_state(stream=self.processes.rank) as seed:
            draws = self._draws(seed)
            for index, batch in iterator:
                share = self.criterion_.share = Share(self.processes, len(index))
                if isinstance(draws, RowsGenerator):
                    draws.n_rows, draws.rows = share.n_samples, share.rows
                self.notify("on_batch_begin", batch=batch, training=training)
                self._set_learning_rate(self.n_steps_ / (self.max_epochs * len(iterator)))
                step = step_fn(batch, index=index, generator=draws, **fit_params)
                self.n_steps_ += 1
                total += step["loss"] * share.n_samples
                n_samples += share.n_samples
                self.notify("on_batch_end", batch=batch, training=training, **step)
        self.history.record(f"{prefix}_loss", float(total) / n_samples)

    def train_step(
        self, batch: Tensor, *, index: Tensor, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Make the steps of the objective, the loss is that of the last; skorch makes one step."""
        self._set_training(True)
        first = self.n_steps_ == 0
        in_half_on_cpu = self.half and batch.device.type == "cpu"
        with narrow_maps_refused(self.module_) if first and in_half_on_cpu else nullcontext():
            for loss, parameters in self._losses(batch, generator, index):
                if first:
                    check_first_loss(loss, self.module_)
                # the optimiser does not move parameters without a gradient
                self.optimizer_.zero_grad(set_to_none=True)
                loss.backward(inputs=parameters)
                self.processes.average_gradients(
                    self.module_.parameters() if parameters is None else parameters
                )
                self.optimizer_.step()
        return {"loss": loss.detach()}

    def __getstate__(self):
        """Store the state of the generator; PyTorch 2.3 cannot pickle generators."""
        state = super().__getstate__() | {"generator_": self.generator_.get_state().numpy()}
        state.pop("processes", None)  # connections cannot be copied
        return state

    def __setstate__(self, state):
        """Make the generator from its state."""
        generator = torch.Generator()
        generator.set_state(torch.from_numpy(np.array(state["generator_"], dtype=np.uint8)))
        super().__setstate__(state | {"generator_": generator})

    # --- training --------------------------------------------------------------------------------

    def train_epochs(
        self,
        source: SampleSource,
        *,
        n_epochs: int | None = None,
        on_epoch: Callable[["Trainer"], None] = _ignore_epoch,
    ) -> Self:
        """Train from the current state; unlike skorch's `fit`, a KeyboardInterrupt is raised.

        Parameters
        ----------
        source : SampleSource
            All samples.
        n_epochs : int, default=None
            Number of epochs, `max_epochs` by default.
        on_epoch : callable, default=do nothing
            Called with the trainer after each epoch.

        Returns
        -------
        Trainer
            Itself.
        """
        if not self.initialized_:
            self.initialize()
        for _ in range(self.max_epochs if n_epochs is None else n_epochs):
            self.fit_loop(source, epochs=1)
            self.history[-1]["batches"].clear()  # nothing is recorded for them
            self.processes.average_buffers(self.module_)
            self._check_finite()
            on_epoch(self)
        return self

    def set_learning_rate(self, rate: float) -> None:
        """Set the largest rate of the schedule, before a training or between two trainings."""
        self.lr = rate
        if self.initialized_:
            for group in self.optimizer_.param_groups:
                group["initial_lr"] = rate

    def _losses(
        self, batch: Tensor, generator: torch.Generator, index: Tensor
    ) -> Iterator[tuple[Tensor, list[nn.Parameter] | None]]:
        """Losses of the objective and their parameters, computed in the chosen precision."""
        steps = self.criterion_.steps(self.module_, batch, generator, index)
        while True:
            # not around the optimiser step, which must not run under autocast
            with torch.autocast(batch.device.type, torch.bfloat16, enabled=self.half):
                step = next(steps, None)
            if step is None:
                return
            yield step

    def _draws(self, seed: int) -> torch.Generator:
        """Generator that augments every image in the same way, whoever has it, in any chunk."""
        draws = torch.Generator(self.device).manual_seed(seed)
        if self.processes.size == 1 and getattr(self.criterion_, "chunk_size", None) is None:
            return draws
        # own streams, none of which is that of PyTorch's global generator in some process
        return RowsGenerator(draws, seed + self.processes.size + self.processes.rank)

    def _check_finite(self):
        """Raise ValueError if the training diverged in the last epoch."""
        loss, epoch = self.history[-1, "train_loss"], self.history[-1, "epoch"]
        if not math.isfinite(loss):
            raise ValueError(
                f"The loss is {loss} in epoch {epoch}: the training diverged. Lower the learning "
                "rate, raise a temperature near 0, or scale features that are much larger than "
                "the others."
            )
        # the last step of the epoch comes after its last loss
        if not all(weights.isfinite().all() for weights in self.module_.parameters()):
            raise ValueError(
                f"Weights are no longer finite after epoch {epoch}: the training diverged. Lower "
                "the learning rate."
            )

    def _set_learning_rate(self, progress):
        """Set the rate of each parameter group at this share of all steps."""
        for group in self.optimizer_.param_groups:
            group["lr"] = group.setdefault("initial_lr", group["lr"]) * self.schedule(progress)

    @contextmanager
    def own_random_state(
        self, generator: torch.Generator | None = None, *, stream: int = 0
    ) -> Iterator[int]:
        """Seed PyTorch's global generators from ours, or another, within the context.

        Yields the seed. Weights, dropout and the user's functions draw from the global generators;
        `stream`, a small number, chooses one of several independent sequences.
        """
        generator = self.generator_ if generator is None else generator
        seed = torch.randint(2**62, (), generator=generator).item()
        with seeded_generators(seed + stream, self.device):
            yield seed

    # --- state -----------------------------------------------------------------------------------

    def training_state(self) -> dict[str, Any]:
        """Everything needed to resume, as tensors, numbers, lists and dicts; a copy."""
        return _copied(
            {
                "module": self.module_.state_dict(),
                "optimizer": self.optimizer_.state_dict(),
                "generator": self.generator_.get_state(),
                "n_steps": self.n_steps_,
                "history": [
                    {key: value for key, value in epoch.items() if key != "batches"}
                    for epoch in self.history
                ],
            }
        )

    def load_training_state(self, state: dict[str, Any]) -> None:
        """Resume from a `training_state`, in an initialised trainer."""
        state = _copied(state)
        self.module_.load_state_dict(state["module"])
        self.optimizer_.load_state_dict(state["optimizer"])
        self.generator_.set_state(state["generator"])
        self.n_steps_ = state["n_steps"]
        self.initialize_history()
        for epoch in state["history"]:
            self.history.new_epoch()
            for key, value in epoch.items():
                self.history.record(key, value)


def _copied(state: Any) -> Any:
    """Copy of a nested state; tensors stay on their devices."""
    if isinstance(state, Tensor):
        return state.detach().clone()
    if isinstance(state, dict):
        return {key: _copied(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(_copied(value) for value in state)
    # a checkpoint with NumPy numbers can be written, but not read
    return state.item() if isinstance(state, np.generic) else state
