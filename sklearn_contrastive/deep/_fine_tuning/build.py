"""Trainer of a classifier, built from a trained embedder and labelled samples."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from ..._typing import FloatArray
from .._embedder.build import embedder_trainer, stored_trainer
from .._embedder.network_embedder import NetworkEmbedder
from .._training.batches import Samples
from .._training.processes import Processes
from .._training.trainer import Trainer
from .augmentation import fine_tuning_augmentation, self_training_augmentation
from .labels import Labels
from .network import ClassifierRecipe
from .objective import CrossEntropyObjective
from .samples import LabelledSamples

__all__ = [
    "ClassifierFit",
    "classifier_trainer",
    "epochs_of",
    "facts_of_training",
    "labelled_samples",
    "layer_of",
    "rate_of",
    "self_training_epochs_of",
    "stored_classifier_trainer",
    "student_trainer",
    "taught_samples",
]

# parameters that an embedder has under the same names
_OF_TRAINING = ("max_epochs", "batch_size", "weight_decay")
_IMAGES = "images"
# automatic passes over the labelled samples, and the least number of steps with rows of features,
# which are not augmented: chosen on tables that no benchmark reports
_EPOCHS, _STEPS_WITH_ROWS = 60, 200
# of the self-training: chosen on images of Fashion-MNIST and on digits that no benchmark reports
_STUDENT = {"optimizer": "muon", "learning_rate": 1e-3, "batch_size": 128}
_STUDENT_EPOCHS = 20
# automatic learning rates of few labelled images, of few rows, and of many samples
_RATE_OF_FEW_IMAGES, _RATE_OF_FEW_ROWS, _RATE, _MANY = 5e-4, 1e-3, 2e-3, 1600
# what an embedder's recipe of its network says about the code of the network
_CODE = ("encoder", "projection_head", "decoder")


@dataclass(frozen=True)
class ClassifierFit:
    """A trained classifier.

    Parameters
    ----------
    embedder : NetworkEmbedder
        Its network is part of that of the trainer.
    net : Trainer
        The trainer.
    records : list of dict
        One record per epoch.
    """

    embedder: NetworkEmbedder
    net: Trainer
    records: list[dict[str, Any]]


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


def rate_of(learning_rate: float | str, n_labelled: int, noun: str) -> float:
    """Learning rate of the first step.

    Parameters
    ----------
    learning_rate : float or "auto"
        Parameter of the classifier. "auto" grows with the square root of the number of labelled
        samples, because few of them are soon fitted by any weights: long steps then lead far from
        what the embedder learned from all samples.
    n_labelled : int
        Number of labelled samples.
    noun : str
        What the samples are, such as "images".
    """
    if learning_rate != "auto":
        return learning_rate
    least = _RATE_OF_FEW_IMAGES if noun == _IMAGES else _RATE_OF_FEW_ROWS
    return min(max(_RATE * math.sqrt(n_labelled / _MANY), least), _RATE)


def epochs_of(max_epochs: int | str, samples: LabelledSamples, batch_size: int) -> int:
    """Number of passes over the labelled samples; "auto" has more where few rows make few steps."""
    if max_epochs != "auto":
        return int(max_epochs)
    if samples.noun == _IMAGES:
        return _EPOCHS
    steps = math.ceil(len(samples) / batch_size)
    return max(_EPOCHS, math.ceil(_STEPS_WITH_ROWS / steps))


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
        Parameters of ContrastiveClassifier; `max_epochs` is a number.
    seed : int
        Seed of batches and views.
    processes : Processes
        Those that train.
    """
    augmentation = fine_tuning_augmentation(parameters["augmentations"], embedder, samples)
    parts = _parts(embedder, augmentation, class_weights, parameters)
    of_training = _of_training(embedder, parameters, samples)
    return embedder_trainer(*parts, samples, of_training, seed, processes)


def self_training_epochs_of(given: int | str, samples: Samples) -> int:
    """Number of passes over all samples; "auto" has none for rows, which it does not augment."""
    if given != "auto":
        return int(given)
    return _STUDENT_EPOCHS if samples.noun == _IMAGES else 0


