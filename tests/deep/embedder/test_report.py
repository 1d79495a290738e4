"""What SimCLREmbedder prints."""

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from torch import nn

from sklearn_contrastive.deep import SimCLREmbedder
from sklearn_contrastive.deep._networks.encoders import chosen_encoder
from sklearn_contrastive.deep._training import held_checkpoints, progress
from sklearn_contrastive.deep._training.fingerprint import fingerprint

IMAGES = load_digits().images[:60].astype(np.float32) / 16


def embedder(**parameters):
    defaults = {"encoder": "resnet_narrow", "max_epochs": 2, "batch_size": 30, "random_state": 0}
    return SimCLREmbedder(**({"device": "cpu"} | defaults | parameters))


@pytest.fixture
def as_if_long(monkeypatch):
    """Every training counts as a long one."""
    monkeypatch.setattr(progress, "_MEASURED", 0.0)
    monkeypatch.setattr(progress, "_LONG", 0.0)


def test_a_short_training_is_silent(capsys):
    embedder().fit(IMAGES)
    assert capsys.readouterr() == ("", "")


def test_a_long_training_says_so_with_what_is_trained(as_if_long, capsys):
    embedder().fit(IMAGES)
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert line.startswith("SimCLREmbedder: this training takes about 10 seconds (2 epochs of 60 ")
    assert "images of 8 x 8 pixels, encoder resnet_narrow, on the CPU). To shorten it: " in line
    assert line.endswith("To shorten it: a lower max_epochs or a GPU. verbose=0 hides this.")


def test_large_images_and_other_encoders_have_more_advice(as_if_long, capsys):
    encoder = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten())
    photos = np.random.default_rng(0).random((6, 66, 40, 3), dtype=np.float32)
    embedder(encoder=encoder, batch_size=6).fit(photos)
    line = capsys.readouterr().err
    assert "6 images of 66 x 40 pixels, encoder your own" in line
    assert 'encoder="resnet_narrow", smaller images, a lower max_epochs or a GPU' in line


def test_rows_of_features_are_named_as_such(as_if_long, capsys):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(5, 4))
    embedder(encoder=encoder).fit(IMAGES.reshape(-1, 64)[:, 20:25])
    assert "60 rows of 5 features" in capsys.readouterr().err


@pytest.mark.parametrize("verbose", [0, False])
def test_zero_is_silent(verbose, as_if_long, capsys):
    embedder(verbose=verbose).fit(IMAGES)
    assert capsys.readouterr() == ("", "")


def test_one_prints_the_epochs_alone(as_if_long, capsys):
    embedder(verbose=1).fit(IMAGES)
    out, err = capsys.readouterr()
    assert [line.split(":")[0] for line in out.splitlines()] == ["epoch 1", "epoch 2"]
    assert err == ""


def test_partial_fit_reports_its_own_epochs(as_if_long, capsys):
    model = embedder(verbose=0).partial_fit(IMAGES)
    model.set_params(verbose="auto", max_epochs=1).partial_fit(IMAGES)
    assert "(1 epoch of 60 images" in capsys.readouterr().err


def test_the_progress_bar_of_scikit_learn_is_the_only_one(as_if_long, capsys):
    callback = pytest.importorskip("sklearn.callback", reason="scikit-learn < 1.9")
    alone = embedder().set_callbacks(callback.ProgressBar())
    within = make_pipeline(embedder()).set_callbacks(callback.ProgressBar())
    for model in (alone, within):
        model.fit(IMAGES)
        out, err = capsys.readouterr()
        assert "SimCLREmbedder" in out
        assert err == ""


def test_a_search_has_one_line_for_all_fits(as_if_long, capsys):
    for _ in range(2):
        cross_val_score(embedder(), IMAGES, cv=3, scoring=lambda *_: 0.0)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith("SimCLREmbedder: each fit of this search takes") for line in lines)


def test_the_report_changes_no_result(as_if_long):
    expected = embedder(verbose=0).fit_transform(IMAGES)
    np.testing.assert_array_equal(embedder().fit_transform(IMAGES), expected)


# --- the automatic encoder -----------------------------------------------------------------------


def test_auto_is_the_narrow_network_on_a_cpu():
    model = SimCLREmbedder(max_epochs=1, batch_size=30, device="cpu", random_state=0).fit(IMAGES)
    narrow = embedder(max_epochs=1).fit(IMAGES)
    np.testing.assert_array_equal(model.transform(IMAGES), narrow.transform(IMAGES))


def test_auto_is_resnet18_on_a_gpu_and_for_pretrained_weights():
    assert chosen_encoder("auto", torch.device("cuda"), False) == "resnet18"
    assert chosen_encoder("auto", torch.device("mps"), False) == "resnet18"
    assert chosen_encoder("auto", torch.device("cpu"), True) == "resnet18"
    for encoder in ("resnet50", nn.Identity(), nn.Identity):
        assert chosen_encoder(encoder, torch.device("cpu"), False) is encoder


def test_auto_and_the_name_it_stands_for_share_a_checkpoint(tmp_path, monkeypatch):
    names = []

    def noted(*parts):
        names.append(fingerprint(*parts))
        return names[-1]

    monkeypatch.setattr(held_checkpoints, "fingerprint", noted)
    for encoder in ("auto", "resnet_narrow", nn.Flatten):
        embedder(encoder=encoder, max_epochs=1, batch_size=8, checkpoint_dir=tmp_path).fit(
            IMAGES[:8]
        )
    assert names[0] == names[1] != names[2]
