"""Linear networks and what they are trained for: autoencoder, GAN and contrastive encoder."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .._training.objectives import Objective

__all__ = [
    "DISCRIMINATOR_SPEED",
    "ComplementaryViews",
    "GameObjective",
    "QuadraticGame",
    "ReconstructionObjective",
]

# Smallest eigenvalue of the discriminator. Any number in (0, 1) leaves the equilibrium where it
# is; at a half, an error of the generator shrinks at the rate (a - b) / (a + b) of the two
# eigenvalues that it mixes, whatever the units.
_FLOOR = 0.5
# The game is stable where the discriminator is the faster player.
_DISCRIMINATOR_STEPS = 3
DISCRIMINATOR_SPEED = 3.0


class ReconstructionObjective(Objective):
    """The squared distance of samples from what the network makes of masked ones.

    Parameters
    ----------
    keep_probability : float
        Probability that an entry is kept.
    """

    def __init__(self, keep_probability: float):
        self._keep_probability = keep_probability

    def loss(self, module, batch, generator):
        """Summed over features, averaged over samples."""
        shown = batch
        if self._keep_probability < 1:
            shown = batch * _keep_mask(batch.shape, self._keep_probability, generator)
        return torch.sum((batch - module(shown)) ** 2, dim=1).mean()


class QuadraticGame(nn.Module):
    """A linear generator G and the matrix L of its discriminator A = (I + 2 L L') / 2.

    Parameters
    ----------
    n_features, n_components : int
        Shape of both.
    """

    def __init__(self, n_features: int, n_components: int):
        super().__init__()
        for name in ("generator", "discriminator"):
            weights = torch.randn(n_features, n_components) / n_features**0.5
            self.register_parameter(name, nn.Parameter(weights))

    def forward(self, samples: Tensor, latent: Tensor) -> Tensor:
        """Value of the game, of shape (), on samples and latent variables in rows."""
        generated = latent @ self.generator.T
        inner = torch.eye(self.discriminator.shape[1]).to(self.discriminator)
        inner = _FLOOR * inner + self.discriminator.T @ self.discriminator
        seen = generated @ self.discriminator
        # solve_ex: a game that diverges ends in a loss that is no number, and is reported as such
        solved = torch.linalg.solve_ex(inner, seen.T).result.T
        # x'(I - A)x, and y'(I - A^-1)y by Woodbury's identity
        rewarded = _mean_square(samples @ self.discriminator)
        on_samples = (1 - _FLOOR) * _mean_square(samples) - rewarded
        explained = torch.sum(seen * solved, dim=1).mean()
        on_generated = (1 - 1 / _FLOOR) * _mean_square(generated) + explained / _FLOOR
        return (on_samples + on_generated) / 2


class GameObjective(Objective):
    """Several steps of the discriminator, which raises the value, and one of the generator."""

    def turns(self, module, batch, generator):
        """Turns on one batch, each with latent variables of its own."""
        # which way a player goes is in its group of the optimiser
        for player in [module.discriminator] * _DISCRIMINATOR_STEPS + [module.generator]:
            shape = (len(batch), module.generator.shape[1])
            latent = torch.randn(shape, generator=generator, device=batch.device)
            yield module(batch, latent), [player]


class ComplementaryViews:
    """Two views of centred samples, each showing what the other hides; 0 stands for hidden.

    Parameters
    ----------
    mask_rate : float
        Probability that the first view hides an entry.
    masks : ndarray of bool of shape (n_masks, n_features) or None
        Masks of which each sample takes one, True where the first view hides; None draws a mask
        for each sample.
    """

    def __init__(self, mask_rate: float, masks: NDArray[np.bool_] | None = None):
        self._mask_rate = mask_rate
        self._masks = None if masks is None else torch.from_numpy(masks)

    def __call__(self, batch: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        if self._masks is None:
            shown = _keep_mask(batch.shape, 1 - self._mask_rate, generator)
        else:
            self._masks = self._masks.to(batch.device)
            taken = torch.randint(
                len(self._masks), (len(batch),), generator=generator, device=batch.device
            )
            shown = ~self._masks[taken]
        view = batch * shown
        return view, batch - view


def _keep_mask(shape: torch.Size, probability: float, generator: torch.Generator) -> Tensor:
    """Random matrix that is True with a probability, each entry by itself."""
    return torch.rand(shape, generator=generator, device=generator.device) < probability


def _mean_square(rows):
    """Mean over rows of their squared norms."""
    return torch.sum(rows**2, dim=1).mean()
