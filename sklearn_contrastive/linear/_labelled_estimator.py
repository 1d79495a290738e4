"""Base class of reducers that learn from labels or targets: reading them with the samples."""

from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from .._labels import UNLABELLED, as_labels, read_labels
from .._targets import NO_TARGET, lazily_names_classes, names_classes, read_targets
from ._covariance.by_class import ClassCovariances
from ._covariance.read import (
    labelled_covariance_of,
    labelled_covariance_of_chunk,
    target_covariance_of,
)
from ._covariance.samples import read_samples
from ._covariance.targets import holds_targets
from ._dask import is_dask
from ._moment_estimator import MomentEstimator
from ._moments import Moments, samples_of_moments
from ._row_chunks import RowChunks

__all__ = ["LabelledEstimator"]


class LabelledEstimator(MomentEstimator):
    """Reads samples with labels or targets: arrays, streams, moments, dask collections.

    A subclass has the parameters `alpha`, `target_type`, `unlabelled` and `solver`.
    """

    _why_complete = (
        "the means of classes need complete samples. Impute first, for instance with "
        "sklearn.impute.KNNImputer, or use LinearContrastive, which takes NaN but no labels."
    )
    _cannot_continue = (
        "partial_fit cannot continue from this fit, which did not keep a scatter for every class: "
        "they are large or on a device, or samples are fewer than features. Or samples differ much "
        "in the targets they know. Begin with partial_fit."
    )

    def _read_moments(self, moments):
        if not isinstance(moments, dict) or not moments:
            raise TypeError(
                "fit_moments of SupervisedLinearContrastive needs a dict with the Moments of each "
                f"label, but got {type(moments).__name__}. Without labels use LinearContrastive."
            )
        samples, parts = samples_of_moments(self, sum(moments.values())), {}
        for label, each in zip(self._labels_of(moments), moments.values(), strict=True):
            if each.n_samples:
                part = each._in_unit(samples.unit)
                parts[label] = parts[label] + part if label in parts else part
        return samples, ClassCovariances(parts)

    def _row_chunks(self, X, y, sample_weight):
        reader = self._reader()
        if is_dask(y):
            classes = lazily_names_classes(y, self.target_type, self.unlabelled)
        else:
            classes = y is None or names_classes(y, self.target_type, self.unlabelled)
            y = as_labels(y) if classes and y is not None else y
        reader.target_type = "classes" if classes else "continuous"
        if classes and self._marks_automatically:
            reader.unlabelled = -1  # whether it is a class depends on the labels of all chunks
        return RowChunks.of(reader._read_chunk, X, y=y, sample_weight=sample_weight)

    @property
    def _marks_automatically(self):
        return isinstance(self.unlabelled, str) and self.unlabelled == "auto"

    def _read_chunks(self, chunks):
        # M_sup needs the covariance of each class, the factor model only their sum
        pools = self.alpha == "auto"
        moments = self._moments_of(chunks, partial(_covariance_of_chunk, self._reader(), pools))
        covariance = moments.stored
        if covariance.holds_targets:
            if not covariance.counts.any():
                raise ValueError(NO_TARGET)
        else:
            self._check_labels(covariance)
            if covariance.parts is not None:  # partial_fit keeps every class
                covariance = ClassCovariances(covariance.parts)
        return samples_of_moments(self, moments), covariance

    def _check_labels(self, covariance):
        """Refuse labels that are valid in every chunk, but not together."""
        labels, n_samples = covariance.labels, covariance.n_samples
        read_labels(labels or None, len(labels), None)
        numbers = not any(isinstance(label, str) for label in labels)
        marked = n_samples - covariance.counts.sum() > 1e-9 * n_samples
        if self._marks_automatically and numbers and marked:
            read_labels([*labels, -1], len(labels) + 1)

    def _labels_of(self, moments):
        """The keys as labels, and None for those that mark samples without."""
        given = [label for label in moments if label is not None]
        labels = read_labels(given or None, len(given), self.unlabelled)
        classes = [*labels.classes.tolist(), None]  # UNLABELLED is the last index
        codes = iter(labels.codes)
        return [None if label is None else classes[next(codes)] for label in moments]

    @property
    def moments_(self) -> dict[Any, Moments]:
        """Moments of the samples of each label, and under None of those without, if kept."""
        kept = self._kept_covariance()
        if kept.holds_targets:
            raise AttributeError(
                "A fit to targets has no moments_: they are those of the samples of each label."
            )
        if kept.parts is None:
            raise AttributeError(
                "This fit has no moments_ of each label: many classes share one scatter matrix."
            )
        return {label: self._as_moments(part) for label, part in kept.parts.items()}

    def _read(self, X, y, sample_weight, streaming=False):
        samples = read_samples(self, X, sample_weight, streaming=streaming)
        earlier = getattr(self, "_covariance", None) if streaming else None
        if holds_targets(y, self.target_type, self.unlabelled, earlier):
            return self._with_targets(samples, y, earlier)
        known = () if earlier is None else earlier.classes
        labels = read_labels(y, samples.values.shape[0], self.unlabelled, known)
        if samples.weight is not None:  # a class of weight 0 is none
            codes = np.where(samples.weight > 0, labels.codes, UNLABELLED)
            labels = replace(labels, codes=codes).of(np.arange(len(codes)))
        return replace(samples, labels=labels)

    def _with_targets(self, samples, y, earlier):
        some = earlier is not None and earlier.counts.any()
        n_targets = earlier.n_targets if some else None
        targets = read_targets(y, samples.values.shape[0], n_targets, some=not samples.streaming)
        if samples.weight is not None:  # a target of weight 0 is unknown
            known = np.where(samples.weight[:, None] > 0, targets.values, np.nan)
            targets = replace(targets, values=known)
        return replace(samples, targets=targets)

    def _covariance_of(self, samples, on_step):
        if samples.targets is not None:
            return target_covariance_of(samples, self.solver, on_step)
        return labelled_covariance_of(
            samples, self.solver, on_step, with_label_matrix=self.alpha != "auto"
        )


def _covariance_of_chunk(reader, pools, samples, on_step):
    """Covariance of a chunk; it may have one scatter within all classes if they are pooled."""
    if pools and samples.targets is None:
        return labelled_covariance_of_chunk(samples, on_step)
    return reader._covariance_of(samples, on_step)
