"""Settings of the spiked model: samples, features, noise and subspace."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .._common.spiked import (
    equal_noise,
    five_noisy,
    haar,
    linear_noise,
    spiked_sample,
    uniform_noise,
)
from . import _reference


def few_features(k):
    """Directions on k features each, with equal weights, and no feature in two of them."""

    def draw(rng, d, r):
        U = np.zeros((d, r))
        for j, features in enumerate(rng.permutation(d)[: k * r].reshape(r, k)):
            U[features, j] = k**-0.5
        return U

    return draw


@dataclass(frozen=True)
class Problem:
    """One draw of a setting: directions in columns, noise sds, and samples in rows."""

    subspace: np.ndarray
    noise: np.ndarray
    X: np.ndarray


@dataclass(frozen=True)
class Setting:
    """n samples of d features, r directions; noise and subspace are drawn by functions."""

    n: int
    d: int
    r: int
    noise: Callable
    signal: float | tuple = 1.0
    draw_subspace: Callable = haar

    def draw(self, *seed):
        """One problem from a seed of integers."""
        rng = np.random.default_rng(seed)
        U = self.draw_subspace(rng, self.d, self.r)
        noise = self.noise(rng, self.d)
        return Problem(U, noise, spiked_sample(rng, self.n, U, np.asarray(self.signal), noise))


@dataclass(frozen=True)
class Sweep:
    """Settings along one axis: `values` on the axis and a setting for each."""

    title: str
    symbol: str
    axis: str
    values: tuple
    setting: Callable
    quick: tuple
    reference: dict = field(default_factory=dict)

    def cells(self, quick=False):
        """Label -> setting."""
        values = self.quick if quick else self.values
        return {self.label(value): self.setting(value) for value in values}

    def label(self, value):
        """Name of a value on the axis."""
        return f"{self.symbol}={value}"


AGAINST_FEATURES = Sweep(
    "d; noise sd from 1 to .5, r=10, n=20000",
    "d",
    "features",
    (20, 40, 60, 80, 110, 200),
    lambda d: Setting(20_000, d, 10, linear_noise(0.5)),
    (20, 40, 80),
    _reference.AGAINST_FEATURES,
)
AGAINST_SAMPLES = Sweep(
    "n; noise sd from 1 to .5, r=10, d=40",
    "n",
    "samples",
    (500, 1000, 3000, 10_000, 50_000),
    lambda n: Setting(n, 40, 10, linear_noise(0.5)),
    (500, 1000, 3000),
    _reference.AGAINST_SAMPLES,
)
AGAINST_COMPONENTS = Sweep(
    "r; noise sd from 1 to .5, d=200, n=20000",
    "r",
    "components",
    (2, 4, 8, 16, 32),
    lambda r: Setting(20_000, 200, r, linear_noise(0.5)),
    (2, 8),
)
AGAINST_NOISE_RATIO = Sweep(
    "C; noise sd from 1 to 1/C, r=10, d=40, n=20000",
    "C",
    "largest over smallest noise sd",
    (1, 1.5, 2, 4, 10),
    lambda C: Setting(20_000, 40, 10, linear_noise(1 / C)),
    (1, 2, 10),
    _reference.AGAINST_NOISE_RATIO,
)
AGAINST_NOISY_FEATURES = Sweep(
    "s; five features at noise sd s, the others at .5, r=5, d=100, n=5000",
    "s",
    "noise sd of five features, .5 in the others",
    (0.5, 0.8, 1, 1.2, 1.5, 2, 3),
    lambda s: Setting(5000, 100, 5, five_noisy(s)),
    (0.5, 1, 3),
    _reference.AGAINST_NOISY_FEATURES,
)
FIVE_NOISY_AGAINST_FEATURES = Sweep(
    "d; five features at noise sd 3, the others at .5, r=5, n=5000",
    "d",
    "features",
    (15, 25, 50, 100, 200, 400),
    lambda d: Setting(5000, d, 5, five_noisy(3)),
    (15, 50),
    _reference.FIVE_NOISY_AGAINST_FEATURES,
)
UNIFORM_NOISE = Sweep(
    "smax; noise sd uniform between 0 and smax, r=3, d=100, n=2000",
    "smax",
    "largest noise sd",
    (0.5, 1, 2, 3),
    lambda high: Setting(2000, 100, 3, uniform_noise(high)),
    (0.5, 2),
    _reference.UNIFORM_NOISE,
)
# both terms of the guarantee fall as d grows, PCA's error does not
BOTH_TERMS = Sweep(
    "d and n=2d²; five features at noise sd 2, the others at .5, r=5",
    "d",
    "features d, with 2d² samples",
    (25, 50, 100, 200),
    lambda d: Setting(2 * d**2, d, 5, five_noisy(2)),
    (25, 50, 100),
)
EQUAL_NOISE = Sweep(
    "n; equal noise of sd 1, r=5, d=100",
    "n",
    "samples",
    (1000, 4000, 16_000, 64_000),
    lambda n: Setting(n, 100, 5, equal_noise(1)),
    (1000, 4000),
    _reference.EQUAL_NOISE,
)
COHERENCE = Sweep(
    "k; each direction on k features of its own, equal noise of sd .5, r=3, d=60, n=5000",
    "k",
    "features per component",
    (1, 2, 3, 5, 10, 20),
    lambda k: Setting(5000, 60, 3, equal_noise(0.5), draw_subspace=few_features(k)),
    (1, 2, 3),
    _reference.COHERENCE,
)
SPIKES = Sweep(
    "kappa; signal sds kappa, 1, 1, noise sd uniform between 0 and 1.5, r=3, d=60, n=5000",
    "kappa",
    "strongest over weakest signal sd",
    (1, 3, 10, 30),
    lambda kappa: Setting(5000, 60, 3, uniform_noise(1.5), (kappa, 1.0, 1.0)),
    (1, 10),
    _reference.SPIKES,
)
