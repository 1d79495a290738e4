"""Scatter of all samples and within classes, in one pass over labelled samples."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from sklearn.utils import gen_batches

from ..._labels import UNLABELLED, Labels
from .blocks import OnStep, centred_blocks, no_step, working_dtype
from .fourth_moments import PowerSums, power_sums
from .labelled import LabelledCovariance, negative_weights, positive_weights
from .scatter import LOST_FACTOR, ScatterCovariance, scatter_covariance

__all__ = ["LabelledScatter", "labelled_scatter"]

# rows that are centred on their classes' means at once
_BLOCK_ROWS, _BLOCK_ENTRIES = 2048, 2**21
# rows of a class in a block below which subtracting class by class is slower than all at once
_SHORT_PIECE = 32
# rows of one class size in a block below which a product of its own is slower than a second one of
# the whole block
_THIN_PART = 160
# largest scatter of means by class, in units of that within classes, that is subtracted from the
# scatter of all rows: two digits are lost
_LARGEST_BETWEEN = 100.0


@dataclass(frozen=True, eq=False)
class LabelledScatter(LabelledCovariance):
    """Scatter of all samples, means of the classes, and what varies within them.

    Parameters
    ----------
    total : ScatterCovariance
        Of all samples.
    classes : ndarray of shape (n_classes,)
        Their labels.
    counts : ndarray of shape (n_classes,)
        Number m_k of samples of each class, or the sum of their weights.
    means : ndarray of shape (n_classes, n_features)
        Mean of each class.
    within : ndarray of shape (n_features, n_features)
        Sum over classes of more than one sample of their scatters.
    pooled : ndarray of shape (n_features, n_features) or None
        Sum over the same classes of their unbiased covariances C_k, if it was read: the label
        matrix needs it.
    """

    total: ScatterCovariance
    classes: NDArray
    counts: NDArray[np.float64]
    means: NDArray[np.float64]
    within: NDArray[np.float64]
    pooled: NDArray[np.float64] | None

    @cached_property
    def offsets(self) -> NDArray[np.float64]:
        """Means c_k of the classes about the mean of all samples, (n_classes, n_features)."""
        return self.means - self.total.mean

    @cached_property
    def positive_matrix(self) -> NDArray[np.float64]:
        """Contribution of the positive pairs, (1/m) sum_k (m_k c_k c_k' - C_k); shape (d, d)."""
        if self.pooled is None:
            raise TypeError("The matrix of the supervised loss needs the covariances C_k.")
        matrix = self.offsets.T @ (positive_weights(self.counts)[:, None] * self.offsets)
        matrix -= self.pooled
        matrix /= self.counts.sum() or 1.0
        return matrix

    @cached_property
    def label_matrix(self) -> NDArray[np.float64]:
        """M_sup, of shape (n_features, n_features); 0 for fewer than two classes."""
        if len(self.counts) < 2:
            return np.zeros_like(self.within)
        negative = self.offsets.T @ (negative_weights(self.counts) @ self.offsets)
        return self.positive_matrix - negative / self.counts.sum()

    def label_matrix_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Product of M_sup with directions of shape (n_features, n_directions)."""
        return self.label_matrix @ directions

    def within_times(self, directions: NDArray) -> NDArray[np.float64]:
        """Scatter within classes of more than one sample, summed, times directions."""
        return self.within @ directions

    def class_scores(self, directions: NDArray) -> NDArray[np.float64]:
        """Projected means c_k of the classes, shape (n_classes, n_directions)."""
        return self.offsets @ directions

    def centred_means(self) -> NDArray[np.float64]:
        """Means c_k of the classes, shape (n_classes, n_features)."""
        return self.offsets

    def combined_means(self, weights: NDArray) -> NDArray[np.float64]:
        """Sums of the means c_k with weights (n_classes, n_sums), shape (n_features, n_sums)."""
        return self.offsets.T @ weights

    def blended_times(self, share: float) -> Callable[[NDArray], NDArray]:
        """(1 - share) times the covariance plus share times M_sup, as a function of directions."""
        if share in (0.0, 1.0):
            return super().blended_times(share)
        # one d x d matrix, not two, for all the products of the eigensolver
        matrix = self.total.scatter * ((1.0 - share) / (self.n_samples - 1))
        matrix += share * self.label_matrix
        return lambda directions: matrix @ directions


def labelled_scatter(
    X,
    labels: Labels,
    weight: NDArray[np.float64] | None = None,
    on_block: OnStep = no_step,
    block_rows: int | None = None,
    *,
    fourth: bool = False,
    pooled: bool = True,
) -> LabelledScatter:
    """One pass over the samples for the scatter of all and the covariances within classes.

    Classes of one size share the divisor m_k - 1, so that their rows, each centred on the mean of
    its class, go into one product; the scatter of all samples is the sum of those products and
    that of the means.

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
    block_rows : int, default=None
        Rows of a block; None for as many as make products fast.
    fourth : bool, default=False
        Whether third and fourth moments of all samples are read as well.
    pooled : bool, default=True
        Whether the sum of the covariances C_k is read: with many classes that takes as long as
        all the rest.

    Returns
    -------
    LabelledScatter
        In float64.
    """
    if not pooled and weight is None and not sparse.issparse(X):
        found = _difference_of_scatters(X, labels, on_block, fourth)
        if found is not None:
            return found
    weight = np.ones(X.shape[0]) if weight is None else weight
    counted = np.bincount(labels.codes + 1, weight, minlength=len(labels.classes) + 1)
    counts = counted[1:]
    if sparse.issparse(X):
        return _scatter_of_sparse(X, labels, weight, counts, on_block, fourth, pooled)
    # the unlabelled are a class with a mean of its own here
    codes, share = labels.codes + 1, np.r_[0.0, _pooled_share(counts)]
    free, within = np.zeros((2, X.shape[1], X.shape[1]))
    sum_of_each = np.zeros_like(within) if pooled else None
    paired, weighted, place = share[codes] > 0, weight > 0, _places(share)[codes]
    n_rows = block_rows or max(_BLOCK_ROWS, _BLOCK_ENTRIES // X.shape[1])
    means = np.zeros((len(counted), X.shape[1]))
    for rows, scatter in ((weighted & ~paired, free), (weighted & paired, within)):
        rows = np.flatnonzero(rows)
        rows = rows[np.argsort(place[rows], kind="stable")]
        pieces = []
        for start in range(0, len(rows), n_rows):
            block = rows[start : start + n_rows]
            centred = np.take(X, block, axis=0).astype(working_dtype(X), copy=False)
            pieces.append(_centre_pieces(centred, codes[block], weight[block]))
            _add_products(centred, share[codes[block]], scatter, sum_of_each)
            on_block("block of rows")
        means += _merge_pieces(pieces, share, scatter, sum_of_each, len(counted))
    total = _with_means(free + within, counted, means)
    if fourth:
        total = replace(total, moments=_moments_of(X, weight, total))
    return LabelledScatter(total, labels.classes, counts, means[1:], within, sum_of_each)


def _difference_of_scatters(X, labels, on_block, fourth):
    """The scatter of all rows less that of the classes' means, without sorting rows by class.

    None if rows have no label, or means differ so much that digits would cancel.
    """
    if np.any(labels.codes == UNLABELLED):
        return None
    total = scatter_covariance(X, None, on_block, fourth=fourth)
    counts = np.bincount(labels.codes).astype(np.float64)
    sums = _sums_about_the_mean(X, labels, counts, total)
    offsets = sums / counts[:, None]
    between = offsets.T @ sums
    within = total.scatter - between
    if np.any(np.diag(between) > _LARGEST_BETWEEN * np.diag(within)):
        return None
    return LabelledScatter(total, labels.classes, counts, total.mean + offsets, within, None)


def _sums_about_the_mean(X, labels, counts, total):
    """Sums of the rows of each class, less the mean of all rows."""
    sums, mean = np.zeros((len(counts), X.shape[1])), total.mean
    dtype = working_dtype(X)
    # a small mean is subtracted from the sums, which saves a pass over the rows
    after = np.all(mean**2 <= LOST_FACTOR[dtype] * np.diag(total.scatter) / total.n_samples)
    raw = ((rows, X[rows]) for rows in gen_batches(len(X), _BLOCK_ROWS))
    for rows, block in raw if after else centred_blocks(X, mean):
        codes = labels.codes[rows]
        members = (np.ones(len(codes), dtype), codes, np.arange(len(codes) + 1))
        members = sparse.csc_array(members, shape=(len(counts), len(codes)))
        sums += members @ np.asarray(block, dtype)
    return sums - counts[:, None] * mean if after else sums


def _places(share):
    """Places of the classes in ascending order of their shares; small numbers are sorted fast."""
    order = np.argsort(share, kind="stable")
    places = np.empty(len(order), np.min_scalar_type(len(order)))
    places[order] = np.arange(len(order))
    return places


def _pooled_share(counts):
    """Share 1 / (m_k - 1) of a class's scatter in the sum of covariances within classes."""
    return np.divide(1.0, counts - 1, out=np.zeros(len(counts)), where=counts > 1)


@dataclass(frozen=True)
class _Pieces:
    """Classes in a block of rows that is sorted by class."""

    codes: NDArray[np.intp]
    counts: NDArray[np.float64]
    means: NDArray[np.float64]


def _centre_pieces(block, codes, weight):
    """Put each row, in place, about the mean of its class in the block, times its weight's root."""
    starts = np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]])
    bounds = np.r_[starts, len(codes)]
    dtype = block.dtype
    counts = np.add.reduceat(weight, starts)
    # float32 sums lose the digits by which a mean exceeds deviations: about a row of each piece
    origin = np.zeros((len(starts), block.shape[1]))
    if dtype == np.float32:
        origin = block[starts].astype(np.float64)
        _subtract(block, block[starts], bounds)
    gathered = sparse.csr_array((weight.astype(dtype), np.arange(len(codes)), bounds))
    offsets = (gathered @ block).astype(np.float64) / counts[:, None]
    _subtract(block, offsets.astype(dtype), bounds)
    if np.any(weight != 1):
        block *= np.sqrt(weight)[:, None].astype(dtype)
    return _Pieces(codes[starts], counts, origin + offsets)


