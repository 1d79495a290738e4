"""Masks of features: complementary views, groups, sparse samples, missing entries."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse, sparray, spmatrix

from .._features import group_members, listed
from .._typing import ArrayLike, FloatArray, StringArray

__all__ = [
    "SparseMatrix",
    "check_all_observed",
    "check_no_nan_in_sparse",
    "columns_of_stored",
    "complementary_views",
    "feature_means",
    "number_cells",
    "number_groups",
    "with_stored",
]

SparseMatrix: TypeAlias = sparray | spmatrix


def complementary_views(
    X: FloatArray, mask: NDArray[np.bool_], fill: FloatArray | float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Split samples into two complementary views: each shows the entries that the other hides.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples, centred or not. NaN is treated as any other entry.
    mask : ndarray of bool of shape (n_samples, n_features) or (n_features,)
        True where the first view hides and the second shows. One row is a mask for all samples.
    fill : float or ndarray of shape (n_features,), default=0.0
        Value of hidden entries: 0 for centred samples, the mean of the feature otherwise.

    Returns
    -------
    view_1 : ndarray of shape (n_samples, n_features)
        A x + (I - A) m, where m is `fill` and A the 0/1 diagonal of what the mask shows.
    view_2 : ndarray of shape (n_samples, n_features)
        (I - A) x + A m, so that ``view_1 + view_2 = X + fill``.

    See Also
    --------
    MaskedAugmenter : Draws the masks and computes the fill.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.augmentation._masking import complementary_views
    >>> view_1, view_2 = complementary_views(
    ...     np.array([[1.0, 2.0, 3.0]]), mask=np.array([True, False, True])
    ... )
    >>> view_1
    array([[0., 2., 0.]])
    >>> view_2
    array([[1., 0., 3.]])
    """
    # astype, because a float64 mean would make float64 views of float32 samples
    fill = np.asarray(fill).astype(X.dtype)
    return np.where(mask, fill, X), np.where(mask, X, fill)


def feature_means(X: FloatArray | SparseMatrix) -> FloatArray:
    """Mean of the observed entries of each feature in the dtype of X, summed in float64."""
    if issparse(X):  # not X.mean, which sums float32 in float32 whatever dtype it is given
        total = np.bincount(columns_of_stored(X), weights=X.data, minlength=X.shape[1])
        return (total / X.shape[0]).astype(X.dtype)
    observed = ~np.isnan(X)
    total = np.sum(X, axis=0, dtype=np.float64, where=observed)
    return (total / observed.sum(axis=0)).astype(X.dtype)


def check_no_nan_in_sparse(X: FloatArray | SparseMatrix) -> None:
    """Raise an error if sparse samples hold NaN."""
    if issparse(X) and np.isnan(X.data).any():
        raise ValueError(
            "Sparse X contains NaN, which marks a missing entry only in dense samples. Pass "
            "X.toarray(), or impute it first: sklearn.impute.SimpleImputer accepts sparse samples."
        )


def check_all_observed(X: FloatArray | SparseMatrix, names: StringArray | None) -> None:
    """Raise an error that names the features without any observed entry."""
    if issparse(X):  # entries that are not stored are 0, and NaN is an error
        return
    unobserved = np.flatnonzero(np.isnan(X).all(axis=0))
    if not unobserved.size:
        return
    raise ValueError(
        f"Every entry of {listed(unobserved, names)} is missing (NaN), so there is no mean for "
        "hidden entries; remove such features."
    )


def number_groups(
    feature_groups: ArrayLike | None, n_features: int, feature_names: NDArray | None = None
) -> NDArray[np.intp]:
    """Group number of each feature, in the order of the labels.

    Parameters
    ----------
    feature_groups : array-like of shape (n_features,) or None
        One label per feature; None makes a group of each feature.
    n_features : int
        Number of features.
    feature_names : ndarray of shape (n_features,), default=None
        Names, if the features have any.

    Returns
    -------
    group_of_feature : ndarray of int of shape (n_features,)
        From 0 to the number of groups minus 1.
    """
    group_of_feature = np.arange(n_features)
    if feature_groups is not None:
        members = group_members(feature_groups, n_features, feature_names)
        for group, features in enumerate(members.values()):
            group_of_feature[features] = group
    return group_of_feature


def with_stored(X: SparseMatrix, kept: NDArray[np.bool_]) -> SparseMatrix:
    """Copy of a sparse matrix with only some of its stored entries.

    Parameters
    ----------
    X : sparse matrix or array of shape (n_samples, n_features)
        Samples, in CSR or CSC format.
    kept : ndarray of bool of shape (X.nnz,)
        True for the entries to keep, in the order of ``X.data``.

    Returns
    -------
    X_kept : sparse matrix or array of shape (n_samples, n_features)
        In the format and dtype of X; dropped entries are not stored.
    """
    X = X.copy()
    X.data *= kept
    X.eliminate_zeros()
    return X


def columns_of_stored(X: SparseMatrix) -> NDArray[np.integer]:
    """Column of each stored entry of a CSR or CSC matrix, in the order of ``X.data``."""
    if X.format == "csr":
        return X.indices
    return np.repeat(np.arange(X.shape[1]), np.diff(X.indptr))


def number_cells(
    X: SparseMatrix, group_of_feature: NDArray[np.intp]
) -> tuple[NDArray[np.intp], int]:
    """Number the cells, pairs of a sample and a group, in which a sparse matrix stores entries.

    Parameters
    ----------
    X : sparse matrix or array of shape (n_samples, n_features)
        Samples, in CSR or CSC format.
    group_of_feature : ndarray of int of shape (n_features,)
        Number of each feature's group.

    Returns
    -------
    cell : ndarray of int of shape (X.nnz,)
        Number of the cell of each entry, in the order of ``X.data``. Cells are numbered by sample,
        then by group, so the format and the order of the features do not matter.
    n_cells : int
        Number of cells, at most ``X.nnz``.
    """
    n_groups = group_of_feature.max() + 1
    row = columns_of_stored(X.T).astype(np.int64)  # indices of int32 would overflow below
    position = row * n_groups + group_of_feature[columns_of_stored(X)]
    cells, cell = np.unique(position, return_inverse=True)
    return cell, len(cells)
