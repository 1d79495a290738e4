"""save and load of the estimators that train networks."""

import json

import numpy as np
import pandas as pd
import pytest
import timm
import torch
from helpers.trainings import weights_of
from numpy.testing import assert_array_equal
from PIL import Image
from safetensors import safe_open
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from torch import nn

from sklearn_contrastive._stored_fit import write_fit
from sklearn_contrastive.augmentation import (
    ColorJitter,
    Compose,
    RandomFlip,
    RandomResizedCrop,
    SimCLRAugmentation,
)
from sklearn_contrastive.deep import LinearContrastiveEncoder, SimCLREmbedder
from sklearn_contrastive.deep._networks import timm_encoder

RNG = np.random.default_rng(0)
GREY = RNG.random((24, 8, 8)).astype(np.float32)
COLOUR = RNG.integers(0, 256, (24, 9, 8, 3), dtype=np.uint8)
ROWS = RNG.normal(size=(24, 12))


def own_encoder(n_channels=1):
    """A network that has no name."""
    layers = [nn.Conv2d(n_channels, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten()]
    return nn.Sequential(*layers)


def noisy(batch):
    return (batch + 0.1 * torch.randn_like(batch)).clamp(0, 1)


def squared(z_1, z_2):
    return 1e4 * ((z_1 - z_2) ** 2).mean()


def embedder(encoder="resnet_narrow", images=GREY, **parameters):
    defaults = {"max_epochs": 1, "batch_size": 12, "random_state": 0, "device": "cpu"}
    return SimCLREmbedder(encoder, **(defaults | parameters)).fit(images)


FITTED = {
    "grey": lambda: (embedder(), GREY),
    "colour": lambda: (embedder(images=COLOUR), COLOUR),
    "chosen encoder": lambda: (embedder("auto"), GREY),
    "rows of features": lambda: (embedder(images=ROWS), ROWS),
    "data frame": lambda: (embedder(images=NAMED), NAMED),
    "projection": lambda: (embedder(output="projection", projection_dim=7), GREY),
    "middle": lambda: (embedder(output="middle", projection_head="mlp3"), GREY),
    "no head": lambda: (embedder(projection_head="none"), GREY),
    "linear head": lambda: (embedder(projection_head="linear", output="projection"), GREY),
    "timm": lambda: (embedder("mobilenetv3_small_050", images=COLOUR), COLOUR),
    "two-dimensional": lambda: (embedder(images=FLAT, image_shape=np.array([8, 8])), FLAT),
    "NumPy numbers": lambda: (
        embedder(projection_dim=np.int64(5), temperature=np.float32(1)),
        GREY,
    ),
    "linear": lambda: (LinearContrastiveEncoder(2, max_epochs=2).fit(ROWS), ROWS),
    "linear in float32": lambda: (LinearContrastiveEncoder(max_epochs=2).fit(SINGLE), SINGLE),
    "linear with masks": lambda: (
        LinearContrastiveEncoder(n_masks=3, max_epochs=2).fit(ROWS),
        ROWS,
    ),
    "linear of a data frame": lambda: (LinearContrastiveEncoder(max_epochs=2).fit(TABLE), TABLE),
}
FLAT = GREY.reshape(24, 64)
NAMED = pd.DataFrame(FLAT, columns=[f"pixel {i}" for i in range(64)])
TABLE = pd.DataFrame(ROWS, columns=[f"sensor {i}" for i in range(12)])
SINGLE = ROWS.astype(np.float32)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("fit", FITTED.values(), ids=FITTED)
def test_a_loaded_estimator_returns_the_same_bits(fit, path):
    model, X = fit()
    expected = model.transform(X)
    torch.manual_seed(7)
    state = torch.get_rng_state()
    model.save(path)
    loaded = type(model).load(path)
    assert torch.equal(torch.get_rng_state(), state)
    scores = loaded.transform(X)
    assert scores.dtype == expected.dtype
    assert_array_equal(scores, expected)
    assert_array_equal(loaded.get_feature_names_out(), model.get_feature_names_out())
    assert loaded.history_ == model.history_
    assert {name for name in vars(loaded) if name.endswith("_")} == {
        name for name in vars(model) if name.endswith("_")
    }
    # what is stored again is the same file
    loaded.save(path.with_suffix(".again"))
    assert contents(path) == contents(path.with_suffix(".again"))


def contents(path):
    """Parameters, attributes and bits of a file."""
    with safe_open(path, framework="np") as file:
        arrays = {name: file.get_tensor(name).tobytes() for name in sorted(file.keys())}
        return json.loads(file.metadata()["description"]), arrays


def test_parameters_come_back_except_those_of_the_machine(path, tmp_path):
    augmentation = Compose(
        [RandomResizedCrop((0.4, 1)), RandomFlip(), ColorJitter(hue=0), SimCLRAugmentation(0.5)]
    )
    model = embedder(
        augmentations=augmentation, checkpoint_dir=tmp_path, warmup_epochs=0, loss="decoupled"
    )
    model.save(path)
    expected = model.get_params() | {"checkpoint_dir": None, "device": "cpu"}
    assert SimCLREmbedder.load(path).get_params() == expected
    generator = np.random.RandomState(0)
    embedder(random_state=generator).save(path)
    assert SimCLREmbedder.load(path).random_state is None


def test_given_parameters_replace_those_of_the_file(path):
    model = embedder()
    model.save(path)
    loaded = SimCLREmbedder.load(path, output="projection", batch_size=5, max_epochs=3)
    assert loaded.transform(GREY).shape == (24, 128)
    assert loaded.partial_fit(GREY).n_iter_ == 4
    with pytest.raises(ValueError, match=r"layers\.1\.weight' of shape.*projection_head='mlp'"):
        SimCLREmbedder.load(path, projection_dim=7)
    with pytest.raises(TypeError, match="no_parameter"):
        SimCLREmbedder.load(path, no_parameter=1)
    with pytest.raises(ValueError, match="The 'output' parameter"):
        SimCLREmbedder.load(path, output="all")


def test_training_continues_with_a_new_optimizer(path):
    model = embedder("resnet_narrow", max_epochs=2, optimizer="sgd", loss=squared)
    model.save(path)
    loaded = SimCLREmbedder.load(path, loss=squared)
    assert loaded.net_.rate_factor_ == model.net_.rate_factor_ < 1
    before = weights_of(loaded)
    loaded.partial_fit(GREY)
    assert [record["epoch"] for record in loaded.history_] == [1, 2, 3, 4]
    assert not np.array_equal(weights_of(loaded), before)
    assert_array_equal(weights_of(clone(loaded).fit(GREY)), weights_of(model))


def test_an_encoder_of_your_own_must_be_given(path):
    model = embedder(own_encoder())
    model.save(path)
    with pytest.raises(ValueError, match=r"encoder, torch.*Sequential, but no code.*encoder="):
        SimCLREmbedder.load(path)
    loaded = SimCLREmbedder.load(path, encoder=own_encoder())
    assert_array_equal(loaded.transform(GREY), model.transform(GREY))
    assert_array_equal(
        SimCLREmbedder.load(path, encoder=own_encoder).transform(GREY), model.transform(GREY)
    )
    with pytest.raises(ValueError, match=r"unknown 'encoder.1.0.bias'.*those of encoder=a Seq"):
        SimCLREmbedder.load(path, encoder=nn.Sequential(nn.Flatten(), nn.Linear(64, 36)))


def test_a_head_of_your_own_must_be_given(path):
    model = embedder(projection_head=nn.Linear(512, 9), output="projection")
    model.save(path)
    with pytest.raises(ValueError, match=r"as projection_head, torch\.nn.*Linear, but no code"):
        SimCLREmbedder.load(path)
    loaded = SimCLREmbedder.load(path, projection_head=nn.Linear(512, 9))
    assert_array_equal(loaded.transform(GREY), model.transform(GREY))


def test_other_code_with_the_same_weights_is_reported(path):
    embedder(own_encoder()).save(path)
    other = own_encoder()
    other[2] = nn.Sigmoid()
    with pytest.warns(UserWarning, match="another output for a test sample than when it was saved"):
        SimCLREmbedder.load(path, encoder=other)


def test_functions_of_the_training_are_needed_for_training_only(path):
    model = embedder(augmentations=noisy, loss=squared)
    model.save(path)
    loaded = SimCLREmbedder.load(path)
    assert_array_equal(loaded.transform(GREY), model.transform(GREY))
    assert "test_saving.squared" in repr(loaded)
    for method in ("fit", "partial_fit"):
        with pytest.raises(ValueError, match=r"The code of .*noisy is not in the file.*to load"):
            getattr(loaded, method)(GREY)
    assert_array_equal(loaded.transform(GREY), model.transform(GREY))
    given = SimCLREmbedder.load(path, augmentations=noisy, loss=squared)
    assert given.partial_fit(GREY).n_iter_ == 2


class LossWithWeights(nn.Module):
    """A loss that is trained together with the network."""

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, z_1, z_2):
        """Scaled distance."""
        return (self.scale.exp() * (z_1 - z_2) ** 2).mean()


