"""Page: bad rows, bad cells and noisy rows."""

from .._common.tables import restructured
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
    """Verdict, picture and tables of a bad hour."""
    return Page(
        "bad_rows",
        "Bad rows and bad cells",
        verdict(),
        (hour_picture(),),
        hour_conditions(),
        (hour_section(),),
    )


def verdict():
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
        folded={"Correlation and R²": restructured(*hour())},
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
