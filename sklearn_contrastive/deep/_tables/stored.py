"""Network and encoding of a fitted embedder of tables, for its file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..._stored_fit import StoredFit, unusable
from .._embedder.stored import (
    check_part,
    check_unchanged,
    probe_of,
    refuse_missing_modules,
    restored_trainer,
    stored_weights,
)
from .._networks.heads import build_head
from .encoding import NumberScaling, TableEncoding
from .network import ColumnEmbedding, TableMLP

__all__ = ["StoredTable", "restore_table", "stored_table"]

# parameters that describe the network
_OF_NETWORK = ("encoder", "width", "depth", "projection_head", "projection_dim")
_OF_SCALING = ("center", "scale", "mean", "std")


@dataclass(frozen=True)
class StoredTable:
    """What a trainer needs to know of a training table that is no longer there.

    Parameters
    ----------
    encoding : TableEncoding
        Its encoding.
    """

    encoding: TableEncoding
    targets = None

    @property
    def shape(self) -> tuple[int]:
        """Shape of a row."""
        return (len(self.encoding.is_categorical),)


def stored_table(embedder: Any) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Values of JSON and arrays from which `restore_table` makes the network.

    Parameters
    ----------
    embedder : TabularContrastiveEmbedder
        Fitted.
    """
    network, recipe = embedder.net_.module_, embedder.net_.module
    check_unchanged(embedder, recipe, _OF_NETWORK)
    encoding = embedder._encoding
    attributes = {
        "is_categorical": encoding.is_categorical.tolist(),
        "has_missing": encoding.has_missing.tolist(),
        "categories": [list(map(_as_json, each)) for each in encoding.categories],
        "width": network.width,
        "rate_factor": float(embedder.net_.rate_factor_),
        "probe": probe_of(network, recipe.shape),
    }
    attributes |= {name: getattr(encoding.scaling, name).tolist() for name in _OF_SCALING}
    return attributes, stored_weights(network)


def _as_json(category):
    return category.item() if isinstance(category, np.generic) else category


def restore_table(embedder: Any, stored: StoredFit, attributes: Mapping[str, Any]) -> TableEncoding:
    """Set the network of an embedder with the parameters of a file; return the encoding.

    Parameters
    ----------
    embedder : TabularContrastiveEmbedder
        Not fitted.
    stored : StoredFit
        The file.
    attributes : mapping
        Its attributes.
    """
    parameters = embedder.get_params(deep=False)
    refuse_missing_modules(embedder, stored)
    encoding = _checked_encoding(stored, attributes)
    _check_named_parts(parameters, encoding, stored, attributes)
    table = StoredTable(encoding)
    embedder.net_ = restored_trainer(embedder, stored, attributes, table, parameters)
    return encoding


def _checked_encoding(stored, attributes):
    """The encoding; ValueError unless all attributes are valid."""

    def check(name, is_valid):
        value = attributes.get(name)
        if not is_valid(value):
            raise unusable(stored.path, f"{name}={value!r:.80} is not valid")
        return value

    def is_list(value, kind, length=None):
        right = isinstance(value, list) and all(type(each) is kind for each in value)
        return right and (length is None or len(value) == length)

    n_features = attributes["n_features_in_"]
    mask = check("is_categorical", lambda value: is_list(value, bool, n_features))
    n_numbers = mask.count(False)
    has_missing = check("has_missing", lambda value: is_list(value, bool, n_numbers))
    categories = check(
        "categories",
        lambda value: is_list(value, list, mask.count(True)) and all(map(_are_categories, value)),
    )
    numbers = {
        name: np.array(check(name, lambda value: is_list(value, float, n_numbers)), dtype=float)
        for name in _OF_SCALING
    }
    if not all(np.isfinite(each).all() for each in numbers.values()) or (numbers["std"] <= 0).any():
        raise unusable(stored.path, "the scaling of its numbers is not valid")
    check("width", lambda value: type(value) is int and value >= 1)
    check("rate_factor", lambda value: type(value) is float and 0 <= value <= 1)
    check("probe", lambda value: is_list(value, float) and value)
    return TableEncoding(
        np.array(mask, dtype=bool),
        NumberScaling(**numbers),
        np.array(has_missing, dtype=bool),
        tuple(_object_array(each) for each in categories),
    )


def _are_categories(values):
    """Whether these are categories that `OrdinalEncoder` could have found."""
    kinds = {type(each) for each in values if each is not None}
    return (
        bool(values)
        and (kinds <= {str} or kinds <= {bool, int, float})
        and len(set(values)) == len(values)
        and not any(each != each for each in values)
    )


def _object_array(values):
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array


def _check_named_parts(parameters, encoding, stored, attributes):
    """Compare networks that have names with the weights, before memory is taken for them."""
    with torch.device("meta"):
        mask, flags = encoding.is_categorical.tolist(), encoding.has_missing.tolist()
        columns = ColumnEmbedding(mask, flags, encoding.cardinalities)
        check_part("encoder.0.", columns, parameters, stored)
        if isinstance(parameters["encoder"], str):
            shape = int(parameters["width"]), int(parameters["depth"])
            check_part("encoder.1.", TableMLP(columns.width, *shape), parameters, stored)
        if isinstance(parameters["projection_head"], str):
            size = int(parameters["projection_dim"])
            head = build_head(parameters["projection_head"], attributes["width"], size)
            check_part("head.", head, parameters, stored)
