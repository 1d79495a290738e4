"""save and load of ContrastiveClassifier: round trips, embedders, own parts, altered files."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from helpers.mixed_tables import as_pandas, mixed_columns
from helpers.persistence import by_pickle
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.testing import assert_array_equal
from safetensors import safe_open
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from torch import nn

from sklearn_contrastive._stored_fit import StoredFit, read_fit, write_fit
from sklearn_contrastive.augmentation import Compose, RandomResizedCrop
from sklearn_contrastive.deep import (
    AutoencoderEmbedder,
    ContrastiveClassifier,
    SimCLREmbedder,
    SupConEmbedder,
    TabularContrastiveEmbedder,
)
from sklearn_contrastive.deep._embedder.targets import restored_classes, stored_classes

RNG = np.random.default_rng(0)
X = RNG.random((40, 8, 8)).astype(np.float32)
ROWS = RNG.normal(size=(40, 12))
TABLE = as_pandas(mixed_columns(40))
NAMED = pd.DataFrame(X.reshape(40, 64), columns=[f"pixel {i}" for i in range(64)])
Y = np.arange(40) % 3
FEW = np.where(np.arange(40) % 2, Y, -1)
TRAINING = {"max_epochs": 1, "batch_size": 20, "random_state": 0, "device": "cpu"}


def small_encoder():
    """Return a network that has no name."""
    return nn.Sequential(nn.Conv2d(1, 4, 3, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten())


def darker(batch):
    """Return an augmentation of its own."""
    return batch * 0.9


def embedder(kind=SimCLREmbedder, **parameters):
    return kind(**(TRAINING | parameters))


def classifier(given, **parameters):
    defaults = {"max_epochs": 2, "self_training_epochs": 1, "random_state": 0}
    return ContrastiveClassifier(given, **(defaults | parameters))


def frozen(kind=SimCLREmbedder, samples=X, **parameters):
    return FrozenEstimator(embedder(kind, **parameters).fit(samples, FEW))


@pytest.fixture(scope="module")
def model():
    """A classifier of images; no test changes it."""
    return classifier(embedder(projection_dim=4)).fit(X, FEW)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "classifier.safetensors"


FITTED = {
    "images": lambda: (embedder(), X, FEW),
    "frozen": lambda: (frozen(), X, FEW),
    "rows": lambda: (embedder(), ROWS, FEW),
    "data frame": lambda: (embedder(), NAMED, FEW),
    "no hidden layer": lambda: (embedder(projection_head="linear"), X, FEW),
    "learned temperature": lambda: (embedder(temperature="learn"), X, FEW),
    "supcon": lambda: (embedder(SupConEmbedder), X, FEW),
    "autoencoder": lambda: (embedder(AutoencoderEmbedder, n_components=3), X, FEW),
    "autoencoder of rows": lambda: (frozen(AutoencoderEmbedder, ROWS), ROWS, FEW),
    "table": lambda: (embedder(TabularContrastiveEmbedder, width=6), TABLE, FEW),
    "frozen table": lambda: (frozen(TabularContrastiveEmbedder, TABLE), TABLE, FEW),
}


@pytest.mark.parametrize("name", FITTED)
def test_a_loaded_classifier_returns_the_same_bits(name, path):
    given, samples, y = FITTED[name]()
    model = classifier(given).fit(samples, y)
    torch.manual_seed(7)
    state = torch.get_rng_state()
    model.save(path)
    loaded = ContrastiveClassifier.load(path)
    assert torch.equal(torch.get_rng_state(), state)
    assert_array_equal(loaded.decision_function(samples), model.decision_function(samples))
    assert_array_equal(loaded.predict_proba(samples), model.predict_proba(samples))
    assert_array_equal(loaded.predict(samples), model.predict(samples))
    assert loaded.score(samples, y) == model.score(samples, y)
    assert loaded.history_ == model.history_
    assert loaded.net_.history[-1]["train_loss"] == model.history_[-1]["loss"]
    assert not loaded.net_.module_.training
    assert {each for each in vars(loaded) if each.endswith("_")} == {
        each for each in vars(model) if each.endswith("_")
    }
    # its embedder is one as well
    expected = model.embedder_.transform(samples)
    assert_array_equal(loaded.embedder_.transform(samples), expected)
    assert loaded.embedder_.history_ == model.embedder_.history_
    loaded.embedder_.save(path.with_suffix(".embedder"))
    alone = type(model.embedder_).load(path.with_suffix(".embedder"))
    assert_array_equal(alone.transform(samples), expected)
    # what is stored again is the same file
    loaded.save(path.with_suffix(".again"))
    assert contents(path.with_suffix(".again")) == contents(path)


def contents(path):
    """Description and bits of a file."""
    with safe_open(path, framework="np") as file:
        arrays = {name: file.get_tensor(name).tobytes() for name in sorted(file.keys())}
        return json.loads(file.metadata()["description"]), arrays


LABELS = {
    "int": Y,
    "int32": Y.astype(np.int32),
    "uint8": Y.astype(np.uint8),
    "float": Y.astype(float),
    "bool": Y > 0,
    "negative": Y - 5,
    "strings": np.array(["é", "日本", "c"])[Y],
    "objects": np.where(np.arange(40) < 30, np.array(["a", "b", "c"], dtype=object)[Y], -1),
    "two": np.array(["no", "yes"])[Y // 2],
}


@pytest.mark.parametrize("name", LABELS)
def test_classes_come_back_with_their_type(name, path):
    y = LABELS[name]
    weights = dict.fromkeys(np.unique(y[y != -1])[:1], 2.0)
    model = classifier(frozen(), class_weight=weights, max_epochs=1).fit(X, y)
    model.save(path)
    loaded = ContrastiveClassifier.load(path)
    assert loaded.classes_.dtype == model.classes_.dtype
    assert loaded.classes_.tolist() == model.classes_.tolist()
    assert [type(each) for each in loaded.predict(X)] == [type(each) for each in model.predict(X)]
    assert_array_equal(loaded.predict(X), model.predict(X))
    assert loaded.class_weight == weights
    assert loaded.net_.criterion.class_weights == model.net_.criterion.class_weights


numbers = st.sampled_from(
    ["int64", "int32", "uint8", "uint64", "bool", "float64", "float32"]
).flatmap(
    lambda dtype: hnp.arrays(
        dtype, st.integers(1, 9), elements={"allow_nan": False} if "f" in dtype else None
    )
)
strings = st.builds(
    np.array, st.lists(st.text(max_size=5), min_size=1), dtype=st.sampled_from(["U", object])
)


@given(labels=st.one_of(numbers, strings))
def test_any_classes_come_back_from_json(labels):
    classes = np.unique(labels)
    attributes = json.loads(json.dumps(stored_classes(classes)))
    restored = restored_classes(StoredFit(Path("file"), {}, {}, ""), attributes)
    assert restored.tolist() == classes.tolist()
    # an array of strings may have been wider than its longest one
    assert restored.dtype == classes.dtype or restored.dtype.kind == classes.dtype.kind == "U"


def test_classes_of_other_types_are_refused(path):
    model = classifier(frozen(), max_epochs=1).fit(X, Y)
    model.classes_ = np.array([b"a", b"b", b"c"])
    with pytest.raises(ValueError, match="labels of type bytes; save writes numbers and strings"):
        model.save(path)
    assert not path.exists()


# --- parameters, and the embedder among them ------------------------------------------------------


def test_parameters_come_back_except_those_of_the_machine(path, tmp_path):
    given = embedder(augmentations=Compose([RandomResizedCrop((0.4, 1))]), loss="decoupled")
    model = classifier(given, checkpoint_dir=tmp_path / "kept", from_layer="representation")
    model.set_params(augmentations=RandomResizedCrop(), class_weight="balanced").fit(X, FEW)
    model.save(path)
    loaded = ContrastiveClassifier.load(path).get_params()
    expected = model.get_params() | {"checkpoint_dir": None, "embedder": loaded["embedder"]}
    assert loaded == expected
    assert not hasattr(loaded["embedder"], "net_")
    classifier(frozen(), random_state=np.random.RandomState(0)).fit(X, FEW).save(path)
    assert ContrastiveClassifier.load(path).random_state is None


def test_a_loaded_classifier_is_fitted_anew_as_the_saved_one(model, path):
    model.save(path)
    loaded = ContrastiveClassifier.load(path)
    assert clone(loaded).get_params().keys() == model.get_params().keys()
    again = clone(loaded).fit(X, FEW)
    assert_array_equal(again.decision_function(X), model.decision_function(X))
    assert_array_equal(loaded.fit(X, FEW).decision_function(X), model.decision_function(X))


def test_a_frozen_embedder_must_be_given_to_fit_again(path):
    given = frozen()
    model = classifier(given).fit(X, FEW)
    model.save(path)
    loaded = ContrastiveClassifier.load(path)
    assert isinstance(loaded.embedder, FrozenEstimator)
    assert loaded.get_params()["embedder__estimator"].get_params() == given.estimator.get_params()
    assert "SimCLREmbedder" in repr(loaded)
    expected = model.decision_function(X)
    for each in (loaded, clone(loaded)):
        with pytest.raises(NotFittedError, match=r"loaded from a file .*Give FrozenEstimator"):
            each.fit(X, FEW)
    assert_array_equal(loaded.decision_function(X), expected)
    for each in (
        ContrastiveClassifier.load(path, embedder=given),
        clone(loaded).set_params(embedder=given),
    ):
        assert_array_equal(each.fit(X, FEW).decision_function(X), expected)


def test_the_default_embedder_stays_the_default(path, monkeypatch):
    monkeypatch.setattr(SimCLREmbedder.__init__, "__kwdefaults__", {
        **SimCLREmbedder.__init__.__kwdefaults__, "max_epochs": 1, "batch_size": 20,
    })  # fmt: skip
    model = classifier(None).fit(X, FEW)
    model.save(path)
    loaded = ContrastiveClassifier.load(path)
    assert loaded.embedder is None
    assert_array_equal(loaded.decision_function(X), model.decision_function(X))


def test_given_parameters_replace_those_of_the_file(model, path):
    model.save(path)
    loaded = ContrastiveClassifier.load(
        path, max_epochs=1, embedder__batch_size=7, embedder__output="projection"
    )
    assert loaded.max_epochs == 1
    assert loaded.embedder.batch_size == loaded.embedder_.batch_size == 7
    assert loaded.embedder_.transform(X).shape == (40, 4)
    with pytest.raises(ValueError, match="from the layer 'middle', and from_layer='repres"):
        ContrastiveClassifier.load(path, from_layer="representation")
    with pytest.raises(ValueError, match=r"layers\.1\.weight' of shape.*projection_head='mlp'"):
        ContrastiveClassifier.load(path, embedder__projection_dim=7)
    with pytest.raises(TypeError, match="no_parameter"):
        ContrastiveClassifier.load(path, no_parameter=1)
    with pytest.raises(TypeError, match="no_parameter"):
        ContrastiveClassifier.load(path, embedder__no_parameter=1)
    with pytest.raises(ValueError, match="The 'batch_size' parameter of ContrastiveClassifier"):
        ContrastiveClassifier.load(path, batch_size=0)
    with pytest.raises(ValueError, match="The 'output' parameter of SimCLREmbedder"):
        ContrastiveClassifier.load(path, embedder__output="all")
    with pytest.raises(ValueError, match="The 'embedder' parameter of ContrastiveClassifier"):
        ContrastiveClassifier.load(path, embedder="SimCLREmbedder")


def test_modules_and_functions_of_your_own_must_be_given(path):
    given = embedder(encoder=small_encoder, augmentations=darker)
    model = classifier(given, augmentations=darker).fit(X, FEW)
    model.save(path)
    with pytest.raises(ValueError, match=r"small_encoder, but no code.*embedder__encoder=\.\.\.\)"):
        ContrastiveClassifier.load(path)
    loaded = ContrastiveClassifier.load(path, embedder__encoder=small_encoder)
    assert_array_equal(loaded.decision_function(X), model.decision_function(X))
    with pytest.raises(ValueError, match=r"The code of .*darker is not in the file"):
        loaded.fit(X, FEW)
    assert_array_equal(loaded.decision_function(X), model.decision_function(X))
    code = {"embedder__encoder": small_encoder, "embedder__augmentations": darker}
    whole = ContrastiveClassifier.load(path, augmentations=darker, **code)
    assert_array_equal(whole.fit(X, FEW).decision_function(X), model.decision_function(X))


def test_other_code_with_the_same_weights_is_reported(path):
    classifier(embedder(encoder=small_encoder)).fit(X, FEW).save(path)
    other = small_encoder()
    other[2] = nn.Sigmoid()
    with pytest.warns(UserWarning, match="another output for a test sample than when it was saved"):
        ContrastiveClassifier.load(path, embedder__encoder=other)


def test_a_failed_load_leaves_what_it_was_given(model, path):
    model.save(path)
    given, module = embedder(), small_encoder()
    before = dict(vars(given)), {name: each.clone() for name, each in module.state_dict().items()}
    state = torch.get_rng_state()
    with pytest.raises(ValueError, match="are not those"):
        ContrastiveClassifier.load(path, embedder=given, embedder__encoder=module)
    assert vars(given) == before[0]
    assert all(torch.equal(each, before[1][name]) for name, each in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert list(path.parent.iterdir()) == [path]


# --- what cannot be saved -------------------------------------------------------------------------


def test_a_classifier_that_is_not_fitted_is_refused(path):
    with pytest.raises(NotFittedError):
        ContrastiveClassifier().save(path)
    assert not path.exists()


def test_a_copy_by_pickle_is_saved_as_the_original(model, path):
    model.save(path)
    by_pickle(model).save(path.with_suffix(".copy"))
    assert contents(path.with_suffix(".copy")) == contents(path)


def test_what_was_changed_after_fit_is_refused(model, path):
    changed = by_pickle(model).set_params(from_layer="representation")
    with pytest.raises(ValueError, match="from_layer was set to 'representation' after fit"):
        changed.save(path)
    changed = by_pickle(model)
    changed.embedder_.partial_fit(X)
    with pytest.raises(ValueError, match="embedder_ was trained after the fit of the classifier"):
        changed.save(path)
    changed = by_pickle(model)
    changed.embedder_.set_params(projection_dim=9)
    with pytest.raises(ValueError, match="projection_dim was set to 9 after fit"):
        changed.save(path)
    assert not path.exists()


def test_embedders_of_other_classes_are_refused(path):
    class OwnEmbedder(SimCLREmbedder):
        """A subclass, whose code no file has."""

    for own in (embedder(OwnEmbedder), FrozenEstimator(embedder(OwnEmbedder).fit(X))):
        with pytest.raises(ValueError, match=r"The embedder is a OwnEmbedder; .*with joblib"):
            classifier(own).fit(X, FEW).save(path)
    assert not path.exists()


def test_files_of_other_classes_are_refused(model, path):
    model.embedder_.save(path)
    with pytest.raises(ValueError, match="holds a SimCLREmbedder, not a ContrastiveClassifier"):
        ContrastiveClassifier.load(path)
    model.save(path)
    with pytest.raises(ValueError, match="holds a ContrastiveClassifier, not a SimCLREmbedder"):
        SimCLREmbedder.load(path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_cut_files_are_refused(share, model, path):
    model.save(path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"cannot be loaded|was not written by ContrastiveClass"):
        ContrastiveClassifier.load(path)


# --- files made by hand, with a valid hash --------------------------------------------------------


def forged(model, path, change, arrays=None):
    """Write a file with a changed description, or with other arrays."""
    model.save(path)
    stored = read_fit(path, "ContrastiveClassifier")
    change(stored.description)
    write_fit(path, "ContrastiveClassifier", stored.description, stored.arrays | (arrays or {}))


def test_a_file_that_is_made_by_hand_without_changes_loads(model, path):
    forged(model, path, lambda description: None)
    loaded = ContrastiveClassifier.load(path)
    assert_array_equal(loaded.decision_function(X), model.decision_function(X))


# attributes whose names do not end in an underscore
NAMES = ["classes_dtype", "classes_are_objects", "class_weights", "layer", "embedder"]
OTHER = {"estimator": "SimCLREmbedder", "frozen": True, "parameters": {}}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("classes_", None, "classes_"),
        ("classes_", [0, 1], "class_weights"),
        ("classes_", [0, 2, 1], "classes_"),
        ("classes_", [0, 1, 1], "classes_"),
        ("classes_", [0, 1, "a"], "classes_"),
        ("classes_", [0, 1, 2**70], "classes_"),
        ("classes_", [0, 1, float("nan")], "classes_"),
        ("classes_", ["x" * 2**23, *map(str, range(10))], "classes_"),
        ("classes_", [["a"], ["b"], ["c"]], "classes_"),
        ("classes_dtype", "uint128", "classes_"),
        ("classes_dtype", "bool", "classes_"),
        ("classes_dtype", ["int64"], "classes_"),
        ("classes_dtype", "S3", "classes_"),
        ("classes_are_objects", True, "classes_"),
        ("class_weights", None, "class_weights"),
        ("class_weights", [1.0, 1.0], "class_weights"),
        ("class_weights", [1.0, 1.0, -1.0], "class_weights"),
        ("class_weights", [1.0, 1.0, float("inf")], "class_weights"),
        ("layer", "representation", "from the layer 'representation'"),
        ("layer", ["middle"], "from the layer"),
        ("n_features_in_", 63, "n_features_in_ is not that of its embedder"),
        ("feature_names_in_", [f"{i}" for i in range(64)], "feature_names_in_ is not that of"),
        ("history_", [], "history_"),
        ("embedder", 5, "no known class"),
        ("embedder", OTHER | {"estimator": "os.system"}, "no known class"),
        ("embedder", OTHER | {"estimator": ["SimCLREmbedder"]}, "no known class"),
        ("embedder", OTHER | {"frozen": 1}, "frozen=1"),
        ("embedder", OTHER | {"parameters": None}, "has no parameters"),
        ("embedder", OTHER | {"parameters": {"device": "cuda"}}, "it sets 'device'"),
        ("embedder", OTHER | {"parameters": {"x": 1}}, "SimCLREmbedder does not have"),
        ("embedder", OTHER | {"parameters": {"batch_size": 0}}, "The 'batch_size' parameter"),
        ("embedder_", None, "no known class"),
        ("embedder_", OTHER, "has no attributes"),
        ("embedder_", OTHER | {"estimator": "ContrastiveClassifier"}, "no known class"),
        ("embedder_", OTHER | {"estimator": "LinearContrastive"}, "no known class"),
        ("from_layer", "last", "The 'from_layer' parameter"),
        ("augmentations", "eval", "is not known"),
        ("checkpoint_dir", "../../anywhere", "it sets 'checkpoint_dir'"),
        ("class_weight", {"entries": [[[0], 1.0]]}, "entries"),
        ("class_weight", {"entries": ["ab"]}, "entries"),
        ("class_weight", {"entries": 5}, "entries"),
        ("class_weight", {"entries": [[0, {}]]}, "entries"),
        ("verbose", {"entries": []}, "verbose is a dict"),
        ("augmentations", {"augmentation": "Compose", "members": {"entries": []}}, "unknown kind"),
    ],
)
def test_forged_values_are_refused(name, value, message, model, path):
    def change(description):
        part = "attributes" if name in NAMES or name.endswith("_") else "parameters"
        description[part][name] = value

    forged(model, path, change)
    with pytest.raises(ValueError, match=message):
        ContrastiveClassifier.load(path)


@pytest.mark.parametrize("parameter", ["embedder", "embedder__encoder"])
def test_the_embedder_is_not_among_the_stored_parameters(parameter, model, path):
    forged(model, path, lambda description: description["parameters"].update({parameter: "x"}))
    with pytest.raises(ValueError, match=r"it sets 'embedder'|does not have in this version"):
        ContrastiveClassifier.load(path)


def test_forged_values_of_its_embedder_are_refused(model, path):
    for name, value in (("image_shape_", [10**6, 10**6, 3]), ("width", 5), ("probe", None)):
        forged(
            model,
            path,
            lambda description, name=name, value=value: description["attributes"]["embedder_"][
                "attributes"
            ].update({name: value}),
        )
        with pytest.raises(ValueError, match=r"is not valid|are not those"):
            ContrastiveClassifier.load(path)


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("linear.weight", np.zeros((3, 5), np.float32), "with 'linear.weight' of shape"),
        ("linear.bias", np.zeros(3), "linear.bias is float64"),
        ("linear.other", np.zeros(3, np.float32), "with an unknown 'linear.other'"),
        ("../../weights", np.zeros(3, np.float32), "with an unknown '../../weights'"),
        ("embedding.other", np.zeros(3, np.float32), "with an unknown 'other'"),
        ("embedding.head.other", np.zeros(3, np.float32), "with an unknown 'head.other'"),
    ],
)
def test_forged_arrays_are_refused(name, array, message, model, path):
    forged(model, path, lambda description: None, {name: array})
    with pytest.raises(ValueError, match=message):
        ContrastiveClassifier.load(path)
