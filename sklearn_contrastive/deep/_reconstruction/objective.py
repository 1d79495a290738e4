"""Objective of autoencoders: squared error of reconstructions, of whole or of masked samples."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from ...augmentation._images.batch import uniform
from ...augmentation._images.patch_masking import hidden_patches
from .._training.objectives import Objective
from .._training.processes import WHOLE, Share
from .._training.synchronized_batch_norm import synchronized_batch_norm

__all__ = ["Masks", "ReconstructionObjective", "mean_squared_error"]


def mean_squared_error(predicted: Tensor, target: Tensor, share: Share = WHOLE) -> Tensor:
    """Mean squared error of the values of a batch that several processes may share.

    Parameters
    ----------
    predicted, target : Tensor of shape (n, ...)
        Values of the samples of this process.
    share : Share, default=the whole batch
        The part of the batch that this process has.

    Returns
    -------
    loss : Tensor of shape ()
        Sum of the squared errors over all processes, divided by the number of values in all of
        them, so that parts of any size have their right weight.
    """
    errors = torch.sum((predicted.float() - target) ** 2)
    number = torch.full_like(errors, target.numel())
    total, number = share.processes.sum(torch.stack([errors, number])).unbind()
    return total / number.detach()


@dataclass(frozen=True)
class Masks:
    """Draws which values of each sample are hidden from the encoder.

    Parameters
    ----------
    rate : float
        Probability that a patch, or a feature, is hidden, each independently of the others.
    patch_size : int
        Side of the square patches of images. Of rows single features are hidden.
    """

    rate: float
    patch_size: int

    def __call__(self, samples: Tensor, generator: Generator) -> Tensor:
        """True where values of samples (n, c, h, w) or (n, n_features) are hidden."""
        if samples.ndim == 2:
            return uniform(tuple(samples.shape), generator) < self.rate
        return hidden_patches(samples, self.rate, self.patch_size, generator)


class ReconstructionObjective(Objective):
    """Mean squared error of the reconstruction of standardised samples.

    With masks the encoder sees each hidden value at the mean of its channel. The error is that of
    all values, hidden and visible.

    Parameters
    ----------
    masks : Masks or None
        Which values are hidden; None: none.
    """

    def __init__(self, masks: Masks | None):
        self.masks = masks

    def loss(self, module, batch, generator):
        """The error over the batch of all processes."""
        units = module.units
        samples = visible = units.of_shape(batch)
        if self.masks is not None:
            hidden = self.masks(samples, generator)
            visible = torch.where(hidden, units.mean, samples)
        with synchronized_batch_norm(self.share.processes):
            predicted = module(visible)
        with torch.autocast(batch.device.type, enabled=False):
            return mean_squared_error(predicted, units.standardized(samples), self.share)
