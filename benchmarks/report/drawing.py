"""Pictures that are legible on a phone: one panel, few series, names beside the lines."""

import numpy as np
from sklearn.isotonic import isotonic_regression

from .._common.plots import STYLES as METHODS

# inches, and points of the text: a page shows the width as 520 px, a phone as 360 px
WIDTH, FONT = 4.6, 11
STYLE = {
    "font.size": FONT,
    "axes.titlesize": FONT,
    "axes.labelsize": FONT,
    "xtick.labelsize": FONT,
    "ytick.labelsize": FONT,
    "legend.fontsize": FONT,
}
# beside those of `_common.plots`: colour and marker by name
STYLES = METHODS | {
    "no reduction": ("#000000", "x"),
    "raw pixels": ("#000000", "x"),
    "SimCLREmbedder": ("#D55E00", "o"),
    "untrained encoder": ("#56B4E9", "v"),
    "IncrementalPCA": ("#999999", "s"),
}


def panel(height=3.4, rows=1):
    """A figure and its axes, from above; the height is that of all."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH, height), dpi=200, layout="constrained")
    axes = np.ravel(figure.subplots(rows, 1))
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.grid(color="0.9")
        each.set_axisbelow(True)
    return figure, axes


def lines(axes, x, series, *, names=None, styles=None, labels=None):
    """One line for each method, its name beside its last point.

    Parameters
    ----------
    axes : Axes
    x : list of float
        Positions, shared by all.
    series : dict of str to list of float
    names : list of str, optional
        Ticks of the positions.
    styles : dict of str to (colour, marker), optional
        Beside those of the methods.
    labels : dict of str to str, optional
        Longer names of some methods.
    """
    styles = STYLES | (styles or {})
    for name, values in series.items():
        colour, marker = styles[name]
        axes.plot(x, values, color=colour, marker=marker, markersize=6, linewidth=1.6)
    if names is not None:
        axes.set_xticks(x, names)
        axes.minorticks_off()
    _name_beside(axes, x[-1], series, styles, labels or {})


def _name_beside(axes, x, series, styles, labels):
    """Names at the right edge, moved apart where lines end close together."""
    axes.figure.draw_without_rendering()  # the limits and the height of the panel
    ends = {name: axes.transData.transform((x, values[-1])) for name, values in series.items()}
    to_axes = axes.transAxes.inverted()
    heights = {name: to_axes.transform(end)[1] for name, end in ends.items()}
    gap = 1.25 * FONT / 72 * axes.figure.dpi / axes.bbox.height
    order = sorted(heights, key=heights.get)
    for name, at in zip(order, apart([heights[name] for name in order], gap), strict=True):
        colour, marker = styles[name]
        end = to_axes.transform(ends[name])
        # black names with the marker before them: pale colours are hard to read as text
        axes.plot(
            [end[0], 1.07],
            [end[1], at],
            transform=axes.transAxes,
            clip_on=False,
            color=colour,
            linewidth=0.7,
            marker=marker,
            markersize=6,
            markevery=[1],
        )
        axes.text(1.11, at, labels.get(name, name), transform=axes.transAxes, va="center")


def apart(heights, gap):
    """Sorted heights, moved as little as needed so that neighbours are `gap` apart."""
    steps = gap * np.arange(len(heights))
    return (isotonic_regression(np.asarray(heights) - steps) + steps).tolist() if heights else []


def dots(axes, rows, series, *, styles=None, above=True, labels=None):
    """One row for each setting, one marker for each method; None leaves a marker out.

    Parameters
    ----------
    axes : Axes
    rows : list of str
        Names of the rows, written above the markers, or at the left.
    series : dict of str to list of float
    """
    styles = STYLES | (styles or {})
    y = np.arange(len(rows))[::-1]
    for name, values in series.items():
        colour, marker = styles[name]
        # large and first, so that markers at the same place stay visible
        size = 11 if name == next(iter(series)) else 7
        axes.plot(
            values,
            y,
            linestyle="none",
            marker=marker,
            markersize=size,
            color=colour,
            label=(labels or {}).get(name, name),
        )
    axes.set_ylim(-0.6, len(rows) - (0.2 if above else 0.4))
    axes.grid(axis="y", visible=not above)
    if not above:
        axes.set_yticks(y, rows)
        return
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    for at, row in zip(y, rows, strict=True):
        axes.axhline(at, color="0.9", linewidth=1, zorder=0)
        axes.text(
            0.0,
            at + 0.28,
            row,
            transform=axes.get_yaxis_transform(),
            va="bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
        )


def legend(figure, axes, ncols=2):
    """Names of the markers above the panel."""
    figure.legend(
        *axes.get_legend_handles_labels(),
        loc="outside upper left",
        ncols=ncols,
        frameon=False,
        handletextpad=0.2,
        columnspacing=1,
        borderaxespad=0,
    )


def plain_log(axes, which, ticks):
    """A log axis with given ticks, written as numbers."""
    axes.set(**{f"{which}scale": "log"})
    getattr(axes, f"set_{which}ticks")(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
