"""SogCLR: the contrastive loss over all samples, from small batches and moving averages."""

import math

import torch
from torch import Tensor

from ._log_sum_exp import log_sum_exp_over_others
from ._pairs import check_pairs, check_positive, full_precision, unit_vectors

__all__ = ["sogclr_loss"]


def sogclr_loss(
    embeddings_1: Tensor,
    embeddings_2: Tensor,
    log_normalizers: Tensor,
    temperature: float | Tensor = 0.5,
    *,
    update_rate: float = 0.9,
    chunk_size: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Global contrastive loss (SogCLR): negatives of all samples, from the batches so far.

    With s the cosine similarity and t the temperature, let g_i be the mean of exp(s / t) over the
    similarities of both views of sample i with both views of all other samples. The global loss is
    the mean of -s_i+ / t + log g_i, with + the other view of the same sample. A batch estimates
    g_i, but the logarithm of a noisy mean is biased, the more so the smaller the batch. Therefore
    each sample keeps a moving average u_i of the estimates from the batches that held it, and the
    gradient of log g_i is estimated by that of g_i in this batch, divided by u_i.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples. The
        function normalises them. A row of zeros has similarity 0 and gradient 0.
    log_normalizers : Tensor of shape (n_samples,)
        Logarithms of u_i of these samples before this batch; -inf for samples that no batch held
        yet.
    temperature : float or Tensor of shape (), default=0.5
        Divisor of the similarities; a smaller one gives more weight to the most similar negatives.
    update_rate : float, default=0.9
        Weight gamma, in (0, 1], of this batch in the moving average,
        u_i <- (1 - gamma) u_i + gamma g_i. A sample without an average takes g_i.
    chunk_size : int or None, default=None
        Number of anchors whose similarities are in memory at once, as in :func:`nt_xent_loss`.

    Returns
    -------
    loss : Tensor of shape ()
        Mean of -s_i+ / t + log u_i with the new averages, in float32 (float64 if the embeddings
        are), even under autocast. Its gradient by the embeddings is the estimate of that of the
        global loss.
    log_normalizers : Tensor of shape (n_samples,)
        Logarithms of u_i with this batch, without a gradient, to be passed with the next batch
        that holds the sample.

    Raises
    ------
    ValueError
        If the embeddings differ in shape, there are fewer than two samples, `log_normalizers` has
        another length, `temperature` or `chunk_size` is not positive, or `update_rate` is not in
        (0, 1].

    See Also
    --------
    decoupled_contrastive_loss : The same loss with the negatives of the batch alone.

    Notes
    -----
    ``SimCLREmbedder(loss="sogclr")`` keeps the averages of its training images, one number each.

    The paper multiplies the loss by t. It is left out here, so that gradients have the scale of
    those of the other losses. The paper starts all averages at given values; here the first
    estimate is the start.

    References
    ----------
    .. [1] Yuan, Wu, Qiu, Du, Zhang, Zhou and Yang (2022), "Provable Stochastic Optimization for
       Global Contrastive Learning: Small Batch Does Not Harm Performance", ICML, arXiv:2202.12387,
       algorithm 1. The default of `update_rate` is that of the published code.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import sogclr_loss
    >>> apart, alike = torch.eye(2), torch.ones(2, 2)
    >>> loss, seen_once = sogclr_loss(apart, apart, torch.full((2,), -torch.inf))
    >>> loss, seen_once  # negatives of similarity 0
    (tensor(-2.), tensor([0., 0.]))
    >>> _, seen_twice = sogclr_loss(alike, alike, seen_once)
    >>> seen_twice  # log(0.1 exp(0) + 0.9 exp(1 / 0.5))
    tensor([1.9096, 1.9096])
    """
    check_pairs(embeddings_1, embeddings_2)
    check_positive("temperature", temperature)
    n_samples = len(embeddings_1)
    if log_normalizers.shape != (n_samples,):
        raise ValueError(
            f"log_normalizers has the shape {tuple(log_normalizers.shape)}; there must be one "
            f"number for each of the {n_samples} samples of the batch."
        )
    if not 0 < update_rate <= 1:
        raise ValueError(f"update_rate={update_rate!r} must be in (0, 1].")
    with full_precision(embeddings_1, embeddings_2) as pair:
        units_1, units_2 = unit_vectors(torch.cat(pair)).chunk(2)
        sums = log_sum_exp_over_others(
            torch.cat([units_1, units_2]), n_samples, 1 / temperature, chunk_size
        )
        # log g of each view, one row for each
        log_means = sums.reshape(2, n_samples) - math.log(2 * (n_samples - 1))
        estimates = torch.logsumexp(log_means.detach(), dim=0) - math.log(2)
        updated = _moving_average(log_normalizers.to(estimates), estimates, update_rate)
        # at most 2 / gamma, because u holds gamma times the mean of both views
        ratios = torch.exp(log_means.detach() - updated)
        # its value is 0, its gradient that of g / u
        changes = ratios * (log_means - log_means.detach())
        positives = torch.sum(units_1 * units_2, dim=1) / temperature
        return (updated - positives + changes.mean(dim=0)).mean(), updated


def _moving_average(logs, new_logs, rate):
    """Logarithm of the weighted mean of exponentials; the new one where the old one is -inf."""
    keep = math.log1p(-rate) if rate < 1 else -math.inf
    averages = torch.logaddexp(logs + keep, new_logs + math.log(rate))
    return torch.where(torch.isneginf(logs), new_logs, averages)
