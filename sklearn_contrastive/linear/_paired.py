"""PairedContrastive: contrastive learning from measured positive pairs."""

from numbers import Integral, Real
from typing import ClassVar, Literal, Self

import numpy as np
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from .._base import fit_progress, fitted_state_kept_on_error
from .._labels import UNLABELLED, read_labels
from .._linear_map import LinearMapTransformer
from .._signs import fix_signs
from .._sklearn_compat import Interval, StrOptions, fit_context
from .._typing import ArrayLike, FloatArray, MatrixLike, VectorLike
from .._warnings import warn
from ..exceptions import ComponentsWarning, LabelsWarning
from ._covariance.positive_pairs import (
    correlated_directions,
    positive_pair_covariance,
    shared_directions,
)
from ._covariance.samples import rounded
from ._covariance.unit import columns_in_range, scaled, unit_of
from ._loadings_frame import LoadingsFrameMixin

__all__ = ["PairedContrastive"]


class PairedContrastive(LoadingsFrameMixin, LinearMapTransformer):
    """Directions in which measured positive pairs agree.

    Where the same thing was measured twice, by two sensors, on two days, in technical replicates,
    no augmentation is needed: samples of one group are the positive pairs. Differences between the
    measurements of one group, however large, do not enter their covariance. This estimator finds
    the directions that stay the same.

    Parameters
    ----------
    n_components : int or None, default=None
        Number of components. None keeps every direction along which partners agree.

    normalization : {"none", "whitened"}, default="none"
        "none" takes directions of large covariance between partners: S+ v = lambda v. "whitened"
        takes those of large correlation, S+ v = lambda S v, the minimiser of the spectral
        contrastive loss [1]_; it matters where differences within groups are much larger than
        the shared signal [2]_.

    shrinkage : float, "auto" or None, default=None
        How far ``normalization="whitened"`` shrinks S to a multiple of the identity, in [0, 1];
        "auto" is the rule of Ledoit and Wolf. It matters where there are not many more samples than
        features: partners then agree by chance along some directions, and with fewer samples than
        features perfectly so.

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features)
        Rows that make the scores of centred samples, strongest first. Orthonormal for
        ``normalization="none"``; for "whitened" such that scores of the paired samples are
        uncorrelated and of unit variance (without shrinkage). The largest entry of each row in
        absolute value is positive.

    scoring_matrix_ : ndarray of shape (n_components_, n_features)
        The same as `components_`: scores are ``(X - mean_) @ scoring_matrix_.T``.

    loadings_ : ndarray of shape (n_features, n_components_)
        Regression coefficients of the features on the scores.

    eigenvalues_ : ndarray of shape (n_components_,)
        The lambda of each component: covariance of partners in squared units of the features, or,
        "whitened", their correlation.

    pair_correlation_ : ndarray of shape (n_components_,)
        Correlation of the scores of a sample with those of its partners: how reproducible each
        component is. Of the training samples, hence too large where they are few.

    explained_variance_ : ndarray of shape (n_components_,)
        Variance of the scores of the paired samples, with n - 1 in the denominator.

    mean_ : ndarray of shape (n_features,)
        Mean of the paired samples, in float64.

    n_components_ : int
        Number of components found.

    n_samples_ : int
        Number of samples that have a partner.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    LinearContrastive : Makes its pairs, from samples that were measured once.
    SupervisedLinearContrastive : Classes as groups, with negative pairs and unlabelled samples.
    sklearn.discriminant_analysis.LinearDiscriminantAnalysis : The same subspace as "whitened" where
        groups are classes.

    Notes
    -----
    S+ is the mean of x y' over the samples x and, for each, over the partners y in its group; S is
    the covariance of the same samples, both about their mean. With complementary random masks of a
    sample as its pair, "whitened" is PCA of the correlation matrix: whitening cancels the
    effect of removing the diagonal. With samples of one mixture component as pairs it is Fisher's
    subspace.

    ``groups`` is metadata that scikit-learn routes: with ``enable_metadata_routing`` a
    :class:`~sklearn.pipeline.Pipeline` hands it on, without it is passed as
    ``pairedcontrastive__groups``.

    References
    ----------
    .. [1] HaoChen, Wei, Gaidon and Ma (2021), "Provable Guarantees for Self-Supervised Deep
       Learning with Spectral Contrastive Loss", Advances in Neural Information Processing Systems
       34.
    .. [2] Wu, Sun and Yang (2025), "PCA++: How Uniformity Induces Robustness to Background Noise
       in Contrastive Learning", arXiv:2511.12278.

    Examples
    --------
    Two measurements of 300 subjects, with a strong disturbance that differs between the two:

    >>> import numpy as np
    >>> from sklearn_contrastive import PairedContrastive
    >>> rng = np.random.default_rng(0)
    >>> subject = np.repeat(np.arange(300), 2)
    >>> trait = rng.standard_normal((300, 1))[subject]
    >>> disturbance = 3 * rng.standard_normal((600, 1))
    >>> X = trait * [1, 1, 0, 0] + disturbance * [0, 0, 1, 1]
    >>> X = X + 0.1 * rng.standard_normal((600, 4))
    >>> model = PairedContrastive(1, normalization="whitened").fit(X, groups=subject)
    >>> bool(model.pair_correlation_[0] > 0.95)
    True
    >>> bool(abs(np.corrcoef(model.transform(X)[:, 0], trait[:, 0])[0, 1]) > 0.95)
    True
    """

    __metadata_request__fit: ClassVar[dict] = {"groups": True}

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [Interval(Integral, 1, None, closed="left"), None],
        "normalization": [StrOptions({"none", "whitened"})],
        "shrinkage": [Interval(Real, 0, 1, closed="both"), StrOptions({"auto"}), None],
    }

    def __init__(
        self,
        n_components: int | None = None,
        *,
        normalization: Literal["none", "whitened"] = "none",
        shrinkage: float | Literal["auto"] | None = None,
    ):
        self.n_components = n_components
        self.normalization = normalization
        self.shrinkage = shrinkage

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: MatrixLike, y: VectorLike | None = None, groups: VectorLike | None = None
    ) -> Self:
        """Learn the directions in which samples of one group agree.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training samples.

        y : array-like of shape (n_samples,), default=None
            Class labels, which are the groups where `groups` is None; -1 marks samples without one.

        groups : array-like of shape (n_samples,), default=None
            One label per sample, numbers or strings: rows of one group are positive pairs. A sample
            with NaN or None has no partner.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If neither groups nor y is given, if it has another length than X or is continuous, if
            y contains NaN, or if no two samples are in one group. An earlier fit stays usable.
        """
        with fitted_state_kept_on_error(self), fit_progress(self, X, y):
            X = self._validated(X, reset=True)
            dtype = X.dtype.type
            X, labels = _paired(X, self._groups(y, groups, len(X)))
            if self.n_components is not None:
                self._check_n_components(X)
            unit = 1.0 if columns_in_range(X) else unit_of(X)
            if unit != 1.0:
                X = scaled(X, 1.0 / unit)
            self._set_directions(X, positive_pair_covariance(X, labels), unit, dtype)
        return self

    def _groups(self, y, groups, n_samples):
        if groups is not None:
            return read_labels(groups, n_samples, unlabelled=np.nan, name="groups")
        if y is None:
            raise ValueError(
                "PairedContrastive requires y to be passed, but the target y is None. Pass "
                "groups=..., one label per sample, or y; rows with the same label are positive "
                "pairs."
            )
        return read_labels(y, n_samples, remedy="Pass groups=y if -1 is a group as the others are.")

    def _set_directions(self, X, pairs, unit, dtype):
        """Set the fitted attributes, of samples that were divided by the unit."""
        if self.normalization == "none":
            values, directions = shared_directions(pairs)
        else:
            values, directions = correlated_directions(pairs, self._shrinkage_of(X))
            # unit variance with n - 1 in the denominator, as everywhere in scikit-learn
            directions = directions * np.sqrt((len(X) - 1) / len(X))
        n_found = self._number_of(values)
        directions = directions[:, :n_found]
        loadings = pairs.covariance @ directions
        variances = np.sum(directions * loadings, axis=0)
        pair_variances = np.sum(directions * (pairs.pair_covariance @ directions), axis=0)
        self.pair_correlation_ = (pair_variances / variances).astype(dtype)
        loadings = np.linalg.solve(directions.T @ loadings, loadings.T)
        components = pairs.in_features(directions).T
        signs = fix_signs(components)
        variances = variances * len(X) / (len(X) - 1)
        # whitened scores have no unit, others that of the samples
        of_scores, of_inverse = (unit, 1.0) if self.normalization == "none" else (1.0, unit)
        self.components_ = rounded(components * signs[:, None] / of_inverse, dtype)
        self.loadings_ = rounded(pairs.in_features(loadings.T) * signs * of_inverse, dtype)
        with np.errstate(over="ignore"):
            self.eigenvalues_ = rounded(values[:n_found] * of_scores * of_scores, dtype)
            self.explained_variance_ = rounded(variances * of_scores * of_scores, dtype)
        self.mean_ = unit * pairs.mean
        self.n_components_ = n_found
        self.n_samples_ = len(X)

    def _shrinkage_of(self, X):
        if self.shrinkage == "auto":
            return float(ledoit_wolf_shrinkage(X - X.mean(axis=0), assume_centered=True))
        return float(self.shrinkage or 0.0)

    def _number_of(self, values):
        """How many directions are kept: never one along which partners do not agree at all."""
        rounding = len(values) * np.finfo(float).eps * np.abs(values).max(initial=0.0)
        positive = int(np.sum(values > rounding))
        requested = self.n_components
        if positive == 0:
            text = "Partners agree along no direction; transform returns no columns."
        elif requested is not None and positive < requested:
            text = (
                f"Partners agree along {positive} of {requested} components only; the others were "
                f"dropped. Set n_components to at most {positive}, or None."
            )
        else:
            return positive if requested is None else requested
        warn(text, ComponentsWarning)
        return positive

    def inverse_transform(self, X: ArrayLike) -> FloatArray:
        """Samples predicted from scores: the mean plus loadings times scores.

        ``transform(inverse_transform(scores))`` returns the scores.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components_)
            Scores.

        Returns
        -------
        X_original : ndarray of shape (n_samples, n_features)
            Prediction of a regression of the features on the scores.
        """
        check_is_fitted(self)
        return self._points_of(X, self.loadings_)

    @property
    def scoring_matrix_(self) -> FloatArray:
        """Matrix of `transform`: scores are ``(X - mean_) @ scoring_matrix_.T``."""
        return self.components_

    def __sklearn_tags__(self) -> Tags:
        """Tags of scikit-learn: pairs need groups, for which y may stand."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        return tags


def _paired(X, labels):
    """The samples that have a partner, and their groups."""
    counts = np.bincount(labels.codes[labels.codes != UNLABELLED], minlength=len(labels.classes))
    has_partner = (labels.codes != UNLABELLED) & np.r_[counts > 1, False][labels.codes]
    if not has_partner.any():
        raise ValueError(
            f"No two of the {len(X)} samples are in one group, so that there is no positive pair. "
            "Give samples that were measured together the same label in groups."
        )
    if alone := int(np.sum(counts == 1)):
        warn(
            f"{alone} of {len(X)} samples are alone in their group and were ignored.", LabelsWarning
        )
    if has_partner.all():
        return X, labels
    return X[has_partner], labels.of(has_partner)
