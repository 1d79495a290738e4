"""Page: real tables with few labels, and with few components."""

from .._common.averages import with_prefix
from .._common.tables import restructured
from .drawing import lines, panel
from .page import Page, Picture, Section
from .records import results
from .theory_findings import findings

RECORD = "theory.real_data"
ROWS = ("as shipped", "noise .1 to 3", "noise .1 to 10")
SHARES = (0.05, 0.1, 0.2, 0.5, 1.0)
COMPONENTS = (1, 2, 3, 5, 8, 12, 20)
METHODS = [
    "PCA",
    "Scaler+PCA",
    "Scaler+FA",
    "LinearContrastive",
    "SupervisedLinearContrastive",
    "LDA",
    "no reduction",
]
DRAWN = [
    "Scaler+PCA",
    "LinearContrastive",
    "SupervisedLinearContrastive",
    "LDA",
    "no reduction",
]
STYLES = {"LDA": ("#CC79A7", "D"), "SupervisedLinearContrastive": ("#009E73", "P")}
LABELS = {"LinearContrastive": "no labels", "SupervisedLinearContrastive": "with labels"}


def page():
    """Verdict, picture and tables of few labels on real tables."""
    return Page(
        "few_labels",
        "Real tables with few labels",
        verdict(),
        (
            Picture(
                RECORD,
                "Accuracy against the share of labels, for tables as shipped and with noise: as "
                "shipped, no reduction is best; with noise and few labels LinearContrastive is "
                "better, and SupervisedLinearContrastive is at least as good",
                draw,
                suffix="_labels",
            ),
        ),
        "Six tables from installed packages, random thirds held out, mean of the draws. Reducers "
        "are fitted to all training rows, SupervisedLinearContrastive with the labels that there "
        "are; the classifier and LDA (linear discriminant analysis, shrunk) to labelled rows.",
        (
            Section(
                "Tables",
                RECORD,
                folded={
                    f"Accuracy against {axis}": restructured(*means(axis, numbers))
                    for axis, numbers in (
                        ("share of labels", SHARES),
                        ("components", COMPONENTS),
                    )
                }
                | {"Rivals above ours": findings("real_data"), "All panels": all_panels()},
            ),
        ),
    )


def verdict():
    """The least and the most labels, with labels against without, and against LDA."""
    found = results(RECORD)["share of labels"]["means over tables"]
    names = ("SupervisedLinearContrastive", "LinearContrastive", "LDA")
    (few, many), (noisy_few, noisy_many) = (
        [
            " / ".join(f"{with_prefix(found[noise], share)['mean'][name]:.3f}" for name in names)
            for share in (SHARES[0], SHARES[-1])
        ]
        for noise in (ROWS[0], ROWS[-1])
    )
    return (
        f"Accuracy with labels / without / of LDA: {few} with {SHARES[0]:.0%} of the labels. "
        f"With all labels {many}. Under strong noise {noisy_few} and {noisy_many}."
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
    found = results(RECORD)["share of labels"]["means over tables"]
    figure, panels = panel(5.4, rows=2)
    for axes, noise in zip(panels, (ROWS[0], ROWS[2]), strict=True):
        axes.set(ylabel="accuracy", title=noise)
        lines(
            axes,
            list(range(len(SHARES))),
            {
                name: [found[noise]["mean"][f"{share}, {name}"] for share in SHARES]
                for name in DRAWN
            },
            names=[f"{share:.0%}" for share in SHARES],
            styles=STYLES,
            labels=LABELS,
        )
    panels[-1].set_xlabel("share of rows with a label")
    return figure
