"""`save` and `load` of estimators that train networks."""

import os
from abc import abstractmethod
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from numbers import Integral, Real
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from .._sklearn_compat import validate_parameter_constraints
from .._stored_fit import StoredFit, read_fit, unusable, write_fit
from ._stored_parameters import as_json, from_json
from ._training.torch_state import default_torch_state

__all__ = [
    "SavedFitMixin",
    "described_fit",
    "described_parameters",
    "estimator_of",
    "restored_fit",
]

# parameters of the machine, and generators, whose state a new fit would change
_NOT_STORED = ("checkpoint_dir", "device", "random_state")

Estimator = TypeVar("Estimator", bound="SavedFitMixin")


class SavedFitMixin:
    """`save` and `load`: one file for parameters, weights and preprocessing."""

    # parameters that are estimators; `_stored_attributes` and `_restore` see to them
    _estimator_parameters: ClassVar[tuple[str, ...]] = ()

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the fitted estimator to one file, which :meth:`load` reads without running code.

        The file has the format safetensors: the weights as arrays, and parameters, fitted
        attributes and preprocessing as JSON. It needs the package safetensors, which timm installs.

        Parameters
        ----------
        path : path-like
            The file; an earlier one is replaced. The usual ending is ".safetensors".

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        OSError
            If the file cannot be written. An earlier file stays as it was.
        ValueError
            If the state of a network of your own holds something other than tensors.

        Notes
        -----
        Not stored: `checkpoint_dir`, a `device` (a loaded estimator is on the CPU), a generator as
        `random_state`, functions and modules of your own, the state of the optimiser, what a
        ``FrozenEstimator`` learned, and ``set_output``. pickle and joblib store them, but run code
        when they load a file.
        """
        check_is_fitted(self)
        description, arrays = described_fit(self)
        write_fit(path, type(self).__name__, {"versions": _versions(), **description}, arrays)

    @classmethod
    def load(cls, path: str | os.PathLike[str], **parameters: Any) -> Self:
        """Load a fitted estimator from a file that :meth:`save` wrote.

        No code of the file is run, so that the file may come from anyone; the loaded estimator
        returns what the saved one did.

        Parameters
        ----------
        path : path-like
            The file.
        **parameters : dict
            Parameters of the estimator that replace those of the file: modules and functions of
            your own, which are not in it, or ``device="cuda"``; the default device is the CPU.
            Those of an embedder in a classifier have the prefix ``embedder__``.

        Returns
        -------
        estimator : object
            The fitted estimator.

        Raises
        ------
        OSError
            If the file cannot be opened.
        ValueError
            If the file is of another class, program or version, is incomplete or altered, needs a
            module of your own, or its weights do not fit the network.
        ImportError
            If safetensors or timm is needed and not installed.
        """
        return restored_fit(cls, read_fit(path, cls.__name__), parameters)

    @abstractmethod
    def _stored_attributes(self) -> tuple[dict[str, Any], dict[str, NDArray]]:
        """Values of JSON and arrays that `_restore` needs."""

    @abstractmethod
    def _restore(self, stored: StoredFit, attributes: Mapping[str, Any]) -> None:
        """Set the fitted attributes; ValueError unless the file has the right ones.

        An estimator with `_estimator_parameters` also takes, by keyword, the parameters of these
        that were passed to load, such as ``embedder__device``.
        """


def described_fit(estimator: SavedFitMixin) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Values of JSON and arrays from which `restored_fit` makes the fitted estimator."""
    with default_torch_state():
        attributes, arrays = estimator._stored_attributes()
    attributes |= {"n_features_in_": int(estimator.n_features_in_), "history_": estimator.history_}
    if hasattr(estimator, "feature_names_in_"):
        attributes["feature_names_in_"] = list(estimator.feature_names_in_)
    return {"parameters": described_parameters(estimator), "attributes": attributes}, arrays


def described_parameters(estimator: SavedFitMixin) -> dict[str, Any]:
    """Parameters as values of JSON, without those of the machine and without estimators."""
    parameters = estimator.get_params(deep=False)
    if isinstance(pretrained := parameters.get("pretrained"), str | os.PathLike):
        parameters["pretrained"] = Path(pretrained).name  # folders are of this machine
    seed = parameters.get("random_state")
    left_out = {*_NOT_STORED, *estimator._estimator_parameters}
    stored = {name: as_json(value) for name, value in parameters.items() if name not in left_out}
    return stored | ({"random_state": int(seed)} if isinstance(seed, Integral) else {})


