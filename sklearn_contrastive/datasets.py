"""Data whose signal subspace is known."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array, check_random_state

from ._typing import FloatArray, RandomState

__all__ = ["SpikedCovariance", "make_spiked_covariance"]


@dataclass(frozen=True, eq=False)
class SpikedCovariance:
    """Population behind samples x = mean + U (signal * z) + noise.

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
        The sampled coordinates signal * z of each sample in the basis of components.

    See Also
    --------
    make_spiked_covariance : Draws the samples.

    Examples
    --------
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> X, truth = make_spiked_covariance(50, 8, 2, random_state=0)
    >>> truth.components.shape, truth.scores.shape
    ((2, 8), (50, 2))
    """

    components: FloatArray
    signal: FloatArray
    noise_variance: FloatArray
    mean: FloatArray
    scores: FloatArray

    @property
    def covariance(self) -> FloatArray:
        """Population covariance U diag(signal^2) U' + diag(noise_variance)."""
        loadings = self.components * self.signal[:, None]
        return loadings.T @ loadings + np.diag(self.noise_variance)


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

    x = mean + U (signal * z) + noise * e, where z and e are standard normal and U has orthonormal
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
        over all features. "sparse" rests each component on `support_size` features that no other
        component uses, with equal weights of random sign, so that the incoherence is
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
    sklearn.datasets.make_low_rank_matrix : Low rank with a bell-shaped spectrum and no noise model.

    References
    ----------
    .. [1] Ji, Deng, Nakada, Zou and Zhang (2023), "The Power of Contrast for Feature Learning: A
       Theoretical Analysis", Journal of Machine Learning Research 24(330).

    Examples
    --------
    Five features drown in noise, and PCA follows them:

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
    _check_size("n_samples", n_samples)
    _check_size("n_features", n_features)
    _check_size("n_components", n_components, at_most=n_features)
    signal = _as_vector("signal", signal, n_components)
    if signal.min() <= 0:
        raise ValueError("signal holds standard deviations of components; all must be positive.")
    mean = _as_vector("mean", mean, n_features)
    random_state = check_random_state(random_state)
    components = _draw_components(subspace, n_components, n_features, support_size, random_state)
    noise = _draw_noise(noise, n_features, random_state)
    scores = signal * random_state.standard_normal((n_samples, n_components))
    X = mean + scores @ components + noise * random_state.standard_normal((n_samples, n_features))
    return X, SpikedCovariance(components, signal, noise**2, mean, scores)


def _draw_components(
    subspace: str | ArrayLike,
    n_components: int,
    n_features: int,
    support_size: int,
    random_state: np.random.RandomState,
) -> FloatArray:
    """Orthonormal rows of shape (n_components, n_features), drawn or checked."""
    if isinstance(subspace, str):
        if subspace == "haar":
            return _haar_rows(n_components, n_features, random_state)
        if subspace == "sparse":
            return _sparse_rows(n_components, n_features, support_size, random_state)
        raise ValueError(
            f'subspace={subspace!r} is not known; give "haar", "sparse" or orthonormal rows.'
        )
    rows = check_array(subspace, dtype=np.float64, copy=True, input_name="subspace")
    if rows.shape != (n_components, n_features):
        raise ValueError(
            f"subspace has shape {rows.shape}, but n_components={n_components} and "
            f"n_features={n_features}; give as many rows and columns."
        )
    if np.abs(rows @ rows.T - np.eye(n_components)).max() > 1e-6:
        raise ValueError(
            "The rows of subspace are not orthonormal; np.linalg.qr(rows.T).Q.T gives orthonormal "
            "rows of the same span."
        )
    return rows


def _haar_rows(
    n_components: int, n_features: int, random_state: np.random.RandomState
) -> FloatArray:
    """Orthonormal rows whose span is uniform among the subspaces of its dimension."""
    basis, triangle = np.linalg.qr(random_state.standard_normal((n_features, n_components)))
    # LAPACK's choice of signs is not random; with those of the diagonal the rows are Haar too
    return (basis * np.where(np.diag(triangle) < 0, -1.0, 1.0)).T


def _sparse_rows(
    n_components: int, n_features: int, support_size: int, random_state: np.random.RandomState
) -> FloatArray:
    """Orthonormal rows, each of `support_size` equal entries of random sign, none overlapping."""
    _check_size("support_size", support_size)
    if n_components * support_size > n_features:
        raise ValueError(
            f"n_components={n_components} disjoint supports of support_size={support_size} need "
            f"{n_components * support_size} features, but n_features={n_features}."
        )
    chosen = random_state.permutation(n_features)[: n_components * support_size]
    signs = random_state.choice([-1.0, 1.0], size=(n_components, support_size))
    rows = np.zeros((n_components, n_features))
    np.put_along_axis(
        rows, chosen.reshape(n_components, support_size), signs / np.sqrt(support_size), axis=1
    )
    return rows


def _draw_noise(
    noise: str | float | ArrayLike, n_features: int, random_state: np.random.RandomState
) -> FloatArray:
    """Standard deviation of the noise of each feature, drawn or checked."""
    if isinstance(noise, str):
        if noise == "linear":
            return np.linspace(1.0, 0.5, n_features)
        if noise == "lognormal":
            return np.exp(random_state.standard_normal(n_features))
        raise ValueError(
            f'noise={noise!r} is not known; give "linear", "lognormal", or standard deviations.'
        )
    noise = _as_vector("noise", noise, n_features)
    if noise.min() < 0:
        raise ValueError("noise holds standard deviations of features; none can be negative.")
    return noise


def _check_size(name: str, value: int, at_most: float = np.inf) -> None:
    """Refuse what is not an integer from 1 to `at_most`."""
    if not isinstance(value, Integral) or not 1 <= value <= at_most:
        limit = "" if at_most == np.inf else f" and at most {at_most}"
        raise ValueError(f"{name}={value!r} is not allowed; give an integer of at least 1{limit}.")


def _as_vector(name: str, value: float | ArrayLike, size: int) -> FloatArray:
    """Return one finite number for each of `size` components or features, in float64."""
    value = np.asarray(value, dtype=np.float64)
    if value.shape not in ((), (size,)):
        raise ValueError(
            f"{name} has shape {value.shape}; give one number, or an array of shape ({size},)."
        )
    if not np.isfinite(value).all():
        raise ValueError(f"{name} contains NaN or infinity.")
    return np.full(size, value)
