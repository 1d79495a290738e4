"""Labels of points and colours of text."""

import matplotlib.pyplot as plt
import numpy as np

from sklearn_contrastive.plotting._text import add_legend, ink_of, label_points


def boxes_of(texts):
    """Return the boxes of texts in pixels, as drawn."""
    texts[0].figure.canvas.draw()
    renderer = texts[0].figure.canvas.get_renderer()
    return [text.get_bbox_patch().get_window_extent(renderer) for text in texts]


def test_labels_of_near_points_do_not_overlap():
    _, ax = plt.subplots()
    x, y = np.full(6, 0.5), np.linspace(0.5, 0.52, 6)
    ax.scatter(x, y)
    ax.set(xlim=(0, 1), ylim=(0, 1))
    texts = label_points(ax, x, y, [f"feature {i}" for i in range(6)], [True] * 6)
    boxes = boxes_of(texts)
    middles = sorted((box.y0 + box.y1) / 2 for box in boxes)
    height = texts[0].get_fontsize() * ax.figure.dpi / 72
    assert np.min(np.diff(middles)) > height
    assert [text.arrow_patch.get_visible() for text in texts] == [False] + [True] * 5


def test_a_label_stands_on_its_side_unless_it_would_leave_the_axes():
    _, ax = plt.subplots()
    ax.set(xlim=(0, 1), ylim=(0, 1))
    x = [0.01, 0.5, 0.5, 0.99]
    texts = label_points(ax, x, [0.2, 0.4, 0.6, 0.8], ["label"] * 4, [False, False, True, True])
    assert [text.get_ha() for text in texts] == ["left", "right", "left", "right"]


def test_labels_leave_the_limits_as_they_are():
    _, ax = plt.subplots()
    ax.scatter([0, 1], [0, 1])
    limits = ax.get_xlim(), ax.get_ylim()
    label_points(ax, [1.0], [1.0], ["a long label at the border"], [True])
    ax.figure.canvas.draw()
    assert (ax.get_xlim(), ax.get_ylim()) == limits


def test_no_points_have_no_labels():
    _, ax = plt.subplots()
    assert label_points(ax, [], [], [], []) == []


def test_lines_have_the_colour_of_the_labels_of_the_axes():
    with plt.style.context("dark_background"):
        assert ink_of(plt.subplots()[1]) == "white"
    assert ink_of(plt.subplots()[1]) == "black"


def test_the_legend_of_many_points_is_not_searched_for():
    _, ax = plt.subplots()
    ax.plot([0, 1], label="line")
    add_legend(ax, 10)
    assert ax.get_legend()._loc == 0  # best
    add_legend(ax, 10**6)
    assert ax.get_legend()._loc == 1  # upper right