def _subtract(block, points, bounds, short_piece=_SHORT_PIECE):
    """Subtract from the rows of each piece its point, in place."""
    if len(points) * short_piece > len(block):
        block -= np.repeat(points, np.diff(bounds), axis=0)
        return
    # long pieces: without a second array of the block's size
    for piece, point in enumerate(points):
        block[bounds[piece] : bounds[piece + 1]] -= point


def _add_products(block, share, within, pooled):
    """Add the rows' products to `within`, and times their shares, which ascend, to `pooled`."""
    if pooled is None:
        within += block.T @ block
        return
    cuts = np.flatnonzero(np.diff(share)) + 1
    if len(cuts) and (len(cuts) + 1) * _THIN_PART > len(block):
        within += block.T @ block
        block *= np.sqrt(share)[:, None].astype(block.dtype)
        pooled += block.T @ block
        return
    for part, of_part in zip(np.split(block, cuts), share[np.r_[0, cuts]], strict=True):
        product = part.T @ part
        within += product
        if of_part:
            product *= of_part
            pooled += product


def _merge_pieces(pieces, share, within, pooled, n_classes):
    """Means of all classes; the scatter between the pieces of a class cut by blocks is added.

    A class in one piece adds nothing.
    """
    if not pieces:
        return np.zeros((n_classes, len(within)))
    owner = np.concatenate([piece.codes for piece in pieces])
    count = np.concatenate([piece.counts for piece in pieces])
    centre = np.concatenate([piece.means for piece in pieces])
    members, first, merged = np.unique(owner, return_index=True, return_inverse=True)
    offsets = centre - centre[first][merged]
    gathered = sparse.csr_array((count, (merged, np.arange(len(owner)))))
    mean = (gathered @ offsets) / np.bincount(merged, count)[:, None]
    between = offsets - mean[merged]
    cut = np.flatnonzero(between.any(axis=1))
    weighted = count[cut, None] * between[cut]
    within += between[cut].T @ weighted
    if pooled is not None:
        pooled += between[cut].T @ (share[owner[cut], None] * weighted)
    means = np.zeros((n_classes, len(within)))
    means[members] = centre[first] + mean
    return means


