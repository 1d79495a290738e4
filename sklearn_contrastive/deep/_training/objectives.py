"""What a network is trained for."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

__all__ = ["ContrastiveObjective", "Objective", "Views", "no_penalty"]

Views = Callable[[Tensor, torch.Generator], tuple[Tensor, Tensor]]


class Objective:
    """What a network is trained for; a subclass says what its loss is on a batch.

    Games, in which parts of the network have aims of their own, override `turns`.
    """

    def loss(self, module: nn.Module, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Loss of shape () of the network on a batch; everything random comes from `generator`."""
        raise NotImplementedError

    def turns(
        self, module: nn.Module, batch: Tensor, generator: torch.Generator
    ) -> Iterator[tuple[Tensor, list[nn.Parameter] | None]]:
        """Pairs of a loss and the parameters that lower it (None: all), a step for each in turn."""
        yield self.loss(module, batch, generator), None


def no_penalty(module: nn.Module) -> float:
    """Nothing, whatever the network."""
    return 0.0


class ContrastiveObjective(Objective):
    """Embeddings of two views of a sample shall be alike and those of other samples not.

    Parameters
    ----------
    views : callable
        Takes a batch and a torch.Generator, returns two views of the batch.
    pair_loss : callable
        Takes the embeddings of the two views, returns a loss of shape ().
    penalty : callable, default=none
        Takes the network, returns what is added to the loss.

    Attributes
    ----------
    last_embeddings : pair of Tensor
        Embeddings of the two views of the batch before, without their graph.
    """

    def __init__(
        self,
        views: Views,
        pair_loss: Callable[[Tensor, Tensor], Tensor],
        penalty: Callable[[nn.Module], Tensor | float] = no_penalty,
    ):
        self._views = views
        self._pair_loss = pair_loss
        self._penalty = penalty

    def loss(self, module, batch, generator):
        """The pair loss of the views plus the penalty."""
        # one pass for both views: statistics of a batch must be those of both
        embeddings = module(torch.cat(self._views(batch, generator)))
        self.last_embeddings = embeddings.detach().chunk(2)
        return self._pair_loss(*embeddings.chunk(2)) + self._penalty(module)

    def __getstate__(self):
        # what is seen in training is not part of what is trained for
        return {name: value for name, value in vars(self).items() if name != "last_embeddings"}
