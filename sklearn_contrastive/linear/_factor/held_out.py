"""Choice of the weight of the labels, by the likelihood of samples held out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._covariance.rows import RowMoments
from .._covariance.scatter import SecondMoments
from .closed_form import LabelledMoments, supervised_closed_form
from .map_newton import REFINEMENT_FLOOR

__all__ = [
    "CANDIDATES",
    "SubspaceModel",
    "best_alpha",
    "held_out_log_likelihood",
    "model_of_subspace",
]

# weights of the labels that are tried, besides none: a factor of about 3 apart
CANDIDATES = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def best_alpha(
    folds: Iterable[tuple[LabelledMoments, SecondMoments | RowMoments]],
    n_pairs: int,
    rng: np.random.RandomState,
) -> float:
    """Weight of the labels whose subspace makes samples held out the most probable.

    The likelihood is that of the factor model in the subspace, with what is outside left to the
    noise: labels are used as far as they help to find what features share in other samples. The
    contrastive loss itself would not do, since the bias of its minimiser is that of alpha = 0.

    Parameters
    ----------
    folds : iterable of (LabelledMoments, SecondMoments or RowMoments)
        Moments of the samples that are fitted, and of those that are held out.
    n_pairs : int
        Dimension of the subspaces.
    rng : numpy.random.RandomState
        Draws the first directions of the eigensolver.

    Returns
    -------
    alpha : float
        The best of `CANDIDATES`; the smaller of two that are equal.
    """
    likelihood = np.zeros(len(CANDIDATES))
    for fitted, held_out in folds:
        vectors = None
        for candidate, alpha in enumerate(CANDIDATES):
            vectors = supervised_closed_form(fitted, alpha, n_pairs, rng, vectors).vectors
            model = model_of_subspace(fitted, vectors)
            likelihood[candidate] += held_out_log_likelihood(model, held_out)
    return CANDIDATES[int(np.argmax(likelihood))]


# each step leaves of the error a share of about the subspace's incoherence
_STEPS = 30


@dataclass(frozen=True)
class SubspaceModel:
    """Factor model with loadings in a given subspace, of the features that vary.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Mean of each feature.
    loadings : ndarray of shape (n_features, n_factors)
        Loadings B.
    noise_variance : ndarray of shape (n_features,)
        Variance psi of the noise; infinite for features that do not vary and take no part.
    """

    mean: NDArray[np.float64]
    loadings: NDArray[np.float64]
    noise_variance: NDArray[np.float64]


def model_of_subspace(moments, vectors: NDArray) -> SubspaceModel:
    """Signal covariance and noise that fit a covariance S in least squares, given the subspace.

    With orthonormal U the two are Sigma = U'(S - Psi) U, negative eigenvalues set to 0, and
    psi = diag(S - U Sigma U'): solved in turn. Unlike the eigenvalues of the covariance without its
    diagonal, they have no bias where U is right.

    Parameters
    ----------
    moments : SecondMoments or one of its kind
        Of the samples.
    vectors : ndarray of shape (n_features, n_factors)
        Orthonormal columns U.

    Returns
    -------
    SubspaceModel
        Noise is at least a small share of each feature's variance.
    """
    variances = np.maximum(moments.variances, 0.0)
    along = moments.covariance_along(vectors)
    noise = variances
    for _ in range(_STEPS):
        values, turn = np.linalg.eigh(along - vectors.T @ (noise[:, None] * vectors))
        loadings = vectors @ (turn * np.sqrt(np.maximum(values, 0.0)))
        noise = np.maximum(variances - np.sum(loadings**2, axis=1), REFINEMENT_FLOOR * variances)
    return SubspaceModel(moments.mean, loadings, np.where(variances > 0, noise, np.inf))


def held_out_log_likelihood(model: SubspaceModel, moments) -> float:
    """Mean Gaussian log-likelihood, up to a constant, of the samples that moments describe.

    Parameters
    ----------
    model : SubspaceModel
        Fitted to other samples.
    moments : SecondMoments or one of its kind
        Of the samples that were held out.

    Returns
    -------
    log_likelihood : float
        -(log det C + tr C^-1 (S + (m - mean)(m - mean)')) / 2 with C = B B' + diag(psi), S and m
        the covariance and the mean of these samples.
    """
    precision = 1.0 / model.noise_variance
    weighted = precision[:, None] * model.loadings
    inner = np.eye(weighted.shape[1]) + model.loadings.T @ weighted
    shift = moments.mean - model.mean
    along = moments.covariance_along(weighted) + np.outer(weighted.T @ shift, weighted.T @ shift)
    squares = precision @ (moments.variances + shift**2) - np.trace(np.linalg.solve(inner, along))
    noise = model.noise_variance[np.isfinite(model.noise_variance)]
    return -0.5 * float(np.log(noise).sum() + np.linalg.slogdet(inner)[1] + squares)
