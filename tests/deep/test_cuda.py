"""Training on a GPU: no waits, images on the device, random state, resume, models without it."""

import pickle

import numpy as np
import pytest
import torch
from helpers.processes import run_program
from helpers.trainings import CutOff, cut_off_after

from benchmarks.gpu._simclr_epoch import waits_of_an_epoch
from sklearn_contrastive._images.read import image_source
from sklearn_contrastive.augmentation import SimCLRAugmentation
from sklearn_contrastive.deep import (
    SimCLREmbedder,
    SupConEmbedder,
    supervised_contrastive_loss,
)

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU of NVIDIA")

X = np.random.default_rng(0).integers(0, 256, (96, 32, 32, 3), dtype=np.uint8)


def embedder(**parameters):
    defaults = {"max_epochs": 4, "batch_size": 32, "device": "cuda", "random_state": 0}
    return SimCLREmbedder("resnet_narrow", **(defaults | parameters))


@pytest.fixture(scope="module")
def whole():
    """A fit that was not interrupted, in float32."""
    return embedder(precision="float32").fit(X)


def relative_difference(rows, others):
    return np.linalg.norm(others - rows) / np.linalg.norm(rows)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"temperature": "learn"},
        {"loss": "decoupled"},
        {"loss": "vicreg"},
        {"loss": "sigreg"},
        {"augmentations": SimCLRAugmentation(blur=0.5)},
        {"augmentations": "masking"},
        {"optimizer": "sgd"},
    ],
    ids=str,
)
def test_a_step_does_not_wait_for_the_gpu(parameters):
    net = embedder(max_epochs=1, **parameters).fit(X).net_
    # an epoch itself waits for its loss
    assert waits_of_an_epoch(net, X[:64]) == waits_of_an_epoch(net, X)


@pytest.mark.parametrize("parameters", [{}, {"class_balanced": True, "temperature": "learn"}])
def test_a_training_with_labels_runs_on_the_gpu(parameters):
    settings = {"max_epochs": 1, "batch_size": 32, "device": "cuda", "random_state": 0}
    model = SupConEmbedder("resnet_narrow", **(settings | parameters)).fit(X, np.arange(96) % 3)
    assert np.isfinite(model.transform(X)).all()


@pytest.mark.parametrize("y", [[0, 0, 1, -1], [0.0, 0.1, 2.0, np.nan]])
def test_the_supervised_loss_is_that_of_the_cpu(y):
    pair = torch.randn(2, 4, 8, generator=torch.Generator().manual_seed(0))
    expected = supervised_contrastive_loss(*pair, y).item()
    for labels in (torch.tensor(y), torch.tensor(y).cuda()):
        found = supervised_contrastive_loss(*pair.cuda(), labels).item()
        assert found == pytest.approx(expected, rel=1e-5)


def test_images_are_copied_to_the_gpu_once_as_bytes():
    source = image_source(X).resident("cuda")
    assert source.resident("cuda") is source
    (batch,) = source.batches([torch.arange(96)], "cuda")
    assert batch.device.type == "cuda"
    images = torch.from_numpy(X).permute(0, 3, 1, 2)
    assert torch.equal(batch.cpu(), images / 255)


def test_auto_is_the_gpu_in_bfloat16_with_weights_in_float32():
    fitted = SimCLREmbedder("resnet_narrow", max_epochs=1, batch_size=32).fit(X)
    weights = next(fitted.encoder_.parameters())
    assert (weights.device.type, weights.dtype) == ("cuda", torch.float32)
    assert fitted.net_.half == torch.cuda.is_bf16_supported()
    assert fitted.transform(X).dtype == np.float32


def test_the_random_state_of_the_gpu_does_not_change():
    before = torch.cuda.get_rng_state()
    embedder(max_epochs=1).fit(X)
    assert torch.equal(torch.cuda.get_rng_state(), before)


def test_a_resumed_training_is_the_same_up_to_rounding(tmp_path, monkeypatch, whole):
    with monkeypatch.context() as patched:
        cut_off_after(2, patched)
        with pytest.raises(CutOff):
            embedder(precision="float32", checkpoint_dir=tmp_path).fit(X)
    trained = cut_off_after(10**6, monkeypatch)
    resumed = embedder(precision="float32", checkpoint_dir=tmp_path).fit(X)
    assert len(trained) == 2
    losses = [[record["loss"] for record in each.history_] for each in (resumed, whole)]
    np.testing.assert_allclose(losses[0], losses[1], rtol=0.02)


# loads an embedder and images where PyTorch finds no GPU, and writes representations
ELSEWHERE = """
import json, pickle, sys, warnings
import numpy as np
with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # skorch warns that the device is another one
    model = pickle.loads(open(sys.argv[1], "rb").read())
np.save(sys.argv[3], model.transform(np.load(sys.argv[2])))
print(json.dumps([weights.device.type for weights in model.net_.module_.parameters()]))
"""


@pytest.mark.parametrize("parameters", [{}, {"temperature": "learn"}], ids=str)
def test_a_pickled_embedder_computes_the_same_without_a_gpu(parameters, tmp_path):
    fitted = embedder(max_epochs=1, **parameters).fit(X)
    paths = [str(tmp_path / name) for name in ("model.pickle", "images.npy", "rows.npy")]
    (tmp_path / "model.pickle").write_bytes(pickle.dumps(fitted))
    np.save(paths[1], X)
    devices = run_program(ELSEWHERE, *paths, CUDA_VISIBLE_DEVICES="")
    assert set(devices) == {"cpu"}
    # TF32 has three digits
    assert relative_difference(fitted.transform(X), np.load(paths[2])) < 0.01


def test_a_training_that_began_on_a_gpu_continues(whole):
    continued = pickle.loads(pickle.dumps(whole)).partial_fit(X)
    assert continued.n_iter_ == 8
    assert all(weights.is_cuda for weights in continued.net_.module_.parameters())
