"""Losses: pure functions of embeddings."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import softplus

from ._losses_pairs import check_pairs, decoupled_losses, full_precision

__all__ = [
    "decoupled_contrastive_loss",
    "linear_contrastive_loss",
    "nt_xent_loss",
    "spectral_contrastive_loss",
]


def linear_contrastive_loss(embeddings_1: Tensor, embeddings_2: Tensor) -> Tensor:
    """Linear contrastive loss of the embeddings of two views, without its penalty.

    Minus half the mean, over all embeddings, of what is written here for one: its inner product
    with the embedding of the other view of the same sample, minus its mean inner product with both
    embeddings of every other sample. Of embeddings W x this is -(1/2n) tr(W M W') with M of
    :func:`sklearn_contrastive.linear.contrastive_loss_matrix`.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples.

    Returns
    -------
    loss : Tensor of shape ()
        The loss. It costs n_samples * n_components operations; pairs are not formed.

    Raises
    ------
    ValueError
        If the embeddings differ in shape, or there are fewer than two samples.

    See Also
    --------
    sklearn_contrastive.linear.linear_contrastive_loss : The loss of a linear encoder, in NumPy.

    Notes
    -----
    Of a batch drawn at random it is an unbiased estimate of the loss of all samples: the negatives
    are pairs, and every pair is as likely as any other to be in the batch.

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
        # variation of the sums minus disagreement of the views: the form in which a mean that all
        # embeddings share cancels before it is squared
        sums = first + second
        spread = sums - sums.mean(dim=0)
        variation = torch.sum(spread**2) * (n_samples / (2 * (n_samples - 1)))
        disagreement = torch.sum((first - second) ** 2) / 2
        return (disagreement - variation) / (2 * n_samples)


def nt_xent_loss(
    embeddings_1: Tensor,
    embeddings_2: Tensor,
    temperature: float = 0.5,
    *,
    chunk_size: int | None = None,
) -> Tensor:
    """Normalised, temperature-scaled cross-entropy: the loss of SimCLR.

    Each of the 2n embeddings is an anchor that has to find, among the 2n - 1 others, the other
    view of its sample. With s the cosine similarity and t the temperature, an anchor i with
    partner p loses -log(exp(s_ip / t) / sum_{j != i} exp(s_ij / t)); the loss is the mean of all.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples. They are
        normalised here. A row of zeros is similar to nothing and gets no gradient.
    temperature : float, default=0.5
        What similarities are divided by; the smaller, the more the most similar negatives count.
    chunk_size : int or None, default=None
        Anchors whose similarities to all embeddings are held at once; None: as many as make 2^21
        similarities, 8 MB. The backward pass computes them again, so that memory grows with the
        batch and not with its square; of second derivatives there are none.

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
    The code that the authors of [1]_ published adds up the means of the two views: it is twice
    this, which is the paper's.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML, arXiv:2002.05709, equation 1.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import nt_xent_loss
    >>> alike = torch.ones(2, 3)
    >>> nt_xent_loss(alike, alike)  # log 3: three candidates, none better than another
    tensor(1.0986)
    >>> apart = torch.eye(2)
    >>> nt_xent_loss(apart, apart, temperature=0.1)
    tensor(9.0796e-05)
    """
    check_pairs(embeddings_1, embeddings_2)
    with full_precision(embeddings_1, embeddings_2) as pair:
        losses = decoupled_losses(*pair, temperature, chunk_size)
        # the default threshold, 20, is where float32 no longer sees the difference
        return softplus(losses, threshold=40).mean()


def decoupled_contrastive_loss(
    embeddings_1: Tensor,
    embeddings_2: Tensor,
    temperature: float = 0.5,
    *,
    chunk_size: int | None = None,
) -> Tensor:
    """Decoupled contrastive loss: NT-Xent without the positive pair in the sum.

    With s the cosine similarity and t the temperature, an anchor i with partner p loses
    -s_ip / t + log sum_j exp(s_ij / t), where j runs over the embeddings of other samples; the loss
    is the mean of all 2n anchors. An anchor that has found its partner keeps its gradient, which
    helps where batches are small and the temperature is low. The loss has no lower bound of 0.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples. They are
        normalised here. A row of zeros is similar to nothing and gets no gradient.
    temperature : float, default=0.5
        What similarities are divided by; the smaller, the more the most similar negatives count.
    chunk_size : int or None, default=None
        Anchors whose similarities to all embeddings are held at once, as in :func:`nt_xent_loss`.

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
    nt_xent_loss : Softplus of this, anchor by anchor.

    References
    ----------
    .. [1] Yeh, Hong, Hsu, Liu, Chen and LeCun (2022), "Decoupled Contrastive Learning", ECCV,
       arXiv:2110.06848.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import decoupled_contrastive_loss
    >>> alike = torch.ones(2, 3)
    >>> decoupled_contrastive_loss(alike, alike)  # log 2: two negatives as near as the partner
    tensor(0.6931)
    """
    check_pairs(embeddings_1, embeddings_2)
    with full_precision(embeddings_1, embeddings_2) as pair:
        return decoupled_losses(*pair, temperature, chunk_size).mean()


def spectral_contrastive_loss(
    embeddings_1: Tensor, embeddings_2: Tensor, *, radius: float | None = None
) -> Tensor:
    """Spectral contrastive loss, whose minimiser spans the leading eigenvectors of a graph.

    -2 E[z'z+] + E[(z'z-)^2], with z and z+ embeddings of two views of a sample and z- that of an
    independent one. The first mean is over the n positive pairs of the batch, the second over its
    4n(n - 1) ordered pairs of embeddings of different samples, both views of each.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples. They are not
        normalised: their lengths are part of what is learned.
    radius : float or None, default=None
        Embeddings that are longer are shortened to this, as in the experiments of [1]_, which keeps
        the fourth powers of the loss from diverging early in training. None: no limit, the loss as
        it is defined.

    Returns
    -------
    loss : Tensor of shape ()
        The loss, in float32 (float64 if the embeddings are), even under autocast. It costs
        n * k * min(n, k) operations with k components, and memory for a matrix of that side.

    Raises
    ------
    ValueError
        If the embeddings differ in shape, there are fewer than two samples, or `radius` is not
        positive.

    See Also
    --------
    linear_contrastive_loss : Negatives enter through their mean instead of their mean square.

    Notes
    -----
    Of a batch drawn at random it is an unbiased estimate of the loss of all samples, in which z- is
    of any *other* sample: every pair is as likely as any other to be in the batch. The published
    code of [1]_ averages over fewer pairs, first view against second, and divides by radius^2.

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
        # the sum of squares of all inner products, which either matrix gives, the smaller sooner
        gram = both.T @ both if n_components < len(both) else both @ both.T
        positives = torch.sum(first * second, dim=1)
        own = torch.sum(first**2, dim=1) ** 2 + torch.sum(second**2, dim=1) ** 2 + 2 * positives**2
        negatives = (torch.sum(gram**2) - torch.sum(own)) / (4 * n_samples * (n_samples - 1))
        return negatives - 2 * positives.mean()


def _within(embeddings, radius):
    """Rows of norm `radius` at most, longer ones shortened."""
    if not 0 < radius < torch.inf:
        raise ValueError(f"radius={radius!r} must be None or a positive number.")
    norms = torch.linalg.vector_norm(embeddings, dim=1, keepdim=True)
    return embeddings * (radius / norms.clamp(min=radius))
