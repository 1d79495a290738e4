"""Fine-tuning with few labels against frozen representations, training from scratch and pixels.

SimCLREmbedder is trained on all training images without labels. With the labels of 1 % or 10 % of
them ContrastiveClassifier fine-tunes it, and then trains it on all images (self-training). Parts
of it are measured too: fine-tuning alone, from the middle layer or from h. The frozen probe is
logistic regression on centred rows of h of one length, its penalty chosen by cross-validation of
the labelled images. scikit-learn's SelfTrainingClassifier trains the same on all images, with a
fixed penalty, and its VotingClassifier averages the probabilities of the probe and of the fine-
tuned network. Pixels have the same logistic regression, on scaled columns or rows. From scratch
the same network with random weights is trained on the labelled images alone, with the same
augmentation, for as many epochs: with AdamW at each of two learning rates, and with Muon at the
lower one, then with two views of each image in a step. Where a rival has several settings, its
best accuracy on the test images counts, an advantage for it. Fine-tuning from h is measured with 1
% of the labels only. A seed draws the network and the labelled images, which all methods share.
All settings were chosen on training images of Fashion-MNIST that are not used here and on scikit-
learn's digits; MNIST-5k was not used for any choice. Its digits are not mirrored.
"""

import warnings
from functools import partial

import numpy as np
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Normalizer, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier

from sklearn_contrastive.augmentation import ColorJitter, Compose, RandomResizedCrop
from sklearn_contrastive.deep import ContrastiveClassifier
from sklearn_contrastive.deep._fine_tuning.augmentation import fine_tuning_augmentation
from sklearn_contrastive.evaluation import linear_probe
from sklearn_contrastive.evaluation._labels import stratified_order
from sklearn_contrastive.evaluation._probes import AUTO_C

from ._cross_entropy import CrossEntropyEmbedder
from ._embedder import embedder, parameters_of
from ._image_data import fashion_mnist, mnist_5k
from ._image_run import image_run
from ._representations import as_rows, untrained

SHARES = (0.01, 0.1)
OURS, TUNED, FROM_H, BOTH, PROBE, TAUGHT_PROBE, SCRATCH, PIXELS = (
    "ContrastiveClassifier",
    "fine-tuned",
    "fine-tuned from h",
    "fine-tuned and frozen",
    "frozen probe",
    "frozen probe, self-training",
    "from scratch",
    "pixels",
)
RATES = (2e-3, 1e-2)
SCRATCH_EPOCHS = 60
# of the probe that trains itself: that of the guide for rows of length 1
PENALTY = 50
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
    """The classifier, fitted to some training images and their labels."""
    return clone(model).fit(images.train[labelled], images.y_train[labelled])


def fitted_to_all(model, images, labelled, left_out=()):
    """The classifier, fitted to all training images, of which some are labelled."""
    y = np.full(len(images.train), -1)
    y[labelled] = images.y_train[labelled]
    return clone(model).fit(*(np.delete(each, left_out, axis=0) for each in (images.train, y)))


def calibrated(model, images, labelled, seed):
    """Probabilities for the test images: a fifth of the labels sets the temperature."""
    y = images.y_train[labelled]
    train, held_out = train_test_split(
        labelled, test_size=CALIBRATION_SHARE, stratify=y, random_state=seed
    )
    flat = _flat(images)
    classifier = FrozenEstimator(fitted_to_all(model, flat, train, held_out))
    scaled = CalibratedClassifierCV(classifier, method="temperature", cv=2)
    return scaled.fit(flat.train[held_out], images.y_train[held_out]).predict_proba(flat.test)


def _flat(images):
    """The same images as rows, which all of scikit-learn accepts."""
    train, test = (each.reshape(len(each), -1) for each in (images.train, images.test))
    return type(images)(images.name, train, images.y_train, test, images.y_test)


def with_frozen(model, trained, y):
    """The frozen probe and the classifier, whose probabilities are averaged, for labels y."""
    penalties = np.array(AUTO_C) * len(trained.get_feature_names_out())
    folds = min(5, np.bincount(y)[np.unique(y)].min())
    probe = make_pipeline(
        *frozen_rows(trained),
        GridSearchCV(LogisticRegression(max_iter=1000), {"C": penalties}, cv=folds),
    )
    return VotingClassifier([(PROBE, probe), (TUNED, model)], voting="soft")


