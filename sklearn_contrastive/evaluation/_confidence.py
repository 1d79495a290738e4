"""Confidence intervals of the parameters of a fitted factor model."""

from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError
from scipy.stats import gamma, norm
from sklearn.utils.validation import check_is_fitted

from .._typing import FloatArray
from ..linear import LinearContrastive
from ..theory._factor_errors import factor_errors

__all__ = ["ConfidenceIntervals", "confidence_intervals"]


@dataclass(frozen=True, eq=False)
class ConfidenceIntervals:
    """Confidence intervals of noise variances and components, and a limit of the subspace error.

    Parameters
    ----------
    noise_variance : ndarray of shape (2, n_features)
        Lower and upper ends for each feature, in squared units of the feature.
    components : ndarray of shape (2, n_components, n_features)
        Lower and upper ends for each entry of the components.
    subspace_error : float
        Upper limit of the distance between the estimated signal subspace and the true one, in the
        sense of :func:`~sklearn_contrastive.metrics.sin_theta_distance`.
    """

    noise_variance: FloatArray
    components: FloatArray
    subspace_error: float


def confidence_intervals(
    estimator: LinearContrastive, *, confidence: float = 0.95
) -> ConfidenceIntervals:
    """Confidence intervals of the noise variances and components of a fitted LinearContrastive.

    They come from the information matrix of the Gaussian factor model, without the samples. Each
    interval covers its true value with the given probability; all of them together do so less
    often.

    Parameters
    ----------
    estimator : LinearContrastive
        Fitted, to complete samples, with ``max_iter`` of at least 1 and without ``robust`` and
        ``feature_groups``. Its number of components is taken as right.
    confidence : float, default=0.95
        Probability, in (0, 1), of each interval and of the limit.

    Returns
    -------
    intervals : ConfidenceIntervals
        The intervals.

    Raises
    ------
    NotFittedError
        If the estimator is not fitted.
    TypeError
        If it is no LinearContrastive.
    ValueError
        If it was fitted in a way that has no such intervals, its noise variances are not
        identified, or `confidence` is not in (0, 1).

    See Also
    --------
    sklearn_contrastive.theory.bounds.finite_sample_bound : Bound on the subspace error that holds
        in samples of every size.

    Notes
    -----
    Errors are those of the maximum likelihood estimate in large samples [1]_. Noise variances have
    intervals on the logarithmic scale; the squared subspace error, a weighted sum of chi-squared
    variables, is approximated by the gamma distribution of the same mean and variance. Samples
    with heavier tails than the Gaussian distribution need wider intervals. Two components of nearly
    equal common variance are determined as a plane only, and have wide intervals. The intervals of
    constant features have no meaning.

    References
    ----------
    .. [1] Anderson and Rubin (1956), "Statistical inference in factor analysis", Proceedings of the
       Third Berkeley Symposium on Mathematical Statistics and Probability 5.

    Examples
    --------
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> from sklearn_contrastive.evaluation import confidence_intervals
    >>> X, truth = make_spiked_covariance(
    ...     1000, 20, 2, signal=[3.0, 2.0], noise=[3.0] + [0.5] * 19, random_state=0
    ... )
    >>> model = LinearContrastive(2, random_state=0).fit(X)
    >>> intervals = confidence_intervals(model)
    >>> intervals.noise_variance[:, 0].round(1)  # the truth is 9
    array([8.2, 9.8])
    >>> round(intervals.subspace_error, 2)
    0.11
    """
    if not isinstance(estimator, LinearContrastive):
        raise TypeError(
            f"estimator is a {type(estimator).__name__}; give a fitted LinearContrastive."
        )
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence!r} is not allowed; give a number in (0, 1).")
    check_is_fitted(estimator)
    _refuse(estimator)
    noise_variance = np.asarray(estimator.noise_variance_, np.float64)
    components = np.asarray(estimator.components_, np.float64)
    common_variance = np.asarray(estimator.common_variance_, np.float64)
    try:
        errors = factor_errors(
            components, common_variance, noise_variance, estimator.n_samples_ - 1
        )
    except LinAlgError:
        raise ValueError(
            f"The noise variances of {len(noise_variance)} features are not identified with "
            f"{len(components)} components; fit fewer components."
        ) from None
    quantile = norm.isf((1 - confidence) / 2)
    # a feature nearly without noise: from 0 to infinity
    with np.errstate(over="ignore"):
        factor = np.exp(quantile * errors.noise_variance / noise_variance)
    ends = np.array([-quantile, quantile])[:, None, None] * errors.components
    largest = min(len(components), len(noise_variance) - len(components))
    mean, variance = errors.subspace_mean, errors.subspace_variance
    square = gamma.ppf(confidence, mean**2 / variance, scale=variance / mean)
    return ConfidenceIntervals(
        np.stack([noise_variance / factor, noise_variance * factor]),
        np.clip(components + ends, -1, 1),
        float(np.sqrt(min(square, largest))),
    )


def _refuse(estimator: LinearContrastive) -> None:
    """Raise an error where the errors of maximum likelihood do not apply."""
    if estimator.max_iter == 0:
        raise ValueError(
            "max_iter=0 is the closed form, which has no intervals; fit with max_iter=100."
        )
    if estimator.robust:
        raise ValueError(f"robust={estimator.robust!r} has no intervals; fit with robust=False.")
    if estimator.feature_groups is not None:
        raise ValueError("feature_groups has no intervals; fit with feature_groups=None.")
    covariance = getattr(estimator, "_covariance", None)
    if covariance is not None and not covariance.semidefinite:
        raise ValueError(
            "The samples had missing entries, so that intervals from n_samples_ would be too "
            "narrow; fit complete rows."
        )
    if estimator.n_components_ == 0:
        raise ValueError("The model has no component; there is nothing to give intervals for.")
    n_empty = int(np.sum(np.asarray(estimator.common_variance_) <= 0))
    if n_empty:
        raise ValueError(
            f"{n_empty} of {estimator.n_components_} components have no common variance; fit "
            f"n_components={estimator.n_components_ - n_empty}."
        )
