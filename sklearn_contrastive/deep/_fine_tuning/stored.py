"""Network, classes and embedder of a fitted classifier, for its file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator
from sklearn.utils import check_random_state

from ..._images.layout import ImageLayout
from ..._stored_fit import StoredFit, check_arrays, unusable
from .._embedder.network_embedder import NetworkEmbedder
from .._embedder.stored import restore_history
from .._embedder.targets import restored_classes, stored_classes
from .._saving import described_fit, described_parameters, estimator_of, restored_fit
from .._training.trainer import Trainer
from .build import layer_of, stored_classifier_trainer

__all__ = ["restore_classifier", "stored_classifier"]

# before the names of the arrays of the embedder, and before its parameters in load
_OF_EMBEDDING, _OF_EMBEDDER = "embedding.", "embedder__"

Kinds = Sequence[type[NetworkEmbedder]]


@dataclass(frozen=True)
class StoredSamples:
    """What a trainer needs to know of training samples that are no longer there.

    Parameters
    ----------
    shape : tuple of int
        Shape of a sample in the batches.
    """

    shape: tuple[int, ...]

    @property
    def noun(self) -> str:
        """What they are."""
        is_image = len(self.shape) == 3 and not ImageLayout(self.shape).any_values
        return "images" if is_image else "rows"


def stored_classifier(classifier: Any, kinds: Kinds) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Values of JSON and arrays from which `restore_classifier` makes the network.

    The weights of the embedder are those after the fine-tuning. What a FrozenEstimator held before
    is not stored.

    Parameters
    ----------
    classifier : ContrastiveClassifier
        Fitted.
    kinds : sequence of type
        Classes of embedders that a file may hold.
    """
    network, embedder = classifier.net_.module_, classifier.embedder_
    _check_unchanged(classifier, network, embedder)
    description, arrays = described_fit(embedder)
    linear = {f"linear.{name}": each for name, each in network.linear.state_dict().items()}
    attributes = {
        **stored_classes(classifier.classes_),
        "class_weights": list(map(float, classifier.net_.criterion.class_weights)),
        "layer": network.layer,
        "embedder": _described_parameter(classifier.embedder, kinds),
        "embedder_": {"estimator": _name_of(embedder, kinds), **description},
    }
    return attributes, {
        **{f"{_OF_EMBEDDING}{name}": each for name, each in arrays.items()},
        **{name: each.detach().cpu().numpy() for name, each in linear.items()},
    }


def restore_classifier(
    classifier: Any,
    stored: StoredFit,
    attributes: Mapping[str, Any],
    parameters: Mapping[str, Any],
    kinds: Kinds,
) -> None:
    """Set the fitted attributes of a classifier with the parameters of a file.

    Parameters
    ----------
    classifier : ContrastiveClassifier
        Not fitted. Without an `embedder`, it gets that of the file, which is not fitted.
    stored : StoredFit
        The file.
    attributes : mapping
        Its attributes.
    parameters : mapping
        Parameters of the embedder that were passed to load, ``embedder__device`` for instance.
    kinds : sequence of type
        Classes of embedders that a file may hold.
    """
    given = {name.removeprefix(_OF_EMBEDDER): value for name, value in parameters.items()}
    classes, weights = restored_classes(stored, attributes), attributes.get("class_weights")
    if not (
        isinstance(weights, list) and len(weights) == len(classes) and all(map(_is_weight, weights))
    ):
        raise unusable(stored.path, f"class_weights={weights!r:.80} is not valid")
    embedder = _restored_embedder(stored, attributes, given, kinds)
    if classifier.embedder is None:
        classifier.embedder = _restored_parameter(stored, attributes.get("embedder"), given, kinds)
    network = embedder.net_.module_
    layer = layer_of(network, classifier.from_layer)
    if layer != attributes.get("layer"):
        raise ValueError(
            f"{stored.path} has a classifier from the layer {attributes.get('layer')!r:.80}, and "
            f"from_layer={classifier.from_layer!r} is another one. Leave from_layer out, or fit a "
            "new classifier."
        )
    arrays = {n: each for n, each in stored.arrays.items() if not n.startswith(_OF_EMBEDDING)}
    width = network.width_of(layer)
    shapes = {"linear.weight": (len(classes), width), "linear.bias": (len(classes),)}
    check_arrays(replace(stored, arrays=arrays), shapes)
    for name in ("n_features_in_", "feature_names_in_"):
        if attributes.get(name) != attributes["embedder_"]["attributes"].get(name):
            raise unusable(stored.path, f"{name} is not that of its embedder")
    net = _restored_trainer(classifier, embedder, weights)
    for name, weight in net.module_.linear.named_parameters():
        array = arrays[f"linear.{name}"]
        if array.dtype != np.float32:
            raise unusable(stored.path, f"linear.{name} is {array.dtype}, not float32")
        weight.data.copy_(torch.tensor(array))
    restore_history(net, attributes["history_"])
    net.module_.eval()
    classifier.embedder_, classifier.net_, classifier.classes_ = embedder, net, classes


