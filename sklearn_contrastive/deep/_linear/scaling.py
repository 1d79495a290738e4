"""Training on samples of any unit with one learning rate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from sklearn.utils import check_array, check_random_state
from torch import Tensor, nn

from ..._typing import FloatArray, MatrixLike, RandomState
from .._training.devices import usable_device
from .._training.objectives import Objective
from .._training.trainer import Trainer

__all__ = ["OnEpoch", "ScaledSamples", "scaled_samples", "trained"]

OnEpoch = Callable[[dict[str, Any]], None]


@dataclass(frozen=True, eq=False)
class ScaledSamples:
    """Centred samples in units of their root mean square.

    Parameters
    ----------
    tensor : Tensor of shape (n_samples, n_features)
        The samples, in float32.
    mean : ndarray of shape (n_features,)
        What was subtracted.
    scale : float
        What they were divided by then.
    """

    tensor: Tensor
    mean: FloatArray
    scale: float


def scaled_samples(X: MatrixLike) -> ScaledSamples:
    """Samples as a trainer wants them: one learning rate then suits all units."""
    X = check_array(X, dtype=(np.float64, np.float32), ensure_min_samples=2, input_name="X")
    mean = X.mean(axis=0, dtype=np.float64)
    centred = X - mean
    scale = float(np.sqrt(np.mean(centred**2))) or 1.0
    centred /= scale
    return ScaledSamples(torch.from_numpy(centred.astype(np.float32)), mean, scale)


def trained(
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
        What is learned from.
    module : callable
        Makes the network.
    objective : Objective
        What it is trained for.
    loss_power : int
        Power of the samples' unit in which the loss is.
    device : str
        Where to train.
    random_state : int, RandomState instance or None
        Draws the seed.
    on_epoch : callable
        Called with "epoch" and "loss" of each epoch, in the samples' units.
    **settings : dict
        Of the `Trainer`.

    Returns
    -------
    network : nn.Module
        After training.
    history : list of dict
        What `on_epoch` was called with.
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
    net.fit(samples.tensor, on_epoch=record_epoch)
    return net.module_, history
