"""Inference from repeated splits: corrected intervals, and random signs of paired differences."""

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from .._typing import FloatArray

__all__ = ["corrected_intervals", "sign_flip_p_values"]

# values of one piece of random signs
_PIECE = 2**22


def corrected_intervals(differences: FloatArray, test_ratio: float, level: float) -> FloatArray:
    """Intervals of mean differences over splits that overlap.

    The variance of a mean over J splits is (1/J + n_test/n_train) S², by Nadeau and Bengio (2003),
    "Inference for the Generalization Error", equation 9.

    Parameters
    ----------
    differences : ndarray of shape (n_sizes, n_splits)
        Differences on each split, at least two.
    test_ratio : float
        Number of test samples over that of training samples.
    level : float
        Confidence level of one interval.

    Returns
    -------
    intervals : ndarray of shape (n_sizes, 3)
        Mean, lower and upper limit.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.evaluation._resampled import corrected_intervals
    >>> corrected_intervals(np.array([[0.1, 0.2, 0.3]]), 1 / 3, 0.95).round(2)
    array([[ 0.2 , -0.15,  0.55]])
    """
    n_splits = differences.shape[1]
    mean = differences.mean(axis=1)
    error = np.sqrt((1.0 / n_splits + test_ratio) * differences.var(axis=1, ddof=1))
    half = stats.t.ppf(0.5 + level / 2.0, n_splits - 1) * error
    return np.column_stack([mean, mean - half, mean + half])


def sign_flip_p_values(
    differences: FloatArray, rng: np.random.RandomState, n_flips: int = 9999
) -> NDArray[np.float64]:
    """Two-sided p values of sums of differences whose signs are random under the null hypothesis.

    Parameters
    ----------
    differences : ndarray of shape (n_units, n_sizes)
        Summed differences of each sample or group. Units that do not differ may be left out.
    rng : RandomState
        Draws the signs, which are the same for all sizes.
    n_flips : int, default=9999
        Number of draws.

    Returns
    -------
    p_values : ndarray of shape (n_sizes,)
        (1 + number of draws whose sum is as far from 0) / (1 + n_flips).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.evaluation._resampled import sign_flip_p_values
    >>> sign_flip_p_values(np.ones((3, 1)), np.random.RandomState(0)).round(2)
    array([0.25])
    """
    differences = differences[np.any(differences != 0.0, axis=1)]
    if not len(differences):
        return np.ones(differences.shape[1])
    # equal up to rounding is as far
    found = np.abs(differences.sum(axis=0)) * (1.0 - 1e-12)
    n_as_far, piece = np.zeros(differences.shape[1], int), max(1, _PIECE // len(differences))
    for start in range(0, n_flips, piece):
        n_drawn = min(piece, n_flips - start)
        signs = 2.0 * rng.randint(0, 2, (n_drawn, len(differences))) - 1.0
        n_as_far += np.sum(np.abs(signs @ differences) >= found, axis=0)
    return (1.0 + n_as_far) / (1.0 + n_flips)
