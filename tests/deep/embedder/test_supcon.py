"""SupConEmbedder: what labels change, resumed trainings, chunks, files, persistence."""

import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from helpers.checks import assert_first_class
from helpers.persistence import by_pickle
from helpers.trainings import CutOff, cut_off_after, weights_of
from numpy.testing import assert_allclose, assert_array_equal
from PIL import Image
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.neighbors import KNeighborsClassifier
from torch import nn

from sklearn_contrastive.deep import SimCLREmbedder, SupConEmbedder
from sklearn_contrastive.exceptions import LabelsWarning

RNG = np.random.default_rng(0)
X = RNG.integers(0, 256, (48, 8, 8), dtype=np.uint8)
Y = np.arange(48) % 3
SETTINGS = {"max_epochs": 2, "batch_size": 16, "device": "cpu", "random_state": 0}


def two_layers():
    """Return the smallest encoder, for rows of any length."""
    return nn.Sequential(nn.Flatten(), nn.LazyLinear(8), nn.ReLU())


def embedder(encoder=two_layers, **parameters):
    return SupConEmbedder(encoder, **(SETTINGS | parameters))


@pytest.mark.filterwarnings("ignore:batch_size=64 is more than the")
@pytest.mark.filterwarnings("ignore::sklearn_contrastive.exceptions.CollapseWarning")
@pytest.mark.parametrize("parameters", [{}, {"class_balanced": True, "temperature": "learn"}])
def test_every_check_of_scikit_learn_passes(parameters):
    settings = {"max_epochs": 1, "batch_size": 64, "device": "cpu"}
    if parameters:  # the checks have a few floats as y as well
        parameters = parameters | {"target_type": "classes"}
    assert_first_class(SupConEmbedder(two_layers, **settings, **parameters), 59)


# --- what labels change ---------------------------------------------------------------------------


def pictures(n, seed):
    """Pictures of strong stripes and tiles that say nothing, and of a faint bar.

    Also returns a class and a number: the height of the bar, roughly and exactly.
    """
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 3, n)
    height = 3 * label + rng.integers(1, 3, n)
    tiles = rng.random((n, 4, 4)).repeat(3, axis=1).repeat(3, axis=2)
    images = 0.5 * rng.random((n, 1, 12)) + 0.5 * tiles
    images[np.arange(n), height] += 0.3
    return images.clip(0, 1).astype(np.float32), label, height + 0.01 * rng.random(n)


def of_two_layers():
    """A network without batch norm."""
    return nn.Sequential(nn.Flatten(), nn.Linear(144, 64), nn.ReLU(), nn.Linear(64, 32))


OF_PICTURES = {
    "encoder": of_two_layers,
    "augmentations": lambda batch: batch + 0.1 * torch.randn_like(batch),
    "temperature": 0.1,
    "batch_size": 64,
    "max_epochs": 12,
    "device": "cpu",
    "random_state": 0,
}


def accuracy(model, X, y, X_new, y_new):
    return KNeighborsClassifier(5).fit(model.transform(X), y).score(model.transform(X_new), y_new)


@pytest.fixture(scope="module")
def without_labels():
    X, _, _ = pictures(600, 0)
    return SimCLREmbedder(**OF_PICTURES).fit(X)


def test_labels_bring_the_images_of_a_class_together(without_labels):
    (X, y, _), (X_new, y_new, _) = pictures(600, 0), pictures(300, 1)
    model = SupConEmbedder(**OF_PICTURES).fit(X, y)
    score = accuracy(model, X, y, X_new, y_new)
    assert score > 0.9
    assert score > accuracy(without_labels, X, y, X_new, y_new) + 0.2


def test_a_few_labels_help_where_most_images_have_none(without_labels):
    (X, y, _), (X_new, y_new, _) = pictures(600, 0), pictures(300, 1)
    few = np.where(np.arange(600) < 120, y, -1)
    model = SupConEmbedder(**OF_PICTURES, class_balanced=True).fit(X, few)
    score = accuracy(model, X[:120], y[:120], X_new, y_new)
    assert score > accuracy(without_labels, X[:120], y[:120], X_new, y_new) + 0.05


