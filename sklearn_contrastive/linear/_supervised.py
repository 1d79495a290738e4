"""SupervisedLinearContrastive: contrastive learning from samples and labels or targets."""

from dataclasses import replace
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.utils import check_random_state

from .._sklearn_compat import Hidden, Interval, StrOptions
from .._typing import ArrayLike, MatrixLike, RandomState, VectorLike
from .._warnings import warn
from ..exceptions import LabelsWarning
from ._covariance.samples import like_samples
from ._covariance.scale import feature_scale
from ._factor.class_effects import refine_with_labels
from ._factor.closed_form import supervised_closed_form
from ._factor.fit import fit_diagonal_noise, fit_from_eigenpairs
from ._factor.n_components import count_components
from ._factor.options import FitOptions
from ._factor.target_effects import refine_with_targets, target_shares
from ._labelled_estimator import LabelledEstimator
from ._moments import Moments

__all__ = ["SupervisedLinearContrastive"]


class SupervisedLinearContrastive(LabelledEstimator):
    """Linear dimension reduction from a few labels and many samples without.

    By default the labels are evidence about the factors of `LinearContrastive`: samples of one
    class have factors that are correlated. How much is estimated for each factor. Where labels say
    nothing about the factors, as random ones do, the fit is that of `LinearContrastive`. Where they
    do, it is more accurate, and it finds directions in which classes differ although no two
    features share them. `class_shares_` tells what the labels say.

    y may also hold numbers, one or several targets per sample, NaN where one is unknown. Each is a
    linear function of the factors plus noise. A target that the factors explain no better than
    chance is left out. `target_shares_` tells how much of each target the components explain.

    With a number as `alpha`, two contrastive losses are minimised together [1]_. The first uses no
    labels: its positive pairs are complementary views of a sample. In the second, samples of one
    class are positive pairs and samples of different classes negative ones. The minimiser has a
    closed form, the leading eigenvectors of Delta(Cov)/4 + alpha M_sup, where Delta deletes the
    diagonal of the covariance and M_sup is the matrix of the supervised loss. That shows the
    theory; few labels hurt, and so do labels of another task.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Number of components. "auto" counts them from all samples, as `LinearContrastive` does. With
        ``alpha="auto"`` it adds the directions in which classes differ, or that targets show, by
        more than random labels or targets would, if the counted ones do not have them.

    alpha : float or "auto", default="auto"
        "auto" is the factor model with class effects. A number is the weight of the labels in the
        closed form: 0 leaves them out, ``numpy.inf`` uses the labels alone and gives at most one
        component less than there are classes, or one component per target.

    target_type : {"auto", "classes", "continuous"}, default="auto"
        What y holds: class labels, or numbers to predict. With "auto", several columns of numbers
        are "continuous", and so is a column of floats. A column of floats that may be labels,
        because its values repeat or are whole, is refused with the request to say which is meant.
        Integers, strings, and two whole numbers such as 0.0 and 1.0, are "classes".

    unlabelled : label or None, default="auto"
        The value in y that marks a sample without a label; ``numpy.nan`` is allowed. Unknown
        targets are NaN always. "auto" is the number -1, as everywhere in scikit-learn, also among
        strings; y with exactly the values -1 and 1 is refused as ambiguous. With None every value
        is a label.

    noise_weighted : bool, default=True
        Whether scores are generalised least squares, weighted by the inverse noise variances. If
        False, scores are orthogonal projections as in PCA.

    max_iter : int, default=200
        Largest number of eigenproblems without labels, and of steps with them; at least 1. The
        closed form, with a number as `alpha`, does not use it.

    tol : float, default=0.05
        Steps stop when noise variances and loadings are off by less than this many standard errors:
        without labels all of them, with labels on average. Earlier steps predict the rest.

    whiten : bool, default=False
        Whether scores are decorrelated and scaled to unit variance.

    solver : {"auto", "gram", "operator"}, default="auto"
        "gram" forms the (n_features, n_features) covariances once and reads the samples once.
        "operator" keeps the samples and multiplies with them. "auto" takes "gram" for at least as
        many samples as features, unless X is sparse and the covariance would be much larger than
        X. Chunks of dask are always read by "gram".

    random_state : int, RandomState instance or None, default=None
        Draws the first directions of the eigensolver. The solution depends on it less than `tol`
        allows.

    Attributes
    ----------
    alpha_ : float
        Weight of the labels in the closed form: 0 where they name fewer than two classes. Only if
        `alpha` is a number.

    class_shares_ : ndarray of shape (n_components_,)
        Share of each factor's variance that lies between the classes, the intraclass correlation:
        0 where the labels say nothing about it, 1 where they determine it. Only with
        ``alpha="auto"``.

    target_shares_ : ndarray of shape (n_targets,)
        Share of each target's variance that the components explain: adjusted R² of a linear
        regression on the scores, over the samples that know the target. 0 where these are no more
        than `n_components_` + 1. Only if y holds targets.

    classes_ : ndarray of shape (n_classes,)
        The classes that labels name, sorted. Only if y holds labels.

    components_ : ndarray of shape (n_components_, n_features)
        Orthonormal rows that span the subspace, strongest first.

    scoring_matrix_ : ndarray of shape (n_components_, n_features)
        The matrix of `transform`, in float64: the scores of complete samples are
        ``(X - mean_) @ scoring_matrix_.T``, whitening included.

    loadings_ : ndarray of shape (n_features, n_components_)
        ``components_.T * sqrt(common_variance_)``.

    common_variance_ : ndarray of shape (n_components_,)
        Variance along each component that features share or classes explain: squared singular
        values of `loadings_`.

    eigenvalues_ : ndarray of shape (n_components_,)
        Eigenvalues of Delta(Cov) in the span of the components. With a number as `alpha`, leading
        ones of (Delta(Cov)/4 + alpha M_sup) / (1/4 + alpha), in squared units of the features.

    explained_variance_ : ndarray of shape (n_components_,)
        Variance of the unwhitened scores of the training samples, with n - 1 in the denominator.

    explained_variance_ratio_ : ndarray of shape (n_components_,)
        Share of the total variance that orthogonal projection on each component keeps.

    singular_values_ : ndarray of shape (n_components_,)
        2-norms of the unwhitened scores of the training samples.

    noise_variance_ : ndarray of shape (n_features,)
        Noise variance of each feature, above 0.

    communalities_ : ndarray of shape (n_features,)
        Share of each feature's variance that the components explain, as in factor analysis: the
        row sums of squared loadings over the variance; 0 for a constant feature.

    mean_ : ndarray of shape (n_features,)
        Mean of each feature, labelled or not, in float64.

    n_components_ : int
        Number of components found; components whose eigenvalue is not positive are dropped.

    n_iter_ : int
        Eigenproblems solved, and steps with labels.

    n_samples_ : int or float
        Number of samples; with `sample_weight`, the sum of the weights.

    n_samples_seen_ : int or float
        The same as `n_samples_`, by the name that IncrementalPCA has.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    LinearContrastive : Without labels.
    PairedContrastive : Positive pairs that were measured.
    sklearn.discriminant_analysis.LinearDiscriminantAnalysis : Labels for all samples, and the
        covariance within classes whitened.

    Notes
    -----
    The model is x = mean + loadings z + noise. Two samples of a class have factors z of covariance
    B, diagonal in suitable axes, while Var(z) = I; samples of different classes, and samples
    without a label, are independent. B, loadings and noise maximise the posterior, by EM from the
    solution without labels, and from one in which class differences replace the weakest factors
    where they exceed those of random labels. The prior on the noise is that of `LinearContrastive`.
    A class with one sample counts as unlabelled, and so do all if they name one class.

    A target is y = a + g'z + noise, with its own noise. Its likelihood given x is raised to a power
    of at most 1: 1 - q / F, where F is the F statistic of its regression on the factors without
    targets, and q the 95 % quantile of F for a target that is independent of x; divided by the
    number of targets that leave the same residual. Where F is below q, the power is 0. Directions
    outside the factors that residuals of targets show beyond chance are added with
    ``n_components="auto"``; otherwise they only replace directions that no two features share.

    In the closed form, with m_k samples of class k, of mean c_k about the mean of all samples and
    unbiased covariance C_k, and m labels in all, M_sup is the mean over k of c_k c_k' with weights
    m_k, less the sum of the C_k over m, less the term of pairs of different classes. Its
    expectation is K / (K - 1) times the covariance between classes, for classes of equal size:
    noise cancels, and no diagonal is deleted. With targets, M_sup is the sum of b b' over the
    targets, with b the covariance of x with a target of unit variance.

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
    >>> model.class_shares_[:3].round(1)
    array([0.9, 0.7, 0.6])

    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> y[100:] = np.nan  # most samples have no target
    >>> model = SupervisedLinearContrastive(3, target_type="continuous", random_state=0).fit(X, y)
    >>> model.target_shares_.round(1)
    array([0.3])
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [
            Interval(Integral, 0, None, closed="left"),
            StrOptions({"auto"}),
            Hidden(StrOptions({"mle"})),
        ],
        "alpha": [Interval(Real, 0, np.inf, closed="both"), StrOptions({"auto"})],
        "target_type": [StrOptions({"auto", "classes", "continuous"})],
        "unlabelled": "no_validation",
        "noise_weighted": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "whiten": ["boolean"],
        "solver": [StrOptions({"auto", "gram", "operator"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int | Literal["auto"] = "auto",
        *,
        alpha: float | Literal["auto"] = "auto",
        target_type: Literal["auto", "classes", "continuous"] = "auto",
        unlabelled: Any = "auto",
        noise_weighted: bool = True,
        max_iter: int = 200,
        tol: float = 0.05,
        whiten: bool = False,
        solver: Literal["auto", "gram", "operator"] = "auto",
        random_state: RandomState = None,
    ):
        self.n_components = n_components
        self.alpha = alpha
        self.target_type = target_type
        self.unlabelled = unlabelled
        self.noise_weighted = noise_weighted
        self.max_iter = max_iter
        self.tol = tol
        self.whiten = whiten
        self.solver = solver
        self.random_state = random_state

    def fit(
        self, X: MatrixLike, y: ArrayLike | None = None, sample_weight: VectorLike | None = None
    ) -> Self:
        """Learn the subspace from all samples, and from the labels that there are.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples. Sparse matrices (CSR, CSC) are centred implicitly. Arrays and data
            frames of dask are read once, chunk by chunk.

        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Class labels, numbers or strings; -1, or the value of `unlabelled`, for no label. Or
            targets, numbers; NaN where one is unknown. None labels nothing. If X is of dask, in
            memory, or of dask with the chunks of X.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequency weights: a weight of 2 is the same as the row written twice. If X is of dask,
            in memory, or of dask with the chunks of X.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If y has another length than X, or may hold labels as well as targets. If labels are
            continuous, contain NaN that `unlabelled` does not name, or are exactly -1 and 1 while
            `unlabelled` is "auto". If targets are infinite, or all NaN. If a chunk of dask is
            refused, with its number. An earlier fit stays usable.
        """
        return super().fit(X, y, sample_weight)

    def partial_fit(
        self, X: MatrixLike, y: ArrayLike | None = None, sample_weight: VectorLike | None = None
    ) -> Self:
        """Learn from more samples; chunks in any order are equivalent to one `fit`.

        Keeps one (n_features, n_features) scatter for every class or target, since later samples of
        a class change the weight of the earlier ones. A `fit` keeps those of classes up to four
        million numbers in all; where they are more, begin with `partial_fit`. With
        ``alpha="auto"`` a `fit` of more than 32 classes keeps one scatter within all of them
        together, unless X has 8192 entries for each. Classes may appear at any time; targets keep
        their number.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            More samples; one row is enough.

        y : array-like of shape (n_samples,) or (n_samples, n_targets), default=None
            Their class labels or targets.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequency weights.

        Returns
        -------
        self : object
            The estimator, fitted to all samples so far.

        Raises
        ------
        ValueError
            If the chunk is refused. The message has its number: how many were read before it since
            the last fit. Those stay, and the estimator is as before the call.
        """
        return super().partial_fit(X, y, sample_weight)

    def fit_moments(self, moments: dict[Any, Moments]) -> Self:
        """Fit to moments of samples that were read elsewhere, those of each class by themselves.

        Parameters
        ----------
        moments : dict of Moments
            Moments of the samples of each label. Those of samples without a label are under None,
            or under what `unlabelled` marks.

        Returns
        -------
        self : object
            The fitted estimator.

        Examples
        --------
        >>> from sklearn.datasets import load_iris
        >>> from sklearn_contrastive import SupervisedLinearContrastive
        >>> from sklearn_contrastive.linear import Moments
        >>> X, y = load_iris(return_X_y=True)
        >>> moments = {label: Moments.from_array(X[y == label]) for label in (0, 1, 2)}
        >>> SupervisedLinearContrastive(2, random_state=0).fit_moments(moments).classes_
        array([0, 1, 2])
        """
        return super().fit_moments(moments)

    def _fit_model(self, covariance, samples, start, on_step):
        for name in ("alpha_", "classes_", "class_shares_", "target_shares_"):
            vars(self).pop(name, None)
        if not covariance.holds_targets:
            self.classes_ = covariance.classes
        if self.alpha != "auto":
            fit = self._fit_closed_form(covariance, samples, start, on_step)
        elif covariance.holds_targets:
            fit = self._fit_targets(covariance, start, on_step)
        else:
            fit = self._fit_class_effects(covariance, samples, start, on_step)
        if covariance.holds_targets:
            self.target_shares_ = like_samples(samples, target_shares(fit, covariance))
        return fit

    def _options(self, n_samples, start, on_step):
        """Options of the factor model with labels or targets."""
        rng = check_random_state(self.random_state)
        tol = self.tol * np.sqrt(2.0 / n_samples)
        return FitOptions(rng, self.max_iter, tol, start, on_step)

    def _fit_targets(self, covariance, start, on_step):
        """Factor model with targets."""
        options = self._options(covariance.n_samples, start, on_step)
        without = fit_diagonal_noise(covariance, self.n_components, options)
        adds = self.n_components == "auto"
        return refine_with_targets(without, covariance, options, adds_directions=adds)

    def _fit_class_effects(self, covariance, samples, start, on_step):
        """Factor model with class effects."""
        self._has_classes(covariance, samples)
        options = self._options(covariance.n_samples, start, on_step)
        found = refine_with_labels(
            fit_diagonal_noise(covariance, self.n_components, options),
            covariance,
            options,
            adds_directions=self.n_components == "auto",
        )
        # factors along the components; further directions have none
        axes = np.linalg.svd(found.fit.model.loadings, full_matrices=False)[2]
        shares = np.clip(np.sum(axes @ found.between * axes, axis=1), 0.0, 1.0)
        n_further = isinstance(self.n_components, Integral) * found.fit.further.shape[1]
        self.class_shares_ = like_samples(samples, np.append(shares, np.zeros(n_further)))
        return found.fit

    def _fit_closed_form(self, covariance, samples, start, on_step):
        """Minimiser of the loss of samples and labels."""
        rng = check_random_state(self.random_state)
        scale = feature_scale(covariance)
        count = count_components(covariance, self.n_components, scale, rng)
        n_requested, n_sought = count.n_requested, count.n_sought
        says = self._targets_vary if covariance.holds_targets else self._has_classes
        self.alpha_ = float(self.alpha) if says(covariance, samples) else 0.0
        if np.isinf(self.alpha_):
            n_sought = self._at_most_from_labels(n_sought, covariance, samples)
            n_requested = min(n_requested, n_sought)
        pairs = supervised_closed_form(
            covariance, self.alpha_, n_sought, rng, None if start is None else start.loadings
        )
        on_step("eigenproblem")
        fit = fit_from_eigenpairs(covariance, scale, pairs, n_requested)
        # few labels leave some features a negative residual variance, which is no Heywood case:
        # nothing was maximised
        return fit if self.alpha_ == 0 else replace(fit, floored=np.array([], int))

    def _targets_vary(self, covariance, samples):
        """Whether a target varies; a warning if they alone are used and none does."""
        if not (covariance.largest_rank or samples.streaming) and self.alpha == np.inf:
            warn(
                "No target has two different known values. The targets are left out.", LabelsWarning
            )
        return covariance.largest_rank > 0

    def _has_classes(self, covariance, samples):
        """Whether labels name at least two classes; a warning if they name one."""
        n_classes = len(covariance.classes)
        # in a stream more classes may come: no warning per row
        if n_classes < 2 and not samples.streaming and (n_classes == 1 or self.alpha == np.inf):
            named = f"one class only {self.classes_.tolist()}" if n_classes else "no class"
            warn(
                f"y names {named}; at least two classes are needed. The labels are left out.",
                LabelsWarning,
            )
        return n_classes >= 2

    def _at_most_from_labels(self, n_sought, covariance, samples):
        """Number of components that the labels or targets alone can give."""
        largest = covariance.largest_rank
        if n_sought > largest and not samples.streaming:
            given = (
                f"{largest} target(s)"
                if covariance.holds_targets
                else f"Labels of {largest + 1} classes"
            )
            warn(
                f"{given} give at most {largest} component(s), but "
                f"n_components={n_sought} with alpha=inf; the others were dropped. A finite alpha "
                "finds the others from the variance that features share.",
                LabelsWarning,
            )
        return min(n_sought, largest)
