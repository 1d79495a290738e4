"""Covariance of scores, the share of variance that components keep, and whitening."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["ScoreSpread", "spread_of_scores", "whitening_of"]


@dataclass(frozen=True)
class ScoreSpread:
    """Covariance of scores, and the variance that the components keep.

    Parameters
    ----------
    covariance : ndarray of shape (n_components, n_components)
        Covariance of the scores.
    variance : ndarray of shape (n_components,)
        Its diagonal.
    kept_share : ndarray of shape (n_components,)
        Share of the total variance that orthogonal projection on each component keeps.
    """

    covariance: NDArray[np.float64]
    variance: NDArray[np.float64]
    kept_share: NDArray[np.float64]


def spread_of_scores(source, scoring: NDArray, components: NDArray) -> ScoreSpread:
    """Covariance of the scores of samples, without reading the samples again.

    Parameters
    ----------
    source : Covariance or FactorModel
        Of the samples: its `along` and `variances` are used.
    scoring : ndarray of shape (n_features, n_components)
        Makes scores of centred samples.
    components : ndarray of shape (n_components, n_features)
        Orthonormal rows.

    Returns
    -------
    ScoreSpread
        Of unwhitened scores.
    """
    n_components = len(components)
    along = source.along(np.hstack([scoring, components.T]))
    kept = np.diag(along[n_components:, n_components:])
    total = float(np.sum(source.variances))
    covariance = along[:n_components, :n_components]
    return ScoreSpread(covariance, np.diag(covariance), kept / (total or 1.0))


def whitening_of(covariance: NDArray) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Symmetric inverse square root of the covariance of scores, and its inverse.

    Parameters
    ----------
    covariance : ndarray of shape (n_components, n_components)
        Of the scores, at least one.

    Returns
    -------
    whitening, unwhitening : ndarray of shape (n_components, n_components)
        Inverse of each other.

    Raises
    ------
    ValueError
        If some scores depend linearly on others.
    """
    values, vectors = np.linalg.eigh(covariance)
    smallest = len(values) * np.finfo(np.float64).eps * values[-1]
    if values[0] <= smallest:
        raise ValueError(
            "whiten=True needs as many independent scores as components, but only "
            f"{np.sum(values > smallest)} of the {len(values)} scores are independent; set "
            "n_components to that number, or whiten=False."
        )
    root = np.sqrt(values)
    return (vectors / root) @ vectors.T, (vectors * root) @ vectors.T