def test_numbers_bring_images_with_close_numbers_together(without_labels):
    (X, _, t), (X_new, _, t_new) = pictures(600, 0), pictures(300, 1)
    t[::10] = np.nan
    known = ~np.isnan(t)
    model = SupConEmbedder(**OF_PICTURES, target_type="continuous").fit(X, t)
    scores = [
        r2_score(t_new, Ridge().fit(m.transform(X)[known], t[known]).predict(m.transform(X_new)))
        for m in (model, without_labels)
    ]
    assert scores[0] > 0.7
    assert scores[0] > scores[1] + 0.2
    assert not hasattr(model, "classes_")
    assert_allclose(model.target_mean_, [np.nanmean(t)])
    assert_allclose(model.target_scale_, [np.nanstd(t)])


def test_it_is_simclr_bit_by_bit_if_every_image_is_a_class():
    model = embedder("resnet_narrow").fit(X, np.arange(48))
    expected = SimCLREmbedder("resnet_narrow", **SETTINGS, temperature=0.1).fit(X)
    assert_array_equal(weights_of(model), weights_of(expected))
    assert model.history_[-1]["loss"] == expected.history_[-1]["loss"]


def test_the_unit_of_numbers_does_not_matter_and_their_closeness_does():
    t = RNG.normal(size=(48, 2))
    models = [embedder(bandwidth=h).fit(X, u) for h, u in ((1, t), (1, t * [8, -2] + 4), (2, t))]
    weights = [weights_of(model) for model in models]
    assert_allclose(weights[1], weights[0], rtol=1e-3, atol=1e-5)
    assert np.abs(weights[2] - weights[0]).max() > 1e-4


def test_a_learned_temperature_is_recorded():
    model = embedder(temperature="learn", max_epochs=5, learning_rate=0.01).fit(X, Y)
    found = [record["temperature"] for record in model.history_]
    assert found[0] != found[-1]
    assert all(0.01 <= each <= 0.3 for each in found)


# --- y --------------------------------------------------------------------------------------------

NAMES = np.array(["coat", "bag", "shirt"])
SAME = {
    "list": Y.tolist(),
    "strings": NAMES[[1, 0, 2]][Y],
    "strings in a data frame": pd.DataFrame({"y": NAMES[[1, 0, 2]][Y]}),
    "polars": pl.Series(Y),
    "tensor": torch.from_numpy(Y),
    "float tensor": torch.from_numpy(Y).bfloat16(),
    "column": Y[:, None],
}


@pytest.mark.parametrize("name", SAME)
def test_labels_of_any_type_give_the_same_network(name):
    model = embedder(target_type="classes").fit(X, SAME[name])
    assert_array_equal(weights_of(model), weights_of(embedder().fit(X, Y)))
    expected = [0, 1, 2] if "strings" not in name else ["bag", "coat", "shirt"]
    assert model.classes_.tolist() == expected


def test_images_without_a_label_have_the_mark_that_unlabelled_names():
    y = np.where(np.arange(48) % 4 == 0, -1, Y)
    model = embedder().fit(X, y)
    names = np.append(NAMES, "?")[y]
    other = embedder(unlabelled="?").fit(X, np.where(names == "bag", "a", names))
    assert model.classes_.tolist() == [0, 1, 2]
    assert other.classes_.tolist() == ["a", "coat", "shirt"]
    class_of_all = embedder(unlabelled=None).fit(X, y)
    assert class_of_all.classes_.tolist() == [-1, 0, 1, 2]
    assert np.abs(weights_of(class_of_all) - weights_of(model)).max() > 1e-4


