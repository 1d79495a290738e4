"""Noise edge: the largest eigenvalue of pure noise, also with rare or extreme values."""

import numpy as np
from numpy.typing import NDArray
from scipy.special import pdtr, pdtrik

__all__ = ["degrees_of_freedom", "noise_edge", "poisson_quantile", "tail_weights"]

# probability that a row, or a pair of features, of pure noise exceeds what is allowed for
_LEVEL = 0.05
# features with at least this share of a kurtosis may add to the same row
_SIMILAR = 0.25
# kurtosis is rounded up to this power: few different values need few quantiles
_ROUNDING = 2.0 ** (1 / 8)


def noise_edge(n_samples: float, n_features: int) -> float:
    """Eigenvalue of a sample covariance that pure unit noise practically never exceeds.

    Parameters
    ----------
    n_samples : float
        Number of samples n.
    n_features : int
        Number of features d.

    Returns
    -------
    edge : float
        Upper end of the Marchenko-Pastur law, plus two units of the Tracy-Widom scale of the
        largest eigenvalue.

    References
    ----------
    Johnstone (2001), On the distribution of the largest eigenvalue in principal components
    analysis, theorem 1.1.
    """
    n, d = np.sqrt(n_samples), np.sqrt(n_features)
    return float(((n + d) ** 2 + 2.0 * (n + d) * (1 / n + 1 / d) ** (1 / 3)) / n_samples)


def degrees_of_freedom(n_samples: float, n_factors: int) -> float:
    """Samples that the noise has left after the mean and the factors, n - 1 - r, at least 1.

    It matters for few samples: the n - 1 eigenvalues of pure noise in d >> n features are all near
    d / (n - 1), which exceeds the edge of n samples.
    """
    return max(n_samples - 1.0 - n_factors, 1.0)


def tail_weights(kurtosis: NDArray[np.float64], n_samples: float) -> NDArray[np.float64]:
    """Weights of features in the count, below 1 where few samples carry the variance.

    The variance of a feature of kurtosis k is carried by about n / k samples, each with a share
    s = k / n. Independent features may have such samples in common by chance. A row that m features
    share has the norm m s, which acts as a spike in the space of the rows; m common samples of two
    features are a correlation of m s, a spike in that of the features. Numbers of coincidences are
    Poisson; their quantiles over all rows and pairs, and the position of the eigenvalue of a spike,
    give the largest eigenvalue of such noise. A feature gets the noise edge over this eigenvalue as
    its weight, in units of variance: weighted noise stays below the edge.

    Parameters
    ----------
    kurtosis : ndarray of shape (n_features,)
        Sample kurtosis of each feature that varies; infinite or NaN for as large as possible.
    n_samples : float
        Number of samples n.

    Returns
    -------
    weights : ndarray of shape (n_features,)
        In (0, 1]; 1 for features without rare or extreme values.

    References
    ----------
    Baik and Silverstein (2006), Eigenvalues of large sample covariance matrices of spiked
    population models.
    """
    bounded = np.maximum(np.where(kurtosis < n_samples, kurtosis, n_samples), 1.0)
    steps = np.ceil(np.log(bounded) / np.log(_ROUNDING))
    steps, index, counts = np.unique(steps, return_inverse=True, return_counts=True)
    kurtosis, n_features = _ROUNDING**steps, len(index)
    from_here = np.cumsum(counts[::-1])[::-1].astype(float)
    similar = from_here[np.searchsorted(kurtosis, _SIMILAR * kurtosis)]
    share, ratio = kurtosis / n_samples, n_features / n_samples
    n_pairs = np.maximum(similar * (similar - 1.0) / 2.0, 1.0)
    exceeded = np.stack([np.full_like(share, _LEVEL / n_samples), _LEVEL / n_pairs])
    means = np.stack([similar / kurtosis, n_samples / kurtosis**2])
    row, pair = share * (poisson_quantile(exceeded, means) - means)
    # weaker spikes than these do not leave the bulk of the other eigenvalues
    row, pair = np.maximum(row, np.sqrt(ratio)), np.maximum(np.minimum(pair, 1.0), np.sqrt(ratio))
    largest = np.maximum((ratio + row) * (1.0 + row) / row, (1.0 + pair) * (1.0 + ratio / pair))
    edge = noise_edge(n_samples, n_features)
    return (edge / np.maximum(largest, edge))[index]


def poisson_quantile(exceeded: NDArray, mean: NDArray) -> NDArray[np.float64]:
    """Smallest number that a Poisson variable exceeds with at most some probability.

    Parameters
    ----------
    exceeded : ndarray of any shape
        The probability.
    mean : ndarray of the same shape
        Mean of the variable.

    Returns
    -------
    number : ndarray of the same shape
        An integer, in float64.
    """
    not_exceeded = 1.0 - exceeded
    number = pdtrik(not_exceeded, mean)
    number = np.where(number > 0, np.ceil(number), 0.0)  # NaN where 0 is not exceeded
    below = np.maximum(number - 1.0, 0.0)
    return np.where(pdtr(below, mean) >= not_exceeded, below, number)
