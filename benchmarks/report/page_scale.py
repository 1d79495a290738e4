"""Page: data larger than memory, on Dask and in sparse chunks."""

from .._common.tables import restructured
from .drawing import lines, panel, plain_log
from .page import Page, Picture, Section
from .records import results

DASK, SPARSE = "scale.dask_cluster", "scale.sparse_chunks"
STYLES = {"all samples": ("#999999", "s"), "one worker": ("#D55E00", "o")}


def page():
    """Verdict, picture and tables of memory, time and equality."""
    return Page(
        "scale",
        "Data larger than memory",
        verdict(),
        (
            Picture(
                DASK,
                "Gigabytes of all samples and the peak of one worker: sixteen times as many "
                "samples leave the memory of a worker about the same",
                draw,
            ),
        ),
        "Two processes of one thread each draw the samples chunk by chunk and compute their "
        "moments; ``LinearContrastive`` is fitted to the sum. Peak memory is the resident memory "
        "of a process, libraries included. CPU seconds are without drawing. The load average of "
        "the two cores is beside the wall seconds.",
        (
            Section(
                "Dask",
                DASK,
                f"Chunks of {chunk_rows()} x {fits()[0]['d']} in float64.",
                {
                    "Fits on two workers": restructured(*dask_fits()),
                    "Difference from the fit in memory": restructured(*dask_equality()),
                },
            ),
            Section(
                "Sparse chunks",
                SPARSE,
                sparse_text(),
                {
                    "Fit of sparse chunks": restructured(*sparse_fit()),
                    "Difference from the fit in memory": restructured(*sparse_equality()),
                },
            ),
        ),
    )


def fits():
    """Fits on Dask, the smallest first."""
    return results(DASK)["fits"]


def chunk_rows():
    """Rows of a chunk on Dask."""
    return fits()[-1]["n"] // fits()[-1]["chunks"]


def verdict():
    """Memory of a worker, time of sparse rows, and the largest difference of scores."""
    largest, sparse = fits()[-1], results(SPARSE)["fit"]
    seconds = max(sparse["moments, CPU s"])
    difference = max(row["scores"] for name in (DASK, SPARSE) for row in results(name)["equality"])
    return (
        f"{largest['GB']:.0f} GB on two Dask workers: {largest['peak MB of a worker'] / 1000:.1f} "
        f"GB in each; {sparse['n'] / 1e6:.1f} million sparse rows: {seconds:.0f} s on each of two "
        "cores. Seconds are those of the CPU, for the moments alone. Whatever the chunks, scores "
        f"were those of the fit in memory to {difference:.0e} of their deviation."
    )


def dask_fits():
    """Time and memory of each fit on Dask."""
    titles = ["GB", "rows", "CPU s, both workers", "wall s", "load average"]
    return [*titles, "peak of a worker, MB", "peak of the client, MB"], [
        [
            f"{fit['GB']:.3g}",
            str(fit["n"]),
            f"{fit['fit, CPU s']:.0f}",
            f"{fit['wall s']:.0f}",
            f"{fit['load average']:.0f}",
            f"{fit['peak MB of a worker']:.0f}",
            f"{fit['peak MB of the client']:.0f}",
        ]
        for fit in fits()
    ]


def dask_equality():
    """Differences of covariance and scores on Dask."""
    return ["chunks", "covariance", "scores"], [
        [row["chunks"], f"{row['covariance']:.0e}", f"{row['scores']:.0e}"]
        for row in results(DASK)["equality"]
    ]


def sparse_text():
    """Sizes of the sparse samples."""
    fit = results(SPARSE)["fit"]
    return (
        f"{fit['n']} x {fit['d']} with {fit['density']:.1%} of the entries stored: "
        f"{fit['sparse GB']:.1f} GB, {fit['dense GB']:.1f} GB if they were dense."
    )


def sparse_fit():
    """Time and memory of the fit of sparse chunks."""
    fit = results(SPARSE)["fit"]

    def both(name, digits=0):
        return " and ".join(f"{value:.{digits}f}" for value in fit[name])

    return ["of", "value"], [
        ["moments, CPU s of each process", both("moments, CPU s")],
        ["moments, wall s of each process", both("moments, wall s")],
        ["sum of both and fit, CPU s", f"{fit['sum and fit, CPU s']:.1f}"],
        ["all with drawing, wall s", f"{fit['wall s']:.0f}"],
        ["load average", f"{fit['load average']:.0f}"],
        ["peak of each process, MB", both("peak MB of a process")],
        ["peak of the process that fits, MB", f"{fit['peak MB of the fit']:.0f}"],
    ]


def sparse_equality():
    """Differences of covariance and scores of sparse chunks."""
    return ["rows of a chunk", "covariance", "scores"], [
        [str(row["rows of a chunk"]), f"{row['covariance']:.0e}", f"{row['scores']:.0e}"]
        for row in results(SPARSE)["equality"]
    ]


def draw():
    """Peak memory of a worker against the size of the data."""
    figure, (axes,) = panel()
    plain_log(axes, "y", (0.3, 1, 3, 10, 30))
    axes.set(xlabel="GB of samples", ylabel="GB in memory")
    lines(
        axes,
        list(range(len(fits()))),
        {
            "all samples": [fit["GB"] for fit in fits()],
            "one worker": [fit["peak MB of a worker"] / 1000 for fit in fits()],
        },
        names=[f"{fit['GB']:.3g}" for fit in fits()],
        styles=STYLES,
    )
    return figure
