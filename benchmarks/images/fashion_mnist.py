"""Accuracy on Fashion-MNIST with few labels: raw pixels, linear methods, networks.

Every method is fitted to the 60,000 training images without labels. A standardised logistic
regression, its penalty chosen by cross-validation of the labelled images for all methods alike,
then has 100, 1000 or 5000 labels; kNN is the vote of the ten nearest of 5000 by cosine similarity.
All is scored on the 10,000 test images. A seed draws the labelled images and the network.

On a GPU it is ResNet-18, and all labels beside: with the penalty of C = 1, since a search would
take far longer than the training.
"""

import time
import warnings

import _above  # noqa: F401
from _figures import can_draw, save_curves
from _image_data import LabelledImages, fashion_mnist
from _methods import SECONDS, fitted, methods, score, summary
from _report import table
from _run import arguments_of, card_of, record
from _settings import N_LABELS, embedder, settings_of
from sklearn.exceptions import ConvergenceWarning

from sklearn_contrastive.evaluation import linear_probe


def quick_part(images):
    """The first images alone."""
    return LabelledImages(
        images.name,
        images.train[:2000],
        images.y_train[:2000],
        images.test[:500],
        images.y_test[:500],
    )


def with_all_labels(transformer, images):
    """Accuracy of the linear probe with the labels of all training images."""
    rows = transformer.transform(images.train), transformer.transform(images.test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return linear_probe(rows[0], images.y_train, rows[1], images.y_test)


def main():
    """Score all methods for each seed; print as it goes."""
    arguments = arguments_of("fashion_mnist", __doc__.splitlines()[0], encoder="", epochs=0)
    start = time.perf_counter()
    images = fashion_mnist()
    n_labels, changes = N_LABELS, {"verbose": 1}
    if arguments.quick:
        images, n_labels = quick_part(images), (100, 1000)
        changes |= {"max_epochs": 1}
    if arguments.encoder:
        changes["encoder"] = arguments.encoder
    if arguments.epochs:
        changes["max_epochs"] = arguments.epochs
    scores = {}
    for seed in range(arguments.seeds):
        network = embedder(arguments.device, seed, **changes)
        for name, method in methods(network, seed).items():
            transformer, seconds = fitted(method, images.train)
            entry = score(transformer, images, n_labels, seed)
            if card_of(arguments.device):
                entry["all"] = with_all_labels(transformer, images)
            scores.setdefault(name, []).append(entry | {SECONDS: seconds})
            line = summary(name, scores[name][-1:])
            print(f"seed {seed}:", *(f"{key} {cell}" for key, cell in line.items()), flush=True)
    print("\n" + table([summary(name, entries) for name, entries in scores.items()]))
    results = {"settings": settings_of(network), "scores": scores}
    record(arguments, results, time.perf_counter() - start)
    if can_draw():
        path = arguments.output.with_suffix(".png")
        save_curves(path, scores, n_labels, f"{images.name}, {len(images.train):,} unlabelled")


if __name__ == "__main__":
    main()
