"""Cross-entropy of labelled samples, or of probabilities by a teacher, as a training objective."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ...augmentation._images.batch import Augmentation
from .._training.objectives import Objective
from .._training.synchronized_batch_norm import synchronized_batch_norm

__all__ = ["CrossEntropyObjective", "weighted_cross_entropy"]


def weighted_cross_entropy(logits: Tensor, targets: Tensor, class_weights: Tensor) -> Tensor:
    """Mean over the samples of -sum_c t_c w_c log p_c; t_c is 1 for the class of the sample.

    The sum is divided by the number of samples, not by the sum of their weights as PyTorch does:
    so the mean over all batches is the loss of all samples.

    Parameters
    ----------
    logits : Tensor of shape (n, n_classes)
        Logits, p = softmax(logits).
    targets : Tensor of int64 of shape (n,), or of shape (n, n_classes)
        Class of each sample, or weights t of the classes for each sample.
    class_weights : Tensor of shape (n_classes,)
        Weights w.

    Returns
    -------
    loss : Tensor of shape ()
        In float32 at least.
    """
    logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
    total = cross_entropy(logits, targets, weight=class_weights, reduction="sum")
    return total / len(targets)


class CrossEntropyObjective(Objective):
    """Weighted cross-entropy of one random view of each sample, over all processes.

    Parameters
    ----------
    augmentation : callable
        Takes ``(batch, generator)``, returns a view of each sample.
    class_weights : sequence of float of length n_classes
        Weight of each class.
    """

    _passing = (*Objective._passing, "_hits")

    def __init__(self, augmentation: Augmentation, class_weights: Sequence[float]):
        self.augmentation = augmentation
        self.class_weights = tuple(class_weights)

    def steps(self, module, batch, generator, index):
        """One step, on the loss of all classes."""
        view = self._view(batch, generator)
        with synchronized_batch_norm(self.share.processes):
            own = module(view)
        (logits,) = self.share.gather(own)
        targets = self.targets[index].to(logits.device)
        classes = targets if targets.ndim == 1 else targets.argmax(1)
        self._hits = [*getattr(self, "_hits", []), (logits.detach().argmax(1) == classes)]
        weights = torch.tensor(self.class_weights, device=logits.device)
        yield weighted_cross_entropy(logits, targets, weights), None

    def diagnostics(self, module):
        """Share of the views of this epoch that were classified correctly, before their step."""
        hits, self._hits = torch.cat(self._hits), []
        return {"accuracy": float(hits.float().mean())}

    def _view(self, batch, generator):
        # in float32: interpolation in bfloat16 keeps only two digits of the pixels
        with torch.autocast(batch.device.type, enabled=False):
            view = self.augmentation(batch, generator)
        if not isinstance(view, Tensor) or len(view) != len(batch) or not view.is_floating_point():
            returned = tuple(view.shape) if isinstance(view, Tensor) else type(view).__name__
            raise ValueError(
                f"augmentations={self.augmentation!r} returned {returned} for a batch of shape "
                f"{tuple(batch.shape)}; it must return floats for as many samples."
            )
        images = view.ndim == 4
        return view.contiguous(
            memory_format=torch.channels_last if images else torch.contiguous_format
        ).float()
