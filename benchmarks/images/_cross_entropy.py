"""The network of SupConEmbedder trained by cross-entropy, as a rival."""

from dataclasses import dataclass

import numpy as np
import torch
from sklearn.base import clone
from torch import Tensor
from torch.nn.functional import cross_entropy

from sklearn_contrastive.deep import SupConEmbedder
from sklearn_contrastive.deep._embedder.supcon import SupConObjective


@dataclass(frozen=True)
class CrossEntropyLoss:
    """Cross-entropy of the logits of both views; `y` are the classes of the batch."""

    y: Tensor | None = None

    def __call__(self, logits_1, logits_2):
        """Loss of shape ()."""
        classes = self.y.repeat(2).to(logits_1.device)
        with torch.autocast(logits_1.device.type, enabled=False):
            return cross_entropy(torch.cat([logits_1, logits_2]).float(), classes)


class CrossEntropyEmbedder(SupConEmbedder):
    """Trains a linear classifier on the representations together with the network.

    Network, views, optimiser and schedule are those of SupConEmbedder. Projections are the logits,
    so `projection_head` must be "linear" and `projection_dim` the number of classes.
    """

    def _parts(self, samples, parameters, *, download=True):
        network, objective = super()._parts(samples, parameters, download=download)
        return network, SupConObjective(objective.views, CrossEntropyLoss(), False)

    def predict(self, X):
        """Classes with the largest logits."""
        logits = clone_with_output(self, "projection").transform(X)
        return self.classes_[np.argmax(logits, axis=1)]


def clone_with_output(model, output):
    """The same fitted embedder with another output of transform."""
    other = clone(model).set_params(output=output)
    fitted = {name: value for name, value in vars(model).items() if name.endswith("_")}
    vars(other).update(fitted, _white_level=model._white_level)
    return other
