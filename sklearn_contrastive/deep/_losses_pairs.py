"""What losses and diagnostics of embeddings share: checks, precision, directions, negatives."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from numbers import Integral

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

__all__ = [
    "check_pairs",
    "decoupled_losses",
    "full_precision",
    "log_sum_exp_over_others",
    "max_over_others",
    "partner_similarities",
    "unit_vectors",
]

# that are held at once, 8 MB of float32; more of them are not computed faster
MOST_SIMILARITIES = 2**21


def check_pairs(embeddings_1: Tensor, embeddings_2: Tensor) -> None:
    """Raise ValueError unless these are embeddings of two views of at least two samples."""
    if embeddings_1.ndim != 2 or embeddings_1.shape != embeddings_2.shape:
        raise ValueError(
            f"The embeddings have shapes {tuple(embeddings_1.shape)} and "
            f"{tuple(embeddings_2.shape)}; they must be (n_samples, n_components) both, two views "
            "of the same samples, row by row."
        )
    if len(embeddings_1) < 2:
        raise ValueError(f"There are {len(embeddings_1)} samples, but negatives need at least 2.")


@contextmanager
def full_precision(*embeddings: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Give the embeddings in float32, float64 kept, and compute in that even under autocast."""
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
        Rows of norm 1. A row of norm 1e-12 or less has no direction: it becomes 0 and passes no
        gradient on, where division by a small number would pass on a huge one.
    """
    norms = torch.linalg.vector_norm(vectors, dim=1, keepdim=True)
    # a comparison that lets NaN through, so that it is not taken for a row without direction
    return vectors / torch.where(norms <= 1e-12, torch.inf, norms)


def partner_similarities(units_1: Tensor, units_2: Tensor) -> Tensor:
    """Inner product of each row of both views, stacked, with that of the other view."""
    return torch.sum(units_1 * units_2, dim=1).repeat(2)


def log_sum_exp_over_others(
    embeddings: Tensor, n_samples: int, scale: float, chunk_size: int | None = None
) -> Tensor:
    """Logarithm, for each embedding, of the sum of exp(scale * inner product) over other samples.

    Parameters
    ----------
    embeddings : Tensor of shape (n_views * n_samples, n_components)
        View by view, each in the same order of samples.
    n_samples : int
        Number of samples.
    scale : float
        What inner products are multiplied by.
    chunk_size : int or None, default=None
        Rows of the matrix of inner products that are held at once; None: as many as make 2^21
        products. The backward pass computes them again.

    Returns
    -------
    sums : Tensor of shape (n_views * n_samples,)
        log sum_j exp(scale * z_i'z_j), j over all embeddings of samples that i is not of.
    """
    if chunk_size is None:
        chunk_size = _rows_at_once(embeddings)
    elif not isinstance(chunk_size, Integral) or chunk_size < 1:
        raise ValueError(f"chunk_size={chunk_size!r} must be None or an integer of at least 1.")
    return _LogSumExpOverOthers.apply(embeddings, n_samples, scale, chunk_size)


def max_over_others(embeddings: Tensor, n_samples: int) -> Tensor:
    """Largest inner product of each embedding with those of other samples; as above in shapes."""
    with torch.no_grad():
        blocks = _similarities(embeddings, n_samples, 1.0, _rows_at_once(embeddings))
        return torch.cat([block.amax(dim=1) for _, block in blocks])


def decoupled_losses(
    embeddings_1: Tensor, embeddings_2: Tensor, temperature: float, chunk_size: int | None
) -> Tensor:
    """Decoupled contrastive loss of each anchor.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, in float32 or float64.
    temperature : float
        What cosine similarities are divided by.
    chunk_size : int or None
        As in :func:`log_sum_exp_over_others`.

    Returns
    -------
    losses : Tensor of shape (2 * n_samples,)
        log sum_j exp(s_ij / temperature) - s_i+ / temperature, with j the embeddings of other
        samples and + the other view of the same one. Softplus of it is the NT-Xent loss.
    """
    if not 0 < temperature < torch.inf:
        raise ValueError(f"temperature={temperature!r} must be a positive number.")
    n_samples = len(embeddings_1)
    units = unit_vectors(torch.cat([embeddings_1, embeddings_2]))
    negatives = log_sum_exp_over_others(units, n_samples, 1 / temperature, chunk_size)
    return negatives - partner_similarities(*units.split(n_samples)) / temperature


class _LogSumExpOverOthers(torch.autograd.Function):
    """In blocks of rows, so that memory grows with the rows and not with their square.

    The gradient weighs z_j by g_i p_ij + g_j p_ji, with p_ij = exp(s_ij - sum_i). The similarities
    s are symmetric, so that a block of rows has both parts, and with one product the less than
    automatic differentiation makes, computing the block again costs nothing.
    """

    @staticmethod
    def forward(ctx, embeddings, n_samples, scale, chunk_size):
        blocks = _similarities(embeddings, n_samples, scale, chunk_size)
        sums = torch.cat([torch.logsumexp(block, dim=1) for _, block in blocks])
        ctx.save_for_backward(embeddings, sums)
        ctx.settings = n_samples, scale, chunk_size
        return sums

    @staticmethod
    @once_differentiable
    def backward(ctx, grad):
        embeddings, sums = ctx.saved_tensors
        n_samples, scale, chunk_size = ctx.settings
        result = torch.empty_like(embeddings)
        # backward may be called where autocast is on
        with torch.autocast(embeddings.device.type, enabled=False):
            for rows, block in _similarities(embeddings, n_samples, scale, chunk_size):
                weights = torch.exp(block - sums).mul_(grad)
                weights += block.sub_(sums[rows, None]).exp_().mul_(grad[rows, None])
                torch.matmul(weights, embeddings, out=result[rows])
        return result.mul_(scale), None, None, None


def _rows_at_once(embeddings):
    """Rows of the matrix of inner products that make few enough of them."""
    return max(1, MOST_SIMILARITIES // len(embeddings))


def _similarities(embeddings, n_samples, scale, chunk_size):
    """Blocks of rows of the scaled inner products, -inf within a sample, and where they are."""
    sample = torch.arange(len(embeddings), device=embeddings.device) % n_samples
    for start in range(0, len(embeddings), chunk_size):
        rows = slice(start, start + chunk_size)
        block = (scale * embeddings[rows]) @ embeddings.T
        yield rows, block.masked_fill_(sample[rows, None] == sample, -torch.inf)
