"""Moments: what a reducer needs to know of samples, as a value that can be added and saved."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_array

from .._typing import ArrayLike, FloatArray, MatrixLike, VectorLike
from ._covariance.base import Covariance
from ._covariance.blocks import no_step
from ._covariance.given import given_covariance
from ._covariance.read import covariance_of
from ._covariance.samples import (
    Samples,
    read_samples,
    refuse_unobserved,
    samples_without_rows,
)
from ._covariance.scatter import ScatterCovariance
from ._covariance.unit import measured
from ._dask import is_dask
from ._factor.group_units import read_groups
from ._moments_file import MomentsRecord, read_record, write_record
from ._row_chunks import RowChunks

__all__ = ["Moments", "samples_of_moments"]


@dataclass(frozen=True, eq=False, repr=False)
class Moments:
    """Number, mean and covariance of samples: a value that can be added, saved and fitted.

    Read every chunk of the samples with `from_array`, wherever it is, and add the results: the sum
    of moments is that of all samples together, to rounding, in any order. `fit_moments` of
    `LinearContrastive` and `HeteroPCA` fits it. The size is that of one (n_features, n_features)
    matrix, whatever the number of samples; three of them where entries are missing.

    Moments do not change. Build them with `from_array`, `from_covariance` or `load`; the parameters
    below are how they are stored.

    Parameters
    ----------
    stored : Covariance
        The moments, in the unit below.
    unit : float, default=1.0
        Power of two by which the samples are divided.
    dtype : type, default=numpy.float64
        Float type of the samples, and of attributes that are fitted to them.
    feature_names : ndarray of shape (n_features,), default=None
        Names of the features, if all samples that had names had these.

    See Also
    --------
    LinearContrastive.fit_moments : Fits moments.

    Notes
    -----
    Sums are centred in each chunk and merged between means [1]_, so that a large common mean costs
    no digits. Third and fourth moments of each feature are read as well:
    ``n_components="auto"`` needs them.

    References
    ----------
    .. [1] Chan, Golub and LeVeque (1979), "Updating Formulae and a Pairwise Algorithm for Computing
       Sample Variances", Stanford University, STAN-CS-79-773.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> from sklearn_contrastive.linear import Moments
    >>> X, _ = make_spiked_covariance(2000, 20, 3, signal=3.0, random_state=0)
    >>> moments = sum(Moments.from_array(chunk) for chunk in np.array_split(X, 7))
    >>> moments
    Moments(n_samples=2000, n_features=20)
    >>> model = LinearContrastive(3, random_state=0).fit_moments(moments)
    >>> whole = LinearContrastive(3, random_state=0).fit(X)
    >>> bool(np.allclose(model.scoring_matrix_, whole.scoring_matrix_))
    True
    """

    stored: Covariance
    unit: float = 1.0
    dtype: type[np.floating] = np.float64
    feature_names: NDArray | None = None

    @classmethod
    def from_array(cls, X: MatrixLike, sample_weight: VectorLike | None = None) -> Self:
        """Moments of the rows of X, in one pass.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; NaN where an entry is missing. No row at all is allowed. Sparse matrices are
            not made dense as a whole; memory maps are read block by block. Arrays and data frames
            of dask are computed, chunk by chunk, where their scheduler runs.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequency weights: a weight of 2 is the same as the row written twice.

        Returns
        -------
        moments : Moments
            Those of a data frame with names that are all strings keep the names.

        Raises
        ------
        ValueError
            If X has an infinite entry, or a weight is negative.
        """
        if is_dask(X):
            return RowChunks.of(cls.from_array, X, sample_weight=sample_weight).sum()
        shape = getattr(X, "shape", (1, 1))
        if len(shape) == 2 and shape[0] == 0 and shape[1] > 0:
            return cls(ScatterCovariance.empty(int(shape[1])), feature_names=_names_of(X))
        samples = read_samples(_MomentReader(), X, sample_weight, streaming=True)
        samples, covariance = measured(samples, lambda read: covariance_of(read, "gram", no_step))
        return cls(covariance, samples.unit, samples.dtype, samples.feature_names)

    @classmethod
    def from_covariance(
        cls, covariance: ArrayLike, mean: ArrayLike | None, n_samples: float
    ) -> Self:
        """Moments from a covariance matrix, as a publication or a database may give it.

        Parameters
        ----------
        covariance : array-like of shape (n_features, n_features)
            Covariance with n - 1 in the denominator, or a correlation matrix. It may be slightly
            indefinite, as rounded and pairwise ones are.

        mean : array-like of shape (n_features,) or None
            Mean of each feature; None for 0, of samples that are centred or standardised.

        n_samples : float
            Number of samples, more than 1.

        Returns
        -------
        moments : Moments
            Without fourth moments: ``n_components="auto"`` takes the tails of the features for
            normal ones.

        Raises
        ------
        ValueError
            If the matrix is not symmetric with variances that are not negative, or sizes differ.
        """
        names = _names_of(covariance)
        matrix = check_array(covariance, dtype=np.float64, input_name="covariance")
        mean = np.zeros(len(matrix)) if mean is None else np.asarray(mean, np.float64)
        stored, unit = given_covariance(matrix, mean, n_samples)
        return cls(stored, unit, np.float64, names)

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read moments from a file that `save` wrote. No code in the file is run.

        Parameters
        ----------
        path : str or Path
            The file.

        Returns
        -------
        moments : Moments
            Equal to the last bit to those that were saved.

        Raises
        ------
        ValueError
            If the file is damaged, was altered, or has a newer format.
        """
        record = read_record(Path(path))
        return cls(record.covariance, record.unit, record.dtype, record.feature_names)

    def save(self, path: str | Path) -> None:
        """Write the moments to a file in NumPy's npz format, without pickle.

        Parameters
        ----------
        path : str or Path
            The file, for instance "moments.npz". It is complete or not written at all: an earlier
            file of that name is replaced at the end.

        Raises
        ------
        OSError
            If the file cannot be written. An earlier file stays as it was.
        """
        # the zero of the addition turns the few rows of a small chunk into their scatter
        stored = ScatterCovariance.empty(self.n_features) + self.stored
        record = MomentsRecord(stored, self.unit, self.dtype, self.feature_names)
        write_record(record, Path(path))

    def __add__(self, other: Any) -> Self:
        if isinstance(other, int) and other == 0:  # the sum of no chunks
            return self
        if not isinstance(other, Moments):
            return NotImplemented
        names = _common_names(self, other)
        unit = max(self.unit, other.unit)
        dtype = np.result_type(self.dtype, other.dtype).type
        if 0 in (self.n_samples, other.n_samples):  # no sample has no precision
            dtype = (self if self.n_samples else other).dtype
        with np.errstate(over="ignore", invalid="ignore"):
            stored = self._in_unit(unit) + other._in_unit(unit)
            in_range = np.isfinite(stored.mean).all() and np.isfinite(stored.variances).all()
        if not in_range:
            raise ValueError(
                "The sum of these moments is out of the range of float64. Divide the weights of "
                "all samples by one number; frequency weights count samples."
            )
        return type(self)(stored, unit, dtype, names)

    __radd__ = __add__  # the built-in sum begins with 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}(n_samples={self.n_samples}, n_features={self.n_features})"

    def _in_unit(self, unit: float) -> Covariance:
        """The stored covariance in another unit, a power of two that is not smaller."""
        return self.stored if unit == self.unit else self.stored.scaled(self.unit / unit)

    @property
    def n_samples(self) -> int | float:
        """Number of samples; with frequency weights, their sum."""
        n_samples = float(self.stored.n_samples)
        return int(n_samples) if n_samples.is_integer() else n_samples

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.stored.n_features

    @property
    def mean(self) -> FloatArray:
        """Mean of each feature, shape (n_features,); of the observed entries, if some are missing.

        0 for a feature that was never observed.
        """
        return self.unit * self.stored.mean

    @property
    def covariance(self) -> FloatArray:
        """Covariance matrix, shape (n_features, n_features), with n - 1 in the denominator.

        Of the samples that have both features, if entries are missing; NaN before the second
        sample.
        """
        if self.stored.n_samples <= 1:
            return np.full((self.n_features, self.n_features), np.nan)
        with np.errstate(over="ignore"):
            return self.stored.to_matrix() * self.unit * self.unit