def test_weights_of_a_loss_are_not_stored(path):
    model = embedder(loss=LossWithWeights())
    model.save(path)
    assert all(name.startswith(("encoder.", "head.")) for name in contents(path)[1])
    assert_array_equal(SimCLREmbedder.load(path).transform(GREY), model.transform(GREY))
    loaded = SimCLREmbedder.load(path, loss=LossWithWeights())
    assert loaded.partial_fit(GREY).n_iter_ == 2


def test_the_white_of_files_of_16_bits_is_part_of_the_preprocessing(path, tmp_path):
    files = []
    for number, level in enumerate([900, 1000, 4000, 3000]):
        files.append(tmp_path / f"{number}.png")
        pixels = np.linspace(0, level, 64).astype(np.uint16).reshape(8, 8)
        Image.fromarray(pixels).save(files[-1])
    model = embedder(images=files, image_shape=(8, 8), batch_size=4)
    model.save(path)
    loaded = SimCLREmbedder.load(path)
    assert_array_equal(loaded.transform(files[:1]), model.transform(files[:1]))


@pytest.mark.parametrize("kind", ["file", "timm"])
def test_pretrained_networks_load_without_a_download(kind, path, tmp_path, monkeypatch):
    weights = tmp_path / "weights.pth"
    torch.manual_seed(0)
    torch.save(timm.create_model("resnet10t", num_classes=0).state_dict(), weights)
    model = embedder("resnet10t", images=COLOUR, pretrained=weights)
    if kind == "timm":  # in place of a download
        model.set_params(pretrained=True)
        object.__setattr__(model.net_.module, "pretrained", True)
    model.save(path)
    weights.unlink()
    create = timm_encoder._create

    def refuse(timm, name, shape, options):
        assert not options.get("pretrained")
        return create(timm, name, shape, options)

    monkeypatch.setattr(timm_encoder, "_create", refuse)
    loaded = SimCLREmbedder.load(path)
    assert_array_equal(loaded.transform(COLOUR), model.transform(COLOUR))
    assert loaded.pretrained == ("weights.pth" if kind == "file" else True)


