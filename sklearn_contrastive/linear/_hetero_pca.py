"""HeteroPCA: PCA of the covariance with an imputed diagonal."""

from dataclasses import replace
from numbers import Integral, Real
from typing import ClassVar, Literal

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from .._sklearn_compat import Hidden, Interval, StrOptions
from .._typing import RandomState
from .._warnings import warn
from ._covariance.scale import feature_scale
from ._factor.fit import fit_from_eigenpairs
from ._factor.imputed_diagonal import impute_diagonal
from ._factor.n_components import count_components
from ._factor.options import FitOptions
from ._moment_estimator import MomentEstimator

__all__ = ["HeteroPCA"]


class HeteroPCA(MomentEstimator):
    """PCA for features with unequal noise, by imputing the diagonal of the covariance.

    Noise that is independent between features changes the diagonal of the covariance only.
    HeteroPCA [1]_ starts without the diagonal, as `LinearContrastive` does. It then replaces the
    diagonal repeatedly by that of its own low-rank approximation. For components of very unequal
    strength it proceeds in stages (*deflated* [2]_).

    It is the strongest published rival of `LinearContrastive`, and it uses no likelihood. It needs
    many more features than components: otherwise it diverges, with a `ConvergenceWarning`.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Number of components. "auto" estimates it as `LinearContrastive` does.

    deflated : bool, default=True
        Whether to proceed in stages of components of similar strength. It matters where some
        components are much stronger than others; otherwise the result is the same.

    noise_weighted : bool, default=True
        Whether scores are generalised least squares, weighted by the inverse noise variances. If
        False, scores are orthogonal projections as in PCA.

    max_iter : int, default=500
        Largest number of eigenproblems; with 0 the diagonal stays deleted.

    tol : float, default=1e-6
        The iteration ends when no entry of the diagonal changes by more than this share of the
        feature's variance.

    whiten : bool, default=False
        Whether scores are decorrelated and scaled to unit variance.

    solver : {"auto", "gram", "operator"}, default="auto"
        "gram" forms the (n_features, n_features) covariance once and reads the samples once.
        "operator" keeps the samples and multiplies with them. "auto" takes "gram" for at least as
        many samples as features, unless X is sparse and the covariance would be much larger than
        X. Chunks of dask are always read by "gram".

    random_state : int, RandomState instance or None, default=None
        Draws the first directions of the eigensolver. The solution depends on it to rounding only;
        an int makes even the last digits repeatable.

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features)
        Orthonormal rows that span the signal subspace, strongest first.

    scoring_matrix_ : ndarray of shape (n_components_, n_features)
        The matrix of `transform`, in float64: the scores of complete samples are
        ``(X - mean_) @ scoring_matrix_.T``, whitening included.

    loadings_ : ndarray of shape (n_features, n_components_)
        ``components_.T * sqrt(common_variance_)``.

    common_variance_ : ndarray of shape (n_components_,)
        Variance that the features share along each component.

    eigenvalues_ : ndarray of shape (n_components_,)
        Leading eigenvalues of the covariance with the imputed diagonal; equal to
        `common_variance_`.

    explained_variance_ : ndarray of shape (n_components_,)
        Variance of the unwhitened scores of the training samples, with n - 1 in the denominator.

    explained_variance_ratio_ : ndarray of shape (n_components_,)
        Share of the total variance that orthogonal projection on each component keeps.

    singular_values_ : ndarray of shape (n_components_,)
        2-norms of the unwhitened scores of the training samples.

    noise_variance_ : ndarray of shape (n_features,)
        Variance of each feature minus the imputed diagonal, above 0.

    communalities_ : ndarray of shape (n_features,)
        Share of each feature's variance that the components explain, as in factor analysis: the
        row sums of squared loadings over the variance; 0 for a constant feature.

    mean_ : ndarray of shape (n_features,)
        Mean of each feature, in float64.

    n_components_ : int
        Number of components found; components whose eigenvalue is negative are dropped.

    n_iter_ : int
        Eigenproblems solved.

    n_samples_ : int or float
        Number of samples; with `sample_weight`, the sum of the weights.

    n_samples_seen_ : int or float
        The same as `n_samples_`, by the name that IncrementalPCA has.

    n_features_in_ : int
        Number of features seen during fit.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had names that are all strings.

    See Also
    --------
    LinearContrastive : Does not diverge; refined by a likelihood.
    sklearn.decomposition.PCA : Assumes equal noise in every feature.

    Notes
    -----
    Eigenvalues are taken largest absolute value first, as published. The steps are extrapolated by
    Anderson acceleration, which reaches the same end with fewer eigenproblems; where a leading
    eigenvalue is negative they are the published ones. With missing values the
    pairwise covariances are used, and rows are scored from their observed features.

    References
    ----------
    .. [1] Zhang, Cai and Wu (2022), "Heteroskedastic PCA: Algorithm, optimality, and
       applications", Annals of Statistics 50(1).
    .. [2] Zhou and Chen (2025), "Deflated HeteroPCA: Overcoming the curse of ill-conditioning in
       heteroskedastic PCA", Annals of Statistics 53(1).

    Examples
    --------
    >>> from sklearn_contrastive import HeteroPCA
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> from sklearn_contrastive.metrics import sin_theta_distance
    >>> X, truth = make_spiked_covariance(
    ...     2000, 100, 3, noise=[3.0] * 5 + [0.5] * 95, random_state=0
    ... )
    >>> model = HeteroPCA(3, random_state=0).fit(X)
    >>> model.transform(X).shape
    (2000, 3)
    >>> sin_theta_distance(model.components_, truth.components) < 0.5
    True
    """

    _parameter_constraints: ClassVar[dict] = {
        "n_components": [
            Interval(Integral, 0, None, closed="left"),
            StrOptions({"auto"}),
            Hidden(StrOptions({"mle"})),
        ],
        "deflated": ["boolean"],
        "noise_weighted": ["boolean"],
        "max_iter": [Interval(Integral, 0, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="neither")],
        "whiten": ["boolean"],
        "solver": [StrOptions({"auto", "gram", "operator"})],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        n_components: int | Literal["auto"] = "auto",
        *,
        deflated: bool = True,
        noise_weighted: bool = True,
        max_iter: int = 500,
        tol: float = 1e-6,
        whiten: bool = False,
        solver: Literal["auto", "gram", "operator"] = "auto",
        random_state: RandomState = None,
    ):
        self.n_components = n_components
        self.deflated = deflated
        self.noise_weighted = noise_weighted
        self.max_iter = max_iter
        self.tol = tol
        self.whiten = whiten
        self.solver = solver
        self.random_state = random_state

    def _fit_model(self, covariance, samples, start, on_step):
        rng = check_random_state(self.random_state)
        options = FitOptions(rng, self.max_iter, self.tol, start, on_step)
        scale = feature_scale(covariance)
        count = count_components(covariance, self.n_components, scale, rng)
        imputed = impute_diagonal(covariance, count.n_sought, options, deflated=self.deflated)
        if imputed.diverged:
            n_negative = int(np.sum(imputed.pairs.values < 0))
            warn(
                f"HeteroPCA diverged: {n_negative} of the {len(imputed.pairs.values)} largest "
                "eigenvalues by absolute value are negative, which no signal explains. There are "
                "too many components for the features, or a few features are too noisy; ask for "
                "fewer components, set deflated=True, or use LinearContrastive.",
                ConvergenceWarning,
            )
        # one warning is enough for a diverged fit
        pairs = replace(imputed.pairs, converged=imputed.converged or imputed.diverged)
        return fit_from_eigenpairs(covariance, scale, pairs, count.n_requested, imputed.n_iter)
