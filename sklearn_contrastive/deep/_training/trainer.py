"""The trainer of every network of this package, on skorch's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from skorch import NeuralNet
from torch import Tensor, nn

from .batches import IndexBatches, Samples, TensorSamples
from .objectives import Objective
from .schedule import cosine

__all__ = ["OnEpoch", "Trainer", "ignore_epoch"]

OnEpoch = Callable[["Trainer"], None]


def ignore_epoch(trainer: Trainer) -> None:
    """Do nothing at the end of an epoch."""


class Trainer(NeuralNet):
    """skorch's network with an objective instead of targets, and randomness of its own.

    What it draws, weights, order, views and dropout, comes from one generator seeded with `seed`;
    PyTorch's global state is as it was when training ends. The learning rate follows from the
    number of steps made, so that the state of training is that number, the generator, the weights
    and the optimiser: `training_state`.

    Parameters
    ----------
    module : callable
        Makes the network, in float32 unless it says otherwise.
    criterion : Objective
        What it is trained for.
    seed : int
        Of the generator.
    schedule : callable, default=cosine
        Factor of the learning rate, a function of the share of all steps that is done.
    half : bool, default=False
        Whether the network computes in bfloat16 where that is safe; weights stay in float32.
    channels_last : bool, default=False
        Whether the weights of convolutions lie with the channels last.
    **settings : dict
        Other parameters of skorch's NeuralNet: `optimizer`, `lr`, `max_epochs`, `batch_size`,
        `device`, `callbacks`.
    """

    def __init__(
        self,
        module: Callable[[], nn.Module],
        criterion: Objective,
        *,
        seed: int,
        schedule: Callable[[float], float] = cosine,
        half: bool = False,
        channels_last: bool = False,
        train_split: None = None,
        verbose: int = 0,
        **settings: Any,
    ):
        self.seed = seed
        self.schedule = schedule
        self.half = half
        self.channels_last = channels_last
        super().__init__(module, criterion, train_split=train_split, verbose=verbose, **settings)

    # --- making -----------------------------------------------------------------------------------

    def initialize(self) -> Trainer:
        """Seed the generator, then make the network and its optimiser."""
        # on the CPU whatever the device, so that its state fits wherever training goes on
        self.generator_ = torch.Generator().manual_seed(self.seed)
        self.n_steps_ = 0
        return super().initialize()

    def initialize_module(self) -> Trainer:
        """Make the network with weights of the generator's."""
        with self._own_randomness():
            super().initialize_module()
        if self.channels_last:
            self.module_ = self.module_.to(memory_format=torch.channels_last)
        return self

    def initialize_criterion(self) -> Trainer:
        """Take the objective as it is."""
        self.criterion_ = self.criterion
        return self

    def initialize_optimizer(self, triggered_directly: None = None) -> Trainer:
        """Make the optimiser and note each group's first learning rate for the schedule."""
        super().initialize_optimizer(triggered_directly)
        for group in self.optimizer_.param_groups:
            group["initial_lr"] = group["lr"]
        return self

    def get_default_callbacks(self) -> list:
        """No callbacks: the record of an epoch is made here."""
        return []

    def get_dataset(self, X: Tensor | Samples, y: None = None) -> Samples:
        """The samples themselves; those of a tensor on the device."""
        return TensorSamples(X.to(self.device)) if isinstance(X, Tensor) else X

    def get_iterator(self, dataset: Samples, training: bool = False) -> IndexBatches:
        """Batches of the samples by index."""
        return IndexBatches(dataset, self.batch_size, self.generator_, torch.device(self.device))

    # --- training ---------------------------------------------------------------------------------

    def fit(
        self, X: Tensor | Samples, y: None = None, *, on_epoch: OnEpoch = ignore_epoch
    ) -> Trainer:
        """Make the network anew and train it for `max_epochs`."""
        self.initialize()
        return self.partial_fit(X, on_epoch=on_epoch)

    def partial_fit(
        self,
        X: Tensor | Samples,
        y: None = None,
        classes: None = None,
        *,
        on_epoch: OnEpoch = ignore_epoch,
        n_epochs: int | None = None,
    ) -> Trainer:
        """Train; unlike skorch, let an interruption through.

        Parameters
        ----------
        X : Tensor or Samples
            All samples.
        y, classes : None
            Ignored.
        on_epoch : callable, default=do nothing
            Called with the trainer after each epoch.
        n_epochs : int, default=None
            Number of epochs, `max_epochs` by default.

        Returns
        -------
        Trainer
            Itself.
        """
        if not self.initialized_:
            self.initialize()
        self._on_epoch = on_epoch
        try:
            self.notify("on_train_begin", X=X, y=y)
            self.fit_loop(X, epochs=n_epochs)
            self.notify("on_train_end", X=X, y=y)
        finally:
            self._on_epoch = ignore_epoch
        return self

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params) -> None:
        """Train on all batches; the device is asked for the loss once, at the end."""
        if iterator is None:
            return
        total, n_samples = 0.0, 0
        with self._own_randomness() as seed:
            self._draws = torch.Generator(self.device).manual_seed(seed)
            for batch in iterator:
                self.notify("on_batch_begin", batch=batch, training=training)
                self._set_learning_rate(self.n_steps_ / (self.max_epochs * len(iterator)))
                step = step_fn(batch, **fit_params)
                self.n_steps_ += 1
                total, n_samples = total + step["loss"] * len(batch), n_samples + len(batch)
                self.notify("on_batch_end", batch=batch, training=training, **step)
        self.history.record(f"{prefix}_loss", float(total) / n_samples)

    def train_step(self, batch: Tensor, **fit_params) -> dict[str, Tensor]:
        """Make a step for each of the objective's turns; the loss is that of the last."""
        self._set_training(True)
        for loss, parameters in self._turns(batch):
            # a step leaves parameters alone that have no gradient
            self.optimizer_.zero_grad(set_to_none=True)
            loss.backward(inputs=parameters)
            self.optimizer_.step()
        return {"loss": loss.detach()}

    def _turns(self, batch: Tensor) -> Iterator[tuple[Tensor, list[nn.Parameter] | None]]:
        """Turns of the objective, whose losses are computed in the precision asked for."""
        turns = self.criterion_.turns(self.module_, batch, self._draws)
        while True:
            # not around the step, which must not see autocast
            with torch.autocast(batch.device.type, torch.bfloat16, enabled=self.half):
                turn = next(turns, None)
            if turn is None:
                return
            yield turn

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs) -> None:
        """Refuse to go on from a loss or weights that are no numbers; tell of the epoch."""
        super().on_epoch_end(net, dataset_train, dataset_valid, **kwargs)
        loss, epoch = self.history[-1, "train_loss"], self.history[-1, "epoch"]
        self.history[-1]["batches"].clear()  # nothing is recorded of them
        if not math.isfinite(loss):
            raise ValueError(
                f"The loss is {loss} in epoch {epoch}: the training diverged. Lower the learning "
                "rate, or scale features that are much larger than the others."
            )
        # the last step of the epoch comes after its last loss
        if not all(weights.isfinite().all() for weights in self.module_.parameters()):
            raise ValueError(
                f"Weights are no longer finite after epoch {epoch}: the training diverged. Lower "
                "the learning rate."
            )
        self._on_epoch(self)

    # --- state ------------------------------------------------------------------------------------

    def training_state(self) -> dict[str, Any]:
        """Everything that training goes on from, as tensors, numbers, lists and dicts; a copy."""
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
        """Take up a training where `training_state` was called, in an initialised trainer."""
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

    def __getstate__(self):
        state = super().__getstate__()
        state["generator_"] = self.generator_.get_state().numpy()  # generators are not pickled
        return {key: value for key, value in state.items() if key not in ("_draws", "_on_epoch")}

    def __setstate__(self, state):
        generator = torch.Generator()
        generator.set_state(torch.from_numpy(np.array(state["generator_"], dtype=np.uint8)))
        super().__setstate__(state | {"generator_": generator})

    def set_learning_rate(self, rate: float) -> None:
        """Set the largest rate of the schedule, also of a training that goes on."""
        self.lr = rate
        if self.initialized_:
            for group in self.optimizer_.param_groups:
                group["initial_lr"] = rate

    def _set_learning_rate(self, progress):
        """Each group's own, at this share of all steps."""
        for group in self.optimizer_.param_groups:
            group["lr"] = group["initial_lr"] * self.schedule(progress)

    @contextmanager
    def _own_randomness(self):
        """Let PyTorch's global generators, of weights and dropout, follow from ours for a while."""
        seed = torch.randint(2**62, (), generator=self.generator_).item()
        device = torch.device(self.device)
        on_gpu = device.type == "cuda"
        with torch.random.fork_rng(devices=[device] if on_gpu else []):
            # not torch.manual_seed, which seeds devices that are not put back
            torch.default_generator.manual_seed(seed)
            if on_gpu:
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(seed)
            yield seed


def _copied(state: Any) -> Any:
    """A nested state whose tensors are copies, on the device where they are."""
    if isinstance(state, Tensor):
        return state.detach().clone()
    if isinstance(state, dict):
        return {key: _copied(value) for key, value in state.items()}
    if isinstance(state, list | tuple):
        return type(state)(_copied(value) for value in state)
    # a checkpoint with NumPy's numbers could be written, but not read
    return state.item() if isinstance(state, np.generic) else state
