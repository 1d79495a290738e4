"""Page: the number of components that each method finds."""

import numpy as np

from .._common.tables import restructured
from .drawing import dots, legend, panel
from .page import Page, Picture, Section
from .records import results
from .sentences import n_components_sentence

RECORD, TRUE = "linear.n_components_real", "linear.n_components"
OURS = "LinearContrastive"
METHODS = [OURS, "parallel analysis", "FlipPA", "Gavish-Donoho", "ScreeNOT", "PCA mle"]
STYLES = {
    OURS: ("#D55E00", "o"),
    "parallel analysis": ("#0072B2", "v"),
    "FlipPA": ("#009E73", "P"),
    "Gavish-Donoho": ("#CC79A7", "D"),
    "ScreeNOT": ("#E69F00", "^"),
}


def page():
    """Verdict, picture and tables of the numbers of components."""
    return Page(
        "n_components",
        "Number of components",
        verdict(),
        (
            Picture(
                RECORD,
                "Share of tables of independent columns in which a method finds a component, by "
                "kind of columns: LinearContrastive and Gavish-Donoho are near zero, parallel "
                "analysis and FlipPA are highest",
                draw,
            ),
        ),
        "Independent columns have no component: each one found is false. The picture has the mean "
        "share over five shapes, from 200 x 50 to 100 x 1000, ten draws each. Columns are "
        "standardised for the rivals. ``PCA mle`` found components in every draw in which it ran "
        "and is left out.",
        (
            Section(
                "False components",
                RECORD,
                "Each cell: mean over shapes, then the worst shape.",
                {"Share of draws with a false component": restructured(*independent_columns())},
            ),
            Section(
                "Real tables",
                RECORD,
                "In brackets: share of tables with permuted columns in which a component was "
                "found.",
                {"Components found": restructured(*real_tables())},
            ),
            Section(
                "Spiked models",
                TRUE,
                n_components_sentence(),
                {"By noise and strength of the weakest signal": restructured(*true_numbers())},
            ),
        ),
    )


def verdict():
    """Right counts on spiked models, false ones in independent columns."""
    overall = results(TRUE)["overall"]
    false = {name: np.mean(shares_of(name)) for name in METHODS[:-1]}
    ahead = [name for name in false if false[name] < false[OURS]]
    said = f"fewer only with {' and '.join(ahead)}" if ahead else "fewer than every rival"
    return (
        f'"auto" found the right number in {overall["exact"]:.1%} of {overall["draws"]} draws of '
        f"spiked models. It found a false component in {false[OURS]:.1%} of the tables of "
        f"independent columns: {said}."
    )


def shares_of(method, kind=None):
    """Shares of draws with a false component, over shapes in which the method runs."""
    return [
        cell[method]
        for cell in results(RECORD)["cells"]
        if kind in (None, cell["columns"]) and cell[method] is not None
    ]


def kinds():
    """Kinds of independent columns."""
    return list(dict.fromkeys(cell["columns"] for cell in results(RECORD)["cells"]))


def independent_columns():
    """Shares of draws with a false component, one line for each kind of columns."""
    found = {kind: [shares_of(method, kind) for method in METHODS] for kind in kinds()}
    return ["columns", *METHODS], [
        [kind, *(f"{np.mean(each):.0%} / {max(each):.0%}" for each in of_methods)]
        for kind, of_methods in found.items()
    ]


def real_tables():
    """Numbers of components, and shares of permuted tables with a false one."""
    lines = []
    for row in results(RECORD)["tables"]:
        line = [row["table"]]
        for method in METHODS:
            found, share = row[method], row[f"{method}, permuted"]
            false = "does not run" if share is None else f"{share:.0%}"
            line.append("does not run" if found is None else f"{found} ({false})")
        lines.append(line)
    return ["table", *METHODS], lines


def true_numbers():
    """Share of draws with the right number."""
    columns = ["noise", "signal over the limit of detection", "draws", "exact", "at most one off"]
    return columns, [
        [
            group["noise"],
            str(group["strength"]),
            str(group["draws"]),
            f"{group['exact']:.1%}",
            f"{group['off by at most 1']:.1%}",
        ]
        for group in results(TRUE)["groups"]
    ]


def draw():
    """One row for each kind of columns."""
    figure, (axes,) = panel(0.5 * len(kinds()) + 1.6)
    dots(
        axes,
        kinds(),
        {name: [100 * np.mean(shares_of(name, kind)) for kind in kinds()] for name in STYLES},
        styles=STYLES,
    )
    axes.set(xlabel="tables with a false component, %", xlim=(-1, None))
    legend(figure, axes)
    return figure
