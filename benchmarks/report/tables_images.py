"""Tables of the benchmarks of images."""

import numpy as np

from .._common.tables import restructured
from .records import Section, plus_minus_cell, results

OURS = "SimCLREmbedder"
SETTINGS = "images.simclr_settings"


def sections():
    """Sections about images."""
    return [
        Section(
            "Images: accuracy with few labels",
            "images.fashion_mnist",
            restructured(*accuracy()),
        ),
        Section("Images: time", "images.simclr_speed", restructured(*speed())),
        Section("Images: memory of NT-Xent", "images.loss_memory", restructured(*loss_memory())),
        Section(
            "Images: one setting changed at a time",
            SETTINGS,
            "".join(map(setting_with_paper, results(SETTINGS)["paper"])),
        ),
    ]


def accuracy():
    """Accuracy on Fashion-MNIST: mean and standard deviation over seeds, one line per method."""
    scores = results("images.fashion_mnist")["scores"]
    keys = list(scores[OURS][0])
    names = {key: f"{key} labels" if key.isdigit() else key for key in keys}
    lines = [
        [name, *(mean_and_sd(entries, key) for key in keys)] for name, entries in scores.items()
    ]
    return ["representation", *(names[key] for key in keys)], lines


def speed():
    """Ratios of times, ours over the other's."""
    columns = ["operation", "encoder", "images", "batch", "over", "ratio", "target"]
    lines = [
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
        for row in results("images.simclr_speed")["rows"]
    ]
    return [*columns, "images per second"], lines


def loss_memory():
    """Memory and time of NT-Xent, forward and backward."""
    lines = [
        [str(row["pairs"]), row["loss of"], f"{row['peak MB']:.0f}", f"{row['seconds']:.2f}"]
        for row in results("images.loss_memory")["rows"]
    ]
    return ["pairs", "similarities", "peak MB", "seconds"], lines


def setting_with_paper(group):
    """Table of one setting, and the finding of the paper where it has one."""
    paper = results(SETTINGS)["paper"][group]
    return restructured(*settings(group)) + f"The paper, on ImageNet: {paper}.\n\n" * bool(paper)


def settings(group):
    """One setting changed, all others as in the baseline: probe and neighbours."""
    found = results(SETTINGS)
    lines = [
        [
            f"{name} (baseline)" if name == found["baseline"][group] else name,
            *(plus_minus_cell(average, key).replace(" ", "") for key in ("probe", "kNN")),
        ]
        for name, average in found["groups"][group].items()
    ]
    return [group, "probe, 1000 labels", "kNN"], lines


def mean_and_sd(entries, key):
    """Mean and standard deviation over seeds; seconds without the latter."""
    values = [entry[key] for entry in entries]
    if key == "fit s":
        return f"{np.mean(values):.0f}"
    spread = f"±{np.std(values, ddof=1):.3f}" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"
