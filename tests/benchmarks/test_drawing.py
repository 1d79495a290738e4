"""Pictures of the report: names beside lines, rows of markers, log axes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.report.drawing import apart, dots, legend, lines, panel, plain_log


@given(heights=st.lists(st.floats(0, 1), max_size=8), gap=st.floats(0.01, 0.3))
def test_names_are_a_gap_apart_and_stay_in_order(heights, gap):
    moved = apart(sorted(heights), gap)
    assert len(moved) == len(heights)
    assert (np.diff(moved) >= gap - 1e-9).all()


def test_names_far_apart_do_not_move():
    assert apart([0.1, 0.5, 0.9], 0.1) == pytest.approx([0.1, 0.5, 0.9])


def test_names_that_meet_are_centred_on_what_they_want():
    assert apart([0.5, 0.5], 0.1) == pytest.approx([0.45, 0.55])
    assert apart([0.4, 0.45, 0.5], 0.1) == pytest.approx([0.35, 0.45, 0.55])


def test_each_line_has_its_name_and_marker_beside_it():
    _, (axes,) = panel()
    lines(axes, [0, 1], {"PCA": [1, 2], "Scaler+FA": [1, 2]}, labels={"Scaler+FA": "FA"})
    texts = {text.get_text(): text.get_position()[1] for text in axes.texts}
    assert set(texts) == {"PCA", "FA"}
    curves, markers = axes.lines[:2], axes.lines[2:]
    assert [line.get_marker() for line in curves] == ["s", "<"]
    assert [line.get_marker() for line in markers] == ["s", "<"]
    assert texts["FA"] - texts["PCA"] > 0.05


def test_rows_of_dots_are_drawn_from_above_with_their_names():
    figure, (axes,) = panel()
    dots(axes, ["first", "second"], {"PCA": [1, None], "FA": [2, 3]})
    legend(figure, axes)
    assert [text.get_text() for text in axes.texts] == ["first", "second"]
    assert axes.texts[0].get_position()[1] > axes.texts[1].get_position()[1]
    pca = axes.lines[0]
    assert pca.get_ydata().tolist() == [1, 0]
    assert np.isnan(np.asarray(pca.get_xdata(), float)).tolist() == [False, True]
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["PCA", "FA"]


def test_log_axes_have_the_given_numbers():
    _, (axes,) = panel()
    axes.plot([0.1, 2], [1, 1])
    plain_log(axes, "x", (0.1, 0.5, 2))
    assert axes.get_xscale() == "log"
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["0.1", "0.5", "2"]
