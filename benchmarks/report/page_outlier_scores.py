"""Page: calibration of outlier_scores, and the OutlierWarning."""

from .._common.tables import restructured
from .drawing import lines, panel, plain_log
from .page import Page, Picture, Section
from .records import results

RECORD = "linear.outliers"
LEVELS = ("0.1", "0.05", "0.01", "0.001")
# distance in the record -> its name on the page
NAMES = {
    "score": "score_share",
    "orthogonal": "orthogonal_share",
    "both": "share",
    "Gaussian score": "chi-square of T²",
    "Gaussian orthogonal": "chi-square of Q",
}
DRAWN = {"both": ("#D55E00", "o"), "Gaussian orthogonal": ("#0072B2", "v")}


def page():
    """Verdict, picture and tables of outlier scores."""
    return Page(
        "outlier_scores",
        "Outlier scores and the OutlierWarning",
        verdict(),
        (
            Picture(
                RECORD,
                "Share of clean rows of real tables beyond a limit against the nominal share: "
                "share of outlier_scores is near the diagonal, chi-square limits far above it at "
                "small shares",
                draw,
            ),
        ),
        "Real tables: the model of one half, the distances of the rows of the other half; mean "
        "over tables. ``share`` is the attribute of ``outlier_scores``. The chi-square limit is "
        "that of the Gaussian model without correction. On the black line the limit is exact; "
        "above it there are too many alarms.",
        (
            Section(
                "Calibration",
                RECORD,
                "Share of clean rows below a level: mean, in brackets the 90 % point over draws or "
                "tables.",
                {"Shares by setting": restructured(*calibration())},
            ),
            Section("Warnings after a fit", RECORD, alarm_text(), alarm_tables()),
        ),
    )


def verdict():
    """Share of clean rows at one level, false alarms, and what was detected."""
    found = results(RECORD)
    at = LEVELS.index("0.01")
    ours, gaussian = (found["tables"][name]["mean"][at] for name in DRAWN)
    false, spoilt = found["false_alarms"], found["detected"][1:]
    detected, n_spoilt = (sum(row[key] for row in spoilt) for key in ("any", "n"))
    return (
        f"{ours:.1%} of clean rows of real tables exceed the limit of 1 % (chi-square: "
        f"{gaussian:.1%}). A warning comes in {false['alarms']} of {false['fits']} fits of clean "
        f"samples, and in {detected} of {n_spoilt} of spoilt tables."
    )


def calibration():
    """Share of clean rows below each level."""
    found = results(RECORD)
    return ["X", "share", *LEVELS], [
        [
            name,
            NAMES[distance],
            *(
                f"{mean:.3f} ({high:.3f})"
                for mean, high in zip(values["mean"], values["90 %"], strict=True)
            ),
        ]
        for name, of_name in (found["simulated"] | {"real tables": found["tables"]}).items()
        for distance, values in of_name.items()
    ]


def alarm_text():
    """Warnings on tables as shipped."""
    shipped = results(RECORD)["shipped"].items()
    said = "; ".join(f"{name}: {text.partition(' Look')[0]}" for name, text in shipped)
    return f"Tables that warn as shipped: {said or 'none.'}"


def alarm_tables():
    """Number of tables with a warning of each kind."""
    kinds = ["rows", "cells", "row noise", "any"]
    table = restructured(
        ["tables", "number", *kinds],
        [
            [row["tables"], str(row["n"]), *(str(row[kind]) for kind in kinds)]
            for row in results(RECORD)["detected"]
        ],
    )
    return {"Real tables with a warning, by its kind": table}


def draw():
    """Share beyond a limit against the nominal share."""
    found, levels = results(RECORD)["tables"], [float(level) for level in LEVELS]
    figure, (axes,) = panel()
    for axis in "xy":
        plain_log(axes, axis, levels)
    axes.plot(levels, levels, color="black", linewidth=1)
    axes.set(xlabel="nominal share of clean rows", ylabel="share beyond the limit")
    axes.invert_xaxis()
    lines(
        axes,
        levels,
        {name: found[name]["mean"] for name in DRAWN},
        styles=DRAWN,
        labels=NAMES,
    )
    return figure
