"""Page: speed of training on images, and memory of the loss."""

from .._common.tables import restructured
from .drawing import lines, panel, plain_log
from .page import Page, Picture, Section
from .records import results

SPEED, MEMORY = "images.simclr_speed", "images.loss_memory"
STYLES = {"whole matrix": ("#0072B2", "v"), "default": ("#D55E00", "o")}


def page():
    """Verdict, picture and tables of speed and memory."""
    return Page(
        "image_speed",
        "Speed and memory on images",
        verdict(),
        (
            Picture(
                MEMORY,
                "Peak memory of the loss against the pairs of a batch: that of the whole matrix "
                "of similarities grows with the square, that of the default hardly grows",
                draw,
            ),
        ),
        "Memory: NT-Xent forward and backward on a CPU, by the number of pairs in a batch. "
        "``default`` computes the similarities in chunks; ``one chunk`` is the same code with a "
        "single chunk. Speed: median ratio within one run, below 1 is faster than the other.",
        (
            Section("Speed", SPEED, folded={"Ratios of times": restructured(*speed())}),
            Section("Memory of NT-Xent", MEMORY, folded={"By pairs": restructured(*memory())}),
        ),
    )


def verdict():
    """Against other libraries, and against the whole matrix."""
    said = ", ".join(
        f"{row['ratio']:.2f} ({' '.join(filter(None, (row['operation'], row['encoder'])))}, "
        f"{row['over']})"
        for row in results(SPEED)["rows"]
        if row["over"] != "encoder"
    )
    most = max(row["pairs"] for row in results(MEMORY)["rows"])
    whole, ours = (
        next(
            row for row in results(MEMORY)["rows"] if (row["pairs"], row["loss of"]) == (most, way)
        )
        for way in STYLES
    )
    return (
        f"Time over that of other libraries: {said}; with {most} pairs the loss needs "
        f"{ours['peak MB']:.0f} MB instead of {whole['peak MB']:.0f} MB and "
        f"{ours['seconds'] / whole['seconds']:.2f} times the time."
    )


def speed():
    """Ratios of times, ours over the other's."""
    columns = ["operation", "encoder", "images", "batch", "over", "ratio", "target"]
    return [*columns, "images per second"], [
        [
            row["operation"],
            row["encoder"] or "none",
            row["images"],
            str(row["batch"]),
            row["over"],
            f"{row['ratio']:.2f}",
            f"{row['target']:.2f}",
            f"{row['images/s']:.0f}",
        ]
        for row in results(SPEED)["rows"]
    ]


def memory():
    """Memory and time of NT-Xent, forward and backward."""
    return ["pairs", "similarities", "peak MB", "seconds"], [
        [str(row["pairs"]), row["loss of"], f"{row['peak MB']:.0f}", f"{row['seconds']:.2f}"]
        for row in results(MEMORY)["rows"]
    ]


def draw():
    """Peak memory against the pairs of a batch."""
    rows = results(MEMORY)["rows"]
    pairs = list(dict.fromkeys(row["pairs"] for row in rows))
    figure, (axes,) = panel()
    plain_log(axes, "y", (10, 30, 100, 300, 1000))
    axes.set(xlabel="pairs in a batch", ylabel="peak memory, MB")
    lines(
        axes,
        list(range(len(pairs))),
        {name: [row["peak MB"] for row in rows if row["loss of"] == name] for name in STYLES},
        names=[str(n) for n in pairs],
        styles=STYLES,
    )
    return figure
