"""E-step of a factor model on incomplete rows: expected sums over the rows, given the model."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .._covariance.blocks import BLOCK_ROWS
from .._covariance.scale import reciprocal
from .._covariance.scatter import ScatterCovariance, scatter_covariance
from .observed import observed_blocks, posterior_of_observed, unpacked

__all__ = [
    "ExpectedSums",
    "FactorState",
    "IncompleteSamples",
    "are_many",
    "expected_sums",
    "n_observed_of",
    "sums_of_complete",
]


@dataclass(frozen=True)
class FactorState:
    """A factor model in units of the features' deviations from the starting mean.

    Parameters
    ----------
    mean : ndarray of shape (n_features,)
        Difference from the starting mean.
    loadings : ndarray of shape (n_features, n_factors)
        Loadings.
    uniqueness : ndarray of shape (n_features,)
        Noise variances.
    """

    mean: NDArray[np.float64]
    loadings: NDArray[np.float64]
    uniqueness: NDArray[np.float64]

    def as_vector(self) -> NDArray[np.float64]:
        """Mean, loadings and log uniquenesses in one vector."""
        return np.concatenate([self.mean, self.loadings.ravel(), np.log(self.uniqueness)])


@dataclass(frozen=True)
class IncompleteSamples:
    """Rows with gaps, the scatter of rows without, and the units in which they are data.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        Rows that are read in every pass; NaN where an entry is missing.
    weight : ndarray of shape (n_rows,) or None
        Their frequency weights.
    complete : ScatterCovariance or None
        Of the remaining rows, which have no gap.
    mean, scale : ndarray of shape (n_features,)
        Origin and unit of each feature; the scale of a constant feature is 0.
    block_rows : int or None
        Rows of a block; None for as many as stay in the cache.
    """

    rows: NDArray
    weight: NDArray[np.float64] | None
    complete: ScatterCovariance | None
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]
    block_rows: int | None = None

    @classmethod
    def split(cls, X, weight, mean, scale, block_rows=None):
        """Keep the scatter of the complete rows if these are many: they are then read only once."""
        incomplete = np.concatenate(
            [np.isnan(X[i : i + BLOCK_ROWS]).any(axis=1) for i in range(0, len(X), BLOCK_ROWS)]
        )
        n_incomplete = int(incomplete.sum())
        if not are_many(len(X) - n_incomplete, X.shape):
            return cls(X, weight, None, mean, scale, block_rows)
        complete = ScatterCovariance.empty(X.shape[1])
        for start in range(0, len(X), BLOCK_ROWS):
            block = slice(start, start + BLOCK_ROWS)
            chosen = ~incomplete[block]
            weight_of_block = None if weight is None else weight[block][chosen]
            complete += scatter_covariance(X[block][chosen], weight_of_block)
        rest = None if weight is None else weight[incomplete]
        return cls(X[incomplete], rest, complete, mean, scale, block_rows)


def are_many(n_complete: int, shape: tuple[int, int]) -> bool:
    """Whether so many complete rows of X are worth a scatter matrix, given the shape of X."""
    return n_complete >= max(shape[0] // 2, shape[1])


def n_observed_of(X: NDArray, weight: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Rows that have each feature, counted by their weights; shape (n_features,)."""
    total = np.zeros(X.shape[1])
    for start in range(0, len(X), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        seen = ~np.isnan(X[rows])
        total += seen.sum(axis=0) if weight is None else weight[rows] @ seen
    return total


@dataclass(frozen=True)
class ExpectedSums:
    """Sums over the rows, given the model; x is centred at its mean, and in units of the scale.

    Parameters
    ----------
    log_likelihood : float
        Of the observed entries.
    n_samples : float
        Number of rows.
    n_observed : ndarray of shape (n_features,)
        Rows that have each feature; the next four are sums over these rows.
    squares : ndarray of shape (n_features, n_factors, n_factors)
        Of z z'.
    factors : ndarray of shape (n_features, n_factors)
        Of z.
    products : ndarray of shape (n_features, n_factors)
        Of x z'.
    values, variances : ndarray of shape (n_features,)
        Of x and of x^2.
    all_factors : ndarray of shape (n_factors,)
        Sum of z over all rows.
    """

    log_likelihood: float
    n_samples: float
    n_observed: NDArray[np.float64]
    squares: NDArray[np.float64]
    factors: NDArray[np.float64]
    products: NDArray[np.float64]
    values: NDArray[np.float64]
    variances: NDArray[np.float64]
    all_factors: NDArray[np.float64]

    @property
    def factor_mean(self) -> NDArray[np.float64]:
        """Mean of z over all rows, shape (n_factors,)."""
        return self.all_factors / self.n_samples

    def __add__(self, other: Self) -> Self:
        """Sums over these rows and other ones."""
        names = (each.name for each in fields(self))
        return ExpectedSums(*(getattr(self, name) + getattr(other, name) for name in names))


def expected_sums(state: FactorState, samples: IncompleteSamples) -> ExpectedSums:
    """One pass over the rows: sums of observed entries and expected factors.

    Parameters
    ----------
    state : FactorState
        The model.
    samples : IncompleteSamples
        The rows.

    Returns
    -------
    ExpectedSums
        O(n_rows n_features n_factors^2) operations, and O(n_features^2 n_factors) for the scatter.
    """
    n_features, n_factors = state.loadings.shape
    packed = n_factors * (n_factors + 1) // 2
    sums, factors = np.zeros((n_features, packed + n_factors)), np.zeros(n_factors)
    products, values, variances = np.zeros((n_features, n_factors)), *np.zeros((2, n_features))
    n_observed, log_likelihood, total = np.zeros(n_features), 0.0, 0.0
    upper = np.triu_indices(n_factors)
    mean, inverse = samples.mean + samples.scale * state.mean, reciprocal(samples.scale)
    for rows, observed, centred in observed_blocks(samples.rows, mean, inverse, samples.block_rows):
        weight = np.ones(len(observed)) if samples.weight is None else samples.weight[rows]
        squared = centred**2
        found = posterior_of_observed(observed, centred, squared, state.loadings, state.uniqueness)
        squares = found.covariance + found.mean[:, :, None] * found.mean[:, None, :]
        both = np.hstack([squares[:, upper[0], upper[1]], found.mean]) * weight[:, None]
        sums += observed.T @ both
        factors += both[:, packed:].sum(axis=0)
        products += centred.T @ both[:, packed:]
        values += weight @ centred
        variances += weight @ squared
        n_observed += weight @ observed
        log_likelihood += weight @ found.log_likelihood
        total += weight.sum()
    seen = ExpectedSums(
        float(log_likelihood),
        float(total),
        n_observed,
        unpacked(sums[:, :packed]),
        sums[:, packed:],
        products,
        values,
        variances,
        factors,
    )
    if samples.complete is None:
        return seen
    return seen + sums_of_complete(state, samples.complete, samples.mean, samples.scale)


def sums_of_complete(
    state: FactorState, complete: ScatterCovariance, mean: NDArray, scale: NDArray
) -> ExpectedSums:
    """The same sums over rows without gaps, whose factors all have the same uncertainty.

    Parameters
    ----------
    state : FactorState
        The model.
    complete : ScatterCovariance
        Of the rows.
    mean, scale : ndarray of shape (n_features,)
        Origin and unit of each feature in which the model is.

    Returns
    -------
    ExpectedSums
        O(n_features^2 n_factors) operations.
    """
    mean, inverse = mean + scale * state.mean, reciprocal(scale)
    n_factors = state.loadings.shape[1]
    n_samples, live = complete.n_samples, inverse > 0
    shift = inverse * (complete.mean - mean)
    moment = inverse[:, None] * complete.scatter * inverse + n_samples * np.outer(shift, shift)
    weighted = state.loadings / state.uniqueness[:, None]
    precision = np.eye(n_factors) + weighted.T @ state.loadings
    to_factors = np.linalg.solve(precision, weighted.T)  # z = to_factors x
    products = moment @ to_factors.T
    squares = n_samples * np.linalg.inv(precision) + to_factors @ products
    variances, factor_mean = np.diag(moment), to_factors @ shift
    fit = variances @ (1.0 / state.uniqueness) - np.sum(weighted * products)
    constants = np.sum(np.log(2 * np.pi * state.uniqueness[live]))
    log_determinant = np.linalg.slogdet(precision)[1]
    n_observed = n_samples * live
    return ExpectedSums(
        float(-0.5 * (n_samples * (constants + log_determinant) + fit)),
        n_samples,
        n_observed,
        live[:, None, None] * squares,
        n_observed[:, None] * factor_mean,
        products,
        n_samples * shift,
        variances,
        n_samples * factor_mean,
    )
