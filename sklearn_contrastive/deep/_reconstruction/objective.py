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


def mean_squared_error(
    predicted: Tensor, target: Tensor, counted: Tensor | None = None, share: Share = WHOLE
) -> Tensor:
    """Mean squared error of the values of a batch that several processes may share.

    Parameters
    ----------
    predicted, target : Tensor of shape (n, ...)
        Values of the samples of this process.
    counted : Tensor of bool that broadcasts to them, default=None
        Which values count; all by default.
    share : Share, default=the whole batch
        The part of the batch that this process has.

    Returns
    -------
    loss : Tensor of shape ()
        Sum of the squared errors over all processes, divided by the number of values that count in
        all of them, so that parts of any size have their right weight; 0 if there are none.
    """
    errors = (predicted.float() - target) ** 2
    if counted is None:
        number = torch.tensor(float(errors.numel()), device=errors.device)
    else:
        counted = counted.expand_as(errors)
        errors, number = errors * counted, counted.sum(dtype=torch.float32)
    total, number = share.processes.sum(torch.stack([errors.sum(), number])).unbind()
    return total / number.detach().clamp(min=1)


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

    With masks the encoder sees each hidden value at the mean of its channel, and the error is that
    of the hidden values.

    Parameters
    ----------
    masks : Masks or None
        Which values are hidden; None: none.
    """

    def __init__(self, masks: Masks | None):
        self.masks = masks
        self.hidden_only = True

    def loss(self, module, batch, generator):
        """The error over the batch of all processes."""
        units = module.units
        samples, hidden = units.of_shape(batch), None
        visible = samples
        if self.masks is not None:
            hidden = self.masks(samples, generator)
            visible = torch.where(hidden, units.mean, samples)
        with synchronized_batch_norm(self.share.processes):
            predicted = module(visible)
        with torch.autocast(batch.device.type, enabled=False):
            counted = hidden if self.hidden_only else None
            return mean_squared_error(predicted, units.standardized(samples), counted, self.share)
