"""Trainer of a classifier, built from a trained embedder and labelled samples."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from .._embedder.build import embedder_trainer
from .._embedder.network_embedder import NetworkEmbedder
from .._training.batches import Samples
from .._training.processes import Processes
from .._training.trainer import Trainer
from .augmentation import fine_tuning_augmentation
from .labels import Labels
from .network import ClassifierRecipe
from .objective import CrossEntropyObjective
from .samples import LabelledSamples

__all__ = ["classifier_trainer", "labelled_samples", "layer_of"]

# parameters that an embedder has under the same names
_OF_TRAINING = ("max_epochs", "batch_size", "learning_rate", "weight_decay")


def labelled_samples(source: Samples, labels: Labels) -> LabelledSamples:
    """The labelled ones among the samples of a source.

    Parameters
    ----------
    source : Samples
        Those of all labels that could be read.
    labels : Labels
        Labels of these samples.
    """
    return LabelledSamples(
        source,
        torch.as_tensor(labels.rows, dtype=torch.int64),
        torch.as_tensor(labels.codes, dtype=torch.int64),
    )


def layer_of(network: Any, from_layer: str) -> str:
    """Layer from which the classes are predicted; h where the head has no hidden layer."""
    try:
        network.width_of(from_layer)
    except ValueError:
        return "representation"
    return from_layer


def classifier_trainer(
    embedder: NetworkEmbedder,
    samples: LabelledSamples,
    class_weights: Sequence[float],
    parameters: Mapping[str, Any],
    seed: int,
    processes: Processes,
) -> Trainer:
    """Trainer of the network of an embedder and a linear map to the classes, initialised.

    Parameters
    ----------
    embedder : NetworkEmbedder
        Fitted; its network is trained itself, not a copy.
    samples : LabelledSamples
        Labelled training samples.
    class_weights : sequence of float of length n_classes
        Weight of each class.
    parameters : mapping
        Parameters of ContrastiveClassifier.
    seed : int
        Seed of batches and views.
    processes : Processes
        Those that train.
    """
    network = embedder.net_.module_
    layer = layer_of(network, parameters["from_layer"])
    encoder = getattr(embedder.net_.module, "encoder", None)
    augmentation = fine_tuning_augmentation(parameters["augmentations"], embedder, samples)
    of_training = {
        "device": embedder.device,
        "precision": embedder.precision,
        "optimizer": "adamw",
        "warmup_epochs": 0,
        **{name: parameters[name] for name in _OF_TRAINING},
    }
    return embedder_trainer(
        ClassifierRecipe(network, layer, len(class_weights), encoder),
        CrossEntropyObjective(augmentation, class_weights),
        samples,
        of_training,
        seed,
        processes,
    )
