"""From the parameters of SimCLREmbedder to a trainer."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from numpy.typing import ArrayLike
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from ..._images._source import ImageSource
from ..._typing import FloatArray
from ...augmentation._images import Augmentation, PatchMasking, make_augmentation
from .._training.devices import usable_device
from .._training.objectives import ContrastiveObjective
from .._training.optimizers import OptimizerRecipe, peak_learning_rate
from .._training.schedule import WarmupCosine
from .._training.trainer import Trainer
from .losses import PairLoss
from .network import NetworkRecipe
from .views import ImageViews

__all__ = ["nearest_neighbour_accuracy", "schedule_of", "set_course", "simclr_trainer"]

_N_NEIGHBORS = 10


def simclr_trainer(images: ImageSource, parameters: Mapping[str, Any], seed: int) -> Trainer:
    """Trainer of a SimCLR network, not yet initialised.

    Parameters
    ----------
    images : ImageSource
        What it will be trained on; their channels' moments normalise the images.
    parameters : mapping
        Those of SimCLREmbedder.
    seed : int
        Draws weights, batches and views.

    Returns
    -------
    trainer : Trainer
        For images.
    """
    device = usable_device(parameters["device"])
    moments = images.moments()
    trainer = Trainer(
        NetworkRecipe(
            parameters["encoder"],
            images.shape,
            parameters["pretrained"],
            parameters["projection_head"],
            parameters["projection_dim"],
            tuple(map(float, moments.mean)),
            tuple(map(float, moments.std)),
        ),
        ContrastiveObjective(
            ImageViews(_augmentation(parameters["augmentations"], images), channels_last=True),
            PairLoss(parameters["loss"], parameters["temperature"]),
        ),
        seed=seed,
        half=_computes_in_half(parameters["precision"], device),
        channels_last=True,
        optimizer=OptimizerRecipe(parameters["optimizer"], parameters["weight_decay"]),
        device=device,
    )
    set_course(trainer, len(images), parameters)
    return trainer


def set_course(trainer: Trainer, n_images: int, parameters: Mapping[str, Any]) -> None:
    """Set how long a trainer trains on so many images, in which batches, at which rate.

    Parameters
    ----------
    trainer : Trainer
        New, or one that is to go on.
    n_images : int
        Number of images.
    parameters : mapping
        Those of SimCLREmbedder.
    """
    # int: a grid gives NumPy's numbers, which some functions of PyTorch refuse
    trainer.max_epochs = int(parameters["max_epochs"])
    trainer.batch_size = min(int(parameters["batch_size"]), n_images)
    trainer.schedule = schedule_of(
        parameters["warmup_epochs"], trainer.max_epochs, math.ceil(n_images / trainer.batch_size)
    )
    name = trainer.optimizer.name
    trainer.set_learning_rate(
        peak_learning_rate(parameters["learning_rate"], name, trainer.batch_size)
    )


def schedule_of(warmup_epochs: float, max_epochs: int, n_batches: int) -> WarmupCosine:
    """Warm-up, for half of the epochs at most, and cosine; `n_batches` is that of an epoch."""
    warmup = min(warmup_epochs / max_epochs, 0.5)
    # its first step has the rate 0: with few steps there would be little else
    return WarmupCosine(warmup if warmup * max_epochs * n_batches >= 2 else 0.0)


def nearest_neighbour_accuracy(rows: FloatArray, labels: ArrayLike) -> float:
    """Share of rows whose label the nearest others, by cosine similarity, predict."""
    n_neighbors = min(_N_NEIGHBORS, len(rows) - 1)
    neighbours = KNeighborsClassifier(n_neighbors, metric="cosine").fit(rows, labels)
    return float((neighbours.predict(None) == labels).mean())


def _augmentation(augmentations: Any, images: ImageSource) -> Augmentation:
    """What makes views of these images."""
    if images.any_values and augmentations == "simclr":
        # features have neither places nor colours; a hidden one is at the mean
        return PatchMasking(patch_size=1, fill=float(images.moments().mean[0]))
    # a copy: modules may change when they are used, parameters of an estimator must not
    is_module = isinstance(augmentations, nn.Module)
    return make_augmentation(copy.deepcopy(augmentations) if is_module else augmentations)


def _computes_in_half(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16."""
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return precision == "bfloat16"
