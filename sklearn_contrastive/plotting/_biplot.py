"""BiplotDisplay: scores of rows with arrows of features."""

from typing import Self

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator

from .._features import is_missing
from .._typing import ArrayLike, Axes, FloatArray, MatrixLike
from ._axes import COLOURS, axes_or_new, marks
from ._fitted import fitted
from ._text import add_legend, ink_of, label_points

__all__ = ["BiplotDisplay"]

# classes whose marks differ
_MOST_CLASSES = 24
# length of the longest arrow, as a share of the largest score in its direction
_REACH = 0.9


class BiplotDisplay:
    """Biplot: scores of rows as points, and an arrow for each of the features that matter.

    Use it to see which rows are alike, and which features make them differ. An arrow points to
    where rows are, on average, in which its feature is large: its end is the mean score of rows in
    which the feature is `arrow_scale_` standard deviations above its mean, by linear regression.
    Arrows in one direction belong to features that vary together. A short arrow belongs to a
    feature that these two components hardly explain.

    Use :meth:`from_estimator` to create it.

    Parameters
    ----------
    scores : ndarray of shape (n_samples, 2)
        Scores of the rows on two components.

    arrows : ndarray of shape (n_features, 2)
        Change of the scores where a feature increases by one standard deviation.

    explained : ndarray of shape (n_features,)
        Share of the variance of each feature that the two scores explain, by linear regression.

    feature_names : list of str
        Names of the features.

    score_names : tuple of (str, str)
        Labels of the axes.

    classes : array-like of shape (n_samples,), default=None
        Class of each row; None or NaN where it is not known.

    Attributes
    ----------
    arrow_scale_ : float
        Number of standard deviations that an arrow stands for. The longest arrow then ends near
        the border of the points.

    scatters_ : list of matplotlib PathCollection
        Points of each class, then those without a class.

    arrows_ : list of matplotlib Annotation
        The arrows, best explained feature first.

    texts_ : list of matplotlib Annotation
        Names of their features.

    ax_ : matplotlib Axes
        Axes of the plot.

    figure_ : matplotlib Figure
        Figure of the plot.

    See Also
    --------
    LoadingsDisplay : All components at once.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.plotting import BiplotDisplay
    >>> wine = load_wine(as_frame=True)
    >>> model = LinearContrastive(2, random_state=0).fit(wine.data)
    >>> display = BiplotDisplay.from_estimator(model, wine.data, wine.target)
    >>> [text.get_text() for text in display.texts_[:2]]
    ['flavanoids', 'color_intensity']
    """

    def __init__(
        self,
        scores: FloatArray,
        arrows: FloatArray,
        explained: FloatArray,
        *,
        feature_names: list[str],
        score_names: tuple[str, str],
        classes: ArrayLike | None = None,
    ):
        self.scores = scores
        self.arrows = arrows
        self.explained = explained
        self.feature_names = feature_names
        self.score_names = score_names
        self.classes = classes

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: MatrixLike,
        y: ArrayLike | None = None,
        *,
        components: tuple[int, int] = (0, 1),
        n_arrows: int = 10,
        ax: Axes | None = None,
    ) -> Self:
        """Biplot of samples by a fitted estimator.

        Parameters
        ----------
        estimator : estimator instance
            A fitted reducer with at least two components, or a pipeline that ends in one. Arrows
            are then those of the features that enter the last step.

        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples; entries may be missing if the estimator allows it.

        y : array-like of shape (n_samples,), default=None
            Class of each sample, at most 24 different ones; None or NaN where it is not known.

        components : tuple of (int, int), default=(0, 1)
            Columns of ``transform`` on the horizontal and the vertical axis.

        n_arrows : int, default=10
            Number of features to draw: those that the two scores explain best.

        ax : matplotlib Axes, default=None
            Axes to draw in; by default those of a new figure.

        Returns
        -------
        display : BiplotDisplay
            The plotted display.

        Raises
        ------
        sklearn.exceptions.NotFittedError
            If the estimator has not been fitted.
        ValueError
            If there are no such components, or y has another length or too many classes.
        """
        found = fitted(estimator, X)
        scores = found.reducer.transform(found.X)
        scores = np.asarray(scores.toarray() if sparse.issparse(scores) else scores)
        if max(components) >= scores.shape[1] or min(components) < 0:
            found_here = f"{scores.shape[1]} component" + "s" * (scores.shape[1] != 1)
            raise ValueError(
                f"components={components!r}, but {type(found.reducer).__name__} has {found_here}, "
                "numbered from 0. A biplot needs two of them: fit with n_components=2 or more, or "
                "use LoadingsDisplay."
            )
        scores = scores[:, list(components)].astype(np.float64)
        arrows, explained = _regressions(scores, found.X)
        display = cls(
            scores,
            arrows,
            explained,
            feature_names=found.names,
            score_names=tuple(f"score of component {i}" for i in components),
            classes=None if y is None else _read_classes(y, len(scores)),
        )
        return display.plot(ax, n_arrows=n_arrows)

    def plot(self, ax: Axes | None = None, *, n_arrows: int = 10) -> Self:
        """Draw the plot.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; by default those of a new figure.

        n_arrows : int, default=10
            Number of features to draw: those that the two scores explain best.

        Returns
        -------
        display : BiplotDisplay
            This display.
        """
        ax, figure = axes_or_new(ax, "BiplotDisplay", figsize=(7, 5.5))
        self._draw_points(ax)
        ax.set(xlabel=self.score_names[0], ylabel=self.score_names[1])
        origin = np.nanmean(self.scores, axis=0)
        chosen = np.argsort(-self.explained, kind="stable")[:n_arrows]
        chosen = chosen[self.explained[chosen] > 0]
        self.arrow_scale_ = _arrow_scale(self.arrows[chosen], self.scores - origin)
        ends = origin + self.arrow_scale_ * self.arrows[chosen]
        ax.update_datalim(ends)
        ax.margins(x=0.25, y=0.1)
        ax.autoscale_view()
        style = {"arrowstyle": "-|>", "color": ink_of(ax), "shrinkA": 0, "shrinkB": 0}
        self.arrows_ = [ax.annotate("", end, origin, arrowprops=style, zorder=4) for end in ends]
        names = [self.feature_names[i] for i in chosen]
        outward = list(ends[:, 0] >= origin[0])
        self.texts_ = label_points(ax, ends[:, 0], ends[:, 1], names, outward)
        self.ax_, self.figure_ = ax, figure
        return self

    def _draw_points(self, ax):
        """One scatter for each class, with a legend."""
        if self.classes is None:
            self.scatters_ = [ax.scatter(*self.scores.T, s=10, color=COLOURS[0], alpha=0.6)]
            return
        labels, codes = _labels_and_codes(self.classes)
        styles = [{"color": colour, "marker": marker} for colour, marker in marks(len(labels))]
        if -1 in codes:
            labels, styles = [*labels, "no class"], [*styles, {"color": ink_of(ax), "marker": "x"}]
        self.scatters_ = [
            ax.scatter(*self.scores[rows].T, s=16, alpha=0.8, label=str(label), **style)
            for label, style, rows in zip(labels, styles, _rows_of(codes), strict=True)
        ]
        add_legend(ax, len(self.scores), getattr(self.classes, "name", None))


