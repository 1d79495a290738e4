"""Contrastive losses: linear, NT-Xent, decoupled, spectral."""

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ._log_sum_exp import log_sum_exp_over_others
from ._pairs import (
    check_pairs,
    check_positive,
    full_precision,
    partner_similarities,
    unit_vectors,
)

__all__ = [
    "decoupled_contrastive_loss",
    "decoupled_losses",
    "linear_contrastive_loss",
    "nt_xent_loss",
    "spectral_contrastive_loss",
]


def linear_contrastive_loss(embeddings_1: Tensor, embeddings_2: Tensor) -> Tensor:
    """Linear contrastive loss of the embeddings of two views, without its penalty.

    Each embedding has a score: its inner product with the embedding of the other view of the same
    sample, minus its mean inner product with both embeddings of all other samples. The loss is
    minus half the mean of the scores. For embeddings W x it is -(1/2n) tr(W M W') with M of
    :func:`sklearn_contrastive.linear.contrastive_loss_matrix`.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples.

    Returns
    -------
    loss : Tensor of shape ()
        The loss. It needs n_samples * n_components operations and does not form pairs.

    Raises
    ------
    ValueError
        If the embeddings differ in shape, or there are fewer than two samples.

    See Also
    --------
    sklearn_contrastive.linear.linear_contrastive_loss : The loss of a linear encoder, in NumPy.

    Notes
    -----
    The loss of a random batch is an unbiased estimate of the loss of all samples: the negatives are
    pairs, and every pair is equally likely to be in the batch.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import linear_contrastive_loss
    >>> embeddings = torch.tensor([[1.0], [1.0], [7.0]])
    >>> linear_contrastive_loss(embeddings, embeddings)
    tensor(-12.)
    """
    check_pairs(embeddings_1, embeddings_2)
    n_samples = len(embeddings_1)
    with full_precision(embeddings_1, embeddings_2) as (first, second):
        # variation of the sums minus disagreement of the views: in this form the common mean of all
        # embeddings cancels before it is squared
        sums = first + second
        spread = sums - sums.mean(dim=0)
        variation = torch.sum(spread**2) * (n_samples / (2 * (n_samples - 1)))
        disagreement = torch.sum((first - second) ** 2) / 2
        return (disagreement - variation) / (2 * n_samples)


def nt_xent_loss(
    embeddings_1: Tensor,
    embeddings_2: Tensor,
    temperature: float | Tensor = 0.5,
    *,
    chunk_size: int | None = None,
) -> Tensor:
    """Normalised, temperature-scaled cross-entropy: the loss of SimCLR.

    Each of the 2n embeddings is an anchor, compared with the 2n - 1 other embeddings, of which one
    is the other view of its sample. With s the cosine similarity and t the temperature, an anchor
    i with partner p has the loss -log(exp(s_ip / t) / sum_{j != i} exp(s_ij / t)); the result is
    the mean.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples. The
        function normalises them. A row of zeros has similarity 0 and gradient 0.
    temperature : float or Tensor of shape (), default=0.5
        Divisor of the similarities; a smaller one gives more weight to the most similar negatives.
        A Tensor may be learned: the loss has a gradient by it; on a GPU its value is not checked.
    chunk_size : int or None, default=None
        Number of anchors whose similarities to all embeddings are in memory at once; None: 2^21
        similarities, 8 MB. The backward pass computes them again, so memory is linear in the batch
        size. Second derivatives need all similarities in memory.

    Returns
    -------
    loss : Tensor of shape ()
        The loss, in float32 (float64 if the embeddings are), even under autocast.

    Raises
    ------
    ValueError
        If the embeddings differ in shape, there are fewer than two samples, or `temperature` or
        `chunk_size` is not positive.

    See Also
    --------
    decoupled_contrastive_loss : The same without the positive pair in the sum.

    Notes
    -----
    The published code of [1]_ adds the means of the two views, so it is twice this loss, which is
    that of the paper.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML, arXiv:2002.05709, equation 1.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import nt_xent_loss
    >>> alike = torch.ones(2, 3)
    >>> nt_xent_loss(alike, alike)  # log 3: three equal candidates
    tensor(1.0986)
    >>> apart = torch.eye(2)
    >>> nt_xent_loss(apart, apart, temperature=0.1)
    tensor(9.0796e-05)
    """
    check_pairs(embeddings_1, embeddings_2)
    with full_precision(embeddings_1, embeddings_2) as pair:
        losses = decoupled_losses(*pair, temperature, chunk_size)
        # the default threshold, 20, is too small for float64
        return softplus(losses, threshold=40).mean()


