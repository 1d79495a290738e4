"""SpectrumDisplay: the scree plot, with the edge of the noise."""

from typing import Self

import numpy as np
from scipy.linalg import solve_triangular
from scipy.stats import kurtosis
from sklearn.base import BaseEstimator
from sklearn.utils import check_array

from .._noise_edge import degrees_of_freedom, noise_edge, tail_weights
from .._typing import ArrayLike, Axes, VectorLike
from ._axes import COLOURS, axes_or_new
from ._fitted import fitted, loadings_of, noise_variance_of, shares_noise
from ._text import ink_of

__all__ = ["SpectrumDisplay"]

# eigenvalues beyond the chosen ones that show where the noise begins
_FEWEST_SHOWN = 20
_PLOT = "SpectrumDisplay"


class SpectrumDisplay:
    """Scree plot: how strong the components are, which ones were kept, where the noise begins.

    Use it to check a number of components. It shows eigenvalues of the covariance after each
    feature was divided by the standard deviation of its noise, so that units do not matter. Pure
    noise stays below the dashed line, the *noise edge*; ``n_components="auto"`` keeps what is
    above.

    Use :meth:`from_estimator` to create it.

    Parameters
    ----------
    values : array-like of shape (n_values,)
        Strength of each component, strongest first.

    n_components : int
        Number of components that the estimator kept.

    noise_edge : float, default=None
        Value that pure noise does not exceed; None if there is none.

    quantity : str, default="eigenvalue (variance of the noise = 1)"
        What `values` are: label of the vertical axis.

    Attributes
    ----------
    kept_, left_ : matplotlib Line2D
        Points of the components that were kept, and of the others.

    edge_line_ : matplotlib Line2D or None
        Line of the noise edge.

    ax_ : matplotlib Axes
        Axes of the plot.

    figure_ : matplotlib Figure
        Figure of the plot.

    See Also
    --------
    LoadingsDisplay : Which features a component consists of.

    Examples
    --------
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> from sklearn_contrastive.plotting import SpectrumDisplay
    >>> X, _ = make_spiked_covariance(2000, 40, 3, signal=3.0, random_state=0)
    >>> display = SpectrumDisplay.from_estimator(LinearContrastive().fit(X), X)
    >>> int((display.values > display.noise_edge).sum())
    3
    """

    def __init__(
        self,
        values: VectorLike,
        *,
        n_components: int,
        noise_edge: float | None = None,
        quantity: str = "eigenvalue (variance of the noise = 1)",
    ):
        self.values = values
        self.n_components = n_components
        self.noise_edge = noise_edge
        self.quantity = quantity

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, X: ArrayLike | None = None, *, ax: Axes | None = None
    ) -> Self:
        """Scree plot of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            Fitted `LinearContrastive`, `SupervisedLinearContrastive`, `HeteroPCA`, ``PCA`` or
            ``FactorAnalysis``, or a pipeline that ends in one. Of `PairedContrastive` the
            correlations of the pairs are shown.

        X : array-like of shape (n_samples, n_features), default=None
            The training samples, without missing entries. They add the eigenvalues that were left
            out. Where wrong entries were treated (`robust`), they are in these eigenvalues. None
            shows the eigenvalues of the model, one for each component.

        ax : matplotlib Axes, default=None
            Axes to draw in; by default those of a new figure.

        Returns
        -------
        display : SpectrumDisplay
            The plotted display.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator has not been fitted.
        TypeError
            If it does not have the numbers.
        ValueError
            If X has missing entries, or the estimated noise is 0.
        """
        found = fitted(estimator, X)
        reducer = found.reducer
        if hasattr(reducer, "pair_correlation_"):
            values = np.asarray(reducer.pair_correlation_)
            quantity = "correlation of the measurements of a pair"
            return cls(values, n_components=len(values), quantity=quantity).plot(ax)
        if X is None:
            values, edge = _spectrum_of_model(reducer)
        else:
            values, edge = _spectrum_of_samples(reducer, found.X)
        n_components = len(reducer.components_)
        return cls(values, n_components=n_components, noise_edge=edge).plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the plot.

        At least the first 20 values are drawn, and twice as many as there are components.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; by default those of a new figure.

        Returns
        -------
        display : SpectrumDisplay
            This display.
        """
        ax, figure = axes_or_new(ax, _PLOT)
        n_shown = max(_FEWEST_SHOWN, 2 * self.n_components)
        values = np.asarray(self.values)[:n_shown]
        numbers = np.arange(1, len(values) + 1)
        kept = numbers <= self.n_components
        ax.plot(numbers, values, color=ink_of(ax), linewidth=0.8, alpha=0.6, zorder=1)
        points = {"linestyle": "none", "marker": "o", "color": COLOURS[0]}
        kept_label = f"{self.n_components} component" + "s" * (self.n_components != 1)
        (self.kept_,) = ax.plot(numbers[kept], values[kept], label=kept_label, **points)
        points["markerfacecolor"] = ax.get_facecolor()
        left_label = "left out" if not kept.all() else None
        (self.left_,) = ax.plot(numbers[~kept], values[~kept], label=left_label, **points)
        self.edge_line_ = None
        if self.noise_edge is not None:
            label = f"noise edge, {self.noise_edge:.3g}"
            self.edge_line_ = ax.axhline(
                self.noise_edge, linestyle="--", color=COLOURS[1], label=label
            )
            ax.set_yscale("log", subs=[])
            ax.yaxis.set_major_locator(_plain_log_ticks())
            ax.yaxis.set_major_formatter("{x:g}")
        else:
            ax.set_ylim(bottom=min(0.0, 1.1 * values.min(initial=0.0)))
        ax.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        # half a step on both sides: a single value would get ticks at fractions
        ax.set_xlim(0.5, max(len(values), 1) + 0.5)
        ax.set(xlabel="number of components", ylabel=self.quantity)
        ax.legend(loc="upper right")  # the values fall
        self.ax_, self.figure_ = ax, figure
        return self


def _plain_log_ticks():
    """Ticks at 1, 2, 5, 10, ..."""
    from matplotlib.ticker import LogLocator

    return LogLocator(subs=(1.0, 2.0, 5.0))


def _spectrum_of_model(reducer):
    """Eigenvalues of the model in units of the noise, of its components, and the noise edge."""
    loadings = loadings_of(reducer, _PLOT)
    white = _whitened(reducer, loadings)
    values = 1.0 + np.linalg.svd(white, compute_uv=False)[: loadings.shape[1]] ** 2
    n_samples = getattr(reducer, "n_samples_", None)  # FactorAnalysis does not say
    edge = None if n_samples is None else _edge(n_samples, loadings.any(axis=1).sum(), len(values))
    return values, edge


def _spectrum_of_samples(reducer, X):
    """Eigenvalues of the covariance in units of the noise, and the noise edge.

    This is the last count of ``n_components="auto"``, with all the eigenvalues.
    """
    X = check_array(X, dtype=np.float64, ensure_min_samples=3, ensure_all_finite="allow-nan")
    if np.isnan(X).any():
        raise ValueError(
            "X has missing entries. Leave X out to see the components of the estimator, or fill X "
            "with its method impute."
        )
    n_samples, live = len(X), np.ptp(X, axis=0) > 0
    white = _whitened(reducer, (X - X.mean(axis=0)).T).T[:, live]
    if not shares_noise(reducer):
        # rare or extreme values make spurious eigenvalues: the count gives them less weight
        left = degrees_of_freedom(n_samples, 0)
        white = white * np.sqrt(tail_weights(kurtosis(X[:, live], fisher=False), left))
    gram = white.T @ white if n_samples >= white.shape[1] else white @ white.T
    values = np.linalg.eigvalsh(gram)[::-1][: n_samples - 1] / (n_samples - 1)
    return values, _edge(n_samples, live.sum(), len(reducer.components_))


def _edge(n_samples, n_features, n_components):
    return noise_edge(degrees_of_freedom(n_samples, n_components), max(1, int(n_features)))


def _whitened(reducer, columns):
    """Columns of shape (n_features, n) in units of the noise."""
    noise = noise_variance_of(reducer, _PLOT)
    if not np.all(noise > 0):
        raise ValueError(
            f"The noise that {type(reducer).__name__} estimated is 0, so that eigenvalues cannot "
            "be shown in its units. Fit it with fewer components, or call "
            "SpectrumDisplay(estimator.explained_variance_ratio_, n_components=...).plot()."
        )
    if not shares_noise(reducer):
        return columns / np.sqrt(noise)[:, None]
    loadings = loadings_of(reducer, _PLOT)
    covariance = reducer.get_covariance() - loadings @ loadings.T
    return solve_triangular(np.linalg.cholesky(covariance), columns, lower=True)
