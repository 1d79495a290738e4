"""Encoders: a name, a module or a factory becomes a module that maps images to rows."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .narrow_resnet import convolution, narrow_resnet

__all__ = [
    "Normalization",
    "build_encoder",
    "encoder_normalization",
    "encoder_width",
    "try_out",
]

# sides shorter than this many pixels do not bear the usual stem, which divides them by four
SMALL_SIDE = 64


class Normalization(NamedTuple):
    """What pretrained weights expect: (image - mean) / std, per channel of images in [0, 1]."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def build_encoder(
    encoder: str | nn.Module | Callable[[], nn.Module],
    shape: tuple[int, int, int],
    *,
    pretrained: bool = False,
) -> nn.Module:
    """Module that maps images to representations, tried out on two of them.

    Parameters
    ----------
    encoder : str, nn.Module or callable
        - str: "resnet_narrow", see `narrow_resnet`, or a name of `timm.list_models()`. Where the
          shorter side is below 64 pixels, a residual network (timm's class ResNet, with ResNeXt
          and others) starts with a 3x3 convolution of stride 1 and no max-pooling [1]_.
        - nn.Module: a copy of it, weights included; the module itself is never trained.
        - callable without arguments, such as a class: what it returns.
    shape : tuple (c, h, w)
        Channels, height and width of the images.
    pretrained : bool, default=False
        Whether to load timm's weights. They fit the usual stem, which is then kept: resize small
        images, to 224 pixels for most of the names, and see `encoder_normalization`.

    Returns
    -------
    nn.Module
        Maps float images (n, c, h, w), normalised, to representations (n, width). New weights come
        from PyTorch's global generator, which the caller seeds.

    Raises
    ------
    ValueError
        If the name is unknown, there are no pretrained weights or they cannot be had, or the
        module does not map such images to rows of finite numbers.
    TypeError
        If it is none of these, or a callable returns no module.
    ImportError
        If the name is timm's and timm is not installed.

    References
    ----------
    .. [1] Chen, Kornblith, Norouzi and Hinton (2020), "A Simple Framework for Contrastive Learning
       of Visual Representations", ICML, appendix B.9.

    Examples
    --------
    >>> import torch
    >>> from sklearn_contrastive.deep._networks.encoders import build_encoder
    >>> encoder = build_encoder("resnet_narrow", (1, 28, 28))
    >>> encoder(torch.zeros(5, 1, 28, 28)).shape
    torch.Size([5, 128])
    """
    if pretrained and not isinstance(encoder, str):
        raise ValueError(
            "pretrained=True is for encoders by name; a module or a factory brings its own weights."
        )
    if isinstance(encoder, str):
        module = _named_encoder(encoder, shape, pretrained)
    elif isinstance(encoder, nn.Module):
        module = copy.deepcopy(encoder)
    elif callable(encoder):
        module = encoder()
    else:
        raise TypeError(
            f"encoder={encoder!r} is none of: a name, a torch.nn.Module, a callable that makes one."
        )
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"The factory encoder={encoder!r} returned {type(module).__name__}; it must return a "
            "torch.nn.Module."
        )
    module.float()  # whatever PyTorch's default was when it was made
    encoder_width(module, shape)
    return module


def encoder_width(module: nn.Module, shape: tuple[int, int, int]) -> int:
    """Number of features of the representations that a module makes of images of shape (c, h, w).

    Raises ValueError if it cannot take them, or does not map them to rows of finite numbers.
    """
    return try_out(
        module,
        shape,
        role="encoder",
        takes="The channels must be those of the images, and some networks need larger images.",
        makes="Add a pooling layer and nn.Flatten() at its end.",
    )


def encoder_normalization(module: nn.Module) -> Normalization | None:
    """Normalisation of the images that an encoder's pretrained weights expect.

    Parameters
    ----------
    module : nn.Module
        From `build_encoder`.

    Returns
    -------
    Normalization or None
        Means and standard deviations, one for each channel of the encoder; None if `build_encoder`
        loaded no pretrained weights into it.
    """
    normalization = getattr(module, "input_normalization", None)
    return normalization if isinstance(normalization, Normalization) else None


