"""What all displays have in common."""

import inspect

import matplotlib.pyplot as plt
import pytest
from helpers.plots import DRAWN, fitted_sensors, sensors
from helpers.processes import run_program
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from sklearn.exceptions import NotFittedError

from sklearn_contrastive import LinearContrastive, plotting
from sklearn_contrastive.plotting import _axes

DISPLAYS = [getattr(plotting, name) for name in plotting.__all__ if name.endswith("Display")]
drawn = pytest.mark.parametrize("display", DRAWN, ids=lambda cls: cls.__name__)


@pytest.mark.parametrize("display", DISPLAYS, ids=lambda cls: cls.__name__)
def test_a_display_is_made_and_drawn_as_those_of_scikit_learn(display):
    made = [name for name in vars(display) if name.startswith("from_")]
    assert made
    for name in [*made, "plot"]:
        parameters = inspect.signature(getattr(display, name)).parameters
        assert parameters["ax"].default is None, name
    for name in made:
        assert (
            inspect.signature(getattr(display, name)).parameters["ax"].kind.name == "KEYWORD_ONLY"
        )


def test_every_display_of_a_reducer_is_drawn_here():
    of_reducers = {cls for cls in DISPLAYS if "SubspaceError" in cls.__name__}
    for cls in DISPLAYS:
        first = next(iter(inspect.signature(getattr(cls, "from_estimator", cls)).parameters))
        if first == "estimator" and cls in DRAWN:
            of_reducers.add(cls)
    assert of_reducers == set(DRAWN)


@drawn
def test_without_axes_a_figure_is_made(display):
    shown = DRAWN[display]()
    assert plt.get_fignums() == [shown.figure_.number]
    assert shown.ax_.figure is shown.figure_
    assert shown.ax_.get_xlabel()


@drawn
def test_given_axes_are_used_and_no_figure_is_made(display):
    figure, (left, right) = plt.subplots(1, 2)
    shown = DRAWN[display](right)
    assert plt.get_fignums() == [figure.number]
    assert shown.ax_ is right
    assert shown.figure_ is figure
    assert not left.has_data()


@drawn
def test_plot_returns_the_display_and_can_be_repeated(display):
    shown = DRAWN[display]()
    first = shown.ax_
    assert shown.plot() is shown
    assert shown.ax_ is not first
    assert shown.ax_.get_xlabel() == first.get_xlabel()
    shown.figure_.canvas.draw()


@drawn
def test_text_can_be_read_on_a_dark_background(display):
    with plt.style.context("dark_background"):
        shown = DRAWN[display]()
        shown.figure_.canvas.draw()
        on_black = [
            text
            for text in shown.figure_.findobj(Text)
            # text of cells stands on the colours of the heat map
            if text.get_text() and text not in getattr(shown, "texts_", [])
        ]
        assert len(on_black) > 5
        assert all(sum(to_rgb(text.get_color())) > 2 for text in on_black)


@drawn
def test_a_missing_matplotlib_is_named(display, monkeypatch):
    monkeypatch.setattr(_axes, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match=f"{display.__name__} needs Matplotlib, which is not"):
        DRAWN[display]()


@pytest.mark.parametrize("name", ["Spectrum", "Biplot", "Loadings", "Noise", "Outlier"])
def test_an_estimator_that_is_not_fitted_is_refused(name):
    display = getattr(plotting, f"{name}Display")
    data = (sensors(),) if "X" in inspect.signature(display.from_estimator).parameters else ()
    with pytest.raises(NotFittedError):
        display.from_estimator(LinearContrastive(), *data)
    assert not plt.get_fignums()


@pytest.mark.parametrize("name", ["Biplot", "Loadings", "Noise"])
def test_names_of_a_data_frame_are_shown(name):
    shown = DRAWN[getattr(plotting, f"{name}Display")]()
    written = {text.get_text() for text in shown.figure_.findobj(Text)}
    assert {"sensor 0", "sensor 7"} <= written


def test_a_model_without_components_is_drawn_where_it_has_something_to_show():
    model = LinearContrastive(0).fit(sensors())
    spectrum = plotting.SpectrumDisplay.from_estimator(model, sensors())
    assert spectrum.n_components == 0
    assert len(plotting.SpectrumDisplay.from_estimator(model).values) == 0
    assert len(plotting.NoiseDisplay.from_estimator(model).failing_) == 12
    outliers = plotting.OutlierDisplay.from_estimator(model, sensors())
    assert outliers.limits[0] == 0.0
    for display in (plotting.BiplotDisplay, plotting.LoadingsDisplay):
        data = (sensors(),) if display is plotting.BiplotDisplay else ()
        with pytest.raises(ValueError, match="component"):
            display.from_estimator(model, *data)


def test_importing_the_plots_imports_no_pyplot():
    program = """
import json, sys, sklearn_contrastive.plotting
print(json.dumps([name for name in sys.modules if name.startswith("matplotlib")]))
"""
    assert run_program(program) == []


def test_plots_do_not_change_the_estimator():
    before = {name: id(value) for name, value in vars(fitted_sensors()).items()}
    for draw in DRAWN.values():
        draw()
    assert {name: id(value) for name, value in vars(fitted_sensors()).items()} == before