def test_a_learned_temperature_comes_back(path):
    model = embedder(temperature="learn", normalization=(0.5, [0.25]))
    model.save(path)
    loaded = SimCLREmbedder.load(path)
    assert loaded.net_.module_.loss.temperature == model.net_.module_.loss.temperature != 0.5
    assert_array_equal(loaded.transform(GREY), model.transform(GREY))


def test_a_parameter_of_the_network_that_was_set_after_fit_is_refused(path):
    model = embedder().set_params(projection_dim=5)
    with pytest.raises(ValueError, match=r"projection_dim was set to 5 after fit.*has 128"):
        model.save(path)
    fitted = LinearContrastiveEncoder(2, max_epochs=2).fit(ROWS).set_params(n_components=4)
    fitted.save(path)
    assert LinearContrastiveEncoder.load(path).transform(ROWS).shape == (24, 2)


def test_a_state_that_is_no_tensor_is_refused(path):
    class Counting(nn.Flatten):
        def get_extra_state(self):
            return {"any": "object"}

        def set_extra_state(self, state):
            pass

    with pytest.raises(ValueError, match=r"_extra_state in the state.* is a dict.*tensors only"):
        embedder(nn.Sequential(Counting(), nn.Linear(64, 4))).save(path)
    assert not path.exists()