def try_out(module: nn.Module, shape: tuple[int, ...], *, role: str, takes: str, makes: str) -> int:
    """Width of the rows that a module makes of two samples; its state stays as it is.

    Lazy weights are made. `shape` is that of a sample. For error messages, `role` says what the
    module is, `takes` and `makes` what to look at where it fails and where it makes no rows.
    Raises ValueError in these cases, and where the rows are not finite.
    """
    # on the CPU, in float32, whatever PyTorch's defaults are, and without its global generator
    samples = torch.empty(2, *shape, dtype=torch.float32, device="cpu")
    samples.normal_(generator=torch.Generator().manual_seed(0))
    device = next((weight.device for weight in module.parameters()), samples.device)
    try:
        with _evaluation(module):
            output = module(samples.to(device))
    except Exception as error:  # whatever a module of the user's raises
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(
            f"The {role} cannot take samples of shape {tuple(shape)}: {reason.rstrip('.')}. {takes}"
        ) from error
    if not isinstance(output, Tensor):
        raise ValueError(f"The {role} returned {type(output).__name__}; it must return a Tensor.")
    if output.ndim != 2 or len(output) != 2 or output.shape[1] == 0:
        raise ValueError(
            f"The {role} made an output of shape {tuple(output.shape)} of 2 samples of shape "
            f"{tuple(shape)}; it must have shape (2, width). {makes}"
        )
    if not output.isfinite().all():
        raise ValueError(f"The {role} made values that are not finite; look at its weights.")
    return output.shape[1]


@contextmanager
def _evaluation(module: nn.Module) -> Iterator[None]:
    """Without gradients, dropout and new running statistics; each part's mode is put back."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for part, training in modes:
            part.training = training


def _named_encoder(name, shape, pretrained):
    """Our own network, or timm's."""
    if name != "resnet_narrow":
        return _timm_encoder(_timm(name), name, shape, pretrained)
    if pretrained:
        raise _no_weights(name)
    return narrow_resnet(shape[0], stem_stride=_narrow_stride(min(shape[1:])))


def _narrow_stride(side):
    """Stride of the stem: a CPU has no time for 28 x 28 places, and digits have none to lose."""
    return 1 if side < 24 else 2 if side < SMALL_SIDE else 4


def _timm_encoder(timm: ModuleType, name, shape, pretrained):
    """timm's network for images of this shape, with a small stem for small ones."""
    if not timm.is_model(name):
        names = ["resnet_narrow", *timm.list_models()]
        closest = ", ".join(map(repr, difflib.get_close_matches(name, names, n=3, cutoff=0)))
        raise ValueError(
            f"encoder={name!r} is not known. The closest names are {closest}; 'resnet18' is the "
            "usual choice, timm.list_models() has them all, and 'resnet_narrow' suits a CPU."
        )
    if pretrained and not timm.is_model_pretrained(name):
        raise _no_weights(name)
    try:
        module = _create(timm, name, shape, pretrained)
        _check_patches(timm, module, shape)
    except OSError as error:
        raise ValueError(
            f"The pretrained weights of encoder={name!r} could not be downloaded, and are not in "
            "the cache. Connect to the network, or set pretrained=False."
        ) from error
    except Exception as error:  # each family of networks fails in its own way
        raise ValueError(
            f"encoder={name!r} cannot be built for images of shape {tuple(shape)}: {error} "
            "Resize the images, or choose another encoder."
        ) from error
    if pretrained:
        module.input_normalization = _normalization(module.pretrained_cfg, shape[0])
    elif isinstance(module, timm.models.ResNet) and _is_small(shape):
        module.conv1 = convolution(shape[0], module.bn1.num_features)
        module.maxpool = nn.Identity()
    return module


def _create(timm: ModuleType, name, shape, pretrained):
    """timm's network, told the size of the images if that is its kind."""
    options = {"pretrained": pretrained, "in_chans": shape[0], "num_classes": 0}
    try:
        return timm.create_model(name, img_size=tuple(shape[1:]), **options)
    except TypeError as error:
        if "img_size" not in str(error):
            raise
    return timm.create_model(name, **options)


def _check_patches(timm, module, shape):
    """Refuse images that patches do not tile: timm would leave the rest of them out, unsaid."""
    embed = getattr(module, "patch_embed", None)
    if isinstance(embed, timm.layers.PatchEmbed):
        height, width = embed.patch_size
        if shape[1] % height or shape[2] % width:
            raise ValueError(f"its patches of {height} x {width} pixels do not tile them.")


def _normalization(config, n_channels):
    """Normalisation for the channels that timm made of the first convolution's three."""

    def per_channel(values):
        # timm sums the weights of the three for one channel, and repeats them for others
        if n_channels == 1:
            return (sum(values) / len(values),)
        return tuple(values[channel % len(values)] for channel in range(n_channels))

    return Normalization(per_channel(config["mean"]), per_channel(config["std"]))


def _timm(name):
    """The module timm, or what to install."""
    try:
        import timm
    except ImportError as error:
        message = f'encoder={name!r} needs timm: pip install "sklearn-contrastive[deep]"'
        raise ImportError(message) from error
    return timm


def _no_weights(name):
    choice = "Set pretrained=False, or choose from timm.list_models(pretrained=True)."
    return ValueError(f"encoder={name!r} has no pretrained weights. {choice}")


def _is_small(shape):
    return min(shape[1:]) < SMALL_SIDE
