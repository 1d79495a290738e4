"""Page: what labels for some samples add to the subspace."""

from .._common.tables import restructured
from .drawing import lines, panel, plain_log
from .page import Page, Picture, Section
from .records import results, span
from .theory_findings import agreement, findings

RECORD = "theory.labels"
ALL = "all samples, "
METHODS = ["PCA", "alpha=0", "alpha=1", "labels alone", "auto", "LinearContrastive"]
STYLES = {
    "alpha=0": ("#CC79A7", "D"),
    "alpha=1": ("#0072B2", "v"),
    "auto": ("#009E73", "P"),
    "LinearContrastive": ("#D55E00", "o"),
}
LABELS = {
    "alpha=0": "no weight",
    "alpha=1": "full weight",
    "auto": '"auto"',
    "LinearContrastive": "no labels",
}


def page():
    """Verdict, picture and findings about labels."""
    title = settings()[0]
    return Page(
        "labels",
        "Labels for some samples",
        verdict(),
        (
            Picture(
                RECORD,
                "Subspace error against the number of labels: full weight on few labels is worst; "
                "auto is as low as LinearContrastive without labels, and lower with many labels",
                draw,
                suffix="_number",
            ),
        ),
        f"Spiked model: {title}. ``SupervisedLinearContrastive`` with the given weight alpha on "
        "the labels; the last line is ``LinearContrastive`` on the same samples, without labels. "
        "On real tables labels can matter more: :doc:`few_labels`.",
        (
            Section(
                "Findings",
                RECORD,
                agreement("labels"),
                {
                    "Every kind of labels": restructured(*kinds()),
                    "Subspace error by setting": restructured(*errors()),
                    "Findings": findings("labels"),
                    "All panels": all_panels(),
                },
            ),
        ),
    )


def settings():
    """Titles of the models in which the number of labels changes."""
    return [title for title in results(RECORD) if title.startswith("six classes")]


def verdict():
    """Auto and full weight over the fit without labels."""
    rows = results(RECORD)["auto"]["rows"]
    helpful = [row for row in rows if row["labels"].startswith(("six", "informative"))]
    others = [row for row in rows if row not in helpful]
    return (
        f"The error is {span([row['auto / no labels'] for row in helpful])} times that without "
        "labels if the labels are informative. It is "
        f"{span([row['auto / no labels'] for row in others])} times that if they say nothing; in "
        f"closed form with alpha=1 {span([row['alpha=1 / no labels'] for row in rows])} times."
    )


def kinds():
    """Every kind and number of labels, over the fit without."""
    rows = results(RECORD)["auto"]["rows"]
    columns = ["LinearContrastive", "alpha=1", "auto", "alpha=1 / no labels", "auto / no labels"]
    return ["labels", "number", *columns], [
        [row["labels"], row["at"], *(f"{row[name]:.3f}" for name in columns)] for row in rows
    ]


def errors():
    """Error of each weight and estimator, one line per number of labels."""
    rows = []
    for title in settings():
        for label, average in results(RECORD)[title].items():
            mean = average["mean"]
            values = (mean.get(ALL + name, mean.get(name)) for name in METHODS)
            rows.append([f"{title}, {label}", *(f"{value:.3f}" for value in values)])
    return ["setting, labels m", *METHODS], rows


def all_panels():
    """The figure of the benchmark."""

    def figure():
        from ..theory.labels import draw_figure

        return draw_figure(results(RECORD))

    alt = "Six panels: error against labels in two models, and against their weight alpha"
    return Picture(RECORD, alt, figure, width=860)


def draw():
    """Error against the number of labels."""
    cells = results(RECORD)[settings()[0]]
    figure, (axes,) = panel()
    plain_log(axes, "y", (0.2, 0.3, 0.5, 1, 1.5))
    axes.set(xlabel="labels, of 2000 samples", ylabel="subspace error")
    lines(
        axes,
        list(range(len(cells))),
        {name: [cell["mean"][ALL + name] for cell in cells.values()] for name in STYLES},
        names=[label.removeprefix("m=") for label in cells],
        styles=STYLES,
        labels=LABELS,
    )
    return figure
