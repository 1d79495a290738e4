"""Page: what targets that are numbers add, to the subspace and to regression on real tables."""

from .._common.tables import restructured
from .drawing import lines, panel
from .page import Page, Picture, Section
from .records import plus_minus_cell, results

RECORD = "linear.numeric_targets"
DRAWN = {
    "PCA": ("#999999", "s"),
    "LinearContrastive": ("#D55E00", "o"),
    "with targets": ("#009E73", "P"),
    "PLS": ("#0072B2", "v"),
    "no reduction": ("#000000", "x"),
}
LABELS = {"LinearContrastive": "no targets"}
ROWS = ("as shipped", "noise .1 to 3")
# R2 below this is off the picture; the table has it
LOWEST = -0.2


def page():
    """Verdict, picture and tables of targets."""
    return Page(
        "numeric_targets",
        "Targets that are numbers",
        verdict(),
        (
            Picture(
                RECORD,
                "R2 against the share of rows with a target, for tables as shipped and with noise: "
                "reducers that use all rows are ahead of PLS with few targets; with all targets "
                "they are close as shipped, and the reducer with targets is ahead with noise",
                draw,
            ),
        ),
        "Six tables from installed packages, random 70 % of the rows train. Reducers are fitted to "
        "all of these, SupervisedLinearContrastive with the targets that there are; PLS and ridge "
        "regression on the scores are fitted to rows with targets. Five components, "
        "``auto`` chooses its own number. R2 on the other rows; values below "
        f"{LOWEST} are not drawn.",
        (
            Section(
                "Real tables",
                RECORD,
                folded={
                    "Mean over the tables": restructured(*means()),
                    "Each table": restructured(*tables()),
                },
            ),
            Section(
                "Spiked models",
                RECORD,
                "Error of the subspace over that of ``LinearContrastive``, 1,500 samples, 40 "
                "features, 5 factors. Table C5 is that of the theory: targets of T tasks for 600 "
                "of 2,600 samples, closed form with weight alpha.",
                {
                    "Informative targets and targets that say nothing": restructured(*ratios()),
                    "Table C5": restructured(*table_c5()),
                },
            ),
        ),
    )


def verdict():
    """Harm by targets that say nothing, gain by others, and regression with the fewest and all."""
    found = results(RECORD)
    nothing = [c["largest"] for c in found["spiked"] if c["kind"] != "informative"]
    best = min(c["mean"]["ratio"] for c in found["spiked"] if c["kind"] == "informative")
    few, all_ = (row for row in found["means"] if row["row"] == ROWS[1] and row["share"] != 0.2)
    return (
        f"Targets that say nothing raise the error by {max(nothing) - 1:.1%} at most, in any draw; "
        f"informative ones reduce it by up to {1 - best:.0%} on the mean. With noise, R2 with "
        f"5% / all targets: "
        f"{few['with targets']:.2f} / {all_['with targets']:.2f}, without "
        f"{few['LinearContrastive']:.2f} / {all_['LinearContrastive']:.2f}, PLS "
        f"{few['PLS']:.2f} / {all_['PLS']:.2f}, PCA {few['PCA']:.2f} / {all_['PCA']:.2f}."
    )


def means():
    """R2 of every method, mean over the tables."""
    rows = results(RECORD)["means"]
    methods = [name for name in rows[0] if name not in ("row", "share")]
    return ["X", "targets", *methods], [
        [row["row"], f"{row['share']:.0%}", *(f"{row[name]:.3f}" for name in methods)]
        for row in rows
    ]


def tables():
    """R2 of every method on each table."""
    found = results(RECORD)
    methods = [name for name in found["means"][0] if name not in ("row", "share")]
    shares = dict.fromkeys(row["share"] for row in found["means"])
    return ["data", "X", "targets", *methods], [
        [
            cell["data"],
            cell["row"],
            f"{share:.0%}",
            *(plus_minus_cell(cell, f"{share}, {name}") for name in methods),
        ]
        for cell in found["cells"]
        for share in shares
    ]


def ratios():
    """Error over that without targets, of every kind."""
    return ["targets", "number", "known", "ratio", "largest of the draws", "components added"], [
        [
            cell["kind"],
            str(cell["targets"]),
            str(cell["known"]),
            plus_minus_cell(cell, "ratio"),
            f"{cell['largest']:.3f}",
            f"{cell['mean']['added']:.2f}",
        ]
        for cell in results(RECORD)["spiked"]
    ]


def table_c5():
    """Errors against the weight of the targets; targets alone give one component per task."""
    cells = results(RECORD)["table C5"]
    names = list(cells[-1]["mean"])
    return ["tasks", *names], [
        [
            str(c["tasks"]),
            *(plus_minus_cell(c, name) if name in c["mean"] else "" for name in names),
        ]
        for c in cells
    ]


def draw():
    """R2 against the share of rows with a target, as shipped above and with noise below."""
    figure, panels = panel(5.4, rows=2)
    for axes, row in zip(panels, ROWS, strict=True):
        found = [each for each in results(RECORD)["means"] if each["row"] == row]
        axes.set(ylabel="R2", title=row)
        lines(
            axes,
            list(range(len(found))),
            {
                name: [each[name] if each[name] >= LOWEST else float("nan") for each in found]
                for name in DRAWN
            },
            names=[f"{each['share']:.0%}" for each in found],
            styles=DRAWN,
            labels=LABELS,
        )
    panels[-1].set_xlabel("share of rows with a target")
    return figure
