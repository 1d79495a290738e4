"""Supervised contrastive loss: positives by class labels, or by the closeness of targets."""

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import softplus

from .._typing import ArrayLike
from ._log_sum_exp import MAX_SIMILARITIES, log_sum_exp_over_others
from ._pairs import (
    check_pairs,
    check_positive,
    full_precision,
    partner_similarities,
    unit_vectors,
)

__all__ = ["supervised_contrastive_loss"]

# label of a sample without a class
_UNLABELLED = -1


def supervised_contrastive_loss(
    embeddings_1: Tensor,
    embeddings_2: Tensor,
    y: Tensor | ArrayLike,
    temperature: float | Tensor = 0.1,
    *,
    bandwidth: float = 0.25,
    chunk_size: int | None = None,
) -> Tensor:
    """Supervised contrastive loss (SupCon): all embeddings of a class attract each other.

    Each of the 2n embeddings is an anchor, compared with the 2n - 1 others. With s the cosine
    similarity, t the temperature and P(i) the other embeddings of the class of anchor i, its loss
    is the mean of -log(exp(s_ip / t) / sum_{j != i} exp(s_ij / t)) over p in P(i); the result is
    the mean over the anchors. This is L_out of [1]_. The positive of an anchor without a label is
    the other view of its sample alone, as in :func:`nt_xent_loss`.

    With numbers instead of labels, the mean over p is weighted [2]_: by
    exp(-d^2 / (2 bandwidth^2)) for a sample at distance d, and by 1 for the other view of the same
    sample; the weights of an anchor are divided by their sum.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples. The
        function normalises them. A row of zeros has similarity 0 and gradient 0.
    y : Tensor or array-like of shape (n_samples,) or (n_samples, n_targets)
        Integers or bools name classes, -1 marks samples without a label. Floats are numerical
        targets, NaN where unknown; d^2 is the mean of the squared differences of the targets that
        both samples know, and samples that know none in common are no positives of each other.
    temperature : float or Tensor of shape (), default=0.1
        Divisor of the similarities; a smaller one gives more weight to the most similar negatives.
        A Tensor may be learned: the loss has a gradient by it; on a GPU its value is not checked.
    bandwidth : float, default=0.25
        Difference of targets at which a weight falls to exp(-1/2), in the unit of `y`: standardise
        targets, as the default expects. Labels do not use it.
    chunk_size : int or None, default=None
        Number of anchors whose similarities to all embeddings are in memory at once, as in
        :func:`nt_xent_loss`; the weights of targets are computed in such chunks too.

    Returns
    -------
    loss : Tensor of shape ()
        The loss, in float32 (float64 if the embeddings are), even under autocast.

    Raises
    ------
    ValueError
        If the embeddings differ in shape, there are fewer than two samples, `y` has another length
        or type or is infinite, or `temperature`, `bandwidth` or `chunk_size` is not positive.

    See Also
    --------
    nt_xent_loss : The same without labels.
    SupConEmbedder : Trains a network on images with this loss.

    Notes
    -----
    There is no factor before the loss: the published code of [1]_ multiplies it by the temperature
    divided by 0.07. With labels, memory is linear in the number of samples and there is no matrix
    of positives, because their mean similarity is that of an anchor with the sum of its class.

    References
    ----------
    .. [1] Khosla, Teterwak, Wang, Sarna, Tian, Isola, Maschinot, Liu and Krishnan (2020),
       "Supervised Contrastive Learning", NeurIPS, arXiv:2004.11362, equation 2.
    .. [2] Dufumier et al. (2021), "Contrastive Learning with Continuous Proxy Meta-Data for 3D MRI
       Classification", MICCAI, arXiv:2106.08808, equation 2.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import supervised_contrastive_loss
    >>> z = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> supervised_contrastive_loss(z, z, [0, 0, 1])  # the class of two is together
    tensor(0.7325)
    >>> supervised_contrastive_loss(z, z, [0, 1, 1])
    tensor(5.1769)
    >>> supervised_contrastive_loss(z, z, [1.0, 1.1, 5.0])  # numbers: the first two are close
    tensor(0.7325)
    """
    check_pairs(embeddings_1, embeddings_2)
    check_positive("temperature", temperature)
    check_positive("bandwidth", bandwidth)
    y = _checked_targets(y, len(embeddings_1))
    with full_precision(embeddings_1, embeddings_2) as pair:
        units = unit_vectors(torch.cat(pair))
        negatives = log_sum_exp_over_others(units, len(y), 1 / temperature, chunk_size)
        units_1, units_2 = units.chunk(2)
        partners = partner_similarities(units_1, units_2)
        if y.is_floating_point():
            sums, weights = _sums_of_close(units_1 + units_2, y, bandwidth, chunk_size)
        else:
            sums, weights = _sums_of_class(units_1 + units_2, y)
        sums, weights = sums.repeat(2, 1), weights.repeat(2)
        # similarity of the partner minus the mean of all positives: exactly 0 without others, where
        # the loss is NT-Xent, as the softplus of the decoupled loss
        gaps = (weights * partners - torch.sum(units * sums, dim=1)) / (1 + weights)
        losses = softplus(negatives - partners / temperature, threshold=40) + gaps / temperature
        return losses.mean()


