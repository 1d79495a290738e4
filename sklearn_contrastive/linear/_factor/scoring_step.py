"""M-step of the EM gradient algorithm: one step of Fisher scoring for a factor model."""

import numpy as np

from .expected_sums import ExpectedSums, FactorState
from .map_newton import PRIOR_SAMPLES, REFINEMENT_FLOOR, SMALLEST_EXCESS
from .newton_step import fisher_scoring_step

__all__ = ["scoring_step"]

# accuracy of the scoring equations: a pass over the rows costs more than their solution
_SCORING_TOL = 1e-3


def scoring_step(state: FactorState, sums: ExpectedSums, *, by_feature: bool = True) -> FactorState:
    """Next factor model, from expected sums over incomplete rows.

    In units of the noise the model's covariance is C = I + V Theta V', with V orthonormal. Let S
    be the covariance of the rows in which missing entries have their conditional moments. Scoring
    moves C along its manifold to the nearest point to S in the metric of C:

    - the log uniquenesses by (P * P)^-1 diag(P G P), the step of `refine`, with
      G = C^-1 (S - C) C^-1, P = I - VV' and an elementwise product;
    - then V Theta V' by E V' + V E' - V V'E V', with E V-columns of what is left of S - C, and
      back to its rank.

    The expected sums give the diagonal of G and the product G V without a d x d matrix: they are
    the residuals of the regressions of the features on the factors.

    Parameters
    ----------
    state : FactorState
        The model for which the sums were taken.
    sums : ExpectedSums
        Sums over the rows.
    by_feature : bool, default=True
        Whether the residuals of a feature are divided by the number of rows that have it, not by
        the number of all rows. Steps are then longer where entries are missing, but only without
        it does a short enough step always raise the posterior. The fixed points are the same.

    Returns
    -------
    FactorState
        Loadings are rotated to be close to the earlier ones. O(n_features n_factors^2) operations
        besides the solution for P * P.
    """
    root = np.sqrt(state.uniqueness)[:, None]
    vectors, singular, right = np.linalg.svd(state.loadings / root, full_matrices=False)
    singular = np.maximum(singular, np.sqrt(SMALLEST_EXCESS))
    excess = singular**2
    shift, rest, products = _residuals(state, sums, by_feature)

    white_shift = shift / root[:, 0]
    white_shift -= vectors @ (excess / (1.0 + excess) * (vectors.T @ white_shift))
    diagonal = rest / state.uniqueness - white_shift**2
    product = products @ right.T / root / singular
    product -= np.outer(white_shift, white_shift @ vectors)
    inner = vectors.T @ product
    inner = 0.5 * (inner + inner.T)
    projected = diagonal + np.sum(vectors * (vectors @ inner - 2.0 * product), axis=1)

    n_rows = np.maximum(sums.n_observed, 1.0) if by_feature else sums.n_samples
    gradient = PRIOR_SAMPLES / n_rows * np.log(state.uniqueness) - projected
    prior = PRIOR_SAMPLES / sums.n_samples
    step = fisher_scoring_step(
        state.uniqueness, gradient, vectors, prior, REFINEMENT_FLOOR, _SCORING_TOL
    )
    uniqueness = np.clip(state.uniqueness * np.exp(step), REFINEMENT_FLOOR, 1.0)

    growth = (uniqueness / state.uniqueness - 1.0)[:, None]
    change = (product + vectors @ (excess[:, None] * inner)) * (1.0 + excess) - growth * vectors
    loadings = root * _retracted(vectors, excess, change)
    left, _, rotation = np.linalg.svd(loadings.T @ state.loadings)
    return FactorState(state.mean + shift, loadings @ left @ rotation, uniqueness)


def _residuals(state, sums, by_feature):
    """Step of the mean; means of excess residual variances, and of residuals times factors."""
    n_rows = np.maximum(sums.n_observed, 1.0) if by_feature else sums.n_samples
    loadings = state.loadings
    expected = np.einsum("ijk,ik->ij", sums.squares, loadings)
    intercept = sums.values - np.sum(loadings * sums.factors, axis=1)
    rest = sums.variances - np.sum(loadings * (2.0 * sums.products - expected), axis=1)
    return (
        intercept / n_rows + loadings @ sums.factor_mean,
        (rest - sums.n_observed * state.uniqueness) / n_rows,
        ((sums.products - expected).T / n_rows).T,
    )


def _retracted(vectors, excess, change):
    """B with BB' the nearest positive matrix of its rank to V Theta V' + EV' + VE' - VV'EV'."""
    n_factors = len(excess)
    inner = vectors.T @ change
    outside, triangle = np.linalg.qr(change - vectors @ inner)
    matrix = np.zeros((n_factors + len(triangle),) * 2)
    matrix[:n_factors, :n_factors] = np.diag(excess) + 0.5 * (inner + inner.T)
    matrix[n_factors:, :n_factors] = triangle
    matrix[:n_factors, n_factors:] = triangle.T
    values, coefficients = np.linalg.eigh(matrix)
    values, coefficients = values[-n_factors:], coefficients[:, -n_factors:]
    directions = vectors @ coefficients[:n_factors] + outside @ coefficients[n_factors:]
    return directions * np.sqrt(np.maximum(values, 0.0))
