"""LinearContrastive: the covariance without its diagonal, in PCA's place."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import ClassVar, Literal, Self

import numpy as np
from scipy import sparse
from sklearn.utils import check_random_state

from .._base import fit_progress, fitted_state_kept_on_error
from .._sklearn_compat import (
    Hidden,
    Interval,
    RealNotInt,
    StrOptions,
    check_sample_weight,
    fit_context,
)
from .._typing import MatrixLike, RandomState, VectorLike
from ._diagnostics import findings
from ._estimation import estimate_factor_model, warm_start
from ._factor_transformer import FactorTransformer
from ._moments import SecondMoments, moments_of, working_dtype
from ._row_moments import rows_of

__all__ = ["LinearContrastive"]


class LinearContrastive(FactorTransformer):
    """Linear dimension reduction that noise of unequal strength does not mislead.

    PCA looks for directions of large variance, and a few noisy features are enough to provide
    them. This estimator looks for what features have in common: the contrastive loss over two
    views of each sample, one hiding the features that the other shows, has a closed-form
    minimiser, the leading eigenvectors of the covariance *without its diagonal* [1]_. Noise that
    is independent between features never enters there.

    By default that solution is refined to the most probable factor model, and scores are weighted
    by the estimated noise; ``max_iter=0, noise_weighted=False`` is the closed form alone.

    Parameters
    ----------
    n_components : int, float, "auto" or None, default="auto"
        Number of components. "auto" estimates it: the eigenvalues of the noise-whitened
        covariance that pure noise of this size would not reach. A float in (0, 1) keeps the
        leading directions that hold this share of the common variance (the positive eigenvalues
        of the contrastive matrix), None every positive direction.

    noise_weighted : bool, default=True
        Whether scores are generalised least squares, weighted by the inverse noise variances
        (Bartlett's factor scores [2]_ in the orthonormal basis). If False, scores are orthogonal
        projections as in PCA. Weighting matters when some features are much noisier than others.

    max_iter : int, default=100
        Largest number of eigenproblems of the refinement. With 0 the closed form is used as it
        is; refinement matters where there are few features for many components or where components
        differ greatly in strength.

    tol : float, default=1e-6
        Refinement stops when no noise variance changes by more than this share of itself.

    whiten : bool, default=False
        Whether scores are decorrelated and scaled to unit variance, as for PCA, by the symmetric
        inverse square root of their covariance. `inverse_transform` undoes it.

    solver : {"auto", "gram", "operator"}, default="auto"
        "gram" forms the (n_features, n_features) covariance once and reads the samples once.
        "operator" keeps the samples and multiplies with them. "auto" takes "gram" for at least as
        many samples as features, unless X is sparse and the covariance would be much larger than
        X.

    random_state : int, RandomState instance or None, default=None
        Draws the first directions of the eigensolver. The solution depends on it to rounding only;
        an int makes even the last digits repeatable.

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features)
        Orthonormal rows that span the signal subspace, strongest first. The largest entry of each
        row in absolute value is positive, as in PCA.

    loadings_ : ndarray of shape (n_features, n_components_)
        Covariances of features with factors of unit variance; `components_` are the left singular
        vectors.

    common_variance_ : ndarray of shape (n_components_,)
        Variance that the features share along each component: squared singular values of
        `loadings_`.

    eigenvalues_ : ndarray of shape (n_components_,)
        Leading eigenvalues of the contrastive matrix, signed, largest first.

    explained_variance_ : ndarray of shape (n_components_,)
        Variance of the unwhitened scores of the training samples, with n - 1 in the denominator.

    explained_variance_ratio_ : ndarray of shape (n_components_,)
        Share of the total variance that orthogonal projection on each component keeps. With
        weighted scores this is not `explained_variance_` over the total.

    singular_values_ : ndarray of shape (n_components_,)
        2-norms of the unwhitened scores of the training samples.

    noise_variance_ : ndarray of shape (n_features,)
        Estimated noise variance of each feature, above 0.

    mean_ : ndarray of shape (n_features,)
        Mean of each feature, in float64: float32 would round a mean of 1e4 by 5e-4.

    n_components_ : int
        Number of components found.

    n_iter_ : int
        Eigenproblems solved, the closed form's included.

    n_samples_ : int or float
        Number of samples; with `sample_weight`, the sum of the weights.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of features seen during fit, if all are strings.

    See Also
    --------
    MaskedAugmenter : The random masking whose contrastive loss this minimises.
    sklearn.decomposition.PCA : Directions of large variance; best when noise is equal.
    sklearn.decomposition.FactorAnalysis : The same model, by iterations over the samples.

    Notes
    -----
    The model is x = mean + loadings z + noise with independent noise of variance
    `noise_variance_`. Refinement starts from the closed form on the correlation scale and maximises
    the likelihood by Newton steps on the noise variances, each of which needs one small
    eigenproblem and no further look at the samples. A log-normal prior that counts as one sample
    keeps the noise of a feature from vanishing. The scores take no noise variance to be less than
    0.3 of the feature's variance: less would let one feature rule them all. A factor that
    only one feature sees cannot be told from that feature's noise: `ComponentsWarning` says so.
    Constant features take no part; their noise variance is the smallest of the others'.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).
    .. [2] Bartlett (1937), "The statistical conception of mental factors", British Journal of
       Psychology 28.

    Examples
    --------
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> X, truth = make_spiked_covariance(
    ...     2000, 100, 3, noise=[3.0] * 5 + [0.5] * 95, random_state=0
    ... )
    >>> model = LinearContrastive(random_state=0).fit(X)
    >>> model.n_components_
    3
    >>> model.transform(X).shape
    (2000, 3)
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [
            Interval(Integral, 0, None, closed="left"),
            Interval(RealNotInt, 0, 1, closed="neither"),
            StrOptions({"auto"}),
            Hidden(StrOptions({"mle"})),
            None,
        ],
        "noise_weighted": ["boolean"],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "whiten": ["boolean"],
        "solver": [StrOptions({"auto", "gram", "operator"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int | float | Literal["auto"] | None = "auto",
        *,
        noise_weighted: bool = True,
        max_iter: int = 100,
        tol: float = 1e-6,
        whiten: bool = False,
        solver: Literal["auto", "gram", "operator"] = "auto",
        random_state: RandomState = None,
    ):
        self.n_components = n_components
        self.noise_weighted = noise_weighted
        self.max_iter = max_iter
        self.tol = tol
        self.whiten = whiten
        self.solver = solver
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: MatrixLike, y: VectorLike | None = None, sample_weight: VectorLike | None = None
    ) -> Self:
        """Learn the signal subspace and the noise of each feature.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples. Sparse matrices (CSR, CSC) are centred implicitly, which costs the
            digits by which a mean exceeds its deviation; memory maps are read block by block.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequency weights: a weight of 2 is the same as the row written twice.

        Returns
        -------
        self : LinearContrastive
            The fitted estimator.
        """
        with fitted_state_kept_on_error(self), fit_progress(self, X, y) as progress:
            X, weight = self._samples(X, sample_weight, reset=True)
            n_samples = X.shape[0] if weight is None else weight.sum()
            if n_samples <= 1:
                raise ValueError(_too_few(n_samples))
            self._check_n_components(n_samples, X.shape[1])
            if self._forms_gram(X):
                moments = moments_of(X, weight, progress.step)
            else:
                moments = rows_of(X, weight)
            self._fit_moments(moments, working_dtype(X), on_step=progress.step)
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: MatrixLike, y: VectorLike | None = None, sample_weight: VectorLike | None = None
    ) -> Self:
        """Learn from more samples; any chunks in any order give what one `fit` would.

        Keeps the (n_features, n_features) scatter of all samples so far and goes on from a `fit`
        that formed it. Until the second sample the estimator counts as not fitted; until there are
        more samples than features `n_components_` may grow and no warning is given.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            More samples; one row is enough.

        y : None
            Ignored.

        sample_weight : array-like of shape (n_samples,), default=None
            Frequency weights.

        Returns
        -------
        self : LinearContrastive
            The estimator, up to date with all samples seen.
        """
        with fitted_state_kept_on_error(self), fit_progress(self, X, y) as progress:
            first = not hasattr(self, "n_features_in_")
            if not first and self._moments is None:
                raise ValueError(
                    "partial_fit cannot go on from a fit that did not form the (n_features, "
                    "n_features) scatter, as this one did not (fewer samples than features, or "
                    'large sparse X). Fit with solver="gram", or begin with partial_fit.'
                )
            X, weight = self._samples(X, sample_weight, reset=first)
            before = SecondMoments.empty(X.shape[1]) if first else self._moments
            self._check_n_components(np.inf, X.shape[1])
            moments = before + moments_of(X, weight, progress.step)
            if moments.n_samples > 1:
                self._fit_moments(moments, working_dtype(X), progress.step, streaming=True)
            else:
                self._moments = moments
        return self

    def _fit_moments(self, moments, dtype, on_step, streaming=False):
        """Set everything that follows from the moments; nothing else knows where they came from."""
        start = self._warm_start(moments) if streaming else None
        model = estimate_factor_model(
            moments,
            self.n_components,
            max_iter=self.max_iter,
            tol=self.tol,
            rng=check_random_state(self.random_state),
            warm_start=start,
            on_step=on_step,
        )
        self._set_factor_model(model, moments, dtype)
        self._moments = moments if isinstance(moments, SecondMoments) else None
        if start is None:
            self._n_samples_cold = moments.n_samples
        if not streaming or moments.n_samples > moments.n_features:
            # until then more samples are what the solution needs, and a warning a row says nothing
            names = getattr(self, "feature_names_in_", None)
            for category, text in findings(model, self.n_components, names, moments.n_samples):
                warnings.warn(text, category, stacklevel=4)

    def _warm_start(self, moments):
        """The last solution, unless it stems from a start with less than half of the samples.

        The likelihood may have several maxima; few samples could lead to one that all samples
        together would not choose.
        """
        if not hasattr(self, "components_") or moments.n_samples >= 2 * self._n_samples_cold:
            return None
        return warm_start(moments, self.loadings_, self.noise_variance_)

    def _samples(self, X, sample_weight, *, reset):
        """Validated samples and weights."""
        X = self._validated(X, reset=reset)
        if sample_weight is None:
            return X, None
        weight = check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        return X, weight

    def _check_n_components(self, n_samples, n_features):
        """Refuse what parameter validation alone cannot."""
        if self.n_components == "mle":
            raise ValueError(
                "n_components='mle' assumes equal noise in every feature; use \"auto\", which does "
                "not."
            )
        largest = int(min(n_samples, n_features))
        if isinstance(self.n_components, Integral) and self.n_components > largest:
            raise ValueError(
                f"n_components={self.n_components} must be between 0 and "
                f"min(n_samples, n_features)={largest}."
            )

    def _forms_gram(self, X):
        """Whether the (n_features, n_features) scatter is worth its memory and its product."""
        if self.solver != "auto":
            return self.solver == "gram"
        n_samples, n_features = X.shape
        affordable = not sparse.issparse(X) or n_features**2 <= max(4 * X.nnz, 500**2)
        return n_samples >= n_features and affordable


def _too_few(n_samples):
    """What to say where no variance can be computed."""
    if float(n_samples).is_integer() and n_samples >= 0:
        return f"Found array with {int(n_samples)} sample(s) while a minimum of 2 is required."
    return f"The sum of sample_weight is {n_samples:g}, but frequency weights must exceed 1 in all."
