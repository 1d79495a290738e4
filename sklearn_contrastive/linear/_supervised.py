"""SupervisedLinearContrastive: what features share, and what tells the labelled classes apart."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils import Tags, check_random_state

from .._sklearn_compat import Hidden, Interval, StrOptions, fit_context
from .._typing import MatrixLike, RandomState, VectorLike
from ..exceptions import LabelsWarning
from ._covariance.by_class import ClassMoments, LabelledRows
from ._covariance.labels import UNLABELLED, Labels, labels_of
from ._covariance.rows import rows_of
from ._covariance.scatter import moments_of
from ._covariance.within_class import class_moments_of, labelled_scatter_of
from ._factor.closed_form import supervised_closed_form
from ._factor.correlation import feature_scale
from ._factor.fit import components_asked, diagonal_model
from ._factor.held_out import best_alpha
from ._moment_estimator import MomentEstimator, Samples

__all__ = ["SupervisedLinearContrastive"]

# parts of the samples that are held out in turn to choose alpha
_FOLDS = 5
# numbers in the scatters of all classes up to which a fit keeps them for partial_fit
_KEPT_ENTRIES = 2**22


@dataclass(frozen=True)
class LabelledSamples(Samples):
    """Validated samples of one call, and their labels."""

    labels: Labels

    def of(self, rows):
        """Some of the samples."""
        weight = None if self.weight is None else self.weight[rows]
        return replace(self, values=self.values[rows], weight=weight, labels=self.labels.of(rows))


class SupervisedLinearContrastive(MomentEstimator):
    """Linear dimension reduction from a few labels and many samples without.

    Two contrastive losses are minimised together [1]_. The first knows no labels: its positive
    pairs are views of a sample that hide different features, and it finds what features share, as
    `LinearContrastive` does. In the second, samples of one class are positive pairs and samples of
    different classes negative ones, and it finds what tells the classes apart. The minimiser has a
    closed form, the leading eigenvectors of Delta(Cov)/4 + alpha M_sup, where Delta deletes the
    diagonal of the covariance and M_sup is the matrix of the supervised loss.

    Labels help where they are many and the later task asks for the same classes. They hurt where
    they are few, and where the later task is another one: `alpha` is how far they are trusted.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Number of components. "auto" estimates it from all samples, labels aside, as
        `LinearContrastive` does.

    alpha : float or "auto", default=1.0
        Weight of the labels. 0 leaves them out and is the closed form of `LinearContrastive`;
        ``numpy.inf`` uses the labels alone, and gives at most one component less than there are
        classes. "auto" takes the one of 0, 0.03, 0.1, ..., 10 whose subspace makes samples that
        were held out the most probable, labels aside.

    unlabelled : label or None, default="auto"
        What in y marks a sample without a label; ``numpy.nan`` is allowed. "auto" is -1, as
        everywhere in scikit-learn, unless labels are strings; where y holds exactly -1 and 1 it
        refuses to guess. None takes every value for a label.

    noise_weighted : bool, default=True
        Whether scores are generalised least squares, weighted by the inverse noise variances. If
        False, scores are orthogonal projections as in PCA.

    whiten : bool, default=False
        Whether scores are decorrelated and scaled to unit variance.

    solver : {"auto", "gram", "operator"}, default="auto"
        "gram" forms the (n_features, n_features) covariances once and reads the samples once.
        "operator" keeps the samples and multiplies with them. "auto" takes "gram" for at least as
        many samples as features, unless X is sparse and the covariance would be much larger than
        X.

    random_state : int, RandomState instance or None, default=None
        Draws the first directions of the eigensolver, on which the solution depends to rounding
        only, and the parts that ``alpha="auto"`` holds out.

    Attributes
    ----------
    alpha_ : float
        Weight of the labels that was used: 0 where they name fewer than two classes.

    classes_ : ndarray of shape (n_classes,)
        The classes that labels name, sorted.

    components_ : ndarray of shape (n_components_, n_features)
        Orthonormal rows that span the subspace, strongest first.

    loadings_ : ndarray of shape (n_features, n_components_)
        Components scaled by the roots of their eigenvalues.

    common_variance_ : ndarray of shape (n_components_,)
        Variance along each component that features share or classes explain; equal to
        `eigenvalues_`.

    eigenvalues_ : ndarray of shape (n_components_,)
        Leading eigenvalues of (Delta(Cov)/4 + alpha M_sup) / (1/4 + alpha), which is in squared
        units of the features for every alpha.

    explained_variance_ : ndarray of shape (n_components_,)
        Variance of the unwhitened scores of the training samples, with n - 1 in the denominator.

    explained_variance_ratio_ : ndarray of shape (n_components_,)
        Share of the total variance that orthogonal projection on each component keeps.

    singular_values_ : ndarray of shape (n_components_,)
        2-norms of the unwhitened scores of the training samples.

    noise_variance_ : ndarray of shape (n_features,)
        What the components leave of each feature's variance, above 0.

    mean_ : ndarray of shape (n_features,)
        Mean of each feature, labelled or not, in float64.

    n_components_ : int
        Number of components found; components whose eigenvalue is not positive are dropped.

    n_iter_ : int
        Eigenproblems solved.

    n_samples_ : int or float
        Number of samples; with `sample_weight`, the sum of the weights.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    LinearContrastive : Without labels, refined to the most probable factor model.
    PairedContrastive : Positive pairs that were measured.
    sklearn.discriminant_analysis.LinearDiscriminantAnalysis : Labels for all samples, and the
        covariance within classes whitened.

    Notes
    -----
    With m_k samples of class k, of mean c_k about the mean of all samples and unbiased covariance
    C_k, and m labels in all, M_sup is the mean over k of c_k c_k' with weights m_k, less the sum of
    the C_k over m, less what pairs of different classes share. Its expectation is K / (K - 1) times
    the covariance between classes, for classes of equal size: noise cancels, and no diagonal is
    deleted. A class with one sample has no positive pair, and is only what others are told from.
    With fewer than two classes the labels say nothing and are left out.

    The classes' means are taken from complete samples; NaN is refused.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).
    .. [2] Khosla et al. (2020), "Supervised Contrastive Learning", Advances in Neural Information
       Processing Systems 33.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_contrastive import SupervisedLinearContrastive
    >>> X, y = load_digits(return_X_y=True)
    >>> y[400:] = -1  # most samples have no label
    >>> model = SupervisedLinearContrastive(15, random_state=0).fit(X, y)
    >>> model.transform(X).shape
    (1797, 15)
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [
            Interval(Integral, 0, None, closed="left"),
            StrOptions({"auto"}),
            Hidden(StrOptions({"mle"})),
        ],
        "alpha": [Interval(Real, 0, np.inf, closed="both"), StrOptions({"auto"})],
        "unlabelled": "no_validation",
        "noise_weighted": ["boolean"],
        "whiten": ["boolean"],
        "solver": [StrOptions({"auto", "gram", "operator"})],
        "random_state": ["random_state"],
    }
    _mergeable = (ClassMoments,)

    def __init__(
        self,
        n_components: int | Literal["auto"] = "auto",
        *,
        alpha: float | Literal["auto"] = 1.0,
        unlabelled: Any = "auto",
        noise_weighted: bool = True,
        whiten: bool = False,
        solver: Literal["auto", "gram", "operator"] = "auto",
        random_state: RandomState = None,
    ):
        self.n_components = n_components
        self.alpha = alpha
        self.unlabelled = unlabelled
        self.noise_weighted = noise_weighted
        self.whiten = whiten
        self.solver = solver
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: MatrixLike, y: VectorLike | None = None, sample_weight: VectorLike | None = None
    ) -> Self:
        """Learn the subspace from all samples, and from the labels that there are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples. Sparse matrices (CSR, CSC) are centred implicitly.

        y : array-like of shape (n_samples,), default=None
            Class labels, numbers or strings; -1, or what `unlabelled` says, where there is none.
            None labels nothing.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequency weights: a weight of 2 is the same as the row written twice.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If y has another length than X, is continuous, contains NaN that `unlabelled` does not
            name, or holds exactly -1 and 1 while `unlabelled` is "auto". An earlier fit stays
            usable.
        """
        return self._fit(X, y, sample_weight)

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: MatrixLike, y: VectorLike | None = None, sample_weight: VectorLike | None = None
    ) -> Self:
        """Learn from more samples; any chunks in any order give what one `fit` would.

        Keeps one (n_features, n_features) scatter for every class, since later samples of a class
        change the weight of the earlier ones. A `fit` keeps them up to four million numbers in all;
        where they are more, begin with `partial_fit`. Classes may appear at any time.
        ``alpha="auto"`` is not possible: it holds out samples, which chunks do not keep.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            More samples; one row is enough.

        y : array-like of shape (n_samples,), default=None
            Their class labels.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequency weights.

        Returns
        -------
        self : object
            The estimator, up to date with all samples seen.
        """
        return self._partial_fit(X, y, sample_weight)

    def _samples(self, X, y, sample_weight, *, reset):
        samples = super()._samples(X, None, sample_weight, reset=reset)
        known = () if reset else self._moments.classes
        labels = labels_of(y, samples.values.shape[0], self.unlabelled, known)
        if samples.weight is not None:  # a class that counts for nothing is none
            codes = np.where(samples.weight > 0, labels.codes, UNLABELLED)
            labels = replace(labels, codes=codes).of(np.arange(len(codes)))
        return LabelledSamples(**vars(samples), labels=labels)

    def _moments_of(self, samples, on_step):
        if not self._forms_gram(samples.values):
            return LabelledRows(super()._moments_of(samples, on_step), samples.labels)
        if not samples.on_device:
            small = samples.values.shape[1] ** 2 * len(samples.labels.classes) <= _KEPT_ENTRIES
            read = class_moments_of if small else labelled_scatter_of
            return read(samples.values, samples.labels, samples.weight, on_step)
        total = super()._mergeable_moments(samples, on_step)
        host = self._labelled_on_host(samples)
        return replace(labelled_scatter_of(host.values, host.labels, host.weight), total=total)

    def _mergeable_moments(self, samples, on_step):
        if self.alpha == "auto":
            raise ValueError(
                'alpha="auto" holds out samples, which partial_fit does not keep. Fit once with '
                'alpha="auto" and pass the alpha_ that it finds.'
            )
        if samples.on_device:
            samples = replace(samples, values=samples.place.take(samples.values))
        return class_moments_of(samples.values, samples.labels, samples.weight, on_step)

    def _labelled_on_host(self, samples):
        """The labelled samples, where class means are formed; the others stay on the device."""
        place, rows = samples.place, np.flatnonzero(samples.labels.codes != UNLABELLED)
        chosen = place.xp.take(samples.values, place.put(rows), axis=0)
        weight = None if samples.weight is None else samples.weight[rows]
        labels = samples.labels.of(rows)
        return replace(samples, values=place.take(chosen), weight=weight, labels=labels)

    def _estimate(self, moments, samples, start, on_step):
        rng = check_random_state(self.random_state)
        scale = feature_scale(moments)
        n_asked, n_sought = components_asked(moments.total, self.n_components, scale, rng)
        self.classes_ = moments.classes
        self.alpha_ = self._alpha_of(moments, samples, n_sought, rng)
        if np.isinf(self.alpha_):
            # in a stream more classes may come: a warning a row would say nothing
            told = samples is not None
            n_sought = self._at_most_from_labels(n_sought, len(moments.classes), told)
            n_asked = min(n_asked, n_sought)
        pairs = supervised_closed_form(
            moments, self.alpha_, n_sought, rng, None if start is None else start.loadings
        )
        on_step("eigenproblem")
        model = diagonal_model(moments, scale, pairs, n_asked)
        # few labels leave some features less noise than nothing, which is no Heywood case: the
        # noise is what remains, and nothing was maximised
        return model if self.alpha_ == 0 else replace(model, floored=np.array([], int))

    def _alpha_of(self, moments, samples, n_sought, rng):
        """Weight of the labels, 0 where there is nothing to weigh."""
        n_classes = len(moments.classes)
        if n_classes < 2:
            if samples is not None and (n_classes == 1 or self.alpha == np.inf):
                named = f"one class only {moments.classes.tolist()}" if n_classes else "no class"
                _warn(
                    f"y names {named}; labels need two to tell apart and are left out, as with "
                    "alpha=0."
                )
            return 0.0
        if self.alpha != "auto":
            return float(self.alpha)
        return best_alpha(self._folds(samples, rng), n_sought, rng)

    def _at_most_from_labels(self, n_sought, n_classes, told):
        if n_sought >= n_classes and told:
            _warn(
                f"Labels of {n_classes} classes give at most {n_classes - 1} component(s), but "
                f"n_components={n_sought} with alpha=inf; the others were dropped. A finite alpha "
                "finds the others from what features share."
            )
        return min(n_sought, n_classes - 1)

    def _folds(self, samples, rng):
        """Moments of samples fitted and of samples held out, every class spread over the folds."""
        if samples.on_device:
            samples = replace(samples, values=samples.place.take(samples.values))
        codes = samples.labels.codes
        shuffled = rng.permutation(len(codes))
        fold = np.empty(len(codes), int)
        n_folds = max(1, min(_FOLDS, len(codes) // 2))
        fold[shuffled[np.argsort(codes[shuffled], kind="stable")]] = np.arange(len(codes)) % n_folds
        gram = self._forms_gram(samples.values)
        for number in range(n_folds):
            fitted, held_out = (
                samples.of(np.flatnonzero(rows)) for rows in (fold != number, fold == number)
            )
            if min(fitted.total, held_out.total) <= 1:
                continue  # no variance
            if gram:
                moments = labelled_scatter_of(fitted.values, fitted.labels, fitted.weight)
            else:
                moments = LabelledRows(rows_of(fitted.values, fitted.weight), fitted.labels)
            read = moments_of if gram else rows_of
            yield moments, read(held_out.values, held_out.weight)

    def _explain_no_going_on(self):
        raise ValueError(
            "partial_fit cannot go on from this fit, which did not keep a scatter for every class: "
            "they are large or on a device, or samples are fewer than features. Begin with "
            "partial_fit."
        )

    def _explain_missing(self, X):
        raise ValueError(
            "X contains NaN, but the means of classes need complete samples. Impute first, for "
            "instance with sklearn.impute.KNNImputer, or use LinearContrastive, which takes NaN "
            "but no labels."
        )

    def __sklearn_tags__(self) -> Tags:
        """Tags of scikit-learn: complete samples."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = False
        return tags


def _warn(text):
    warnings.warn(text, LabelsWarning, stacklevel=8)
