"""The contrastive objective."""

import torch
from numpy.testing import assert_allclose
from torch import nn

from sklearn_contrastive.deep._training.batches import TensorSource
from sklearn_contrastive.deep._training.objectives import ContrastiveObjective, Objective
from sklearn_contrastive.deep._training.trainer import Trainer

X = torch.randn(23, 4, generator=torch.Generator().manual_seed(0))
SOURCE = TensorSource(X)


class Reconstruction(Objective):
    """Restores samples, and keeps the batches that it has seen."""

    def __init__(self):
        self.seen = []

    def loss(self, module, batch, generator):
        self.seen.append(batch.clone())
        return torch.mean((batch - module(batch)) ** 2)


def with_dropout():
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Linear(8, 4))


def trainer(objective=None, *, module=with_dropout, **settings):
    defaults = {"seed": 0, "max_epochs": 3, "batch_size": 5, "lr": 0.1}
    return Trainer(module, objective or Reconstruction(), **(defaults | settings))


def test_both_views_are_in_one_forward_pass():
    passes = []

    class Watched(nn.Linear):
        def forward(self, batch):
            passes.append(len(batch))
            return super().forward(batch)

    objective = ContrastiveObjective(
        lambda batch, generator: (batch, 2 * batch),
        lambda first, second: torch.mean((first - second) ** 2),
        penalty=lambda module: 7.0,
    )
    net = trainer(objective, module=lambda: Watched(4, 2, bias=False), lr=0.0).train_epochs(SOURCE)
    assert set(passes) == {8, 10}
    weight = net.module_.weight.detach()
    expected = torch.mean((X @ weight.T) ** 2).item() + 7
    assert_allclose(net.history[:, "train_loss"], expected, rtol=1e-5)