class _MomentReader(BaseEstimator):
    """What the validation of samples needs to know: sparse and incomplete samples are accepted."""

    n_components = "auto"
    _why_complete = None

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = tags.input_tags.allow_nan = True
        return tags


_MomentReader.__name__ = "Moments.from_array"  # in error messages


def _names_of(frame):
    """Names of the columns of a data frame, if all are strings."""
    names = np.asarray(getattr(frame, "columns", ()), dtype=object)
    return names if len(names) and all(isinstance(name, str) for name in names) else None


def _common_names(first, second):
    """Names of both; refused where the features are not the same."""
    if first.n_features != second.n_features:
        raise ValueError(
            f"Moments of {first.n_features} features cannot be added to moments of "
            f"{second.n_features}. Give every chunk the same columns."
        )
    names, others = first.feature_names, second.feature_names
    if names is None or others is None:
        return others if names is None else names
    if differs := np.flatnonzero(names != others).tolist():
        column = differs[0]
        raise ValueError(
            f"Column {column} is {names[column]!r} in one chunk and {others[column]!r} in another. "
            "Give every chunk the same columns in the same order."
        )
    return names


def samples_of_moments(estimator: Any, moments: Moments) -> Samples:
    """Samples without rows that have the features of moments, for a fit to the moments.

    Parameters
    ----------
    estimator : MomentEstimator
        Gets the number and the names of the features, as by the validation of samples.
    moments : Moments
        The moments.

    Returns
    -------
    Samples
        Streaming ones: their rows cannot be read.

    Raises
    ------
    ValueError
        If the moments do not determine the fit, or `n_components` does not suit them.
    TypeError
        If they are something else.
    """
    if not isinstance(moments, Moments):
        raise TypeError(
            f"fit_moments needs Moments, but got {type(moments).__name__}. Use fit for samples, or "
            "fit_moments(Moments.from_array(X))."
        )
    n_samples, names = moments.n_samples, moments.feature_names
    if n_samples <= 1:
        raise ValueError(f"The moments are of {n_samples} sample(s); at least 2 are needed.")
    missing = not moments.stored.semidefinite
    if missing and estimator._why_complete:
        raise ValueError(
            "The moments are of samples with NaN, or of an indefinite covariance, but "
            f"{estimator._why_complete}"
        )
    refuse_unobserved(moments.stored.unobserved_pairs(), names)
    samples = samples_without_rows(
        estimator, n_samples, moments.n_features, names, moments.dtype, missing=missing
    )
    samples = replace(samples, unit=moments.unit)
    return replace(samples, groups=read_groups(getattr(estimator, "feature_groups", None), samples))