def restored_fit(
    kind: type[Estimator], stored: StoredFit, parameters: Mapping[str, Any]
) -> Estimator:
    """The fitted estimator of a file, or of a part of it.

    Parameters
    ----------
    kind : type
        Its class.
    stored : StoredFit
        The file.
    parameters : mapping
        Those that replace parameters of the file. Those of an estimator that is itself a parameter
        have its name and two underscores in front.
    """
    inner = {
        name: value
        for name, value in parameters.items()
        if "__" in name and name.partition("__")[0] in kind._estimator_parameters
    }
    own = {name: value for name, value in parameters.items() if name not in inner}
    estimator = estimator_of(kind, stored, own)
    attributes = _attributes_of(stored)
    with default_torch_state():
        estimator._restore(stored, attributes, **inner)
    estimator.history_ = attributes["history_"]
    estimator.n_iter_ = len(estimator.history_)
    estimator.n_features_in_ = attributes["n_features_in_"]
    if (names := attributes.get("feature_names_in_")) is not None:
        estimator.feature_names_in_ = np.array(names, dtype=object)
    return estimator


def estimator_of(
    kind: type[Estimator], stored: StoredFit, parameters: Mapping[str, Any]
) -> Estimator:
    """The estimator of a file without its fit; `parameters` replace those of the file."""
    estimator = kind(**{**_parameters_of(stored, kind), **parameters})
    validate_parameter_constraints(
        kind._parameter_constraints, estimator.get_params(deep=False), caller_name=kind.__name__
    )
    return estimator


def _versions():
    """Versions of the packages that compute the outputs, for error messages."""
    versions = {}
    for package in ("sklearn-contrastive", "torch", "timm"):
        try:
            versions[package] = version(package)
        except PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _parameters_of(stored, cls):
    """Parameters of the file as those of the class, on the CPU."""
    values = stored.description.get("parameters")
    if not isinstance(values, dict):
        raise unusable(stored.path, "it has no parameters")
    names = cls._get_param_names()
    if unknown := sorted(values.keys() - set(names)):
        raise ValueError(
            f"{stored.path} has parameters that {cls.__name__} does not have in this version of "
            f"sklearn-contrastive: {', '.join(map(repr, unknown[:5]))}. Upgrade the package."
        )
    if refused := values.keys() & ({*_NOT_STORED, *cls._estimator_parameters} - {"random_state"}):
        raise unusable(stored.path, f"it sets {min(refused)!r}, which save leaves out")
    if isinstance(weights := values.get("pretrained"), str) and {*"/\\"} & {*weights}:
        raise unusable(stored.path, f"it sets the folder of pretrained={weights!r:.80}")
    for name, value in values.items():
        if isinstance(value, dict) and "augmentation" in value and name != "augmentations":
            raise unusable(stored.path, f"{name} is an augmentation")
        if isinstance(value, dict) and "entries" in value and name != "class_weight":
            raise unusable(stored.path, f"{name} is a dict")
    parameters = {name: from_json(value, stored.path) for name, value in values.items()}
    return ({"device": "cpu"} if "device" in names else {}) | parameters


def _attributes_of(stored):
    """Attributes of the file; ValueError unless those of every estimator are there and valid."""
    attributes = stored.description.get("attributes")
    if not isinstance(attributes, dict):
        raise unusable(stored.path, "it has no attributes")
    n_features, history = attributes.get("n_features_in_"), attributes.get("history_")
    if type(n_features) is not int or n_features < 1:
        raise unusable(stored.path, f"n_features_in_={n_features!r} is not a number of features")
    if not (isinstance(history, list) and history and all(map(_is_record, history))):
        raise unusable(stored.path, "history_ is not a list of records")
    names = attributes.get("feature_names_in_")
    if names is not None and not (
        isinstance(names, list)
        and len(names) == n_features
        and all(isinstance(name, str) for name in names)
    ):
        raise unusable(stored.path, f"feature_names_in_ is not a list of {n_features} names")
    return attributes


def _is_record(epoch):
    return isinstance(epoch, dict) and all(isinstance(value, Real) for value in epoch.values())
