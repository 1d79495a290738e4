"""Accuracy of SimCLR with one setting changed at a time, in miniature.

10,000 images of Fashion-MNIST and a narrow network on a CPU; a linear probe with 1000 labels, its
penalty chosen by cross-validation, and kNN of the same labels, on 5000 test images. Trainings are
short and differences of less than two standard errors are noise. Each group has the finding of the
paper on ImageNet with ResNet-50 (Chen, Kornblith, Norouzi and Hinton 2020) beside it.
"""

from dataclasses import dataclass, field
from functools import partial

import numpy as np

from sklearn_contrastive.augmentation import (
    ColorJitter,
    Compose,
    PatchMasking,
    RandomFlip,
    RandomResizedCrop,
    SimCLRAugmentation,
)

from .._common.averages import averaged, plus_minus
from ._embedder import embedder, parameters_of
from ._image_data import LabelledImages, fashion_mnist
from ._image_run import image_run
from ._representations import NEIGHBOURS, SECONDS, Method, fitted, score

IMAGES, TEST_IMAGES, LABELS = 10_000, 5000, 1000
EPOCHS, BATCH_SIZE = 2, 256
# the defaults for grey images
STRENGTH, TEMPERATURE = 1.0, 0.2
BASELINE = "baseline"
WITHOUT_NEGATIVES = ("vicreg", "barlow_twins", "sigreg")
PAPER = {
    "augmentation": "crop with colour beats every single one and every other pair; blur adds 1.3",
    "head": "one hidden layer is better than linear by 3, than none by more than 10",
    "output": "h is better than z by more than 10",
    "temperature": "0.05, 0.1, 0.5, 1: 59.7, 64.4, 60.7, 58.0",
    "batch": "256, 4096 at 100 epochs: 57.5, 64.6",
    "optimiser": "",
    "loss": "",
}


@dataclass(frozen=True)
class Variation:
    """One change of a setting: its group, its name there, and the parameters that make it."""

    group: str
    name: str
    changes: dict = field(default_factory=dict)


def variations():
    """The baseline, and every change, one at a time."""
    jitter = ColorJitter(*[0.8 * STRENGTH] * 3, 0.2 * STRENGTH)
    crop = RandomResizedCrop((0.2, 1.0))
    augmentations = {
        "none": "none",
        "crop": crop,
        "jitter": jitter,
        "crop, flip": Compose([crop, RandomFlip()]),
        "crop, jitter": Compose([crop, jitter]),
        "crop, flip, jitter, blur": SimCLRAugmentation(STRENGTH, blur=0.5),
        "masked patches": PatchMasking(),
    }
    changed = {
        "augmentation": {name: {"augmentations": made} for name, made in augmentations.items()},
        "head": {name: {"projection_head": name} for name in ("none", "linear", "mlp3")},
        "temperature": {f"{t:g}": {"temperature": t} for t in (0.05, 0.1, 0.5, 1.0)},
        "batch": {str(size): {"batch_size": size} for size in (64, 1024)},
        "optimiser": {name: {"optimizer": name} for name in ("adamw", "sgd", "lars")},
        "loss": {name: {"loss": name} for name in ("decoupled", "spectral", "linear")}
        | {name: {"loss": name, "projection_dim": 512} for name in WITHOUT_NEGATIVES},
    }
    made = [
        Variation(group, name, changes)
        for group, of_group in changed.items()
        for name, changes in of_group.items()
    ]
    return [Variation(BASELINE, BASELINE), *made]


def baseline_names():
    """Name of the baseline in each group."""
    return {
        "augmentation": "crop, flip, jitter",
        "head": "mlp",
        "output": "h",
        "temperature": f"{TEMPERATURE:g}",
        "batch": str(BATCH_SIZE),
        "optimiser": "muon",
        "loss": "nt_xent",
    }


def scored(images, epochs, group, name, seed):
    """(group, name) -> numbers; the baseline also gives the other outputs."""
    variation = next(v for v in variations() if (v.group, v.name) == (group, name))
    changes = {"batch_size": BATCH_SIZE, "max_epochs": epochs} | variation.changes
    network, seconds = fitted(Method(embedder("cpu", seed, **changes)), images.train)
    n_labels = (min(LABELS, len(images.train)),)
    outputs = {"h": "representation"}
    if group == BASELINE:
        outputs |= {"middle": "middle", "z": "projection"}
    found = {}
    for layer, output in outputs.items():
        entry = score(network.set_params(output=output), images, n_labels, seed)
        numbers = {"probe": entry[str(n_labels[0])], NEIGHBOURS: entry[NEIGHBOURS]}
        key = (group, name) if output == "representation" else ("output", layer)
        found[key] = numbers | {SECONDS: seconds}
    return found


def grouped(draws):
    """Group -> name -> averages over seeds; every group has the baseline as well."""
    averages = {key: averaged([draw[key] for draw in draws]) for key in draws[0]}
    groups = {
        group: {name: averages[BASELINE, BASELINE]} for group, name in baseline_names().items()
    }
    for (group, name), average in averages.items():
        if group != BASELINE:
            groups[group][name] = average
    return groups


def differences(draws, group, name):
    """Mean and standard error, seed by seed, of the probe's gain over the baseline."""
    gains = [draw[group, name]["probe"] - draw[BASELINE, BASELINE]["probe"] for draw in draws]
    error = np.std(gains, ddof=1) / np.sqrt(len(gains))
    return f"{np.mean(gains):+.3f}±{error:.3f}"


def print_groups(run, groups, draws):
    """A table for each group and, below it, the paper's finding."""
    baseline = baseline_names()
    for group, averages in groups.items():
        rows = [
            {group: name}
            | plus_minus(average, ["probe", NEIGHBOURS])
            | {"gain": "" if name == baseline[group] else differences(draws, group, name)}
            for name, average in averages.items()
        ]
        note = f"The paper, on ImageNet: {PAPER[group]}." if PAPER[group] else ""
        run.add_table(group, rows, note)


def main():
    """Train every variation for every seed, two at once."""
    title = __doc__.splitlines()[0]
    run = image_run(__spec__.name, title, quick_seeds=2, epochs=EPOCHS)
    images, n, n_test, epochs = fashion_mnist(), IMAGES, TEST_IMAGES, run.options.epochs
    if run.quick:
        n, n_test, epochs = BATCH_SIZE, 200, 1
    chosen = [(v.group, v.name) for v in variations() if v.changes.get("batch_size", 1) <= n]
    images = LabelledImages(
        images.name,
        images.train[:n],
        images.y_train[:n],
        images.test[:n_test],
        images.y_test[:n_test],
    )
    found = run.draws(partial(scored, images, epochs), chosen)
    draws = [{} for _ in run.seeds]
    for outcomes in found.values():
        for draw, outcome in zip(draws, outcomes, strict=True):
            draw |= outcome
    groups = grouped(draws)
    print_groups(run, groups, draws)
    network = embedder("cpu", 0, batch_size=BATCH_SIZE, max_epochs=epochs)
    run.settings |= {"embedder": parameters_of(network), "images": n}
    run.results = {"groups": groups, "baseline": baseline_names(), "paper": PAPER}
    run.save()


if __name__ == "__main__":
    main()
