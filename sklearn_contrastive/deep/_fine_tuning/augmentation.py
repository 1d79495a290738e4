"""Augmentations of both trainings of a classifier, made from those of the embedder."""

from typing import Any

from ...augmentation._images.batch import Augmentation
from ...augmentation._images.by_name import make_augmentation
from ...augmentation._images.compose import Compose
from ...augmentation._images.geometry import RandomFlip, RandomResizedCrop
from ...augmentation._images.simclr import SimCLRAugmentation
from .._training.batches import Samples

__all__ = ["fine_tuning_augmentation", "self_training_augmentation"]


def fine_tuning_augmentation(augmentations: Any, embedder: Any, samples: Samples) -> Augmentation:
    """Augmentation ``(batch, generator) -> batch`` by the parameter of the classifier.

    Parameters
    ----------
    augmentations : str or callable
        "auto", or as `make_augmentation` takes it.
    embedder : NetworkEmbedder
        The embedder; "auto" has the crops and flips of its augmentations [1]_.
    samples : Samples
        Training samples; "auto" leaves rows of features as they are.

    Returns
    -------
    augmentation : callable
        Takes ``(batch, generator)``.

    Raises
    ------
    ValueError
        If the name of an augmentation of images is given for rows of a table.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML, appendix B.5: random crops and flips.
    """
    augmentation = self_training_augmentation(augmentations, embedder, samples)
    if not _is_auto(augmentations):
        return augmentation
    if isinstance(augmentation, SimCLRAugmentation):
        augmentation = augmentation.composition(samples.shape)
    if isinstance(augmentation, RandomResizedCrop | RandomFlip):
        return augmentation
    members = augmentation.members if isinstance(augmentation, Compose) else []
    return Compose([each for each in members if isinstance(each, RandomResizedCrop | RandomFlip)])


def self_training_augmentation(augmentations: Any, embedder: Any, samples: Samples) -> Augmentation:
    """The same for the self-training, where "auto" has all augmentations of the embedder [1]_.

    References
    ----------
    .. [1] Beyer, Zhai, Royer, Markeeva, Anil and Kolesnikov (2022), "Knowledge Distillation: A Good
       Teacher is Patient and Consistent", CVPR: a student needs strong augmentations and many
       epochs.
    """
    if not _is_auto(augmentations):
        changes_images = isinstance(augmentations, str) and augmentations != "none"
        if changes_images and len(samples.shape) == 1:
            raise ValueError(
                f"augmentations={augmentations!r} changes images, and X is a table. Leave it at "
                '"auto", or give a callable that takes (batch, generator) and returns a batch of '
                "rows."
            )
        return make_augmentation(augmentations)
    if samples.noun != "images":
        return Compose([])
    return make_augmentation(getattr(embedder, "augmentations", "crop_flip"))


def _is_auto(augmentations):
    return isinstance(augmentations, str) and augmentations == "auto"
