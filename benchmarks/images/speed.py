"""Times of SimCLREmbedder over those of its encoder, of lightly and of kornia; all take turns.

A training step is augmentation, forward, head, loss, backward, optimiser and bookkeeping, through
the real trainer; the bare step is forward and backward of the same encoder on two views that were
made before, in the same precision. transform starts from uint8 on the CPU, the bare forward from
floats on the device. Ratios are medians over repetitions of the time over that beside it. lightly's
loop is that of its documentation. The images are noise, which takes as long as any others.
"""

import importlib.metadata
import importlib.util
import time
from dataclasses import dataclass

import _above  # noqa: F401
import numpy as np
import torch
from _bare import (
    bare_training,
    bare_transform,
    real_epoch,
    synchronised,
    synthetic_images,
)
from _report import table
from _run import arguments_of, card_of, record
from _settings import STRENGTH, TEMPERATURE, embedder, settings_of
from _timing import interleaved_times, median_ratio

from sklearn_contrastive.augmentation import SimCLRAugmentation

STEP, TRANSFORM, PEER = 1.15, 1.1, 1 / 0.97
EPOCH_SECONDS = 6
EPOCH_IMAGES, EPOCH_BATCH = 50_000, 512


@dataclass(frozen=True)
class Case:
    """An encoder, the images it is given, the size of a batch and how many of them are timed."""

    encoder: str
    side: int
    channels: int
    batch_size: int
    n_batches: int

    def images(self):
        """Images for these batches."""
        return synthetic_images(self.batch_size * self.n_batches, self.side, self.channels)

    def fitted(self, device, images):
        """The embedder after one epoch."""
        changes = {"encoder": self.encoder, "batch_size": self.batch_size, "max_epochs": 1}
        return embedder(device, 0, **changes).fit(images)


def cases(device, quick):
    """What is timed on a device: a CPU has small batches of the large network."""
    if quick:
        return [Case("resnet_narrow", 28, 1, 32, 2), Case("resnet18", 32, 3, 4, 1)]
    if card_of(device):
        return [Case("resnet_narrow", 28, 1, 512, 40), Case("resnet18", 32, 3, 512, 40)]
    return [Case("resnet_narrow", 28, 1, 256, 12), Case("resnet18", 32, 3, 64, 2)]


def compared(what, case, functions, device, repetitions, target):
    """A line of the table: the first of two functions over the second."""
    ours, reference = functions
    calls = {name: synchronised(function, device) for name, function in functions.items()}
    times = interleaved_times(calls, repetitions)
    n_images = case.batch_size * case.n_batches
    return {
        "what": what,
        "encoder": case.encoder,
        "images": f"{case.side}x{case.side}x{case.channels}",
        "batch": case.batch_size,
        "over": reference,
        "ratio": median_ratio(times, ours, reference),
        "target": target,
        "images/s": n_images / float(np.median(times[ours])),
        "images/s of the other": n_images / float(np.median(times[reference])),
    }


def against_the_encoder(case, device, repetitions):
    """Training steps and transform over the encoder alone."""
    images = case.images()
    fitted = case.fitted(device, images)
    steps = {"ours": real_epoch(fitted, images), "encoder": bare_training(fitted, images)}
    yield compared("training step", case, steps, device, repetitions, STEP)
    forwards = {
        "ours": lambda: fitted.transform(images),
        "encoder": bare_transform(fitted, images),
    }
    yield compared("transform", case, forwards, device, repetitions, TRANSFORM)


def against_lightly(case, device, repetitions):
    """Training steps over those of lightly's loop: same encoder, augmentations and batch."""
    from _lightly_loop import lightly_epoch

    images = case.images()
    fitted = case.fitted(device, images)
    functions = {
        "ours": real_epoch(fitted, images),
        "lightly": lightly_epoch(
            fitted.encoder_,
            fitted.net_.module_.width,
            images,
            batch_size=case.batch_size,
            temperature=TEMPERATURE,
            strength=STRENGTH,
            half=fitted.net_.half,
            device=device,
        ),
    }
    return compared("training step", case, functions, device, repetitions, PEER)


def against_kornia(batch_size, device, repetitions):
    """The augmentation over kornia's with the same parameters."""
    import kornia.augmentation as K

    size, jitter = 32, 0.8 * STRENGTH
    theirs = torch.nn.Sequential(
        K.RandomResizedCrop((size, size), scale=(0.2, 1.0)),
        K.RandomHorizontalFlip(),
        K.ColorJitter(jitter, jitter, jitter, 0.2 * STRENGTH, p=0.8),
        K.RandomGrayscale(p=0.2),
    )
    ours = SimCLRAugmentation(STRENGTH)
    batch = torch.from_numpy(synthetic_images(batch_size, size, 3)).permute(0, 3, 1, 2)
    batch = batch.to(device).float().div(255).contiguous()
    generator = torch.Generator(device).manual_seed(0)
    functions = {"ours": lambda: ours(batch, generator), "kornia": lambda: theirs(batch)}
    case = Case("", size, 3, batch_size, 1)
    return compared("augmentation", case, functions, device, repetitions, 1.0)


def epoch_seconds(device, n_images):
    """Seconds of each epoch after the first: colour images of 32 pixels, ResNet-18."""
    changes = {"encoder": "resnet18", "batch_size": EPOCH_BATCH, "max_epochs": 4}
    fitted = embedder(device, 0, **changes).fit(synthetic_images(n_images, 32, 3))
    return [entry["seconds"] for entry in fitted.history_[1:]]


def versions(*packages):
    """Versions of the rivals; None for those that are not there."""
    return {
        name: importlib.metadata.version(name) if importlib.util.find_spec(name) else None
        for name in packages
    }


def main():
    """Time everything that can be timed here."""
    arguments = arguments_of("speed", __doc__.splitlines()[0], seeds=5)
    start = time.perf_counter()
    device, repetitions = arguments.device, arguments.seeds
    rivals = versions("lightly", "kornia")
    rows, epochs = [], None
    for case in cases(device, arguments.quick):
        rows += against_the_encoder(case, device, repetitions)
        if rivals["lightly"]:
            # its documentation has colour images
            colour = Case(case.encoder, 32, 3, case.batch_size, case.n_batches)
            rows.append(against_lightly(colour, device, repetitions))
    if rivals["kornia"]:
        rows.append(against_kornia(32 if arguments.quick else 512, device, repetitions))
    print(table(rows))
    if card_of(device):
        epochs = epoch_seconds(device, 4096 if arguments.quick else EPOCH_IMAGES)
        print(f"\nAn epoch: {np.median(epochs):.2f} s (target {EPOCH_SECONDS})")
    results = {
        "rivals": rivals,
        "settings": settings_of(embedder(device, 0)),
        "rows": rows,
        "epoch_seconds": epochs,
    }
    record(arguments, results, time.perf_counter() - start)


if __name__ == "__main__":
    main()
