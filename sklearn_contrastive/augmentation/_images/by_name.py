"""Image augmentations by name."""

from collections.abc import Callable

from torch import Tensor

from .batch import Augmentation
from .compose import Compose, accepts_generator
from .geometry import RandomFlip, RandomResizedCrop
from .patch_masking import PatchMasking
from .simclr import SimCLRAugmentation

__all__ = ["make_augmentation"]

_BY_NAME: dict[str, Callable[[], Augmentation]] = {
    "simclr": SimCLRAugmentation,
    "crop": RandomResizedCrop,
    "crop_flip": lambda: Compose([RandomResizedCrop(), RandomFlip()]),
    "masking": PatchMasking,
    "none": lambda: Compose([]),
}


def make_augmentation(spec: str | Callable[..., Tensor]) -> Augmentation:
    """Augmentation ``(batch, generator) -> batch`` from a name or a callable.

    Parameters
    ----------
    spec : {"simclr", "crop", "crop_flip", "masking", "none"} or callable
        A name, a callable of ``(batch, generator)``, or a callable of the batch alone, such as a
        module of kornia or any other torch.nn.Module.

    Returns
    -------
    augmentation : callable
        Takes ``(batch, generator)``.

    Raises
    ------
    ValueError
        If the name is unknown, or `spec` is neither a name nor callable.

    Examples
    --------
    >>> from sklearn_contrastive.augmentation._images.by_name import make_augmentation
    >>> make_augmentation("masking")
    PatchMasking(mask_rate=0.5, patch_size=4, fill=0.0)
    """
    if isinstance(spec, str) and spec in _BY_NAME:
        return _BY_NAME[spec]()
    if not callable(spec):
        names = ", ".join(f'"{name}"' for name in _BY_NAME)
        raise ValueError(
            f"augmentations={spec!r} is not known. Give one of {names}, or a callable that takes a "
            "batch and a torch.Generator, or a batch alone."
        )
    return spec if accepts_generator(spec) else Compose([spec])
