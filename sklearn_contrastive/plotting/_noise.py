"""NoiseDisplay: share of noise of each feature, with stuck and failing sensors."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator

from .._typing import Axes, FloatArray
from ._axes import COLOURS, axes_or_new
from ._fitted import fitted, loadings_of, model_variance, noise_variance_of

__all__ = ["NoiseDisplay"]

# a standard deviation below this share of the mean is rounding, not measurement
_STUCK = 1e-5


class NoiseDisplay:
    """Share of noise of each feature, the noisiest first.

    Use it to find bad sensors and columns without information. The share of noise is the noise
    variance over the variance of the feature: 0 where the other features predict it completely, 1
    where it has nothing in common with them.

    A feature is *failing* if its share is at least `failing`. Look at it: it may be broken, or it
    may measure well what no other feature measures. A feature is *stuck* if it is constant, or if
    its standard deviation is below 1e-5 of the absolute value of its mean; it has no share.

    Use :meth:`from_estimator` to create it.

    Parameters
    ----------
    shares : ndarray of shape (n_features,)
        Share of noise of each feature, in [0, 1]; NaN for a stuck feature.

    feature_names : list of str
        Names of the features.

    failing : float, default=0.95
        Smallest share of a failing feature.

    Attributes
    ----------
    stuck_, failing_ : list of str
        Names of the stuck features, and of the failing ones, noisiest first.

    bars_ : matplotlib BarContainer
        One bar for each feature that is shown, from top to bottom.

    ax_ : matplotlib Axes
        Axes of the plot.

    figure_ : matplotlib Figure
        Figure of the plot.

    See Also
    --------
    OutlierDisplay : Bad rows instead of bad features.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.plotting import NoiseDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((500, 1)) + 0.5 * rng.standard_normal((500, 8))
    >>> X[:, 3] += 9 * rng.standard_normal(500)
    >>> X[:, 5] = 20.0
    >>> display = NoiseDisplay.from_estimator(LinearContrastive(1, random_state=0).fit(X))
    >>> display.failing_, display.stuck_
    (['x3'], ['x5'])
    """

    def __init__(self, shares: FloatArray, *, feature_names: list[str], failing: float = 0.95):
        self.shares = shares
        self.feature_names = feature_names
        self.failing = failing

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        *,
        failing: float = 0.95,
        n_features: int = 30,
        ax: Axes | None = None,
    ) -> Self:
        """Shares of noise of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            Fitted `LinearContrastive`, `SupervisedLinearContrastive`, `HeteroPCA`, ``PCA`` or
            ``FactorAnalysis``, or a pipeline that ends in one.

        failing : float, default=0.95
            Smallest share of noise of a failing feature, in (0, 1].

        n_features : int, default=30
            Largest number of features to show: stuck ones, then those with the largest shares.

        ax : matplotlib Axes, default=None
            Axes to draw in; by default those of a new figure.

        Returns
        -------
        display : NoiseDisplay
            The plotted display.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator has not been fitted.
        TypeError
            If the estimator has no noise variances.
        """
        found = fitted(estimator)
        display = cls(_shares(found.reducer), feature_names=found.names, failing=failing)
        return display.plot(ax, n_features=n_features)

    def plot(self, ax: Axes | None = None, *, n_features: int = 30) -> Self:
        """Draw the plot.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; by default those of a new figure.

        n_features : int, default=30
            Largest number of features to show: stuck ones, then those with the largest shares.

        Returns
        -------
        display : NoiseDisplay
            This display.
        """
        stuck = np.isnan(self.shares)
        # stuck features first, then by their share
        order = np.argsort(-np.where(stuck, np.inf, self.shares), kind="stable")
        names = [self.feature_names[i] for i in order]
        shares = np.asarray(self.shares)[order]
        n_stuck, n_failing = int(stuck.sum()), int(np.sum(shares >= self.failing))
        self.stuck_, self.failing_ = names[:n_stuck], names[n_stuck : n_stuck + n_failing]
        names, shares = names[:n_features], shares[:n_features]
        height = 1.3 + 0.22 * max(len(names), 6)
        ax, figure = axes_or_new(ax, "NoiseDisplay", figsize=(6, height))
        bad = shares >= self.failing
        self.bars_ = ax.barh(
            range(len(names)),
            np.nan_to_num(shares),
            color=[COLOURS[1] if each else COLOURS[0] for each in bad],
            edgecolor=ax.get_facecolor(),
        )
        _mark(ax, self.bars_, bad, np.isnan(shares))
        label = f"failing: at least {self.failing:.0%} noise"
        ax.axvline(self.failing, linestyle="--", color=COLOURS[1], linewidth=1, label=label)
        ax.set_yticks(range(len(names)), names)
        ax.set(xlim=(0, 1), xlabel="share of noise in the variance of the feature")
        ax.set_ylim(len(names) - 0.4, -0.6)
        if len(names) < len(self.shares):
            title = f"the {len(names)} noisiest of {len(self.shares)} features"
            ax.set_title(title, fontsize="medium")
        ax.legend(loc="lower right")
        self.ax_, self.figure_ = ax, figure
        return self


def _mark(ax, bars, bad, stuck):
    """Hatch the failing features, and write which ones are stuck."""
    for row, (bar, is_bad, is_stuck) in enumerate(zip(bars, bad, stuck, strict=True)):
        if is_bad:
            bar.set_hatch("//")
        if is_stuck:
            ax.text(0.01, row, "stuck: does not vary", va="center", fontsize="small")


def _shares(reducer):
    """Share of noise of each feature; NaN where it is stuck."""
    noise = noise_variance_of(reducer, "NoiseDisplay")
    variance = model_variance(reducer, "NoiseDisplay")
    loadings = loadings_of(reducer, "NoiseDisplay")
    shares = np.divide(noise, variance, out=np.ones(len(noise)), where=variance > 0)
    # a constant feature takes no part in the fit: its loadings are exactly 0, and its noise is
    # made up
    constant = ~loadings.any(axis=1) if loadings.shape[1] else np.zeros(len(noise), bool)
    rounding = np.sqrt(variance) <= _STUCK * np.abs(np.asarray(reducer.mean_, float))
    return np.where(constant | rounding, np.nan, shares)