def decoupled_contrastive_loss(
    embeddings_1: Tensor,
    embeddings_2: Tensor,
    temperature: float | Tensor = 0.5,
    *,
    chunk_size: int | None = None,
) -> Tensor:
    """Decoupled contrastive loss: NT-Xent without the positive pair in the sum.

    With s the cosine similarity and t the temperature, an anchor i with partner p has the loss
    -s_ip / t + log sum_j exp(s_ij / t), where j runs over the embeddings of other samples; the
    result is the mean of all 2n anchors. The gradient does not vanish for an anchor that is close
    to its partner, which helps with small batches and a low temperature. The loss can be negative.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples. The
        function normalises them. A row of zeros has similarity 0 and gradient 0.
    temperature : float or Tensor of shape (), default=0.5
        Divisor of the similarities; a smaller one gives more weight to the most similar negatives.
        A Tensor may be learned: the loss has a gradient by it; on a GPU its value is not checked.
    chunk_size : int or None, default=None
        Number of anchors whose similarities are in memory at once, as in :func:`nt_xent_loss`.

    Returns
    -------
    loss : Tensor of shape ()
        The loss, in float32 (float64 if the embeddings are), even under autocast.

    Raises
    ------
    ValueError
        If the embeddings differ in shape, there are fewer than two samples, or `temperature` or
        `chunk_size` is not positive.

    See Also
    --------
    nt_xent_loss : Mean of the softplus of this loss of each anchor.

    References
    ----------
    .. [1] Yeh, Hong, Hsu, Liu, Chen and LeCun (2022), "Decoupled Contrastive Learning", ECCV,
       arXiv:2110.06848.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import decoupled_contrastive_loss
    >>> alike = torch.ones(2, 3)
    >>> decoupled_contrastive_loss(alike, alike)  # log 2: two negatives as similar as the partner
    tensor(0.6931)
    """
    check_pairs(embeddings_1, embeddings_2)
    with full_precision(embeddings_1, embeddings_2) as pair:
        return decoupled_losses(*pair, temperature, chunk_size).mean()


def spectral_contrastive_loss(
    embeddings_1: Tensor, embeddings_2: Tensor, *, radius: float | Tensor | None = None
) -> Tensor:
    """Spectral contrastive loss, whose minimiser spans the leading eigenvectors of a graph.

    -2 E[z'z+] + E[(z'z-)^2], with z and z+ embeddings of two views of a sample and z- that of an
    independent one. The first mean is over the n positive pairs of the batch, the second over its
    4n(n - 1) ordered pairs of embeddings of different samples, both views of each.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples. They are not
        normalised: the norms are part of the representation.
    radius : float, Tensor of shape () or None, default=None
        Largest norm: longer embeddings are shortened to it, as in the experiments of [1]_, because
        the fourth powers in the loss may diverge early in training. None: no limit, the loss as
        defined.

    Returns
    -------
    loss : Tensor of shape ()
        The loss, in float32 (float64 if the embeddings are), even under autocast. It needs
        n * k * min(n, k) operations with k components, and memory for min(n, k)^2 numbers.

    Raises
    ------
    ValueError
        If the embeddings differ in shape, there are fewer than two samples, or `radius` is not
        positive.

    See Also
    --------
    linear_contrastive_loss : Uses the mean of the negatives instead of their mean square.

    Notes
    -----
    The loss of a random batch is an unbiased estimate of the loss of all samples, with z- from any
    *other* sample: every pair is equally likely to be in the batch. The published code of [1]_
    averages over fewer pairs, first view against second, and divides by radius^2.

    References
    ----------
    .. [1] HaoChen, Wei, Gaidon and Ma (2021), "Provable Guarantees for Self-Supervised Deep
       Learning with Spectral Contrastive Loss", NeurIPS, arXiv:2106.04156.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import spectral_contrastive_loss
    >>> apart, alike = torch.eye(2), torch.ones(2, 2)
    >>> spectral_contrastive_loss(apart, apart), spectral_contrastive_loss(alike, alike)
    (tensor(-2.), tensor(0.))
    """
    check_pairs(embeddings_1, embeddings_2)
    n_samples, n_components = embeddings_1.shape
    with full_precision(embeddings_1, embeddings_2) as (first, second):
        if radius is not None:
            first, second = _within(first, radius), _within(second, radius)
        both = torch.cat([first, second])
        # either matrix gives the sum of squares of all inner products; the smaller one is faster
        gram = both.T @ both if n_components < len(both) else both @ both.T
        positives = torch.sum(first * second, dim=1)
        own = torch.sum(first**2, dim=1) ** 2 + torch.sum(second**2, dim=1) ** 2 + 2 * positives**2
        negatives = (torch.sum(gram**2) - torch.sum(own)) / (4 * n_samples * (n_samples - 1))
        return negatives - 2 * positives.mean()


def decoupled_losses(
    embeddings_1: Tensor,
    embeddings_2: Tensor,
    temperature: float | Tensor,
    chunk_size: int | None,
) -> Tensor:
    """Decoupled contrastive loss of each anchor.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, in float32 or float64.
    temperature : float or Tensor of shape ()
        Divisor of the cosine similarities.
    chunk_size : int or None
        As in `log_sum_exp_over_others`.

    Returns
    -------
    losses : Tensor of shape (2 * n_samples,)
        log sum_j exp(s_ij / temperature) - s_i+ / temperature, with j the embeddings of other
        samples and + the other view of the same one. Softplus of it is the NT-Xent loss.
    """
    check_positive("temperature", temperature)
    n_samples = len(embeddings_1)
    units = unit_vectors(torch.cat([embeddings_1, embeddings_2]))
    negatives = log_sum_exp_over_others(units, n_samples, 1 / temperature, chunk_size)
    return negatives - partner_similarities(*units.split(n_samples)) / temperature


def _within(embeddings, radius):
    """Rows with norm at most `radius`; longer rows are shortened."""
    check_positive("radius", radius)
    norms = torch.linalg.vector_norm(embeddings, dim=1, keepdim=True)
    return embeddings * (radius / norms.clamp(min=radius))
