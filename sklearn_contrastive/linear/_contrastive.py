"""LinearContrastive: factor model from the covariance without its diagonal."""

from dataclasses import replace
from numbers import Integral, Real
from typing import ClassVar, Literal

import numpy as np
from sklearn.utils import Tags, check_random_state

from .._sklearn_compat import Hidden, Interval, RealNotInt, StrOptions
from .._typing import ArrayLike, RandomState
from .._warnings import warn
from ..exceptions import OutlierWarning
from ._covariance.samples import like_samples, read_samples
from ._factor.diagnostics import robust_warnings
from ._factor.fit import fit_factor_model
from ._factor.group_units import read_groups
from ._factor.options import FitOptions
from ._factor.robust import fit_robust
from ._factor.robust_chunks import robust_chunks
from ._factor.robust_rows import RobustArray
from ._factor.robust_samples import (
    in_robust_unit,
    refuse_few,
    refuse_robust,
    repaired,
    row_noise_of,
    row_shrinkage,
)
from ._moment_estimator import MomentEstimator

__all__ = ["LinearContrastive"]


class LinearContrastive(MomentEstimator):
    """Linear dimension reduction for features with unequal noise.

    PCA finds directions of large variance, and a few noisy features can dominate them. This
    estimator finds the variance that features share. It minimises the contrastive loss over two
    complementary views of each sample: each view hides the features that the other one keeps. The
    minimiser has a closed form, the leading eigenvectors of the covariance *without its diagonal*
    [1]_. Noise that is independent between features affects only the diagonal.

    By default that solution is refined to the maximum a posteriori factor model, and scores are
    weighted by the estimated noise. ``max_iter=0, noise_weighted=False`` is the closed form alone.

    Parameters
    ----------
    n_components : int, float, "auto" or None, default="auto"
        Number of components. "auto" counts the eigenvalues of the noise-whitened covariance that
        exceed those of pure noise, up to half the number of features; features with rare or
        extreme values count less. A float in (0, 1) keeps the leading directions with this share
        of the common variance, given the noise that "auto" estimates; it warns where they keep
        much less of the total variance. None keeps every direction with more variance than that
        noise. An integer is the number of columns.

    noise_weighted : bool, default=True
        Whether scores are generalised least squares, weighted by the inverse noise variances
        (Bartlett's factor scores [2]_ in the orthonormal basis). If False, scores are orthogonal
        projections as in PCA. Weighting matters when some features are much noisier than others.

    feature_groups : array-like of shape (n_features,), default=None
        One label per feature, where noise is shared inside groups: channels of one sensor, pixels
        of one tile. A pandas Series is aligned by the names of the features. The covariances inside
        a group then leave the contrastive matrix as the variances do, and noise is a block for each
        group. At least three groups, none with more than half of the features; complete dense
        samples only.

    robust : bool, "rows" or "cells", default=False
        Wrong entries that the fit withstands. "cells": entries that the rest of their row
        contradicts count as missing, in `fit` and in new rows. "rows": the noise of each row has a
        scale of its own, and noisy rows count less. True: both. Dense samples only, but for "rows".
        Set it where sensors fail, values are mistyped, or samples differ in quality; clean samples
        have the ordinary fit, at three to eight times its cost, and more for small tables.

    max_iter : int, default=100
        Largest number of eigenproblems of the refinement, and of its passes over the rows where
        entries are missing. 0 is the closed form. Refinement matters for few features and many
        components, for components of very unequal strength, and for many missing entries.

    tol : float, default=0.05
        Refinement stops when the steps still to come change no noise variance by more than this
        many standard errors, as far as earlier steps predict, or the likelihood by less than such a
        change would. The relative standard error is sqrt(2 / n_samples). The closed form alone has
        eigenvectors whose residuals are at most `tol` standard errors of the eigenvalues. Set 1e-6
        where two fits must agree to more digits than the samples determine, for instance a stream
        and one fit.

    whiten : bool, default=False
        Whether scores are decorrelated and scaled to unit variance, as for PCA, by the symmetric
        inverse square root of their covariance. `inverse_transform` undoes it.

    solver : {"auto", "gram", "operator"}, default="auto"
        "gram" forms the (n_features, n_features) covariance once and reads the samples once.
        "operator" keeps the samples and multiplies with them. "auto" takes "gram" for at least as
        many samples as features, unless X is sparse and the covariance would be much larger than
        X. Chunks of dask are always read by "gram".

    random_state : int, RandomState instance or None, default=None
        Draws the first directions of the eigensolver. The solution depends on it less than `tol`
        allows; an int makes even the last digits repeatable.

    Attributes
    ----------
    components_ : ndarray of shape (n_components_, n_features)
        Orthonormal rows that span the signal subspace, strongest first. The largest entry of each
        row in absolute value is positive, as in PCA.

    scoring_matrix_ : ndarray of shape (n_components_, n_features)
        The matrix of `transform`, in float64: the scores of complete samples are
        ``(X - mean_) @ scoring_matrix_.T``, whitening included. With `robust`, those of rows
        without outlying cells and of at most typical noise.

    loadings_ : ndarray of shape (n_features, n_components_)
        ``components_.T * sqrt(common_variance_)``: covariances of the features with factors of unit
        variance, one column for each column of `transform`, as biplots need.

    common_variance_ : ndarray of shape (n_components_,)
        Variance that the features share along each component: squared singular values of
        `loadings_`.

    eigenvalues_ : ndarray of shape (n_components_,)
        Eigenvalues of the contrastive matrix in the span of the components, signed, largest first.
        With ``max_iter=0`` they are its leading eigenvalues.

    explained_variance_ : ndarray of shape (n_components_,)
        Variance of the unwhitened scores of the training samples, with n - 1 in the denominator.

    explained_variance_ratio_ : ndarray of shape (n_components_,)
        Share of the total variance that orthogonal projection on each component keeps. With
        weighted scores this is not `explained_variance_` over the total. To choose a number of
        components by a threshold, cumulate `common_variance_` of a fit with
        ``n_components=None, max_iter=0``.

    singular_values_ : ndarray of shape (n_components_,)
        2-norms of the unwhitened scores of the training samples.

    noise_variance_ : ndarray of shape (n_features,)
        Estimated noise variance of each feature, above 0.

    communalities_ : ndarray of shape (n_features,)
        Share of each feature's variance that the components explain, as in factor analysis: the
        row sums of squared loadings over the variance; 0 for a constant feature.

    noise_covariance_ : list of ndarray of shape (group_size, group_size)
        Estimated covariance of the noise in each group, in the order of the sorted labels, its
        features in theirs. Only with `feature_groups` of which one has two features.

    sample_noise_ : ndarray of shape (n_samples,)
        Standard deviation of the noise of each row, in units of the median row's; exactly 1 where
        the rows do not differ by more than chance. `noise_variance_` is that of the median row.
        Only with ``robust="rows"`` or True.

    outlying_cells_ : csr_array of shape (n_samples, n_features)
        Entries that counted as missing: their distance from the value that the rest of the row
        suggests, in standard deviations of that difference. `impute` gives the values suggested.
        Only with ``robust="cells"`` or True.

    mean_ : ndarray of shape (n_features,)
        Mean of each feature, in float64: float32 would round a mean of 1e4 by 5e-4. Estimated
        under the model where entries are missing at random.

    n_components_ : int
        Number of components found.

    n_iter_ : int
        Eigenproblems solved, and passes over incomplete rows.

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
    MaskedAugmenter : The random masking whose contrastive loss this minimises.
    HeteroPCA : The same aim by imputing the diagonal.
    sklearn.decomposition.PCA : Directions of large variance; best when noise is equal.
    sklearn.decomposition.FactorAnalysis : The same model, by iterations over the samples.

    Notes
    -----
    The model is x = mean + loadings z + noise with independent noise of variance
    `noise_variance_`. Refinement starts from the closed form on the correlation scale, or from the
    noise at the end of the count of components, and maximises the likelihood by Newton steps on the
    noise variances. Each step needs one small eigenproblem and does not read the samples again. A
    log-normal prior that counts as one sample keeps the noise of a feature from vanishing. Scores
    are weighted by `noise_variance_` plus a share of the common variance. The share is 0 where the
    model holds. It is larger where random halves of the features are then predicted better by
    scores of the other half, so that two features that agree with each other alone do not dominate
    the scores. A factor on a single feature cannot be distinguished from the noise of that feature:
    a `ComponentsWarning` names it.
    Constant features are left out; their noise variance is the smallest of the others'.

    NaN marks a missing entry. Covariances are then estimated from the rows that have both
    features. `fit` continues from their model by expectation-maximisation over the rows, which is
    more accurate for strong signals. Variances and whitening refer to the model's covariance in
    that case, since the pairwise covariance may be indefinite.

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
        "feature_groups": ["array-like", None],
        "robust": [StrOptions({"rows", "cells"}), "boolean"],
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
        feature_groups: ArrayLike | None = None,
        robust: Literal["rows", "cells"] | bool = False,
        max_iter: int = 100,
        tol: float = 0.05,
        whiten: bool = False,
        solver: Literal["auto", "gram", "operator"] = "auto",
        random_state: RandomState = None,
    ):
        self.n_components = n_components
        self.noise_weighted = noise_weighted
        self.feature_groups = feature_groups
        self.robust = robust
        self.max_iter = max_iter
        self.tol = tol
        self.whiten = whiten
        self.solver = solver
        self.random_state = random_state

    def _read(self, X, y, sample_weight, streaming=False):
        if self.robust:
            refuse_robust(self, X)
        samples = read_samples(self, X, sample_weight, streaming=streaming)
        return replace(samples, groups=read_groups(self.feature_groups, samples))

    def _solved(self, samples, on_step):
        for name in ("sample_noise_", "outlying_cells_"):
            vars(self).pop(name, None)
        self._screening = None
        if not self.robust:
            samples, covariance = self._measured(samples, on_step)
            return samples, covariance, self._fit_model(covariance, samples, None, on_step)
        refuse_few(samples.total, self.robust)
        return self._solved_robustly(RobustArray(in_robust_unit(samples), self.solver), on_step)

    def _solved_chunks(self, chunks, on_step):
        if not self.robust:
            return self._solved_by_moments(chunks, on_step)
        refuse_robust(self, np.empty((0, 0)))
        rows = robust_chunks(self, chunks)
        refuse_few(rows.total, self.robust)
        return self._solved_robustly(rows, on_step)

    def _solved_robustly(self, rows, on_step):
        """Samples, covariance of the cleaned ones and the fit, of rows that are screened."""
        options = self._options(rows.total, None, on_step)
        found = fit_robust(rows, self.n_components, self.robust, options)
        self._screening = found.screening
        if found.noise_variance is not None:
            self.sample_noise_ = like_samples(rows.samples, np.sqrt(found.noise_variance))
        if found.outlying is not None:
            self.outlying_cells_ = found.outlying
        for text in robust_warnings(found):
            warn(text, OutlierWarning)
        return rows.samples, found.covariance, found.fit

    def _fit_model(self, covariance, samples, start, on_step):
        options = self._options(covariance.n_samples, start, on_step)
        return fit_factor_model(covariance, samples, self.n_components, options)

    def _options(self, n_samples, start, on_step):
        rng = check_random_state(self.random_state)
        return FitOptions(rng, self.max_iter, self.tol * np.sqrt(2.0 / n_samples), start, on_step)

    @property
    def _warns_about_outliers(self):
        # the noise of the closed form alone is too rough to compare rows with
        return not self.robust and self.max_iter > 0

    def _repaired(self, X):
        screening = getattr(self, "_screening", None)
        if screening is None or not screening.screens_cells:
            return X, 0.0
        return repaired(X, screening, self._unit)

    def _given_row_noise(self, scores, X):
        screening = getattr(self, "_screening", None)
        if screening is None or not screening.screens_rows or not self.n_components_:
            return scores
        noise = row_noise_of(X, screening, self._unit)
        scoring = self.scoring_matrix_ * (self._unit / self._unit_of_scores)
        return row_shrinkage(scores, noise, scoring, self._model).astype(scores.dtype, copy=False)

    def __sklearn_tags__(self) -> Tags:
        """Tags of scikit-learn: robust fits need NumPy arrays, dense ones if cells are screened."""
        tags = super().__sklearn_tags__()
        if self.robust:
            tags.array_api_support = False
            tags.input_tags.sparse = tags.input_tags.sparse and self.robust == "rows"
        return tags
