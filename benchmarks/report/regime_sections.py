"""Pictures and sections of the benchmark of bad rows, bad cells and noisy rows."""

import numpy as np

from .._common.tables import restructured
from .drawing import dots, legend, panel, plain_log
from .page import Picture, Section
from .records import against, geometric_mean, missed_targets, plus_minus_cell, results, span

RECORD = "linear.noise_regimes"
OURS, BOTH, ORACLE, CLEAN = "LinearContrastive", "robust=True", "noise known", "clean"
ROBUST = ['robust="rows"', 'robust="cells"', BOTH]
FITS = [OURS, *ROBUST]
SETS = {"final": "final tables", "six": "six tables that a prototype was tuned on"}
BEST = "best rival"
STYLES = {OURS: ("#CC79A7", "D"), BOTH: ("#D55E00", "o"), BEST: ("#0072B2", "v")}
DRAWN = (BOTH, OURS, BEST)


def verdict():
    """Regimes and kinds of spoiling in which the robust fit is better than the best rival."""
    names, means = regimes(), results(RECORD)["tables"]["final"]["means"]
    over = [ratio(regime, BOTH) / ratio(regime, BEST) for regime in names]
    ahead = [
        spoilt
        for spoilt, mean in means.items()
        if against(mean[BOTH], best_accuracy(mean))[0] == "ahead of"
    ]
    shipped = means["as shipped"]
    return (
        f"{BOTH} is ahead of the best rival in {sum(each < 1 for each in over)} of {len(over)} "
        f"regimes, on real tables in {len(ahead)} of {len(means)}. The subspace error is "
        f"{span(over)} times that of the best of {len(rivals())} rivals. The accuracy on real "
        f"tables as shipped is {shipped[BOTH]:.3f}, that of the best rival "
        f"{best_accuracy(shipped):.3f}."
    )


def pictures():
    """Errors by regime, and accuracy by spoiling."""
    return (
        Picture(
            RECORD,
            "Subspace error over that of a fit that knows the noise, for each regime: of "
            "LinearContrastive, of robust=True and of the best rival",
            draw_regimes,
        ),
        Picture(
            RECORD,
            "Mean accuracy on real tables for each way to spoil them: of LinearContrastive, of "
            "robust=True and of the best rival",
            draw_tables,
            suffix="_tables",
        ),
    )


def conditions():
    """What the pictures show."""
    found = results(RECORD)["tables"]["final"]
    return (
        "Above: subspace error over that of a fit that knows the noise, or the bad rows or cells; "
        f"geometric mean over spiked models ({', '.join(shapes())}); 1 is the best. The best "
        "rival is chosen in each row. Gross entries are noise of ten standard deviations; swapped "
        "ones change places inside their column. The noise sds are log-normal over columns (log-sd "
        ".5 where nothing else is said) and rows.\n\n"
        f"Below: mean accuracy over {found['n_tables']} real tables on which no choice was made, "
        "spoilt in training and test rows alike."
    )


def sections():
    """Sections about spiked models, real tables, time and goals."""
    return (
        Section(
            "Spiked models",
            RECORD,
            folded={
                "Error over that with the noise known": restructured(*overview()),
                "Subspace error by shape": restructured(*subspace()),
                "Share of draws with the right number of components": restructured(*n_components()),
            },
        ),
        Section(
            "Spoilt real tables",
            RECORD,
            folded={
                f"Accuracy, mean over {found['n_tables']} {SETS[name]}": restructured(
                    *accuracy(found)
                )
                for name, found in results(RECORD)["tables"].items()
            }
            | {"As shipped: robust fit minus default": restructured(*decision())},
        ),
        Section(
            "Time and goals",
            RECORD,
            rivals_time(),
            {"Time and memory over the default's": restructured(*cost())} | missed_targets(RECORD),
        ),
    )


def regimes():
    """Names of the regimes, in order."""
    return list(dict.fromkeys(cell["regime"] for cell in results(RECORD)["regimes"]))


def shapes():
    """Sizes of the spiked models."""
    return list(dict.fromkeys(f"{cell['n']} x {cell['d']}" for cell in results(RECORD)["regimes"]))


