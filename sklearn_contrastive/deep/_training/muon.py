"""Muon: steps along the momentum of filters, with its singular values made equal."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Muon", "orthogonalised"]

# odd polynomials bring singular values near 1 [1]_
_POLYNOMIAL = (3.4445, -4.7750, 2.0315)
_N_ITERATIONS = 5
# number of rows with their own singular values
_BLOCK = 128
# the largest squared singular value after the iterations is 1.5
_LARGEST = 2.0
# decay of the mean of the gradients
_MOMENTUM = 0.9
# root mean square of the entries of an update of orthogonal filters; about .2 is that of AdamW [2]_
_SIZE = 2.0


class Muon(torch.optim.AdamW):
    """Muon for the filters of convolutions, AdamW for all other parameters.

    The momentum of the filters of a layer is a matrix with one row for each filter. Muon replaces
    it by a matrix with the same singular vectors, and singular values near 1: rare directions of
    the gradient then count as much as frequent ones [1]_. Steps of filters are scaled as in [2]_,
    ten times as long as there.

    Filters of a single channel, such as depthwise ones, are not a matrix between channels; AdamW
    moves them, and the matrices of linear layers, for which these steps would cost the most.

    Parameters
    ----------
    groups : iterable
        Parameters, or groups of them.
    lr : float
        Learning rate.
    weight_decay : float, default=0.0
        Decay of the weights, apart from the gradients.

    References
    ----------
    .. [1] Jordan, Jin, Boza, You, Cesista, Newhouse and Bernstein (2024), "Muon: An optimizer for
       hidden layers in neural networks", kellerjordan.github.io/posts/muon.
    .. [2] Liu and others (2025), "Muon is Scalable for LLM Training", arXiv:2502.16982, equation 4.
    """

    def __init__(self, groups: Iterable[Any], lr: float, weight_decay: float = 0.0):
        super().__init__(groups, lr=lr, weight_decay=weight_decay)

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Change all parameters that have a gradient; the value of the closure if one is given."""
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        filters = [
            (each, each.grad, group)
            for group in self.param_groups
            for each in group["params"]
            if each.grad is not None and _are_filters(each)
        ]
        for each, _, _ in filters:
            each.grad = None  # AdamW leaves them out
        super().step()
        for each, gradient, group in filters:
            each.grad = gradient
            self._move(each, group["lr"], group["weight_decay"])
        return value

    def _move(self, filters, lr, weight_decay):
        """One step of Muon."""
        state = self.state[filters]
        if not state:
            state["step"] = torch.tensor(0.0)  # AdamW expects it in every state
            state["momentum"] = torch.zeros_like(filters)
        state["step"] += 1
        state["momentum"].lerp_(filters.grad, 1 - _MOMENTUM)
        update = orthogonalised(state["momentum"].flatten(1))
        filters.mul_(1 - lr * weight_decay)
        filters.add_(update.view_as(filters), alpha=-lr * _SIZE * max(update.shape) ** 0.5)


def orthogonalised(matrix: Tensor) -> Tensor:
    """A matrix with the singular vectors of another, and singular values between 0.6 and 1.3.

    Five steps of a Newton-Schulz iteration; singular values below a thousandth of the norm stay
    smaller. On a CPU each block of 128 rows has its own singular vectors and values, because whole
    matrices of 512 rows would add much to the time of a step on a small batch.

    Parameters
    ----------
    matrix : Tensor of shape (n_rows, n_columns)
        Any matrix; zeros stay zeros. If it has more rows than columns, the blocks are of columns.

    Returns
    -------
    Tensor of shape (n_rows, n_columns)
        Of the same dtype. On a GPU it is computed in bfloat16, which is slow on most CPUs.
    """
    wide = matrix.T if (tall := len(matrix) > matrix.shape[1]) else matrix
    x = wide.bfloat16()[None] if matrix.is_cuda else _blocks(wide)
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)
    # not in bfloat16, whose rounding errors would grow
    y = None if matrix.is_cuda else _by_gram_matrices(x)
    y = (_iterated(x) if y is None else y).flatten(0, 1)[: len(wide)]
    return (y.T if tall else y).to(matrix.dtype)


def _blocks(matrix):
    """Blocks of rows, of shape (n_blocks, n_rows, n_columns); zeros fill the last one."""
    n_rows = min(len(matrix), _BLOCK)
    padded = nn.functional.pad(matrix, (0, 0, 0, -len(matrix) % n_rows))
    return padded.reshape(-1, n_rows, matrix.shape[1])


def _iterated(x):
    """The Newton-Schulz iteration of wide matrices."""
    linear, cubic, quintic = _POLYNOMIAL
    for _ in range(_N_ITERATIONS):
        gram = x @ x.mT
        x = linear * x + (cubic * gram + quintic * (gram @ gram)) @ x
    return x


def _by_gram_matrices(x):
    """The same by products of small matrices; None where rounding errors have grown.

    Each iteration multiplies x by a polynomial of its Gram matrix. A singular value that rounding
    made negative there is not bounded.
    """
    linear, cubic, quintic = _POLYNOMIAL
    gram = x @ x.mT
    identity = torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
    factor = None
    for _ in range(_N_ITERATIONS):
        step = torch.baddbmm(linear * identity + cubic * gram, gram, gram, alpha=quintic)
        gram, factor = step @ gram @ step, step if factor is None else step @ factor
    return factor @ x if gram.abs().max() < _LARGEST else None


def _are_filters(parameter):
    """Whether Muon moves them: filters of a convolution with several channels."""
    return parameter.ndim > 2 and parameter.shape[1] > 1
