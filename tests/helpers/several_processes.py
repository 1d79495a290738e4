"""Trainings that torchrun runs in two processes, and the same ones in one process.

As a program, `torchrun helpers/several_processes.py FOLDER` runs all of them and writes the results
of each process to a file in the folder.
"""

import os
import sys
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
from helpers.trainings import CutOff
from torch import nn

from sklearn_contrastive import SimCLREmbedder
from sklearn_contrastive.augmentation._images.batch import uniform
from sklearn_contrastive.deep import (
    AutoencoderEmbedder,
    ContrastiveClassifier,
    SupConEmbedder,
    nt_xent_loss,
)
from sklearn_contrastive.deep._training import processes as processes_module
from sklearn_contrastive.deep._training.batches import TensorSource
from sklearn_contrastive.deep._training.checkpoint import Checkpoint
from sklearn_contrastive.deep._training.objectives import ContrastiveObjective
from sklearn_contrastive.deep._training.processes import Share, training_processes
from sklearn_contrastive.deep._training.trainer import Trainer

__all__ = [
    "IMAGES",
    "IN_CHUNKS",
    "LABELS",
    "OF_ALL_KINDS",
    "autoencoder",
    "embedder",
    "fine_tuned",
    "results_of_fit",
    "supervised_embedder",
    "train_in_double_precision",
]

SCRIPT = Path(__file__).parents[2] / "docs" / "guide" / "train_on_several_gpus.py"
RANK = int(os.environ.get("RANK", 0))
# chunks of three samples in one process and in two
IN_CHUNKS = {"batch_size": 12, "chunk_size": 3}
# a loss with a state of each image, in chunks
OF_ALL_KINDS = {"max_epochs": 3, "loss": "sogclr", "chunk_size": 4}
# batches of 11, in parts of five and six images, with batch norm in the decoder
AUTOENCODER = {"mask_rate": 0.4, "batch_size": 11, "max_epochs": 2, "optimizer": "sgd"}
# each with a brightness of its own
IMAGES = (
    np.random.default_rng(0)
    .integers(0, np.random.default_rng(1).integers(2, 256, (33, 1, 1, 1)), (33, 12, 12, 3))
    .astype(np.uint8)
)
# some without a label
LABELS = np.arange(33) % 4 - 1


# --- one step after the other, in float64 ---------------------------------------------------------


class DoubleNetwork(nn.Module):
    """Batch norm, a learned temperature, and a parameter that is not used."""

    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(
            # a bias before batch norm has gradients of rounding only, which Adam makes large
            nn.Linear(6, 8, bias=False),
            nn.BatchNorm1d(8),
            nn.Tanh(),
            nn.Linear(8, 4),
        ).double()
        self.temperature = nn.Parameter(torch.tensor(0.3, dtype=torch.float64))
        self.unused = nn.Parameter(torch.ones(3, dtype=torch.float64))

    def forward(self, samples):
        """Embeddings."""
        return self.layers(samples)


class DoubleObjective(ContrastiveObjective):
    """NT-Xent of noisy views with the temperature of the network, and a penalty."""

    def __init__(self):
        super().__init__(
            lambda samples, generator: tuple(
                samples + uniform(samples.shape, generator) for _ in range(2)
            ),
            None,
            penalty=lambda module: 0.1 * torch.sum(module.layers[0].weight ** 2),
        )

    def loss(self, module, batch, generator):
        """Use the temperature of this network."""
        self.pair_loss = lambda first, second: nt_xent_loss(first, second, module.temperature)
        return super().loss(module, batch, generator)


class RecordingAdam(torch.optim.AdamW):
    """Keeps the gradients of all steps."""

    def __init__(self, parameters, **settings):
        super().__init__(parameters, **settings)
        self.seen = []

    def step(self):
        """Keep the gradients, then make the step."""
        gradients = [weight.grad for group in self.param_groups for weight in group["params"]]
        self.seen.append([None if each is None else each.clone() for each in gradients])
        return super().step()