def rivals():
    """Methods that are not ours and that run in every regime."""
    cells = results(RECORD)["regimes"]
    names = (name for name in cells[0]["mean"] if name not in (*FITS, ORACLE, CLEAN))
    return [name for name in names if all(name in cell["mean"] for cell in cells)]


def ratio(regime, method):
    """Error of a method, or of the best rival, over that with the noise known."""
    if method == BEST:
        return min(ratio(regime, name) for name in rivals())
    means = [cell["mean"] for cell in results(RECORD)["regimes"] if cell["regime"] == regime]
    return geometric_mean([mean[method] / mean[ORACLE] for mean in means])


def best_accuracy(mean):
    """Accuracy of the best rival of one kind of spoiling."""
    return max(value for name, value in mean.items() if name not in FITS)


def overview():
    """Error of each method over that with the noise known, by regime."""
    methods = [*rivals(), *FITS]
    return ["noise", *map(code, methods)], [
        [regime, *(f"{ratio(regime, name):.2f}" for name in methods)] for regime in regimes()
    ]


def subspace():
    """Subspace error of each fit, and of the best rival by name."""
    lines = []
    for cell in results(RECORD)["regimes"]:
        best = min(rivals(), key=cell["mean"].get)
        lines.append(
            [
                f"{cell['n']} x {cell['d']}, {cell['regime']}",
                f"{cell['mean'][best]:.3f} ({best})",
                *(plus_minus_cell(cell, name) for name in FITS),
                f"{cell['mean'][ORACLE]:.3f}",
            ]
        )
    return ["X", BEST, *map(code, FITS), ORACLE], lines


def n_components():
    """Share of draws with the right number, by regime."""
    cells, fits = results(RECORD)["regimes"], (*FITS, ORACLE)
    found = {
        regime: [cell["right"] for cell in cells if cell["regime"] == regime]
        for regime in regimes()
    }
    return ["regime", *map(code, fits)], [
        [regime, *(f"{np.mean([right[name] for right in rights]):.0%}" for name in fits)]
        for regime, rights in found.items()
    ]


def accuracy(found):
    """Mean accuracy over one set of tables, one line per kind of spoiling."""
    methods = list(next(iter(found["means"].values())))
    return ["spoilt", *map(code, methods)], [
        [spoilt, *(f"{mean[name]:.3f}" for name in methods)]
        for spoilt, mean in found["means"].items()
    ]


def decision():
    """What decides whether a robust fit is the default."""
    rows = results(RECORD)["tables"]["final"]["default"]
    columns = ["fit", "mean", "worst", "worst table", "tables below by more than .005", "time"]
    return columns, [
        [
            code(name),
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
    columns = [f"{code(name)}, {measure}" for measure in ("time", "memory") for name in ROBUST]
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
    text = ", ".join(
        f"{code(name)} {np.median([cell['time'][name] for cell in cells]):.1f}"
        for name in (*rivals(), *ROBUST)
    )
    return f"On the spiked models, median time over the default's: {text}."


def code(name):
    """Names with quotes as literals."""
    return f"``{name}``" if "=" in name else name


def draw_regimes():
    """One row for each regime."""
    figure, (axes,) = panel(0.27 * len(regimes()) + 1.5)
    axes.axvline(1, color="black", linewidth=1)
    dots(
        axes,
        regimes(),
        {name: [ratio(regime, name) for regime in regimes()] for name in DRAWN},
        styles=STYLES,
        above=False,
    )
    plain_log(axes, "x", (1, 2, 5, 10, 20))
    axes.set(xlabel="error / noise known", xlim=(0.8, None))
    legend(figure, axes, ncols=1)
    return figure


def draw_tables():
    """One row for each kind of spoiling."""
    means = results(RECORD)["tables"]["final"]["means"]
    figure, (axes,) = panel(0.5 * len(means) + 1.5)
    dots(
        axes,
        list(means),
        {
            name: [best_accuracy(mean) if name == BEST else mean[name] for mean in means.values()]
            for name in DRAWN
        },
        styles=STYLES,
    )
    axes.set_xlabel("accuracy, mean over tables")
    legend(figure, axes, ncols=1)
    return figure
