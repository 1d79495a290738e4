"""The contrastive objective."""

import torch
from helpers.small_trainer import SOURCE, X, trainer
from numpy.testing import assert_allclose
from torch import nn

from sklearn_contrastive.deep._training.objectives import ContrastiveObjective


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
