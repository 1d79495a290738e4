"""Newton steps in the logarithms of the uniquenesses: gradient, Hessian and its expectation."""

from functools import partial

import numpy as np
from numpy.typing import NDArray

from .._solvers.chebyshev import WhitenedPairs
from .._solvers.conjugate_gradients import truncated_conjugate_gradients

__all__ = ["fisher_scoring_step", "newton_step", "row_products"]

# Keeps the Newton system solvable where the model has more parameters than the data determine.
_RIDGE = 1e-8
# No relative change of a uniqueness is larger than this in one step.
_LARGEST_STEP = 1.0
# Where an entry of the gradient is larger, the expected Hessian is used: it is positive everywhere.
_LARGEST_GRADIENT = 0.2
# Relative gap of eigenvalues below which their difference is not trusted.
_SMALLEST_GAP = 1e-2
# Accuracy of the Newton system, and products with the Hessian for it.
_LINEAR_TOL, _LINEAR_STEPS = 0.1, 50
# Up to so many features for each direction of the block the Hessian is formed.
_FEATURES_PER_DIRECTION = 3


def row_products(first: NDArray, second: NDArray) -> NDArray:
    """Inner products of the rows of two matrices; makes no third matrix."""
    return np.einsum("ij,ij->i", first, second)


def _gradient(values, vectors, uniqueness, prior):
    """Gradient of the objective in log u, from the eigenpairs of the factors."""
    of_likelihood = 1.0 - 1.0 / uniqueness + vectors**2 @ (values - 1.0)
    return of_likelihood + prior * np.log(uniqueness)


def newton_step(
    uniqueness: NDArray[np.float64],
    pairs: WhitenedPairs,
    n_live: int,
    prior: float,
    floor: float,
    *,
    exact: bool,
) -> tuple[NDArray[np.float64], float]:
    """One projected Newton step in log u.

    Parameters
    ----------
    uniqueness : ndarray of shape (n_features,)
        Where the step begins.
    pairs : WhitenedPairs
        Leading eigenpairs in units of the noise.
    n_live : int
        Number of factors.
    prior : float
        Weight of the prior.
    floor : float
        Smallest uniqueness.
    exact : bool
        Whether the Hessian may be used, instead of the expected one.

    Returns
    -------
    step : ndarray of shape (n_features,)
        Change of log u.
    gain : float
        Twice the decrease of the objective that the step promises.
    """
    values, vectors = pairs.values, pairs.vectors
    factors = vectors[:, :n_live]
    gradient = _gradient(values[:n_live], factors, uniqueness, prior)
    free = _free(uniqueness, gradient, floor)
    if exact and np.abs(gradient[free]).max(initial=0.0) <= _LARGEST_GRADIENT:
        hessian = _hessian(values, vectors, n_live, uniqueness, prior)
        step = _projected_step(gradient, hessian, factors, prior, free)
        if (gain := -float(gradient @ step)) >= 0.0:
            return step, gain
        # clipping to the box has turned the step uphill
    step = fisher_scoring_step(uniqueness, gradient, factors, prior, floor)
    return step, -float(gradient @ step)


def fisher_scoring_step(
    uniqueness: NDArray[np.float64],
    gradient: NDArray[np.float64],
    vectors: NDArray[np.float64],
    prior: NDArray | float,
    floor: float,
    rtol: float = _LINEAR_TOL,
) -> NDArray[np.float64]:
    """Step of Fisher scoring in log u: Newton's, with the expected Hessian P*P.

    Parameters
    ----------
    uniqueness : ndarray of shape (n_features,)
        Where the step begins.
    gradient : ndarray of shape (n_features,)
        Of twice the negative log-posterior per sample, in log u.
    vectors : ndarray of shape (n_features, n_factors)
        Orthonormal directions V of the factors in units of the noise, P = I - VV'.
    prior : float or ndarray of shape (n_features,)
        Weight of the prior.
    floor : float
        Features at the floor stay there, unless the gradient lifts them.
    rtol : float, default=0.1
        Accuracy of the solution.

    Returns
    -------
    step : ndarray of shape (n_features,)
        Change of log u.
    """
    free = _free(uniqueness, gradient, floor)
    hessian = _expected_hessian(vectors, prior)
    step = _projected_step(gradient, hessian, vectors, prior, free, rtol)
    # 1 + step is exact where P = I (the step of expectation-maximisation then); it is replaced by
    # a line below -1/2, so that the factor stays positive
    return np.where(step > -0.5, np.log1p(np.maximum(step, -0.5)), np.log(0.5) + 2 * step + 1)


