"""A small trainer: samples, a reconstruction objective and a network with dropout."""

import torch
from torch import nn

from sklearn_contrastive.deep._training.batches import TensorSource
from sklearn_contrastive.deep._training.objectives import Objective
from sklearn_contrastive.deep._training.trainer import Trainer

__all__ = ["SOURCE", "Reconstruction", "X", "trainer", "with_dropout"]

X = torch.randn(23, 4, generator=torch.Generator().manual_seed(0))
SOURCE = TensorSource(X)


class Reconstruction(Objective):
    """Reconstructs samples, and keeps all batches."""

    def __init__(self):
        self.batches = []

    def loss(self, module, batch, generator):
        """Mean squared error."""
        self.batches.append(batch.clone())
        return torch.mean((batch - module(batch)) ** 2)


def with_dropout():
    """Return a network with dropout."""
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 4))


def trainer(objective=None, *, module=with_dropout, **settings):
    """Return a trainer of a few epochs."""
    defaults = {"seed": 0, "max_epochs": 3, "batch_size": 5, "lr": 0.1}
    return Trainer(module, objective or Reconstruction(), **(defaults | settings))