def taught_samples(source: Samples, probabilities: FloatArray) -> LabelledSamples:
    """All samples of a source, with class probabilities (n_samples, n_classes) by a teacher."""
    return LabelledSamples(source, torch.arange(len(source)), torch.from_numpy(probabilities))


def student_trainer(
    embedder: NetworkEmbedder,
    samples: LabelledSamples,
    parameters: Mapping[str, Any],
    seed: int,
    processes: Processes,
) -> Trainer:
    """Trainer of the same network on all samples, with probabilities as targets, initialised.

    Parameters
    ----------
    embedder : NetworkEmbedder
        Fitted, not fine-tuned; its network is trained itself, not a copy.
    samples : LabelledSamples
        Training samples, with a weight of each class as targets.
    parameters : mapping
        Parameters of ContrastiveClassifier; `max_epochs` is that of this training.
    seed : int
        Seed of batches and views.
    processes : Processes
        Those that train.
    """
    augmentation = self_training_augmentation(parameters["augmentations"], embedder, samples)
    parts = _parts(embedder, augmentation, [1.0] * samples.targets.shape[1], parameters)
    of_training = _of_training(embedder, parameters, samples) | _STUDENT
    return embedder_trainer(*parts, samples, of_training, seed, processes)


def stored_classifier_trainer(
    embedder: NetworkEmbedder,
    samples: Any,
    class_weights: Sequence[float],
    parameters: Mapping[str, Any],
    seed: int,
) -> Trainer:
    """The same for weights of the linear map that are loaded next.

    `samples` is what a file says about the training samples: their `shape` and `noun`.
    """
    augmentation = fine_tuning_augmentation(parameters["augmentations"], embedder, samples)
    parts = _parts(embedder, augmentation, class_weights, parameters)
    of_training = {
        **_of_embedder(embedder),
        **{name: parameters[name] for name in _OF_TRAINING},
        "learning_rate": _RATE,  # it does not train
        "max_epochs": _EPOCHS,
    }
    return stored_trainer(*parts, of_training, seed, 1.0)


def facts_of_training(
    embedder: NetworkEmbedder, trainer: Trainer, samples: LabelledSamples
) -> tuple[Any, ...]:
    """All that a fine-tuning depends on besides its seed and number of epochs, for a fingerprint.

    Parameters
    ----------
    embedder : NetworkEmbedder
        Fitted.
    trainer : Trainer
        Initialised: its network has the weights of the embedder.
    samples : LabelledSamples
        Labelled training samples.
    """
    recipe, objective = embedder.net_.module, trainer.criterion
    return (
        {name: getattr(recipe, name) for name in _CODE if hasattr(recipe, name)},
        trainer.module_.state_dict(),
        trainer.module_.layer,
        (trainer.optimizer, trainer.lr, trainer.batch_size, trainer.half, str(trainer.device)),
        (objective.augmentation, objective.class_weights),
        samples.digest(),
        samples.targets,
    )


def _parts(embedder, augmentation, class_weights, parameters):
    """Factory of the network and objective."""
    network = embedder.net_.module_
    layer = layer_of(network, parameters["from_layer"])
    encoder = getattr(embedder.net_.module, "encoder", None)
    return (
        ClassifierRecipe(network, layer, len(class_weights), encoder),
        CrossEntropyObjective(augmentation, class_weights),
    )


def _of_training(embedder, parameters, samples):
    """Parameters of the training under the names that they have in embedders."""
    return {
        **_of_embedder(embedder),
        **{name: parameters[name] for name in _OF_TRAINING},
        "learning_rate": rate_of(parameters["learning_rate"], len(samples), samples.noun),
    }


def _of_embedder(embedder):
    """Parameters that the classifier does not have."""
    return {
        "device": embedder.device,
        "precision": embedder.precision,
        "optimizer": "adamw",
        "warmup_epochs": 0,
    }
