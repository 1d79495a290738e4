"""Spiked-covariance samples with a target."""

from dataclasses import dataclass, field

from sklearn.utils import check_random_state

from .._typing import ArrayLike, FloatArray, RandomState
from ..theory._checks import check_at_least_zero, check_size
from ._covariance import SpikedCovariance
from ._draw import draw_model, draw_weights

__all__ = ["SpikedRegression", "make_spiked_regression"]


@dataclass(frozen=True, eq=False)
class SpikedRegression(SpikedCovariance):
    """Population of a regression task y = <u, weights> + noise on standardised scores u.

    Parameters
    ----------
    components : ndarray of shape (n_components, n_features)
        Orthonormal rows U' that span the signal subspace.
    signal : ndarray of shape (n_components,)
        Standard deviation of the samples along each component, without noise.
    noise_variance : ndarray of shape (n_features,)
        Variance of the noise of each feature.
    mean : ndarray of shape (n_features,)
        Mean of each feature.
    scores : ndarray of shape (n_samples, n_components)
        The sampled coordinates signal * u of each sample in the basis of components.
    weights : ndarray of shape (n_components,)
        Weights of the standardised scores in the target, of length 1.
    target_noise : float
        Standard deviation of the target's noise.

    See Also
    --------
    make_spiked_regression : Draws the samples.
    sklearn_contrastive.theory.risk.regression_risk : Exact risk of features.
    """

    weights: FloatArray = field(kw_only=True)
    target_noise: float = field(kw_only=True)


def make_spiked_regression(
    n_samples: int = 1000,
    n_features: int = 100,
    n_components: int = 5,
    *,
    subspace: str | ArrayLike = "haar",
    support_size: int = 10,
    signal: float | ArrayLike = 1.0,
    noise: str | float | ArrayLike = "linear",
    mean: float | ArrayLike = 0.0,
    weights: ArrayLike | None = None,
    target_noise: float = 0.1,
    random_state: RandomState = None,
) -> tuple[FloatArray, FloatArray, SpikedRegression]:
    """Draw samples with unequal noise, and targets that depend on their scores.

    The samples are those of :func:`make_spiked_covariance`, and y = <u, weights> + e with u their
    standardised scores and e normal [1]_.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples. The population is drawn before the samples.
    n_features : int, default=100
        Number of features.
    n_components : int, default=5
        Dimension of the signal subspace, at most `n_features`.
    subspace : {"haar", "sparse"} or array-like of shape (n_components, n_features), \
            default="haar"
        Signal subspace, as in :func:`make_spiked_covariance`.
    support_size : int, default=10
        Number of features per component of ``subspace="sparse"``; not used otherwise.
    signal : float or array-like of shape (n_components,), default=1.0
        Standard deviation along each component, positive.
    noise : {"linear", "lognormal"}, float or array-like of shape (n_features,), default="linear"
        Standard deviation of the noise of each feature, as in :func:`make_spiked_covariance`.
    mean : float or array-like of shape (n_features,), default=0.0
        Mean of each feature.
    weights : array-like of shape (n_components,), default=None
        Weights of the standardised scores, of length 1. None draws them uniformly.
    target_noise : float, default=0.1
        Standard deviation of e.
    random_state : int, RandomState instance or None, default=None
        Draws the population and the samples. Pass an int for samples that can be repeated.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The samples.
    y : ndarray of shape (n_samples,)
        The targets, of mean 0 and variance 1 + target_noise^2.
    truth : SpikedRegression
        The population they come from, and their scores.

    Raises
    ------
    ValueError
        If a number is out of its range, an array has the wrong shape, rows are not orthonormal, or
        weights has not length 1.

    See Also
    --------
    sklearn_contrastive.theory.risk.regression_risk : Exact risk of features.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    >>> from sklearn_contrastive.datasets import make_spiked_regression
    >>> from sklearn_contrastive.theory.risk import regression_risk
    >>> X, y, truth = make_spiked_regression(random_state=0)
    >>> X.shape, y.shape
    ((1000, 100), (1000,))
    >>> best = regression_risk(truth, truth.optimal_components(), truth.weights)
    >>> 0 < best < regression_risk(truth, truth.components, truth.weights) < 1
    True
    """
    check_size("n_samples", n_samples)
    check_at_least_zero("target_noise", target_noise)
    random_state = check_random_state(random_state)
    model = draw_model(
        n_features,
        n_components,
        subspace=subspace,
        support_size=support_size,
        signal=signal,
        noise=noise,
        mean=mean,
        random_state=random_state,
    )
    weights = draw_weights(weights, n_components, random_state)
    X, scores = model.sample(n_samples, random_state)
    y = (scores / model.signal) @ weights + target_noise * random_state.standard_normal(n_samples)
    truth = SpikedRegression(
        **vars(model), scores=scores, weights=weights, target_noise=float(target_noise)
    )
    return X, y, truth
