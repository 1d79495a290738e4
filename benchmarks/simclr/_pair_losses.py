"""Losses that the paper compares with NT-Xent, as functions of the projections of two views."""

import torch
from torch.nn.functional import cross_entropy, normalize, softplus


def similarities(z_1, z_2):
    """Inner products of all views.

    Parameters
    ----------
    z_1, z_2 : Tensor of shape (n, k)
        Projections of the two views, row by row.

    Returns
    -------
    products : Tensor of shape (2n, 2n)
        Inner products of both views of all samples; -inf where a view meets itself.
    partner : Tensor of int of shape (2n,)
        Position of the other view of the same sample.
    """
    both, n = torch.cat([z_1, z_2]), len(z_1)
    itself = torch.eye(2 * n, dtype=torch.bool, device=both.device)
    partner = torch.arange(2 * n, device=both.device).roll(n)
    return (both @ both.T).masked_fill(itself, -torch.inf), partner


def nt_xent_without_norm(z_1, z_2, temperature):
    """NT-Xent of inner products: the projections are not divided by their norms."""
    products, partner = similarities(z_1, z_2)
    return cross_entropy(products / temperature, partner)


def semi_hard(z_1, z_2):
    """Cosine similarity of each view to its partner, and to its semi-hard negative.

    That is the most similar view of another sample that is less similar than the partner; where
    there is none, the least similar one (Schroff, Kalenichenko and Philbin 2015).

    Returns
    -------
    positive, negative : Tensor of shape (2n,)
    """
    products, partner = similarities(normalize(z_1), normalize(z_2))
    positive = products.gather(1, partner[:, None])
    other = torch.isfinite(products).scatter(1, partner[:, None], False)
    allowed = other & (products < positive)
    hardest = products.masked_fill(~allowed, -torch.inf).amax(dim=1)
    least = products.masked_fill(~other, torch.inf).amin(dim=1)
    return positive[:, 0], torch.where(allowed.any(dim=1), hardest, least)


def margin_loss(z_1, z_2, margin):
    """Mean of max(s- - s+ + margin, 0) with semi-hard negatives (table 2 of the paper)."""
    positive, negative = semi_hard(z_1, z_2)
    return torch.relu(negative - positive + margin).mean()


def logistic_loss(z_1, z_2, temperature):
    """Mean of -log sigmoid(s+ / t) - log sigmoid(-s- / t) with semi-hard negatives (table 2)."""
    positive, negative = semi_hard(z_1, z_2)
    return (softplus(-positive / temperature) + softplus(negative / temperature)).mean()
