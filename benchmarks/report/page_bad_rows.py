"""Page: bad rows, bad cells and noisy rows."""

from .._common.tables import restructured
from . import regime_sections
from .drawing import dots, legend, panel
from .page import Page, Picture, Section
from .records import against, results

HOUR = "linear.bad_hour"
ROBUST = "LinearContrastive(robust=True)"
# measure of the record -> its name in the picture, its marker
MEASURES = {
    "correlation": ("correlation, one component", ("#0072B2", "v")),
    "R2": ("R² of one component", ("#E69F00", "^")),
    "R2, five": ("R² of five components", ("#D55E00", "o")),
}


def page():
    """Verdict, pictures and tables of all regimes, then the bad hour."""
    return Page(
        "bad_rows",
        "Bad rows, bad cells and noise regimes",
        regime_sections.verdict(),
        regime_sections.pictures(),
        regime_sections.conditions(),
        (*regime_sections.sections(), hour_section()),
    )


def hour_verdict():
    """Correlation with the daily course, against the best rival."""
    found = {name: row["correlation"] for name, row in results(HOUR)["1 components"].items()}
    rival = max((name for name in found if not name.startswith("Linear")), key=found.get)
    robust, numbers = against(found[ROBUST], found[rival], digits=2)
    return (
        "With a bad hour and two bad sensors, the correlation of LinearContrastive(robust=True) is "
        f"{robust} {rival} {numbers}; without robust it is {found['LinearContrastive']:.2f}."
    )


def hour_picture():
    """Picture of the five reducers."""
    return Picture(
        HOUR,
        "Correlation and R² with the true daily course for five reducers: only "
        "LinearContrastive(robust=True) is near one",
        draw,
        suffix="_means",
    )


def hour_conditions():
    """What the bad hour is."""
    return (
        "Thirty sensors follow one daily course for three days. For one hour all readings are "
        "random; one sensor is always noisy, one has wrong readings in 5 % of the rows. "
        "Correlation: of the score of one component with the course, outside the bad hour, mean "
        "of the draws. R²: of a regression of the course on the scores. "
        ":doc:`/guide/bad_rows` draws one such table."
    )


def hour_section():
    """Table of the bad hour."""
    return Section(
        "A bad hour and two bad sensors",
        HOUR,
        f"{hour_verdict()}\n\n{hour_conditions()}",
        {"Picture": hour_picture(), "Correlation and R²": restructured(*hour())},
    )


def hour():
    """Correlation with the true course."""
    one, five = (results(HOUR)[f"{k} components"] for k in (1, 5))
    return ["reducer", "correlation", "R², one", "R², five"], [
        [
            name,
            f"{values['correlation']:.2f}",
            f"{values['R2']:.2f}",
            f"{five[name]['R2']:.2f}",
        ]
        for name, values in one.items()
    ]


def draw():
    """One row for each reducer."""
    one, five = (results(HOUR)[f"{k} components"] for k in (1, 5))
    found = {
        "R2, five": [five[name]["R2"] for name in one],
        "R2": [one[name]["R2"] for name in one],
        "correlation": [one[name]["correlation"] for name in one],
    }
    figure, (axes,) = panel(0.5 * len(one) + 1.5)
    dots(
        axes,
        list(one),
        found,
        styles={name: style for name, (_, style) in MEASURES.items()},
        labels={name: title for name, (title, _) in MEASURES.items()},
    )
    axes.set(xlabel="with the true daily course", xlim=(0, 1))
    legend(figure, axes, ncols=1)
    return figure
