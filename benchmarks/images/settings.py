"""Which settings of SimCLR matter, in miniature: one is changed at a time, all else stays.

10,000 images of Fashion-MNIST and a narrow network on a CPU; a linear probe with 1000 labels, its
penalty chosen by cross-validation, and kNN of the same labels, on 5000 test images. Trainings are
short and differences of less than two standard errors are noise. Beside each group stands what the
paper found on ImageNet with ResNet-50 (Chen, Kornblith, Norouzi and Hinton 2020).
"""

import time
from dataclasses import dataclass, field

import _next_door  # noqa: F401, one thread for each of two processes
import numpy as np
from _image_data import LabelledImages, fashion_mnist
from _methods import NEIGHBOURS, SECONDS, Method, fitted, score
from _report import averaged, plus_minus, table
from _run import arguments_of, record
from _settings import STRENGTH, TEMPERATURE, embedder, settings_of
from joblib import Parallel, delayed

from sklearn_contrastive.augmentation import (
    ColorJitter,
    Compose,
    PatchMasking,
    RandomFlip,
    RandomResizedCrop,
    SimCLRAugmentation,
)

IMAGES, TEST_IMAGES, LABELS = 10_000, 5000, 1000
EPOCHS, BATCH_SIZE = 3, 256
AS_IS = "as it is"
PAPER = {
    "augmentation": "crop with colour beats every single one and every other pair; blur adds 1.3",
    "head": "one hidden layer is better than linear by 3, than none by more than 10",
    "output": "h is better than z by more than 10",
    "temperature": "0.05, 0.1, 0.5, 1: 59.7, 64.4, 60.7, 58.0",
    "batch": "256, 4096 at 100 epochs: 57.5, 64.6",
    "loss": "",
}


@dataclass(frozen=True)
class Variation:
    """One change of a setting: its group, its name there, and the parameters that make it."""

    group: str
    name: str
    changes: dict = field(default_factory=dict)


def variations():
    """Every change, one at a time; the first is none."""
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
        "loss": {name: {"loss": name} for name in ("decoupled", "spectral", "linear")},
    }
    made = [
        Variation(group, name, changes)
        for group, of_group in changed.items()
        for name, changes in of_group.items()
    ]
    return [Variation(AS_IS, AS_IS), *made]


def names_as_is():
    """What the unchanged settings are called in each group."""
    return {
        "augmentation": "crop, flip, jitter",
        "head": "mlp",
        "output": "h",
        "temperature": f"{TEMPERATURE:g}",
        "batch": str(BATCH_SIZE),
        "loss": "nt_xent",
    }


def scored(variation, images, epochs, seed):
    """(group, name) -> numbers; the unchanged settings also give the other outputs."""
    changes = {"batch_size": BATCH_SIZE, "max_epochs": epochs} | variation.changes
    network, seconds = fitted(Method(embedder("cpu", seed, **changes)), images.train)
    n_labels = (min(LABELS, len(images.train)),)
    outputs = {"h": "representation"}
    if variation.group == AS_IS:
        outputs |= {"middle": "middle", "z": "projection"}
    found = {}
    for name, output in outputs.items():
        entry = score(network.set_params(output=output), images, n_labels, seed)
        numbers = {"probe": entry[str(n_labels[0])], NEIGHBOURS: entry[NEIGHBOURS]}
        key = (variation.group, variation.name) if output == "representation" else ("output", name)
        found[key] = numbers | {SECONDS: seconds}
    return found


def grouped(draws):
    """Group -> name -> averages over seeds; every group has the unchanged settings as well."""
    averages = {key: averaged([draw[key] for draw in draws]) for key in draws[0]}
    groups = {group: {name: averages[AS_IS, AS_IS]} for group, name in names_as_is().items()}
    for (group, name), average in averages.items():
        if group != AS_IS:
            groups[group][name] = average
    return groups


def differences(draws, group, name):
    """Mean and standard error, seed by seed, of the probe's gain over the unchanged settings."""
    gains = [draw[group, name]["probe"] - draw[AS_IS, AS_IS]["probe"] for draw in draws]
    error = np.std(gains, ddof=1) / np.sqrt(len(gains))
    return f"{np.mean(gains):+.3f}±{error:.3f}"


def print_groups(groups, draws):
    """A table for each group and, below it, the paper's finding."""
    as_is = names_as_is()
    for group, averages in groups.items():
        rows = [
            {group: name}
            | plus_minus(average, ["probe", NEIGHBOURS])
            | {"gain": "" if name == as_is[group] else differences(draws, group, name)}
            for name, average in averages.items()
        ]
        print("\n" + table(rows))
        if PAPER[group]:
            print(f"The paper, on ImageNet: {PAPER[group]}.")


def main():
    """Train every variation for every seed, two at once."""
    arguments = arguments_of("settings", __doc__.splitlines()[0], quick_seeds=2, epochs=EPOCHS)
    start = time.perf_counter()
    images, n, n_test, epochs = fashion_mnist(), IMAGES, TEST_IMAGES, arguments.epochs
    if arguments.quick:
        n, n_test, epochs = BATCH_SIZE, 200, 1
    chosen = [each for each in variations() if each.changes.get("batch_size", 1) <= n]
    images = LabelledImages(
        images.name,
        images.train[:n],
        images.y_train[:n],
        images.test[:n_test],
        images.y_test[:n_test],
    )
    cases = [(variation, seed) for seed in range(arguments.seeds) for variation in chosen]
    found = Parallel(n_jobs=2, verbose=5)(
        delayed(scored)(variation, images, epochs, seed) for variation, seed in cases
    )
    draws = [{} for _ in range(arguments.seeds)]
    for (_, seed), entry in zip(cases, found, strict=True):
        draws[seed] |= entry
    groups = grouped(draws)
    print_groups(groups, draws)
    results = {
        "settings": settings_of(embedder("cpu", 0, batch_size=BATCH_SIZE, max_epochs=epochs)),
        "images": n,
        "groups": groups,
        "as_is": names_as_is(),
        "paper": PAPER,
    }
    record(arguments, results, time.perf_counter() - start)


if __name__ == "__main__":
    main()
