"""Losses without negatives: VICReg and Barlow Twins, by the covariance of the components."""

import torch
from torch import Tensor
from torch.nn.functional import relu

from ._pairs import check_not_negative, check_pairs, full_precision, unit_vectors

__all__ = ["barlow_twins_loss", "vicreg_loss"]

# added to variances before the square root, whose derivative at 0 is infinite
_VARIANCE_FLOOR = 1e-4


def vicreg_loss(
    embeddings_1: Tensor,
    embeddings_2: Tensor,
    *,
    invariance: float | Tensor = 25.0,
    variance: float | Tensor = 25.0,
    covariance: float | Tensor = 1.0,
) -> Tensor:
    """Variance-invariance-covariance regularisation (VICReg): a loss without negatives.

    The two views of a sample are pulled together. Collapse is prevented component by component:
    each has a standard deviation of at least 1 over the batch, and different components are
    uncorrelated.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples. They are not
        normalised.
    invariance : float or Tensor of shape (), default=25.0
        Weight of the mean squared difference of the two views, over samples and components.
    variance : float or Tensor of shape (), default=25.0
        Weight, for each view, of the mean over the components of max(0, 1 - sqrt(v + 0.0001)), with
        v the variance of the component.
    covariance : float or Tensor of shape (), default=1.0
        Weight, for each view, of the sum of squares of the covariances of different components,
        divided by the number of components.

    Returns
    -------
    loss : Tensor of shape ()
        The loss, in float32 (float64 if the embeddings are), even under autocast. It needs memory
        for min(n_samples, n_components)^2 numbers.

    Raises
    ------
    ValueError
        If the embeddings differ in shape, there are fewer than two samples, or a weight is
        negative.

    See Also
    --------
    barlow_twins_loss : Correlations between the views instead of covariances within each.
    sigreg_loss : Asks for all moments of a normal distribution.

    Notes
    -----
    Variances and covariances have the divisor n_samples - 1. Equation 5 of [1]_ has the sum over
    the components in the invariance term; the weights of the paper belong to the mean, as in its
    algorithm 1. The published code also halves the variance term.

    The paper has 8192 components. Give `SimCLREmbedder` a larger `projection_dim` than for NT-Xent.

    References
    ----------
    .. [1] Bardes, Ponce and LeCun (2022), "VICReg: Variance-Invariance-Covariance Regularization
       for Self-Supervised Learning", ICLR, arXiv:2105.04906, section 4.1.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import vicreg_loss
    >>> spread = 2 * torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> vicreg_loss(spread, spread)  # equal views, large variances, no covariance
    tensor(0.)
    >>> vicreg_loss(torch.ones(4, 2), torch.ones(4, 2))  # collapse
    tensor(49.5000)
    """
    check_pairs(embeddings_1, embeddings_2)
    for name, weight in (
        ("invariance", invariance),
        ("variance", variance),
        ("covariance", covariance),
    ):
        check_not_negative(name, weight)
    with full_precision(embeddings_1, embeddings_2) as views:
        loss = invariance * torch.mean((views[0] - views[1]) ** 2)
        for view in views:
            deviations = view - view.mean(dim=0)
            variances = torch.sum(deviations**2, dim=0) / (len(view) - 1)
            shortfall = relu(1 - torch.sqrt(variances + _VARIANCE_FLOOR)).mean()
            others = _others_squared(deviations, deviations) / (len(view) - 1) ** 2
            loss = loss + variance * shortfall + covariance * (others / view.shape[1])
        return loss


def barlow_twins_loss(
    embeddings_1: Tensor, embeddings_2: Tensor, *, redundancy: float | Tensor = 0.005
) -> Tensor:
    """Barlow Twins: the correlations between the components of two views should be the identity.

    With C the matrix of the correlations, over the batch, of each component of the first view with
    each component of the second, the loss is sum_i (1 - C_ii)^2 + redundancy * sum_{i != j} C_ij^2.
    It has no negatives.

    Parameters
    ----------
    embeddings_1, embeddings_2 : Tensor of shape (n_samples, n_components)
        Embeddings of two views of the same samples, row by row; at least two samples. A component
        that is constant has correlation 0 and gradient 0.
    redundancy : float or Tensor of shape (), default=0.005
        Weight of the correlations of different components.

    Returns
    -------
    loss : Tensor of shape ()
        The loss, in float32 (float64 if the embeddings are), even under autocast. It needs memory
        for min(n_samples, n_components)^2 numbers.

    Raises
    ------
    ValueError
        If the embeddings differ in shape, there are fewer than two samples, or `redundancy` is
        negative.

    See Also
    --------
    vicreg_loss : Covariances within each view instead of correlations between them.

    Notes
    -----
    The paper has 8192 components. Give `SimCLREmbedder` a larger `projection_dim` than for NT-Xent.

    References
    ----------
    .. [1] Zbontar, Jing, Misra, LeCun and Deny (2021), "Barlow Twins: Self-Supervised Learning via
       Redundancy Reduction", ICML, arXiv:2103.03230, equations 1 and 2.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep import barlow_twins_loss
    >>> apart = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> barlow_twins_loss(apart, 3 * apart + 1)
    tensor(0.)
    >>> alike = apart[:, :1].repeat(1, 2)  # two equal components
    >>> barlow_twins_loss(alike, alike)
    tensor(0.0100)
    """
    check_pairs(embeddings_1, embeddings_2)
    check_not_negative("redundancy", redundancy)
    with full_precision(embeddings_1, embeddings_2) as views:
        # a component of length 1 over the batch: inner products are correlations
        first, second = (unit_vectors((view - view.mean(dim=0)).T).T for view in views)
        own = torch.sum(first * second, dim=0)
        return torch.sum((1 - own) ** 2) + redundancy * _others_squared(first, second)


def _others_squared(first, second):
    """Sum of squares of the entries of first' second off its diagonal."""
    n_samples, n_components = first.shape
    if n_components <= n_samples:
        products = first.T @ second
        return torch.sum((products - torch.diag(products.diagonal())) ** 2)
    # the products of samples are the smaller matrices
    own = torch.sum(first * second, dim=0)
    return torch.sum((first @ first.T) * (second @ second.T)) - torch.sum(own**2)
