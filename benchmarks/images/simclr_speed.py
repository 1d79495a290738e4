"""Times of SimCLREmbedder over those of its encoder, of lightly and of kornia.

The calls are interleaved; ratios are medians over repetitions.

A training step is augmentation, forward, head, loss, backward, optimiser and bookkeeping, by the
trainer itself. The step of the encoder alone is its forward and backward on two prepared views, in
the same precision. transform starts from uint8 on the CPU, the forward of the encoder alone from
floats on the device. The loop of lightly is that of its documentation. The images are noise, which
takes as long as any other images.
"""

import importlib.util
from dataclasses import dataclass

import numpy as np
import torch

from sklearn_contrastive.augmentation import SimCLRAugmentation

from .._common.timing import interleaved_times, median_ratio
from ._embedder import embedder, parameters_of
from ._encoder_only import (
    encoder_training,
    encoder_transform,
    real_epoch,
    synchronised,
    synthetic_images,
)
from ._image_run import gpu_name, image_run

STEP, TRANSFORM, PEER = 1.15, 1.1, 1 / 0.97
EPOCH_SECONDS = 6
EPOCH_IMAGES, EPOCH_BATCH = 50_000, 512
# the same for all programs
STRENGTH, TEMPERATURE = 0.5, 0.2
COMMON = {"augmentations": SimCLRAugmentation(STRENGTH), "temperature": TEMPERATURE}


@dataclass(frozen=True)
class Case:
    """An encoder, the shape of its images, the size of a batch and the number of batches."""

    encoder: str
    side: int
    channels: int
    batch_size: int
    n_batches: int

    def images(self):
        """Images for these batches."""
        return synthetic_images(self.batch_size * self.n_batches, self.side, self.channels)

    def fitted(self, device, images, **changes):
        """The embedder after one epoch."""
        settings = {"encoder": self.encoder, "batch_size": self.batch_size, "max_epochs": 1}
        return embedder(device, 0, **COMMON | settings | changes).fit(images)


def cases(device, quick):
    """Cases of a device: on a CPU, small batches for the large network."""
    if quick:
        return [Case("resnet_narrow", 28, 1, 32, 2), Case("resnet18", 32, 3, 4, 1)]
    if gpu_name(device):
        return [Case("resnet_narrow", 28, 1, 512, 40), Case("resnet18", 32, 3, 512, 40)]
    return [Case("resnet_narrow", 28, 1, 256, 16), Case("resnet18", 32, 3, 64, 6)]


def compared(operation, case, functions, device, repetitions, target):
    """A line of the table: the first of two functions over the second."""
    ours, reference = functions
    calls = {name: synchronised(function, device) for name, function in functions.items()}
    times = interleaved_times(calls, repetitions)
    n_images = case.batch_size * case.n_batches
    return {
        "operation": operation,
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
    steps = {"ours": real_epoch(fitted, images), "encoder": encoder_training(fitted, images)}
    yield compared("training step", case, steps, device, repetitions, STEP)
    forwards = {
        "ours": lambda: fitted.transform(images),
        "encoder": encoder_transform(fitted, images),
    }
    yield compared("transform", case, forwards, device, repetitions, TRANSFORM)


def in_float32(case, device, repetitions):
    """Training steps in float32 over those in bfloat16, where that is the precision here."""
    images = case.images()
    networks = {"ours": {"precision": "float32"}, "bfloat16": {}}
    fitted = {name: case.fitted(device, images, **change) for name, change in networks.items()}
    if not fitted["bfloat16"].net_.half:
        return []
    steps = {name: real_epoch(each, images) for name, each in fitted.items()}
    return [compared("step in float32", case, steps, device, repetitions, None)]


def against_lightly(case, device, repetitions):
    """Training steps over those of lightly's loop: same encoder, augmentations and batch."""
    from ._lightly_loop import lightly_epoch

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


def main():
    """Time everything; lightly and kornia where they are installed."""
    run = image_run(__spec__.name, __doc__.splitlines()[0], seeds=5)
    device, repetitions = run.options.device, len(run.seeds)
    rows, epochs = [], None
    for case in cases(device, run.quick):
        rows += against_the_encoder(case, device, repetitions)
        rows += in_float32(case, device, repetitions)
        if importlib.util.find_spec("lightly"):
            # its documentation has colour images
            colour = Case(case.encoder, 32, 3, case.batch_size, case.n_batches)
            rows.append(against_lightly(colour, device, repetitions))
    if importlib.util.find_spec("kornia"):
        rows.append(against_kornia(32 if run.quick else 512, device, repetitions))
    run.add_table("Time over that of the encoder alone, of lightly and of kornia", rows)
    if gpu_name(device):
        epochs = epoch_seconds(device, 4096 if run.quick else EPOCH_IMAGES)
        print(f"An epoch: {np.median(epochs):.2f} s (target {EPOCH_SECONDS})")
    run.settings["embedder"] = parameters_of(embedder(device, 0, **COMMON))
    run.results = {"rows": rows, "epoch_seconds": epochs}
    run.save()


if __name__ == "__main__":
    main()
