"""Covariance of every class by itself, which later samples of any class can be added to."""

from collections.abc import Callable
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ..._labels import UNLABELLED, Labels
from .blocks import OnStep, no_step, working_dtype
from .fourth_moments import StandardizedMoments
from .labelled import LabelledCovariance
from .pooled_classes import PooledClasses
from .scatter import ScatterCovariance, scatter_covariance
from .within_class import LabelledScatter

__all__ = ["ClassCovariances", "class_covariances"]

# classes of up to so many rows are read together, in batches of so many entries
_SHORT_CLASS, _BATCH_ENTRIES = 1024, 2**19


class ClassCovariances(LabelledCovariance):
    """Covariance of every class by itself, and of the unlabelled samples.

    Parameters
    ----------
    parts : dict
        ScatterCovariance of the samples of each label, and under None of those without.
    kept_entries : float, default=inf
        Numbers in the scatter matrices of all classes beyond which a sum has one matrix for all.
    """

    mergeable = True
    kept_entries: float = np.inf  # files of earlier versions do not have it

    def __init__(self, parts: dict, kept_entries: float = np.inf):
        self.parts = parts
        if np.isfinite(kept_entries):
            self.kept_entries = kept_entries

    def __add__(self, other: LabelledCovariance) -> LabelledCovariance:
        if not isinstance(other, ClassCovariances):
            return NotImplemented
        parts = dict(self.parts)
        for label, part in other.parts.items():
            parts[label] = parts[label] + part if label in parts else part
        both = ClassCovariances(parts, min(self.kept_entries, other.kept_entries))
        return both.pooled() if len(parts) * both.n_features**2 > both.kept_entries else both

    def scaled(self, factor: float) -> Self:
        """Covariance of the samples times a positive factor."""
        parts = {label: part.scaled(factor) for label, part in self.parts.items()}
        return ClassCovariances(parts, self.kept_entries)

    def pooled(self) -> PooledClasses:
        """With one matrix for all classes."""
        labels = self.labels
        within = np.zeros((self.n_features, self.n_features))
        for label in labels:
            within += self.parts[label].scatter
        counts = {label: self.parts[label].n_samples for label in labels}
        means = {label: self.parts[label].mean for label in labels}
        return PooledClasses(self.total, counts, means, within)

    @property
    def labels(self) -> list:
        """The labels, in any order."""
        return [label for label in self.parts if label is not None]

    @property
    def n_features(self) -> int:
        """Number of features."""
        return len(next(iter(self.parts.values())).mean)

    @cached_property
    def total(self) -> ScatterCovariance:
        """Of all samples."""
        return ScatterCovariance.joined(list(self.parts.values()))

    @cached_property
    def labelled(self) -> LabelledScatter:
        """Scatter of all samples, means and covariances of the classes."""
        labels = sorted(self.labels)
        by_class = [self.parts[label] for label in labels]
        counts = np.array([part.n_samples for part in by_class])
        means = np.array([part.mean for part in by_class]).reshape(len(labels), self.n_features)
        within, pooled = np.zeros((2, self.n_features, self.n_features))
        for part in by_class:
            if part.n_samples > 1:
                within += part.scatter
                pooled += part.scatter / (part.n_samples - 1)
        return LabelledScatter(self.total, np.array(labels), counts, means, within, pooled)

    @property
    def classes(self) -> NDArray:
        """The labels, sorted."""
        return self.labelled.classes

    @property
    def counts(self) -> NDArray[np.float64]:
        """Number of samples of each class, or the sum of their weights."""
        return self.labelled.counts

    def within_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Scatter within classes of more than one sample, summed, times directions."""
        return self.labelled.within_times(directions)

    def class_scores(self, directions: NDArray) -> NDArray[np.float64]:
        """Projected means c_k of the classes, shape (n_classes, n_directions)."""
        return self.labelled.class_scores(directions)

    def centred_means(self) -> NDArray[np.float64]:
        """Means c_k of the classes, shape (n_classes, n_features)."""
        return self.labelled.offsets

    def combined_means(self, weights: NDArray) -> NDArray[np.float64]:
        """Sums of the means c_k with weights (n_classes, n_sums), shape (n_features, n_sums)."""
        return self.labelled.combined_means(weights)

    def label_matrix_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of M_sup with directions of shape (n_features, n_directions)."""
        return self.labelled.label_matrix_times(directions)

    def blended_times(self, share: float) -> Callable[[NDArray], NDArray]:
        """(1 - share) times the covariance plus share times M_sup, as a function of directions."""
        return self.labelled.blended_times(share)


