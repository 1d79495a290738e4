"""Validated samples of one call to fit or partial_fit, and the checks that refuse bad ones."""

from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import assert_all_finite, get_tags
from sklearn.utils.validation import validate_data

from ..._arrays import ArrayPlace, dtype_name, place_of
from ..._features import listed
from ..._input import as_numbers, readable
from ..._labels import Labels
from ..._sklearn_compat import check_sample_weight, widest_float
from ..._targets import Targets
from .._dask import refuse_dask

__all__ = [
    "Samples",
    "check_n_components",
    "fits",
    "like_samples",
    "read_samples",
    "refuse_unobserved",
    "rounded",
    "samples_without_rows",
    "unobserved_text",
    "validated",
]

# by so much the sum of weights that are meant to sum to 1 may exceed it
_ROUNDING_OF_WEIGHTS = 1e-9
# rows in which missing values are searched at once
_SEARCHED_ROWS = 1024


@dataclass(frozen=True)
class Samples:
    """Validated samples of one call.

    Parameters
    ----------
    values : array or sparse matrix of shape (n_rows, n_features)
        The rows; NaN where an entry is missing.
    weight : ndarray of shape (n_rows,) or None
        Frequency weights.
    missing : bool
        Whether entries are missing.
    on_device : bool
        Whether the rows are arrays of another library than NumPy.
    place : ArrayPlace
        Library and device of the array that was passed.
    feature_names : ndarray of shape (n_features,) or None
        Names, if the features have any.
    streaming : bool
        Whether they are one chunk of more samples.
    dtype : type
        Float type of the fitted attributes, that of the samples that were passed.
    unit : float, default=1.0
        Power of two by which the values are divided.
    counted : bool
        Whether components are counted, for which fourth moments are read.
    groups : tuple of ndarray of int, default=None
        Features of each group that shares noise; None where no group has two features.
    labels : Labels, default=None
        Class labels, if the estimator uses any.
    targets : Targets, default=None
        Numerical targets, if the estimator uses any.
    chunks : RowChunks, default=None
        Samples of each chunk of rows that are not in memory; `values` has no rows then.
    """

    values: Any
    weight: NDArray[np.float64] | None
    missing: bool
    on_device: bool
    place: ArrayPlace
    feature_names: NDArray | None
    streaming: bool
    dtype: type[np.floating]
    unit: float = 1.0
    counted: bool = False
    groups: tuple[NDArray[np.intp], ...] | None = None
    labels: Labels | None = None
    targets: Targets | None = None
    chunks: Any = None

    @property
    def total(self) -> float:
        """Number of samples; with weights, their sum."""
        return self.values.shape[0] if self.weight is None else self.weight.sum()

    @property
    def n_features(self) -> int:
        """Number of features."""
        return self.values.shape[1]


def read_samples(estimator, X, sample_weight=None, *, streaming=False) -> Samples:
    """Validate the samples and weights of one call.

    Parameters
    ----------
    estimator : MomentEstimator
        Its parameter `n_components` and its tags decide what is refused.
    X : {array-like, sparse matrix} of shape (n_samples, n_features)
        The samples.
    sample_weight : array-like of shape (n_samples,), default=None
        Frequency weights.
    streaming : bool, default=False
        Whether they are one chunk of more samples: fewer than two are allowed.

    Returns
    -------
    Samples
        Without groups, labels and targets.

    Raises
    ------
    ValueError
        If X or the weights are not as they must be, or `n_components` does not suit them.
    """
    reset = not (streaming and hasattr(estimator, "n_features_in_"))
    place = place_of(X)
    X, missing = validated(estimator, X, reset=reset)
    names = getattr(estimator, "feature_names_in_", None)
    if missing and not place.is_numpy:
        X = place.take(X)  # incomplete rows are solved one pattern after another, on the host
    weight = None
    if sample_weight is not None:
        weight = place_of(sample_weight).take(sample_weight)
        weight = check_sample_weight(weight, np.empty((X.shape[0], 0)), allow_zero=streaming)
        if missing and not weight.all():  # a row of weight 0 must not count as observed
            X = np.array(X)
            X[weight == 0] = np.nan
    on_device = not (missing or place.is_numpy)
    dtype = np.dtype(dtype_name(X)).type
    counted = streaming or not isinstance(estimator.n_components, Integral)
    samples = Samples(
        X, weight, missing, on_device, place, names, streaming, dtype, counted=counted
    )
    if not streaming and samples.total <= 1 + _ROUNDING_OF_WEIGHTS:
        raise ValueError(_too_few(samples))
    n_samples = np.inf if streaming else samples.total
    check_n_components(estimator.n_components, n_samples, X.shape[1], weighted=weight is not None)
    return samples


