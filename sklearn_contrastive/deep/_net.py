"""The trainer of every network of this package, on skorch's."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from skorch import NeuralNet
from torch import Tensor, nn

__all__ = [
    "ContrastiveObjective",
    "IndexBatches",
    "Objective",
    "Trainer",
    "cosine",
    "usable_device",
]


def cosine(progress: float) -> float:
    """Factor of the learning rate that falls from 1 to 0 while progress goes from 0 to 1."""
    return 0.5 * (1 + math.cos(math.pi * progress))


class Objective:
    """What a network is trained for; a subclass says what its loss is on a batch.

    Games, in which parts of the network have aims of their own, override `turns`.
    """

    def loss(self, module: nn.Module, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Loss of shape () of the network on a batch; everything random comes from `generator`."""
        raise NotImplementedError

    def turns(
        self, module: nn.Module, batch: Tensor, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, list[nn.Parameter] | None]]:
        """Pairs of a loss and the parameters that lower it (None: all), a step for each in turn."""
        yield self.loss(module, batch, generator), None


class ContrastiveObjective(Objective):
    """Embeddings of two views of a sample shall be alike and those of other samples not.

    Parameters
    ----------
    views : callable
        Takes a batch and a torch.Generator, returns two views of the batch.
    pair_loss : callable
        Takes the embeddings of the two views, returns a loss of shape ().
    penalty : callable, default=none
        Takes the network, returns what is added to the loss.
    """

    def __init__(
        self,
        views: Callable[[Tensor, torch.Generator], tuple[Tensor, Tensor]],
        pair_loss: Callable[[Tensor, Tensor], Tensor],
        penalty: Callable[[nn.Module], Tensor | float] = lambda module: 0.0,
    ):
        self._views = views
        self._pair_loss = pair_loss
        self._penalty = penalty

    def loss(self, module, batch, generator):
        """The pair loss of the views plus the penalty."""
        # one pass for both views: statistics of a batch must be those of both
        embeddings = module(torch.cat(self._views(batch, generator)))
        return self._pair_loss(*embeddings.chunk(2)) + self._penalty(module)


class IndexBatches:
    """Batches of a tensor in random order, by indexing it where it lies.

    Parameters
    ----------
    samples : Tensor of shape (n_samples, ...)
        All samples.
    batch_size : int
        Largest number of samples in a batch; all batches of an epoch differ by one sample at most,
        so that none is left with too few.
    generator : torch.Generator
        Draws the order, on the device of the samples.
    """

    def __init__(self, samples: Tensor, batch_size: int, generator: torch.Generator):
        self._samples = samples
        self._n_batches = math.ceil(len(samples) / batch_size)
        self._generator = generator

    def __len__(self) -> int:
        return self._n_batches

    def __iter__(self) -> Iterator[Tensor]:
        device = self._samples.device
        order = torch.randperm(len(self._samples), generator=self._generator, device=device)
        for index in torch.tensor_split(order, self._n_batches):
            yield self._samples[index]


class Trainer(NeuralNet):
    """skorch's network with an objective instead of targets, and randomness of its own.

    What it draws, weights, order, views and dropout, comes from one generator seeded with `seed`;
    PyTorch's global state is as it was when training ends. The learning rate follows from the
    number of steps made, so that the state of training is that number, the generator, the weights
    and the optimiser.

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
    on_epoch : callable, default=do nothing
        Called with the record of each epoch: its number "epoch", counted from 1, and the mean
        "train_loss" of its samples.
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
        on_epoch: Callable[[dict[str, Any]], None] = lambda record: None,
        train_split: None = None,
        verbose: int = 0,
        **settings: Any,
    ):
        self.seed = seed
        self.schedule = schedule
        self.on_epoch = on_epoch
        super().__init__(module, criterion, train_split=train_split, verbose=verbose, **settings)

    def initialize(self) -> Trainer:
        """Seed the generator, then make the network and its optimiser."""
        self.generator_ = torch.Generator(self.device).manual_seed(self.seed)
        self.n_steps_ = 0
        return super().initialize()

    def initialize_module(self) -> Trainer:
        """Make the network with weights of the generator's."""
        with self._own_randomness():
            return super().initialize_module()

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

    def get_dataset(self, X: Tensor, y: None = None) -> Tensor:
        """The samples themselves, on the device."""
        return X.to(self.device)

    def get_iterator(self, dataset: Tensor, training: bool = False) -> IndexBatches:
        """Batches of the samples by index."""
        return IndexBatches(dataset, self.batch_size, self.generator_)

    def partial_fit(self, X: Tensor, y: None = None, classes: None = None, **fit_params) -> Trainer:
        """Train for `max_epochs`; unlike skorch, let an interruption through."""
        if not self.initialized_:
            self.initialize()
        self.notify("on_train_begin", X=X, y=y)
        self.fit_loop(X, y, **fit_params)
        self.notify("on_train_end", X=X, y=y)
        return self

    def run_single_epoch(self, iterator, training, prefix, step_fn, **fit_params) -> None:
        """Train on all batches; the device is asked for the loss once, at the end."""
        if iterator is None:
            return
        total, n_samples = 0.0, 0
        with self._own_randomness():
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
        for loss, parameters in self.criterion_.turns(self.module_, batch, self.generator_):
            # a step leaves parameters alone that have no gradient
            self.optimizer_.zero_grad(set_to_none=True)
            loss.backward(inputs=parameters)
            self.optimizer_.step()
        return {"loss": loss.detach()}

    def on_epoch_end(self, net, dataset_train=None, dataset_valid=None, **kwargs) -> None:
        """Refuse to go on from a loss that is no number; hand the epoch's record on."""
        super().on_epoch_end(net, dataset_train, dataset_valid, **kwargs)
        loss, epoch = self.history[-1, "train_loss"], self.history[-1, "epoch"]
        if not math.isfinite(loss):
            raise ValueError(
                f"The loss is {loss} in epoch {epoch}: the training diverged. Lower the learning "
                "rate, or scale features that are much larger than the others."
            )
        self.on_epoch({"epoch": epoch, "train_loss": loss})

    def _set_learning_rate(self, progress):
        """Each group's own, at this share of all steps."""
        for group in self.optimizer_.param_groups:
            group["lr"] = group["initial_lr"] * self.schedule(progress)

    @contextmanager
    def _own_randomness(self):
        """Let PyTorch's global generators, of weights and dropout, follow from ours for a while."""
        seed = torch.randint(
            2**62, (), generator=self.generator_, device=self.generator_.device
        ).item()
        device = torch.device(self.device)
        on_gpu = device.type == "cuda"
        with torch.random.fork_rng(devices=[device] if on_gpu else []):
            # not torch.manual_seed, which seeds devices that are not put back
            torch.default_generator.manual_seed(seed)
            if on_gpu:
                with torch.cuda.device(device):
                    torch.cuda.manual_seed(seed)
            yield


def usable_device(name: str) -> torch.device:
    """A device by its name, or what to say where it is none.

    Parameters
    ----------
    name : str
        Such as "cpu", "cuda" or "cuda:1".

    Returns
    -------
    torch.device
        The device, tried out.

    Raises
    ------
    ValueError
        If PyTorch does not know the name or cannot reach the device.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        raise ValueError(
            f'device={name!r} cannot be used: {str(error).splitlines()[0]} Give "cpu", or a device '
            "that this PyTorch sees."
        ) from error
    return device
