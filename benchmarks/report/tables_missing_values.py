"""Tables of subspace error, imputation and time where values are missing."""

from .._common.tables import restructured
from .records import Section, missed_targets, plus_minus_cell, results
from .sentences import missing_values_sentence

RECORD, SPEED = "linear.missing_values", "linear.missing_values_speed"
IMPUTATION = "linear.imputation"


def sections():
    """Sections about missing values."""
    return [
        Section(
            "Missing values: subspace error",
            RECORD,
            restructured(*subspace()) + missing_values_sentence() + "\n\n" + missed_targets(RECORD),
        ),
        Section(
            "Missing values: imputation",
            RECORD,
            "Root mean square error on hidden entries as a share of each feature's standard\n"
            "deviation; ours is ``inverse_transform(transform(X))``.\n\n"
            + restructured(*imputation())
            + better_imputers(),
        ),
        Section(
            "Missing values: imputation by impute",
            IMPUTATION,
            "Root mean square error on hidden entries as a share of each feature's standard\n"
            "deviation; mean over six real tables, 60 columns each, then over the final R tables,\n"
            "then each table. ``many`` is half of the features, at most a tenth of the rows and\n"
            "30 components, chosen on the six tables. IterativeImputer regresses on the 20\n"
            "nearest features where there are more than 30, not on all.\n\n"
            + restructured(*imputation_means("means"))
            + restructured(*imputation_means("final means"))
            + restructured(*imputation_of_tables()),
        ),
        Section(
            "Missing values: number of components",
            RECORD,
            restructured(*n_components()),
        ),
        Section(
            "Missing values: time of a fit with a tenth missing",
            SPEED,
            restructured(*speed()) + imputer_time(),
        ),
    ]


def subspace():
    """Subspace error where entries are missing."""
    columns = ["complete", "LinearContrastive", "pairs only", "HeteroPCA"]
    return [
        "X and signal",
        "missing",
        *columns,
        "best imputed rival",
        "its error",
        "ours / complete",
        "ours / best imputed",
    ], [
        [
            size(cell),
            cell["missing"],
            *(plus_minus_cell(cell, name) for name in columns),
            best := cell["best_imputed"],
            plus_minus_cell(cell, best),
            f"{cell['ratio_to_complete']['LinearContrastive']:.2f}",
            f"{cell['mean']['LinearContrastive'] / cell['mean'][best]:.2f}",
        ]
        for cell in results(RECORD)["subspace"]
    ]


def imputation():
    """Errors of imputed entries, on spiked models and on real tables."""
    found = results(RECORD)
    lines = [
        [
            cell.get("data") or size(cell),
            cell["missing"],
            *(plus_minus_cell(cell, name) for name in ("mean", "KNN", "iterative")),
            plus_minus_cell(cell, fixed),
            plus_minus_cell(cell, "auto"),
            f"{cell['over_best'][fixed]:.2f}",
            f"{cell['over_best']['auto']:.2f}",
            " / ".join(f"{cell['mean'][f'{name}, no scores']:.1%}" for name in (fixed, "auto")),
        ]
        for part, fixed in (("imputation", "true number"), ("imputation of tables", "fixed number"))
        for cell in found[part]
    ]
    imputers = ["SimpleImputer", "KNNImputer", "IterativeImputer"]
    ours = ["ours, given number", "ours, auto", "given / best imputer", "auto / best imputer"]
    ours.append("rows without scores (given / auto)")
    return ["X", "missing", *imputers, *ours], lines


def imputation_means(part):
    """Errors of imputed entries, mean over real tables."""
    names = ["mean", "KNN", "iterative", "auto", "many"]
    columns = ["hidden", "mean", "KNNImputer", "IterativeImputer", "impute, auto", "impute, many"]
    return columns, [
        [
            row["hidden"] if row["hidden"] == "all" else f"{row['hidden']:.0%}",
            *(f"{row[name]:.3f}" for name in names),
        ]
        for row in results(IMPUTATION)[part]
    ]


def imputation_of_tables():
    """Errors of imputed entries on each real table."""
    names = ["mean", "KNN", "iterative", "auto", "many"]
    columns = ["X", "hidden", "mean", "KNNImputer", "IterativeImputer"]
    return [*columns, "impute, auto", "impute, many"], [
        [cell["data"], f"{cell['hidden']:.0%}", *(plus_minus_cell(cell, name) for name in names)]
        for cell in results(IMPUTATION)["cells"]
    ]


def better_imputers():
    """Number of settings in which an imputer is better."""
    found = results(RECORD)
    models, tables = (
        [cell["over_best"]["auto"] > 1 for cell in found[part]]
        for part in ("imputation", "imputation of tables")
    )
    return (
        f"An imputer was better than auto in {sum(models)} of {len(models)} settings of the spiked "
        f"model and in {sum(tables)} of {len(tables)} on real tables.\n\n"
    )


def n_components():
    """Share of draws in which "auto" is right where entries are missing."""
    shares = ["exact, complete", "exact", "off by at most 1", "too few", "too many"]
    return ["signal", "missing", *shares], [
        [cell["signal"], cell["missing"], *(f"{cell[share]:.0%}" for share in shares)]
        for cell in results(RECORD)["n_components"]
    ]


def speed():
    """Time of a fit with a tenth of the entries missing."""
    return ["X", "complete, seconds", "missing / complete", "pairs only / complete"], [
        [
            f"{cell['n']} x {cell['d']}, k = {cell['k']}",
            f"{cell['complete s']:.3f}",
            f"{cell['missing/complete']:.2f}",
            f"{cell['pairs only/complete']:.2f}",
        ]
        for cell in results(SPEED)["fit"]
    ]


def imputer_time():
    """Seconds of IterativeImputer + PCA, beside the table of times."""
    found = results(SPEED)["iterative+PCA"]
    return (
        f"IterativeImputer + PCA took {found['seconds']:.1f} s at {found['n']} x {found['d']}.\n\n"
    )


def size(cell):
    """Size, number of components and signal of one draw."""
    return f"{cell['n']} x {cell['d']}, r = {cell['r']}, {cell['signal']}"