def self_trained_probe(trained):
    """The frozen probe as a teacher of itself."""
    probe = SelfTrainingClassifier(LogisticRegression(C=PENALTY, max_iter=1000))
    return make_pipeline(*frozen_rows(trained), probe)


def frozen_rows(trained):
    """Steps of a pipeline that give centred representations of length 1."""
    return FrozenEstimator(trained), StandardScaler(with_std=False), Normalizer()


def of_pixels(images, labelled):
    """The better accuracy of scaled columns and rows of pixels."""
    data = (
        as_rows(images.train[labelled]),
        images.y_train[labelled],
        as_rows(images.test),
        images.y_test,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return max(linear_probe(*data, C="auto", scaling=each) for each in ("columns", "rows"))


def from_scratch(start, model, images, labelled, seed):
    """Name of an optimiser and its rate -> accuracy of a network with random weights."""
    found = {}
    for rate in RATES:
        rival = clone(model).set_params(
            embedder=FrozenEstimator(start), learning_rate=rate, max_epochs=SCRATCH_EPOCHS
        )
        accuracy = fitted(rival, images, labelled).score(images.test, images.y_test)
        found[f"adamw {rate:g}"] = accuracy
    samples = start._read(images.train[:9], reset=False)
    rival = CrossEntropyEmbedder(
        **{name: getattr(start, name) for name in ("encoder", "device", "precision")},
        augmentations=fine_tuning_augmentation("auto", start, samples),
        projection_head="linear",
        projection_dim=len(np.unique(images.y_train)),
        learning_rate=min(RATES),
        batch_size=model.batch_size,
        max_epochs=SCRATCH_EPOCHS,
        random_state=seed,
        verbose=0,
    ).fit(images.train[labelled], images.y_train[labelled])
    found["muon"] = float(np.mean(rival.predict(images.test) == images.y_test))
    return found


def scores(n_images, epochs, device, name, seed):
    """Share of labels -> method -> accuracy, and the calibration errors."""
    images, changes = data_of(name, n_images)
    n_epochs = epochs if name == "Fashion-MNIST" else LONGER * epochs
    network = embedder(device, seed, max_epochs=n_epochs, verbose=0, **changes)
    trained = clone(network).fit(images.train)
    start = untrained(network).transformer.fit(images.train[:3200])
    order = stratified_order(images.y_train, np.random.RandomState(seed))
    found = {}
    for share in SHARES:
        labelled = np.sort(order[: round(share * len(order))])
        y, y_test = images.y_train[labelled], images.y_test
        model = ContrastiveClassifier(FrozenEstimator(trained), random_state=seed, verbose=0)
        both = fitted(with_frozen(model, trained, y), images, labelled)
        # VotingClassifier has fitted its parts to the numbers of the classes, which are the classes
        parts = both.named_estimators_
        taught_probe = fitted_to_all(self_trained_probe(trained), images, labelled)
        ours = fitted_to_all(model, images, labelled)
        p = ours.predict_proba(images.test)
        right = ours.classes_[p.argmax(axis=1)] == y_test
        scratch = from_scratch(start, model, images, labelled, seed)
        found[str(share)] = {
            "n_labels": len(labelled),
            "accuracy": {
                OURS: float(right.mean()),
                TUNED: parts[TUNED].score(images.test, y_test),
                BOTH: both.score(images.test, y_test),
                PROBE: parts[PROBE].score(images.test, y_test),
                TAUGHT_PROBE: taught_probe.score(images.test, y_test),
                PIXELS: of_pixels(images, labelled),
                SCRATCH: max(scratch.values()),
            },
            "from scratch": scratch,
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
    names = ("Fashion-MNIST", "MNIST-5k")
    outcomes = run.draws(partial(scores, *size, run.options.device), [(name,) for name in names])
    drawn = {name: outcomes[name,] for name in names}
    run.results = {"sets": drawn}
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
