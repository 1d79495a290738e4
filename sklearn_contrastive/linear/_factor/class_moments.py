"""Moments of labelled samples in units of the features' deviations."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..._noise_edge import noise_edge
from .._covariance.labelled import LabelledCovariance
from .._covariance.scale import reciprocal
from .n_components import counting_weights

__all__ = ["ClassMoments"]

# samples that are counted at most: more change nothing, and squares of their number overflow
_MOST_SAMPLES = 1e100
# numbers in the means of classes up to which directions are sought that only labels show
_MEANS_ENTRIES = 2**24


@dataclass(frozen=True)
class ClassMoments:
    """Products with the moments of samples in classes; classes of one sample count as none.

    Parameters
    ----------
    covariance : LabelledCovariance
        Of all samples.
    inverse : ndarray of shape (n_features,)
        One over the deviation of each feature; 0 for a constant one.
    paired : ndarray of shape (n_classes,)
        Which classes have at least two samples.
    counts : ndarray of shape (n_paired,)
        Their samples.
    n_samples : float
        Number of samples, labelled or not.
    growth : float
        n / (n - 1): variances are 1 with n - 1 in the denominator, as without labels.
    weight : float
        Of each sample, 1 but for immense sums of sample weights.
    """

    covariance: LabelledCovariance
    inverse: NDArray[np.float64]
    paired: NDArray[np.bool_]
    counts: NDArray[np.float64]
    n_samples: float
    growth: float
    weight: float

    @classmethod
    def of(cls, covariance: LabelledCovariance, scale: NDArray[np.float64]) -> "ClassMoments":
        """From the deviations of the features."""
        paired, n_samples = covariance.counts > 1, covariance.n_samples
        growth = n_samples / (n_samples - 1.0)
        weight = min(1.0, _MOST_SAMPLES / n_samples)
        counts, n_samples = weight * covariance.counts[paired], weight * n_samples
        return cls(covariance, reciprocal(scale), paired, counts, n_samples, growth, weight)

    @property
    def n_within(self) -> float:
        """Degrees of freedom within classes."""
        return float(np.sum(self.counts - 1.0))

    @property
    def n_free(self) -> float:
        """Number of samples without a partner of their class."""
        return self.n_samples - float(self.counts.sum())

    def times(
        self, directions: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Scatter of all samples and within classes, times directions; rooted means of classes."""
        inner = self.inverse[:, None] * directions
        total = self.total_times(directions)
        within = self.inverse[:, None] * self.covariance.within_times(inner)
        within *= self.growth * self.weight
        return total, within, self._root * self.covariance.class_scores(inner)[self.paired]

    def total_times(self, directions: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scatter of all samples, times directions."""
        products = self.covariance.times(self.inverse[:, None] * directions)
        return self.n_samples * self.inverse[:, None] * products

    def combined(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Rooted means of the classes with weights (n_paired, n_sums), summed."""
        every = np.zeros((len(self.paired), weights.shape[1]))
        every[self.paired] = self._root * weights
        return self.inverse[:, None] * self.covariance.combined_means(every)

    def _rooted_means(self):
        """Rooted means of the classes, shape (n_features, n_paired)."""
        means = self.covariance.centred_means()[self.paired]
        return self.inverse[:, None] * (self._root * means).T

    @property
    def _root(self):
        return np.sqrt(self.growth * self.counts)[:, None]

    def class_axes(
        self, loadings: NDArray[np.float64], uniqueness: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Rotation of the factors to where their means by class differ most, in descending order.

        From the covariance of the means by class less what varies within classes.
        """
        weighted = loadings / uniqueness[:, None]
        _, within, means = self.times(weighted)
        to_factors = np.linalg.inv(np.eye(loadings.shape[1]) + weighted.T @ loadings)
        noise = to_factors @ (weighted.T @ within) @ to_factors / self.n_within
        means = means @ to_factors
        return np.linalg.eigh(means.T @ means - len(means) * noise)[1][:, ::-1]

    def class_directions(
        self, loadings: NDArray[np.float64], uniqueness: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """Loadings of class differences outside the factors that exceed those of random labels.

        The means of random classes vary as much as all samples do: as the noise, or more along
        what the factors leave out.
        """
        n_features, n_classes = len(uniqueness), len(self.counts)
        n_free = int(np.sum(self.inverse > 0)) - loadings.shape[1]
        if n_classes < 2 or n_free < 1 or n_classes * n_features > _MEANS_ENTRIES:
            return np.zeros((n_features, 0))
        root = np.sqrt(uniqueness)[:, None]
        white = self._rooted_means() / root
        basis = np.linalg.qr(loadings / root)[0]
        white -= basis @ (basis.T @ white)
        white *= np.sqrt(counting_weights(self.covariance, self.inverse))[:, None]
        left, singular, _ = np.linalg.svd(white, full_matrices=False)
        squares = singular**2 / (n_classes - 1.0)
        spread = np.sum(left * (self.total_times(left / root) / root), axis=0) / self.n_samples
        chosen = squares > np.maximum(spread, 1.0) * noise_edge(n_classes - 1.0, n_free)
        return root * left[:, chosen] * np.sqrt((squares[chosen] - 1.0) / self.counts.mean())
