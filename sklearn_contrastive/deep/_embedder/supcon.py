"""Network and objective of SupConEmbedder."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor

from ..._images.source import ImageSource
from .._supcon_loss import supervised_contrastive_loss
from .._training.balanced_batches import balanced_batches
from .._training.objectives import ContrastiveObjective
from .build import StoredImages, image_network, image_views
from .losses import LearnedTemperature, no_loss
from .network import NetworkRecipe
from .views import ImageViews

__all__ = ["SupConLoss", "SupConObjective", "supcon_parts"]

# where a temperature that is learned begins
_START = 0.1


@dataclass(frozen=True)
class SupConLoss:
    """Supervised contrastive loss of the projections of two views of a batch.

    Parameters
    ----------
    temperature : float or Tensor of shape ()
        The temperature.
    bandwidth : float
        Standard deviation of the kernel of numerical targets.
    y : Tensor of shape (n,) or (n, n_targets) or None, default=None
        Labels or targets of the batch.
    """

    temperature: float | Tensor
    bandwidth: float
    y: Tensor | None = None

    def __call__(self, z_1: Tensor, z_2: Tensor) -> Tensor:
        """Loss of shape () of projections of shape (n, projection_dim) each."""
        return supervised_contrastive_loss(
            z_1, z_2, self.y, self.temperature, bandwidth=self.bandwidth
        )


class SupConObjective(ContrastiveObjective):
    """A `SupConLoss` with the targets of the batch, and with the temperature of the network if any.

    Parameters
    ----------
    views : ImageViews
        Draws two views of each image.
    pair_loss : SupConLoss
        The loss, without targets.
    class_balanced : bool
        Whether classes are equally frequent in the batches.
    """

    def __init__(self, views: ImageViews, pair_loss: SupConLoss, class_balanced: bool):
        super().__init__(views, pair_loss)
        self.class_balanced = class_balanced

    def draw_batches(self, n_samples, n_batches, generator):
        """Each sample once, or as many of each class."""
        if self.class_balanced:
            return balanced_batches(self.targets, n_batches, generator)
        return super().draw_batches(n_samples, n_batches, generator)

    def steps(self, module, batch, generator, index):
        """One step, on the loss of the views with the targets of this batch."""
        given = self.pair_loss
        changes: dict[str, Any] = {"y": self.targets[index]}
        # a copy of the network has its own temperature
        if module.loss is not None:
            changes["temperature"] = module.loss.temperature
        self.pair_loss = replace(given, **changes)
        try:
            yield from super().steps(module, batch, generator, index)
        finally:  # neither is a part of the objective of a fitted estimator
            self.pair_loss = given

    def diagnostics(self, module):
        """Those of the views, and the temperature if it is learned."""
        entries = super().diagnostics(module)
        if module.loss is not None:
            entries["temperature"] = module.loss.temperature.item()
        return entries


def supcon_parts(
    images: ImageSource | StoredImages, parameters: Mapping[str, Any], *, download: bool = True
) -> tuple[NetworkRecipe, SupConObjective]:
    """Network and objective of SupConEmbedder.

    Parameters
    ----------
    images : ImageSource or StoredImages
        Training images; the mean and deviation of their channels normalise them.
    parameters : mapping
        Parameters of SupConEmbedder.
    download : bool, default=True
        Whether pretrained weights are downloaded.

    Returns
    -------
    network : NetworkRecipe
        Makes the network.
    objective : SupConObjective
        The objective.
    """
    temperature = parameters["temperature"]
    learns = isinstance(temperature, str)
    network = image_network(
        images,
        parameters,
        loss=partial(LearnedTemperature, _START) if learns else no_loss,
        download=download,
    )
    loss = SupConLoss(_START if learns else temperature, parameters["bandwidth"])
    views = image_views(images, parameters["augmentations"])
    return network, SupConObjective(views, loss, bool(parameters["class_balanced"]))
