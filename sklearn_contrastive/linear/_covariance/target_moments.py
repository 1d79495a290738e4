"""Moments of samples and of targets that are known for some of them.

All of a target are moments over the samples for which it is known. The target counts in units of
its standard deviation there, so that its own unit and offset do not matter.
"""

from abc import abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property, reduce
from operator import add
from typing import Self

import numpy as np
from numpy.typing import NDArray

from ..._targets import Targets
from ..._typing import ArrayLike
from .base import Covariance
from .missing import PairwiseCovariance
from .rows import RowCovariance
from .scatter import ScatterCovariance
from .supervised import SupervisedCovariance

__all__ = ["KnownSamples", "ProductsAlong", "TargetCovariance", "TargetRows", "TargetScatters"]


@dataclass(frozen=True)
class ProductsAlong:
    """Products of the covariance of all samples and of the scatters of known ones.

    Parameters
    ----------
    total : ndarray of shape (n_features, k)
        Covariance of all samples times directions.
    along : ndarray of shape (n_targets, k, k)
        Scatters of the samples that know a target, along the directions.
    known : ndarray of shape (n_features, n_targets)
        These scatters times a mixture of the directions for each target.
    """

    total: NDArray[np.float64]
    along: NDArray[np.float64]
    known: NDArray[np.float64]


class TargetCovariance(SupervisedCovariance):
    """Covariance of all samples, and their moments with targets.

    Attributes
    ----------
    total : Covariance
        Of all samples.
    responses : PairwiseCovariance
        Of the targets.
    """

    holds_targets = True
    responses: PairwiseCovariance

    @property
    def largest_rank(self) -> int:
        """Number of targets that vary."""
        return int(np.sum(self.deviations > 0))

    @property
    def n_targets(self) -> int:
        """Number of targets."""
        return self.responses.n_features

    @property
    def counts(self) -> NDArray[np.float64]:
        """Number of samples for which each target is known, or the sum of their weights."""
        return np.diag(self.responses.counts)

    @cached_property
    def deviations(self) -> NDArray[np.float64]:
        """Standard deviation of each target, 0 if it is constant or not known; n in it."""
        counts, squares = self.counts, np.diag(self.responses.products)
        variances = np.divide(squares, counts, out=np.zeros_like(counts), where=counts > 1)
        rounding = (10 * np.finfo(np.float64).eps * np.abs(self.responses.mean)) ** 2
        return np.sqrt(np.where(variances > rounding, variances, 0.0))

    def correlations(self) -> NDArray[np.float64]:
        """Correlation of two targets over the samples that have both; (n_targets, n_targets)."""
        units = np.outer(self.deviations, self.deviations) * self.responses.counts
        none = np.zeros_like(units)
        return np.divide(self.responses.products, units, out=none, where=units > 0)

    @property
    @abstractmethod
    def raw_cross(self) -> NDArray[np.float64]:
        """Sums of (x - mean)(y - mean) over known samples, (n_features, n_targets)."""

    @cached_property
    def cross(self) -> NDArray[np.float64]:
        """The same in units of the deviations of the targets, 0 for a constant one."""
        units = np.where(self.deviations > 0, self.deviations, np.inf)
        return self.raw_cross / units

    @abstractmethod
    def known_along(self, directions: NDArray) -> NDArray[np.float64]:
        """Scatter of the samples that know a target, along directions: (n_targets, k, k)."""

    @abstractmethod
    def known_times(self, directions: NDArray) -> NDArray[np.float64]:
        """That scatter times one direction per target: (n_features, n_targets)."""

    def products(self, directions: NDArray, coefficients: NDArray) -> "ProductsAlong":
        """Products with directions of shape (n_features, k), and with a mixture of them per target.

        The coefficients, of shape (k, n_targets), make the mixtures.
        """
        return ProductsAlong(
            self.times(directions),
            self.known_along(directions),
            self.known_times(directions @ coefficients),
        )

    def label_matrix_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of sum_t b_t b_t' with directions; b_t is the covariance with target t."""
        counts = np.maximum(self.counts, 2.0)
        covariances = self.cross / np.sqrt(counts * (counts - 1.0))
        return covariances @ (covariances.T @ directions)


@dataclass(frozen=True)
class KnownSamples:
    """Moments of samples that know some targets.

    Parameters
    ----------
    targets : ndarray of int
        The targets.
    scatter : ScatterCovariance
        Of these samples.
    means : ndarray of shape (n_targets,)
        Of these targets.
    cross : ndarray of shape (n_features, n_targets)
        Sums of (x - mean)(y - mean).
    """

    targets: NDArray[np.intp]
    scatter: ScatterCovariance
    means: NDArray[np.float64]
    cross: NDArray[np.float64]

    def of(self, targets: ArrayLike) -> Self:
        """Of some of the targets."""
        chosen = np.isin(self.targets, targets)
        return replace(
            self,
            targets=self.targets[chosen],
            means=self.means[chosen],
            cross=self.cross[:, chosen],
        )

    def __add__(self, other: Self) -> Self:
        """With other samples that know the same targets."""
        own, new = self.scatter.n_samples, other.scatter.n_samples
        if own + new == 0:
            return self
        share = new / (own + new)
        apart, shift = other.scatter.mean - self.scatter.mean, other.means - self.means
        return KnownSamples(
            self.targets,
            self.scatter + other.scatter,
            self.means + share * shift,
            self.cross + other.cross + own * share * np.outer(apart, shift),
        )

    def scaled(self, factor: float) -> Self:
        """Of the samples times a positive factor."""
        return replace(self, scatter=self.scatter.scaled(factor), cross=self.cross * factor)


