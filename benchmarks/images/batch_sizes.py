"""Accuracy against the batch size, at equal epochs: NT-Xent, DCL and SogCLR.

4096 images of MNIST-5k, averaged to 14 x 14 pixels, and the narrow network on a CPU; a linear probe
with 500 labels, its penalty chosen by cross-validation, and kNN of the same labels, on the other
904 images. A batch of 1024 makes few steps in as many epochs: the batch size changes the number of
negatives and the number of steps at once, as it does in practice. The learning rate follows the
square root of the batch size.
"""

from functools import partial

import numpy as np

from sklearn_contrastive.augmentation import ColorJitter, Compose, RandomResizedCrop
from sklearn_contrastive.deep import SimCLREmbedder

from .._common.averages import averaged, plus_minus
from .._common.record import Run
from ._embedder import parameters_of
from ._image_data import LabelledImages, mnist_5k
from ._representations import NEIGHBOURS, Method, fitted, score

LOSSES = {"NT-Xent": "nt_xent", "DCL": "decoupled", "SogCLR": "sogclr"}
BATCH_SIZES = (32, 64, 256, 1024)
# where small batches are said to hurt most: at low temperatures
TEMPERATURE = 0.1
IMAGES, LABELS, EPOCHS = 4096, 500, 3


def small_mnist(n_images):
    """The first images of a fixed order for training, all others to test, at half the size."""
    given = mnist_5k()
    images = np.concatenate([given.train, given.test])
    labels = np.concatenate([given.y_train, given.y_test])
    order = np.random.default_rng(0).permutation(len(images))
    halved = images.reshape(-1, 14, 2, 14, 2).mean(axis=(2, 4)).round().astype(np.uint8)
    train, test = order[:n_images], order[IMAGES:]
    return LabelledImages("MNIST-5k", halved[train], labels[train], halved[test], labels[test])


def embedder(loss, batch_size, epochs, seed):
    """SimCLREmbedder for digits: no flips."""
    jitter = ColorJitter(0.4, 0.4, 0.0, 0.0)
    return SimCLREmbedder(
        "resnet_narrow",
        loss=LOSSES[loss],
        temperature=TEMPERATURE,
        augmentations=Compose([RandomResizedCrop((0.4, 1.0)), jitter]),
        batch_size=batch_size,
        max_epochs=epochs,
        device="cpu",
        precision="float32",
        random_state=seed,
        verbose=0,
    )


def scored(images, epochs, loss, batch_size, seed):
    """Accuracies of one training."""
    network, _ = fitted(Method(embedder(loss, batch_size, epochs, seed)), images.train)
    found = score(network, images, (min(LABELS, len(images.train)),), seed)
    *_, probe = (value for name, value in found.items() if name != NEIGHBOURS)
    return {"probe": probe, NEIGHBOURS: found[NEIGHBOURS]}


def main():
    """Train every loss with every batch size for every seed."""
    title = __doc__.splitlines()[0]
    run = Run(__spec__.name, title, seeds=2, quick_seeds=2, options={"epochs": EPOCHS})
    sizes, epochs, n_images = BATCH_SIZES, run.options.epochs, IMAGES
    if run.quick:
        sizes, epochs, n_images = (32, 64), 1, 128
    images = small_mnist(n_images)
    found = run.draws(
        partial(scored, images, epochs), [(loss, size) for size in sizes for loss in LOSSES]
    )
    averages = {loss: {str(size): averaged(found[loss, size]) for size in sizes} for loss in LOSSES}
    for measure in ("probe", NEIGHBOURS):
        rows = [
            {"batch": size}
            | {loss: plus_minus(averages[loss][str(size)], [measure])[measure] for loss in LOSSES}
            for size in sizes
        ]
        run.add_table(f"{measure} after {epochs} epochs", rows)
    run.settings |= {
        "embedder": parameters_of(embedder("NT-Xent", BATCH_SIZES[0], epochs, 0)),
        "images": n_images,
        "labels": LABELS,
    }
    run.results = {"averages": averages, "batch sizes": list(sizes), "epochs": epochs}
    run.save()


if __name__ == "__main__":
    main()
