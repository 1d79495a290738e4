"""Tables of bad rows, bad cells and noisy rows."""

import numpy as np

from .._common.tables import restructured
from .records import Section, missed_targets, plus_minus_cell, results
from .sentences import spoilt_tables_sentence

RECORD = "linear.noise_regimes"
OURS, ORACLE = "LinearContrastive", "noise known"
ROBUST = ['robust="rows"', 'robust="cells"', "robust=True"]
RIVALS = ["Scaler+PCA", "Scaler+FA"]
OTHERS = [
    "PCA",
    "RobustScaler+PCA",
    "capped+PCA",
    "quantiles+PCA",
    "IsolationForest+PCA",
    "Scaler+HePPCAT",
    "Scaler+LR-ALPCAH",
]
FITS = [OURS, *ROBUST]
SETS = {"final": "final tables", "six": "six tables that a prototype was tuned on"}


def sections():
    """Sections about spiked models, real tables and time."""
    return [
        Section(
            "Which noise misleads which method",
            RECORD,
            "Subspace error over that of a fit that knows the noise, or the bad rows or cells:\n"
            "geometric mean over three shapes. 1 is the best.\n\n" + restructured(*overview()),
        ),
        Section(
            "Bad rows and cells: subspace error",
            RECORD,
            "Gross entries are noise of ten standard deviations; swapped ones change places\n"
            "inside their column. ``noise known``: a fit that knows the noise, or the bad rows or\n"
            "cells. The noise sds are log-normal over columns (log-sd .5 where nothing else is\n"
            "said) and rows.\n\n" + restructured(*subspace()),
        ),
        Section(
            "Bad rows and cells: number of components",
            RECORD,
            "Share of draws, over all shapes, in which the number of components was right.\n\n"
            + restructured(*n_components()),
        ),
        Section(
            "Bad rows and cells: accuracy on real tables",
            RECORD,
            "".join(
                f"Mean over {found['n_tables']} {SETS[name]}:\n\n" + restructured(*accuracy(found))
                for name, found in results(RECORD)["tables"].items()
            )
            + spoilt_tables_sentence()
            + "\n\n",
        ),
        Section(
            "Robust fits on tables as shipped",
            RECORD,
            "Accuracy of the robust fit minus that of the default, on the final tables, and the\n"
            "median ratio of the times.\n\n" + restructured(*decision()),
        ),
        Section("Time of a robust fit", RECORD, restructured(*cost()) + rivals_time()),
        Section("Goals of the robust fits", RECORD, missed_targets(RECORD)),
    ]


def shapes():
    """Sizes of the spiked models."""
    return list(dict.fromkeys(f"{cell['n']} x {cell['d']}" for cell in results(RECORD)["regimes"]))


def overview():
    """Error of each method over that with the noise known, by regime."""
    cells = results(RECORD)["regimes"]
    methods = [*RIVALS, *OTHERS, *FITS]
    lines = []
    for regime in dict.fromkeys(cell["regime"] for cell in cells):
        means = [cell["mean"] for cell in cells if cell["regime"] == regime]
        ratios = (np.exp(np.mean([np.log(m[name] / m[ORACLE]) for m in means])) for name in methods)
        lines.append([regime, *(f"{ratio:.2f}" for ratio in ratios)])
    return ["noise", *methods], lines


def subspace():
    """Subspace error of each fit, of two rivals and of the best of all other rivals."""
    lines = []
    for cell in results(RECORD)["regimes"]:
        others = set(cell["mean"]) - {*FITS, *RIVALS, ORACLE, "clean"}
        best = min(others, key=cell["mean"].get)
        lines.append(
            [
                f"{cell['n']} x {cell['d']}, {cell['regime']}",
                *(f"{cell['mean'][name]:.3f}" for name in RIVALS),
                f"{cell['mean'][best]:.3f} ({best})",
                *(plus_minus_cell(cell, name) for name in FITS),
                f"{cell['mean'][ORACLE]:.3f}",
            ]
        )
    return ["X", *RIVALS, "best other rival", *FITS, ORACLE], lines


def n_components():
    """Share of draws with the right number, by regime."""
    cells = results(RECORD)["regimes"]
    return ["regime", *FITS, ORACLE], [
        [
            regime,
            *(
                f"{np.mean([c['right'][name] for c in cells if c['regime'] == regime]):.0%}"
                for name in (*FITS, ORACLE)
            ),
        ]
        for regime in dict.fromkeys(cell["regime"] for cell in cells)
    ]


def accuracy(found):
    """Mean accuracy over one set of tables, one line per kind of spoiling."""
    methods = list(next(iter(found["means"].values())))
    return ["spoilt", *methods], [
        [spoilt, *(f"{mean[name]:.3f}" for name in methods)]
        for spoilt, mean in found["means"].items()
    ]


def decision():
    """What decides whether a robust fit is the default."""
    rows = results(RECORD)["tables"]["final"]["default"]
    columns = ["fit", "mean", "worst", "worst table", "tables below by more than .005", "time"]
    return columns, [
        [
            name,
            f"{row['mean']:+.4f}",
            f"{row['worst']:+.3f}",
            row["worst table"],
            str(row["tables below by more"]),
            f"{row['time']:.1f}",
        ]
        for name, row in rows.items()
    ]


def cost():
    """Time and peak memory of a robust fit over the default's."""
    columns = [f"{name}, {measure}" for measure in ("time", "memory") for name in ROBUST]
    return ["X", "default, seconds", *columns], [
        [
            f"{row['n']} x {row['d']}, k = {row['k']}",
            f"{row['seconds']:.2f}",
            *(f"{row[measure][name]:.1f}" for measure in ("time", "memory") for name in ROBUST),
        ]
        for row in results(RECORD)["cost"]
    ]


def rivals_time():
    """Median time of each method over the default's, over the regimes."""
    cells = results(RECORD)["regimes"]
    names = [name for name in cells[0]["time"] if name not in ("clean", ORACLE, OURS)]
    times = {
        name: np.median([cell["time"][name] for cell in cells if name in cell["time"]])
        for name in names
    }
    text = ", ".join(f"{name} {time:.1f}" for name, time in times.items())
    return f"On the spiked models above, median time over the default's: {text}.\n\n"
