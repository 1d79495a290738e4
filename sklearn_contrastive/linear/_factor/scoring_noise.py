"""The noise by which scores are weighted, chosen by masks."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from .model import FactorModel
from .noise import Noise

__all__ = ["explained_by_masked_scores", "scoring_noise"]

# shares of the common variance that may count as noise, in rising order; those of a tuple are tried
# at once, since the first two always are
_SHARES = ((0.0, 0.01), (0.03,), (0.1,), (0.3,), (1.0,))
# a larger share must explain more by this share, which is far above rounding
_SMALLEST_GAIN = 1e-4
# masks are drawn until they have hidden and shown about this many features in all
_MASKED_FEATURES = 400
# numbers in the scores of the masks that are multiplied at once, more if one mask has more
_SCORES = 2**15
# directions of less variance than this share of all are none
_SMALLEST_SHARE = 1e-12


def scoring_noise(model: FactorModel, times: Callable[[NDArray], NDArray]) -> Noise:
    """Noise by which scores are weighted: that of the model, plus a share of the common variance.

    Where the model holds, its own noise gives the best scores. Where it does not, because features
    share more than a few factors can say, a small noise variance may stand for a pair of features
    that agree with each other alone, and they dominate the scores. Masks show the difference:
    scores of a random half of the features must predict the other half. The share rises from 0 as
    long as they predict it better.

    Parameters
    ----------
    model : FactorModel
        The solution.
    times : callable
        Covariance of the samples as a function: takes (n_features, m), returns (n_features, m).

    Returns
    -------
    DiagonalNoise or BlockNoise
        That of the model, or larger. The masks are drawn with a fixed seed.
    """
    n_groups = model.noise.groups.max(initial=-1) + 1
    if model.loadings.shape[1] == 0 or n_groups < 4:
        return model.noise
    masks, best, largest = _masks(model), model.noise, 0.0
    for shares in _SHARES:
        noises = [model.noise.plus_common(share, model.loadings) for share in shares]
        explained = explained_by_masked_scores(model, noises, times, masks)
        for noise, value in zip(noises, explained, strict=True):
            if value <= (1 + _SMALLEST_GAIN) * largest:
                return best
            best, largest = noise, value
    return best


def explained_by_masked_scores(
    model: FactorModel,
    noises: Sequence[Noise],
    times: Callable[[NDArray], NDArray],
    masks: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Variance of the hidden features that regression on scores of the visible ones explains.

    Parameters
    ----------
    model : FactorModel
        Its loadings B make the scores, its variances are the units of the features.
    noises : sequence of DiagonalNoise or BlockNoise
        Each Psi: the scores of the visible features V are B_V' Psi_V^-1 x_V.
    times : callable
        Covariance of the samples as a function: takes (n_features, m), returns (n_features, m).
    masks : ndarray of shape (n_masks, n_features)
        True where a feature is visible.

    Returns
    -------
    explained : ndarray of shape (n_noises,)
        Sum over hidden features and masks, in units of the variances of the features.
    """
    weighted = np.array([noise.weighted(noise.whitened(model.loadings)) for noise in noises])
    deviations = np.sqrt(model.variances)[:, None]
    at_once = max(1, _SCORES // weighted.size)
    return sum(
        _explained(masks[start : start + at_once], model.loadings, weighted, deviations, times)
        for start in range(0, len(masks), at_once)
    )


def _explained(masks, loadings, weighted, deviations, times):
    """Sum over some masks, whose scores are multiplied at once, for each of the weights."""
    n_noises, n_features, n_factors = weighted.shape
    n_masks = len(masks)
    visible = np.tile(masks[:, :, None], (n_noises, 1, 1))
    scoring = visible * np.repeat(weighted, n_masks, axis=0)
    # expected factors: their covariance has eigenvalues from 0, of factors that no visible feature
    # has, to 1, however different the noise variances are
    information = np.eye(n_factors) + loadings.T @ scoring
    try:
        inverse = np.linalg.inv(information)
    except np.linalg.LinAlgError:
        # features without noise next to others: what rounding leaves of the identity is lost
        inverse = np.linalg.pinv(information, hermitian=True)
    scoring = scoring @ inverse
    side_by_side = scoring.transpose(1, 0, 2).reshape(n_features, -1)
    products = times(side_by_side).reshape(n_features, -1, n_factors).transpose(1, 0, 2)
    of_scores = scoring.transpose(0, 2, 1) @ products
    hidden = products * (~visible / deviations)
    squares = hidden.transpose(0, 2, 1) @ hidden
    return _regressed(of_scores, squares).reshape(n_noises, -1).sum(axis=1)


def _regressed(of_scores, squares):
    """Trace of squares times the inverse of the covariance of scores, for a stack of both."""
    of_scores = (of_scores + of_scores.transpose(0, 2, 1)) / 2
    sizes = np.trace(of_scores, axis1=1, axis2=2)[:, None, None]
    ridge = _SMALLEST_SHARE * np.maximum(sizes, np.finfo(np.float64).tiny)
    ridged = of_scores + ridge * np.eye(of_scores.shape[1])
    try:
        np.linalg.cholesky(ridged)
    except np.linalg.LinAlgError:
        # a pairwise covariance may be negative along some direction, which explains nothing
        values, vectors = np.linalg.eigh(ridged)
        explained = np.einsum("mij,mij->mj", squares @ vectors, vectors)
        live = values > _SMALLEST_SHARE * values[:, -1:]
        return np.sum(np.divide(explained, values, out=np.zeros_like(values), where=live), axis=1)
    return np.trace(np.linalg.solve(ridged, squares), axis1=1, axis2=2)


def _masks(model):
    """Random halves of the groups and, if they are few, complements; (n_masks, n_features)."""
    groups = model.noise.groups
    # groups are drawn by the rank of their communality: the order of the features changes nothing
    communality = np.bincount(groups, np.sum(model.loadings**2, axis=1) / model.variances)
    rank = np.argsort(np.argsort(communality))
    rng = np.random.default_rng(0)
    n_halves = int(np.clip(_MASKED_FEATURES // len(groups), 1, 8))
    halves = [rng.permutation(len(rank)) < len(rank) // 2 for _ in range(n_halves)]
    visible = np.array(halves)[:, rank[groups]]
    # among many features one half shows as much as two
    return visible if len(groups) > _MASKED_FEATURES else np.concatenate([visible, ~visible])
