"""Fine-tuning with few labels against frozen representations, training from scratch and pixels.

SimCLREmbedder is trained on all training images without labels. With the labels of 1 % or 10 % of
them ContrastiveClassifier fine-tunes it; the frozen probe is a standardised logistic regression on
h, that of pixels on pixels, each with its penalty chosen by cross-validation of the labelled
images. From scratch the same network with random weights is trained on the labelled images alone,
with the same augmentation, for as many epochs, at each of two learning rates; its best
accuracy on the test images counts, an advantage for it. Fine-tuning from h is measured with 1 % of
the labels only. A seed draws the network and the labelled images, which all methods
share. All settings were chosen on training images of Fashion-MNIST that are not used here; MNIST-5k
was not used for any choice. Its digits are not mirrored.
"""

import warnings

import numpy as np
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import train_test_split

from sklearn_contrastive.augmentation import ColorJitter, Compose, RandomResizedCrop
from sklearn_contrastive.deep import ContrastiveClassifier
from sklearn_contrastive.evaluation import linear_probe
from sklearn_contrastive.evaluation._labels import stratified_order

from ._embedder import embedder, parameters_of
from ._image_data import fashion_mnist, mnist_5k
from ._image_run import image_run
from ._representations import as_rows, untrained

SHARES = (0.01, 0.1)
OURS, FROM_H, PROBE, SCRATCH, PIXELS = (
    "fine-tuned",
    "fine-tuned from h",
    "frozen probe",
    "from scratch",
    "pixels",
)
RATES = (2e-3, 1e-2)
SCRATCH_EPOCHS = 60
# passes of MNIST-5k, which has fewer images, by the passes of Fashion-MNIST
LONGER = 2
CALIBRATION_SHARE, N_BINS = 0.2, 15
DIGITS = Compose([RandomResizedCrop((0.2, 1.0)), ColorJitter(0.8, 0.8, 0.8, 0.0)])


def calibration_error(p, correct):
    """Mean over the samples of |accuracy - confidence| of their bin of confidence.

    Parameters
    ----------
    p : ndarray of shape (n_samples, n_classes)
        Probabilities; the largest one is the confidence.
    correct : ndarray of bool of shape (n_samples,)
        Whether the most probable class is right.

    References
    ----------
    .. [1] Guo, Pleiss, Sun and Weinberger (2017), "On Calibration of Modern Neural Networks",
       ICML, equation 3.
    """
    confidence = p.max(axis=1)
    bins = np.minimum((confidence * N_BINS).astype(int), N_BINS - 1)
    gaps = np.bincount(bins, correct, N_BINS) - np.bincount(bins, confidence, N_BINS)
    return float(np.abs(gaps).sum() / len(p))


def data_of(name, n_images):
    """Images of one set, and changes of the embedder's settings."""
    if name == "Fashion-MNIST":
        return fashion_mnist().first(n_images, None if n_images >= 10000 else n_images), {}
    images = mnist_5k()
    return images.first(min(n_images, len(images.train))), {"augmentations": DIGITS}


def fitted(model, images, labelled):
    """The classifier, fitted with the labels of some training images."""
    return clone(model).fit(images.train[labelled], images.y_train[labelled])


def calibrated(model, images, labelled, seed):
    """Probabilities for the test images: a fifth of the labels sets the temperature."""
    y = images.y_train[labelled]
    train, held_out = train_test_split(
        labelled, test_size=CALIBRATION_SHARE, stratify=y, random_state=seed
    )
    classifier = FrozenEstimator(fitted(model, _flat(images), train))
    flat = _flat(images)
    scaled = CalibratedClassifierCV(classifier, method="temperature", cv=2)
    return scaled.fit(flat.train[held_out], images.y_train[held_out]).predict_proba(flat.test)


def _flat(images):
    """The same images as rows, which all of scikit-learn accepts."""
    train, test = (each.reshape(len(each), -1) for each in (images.train, images.test))
    return type(images)(images.name, train, images.y_train, test, images.y_test)


