"""Labels in the training: Fashion-MNIST with all labels, with few, and with rare classes.

All labels: SupConEmbedder is trained on 60,000 images and labels, SimCLREmbedder on the images,
then a standardised logistic regression (linear probe) and the ten nearest neighbours have all
labels. Rivals are logistic regression on pixels, its penalty chosen on held-out training images,
and the same network, views, optimiser and epochs with cross-entropy: its own classifier, and the
probe and neighbours on its representations.

Few labels: 100 or 1000 of the 60,000 images have a label. SupConEmbedder is trained on all images,
in balanced batches, for fewer epochs; SimCLREmbedder without labels; cross-entropy on the labelled
images, until it has seen 200,000. The probe has the same labels, and its penalty is chosen by
cross-validation.

Rare classes: five classes have 2400 images, five have 60; mean recall of a probe with balanced
weights, by class_balanced.

Temperature and views were chosen on held-out training images of a smaller training. Scores are of
the 10,000 test images.
"""

import time
import warnings

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_contrastive.augmentation import (
    Compose,
    RandomFlip,
    RandomResizedCrop,
)
from sklearn_contrastive.deep import SupConEmbedder
from sklearn_contrastive.evaluation import knn_accuracy, linear_probe

from ._cross_entropy import CrossEntropyEmbedder
from ._embedder import CPU, GPU, cpu_precision, embedder, parameters_of
from ._image_data import fashion_mnist
from ._image_run import gpu_name, image_run
from ._representations import MAX_ITER, NEIGHBOURS, SECONDS, as_rows, print_entry, summary

EPOCHS, EPOCHS_WITH_FEW = 10, 4
N_LABELS = (100, 1000)
N_SEEN = 200_000  # images that cross-entropy sees with few labels
N_FREQUENT, N_RARE = 2400, 60
PENALTIES = (1e-3, 1e-2, 1e-1, 1.0)
N_SEARCH = 20_000  # training images for the penalty of pixels, half of them held out
PROBE, OWN = "linear probe", "own classifier"
OURS, BALANCED = "SupConEmbedder", "class_balanced"
VIEWS = Compose([RandomResizedCrop((0.4, 1.0)), RandomFlip()])
# where most images have no label: the views and the temperature of SimCLREmbedder
FEW = {"class_balanced": True, "temperature": 0.2, "augmentations": "simclr"}


def settings(device, seed, epochs):
    """Parameters of the networks that are trained with labels."""
    on_gpu = gpu_name(device) is not None
    return (GPU if on_gpu else CPU) | {
        "augmentations": VIEWS,
        "max_epochs": epochs,
        "precision": "auto" if on_gpu else cpu_precision(),
        "device": device,
        "random_state": seed,
        "verbose": 0,
    }


def cross_entropy(device, seed, epochs, **changes):
    """The rival, for ten classes."""
    head = {"projection_head": "linear", "projection_dim": 10}
    return CrossEntropyEmbedder(**settings(device, seed, epochs) | head | changes)


def fitted(model, *data):
    """A fitted model, and the seconds of the fit."""
    start = time.perf_counter()
    model.fit(*data)
    return model, time.perf_counter() - start


def own_accuracy(model, images):
    """Accuracy of a network's own classifier."""
    return float(np.mean(model.predict(images.test) == images.y_test))


def of_representations(transformer, X, y, images, C=1.0):
    """Accuracy of probe and neighbours with these labelled images."""
    data = transformer(X), y, transformer(images.test), images.y_test
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        probe = linear_probe(*data, C=C, max_iter=MAX_ITER)
    return {PROBE: probe, NEIGHBOURS: knn_accuracy(*data)}


