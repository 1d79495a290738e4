"""Covariance of measured positive pairs, and the directions in which partners agree."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._labels import Labels
from .within_class import labelled_scatter

__all__ = [
    "PositivePairCovariance",
    "correlated_directions",
    "positive_pair_covariance",
    "shared_directions",
]


@dataclass(frozen=True)
class PositivePairCovariance:
    """Covariance of paired samples, and of pairs, in a basis of the space that they span.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of the samples.
    covariance : ndarray of shape (n_dims, n_dims)
        Covariance S of the samples, n in the denominator.
    pair_covariance : ndarray of shape (n_dims, n_dims)
        Covariance S+ of a sample with another one of its group.
    basis : ndarray of shape (n_features, n_dims) or None
        Orthonormal columns, None for the features themselves.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    pair_covariance: NDArray[np.float64]
    basis: NDArray[np.float64] | None

    def in_features(self, directions: NDArray) -> NDArray[np.float64]:
        """Directions of shape (n_dims, m) as directions of shape (n_features, m)."""
        return directions if self.basis is None else self.basis @ directions


def positive_pair_covariance(X: NDArray, groups: Labels) -> PositivePairCovariance:
    """Covariances of samples that all have a partner in their group.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples.
    groups : Labels
        Their groups, each of at least two samples.

    Returns
    -------
    PositivePairCovariance
        In the basis of the samples' span where there are fewer samples than features.
    """
    basis = None
    if len(X) < X.shape[1]:
        origin = X.mean(axis=0, dtype=np.float64)
        left, singular_values, basis = np.linalg.svd(X - origin, full_matrices=False)
        # centred samples always lack a direction, in which only rounding is left
        size = X.shape[1] * singular_values[0] + 10 * np.sqrt(len(X)) * np.linalg.norm(origin)
        rounding = np.finfo(np.float64).eps * size
        singular_values = np.where(singular_values > rounding, singular_values, 0.0)
        X, basis = left * singular_values, basis.T
    scatter = labelled_scatter(X, groups)
    mean = scatter.total.mean if basis is None else origin + basis @ scatter.total.mean
    covariance = scatter.total.scatter / scatter.total.n_samples
    return PositivePairCovariance(mean, covariance, scatter.positive_matrix, basis)


def shared_directions(pairs: PositivePairCovariance) -> tuple[NDArray, NDArray]:
    """All eigenpairs of the pair covariance S+, largest first.

    Parameters
    ----------
    pairs : PositivePairCovariance
        Of the paired samples.

    Returns
    -------
    eigenvalues : ndarray of shape (n_dims,)
        Covariance of a sample with its partner along each direction, in squared units.
    directions : ndarray of shape (n_dims, n_dims)
        Orthonormal columns.
    """
    values, vectors = np.linalg.eigh(pairs.pair_covariance)
    return values[::-1], vectors[:, ::-1]


def correlated_directions(
    pairs: PositivePairCovariance, shrinkage: float
) -> tuple[NDArray, NDArray]:
    """All solutions of S+ v = lambda S v in the span of the samples, largest lambda first.

    Parameters
    ----------
    pairs : PositivePairCovariance
        Of the paired samples.
    shrinkage : float
        Share gamma of the mean variance in (1 - gamma) S + gamma (tr S / d) I, which takes the
        place of S.

    Returns
    -------
    eigenvalues : ndarray of shape (n_directions,)
        Correlation of a sample with its partner along each direction; smaller under shrinkage.
    directions : ndarray of shape (n_dims, n_directions)
        Columns with v'Sv = 1, in the inverse of the features' units.

    References
    ----------
    HaoChen, Wei, Gaidon and Ma (2021), Provable guarantees for self-supervised deep learning with
    spectral contrastive loss. Wu, Sun and Yang (2025), PCA++, arXiv:2511.12278.
    """
    # of the correlation matrix: features of very different units must not look like no variance
    scale = np.sqrt(np.diag(pairs.covariance))
    units = np.ones_like(scale)
    if shrinkage == 0:
        # a constant feature, which takes no part, has the rounding of its mean for a variance
        mean = pairs.mean if pairs.basis is None else np.zeros_like(scale)
        units = np.where(scale > 10 * np.finfo(np.float64).eps * np.abs(mean), scale, np.inf)
    covariance = pairs.covariance / np.outer(units, units)
    n_features = len(covariance) if pairs.basis is None else len(pairs.basis)
    covariance = (1 - shrinkage) * covariance
    covariance += shrinkage * np.trace(pairs.covariance) / n_features * np.eye(len(covariance))
    # not eigh(A, B): the covariance may be singular, and its null directions are left out
    variances, axes = np.linalg.eigh(covariance)
    held = variances > len(variances) * np.finfo(float).eps * variances.max(initial=0.0)
    whitening = axes[:, held] / np.sqrt(variances[held])
    whitening /= units[:, None]
    values, vectors = np.linalg.eigh(whitening.T @ pairs.pair_covariance @ whitening)
    return values[::-1], whitening @ vectors[:, ::-1]
