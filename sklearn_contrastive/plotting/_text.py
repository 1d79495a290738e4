"""Colour of text and lines, labels of points that do not cover each other, and legends."""

from itertools import count

__all__ = ["add_legend", "ink_of", "label_points"]

# points above which the search of an empty corner takes long
_MANY = 2000
# distance of a label from its point, in points (1/72 inch)
_GAP = 5


def ink_of(ax):
    """Colour of the labels of the axes, for lines and text: it suits light and dark styles."""
    return ax.xaxis.label.get_color()


def add_legend(ax, n_points, title=None):
    """Legend in the emptiest corner, or in the upper right one where points are many."""
    ax.legend(title=title, loc="best" if n_points <= _MANY else "upper right")


def label_points(ax, x, y, labels, right):
    """Write labels beside points.

    A label that would leave the axes changes the side; one that would cover an earlier one moves up
    or down. Widths are estimated from the number of letters. The limits of the axes must be final.

    Parameters
    ----------
    ax : matplotlib Axes
        Axes to write in.
    x, y : array-like of shape (n_points,)
        Coordinates of the points.
    labels : list of str
        Text of each point, the most important first.
    right : list of bool
        Whether a label should stand to the right of its point.

    Returns
    -------
    texts : list of matplotlib Annotation
        One for each point.
    """
    # the labels would change automatic limits
    ax.set(xlim=ax.get_xlim(), ylim=ax.get_ylim())
    ax.figure.canvas.figure.draw_without_rendering()  # the layout decides how large the axes are
    inches = 72 / ax.figure.dpi
    points = list(zip(x, y, strict=True))
    (start, _), (end, _) = ax.transAxes.transform([(0, 0), (1, 1)]) * inches
    placed, texts = [], []
    for point, label, to_right in zip(points, labels, right, strict=True):
        at_x, at_y = ax.transData.transform(point) * inches
        text = ax.annotate(label, point, (0, 0), **_style(ax))
        width, height = 0.55 * text.get_fontsize() * len(label), 1.3 * text.get_fontsize()
        fits_right, fits_left = at_x + _GAP + width <= end, at_x - _GAP - width >= start
        to_right = fits_right if fits_right != fits_left else to_right
        left = at_x + _GAP if to_right else at_x - _GAP - width
        # first in place, then one step down, one up, two down, ...
        for step in count():
            moved = (step + 1) // 2 * (-1) ** step * height / 2
            box = (left, at_y + moved, left + width, at_y + moved + height)
            if not any(_overlap(box, other) for other in placed):
                break
        placed.append(box)
        text.set_ha("left" if to_right else "right")
        text.set_position((_GAP if to_right else -_GAP, moved))
        text.arrow_patch.set_visible(abs(moved) > height / 2)
        texts.append(text)
    return texts


def _style(ax):
    """Small text on the colour of the background, with a thin line to its point."""
    line = {"arrowstyle": "-", "linewidth": 0.5, "color": ink_of(ax), "shrinkA": 0, "shrinkB": 0}
    box = {"boxstyle": "square,pad=0.1", "fc": ax.get_facecolor(), "ec": "none", "alpha": 0.7}
    return {
        "textcoords": "offset points",
        "fontsize": "small",
        "color": ink_of(ax),
        "va": "center",
        "zorder": 5,
        "bbox": box,
        "arrowprops": line,
    }


def _overlap(box, other):
    """Whether two boxes (left, bottom, right, top) overlap."""
    return box[0] < other[2] and other[0] < box[2] and box[1] < other[3] and other[1] < box[3]
