"""Diagnostics of embeddings: alignment, uniformity, contrastive accuracy, collapse.

All are functions of unit vectors: embeddings are divided by their norms first. None transfers a
value from the device, so they can be computed at every step.
"""

import math

import torch
from torch import Tensor

from ._log_sum_exp import log_sum_exp_over_others, max_over_others
from ._pairs import (
    check_pairs,
    check_positive,
    full_precision,
    partner_similarities,
    unit_vectors,
)

__all__ = ["alignment", "collapse_share", "contrastive_accuracy", "uniformity", "variance_share"]


def alignment(embeddings_1: Tensor, embeddings_2: Tensor, alpha: float = 2) -> Tensor:
    """Mean distance of the two views of a sample, to a power; smaller for more similar views.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples.
    alpha : float, default=2
        The power.

    Returns
    -------
    alignment : Tensor of shape ()
        Mean of ``|u - v|^alpha`` over the samples, with u and v the unit vectors of the two views:
        0 for equal views, 2 for unrelated views in many dimensions (alpha=2).

    Raises
    ------
    ValueError
        If the embeddings differ in shape, or there are fewer than two samples.

    See Also
    --------
    uniformity : Spread of the embeddings over the sphere.

    References
    ----------
    .. [1] Wang and Isola (2020), "Understanding Contrastive Representation Learning through
       Alignment and Uniformity on the Hypersphere", ICML, arXiv:2005.10242, section 4.1.1.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import alignment
    >>> alignment(torch.eye(2), 3 * torch.eye(2)), alignment(torch.eye(2), -torch.eye(2))
    (tensor(0.), tensor(4.))
    """
    check_pairs(embeddings_1, embeddings_2)
    with full_precision(embeddings_1, embeddings_2) as (first, second):
        difference = unit_vectors(first) - unit_vectors(second)
        return torch.mean(torch.linalg.vector_norm(difference, dim=1) ** alpha)


def uniformity(embeddings: Tensor, t: float | Tensor = 2) -> Tensor:
    """Logarithm of the mean Gaussian potential of pairs; smaller for a more even spread.

    Parameters
    ----------
    embeddings : Tensor of shape (n_samples, n_components)
        Embeddings of one view of each sample; at least two samples.
    t : float or Tensor of shape (), default=2
        Inverse width of the Gaussian, positive.

    Returns
    -------
    uniformity : Tensor of shape ()
        Log of the mean of ``exp(-t |u - v|^2)`` over all pairs of unit vectors u, v of different
        samples: 0 if all are equal, about -2 t if they cover a sphere of many dimensions.

    Raises
    ------
    ValueError
        If there are fewer than two samples, the embeddings are not a matrix, or t is not positive.

    See Also
    --------
    alignment : Distance of the views of a sample.

    References
    ----------
    .. [1] Wang and Isola (2020), "Understanding Contrastive Representation Learning through
       Alignment and Uniformity on the Hypersphere", ICML, arXiv:2005.10242, section 4.1.2.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import uniformity
    >>> uniformity(torch.eye(3)), uniformity(torch.tensor([[1.0], [2.0]]))
    (tensor(-4.), tensor(0.))
    """
    _check_matrix(embeddings)
    check_positive("t", t)
    n_samples = len(embeddings)
    with full_precision(embeddings) as (embeddings,):
        # on the sphere, -t |u - v|^2 = 2 t u'v - 2 t
        sums = log_sum_exp_over_others(unit_vectors(embeddings), n_samples, 2.0 * t)
        return torch.logsumexp(sums, dim=0) - 2 * t - math.log(n_samples * (n_samples - 1))


def contrastive_accuracy(embeddings_1: Tensor, embeddings_2: Tensor) -> Tensor:
    """Share of the embeddings whose nearest neighbour is the other view of the same sample.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples.

    Returns
    -------
    accuracy : Tensor of shape ()
        Share of the 2 n_samples embeddings whose cosine similarity with the other view of the
        sample is larger than with every embedding of another sample. A tie, up to rounding, counts
        as wrong, so embeddings that are all equal have accuracy 0.

    Raises
    ------
    ValueError
        If the embeddings differ in shape, or there are fewer than two samples.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import contrastive_accuracy
    >>> view = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    >>> contrastive_accuracy(view, view)
    tensor(0.3333)
    """
    check_pairs(embeddings_1, embeddings_2)
    n_samples = len(embeddings_1)
    with full_precision(embeddings_1, embeddings_2) as pair:
        units = unit_vectors(torch.cat(pair))
        partners = partner_similarities(*units.split(n_samples))
        rounding = 16 * torch.finfo(units.dtype).eps
        found = partners > max_over_others(units, n_samples) + rounding
        return found.to(units.dtype).mean()


def collapse_share(representations: Tensor) -> Tensor:
    """Share of the mean square of unit vectors that is variance between samples; 0: collapse.

    Parameters
    ----------
    representations : Tensor of shape (n_samples, n_components)
        Representations, or embeddings, of at least two samples.

    Returns
    -------
    share : Tensor of shape ()
        Mean of ``|u - m|^2``, with u the unit vectors and m their mean, which is ``1 - |m|^2``: 0
        if all representations have the same direction (or are zero), 1 if the mean is zero.
        Representations without negative entries do not reach 1.

    Raises
    ------
    ValueError
        If there are fewer than two samples, or the representations are not a matrix.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep._diagnostics import collapse_share
    >>> alike, opposite = torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [-2.0]])
    >>> collapse_share(alike), collapse_share(opposite)
    (tensor(0.), tensor(1.))
    """
    _check_matrix(representations)
    with full_precision(representations) as (representations,):
        units = unit_vectors(representations)
        # not 1 - |m|^2, which loses all digits near collapse
        return torch.mean(torch.sum((units - units.mean(dim=0)) ** 2, dim=1))


def variance_share(representations: Tensor) -> Tensor:
    """Share of the mean square of representations that is variance between samples; 0: collapse.

    Unlike `collapse_share` it counts lengths as well as directions, so that a single feature of one
    sign is no collapse.

    Parameters
    ----------
    representations : Tensor of shape (n_samples, n_components)
        Representations of at least two samples.

    Returns
    -------
    share : Tensor of shape ()
        Mean of ``|h - m|^2``, with m the mean of the representations h, divided by the mean of
        ``|h|^2``: 0 if all are the same, 1 if their mean is zero.

    Raises
    ------
    ValueError
        If there are fewer than two samples, or the representations are not a matrix.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep._diagnostics import variance_share
    >>> variance_share(torch.tensor([[1.0], [3.0]])), variance_share(torch.ones(2, 1))
    (tensor(0.2000), tensor(0.))
    """
    _check_matrix(representations)
    with full_precision(representations) as (representations,):
        spread = torch.sum((representations - representations.mean(dim=0)) ** 2)
        return spread / torch.sum(representations**2).clamp(min=torch.finfo(spread.dtype).tiny)


def _check_matrix(embeddings):
    """Raise ValueError unless these are embeddings of at least two samples."""
    if embeddings.ndim != 2 or len(embeddings) < 2:
        raise ValueError(
            f"The embeddings have shape {tuple(embeddings.shape)}; it must be "
            "(n_samples, n_components), with at least 2 samples."
        )