def class_covariances(
    X,
    labels: Labels,
    weight: NDArray[np.float64] | None = None,
    on_block: OnStep = no_step,
) -> ClassCovariances:
    """Covariance of each class by itself: n_classes matrices of shape (n_features, n_features).

    Parameters
    ----------
    X : ndarray or sparse matrix of shape (n_samples, n_features)
        Samples.
    labels : Labels
        Their labels.
    weight : ndarray of shape (n_samples,), default=None
        Frequency weights.
    on_block : callable, default=do nothing
        Called with a name after every block.

    Returns
    -------
    ClassCovariances
        That can be added to those of other samples.
    """
    numbers = labels.codes - UNLABELLED  # from 0; small ones are sorted fast
    numbers = numbers.astype(np.min_scalar_type(len(labels.classes)))
    order, sizes = np.argsort(numbers, kind="stable"), np.bincount(numbers)
    codes = np.flatnonzero(sizes) + UNLABELLED
    groups = np.split(order, np.cumsum(sizes[sizes > 0])[:-1])
    names = [*labels.classes.tolist(), None]  # UNLABELLED is the last index
    found = {}
    if weight is None and not sparse.issparse(X):
        short = [which for which, rows in enumerate(groups) if len(rows) <= _SHORT_CLASS]
        found = _of_short_classes(X, {which: groups[which] for which in short}, on_block)
    parts = {}
    for which, rows in enumerate(groups):
        if which not in found:
            chosen = X[rows] if sparse.issparse(X) else np.take(X, rows, axis=0)
            of_rows = None if weight is None else weight[rows]
            found[which] = scatter_covariance(chosen, of_rows, on_block, fourth=True)
        parts[names[codes[which]]] = found[which]
    return ClassCovariances(parts)


def _of_short_classes(X, groups, on_block):
    """Covariances of classes of few rows each: most of the work is done for many at once."""
    found, batch, n_rows = {}, [], 0
    most = max(_SHORT_CLASS, _BATCH_ENTRIES // X.shape[1])
    for which, rows in groups.items():
        if batch and n_rows + len(rows) > most:
            found |= _of_batch(X, {one: groups[one] for one in batch})
            on_block("block of rows")
            batch, n_rows = [], 0
        batch.append(which)
        n_rows += len(rows)
    if batch:
        found |= _of_batch(X, {one: groups[one] for one in batch})
        on_block("block of rows")
    return found


def _of_batch(X, groups):
    """Covariances of some classes, from one copy of their rows."""
    sizes = np.array([len(rows) for rows in groups.values()])
    ends = np.cumsum(sizes)
    starts = ends - sizes
    rows = np.take(X, np.concatenate(list(groups.values())), axis=0)
    rows = rows.astype(working_dtype(X), copy=False)
    # about a row of each class first: a large mean costs no digits
    origin = rows[starts]
    rows = (rows - np.repeat(origin, sizes, axis=0)).astype(np.float64, copy=False)
    offset = np.add.reduceat(rows, starts, axis=0) / sizes[:, None]
    rows -= np.repeat(offset, sizes, axis=0)
    means = origin + offset
    scatters = [
        rows[start:end].T @ rows[start:end] for start, end in zip(starts, ends, strict=True)
    ]
    roots = np.sqrt(np.array([np.diag(scatter) for scatter in scatters]))
    inverse = np.divide(1.0, roots, out=np.zeros_like(roots), where=roots > 0)
    rows *= np.repeat(inverse, sizes, axis=0)
    powers = rows**2
    powers *= rows
    third = np.add.reduceat(powers, starts, axis=0)
    powers *= rows
    fourth = np.add.reduceat(powers, starts, axis=0)
    return {
        which: ScatterCovariance(
            float(sizes[place]),
            means[place],
            scatters[place],
            StandardizedMoments(third[place], fourth[place]),
        )
        for place, which in enumerate(groups)
    }
