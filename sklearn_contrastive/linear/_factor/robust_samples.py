"""Samples of a robust fit: what is refused, their unit, and new rows with outlying cells."""

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy import sparse

from ..._arrays import place_of
from .._covariance.samples import Samples
from .._covariance.unit import in_unit, power_of_two
from .imputed_moments import imputed
from .model import FactorModel
from .screening import RobustModel, blocks_of_rows

__all__ = [
    "in_robust_unit",
    "refuse_few",
    "refuse_robust",
    "repaired",
    "robust_unit",
    "row_noise_of",
    "row_shrinkage",
]

# rows of which medians are taken
_FEWEST_ROWS = 5
# deviations whose squares, and fourth powers, stay in the range of the float type
_RANGE = {np.float32: (1e-8, 1e8), np.float64: (1e-70, 1e70)}


def refuse_robust(estimator, X) -> None:
    """Raise a ValueError where a robust fit is not possible.

    Parameters
    ----------
    estimator : LinearContrastive
        Its parameters `robust` and `feature_groups`.
    X : array-like or sparse matrix
        The samples, not yet validated.
    """
    robust = f"robust={estimator.robust!r}"
    if estimator.feature_groups is not None:
        raise ValueError(
            f"{robust} cannot be combined with feature_groups: a cell is screened by noise that is "
            "independent between features. Leave one of the two out."
        )
    if sparse.issparse(X) and estimator.robust != "rows":
        raise ValueError(
            f"Sparse X is not supported with {robust}, which screens single cells. Use "
            'robust="rows", or pass X.toarray() if it fits in memory.'
        )
    if not place_of(X).is_numpy:
        raise ValueError(
            f"{robust} needs NumPy arrays, but X is on another device or of another library. "
            "Convert X to NumPy, or use robust=False."
        )


def refuse_few(n_samples: float, robust: str | bool) -> None:
    """Raise a ValueError if there are too few rows for medians."""
    if n_samples < _FEWEST_ROWS:
        raise ValueError(
            f"robust={robust!r} needs at least {_FEWEST_ROWS} samples, of which most are right, "
            f"but there are {n_samples:g}. Add samples, or use robust=False."
        )


def in_robust_unit(samples: Samples) -> Samples:
    """Samples in a unit in which the squares of their deviations are in range.

    Parameters
    ----------
    samples : Samples
        Dense or sparse.

    Returns
    -------
    Samples
        The same where no other unit is needed. Outlying entries do not decide it.

    Raises
    ------
    ValueError
        If the largest entries are out of range in this unit.
    """
    X = samples.values
    if sparse.issparse(X):
        return samples
    unit = robust_unit(X[:: max(1, len(X) // 1000)], X.dtype)
    if unit == 1.0:
        return samples
    with np.errstate(over="ignore"):
        samples = in_unit(samples, unit)
    if np.isinf(samples.values).any():
        raise ValueError(
            f"Most entries of X are near {unit:.0e}, and others so much larger that float64 cannot "
            "hold both in one unit. Divide each feature by its own unit first, as "
            "sklearn.preprocessing.RobustScaler does, or use robust=False."
        )
    return samples


def robust_unit(X: NDArray, dtype: DTypeLike) -> float:
    """Unit in which the squares of the deviations of dense samples are in range.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Some of the samples.
    dtype : type or dtype
        Of all of them.

    Returns
    -------
    unit : float
        A power of two, 1 where no other is needed.
    """
    some = np.abs(np.asarray(X, np.float64))
    some[some == 0] = np.nan
    if np.isnan(some).all():
        return 1.0
    low, high = _RANGE[np.float32 if dtype == np.float32 else np.float64]
    size = float(np.nanmedian(some))
    return 1.0 if low < size < high else power_of_two(size)


def repaired(X, screening: RobustModel, unit: float):
    """Rows whose outlying cells have their expectation given the other cells of the row.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing, which it stays.
    screening : RobustModel
        By which cells are screened, in another unit.
    unit : float
        That unit.

    Returns
    -------
    repaired : ndarray of shape (n_rows, n_features)
        X itself where no cell is outlying, else a copy.
    penalty : ndarray of shape (n_rows,)
        Difference of the log-density between the expectation of a cell and its bound, summed over
        the outlying cells of a row.
    """
    copy, penalty = None, np.zeros(len(X))
    for rows, block in blocks_of_rows(X, unit):
        found, _ = screening.screened(block)
        outlying = found.hidden & ~np.isnan(block)
        if outlying.any():
            if copy is None:
                copy = np.array(X, dtype=np.float32 if X.dtype == np.float32 else np.float64)
            filled = imputed(block, found, screening.cells)
            np.copyto(copy[rows], unit * filled, where=outlying)
            penalty[rows] = (
                0.5 * outlying @ np.where(outlying.any(axis=0), screening.cells.bounds, 0.0) ** 2
            )
    return (X if copy is None else copy), penalty


def row_noise_of(X, screening: RobustModel, unit: float) -> NDArray[np.float64]:
    """Noise variance of each row, in units of a typical row.

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_rows, n_features)
        Rows; NaN where an entry is missing.
    screening : RobustModel
        By which rows are screened, in another unit.
    unit : float
        That unit.

    Returns
    -------
    noise_variance : ndarray of shape (n_rows,)
        1 where rows do not differ.
    """
    noise = np.ones(X.shape[0])
    for rows, block in blocks_of_rows(X, unit):
        noise[rows] = screening.prior.variances(screening.screened(block)[1])
    return noise


def row_shrinkage(
    scores: NDArray, noise_variance: NDArray, scoring: NDArray, model: FactorModel
) -> NDArray[np.float64]:
    """Scores that the rows would have with typical noise: best linear prediction.

    With C the covariance of the scores under the model, of which N is noise, a row whose noise has
    s^2 > 1 times the variance gets C (C + (s^2 - 1) N)^-1 times its scores. Scores of a row that
    is noise alone vanish.

    Parameters
    ----------
    scores : ndarray of shape (n_rows, n_components)
        Linear scores.
    noise_variance : ndarray of shape (n_rows,)
        s^2 of each row.
    scoring : ndarray of shape (n_components, n_features)
        Matrix of the scores.
    model : FactorModel
        Model of a typical row.

    Returns
    -------
    scores : ndarray of shape (n_rows, n_components)
        Unchanged in rows of at most typical noise.
    """
    noise = scoring @ model.noise.times(scoring.T)
    along = scoring @ model.loadings
    values, vectors = np.linalg.eigh(along @ along.T + noise)
    live = values > 1e-12 * values[-1]
    vectors, root = vectors[:, live], np.sqrt(values[live])
    shares, turned = np.linalg.eigh((vectors / root).T @ noise @ (vectors / root))
    to_white, back = vectors / root @ turned, vectors * root @ turned
    noisy = np.flatnonzero(noise_variance > 1.0)
    excess = noise_variance[noisy, None] - 1.0
    shrunk = np.array(scores)
    coordinates = scores[noisy] @ to_white / (1.0 + excess * np.maximum(shares, 0.0))
    shrunk[noisy] = coordinates @ back.T
    return shrunk
