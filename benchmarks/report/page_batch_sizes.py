"""Page: accuracy against the batch size at equal epochs, if it was measured."""

from .._common.tables import restructured
from .drawing import lines, panel
from .page import Page, Picture, Section
from .records import plus_minus_cell, read, records_of, results, span

RECORD = "images.batch_sizes"
MEASURES = {"probe": "linear probe", "kNN": "10-NN"}
STYLES = {"NT-Xent": ("#D55E00", "o"), "DCL": ("#0072B2", "v"), "SogCLR": ("#009E73", "P")}


def page():
    """Verdict, picture and tables of the batch sizes; None without a record."""
    if RECORD not in records_of("images", "batch_sizes"):
        return None
    settings, found = read(RECORD)["settings"], results(RECORD)
    return Page(
        "batch_sizes",
        "Losses and small batches",
        verdict(),
        (
            Picture(
                RECORD,
                "Accuracy of a linear probe against the batch size at equal epochs, for NT-Xent, "
                "DCL and SogCLR",
                draw,
            ),
        ),
        f"MNIST-5k at 14 x 14 pixels: {settings['images']} images without labels, "
        f"{found['epochs']} epochs of the narrow network at temperature 0.1; a linear probe with "
        f"{settings['labels']} labels, mean and standard error over the seeds. At equal epochs a "
        "smaller batch has fewer negatives and more steps. "
        ":doc:`/guide/image_settings` says what to choose.",
        (
            Section(
                "Tables",
                RECORD,
                folded={
                    title: restructured(*table(measure)) for measure, title in MEASURES.items()
                },
            ),
        ),
    )


def mean(loss, size, measure="probe"):
    """Mean of an accuracy over the seeds."""
    return results(RECORD)["averages"][loss][str(size)]["mean"][measure]


def verdict():
    """All losses with the smallest and with the largest batches."""
    smallest, *_, largest = results(RECORD)["batch sizes"]

    def all_losses(size):
        return ", ".join(f"{loss} {mean(loss, size):.3f}" for loss in STYLES)

    return (
        f"Probe in batches of {smallest}: {all_losses(smallest)}. In batches of {largest}, at "
        f"equal epochs: {all_losses(largest)}. The largest gain over NT-Xent at one batch size is "
        f"{largest_gain()}; standard errors are {errors()}."
    )


def largest_gain():
    """Loss, batch size and difference where another loss gains most."""
    gains = {
        (loss, size): mean(loss, size) - mean("NT-Xent", size)
        for loss in STYLES
        if loss != "NT-Xent"
        for size in results(RECORD)["batch sizes"]
    }
    (loss, size), gain = max(gains.items(), key=lambda item: item[1])
    return f"{gain:+.3f}, of {loss} in batches of {size}"


def errors():
    """Smallest and largest standard error of the probe."""
    of_losses = results(RECORD)["averages"].values()
    averages = [average for by_size in of_losses for average in by_size.values()]
    return span([average["standard_error"]["probe"] for average in averages], digits=3)


def table(measure):
    """Mean and standard error by batch size and loss."""
    averages = results(RECORD)["averages"]
    return ["batch", *STYLES], [
        [str(size), *(plus_minus_cell(averages[loss][str(size)], measure) for loss in STYLES)]
        for size in results(RECORD)["batch sizes"]
    ]


def draw():
    """One line for each loss."""
    sizes = results(RECORD)["batch sizes"]
    figure, (axes,) = panel()
    series = {loss: [mean(loss, size) for size in sizes] for loss in STYLES}
    names = [str(size) for size in sizes]
    lines(axes, list(range(len(sizes))), series, names=names, styles=STYLES)
    axes.set(xlabel="batch size", ylabel="accuracy, 500 labels")
    return figure