def scores(name, n_images, epochs, device, seed):
    """Share of labels -> method -> accuracy, and the calibration errors."""
    images, changes = data_of(name, n_images)
    n_epochs = epochs if name == "Fashion-MNIST" else LONGER * epochs
    network = embedder(device, seed, max_epochs=n_epochs, verbose=0, **changes)
    trained = clone(network).fit(images.train)
    start = untrained(network).transformer.fit(images.train[:3200])
    h_test = trained.transform(images.test)
    order = stratified_order(images.y_train, np.random.RandomState(seed))
    found = {}
    for share in SHARES:
        labelled = np.sort(order[: round(share * len(order))])
        y, y_test = images.y_train[labelled], images.y_test
        model = ContrastiveClassifier(FrozenEstimator(trained), random_state=seed, verbose=0)
        rates = {
            rate: fitted(
                clone(model).set_params(
                    embedder=FrozenEstimator(start), learning_rate=rate, max_epochs=SCRATCH_EPOCHS
                ),
                images,
                labelled,
            ).score(images.test, y_test)
            for rate in RATES
        }
        ours = fitted(model, images, labelled)
        p = ours.predict_proba(images.test)
        right = ours.classes_[p.argmax(axis=1)] == y_test
        probes = {}
        for method, rows in (
            (PROBE, (trained.transform(images.train[labelled]), h_test)),
            (PIXELS, (as_rows(images.train[labelled]), as_rows(images.test))),
        ):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)
                probes[method] = linear_probe(rows[0], y, rows[1], y_test, C="auto")
        found[str(share)] = {
            "n_labels": len(labelled),
            "accuracy": {
                OURS: float(right.mean()),
                **probes,
                SCRATCH: max(rates.values()),
            },
            "from scratch": {str(rate): accuracy for rate, accuracy in rates.items()},
            "calibration error": calibration_error(p, right),
        }
        if share == min(SHARES):
            from_h = clone(model).set_params(from_layer="representation")
            accuracy = fitted(from_h, images, labelled).score(images.test, y_test)
            found[str(share)]["accuracy"][FROM_H] = accuracy
        if CALIBRATION_SHARE * len(labelled) >= 2 * len(np.unique(y)):
            p = calibrated(model, images, labelled, seed)
            right = np.unique(y)[p.argmax(axis=1)] == y_test
            found[str(share)]["with temperature"] = {
                "accuracy": float(right.mean()),
                "calibration error": calibration_error(p, right),
            }
        print(name, seed, found[str(share)], flush=True)
    return found


def main():
    """Score every method on both sets."""
    run = image_run(__spec__.name, __doc__.splitlines()[0], images=10000, epochs=10)
    size = (2000, 1) if run.quick else (run.options.images, run.options.epochs)
    model = embedder(run.options.device, 0, max_epochs=size[1])
    classifier = ContrastiveClassifier(model).get_params(deep=False)
    run.settings |= {
        "embedder": parameters_of(model),
        "classifier": {key: str(value) for key, value in classifier.items() if key != "embedder"},
        "rates from scratch": list(RATES),
        "epochs from scratch": SCRATCH_EPOCHS,
    }
    drawn = {"Fashion-MNIST": [], "MNIST-5k": []}
    run.results = {"sets": drawn}
    for seed in run.seeds:
        for name, draws in drawn.items():
            draws.append(scores(name, *size, run.options.device, seed))
        run.seeds = range(len(draws))  # a run that ends early leaves a record of so many
        run.write()
    for name, draws in drawn.items():
        for share in draws[0]:
            cells = [draw[share] for draw in draws]
            rows = [
                {
                    "method": method,
                    "accuracy": f"{np.mean([cell['accuracy'][method] for cell in cells]):.3f}",
                    "difference": f"{np.mean(gains):+.3f} ({min(gains):+.3f} to {max(gains):+.3f})",
                }
                for method in cells[0]["accuracy"]
                for gains in [[cell["accuracy"][method] - cell["accuracy"][OURS] for cell in cells]]
            ]
            run.add_table(f"{name}, {cells[0]['n_labels']} labels", rows)
    run.save()


if __name__ == "__main__":
    main()
