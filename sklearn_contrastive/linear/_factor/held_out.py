"""Choice of the weight of the labels, by the likelihood of samples held out."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from .._covariance.base import Covariance
from .._covariance.labelled import LabelledCovariance
from .._covariance.read import fold_covariance, forms_scatter
from .._covariance.samples import Samples
from .closed_form import supervised_closed_form
from .map_newton import REFINEMENT_FLOOR
from .model import FactorModel
from .noise import DiagonalNoise

__all__ = [
    "CANDIDATES",
    "best_alpha",
    "folds_of",
    "held_out_log_likelihood",
    "model_of_subspace",
]

# parts of the samples that are held out in turn
_FOLDS = 5
# weights of the labels that are tried, besides none: a factor of about 3 apart
CANDIDATES = (0.0, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)


def best_alpha(
    folds: Iterable[tuple[LabelledCovariance, Covariance]],
    n_pairs: int,
    rng: np.random.RandomState,
) -> float:
    """Weight of the labels whose subspace makes samples held out the most probable.

    The likelihood is that of the factor model in the subspace, with the rest as noise: labels are
    used as far as they help to find the variance that features share in other samples. The
    contrastive loss itself is no criterion, since the bias of its minimiser is that of alpha = 0.

    Parameters
    ----------
    folds : iterable of (LabelledCovariance, Covariance)
        Of the samples that are fitted, and of those that are held out.
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


def folds_of(
    samples: Samples, solver: str, rng: np.random.RandomState
) -> Iterator[tuple[LabelledCovariance, Covariance]]:
    """Covariances of samples that are fitted and of samples that are held out.

    Parameters
    ----------
    samples : Samples
        With labels; every class is spread over the folds.
    solver : {"auto", "gram", "operator"}
        Whether (n_features, n_features) scatter matrices are formed.
    rng : numpy.random.RandomState
        Draws the folds.

    Yields
    ------
    fitted : LabelledCovariance
        Of four fifths of the samples.
    held_out : Covariance
        Of the others.
    """
    X = samples.place.take(samples.values) if samples.on_device else samples.values
    codes = samples.labels.codes
    shuffled = rng.permutation(len(codes))
    fold = np.empty(len(codes), int)
    n_folds = max(1, min(_FOLDS, len(codes) // 2))
    fold[shuffled[np.argsort(codes[shuffled], kind="stable")]] = np.arange(len(codes)) % n_folds
    gram = forms_scatter(X, solver)
    for number in range(n_folds):
        fitted, held_out = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        if samples.weight is None:
            weights, totals = (None, None), (len(fitted), len(held_out))
        else:
            weights = samples.weight[fitted], samples.weight[held_out]
            totals = weights[0].sum(), weights[1].sum()
        if min(totals) > 1:  # else there is no variance
            yield (
                fold_covariance(X[fitted], weights[0], gram, samples.labels.of(fitted)),
                fold_covariance(X[held_out], weights[1], gram),
            )


# each step leaves of the error a share of about the subspace's incoherence
_STEPS = 30


def model_of_subspace(covariance: Covariance, vectors: NDArray) -> FactorModel:
    """Signal covariance and noise that fit a covariance S in least squares, given the subspace.

    With orthonormal U the two are Sigma = U'(S - Psi) U, negative eigenvalues set to 0, and
    psi = diag(S - U Sigma U'): solved in turn. Unlike the eigenvalues of the covariance without its
    diagonal, they have no bias where U is right.

    Parameters
    ----------
    covariance : Covariance
        Of the samples.
    vectors : ndarray of shape (n_features, n_factors)
        Orthonormal columns U.

    Returns
    -------
    FactorModel
        Noise is at least a small share of each feature's variance, infinite for features that do
        not vary and take no part.
    """
    variances = np.maximum(covariance.variances, 0.0)
    along = covariance.along(vectors)
    noise = variances
    for _ in range(_STEPS):
        values, rotation = np.linalg.eigh(along - vectors.T @ (noise[:, None] * vectors))
        loadings = vectors @ (rotation * np.sqrt(np.maximum(values, 0.0)))
        noise = np.maximum(variances - np.sum(loadings**2, axis=1), REFINEMENT_FLOOR * variances)
    noise = DiagonalNoise(np.where(variances > 0, noise, np.inf))
    return FactorModel(covariance.mean, loadings, noise)


def held_out_log_likelihood(model: FactorModel, covariance: Covariance) -> float:
    """Mean Gaussian log-likelihood, up to a constant, of samples, from their covariance.

    Parameters
    ----------
    model : FactorModel
        Fitted to other samples.
    covariance : Covariance
        Of the samples that were held out.

    Returns
    -------
    log_likelihood : float
        -(log det C + tr C^-1 (S + (m - mean)(m - mean)')) / 2 with C = B B' + diag(psi), S and m
        the covariance and the mean of these samples.
    """
    variances = model.noise.variances
    precision = 1.0 / variances
    weighted = precision[:, None] * model.loadings
    inner = np.eye(weighted.shape[1]) + model.loadings.T @ weighted
    shift = covariance.mean - model.mean
    along = covariance.along(weighted) + np.outer(weighted.T @ shift, weighted.T @ shift)
    squares = precision @ (covariance.variances + shift**2) - np.trace(
        np.linalg.solve(inner, along)
    )
    noise = variances[np.isfinite(variances)]
    return -0.5 * float(np.log(noise).sum() + np.linalg.slogdet(inner)[1] + squares)
