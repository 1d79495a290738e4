"""The encoder alone, without the rest of a training step or of transform, as a lower bound."""

import copy

import numpy as np
import torch

from sklearn_contrastive._images.read import image_source
from sklearn_contrastive.deep._embedder.run import Training


def synthetic_images(n, side, channels, seed=0):
    """Images of uint8 (n, side, side, channels); their content does not change the time."""
    return np.random.default_rng(seed).integers(0, 256, (n, side, side, channels), dtype=np.uint8)


def synchronised(function, device):
    """The function, followed by waiting until the GPU has finished."""

    def call():
        function()
        if torch.device(device).type == "cuda":
            torch.cuda.synchronize(device)

    return call


def real_epoch(embedder, images):
    """An epoch of a fitted embedder through its trainer, records and copies of weights included."""
    source = image_source(images, embedder.image_shape_)
    return Training(embedder.net_, source, on_record=lambda record: None).run


def encoder_training(embedder, images):
    """Forward and backward of the same encoder on as many prepared batches of two views."""
    encoder = copy.deepcopy(embedder.encoder_).train()
    batches = [torch.cat([batch, batch]) for batch in batches_of(embedder, images)]
    half, device = embedder.net_.half, batches[0].device.type

    def call():
        for batch in batches:
            encoder.zero_grad(set_to_none=True)
            with torch.autocast(device, torch.bfloat16, enabled=half):
                loss = encoder(batch).sum()
            loss.backward()

    return call


def encoder_transform(embedder, images):
    """Forward of the same encoder on the same batches, which lie on the device as floats."""
    encoder = copy.deepcopy(embedder.encoder_).eval()
    batches = batches_of(embedder, images)

    def call():
        with torch.inference_mode():
            for batch in batches:
                encoder(batch)

    return call


def batches_of(embedder, images):
    """Batches as the trainer makes them: floats on the device, channels last."""
    source = image_source(images, embedder.image_shape_)
    device = torch.device(embedder.net_.device)
    indices = torch.arange(len(images)).split(embedder.batch_size)
    layout = torch.channels_last
    return [batch.contiguous(memory_format=layout) for batch in source.batches(indices, device)]
