"""LabelEfficiencyDisplay: accuracy with few labels, of several representations."""

from collections.abc import Mapping, Sequence
from typing import Literal, Self

import numpy as np
from sklearn.utils import check_random_state

from .._typing import Axes, MatrixLike, RandomState, VectorLike
from ..evaluation import LabelEfficiency, label_efficiency_curve
from ._axes import axes_or_new, marks

__all__ = ["LabelEfficiencyDisplay"]

_NAME = "LabelEfficiencyDisplay"
# factor between the numbers of labels of neighbouring curves, so that error bars do not overlap
_APART = 1.03


class LabelEfficiencyDisplay:
    """Accuracy of a linear probe by the number of labels, for several representations.

    Compare with the raw features and with PCA: a representation is worth its training only where it
    is above both. Error bars are the standard deviation over the draws of the labelled samples.

    Use :meth:`from_representations` to create it, or give it curves that you have.

    Parameters
    ----------
    curves : dict of str to LabelEfficiency
        The curve of each representation by its name, as `label_efficiency_curve` returns it.

    Attributes
    ----------
    errorbars_ : list of matplotlib ErrorbarContainer
        The curves, in the order of `curves`.
    ax_ : matplotlib Axes
        Axes of the plot.
    figure_ : matplotlib Figure
        Figure of the plot.

    See Also
    --------
    sklearn_contrastive.evaluation.label_efficiency_curve : The numbers of one curve.

    Notes
    -----
    The linear probe standardises each component. This makes the last components of PCA as large as
    the first, so that PCA loses with few labels. For a comparison with PCA at its best, make the
    curves with a classifier that does not scale, and give them to the constructor.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_contrastive.plotting import LabelEfficiencyDisplay
    >>> X, y = load_digits(return_X_y=True)
    >>> representations = {"raw pixels": X, "PCA": PCA(20).fit_transform(X)}
    >>> display = LabelEfficiencyDisplay.from_representations(
    ...     {name: (H[:900], H[900:]) for name, H in representations.items()},
    ...     y[:900],
    ...     y[900:],
    ...     n_labels=(20, 100, 500),
    ...     random_state=0,
    ... )
    >>> list(display.curves)
    ['raw pixels', 'PCA']
    """

    def __init__(self, curves: Mapping[str, LabelEfficiency]):
        self.curves = curves

    @classmethod
    def from_representations(
        cls,
        representations: Mapping[str, tuple[MatrixLike, MatrixLike]],
        y_train: VectorLike,
        y_test: VectorLike,
        *,
        n_labels: Sequence[int] = (100, 1000, 5000),
        n_draws: int = 5,
        C: float | Literal["auto"] = 1.0,
        max_iter: int = 1000,
        random_state: RandomState = None,
        ax: Axes | None = None,
    ) -> Self:
        """Compute the curve of each representation and plot them.

        All representations get the same draws of labelled samples.

        Parameters
        ----------
        representations : dict of str to (H_train, H_test)
            Representations of the samples that may be labelled, of shape (n_train, n_components),
            and of those to classify, of shape (n_test, n_components), by the name of the curve.
        y_train : array-like of shape (n_train,)
            Labels of the samples that may be labelled.
        y_test : array-like of shape (n_test,)
            Labels of the samples to classify.
        n_labels : sequence of int, default=(100, 1000, 5000)
            Numbers of labelled samples, each at least the number of classes.
        n_draws : int, default=5
            Number of draws of the labelled samples.
        C : float or "auto", default=1.0
            Inverse strength of the penalty of the linear probe. "auto" chooses it for each
            representation and draw by cross-validation, which is fairer and takes longer.
        max_iter : int, default=1000
            Largest number of iterations of the linear probe.
        random_state : int, RandomState instance or None, default=None
            Draws the labelled samples.
        ax : matplotlib Axes, default=None
            Axes to draw in; by default a new figure.

        Returns
        -------
        display : LabelEfficiencyDisplay
            The plotted display.

        Raises
        ------
        ImportError
            If Matplotlib is not installed.
        ValueError
            If representations and labels do not fit, or a number of labels is too large or small.
        """
        seed = int(check_random_state(random_state).randint(2**31 - 1))
        curves = {
            name: label_efficiency_curve(
                H_train,
                y_train,
                H_test,
                y_test,
                n_labels=n_labels,
                n_draws=n_draws,
                C=C,
                max_iter=max_iter,
                random_state=seed,
            )
            for name, (H_train, H_test) in representations.items()
        }
        return cls(curves).plot(ax=ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Plot the curves.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; by default a new figure.

        Returns
        -------
        display : LabelEfficiencyDisplay
            The display itself.
        """
        if not self.curves:
            raise ValueError("curves is empty; give at least one representation.")
        ax, figure = axes_or_new(ax, _NAME, figsize=(6.0, 4.0))
        self.errorbars_ = []
        styles = marks(len(self.curves))
        for i, ((name, curve), (colour, marker)) in enumerate(
            zip(self.curves.items(), styles, strict=True)
        ):
            one_draw = curve.accuracy.shape[1] == 1
            drawn = ax.errorbar(
                curve.n_labels * _APART ** (i - (len(styles) - 1) / 2),
                curve.mean,
                yerr=None if one_draw else curve.std,
                label=name,
                color=colour,
                marker=marker,
                capsize=3,
            )
            self.errorbars_.append(drawn)
        sizes = np.unique(np.concatenate([curve.n_labels for curve in self.curves.values()]))
        ax.set_xscale("log")
        ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
        ax.minorticks_off()
        ax.set(xlabel="number of labels", ylabel=f"accuracy of a linear probe{self._spread()}")
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, loc="lower right")
        self.ax_, self.figure_ = ax, figure
        return self

    def _spread(self):
        """What the error bars are, for the label of the axis."""
        n_draws = sorted({curve.accuracy.shape[1] for curve in self.curves.values()})
        if n_draws == [1]:
            return ""
        return f"\n(mean and sd of {' or '.join(map(str, n_draws))} draws)"
