"""Contrastive and generative training of one encoder: SimCLR, autoencoder, masked autoencoder.

The comparison that the theory makes for linear maps, made for networks: the same encoder and
optimiser, as many epochs, and again as much time (processor time of one thread). The sets are
Fashion-MNIST as shipped; the same with strong noise that differs from pixel to pixel, fixed for
all images, as the theory has it; and MNIST-5k. SimCLR has the augmentations of the other
benchmarks, and those of the theory, complementary masks. The masked autoencoder has the rate that
is best on validation images, in a training that is not reported.

A ridge classifier, its penalty chosen by leave-one-out on the labelled images, has 100, 1000 or
5000 labels, or as many as there are; kNN is the vote of the ten nearest of all labelled images by
cosine similarity. A seed draws images, labels, noise and networks.
"""

import time
from dataclasses import dataclass

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import RidgeClassifierCV
from sklearn.model_selection import train_test_split

from sklearn_contrastive.augmentation import PatchMasking
from sklearn_contrastive.deep import AutoencoderEmbedder
from sklearn_contrastive.evaluation import knn_accuracy

from ._embedder import CPU, N_COMPONENTS, N_LABELS, cpu_precision, embedder, parameters_of
from ._image_data import fashion_mnist, mnist_5k
from ._image_run import image_run
from .views import PENALTIES

SETS = ("Fashion-MNIST", "Fashion-MNIST with noise", "MNIST-5k")
SIMCLR, MASKED_VIEWS = "SimCLR", "SimCLR, masked views"
AUTOENCODER, MASKED = "autoencoder", "masked autoencoder"
LONGER = ", equal time"
SETTINGS = {"batch_size": 128, "max_epochs": 5}
N_IMAGES, N_VALIDATION, N_TEST = 5000, 1000, 2000
RATES, PATCH = (0.25, 0.5, 0.75), 4
# draws of labels of each seed, where there are fewer than images
N_DRAWS = 3
# standard deviation of the noise of a pixel, in units of white: from the one to the other
NOISE = (0.05, 2.0)
# the noise is compressed into the range of images, which cuts off the rarest values
RANGE = 4.0
# seed of the choice of the mask rate
CHOICE = 1000


@dataclass(frozen=True, eq=False)
class Split:
    """Floats in [0, 1] of shape (n, 28, 28) with a label each."""

    train: np.ndarray
    y_train: np.ndarray
    test: np.ndarray
    y_test: np.ndarray


def split(name, seed, sizes, *, validation=False):
    """Random training and test images of a set; the test images are of training with validation."""
    n, n_validation, n_test = sizes
    images = mnist_5k() if name.startswith("MNIST") else fashion_mnist()
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(images.train))
    n = min(n, len(order) - n_validation)
    train, held_out = order[:n], order[n : n + n_validation]
    test = rng.permutation(len(images.test))[:n_test]
    parts = [images.train[train], images.y_train[train]]
    if validation:
        parts += [images.train[held_out], images.y_train[held_out]]
    else:
        parts += [images.test[test], images.y_test[test]]
    parts[::2] = [part / np.float32(255) for part in parts[::2]]
    if "noise" in name:
        deviations = np.exp(rng.uniform(*np.log(NOISE), parts[0].shape[1:]))
        parts[::2] = [noisy(part, deviations, rng) for part in parts[::2]]
    return Split(*parts)


def noisy(images, deviations, rng):
    """Images with noise of these deviations for each pixel, in [0, 1] by one map for all."""
    values = images + rng.normal(size=images.shape) * deviations
    return np.clip((values + RANGE) / (1 + 2 * RANGE), 0, 1).astype(np.float32)


def scores(rows, data, seed):
    """Accuracies on the test images by labels and neighbours, of a pair of representations."""
    train, test = rows
    found = {}
    for n_labels in N_LABELS:
        draws = N_DRAWS if n_labels < len(train) else 1
        accuracies = []
        for number in range(draws):
            few = np.arange(len(train))
            if draws > 1:
                state = 100 * seed + number
                few, _ = train_test_split(
                    few, train_size=n_labels, stratify=data.y_train, random_state=state
                )
            classifier = RidgeClassifierCV(PENALTIES).fit(train[few], data.y_train[few])
            accuracies.append(classifier.score(test, data.y_test))
        found[str(n_labels)] = float(np.mean(accuracies))
    return found | {"kNN": knn_accuracy(train, data.y_train, test, data.y_test)}


