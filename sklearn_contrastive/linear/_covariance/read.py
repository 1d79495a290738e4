"""From samples to their covariance: the one place that chooses the kind of storage."""

from dataclasses import replace
from functools import reduce
from operator import add

import numpy as np
from scipy import sparse

from ..._labels import UNLABELLED
from ..._targets import Targets
from .base import Covariance
from .blocks import OnStep, centred_blocks
from .by_class import ClassCovariances, class_covariances
from .device import DeviceRows, device_scatter_covariance
from .incomplete_rows import IncompleteRows, unobserved_pairs
from .labelled import LabelledCovariance
from .labelled_rows import LabelledRows
from .missing import pairwise_covariance
from .pooled_classes import PooledClasses
from .rows import row_covariance
from .samples import Samples, refuse_unobserved
from .scatter import scatter_covariance
from .small_chunk import LARGEST_CHUNK, small_chunk
from .target_moments import KnownSamples, TargetCovariance, TargetRows, TargetScatters
from .within_class import labelled_scatter

__all__ = [
    "covariance_of",
    "forms_scatter",
    "labelled_covariance_of",
    "labelled_covariance_of_chunk",
    "target_covariance_of",
]

# numbers in the scatter matrices of all classes up to which a fit keeps them for partial_fit
_KEPT_ENTRIES = 2**22
# classes that have a matrix each in any case; of more, where X has so many entries for each class:
# with fewer the matrices would take longer than all the rest
_FEW_CLASSES, _ENTRIES_OF_CLASS = 32, 2**13
# rows whose products take as long as the sum of two scatter matrices
_ROWS_OF_A_SUM = 100
# sums of scatter matrices that are few
_SUMS = 64


def covariance_of(samples: Samples, solver: str, on_step: OnStep) -> Covariance:
    """Covariance of samples, in the kind of storage that suits them.

    Parameters
    ----------
    samples : Samples
        The samples.
    solver : {"auto", "gram", "operator"}
        Whether a (n_features, n_features) scatter matrix is formed.
    on_step : callable
        Called with a name after every block of rows.

    Returns
    -------
    Covariance
        Mergeable for streaming samples.

    Raises
    ------
    ValueError
        If no sample has both features of some pair, unless more samples may come.
    """
    X, weight = samples.values, samples.weight
    if samples.streaming or samples.groups is not None or forms_scatter(X, solver):
        covariance = _scatter_of(samples, on_step)
        if not samples.streaming:
            refuse_unobserved(covariance.unobserved_pairs(), samples.feature_names)
        return covariance
    if samples.missing:
        refuse_unobserved(unobserved_pairs(X), samples.feature_names)
        return IncompleteRows(X, weight)
    if samples.on_device:
        return DeviceRows(X, weight, samples.place)
    return row_covariance(X, weight)


def _scatter_of(samples, on_step):
    """Covariance that holds d x d matrices and can be added to that of other samples."""
    X, weight, fourth = samples.values, samples.weight, samples.counted
    if samples.missing:
        return pairwise_covariance(X, weight, on_step, fourth=fourth)
    if samples.on_device:
        return device_scatter_covariance(X, weight, samples.place, on_step, fourth=fourth)
    if samples.streaming and X.shape[0] <= LARGEST_CHUNK:
        on_step("block of rows")
        return small_chunk(X.toarray() if sparse.issparse(X) else X, weight)
    return scatter_covariance(X, weight, on_step, fourth=fourth)


def forms_scatter(X, solver: str) -> bool:
    """Whether the (n_features, n_features) scatter is worth its memory and its product."""
    if solver != "auto":
        return solver == "gram"
    n_samples, n_features = X.shape
    affordable = not sparse.issparse(X) or n_features**2 <= max(4 * X.nnz, 500**2)
    return n_samples >= n_features and affordable


