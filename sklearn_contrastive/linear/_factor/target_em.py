"""EM of a factor model with targets: x = B z + noise, and y_t = g_t'z + noise where it is known.

Each target contributes a_t log p(y_t | x) to the log-likelihood of the samples, with a weight a_t.
Given x, the factors have the covariance V and the mean V W'x, with W = Psi^-1 B; a target adds
h (y - g'V W'x) to the mean, with h = V g / (g'V g + tau), and takes h h' (g'V g + tau) from the
covariance. The targets are taken one by one, so that what they share beyond the factors does not
matter.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .._covariance.scale import reciprocal
from .._covariance.target_moments import ProductsAlong, TargetCovariance
from .accelerated_em import AcceleratedEM
from .map_newton import PRIOR_SAMPLES, most_probable_uniqueness
from .options import FitOptions

__all__ = ["TargetExpectationMaximisation", "TargetState", "UnitMoments"]


@dataclass(frozen=True)
class TargetState:
    """A model in units of the deviations of features and targets.

    Parameters
    ----------
    loadings : ndarray of shape (n_features, n_factors)
        B.
    uniqueness : ndarray of shape (n_features,)
        Psi.
    slopes : ndarray of shape (n_targets, n_factors)
        g_t.
    residual : ndarray of shape (n_targets,)
        tau_t.
    """

    loadings: NDArray[np.float64]
    uniqueness: NDArray[np.float64]
    slopes: NDArray[np.float64]
    residual: NDArray[np.float64]

    def as_vector(self) -> NDArray[np.float64]:
        """Loadings, log uniquenesses, slopes and log residual variances in one vector."""
        logarithms = np.log(self.uniqueness), np.log(self.residual)
        parts = self.loadings.ravel(), logarithms[0], self.slopes.ravel(), logarithms[1]
        return np.concatenate(parts)

    def moved(self, step: NDArray[np.float64], floor: float) -> "TargetState":
        """The state after a step, variances from `floor` to 1."""
        sizes = np.cumsum([self.loadings.size, self.uniqueness.size, self.slopes.size])
        loadings, uniqueness, slopes, residual = np.split(self.as_vector() + step, sizes)
        return TargetState(
            loadings.reshape(self.loadings.shape),
            np.clip(np.exp(uniqueness), floor, 1.0),
            slopes.reshape(self.slopes.shape),
            np.clip(np.exp(residual), floor, 1.0),
        )


@dataclass(frozen=True)
class UnitMoments:
    """Moments in units of the features' deviations, with n - 1 in them, and of the targets'.

    Parameters
    ----------
    covariance : TargetCovariance
        Of the samples.
    inverse : ndarray of shape (n_features,)
        1 over the deviation of each feature, 0 for a constant one.
    """

    covariance: TargetCovariance
    inverse: NDArray[np.float64]

    @classmethod
    def of(cls, covariance: TargetCovariance, scale: NDArray[np.float64]) -> "UnitMoments":
        """In units of the deviations `scale`."""
        return cls(covariance, reciprocal(scale))

    @property
    def live(self) -> NDArray[np.bool_]:
        """Features that vary."""
        return self.inverse > 0

    @property
    def _growth(self):
        return self.covariance.n_samples / (self.covariance.n_samples - 1.0)

    def products(self, directions: NDArray, coefficients: NDArray) -> ProductsAlong:
        """Scatter of all samples times directions, and products with those of known ones."""
        products = self.covariance.products(self.inverse[:, None] * directions, coefficients)
        return ProductsAlong(
            self.covariance.n_samples * self.inverse[:, None] * products.total,
            self._growth * products.along,
            self._growth * self.inverse[:, None] * products.known,
        )

    def known_along(self, directions: NDArray) -> NDArray[np.float64]:
        """Scatter of the samples that know a target, along directions: (n_targets, k, k)."""
        return self._growth * self.covariance.known_along(self.inverse[:, None] * directions)

    def known_times(self, directions: NDArray) -> NDArray[np.float64]:
        """That scatter times one direction per target: (n_features, n_targets)."""
        inner = self.inverse[:, None] * directions
        return self._growth * self.inverse[:, None] * self.covariance.known_times(inner)

    @property
    def cross(self) -> NDArray[np.float64]:
        """Sums of x times the targets, (n_features, n_targets)."""
        return np.sqrt(self._growth) * self.inverse[:, None] * self.covariance.cross


@dataclass(frozen=True)
class _Point:
    """A state, the state that EM makes of it, and its log-posterior."""

    state: TargetState
    following: TargetState
    posterior: float

    @property
    def step(self):
        """From the state to the following one."""
        return self.following.as_vector() - self.state.as_vector()


class TargetExpectationMaximisation(AcceleratedEM):
    """Steps of EM for `damped_anderson`.

    Parameters
    ----------
    moments : UnitMoments
        Of the samples.
    weights : ndarray of shape (n_targets,)
        Weights a_t of the targets; targets of weight 0 are left out.
    floor : float
        Smallest uniqueness.
    options : FitOptions
        Of the fit.
    """

    def __init__(
        self,
        moments: UnitMoments,
        weights: NDArray[np.float64],
        floor: float,
        options: FitOptions,
    ):
        super().__init__(options.tol)
        self._moments, self._floor, self._options = moments, floor, options
        self._used = np.flatnonzero(weights > 0)
        self._weights = weights[self._used]
        self._counts = moments.covariance.counts[self._used]
        self._cross = moments.cross[:, self._used]

    def evaluated(self, state: TargetState) -> _Point:
        """A point: the E-step from a state, and the M-step."""
        self._options.on_step("step of EM")
        n_samples, slopes = self._moments.covariance.n_samples, state.slopes
        weighted = state.loadings / state.uniqueness[:, None]
        given_x = np.linalg.inv(np.eye(slopes.shape[1]) + weighted.T @ state.loadings)
        shifted = np.zeros((slopes.shape[1], self._moments.covariance.n_targets))
        shifted[:, self._used] = given_x @ slopes.T
        read = self._moments.products(weighted, shifted)
        total = read.total
        along = weighted.T @ total
        products = total @ given_x
        squares = n_samples * given_x + given_x @ along @ given_x

        of_known = given_x @ read.along[self._used] @ given_x
        cross = (given_x @ (weighted.T @ self._cross)).T
        remaining = self._cross - read.known[:, self._used]
        sums = _TargetSums.of(state, given_x, of_known, cross, self._counts, remaining)
        products = products + sums.residual_products @ (self._weights[:, None] * sums.gains)
        squares = squares + np.einsum("t,tkl->kl", self._weights, sums.change)

        misfit = np.sum(self._weights * sums.misfit) - np.sum(given_x * along)
        misfit -= n_samples * np.linalg.slogdet(given_x)[1]
        logarithm = np.log(state.uniqueness[self._moments.live])
        misfit += n_samples * np.sum(logarithm + np.exp(-logarithm))
        prior = np.sum(logarithm**2) + np.sum(self._weights * np.log(state.residual) ** 2)
        posterior = float(-0.5 * (misfit + 0.5 * PRIOR_SAMPLES * prior))
        loadings = np.linalg.solve(squares, products.T).T
        rest = self._moments.live - np.sum(loadings * products, axis=1) / n_samples
        uniqueness = most_probable_uniqueness(rest, PRIOR_SAMPLES / n_samples, self._floor)
        uniqueness = np.where(self._moments.live, uniqueness, 1.0)
        following = TargetState(loadings, uniqueness, *self._regressed(sums, given_x))
        return _Point(state, following, posterior)

    def _regressed(self, sums, given_x):
        """Regression of the targets on the factors: slopes and residual variances."""
        counts = self._counts
        squares = sums.along + counts[:, None, None] * given_x + sums.change
        products = sums.cross + sums.gains * sums.of_target[:, None]
        slopes = np.linalg.solve(squares, products[:, :, None])[:, :, 0]
        rest = 1.0 - np.sum(slopes * products, axis=1) / counts
        return slopes, most_probable_uniqueness(rest, PRIOR_SAMPLES / counts, self._floor)

    def moved(self, point, step, n_refused):
        return self.evaluated(point.state.moved(step, self._floor))


@dataclass(frozen=True)
class _TargetSums:
    """Sums over the samples that know a target, of the factors given their features.

    `along` and `cross` are of the expected factors s = V W'x with themselves and with the target,
    `of_target` is that of the residual r = y - g's with the target, `residual_products` that with
    x; `gains` are the h; `change` is what y changes in the expected squares of the factors, and
    `misfit` twice the negative log-likelihood of y given x.
    """

    along: NDArray[np.float64]
    cross: NDArray[np.float64]
    of_target: NDArray[np.float64]
    residual_products: NDArray[np.float64]
    gains: NDArray[np.float64]
    change: NDArray[np.float64]
    misfit: NDArray[np.float64]

    @classmethod
    def of(cls, state, given_x, along, cross, counts, residual_products):
        shifted = state.slopes @ given_x
        variance = np.sum(shifted * state.slopes, axis=1) + state.residual
        gains = shifted / variance[:, None]
        of_factors = cross - np.einsum("tkl,tl->tk", along, state.slopes)
        of_target = counts - np.sum(state.slopes * cross, axis=1)
        squares = of_target - np.sum(state.slopes * of_factors, axis=1)
        outer = gains[:, :, None] * of_factors[:, None, :]
        change = (squares - counts * variance)[:, None, None] * (
            gains[:, :, None] * gains[:, None, :]
        )
        change += outer + outer.transpose(0, 2, 1)
        misfit = counts * np.log(variance) + squares / variance
        return cls(along, cross, of_target, residual_products, gains, change, misfit)
