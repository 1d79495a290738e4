"""A training on a GPU that is cut off and resumed, and a fitted model without the GPU."""

import os
import pickle
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import numpy as np
from sklearn.base import clone

from sklearn_contrastive.deep._training.checkpoint import Checkpoint

from .._common.record import ROOT
from ..images._embedder import embedder
from ..images._encoder_only import synthetic_images
from ._gpu_sections import Goal

# number and side of the images
SIZES, QUICK_SIZES = (2_000, 32), (32, 8)
N_EPOCHS, N_BEFORE = 4, 2
# of the last loss of a resumed training, over that of a training in one piece
LOSS_DIFFERENCE = 0.02
# of the representations without the GPU, as a share of their norm; TF32 has three digits
DEVICE_DIFFERENCE = 0.01
# loads a pickled embedder and images where PyTorch finds no GPU, and writes representations
ELSEWHERE = """
import pickle, sys, warnings
import numpy as np
warnings.simplefilter("ignore")  # that the device is another one
model = pickle.loads(open(sys.argv[1], "rb").read())
np.save(sys.argv[3], model.transform(np.load(sys.argv[2])))
print(next(model.encoder_.parameters()).device.type)
"""


class CutOff(Exception):
    """Raised in a training where a process would end."""


def resume_and_pickle(setting, found):
    """Differences of a resumed training, of a repeated one, and of rows without the GPU."""
    n_images, side = QUICK_SIZES if setting.quick else SIZES
    images = synthetic_images(n_images, side, 3)
    model = embedder(
        setting.device,
        0,
        encoder="resnet_narrow" if setting.quick else "resnet18",
        batch_size=n_images // 4,
        max_epochs=N_EPOCHS,
        precision="float32",
        temperature="learn",  # a loss with parameters on the device
        verbose=0,
    )
    whole, again = model.fit(images), clone(model).fit(images)
    with tempfile.TemporaryDirectory() as folder:
        resumed, n_trained = resumed_model(clone(model).set_params(checkpoint_dir=folder), images)
        found["rows without the GPU"], found["device there"] = elsewhere(whole, images, folder)
    found |= {
        "epochs after the cut": n_trained,
        "resumed": differences(whole, resumed, images),
        "repeated": differences(whole, again, images),
    }
    return [
        Goal("epochs trained after the cut", n_trained, N_EPOCHS - N_BEFORE),
        Goal("loss of the resumed training", found["resumed"]["loss"], LOSS_DIFFERENCE),
        Goal("rows of the pickle on a CPU", found["rows without the GPU"], DEVICE_DIFFERENCE),
    ]


def resumed_model(model, images):
    """The model, cut off after some epochs and fitted again; the epochs of the second fit."""
    with _checkpoints_counted(N_BEFORE):
        try:
            model.fit(images)
        except CutOff:
            pass
        else:
            raise RuntimeError("The training was not cut off.")
    with _checkpoints_counted(None) as saved:
        model.fit(images)
    return model, len(saved)


@contextmanager
def _checkpoints_counted(n_epochs):
    """List of the checkpoints saved in the context; after `n_epochs` of them, CutOff."""
    save, saved = Checkpoint.save, []

    def counted(self, state):
        save(self, state)
        saved.append(state["n_steps"])
        if len(saved) == n_epochs:
            raise CutOff

    with mock.patch.object(Checkpoint, "save", counted):
        yield saved


def differences(one, other, images):
    """Relative differences of the last losses and of the representations."""
    losses = [model.history_[-1]["loss"] for model in (one, other)]
    rows = [model.transform(images) for model in (one, other)]
    return {"loss": abs(losses[1] - losses[0]) / abs(losses[0]), "rows": _relative(*rows)}


def elsewhere(model, images, folder):
    """Difference of the rows of a pickled model in a process without a GPU; its device there."""
    paths = [str(Path(folder) / name) for name in ("model.pickle", "images.npy", "rows.npy")]
    Path(paths[0]).write_bytes(pickle.dumps(model))
    np.save(paths[1], images)
    env = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, "-c", ELSEWHERE, *paths]
    done = subprocess.run(command, env=env, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"A process without a GPU ended with: {done.stderr[-400:]}")
    return _relative(model.transform(images), np.load(paths[2])), done.stdout.strip()


def _relative(rows, others):
    return float(np.linalg.norm(others - rows) / np.linalg.norm(rows))
