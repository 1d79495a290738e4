"""Tables of false components in independent columns, and of components in real tables."""

import numpy as np

from .._common.tables import restructured
from .records import Section, results

METHODS = {
    "LinearContrastive": "ours",
    "parallel analysis": "parallel analysis",
    "FlipPA": "FlipPA",
    "Gavish-Donoho": "Gavish-Donoho",
    "ScreeNOT": "ScreeNOT",
    "PCA mle": "PCA mle",
}
RECORD = "linear.n_components_real"


def sections():
    """Sections about rare and extreme values, and about real tables."""
    note = (
        "Independent columns have no components. Each cell has the share of draws in which a\n"
        "method found one: the mean over all shapes, then the worst shape. Columns are\n"
        "standardised for the rivals.\n\n"
    )
    tables = (
        "Components found in the table as it is; in brackets the share of tables of permuted\n"
        "columns in which a component was found. A dash: the method does not run.\n\n"
    )
    return [
        Section(
            "False components: rare and extreme values",
            RECORD,
            note + restructured(*independent_columns()),
        ),
        Section("Components in real tables", RECORD, tables + restructured(*real_tables())),
    ]


def independent_columns():
    """Shares of draws with a false component, one line for each kind of columns."""
    cells, lines = results(RECORD)["cells"], []
    for kind in dict.fromkeys(cell["columns"] for cell in cells):
        line = [kind]
        for method in METHODS:
            shares = [
                cell[method]
                for cell in cells
                if cell["columns"] == kind and cell[method] is not None
            ]
            line.append(f"{np.mean(shares):.0%} / {max(shares):.0%}" if shares else "-")
        lines.append(line)
    return ["columns", *METHODS.values()], lines


def real_tables():
    """Numbers of components, and shares of permuted tables with a false one."""
    lines = []
    for row in results(RECORD)["tables"]:
        line = [row["table"]]
        for method in METHODS:
            found, share = row[method], row[f"{method}, permuted"]
            false = "-" if share is None else f"{share:.0%}"
            line.append("-" if found is None else f"{found} ({false})")
        lines.append(line)
    return ["table", *METHODS.values()], lines
