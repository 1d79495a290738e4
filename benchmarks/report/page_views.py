"""Page: which augmentations for which images."""

import numpy as np

from .._common.tables import restructured
from .drawing import dots, legend, panel
from .page import Page, Picture, Section
from .records import read, results

RECORD = "images.views"
DEFAULT, PAPER = "default", "as in the paper, strength 1"
RIVALS = ("pixels", "PCA")
STYLES = {
    DEFAULT: ("#D55E00", "o"),
    PAPER: ("#009E73", "P"),
    "strength 0.5": ("#56B4E9", "v"),
    "crop_flip": ("#CC79A7", "D"),
    "pixels": ("#000000", "x"),
    "PCA": ("#999999", "s"),
}
SCORES = {"linear": "linear classifier", "kNN": "10-NN", "matching": "matching, top-1"}


def page():
    """Verdict, picture and tables of the augmentations."""
    return Page(
        "views",
        "Augmentations for images whose colour matters",
        verdict(),
        (
            Picture(
                RECORD,
                "Accuracy of a linear classifier on three sets: where the class is the colour, the "
                "default is far above all others; on emoji and shapes it is above pixels and PCA",
                draw,
            ),
        ),
        "Emoji of two vendors, 64 x 64, by their category; generated images of an object, 32 x 32, "
        "by its colour or its shape. The narrow network on a CPU, without labels; then a linear "
        "classifier with the labels of three quarters of the images. The settings were chosen on "
        "emoji of a third vendor and on other draws. ``default`` is "
        "``SimCLRAugmentation()``: strength 0.25, never grey.",
        (
            Section(
                "Tables",
                RECORD,
                text(),
                {SCORES[score]: restructured(*table(score)) for score in SCORES},
            ),
        ),
    )


def mean(name, title, score="linear"):
    """Mean of a score over the draws; None where the set has no such score."""
    values = [draw[title].get(score) for draw in results(RECORD)["scores"][name]]
    return None if None in values else float(np.mean(values))


def lead(name, title):
    """Linear accuracy above the better of pixels and PCA."""
    return mean(name, title) - max(mean(name, rival) for rival in RIVALS)


def verdict():
    """The default, the paper's and the chosen augmentation against pixels and PCA."""
    names = list(results(RECORD)["scores"])

    def leads(title):
        return ", ".join(f"{lead(name, title):+.3f}" for name in names)

    return (
        f"Default against the better of pixels and PCA: {leads(DEFAULT)}. The sets are "
        f"{', '.join(names)}. With the augmentation of the paper {leads(PAPER)}, with the one that "
        f"a hundred labels choose after a short training {leads('chosen')}. Matching of emoji: PCA "
        f"{mean('emoji', 'PCA', 'matching'):.3f}, default {mean('emoji', DEFAULT, 'matching'):.3f}."
    )


def text():
    """Which augmentation a short training chose, and which one was best."""
    found, parts = results(RECORD), []
    short = read(RECORD)["settings"]["short"]
    for name, draws in found["scores"].items():
        chosen = [draw["chosen"]["augmentation"] for draw in draws]
        best = [
            max(STYLES.keys() - RIVALS, key=lambda title: draw[title]["linear"]) for draw in draws
        ]
        loss = np.mean(
            [
                draw[title]["linear"] - draw["chosen"]["linear"]
                for draw, title in zip(draws, best, strict=True)
            ]
        )
        parts.append(f"{name}: {' and '.join(dict.fromkeys(chosen))}, {loss:.3f} below the best")
    return (
        f"The augmentation that is best after {short} epochs by a hundred labels, and what "
        f"the choice costs in accuracy after the long training: {'; '.join(parts)}."
    )


def table(score):
    """Mean of a score by representation and set."""
    sets = [name for name in results(RECORD)["scores"] if mean(name, DEFAULT, score) is not None]
    return ["representation", *sets], [
        [title, *(f"{mean(name, title, score):.3f}" for name in sets)]
        for title in (*STYLES, "chosen")
    ]


def draw():
    """Linear accuracy of each representation, a row for each set."""
    figure, (axes,) = panel(3.6)
    sets = list(results(RECORD)["scores"])
    series = {title: [mean(name, title) for name in sets] for title in STYLES}
    dots(axes, sets, series, styles=STYLES)
    axes.set_xlabel("accuracy of a linear classifier")
    legend(figure, axes)
    return figure