def test_estimators_that_are_not_fitted_are_refused(path):
    for model in (SimCLREmbedder(), LinearContrastiveEncoder()):
        with pytest.raises(NotFittedError):
            model.save(path)


def test_the_file_of_another_estimator_is_refused(path):
    LinearContrastiveEncoder(max_epochs=2).fit(ROWS).save(path)
    with pytest.raises(ValueError, match="holds a LinearContrastiveEncoder, not a SimCLREmbedder"):
        SimCLREmbedder.load(path)


def test_a_default_dtype_of_float64_changes_nothing(path):
    model = embedder()
    torch.set_default_dtype(torch.float64)
    try:
        model.save(path)
        loaded = SimCLREmbedder.load(path)
    finally:
        torch.set_default_dtype(torch.float32)
    assert_array_equal(loaded.transform(GREY), model.transform(GREY))


# --- files made by hand, with a valid hash --------------------------------------------------------


@pytest.fixture(scope="module")
def valid(tmp_path_factory):
    """Class, description and arrays of a file of each estimator."""
    folder = tmp_path_factory.mktemp("valid")
    models = [embedder(projection_dim=4), LinearContrastiveEncoder(max_epochs=2).fit(ROWS)]
    found = {}
    for model in models:
        name = type(model).__name__
        model.save(folder / name)
        with safe_open(folder / name, framework="np") as file:
            arrays = {key: file.get_tensor(key) for key in sorted(file.keys())}
        found[name] = contents(folder / name)[0], arrays
    return found


def load_forged(path, valid, estimator=SimCLREmbedder, *, arrays=None, **changes):
    """Load a file whose parameters and attributes are changed; None removes an entry."""
    description, found = (
        json.loads(json.dumps(valid[estimator.__name__][0])),
        dict(valid[estimator.__name__][1]),
    )
    for name, value in changes.items():
        part = "attributes" if name in description["attributes"] else "parameters"
        description[part][name] = value
    write_fit(path, estimator.__name__, description, found | (arrays or {}))
    return estimator.load(path)


