"""Page: images with few labels."""

import re

import numpy as np

from .._common.tables import restructured
from .drawing import lines, panel
from .page import Page, Picture, Section
from .records import against, beside, results

RECORD = "images.fashion_mnist"
OURS = "SimCLREmbedder"
# after a number of labels: the probe has rows of one length
ROWS = ", rows"
DRAWN = [OURS, "raw pixels", "PCA", "untrained encoder"]
LABELS = {"untrained encoder": "untrained"}


def page():
    """Verdict, picture and table of Fashion-MNIST."""
    return Page(
        "images",
        "Images with few labels",
        verdict(),
        (
            Picture(
                RECORD,
                "Accuracy on Fashion-MNIST against the number of labels: SimCLREmbedder is "
                "highest, raw pixels and PCA are level, and the untrained encoder is lowest",
                draw,
            ),
        ),
        "Fashion-MNIST: each method is fitted to 60,000 images without labels, a linear probe to "
        f"the given number of labels; accuracy on the 10,000 test images, {seeds()}. The "
        "narrow ResNet on a CPU. PCA and LinearContrastive have 128 components. The probe "
        "standardises columns, or centres them and gives rows one length (“rows”); in the picture "
        "and the first sentence ours has rows, and each rival the better of the two. kNN: ten "
        "nearest of 20,000 labelled images by cosine similarity, of centred rows, or rows "
        "whitened by PCA with 128 components.",
        (Section("Table", RECORD, folded={"Accuracy and time": restructured(*accuracy())}),),
    )


def seeds():
    """Number of seeds, in words."""
    n_seeds = len(results(RECORD)["scores"][OURS])
    return "one seed" if n_seeds == 1 else f"mean of {n_seeds} seeds"


def mean(name, key):
    """Mean over seeds."""
    return float(np.mean([entry[key] for entry in results(RECORD)["scores"][name]]))


def accuracy_of(name, n_labels):
    """Mean over seeds: ours with rows of one length, a rival with the better scaling."""
    rows = mean(name, n_labels + ROWS)
    return rows if name == OURS else max(rows, mean(name, n_labels))


def verdict():
    """Against raw pixels with few and many labels, and against PCA in kNN."""
    few, many = (
        {name: accuracy_of(name, n_labels) for name in (OURS, "raw pixels")}
        for n_labels in ("100", "5000")
    )
    near = {name: max(mean(name, "kNN"), mean(name, "kNN whitened")) for name in (OURS, "PCA")}
    word, numbers = against(near[OURS], near["PCA"])
    return (
        f"{OURS} with 100 labels: {beside(few, OURS, 'raw pixels')}, with 5000: "
        f"{beside(many, OURS, 'raw pixels')}. In kNN, whitened or not, it is {word} PCA {numbers}. "
        f"It trains for {mean(OURS, 'fit s') / 60:.0f} minutes on a CPU; {seeds()}."
    )


def accuracy():
    """Mean and standard deviation over seeds, one line per method."""
    scores = results(RECORD)["scores"]
    keys = list(scores[OURS][0])
    names = {key: re.sub(r"^(\d+)", r"\1 labels", key) for key in keys}
    return ["representation", *names.values()], [
        [name, *(mean_and_sd(entries, key) for key in keys)] for name, entries in scores.items()
    ]


def mean_and_sd(entries, key):
    """Mean and standard deviation over seeds; seconds without the latter."""
    values = [entry[key] for entry in entries]
    if key == "fit s":
        return f"{np.mean(values):.0f}"
    spread = f"±{np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


def draw():
    """Accuracy against the number of labels."""
    sizes = [key for key in results(RECORD)["scores"][OURS][0] if key.isdigit()]
    figure, (axes,) = panel()
    axes.set(xlabel="labels", ylabel="accuracy on test images")
    lines(
        axes,
        list(range(len(sizes))),
        {name: [accuracy_of(name, key) for key in sizes] for name in DRAWN},
        names=sizes,
        labels=LABELS,
    )
    return figure
