"""Distances of rows from a factor model: along its subspace, and orthogonal to it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .model import FactorModel
from .observed import observed_blocks, packed_squares, unpacked

__all__ = ["RowDistances", "WhitenedModel", "distances_of_rows", "whitened_model"]

# share of a complete row's information about a direction below which a row has none
_NO_INFORMATION = 1e-10


@dataclass(frozen=True)
class WhitenedModel:
    """A factor model in units of the noise.

    Parameters
    ----------
    model : FactorModel
        The model.
    basis : ndarray of shape (n_features, n_factors)
        Orthonormal columns that span the loadings in units of the noise.
    signal : ndarray of shape (n_factors,)
        Variance of the factors along each column of the basis; that of the noise is 1.
    """

    model: FactorModel
    basis: NDArray[np.float64]
    signal: NDArray[np.float64]


@dataclass(frozen=True)
class RowDistances:
    """Squared distances of rows, and the number of directions in which they were measured.

    Parameters
    ----------
    score, orthogonal : ndarray of shape (n_rows,)
        Hotelling's T2 of the scores, and the squared residual in units of the noise. Under the
        Gaussian model they are independent chi-squares.
    n_scores, n_residuals : ndarray of int of shape (n_rows,)
        Their degrees of freedom: of a complete row the number of factors, and that of features
        minus that of factors.
    """

    score: NDArray[np.float64]
    orthogonal: NDArray[np.float64]
    n_scores: NDArray[np.intp]
    n_residuals: NDArray[np.intp]


def whitened_model(model: FactorModel) -> WhitenedModel:
    """A factor model in units of its noise."""
    vectors, singular, _ = np.linalg.svd(model.noise.whitened(model.loadings), full_matrices=False)
    return WhitenedModel(model, vectors, singular**2)


def distances_of_rows(rows: NDArray, white: WhitenedModel) -> RowDistances:
    """Distances of rows, of incomplete ones in their observed features.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Rows in float64; NaN where an entry is missing.
    white : WhitenedModel
        The model.

    Returns
    -------
    RowDistances
        With W'W the inverse of Psi, B_w = W B and x_w = W (x - mean): the squared length of the
        projection of x_w on B_w in units of its standard deviation, and the squared length of
        what is left. Their sum is the squared Mahalanobis distance.
    """
    incomplete = np.isnan(rows).any(axis=1)
    if not incomplete.any():
        return _of_complete(rows, white)
    found = RowDistances(*np.zeros((2, len(rows))), *np.zeros((2, len(rows)), np.intp))
    for chosen, measure in ((~incomplete, _of_complete), (incomplete, _of_incomplete)):
        part = measure(rows[chosen], white)
        for name, values in vars(part).items():
            getattr(found, name)[chosen] = values
    return found


def whitened_rows(rows: NDArray, white: WhitenedModel) -> tuple[NDArray, NDArray]:
    """Coordinates in the basis, and residuals, of complete rows in units of the noise.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Complete rows.
    white : WhitenedModel
        The model.

    Returns
    -------
    along : ndarray of shape (n_rows, n_factors)
    residuals : ndarray of shape (n_rows, n_features)
    """
    residuals = white.model.noise.whitened((rows - white.model.mean).T).T
    along = residuals @ white.basis
    # not the difference of two squared lengths: far along the subspace it has no digits left
    residuals = residuals - along @ white.basis.T
    return along, residuals


def _of_complete(rows, white):
    n_features, n_factors = white.basis.shape
    with np.errstate(over="ignore"):
        along, residuals = whitened_rows(rows, white)
        score = along**2 @ (1.0 / (1.0 + white.signal))
        orthogonal = np.einsum("ij,ij->i", residuals, residuals)
    n_scores = np.full(len(rows), n_factors)
    return RowDistances(score, orthogonal, n_scores, n_features - n_scores)


def _of_incomplete(rows, white):
    """Least squares on the observed features, whose information differs between rows."""
    n_rows, n_factors = len(rows), white.basis.shape[1]
    score, orthogonal, n_scores, n_observed = np.zeros((4, n_rows))
    inverse_scale = 1.0 / np.sqrt(white.model.noise.variances)
    for block, observed, centred in observed_blocks(rows, white.model.mean, inverse_scale):
        n_observed[block] = observed.sum(axis=1)
        if n_factors:
            information = unpacked(observed @ packed_squares(white.basis, white.basis))
            found = _projected(information, centred, white)
            score[block], n_scores[block] = found.score, found.n_scores
            centred = centred - observed * (found.fitted @ white.basis.T)
        orthogonal[block] = np.einsum("ij,ij->i", centred, centred)
    return RowDistances(
        score, orthogonal, n_scores.astype(np.intp), (n_observed - n_scores).astype(np.intp)
    )


@dataclass(frozen=True)
class _Projection:
    """Squared score distance, its degrees of freedom, and coordinates of the fitted points."""

    score: NDArray[np.float64]
    n_scores: NDArray[np.intp]
    fitted: NDArray[np.float64]


def _projected(information, centred, white):
    """Projection on the observed rows of the basis; information is their Gram matrix."""
    values, vectors = np.linalg.eigh(information)
    kept = values > _NO_INFORMATION
    inverse_root = np.where(kept, 1.0 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    along = np.einsum("nji,nj->ni", vectors, centred @ white.basis) * inverse_root
    # coordinates that have variance 1 from the noise; that of the factors is added
    root = np.where(kept, np.sqrt(np.maximum(values, 0.0)), 0.0)
    factors = vectors * root[:, None, :] * np.sqrt(white.signal)[:, None]
    covariance = np.einsum("nji,njk->nik", factors, factors) + np.eye(len(white.signal))
    weighted = np.linalg.solve(covariance, along[:, :, None])[:, :, 0]
    fitted = np.einsum("nij,nj->ni", vectors, along * inverse_root)
    return _Projection(np.sum(along * weighted, axis=1), kept.sum(axis=1), fitted)
