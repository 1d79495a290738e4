"""Run of a benchmark of images: the device, and the name of its GPU in the record."""

import re

import torch

from .._common.record import Run


def image_run(module, title, *, seeds=3, quick_seeds=1, **options):
    """A run with the option --device; on a GPU its name is part of the name of the record."""
    options = {"device": "cpu"} | options
    run = Run(module, title, seeds=seeds, quick_seeds=quick_seeds, options=options)
    gpu = gpu_name(run.options.device)
    run.machine |= {"gpu": gpu, "torch_threads": torch.get_num_threads()}
    if gpu is not None:
        run.name += "_" + re.sub(r"[^a-z0-9]+", "_", gpu.lower()).strip("_")
    return run


def gpu_name(device):
    """Name of the GPU, None on a CPU."""
    return torch.cuda.get_device_name(device) if torch.device(device).type == "cuda" else None
