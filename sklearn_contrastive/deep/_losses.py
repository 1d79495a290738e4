"""Losses: pure functions of embeddings."""

from __future__ import annotations

import torch
from torch import Tensor

__all__ = ["linear_contrastive_loss"]


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
    if embeddings_1.ndim != 2 or embeddings_1.shape != embeddings_2.shape:
        raise ValueError(
            f"The embeddings have shapes {tuple(embeddings_1.shape)} and "
            f"{tuple(embeddings_2.shape)}; they must be (n_samples, n_components) both, two views "
            "of the same samples, row by row."
        )
    n_samples = len(embeddings_1)
    if n_samples < 2:
        raise ValueError(f"There are {n_samples} samples, but negatives need at least 2.")
    # variation of the sums minus disagreement of the views: the form in which a mean that all
    # embeddings share cancels before it is squared
    sums = embeddings_1 + embeddings_2
    spread = sums - sums.mean(dim=0)
    variation = torch.sum(spread**2) * (n_samples / (2 * (n_samples - 1)))
    disagreement = torch.sum((embeddings_1 - embeddings_2) ** 2) / 2
    return (disagreement - variation) / (2 * n_samples)
