"""Axes to draw in, and marks that colour-blind readers and black-and-white prints distinguish."""

from importlib.util import find_spec
from itertools import cycle, islice

from .._install import needs

__all__ = ["COLOURS", "MARKERS", "axes_or_new", "marks"]

#: Okabe and Ito's colours, without black and yellow, so that they show on light and dark
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "*")


def axes_or_new(ax, plot, **figure_options):
    """Axes to draw in and their figure.

    Parameters
    ----------
    ax : matplotlib Axes or None
        The axes of the caller; None makes a figure with one.
    plot : str
        Name of the plot, for the error message.
    **figure_options
        Options of ``matplotlib.pyplot.subplots`` for a new figure.

    Returns
    -------
    ax : matplotlib Axes
    figure : matplotlib Figure

    Raises
    ------
    ImportError
        If Matplotlib is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ImportError(needs(plot, "Matplotlib", "matplotlib"))
    if ax is not None:
        return ax, ax.figure
    import matplotlib.pyplot as plt

    figure, ax = plt.subplots(**({"layout": "constrained"} | figure_options))
    return ax, figure


def marks(n):
    """Colour and marker of each of n classes; no pair repeats below 24 of them."""
    return list(islice(zip(cycle(COLOURS), cycle(MARKERS)), n))