def _read_classes(y, n_samples):
    """Classes of the rows, with the name of a Series."""
    n_labels, n_classes = len(y), len(_labels_and_codes(y)[0])
    if n_labels != n_samples:
        raise ValueError(f"y has {n_labels} labels, but X has {n_samples} rows.")
    if n_classes > _MOST_CLASSES:
        raise ValueError(
            f"y has {n_classes} different values; a biplot can show at most {_MOST_CLASSES} "
            "classes. Group the values, for instance with pandas.cut, or leave y out."
        )
    return y


def _labels_and_codes(classes):
    """Sorted classes, and the position of each row's class; -1 where it is None or NaN."""
    values = np.asarray(classes)
    missing = np.array([is_missing(label) for label in values], dtype=bool)
    codes = np.full(len(values), -1)
    labels, codes[~missing] = np.unique(values[~missing], return_inverse=True)
    return labels, codes


def _rows_of(codes):
    """Rows of each class; those without a class last, where there are any."""
    return [codes == code for code in (*range(codes.max() + 1), -1) if code in codes]


def _regressions(scores, X):
    """Regression of the scores on each feature: slopes per standard deviation, and fit.

    With the scores regressed on the feature the arrows do not depend on how the axes are scaled,
    and they suit whitened scores as well.
    """
    kept = ~np.isnan(scores).any(axis=1)
    scores = scores[kept] - scores[kept].mean(axis=0)
    values = X[np.flatnonzero(kept)] if sparse.issparse(X) else np.asarray(X, dtype=float)[kept]
    if sparse.issparse(values):
        n_seen, mean = len(scores), np.asarray(values.mean(axis=0)).ravel()
        square = np.asarray(values.multiply(values).mean(axis=0)).ravel()
        deviation = np.sqrt(np.maximum(square - mean**2, 0.0))
        products = np.asarray(values.T @ scores)  # the scores are centred
    else:
        seen = ~np.isnan(values)
        n_seen = np.maximum(seen.sum(axis=0), 1)
        mean = np.where(seen, values, 0.0).sum(axis=0) / n_seen
        centred = np.where(seen, values - mean, 0.0)
        deviation = np.sqrt(np.sum(centred**2, axis=0) / n_seen)
        products = centred.T @ scores
    live = deviation > 1e-12 * np.maximum(np.abs(mean), 1e-300)
    arrows = products / (np.where(live, deviation, 1.0) * n_seen)[:, None] * live[:, None]
    covariance = scores.T @ scores / len(scores)
    explained = np.einsum("ij,jk,ik->i", arrows, np.linalg.pinv(covariance), arrows)
    return arrows, np.minimum(explained, 1.0)


def _arrow_scale(arrows, scores):
    """Scale with which the longest arrow ends near the border of the points."""
    extent = np.nanquantile(np.abs(scores), 0.99, axis=0)
    reach = np.max(np.abs(arrows) / np.where(extent > 0, extent, 1.0), initial=0.0)
    return float(_REACH / reach) if reach > 0 else 1.0
