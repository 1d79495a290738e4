"""TrainingDisplay: loss, diagnostics and learning rate of a training, epoch by epoch."""

from typing import Self

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._typing import Axes, VectorLike
from ._axes import COLOURS, axes_or_new

__all__ = ["TrainingDisplay"]

_NAME = "TrainingDisplay"
# of each curve, the label of its axis and the direction that is good
_PANELS = {
    "loss": ("loss", "lower is better ↓"),
    "alignment": ("alignment", "lower is better ↓"),
    "uniformity": ("uniformity", "lower is better ↓"),
    "learning_rate": ("learning rate", ""),
    "knn_accuracy": ("k-NN accuracy", "higher is better ↑"),
}
# up to so many epochs each has a marker
_FEW_EPOCHS = 40


class TrainingDisplay:
    """Loss, alignment, uniformity and learning rate of a training, epoch by epoch.

    Alignment is the mean squared distance of the projections of two views of an image. Uniformity
    is 0 where all projections are equal, and the more negative, the more evenly they are spread
    over the sphere. Neither they nor the loss tell which of two networks is better; the accuracy of
    nearest neighbours does, and is shown if `fit` had `X_val` and `y_val`.

    Use :meth:`from_estimator` to create it.

    Parameters
    ----------
    epoch : ndarray of shape (n_epochs,)
        Number of the epoch.
    loss : ndarray of shape (n_epochs,)
        Mean loss of the epoch.
    alignment : ndarray of shape (n_epochs,) or None
        Alignment in the last batch of the epoch, from 0 to 4; None for an autoencoder.
    uniformity : ndarray of shape (n_epochs,) or None
        Uniformity in the last batch of the epoch, at most 0; None for an autoencoder.
    learning_rate : ndarray of shape (n_epochs,)
        Learning rate at the end of the epoch.
    knn_accuracy : ndarray of shape (n_epochs,), default=None
        Accuracy of nearest neighbours, NaN where it was not measured.

    Attributes
    ----------
    lines_ : list of matplotlib Line2D
        The curves, from top to bottom.
    axes_ : ndarray of matplotlib Axes
        Axes of the curves, from top to bottom.
    ax_ : matplotlib Axes
        The last of them, which has the epochs.
    figure_ : matplotlib Figure
        Figure of the plot.

    See Also
    --------
    sklearn_contrastive.SimCLREmbedder : Its `history_` has these numbers.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_contrastive import SimCLREmbedder
    >>> from sklearn_contrastive.plotting import TrainingDisplay
    >>> X = load_digits(n_class=2).data / 16
    >>> embedder = SimCLREmbedder("resnet_narrow", max_epochs=2, random_state=0).fit(X)
    >>> TrainingDisplay.from_estimator(embedder).epoch
    array([1, 2])
    """

    def __init__(
        self,
        epoch: VectorLike,
        loss: VectorLike,
        alignment: VectorLike | None,
        uniformity: VectorLike | None,
        learning_rate: VectorLike,
        knn_accuracy: VectorLike | None = None,
    ):
        self.epoch = epoch
        self.loss = loss
        self.alignment = alignment
        self.uniformity = uniformity
        self.learning_rate = learning_rate
        self.knn_accuracy = knn_accuracy

    @classmethod
    def from_estimator(cls, estimator: BaseEstimator, *, ax: Axes | None = None) -> Self:
        """Plot the history of a fitted embedder.

        Parameters
        ----------
        estimator : SimCLREmbedder or AutoencoderEmbedder
            Fitted.
        ax : matplotlib Axes, default=None
            Axes of a grid of subplots, whose place the curves take; by default a new figure.

        Returns
        -------
        display : TrainingDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        NotFittedError
            If the estimator has no `history_`.
        ValueError
            If `ax` is not part of a grid of subplots.
        """
        check_is_fitted(estimator, "history_")
        history = estimator.history_
        curves = {
            name: np.array([record.get(name, np.nan) for record in history])
            for name in ("epoch", *_PANELS)
        }
        for name in ("alignment", "uniformity", "knn_accuracy"):
            if np.isnan(curves[name]).all():
                curves[name] = None
        return cls(**curves).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Plot the curves, one above the other.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes of a grid of subplots, whose place the curves take; by default a new figure.

        Returns
        -------
        display : TrainingDisplay
            The display itself.

        Raises
        ------
        ValueError
            If `ax` is not part of a grid of subplots.
        """
        shown = [name for name in _PANELS if getattr(self, name) is not None]
        size = (6.0, 1.3 * len(shown) + 0.4)
        self.axes_, self.figure_ = _stacked_axes(ax, len(shown), size)
        self.lines_ = []
        for panel, name in zip(self.axes_, shown, strict=True):
            label, good = _PANELS[name]
            marker = "o" if len(self.epoch) <= _FEW_EPOCHS else None
            self.lines_ += panel.plot(
                self.epoch, getattr(self, name), color=COLOURS[0], marker=marker, markersize=4
            )
            panel.set_ylabel(label)
            panel.set_title(good, loc="right", size="small")
            panel.spines[["top", "right"]].set_visible(False)
            panel.label_outer()
        self.ax_ = self.axes_[-1]
        self.ax_.set_xlabel("epoch")
        self.ax_.locator_params(axis="x", integer=True)
        if len(self.epoch) == 1:
            self.ax_.set(xlim=(self.epoch[0] - 1, self.epoch[0] + 1), xticks=self.epoch)
        self.figure_.align_ylabels(self.axes_)
        return self


def _stacked_axes(ax, n_axes, size):
    """Axes above each other with common epochs, in the place of ax, and their figure."""
    new = ax is None
    ax, figure = axes_or_new(ax, _NAME, figsize=size)
    if ax.get_subplotspec() is None:
        raise ValueError(
            f"{_NAME} needs several axes and takes the place of ax, which must be part of a grid: "
            "make it by matplotlib.pyplot.subplots."
        )
    grid = ax.get_subplotspec().subgridspec(n_axes, 1)
    if new:
        ax.remove()
    else:
        ax.set_axis_off()
    return grid.subplots(sharex=True), figure
