"""Training of a linear network by Adam on scaled samples."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_random_state
from torch import Tensor, nn

from ..._typing import FloatArray, RandomState
from .._training.batches import TensorSource
from .._training.devices import usable_device
from .._training.objectives import Objective
from .._training.trainer import Trainer
from .scaling import ScaledSamples

__all__ = ["OnEpoch", "as_float64", "train_by_adam"]

OnEpoch = Callable[[dict[str, Any]], None]


def train_by_adam(
    samples: ScaledSamples,
    module: Callable[[], nn.Module],
    objective: Objective,
    *,
    loss_power: int,
    device: str,
    random_state: RandomState,
    on_epoch: OnEpoch,
    **settings: Any,
) -> tuple[nn.Module, list[dict[str, Any]]]:
    """Train a network by Adam on scaled samples.

    Parameters
    ----------
    samples : ScaledSamples
        Training samples.
    module : callable
        Makes the network.
    objective : Objective
        Training objective.
    loss_power : int
        Power of the unit of the samples in the unit of the loss.
    device : str
        "auto" or a PyTorch device string.
    random_state : int, RandomState instance or None
        Draws the seed.
    on_epoch : callable
        Called with a dict after each epoch: "epoch" and "loss", in the units of the samples.
    **settings : dict
        Other parameters of the `Trainer`.

    Returns
    -------
    network : nn.Module
        The trained network.
    history : list of dict
        The dicts of all epochs.
    """
    history = []

    def record_epoch(trainer):
        epoch, loss = trainer.history[-1, ("epoch", "train_loss")]
        history.append({"epoch": epoch, "loss": loss * samples.scale**loss_power})
        on_epoch(history[-1])

    net = Trainer(
        module,
        objective,
        seed=int(check_random_state(random_state).randint(2**31 - 1)),
        optimizer=torch.optim.Adam,
        device=usable_device(device),
        **settings,
    )
    net.train_epochs(TensorSource(samples.tensor.to(net.device)), on_epoch=record_epoch)
    return net.module_, history


def as_float64(tensor: Tensor) -> FloatArray:
    """Copy of a tensor as a float64 array."""
    return tensor.detach().cpu().numpy().astype(np.float64)