def train_in_double_precision(*, batch_size=11, chunk_size=None):
    """Gradients of three steps, and the state after them."""
    objective = DoubleObjective()
    objective.chunk_size = chunk_size
    draws = torch.Generator().manual_seed(0)
    samples = torch.randn(3 * batch_size, 6, dtype=torch.float64, generator=draws)
    net = Trainer(
        DoubleNetwork,
        objective,
        seed=0,
        max_epochs=1,
        batch_size=batch_size,
        optimizer=RecordingAdam,
        optimizer__weight_decay=0.1,
        lr=0.01,
    )
    with training_processes("cpu") as processes:
        net.processes = processes
        net.train_epochs(TensorSource(samples))
    return {
        "gradients": net.optimizer_.seen,
        "weights": {name: each.detach() for name, each in net.module_.named_parameters()},
        "buffers": dict(net.module_.named_buffers()),
        "loss": net.history[0]["train_loss"],
    }


def sums_over_processes():
    """Gradients that one process or none has, running statistics, gathered rows."""
    network = nn.Linear(2, 1)
    network.register_buffer("mean", torch.tensor(float(RANK)))
    network.register_buffer("mean_in_half", torch.tensor(float(RANK)).bfloat16())
    network.register_buffer("count", torch.tensor(5 + RANK))
    network.register_buffer("flag", torch.tensor(RANK == 0))
    if RANK == 1:
        network.weight.grad = torch.tensor([[2.0, 4.0]])
    with training_processes("cpu") as processes:
        processes.average_gradients(network.parameters())
        processes.average_buffers(network)
        share = Share(processes, 3)
        rows = torch.arange(6.0).reshape(3, 2).bfloat16()
        (gathered,) = share.gather(share.part_of(rows))
    return {
        "gradients": [network.weight.grad, network.bias.grad],
        "buffers": [network.mean, network.mean_in_half.float(), network.count, network.flag],
        "gathered": gathered,
    }


# --- fits -----------------------------------------------------------------------------------------


def encoder():
    """A small network without batch norm."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.GroupNorm(2, 8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )


def embedder(**parameters):
    """Three steps of an embedder, in one epoch."""
    defaults = {
        "encoder": encoder,
        "projection_head": "linear",
        "projection_dim": 4,
        "batch_size": 11,
        "max_epochs": 1,
        "optimizer": "sgd",
        "learning_rate": 0.1,
        "device": "cpu",
        "random_state": 0,
    }
    return SimCLREmbedder(**(defaults | parameters))


def supervised_embedder(**parameters):
    """The same with labels, in batches of equally many of each class."""
    settings = embedder().get_params()
    del settings["loss"]
    settings |= {"temperature": "learn", "class_balanced": True}
    return SupConEmbedder(**(settings | parameters))


def autoencoder():
    """A masked autoencoder of a few steps."""
    return AutoencoderEmbedder(
        encoder, learning_rate=0.1, device="cpu", random_state=0, **AUTOENCODER
    )


def results_of_fit(fitted):
    """Weights and records, without the time."""
    return {
        "weights": fitted.net_.module_.state_dict(),
        "history": [
            {name: value for name, value in record.items() if name != "seconds"}
            for record in fitted.history_
        ],
    }


def fine_tuned(folder=None, max_epochs=1):
    """Epochs of a classifier with labels of two thirds of the images, then two with all images."""
    labels = np.where(np.arange(33) % 3 == 0, -1, np.arange(33) % 2)
    given = embedder(projection_head="mlp")
    classifier = ContrastiveClassifier(given, batch_size=8, random_state=0)
    classifier.set_params(checkpoint_dir=folder, max_epochs=max_epochs, self_training_epochs=2)
    return classifier.fit(IMAGES, labels)


def error_of(function):
    """The kind and the text of an error; None if there is none."""
    try:
        function()
    except (ValueError, RuntimeError, CutOff) as error:
        return [type(error).__name__, str(error)]
    return None


def fit_interrupted_and_resumed(fit, folder, n_epochs):
    """An undisturbed fit, one that the first process leaves after some epochs, and the next one."""
    writes = []
    save = Checkpoint.save

    def save_and_leave(self, state):
        save(self, state)
        writes.append(state["n_steps"])
        if len(writes) == n_epochs:
            raise CutOff("no power")

    undisturbed = fit(None)
    Checkpoint.save = save_and_leave
    try:
        error = error_of(lambda: fit(folder))
        files = sorted(path.name for path in Path(folder).glob("*/*"))
        writes.clear()
        n_epochs = None
        resumed = fit(folder)
    finally:
        Checkpoint.save = save
    return {
        "undisturbed": results_of_fit(undisturbed),
        "error": error,
        "files": files,
        "resumed": results_of_fit(resumed),
        "writes": writes,
        "left": sorted(path.name for path in Path(folder).glob("*/*")),
    }


def fit_of_all_kinds(folder):
    """A fit with its checkpoints in a folder."""
    return embedder(**OF_ALL_KINDS, checkpoint_dir=folder).fit(IMAGES)


def unseeded_fit():
    """Without a seed, with weights of the user that differ between the processes."""
    torch.manual_seed(RANK)
    fitted = embedder(encoder=encoder(), random_state=None, augmentations=with_noise).fit(IMAGES)
    return results_of_fit(fitted)


def with_noise(batch):
    """An augmentation that draws from PyTorch's global state."""
    return batch + 0.1 * torch.randn_like(batch)


