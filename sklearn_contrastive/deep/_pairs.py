"""Pairs of embeddings: validation, precision, unit vectors, similarities of partners."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

__all__ = [
    "check_not_negative",
    "check_pairs",
    "check_positive",
    "full_precision",
    "partner_similarities",
    "unit_vectors",
]


def check_pairs(embeddings_1: Tensor, embeddings_2: Tensor) -> None:
    """Raise ValueError unless these are embeddings of two views of at least two samples."""
    if embeddings_1.ndim != 2 or embeddings_1.shape != embeddings_2.shape:
        raise ValueError(
            f"The embeddings have shapes {tuple(embeddings_1.shape)} and "
            f"{tuple(embeddings_2.shape)}; both must be (n_samples, n_components), two views of "
            "the same samples, row by row."
        )
    if len(embeddings_1) < 2:
        raise ValueError(f"There are {len(embeddings_1)} samples; the loss needs at least 2.")


def check_positive(name: str, value: float | Tensor) -> None:
    """Raise ValueError unless a setting is one positive, finite number or a Tensor of shape ().

    The value of a Tensor on a GPU is not read: each step of a training would wait for it.
    """
    if getattr(value, "ndim", 0) > 0 or not (_is_on_gpu(value) or 0 < value < torch.inf):
        raise ValueError(f"{name}={value!r} must be a positive number, or a Tensor of shape ().")


def check_not_negative(name: str, value: float | Tensor) -> None:
    """Raise ValueError unless a setting is one finite number of at least 0, or such a Tensor.

    The value of a Tensor on a GPU is not read, as in `check_positive`.
    """
    if getattr(value, "ndim", 0) > 0 or not (_is_on_gpu(value) or 0 <= value < torch.inf):
        raise ValueError(f"{name}={value!r} must be at least 0, a number or a Tensor of shape ().")


def _is_on_gpu(value):
    """Whether a value is on another device than the CPU."""
    return isinstance(value, Tensor) and value.device.type != "cpu"


@contextmanager
def full_precision(*embeddings: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield embeddings in float32, or float64 if they are, and disable autocast in the context."""
    with torch.autocast(embeddings[0].device.type, enabled=False):
        yield tuple(each.to(torch.promote_types(each.dtype, torch.float32)) for each in embeddings)


def unit_vectors(vectors: Tensor) -> Tensor:
    """Rows divided by their norms.

    Parameters
    ----------
    vectors : Tensor of shape (n_vectors, n_components)
        The rows, in any unit.

    Returns
    -------
    units : Tensor of shape (n_vectors, n_components)
        Rows of norm 1. A row of norm 1e-12 or less has no direction: it becomes 0 and its gradient
        is 0, because division by a small number would give a huge gradient.
    """
    # <= 1e-12 is False for NaN, so a row with NaN stays NaN
    no_direction = torch.linalg.vector_norm(vectors.detach(), dim=1, keepdim=True) <= 1e-12
    # the norm of other rows only: at 0 its second derivatives are NaN
    norms = torch.linalg.vector_norm(vectors.masked_fill(no_direction, 1.0), dim=1, keepdim=True)
    return vectors.masked_fill(no_direction, 0.0) / norms


def partner_similarities(units_1: Tensor, units_2: Tensor) -> Tensor:
    """Inner product of each row of the stacked views with the same row of the other view."""
    return torch.sum(units_1 * units_2, dim=1).repeat(2)
