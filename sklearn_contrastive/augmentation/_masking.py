"""Masks that hide features at random: two complementary views of every sample."""

from __future__ import annotations

from numbers import Real
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse, sparray, spmatrix
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import ContrastiveEstimator, fit_progress, fitted_state_kept_on_error
from .._features import group_members, listed
from .._sklearn_compat import Interval, fit_context
from .._typing import FloatArray, MatrixLike, RandomState, StringArray

__all__ = ["MaskedAugmenter", "complementary_views"]

SparseMatrix: TypeAlias = sparray | spmatrix

_ACCEPTED = {
    "accept_sparse": ("csr", "csc"),
    "dtype": (np.float64, np.float32),
    "ensure_all_finite": "allow-nan",
}


def complementary_views(
    X: FloatArray, mask: NDArray[np.bool_], fill: FloatArray | float = 0.0
) -> tuple[FloatArray, FloatArray]:
    """Split samples into two views, each showing exactly what the other hides.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features)
        Samples, centred or not. NaN is shown and hidden as any other entry.
    mask : ndarray of bool of shape (n_samples, n_features) or (n_features,)
        True where the first view hides and the second shows. One row is a mask that all samples
        share.
    fill : float or ndarray of shape (n_features,), default=0.0
        What stands in a hidden entry: 0 for centred samples, the mean of the feature otherwise.

    Returns
    -------
    view_1 : ndarray of shape (n_samples, n_features)
        A x + (I - A) m, where m is `fill` and A the 0/1 diagonal of what the mask shows.
    view_2 : ndarray of shape (n_samples, n_features)
        (I - A) x + A m, so that ``view_1 + view_2 = X + fill``.

    See Also
    --------
    MaskedAugmenter : Draws the masks and learns the fill.

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
    # astype: a float64 mean would otherwise turn a float32 sample into float64
    fill = np.asarray(fill).astype(X.dtype)
    return np.where(mask, fill, X), np.where(mask, X, fill)


def _mean_of_features(X: FloatArray | SparseMatrix) -> FloatArray:
    """Mean of the observed entries of each feature in the dtype of X, summed in float64."""
    if issparse(X):  # not X.mean, which sums float32 in float32 whatever dtype it is given
        total = np.bincount(_column_of_stored(X), weights=X.data, minlength=X.shape[1])
        return (total / X.shape[0]).astype(X.dtype)
    observed = ~np.isnan(X)
    total = np.sum(X, axis=0, dtype=np.float64, where=observed)
    return (total / observed.sum(axis=0)).astype(X.dtype)


def _refuse_nan_in_sparse(X: FloatArray | SparseMatrix) -> None:
    if issparse(X) and np.isnan(X.data).any():
        raise ValueError(
            "Sparse X contains NaN, which stands for a missing entry in dense samples only. Pass "
            "X.toarray(), or impute it first: sklearn.impute.SimpleImputer takes sparse samples."
        )


def _refuse_unobserved(X: FloatArray | SparseMatrix, names: StringArray | None) -> None:
    """Raise an error that names the features of which every entry is missing, if there are any."""
    if issparse(X):  # what is not stored is 0, and NaN has been refused
        return
    unobserved = np.flatnonzero(np.isnan(X).all(axis=0))
    if not unobserved.size:
        return
    raise ValueError(
        f"Every entry of {listed(unobserved, names)} is missing (NaN), so that there is no mean to "
        "put where it is hidden; leave such features out."
    )


def _number_groups(feature_groups: ArrayLike | None, n_features: int) -> NDArray[np.intp]:
    """Number of each feature's group, counted in the order of the labels.

    Parameters
    ----------
    feature_groups : array-like of shape (n_features,) or None
        One label per feature; None makes a group of each feature.
    n_features : int
        Number of features.

    Returns
    -------
    group_of_feature : ndarray of int of shape (n_features,)
        From 0 to the number of groups minus 1.
    """
    group_of_feature = np.arange(n_features)
    if feature_groups is not None:
        for group, features in enumerate(group_members(feature_groups, n_features).values()):
            group_of_feature[features] = group
    return group_of_feature


def _keep_stored(X: SparseMatrix, kept: NDArray[np.bool_]) -> SparseMatrix:
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
        The format and dtype of X; what was dropped is not stored.
    """
    X = X.copy()
    X.data *= kept
    X.eliminate_zeros()
    return X


def _column_of_stored(X: SparseMatrix) -> NDArray[np.integer]:
    """Column of each stored entry of a CSR or CSC matrix, in the order of ``X.data``."""
    if X.format == "csr":
        return X.indices
    return np.repeat(np.arange(X.shape[1]), np.diff(X.indptr))


