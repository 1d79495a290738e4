"""Page: labels in the training of networks on images, if it was measured."""

import numpy as np

from .._common.tables import restructured
from .drawing import dots, legend, panel
from .page import Page, Picture, Section
from .records import read, records_of, results

FOLDER, NAME = "images", "supcon"
RECORD = f"{FOLDER}.{NAME}"
OURS, SIMCLR, ENTROPY, PIXELS = "SupConEmbedder", "SimCLREmbedder", "cross-entropy", "raw pixels"
PROBE, NEIGHBOURS, OWN = "linear probe", "kNN", "own classifier"
STYLES = {
    OURS: ("#D55E00", "o"),
    SIMCLR: ("#0072B2", "s"),
    ENTROPY: ("#009E73", "P"),
    PIXELS: ("#000000", "x"),
}


def page():
    """Verdict, picture and tables; None without a record."""
    if RECORD not in records_of(FOLDER, NAME):
        return None
    return Page(
        NAME,
        "Labels in the training of image networks",
        verdict(),
        (
            Picture(
                RECORD,
                "Accuracy on Fashion-MNIST of a linear probe on four representations, with all "
                "labels and with few",
                draw,
            ),
        ),
        "Fashion-MNIST, 60,000 training images, the narrow ResNet; accuracy on the 10,000 test "
        "images, mean of the seeds. All labels: each network is trained for "
        f"{read(RECORD)['settings']['epochs']} epochs, and a linear probe and the ten nearest "
        "neighbours have all labels. Few labels: SupConEmbedder sees all images and those labels "
        f"in balanced batches, for {read(RECORD)['settings']['few_epochs']} epochs, SimCLREmbedder "
        "the images alone, for as many epochs as with all labels, cross-entropy the labelled "
        "images alone; probe and neighbours have the same labels. Rare classes: five classes of "
        "2400 images and five of 60, recall of a probe with balanced weights.",
        (
            Section(
                "Tables",
                RECORD,
                folded={title(part): restructured(*table(part)) for part in scores()},
            ),
        ),
    )


def scores():
    """Part -> method -> entries of the seeds."""
    return results(RECORD)["scores"]


def mean(part, name, key=PROBE):
    """Mean over seeds; None where the method has no such score."""
    values = [entry.get(key) for entry in scores()[part][name]]
    return None if None in values else float(np.mean(values))


def few():
    """The parts with few labels."""
    return [part for part in scores() if part.isdigit()]


def title(part):
    """Name of a part for the reader."""
    return (
        f"{part} labels"
        if part.isdigit()
        else f"{part} labels"
        if part == "all"
        else "Rare classes"
    )


def verdict():
    """Ours against the rivals with all and with few labels, and balanced batches."""
    sentences = [
        f"With all labels a linear probe on {OURS} has {mean('all', OURS):.3f}, after "
        f"{mean('all', OURS, 'fit s') / 60:.0f} minutes. Cross-entropy: "
        f"{mean('all', ENTROPY, OWN):.3f}, its probe {mean('all', ENTROPY):.3f}; {SIMCLR} "
        f"{mean('all', SIMCLR):.3f}; pixels {mean('all', PIXELS):.3f}."
    ]
    for part in few():
        sentences.append(
            f"With {part} labels {mean(part, OURS):.3f}; {SIMCLR} {mean(part, SIMCLR):.3f}, "
            f"cross-entropy {mean(part, ENTROPY, OWN):.3f}."
        )
    plain, balanced = (
        mean("rare", f"class_balanced={each}", "rare classes") for each in (False, True)
    )
    sentences.append(f"Rare classes: balanced {balanced:.3f}, random {plain:.3f}.")
    return " ".join(sentences)


def table(part):
    """Mean of each score over seeds, one line per method."""
    entries = scores()[part]
    keys = list(dict.fromkeys(key for each in entries.values() for key in each[0] if key != "C"))
    return ["method", *keys], [
        [name, *(cell(mean(part, name, key), key) for key in keys)] for name in entries
    ]


def cell(value, key):
    """A number of a table."""
    return "" if value is None else f"{value:.0f}" if key == "fit s" else f"{value:.3f}"


def draw():
    """Accuracy of the probe, a row for each number of labels."""
    figure, (axes,) = panel(3.0)
    parts = ["all", *reversed(few())]
    series = {name: [mean(part, name) for part in parts] for name in STYLES}
    dots(axes, [title(part) for part in parts], series, styles=STYLES)
    axes.set_xlabel("accuracy of a linear probe on test images")
    legend(figure, axes)
    return figure
