"""The trainer of SimCLR, built from the parameters of SimCLREmbedder."""

import copy
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from ..._images.source import ImageSource
from ...augmentation._images.batch import Augmentation
from ...augmentation._images.by_name import make_augmentation
from ...augmentation._images.patch_masking import PatchMasking
from .._training.devices import usable_device
from .._training.objectives import ContrastiveObjective
from .._training.optimizers import OptimizerRecipe, peak_learning_rate
from .._training.schedule import WarmupCosine
from .._training.trainer import Trainer
from .losses import PairLoss
from .network import NetworkRecipe
from .views import ImageViews

__all__ = ["configure_schedule", "schedule_of", "simclr_trainer"]


def simclr_trainer(images: ImageSource, parameters: Mapping[str, Any], seed: int) -> Trainer:
    """Trainer of a SimCLR network, not yet initialised.

    Parameters
    ----------
    images : ImageSource
        Training images; the mean and deviation of their channels normalise them.
    parameters : mapping
        Parameters of SimCLREmbedder.
    seed : int
        Seed of weights, batches and views.

    Returns
    -------
    trainer : Trainer
        The trainer.
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
        optimizer=OptimizerRecipe(parameters["optimizer"], parameters["weight_decay"]),
        device=device,
    )
    configure_schedule(trainer, len(images), parameters)
    return trainer


def configure_schedule(trainer: Trainer, n_images: int, parameters: Mapping[str, Any]) -> None:
    """Set the number of epochs, the batch size and the learning rates of a trainer.

    Parameters
    ----------
    trainer : Trainer
        A new trainer, or one that continues.
    n_images : int
        Number of images.
    parameters : mapping
        Parameters of SimCLREmbedder.
    """
    # int: a grid search passes NumPy numbers, which some functions of PyTorch refuse
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
    """Warm-up, for at most half of the epochs, and cosine; `n_batches` is per epoch."""
    warmup = min(warmup_epochs / max_epochs, 0.5)
    # the first step has the rate 0, which would be most of a short warm-up
    return WarmupCosine(warmup if warmup * max_epochs * n_batches >= 2 else 0.0)


def _augmentation(augmentations: Any, images: ImageSource) -> Augmentation:
    """The augmentation that draws views of these images."""
    if images.any_values and augmentations == "simclr":
        # features have neither positions nor colours; a hidden feature is at the mean
        return PatchMasking(patch_size=1, fill=float(images.moments().mean[0]))
    # a copy: a module may change when it is called, parameters of an estimator must not
    is_module = isinstance(augmentations, nn.Module)
    return make_augmentation(copy.deepcopy(augmentations) if is_module else augmentations)


def _computes_in_half(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16."""
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return precision == "bfloat16"
