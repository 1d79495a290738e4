"""Trainers of embedders, built from the parameters of the estimators."""

import copy
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ..._images.channel_moments import ChannelMoments
from ..._images.layout import ImageLayout
from ..._images.source import ImageSource
from ...augmentation._images.batch import Augmentation
from ...augmentation._images.by_name import make_augmentation
from ...augmentation._images.patch_masking import PatchMasking
from .._losses import nt_xent_loss
from .._networks.encoders import chosen_encoder
from .._networks.normalization import Normalization, normalization_of_user
from .._training.batches import Samples
from .._training.chunks import embedded_views
from .._training.devices import usable_device
from .._training.objectives import Objective
from .._training.optimizers import OptimizerRecipe, peak_learning_rate
from .._training.processes import ALONE, Processes
from .._training.schedule import WarmupCosine
from .._training.trainer import Trainer
from .losses import LossRecipe, PairLoss, SimCLRObjective, SogCLR, no_loss
from .network import NetworkRecipe
from .views import ImageViews

__all__ = [
    "StoredImages",
    "configure_schedule",
    "embedder_trainer",
    "image_network",
    "image_views",
    "schedule_of",
    "simclr_parts",
    "start_averages",
    "stored_trainer",
]

# losses whose gradient by the projections has about the norm of that of NT-Xent
_OF_USUAL_SCALE = ("nt_xent", "decoupled", "sogclr", "linear")


@dataclass(frozen=True)
class StoredImages:
    """What a trainer needs to know of training images that are no longer there.

    Parameters
    ----------
    shape : tuple of (c, h, w)
        Shape of an image.
    mean, std : tuple of float
        Mean and deviation of each channel.
    """

    shape: tuple[int, int, int]
    mean: tuple[float, ...]
    std: tuple[float, ...]

    @property
    def any_values(self) -> bool:
        """Whether an image is a row of features."""
        return ImageLayout(self.shape).any_values

    def moments(self) -> ChannelMoments:
        """Mean and deviation of each channel."""
        return ChannelMoments(np.array(self.mean), np.array(self.std))


def embedder_trainer(
    network: Callable[[], nn.Module],
    objective: Objective,
    samples: Samples,
    parameters: Mapping[str, Any],
    seed: int,
    processes: Processes = ALONE,
) -> Trainer:
    """Trainer of an embedder, initialised.

    Parameters
    ----------
    network : callable
        Makes the network.
    objective : Objective
        The training objective.
    samples : Samples
        Training samples.
    parameters : mapping
        Parameters of the embedder.
    seed : int
        Seed of weights, batches and views.
    processes : Processes, default=this one alone
        Those that train; the learning rate is that of the first one.

    Returns
    -------
    trainer : Trainer
        The trainer.
    """
    trainer = _new_trainer(network, objective, parameters, seed)
    configure_schedule(trainer, len(samples), parameters)
    trainer.initialize()
    start_averages(trainer, len(samples))
    usual = (
        parameters["optimizer"] in ("muon", "adamw") or parameters.get("loss") in _OF_USUAL_SCALE
    )
    if isinstance(objective, SimCLRObjective) and not usual:
        trainer.rate_factor_ = processes.broadcast(_rate_factor(trainer, samples))
        configure_schedule(trainer, len(samples), parameters)
    return trainer


def stored_trainer(
    network: Callable[[], nn.Module],
    objective: Objective,
    parameters: Mapping[str, Any],
    seed: int,
    rate_factor: float,
) -> Trainer:
    """The same with random weights, for weights that are loaded next."""
    trainer = _new_trainer(network, objective, parameters, seed)
    trainer.rate_factor_ = rate_factor
    configure_schedule(trainer, int(parameters["batch_size"]), parameters)
    return trainer.initialize()


def simclr_parts(
    images: ImageSource | StoredImages, parameters: Mapping[str, Any], *, download: bool = True
) -> tuple[NetworkRecipe, SimCLRObjective]:
    """Network and objective of SimCLREmbedder.

    Parameters
    ----------
    images : ImageSource or StoredImages
        Training images; the mean and deviation of their channels normalise them.
    parameters : mapping
        Parameters of SimCLREmbedder.
    download : bool, default=True
        Whether pretrained weights are downloaded.

    Returns
    -------
    network : NetworkRecipe
        Makes the network.
    objective : SimCLRObjective
        The objective.
    """
    loss, temperature = _copied(parameters["loss"]), parameters["temperature"]
    of_user = isinstance(loss, nn.Module) and temperature != "learn"
    network = image_network(
        images,
        parameters,
        loss=loss if of_user else LossRecipe(loss, temperature),
        download=download,
    )
    views = image_views(images, parameters["augmentations"])
    return network, SimCLRObjective(views, PairLoss(loss, temperature))


def image_network(
    images: ImageSource | StoredImages,
    parameters: Mapping[str, Any],
    *,
    loss: nn.Module | Callable[[], nn.Module | None] = no_loss,
    download: bool = True,
) -> NetworkRecipe:
    """Network of an embedder of images; `loss` has the parameters and the state of the loss."""
    device = usable_device(parameters["device"])
    moments, given = images.moments(), parameters["normalization"]
    return NetworkRecipe(
        chosen_encoder(parameters["encoder"], device, parameters["pretrained"]),
        images.shape,
        parameters["pretrained"],
        parameters["projection_head"],
        parameters["projection_dim"],
        Normalization(tuple(map(float, moments.mean)), tuple(map(float, moments.std))),
        None if given is None else normalization_of_user(given, images.shape[0]),
        loss,
        download,
    )