def samples_without_rows(
    estimator: Any,
    n_samples: float,
    n_features: int,
    names: NDArray | None,
    dtype: type[np.floating],
    *,
    missing: bool,
) -> Samples:
    """Samples that were read elsewhere.

    Parameters
    ----------
    estimator : MomentEstimator
        Gets the number and the names of the features, as by the validation of samples.
    n_samples : float
        Number of samples; with weights, their sum.
    n_features : int
        Number of features.
    names : ndarray of shape (n_features,) or None
        Names of the features.
    dtype : type
        Float type of the samples.
    missing : bool
        Whether entries are missing.

    Returns
    -------
    Samples
        Streaming ones: their rows cannot be read.

    Raises
    ------
    ValueError
        If `n_components` does not suit them.
    """
    check_n_components(estimator.n_components, n_samples, n_features)
    estimator.n_features_in_ = n_features
    vars(estimator).pop("feature_names_in_", None)
    if names is not None:
        estimator.feature_names_in_ = names
    return Samples(
        values=np.empty((0, n_features), dtype),
        weight=None,
        missing=missing,
        on_device=False,
        place=ArrayPlace(np, None),
        feature_names=names,
        streaming=True,
        dtype=dtype,
        counted=True,
    )


def fits(array: NDArray, dtype: type[np.floating]) -> bool:
    """Whether a float type holds an array: the least entry if all are positive, else the largest.

    Parameters
    ----------
    array : ndarray of float64
        Any array.
    dtype : type
        float32 or float64.

    Returns
    -------
    fits : bool
        Small entries of an array with zeros or signs may become 0: they are rounding.
    """
    sizes, held = np.abs(array), np.finfo(dtype)
    largest = sizes.max(initial=0.0)
    least = sizes.min() if array.size and np.all(array > 0) else largest
    return bool(largest <= held.max and (largest == 0 or least >= held.tiny))


def rounded(array: NDArray, dtype: type[np.floating]) -> NDArray:
    """An array in a float type, or in float64 if that type does not hold it."""
    return array.astype(dtype if dtype == np.float64 or fits(array, dtype) else np.float64)


def like_samples(samples: Samples, array: NDArray, *, in_their_precision: bool = True) -> Any:
    """A NumPy array in the library and on the device of the samples, by default in their precision.

    Parameters
    ----------
    samples : Samples
        Of the call that fits.
    array : ndarray
        Any array.
    in_their_precision : bool, default=True
        Whether it is rounded to the float type of the samples, if that holds it.

    Returns
    -------
    array : array
        A fitted attribute.
    """
    return samples.place.put(rounded(array, samples.dtype) if in_their_precision else array)


def validated(estimator, X, *, reset: bool):
    """Samples as an array of any real type, or CSR or CSC, and whether entries are missing."""
    refuse_dask(X)
    X = readable(estimator, X, device_arrays=True)
    place, tags = place_of(X), get_tags(estimator).input_tags
    if sparse.issparse(X):
        dtype = (np.float64, np.float32)
    elif place.is_numpy:
        # integers are converted a block at a time, not as a whole; a memory map stays one
        dtype = "numeric"
    else:
        dtype = (widest_float(place.xp, place.device), place.xp.float32)
    X = validate_data(
        estimator,
        X,
        reset=reset,
        accept_sparse=("csr", "csc") if tags.sparse else False,
        dtype=dtype,
        ensure_all_finite=False,
    )
    if place.is_numpy and not sparse.issparse(X):
        X = as_numbers(X)
    return X, _has_missing(estimator, X, tags.allow_nan and not sparse.issparse(X))