class TargetScatters(TargetCovariance):
    """A scatter matrix for each set of samples that know the same targets.

    Parameters
    ----------
    total : ScatterCovariance
        Of all samples.
    responses : PairwiseCovariance
        Of the targets.
    known : list of KnownSamples
        For every target that some sample knows.
    """

    mergeable = True

    def __init__(
        self, total: ScatterCovariance, responses: PairwiseCovariance, known: list[KnownSamples]
    ):
        self.total, self.responses, self._known = total, responses, known

    @classmethod
    def of(
        cls,
        total: ScatterCovariance,
        responses: PairwiseCovariance,
        patterns: list[KnownSamples],
    ) -> Self:
        """From samples that know exactly the same targets."""
        groups = {}
        for target in range(responses.n_features):
            having = tuple(i for i, part in enumerate(patterns) if target in part.targets)
            groups.setdefault(having, []).append(target)
        known = [
            reduce(add, (patterns[i].of(targets) for i in having))
            for having, targets in groups.items()
            if having
        ]
        return cls(total, responses, known)

    def __add__(self, other: Self) -> Self:
        total = self.total + other.total
        if not self.counts.any():
            return TargetScatters(total, other.responses, other._known)
        if not other.counts.any():
            return TargetScatters(total, self.responses, self._known)
        own, new = (_by_targets(each._known) for each in (self, other))
        if own.keys() != new.keys():
            own, new = _split(own.values()), _split(new.values())
        known = new | own
        for targets in own.keys() & new.keys():
            known[targets] = own[targets] + new[targets]
        return TargetScatters(total, self.responses + other.responses, list(known.values()))

    def scaled(self, factor: float) -> Self:
        """Covariance of the samples times a positive factor."""
        known = [part.scaled(factor) for part in self._known]
        return TargetScatters(self.total.scaled(factor), self.responses, known)

    @property
    def raw_cross(self) -> NDArray[np.float64]:
        """Sums of (x - mean)(y - mean) over known samples, (n_features, n_targets)."""
        cross = np.zeros((self.n_features, self.n_targets))
        for part in self._known:
            cross[:, part.targets] = part.cross
        return cross

    def known_along(self, directions: NDArray) -> NDArray[np.float64]:
        """Scatter of the samples that know a target, along directions: (n_targets, k, k)."""
        along = np.zeros((self.n_targets, *[directions.shape[1]] * 2))
        for part in self._known:
            along[part.targets] = directions.T @ (part.scatter.scatter @ directions)
        return along

    def known_times(self, directions: NDArray) -> NDArray[np.float64]:
        """That scatter times one direction per target: (n_features, n_targets)."""
        products = np.zeros(directions.shape)
        for part in self._known:
            products[:, part.targets] = part.scatter.scatter @ directions[:, part.targets]
        return products


class TargetRows(TargetCovariance):
    """Kept rows and their targets: fewer samples than features, sparse, or many sets of targets.

    Parameters
    ----------
    total : Covariance
        Of all samples.
    responses : PairwiseCovariance
        Of the targets.
    rows : RowCovariance
        Rows of all samples that know a target.
    targets : Targets
        Of these rows.
    """

    def __init__(
        self,
        total: Covariance,
        responses: PairwiseCovariance,
        rows: RowCovariance,
        targets: Targets,
    ):
        self.total, self.responses, self._rows = total, responses, rows
        self._known = ~np.isnan(targets.values)
        self._weight = np.where(self._known, rows.weight[:, None], 0.0)
        self._sizes = np.maximum(self._weight.sum(axis=0), np.finfo(np.float64).tiny)
        centred = np.where(self._known, targets.values - responses.mean, 0.0)
        self._cross = rows.combine(self._weight * centred)

    @property
    def raw_cross(self) -> NDArray[np.float64]:
        """Sums of (x - mean)(y - mean) over known samples, (n_features, n_targets)."""
        return self._cross

    def known_along(self, directions: NDArray) -> NDArray[np.float64]:
        """Scatter of the samples that know a target, along directions: (n_targets, k, k)."""
        return self._along(self._rows.project(directions))

    def known_times(self, directions: NDArray) -> NDArray[np.float64]:
        """That scatter times one direction per target: (n_features, n_targets)."""
        return self._rows.combine(self._centred(self._rows.project(directions)))

    def products(self, directions: NDArray, coefficients: NDArray) -> ProductsAlong:
        """In one pass over the rows to project them, and one to combine them."""
        if self.total is not self._rows:
            return super().products(directions, coefficients)
        scores = self._rows.project(directions)
        mixtures = self._centred(scores @ coefficients)
        combined = self._rows.combine(np.hstack([self._rows.weight[:, None] * scores, mixtures]))
        total, known = np.split(combined, [scores.shape[1]], axis=1)
        return ProductsAlong(total / (self.n_samples - 1), self._along(scores), known)

    def _along(self, scores):
        along = np.zeros((self.n_targets, *[scores.shape[1]] * 2))
        means = (self._weight.T @ scores) / self._sizes[:, None]
        for target, weight in enumerate(self._weight.T):
            along[target] = scores.T @ (weight[:, None] * scores)
            along[target] -= self._sizes[target] * np.outer(means[target], means[target])
        return along

    def _centred(self, scores):
        """Scores of known samples, one column per target, about their mean and with weights."""
        return self._weight * (scores - np.sum(self._weight * scores, axis=0) / self._sizes)


def _by_targets(parts):
    return {tuple(part.targets.tolist()): part for part in parts}


def _split(parts):
    """One for each target."""
    return _by_targets(part.of(target) for part in parts for target in part.targets)