def image_views(images: ImageSource | StoredImages, augmentations: Any) -> ImageViews:
    """Two random views of images, by the parameter `augmentations`."""
    return ImageViews(_augmentation(augmentations, images), channels_last=True)


def _new_trainer(network, objective, parameters, seed):
    """Trainer without a network yet."""
    device = usable_device(parameters["device"])
    trainer = Trainer(
        network,
        objective,
        seed=seed,
        half=_computes_in_half(parameters["precision"], device),
        optimizer=OptimizerRecipe(parameters["optimizer"], parameters["weight_decay"]),
        device=device,
    )
    trainer.rate_factor_ = 1.0
    return trainer


def start_averages(trainer: Trainer, n_samples: int) -> None:
    """Forget what the loss remembers of other samples, before a training on so many."""
    loss = getattr(trainer.module_, "loss", None)
    if isinstance(loss, SogCLR):
        loss.start(n_samples)


def _rate_factor(trainer: Trainer, samples: Samples) -> float:
    """Factor, at most 1, of the automatic learning rates of SGD and LARS for this loss.

    It is the norm of the gradient of NT-Xent by the projections of a batch, with temperature 0.5,
    divided by that of this loss. The rates are for NT-Xent, and steps are proportional to the
    gradient: those of a loss in other units would be too long.
    """
    network = copy.deepcopy(trainer.module_).train()
    indices = torch.arange(min(len(samples), trainer.batch_size))
    (batch,) = samples.batches([indices], trainer.device)
    with trainer.own_random_state(torch.Generator().manual_seed(trainer.seed)) as seed:
        draws = torch.Generator(trainer.device).manual_seed(seed)
        with torch.no_grad():
            objective = trainer.criterion_
            pair = embedded_views(network, objective.views, batch, draws, objective.chunk_size)
        norms = [
            _gradient_norm(pair_loss, torch.cat(pair))
            for pair_loss in (nt_xent_loss, objective.pair_loss)
        ]
    factor = norms[0] / norms[1] if norms[1] > 0 else 1.0
    return min(factor, 1.0) if math.isfinite(factor) else 1.0


def _gradient_norm(pair_loss, projections):
    """Norm of the gradient of a loss by the projections of both views; 0 if it has none."""
    leaf = projections.detach().requires_grad_()
    loss = pair_loss(*leaf.chunk(2))
    if not loss.requires_grad:
        return 0.0
    (gradient,) = torch.autograd.grad(loss, leaf, allow_unused=True)
    return 0.0 if gradient is None else float(gradient.norm())


def configure_schedule(trainer: Trainer, n_samples: int, parameters: Mapping[str, Any]) -> None:
    """Set the number of epochs, the sizes of batches and chunks and the rates of a trainer.

    Parameters
    ----------
    trainer : Trainer
        A new trainer, or one that continues.
    n_samples : int
        Number of samples.
    parameters : mapping
        Parameters of the embedder.
    """
    # int: a grid search passes NumPy numbers, which some functions of PyTorch refuse
    trainer.max_epochs = int(parameters["max_epochs"])
    trainer.batch_size = min(int(parameters["batch_size"]), n_samples)
    chunk_size = parameters.get("chunk_size")
    trainer.criterion.chunk_size = None if chunk_size is None else int(chunk_size)
    trainer.schedule = schedule_of(
        parameters["warmup_epochs"], trainer.max_epochs, math.ceil(n_samples / trainer.batch_size)
    )
    name = trainer.optimizer.name
    rate = peak_learning_rate(parameters["learning_rate"], name, trainer.batch_size)
    is_automatic = isinstance(parameters["learning_rate"], str)
    trainer.set_learning_rate(rate * trainer.rate_factor_ if is_automatic else rate)


def schedule_of(warmup_epochs: float, max_epochs: int, n_batches: int) -> WarmupCosine:
    """Warm-up, for at most half of the epochs, and cosine; `n_batches` is per epoch."""
    warmup = min(warmup_epochs / max_epochs, 0.5)
    # the first step has the rate 0, which would be most of a short warm-up
    return WarmupCosine(warmup if warmup * max_epochs * n_batches >= 2 else 0.0)


def _augmentation(augmentations: Any, images: ImageSource | StoredImages) -> Augmentation:
    """The augmentation that draws views of these images."""
    if images.any_values and augmentations == "simclr":
        # features have neither positions nor colours; a hidden feature is at the mean
        return PatchMasking(patch_size=1, fill=float(images.moments().mean[0]))
    return make_augmentation(_copied(augmentations))


def _copied(parameter: Any) -> Any:
    """A copy of a module, which changes when it is called or trained; other values as they are."""
    return copy.deepcopy(parameter) if isinstance(parameter, nn.Module) else parameter


def _computes_in_half(precision: str, device: torch.device) -> bool:
    """Whether to compute in bfloat16."""
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return precision == "bfloat16"
