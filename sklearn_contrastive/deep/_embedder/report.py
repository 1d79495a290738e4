"""What a training prints: nothing, a line for each epoch, or how long it will take."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import torch

from ..._sklearn_compat import has_progress_bar
from .._training.batches import Samples
from .._training.processes import Processes
from .._training.progress import TrainingProgress
from .._training.trainer import Trainer
from .run import Training

__all__ = ["epoch_printer", "progress_of", "reported_training"]

# images with a longer side are slow to train on without a GPU
_LARGE_SIDE = 64


def reported_training(
    estimator: Any,
    net: Trainer,
    samples: Samples,
    processes: Processes,
    on_step: Callable[[str], None],
    **options: Any,
) -> Training:
    """Training of an estimator that reports its epochs; only the first process prints.

    Parameters
    ----------
    estimator : estimator instance
        With `verbose`.
    net : Trainer
        Initialised.
    samples : Samples
        Training samples.
    processes : Processes
        Those that train.
    on_step : callable
        Takes the name of a finished step, for scikit-learn's callbacks.
    **options : dict
        Others of `Training`: its checkpoint, its evaluation.
    """
    is_first = processes.is_first
    print_epoch = epoch_printer(estimator.verbose if is_first else 0)

    def on_record(record):
        on_step("epoch")
        print_epoch(record)

    progress = progress_of(estimator, net, samples) if is_first else None
    return Training(
        net, samples, processes=processes, on_record=on_record, progress=progress, **options
    )


def epoch_printer(verbose: int | str) -> Callable[[Mapping[str, Any]], None]:
    """Function that prints the record of an epoch, or does nothing."""
    return (lambda record: None) if verbose == "auto" or not verbose else _print_line


def progress_of(estimator: Any, net: Trainer, samples: Samples) -> TrainingProgress | None:
    """Report of the time that a training takes; None if it is not wanted.

    Parameters
    ----------
    estimator : NetworkEmbedder
        Its `verbose` must be "auto", and scikit-learn's ProgressBar must not be set.
    net : Trainer
        Initialised.
    samples : Samples
        Training samples.

    Returns
    -------
    TrainingProgress or None
        The report.
    """
    if estimator.verbose != "auto" or has_progress_bar(estimator):
        return None
    on_cpu = torch.device(net.device).type == "cpu"
    encoder = net.module.encoder
    *_, height, width = 1, *samples.shape
    n_features = math.prod(samples.shape)
    of_pixels = samples.noun == "images"
    ways = ["a lower max_epochs"]
    if of_pixels and max(height, width) > _LARGE_SIDE:
        ways.insert(0, "smaller images")
    if on_cpu and of_pixels and encoder != "resnet_narrow":
        ways.insert(0, 'encoder="resnet_narrow"')
    if on_cpu:
        ways.append("a GPU")
    size = f"{height} x {width} pixels" if of_pixels else f"{n_features} features"
    epochs = "epoch" if net.max_epochs == 1 else "epochs"
    name = encoder if isinstance(encoder, str) else "your own"
    return TrainingProgress(
        type(estimator).__name__,
        f"{net.max_epochs} {epochs} of {len(samples)} {samples.noun} of {size}, encoder {name}, on "
        f"{'the CPU' if on_cpu else net.device}",
        f"To shorten it: {', '.join(ways[:-1])}{' or ' if ways[1:] else ''}{ways[-1]}. ",
    )


def _print_line(record):
    """Print a record as a line of text."""
    numbers = (f"{key} {value:.4g}" for key, value in record.items() if key != "epoch")
    print(f"epoch {record['epoch']}: " + ", ".join(numbers), flush=True)
