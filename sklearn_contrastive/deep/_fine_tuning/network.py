"""Network of a classifier: layers of an embedder, and a linear map to the classes."""

from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

__all__ = ["ClassifierNetwork", "ClassifierRecipe"]


class ClassifierNetwork(nn.Module):
    """Logits of the classes, W a + b, where a is one layer of an embedder's network [1]_.

    Parameters
    ----------
    embedding : nn.Module
        Network of an embedder, whose `output` computes the layer.
    layer : {"representation", "middle"}
        The layer.
    n_classes : int
        Number of classes; W begins at 0, so that the first predictions are all alike.

    References
    ----------
    .. [1] Chen, Kornblith, Swersky, Norouzi and Hinton (2020), "Big Self-Supervised Models are
       Strong Semi-Supervised Learners", NeurIPS, section 2.
    """

    def __init__(self, embedding: nn.Module, layer: str, n_classes: int):
        super().__init__()
        self.embedding = embedding
        self.layer = layer
        self.linear = nn.Linear(embedding.width_of(layer), n_classes)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, samples: Tensor) -> Tensor:
        """Logits (n, n_classes) of samples (n, ...)."""
        return self.linear(self.embedding.output(samples, self.layer))

    def output(self, samples: Tensor, output: str) -> Tensor:
        """Logits, whatever `output` is: the other layers are those of `embedding`."""
        return self(samples)


@dataclass(frozen=True)
class ClassifierRecipe:
    """Factory of the network of a classifier, which uses the network of an embedder.

    Parameters
    ----------
    embedding : nn.Module
        Network of an embedder; it is trained itself, not a copy.
    layer : {"representation", "middle"}
        Layer from which the classes are predicted.
    n_classes : int
        Number of classes.
    encoder : object
        Encoder of the embedder, for reports.
    """

    embedding: nn.Module
    layer: str
    n_classes: int
    encoder: Any

    def __call__(self) -> ClassifierNetwork:
        """The network."""
        return ClassifierNetwork(self.embedding, self.layer, self.n_classes)