def _sums_of_class(rows, y):
    """Sum of the rows of the other samples of the class of each sample, and number of embeddings.

    Parameters
    ----------
    rows : Tensor of shape (n_samples, n_components)
        Sum of both views of each sample.
    y : int64 Tensor of shape (n_samples,)
        Labels; a sample with the label -1 is a class of its own.

    Returns
    -------
    sums : Tensor of shape (n_samples, n_components)
        Exactly 0 for a sample that is alone in its class.
    weights : Tensor of shape (n_samples,)
        Number of embeddings in the sum, two of each sample.
    """
    classes, codes = torch.unique(y, return_inverse=True)
    own = torch.arange(len(y), device=y.device) + len(classes)
    # labels are on the CPU in a training: a step does not wait for their copy
    codes = torch.where(y == _UNLABELLED, own, codes).to(rows.device, non_blocking=True)
    n_classes = len(classes) + len(y)
    totals = rows.new_zeros(n_classes, rows.shape[1]).index_add(0, codes, rows)
    counts = rows.new_zeros(n_classes).index_add(0, codes, rows.new_ones(len(y)))
    return totals[codes] - rows, 2 * (counts[codes] - 1)


def _sums_of_close(rows, y, bandwidth, chunk_size):
    """Weighted sum of the rows of the other samples, and the sum of the weights of embeddings.

    Parameters
    ----------
    rows : Tensor of shape (n_samples, n_components)
        Sum of both views of each sample.
    y : Tensor of shape (n_samples, n_targets)
        Targets, NaN where unknown.
    bandwidth : float
        Standard deviation of the Gaussian kernel.
    chunk_size : int or None
        Number of rows of the kernel in memory at once.

    Returns
    -------
    sums : Tensor of shape (n_samples, n_components)
        sum_b k_ab (z_b1 + z_b2) over the samples b other than a.
    weights : Tensor of shape (n_samples,)
        sum_b 2 k_ab.
    """
    if chunk_size is None:
        chunk_size = max(1, MAX_SIMILARITIES // len(y))
    with_ones = torch.cat([rows, torch.ones_like(rows[:, :1])], dim=1)
    smoothed = _Smoothed.apply(
        with_ones, y.to(rows.device, non_blocking=True), bandwidth, chunk_size
    )
    return smoothed[:, :-1], 2 * smoothed[:, -1].detach()


class _Smoothed(torch.autograd.Function):
    """Product of the kernel matrix, which is symmetric, with rows, in chunks of its rows.

    The backward pass is the same product, so that the matrix is never in memory.
    """

    @staticmethod
    def forward(ctx, rows, y, bandwidth, chunk_size):
        ctx.settings = y, bandwidth, chunk_size
        chunks = torch.arange(len(y), device=y.device).split(chunk_size)
        return torch.cat([_kernel(y, chunk, bandwidth).to(rows) @ rows for chunk in chunks])

    @staticmethod
    def backward(ctx, gradient):
        # backward may run under autocast
        with torch.autocast(gradient.device.type, enabled=False):
            return _Smoothed.apply(gradient, *ctx.settings), None, None, None


def _kernel(y, chunk, bandwidth):
    """Gaussian kernel between some samples and all samples, 0 for a sample with itself.

    Parameters
    ----------
    y : Tensor of shape (n_samples, n_targets)
        Targets, NaN where unknown.
    chunk : int64 Tensor of shape (n_rows,)
        Positions of the samples of the rows.
    bandwidth : float
        Its standard deviation.

    Returns
    -------
    kernel : Tensor of shape (n_rows, n_samples)
        exp(-d^2 / (2 bandwidth^2)), d^2 the mean squared difference over the targets that both
        samples know; 0 without such targets.
    """
    squares, n_common = 0, 0
    # before the square, which could be too small
    unit = max(bandwidth, torch.finfo(y.dtype).tiny)
    for target in y.T:
        difference = (target[chunk, None] - target).div_(unit)
        known = ~difference.isnan()
        squares = squares + difference.masked_fill_(~known, 0.0).square_()
        n_common = n_common + known.to(y.dtype)
    kernel = torch.exp(-squares / (2 * n_common.clamp(min=1)))
    itself = chunk[:, None] == torch.arange(len(y), device=y.device)
    return kernel.masked_fill_((n_common == 0) | itself, 0.0)


def _checked_targets(y: Any, n_samples: int) -> Tensor:
    """Labels as int64 (n_samples,), or targets as floats (n_samples, n_targets)."""
    try:
        y = torch.as_tensor(y).detach()
    except (TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"y={y!r:.80} cannot be read as numbers. Give integers that name classes, -1 without a "
            "label, or floats. sklearn.preprocessing.LabelEncoder makes integers of strings."
        ) from error
    is_float = y.is_floating_point()
    if (
        y.is_complex()
        or y.ndim not in ((1, 2) if is_float else (1,))
        or len(y) != n_samples
        or y.numel() == 0
    ):
        raise ValueError(
            f"y has shape {tuple(y.shape)} and type {y.dtype}; give integer labels of shape "
            f"({n_samples},), one for each sample, or floats of shape ({n_samples},) or "
            f"({n_samples}, n_targets)."
        )
    if not is_float:
        return y.to(torch.int64)
    # on a GPU its values are not read: each step of a training would wait for them
    if y.device.type == "cpu" and y.isinf().any():
        raise ValueError("y contains infinity; targets are finite numbers, or NaN where unknown.")
    return y.to(torch.promote_types(y.dtype, torch.float32)).reshape(n_samples, -1)