def best_penalty(X, y, seed):
    """C of logistic regression on pixels, by held-out training images."""
    X, X_out, y, y_out = train_test_split(
        X, y, train_size=0.5, stratify=y, random_state=seed, shuffle=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        scores = [linear_probe(X, y, X_out, y_out, C=C, max_iter=MAX_ITER) for C in PENALTIES]
    return PENALTIES[int(np.argmax(scores))]


def with_all_labels(images, simclr, seed, device, epochs):
    """Method -> scores with the labels of all training images."""
    X, y = images.train, images.y_train
    n_search = min(N_SEARCH, len(X))
    C = best_penalty(as_rows(X[:n_search]), y[:n_search], seed)
    ours, seconds = fitted(SupConEmbedder(**settings(device, seed, epochs)), X, y)
    rival, seconds_of_rival = fitted(cross_entropy(device, seed, epochs), X, y)
    return {
        OURS: of_representations(ours.transform, X, y, images) | {SECONDS: seconds},
        "SimCLREmbedder": of_representations(simclr[0].transform, X, y, images)
        | {SECONDS: simclr[1]},
        "cross-entropy": of_representations(rival.transform, X, y, images)
        | {
            SECONDS: seconds_of_rival,
            OWN: own_accuracy(rival, images),
        },
        "raw pixels": of_representations(as_rows, X, y, images, C) | {"C": C},
    }


def with_few_labels(images, n_labels, simclr, seed, device, epochs):
    """Method -> scores with labels of some training images."""
    few, _ = train_test_split(
        np.arange(len(images.train)),
        train_size=n_labels,
        stratify=images.y_train,
        random_state=seed,
    )
    X, y = images.train[few], images.y_train[few]
    partly = np.full(len(images.train), -1)
    partly[few] = y
    ours = SupConEmbedder(**settings(device, seed, epochs) | FEW)
    ours, seconds = fitted(ours, images.train, partly)
    n_epochs = max(1, min(N_SEEN, epochs * len(images.train)) // n_labels)
    batch_size = min(n_labels, ours.batch_size)
    rival = cross_entropy(device, seed, n_epochs, batch_size=batch_size)
    rival, seconds_of_rival = fitted(rival, X, y)
    return {
        OURS: of_representations(ours.transform, X, y, images, "auto") | {SECONDS: seconds},
        "SimCLREmbedder": of_representations(simclr[0].transform, X, y, images, "auto")
        | {SECONDS: simclr[1]},
        "cross-entropy": of_representations(rival.transform, X, y, images, "auto")
        | {
            SECONDS: seconds_of_rival,
            OWN: own_accuracy(rival, images),
        },
        "raw pixels": of_representations(as_rows, X, y, images, "auto"),
    }


def with_rare_classes(images, n_frequent, n_rare, seed, device, epochs):
    """class_balanced -> mean recall of a probe, over all and over the rare classes."""
    rng, chosen = np.random.default_rng(seed), []
    for label in range(10):
        of_label = rng.permutation(np.flatnonzero(images.y_train == label))
        chosen.append(of_label[: n_rare if label > 4 else n_frequent])
    chosen = np.concatenate(chosen)
    X, y, found = images.train[chosen], images.y_train[chosen], {}
    for balanced in (False, True):
        model = SupConEmbedder(class_balanced=balanced, **settings(device, seed, epochs)).fit(X, y)
        probe = make_pipeline(
            StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=MAX_ITER)
        )
        probe.fit(model.transform(X), y)
        recalls = recall_score(
            images.y_test, probe.predict(model.transform(images.test)), average=None
        )
        found[f"{BALANCED}={balanced}"] = {
            "all classes": float(recalls.mean()),
            "rare classes": float(recalls[5:].mean()),
        }
    return found


def main():
    """Score all parts for each seed; the record is written after each seed."""
    run = image_run(
        __spec__.name,
        __doc__.splitlines()[0],
        seeds=2,
        epochs=EPOCHS,
        few_epochs=EPOCHS_WITH_FEW,
    )
    images, n_labels, device = fashion_mnist(), N_LABELS, run.options.device
    epochs, few_epochs = run.options.epochs, run.options.few_epochs
    sizes = N_FREQUENT, N_RARE
    if run.quick:
        images, n_labels, epochs, few_epochs = images.first(2000, 500), (100,), 1, 1
        sizes = 100, 10
    parts = {"all": {}, **{str(n): {} for n in n_labels}, "rare": {}}
    for seed in run.seeds:
        model = embedder(device, seed, max_epochs=epochs, verbose=0)
        simclr = fitted(model, images.train)
        found = {"all": with_all_labels(images, simclr, seed, device, epochs)}
        for n in n_labels:
            found[str(n)] = with_few_labels(images, n, simclr, seed, device, few_epochs)
        found["rare"] = with_rare_classes(images, *sizes, seed, device, epochs)
        for part, entries in found.items():
            for name, entry in entries.items():
                parts[part].setdefault(name, []).append(entry)
                print_entry(seed, f"{part}: {name}", entry)
        run.settings["embedder"] = parameters_of(SupConEmbedder(**settings(device, seed, epochs)))
        run.results = {"scores": parts}
        run.seeds = range(seed + 1)  # a run that ends early leaves a record of so many
        run.write()
    for part, entries in parts.items():
        run.add_table(part, [summary(name, each) for name, each in entries.items()])
    run.save()


if __name__ == "__main__":
    main()