def _has_missing(estimator, X, allow_nan):
    """Whether there is a NaN, from the one pass that a check of finiteness takes."""
    xp = place_of(X).xp
    with np.errstate(over="ignore", invalid="ignore"):
        total = float(X.data.sum() if sparse.issparse(X) else xp.sum(X))
    if np.isfinite(total):
        return False
    if not allow_nan and np.isnan(total):
        _refuse_missing(estimator, X)
    assert_all_finite(
        X, allow_nan=allow_nan, estimator_name=type(estimator).__name__, input_name="X"
    )
    # an overflow may look the same; the first gap ends the search
    blocks = (
        X[i : min(i + _SEARCHED_ROWS, X.shape[0]), :] for i in range(0, X.shape[0], _SEARCHED_ROWS)
    )
    return np.isnan(total) and any(bool(xp.any(xp.isnan(block))) for block in blocks)


def _refuse_missing(estimator, X):
    """Refuse NaN where complete samples are needed, with the reason."""
    if reason := estimator._why_complete:
        raise ValueError(f"X contains NaN, but {reason}")
    if sparse.issparse(X) and np.isnan(X.data).any():
        raise ValueError(
            "Sparse X contains NaN, but missing values are understood in dense X only: an entry "
            "that a sparse matrix does not store is 0, not missing. Pass X.toarray()."
        )


def check_n_components(
    n_components: Any, n_samples: float, n_features: int, *, weighted: bool = False
) -> None:
    """Refuse values that parameter validation alone cannot refuse.

    Parameters
    ----------
    n_components : object
        The parameter of the estimator.
    n_samples : float
        Number of samples, infinite where more may come.
    n_features : int
        Number of features.
    weighted : bool, default=False
        Whether the number of samples is a sum of weights.

    Raises
    ------
    ValueError
        If it is "mle", or an integer beyond the number of samples or features.
    """
    if isinstance(n_components, str) and n_components == "mle":
        raise ValueError(
            "n_components='mle' assumes equal noise in every feature; use \"auto\", which does not."
        )
    largest = int(min(n_samples, n_features))
    if isinstance(n_components, Integral) and n_components > largest:
        of_weights = ", where n_samples is the sum of sample_weight"
        raise ValueError(
            f"n_components={n_components} must be between 0 and min(n_samples, n_features)="
            f"{largest}{of_weights if weighted else ''}."
        )


def _too_few(samples):
    """Message where no variance can be computed."""
    if samples.weight is None or samples.values.shape[0] < 2:
        n_samples = samples.values.shape[0]
        return f"Found array with {n_samples} sample(s) while a minimum of 2 is required."
    return (
        f"The sum of sample_weight is {samples.total:g}, but it must exceed 1: frequency weights "
        "count samples, and their sum is n. Multiply normalised weights by the number of samples."
    )


def unobserved_text(pairs: NDArray[np.intp], names: NDArray | None) -> str:
    """Description of features that are never observed, else of pairs never observed together."""
    never = pairs[pairs[:, 0] == pairs[:, 1], 0]
    if len(never):
        return f"{listed(never, names)} {'is' if len(never) == 1 else 'are'} never observed"
    shown = [f"({', '.join(str(i if names is None else names[i]) for i in p)})" for p in pairs[:3]]
    more = f" and {len(pairs) - 3} more" if len(pairs) > 3 else ""
    return f"no sample has both features of the pairs {', '.join(shown)}{more}"


def refuse_unobserved(pairs: NDArray[np.intp], names: NDArray | None) -> None:
    """Raise a ValueError if there are pairs of features that no sample has together."""
    if len(pairs):
        raise ValueError(
            f"Too much of X is missing: {unobserved_text(pairs, names)}. A covariance needs "
            "samples that have both features; drop one of them, or add samples."
        )
