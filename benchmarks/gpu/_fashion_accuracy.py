"""Accuracy on Fashion-MNIST after a training of fixed time."""

import time
import warnings

from sklearn.exceptions import ConvergenceWarning

from sklearn_contrastive.evaluation import knn_accuracy, linear_probe

from ..images._embedder import embedder, parameters_of
from ..images._image_data import digits, fashion_mnist
from ._gpu_sections import Goal, Skipped

SECONDS, LINEAR, NEIGHBOURS = 120, 0.92, 0.91
# a share of the time is left for epochs that are slower than the one that was timed
_USED = 0.97
# steps of the solver beyond which the accuracy does not change in three digits
_MAX_ITER = 300


def fashion_accuracy(setting, found):
    """Accuracy of a linear probe and of neighbours, all labels; the training is the first part."""
    images, seconds = data(setting)
    found["data"] = images.name
    model, epochs = timed_model(setting, images, seconds)
    found |= {"embedder": parameters_of(model), "epochs": epochs}
    start = time.perf_counter()
    model.fit(images.train)
    found |= {"fit s": time.perf_counter() - start, "loss": model.history_[-1]["loss"]}
    found["peak memory GB"] = setting.peak_memory()
    rows = model.transform(images.train), images.y_train, model.transform(images.test)
    found["kNN"] = knn_accuracy(*rows, images.y_test)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        found["linear"] = linear_probe(*rows, images.y_test, max_iter=_MAX_ITER)
    return [
        Goal("accuracy of the linear probe", found["linear"], LINEAR, at_most=False),
        Goal("accuracy of 10 neighbours", found["kNN"], NEIGHBOURS, at_most=False),
        Goal("seconds of the fit", found["fit s"], SECONDS),
    ]


def data(setting):
    """The images, and the seconds of the training."""
    if setting.quick:
        return digits().first(96), 0.0
    try:
        return fashion_mnist(), SECONDS
    except FileNotFoundError as error:
        raise Skipped(str(error)) from error


def timed_model(setting, images, seconds):
    """An embedder, and the number of its epochs that take this time on this device."""
    changes = {"encoder": "resnet_narrow", "batch_size": 32} if setting.quick else {}
    trial = embedder(setting.device, 0, max_epochs=2, verbose=0, **changes)
    start = time.perf_counter()
    records = trial.fit(images.train).history_
    # the first epoch of a process is slow; what is not an epoch is checks and the network
    epoch = records[1]["seconds"]
    around = time.perf_counter() - start - 2 * epoch
    epochs = max(1, int((_USED * seconds - around) / epoch))
    return trial.set_params(max_epochs=epochs), epochs
