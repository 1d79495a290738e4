"""Page: error of imputed entries."""

from .._common.tables import restructured
from .drawing import lines, panel
from .page import Page, Picture, Section
from .page_missing_values import size
from .records import against, plus_minus_cell, results

RECORD, MODELS = "linear.imputation", "linear.missing_values"
IMPUTERS = {"mean": "mean", "KNN": "KNNImputer", "iterative": "IterativeImputer"}
OURS = {"auto": "impute, auto", "many": "impute, many"}
STYLES = {
    "mean": ("#999999", "s"),
    "KNN": ("#009E73", "P"),
    "iterative": ("#0072B2", "v"),
    "auto": ("#D55E00", "o"),
    "many": ("#CC79A7", "D"),
}


def page():
    """Verdict, picture and tables of imputation."""
    return Page(
        "imputation",
        "Imputation",
        verdict(),
        (
            Picture(
                RECORD,
                "Error of imputed entries against the share of hidden entries: impute with many "
                "components is lowest or level with IterativeImputer, impute with the estimated "
                "number is higher where few entries are hidden",
                draw,
            ),
        ),
        "Root mean square error on hidden entries as a share of the standard deviation of each "
        "feature. Mean over the final R tables, on which no choice was made; 60 columns at most. "
        "``auto`` estimates the number of components. ``many`` is half of the features, at most a "
        "tenth of the rows and 30, chosen on six other tables. IterativeImputer regresses on the "
        "20 nearest features where there are more than 30, not on all.",
        (
            Section(
                "Real tables",
                RECORD,
                folded={
                    "Mean over the final tables": restructured(*imputation_means("final means")),
                    "Mean over six tables that choices were made on": restructured(
                        *imputation_means("means")
                    ),
                    "Each table": restructured(*imputation_of_tables()),
                },
            ),
            Section(
                "Spiked models",
                MODELS,
                "Ours is ``inverse_transform(transform(X))``. " + better_imputers(),
                {"Error by setting": restructured(*imputation())},
            ),
        ),
    )


def verdict():
    """Over all shares of hidden entries, and with few hidden, against IterativeImputer."""
    fewest, *_, every = results(RECORD)["final means"]
    many, many_numbers = against(every["many"], every["iterative"], higher=False)
    few, few_numbers = against(fewest["many"], fewest["iterative"], higher=False)
    return (
        f"With many components, impute is {many} IterativeImputer on average {many_numbers}. With "
        f"{fewest['hidden']:.0%} of the entries hidden it is {few} it {few_numbers}. With the "
        f"estimated number of components the error of impute is {every['auto']:.3f} on average."
    )


def imputation():
    """Errors of imputed entries, on spiked models and on real tables."""
    found = results(MODELS)
    lines_ = [
        [
            cell.get("data") or size(cell),
            cell["missing"],
            *(plus_minus_cell(cell, name) for name in IMPUTERS),
            plus_minus_cell(cell, fixed),
            plus_minus_cell(cell, "auto"),
            f"{cell['over_best'][fixed]:.2f}",
            f"{cell['over_best']['auto']:.2f}",
            " / ".join(f"{cell['mean'][f'{name}, no scores']:.1%}" for name in (fixed, "auto")),
        ]
        for part, fixed in (("imputation", "true number"), ("imputation of tables", "fixed number"))
        for cell in found[part]
    ]
    ours = ["ours, given number", "ours, auto", "given / best imputer", "auto / best imputer"]
    ours.append("rows without scores (given / auto)")
    return ["X", "missing", *IMPUTERS.values(), *ours], lines_


def imputation_means(part):
    """Errors of imputed entries, mean over real tables."""
    return ["hidden", *IMPUTERS.values(), *OURS.values()], [
        [
            row["hidden"] if row["hidden"] == "all" else f"{row['hidden']:.0%}",
            *(f"{row[name]:.3f}" for name in (*IMPUTERS, *OURS)),
        ]
        for row in results(RECORD)[part]
    ]


def imputation_of_tables():
    """Errors of imputed entries on each real table."""
    return ["X", "hidden", *IMPUTERS.values(), *OURS.values()], [
        [
            cell["data"],
            f"{cell['hidden']:.0%}",
            *(plus_minus_cell(cell, name) for name in (*IMPUTERS, *OURS)),
        ]
        for cell in results(RECORD)["cells"]
    ]


def better_imputers():
    """Number of settings in which an imputer is better."""
    found = results(MODELS)
    models, tables = (
        [cell["over_best"]["auto"] > 1 for cell in found[part]]
        for part in ("imputation", "imputation of tables")
    )
    return (
        f"An imputer was better than auto in {sum(models)} of {len(models)} settings of the spiked "
        f"model and in {sum(tables)} of {len(tables)} on real tables."
    )


def draw():
    """Error against the share of hidden entries."""
    rows = [row for row in results(RECORD)["final means"] if row["hidden"] != "all"]
    figure, (axes,) = panel()
    axes.set(xlabel="hidden entries", ylabel="error, share of the sd")
    lines(
        axes,
        list(range(len(rows))),
        {name: [row[name] for row in rows] for name in STYLES},
        names=[f"{row['hidden']:.0%}" for row in rows],
        styles=STYLES,
        labels=IMPUTERS | OURS,
    )
    return figure