def _restored_trainer(classifier, embedder, class_weights) -> Trainer:
    """Trainer of the classifier, its linear map at 0."""
    parameters = classifier.get_params(deep=False)
    seed = int(check_random_state(parameters["random_state"]).randint(2**31 - 1))
    samples = StoredSamples(tuple(embedder.net_.module.shape))
    return stored_classifier_trainer(embedder, samples, class_weights, parameters, seed)


def _check_unchanged(classifier, network, embedder):
    """Raise ValueError if a file could not give the network back, because parts were changed."""
    if layer_of(network.embedding, classifier.from_layer) != network.layer:
        raise ValueError(
            f"from_layer was set to {classifier.from_layer!r} after fit, and the network has "
            f"{network.layer!r}. Call fit again or set it back before save."
        )
    # the same module, or after pickle a copy of it
    own, others = (each.state_dict() for each in (network.embedding, embedder.net_.module_))
    if own.keys() != others.keys() or not all(_is_same(own[name], others[name]) for name in own):
        raise ValueError(
            "embedder_ was trained after the fit of the classifier, which has the weights before; "
            "a file holds one network. Call fit again before save, or save embedder_ alone."
        )


def _is_same(value, other):
    return torch.equal(value, other) if isinstance(value, torch.Tensor) else value == other


def _name_of(embedder, kinds):
    """Name of the class of an embedder; ValueError if a file cannot hold it."""
    if type(embedder) not in kinds:
        raise ValueError(
            f"The embedder is a {type(embedder).__name__}; save writes "
            f"{', '.join(kind.__name__ for kind in kinds)}. Store this classifier with joblib."
        )
    return type(embedder).__name__


def _described_parameter(given, kinds):
    """The parameter `embedder` as values of JSON: the class and the parameters, without a fit."""
    if given is None:
        return None
    frozen = isinstance(given, FrozenEstimator)
    embedder = given.estimator if frozen else given
    parameters = described_parameters(embedder)
    return {"estimator": _name_of(embedder, kinds), "frozen": frozen, "parameters": parameters}


def _restored_parameter(stored, described, given, kinds):
    """Inverse of `_described_parameter`; `given` replaces parameters of the embedder."""
    if described is None:
        return None
    kind, part = _part(stored, described, kinds)
    if type(described.get("frozen")) is not bool:
        raise unusable(stored.path, f"its embedder has frozen={described.get('frozen')!r:.80}")
    embedder = estimator_of(kind, part, given)
    return FrozenEstimator(embedder) if described["frozen"] else embedder


def _restored_embedder(stored, attributes, given, kinds):
    """The embedder with the fine-tuned network."""
    kind, part = _part(stored, attributes.get("embedder_"), kinds)
    return restored_fit(kind, part, given)


def _part(stored, described, kinds):
    """Class of an embedder, and what the file holds of it."""
    by_name = {kind.__name__: kind for kind in kinds}
    name = described.get("estimator") if isinstance(described, dict) else None
    if not (isinstance(name, str) and name in by_name):
        raise unusable(stored.path, f"its embedder is of no known class, {name!r:.80}")
    arrays = {
        name.removeprefix(_OF_EMBEDDING): each
        for name, each in stored.arrays.items()
        if name.startswith(_OF_EMBEDDING)
    }
    description = {"versions": stored.description.get("versions"), **described}
    call = f"{stored.call}{_OF_EMBEDDER}"
    return by_name[name], StoredFit(stored.path, description, arrays, call)


def _is_weight(value):
    return type(value) is float and 0 <= value < float("inf")
