"""Page: real tables with few labels, and with few components."""

from .._common.averages import with_prefix
from .._common.tables import restructured
from .drawing import lines, panel
from .page import Page, Picture, Section
from .records import against, results
from .theory_findings import findings

RECORD = "theory.real_data"
ROWS = ("as shipped", "noise .1 to 3", "noise .1 to 10")
NUMBERS = (2, 5, 10, 20, 50)
COMPONENTS = (1, 2, 3, 5, 8, 12, 20)
METHODS = [
    "PCA",
    "Scaler+PCA",
    "Scaler+FA",
    "LinearContrastive",
    "Scaler+supervised, auto",
    "LDA",
    "no reduction",
]
DRAWN = ["Scaler+PCA", "Scaler+FA", "LinearContrastive", "LDA", "no reduction"]
STYLES = {"LDA": ("#009E73", "P")}
LABELS = {"LinearContrastive": "LinearContr."}


def page():
    """Verdict, picture and tables of few labels on real tables."""
    return Page(
        "few_labels",
        "Real tables with few labels",
        verdict(),
        (
            Picture(
                RECORD,
                "Accuracy against the number of labels of each class, for tables as shipped and "
                "with noise: as shipped, no reduction is best; with noise and two labels "
                "FactorAnalysis and LinearContrastive are better",
                draw,
                suffix="_labels",
            ),
        ),
        "Six tables from installed packages, random thirds held out, mean of the draws. Reducers "
        "are fitted to all training rows without labels; the classifier, and LDA (linear "
        "discriminant analysis, shrunk), to those with a label.",
        (
            Section(
                "Tables",
                RECORD,
                folded={
                    f"Accuracy against {axis}": restructured(*means(axis, numbers))
                    for axis, numbers in (
                        ("labels to a class", NUMBERS),
                        ("components", COMPONENTS),
                    )
                }
                | {"Rivals above ours": findings("real_data"), "All panels": all_panels()},
            ),
        ),
    )


def verdict():
    """With two labels of each class, against no reduction and FactorAnalysis."""
    found = results(RECORD)["labels to a class"]["means over tables"]
    clean, noisy = (with_prefix(found[noise], NUMBERS[0])["mean"] for noise in (ROWS[0], ROWS[-1]))
    as_shipped, shipped_numbers = against(clean["LinearContrastive"], clean["no reduction"])
    with_noise, noise_numbers = against(noisy["LinearContrastive"], noisy["no reduction"])
    return (
        f"With two labels of each class, LinearContrastive is {as_shipped} no reduction as "
        f"shipped {shipped_numbers} and {with_noise} it under strong noise {noise_numbers}, where "
        f"Scaler+FA has {noisy['Scaler+FA']:.3f}."
    )


def means(axis, numbers):
    """Mean accuracy of each method, one line per noise and number."""
    found = results(RECORD)[axis]["means over tables"]
    return ["noise", axis, *METHODS], [
        [
            noise,
            str(number),
            *(f"{found[noise]['mean'][f'{number}, {name}']:.3f}" for name in METHODS),
        ]
        for noise in ROWS
        for number in numbers
    ]


def all_panels():
    """The figure of the benchmark."""

    def figure():
        from ..theory.real_data import draw_figure

        return draw_figure(results(RECORD))

    alt = "Six panels: accuracy against labels and against components for three kinds of noise"
    return Picture(RECORD, alt, figure, width=860)


def draw():
    """Accuracy against labels, as shipped above and with noise below."""
    found = results(RECORD)["labels to a class"]["means over tables"]
    figure, panels = panel(5.4, rows=2)
    for axes, noise in zip(panels, (ROWS[0], ROWS[2]), strict=True):
        axes.set(ylabel="accuracy", title=noise)
        lines(
            axes,
            list(range(len(NUMBERS))),
            {name: [found[noise]["mean"][f"{m}, {name}"] for m in NUMBERS] for name in DRAWN},
            names=[str(m) for m in NUMBERS],
            styles=STYLES,
            labels=LABELS,
        )
    panels[-1].set_xlabel("labels of each class")
    return figure
