"""Composition of augmentations, with or without a generator argument."""

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Generator, Tensor

__all__ = ["Compose", "accepts_generator"]


def accepts_generator(augmentation: Callable[..., Any]) -> bool:
    """Whether a callable takes ``(batch, generator)``, or the batch alone.

    Parameters
    ----------
    augmentation : callable
        A function, an object with ``__call__``, or a torch.nn.Module with its ``forward``.

    Returns
    -------
    accepts : bool
        True if the second positional parameter is named ``generator`` or has no default. A second
        parameter with a default is an optional setting, as in the modules of kornia.

    Examples
    --------
    >>> from sklearn_contrastive.augmentation._images.compose import accepts_generator
    >>> accepts_generator(lambda batch, generator: batch), accepts_generator(lambda batch: batch)
    (True, False)
    """
    called = augmentation.forward if isinstance(augmentation, torch.nn.Module) else augmentation
    try:
        parameters = list(inspect.signature(called).parameters.values())
    except ValueError:  # functions in C, such as torch.flip, have no signature
        return False
    positional = [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if len(positional) < 2:
        return False
    return positional[1].name == "generator" or positional[1].default is inspect.Parameter.empty


@dataclass(frozen=True)
class Compose:
    """Apply augmentations in sequence.

    Parameters
    ----------
    members : iterable of callable
        Each takes ``(batch, generator)``, or the batch alone: torch.nn.Modules such as those of
        kornia, functions. The latter draw from torch's global state. No members: the identity.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.augmentation import Compose, RandomFlip
    >>> augmentation = Compose([RandomFlip(p=1.0), lambda batch: 1 - batch])
    >>> augmentation(torch.tensor([[[[0.0, 0.5, 0.75]]]]), torch.Generator())
    tensor([[[[0.2500, 0.5000, 1.0000]]]])
    """

    members: Iterable[Callable[..., Tensor]]
    _with_generator: tuple[bool, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        members = tuple(self.members)
        for member in members:
            if not callable(member):
                raise ValueError(f"{member!r} cannot be composed, because it is not callable.")
        object.__setattr__(self, "members", members)
        object.__setattr__(self, "_with_generator", tuple(map(accepts_generator, members)))

    def __call__(self, batch: Tensor, generator: Generator) -> Tensor:
        """Apply the members in order to a batch of shape (n_images, n_channels, height, width)."""
        for member, with_generator in zip(self.members, self._with_generator, strict=True):
            batch = member(batch, generator) if with_generator else member(batch)
        return batch
