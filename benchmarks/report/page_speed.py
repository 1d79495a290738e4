"""Page: time of a fit, of transform, and of variants."""

import numpy as np

from .._common.tables import restructured
from .drawing import dots, legend, panel, plain_log
from .page import Page, Picture, Section
from .records import results, span
from .sentences import speed_sentence

RECORD, REAL = "linear.speed", "linear.real_speed"
LABELS, MISSING = "linear.supervised_speed", "linear.missing_values_speed"
STYLES = {"default/PCA": ("#D55E00", "o"), "closed/PCA": ("#CC79A7", "D")}
NAMES = {"default/PCA": "LinearContrastive", "closed/PCA": "closed form (max_iter=0)"}


def page():
    """Verdict, picture and tables of times."""
    return Page(
        "speed",
        "Time of a fit",
        verdict(),
        (
            Picture(
                RECORD,
                "Time of a fit over that of PCA for eleven sizes: below one for most tall data, "
                "above one for 30000 features",
                draw,
            ),
        ),
        "Simulated data, n x d samples, k components. Medians of ratios within one run; left of "
        "the line is faster than PCA of scikit-learn with its default solver. ``invisible``, "
        "``just clear`` and ``half``: strength of the signal in wide data.",
        (
            Section(
                "Simulated data",
                RECORD,
                speed_sentence(),
                {
                    "Fit": restructured(*fit()),
                    "Transform, and fit of a sparse matrix": restructured(*transform_and_sparse()),
                }
                | missed(RECORD),
            ),
            Section(
                "Real tables",
                REAL,
                "Fits of more than five seconds are timed once. The distances are those of the "
                "noise variances from a fit that goes on to 1e-8 of a standard error.",
                {"Fit of real tables": restructured(*real_fit())} | missed(REAL),
            ),
            Section(
                "With labels",
                LABELS,
                folded={"With labels and without": restructured(*supervised_fit())}
                | missed(LABELS),
            ),
            Section(
                "With missing values",
                MISSING,
                imputer_time(),
                {"Fit with a tenth of the entries missing": restructured(*missing_fit())},
            ),
        ),
    )


def verdict():
    """Times over PCA's, on simulated and on real tables, and over FactorAnalysis'."""
    ratios = [cell["default/PCA"] for cell in results(RECORD)["fit"]]
    cells = results(REAL)["cells"]
    real = [cell["ratio"] for cell in cells if cell["method"] == "LinearContrastive"]
    rival = results(RECORD)["factor analysis"][0]
    return (
        f"A fit takes {span(ratios, 1)} times as long as PCA, on real tables "
        f"{span(real, 1)} times. It takes longer in {sum(ratio > 1 for ratio in ratios)} of "
        f"{len(ratios)} sizes of simulated data; on real tables the median is "
        f"{np.median(real):.1f}. Scaler+FA takes {rival['times ours']:.0f} times as long as ours "
        f"at {rival['n']} x {rival['d']}."
    )


def missed(name):
    """Cells above the allowed time, to be folded."""
    cells = results(name)["missed"]
    return {f"Above the allowed time: {len(cells)}": "".join(f"- {cell}\n" for cell in cells)}


def size(cell):
    """Shape, components, precision and signal."""
    single = ", float32" if cell["dtype"] == "float32" else ""
    signal = "" if cell["signal"].startswith("sd") else f", {cell['signal']}"
    return f"{cell['n']} x {cell['d']}, k = {cell['k']}{single}{signal}"


def fit():
    """Time of fit over PCA's, one line per size."""
    lines = []
    for cell in results(RECORD)["fit"]:
        gram = f"{cell[name]:.2f}" if (name := "default/X'X") in cell else ""
        ratio = f"{cell['default/PCA']:.2f}"
        lines.append([size(cell), f"{cell['PCA s']:.3f}", ratio, f"{cell['closed/PCA']:.2f}", gram])
    columns = ["PCA, seconds", "default / PCA", "closed form / PCA", "default / X'X"]
    return ["X and signal", *columns], lines


def real_fit():
    """Time of fit over PCA's on real tables, and what the default stop gives up."""
    lines = []
    for cell in results(REAL)["cells"]:
        method = "" if cell["method"] == "LinearContrastive" else f", {cell['method']}"
        given_up = ["", "", ""]
        if "median off, se" in cell:
            given_up = [
                f"{cell['median off, se']:.2f}",
                f"{cell['largest off, se']:.2f}",
                f"{cell['likelihood lost']:.1e}",
            ]
        lines.append(
            [
                f"{cell['data']}, {cell['n_components']}{method}",
                str(cell["found"]),
                f"{cell['PCA ms']:.1f}",
                f"{cell['ratio']:.2f}",
                f"{cell['allowed']:g}",
                *given_up,
            ]
        )
    columns = ["components", "PCA, ms", "fit / PCA", "allowed"]
    columns += ["off in the median, standard errors", "in the worst feature"]
    return ["X and n_components", *columns, "log-likelihood lost per sample"], lines


def transform_and_sparse():
    """Time of transform and of fits of a sparse matrix, over PCA's."""
    found = results(RECORD)
    lines = [
        [
            f"sparse {cell['n']} x {cell['d']}, fit",
            cell["method"],
            f"{cell['seconds']:.2f} s",
            f"{cell['ratio']:.2f}",
        ]
        for cell in found["sparse"]
    ]
    for cell in found["transform"]:
        operation = f"transform {cell['n']} x {cell['d']}, {cell['dtype']}"
        lines.append([operation, "default", f"{cell['ours ms']:.1f} ms", f"{cell['ratio']:.2f}"])
    return ["operation", "method", "time", "over PCA's"], lines


def supervised_fit():
    """Time of a fit with labels over that without."""
    columns = ["classes", "labelled", "without labels, ms", "with / without"]
    return ["X", *columns], [
        [
            f"{cell['n']} x {cell['d']}, k = {cell['k']}",
            str(cell["classes"]),
            f"{cell['labelled']:.0%}",
            f"{cell['without ms']:.1f}",
            f"{cell['ratio']:.2f}",
        ]
        for cell in results(LABELS)["fit"]
    ]


def missing_fit():
    """Time of a fit with a tenth of the entries missing."""
    return ["X", "complete, seconds", "missing / complete", "pairs only / complete"], [
        [
            f"{cell['n']} x {cell['d']}, k = {cell['k']}",
            f"{cell['complete s']:.3f}",
            f"{cell['missing/complete']:.2f}",
            f"{cell['pairs only/complete']:.2f}",
        ]
        for cell in results(MISSING)["fit"]
    ]


def imputer_time():
    """Seconds of IterativeImputer + PCA."""
    found = results(MISSING)["iterative+PCA"]
    return f"IterativeImputer + PCA took {found['seconds']:.1f} s at {found['n']} x {found['d']}."


def draw():
    """One row for each size."""
    cells = results(RECORD)["fit"]
    figure, (axes,) = panel(0.44 * len(cells) + 1.2)
    axes.axvline(1, color="black", linewidth=1)
    dots(
        axes,
        [size(cell) for cell in cells],
        {name: [cell[name] for cell in cells] for name in STYLES},
        styles=STYLES,
        labels=NAMES,
    )
    plain_log(axes, "x", (0.5, 1, 2, 5))
    axes.set_xlabel("time over that of PCA")
    legend(figure, axes, ncols=1)
    return figure
