"""From moments with labels to a subspace: what features share, and what tells classes apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from ._estimation import leading_eigenpairs
from ._labelled_moments import ClassMoments, LabelledRows, LabelledScatter
from ._moments import SecondMoments
from ._row_moments import RowMoments
from ._spectrum import Eigenpairs
from ._subspace_likelihood import held_out_log_likelihood, model_of_subspace

__all__ = ["LabelledMoments", "best_alpha", "label_share", "supervised_closed_form"]

LabelledMoments = LabelledScatter | ClassMoments | LabelledRows


def label_share(alpha: float) -> float:
    """Share 4 alpha / (1 + 4 alpha) of the labels in the blended matrix, 1 for infinite alpha."""
    return 1.0 if np.isinf(alpha) else alpha / (0.25 + alpha)


def supervised_closed_form(
    moments: LabelledMoments,
    alpha: float,
    n_pairs: int,
    rng: np.random.RandomState,
    start: NDArray | None = None,
) -> Eigenpairs:
    """Leading eigenpairs of (Delta(Cov)/4 + alpha M_sup) / (1/4 + alpha).

    Delta deletes the diagonal of the covariance, M_sup is the matrix of the supervised contrastive
    loss. Both estimate what the classes add to the covariance, up to the factor K / (K - 1), so
    that this mean of the two is in squared units of the features for every alpha.

    Parameters
    ----------
    moments : LabelledScatter, ClassMoments or LabelledRows
        Of the samples.
    alpha : float
        Weight of the labels, from 0 to infinity.
    n_pairs : int
        How many eigenpairs.
    rng : numpy.random.RandomState
        Draws the first directions of the eigensolver.
    start : ndarray of shape (n_features, m), default=None
        Directions to begin with.

    Returns
    -------
    Eigenpairs
        Signed eigenvalues, largest first, and orthonormal vectors.

    References
    ----------
    Ji, Deng, Nakada, Zou and Zhang (2023), The power of contrast for feature learning.
    """
    share = label_share(alpha)
    variances = np.maximum(moments.variances, 0.0)
    return leading_eigenpairs(
        _blended(moments, share),
        (1.0 - share) * variances,
        variances,
        n_pairs,
        rng,
        moments.rounding,
        start,
    )


def _blended(moments, share) -> Callable[[NDArray], NDArray]:
    """The covariance and M_sup, weighted, as one function of directions."""
    if share == 0.0:
        return moments.covariance_times
    if share == 1.0:
        return moments.supervised_times
    if isinstance(moments, ClassMoments):
        moments = moments.labelled
    if isinstance(moments, LabelledScatter):
        # one d x d matrix, not two, for all the products that are to come
        matrix = moments.total.scatter * ((1.0 - share) / (moments.n_samples - 1))
        matrix += share * moments.supervised_matrix
        return lambda directions: matrix @ directions
    return lambda directions: (
        (1.0 - share) * moments.covariance_times(directions)
        + share * moments.supervised_times(directions)
    )


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
