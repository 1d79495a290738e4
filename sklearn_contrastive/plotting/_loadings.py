"""LoadingsDisplay: a heat map of loadings with the names of features."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator

from .._typing import Axes, FloatArray
from ._axes import axes_or_new
from ._fitted import fitted, loadings_of, model_variance

__all__ = ["LoadingsDisplay"]

# cells up to which values are printed, and size below which a minus is no news
_PRINTED, _SMALL = 160, 0.1


class LoadingsDisplay:
    """Heat map of the loadings: which features a component consists of.

    Use it to give components a meaning. A loading is the correlation of a feature with a component
    (its factor of unit variance): near 1 or -1 the component explains the feature, near 0 it does
    not. Features are sorted by the component that explains most of them, so that features that
    belong together form blocks. Orange is positive, purple is negative; a minus sign marks
    negative loadings where values are not printed.

    Standardise features of different units before the fit: components are sorted by the variance
    that they explain in the units of X. The sign of a column is arbitrary.

    Use :meth:`from_estimator` to create it.

    Parameters
    ----------
    loadings : ndarray of shape (n_features, n_components)
        The loadings.

    feature_names : list of str
        Names of the features.

    quantity : str, default="loading (correlation)"
        Label of the colour bar.

    Attributes
    ----------
    order_ : ndarray of int
        Features from top to bottom.

    image_ : matplotlib AxesImage
        The heat map.

    texts_ : list of matplotlib Text
        Printed values, or minus signs.

    ax_ : matplotlib Axes
        Axes of the plot.

    figure_ : matplotlib Figure
        Figure of the plot.

    See Also
    --------
    BiplotDisplay : Two components, with the rows.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.plotting import LoadingsDisplay
    >>> wine = load_wine(as_frame=True).data
    >>> model = LinearContrastive(2, random_state=0).fit(wine)
    >>> display = LoadingsDisplay.from_estimator(model)
    >>> display.ax_.get_yticklabels()[0].get_text()
    'proline'
    """

    def __init__(
        self,
        loadings: FloatArray,
        *,
        feature_names: list[str],
        quantity: str = "loading (correlation)",
    ):
        self.loadings = loadings
        self.feature_names = feature_names
        self.quantity = quantity

    @classmethod
    def from_estimator(
        cls, estimator: BaseEstimator, *, n_features: int = 40, ax: Axes | None = None
    ) -> Self:
        """Heat map of a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            Fitted `LinearContrastive`, `SupervisedLinearContrastive`, `HeteroPCA`, ``PCA`` or
            ``FactorAnalysis``, or a pipeline that ends in one. Of `PairedContrastive`, which
            estimates no noise, the loadings are in the units of the features.

        n_features : int, default=40
            Largest number of features to show: those with the largest loadings.

        ax : matplotlib Axes, default=None
            Axes to draw in; by default those of a new figure.

        Returns
        -------
        display : LoadingsDisplay
            The plotted display.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator has not been fitted.
        TypeError
            If the estimator has no loadings.
        ValueError
            If it has no component.
        """
        found = fitted(estimator)
        loadings = loadings_of(found.reducer, "LoadingsDisplay")
        if not loadings.shape[1]:
            raise ValueError(
                f"{type(found.reducer).__name__} found no component, so that there are no loadings "
                "to show. Set n_components to an integer to see the leading directions."
            )
        if getattr(found.reducer, "noise_variance_", None) is None:
            quantity = "loading (units of the feature)"
            return cls(loadings, feature_names=found.names, quantity=quantity).plot(
                ax, n_features=n_features
            )
        variance = model_variance(found.reducer, "LoadingsDisplay")
        # a constant feature of PCA has no variance, and no loadings
        loadings = loadings / np.sqrt(np.where(variance > 0, variance, 1.0))[:, None]
        return cls(loadings, feature_names=found.names).plot(ax, n_features=n_features)

    def plot(self, ax: Axes | None = None, *, n_features: int = 40) -> Self:
        """Draw the plot.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; by default those of a new figure.

        n_features : int, default=40
            Largest number of features to show: those with the largest loadings.

        Returns
        -------
        display : LoadingsDisplay
            This display.
        """
        self.order_ = _sorted_in_blocks(self.loadings, n_features)
        shown = np.asarray(self.loadings)[self.order_]
        n_shown, n_components = shown.shape
        size = (2.8 + 0.55 * n_components, 1.2 + 0.22 * max(n_shown, 8))
        ax, figure = axes_or_new(ax, "LoadingsDisplay", figsize=(max(4.5, size[0]), size[1]))
        largest = np.abs(shown).max() or 1.0
        self.image_ = ax.imshow(shown, aspect="auto", cmap="PuOr_r", vmin=-largest, vmax=largest)
        bar = figure.colorbar(self.image_, ax=ax, label=self.quantity)
        bar.outline.set_visible(False)
        ax.set_yticks(range(n_shown), [self.feature_names[i] for i in self.order_])
        ax.set_xticks(range(n_components))
        ax.set_xlabel("component")
        if n_shown < len(self.loadings):
            ax.set_title(f"{n_shown} of {len(self.loadings)} features", fontsize="medium")
        self.texts_ = _write_signs(ax, shown, largest)
        self.ax_, self.figure_ = ax, figure
        return self


def _sorted_in_blocks(loadings, n_features):
    """The strongest features, by the component that explains most of each, largest first."""
    loadings = np.asarray(loadings)
    strongest = np.argsort(-np.sum(loadings**2, axis=1), kind="stable")[:n_features]
    chosen = loadings[strongest]
    block = np.abs(chosen).argmax(axis=1)
    own = chosen[np.arange(len(chosen)), block]
    return strongest[np.lexsort((-own, block))]


def _write_signs(ax, shown, largest):
    """Values where they are few, else a minus sign on each negative loading of some size."""
    printed = shown.size <= _PRINTED
    texts = []
    for (row, column), value in np.ndenumerate(shown):
        if not printed and value > -_SMALL * largest:
            continue
        rounded = f"{round(value, 2) + 0.0:.2f}"  # no -0.00
        text = rounded.replace("-", "\N{MINUS SIGN}") if printed else "\N{MINUS SIGN}"
        colour = "white" if abs(value) > 0.65 * largest else "black"
        texts.append(
            ax.text(column, row, text, ha="center", va="center", fontsize="small", color=colour)
        )
    return texts
