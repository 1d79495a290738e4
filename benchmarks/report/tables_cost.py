"""Tables of time and memory of the closed-form estimators."""

from .._common.tables import restructured
from .records import Section, results
from .sentences import speed_sentence


def sections():
    """Sections about time and memory."""
    return [
        Section(
            "Time of a fit",
            "linear.speed",
            restructured(*fit()) + speed_sentence() + "\n\n",
        ),
        Section(
            "Time of a fit of real tables",
            "linear.real_speed",
            "Fits of more than five seconds are timed once. The distances are those of the noise\n"
            "variances from a fit that goes on to 1e-8 of a standard error.\n\n"
            + restructured(*real_fit())
            + restructured(*chunks()),
        ),
        Section(
            "Time of transform and of sparse fits",
            "linear.speed",
            restructured(*transform_and_sparse_fit()),
        ),
        Section(
            "Time of a fit with labels",
            "linear.supervised_speed",
            restructured(*supervised_fit()),
        ),
        Section("Time of one more chunk", "linear.streaming", restructured(*streaming())),
        Section("Memory", "linear.memory", restructured(*memory())),
    ]


def above_target():
    """Cells of all time benchmarks whose ratio is above the allowed one."""
    names = ("speed", "real_speed", "missing_values_speed", "supervised_speed")
    return [cell for name in names for cell in results(f"linear.{name}")["missed"]]


def fit():
    """Time of fit over PCA's, one line per size."""
    lines = []
    for cell in results("linear.speed")["fit"]:
        size = f"{cell['n']} x {cell['d']}, k = {cell['k']}, {cell['dtype']}, {cell['signal']}"
        gram = f"{cell[name]:.2f}" if (name := "default/X'X") in cell else ""
        ratio = f"{cell['default/PCA']:.2f}"
        lines.append([size, f"{cell['PCA s']:.3f}", ratio, f"{cell['closed/PCA']:.2f}", gram])
    return [
        "X and signal",
        "PCA, seconds",
        "default / PCA",
        "closed form / PCA",
        "default / X'X",
    ], lines


def real_fit():
    """Time of fit over PCA's on real tables, and what the default stop gives up."""
    lines = []
    for cell in results("linear.real_speed")["cells"]:
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
    return [
        "X and n_components",
        "components",
        "PCA, ms",
        "fit / PCA",
        "allowed",
        "off in the median, standard errors",
        "in the worst feature",
        "log-likelihood lost per sample",
    ], lines


def chunks():
    """Milliseconds of partial_fit with one more chunk."""
    return ["one more chunk, rows", "d", "ms"], [
        [str(cell["rows"]), str(cell["d"]), f"{cell['ms']:.1f}"]
        for cell in results("linear.real_speed")["chunks"]
    ]


def transform_and_sparse_fit():
    """Time of transform and of fits of a sparse matrix, over PCA's."""
    found = results("linear.speed")
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
    lines = [
        [
            f"{cell['n']} x {cell['d']}, k = {cell['k']}",
            str(cell["classes"]),
            f"{cell['labelled']:.0%}",
            f"{cell['without ms']:.1f}",
            f"{cell['ratio']:.2f}",
        ]
        for cell in results("linear.supervised_speed")["fit"]
    ]
    return ["X", "classes", "labelled", "closed form without labels, ms", "with / without"], lines


def streaming():
    """Time of partial_fit for one more chunk."""
    lines = [
        [
            f"{cell['rows']} rows, d = {cell['d']}",
            *(f"{cell[f'{name} ms']:.1f}" for name in ("X'X", "IncrementalPCA", "ours")),
        ]
        for cell in results("linear.streaming")["chunk cost"]
    ]
    return ["chunk", "X'X of the chunk, ms", "IncrementalPCA, ms", "partial_fit, ms"], lines


def memory():
    """Peak memory above X."""
    lines = [
        [
            f"{cell['case']}, {cell['n']} x {cell['d']}, {cell['dtype']}",
            cell["fit"],
            f"{cell['X MB']:.0f}",
            f"{cell['peak MB']:.0f}",
        ]
        for cell in results("linear.memory")["rows"]
        if cell["fit"] in ("PCA", "default", "partial_fit")
    ]
    return ["X", "method", "X, MB", "peak above X, MB"], lines
