"""Signs in a sample of the training rows that bad rows or bad cells affect the components."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import fdtri

from .distance_tails import DistanceTails, left_out
from .row_distances import RowDistances, WhitenedModel, distances_of_rows, whitened_rows

__all__ = [
    "WatchedRows",
    "outlier_warning",
    "outlying_cells",
    "rows_of_a_component",
    "watched",
]

# expected number of clean rows, in a sample of any size, that are called outlying
_FALSE_ROWS = 0.01
# share of a component's variance that outlying rows hold before a warning
_HELD_BY_ROWS = 0.75
# mean share of all components, needed if most features have many equal values
_HELD_OF_ALL = 0.25
# share of the noise of an ordinary feature that outlying cells hold before a warning
_HELD_BY_CELLS = 0.6
# the same after division of each row by its own noise, below which rows are bad and not cells
_HELD_WITHIN_ROWS = 0.05
# robust standard deviations beyond which a cell is outlying
_OUTLYING = 5.0
# degrees of freedom of the rows' noise below which it is far from Gaussian
_HEAVY_DOF = 3.0
# rows needed to tell, times the directions of their residuals, of which no more than five count
_ROWS_FOR_DOF, _DIRECTIONS_FOR_DOF = 500, 5
# rows and features whose cells are looked at
_CELL_ROWS, _CELL_FEATURES = 256, 256
# share of equal values of a feature that makes it one of counts, zeros or classes
_EQUAL = 0.1
# features that tell the noise of a row from one outlying cell
_FEATURES_OF_ROW = 8
# of a normal distribution: standard deviation over median absolute deviation
_MAD = 1.4826


@dataclass(frozen=True)
class WatchedRows:
    """A sample of the training rows, seen by the model that was fitted to all of them.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The rows.
    numbers : ndarray of int of shape (n_rows,)
        Their positions in X.
    along, residuals : ndarray of shape (n_rows, n_factors), (n_rows, n_features), or None
        Coordinates and residuals in units of the noise, if all rows are complete.
    distances : RowDistances
        As if each row had been left out of the fit.
    n_samples : float
        Number of samples that were fitted.
    """

    rows: NDArray[np.float64]
    numbers: NDArray[np.intp]
    along: NDArray[np.float64] | None
    residuals: NDArray[np.float64] | None
    distances: RowDistances
    n_samples: float

    @property
    def tails(self) -> DistanceTails:
        """Distribution of the distances of clean rows."""
        n_factors = int(self.distances.n_scores.max(initial=0))
        return DistanceTails.of(self.distances, self.n_samples, n_factors)


def watched(rows: NDArray, numbers: NDArray, white: WhitenedModel, n_samples: float) -> WatchedRows:
    """Distances of a sample of the training rows.

    Parameters
    ----------
    rows : ndarray of shape (n_rows, n_features)
        The rows; NaN where an entry is missing.
    numbers : ndarray of int of shape (n_rows,)
        Their positions in X.
    white : WhitenedModel
        The model.
    n_samples : float
        Number of samples that were fitted.

    Returns
    -------
    WatchedRows
        With leave-one-out distances.
    """
    n_factors = white.basis.shape[1]
    if np.isnan(rows).any():
        along, residuals = None, None
        found = distances_of_rows(rows, white)
    else:
        along, residuals = whitened_rows(rows, white)
        n_scores = np.full(len(rows), n_factors)
        found = RowDistances(
            along**2 @ (1.0 / (1.0 + white.signal)),
            np.einsum("ij,ij->i", residuals, residuals),
            n_scores,
            rows.shape[1] - n_scores,
        )
    distances = left_out(found, along, white, n_samples)
    return WatchedRows(rows, numbers, along, residuals, distances, n_samples)


def outlier_warning(seen: WatchedRows) -> str | None:
    """Text about bad rows, bad cells or rows of unequal noise; None without a sign of them.

    Parameters
    ----------
    seen : WatchedRows
        A sample of complete training rows.

    Returns
    -------
    text : str or None
        What was found and what to do.
    """
    n_rows = len(seen.rows)
    numbers, share, typical = rows_of_a_component(seen)
    # among features of many equal values a rare value makes a small component of its own
    if share > _HELD_BY_ROWS and (typical > _HELD_OF_ALL or not _are_rounded(seen)):
        worst = ", ".join(str(number) for number in numbers[:3])
        return (
            f"A component rests on few rows: outlying rows, {len(numbers)} of the {n_rows} that "
            f"were looked at, hold {share:.0%} of its variance (positions in X, the worst first: "
            f'{worst}). Look at outlier_scores(X); LinearContrastive(robust="rows") gives such '
            "rows less weight."
        )
    heavy_rows = _has_heavy_rows(seen.distances)
    if not (heavy_rows or _has_heavy_cells(seen.residuals)):
        return None
    ordinary = _ordinary_features(seen)
    if ordinary is None:
        return None
    cells, share = outlying_cells(seen, ordinary)
    if share > _HELD_BY_CELLS:
        return (
            f"Single entries dominate the noise: {cells:.1%} of the entries that were looked at "
            f"are outlying, and they hold {share:.0%} of the noise variance of a typical feature. "
            'Look at outlier_scores(X); LinearContrastive(robust="cells") treats such entries as '
            "missing, robust=True outlying rows as well."
        )
    if heavy_rows:
        return (
            "The noise of the rows differs far more than a Gaussian model allows: it is like that "
            f"of a t-distribution with {seen.tails.orthogonal.dof:.1f} degrees of freedom. Look at "
            'outlier_scores(X); LinearContrastive(robust="rows") gives noisy rows less weight.'
        )
    return None


def rows_of_a_component(seen: WatchedRows) -> tuple[NDArray[np.intp], float, float]:
    """Outlying rows, the most influential first, and the share of a component that they hold.

    Parameters
    ----------
    seen : WatchedRows
        A sample of complete training rows.

    Returns
    -------
    numbers : ndarray of int
        Positions of the rows in X.
    share, typical : float
        Largest and mean share of the sum of squares along the directions of the model.
    """
    none = np.array([], np.intp), 0.0, 0.0
    if not seen.along.shape[1]:
        return none
    squares = seen.along**2
    total = np.maximum(squares.sum(axis=0), np.finfo(np.float64).tiny)
    # as many rows as the tail allows hold at least what the outlying ones hold
    most = max(1, len(squares) // 10)
    leading = np.partition(squares, -most, axis=0)[-most:].sum(axis=0) / total
    if leading.max() <= _HELD_BY_ROWS:
        return none
    found, tails = seen.distances, seen.tails
    limit = _FALSE_ROWS / len(squares)
    outlying = tails.score.shares(found.score, found.n_scores) < limit
    outlying |= tails.orthogonal.shares(found.orthogonal, found.n_residuals) < limit
    if not outlying.any():
        return none
    held = squares[outlying] / total
    component = held.sum(axis=0).argmax()
    order = np.argsort(-held[:, component], kind="stable")
    numbers = list(dict.fromkeys(seen.numbers[outlying][order].tolist()))
    shares = held.sum(axis=0)
    return np.array(numbers), float(shares[component]), float(shares.mean())


def outlying_cells(seen: WatchedRows, features: NDArray[np.intp]) -> tuple[float, float]:
    """Share of outlying cells, and the share of the noise of a typical feature that they hold.

    Parameters
    ----------
    seen : WatchedRows
        A sample of complete training rows.
    features : ndarray of int
        Features to look at.

    Returns
    -------
    cells : float
        Share of the cells whose residual is more than five robust standard deviations.
    share : float
        Median over the features of the share of the squared residuals that those cells hold; 0 if
        the rows differ in noise and no cell is outlying within its row.
    """
    residuals = np.abs(_spread(seen.residuals, _CELL_ROWS)[:, features])
    cells, share = _held_by_outlying(residuals)
    if len(features) >= _FEATURES_OF_ROW:
        typical = np.median(residuals, axis=1, keepdims=True)
        within = residuals / np.maximum(typical, np.finfo(np.float64).tiny)
        if _held_by_outlying(within)[1] < _HELD_WITHIN_ROWS:
            return cells, 0.0
    return cells, share


def _held_by_outlying(sizes):
    """Share of outlying entries, and the median over columns of the squares that they hold."""
    outlying = sizes > _OUTLYING * _MAD * np.median(sizes, axis=0)
    largest = sizes.max(axis=0)  # the squares of ratios to tiny sizes would overflow
    squares = (sizes / np.where(largest > 0.0, largest, 1.0)) ** 2
    total = np.maximum(squares.sum(axis=0), np.finfo(np.float64).tiny)
    held = np.sum(squares * outlying, axis=0) / total
    return float(outlying.mean()), float(np.median(held))


def _ordinary_features(seen):
    """Features of which few values equal the median, if at least half are; some hundred at most."""
    step, rows = _some_cells(seen)
    equal = np.mean(rows == np.median(rows, axis=0), axis=0)
    ordinary = np.flatnonzero(equal <= max(_EQUAL, 1.0 / len(rows)))
    return ordinary * step if 2 * len(ordinary) >= rows.shape[1] else None


def _are_rounded(seen):
    """Whether most features have one value, any, in many rows, as zeros and counts do."""
    rows = np.sort(_some_cells(seen)[1], axis=0)
    n_equal = max(1, int(_EQUAL * len(rows)))
    return 2 * np.sum(np.any(rows[n_equal:] == rows[:-n_equal], axis=0)) > rows.shape[1]


def _some_cells(seen):
    """Every how many features were taken, and their values in some rows."""
    step = max(1, -(-seen.rows.shape[1] // _CELL_FEATURES))
    return step, _spread(seen.rows, _CELL_ROWS)[:, ::step]


def _spread(rows, n_rows):
    """At most so many rows, evenly spaced."""
    return rows[:: max(1, -(-len(rows) // n_rows))]


def _has_heavy_rows(distances):
    """Whether the tail of the orthogonal distances is heavier than that of a t-distribution."""
    squares, degrees = np.sort(distances.orthogonal), float(distances.n_residuals[0])
    if len(squares) * min(degrees, _DIRECTIONS_FOR_DOF) < _ROWS_FOR_DOF:
        return False
    middle, high = squares[[len(squares) // 2, len(squares) * 9 // 10]]
    limit = fdtri(degrees, _HEAVY_DOF, np.array([0.5, 0.9]))
    return bool(high * limit[0] > middle * limit[1])


def _has_heavy_cells(residuals):
    """Whether so many residuals are small that others may hold most of the variance.

    Where outlying cells hold the share that a warning needs, the other residuals are so small that
    57 % of them are below half a standard deviation; of normal ones 38 % are.
    """
    some = _spread(residuals, _CELL_ROWS).ravel()
    half = 0.5 * np.sqrt(some @ some / some.size)
    return np.count_nonzero(np.abs(some) < half) > 0.5 * some.size
