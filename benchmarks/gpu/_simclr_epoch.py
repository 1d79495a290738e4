"""Time of an epoch of SimCLR, and its share outside the encoder."""

import warnings

import numpy as np
import torch

from sklearn_contrastive._images.read import image_source
from sklearn_contrastive.deep._embedder.run import Training

from .._common.timing import median_ratio
from ..images._embedder import embedder, parameters_of
from ..images._encoder_only import batches_of, encoder_training, synthetic_images
from ._gpu_sections import Goal

# number and side of the images, batch and encoder: those of benchmarks.images.cifar10
SIZES, QUICK_SIZES = (50_000, 32, 512, "resnet18"), (32, 8, 16, "resnet_narrow")
# the seconds are for an H100
EPOCH_SECONDS, STEP_RATIO = 6.0, 1.15
N_WATCHED = 5


def simclr_epoch(setting, found):
    """Seconds of an epoch, of its views alone, and of the encoder alone on prepared views."""
    n_images, side, batch_size, encoder = QUICK_SIZES if setting.quick else SIZES
    images = synthetic_images(n_images, side, 3)
    model = embedder(
        setting.device, 0, encoder=encoder, batch_size=batch_size, max_epochs=1, verbose=0
    )
    found["embedder"] = parameters_of(model)
    model.fit(images)
    found["bfloat16"] = model.net_.half
    # on the device before the clock starts, as in the second epoch of a training
    source = image_source(images, model.image_shape_).resident(model.net_.device)
    found |= {"peak memory GB": setting.peak_memory()}
    found["waits for the device per step"] = waits_per_step(setting, model.net_, images)
    times = setting.times(
        {
            "epoch": Training(model.net_, source, on_record=lambda record: None).run,
            "encoder": encoder_training(model, images),
            "views": views_of_an_epoch(model, images),
        }
    )
    ratio = median_ratio(times, "epoch", "encoder")
    epoch = float(np.median(times["epoch"]))
    found |= {
        "images": n_images,
        "epoch s": epoch,
        "images/s": n_images / epoch,
        "encoder alone s": float(np.median(times["encoder"])),
        "views alone s": float(np.median(times["views"])),
        "share outside the encoder": 1 - 1 / ratio,
        "step over encoder": ratio,
    }
    goals = [
        Goal(f"seconds of an epoch of {n_images:,} images", epoch, EPOCH_SECONDS),
        Goal("step over the encoder alone", ratio, STEP_RATIO),
    ]
    if setting.on_gpu:
        goals.append(Goal("waits for the GPU in a step", found["waits for the device per step"], 0))
    return goals


def views_of_an_epoch(model, images):
    """Function that draws the views of an epoch of batches that lie on the device."""
    net, batches = model.net_, batches_of(model, images)
    draws = torch.Generator(net.device).manual_seed(0)

    def call():
        for batch in batches:
            net.criterion_.views(batch, draws)

    return call


def waits_per_step(setting, net, images):
    """Number of times that a step of a trained network waits for the GPU; None on a CPU.

    The difference of two epochs, since an epoch itself waits for its loss.
    """
    if not setting.on_gpu:
        return None
    few, many = (
        waits_of_an_epoch(net, images[: n_steps * net.batch_size])
        for n_steps in (N_WATCHED, 2 * N_WATCHED)
    )
    return (many - few) / N_WATCHED


def waits_of_an_epoch(net, images):
    """Number of times that an epoch of a trained network waits for its GPU."""
    source = image_source(images).resident(net.device)
    net.history.new_epoch()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        torch.cuda.set_sync_debug_mode("warn")
        try:
            net.run_single_epoch(
                net.get_iterator(source, training=True),
                training=True,
                prefix="train",
                step_fn=net.train_step,
            )
        finally:
            torch.cuda.set_sync_debug_mode("default")
    return sum("synchronizing CUDA operation" in str(each.message) for each in caught)
