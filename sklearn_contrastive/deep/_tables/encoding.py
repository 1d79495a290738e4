"""Encoding of a table: scores of the numbers, codes of the categories."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import OrdinalEncoder

from ..._features import listed
from .columns import Columns

__all__ = ["NumberScaling", "TableEncoding", "fit_encoding", "fit_scaling"]

# scores beyond it are drawn in smoothly, as in the paper below
_BOUND = 3.0


@dataclass(frozen=True)
class NumberScaling:
    """Robust scores of columns of numbers, of mean 0 and standard deviation 1 in fit.

    Parameters
    ----------
    center, scale : ndarray of float64 of shape (n_numbers,)
        Median and robust deviation of each column; the scale is 0 for a column without variation.
    mean, std : ndarray of float64 of shape (n_numbers,)
        Of the scores after they were bounded.
    """

    center: NDArray[np.float64]
    scale: NDArray[np.float64]
    mean: NDArray[np.float64]
    std: NDArray[np.float64]

    def bounded(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scores s / sqrt(1 + (s / 3)^2) of shape (n_samples, n_numbers), with s = (x - c) / a."""
        varies = self.scale > 0
        # a quarter, because differences of the largest floats would overflow
        differences = numbers / 4 - self.center / 4
        with np.errstate(over="ignore"):
            scores = differences / np.where(varies, self.scale / 4, 1.0)
        return np.where(varies, _bounded(scores), differences * 0)

    def scores(self, numbers: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standardised bounded scores; NaN stays NaN, and columns without variation are 0."""
        return (self.bounded(numbers) - self.mean) / self.std


def _bounded(scores):
    """Smooth bound: about the score itself near 0, at most 3 in absolute value."""
    # as 1 / sqrt(1 / s^2 + 1 / 9), which cannot overflow
    with np.errstate(divide="ignore", over="ignore"):
        return np.sign(scores) / np.sqrt(1 / np.square(np.abs(scores).clip(max=1e100)) + _BOUND**-2)


def fit_scaling(numbers: NDArray[np.float64]) -> NumberScaling:
    """Robust scaling of columns: centre at the median, unit a standard deviation, tails bounded.

    The unit is the interquartile range divided by 1.349, that of a normal distribution; where it is
    0, as in a column of many zeros, half of the range. Values far away would otherwise decide the
    standard deviation, and the other values would be alike.

    Parameters
    ----------
    numbers : ndarray of float64 of shape (n_samples, n_numbers)
        NaN for missing entries.

    Returns
    -------
    scaling : NumberScaling
        The scaling.

    References
    ----------
    .. [1] Holzmüller, Grinsztajn and Steinwart (2024), "Better by Default: Strong Pre-Tuned MLPs
       and Boosted Trees on Tabular Data", NeurIPS, section 3: robust scale and smooth clip.
    """
    n_numbers = numbers.shape[1]
    observed = ~np.isnan(numbers).all(axis=0)
    low, first, middle, third, high = np.zeros((5, n_numbers))
    if observed.any():
        quarters = np.nanpercentile(numbers[:, observed] / 4, [0, 25, 50, 75, 100], axis=0)
        low[observed], first[observed], middle[observed], third[observed], high[observed] = quarters
    spread = np.where(third > first, (third - first) / 1.349, (high - low) / 2)
    largest = np.finfo(np.float64).max
    scale = 4 * np.minimum(spread, largest / 4)
    scaling = NumberScaling(4 * middle, scale, np.zeros(n_numbers), np.ones(n_numbers))
    scores = scaling.bounded(numbers)
    mean, std = np.zeros(n_numbers), np.ones(n_numbers)
    if observed.any():
        mean[observed] = np.nanmean(scores[:, observed], axis=0)
        std[observed] = np.nanstd(scores[:, observed], axis=0)
    return NumberScaling(scaling.center, scale, mean, np.where(std > 0, std, 1.0))


@dataclass(frozen=True)
class TableEncoding:
    """What fit learned about the columns of a table.

    Parameters
    ----------
    is_categorical : ndarray of bool of shape (n_features,)
        Which features are categories.
    scaling : NumberScaling
        Of the other ones.
    has_missing : ndarray of bool of shape (n_numbers,)
        Which of the numbers had missing entries in fit.
    categories : tuple of ndarray of object
        Categories of each categorical feature, sorted; None, the last one, stands for missing
        entries.
    """

    is_categorical: NDArray[np.bool_]
    scaling: NumberScaling
    has_missing: NDArray[np.bool_]
    categories: tuple[NDArray[np.object_], ...]
    _codes: OrdinalEncoder | None = field(init=False, repr=False, compare=False)

    def __post_init__(self):
        object.__setattr__(self, "_codes", _ordinal_encoder(self.categories))

    @property
    def cardinalities(self) -> tuple[int, ...]:
        """Number of categories of each categorical feature."""
        return tuple(map(len, self.categories))

    def encoded(self, columns: Columns) -> NDArray[np.float32]:
        """Table of shape (n_samples, n_features), in the order of the features.

        Numbers are scores, NaN where they are missing. Categories are their numbers from 1 on; 0
        for those that fit did not see.
        """
        self._check_kinds(columns)
        table = np.empty((len(columns.numbers), len(self.is_categorical)), dtype=np.float32)
        table[:, ~self.is_categorical] = self.scaling.scores(columns.numbers)
        if self._codes is not None:
            table[:, self.is_categorical] = self._codes.transform(columns.categories) + 1
        return table

    def _check_kinds(self, columns):
        """Raise ValueError for numbers where text was, or text where numbers were."""
        positions = np.flatnonzero(self.is_categorical)
        for j, known, values in zip(positions, self.categories, columns.categories.T, strict=True):
            were_text, are_text = _kind_of(known), _kind_of(values)
            if None not in (were_text, are_text) and were_text != are_text:
                were, are = ("text", "numbers") if were_text else ("numbers", "text")
                example = next(each for each in values if each is not None)
                raise ValueError(
                    f"{listed([j], columns.names).capitalize()} had categories of {were} in fit "
                    f"and has {are} now, such as {example!r:.40}. Convert it to {were}."
                )


def _kind_of(values):
    """Whether entries are text; None if all are missing or some are text."""
    kinds = {isinstance(each, str) for each in values if each is not None}
    return kinds.pop() if len(kinds) == 1 else None


def fit_encoding(columns: Columns) -> TableEncoding:
    """Encoding learned from the columns of a training table."""
    categories: Sequence[NDArray[np.object_]] = []
    if columns.categories.shape[1]:
        categories = OrdinalEncoder().fit(columns.categories).categories_
    return TableEncoding(
        columns.is_categorical,
        fit_scaling(columns.numbers),
        np.isnan(columns.numbers).any(axis=0),
        tuple(np.asarray(each, dtype=object) for each in categories),
    )


def _ordinal_encoder(categories):
    """scikit-learn's encoder with these categories, -1 for all others; None without columns."""
    if not categories:
        return None
    encoder = OrdinalEncoder(
        categories=list(categories), handle_unknown="use_encoded_value", unknown_value=-1
    )
    first = np.array([[each[0] for each in categories]], dtype=object)
    return encoder.fit(first)
