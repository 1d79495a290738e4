"""Encoders of timm by name, with new weights, timm's pretrained ones, or those in a file."""

import difflib
import os
from typing import Any

import torch
from torch import nn

from ..._install import needs
from .narrow_resnet import convolution
from .normalization import normalization_of_config
from .pretrained_file import check_all_loaded, weights_in_file

__all__ = ["SMALL_SIDE", "no_weights", "timm_encoder"]

# images with a shorter side are too small for the usual stem, which divides the sides by four
SMALL_SIDE = 64


def timm_encoder(
    name: str,
    shape: tuple[int, int, int],
    pretrained: bool | str | os.PathLike[str],
    *,
    download: bool = True,
) -> nn.Module:
    """Network of timm for images of this shape, with a small stem for small images.

    Parameters
    ----------
    name : str
        Name of the network.
    shape : tuple (c, h, w)
        Channels, height and width of the images.
    pretrained : bool, str or os.PathLike
        Whether to load timm's weights, or the file of other weights of this network.
    download : bool, default=True
        False leaves the network with random weights, for weights that are loaded later.

    Returns
    -------
    nn.Module
        Its attribute `input_normalization` is that of pretrained weights, if there are any.
    """
    timm = _timm(name)
    if not timm.is_model(name):
        names = ["resnet_narrow", *timm.list_models()]
        closest = ", ".join(map(repr, difflib.get_close_matches(name, names, n=3, cutoff=0)))
        raise ValueError(
            f"encoder={name!r} is not known. The closest names are {closest}; 'resnet18' is the "
            "usual choice, 'resnet_narrow' suits a CPU, and timm.list_models() lists all others."
        )
    options: dict[str, Any] = {"in_chans": shape[0], "num_classes": 0}
    if not download:
        module = _built(timm, name, shape, options)
    elif isinstance(pretrained, str | os.PathLike):
        module = _with_file(timm, name, shape, options, pretrained)
    else:
        if pretrained and not timm.is_model_pretrained(name):
            raise no_weights(name)
        module = _built(timm, name, shape, options | {"pretrained": bool(pretrained)})
    if pretrained:
        module.input_normalization = normalization_of_config(module.pretrained_cfg, shape[0])
    elif isinstance(module, timm.models.ResNet) and min(shape[1:]) < SMALL_SIDE:
        module.conv1 = convolution(shape[0], module.bn1.num_features)
        module.maxpool = nn.Identity()
    return module


def _built(timm, name, shape, options):
    """Network of timm; errors of its many families as one ValueError."""
    try:
        module = _create(timm, name, shape, options)
        _check_patches(timm, module, shape)
    except OSError as error:
        raise ValueError(
            f"The pretrained weights of encoder={name!r} could not be downloaded, and are not in "
            "the cache. Connect to the network, give their file as pretrained, or set "
            "pretrained=False."
        ) from error
    except Exception as error:  # each family of networks raises other errors
        raise ValueError(
            f"encoder={name!r} cannot be built for images of shape {tuple(shape)}: {error} "
            "Resize the images, or choose another encoder."
        ) from error
    return module


def _with_file(timm, name, shape, options, path):
    """Network of timm with the weights of a file."""
    weights = weights_in_file(path)
    # an error about the shape of the images comes first, and is not one about the file
    with torch.random.fork_rng(devices=[]):
        _built(timm, name, shape, options)

    def build():
        # a copy, from which timm removes the classifier
        source = {"state_dict": dict(weights), "source": ""}
        loaded = options | {"pretrained": True, "pretrained_cfg_overlay": source}
        return _create(timm, name, shape, loaded)

    try:
        module = build()
    except Exception as error:  # each family of networks raises other errors
        reason = " ".join(str(error).split())
        raise ValueError(
            f"pretrained={os.fsdecode(path)!r} does not fit encoder={name!r}: {reason}"
        ) from error
    check_all_loaded(module, build, path, name)
    return module


def _create(timm, name, shape, options):
    """Network of timm, with the size of the images if its constructor has this argument."""
    try:
        return timm.create_model(name, img_size=tuple(shape[1:]), **options)
    except TypeError as error:
        if "img_size" not in str(error):
            raise
    return timm.create_model(name, **options)


def _check_patches(timm, module, shape):
    """Raise ValueError if patches do not tile the images: timm would drop the rest silently."""
    embed = getattr(module, "patch_embed", None)
    if isinstance(embed, timm.layers.PatchEmbed):
        height, width = embed.patch_size
        if shape[1] % height or shape[2] % width:
            raise ValueError(f"its patches of {height} x {width} pixels do not tile them.")


def _timm(name):
    """The module timm; ImportError with the install command if it is missing."""
    try:
        import timm
    except ImportError as error:
        raise ImportError(needs(f"encoder={name!r}", "timm", "timm")) from error
    return timm


def no_weights(name: str) -> ValueError:
    """The error that an encoder has no pretrained weights."""
    choice = "Set pretrained=False, or choose from timm.list_models(pretrained=True)."
    return ValueError(f"encoder={name!r} has no pretrained weights. {choice}")
