"""Log-sum-exp and maximum over negatives, in chunks, with a chunked backward pass."""

from numbers import Integral

import torch
from torch import Tensor

__all__ = ["log_sum_exp_over_others", "max_over_others"]

# number of similarities in memory at once, 8 MB of float32; more are not faster
MAX_SIMILARITIES = 2**21
# float32 has numbers from exp(-87) to exp(88)
_LARGEST_EXPONENT = 40.0


def log_sum_exp_over_others(
    embeddings: Tensor, n_samples: int, scale: float | Tensor, chunk_size: int | None = None
) -> Tensor:
    """Logarithm, for each embedding, of the sum of exp(scale * inner product) over other samples.

    Parameters
    ----------
    embeddings : Tensor of shape (n_views * n_samples, n_components)
        View by view, each in the same order of samples.
    n_samples : int
        Number of samples.
    scale : float or Tensor of shape ()
        Positive factor of the inner products.
    chunk_size : int or None, default=None
        Rows of the matrix of inner products in memory at once; None: 2^21 products. The backward
        pass computes them again; with ``create_graph=True`` it holds all of them.

    Returns
    -------
    sums : Tensor of shape (n_views * n_samples,)
        log sum_j exp(scale * z_i'z_j), with j over all embeddings of other samples than that of i.
    """
    if chunk_size is None:
        chunk_size = _rows_at_once(embeddings)
    elif not isinstance(chunk_size, Integral) or chunk_size < 1:
        raise ValueError(f"chunk_size={chunk_size!r} must be None or an integer of at least 1.")
    # the factor inside the vectors: PyTorch differentiates by it, and the function needs no factor
    return _LogSumExpOverOthers.apply(embeddings * scale**0.5, n_samples, chunk_size)


def max_over_others(embeddings: Tensor, n_samples: int) -> Tensor:
    """Largest inner product of each embedding with those of other samples; shapes as above."""
    with torch.no_grad():
        blocks = _similarities(embeddings, n_samples, _rows_at_once(embeddings))
        return torch.cat([block.amax(dim=1) for _, block in blocks])


class _LogSumExpOverOthers(torch.autograd.Function):
    """Log-sum-exp in blocks of rows, so memory is linear in the number of rows.

    In the gradient, z_j has the weight g_i p_ij + g_j p_ji, with p_ij = exp(s_ij - sum_i). The
    similarities s are symmetric, so a block of rows has both parts. This needs one matrix product
    less than automatic differentiation, which pays for computing the block again.
    """

    @staticmethod
    def forward(embeddings, n_samples, chunk_size):
        blocks = _similarities(embeddings, n_samples, chunk_size)
        if _exponentials_are_safe(embeddings):
            return torch.cat([block.exp_().sum(dim=1) for _, block in blocks]).log_()
        return torch.cat([torch.logsumexp(block, dim=1) for _, block in blocks])

    @staticmethod
    def setup_context(ctx, inputs, output):
        embeddings, *ctx.settings = inputs
        ctx.save_for_backward(embeddings, output)

    @staticmethod
    def backward(ctx, grad):
        embeddings, sums = ctx.saved_tensors
        n_samples, chunk_size = ctx.settings
        # backward may run under autocast
        with torch.autocast(embeddings.device.type, enabled=False):
            if torch.is_grad_enabled():  # second derivatives: in operations that have derivatives
                ((_, block),) = _similarities(embeddings, n_samples, len(embeddings))
                weights = torch.softmax(block, dim=1) * grad[:, None]
                return (weights + weights.T) @ embeddings, None, None
            result = torch.empty_like(embeddings)
            safe = _exponentials_are_safe(embeddings)
            factors = grad * torch.exp(-sums) if safe else None
            for rows, block in _similarities(embeddings, n_samples, chunk_size):
                if safe:
                    weights = block.exp_().mul_(factors[rows, None] + factors)
                else:
                    weights = torch.exp(block - sums).mul_(grad)
                    weights += block.sub_(sums[rows, None]).exp_().mul_(grad[rows, None])
                torch.matmul(weights, embeddings, out=result[rows])
        return result, None, None


def _rows_at_once(embeddings):
    """Number of rows of the matrix of inner products in a block."""
    return max(1, MAX_SIMILARITIES // len(embeddings))


def _exponentials_are_safe(embeddings):
    """Whether exponentials of all inner products, and of their sums, are far from 0 and infinity.

    They are then as exact without the subtraction of a maximum, and take less time. On a GPU the
    answer would have to wait for all that is computed there.
    """
    if embeddings.device.type != "cpu":
        return False
    return bool(embeddings.square().sum(dim=1).amax() < _LARGEST_EXPONENT)


def _similarities(embeddings, n_samples, chunk_size):
    """Yield row slices and blocks of the inner products, -inf within a sample."""
    anchors = torch.arange(len(embeddings), device=embeddings.device)
    views = torch.arange(0, len(embeddings), n_samples, device=embeddings.device)
    within = anchors[:, None] % n_samples + views
    for start in range(0, len(embeddings), chunk_size):
        rows = slice(start, start + chunk_size)
        block = embeddings[rows] @ embeddings.T
        yield rows, block.scatter_(1, within[rows], -torch.inf)
