"""save and load of TabularContrastiveEmbedder: round trips, own modules, altered files."""

import json

import numpy as np
import pytest
from helpers.mixed_tables import as_pandas, mixed_columns
from helpers.trainings import weights_of
from numpy.testing import assert_array_equal
from torch import nn

from sklearn_contrastive._stored_fit import read_fit, write_fit
from sklearn_contrastive.augmentation import MaskedAugmenter
from sklearn_contrastive.deep import SimCLREmbedder, TabularContrastiveEmbedder

FRAME = as_pandas(mixed_columns(50))
NUMBERS = np.random.default_rng(0).normal(size=(50, 4))


def fitted(X, **parameters):
    defaults = {"width": 6, "max_epochs": 1, "batch_size": 25, "device": "cpu", "random_state": 0}
    return TabularContrastiveEmbedder(**(defaults | parameters)).fit(X)


@pytest.fixture(scope="module")
def model():
    return fitted(FRAME)


def own_encoder():
    return nn.LazyLinear(5)


@pytest.mark.parametrize(
    ("X", "parameters"),
    [
        (FRAME, {}),
        (NUMBERS, {"augmentations": "masking", "output": "middle"}),
        (NUMBERS, {"output": "projection", "projection_head": "linear", "width": np.int64(6)}),
        (NUMBERS.round().astype(int), {"categorical_features": [1, 2], "temperature": "learn"}),
        (FRAME[["colour", "nothing"]], {"loss": "sogclr", "depth": 3}),
    ],
)
def test_a_loaded_estimator_returns_what_the_saved_one_did(X, parameters, tmp_path):
    model = fitted(X, **parameters)
    model.save(tmp_path / "model")
    loaded = TabularContrastiveEmbedder.load(tmp_path / "model")
    assert_array_equal(loaded.transform(X), model.transform(X))
    assert loaded.history_ == model.history_
    for name in ("is_categorical_", "center_", "scale_", "n_features_in_"):
        assert_array_equal(getattr(loaded, name), getattr(model, name))
    for before, after in zip(model.categories_, loaded.categories_, strict=True):
        assert (before is None) == (after is None)
        assert before is None or before.tolist() == after.tolist()
    assert loaded.partial_fit(X).n_iter_ == 2


def test_an_encoder_of_the_user_is_passed_to_load(tmp_path):
    model = fitted(FRAME, encoder=own_encoder)
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match="module of your own as encoder"):
        TabularContrastiveEmbedder.load(tmp_path / "model")
    loaded = TabularContrastiveEmbedder.load(tmp_path / "model", encoder=own_encoder)
    assert_array_equal(loaded.transform(FRAME), model.transform(FRAME))


def test_a_transformer_is_not_in_the_file_but_the_network_is(tmp_path):
    model = fitted(NUMBERS, augmentations=MaskedAugmenter())
    model.save(tmp_path / "model")
    loaded = TabularContrastiveEmbedder.load(tmp_path / "model")
    assert_array_equal(loaded.transform(NUMBERS), model.transform(NUMBERS))
    with pytest.raises(ValueError, match=r"code of .*MaskedAugmenter is not in the file"):
        loaded.partial_fit(NUMBERS)
    again = TabularContrastiveEmbedder.load(tmp_path / "model", augmentations=MaskedAugmenter())
    assert again.partial_fit(NUMBERS).n_iter_ == 2


def test_a_file_holds_no_code_and_only_json(model, tmp_path):
    model.save(tmp_path / "model")
    stored = read_fit(tmp_path / "model", "TabularContrastiveEmbedder")
    assert json.loads(json.dumps(stored.description, allow_nan=False)) == stored.description
    assert stored.description["attributes"]["categories"][0] == ["blue", "green", "red", None]


@pytest.mark.parametrize(("name", "value"), [("width", 7), ("depth", 2), ("projection_dim", 9)])
def test_a_network_parameter_that_was_changed_after_fit_is_refused(name, value, tmp_path):
    changed = fitted(FRAME).set_params(**{name: value})
    with pytest.raises(ValueError, match=f"{name} was set to {value} after fit"):
        changed.save(tmp_path / "model")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("is_categorical", [True]),
        ("is_categorical", "yes"),
        ("has_missing", [True]),
        ("categories", [["red"]]),
        ("categories", [["red", 1], ["S"], [None]]),
        ("categories", [["red", "red"], ["S"], [None]]),
        ("categories", [[["red"]], ["S"], [None]]),
        ("center", [1.0]),
        ("scale", [float("nan")] * 5),
        ("std", [0.0] * 5),
        ("width", -1),
        ("rate_factor", 2.0),
        ("probe", []),
    ],
)
def test_an_altered_attribute_is_refused(model, name, value, tmp_path):
    attributes, arrays = altered(model, tmp_path)
    attributes["attributes"][name] = value
    write_fit(tmp_path / "model", "TabularContrastiveEmbedder", attributes, arrays)
    with pytest.raises(ValueError, match=r"is not valid|cannot be loaded|those of this estimator"):
        TabularContrastiveEmbedder.load(tmp_path / "model")


def test_a_width_that_memory_cannot_hold_is_refused_before_it_is_taken(model, tmp_path):
    description, arrays = altered(model, tmp_path)
    description["parameters"]["width"] = 10**9
    write_fit(tmp_path / "model", "TabularContrastiveEmbedder", description, arrays)
    with pytest.raises(ValueError, match=r"The weights in .* are not those of this estimator"):
        TabularContrastiveEmbedder.load(tmp_path / "model")


def altered(model, tmp_path):
    """Description and arrays of a file, to be altered."""
    model.save(tmp_path / "model")
    stored = read_fit(tmp_path / "model", "TabularContrastiveEmbedder")
    return stored.description, stored.arrays


def test_a_file_of_another_class_is_refused(model, tmp_path):
    model.save(tmp_path / "model")
    with pytest.raises(ValueError, match="holds a TabularContrastiveEmbedder, not a SimCLREmb"):
        SimCLREmbedder.load(tmp_path / "model")


def test_training_goes_on_from_the_loaded_weights(model, tmp_path):
    model.save(tmp_path / "model")
    loaded = TabularContrastiveEmbedder.load(tmp_path / "model")
    assert_array_equal(weights_of(loaded), weights_of(model))
