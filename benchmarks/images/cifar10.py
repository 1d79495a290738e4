"""Accuracy on CIFAR-10 of a ResNet-18 trained by the best public recipe of SimCLR.

`--data` names the folder of the public binary files, which this script does not download. The
recipe: batches of 512, SGD with momentum, rate 0.03 for 256 images and in proportion, weight decay
0.0005, cosine decay without warm-up, temperature 0.5, crops of at least 0.2 of the area, jitter
0.4, 0.4, 0.4 and 0.1, grey with probability 0.1, no blur, a head of 1024 and 128 units.

`--epochs` is the rung of the ladder: 100 by default; 200, 500 and 1000 have published accuracies
too, which the record has beside the measured ones. `--checkpoints` names a folder in which a long
training is saved every epoch; the same command resumes it.
"""

import time
import warnings
from pathlib import Path

from sklearn.exceptions import ConvergenceWarning
from torch import nn

from sklearn_contrastive.augmentation import SimCLRAugmentation
from sklearn_contrastive.deep import SimCLREmbedder
from sklearn_contrastive.evaluation import knn_accuracy, linear_probe

from ._cifar10_files import cifar10
from ._embedder import cpu_precision, parameters_of
from ._image_run import gpu_name, image_run
from ._representations import NEIGHBOURS, SECONDS, print_entry, summary

LINEAR, EPOCHS = "linear", 100
# published accuracies of ResNet-18 by the number of epochs: the recipe's, and lightly's after 200
LADDER = {
    100: {NEIGHBOURS: 0.832},
    200: {NEIGHBOURS: 0.848},
    500: {NEIGHBOURS: 0.903},
    1000: {NEIGHBOURS: 0.914, LINEAR: 0.919},
}
BATCH_SIZE, QUICK_IMAGES = 512, 100
_MAX_ITER = 300


def network(device, seed, **changes):
    """SimCLREmbedder with the settings of the recipe, and some changes."""
    on_gpu = gpu_name(device) is not None
    settings = {
        "encoder": "resnet18",
        "projection_head": nn.Sequential(nn.Linear(512, 1024), nn.ReLU(), nn.Linear(1024, 128)),
        "batch_size": BATCH_SIZE,
        "optimizer": "sgd",
        "learning_rate": "linear",
        "weight_decay": 5e-4,
        "warmup_epochs": 0,
        "temperature": 0.5,
        "augmentations": SimCLRAugmentation(0.5, crop_scale=(0.2, 1.0), blur=0.0, grayscale=0.1),
        "precision": "auto" if on_gpu else cpu_precision(),
        "device": device,
        "random_state": seed,
        "verbose": 1,
    }
    return SimCLREmbedder(**settings | changes)


def scores(model, images):
    """Accuracies on the test images with all labels, and seconds of the fit."""
    start = time.perf_counter()
    model.fit(images.train)
    seconds = time.perf_counter() - start
    data = model.transform(images.train), images.y_train, model.transform(images.test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        linear = linear_probe(*data, images.y_test, max_iter=_MAX_ITER)
    return {
        LINEAR: linear,
        NEIGHBOURS: knn_accuracy(*data, images.y_test),
        SECONDS: seconds,
        "epoch s": model.history_[-1]["seconds"],
    }


def quick_changes():
    """Settings of a quick run: a small encoder with the head that fits it."""
    return {"encoder": "resnet_narrow", "projection_head": "mlp", "batch_size": 32}


def main():
    """Train and score a network for each seed; the record is written after each one."""
    run = image_run(
        __spec__.name,
        __doc__.splitlines()[0],
        seeds=1,
        epochs=EPOCHS,
        data=Path("cifar-10-batches-bin"),
        checkpoints=Path(),
    )
    images, changes = cifar10(run.options.data), {"max_epochs": run.options.epochs}
    if run.quick:
        images = images.first(QUICK_IMAGES)
        changes = quick_changes() | {"max_epochs": 1}
    if run.options.checkpoints != Path():
        changes["checkpoint_dir"] = run.options.checkpoints
    entries = []
    published = {} if run.quick else LADDER.get(run.options.epochs, {})
    run.results = {"scores": {"SimCLREmbedder": entries}, "published": published}
    for seed in run.seeds:
        model = network(run.options.device, seed, **changes)
        run.settings["embedder"] = parameters_of(model) | {"checkpoint_dir": None}  # not the path
        entries.append(scores(model, images))
        print_entry(seed, "SimCLREmbedder", entries[-1])
        run.write()
    rows = [summary("SimCLREmbedder", entries)]
    if published:
        cells = {name: f"{accuracy:.3f}" for name, accuracy in published.items()}
        rows.append({"method": f"published, {run.options.epochs} epochs"} | cells)
    run.add_table("Accuracy with all labels", rows)
    run.save()


if __name__ == "__main__":
    main()