REFUSED = {
    "None": (None, {}, "requires y to be passed, but the target y is None"),
    "too few": (Y[:40], {}, "y has 40 labels but X has 48 samples"),
    "too few numbers": (RNG.normal(size=40), {}, "y has 40 rows but X has 48 samples"),
    "no label": (np.full(48, -1), {}, "y has no label: all images are marked.*SimCLREmbedder"),
    "one class": (np.full(48, 7), {}, "there is only 1 class: every image would be a positive"),
    "few floats": (Y.astype(float), {}, "3 different number.*which may name classes"),
    "ambiguous": (np.where(Y > 0, 1, -1), {}, "y holds exactly -1 and 1"),
    "numbers as classes": (
        RNG.normal(size=48),
        {"target_type": "classes"},
        "y is continuous, but labels must name classes",
    ),
    "classes as numbers": (NAMES[Y], {"target_type": "continuous"}, "targets are numbers"),
    "infinite": (np.r_[np.inf, RNG.normal(size=47)], {}, "y contains infinity"),
    "infinite class": (
        np.where(Y == 1, np.inf, Y),
        {"target_type": "classes"},
        "y contains infinity, which names no class",
    ),
    "no number": (np.full(48, np.nan), {}, "y has no known target.*SimCLREmbedder"),
    "a constant": (np.full((48, 2), [1.5, 0.1]), {}, "Target 0 of y has one value only"),
    "an unknown column": (
        np.c_[RNG.normal(size=48), np.full(48, np.nan)],
        {},
        "Target 1 of y has one value only, or none",
    ),
    "balanced numbers": (
        RNG.normal(size=48),
        {"class_balanced": True},
        "class_balanced=True needs labels",
    ),
    "empty": ([], {}, "y"),
    "a string": ("abc", {}, "y has shape"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_targets_are_refused_and_the_earlier_fit_stays(name):
    y, parameters, message = REFUSED[name]
    model = embedder(max_epochs=1).fit(X, Y)
    before = model.transform(X)
    with pytest.raises(ValueError, match=message):
        model.set_params(**parameters).fit(X, y)
    assert_array_equal(model.transform(X), before)
    assert model.classes_.tolist() == [0, 1, 2]
    assert not hasattr(model, "target_mean_")


def test_one_class_beside_images_without_a_label_is_trained_on():
    model = embedder(max_epochs=1).fit(X, np.where(Y == 1, 5, -1))
    assert model.classes_.tolist() == [5]


def test_a_refit_may_change_the_kind():
    model = embedder(max_epochs=1).fit(X, Y).fit(X, RNG.normal(size=48))
    assert not hasattr(model, "classes_")
    model.fit(X, Y)
    assert not hasattr(model, "target_mean_")
    assert not hasattr(model, "target_scale_")


@pytest.mark.parametrize("class_balanced", [False, True])
def test_few_labels_in_random_batches_warn(class_balanced):
    y = np.where(np.arange(48) < 6, Y, -1)
    model = embedder(max_epochs=1, class_balanced=class_balanced)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", LabelsWarning)
        model.fit(X, y)
    found = [str(each.message) for each in caught if each.category is LabelsWarning]
    assert len(found) == (not class_balanced)
    assert class_balanced or "has 2 images with a label on average, of 3 classes" in found[0]


# --- training -------------------------------------------------------------------------------------


@pytest.mark.parametrize("class_balanced", [False, True])
def test_a_training_in_chunks_is_that_of_whole_batches(class_balanced):
    y = np.r_[np.zeros(40, int), [1, 1, 2, -1, -1, -1, -1, -1]]
    chunked, whole = (
        embedder(
            lambda: nn.Sequential(nn.Flatten(), nn.Linear(64, 16)),
            projection_head="linear",
            class_balanced=class_balanced,
            chunk_size=size,
        ).fit(X, y)
        for size in (5, None)
    )
    assert_allclose(weights_of(chunked), weights_of(whole), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("class_balanced", [False, True])
def test_classes_are_as_frequent_as_asked(class_balanced):
    X = np.zeros((60, 8, 8), np.float32)
    y = np.r_[np.zeros(50, int), np.ones(10, int)]
    X[y == 1] = 1.0
    seen = []

    def watched(batch):
        seen.append(float(batch.mean()))
        return batch + 0.1 * torch.randn_like(batch)

    embedder(augmentations=watched, batch_size=20, max_epochs=1).set_params(
        class_balanced=class_balanced
    ).fit(X, y)
    assert np.mean(seen) == pytest.approx(0.5 if class_balanced else 1 / 6)
    assert (np.ptp(seen) == 0) == class_balanced


def test_interrupted_trainings_resume_exactly_with_the_same_y_only(tmp_path, monkeypatch):
    parameters = {"class_balanced": True, "temperature": "learn", "max_epochs": 3}
    whole = embedder(**parameters).fit(X, Y)
    with monkeypatch.context() as patch:
        cut_off_after(2, patch)
        with pytest.raises(CutOff):
            embedder(**parameters, checkpoint_dir=tmp_path).fit(X, Y)
    other = Y.copy()
    other[0] = 2
    embedder(**parameters, checkpoint_dir=tmp_path).fit(X, other)
    assert len(list(tmp_path.glob("*/state.pt"))) == 1  # that of the first one
    with monkeypatch.context() as patch:
        seen = cut_off_after(9, patch)
        resumed = embedder(**parameters, checkpoint_dir=tmp_path).fit(X, Y)
    assert len(seen) == 1
    assert_array_equal(weights_of(resumed), weights_of(whole))
    assert list(tmp_path.glob("*/state.pt")) == []


def test_skipped_files_take_their_labels_with_them(tmp_path):
    paths = [tmp_path / f"{number:02}.png" for number in range(48)]
    for path, image in zip(paths, X, strict=True):
        Image.fromarray(image).save(path)
    for bad in (0, 20):
        paths[bad].write_text("not an image")
    y = Y.astype(object)
    y[20] = 99  # its class is not among the readable ones
    settings = {"image_shape": (8, 8), "on_unreadable": "skip"}
    with pytest.warns(UserWarning, match="2 of the 48 files cannot be read"):
        model = embedder(**settings).fit(paths, y)
    keep = np.delete(np.arange(48), [0, 20])
    expected = embedder(**settings).fit([paths[i] for i in keep], Y[keep])
    assert_array_equal(weights_of(model), weights_of(expected))
    assert model.classes_.tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="y has 46 labels but X has 48 samples"):
        embedder(**settings).fit(paths, Y[keep])


def test_partial_fit_continues_with_other_images_and_classes():
    model = embedder().partial_fit(X, Y)
    assert_array_equal(weights_of(model), weights_of(embedder().fit(X, Y)))
    model.partial_fit(X[:24], Y[:24] + 2)
    assert model.classes_.tolist() == [0, 1, 2, 3, 4]
    before = weights_of(model)
    model.partial_fit(X, np.full(48, -1))  # without a label
    assert np.abs(weights_of(model) - before).max() > 0
    assert model.classes_.tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(ValueError, match="target_type='continuous', but the fit that this one"):
        model.set_params(target_type="continuous").partial_fit(X, RNG.normal(size=48))
    with pytest.raises(ValueError, match="there is only 1 class"):
        model.set_params(target_type="auto").partial_fit(X, np.ones(48, int))
    assert model.classes_.tolist() == [0, 1, 2, 3, 4]


def test_partial_fit_keeps_the_unit_of_numbers():
    t = RNG.normal(size=(48, 2))
    model = embedder().partial_fit(X, t)
    mean = model.target_mean_
    model.partial_fit(X[:24], 5 + t[:24])
    assert_array_equal(model.target_mean_, mean)
    model.partial_fit(X, np.full((48, 2), np.nan))
    with pytest.raises(ValueError, match=r"y has 1 target\(s\), but earlier samples had 2"):
        model.partial_fit(X, t[:, 0])
    with pytest.raises(ValueError, match="target_type='classes', but the fit that this one"):
        model.set_params(target_type="classes").partial_fit(X, Y)


def test_validation_images_are_watched():
    model = embedder().fit(X, Y, X_val=X[:12], y_val=NAMES[Y[:12]])
    assert all(0 <= record["knn_accuracy"] <= 1 for record in model.history_)


def test_global_random_states_stay():
    torch.manual_seed(7)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    embedder(class_balanced=True).fit(X, Y)
    assert torch.equal(torch.get_rng_state(), before)
    assert_array_equal(np.random.get_state()[1], numpy_before)  # noqa: NPY002


# --- persistence ----------------------------------------------------------------------------------

STORED = {
    "labels": (Y, {}),
    "strings": (NAMES[Y], {}),
    "objects": (NAMES[Y].astype(object), {}),
    "bools": (Y > 0, {}),
    "two floats": (np.minimum(Y, 1.0), {}),
    "numbers": (RNG.normal(size=(48, 2)), {}),
    "a learned temperature": (Y, {"temperature": "learn"}),
    "a mark": (np.where(Y == 0, np.nan, Y), {"unlabelled": np.nan}),
}


@pytest.mark.parametrize("name", STORED)
def test_a_loaded_estimator_returns_the_same_and_continues(name, tmp_path):
    y, parameters = STORED[name]
    model = embedder("resnet_narrow", max_epochs=1, **parameters).fit(X, y)
    model.save(tmp_path / "model.safetensors")
    loaded = SupConEmbedder.load(tmp_path / "model.safetensors")
    assert_array_equal(loaded.transform(X), model.transform(X))
    for attribute in ("classes_", "target_mean_", "target_scale_"):
        assert hasattr(loaded, attribute) == hasattr(model, attribute)
        if hasattr(model, attribute):
            found, expected = getattr(loaded, attribute), getattr(model, attribute)
            assert found.dtype == expected.dtype
            assert_array_equal(found, expected)
    assert loaded.history_ == model.history_
    loaded.partial_fit(X, y)
    copy = by_pickle(model)
    assert_array_equal(copy.transform(X), model.transform(X))
    copy.partial_fit(X, y)


def test_labels_that_json_does_not_have_are_named(tmp_path):
    dates = np.array(["2024-01-01", "2024-01-02", "2024-01-03"], dtype="datetime64[D]")
    y = [pd.Timestamp(each) for each in dates[Y]]
    model = embedder("resnet_narrow", max_epochs=1).fit(X, np.array(y, dtype=object))
    with pytest.raises(ValueError, match="labels of type Timestamp; save writes numbers and"):
        model.save(tmp_path / "model.safetensors")


ALTERED = {
    "no targets": {},
    "no classes": {"classes_": []},
    "mixed classes": {"classes_": [1, "a"]},
    "a scale of zero": {"target_mean_": [0.0], "target_scale_": [0.0]},
    "other lengths": {"target_mean_": [0.0], "target_scale_": [1.0, 2.0]},
    "not a number": {"target_mean_": ["a"], "target_scale_": [1.0]},
}


@pytest.mark.parametrize("name", ALTERED)
def test_altered_files_are_refused(name, tmp_path, monkeypatch):
    model = embedder("resnet_narrow", max_epochs=1).fit(X, Y)
    path = tmp_path / "model.safetensors"
    with monkeypatch.context() as patch:
        patch.setattr(
            "sklearn_contrastive.deep._supcon.stored_targets", lambda model: ALTERED[name]
        )
        model.save(path)
    with pytest.raises(ValueError, match=r"model\.safetensors cannot be loaded"):
        SupConEmbedder.load(path)


def test_the_graph_of_onnx_gives_the_representations(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    model = embedder("resnet_narrow", max_epochs=1).fit(X, Y)
    model.to_onnx(tmp_path / "encoder.onnx")
    session = onnxruntime.InferenceSession(
        tmp_path / "encoder.onnx", providers=["CPUExecutionProvider"]
    )
    (rows,) = session.run(None, {"images": (X[:, None] / 255).astype(np.float32)})
    assert_allclose(rows, model.transform(X), atol=1e-5)


def test_output_has_names_and_containers():
    model = embedder(max_epochs=1).set_output(transform="pandas")
    table = model.fit_transform(pd.DataFrame(X.reshape(48, 64) / 255).rename(columns=str), Y)
    assert table.columns.tolist() == [f"supconembedder{i}" for i in range(8)]


@pytest.mark.parametrize("n_samples", [2, 5])
def test_few_images_and_classes_of_one(n_samples):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a batch that is larger, and perhaps collapse
        model = embedder(max_epochs=1).fit(X[:n_samples], np.arange(n_samples))
    assert np.isfinite(model.transform(X)).all()
