"""Page: speed of training on images, and memory of the loss."""

from .._common.tables import restructured
from .drawing import lines, panel, plain_log
from .page import Page, Picture, Section
from .records import results, span

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
    over = {}
    for row in results(SPEED)["rows"]:
        over.setdefault((row["operation"], row["over"]), []).append(row["ratio"])
    steps, views = over["training step", "lightly"], over["augmentation", "kornia"]
    alone = over["training step", "encoder"]
    rows = results(MEMORY)["rows"]
    most = max(row["pairs"] for row in rows)
    peak = {row["loss of"]: row["peak MB"] for row in rows if row["pairs"] == most}
    return (
        f"A training step takes {span(steps)} times as long as with lightly. It takes "
        f"{span(alone)} times as long as the encoder alone, forward and backward. Augmentation "
        f"takes {span(views)} times as long as with kornia. The loss of {most} pairs needs "
        f"{peak['default']:.0f} MB instead of {peak['whole matrix']:.0f} MB."
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
            "" if row["target"] is None else f"{row['target']:.2f}",
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
