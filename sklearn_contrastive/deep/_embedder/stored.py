"""Network and preprocessing of a fitted image embedder, for its file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from torch import Tensor, nn

from ..._stored_fit import StoredFit, check_arrays, unusable
from ..._warnings import warn
from .._networks.encoders import named_encoder
from .._networks.heads import build_head
from .._reconstruction.decoders import build_decoder
from .._stored_parameters import NotInFile, as_json
from .._training.trainer import Trainer
from .build import StoredImages, stored_trainer
from .losses import LearnedTemperature

__all__ = [
    "check_part",
    "check_unchanged",
    "probe_of",
    "refuse_missing_modules",
    "restore_history",
    "restore_network",
    "restored_trainer",
    "stored_network",
    "stored_weights",
]

# of height times width times channels, 4096 x 4096 grey pixels: loading tries the network on two
# images, which takes 1 GB and half a minute at this size, of whatever small file
_LARGEST_IMAGE = 2**24
_LARGEST_LEVEL = 2**16
# parameters that describe the head or the decoder, and those of them that are numbers
_SIZES = ("projection_dim", "n_components")
_OF_OTHER_PARTS = ("projection_head", "decoder", *_SIZES)


def stored_network(embedder: Any) -> tuple[dict[str, Any], dict[str, NDArray]]:
    """Values of JSON and arrays from which `restore_network` makes the network.

    Parameters
    ----------
    embedder : ImageEmbedder
        Fitted.
    """
    network, recipe = embedder.net_.module_, embedder.net_.module
    check_unchanged(embedder, recipe, ("encoder", "pretrained", *_OF_OTHER_PARTS))
    if (size := math.prod(recipe.shape)) > _LARGEST_IMAGE:
        raise ValueError(
            f"Images of {size} values cannot be saved, because load accepts {_LARGEST_IMAGE} at "
            "most. Store this estimator with joblib."
        )
    attributes = {
        "image_shape_": list(embedder.image_shape_),
        "white_level": getattr(embedder, "_white_level", None),
        "channel_mean": list(recipe.moments.mean),
        "channel_std": list(recipe.moments.std),
        "chosen_encoder": recipe.encoder if isinstance(recipe.encoder, str) else None,
        "width": network.width,
        "rate_factor": float(embedder.net_.rate_factor_),
        "probe": probe_of(network, recipe.shape),
    }
    return attributes, stored_weights(network)


def stored_weights(network: nn.Module) -> dict[str, NDArray]:
    """Weights of encoder, head and our losses as arrays; ValueError for other values."""
    state = {
        f"{part}.{name}": value
        for part in _parts(network)
        for name, value in getattr(network, part).state_dict().items()
    }
    return {name: _array(name, value) for name, value in state.items()}


def _parts(network):
    """Names of the parts of a network whose weights are stored: of our losses, not of others."""
    names = [name for name in ("encoder", "head", "decoder") if hasattr(network, name)]
    is_ours = isinstance(getattr(network, "loss", None), LearnedTemperature)
    return (*names, *(["loss"] if is_ours else ()))


def check_unchanged(embedder: Any, recipe: Any, names: Sequence[str]) -> None:
    """Raise ValueError if a parameter that describes the network was set after fit."""
    for name in (name for name in names if hasattr(recipe, name)):
        given, used = (as_json(getattr(each, name)) for each in (embedder, recipe))
        if given != used and given != "auto":
            raise ValueError(
                f"{name} was set to {given!r} after fit, and the network has {used!r}. Call fit "
                "again or set it back before save."
            )


def probe_of(network: nn.Module, shape: tuple[int, ...]) -> list[float]:
    """Representation of one sample that is the same everywhere, at most its first 64 values."""
    device = next(network.parameters()).device
    image = torch.linspace(0, 1, math.prod(shape), device=device).reshape(1, *shape)
    network.eval()
    with torch.inference_mode():
        return network.output(image, "representation")[0, :64].tolist()


def _array(name, value):
    if not isinstance(value, Tensor):
        raise ValueError(
            f"{name} in the state of the network is a {type(value).__name__}; save writes tensors "
            "only. Store this estimator with joblib, or keep the value out of state_dict."
        )
    try:
        return value.detach().cpu().numpy()
    except TypeError as error:
        raise ValueError(
            f"{name} in the state of the network has the type {value.dtype}, which NumPy does not "
            "have. Store this estimator with joblib."
        ) from error


def restore_network(embedder: Any, stored: StoredFit, attributes: Mapping[str, Any]) -> None:
    """Set the network and the shape of the images of an embedder with the parameters of a file.

    Parameters
    ----------
    embedder : ImageEmbedder
        Not fitted.
    stored : StoredFit
        The file.
    attributes : mapping
        Its attributes.
    """
    parameters = embedder.get_params(deep=False)
    refuse_missing_modules(embedder, stored)
    images = _checked_images(stored, attributes)
    if isinstance(parameters["encoder"], str) and parameters["encoder"] == "auto":
        # what it was on the machine of the training
        parameters["encoder"] = attributes["chosen_encoder"] or "resnet_narrow"
    _check_named_parts(parameters, images, stored, attributes)
    c, h, w = images.shape
    embedder.net_ = restored_trainer(embedder, stored, attributes, images, parameters)
    embedder.image_shape_ = h, w, c
    embedder.unreadable_ = {}  # paths of another machine
    embedder._white_level = attributes["white_level"]


def refuse_missing_modules(embedder: Any, stored: StoredFit) -> None:
    """Raise ValueError if the network has a module of the user that was not passed to load."""
    parameters = embedder.get_params(deep=False)
    for name in ("encoder", "projection_head", "decoder"):
        if isinstance(parameters.get(name), NotInFile):
            code = parameters[name].name
            raise ValueError(
                f"{stored.path} has the weights of a module of your own as {name}, {code}, but no "
                f"code. Pass a module that it made: {stored.call}{name}=...)."
            )


def restored_trainer(
    embedder: Any,
    stored: StoredFit,
    attributes: Mapping[str, Any],
    samples: Any,
    parameters: Mapping[str, Any],
) -> Trainer:
    """Trainer with the weights and the history of a file.

    Parameters
    ----------
    embedder : NetworkEmbedder
        Not fitted.
    stored : StoredFit
        The file.
    attributes : mapping
        Its attributes.
    samples : object
        What the file says about the training samples, with their `shape`.
    parameters : mapping
        Parameters of the embedder, those of the machine of the training where they are "auto".
    """
    seed = int(check_random_state(parameters["random_state"]).randint(2**31 - 1))
    network, objective = embedder._parts(samples, parameters, download=False)
    net = stored_trainer(network, objective, parameters, seed, attributes["rate_factor"])
    _load_weights(net.module_, parameters, stored)
    _warn_of_other_code(net.module_, samples, stored, attributes)
    restore_history(net, attributes["history_"])
    return net


def restore_history(net: Trainer, records: Sequence[Mapping[str, Any]]) -> None:
    """Set the history of a trainer from the records of a file."""
    net.initialize_history()
    for epoch in records:
        net.history.new_epoch()
        for name, value in epoch.items():
            net.history.record("train_loss" if name == "loss" else name, value)


def _checked_images(stored, attributes):
    """Shape and moments of the training images; ValueError unless all attributes are valid."""

    def check(name, is_valid):
        value = attributes.get(name)
        if not is_valid(value):
            raise unusable(stored.path, f"{name}={value!r:.80} is not valid")
        return value

    def is_count(value, largest=_LARGEST_IMAGE):
        return type(value) is int and 1 <= value <= largest

    def is_floats(value):
        return isinstance(value, list) and value and all(type(each) is float for each in value)

    shape = check(
        "image_shape_",
        lambda value: isinstance(value, list) and len(value) == 3 and all(map(is_count, value)),
    )
    check("n_features_in_", lambda value: is_count(value) and value == np.prod(shape, dtype=object))
    check("white_level", lambda value: value is None or is_count(value, _LARGEST_LEVEL))
    check("width", is_count)
    check("chosen_encoder", lambda value: value is None or isinstance(value, str))
    check("rate_factor", lambda value: type(value) is float and 0 <= value <= 1)
    check("probe", is_floats)
    mean, std = check("channel_mean", is_floats), check("channel_std", is_floats)
    h, w, c = shape
    if not len(mean) == len(std) == c:
        raise unusable(stored.path, f"channel_mean and channel_std do not have {c} channels")
    return StoredImages((c, h, w), tuple(mean), tuple(std))


def _check_named_parts(parameters, images, stored, attributes):
    """Compare networks that have names with the weights, before memory is taken for them."""
    width = attributes["width"]
    if (n_components := parameters.get("n_components")) not in (None, width):
        raise ValueError(
            f"{stored.path} has codes of {width} features, and n_components={n_components!r}. "
            f"Give n_components={width}, or fit a new estimator."
        )
    with torch.device("meta"):
        if isinstance(parameters["encoder"], str):
            try:
                encoder = named_encoder(
                    parameters["encoder"], images.shape, parameters["pretrained"], download=False
                )
            except ValueError as error:
                # some networks compute with weights while they are built, which have no values here
                if isinstance(error.__cause__, RuntimeError):
                    return
                raise
            check_part("encoder.1.", encoder, parameters, stored)
        if isinstance(parameters.get("projection_head"), str):
            size = int(parameters["projection_dim"])
            head = build_head(parameters["projection_head"], width, size)
            check_part("head.", head, parameters, stored)
        if isinstance(parameters.get("decoder"), str):
            shape = images.shape[:1] if images.any_values else images.shape
            decoder = build_decoder(parameters["decoder"], width, shape)
            check_part("decoder.0.", decoder, parameters, stored)


def check_part(
    prefix: str, part: nn.Module, parameters: Mapping[str, Any], stored: StoredFit
) -> None:
    """Raise ValueError unless the weights that begin with the prefix are those of this part."""
    shapes = {f"{prefix}{name}": value.shape for name, value in part.state_dict().items()}
    arrays = {name: each for name, each in stored.arrays.items() if name.startswith(prefix)}
    check_arrays(replace(stored, arrays=arrays), shapes, _hint(parameters, stored))


def _load_weights(network, parameters, stored):
    """Load the weights of encoder and head into a network; ValueError unless they are its own."""
    state = {
        name: value
        for name, value in network.state_dict().items()
        if name.partition(".")[0] in _parts(network)
    }
    shapes = {name: value.shape for name, value in state.items()}
    check_arrays(stored, shapes, _hint(parameters, stored))
    weights = {name: torch.tensor(array) for name, array in stored.arrays.items()}
    for name, value in weights.items():
        if value.dtype != state[name].dtype:
            raise unusable(stored.path, f"{name} is {value.dtype}, not {state[name].dtype}")
    loss = {name: value for name, value in network.state_dict().items() if name not in state}
    network.load_state_dict(weights | loss)


def _warn_of_other_code(network, samples, stored, attributes):
    """Warn if the network with these weights has another output than when it was saved."""
    before, now = np.array(attributes["probe"]), np.array(probe_of(network, samples.shape))
    # float32 on another processor differs by much less, other code by much more
    if before.shape != now.shape or np.abs(before - now).max() > 0.01 * np.abs(before).max():
        warn(
            f"The network of {stored.path} has another output for a test sample than when it was "
            "saved. Its code is another one: pass the module that was trained, or install the "
            f"versions that it was saved with, {stored.description.get('versions')!s:.200}."
        )


def _hint(parameters, stored):
    """Sentence about the cause of weights that do not fit."""
    versions = stored.description.get("versions")
    written = str(versions.get("timm"))[:20] if isinstance(versions, dict) else "unknown"
    names = ("encoder", *(name for name in _OF_OTHER_PARTS if name in parameters))
    described = ", ".join(
        f"{name}={_short(parameters[name])}" for name in names if name not in _SIZES
    )
    return f"They must be those of {described}; the file was written with timm {written}."


def _short(value):
    return repr(value) if isinstance(value, str) else f"a {type(value).__name__}"
