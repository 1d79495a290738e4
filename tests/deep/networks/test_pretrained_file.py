"""Pretrained weights from a local file: loaded completely, or refused with the reason."""

import numpy as np
import pytest
import timm
import torch
from helpers.image_batches import images
from helpers.trainings import CutOff, cut_off_after
from numpy.testing import assert_array_equal
from safetensors.torch import save_file

from sklearn_contrastive.deep import SimCLREmbedder
from sklearn_contrastive.deep._networks.encoders import build_encoder
from sklearn_contrastive.deep._networks.normalization import encoder_normalization

NAME = "test_resnet"


@pytest.fixture(scope="module")
def network():
    """A small network of timm with a classifier."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        return timm.create_model(NAME, pretrained=False).eval()


WAYS = {
    "weights": lambda weights, path: torch.save(weights, path),
    "below a key": lambda weights, path: torch.save({"state_dict": weights, "epoch": 3}, path),
    "parallel": lambda weights, path: torch.save(
        {f"module.{k}": w for k, w in weights.items()}, path
    ),
    "without classifier": lambda weights, path: torch.save(
        {k: w for k, w in weights.items() if not k.startswith("fc.")}, path
    ),
    "safetensors": save_file,
}


@pytest.mark.parametrize("name", WAYS)
def test_the_encoder_has_the_weights_of_the_file(name, network, tmp_path):
    path = tmp_path / ("weights.safetensors" if name == "safetensors" else "weights.pth")
    WAYS[name](network.state_dict(), path)
    encoder = build_encoder(NAME, (3, 64, 64), pretrained=path).eval()
    x = images(2, 3, 64, 64)
    expected = network.forward_head(network.forward_features(x), pre_logits=True)
    assert_array_equal(encoder(x).detach(), expected.detach())
    assert encoder_normalization(encoder) == (
        tuple(network.pretrained_cfg["mean"]),
        tuple(network.pretrained_cfg["std"]),
    )


def test_training_starts_from_the_file_with_its_normalisation(network, tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(network.state_dict(), path)
    X = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    settings = {"max_epochs": 1, "batch_size": 4, "learning_rate": 1e-12, "random_state": 0}
    model = SimCLREmbedder(NAME, pretrained=str(path), device="cpu", **settings).fit(X)
    trained = model.encoder_[1].state_dict()
    for name, weights in network.state_dict().items():
        if name in trained and "running" not in name and "num_batches" not in name:
            assert torch.allclose(trained[name], weights, atol=1e-6), name
    assert_array_equal(model.encoder_[0].mean.flatten(), np.float32(network.pretrained_cfg["mean"]))
    given = SimCLREmbedder(
        NAME, pretrained=path, normalization=(0.5, 0.5), device="cpu", **settings
    )
    assert_array_equal(given.fit(X).encoder_[0].mean.flatten(), [0.5] * 3)


def test_another_content_of_the_file_is_another_training(network, tmp_path, monkeypatch):
    folder, files = tmp_path / "checkpoints", [tmp_path / f"{number}.pth" for number in range(3)]
    X = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3), dtype=np.uint8)
    torch.save(network.state_dict(), files[0])
    files[1].write_bytes(files[0].read_bytes())
    torch.save({name: 2 * weights for name, weights in network.state_dict().items()}, files[2])
    settings = {"checkpoint_dir": folder, "device": "cpu", "batch_size": 4, "random_state": 0}
    n_trainings = []
    for path in files:
        with monkeypatch.context() as patched:
            cut_off_after(1, patched)
            with pytest.raises(CutOff):
                SimCLREmbedder(NAME, pretrained=path, **settings).fit(X)
        n_trainings.append(len([each for each in folder.iterdir() if each.is_dir()]))
    assert n_trainings == [1, 1, 2]


def broken(content):
    return lambda path, network: path.write_bytes(content)


BAD = {
    "missing": (lambda path, network: None, "cannot be read as weights: .*No such file"),
    "text": (broken(b"hello world\n" * 100), r"cannot be read as weights: .*torch\.save"),
    "empty": (broken(b""), "cannot be read as weights"),
    "a number": (lambda path, network: torch.save(3, path), "does not hold weights by their names"),
    "no tensors": (lambda path, network: torch.save({"a": 1}, path), "does not hold weights"),
    "a network": (lambda path, network: torch.save(network, path), "cannot be read as weights"),
    "other names": (
        lambda path, network: torch.save(
            {f"backbone.{k}": w for k, w in network.state_dict().items()}, path
        ),
        "lacks [0-9]+ of the weights of encoder='test_resnet', such as",
    ),
    "another network": (
        lambda path, network: torch.save(timm.create_model("test_vit").state_dict(), path),
        "lacks [0-9]+ of the weights|does not fit encoder",
    ),
    "another width": (
        lambda path, network: torch.save(timm.create_model("resnet10t").state_dict(), path),
        "does not fit encoder='test_resnet': .*size mismatch|lacks",
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_files_of_other_kinds_are_refused(name, network, tmp_path):
    write, message = BAD[name]
    path = tmp_path / "weights.pth"
    write(path, network)
    with pytest.raises(ValueError, match=f"weights.pth' ({message})"):
        build_encoder(NAME, (3, 64, 64), pretrained=path)


def test_a_file_needs_a_name_of_timm(tmp_path):
    with pytest.raises(ValueError, match="'resnet_narrow' has no pretrained weights"):
        build_encoder("resnet_narrow", (3, 64, 64), pretrained=tmp_path / "a.pth")
    with pytest.raises(ValueError, match="pretrained needs an encoder name"):
        build_encoder(torch.nn.Flatten(), (3, 64, 64), pretrained=tmp_path / "a.pth")