def _free(uniqueness, gradient, floor):
    """Features that may move: all but those that the gradient holds at the floor."""
    return (uniqueness > floor * (1 + 1e-9)) | (gradient < 0)


def _projected_step(gradient, hessian, vectors, prior, free, rtol=_LINEAR_TOL):
    """Newton step of the free features, inside a box."""
    diagonal = (1.0 - row_products(vectors, vectors)) ** 2 + prior + _RIDGE
    solve = partial(
        truncated_conjugate_gradients, radius=_LARGEST_STEP, rtol=rtol, max_iter=_LINEAR_STEPS
    )
    if free.all():
        return solve(hessian, -gradient, diagonal)
    step = np.zeros_like(gradient)
    step[free] = solve(lambda x: hessian(_extended(x, free))[free], -gradient[free], diagonal[free])
    return step


def _extended(x, free):
    """A vector of the free features as one of all features."""
    extended = np.zeros(len(free))
    extended[free] = x
    return extended


def _expected_hessian(vectors, prior):
    """Product of P*P + prior with a vector, P = I - VV'."""
    diagonal = 1.0 - 2.0 * row_products(vectors, vectors) + prior + _RIDGE
    if _formed_is_cheaper(vectors):
        squared = (vectors @ vectors.T) ** 2
        return lambda x: diagonal * x + squared @ x
    return lambda x: diagonal * x + _along_pairs(vectors, vectors, x, 1.0)


def _hessian(values, vectors, n_live, uniqueness, prior):
    """Product of the Hessian in log u with a vector.

    With eigenpairs (l_n, v_n), of which the first r are factors, and sums over all pairs of
    features i, j

        H_ij = delta_ij / u_i - sum_{n,m <= r} (l_n + l_m) / 2 w_inm w_jnm
               - sum_{n <= r < m} (l_n - 1) (l_n + l_m) / (l_n - l_m) w_inm w_jnm

    where w_inm = v_in v_im. The eigenvectors outside the block are known together only, as the
    complement of those inside; their eigenvalues are replaced by the mean.
    """
    n_outside = len(uniqueness) - len(values)
    factors, others = values[:n_live], values[n_live:]
    inner, outer = vectors[:, :n_live], vectors[:, n_live:]
    squares, smallest = vectors**2, min(values[-1], 1.0)
    # variance of each feature along the directions outside, in units of its noise, and their share
    rest = np.maximum(1.0 / uniqueness - squares @ values, 0.0)
    share = np.maximum(1.0 - squares.sum(axis=1), 0.0)
    mean = np.clip(rest.sum() / n_outside, 0.0, smallest) if n_outside > 0 else 0.0
    own = np.clip(rest / np.maximum(share, _RIDGE), 0.0, smallest)
    outside = (factors - 1.0) * (factors + mean) / (factors - mean)
    gap = np.maximum(factors[:, None] - others, _SMALLEST_GAP * factors[:, None])
    inside = (factors[:, None] - 1.0) * (factors[:, None] + others) / gap
    # on the diagonal each feature has its own mean
    of_feature = (factors - 1.0) * (factors + own[:, None]) / (factors - own[:, None]) - outside
    diagonal = 1.0 / uniqueness - squares[:, :n_live] @ outside + prior + _RIDGE
    diagonal -= share * row_products(squares[:, :n_live], of_feature)
    if _formed_is_cheaper(vectors):
        # products of a matrix with its own transpose take half the time
        among = inner @ inner.T
        of_factors, of_outside = inner * np.sqrt(factors), inner * np.sqrt(outside)
        formed = of_outside @ of_outside.T * (among + outer @ outer.T)
        formed -= of_factors @ of_factors.T * among
        return lambda x: diagonal * x + formed @ x - _along_pairs(inner, outer, x, inside)
    of_factors = 0.5 * ((outside - factors)[:, None] + outside - factors)
    of_pairs = np.hstack([of_factors, outside[:, None] - inside])
    return lambda x: diagonal * x + _along_pairs(inner, vectors, x, of_pairs)


def _formed_is_cheaper(vectors):
    """Whether a matrix of all pairs of features costs less than products with the vectors."""
    return len(vectors) <= _FEATURES_PER_DIRECTION * vectors.shape[1]


def _along_pairs(first, second, x, coefficients):
    """Sum over n, m of coefficients_nm w_nm (w_nm' x), with w_nm the product of two columns."""
    return row_products(first @ (coefficients * (first.T @ (x[:, None] * second))), second)
