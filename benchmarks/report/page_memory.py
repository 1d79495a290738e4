"""Page: memory of a fit, and streams."""

from .._common.tables import restructured
from .drawing import lines, panel, plain_log
from .page import Page, Picture, Section
from .records import results

RECORD, STREAM, REAL = "linear.memory", "linear.streaming", "linear.real_speed"
WAYS = ("fitted", "streamed")
NAMES = {"ours": "partial_fit", "IncrementalPCA": "IncrementalPCA", "X'X": "X'X alone"}
STYLES = {
    "ours": ("#D55E00", "o"),
    "IncrementalPCA": ("#999999", "s"),
    "X'X": ("#000000", "x"),
}


def page():
    """Verdict, picture and tables of memory and streams."""
    return Page(
        "memory",
        "Memory and streams",
        verdict(),
        (
            Picture(
                STREAM,
                "Time of one more chunk against its rows: partial_fit takes about the same for "
                "few and many rows, IncrementalPCA grows with the rows and is faster for few",
                draw,
            ),
        ),
        "One more chunk of the given number of rows, 500 features, ten components. ``partial_fit`` "
        "updates all attributes after each chunk, with the result of one fit to all rows; "
        "``X'X`` is the matrix product of the chunk alone.",
        (
            Section("Memory", RECORD, folded={"Peak memory": restructured(*memory())}),
            Section(
                "Streams",
                STREAM,
                folded={
                    "Time of one more chunk": restructured(*streaming()),
                    "Subspace error of a stream and of one fit": restructured(*loss()),
                },
            ),
            Section(
                "Chunks of the benchmark of real tables",
                REAL,
                folded={"Milliseconds of partial_fit": restructured(*chunks())},
            ),
        ),
    )


def verdict():
    """Chunks in which IncrementalPCA is faster, the result, and peak memory."""
    cells, weak = results(STREAM)["chunk cost"], results(STREAM)["loss"][0]
    slower = sum(cell["ours/IncrementalPCA"] > 1 for cell in cells)
    peak = {
        row["fit"]: row["peak MB"]
        for row in results(RECORD)["rows"]
        if (row["case"], row["dtype"]) == ("tall", "float64")
    }
    ours, rival = (
        " and ".join(f"{weak[f'{name}: error {way}']:.2f}" for way in reversed(WAYS))
        for name in ("LinearContrastive", "PCA")
    )
    return (
        f"Error of a stream and of one fit: {ours} (IncrementalPCA and PCA: {rival}). A chunk "
        f"takes longer than IncrementalPCA's in {slower} of {len(cells)} cases. Beside tall X a "
        f"fit needs {peak['default']:.0f} MB, PCA {peak['PCA']:.0f} MB."
    )


def memory():
    """Peak memory above X."""
    return ["X", "method", "X, MB", "peak above X, MB"], [
        [
            f"{row['case']}, {row['n']} x {row['d']}, {row['dtype']}",
            row["fit"],
            f"{row['X MB']:.0f}",
            f"{row['peak MB']:.0f}",
        ]
        for row in results(RECORD)["rows"]
        if row["fit"] in ("PCA", "default", "partial_fit")
    ]


def streaming():
    """Time of partial_fit for one more chunk."""
    names = ("X'X", "IncrementalPCA", "ours")
    return ["chunk", "X'X of the chunk, ms", "IncrementalPCA, ms", "partial_fit, ms"], [
        [
            f"{cell['rows']} rows, d = {cell['d']}",
            *(f"{cell[f'{name} ms']:.1f}" for name in names),
        ]
        for cell in results(STREAM)["chunk cost"]
    ]


def loss():
    """Errors after a stream, and after one fit."""
    kinds = [f"{name}: error {way}" for name in ("PCA", "LinearContrastive") for way in WAYS]
    return ["signal sd", *kinds], [
        [f"{row['signal sd']:g}", *(f"{row[kind]:.3f}" for kind in kinds)]
        for row in results(STREAM)["loss"]
    ]


def chunks():
    """Milliseconds of partial_fit with one more chunk."""
    return ["one more chunk, rows", "d", "ms"], [
        [str(cell["rows"]), str(cell["d"]), f"{cell['ms']:.1f}"] for cell in results(REAL)["chunks"]
    ]


def draw():
    """Time of one more chunk against its rows, at 500 features."""
    cells = [cell for cell in results(STREAM)["chunk cost"] if cell["d"] == 500]
    figure, (axes,) = panel()
    plain_log(axes, "y", (0.5, 1, 3, 10, 30, 100))
    axes.set(xlabel="rows of the chunk", ylabel="milliseconds")
    lines(
        axes,
        list(range(len(cells))),
        {name: [cell[f"{name} ms"] for cell in cells] for name in NAMES},
        names=[str(cell["rows"]) for cell in cells],
        styles=STYLES,
        labels=NAMES,
    )
    return figure