def _number_cells(
    X: SparseMatrix, group_of_feature: NDArray[np.intp]
) -> tuple[NDArray[np.intp], int]:
    """Number the cells, a sample and a group each, in which a sparse matrix stores entries.

    Parameters
    ----------
    X : sparse matrix or array of shape (n_samples, n_features)
        Samples, in CSR or CSC format.
    group_of_feature : ndarray of int of shape (n_features,)
        Number of each feature's group.

    Returns
    -------
    cell : ndarray of int of shape (X.nnz,)
        Number of the cell of each entry, in the order of ``X.data``. Cells are counted sample by
        sample and in it group by group, so that the format and the order of the features do not
        matter.
    n_cells : int
        Number of cells, at most ``X.nnz``.
    """
    n_groups = group_of_feature.max() + 1
    row = _column_of_stored(X.T).astype(np.int64)  # indices of int32 would overflow below
    position = row * n_groups + group_of_feature[_column_of_stored(X)]
    cells, cell = np.unique(position, return_inverse=True)
    return cell, len(cells)


class MaskedAugmenter(OneToOneFeatureMixin, TransformerMixin, ContrastiveEstimator):
    """Hide features at random, as a transformer and as a source of view pairs.

    This is the augmentation under which the linear contrastive loss sees the covariance matrix
    without its diagonal [1]_. A pair of views is *complementary*: what one hides, the other
    shows. Two masks drawn independently of one another would leave the diagonal, and with it
    the noise of every feature, in place. That is what :meth:`sample_views` is for.

    :meth:`transform` does something else. It applies one mask, drawn by :meth:`fit`, to all
    samples, so that the same features are missing for everyone and the outcome does not depend on
    the order or number of the samples. In a :class:`~sklearn.pipeline.Pipeline` it therefore masks
    the test data as well as the training data. Use it there to ask how much a model loses when
    features are not available, or for random subspaces: an ensemble whose members each see other
    features. It is no training-time augmentation.

    NaN marks an entry that is missing. The means are those of the observed entries. No view can
    show what is missing, so both views hold the mean there and are free of NaN; two features then
    enter the loss together through the samples that have both. :meth:`transform` leaves NaN where
    it does not hide it.

    Parameters
    ----------
    mask_rate : float, default=0.5
        Probability that an entry is hidden, in [0, 1]. The ends are the ends of a robustness
        curve: 0 hides nothing and 1 everything. For views, 0.5 is best: the expected loss holds
        the covariances with weight ``2 * mask_rate * (1 - mask_rate)``.
    feature_groups : array-like of shape (n_features,), default=None
        One label per feature, numbers or strings; features with the same label are hidden
        together. Then one view hides what the other shows of a whole group, and the loss sees the
        covariance matrix without its diagonal *blocks*. Use it where noise is shared, as between
        the channels of one sensor that drifts: with a mask for each channel, that noise would
        enter as covariance, as a signal does. None hides every feature by itself.
    random_state : int, RandomState instance or None, default=None
        Draws the mask in :meth:`fit`. Pass an int for a mask that every fit repeats.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of the observed entries of each feature, which stands in hidden entries.
    mask_ : ndarray of bool of shape (n_features,)
        True for the features that :meth:`transform` hides.
    n_features_in_ : int
        Number of features seen during :term:`fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during :term:`fit`. Defined only when `X` has feature names that are
        all strings.

    See Also
    --------
    sklearn_contrastive.linear.contrastive_loss_matrix : What a linear encoder learns from views.
    sklearn.impute.SimpleImputer : Put the mean where entries are missing already.

    Notes
    -----
    Sparse samples stay sparse: their hidden entries become 0, not the mean, which would fill the
    matrix. The two agree where the means are 0. NaN is refused in them: what a sparse matrix does
    not store is 0, not missing.

    With p for `mask_rate`, the expectation of ``view_1.T @ view_2`` over the masks of centred
    samples is p (1 - p) X'X, but 0 for a feature with itself and with those of its group. A missing
    entry counts as 0 there.

    Masks are drawn in the order of the labels of `feature_groups`. If features are permuted
    together with their labels, then so are the masks of the same seed. Groups of one feature each,
    with labels that increase, give the masks that no groups give.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive.augmentation import MaskedAugmenter
    >>> X = np.array([[1.0, 2.0, 3.0], [3.0, 6.0, 5.0]])
    >>> augmenter = MaskedAugmenter(random_state=3).fit(X)
    >>> augmenter.mean_
    array([2., 4., 4.])
    >>> augmenter.mask_
    array([False, False,  True])
    >>> augmenter.transform(X)
    array([[1., 2., 4.],
           [3., 6., 4.]])
    >>> view_1, view_2 = augmenter.sample_views(X, random_state=1)
    >>> view_1
    array([[2., 2., 4.],
           [2., 4., 4.]])
    >>> view_2
    array([[1., 4., 3.],
           [3., 6., 5.]])

    With groups, a view shows all of a sensor or nothing; what is missing is at its mean in both:

    >>> X = np.array([[0.0, 1.0, 3.0], [9.0, np.nan, 3.0], [3.0, 5.0, 9.0]])
    >>> augmenter = MaskedAugmenter(feature_groups=["left", "left", "right"]).fit(X)
    >>> augmenter.mean_
    array([4., 3., 5.])
    >>> view_1, view_2 = augmenter.sample_views(X, random_state=5)
    >>> view_1
    array([[4., 3., 3.],
           [4., 3., 3.],
           [4., 3., 9.]])
    >>> view_2
    array([[0., 1., 5.],
           [9., 3., 5.],
           [3., 5., 5.]])
    """

    _parameter_constraints = {
        "mask_rate": [Interval(Real, 0, 1, closed="both")],
        "feature_groups": ["array-like", None],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        mask_rate: float = 0.5,
        *,
        feature_groups: ArrayLike | None = None,
        random_state: RandomState = None,
    ):
        self.mask_rate = mask_rate
        self.feature_groups = feature_groups
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: MatrixLike, y: Any = None) -> MaskedAugmenter:
        """Learn the mean of each feature and draw the mask of transform.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples; NaN where an entry is missing, in dense ones.
        y : Ignored
            Not used, present here for API consistency by convention.

        Returns
        -------
        self : MaskedAugmenter
            The fitted augmenter.

        Raises
        ------
        ValueError
            If X is not a numeric matrix, holds infinity, or NaN where it is sparse; if all entries
            of a feature are missing; or if `feature_groups` does not give each feature a label.
            An earlier fit stays usable.
        """
        with fitted_state_kept_on_error(self), fit_progress(self, X, y):
            X = validate_data(self, X, **_ACCEPTED)
            _refuse_nan_in_sparse(X)
            _refuse_unobserved(X, getattr(self, "feature_names_in_", None))
            group_of_feature = _number_groups(self.feature_groups, X.shape[1])
            random_state = check_random_state(self.random_state)
            mask = random_state.uniform(size=group_of_feature.max() + 1) < self.mask_rate
            self.mean_, self.mask_ = _mean_of_features(X), mask[group_of_feature]
            self._group_of_feature = group_of_feature
        return self

    def transform(self, X: MatrixLike) -> FloatArray | SparseMatrix:
        """Hide the features of the fitted mask.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; they are not changed. NaN where an entry is missing, in dense ones.

        Returns
        -------
        X_masked : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The samples with the hidden features at their mean; sparse samples stay sparse and have
            0 there. NaN in the other features stays NaN.

        Raises
        ------
        ValueError
            If X is not a numeric matrix with the features seen by :meth:`fit`, holds infinity, or
            NaN where it is sparse.
        """
        X = self._validate(X)
        if issparse(X):
            return _keep_stored(X, ~self.mask_[_column_of_stored(X)])
        return np.where(self.mask_, self.mean_.astype(X.dtype), X)

    def sample_views(
        self, X: MatrixLike, random_state: RandomState = None
    ) -> tuple[FloatArray | SparseMatrix, FloatArray | SparseMatrix]:
        """Draw a complementary pair of views of every sample.

        Each entry of each sample, or each group of entries, is hidden in the first view with
        probability `mask_rate`, and in the second view if and only if the first one shows it. An
        entry that is missing is hidden in both.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; they are not changed. NaN where an entry is missing, in dense ones.
        random_state : int, RandomState instance or None, default=None
            Draws the masks. None takes NumPy's global state, that is, fresh masks in each call; an
            int gives the same masks each time.

        Returns
        -------
        view_1 : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The samples where the mask shows them and the mean elsewhere, free of NaN. Sparse
            samples stay sparse: masks are drawn for the stored entries only, and hidden ones
            become 0.
        view_2 : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The same with shown and hidden exchanged.

        Raises
        ------
        ValueError
            If X is not a numeric matrix with the features seen by :meth:`fit`, holds infinity, or
            NaN where it is sparse.

        Notes
        -----
        The views are arrays or sparse matrices whatever :meth:`set_output` says: that concerns
        :meth:`transform`.
        """
        X = self._validate(X)
        random_state = check_random_state(random_state)
        if issparse(X):
            if not X.has_canonical_format:  # an entry stored in two parts must not be split
                X = X.copy()
                X.sum_duplicates()
            cell, n_cells = _number_cells(X, self._group_of_feature)
            mask = (random_state.uniform(size=n_cells) < self.mask_rate)[cell]
            return _keep_stored(X, ~mask), _keep_stored(X, mask)
        n_groups = self._group_of_feature.max() + 1
        mask = random_state.uniform(size=(len(X), n_groups)) < self.mask_rate
        filled = np.where(np.isnan(X), self.mean_.astype(X.dtype), X)
        return complementary_views(filled, mask[:, self._group_of_feature], self.mean_)

    def _validate(self, X: MatrixLike) -> FloatArray | SparseMatrix:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, **_ACCEPTED)
        _refuse_nan_in_sparse(X)
        return X

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
