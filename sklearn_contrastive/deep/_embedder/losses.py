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
from .._sogclr import sogclr_loss
from .._training.objectives import ContrastiveObjective

__all__ = [
    "LOSSES",
    "LearnedTemperature",
    "LossRecipe",
    "PairLoss",
    "SimCLRObjective",
    "SogCLR",
    "no_loss",
]


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
    """A temperature that is trained with the network.

    Parameters
    ----------
    start : float, default=0.5
        The first temperature. It stays at or above 0.01, the limit of CLIP [1]_.

    References
    ----------
    .. [1] Radford et al. (2021), "Learning Transferable Visual Models From Natural Language
       Supervision", ICML, section 2.5.
    """

    def __init__(self, start: float = _START):
        super().__init__()
        # the logarithm, so that equal steps are equal factors
        self.log_temperature = nn.Parameter(torch.tensor(math.log(start)))

    @property
    def temperature(self) -> Tensor:
        """The temperature, a Tensor of shape () with a gradient."""
        return self.log_temperature.exp().clamp(min=_SMALLEST)


class LossOfLearnedTemperature(LearnedTemperature):
    """A loss by name, whose temperature is trained with the network.

    Parameters
    ----------
    loss : {"nt_xent", "decoupled"}
        Name of the loss.
    """

    def __init__(self, loss: str):
        if loss not in _WITH_TEMPERATURE:
            raise ValueError(
                f'temperature="learn" needs a loss with a temperature that can be trained, '
                f'"nt_xent" or "decoupled", but loss={loss!r}.'
            )
        super().__init__()
        self.loss = loss

    def forward(self, z_1: Tensor, z_2: Tensor) -> Tensor:
        """Loss of shape () of projections of shape (n, projection_dim) each."""
        return LOSSES[self.loss](z_1, z_2, self.temperature)


class SogCLR(nn.Module):
    """`sogclr_loss` with the moving averages of all training samples as its buffer.

    They are part of the state of a training.

    Parameters
    ----------
    temperature : float
        The temperature.
    """

    def __init__(self, temperature: float):
        super().__init__()
        self.temperature = temperature
        self.register_buffer("log_normalizers", torch.empty(0))

    def start(self, n_samples: int) -> None:
        """Forget all averages; the next batches are of so many samples."""
        self.log_normalizers = torch.full(
            (n_samples,), -torch.inf, device=self.log_normalizers.device
        )

    def forward(self, z_1: Tensor, z_2: Tensor, index: Tensor) -> Tensor:
        """Loss of shape () of the projections of the samples with these indices (n,)."""
        index = index.to(self.log_normalizers.device)
        loss, self.log_normalizers[index] = sogclr_loss(
            z_1, z_2, self.log_normalizers[index], self.temperature
        )
        return loss


@dataclass(frozen=True)
class LossRecipe:
    """Factory of the losses by name that are modules.

    Parameters
    ----------
    loss : str
        Name of the loss.
    temperature : float or "learn"
        Its temperature.
    """

    loss: str
    temperature: float | str

    def __call__(self) -> nn.Module | None:
        """The module; None if the loss has neither parameters nor a state."""
        if self.temperature == "learn":
            return LossOfLearnedTemperature(self.loss)
        return SogCLR(self.temperature) if self.loss == "sogclr" else None


def no_loss() -> None:
    """Factory for a loss that has neither parameters nor a state."""


@dataclass(frozen=True)
class PairLoss:
    """Loss of the projections of two views.

    Parameters
    ----------
    loss : str or callable
        A name in `LOSSES`, or a function of the projections of the two views.
    temperature : float or "learn"
        Temperature of the losses by name that have one.
    index : Tensor of shape (n,) or None, default=None
        Positions of the samples of the batch among all samples, for `SogCLR`.
    """

    loss: str | Callable[[Tensor, Tensor], Tensor]
    temperature: float | str
    index: Tensor | None = None

    def __call__(self, z_1: Tensor, z_2: Tensor) -> Tensor:
        """Loss of shape () of projections of shape (n, projection_dim) each."""
        if isinstance(self.loss, str):
            return LOSSES[self.loss](z_1, z_2, self.temperature)
        if isinstance(self.loss, SogCLR):
            return self.loss(z_1, z_2, self.index)
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

    def steps(self, module, batch, generator, index):
        """One step, on the pair loss of the views."""
        given = self.pair_loss
        # a copy of the network has its own loss
        loss = given.loss if module.loss is None else module.loss
        self.pair_loss = replace(given, loss=loss, index=index)
        try:
            yield from super().steps(module, batch, generator, index)
        finally:  # neither is a part of the objective of a fitted estimator
            self.pair_loss = given

    def diagnostics(self, module):
        """Those of the views, and the temperature if it is learned."""
        entries = super().diagnostics(module)
        if isinstance(module.loss, LearnedTemperature):
            entries["temperature"] = module.loss.temperature.item()
        return entries
