"""Spiked-covariance samples."""

from dataclasses import dataclass, field

from sklearn.utils import check_random_state

from .._typing import ArrayLike, FloatArray, RandomState
from ..theory import SpikedCovarianceModel
from ..theory._checks import check_size
from ._draw import draw_model

__all__ = ["SpikedCovariance", "make_spiked_covariance"]


@dataclass(frozen=True, eq=False)
class SpikedCovariance(SpikedCovarianceModel):
    """Population behind samples x = mean + U (signal * u) + noise, and the samples' scores.

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

    See Also
    --------
    make_spiked_covariance : Draws the samples.
    sklearn_contrastive.theory.SpikedCovarianceModel : Subspace of each method in the population.

    Examples
    --------
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> X, truth = make_spiked_covariance(50, 8, 2, random_state=0)
    >>> truth.components.shape, truth.scores.shape
    ((2, 8), (50, 2))
    """

    scores: FloatArray = field(kw_only=True)


def make_spiked_covariance(
    n_samples: int = 1000,
    n_features: int = 100,
    n_components: int = 5,
    *,
    subspace: str | ArrayLike = "haar",
    support_size: int = 10,
    signal: float | ArrayLike = 1.0,
    noise: str | float | ArrayLike = "linear",
    mean: float | ArrayLike = 0.0,
    random_state: RandomState = None,
) -> tuple[FloatArray, SpikedCovariance]:
    """Draw Gaussian samples from a low-rank signal with unequal noise in each feature.

    x = mean + U (signal * u) + noise * e, where u and e are standard normal and U has orthonormal
    columns. Where the noise is unequal and the signal weak, PCA finds the noisy features instead
    of U [1]_.

    Parameters
    ----------
    n_samples : int, default=1000
        Number of samples. The population is drawn before the samples: with one `random_state`,
        other numbers of samples come from the same population.
    n_features : int, default=100
        Number of features.
    n_components : int, default=5
        Dimension of the signal subspace, at most `n_features`.
    subspace : {"haar", "sparse"} or array-like of shape (n_components, n_features), \
            default="haar"
        "haar" draws the signal subspace uniformly among all of its dimension; it is then spread
        over all features. "sparse" gives each component `support_size` features that no other
        component has, with equal weights of random sign, so that the incoherence is
        1 / `support_size`. An array gives the components themselves, as orthonormal rows.
    support_size : int, default=10
        Number of features per component of ``subspace="sparse"``; not used otherwise.
    signal : float or array-like of shape (n_components,), default=1.0
        Standard deviation along each component, positive.
    noise : {"linear", "lognormal"}, float or array-like of shape (n_features,), default="linear"
        Standard deviation of the noise of each feature. "linear" falls evenly from 1 at the first
        feature to 1/2 at the last; "lognormal" draws exp(standard normal); a number is equal noise.
    mean : float or array-like of shape (n_features,), default=0.0
        Mean of each feature.
    random_state : int, RandomState instance or None, default=None
        Draws the population and the samples. Pass an int for samples that can be repeated.

    Returns
    -------
    X : ndarray of shape (n_samples, n_features)
        The samples.
    truth : SpikedCovariance
        The population they come from, and their scores.

    Raises
    ------
    ValueError
        If a number is out of its range, an array has the wrong shape, or rows are not orthonormal.

    See Also
    --------
    make_spiked_regression : The same samples with targets.
    make_spiked_classification : The same samples with classes.
    sklearn.datasets.make_low_rank_matrix : Low rank with a bell-shaped spectrum and no noise model.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    PCA finds the five noisiest features instead of the subspace:

    >>> import numpy as np
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> from sklearn_contrastive.metrics import sin_theta_distance
    >>> noise = np.full(100, 0.5)
    >>> noise[:5] = 3.0
    >>> X, truth = make_spiked_covariance(5000, noise=noise, random_state=0)
    >>> sin_theta_distance(PCA(5).fit(X).components_, truth.components) > 2
    True
    """
    check_size("n_samples", n_samples)
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
    X, scores = model.sample(n_samples, random_state)
    return X, SpikedCovariance(**vars(model), scores=scores)