@pytest.mark.parametrize(
    ("estimator", "samples"), [(SimCLREmbedder, GREY), (LinearContrastiveEncoder, ROWS)]
)
def test_a_file_that_is_made_by_hand_without_changes_loads(estimator, samples, path, valid):
    loaded = load_forged(path, valid, estimator)
    assert isinstance(loaded, estimator)
    # what the tests below change is what these scores depend on
    width = 512 if estimator is SimCLREmbedder else 2
    assert loaded.transform(samples).shape == (len(samples), width)
    loaded.save(path.with_suffix(".again"))
    description, arrays = contents(path.with_suffix(".again"))
    assert description == valid[estimator.__name__][0]
    assert {name: array.tobytes() for name, array in valid[estimator.__name__][1].items()} == arrays


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("encoder", "hf-hub:someone/network", "is not known"),
        ("encoder", "local-dir:../network", "is not known"),
        ("encoder", "../../network", "is not known"),
        ("encoder", "vit_giant_patch14_clip_224", "cannot be built|are not those"),
        ("encoder", "resnet152", "are not those"),
        ("encoder", {"not_in_file": "os.system"}, "a module of your own as encoder, os.system"),
        ("encoder", {"augmentation": "RandomFlip"}, "encoder is an augmentation"),
        ("encoder", 5, "The 'encoder' parameter"),
        ("projection_dim", 10**12, "are not those"),
        ("projection_head", "mlp3", "are not those"),
        ("augmentations", {"augmentation": "os.system"}, "unknown kind"),
        ("augmentations", {"augmentation": "RandomFlip", "q": 1}, "RandomFlip cannot be made"),
        ("augmentations", {"augmentation": "RandomFlip", "p": 2}, "RandomFlip cannot be made"),
        ("augmentations", {"augmentation": ["RandomFlip"]}, "unknown kind"),
        ("augmentations", "eval", "is not known"),
        ("checkpoint_dir", "../../anywhere", "it sets 'checkpoint_dir'"),
        ("device", "cuda", "it sets 'device'"),
        ("__class__", "os.system", "does not have in this version"),
        ("pretrained", "../weights.pth", "the folder of pretrained"),
        ("loss", "os.system", "The 'loss' parameter"),
        ("random_state", "x", "The 'random_state' parameter"),
        ("batch_size", 0, "The 'batch_size' parameter"),
        ("image_shape_", [10**6, 10**6, 3], "n_features_in_|image_shape_"),
        ("image_shape_", [4097, 4096, 1], "n_features_in_|image_shape_"),
        ("image_shape_", [8, 8], "image_shape_"),
        ("image_shape_", [8, 8, 1.0], "image_shape_"),
        ("n_features_in_", -1, "n_features_in_"),
        ("n_features_in_", True, "n_features_in_"),
        ("history_", "x", "history_"),
        ("history_", [], "history_"),
        ("history_", [{"loss": "x"}], "history_"),
        ("width", 10**12, "width"),
        ("channel_mean", [0.0, 0.0], "do not have 1 channels"),
        ("channel_std", ["x"], "channel_std"),
        ("rate_factor", float("nan"), "rate_factor"),
        ("white_level", "x", "white_level"),
        ("probe", None, "probe"),
    ],
)
def test_forged_values_are_refused(name, value, message, path, valid):
    with pytest.raises(ValueError, match=message):
        load_forged(path, valid, **{name: value})


def test_deep_nesting_is_refused(path, valid):
    nested = {"augmentation": "RandomFlip"}
    for _ in range(100):
        nested = {"augmentation": "Compose", "members": [nested]}
    with pytest.raises(ValueError, match="nested more than"):
        load_forged(path, valid, augmentations=nested)


@pytest.mark.parametrize("estimator", [SimCLREmbedder, LinearContrastiveEncoder])
@pytest.mark.parametrize("name", ["../../weights", "encoder.1.other", "head.other", "loss.scale"])
def test_forged_names_of_arrays_are_refused(name, estimator, path, valid):
    with pytest.raises(ValueError, match=f"with an unknown '{name}'"):
        load_forged(path, valid, estimator, arrays={name: np.ones(1)})


def test_forged_types_and_shapes_of_arrays_are_refused(path, valid):
    name = "head.layers.1.bias"
    with pytest.raises(ValueError, match=rf"{name} is torch\.float64, not torch\.float32"):
        load_forged(path, valid, arrays={name: np.ones(4)})
    with pytest.raises(ValueError, match=rf"'{name}' of shape \(5,\), not \(4,\)"):
        load_forged(path, valid, arrays={name: np.ones(5, np.float32)})
    for name in ("mean_", "components_", "masks_"):
        with pytest.raises(ValueError, match=f"'{name}' of shape"):
            load_forged(path, valid, LinearContrastiveEncoder, arrays={name: np.ones((2, 3))})


def test_a_forged_file_without_parameters_is_refused(path, valid):
    description, arrays = valid["SimCLREmbedder"]
    for part in ("parameters", "attributes"):
        write_fit(path, "SimCLREmbedder", description | {part: 3}, arrays)
        with pytest.raises(ValueError, match=f"it has no {part}"):
            SimCLREmbedder.load(path)
