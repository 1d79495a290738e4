"""Page: contrastive and generative training of one encoder on images, if it was measured."""

import numpy as np

from .._common.tables import restructured
from .drawing import dots, legend, panel
from .page import Page, Picture, Section
from .records import read, records_of, results

RECORD = "images.generative"
SIMCLR, MASKED_VIEWS = "SimCLR", "SimCLR, masked views"
AUTOENCODER, MASKED = "autoencoder", "masked autoencoder"
LONGER = ", equal time"
CONTRASTIVE = (SIMCLR, MASKED_VIEWS)
GENERATIVE = (AUTOENCODER, MASKED, AUTOENCODER + LONGER, MASKED + LONGER)
WITHOUT = ("pixels", "PCA")
STYLES = {
    SIMCLR: ("#D55E00", "o"),
    MASKED_VIEWS: ("#E69F00", "P"),
    AUTOENCODER: ("#0072B2", "v"),
    MASKED: ("#56B4E9", "D"),
    "pixels": ("#000000", "x"),
    "PCA": ("#999999", "s"),
}
COLUMNS = {"100": "100 labels", "1000": "1000 labels", "5000": "5000 labels", "kNN": "10-NN"}
DRAWN = "1000"


def page():
    """Verdict, picture and tables; None without a record."""
    if RECORD not in records_of("images", "generative"):
        return None
    settings = read(RECORD)["settings"]
    return Page(
        "generative_images",
        "Contrastive and generative networks",
        verdict(),
        (
            Picture(
                RECORD,
                "Accuracy of a ridge classifier with 1000 labels on three sets of images, by the "
                "representations of contrastive and generative networks, pixels and PCA",
                draw,
            ),
        ),
        f"{settings['sizes'][0]} images without labels, or all there are; one narrow encoder; "
        f"{settings['epochs']} epochs, and for the autoencoders again as much processor time as "
        "SimCLR. The noise differs from pixel to pixel, with deviations of "
        f"{settings['noise'][0]:g} to {settings['noise'][1]:g} of white. SimCLR has crops and "
        "jitter, or masks as views. The mask rate of the masked autoencoder is the best of three "
        "on validation images of another draw. A ridge classifier has the labels; 5000 stands for "
        "all images where there are fewer. ± is the standard deviation over the seeds. These "
        "are short trainings of few images; longer ones may have another order.",
        tuple(
            Section(name, RECORD, text(name), {"Accuracy and time": restructured(*table(name))})
            for name in results(RECORD)["scores"]
        ),
    )


def mean(name, title, key=DRAWN):
    """Mean of a score over the seeds."""
    return float(np.mean([draw[title][key] for draw in results(RECORD)["scores"][name]]))


def best(name, titles, key=DRAWN):
    """The title of the highest mean score."""
    return max(titles, key=lambda title: mean(name, title, key))


def lead(name, key=DRAWN):
    """Score of the better contrastive training above that of the best generative one."""
    return mean(name, best(name, CONTRASTIVE, key), key) - mean(
        name, best(name, GENERATIVE, key), key
    )


def spread(name, key=DRAWN):
    """Standard deviation over the seeds of the difference of the two."""
    first, second = (best(name, titles, key) for titles in (CONTRASTIVE, GENERATIVE))
    draws = results(RECORD)["scores"][name]
    return float(np.std([draw[first][key] - draw[second][key] for draw in draws], ddof=1))


def verdict():
    """Contrastive against generative, and both against pixels and PCA, on each set."""
    names = list(results(RECORD)["scores"])
    leads = ", ".join(f"{lead(name):+.3f}" for name in names)
    winners = ", ".join(
        f"{best(name, STYLES)} on {name} ({mean(name, best(name, STYLES)):.3f})" for name in names
    )
    return (
        f"Contrastive minus generative, accuracy with 1000 labels: {leads}. "
        f"The sets are as shipped, with noise, and digits. The best of all: {winners}."
    )


def text(name):
    """The difference for each number of labels, the mask rate, and the longer training."""
    differences = ", ".join(
        f"{column} {lead(name, key):+.3f} ± {spread(name, key):.3f}"
        for key, column in COLUMNS.items()
    )
    masking = mean(name, MASKED) - mean(name, AUTOENCODER)
    epochs = [mean(name, title, "epochs") for title in (AUTOENCODER, AUTOENCODER + LONGER)]
    gain = mean(name, AUTOENCODER + LONGER) - mean(name, AUTOENCODER)
    longer = (
        "An epoch takes about as long as one of SimCLR, so equal time is as many epochs."
        if epochs[0] == epochs[1]
        else f"As much time as SimCLR, {epochs[1]:.0f} epochs, changes it by {gain:+.3f}."
    )
    return (
        "The better contrastive training minus the best generative one, ± the standard deviation "
        f"over the seeds: {differences}. Masks, at the rate {results(RECORD)['chosen'][name]:g}, "
        f"change the autoencoder by {masking:+.3f} with 1000 labels. {longer}"
    )


def table(name):
    """Mean and standard deviation over the seeds, one line for each representation."""
    draws = results(RECORD)["scores"][name]
    lines = []
    for title in draws[0]:
        cells = []
        for key in COLUMNS:
            values = [draw[title][key] for draw in draws]
            cells.append(f"{np.mean(values):.3f} ±{np.std(values, ddof=1):.3f}")
        costs = [
            f"{mean(name, title, key):.0f}" if key in draws[0][title] else ""
            for key in ("epochs", "s")
        ]
        lines.append([title, *cells, *costs])
    return ["representation", *COLUMNS.values(), "epochs", "CPU s"], lines


def draw():
    """Accuracy of each representation, a row for each set."""
    figure, (axes,) = panel(3.8)
    names = list(results(RECORD)["scores"])
    series = {title: [mean(name, title) for name in names] for title in STYLES}
    dots(axes, names, series, styles=STYLES)
    axes.set_xlabel("accuracy with 1000 labels")
    legend(figure, axes)
    return figure
