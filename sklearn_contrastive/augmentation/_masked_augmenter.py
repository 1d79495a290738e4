"""MaskedAugmenter: random masking of features, as a transformer and as complementary views."""

from numbers import Real
from typing import Any, Self

import numpy as np
from scipy.sparse import issparse
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from .._base import ContrastiveEstimator, fit_progress, fitted_state_kept_on_error
from .._input import readable
from .._sklearn_compat import Interval, fit_context
from .._typing import ArrayLike, FloatArray, MatrixLike, RandomState
from ._masking import (
    SparseMatrix,
    check_all_observed,
    check_no_nan_in_sparse,
    columns_of_stored,
    complementary_views,
    feature_means,
    number_cells,
    number_groups,
    with_stored,
)

__all__ = ["MaskedAugmenter"]

_ACCEPTED = {
    "accept_sparse": ("csr", "csc"),
    "dtype": (np.float64, np.float32),
    "ensure_all_finite": "allow-nan",
}


class MaskedAugmenter(OneToOneFeatureMixin, TransformerMixin, ContrastiveEstimator):
    """Hide random features, as a transformer and as a source of pairs of views.

    With this augmentation, the linear contrastive loss uses the covariance matrix without its
    diagonal [1]_. :meth:`sample_views` draws *complementary* views: each entry is shown in one view
    and hidden in the other. With two independent masks, the diagonal would remain, and with it the
    noise of every feature.

    :meth:`transform` applies one mask, drawn by :meth:`fit`, to all samples. So the same features
    are hidden in all samples, and the result does not depend on the order or number of the samples.
    In a :class:`~sklearn.pipeline.Pipeline` it also masks the test data. Use it there to measure
    how much a model loses without some features, or for random subspaces: an ensemble whose members
    use different features. Do not use it to augment training data only.

    NaN marks a missing entry. The means are those of the observed entries. Both views hold the mean
    in place of a missing entry and have no NaN; the loss then uses a pair of features only in the
    samples that have both. :meth:`transform` keeps NaN in the features that it does not hide.

    Parameters
    ----------
    mask_rate : float, default=0.5
        Probability that an entry is hidden, in [0, 1]: 0 hides nothing and 1 everything, the two
        ends of a robustness curve. For views, 0.5 is best: the weight of the covariances in the
        expected loss is ``2 * mask_rate * (1 - mask_rate)``.
    feature_groups : array-like of shape (n_features,), default=None
        One label per feature, numbers or strings; features with the same label are hidden
        together. Then each group is shown in one view and hidden in the other, and the loss uses
        the covariance matrix without its diagonal *blocks*. Use it if features share noise, as the
        channels of one sensor that drifts: with a mask for each channel, this noise would count as
        covariance, as a signal does. None hides every feature independently.
    random_state : int, RandomState instance or None, default=None
        Draws the mask in :meth:`fit`. Pass an int for the same mask in every fit.

    Attributes
    ----------
    mean_ : ndarray of shape (n_features,)
        Mean of the observed entries of each feature, the value of hidden entries.
    mask_ : ndarray of bool of shape (n_features,)
        True for the features that :meth:`transform` hides.
    n_features_in_ : int
        Number of features seen during :term:`fit`.
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Names of features seen during :term:`fit`. Defined only when `X` has feature names that are
        all strings.

    See Also
    --------
    sklearn_contrastive.linear.contrastive_loss_matrix : The loss of a linear encoder on views.
    sklearn.impute.SimpleImputer : Replace missing entries by the mean.

    Notes
    -----
    Sparse samples stay sparse: their hidden entries become 0, not the mean, which would fill the
    matrix. The two agree if the means are 0. Sparse samples with NaN raise an error: an entry that
    is not stored is 0, not missing.

    With p for `mask_rate`, the expectation of ``view_1.T @ view_2`` over the masks of centred
    samples is p (1 - p) X'X, but 0 for two features of the same group and on the diagonal. Missing
    entries count as 0.

    Masks are drawn in the order of the labels of `feature_groups`. A permutation of the features
    and their labels permutes the masks of a seed in the same way. Groups of one feature each, with
    increasing labels, give the same masks as None.

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

    With groups, a view shows all features of a sensor or none; a missing entry is at its mean in
    both views:

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
    def fit(self, X: MatrixLike, y: Any = None) -> Self:
        """Learn the mean of each feature and draw the mask of transform.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples; NaN for missing entries, in dense samples.
        y : Ignored
            Not used, present here for API consistency by convention.

        Returns
        -------
        self : MaskedAugmenter
            The fitted augmenter.

        Raises
        ------
        ValueError
            If X is not a numeric matrix, holds infinity, or is sparse with NaN; if all entries of a
            feature are missing; or if `feature_groups` does not give each feature a label. An
            earlier fit stays usable.
        """
        with fitted_state_kept_on_error(self), fit_progress(self, X, y):
            X = validate_data(self, readable(self, X), **_ACCEPTED)
            check_no_nan_in_sparse(X)
            check_all_observed(X, getattr(self, "feature_names_in_", None))
            names = getattr(self, "feature_names_in_", None)
            group_of_feature = number_groups(self.feature_groups, X.shape[1], names)
            random_state = check_random_state(self.random_state)
            mask = random_state.uniform(size=group_of_feature.max() + 1) < self.mask_rate
            self.mean_, self.mask_ = feature_means(X), mask[group_of_feature]
            self._group_of_feature = group_of_feature
        return self

    def transform(self, X: MatrixLike) -> FloatArray | SparseMatrix:
        """Hide the features of the fitted mask.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; not changed in place. NaN for missing entries, in dense samples.

        Returns
        -------
        X_masked : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The samples with the hidden features at their mean; sparse samples stay sparse and have
            0 there. NaN in the other features stays NaN.

        Raises
        ------
        ValueError
            If X is not a numeric matrix with the features seen by :meth:`fit`, holds infinity, or
            is sparse with NaN.
        """
        X = self._validate(X)
        if issparse(X):
            return with_stored(X, ~self.mask_[columns_of_stored(X)])
        return np.where(self.mask_, self.mean_.astype(X.dtype), X)

    def sample_views(
        self, X: MatrixLike, random_state: RandomState = None
    ) -> tuple[FloatArray | SparseMatrix, FloatArray | SparseMatrix]:
        """Draw two complementary views of every sample.

        Each entry of each sample, or each group of entries, is hidden in the first view with
        probability `mask_rate`, and in the second view if and only if the first one shows it. A
        missing entry is hidden in both.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; not changed in place. NaN for missing entries, in dense samples.
        random_state : int, RandomState instance or None, default=None
            Draws the masks. None uses NumPy's global state, that is, new masks in each call; an int
            gives the same masks in each call.

        Returns
        -------
        view_1 : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The samples with the mean in hidden entries, without NaN. Sparse samples stay sparse:
            masks are drawn for the stored entries only, and hidden entries become 0.
        view_2 : {ndarray, sparse matrix} of shape (n_samples, n_features)
            The same with the opposite mask.

        Raises
        ------
        ValueError
            If X is not a numeric matrix with the features seen by :meth:`fit`, holds infinity, or
            is sparse with NaN.

        Notes
        -----
        The views are arrays or sparse matrices for any setting of :meth:`set_output`, which changes
        only :meth:`transform`.
        """
        X = self._validate(X)
        random_state = check_random_state(random_state)
        if issparse(X):
            cell, n_cells = number_cells(X, self._group_of_feature)
            mask = (random_state.uniform(size=n_cells) < self.mask_rate)[cell]
            return with_stored(X, ~mask), with_stored(X, mask)
        n_groups = self._group_of_feature.max() + 1
        mask = random_state.uniform(size=(len(X), n_groups)) < self.mask_rate
        filled = np.where(np.isnan(X), self.mean_.astype(X.dtype), X)
        return complementary_views(filled, mask[:, self._group_of_feature], self.mean_)

    def _validate(self, X: MatrixLike) -> FloatArray | SparseMatrix:
        check_is_fitted(self)
        X = validate_data(self, readable(self, X), reset=False, **_ACCEPTED)
        check_no_nan_in_sparse(X)
        return X

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32"]
        return tags
