"""SubspaceErrorDisplay: error of several methods against a parameter."""

from collections.abc import Mapping, Sequence
from typing import Self

import numpy as np

from .._typing import ArrayLike, Axes, VectorLike
from ..metrics import sin_theta_distance
from ._axes import axes_or_new, marks

__all__ = ["SubspaceErrorDisplay"]


class SubspaceErrorDisplay:
    """Distance of estimated subspaces from the true one, against a parameter of the data.

    Use it to compare methods on data whose subspace is known, such as those of
    `sklearn_contrastive.datasets`. A curve is the median over repetitions; bars reach from the
    lower to the upper quartile.

    Use :meth:`from_predictions` to compute the distances from components, or the constructor for
    distances that you have.

    Parameters
    ----------
    parameter : array-like of shape (n_values,)
        Values of the parameter.

    errors : dict of {str: array-like of shape (n_values,) or (n_values, n_repeats)}
        Sin-theta distances of each method.

    parameter_name : str, default="parameter"
        Label of the horizontal axis.

    Attributes
    ----------
    containers_ : dict of {str: matplotlib ErrorbarContainer}
        Curve and bars of each method.

    ax_ : matplotlib Axes
        Axes of the plot.

    figure_ : matplotlib Figure
        Figure of the plot.

    See Also
    --------
    sklearn_contrastive.metrics.sin_theta_distance : The distance.

    Examples
    --------
    >>> from sklearn.decomposition import PCA
    >>> from sklearn_contrastive import LinearContrastive
    >>> from sklearn_contrastive.datasets import make_spiked_covariance
    >>> from sklearn_contrastive.plotting import SubspaceErrorDisplay
    >>> sizes = [100, 1000]
    >>> truths, estimates = [], {"PCA": [], "LinearContrastive": []}
    >>> for n_samples in sizes:
    ...     X, truth = make_spiked_covariance(
    ...         n_samples, 20, 2, noise=[9.0] * 2 + [1.0] * 18, signal=3.0, random_state=0
    ...     )
    ...     truths.append(truth.components)
    ...     for model in [PCA(2), LinearContrastive(2, random_state=0)]:
    ...         estimates[type(model).__name__].append([model.fit(X).components_])
    >>> display = SubspaceErrorDisplay.from_predictions(
    ...     truths, estimates, parameter=sizes, parameter_name="samples"
    ... )
    >>> bool(display.errors["LinearContrastive"][1, 0] < display.errors["PCA"][1, 0])
    True
    """

    def __init__(
        self,
        parameter: VectorLike,
        errors: Mapping[str, ArrayLike],
        *,
        parameter_name: str = "parameter",
    ):
        self.parameter = parameter
        self.errors = errors
        self.parameter_name = parameter_name

    @classmethod
    def from_predictions(
        cls,
        true_components: Sequence[ArrayLike],
        components: Mapping[str, Sequence[Sequence[ArrayLike]]],
        *,
        parameter: VectorLike,
        parameter_name: str = "parameter",
        ax: Axes | None = None,
    ) -> Self:
        """Compute the distances of estimated components from the true ones, and plot them.

        Parameters
        ----------
        true_components : sequence of array-like of shape (n_components, n_features)
            Rows that span the true subspace, for each value of the parameter.

        components : dict of {str: sequence of sequence of array-like}
            Estimates of each method: for each value of the parameter a list with one array of shape
            (n_components, n_features) for each repetition.

        parameter : array-like of shape (n_values,)
            Values of the parameter.

        parameter_name : str, default="parameter"
            Label of the horizontal axis.

        ax : matplotlib Axes, default=None
            Axes to draw in; by default those of a new figure.

        Returns
        -------
        display : SubspaceErrorDisplay
            The plotted display.

        Raises
        ------
        ValueError
            If a method or the truth does not have one entry for each value of the parameter, or
            the numbers of repetitions differ.
        """
        for name, given in {"true_components": true_components, **components}.items():
            if len(given) != len(parameter):
                raise ValueError(
                    f"{name} has {len(given)} entries, but the parameter has {len(parameter)} "
                    "values; give one entry for each value."
                )
        errors = {}
        for name, estimates in components.items():
            if len({len(repeats) for repeats in estimates}) > 1:
                raise ValueError(
                    f"{name} has different numbers of repetitions for the values of the parameter; "
                    "give the same number for each."
                )
            errors[name] = np.array(
                [
                    [sin_theta_distance(estimate, truth) for estimate in repeats]
                    for truth, repeats in zip(true_components, estimates, strict=True)
                ]
            )
        return cls(parameter, errors, parameter_name=parameter_name).plot(ax)

    def plot(self, ax: Axes | None = None) -> Self:
        """Draw the plot.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Axes to draw in; by default those of a new figure.

        Returns
        -------
        display : SubspaceErrorDisplay
            This display.
        """
        ax, figure = axes_or_new(ax, "SubspaceErrorDisplay")
        self.containers_ = {}
        for (name, errors), (colour, marker) in zip(
            self.errors.items(), marks(len(self.errors)), strict=True
        ):
            errors = np.asarray(errors, dtype=float)
            errors = errors[:, None] if errors.ndim == 1 else errors
            low, middle, high = np.quantile(errors, [0.25, 0.5, 0.75], axis=1)
            spread = None if errors.shape[1] == 1 else [middle - low, high - middle]
            self.containers_[name] = ax.errorbar(
                self.parameter,
                middle,
                yerr=spread,
                color=colour,
                marker=marker,
                capsize=3,
                label=name,
            )
        ax.set(xlabel=self.parameter_name, ylabel="sin-theta distance from the true subspace")
        ax.set_ylim(bottom=0.0)
        ax.legend()
        self.ax_, self.figure_ = ax, figure
        return self
