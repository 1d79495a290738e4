"""Hypothesis strategies that draw sizes, scales and a seed, and data that follow from them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from hypothesis import strategies as st

from sklearn_contrastive.datasets import make_spiked_covariance

__all__ = [
    "SEEDS",
    "WEIGHTS",
    "SpikedProblem",
    "partitions",
    "separate_factors",
    "spiked_problems",
    "weights_of",
    "with_gaps",
]

SEEDS = st.integers(0, 2**32 - 1)
# kinds of sample weights, see weights_of
WEIGHTS = st.sampled_from(["none", "ones", "counts", "fractions"])


@dataclass(frozen=True)
class SpikedProblem:
    """Sizes, scales and a seed; the data follow from them.

    The noise of the features has standard deviations that are log-uniform between 1 and
    ``noise_ratio``, all multiplied by ``unit``, as the signal is.
    """

    n_samples: int
    n_features: int
    n_components: int
    signal: float
    noise_ratio: float
    offset: float
    unit: float
    seed: int

    @cached_property
    def _drawn(self):
        rng = np.random.RandomState(self.seed)
        noise = self.noise_ratio ** rng.uniform(size=self.n_features)
        return make_spiked_covariance(
            self.n_samples,
            self.n_features,
            self.n_components,
            signal=self.unit * self.signal,
            noise=self.unit * noise,
            mean=self.unit * self.offset,
            random_state=rng,
        )

    @property
    def X(self):
        """The samples, of shape (n_samples, n_features)."""
        return self._drawn[0]

    @property
    def truth(self):
        """The population, a SpikedCovariance."""
        return self._drawn[1]

    @property
    def covariance(self):
        """The population's covariance."""
        return self.truth.covariance

    @cached_property
    def gap(self):
        """Eigengap of the covariance without its diagonal, after n_components eigenvalues."""
        off_diagonal = self.covariance - np.diag(np.diag(self.covariance))
        eigenvalues = np.linalg.eigvalsh(off_diagonal)[::-1]
        return eigenvalues[self.n_components - 1] - eigenvalues[self.n_components]


@st.composite
def spiked_problems(draw, max_features=30, max_samples=100):
    """Draw problems with 4 to max_features features, a quarter of them at most components."""
    n_features = draw(st.integers(4, max_features))
    return SpikedProblem(
        n_samples=draw(st.integers(2, max_samples)),
        n_features=n_features,
        n_components=draw(st.integers(1, n_features // 4)),
        signal=draw(st.sampled_from([0.5, 1.0, 3.0])),
        noise_ratio=draw(st.sampled_from([1.0, 0.1, 10.0])),
        offset=draw(st.sampled_from([0.0, 1.0, -1000.0])),
        unit=draw(st.sampled_from([1.0, 1e-6, 1e6])),
        seed=draw(SEEDS),
    )


def with_gaps(X, share, seed):
    """X with a share of its entries NaN, each of them independently of all others."""
    missing = np.random.default_rng(seed).uniform(size=np.shape(X)) < share
    return np.where(missing, np.asarray(np.nan, dtype=X.dtype), X)


def separate_factors(n_samples, n_features, n_components, signal, noise, offset, seed):
    """Samples of components on separate features, and their population.

    Parameters
    ----------
    signal : array-like of shape (n_components,)
        Standard deviation of each component.
    noise : tuple of float
        Range of the standard deviations of the noise.
    offset : float
        Mean of every feature.
    """
    rng = np.random.RandomState(seed)
    return make_spiked_covariance(
        n_samples,
        n_features,
        n_components,
        subspace="sparse",
        support_size=n_features // n_components,
        signal=signal,
        noise=rng.uniform(*noise, size=n_features),
        mean=offset,
        random_state=rng,
    )


def weights_of(kind, n_samples, seed, least=0):
    """Sample weights of a kind, None for "none"; counts and fractions are at least `least`."""
    rng = np.random.default_rng(seed)
    weight = {
        "none": None,
        "ones": np.ones(n_samples),
        "counts": rng.integers(least, 4, size=n_samples).astype(float),
        "fractions": rng.uniform(least, 2, size=n_samples),
    }[kind]
    if weight is not None:
        weight[:1] += 2.0 - least  # the sum exceeds 1, the least that a variance needs
    return weight


@st.composite
def partitions(draw, n_samples):
    """Draw row numbers, shuffled and cut into some parts."""
    rng = np.random.default_rng(draw(SEEDS))
    n_cuts = draw(st.integers(0, n_samples - 1))
    cuts = rng.choice(np.arange(1, n_samples), n_cuts, replace=False)
    return np.split(rng.permutation(n_samples), np.sort(cuts))
