"""Losses of SimCLREmbedder by name."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn.functional import normalize

from .._losses import (
    decoupled_contrastive_loss,
    linear_contrastive_loss,
    nt_xent_loss,
    spectral_contrastive_loss,
)
from .._training.objectives import ContrastiveObjective

__all__ = ["LOSSES", "PairLoss", "SimCLRObjective"]


def _nt_xent(z_1: Tensor, z_2: Tensor, temperature: float) -> Tensor:
    return nt_xent_loss(z_1, z_2, temperature)


def _decoupled(z_1: Tensor, z_2: Tensor, temperature: float) -> Tensor:
    return decoupled_contrastive_loss(z_1, z_2, temperature)


def _spectral(z_1: Tensor, z_2: Tensor, temperature: float) -> Tensor:
    return spectral_contrastive_loss(z_1, z_2)


def _linear(z_1: Tensor, z_2: Tensor, temperature: float) -> Tensor:
    # unit vectors, because the loss of others has no lower bound
    return linear_contrastive_loss(normalize(z_1.float()), normalize(z_2.float()))


LOSSES = {"nt_xent": _nt_xent, "decoupled": _decoupled, "spectral": _spectral, "linear": _linear}


@dataclass(frozen=True)
class PairLoss:
    """Loss of the projections of two views.

    Parameters
    ----------
    loss : str or callable
        A name in `LOSSES`, or a function of the projections of the two views.
    temperature : float
        Temperature of the losses that have one.
    """

    loss: str | Callable[[Tensor, Tensor], Tensor]
    temperature: float

    def __call__(self, z_1: Tensor, z_2: Tensor) -> Tensor:
        """Loss of shape () of projections of shape (n, projection_dim) each."""
        if isinstance(self.loss, str):
            return LOSSES[self.loss](z_1, z_2, self.temperature)
        with torch.autocast(z_1.device.type, enabled=False):
            loss = self.loss(z_1.float(), z_2.float())
        if not isinstance(loss, Tensor) or loss.ndim > 0:
            kind = type(loss).__name__
            given = f"shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else kind
            raise ValueError(
                f"loss={self.loss!r} returned {given}; it must be a Tensor of shape ()."
            )
        return loss


class SimCLRObjective(ContrastiveObjective):
    """A `PairLoss` of the projections; a loss with parameters is part of the network."""

    def loss(self, module, batch, generator):
        """The pair loss of the views."""
        if module.loss is not None:  # a copy of the network has its own
            self.pair_loss = replace(self.pair_loss, loss=module.loss)
        return super().loss(module, batch, generator)
