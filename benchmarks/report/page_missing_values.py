"""Page: subspace error and number of components where values are missing."""

from .._common.tables import restructured
from .drawing import lines, panel, plain_log
from .page import Page, Picture, Section
from .records import geometric_mean, missed_targets, plus_minus_cell, results, span
from .sentences import missing_values_sentence

RECORD = "linear.missing_values"
SHARES = ("10 %", "30 %", "60 %")
DRAWN = ("LinearContrastive", "pairs only", "HeteroPCA")
RIVAL = "best imputed"


def page():
    """Verdict, picture and tables of missing values."""
    return Page(
        "missing_values",
        "Missing values",
        verdict(),
        (
            Picture(
                RECORD,
                "Subspace error over that on complete data, against the share of missing entries: "
                "LinearContrastive rises least, the best method after an imputer is close to it up "
                "to 30 %, pairs only rises most",
                draw,
            ),
        ),
        "Spiked models, entries missing at random. The error is divided by that of "
        "LinearContrastive on the complete data; geometric mean over sizes and signals. ``best "
        "imputed`` is the best of PCA and FactorAnalysis after SimpleImputer, KNNImputer and "
        "IterativeImputer, chosen in each setting. ``pairs only`` is LinearContrastive without "
        "refinement on the rows.",
        (
            Section(
                "Subspace error",
                RECORD,
                missing_values_sentence(),
                {"Error by setting": restructured(*subspace())} | missed_targets(RECORD),
            ),
            Section(
                "Number of components",
                RECORD,
                folded={'"auto" with missing entries': restructured(*n_components())},
            ),
        ),
    )


def ratios(share, method):
    """Errors over those of a fit to the complete data."""
    return [
        cell["mean"][cell["best_imputed"] if method == RIVAL else method] / cell["mean"]["complete"]
        for cell in results(RECORD)["subspace"]
        if cell["missing"] == share
    ]


def verdict():
    """Against the best rival after an imputer, and where the count fails."""
    over = {
        share: [
            cell["mean"]["LinearContrastive"] / cell["mean"][cell["best_imputed"]]
            for cell in results(RECORD)["subspace"]
            if cell["missing"] == share
        ]
        for share in SHARES
    }
    every = [ratio for ratios in over.values() for ratio in ratios]
    worst = min(results(RECORD)["n_components"], key=lambda cell: cell["exact"])
    return (
        f"The subspace error is {span(every)} times that of the best rival after an imputer. "
        f"By the missing share: {', '.join(f'{span(over[share])} ({share})' for share in SHARES)}. "
        f'"auto" is right in {worst["exact"]:.0%} of the draws with {worst["missing"]} missing and '
        f"a {worst['signal']} signal."
    )


def subspace():
    """Subspace error where entries are missing."""
    columns = ["complete", "LinearContrastive", "pairs only", "HeteroPCA"]
    last = ["best imputed rival", "its error", "ours / complete", "ours / best imputed"]
    return ["X and signal", "missing", *columns, *last], [
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


def n_components():
    """Share of draws in which "auto" is right where entries are missing."""
    shares = ["exact, complete", "exact", "off by at most 1", "too few", "too many"]
    return ["signal", "missing", *shares], [
        [cell["signal"], cell["missing"], *(f"{cell[share]:.0%}" for share in shares)]
        for cell in results(RECORD)["n_components"]
    ]


def size(cell):
    """Size, number of components and signal of one draw."""
    return f"{cell['n']} x {cell['d']}, r = {cell['r']}, {cell['signal']}"


def draw():
    """Error over that on complete data against the share of missing entries."""
    figure, (axes,) = panel()
    plain_log(axes, "y", (1, 1.25, 1.5, 2, 3, 4))
    axes.set(xlabel="missing entries", ylabel="error over that on complete data")
    lines(
        axes,
        list(range(len(SHARES))),
        {
            name: [geometric_mean(ratios(share, name)) for share in SHARES]
            for name in (*DRAWN, RIVAL)
        },
        names=list(SHARES),
        styles={
            "pairs only": ("#CC79A7", "D"),
            "HeteroPCA": ("#009E73", "P"),
            RIVAL: ("#0072B2", "v"),
        },
    )
    return figure
