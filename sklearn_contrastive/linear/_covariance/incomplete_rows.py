"""Covariance of fewer incomplete samples than features, from rows that are kept."""

import numpy as np
from numpy.typing import NDArray

from .base import Covariance
from .missing import effective_samples_of_pairs, fill_and_mask, near_mean
from .rows import DenseRows

__all__ = ["IncompleteRows", "unobserved_pairs"]

# entries of the blocks of counts in which unobserved pairs are searched
_BLOCK_ENTRIES = 2**22


class IncompleteRows(Covariance):
    """Covariance of incomplete rows for n < d: a d x d matrix is never formed.

    Every sum of products over rows that have both features is divided by the number of such rows
    that there would be if features were missing independently of one another.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing. A centred copy is kept.
    sample_weight : ndarray of shape (n_rows,), default=None
        Frequency weights.
    """

    semidefinite = False

    def __init__(self, X: NDArray, sample_weight: NDArray[np.float64] | None = None):
        weight = np.ones(len(X)) if sample_weight is None else sample_weight
        self.n_samples = float(weight.sum())
        near = near_mean(X)
        _, observed, filled = next(fill_and_mask(X, near, len(X)))
        self._n_observed = weight @ observed
        offset = (weight @ filled.astype(np.float64, copy=False)) / np.maximum(
            self._n_observed, 1e-300
        )
        self.mean = near + offset
        filled = next(fill_and_mask(X, self.mean, len(X)))[2]
        squares = weight @ filled.astype(np.float64, copy=False) ** 2
        self.variances = squares / np.maximum(self._n_observed - 1.0, 1.0)
        # rows whose products, divided by n - 1, have the wanted expectation off the diagonal:
        # (n_i - 1)(n_j - 1) / (n - 1) is that of `unbiased_counts` if N_ij is a matter of chance
        share = np.maximum(self._n_observed - 1.0, 0.0) / (self.n_samples - 1.0)
        filled /= np.where(share > 0, share, 1.0).astype(filled.dtype)
        self._rows = DenseRows(filled, sample_weight)
        self._surplus = self.variances - self._rows.variances
        self.rounding = self._rows.rounding

    def times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of the covariance with directions of shape (n_features, n_directions)."""
        return self._rows.times(directions) + self._surplus[:, None] * directions

    def kurtosis(self) -> NDArray[np.float64]:
        """Fourth moment of each feature over its squared variance, where it is observed."""
        return self._rows.kurtosis() * (self._n_observed / self.n_samples)

    def effective_samples(self, uniqueness: NDArray[np.float64]) -> float:
        """Number of complete samples whose whitened covariance is as noisy.

        An entry from N_ij rows has variance 1 / N_ij in units of the variances of the features,
        of which 1 / n stays within the signal subspace as far as it stems from the signal. The
        excess does not: it stems from pairs that were observed in different rows.

        Parameters
        ----------
        uniqueness : ndarray of shape (n_features,)
            Share of each feature's variance that is noise.

        Returns
        -------
        effective_samples : float
            At most `n_samples`.
        """
        observed = self._n_observed > 1
        inverse = np.divide(
            1.0, self._n_observed, out=np.zeros_like(self._n_observed), where=observed
        )

        def inverse_times(x):
            return self.n_samples * (inverse * (inverse @ x) - inverse**2 * x)

        return effective_samples_of_pairs(
            self._n_observed.max(), inverse_times, uniqueness, observed
        )


def unobserved_pairs(X: NDArray, block_entries: int = _BLOCK_ENTRIES) -> NDArray[np.intp]:
    """Pairs of features that no row has together, without a d x d matrix.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_features)
        Rows; NaN where an entry is missing.
    block_entries : int, default=2**22
        Size of the blocks of counts.

    Returns
    -------
    pairs : ndarray of int of shape (n_pairs, 2)
        The two are equal for a feature that is never observed.
    """
    observed = (~np.isnan(X)).astype(np.float32)
    n_observed = observed.sum(axis=0)
    # features observed in so many rows that any two of them have a row in common need no check
    to_check = np.flatnonzero(n_observed + n_observed.min() <= len(X))
    pairs = []
    n_rows = max(1, block_entries // X.shape[1])
    for start in range(0, len(to_check), n_rows):
        some = to_check[start : start + n_rows]
        first, second = np.nonzero(observed[:, some].T @ observed == 0)
        found = np.column_stack([some[first], second])
        pairs.append(found[found[:, 0] <= found[:, 1]])
    return np.vstack([np.zeros((0, 2), np.intp), *pairs])