def run_the_script_of_the_guide(folder):
    """Files that the script makes, with fewer epochs."""
    os.chdir(folder)
    np.save(f"images-{RANK}.npy", IMAGES)
    text = SCRIPT.read_text(encoding="utf-8")
    text = text.replace("images.npy", f"images-{RANK}.npy").replace(
        "max_epochs=100", "max_epochs=1"
    )
    exec(compile(text, str(SCRIPT), "exec"), {})
    return results_of_fit(SimCLREmbedder.load("embedder.safetensors")) if RANK == 0 else None


def fit_by_one_process_only():
    """The error of the first process if the other one never fits."""
    processes_module.TIMEOUT = timedelta(seconds=1)
    return error_of(lambda: embedder().fit(IMAGES)) if RANK == 0 else None


def main(folder):
    """Run all, and write the results."""
    results = {
        "sums": sums_over_processes(),
        "double": train_in_double_precision(),
        "double in chunks": train_in_double_precision(**IN_CHUNKS),
        "fit": results_of_fit(embedder().fit(IMAGES)),
        "fit in chunks": results_of_fit(embedder(chunk_size=4).fit(IMAGES)),
        "labels": results_of_fit(supervised_embedder().fit(IMAGES, LABELS)),
        "other labels": error_of(lambda: supervised_embedder().fit(IMAGES, LABELS + RANK)),
        "autoencoder": results_of_fit(autoencoder().fit(IMAGES)),
        "resume": fit_interrupted_and_resumed(fit_of_all_kinds, f"{folder}/checkpoints", 1),
        "resume fine-tuning": fit_interrupted_and_resumed(
            lambda folder: fine_tuned(folder, max_epochs=3), f"{folder}/fine-tuning", 3
        ),
        "unseeded": unseeded_fit(),
        "fine-tuned": results_of_fit(fine_tuned()),
        "other images": error_of(lambda: embedder().fit(IMAGES[RANK:][:32])),
        "fewer images": error_of(lambda: embedder().fit(IMAGES[: 33 - RANK])),
        "script": run_the_script_of_the_guide(folder),
        "alone": fit_by_one_process_only(),
    }
    torch.save(results, Path(folder) / f"results-{RANK}.pt")


if __name__ == "__main__":
    main(sys.argv[1])