def in_one_unit(train, test):
    """Rows of both in the unit in which the mean square of the training rows is 1, centred."""
    both = np.concatenate([train, test])
    mean = train.mean(axis=0)
    scale = np.sqrt(np.mean((train - mean) ** 2))
    return np.split((both - mean) / scale, [len(train)])


def trained(model, data, seed):
    """Scores of a network, and the processor time of its fit."""
    start = time.process_time()
    model.fit(data.train)
    seconds = time.process_time() - start
    rows = in_one_unit(model.transform(data.train), model.transform(data.test))
    return scores(rows, data, seed) | {"s": seconds, "epochs": model.n_iter_}


def autoencoder(seed, epochs, **changes):
    """AutoencoderEmbedder with the encoder and the optimiser of SimCLREmbedder."""
    settings = CPU | SETTINGS | {"max_epochs": epochs, "precision": cpu_precision()}
    return AutoencoderEmbedder(
        **settings | changes, patch_size=PATCH, device="cpu", random_state=seed, verbose=0
    )


def chosen_rate(name, sizes, epochs, seed):
    """Mask rate -> accuracy on validation images with 1000 labels, and the best rate."""
    torch.set_num_threads(1)
    data = split(name, seed, sizes, validation=True)
    found = {
        rate: trained(autoencoder(seed, epochs, mask_rate=rate), data, seed)["1000"]
        for rate in RATES
    }
    return found, max(found, key=found.get)


def draw(name, sizes, epochs, rate, seed):
    """Method -> scores, of one set and seed."""
    torch.set_num_threads(1)
    data = split(name, seed, sizes)
    flat = [part.reshape(len(part), -1) for part in (data.train, data.test)]
    pca = PCA(N_COMPONENTS, random_state=seed).fit(flat[0])
    found = {
        "pixels": scores(in_one_unit(*flat), data, seed),
        "PCA": scores(in_one_unit(*map(pca.transform, flat)), data, seed),
    }
    settings = SETTINGS | {"max_epochs": epochs, "verbose": 0}
    for title, changes in {
        SIMCLR: {},
        MASKED_VIEWS: {"augmentations": PatchMasking(patch_size=PATCH, fill="mean")},
    }.items():
        found[title] = trained(embedder("cpu", seed, **settings | changes), data, seed)
    for title, mask_rate in {AUTOENCODER: 0.0, MASKED: rate}.items():
        same = trained(autoencoder(seed, epochs, mask_rate=mask_rate), data, seed)
        longer = round(epochs * found[SIMCLR]["s"] / same["s"])
        found[title] = found[title + LONGER] = same
        if longer != epochs:
            model = autoencoder(seed, longer, mask_rate=mask_rate)
            found[title + LONGER] = trained(model, data, seed)
    print(name, seed, {title: entry["1000"] for title, entry in found.items()}, flush=True)
    return found


def table(draws):
    """Mean and standard deviation over the seeds."""
    rows = []
    for title in draws[0]:
        row = {"representation": title}
        for key in draws[0][title]:
            values = [each[title][key] for each in draws]
            decimals = 0 if key in ("s", "epochs") else 3
            row[key] = f"{np.mean(values):.{decimals}f}"
            if len(values) > 1 and decimals:
                row[key] += f" ±{np.std(values, ddof=1):.3f}"
        rows.append(row)
    return rows


def main():
    """Choose a mask rate for each set, then score every method."""
    run = image_run(__spec__.name, __doc__.splitlines()[0], epochs=SETTINGS["max_epochs"])
    sizes = (600, 200, 200) if run.quick else (N_IMAGES, N_VALIDATION, N_TEST)
    epochs = 1 if run.quick else run.options.epochs
    choices = run.draws(chosen_rate, [(name, sizes, epochs) for name in SETS], [CHOICE])
    rates = {case[0]: outcome[0] for case, outcome in choices.items()}
    cases = [(name, sizes, epochs, rates[name][1]) for name in SETS]
    drawn = {case[0]: draws for case, draws in run.draws(draw, cases).items()}
    for name, draws in drawn.items():
        run.add_table(name, table(draws), f"mask rates on validation images: {rates[name][0]}")
    model = autoencoder(0, epochs)
    run.settings |= {"autoencoder": parameters_of(model), "sizes": sizes, "noise": NOISE}
    run.results = {
        "scores": drawn,
        "rates": {name: {str(r): score for r, score in rates[name][0].items()} for name in SETS},
        "chosen": {name: rates[name][1] for name in SETS},
    }
    run.save()


if __name__ == "__main__":
    main()