def labelled_covariance_of(
    samples: Samples,
    solver: str,
    on_step: OnStep,
    kept_entries: int = _KEPT_ENTRIES,
    *,
    with_label_matrix: bool = True,
) -> LabelledCovariance:
    """Covariance of labelled samples, in the kind of storage that suits them.

    Parameters
    ----------
    samples : Samples
        The samples and their labels.
    solver : {"auto", "gram", "operator"}
        Whether (n_features, n_features) scatter matrices are formed.
    on_step : callable
        Called with a name after every block of rows.
    kept_entries : int, default=2**22
        Numbers in the scatter matrices of all classes up to which each class has its own.
    with_label_matrix : bool, default=True
        Whether M_sup is needed. Without it one scatter matrix of many classes is enough.

    Returns
    -------
    LabelledCovariance
        Mergeable for streaming samples, and where `kept_entries` suffice.
    """
    X, labels, weight = samples.values, samples.labels, samples.weight
    if samples.streaming:
        host = samples.place.take(X) if samples.on_device else X
        return class_covariances(host, labels, weight, on_step)
    if not forms_scatter(X, solver):
        rows = (
            DeviceRows(X, weight, samples.place) if samples.on_device else row_covariance(X, weight)
        )
        return LabelledRows(rows, labels)
    if samples.on_device:
        total = _scatter_of(samples, on_step)
        return replace(_labelled_scatter_on_host(samples, with_label_matrix), total=total)
    n_classes = len(labels.classes)
    if samples.n_features**2 * n_classes > kept_entries:
        return labelled_scatter(
            X, labels, weight, on_step, fourth=samples.counted, pooled=with_label_matrix
        )
    most = max(_FEW_CLASSES, int(np.prod(X.shape)) // _ENTRIES_OF_CLASS)
    if with_label_matrix or weight is not None or n_classes <= most:
        return class_covariances(X, labels, weight, on_step)
    return PooledClasses.of(labelled_scatter(X, labels, None, on_step, fourth=True, pooled=False))


def labelled_covariance_of_chunk(
    samples: Samples, on_step: OnStep, kept_entries: int = _KEPT_ENTRIES
) -> LabelledCovariance:
    """Covariance of one of many chunks of labelled samples, that of the others can be added to.

    Parameters
    ----------
    samples : Samples
        The chunk and its labels.
    on_step : callable
        Called with a name after every block of rows.
    kept_entries : int, default=2**22
        Numbers in the scatter matrices of all classes up to which each class has its own.

    Returns
    -------
    LabelledCovariance
        Of bounded size, however many classes the chunks have.
    """
    X, labels, weight = samples.values, samples.labels, samples.weight
    if samples.n_features**2 * len(labels.classes) > kept_entries:
        found = labelled_scatter(X, labels, weight, on_step, fourth=True, pooled=False)
        # it leaves out classes of weight 1 or less, which other chunks may have more of
        for code in np.flatnonzero(found.counts <= 1.0) if weight is not None else ():
            rows = np.flatnonzero(labels.codes == code)
            found.within[:] += scatter_covariance(X[rows], weight[rows]).scatter
        return PooledClasses.of(found)
    return ClassCovariances(class_covariances(X, labels, weight, on_step).parts, kept_entries)


def _labelled_scatter_on_host(samples, pooled):
    """Scatter of the labelled samples, which are copied to the host; the others stay there."""
    place, rows = samples.place, np.flatnonzero(samples.labels.codes != UNLABELLED)
    chosen = place.xp.take(samples.values, place.put(rows), axis=0)
    weight = None if samples.weight is None else samples.weight[rows]
    return labelled_scatter(place.take(chosen), samples.labels.of(rows), weight, pooled=pooled)


def target_covariance_of(samples: Samples, solver: str, on_step: OnStep) -> TargetCovariance:
    """Covariance of samples with targets, in the kind of storage that suits them.

    Parameters
    ----------
    samples : Samples
        The samples and their targets.
    solver : {"auto", "gram", "operator"}
        Whether (n_features, n_features) scatter matrices are formed.
    on_step : callable
        Called with a name after every block of rows.

    Returns
    -------
    TargetCovariance
        Mergeable for streaming samples, and where samples differ little in the targets they know.
    """
    X, targets, weight = samples.values, samples.targets, samples.weight
    responses = pairwise_covariance(targets.values, weight)
    if not (samples.streaming or forms_scatter(X, solver)):
        rows = (
            DeviceRows(X, weight, samples.place) if samples.on_device else row_covariance(X, weight)
        )
        return TargetRows(rows, responses, rows, targets)
    patterns = targets.patterns()
    n_samples, n_targets = targets.values.shape
    if samples.streaming or len(patterns) * n_targets <= max(_SUMS, n_samples / _ROWS_OF_A_SUM):
        return _target_scatters(samples, responses, patterns, on_step)
    some = ~np.isnan(targets.values).all(axis=1)
    total = _scatter_of(samples, on_step)
    chosen, weight = _rows_on_host(samples, some)
    known = Targets(targets.values[some])
    return TargetRows(total, responses, row_covariance(chosen, weight), known)


def _target_scatters(samples, responses, patterns, on_step):
    """Scatters of the samples that know a target, from those that know the same targets."""
    parts, values = [], samples.targets.values
    # on a device all samples are read there, and those that know a target once more on the host
    total = _scatter_of(samples, on_step) if samples.on_device else None
    for known, mask in patterns:
        if total is not None and not len(known):
            continue
        X, weight = _rows_on_host(samples, mask)
        scatter = scatter_covariance(X, weight, on_step, fourth=samples.counted)
        chosen = values if mask.all() else values[mask]
        parts.append(_known_samples(X, weight, scatter, known, chosen[:, known]))
    if total is None:
        total = reduce(add, (part.scatter for part in parts))
    return TargetScatters.of(total, responses, parts)


def _known_samples(X, weight, scatter, known, values):
    """Moments of samples with targets that all of them know."""
    weight = np.ones(len(values)) if weight is None else weight
    means = weight @ values / max(weight.sum(), np.finfo(np.float64).tiny)
    centred = weight[:, None] * (values - means)
    if sparse.issparse(X):
        return KnownSamples(known, scatter, means, X.T @ centred)
    blocks = centred_blocks(X, scatter.mean)
    cross = sum(block.T.astype(np.float64) @ centred[rows] for rows, block in blocks)
    return KnownSamples(known, scatter, means, cross)


def _rows_on_host(samples, mask):
    """Some rows, in NumPy or sparse, and their weights."""
    X, weight, place = samples.values, samples.weight, samples.place
    if not mask.all():
        rows = np.flatnonzero(mask)
        weight = None if weight is None else weight[rows]
        if samples.on_device:
            X = place.xp.take(X, place.put(rows), axis=0)
        else:
            X = X[rows] if sparse.issparse(X) else np.take(X, rows, axis=0)
    return (place.take(X) if samples.on_device else X), weight
