"""OutlierDisplay: how far rows are along the components and away from them."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator

from .._typing import Axes, MatrixLike
from ..linear import OutlierScores
from ._axes import COLOURS, axes_or_new
from ._fitted import fitted, row_names
from ._text import add_legend, ink_of, label_points

__all__ = ["OutlierDisplay"]

# kinds of rows: label, colour, marker
_KINDS = (
    ("ordinary", COLOURS[0], "o"),
    ("extreme along the components", COLOURS[2], "^"),
    ("away from the components", COLOURS[1], "s"),
    ("both", COLOURS[3], "D"),
    ("no observed value", COLOURS[0], "x"),
)
_EMPTY = 4  # the last of them
# ratio of the largest distance to the limit above which an axis is logarithmic
_LONG = 5.0


class OutlierDisplay:
    """Outlier map: distance of each row along the components, and away from them.

    Use it to find bad rows. To the right are rows that are extreme, although their features agree
    as usual. At the top are rows whose features do not agree as usual, as when a sensor fails or a
    value is mistyped. Dashed lines are limits: `share` of the clean rows are expected beyond one of
    them. The worst rows are labelled.

    Use :meth:`from_estimator` to create it.

    Parameters
    ----------
    outlier_scores : OutlierScores
        What ``outlier_scores`` of an estimator returned.

    share : float
        Share of clean rows that are expected beyond the limits.

    limits : tuple of (float, float)
        Score distance and orthogonal distance at the limits, of a complete row.

    row_names : list of str
        Labels of the rows.

    Attributes
    ----------
    outliers_ : ndarray of int
        Rows beyond a limit, the worst first.

    scatters_ : list of matplotlib PathCollection
        Points of each kind of row that there is.

    limit_lines_ : tuple of (matplotlib Line2D, matplotlib Line2D)
        Limits of the score distance and of the orthogonal distance.

    texts_ : list of matplotlib Annotation
        Labels of the worst rows.

    ax_ : matplotlib Axes
        Axes of the plot.

    figure_ : matplotlib Figure
        Figure of the plot.

    See Also
    --------
    NoiseDisplay : Bad features instead of bad rows.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.plotting import OutlierDisplay
    >>> rng = np.random.default_rng(0)
    >>> X = rng.standard_normal((500, 1)) + 0.5 * rng.standard_normal((500, 8))
    >>> model = LinearContrastive(1, random_state=0).fit(X)
    >>> new = X[:100].copy()
    >>> new[7, 2] += 9.0  # one sensor fails
    >>> new[30] += 12.0  # all sensors are high
    >>> display = OutlierDisplay.from_estimator(model, new, share=1e-4)
    >>> sorted(int(row) for row in display.outliers_)
    [7, 30]
    """

    def __init__(
        self,
        outlier_scores: OutlierScores,
        *,
        share: float,
        limits: tuple[float, float],
        row_names: list[str],
    ):
        self.outlier_scores = outlier_scores
        self.share = share
        self.limits = limits
        self.row_names = row_names

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: MatrixLike,
        *,
        share: float | None = None,
        n_labels: int = 5,
        ax: Axes | None = None,
    ) -> Self:
        """Outlier map of samples by a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            Fitted `LinearContrastive`, `SupervisedLinearContrastive` or `HeteroPCA`, or a pipeline
            that ends in one.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples, of the fit or new ones. Rows are labelled by the index of a pandas data frame,
            else by their numbers.

        share : float, default=None
            Share of clean rows that are expected beyond the limits, in (0, 1). None is one row of
            X, at most 1 %.

        n_labels : int, default=5
            Largest number of labelled rows; only rows beyond a limit are labelled.

        ax : matplotlib Axes, default=None
            Axes to draw in; by default those of a new figure.

        Returns
        -------
        display : OutlierDisplay
            The plotted display.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator has not been fitted.
        TypeError
            If the estimator has no method ``outlier_scores``.
        ValueError
            If `share` is not between 0 and 1.
        """
        found = fitted(estimator, X)
        if not hasattr(found.reducer, "outlier_scores"):
            name = type(found.reducer).__name__
            raise TypeError(
                f"OutlierDisplay needs the method outlier_scores, but {name} has none. "
                "Use LinearContrastive, SupervisedLinearContrastive or HeteroPCA."
            )
        names = row_names(X)
        share = min(0.01, 1.0 / max(len(names), 1)) if share is None else share
        limits = found.reducer.outlier_limits(share)
        scores = found.reducer.outlier_scores(found.X)
        display = cls(scores, share=share, limits=limits, row_names=names)
        return display.plot(ax, n_labels=n_labels)

    def plot(self, ax: Axes | None = None, *, n_labels: int = 5) -> Self:
        """Draw the plot.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; by default those of a new figure.

        n_labels : int, default=5
            Largest number of labelled rows; only rows beyond a limit are labelled.

        Returns
        -------
        display : OutlierDisplay
            This display.
        """
        ax, figure = axes_or_new(ax, "OutlierDisplay", figsize=(6.4, 5))
        found = self.outlier_scores
        x, y = np.asarray(found.score_distance), np.asarray(found.orthogonal_distance)
        # `share` are beyond one of the limits; without components, or outside them, there is one
        n_limits = max(1, np.count_nonzero(self.limits))
        one = -np.expm1(np.log1p(-self.share) / n_limits)
        extreme = np.asarray(found.score_share) < one
        away = np.asarray(found.orthogonal_share) < one
        kinds = np.where(_is_empty(found), _EMPTY, extreme + 2 * away)
        self.scatters_ = []
        for kind, (label, colour, marker) in enumerate(_KINDS):
            rows = kinds == kind
            if rows.any():
                style = {"color": colour, "marker": marker, "s": 24 if kind else 10}
                label = f"{label}: {rows.sum()}"
                self.scatters_.append(ax.scatter(x[rows], y[rows], alpha=0.7, label=label, **style))
        self.limit_lines_ = self._draw_limits(ax, x, y)
        ax.set(
            xlabel="score distance, along the components (standard deviations)",
            ylabel="orthogonal distance, away from them (standard deviations)",
        )
        add_legend(ax, len(x), f"limits: {100 * self.share:.2g} % of clean rows")
        # without a component all score distances and their limit are 0
        worst = np.maximum(x / (self.limits[0] or 1.0), y / (self.limits[1] or 1.0))
        smallest = np.minimum(found.score_share, found.orthogonal_share)
        order = np.lexsort((-worst, smallest))
        self.outliers_ = order[(kinds[order] > 0) & (kinds[order] < _EMPTY)]
        shown = self.outliers_[:n_labels]
        names = [self.row_names[i] for i in shown]
        self.texts_ = label_points(ax, x[shown], y[shown], names, [True] * len(names))
        self.ax_, self.figure_ = ax, figure
        return self

    def _draw_limits(self, ax, x, y):
        """Both limits; an axis is logarithmic where some rows are far beyond its limit."""
        line = {"linestyle": "--", "linewidth": 1, "color": ink_of(ax)}
        lines = ax.axvline(self.limits[0], **line), ax.axhline(self.limits[1], **line)
        if np.max(x, initial=0.0) > _LONG * self.limits[0]:
            ax.set_xscale("log")
        if np.max(y, initial=0.0) > _LONG * self.limits[1]:
            ax.set_yscale("log")
        return lines


def _is_empty(found):
    """Whether a row has nothing to measure: such rows have no distance and shares of 1."""
    distance = np.maximum(found.score_distance, found.orthogonal_distance)
    share = np.minimum(found.score_share, found.orthogonal_share)
    return (np.asarray(distance) == 0) & (np.asarray(share) == 1)