def _with_means(within, counts, means):
    """Covariance of all samples from the scatter within classes and the classes' means."""
    n_samples = counts.sum()
    if n_samples == 0:
        return ScatterCovariance.empty(len(within))
    origin = means[np.argmax(counts)]
    offsets = np.where(counts[:, None] > 0, means - origin, 0.0)
    offset = counts @ offsets / n_samples
    between = offsets - offset
    within += between.T @ (counts[:, None] * between)
    return ScatterCovariance(float(n_samples), origin + offset, within)


def _moments_of(X, weight, total):
    """Third and fourth moments of dense rows about the mean of all samples."""
    squares = np.diag(total.scatter)
    deviation = np.sqrt(np.maximum(squares, 0.0) / max(total.n_samples, 1.0))
    sums = np.zeros((2, X.shape[1]))
    for rows, block in centred_blocks(X, total.mean):
        powers = power_sums(block, weight[rows], deviation)
        sums += powers.third, powers.fourth
    powers = PowerSums(*sums, powers.unit)
    return powers.standardized(total.n_samples, np.zeros(X.shape[1]), squares)


def _scatter_of_sparse(X, labels, weight, counts, on_block, fourth, pooled):
    """Sparse rows are centred in the algebra: two products, of all rows and of labelled ones."""
    total = scatter_covariance(X, weight, on_block, fourth=fourth)
    labelled = np.flatnonzero(labels.codes != UNLABELLED)
    codes = labels.codes[labelled]
    X, weight = sparse.csr_array(X)[labelled].astype(np.float64), weight[labelled]
    sums = sparse.csr_array(
        (weight, (codes, np.arange(len(codes)))), shape=(len(counts), len(codes))
    )
    means = (sums @ X).toarray() / np.where(counts > 0, counts, 1.0)[:, None]
    share = _pooled_share(counts)
    within, sum_of_each = (
        _scatter_within(X, weight, codes, means, counts, of_class) if read else None
        for of_class, read in ((share > 0, True), (share, pooled))
    )
    return LabelledScatter(total, labels.classes, counts, means, within, sum_of_each)


def _scatter_within(X, weight, codes, means, counts, of_class):
    """Scatters of the classes, summed with a weight of each."""
    scatter = (X.T @ sparse.csr_array(sparse.diags_array(weight * of_class[codes]) @ X)).toarray()
    scatter -= means.T @ ((counts * of_class)[:, None] * means)
    return scatter
