"""Training objectives: the loss of a batch, or the losses of a game; the contrastive objective."""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from .._diagnostics import alignment, contrastive_accuracy, uniformity
from .batches import each_sample_once
from .chunks import Views, embedded_views
from .processes import ALONE, WHOLE
from .synchronized_batch_norm import synchronized_batch_norm

__all__ = ["ContrastiveObjective", "Objective", "no_penalty"]


class Objective:
    """Base of training objectives; a subclass defines `loss`.

    A game, in which parts of the network have losses of their own, overrides `steps`; so does a
    loss that needs to know which samples are in the batch.

    Attributes
    ----------
    share : Share
        The part of the current batch that this process has; set by the trainer.
    targets : Tensor of shape (n_samples, ...) or None
        Targets of all training samples, on the CPU; set for a training, and not copied with the
        objective.
    chunk_size : int or None
        Largest number of samples that the network embeds at once; None: the whole batch. Only a
        `ContrastiveObjective` cuts batches.
    """

    share = WHOLE
    targets: Tensor | None = None
    chunk_size: int | None = None
    # what a batch or a training sets: not part of the objective of a fitted estimator
    _passing: tuple[str, ...] = ("share", "targets")

    def loss(self, module: nn.Module, batch: Tensor, generator: torch.Generator) -> Tensor:
        """Loss of shape () of the network on a batch; `generator` draws everything random."""
        raise NotImplementedError

    def steps(
        self, module: nn.Module, batch: Tensor, generator: torch.Generator, index: Tensor
    ) -> Iterator[tuple[Tensor, list[nn.Parameter] | None]]:
        """Yield, for each optimiser step, a loss and the parameters that it moves (None: all).

        `index` has the positions of the samples of the batch among all samples.
        """
        yield self.loss(module, batch, generator), None

    def draw_batches(
        self, n_samples: int, n_batches: int, generator: torch.Generator
    ) -> Sequence[Tensor]:
        """Indices of the batches of an epoch; by default each sample once, in random order."""
        return each_sample_once(n_samples, n_batches, generator)

    def diagnostics(self, module: nn.Module) -> dict[str, float]:
        """Entries of the record of an epoch besides the loss; by default none."""
        return {}

    def __getstate__(self):
        return {name: value for name, value in vars(self).items() if name not in self._passing}


def no_penalty(module: nn.Module) -> float:
    """Penalty of 0 for every network."""
    return 0.0


class ContrastiveObjective(Objective):
    """A loss of the embeddings of two views of each sample of a batch, over all processes.

    Parameters
    ----------
    views : callable
        Takes a batch and a torch.Generator, returns two views of the batch.
    pair_loss : callable
        Takes the embeddings of the two views, returns a loss of shape ().
    penalty : callable, default=no_penalty
        Takes the network, returns a term that is added to the loss.

    Attributes
    ----------
    last_embeddings : pair of Tensor
        Embeddings of the two views of the last batch, without their graph.
    """

    _passing = (*Objective._passing, "last_embeddings")

    def __init__(
        self,
        views: Views,
        pair_loss: Callable[[Tensor, Tensor], Tensor],
        penalty: Callable[[nn.Module], Tensor | float] = no_penalty,
    ):
        self.views = views
        self.pair_loss = pair_loss
        self._penalty = penalty

    def loss(self, module, batch, generator):
        """The pair loss of the views plus the penalty."""
        # batch statistics are those of a chunk, whichever process has it, or of the whole batch
        in_chunks = self.chunk_size is not None and self.chunk_size < self.share.n_samples
        with synchronized_batch_norm(ALONE if in_chunks else self.share.processes):
            own = embedded_views(module, self.views, batch, generator, self.chunk_size)
        embeddings = self.share.gather(*own)
        self.last_embeddings = tuple(each.detach() for each in embeddings)
        return self.pair_loss(*embeddings) + self._penalty(module)

    def diagnostics(self, module):
        """Alignment, uniformity and accuracy of the views of the last batch."""
        views = self.last_embeddings
        return {
            "alignment": float(alignment(*views)),
            "uniformity": float(uniformity(torch.cat(views))),
            "contrastive_accuracy": float(contrastive_accuracy(*views)),
        }
