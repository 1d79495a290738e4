"""Losses of SimCLREmbedder by name."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from .._losses import (
    decoupled_contrastive_loss,
    linear_contrastive_loss,
    nt_xent_loss,
    spectral_contrastive_loss,
)
from .._redundancy_losses import barlow_twins_loss, vicreg_loss
from .._sigreg import sigreg_loss
from .._training.objectives import ContrastiveObjective

__all__ = ["LOSSES", "LearnedTemperature", "PairLoss", "SimCLRObjective"]


def _nt_xent(z_1: Tensor, z_2: Tensor, temperature: float | Tensor) -> Tensor:
    return nt_xent_loss(z_1, z_2, temperature)


def _decoupled(z_1: Tensor, z_2: Tensor, temperature: float | Tensor) -> Tensor:
    return decoupled_contrastive_loss(z_1, z_2, temperature)


def _spectral(z_1: Tensor, z_2: Tensor, temperature: float) -> Tensor:
    return spectral_contrastive_loss(z_1, z_2)


def _linear(z_1: Tensor, z_2: Tensor, temperature: float) -> Tensor:
    # unit vectors, because the loss of others has no lower bound
    return linear_contrastive_loss(normalize(z_1.float()), normalize(z_2.float()))


def _vicreg(z_1: Tensor, z_2: Tensor, temperature: float) -> Tensor:
    return vicreg_loss(z_1, z_2)


def _barlow_twins(z_1: Tensor, z_2: Tensor, temperature: float) -> Tensor:
    return barlow_twins_loss(z_1, z_2)


def _sigreg(z_1: Tensor, z_2: Tensor, temperature: float) -> Tensor:
    return sigreg_loss(z_1, z_2)


LOSSES = {
    "nt_xent": _nt_xent,
    "decoupled": _decoupled,
    "spectral": _spectral,
    "linear": _linear,
    "vicreg": _vicreg,
    "barlow_twins": _barlow_twins,
    "sigreg": _sigreg,
}


# losses that have a temperature
_WITH_TEMPERATURE = ("nt_xent", "decoupled")
_START, _SMALLEST = 0.5, 0.01


class LearnedTemperature(nn.Module):
    """A loss by name, whose temperature is trained with the network.

    Parameters
    ----------
    loss : {"nt_xent", "decoupled"}
        Name of the loss. The temperature starts at 0.5 and stays at or above 0.01, the limit of
        CLIP [1]_.

    References
    ----------
    .. [1] Radford et al. (2021), "Learning Transferable Visual Models From Natural Language
       Supervision", ICML, section 2.5.
    """

    def __init__(self, loss: str):
        if loss not in _WITH_TEMPERATURE:
            raise ValueError(
                f'temperature="learn" needs a loss with a temperature, "nt_xent" or "decoupled", '
                f"but loss={loss!r}."
            )
        super().__init__()
        self.loss = loss
        # the logarithm, so that equal steps are equal factors
        self.log_temperature = nn.Parameter(torch.tensor(math.log(_START)))

    @property
    def temperature(self) -> Tensor:
        """The temperature, a Tensor of shape () with a gradient."""
        return self.log_temperature.exp().clamp(min=_SMALLEST)

    def forward(self, z_1: Tensor, z_2: Tensor) -> Tensor:
        """Loss of shape () of projections of shape (n, projection_dim) each."""
        return LOSSES[self.loss](z_1, z_2, self.temperature)


@dataclass(frozen=True)
class PairLoss:
    """Loss of the projections of two views.

    Parameters
    ----------
    loss : str or callable
        A name in `LOSSES`, or a function of the projections of the two views.
    temperature : float or "learn"
        Temperature of the losses by name that have one.
    """

    loss: str | Callable[[Tensor, Tensor], Tensor]
    temperature: float | str

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
