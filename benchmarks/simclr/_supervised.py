"""The same network trained with labels: cross-entropy of a linear classifier on h."""

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from sklearn_contrastive.deep import SimCLREmbedder
from sklearn_contrastive.deep._training.objectives import Objective


class CrossEntropy(Objective):
    """Cross-entropy of the labels of one random view of each image.

    Parameters
    ----------
    views : callable
        Takes a batch and a generator, returns two views; the first one is used.
    """

    def __init__(self, views):
        self.views = views

    def steps(self, module, batch, generator, index):
        """One step, on the loss of the batch."""
        view, _ = self.views(batch, generator)
        targets = self.targets[index].to(view.device)
        with torch.autocast(view.device.type, enabled=False):
            loss = cross_entropy(module(view).float(), targets)
        yield loss, None


class SupervisedNetwork(SimCLREmbedder):
    """Encoder, augmentation and optimiser of SimCLREmbedder, trained on labels 0 to k - 1.

    The projections are the logits; `projection_head` must be "linear" and `projection_dim` the
    number of classes k.
    """

    def _add_targets(self, samples, y, *, reset):
        samples.targets = torch.as_tensor(np.asarray(y), dtype=torch.int64)

    def _parts(self, samples, parameters, *, download=True):
        network, objective = super()._parts(samples, parameters, download=download)
        return network, CrossEntropy(objective.views)

    def accuracy(self, X, y):
        """Share of the images whose largest logit is that of their label."""
        output, self.output = self.output, "projection"
        try:
            return float(np.mean(self.transform(X).argmax(axis=1) == y))
        finally:
            self.output = output
