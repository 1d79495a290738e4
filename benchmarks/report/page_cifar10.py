"""Page: accuracy on CIFAR-10, if it was measured."""

import numpy as np

from .._common.tables import restructured
from .drawing import panel
from .page import Page, Picture, Section
from .records import read, records_of, results

FOLDER, PREFIX, OURS = "images", "cifar10", "SimCLREmbedder"
COLUMNS = {"kNN": "10 neighbours", "linear": "linear probe"}


def page():
    """Verdict, picture and table of every machine; None without a record."""
    names = records_of(FOLDER, PREFIX)
    if not names:
        return None
    first = names[0]
    return Page(
        "cifar10",
        "CIFAR-10",
        f"kNN {mean(first, 'kNN'):.3f}, linear probe {mean(first, 'linear'):.3f}, after "
        f"{epochs(first)} epochs of a ResNet-18. An epoch takes {mean(first, 'epoch s'):.1f} s on "
        f"{machine(first)}.",
        (
            Picture(
                first,
                "Accuracy on the test images of CIFAR-10 by ten neighbours and by a linear probe, "
                "beside the published ones for as many epochs where there are any",
                lambda: draw(first),
            ),
        ),
        "50,000 images without labels; then all labels for a linear probe and for the ten nearest "
        "by cosine similarity; accuracy on the 10,000 test images. Batches of 512, SGD, "
        "temperature 0.5, crops, colour jitter and grey.",
        tuple(
            Section(machine(name), name, folded={"Accuracy": restructured(*table(name))})
            for name in names
        ),
    )


def mean(name, key):
    """Mean over seeds."""
    return float(np.mean([entry[key] for entry in results(name)["scores"][OURS]]))


def epochs(name):
    """Number of epochs."""
    return read(name)["settings"]["epochs"]


def machine(name):
    """Name of the GPU, or of the processor."""
    record = read(name)["machine"]
    return record["gpu"] or record["processor"]


def table(name):
    """Accuracies beside the published ones."""
    published = results(name)["published"]
    return ["accuracy", OURS, "published"], [
        [title, f"{mean(name, key):.3f}", f"{published[key]:.3f}" if key in published else ""]
        for key, title in COLUMNS.items()
    ]


def draw(name):
    """Two points for each accuracy: ours, and the published one."""
    figure, (axes,) = panel(2.6)
    published = results(name)["published"]
    for place, key in enumerate(COLUMNS):
        axes.plot(mean(name, key), place, "o", color="#D55E00", markersize=9)
        if key in published:
            axes.plot(published[key], place, "x", color="black", markersize=9)
    axes.set(xlabel="accuracy (cross: published)", ylim=(-0.5, len(COLUMNS) - 0.5))
    axes.set_yticks(range(len(COLUMNS)), COLUMNS.values())
    return figure
